"""Surveys: chosen by rule and lot, asked in the channel and answered there, with conditions and a limit."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from harness.desk import START, StoryDesk
from harness.web import serving
from parley.core import events as e
from parley.core.errors import Refused
from parley.core.language import LANGUAGES, language_of
from parley.core.opinions import effort_change
from parley.core.questionnaire import Condition, Ended, Question, Survey, checked, drawn, fitting, score_in, steps
from parley.core.survey_words import WORDING
from parley.services import figures, followups, inbox, setup, surveys
from parley.services.inbox import SYSTEM
from parley.services.numbers import Choice
from parley.web import rating_words, views
from parley.web.present import Lens
from parley.web.telling import Teller

NPS = Survey(
    key="nps",
    name="Would recommend",
    questions=(
        Question(key="again", measure="nps"),
        Question(key="why", measure="text", only_if=Condition(question="again", low=0, high=6)),
        Question(key="easy", measure="ces"),
    ),
)


def asked(desk: StoryDesk, survey: Survey, name: str = "kim", words: str = "Where is the parcel, please?") -> None:
    """A matter is closed, and the survey's first question goes out."""
    desk.change(lambda tx: surveys.keep(tx, survey))
    desk.change(lambda tx: setup.set_setting(tx, "surveys", setup.setting(tx.conn, "surveys")[-1:]))
    desk.visitor(name).says(words)
    desk.agent("ana").replies("On its way.")
    desk.agent("ana").closes()
    desk.later(minutes=31)


def answers(desk: StoryDesk) -> list[tuple[str, str, int]]:
    found: list[Any] = [r.event for r in desk.events(e.SurveyAnswered)]
    return [(event.question, event.measure, event.score) for event in found]


def test_a_survey_is_answered_in_the_channel_with_plain_words(desk: StoryDesk) -> None:
    asked(desk, NPS)
    assert desk.outbox[-1].text.startswith("How likely are you to recommend Larkspur")
    kim = desk.visitor("kim")
    kim.says("3")
    assert desk.outbox[-1].text == "What is the main reason for your answer?"
    kim.says("Nobody told me that it was late.")
    assert "made it easy" in desk.outbox[-1].text
    kim.says("2/7")
    assert answers(desk) == [("again", "nps", 3), ("why", "text", 0), ("easy", "ces", 2)]
    assert desk.conversation.status == "closed", "an answer to a survey reopens nothing"
    (task,) = desk.record.ask(followups.found, SYSTEM)
    assert (task.reason, task.quote) == ("3 of 10", "Nobody told me that it was late.")
    numbers = {n.key: n for n in desk.record.ask(figures.report, SYSTEM, Choice(), desk.clock.now).numbers}
    assert (numbers["nps"].n, numbers["nps"].value, numbers["ces"].value) == (1, -100.0, 2.0)
    low, high = numbers["nps"].low, numbers["nps"].high
    assert low is not None
    assert high is not None
    assert (round(low, 1), round(high, 1)) == (-98.5, 48.5), "one answer says little"
    assert (numbers["csat"].n, numbers["response_rate"].hits) == (0, 1)


def test_a_condition_that_does_not_hold_leaves_its_question_out(desk: StoryDesk) -> None:
    asked(desk, NPS)
    desk.visitor("kim").says("10!")
    assert "made it easy" in desk.outbox[-1].text
    assert desk.record.ask(followups.found, SYSTEM) == []


def test_what_is_no_answer_is_a_message(desk: StoryDesk) -> None:
    asked(desk, NPS)
    desk.visitor("kim").says("2 of them are broken")
    assert answers(desk) == []
    assert [state.status for state in desk.conversations()].count("open") == 1


def test_a_question_back_is_for_people_even_where_words_were_asked_for(desk: StoryDesk) -> None:
    asked(desk, NPS)
    desk.visitor("kim").says("0").says("Will you send it again?")
    assert answers(desk) == [("again", "nps", 0)]
    assert [state.status for state in desk.conversations()].count("open") == 1


def test_an_answer_too_late_is_a_message(desk: StoryDesk) -> None:
    asked(desk, NPS)
    desk.later(days=3)
    desk.visitor("kim").says("9")
    assert answers(desk) == []


def test_nobody_is_asked_too_often(desk: StoryDesk) -> None:
    asked(desk, NPS)
    asked(desk, NPS, words="And the second parcel?")
    assert [r.event.reason for r in desk.events(e.SurveyDropped)] == ["asked recently"]  # type: ignore[union-attr]


