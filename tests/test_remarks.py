"""What customers say of what: told by sentence in their language, kept by a reader, counted with its doubt, quoted."""

import pytest

from harness.desk import StoryDesk
from parley.ai import remarks as told
from parley.ai.lexicon import read as lexicon
from parley.ai.mood_words import LANGUAGES
from parley.core import events as e
from parley.services import remarks, surveys
from parley.services.inbox import SYSTEM, Viewer


def said(text: str) -> list[tuple[str, int]]:
    return [(one.aspect, one.polarity) for one in told.read([text])[0]]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("The delivery took three weeks but the driver was kind.", [("delivery", 0), ("people", 1)]),
        ("Die Lieferung kam zu spät, aber der Fahrer war sehr freundlich.", [("delivery", -1), ("people", 1)]),
        ("El paquete no ha llegado y nadie responde.", [("delivery", -1), ("waiting", -1)]),
        ("La livraison était rapide mais le produit est cassé.", [("delivery", 1), ("quality", -1)]),
        ("De levering was snel, maar het product is kapot.", [("delivery", 1), ("quality", -1)]),
        ("Il pacco non è arrivato e nessuno risponde.", [("delivery", -1), ("waiting", -1)]),
        ("A entrega foi rápida mas o produto está partido.", [("delivery", 1), ("quality", -1)]),
        ("Where is my parcel?", [("delivery", 0)]),
        ("The price is not bad at all.", [("price", 1)]),
        ("I am very disappointed!", [("general", -1)]),
        ("My number is 1182.", []),
        ("Will the jacket be too small for me?", [("fit", 0)]),
        ("The boots are too small.", [("fit", -1)]),
        ("Is the parcel lost?", [("delivery", -1)]),
        ("Guten Tag, vielen Dank und beste Grüße", []),
        ("Best wishes, and thank you.", []),
    ],
)
def test_sentences_are_told_in_their_language(text: str, meant: list[tuple[str, int]]) -> None:
    assert said(text) == meant


def test_how_bad_it_is() -> None:
    weak, clear, worse = (
        told.read([text])[0][0].strength
        for text in ("The price is not great.", "The box was damaged.", "The delivery was a complete disaster!")
    )
    assert weak <= clear < worse == told.STRONG


def test_places_are_those_of_the_sentences() -> None:
    text = "Hello!\nThe parcel is late. The staff were very helpful, thank you."
    assert [text[one.start : one.end] for one in told.read([text])[0]] == [
        "The parcel is late.", "The staff were very helpful, thank you."
    ]  # fmt: skip


def test_every_aspect_and_mood_has_words_in_every_language() -> None:
    found = lexicon("remarks")
    for name, entries in found.items():
        if name.startswith("about-"):
            assert set(entries) == set(LANGUAGES), name
    assert {f"mood-{one}" for one in LANGUAGES} <= set(found)
    assert len({frozenset(entries) for name, entries in found.items() if name.startswith("mood-")}) == 1


# ── at the desk ─────────────────────────────────────────────────────────────────────────────


def seen(desk: StoryDesk, who: Viewer = SYSTEM) -> dict[str, remarks.Aspect]:
    return {one.aspect: one for one in desk.record.ask(remarks.overview, who, desk.clock.now).aspects}


def listened(desk: StoryDesk) -> None:
    """A week in which deliveries go wrong, after seven in which hardly anything does."""
    for n in range(28):
        text = "The delivery is late." if n % 10 == 0 else "The staff were friendly. Where is my parcel?"
        desk.visitor(f"calm-{n}").says(text, settle=False)
        desk.later(hours=42)
    for n in range(12):
        desk.visitor(f"cross-{n}").says(
            f"My parcel has not arrived. I am kim{n}@example.org, a disaster!", settle=False
        )
        desk.later(hours=2)
    desk.settle()


