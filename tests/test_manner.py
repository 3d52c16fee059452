"""Words that a brand does not say: how they are found, and refused of people (the bot: test_bot_stories.py)."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.desk import StoryDesk
from parley.core import events as e
from parley.core.errors import Refused
from parley.core.manner import found, mended, terms_of, told, written
from parley.log.record import Tx
from parley.services import setup

TERMS = terms_of(
    "cheap -> good value\nguarantee\nfree  of charge → without extra cost\nfree\nCheap -> twice\n\n -> nothing"
)


def test_terms_are_read_as_they_are_typed() -> None:
    assert [(one.avoid, one.say) for one in TERMS] == [
        ("cheap", "good value"), ("guarantee", ""), ("free of charge", "without extra cost"), ("free", ""),
    ]  # fmt: skip
    assert terms_of(written(TERMS)) == TERMS


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("It is cheap.", ["cheap"]),
        ("CHEAP and Cheap!", ["CHEAP", "Cheap"]),
        ("cheaper, freedom, guaranteed", []),
        ("It comes free\nof  charge", ["free\nof  charge"]),
        ("Look at https://shop.example/cheap or ask cheap@shop.example", []),
        ("nothing", []),
    ],
)
def test_only_whole_words_outside_addresses_are_found(text: str, hits: list[str]) -> None:
    assert [words for words, _ in found(text, TERMS)] == hits


def test_other_words_take_their_place_with_a_capital_where_one_stood() -> None:
    assert (
        mended("Cheap, and free of charge. A guarantee.", TERMS) == "Good value, and without extra cost. A guarantee."
    )
    assert "“guarantee”" in told(found("a guarantee", TERMS), "Larkspur")
    assert "say “good value”" in told(found("cheap", TERMS), "Larkspur")


@given(st.text(max_size=200))
def test_what_has_other_words_is_gone_once_they_took_its_place(text: str) -> None:
    left = found(mended(text + " cheap", TERMS), TERMS)
    assert all(not term.say for _, term in left)
    assert mended(text, ()) == text


def minding(desk: StoryDesk, lines: str) -> None:
    def keep(tx: Tx) -> None:
        look = setup.all_brands(tx.conn)[desk.brand].look
        setup.change_brand(tx, desk.brand, "Larkspur", msgspec.structs.replace(look, terms=terms_of(lines)))

    desk.change(keep)


def test_an_answer_with_such_a_word_is_sent_back_and_a_note_is_not(desk: StoryDesk) -> None:
    minding(desk, "cheap -> good value")
    desk.visitor("kim").says("Is it a cheap tent?")
    ana = desk.agent("ana")
    with pytest.raises(Refused, match="Larkspur does not say “cheap” \\(say “good value”\\)"):
        ana.replies("It is cheap.")
    ana.notes("They think it is cheap.")
    ana.replies("It is good value.")
    assert [r.event.preview for r in desk.events(e.ReplyWritten)] == ["It is good value."]  # type: ignore[union-attr]