def test_nobody_who_mourns_is_asked_how_it_was(desk: StoryDesk) -> None:
    asked(desk, NPS, words="My husband passed away in May. Please take his name off your letters.")
    assert [r.event.reason for r in desk.events(e.SurveyDropped)] == ["a grave matter"]  # type: ignore[union-attr]
    assert [sent.text for sent in desk.outbox] == ["On its way."]


def test_customers_are_asked_in_their_language(desk: StoryDesk) -> None:
    asked(desk, NPS, words="Guten Tag, wo ist mein Paket? Ich warte nun schon die zweite Woche und es kommt nicht.")
    assert desk.outbox[-1].text.startswith("Wie wahrscheinlich ist es, dass Sie Larkspur")


def test_rules_choose_by_brand_channel_language_and_who_closed() -> None:
    rules = (
        Survey(key="a", name="a", questions=NPS.questions, brand=2),
        Survey(key="b", name="b", questions=NPS.questions, channel="mail", closed_by="bot"),
        Survey(key="c", name="c", questions=NPS.questions, language="de"),
        Survey(key="d", name="d", questions=NPS.questions, active=False),
    )
    at = Ended(conversation=1, brand=1, channel="mail", language="en", closed_by="people")
    cases = [({"brand": 2}, "a"), ({"closed_by": "bot"}, "b"), ({"language": "de"}, "c"), ({}, None)]
    for change, key in cases:
        found = fitting(rules, msgspec.structs.replace(at, **change))
        assert (found.key if found else None) == key


def test_the_lot_falls_on_the_share_and_always_the_same() -> None:
    picked = [n for n in range(10_000) if drawn("nps", n, 20)]
    assert 1_850 < len(picked) < 2_150
    assert picked == [n for n in range(10_000) if drawn("nps", n, 20)]
    assert not any(drawn("nps", n, 0) for n in range(500))
    assert all(drawn("nps", n, 100) for n in range(500))


@pytest.mark.parametrize(
    ("measure", "words", "score"),
    [
        ("csat", "4", 4), ("csat", " 5 very good ", 5), ("csat", "★★★", 3), ("csat", "4/5", 4), ("csat", "6", None),
        ("csat", "4/10", None), ("nps", "0", 0), ("nps", "10 certainly", 10), ("nps", "11", None), ("ces", "7.", 7),
        ("ces", "7 days late", None), ("nps", "my order is 9", None), ("text", "4", None), ("csat", "", None),
    ],
)  # fmt: skip
def test_scores_in_words(measure: str, words: str, score: int | None) -> None:
    assert score_in(measure, words) == score


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "}, {"questions": ()}, {"share": 101}, {"delay": -1.0}, {"closed_by": "nobody"},
        {"questions": (Question(key="x", measure="mood"),)},
        {"questions": (Question(key="x", measure="nps", only_if=Condition(question="y", low=0, high=1)),)},
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        checked(msgspec.structs.replace(NPS, **wrong))
    assert checked(NPS) == NPS


def test_languages() -> None:
    assert language_of("Where is my parcel? I have not got it") == "en"
    assert language_of("Wo ist mein Paket? Ich habe es noch nicht") == "de"
    assert language_of("¿Dónde está mi pedido? No lo he recibido y es para el lunes") == "es"
    assert language_of("Dov'è il mio ordine? Non è arrivato e ne ho bisogno per domani") == "it"
    assert language_of("Waar is mijn pakket? Het is nog niet aangekomen en ik heb het nodig") == "nl"
    assert language_of("Onde está o meu pedido? Não foi entregue e é para segunda") == "pt"
    assert language_of("Gdzie jest moja paczka? Nie mam jej od tygodnia i to jest dla mnie ważne") == "pl"
    assert language_of("Var är mitt paket? Jag har inte fått det och det är för en present") == "sv"
    assert language_of("Hvor er min pakke? Jeg har ikke fået den og det er en gave til min mor") == "da"
    assert language_of("Gracias por todo") == "es", "“por” is Portuguese too, and takes nothing from it"
    assert language_of("Necesito una factura por favor") == "es"
    assert language_of("thanks, no more questions") == "en"
    assert language_of("12345") == "en"


def test_a_change_of_effort_is_told_when_it_is_clear() -> None:
    assert effort_change([6, 7, 6, 7] * 10, [3, 4, 3, 4] * 10).clear
    assert not effort_change([6, 3, 5], [5, 4, 6]).clear
    assert effort_change([6], [5]).value is None


def test_a_question_waits_for_two_days(desk: StoryDesk) -> None:
    asked(desk, NPS)
    assert desk.record.ask(surveys.pending_of, [desk.conversation.person], desk.clock.now)
    assert not desk.record.ask(surveys.pending_of, [desk.conversation.person], START + timedelta(days=9))


