"""How a brand sounds: what each rule finds in samples of our own, what is mended, and what may be said."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.desk import StoryDesk
from harness.web import WebDesk
from parley.core import events as e
from parley.core.address import LANGUAGES
from parley.core.errors import Refused
from parley.core.tone import RULES, WARN, About, Slip, Tone, mended, slips, told
from parley.log.record import Tx
from parley.services import setup

SAMPLES = Path(__file__).parent / "tone"
LEAST = 60


def samples(rule: str) -> list[tuple[str, str, str]]:
    """Language, setting and text of each."""
    lines = (SAMPLES / f"{rule}.txt").read_text("utf-8").splitlines()
    parts = [line.partition(" | ") for line in lines if line and not line.startswith("#")]
    return [(*head.split(), text.replace("\\n", "\n")) for head, _, text in parts]  # type: ignore[misc]


def looked(rule: str, language: str, setting: str, text: str) -> list[Slip]:
    tone = Tone(
        rules={rule: WARN},
        address={language: setting},
        exclamations=int(setting) if setting.isdigit() else 0,
        words=int(setting) if setting.isdigit() else 30,
    )
    return slips(text, tone, About(language=language, first=True, letter=True, name="Kim", closing="Bye\nAna"))


def wanted(text: str) -> tuple[str, list[tuple[int, int, str | None]]]:
    """The bare text and the marked places, with what is put there where that is told."""
    places, bare = [], ""
    for part in re.split(r"(\[\[.*?\]\])", text, flags=re.DOTALL):
        if part.startswith("[["):
            words, told, mend = part[2:-2].partition("=")
            places.append((len(bare), len(bare) + len(words), (mend or None) if told else None))
            bare += words
        else:
            bare += part
    return bare, places


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in ("greeting", "sign_off")])
def test_the_places_are_those_that_are_marked(rule: str) -> None:
    """No place that is not marked is found, and none is passed over."""
    all_of = samples(rule)
    assert len(all_of) >= LEAST
    wrong = []
    for language, setting, text in all_of:
        bare, places = wanted(text)
        found = [(s.start, s.end) for s in looked(rule, language, setting, bare)]
        if found != [(a, b) for a, b, _ in places]:
            wrong.append((text, [bare[a:b] for a, b in found]))
    assert wrong == []


@pytest.mark.parametrize("rule", ["greeting", "sign_off"])
def test_what_an_answer_lacks_is_found(rule: str) -> None:
    all_of = samples(rule)
    assert len(all_of) >= LEAST
    wrong = [text for language, there, text in all_of if bool(looked(rule, language, "", text)) != (there == "-")]
    assert wrong == []


def test_contractions_are_written_out_where_that_is_sure() -> None:
    for language, setting, text in samples("contractions"):
        bare, places = wanted(text)
        assert [s.mend for s in looked("contractions", language, setting, bare)] == [mend for _, _, mend in places], (
            text
        )


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("It is back 🎉 today!", "It is back today."),
        ("Hello Kim!\n\nDon't worry :-)", "Hello Kim,\n\nDo not worry"),
        ("Really?! It's been sent!!", "Really? It has been sent."),
        ("We'd like that.", "We'd like that."),
    ],
)
def test_what_is_safe_is_mended_and_the_rest_stays(text: str, becomes: str) -> None:
    tone = Tone(rules=dict.fromkeys(("emoji", "exclamation", "contractions"), WARN))
    assert mended(text, slips(text, tone, About())) == becomes


def test_a_greeting_and_an_end_are_put_where_they_lack() -> None:
    tone = Tone(rules={"greeting": WARN, "sign_off": WARN})
    about = About(first=True, letter=True, name="Kim", closing="Kind regards\nAna")
    text = mended("It is there.\n", slips("It is there.\n", tone, about))
    assert text == "Hello Kim,\n\nIt is there.\n\nKind regards\nAna"
    assert slips(text, tone, about) == []
    assert slips("It is there.", tone, msgspec.structs.replace(about, machine=True)) == []


@given(st.text(max_size=300), st.sampled_from(["en", *LANGUAGES]))
def test_any_text_is_looked_at_and_mending_it_leaves_less(text: str, language: str) -> None:
    tone = Tone(rules=dict.fromkeys(RULES, WARN), address=dict.fromkeys(LANGUAGES, "formal"), exclamations=0, words=8)
    about = About(language=language, first=True, letter=True, name="Kim", closing="Kind regards\nAna")
    found = slips(text, tone, about)
    assert all(0 <= s.start <= s.end <= len(text) and told(s) for s in found)
    ends = [(s.start, s.end) for s in found if s.mend is not None and s.rule != "sign_off"]
    assert all(a[1] <= b[0] for a, b in pairwise(ends)), "mends lie apart"
    again = slips(mended(text, found), tone, about)
    assert sum(s.mend is not None for s in again) <= sum(s.mend is not None for s in found)


# ── in the desk ─────────────────────────────────────────────────────────────────────────────


def sounding(desk: StoryDesk, **tone: Any) -> None:
    def keep(tx: Tx) -> None:
        look = setup.all_brands(tx.conn)[desk.brand].look
        setup.change_brand(tx, desk.brand, "Larkspur", msgspec.structs.replace(look, tone=Tone(**tone)))

    desk.change(keep)


def answers(desk: StoryDesk) -> list[str]:
    return [r.event.preview for r in desk.events(e.ReplyWritten)]  # type: ignore[union-attr]


def test_what_the_brand_refuses_is_sent_back_and_what_warns_is_not(desk: StoryDesk) -> None:
    sounding(desk, rules={"address": "refuse", "emoji": "warn"}, address={"de": "formal"})
    desk.visitor("kim").says("Wo ist mein Paket? Ich warte schon eine Woche.")
    ana = desk.agent("ana")
    with pytest.raises(Refused, match=r"“dir” is too familiar.*kept"):
        ana.replies("Wir haben dir das Paket geschickt.")
    ana.notes("Kim duzt uns, wir haben dir nichts getan.")
    ana.replies("Wir haben Ihnen das Paket geschickt 📦")
    assert answers(desk) == ["Wir haben Ihnen das Paket geschickt 📦"]


def test_a_short_answer_is_read_in_the_customers_language(desk: StoryDesk) -> None:
    sounding(desk, rules={"address": "refuse"}, address={"de": "formal", "fr": "formal"})
    desk.visitor("kim").says("Wo ist mein Paket? Ich warte schon eine Woche auf die Schuhe.")
    with pytest.raises(Refused):
        desk.agent("ana").replies("Hast du Zeit?")


def test_a_greeting_is_asked_of_the_first_answer_alone(desk: StoryDesk) -> None:
    sounding(desk, rules={"greeting": "refuse"})
    desk.visitor("kim").says("Where is my parcel?")
    ana = desk.agent("ana")
    with pytest.raises(Refused, match="no greeting"):
        ana.replies("It is on its way.")
    ana.replies("Hello Kim, it is on its way.")
    ana.replies("It comes on Monday.")
    assert len(answers(desk)) == 2


def test_the_composer_is_told_where_and_how_it_is_mended(web: WebDesk) -> None:
    sounding(web.story, rules={"emoji": "warn", "exclamation": "refuse"})
    web.story.visitor("kim").says("Where is my parcel?", settle=False)
    ana = web.signed_in("ana")
    page = ana.get(f"/desk/conversations/{web.story.conversation.id}").text
    assert "data-sounds" in page
    told = ana.post(
        f"/desk/conversations/{web.story.conversation.id}/tone", data={"text": "🎉🎉 It is there!", "via": ""}
    ).json()
    assert told["mended"] == " It is there."
    emoji, mark = told["slips"]
    assert (emoji["start"], emoji["end"], emoji["refuses"]) == (0, 4, False), "a browser counts in UTF-16"
    assert (mark["sentence"], mark["words"], mark["refuses"]) == ("We write without exclamation marks.", "!", True)


def test_who_may_not_see_a_conversation_is_told_nothing_of_it(web: WebDesk) -> None:
    web.story.visitor("kim").says("Where is my parcel?", settle=False)
    assert web.signed_in("ana").post("/desk/conversations/4711/tone", data={"text": "Hi!"}).status_code == 404


def test_a_brand_chooses_in_the_settings(web: WebDesk) -> None:
    admin = web.signed_in("root", role="admin")
    page = admin.get("/desk/settings/brands").text
    assert "How we sound" in page
    form = {
        "name": "Larkspur", "tone_rule": ["address", "emoji", "sentence"], "tone_does": ["refuse", "", "warn"],
        "tone_language": ["de", "fr"], "tone_address": ["formal", ""], "exclamations": "1", "sentence_words": "24",
    }  # fmt: skip
    assert admin.post(f"/desk/settings/brands/{web.story.brand}", data=form).status_code == 303
    kept = web.story.record.ask(setup.all_brands)[web.story.brand].look.tone
    assert kept == Tone(
        rules={"address": "refuse", "sentence": "warn"}, address={"de": "formal"}, exclamations=1, words=24
    )