def test_complaints_are_counted_by_conversation_and_their_rise_is_no_noise(desk: StoryDesk) -> None:
    listened(desk)
    desk.visitor("twice").says("The parcel is late. The driver is rude, the delivery is slow.")
    found = seen(desk)
    delivery = found["delivery"]
    assert delivery.n == 28 + 12 + 1, "however often it is said, a conversation counts once"
    assert delivery.negative == 3 + 12 + 1
    assert delivery.weeks[-1].negative == 12 + 1
    assert delivery.change.clear
    assert delivery.change.value is not None
    assert delivery.change.value > 0
    assert not found["people"].change.clear or (found["people"].change.value or 0) < 0
    assert found["people"].positive == 25
    desk.rebuilds()


def test_every_figure_leads_to_its_quotes(desk: StoryDesk) -> None:
    listened(desk)
    found = desk.record.ask(remarks.quotes, SYSTEM, "delivery", now=desk.clock.now, polarity=-1)
    assert len(found.quotes) == 15
    assert found.quotes[0].at > found.quotes[-1].at
    assert found.quotes[0].text == "My parcel has not arrived."
    general = desk.record.ask(remarks.quotes, SYSTEM, "general", now=desk.clock.now, polarity=-1)
    assert all("@" not in one.text and "[address]" in one.text for one in general.quotes)
    newest = desk.record.ask(remarks.quotes, SYSTEM, "delivery", now=desk.clock.now, polarity=-1, week=0)
    assert len(newest.quotes) == 12
    first = desk.record.ask(remarks.quotes, SYSTEM, "delivery", now=desk.clock.now, most=30)
    rest = desk.record.ask(remarks.quotes, SYSTEM, "delivery", now=desk.clock.now, most=30, before=first.before)
    assert len({one.message for one in (*first.quotes, *rest.quotes)}) == 40
    talk = found.quotes[0].conversation
    assert "delivery" in desk.record.ask(remarks.of_conversations, [talk])[talk]


def test_another_brands_matters_are_not_told(desk: StoryDesk) -> None:
    listened(desk)
    stranger = Viewer(role="lead", brands=(999,))
    assert seen(desk, stranger) == {}
    assert desk.record.ask(remarks.quotes, stranger, "delivery", now=desk.clock.now).quotes == ()


def test_words_said_to_a_survey_are_heard_and_old_ones_are_left_alone(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Where is it?")
    desk.agent("ana").replies("Here.")
    desk.agent("ana").closes()
    desk.later(minutes=31)
    talk = desk.conversations()[0]
    survey = desk.record.ask(surveys.of_conversation, talk.id).id
    rate = (survey, 2, "console", f"person/{talk.person}", "The driver was rude, the parcel late.")
    desk.change(lambda tx: surveys.rate(tx, *rate))
    desk.settle()
    assert {"delivery", "people"} <= set(seen(desk))
    (quote,) = desk.record.ask(remarks.quotes, SYSTEM, "people", now=desk.clock.now).quotes
    assert (quote.conversation, quote.polarity) == (talk.id, -1)
    desk.clock.advance(days=7 * remarks.WEEKS + 1)
    assert seen(desk) == {}


def test_words_that_are_gone_are_no_quote_and_new_words_are_heard_anew(desk: StoryDesk) -> None:
    desk.visitor("kim").says("The parcel is damaged.")
    lee = desk.visitor("lee").says("The price is fair.", id="l")
    (kim,) = desk.record.ask(remarks.quotes, SYSTEM, "quality", now=desk.clock.now).quotes
    assert seen(desk)["price"].positive == 1
    desk.erases(kim.message, kim.conversation)
    assert desk.record.ask(remarks.quotes, SYSTEM, "quality", now=desk.clock.now).quotes == ()
    assert seen(desk)["quality"].n == 1, "that it was said stays in the figures"
    lee.says("The website crashed.", id="e", edits="l")
    assert "price" not in seen(desk)
    assert seen(desk)["website"].negative == 1
    desk.rebuilds()


def test_what_a_machine_wrote_is_not_heard() -> None:
    event = e.MessageReceived(message=1, person=1, identity=1, inbox=1, channel="console", automatic="auto-reply")
    from parley.services.remarks import _heard

    class Recorded:
        def __init__(self) -> None:
            self.event, self.subject_id = event, 1

    assert _heard(Recorded()) is None  # type: ignore[arg-type]