def test_the_desk_shows_every_scale_as_it_is(desk: StoryDesk) -> None:
    """Seven of seven are no five stars."""
    asked(desk, NPS)
    desk.visitor("kim").says("9")
    desk.visitor("kim").says("7/7")
    state = desk.conversation
    with desk.record.reading() as conn:
        lens = Lens(conn, desk.desk.channels, desk.clock.now)
        turns = Teller(lens, state, inbox.history(conn, state.id), desk.desk.inboxes()).turns(
            inbox.history(conn, state.id)
        )
    rated = [turn for turn in turns if isinstance(turn, views.Rating)]
    assert [(turn.stars, turn.told) for turn in rated] == [(0, "Would recommend: 9 of 10"), (0, "Made it easy: 7 of 7")]


SOLVED = Survey(key="solved", name="Solved?", questions=(Question(key="", measure="solved"),))


def test_customers_say_whether_it_was_solved_at_first_contact(desk: StoryDesk) -> None:
    """By a word in the channel; a no asks for somebody to come back."""
    asked(desk, SOLVED)
    assert "solved the first time" in desk.words()[-1]
    desk.visitor("kim").says("Yes.")
    asked(desk, SOLVED, "lee", "Wo ist mein Paket? Ich habe es noch nicht und warte auf die Lampe")
    assert "gleich beim ersten Mal" in desk.words(desk.conversations()[0].id)[-1]
    desk.visitor("lee").says("nein")
    assert answers(desk) == [("", "solved", 1), ("", "solved", 0)]
    number = desk.record.ask(figures.report, SYSTEM, Choice(), desk.clock.now).number("said_solved")
    assert (number.hits, number.n) == (1, 2)
    assert [task.reason for task in desk.record.ask(followups.found, SYSTEM)] == ["not solved at first contact"]


# ── in the customer's language ──────────────────────────────────────────────────────────────

ASKS = {
    "en": "Where is my parcel? I have been waiting for it.", "de": "Wo ist mein Paket? Ich warte schon eine Woche.",
    "fr": "Où est mon colis ? Je ne l'ai pas reçu, merci.", "es": "¿Dónde está mi pedido? No lo he recibido, gracias.",
    "it": "Dove è il mio pacco? Non è arrivato, grazie.", "nl": "Waar is mijn pakket? Ik heb het nog niet.",
    "pt": "Onde está a minha encomenda? Não chegou, obrigado.", "pl": "Gdzie jest moja paczka? Nie mam jej jeszcze.",
    "sv": "Var är mitt paket? Jag har inte fått det.", "da": "Hvor er min pakke? Jeg har ikke fået den.",
}  # fmt: skip


@pytest.mark.parametrize("measure", ["csat", "nps", "ces", "solved"])
def test_every_language_has_its_own_words_and_reads_them_again(measure: str) -> None:
    for language in LANGUAGES:
        labels = steps(measure, language)
        assert [score for score, _ in labels] == [score for score, _ in steps(measure)]
        assert language == "en" or [x for _, x in labels] != [x for _, x in steps(measure)], (
            "not English under its name"
        )
        for score, label in labels:
            assert score_in(measure, label) == score, f"{language}: {label}"
        assert language in WORDING[measure]
    assert steps("csat", "tlh") == steps("csat")


def test_the_catalogues_of_the_rating_page_are_whole() -> None:
    assert set(rating_words.CATALOGUES) == set(LANGUAGES) - {"en"}
    for language, catalogue in rating_words.CATALOGUES.items():
        assert all(catalogue.values()), language
        assert len(set(catalogue.values())) == len(catalogue), "each sentence has words of its own"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_pressed_speaks_as_they_do(desk: StoryDesk, language: str) -> None:
    assert language_of(ASKS[language], "") == language
    desk.visitor("kim").says(ASKS[language])
    desk.agent("ana").closes()
    desk.later(minutes=31)
    assert [label for label, _ in desk.outbox[-1].choices] == [label for _, label in steps("csat", language)]


def test_the_page_speaks_as_they_do(tmp_path: Path) -> None:
    desk = StoryDesk(tmp_path)
    desk.visitor("kim").says(ASKS["fr"])
    desk.agent("ana").closes()
    desk.later(minutes=31)
    link = urlsplit(desk.outbox[-1].choices[-1][1])
    with serving(desk) as web, web.browser() as http:
        page = http.get(f"{link.path}?{link.query}").text
    assert '<html lang="fr"' in page
    for words in ("Comment nous jugez-vous", "très bien", "Envoyer", "Facultatif"):
        assert words in page
    assert "Optional" not in page
