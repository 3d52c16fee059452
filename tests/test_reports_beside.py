"""Reports on what lies beside conversations, and on what ended: those of before the period belong to somebody too."""

from typing import Any

import msgspec
import pytest

from harness.desk import START, StoryDesk
from parley.core.query import DONE, Filter, Query
from parley.services import costs, figures, reporting
from parley.services.inbox import SYSTEM
from parley.services.numbers import Choice
from test_monday import DAY, HOUR, Told, lived

NOW = START + 1 * HOUR
BEFORE, LATELY = START - 9 * DAY, START - 2 * DAY


@pytest.fixture
def desk_of_long_waits(desk: StoryDesk) -> StoryDesk:
    """Two began before the last seven days and were answered in them, as was one that began in them."""
    lived(desk, [
        Told(at=BEFORE, wait=5 * 24 * 60, tag="refund", rating=5),
        Told(at=BEFORE + HOUR, wait=6 * 24 * 60, by_mail=False, rating=2),
        Told(at=LATELY, wait=10, tag="refund", rating=4),
    ])  # fmt: skip
    desk.clock.now = NOW
    return desk


def rows(desk: StoryDesk, measure: str, **more: Any) -> dict[tuple[str, ...], int]:
    query = Query(measures=(measure,), period="7d", **more)
    found = desk.record.ask(reporting.report, SYSTEM, query, NOW).rows
    return {row.keys: row.numbers[0].n for row in found if row.numbers[0].n}


def day(at: Any) -> str:
    return f"{at:%Y-%m-%d}"


@pytest.mark.parametrize(("by", "wanted"), [
    ("agent", {("1",): 3}), ("handled", {("people",): 3}), ("topic", {("refund",): 2, ("",): 1}),
    ("channel", {("email",): 2, ("webchat",): 1}), ("team", {("",): 3}),
])  # fmt: skip
def test_surveys_go_by_their_conversation_even_if_it_began_before(
    desk_of_long_waits: StoryDesk, by: str, wanted: dict[tuple[str, ...], int]
) -> None:
    assert rows(desk_of_long_waits, "csat", by=(by,)) == wanted
    for (value,), n in wanted.items():
        narrowed = rows(desk_of_long_waits, "csat", by=("channel",), filters=(Filter(by, (value,)),))
        assert sum(narrowed.values()) == n, value


def test_surveys_stand_on_the_day_on_which_they_were_asked(desk_of_long_waits: StoryDesk) -> None:
    asked = {(day(at),): 1 for at in (BEFORE + 5 * DAY, BEFORE + 6 * DAY, LATELY)}
    assert rows(desk_of_long_waits, "response_rate", by=("day",)) == asked


def test_what_ended_stands_on_the_day_of_its_end(desk_of_long_waits: StoryDesk) -> None:
    ended = [BEFORE + 5 * DAY, BEFORE + HOUR + 6 * DAY, LATELY]
    assert rows(desk_of_long_waits, "resolution_median", by=("day",), counted=DONE) == {(day(at),): 1 for at in ended}
    assert rows(desk_of_long_waits, "resolution_median", by=("day",)) == {(day(LATELY),): 1}
    crossed = rows(desk_of_long_waits, "human_median", by=("weekday", "topic"), counted=DONE)
    topics = ("refund", "", "refund")
    assert crossed == {(str(at.weekday()), topic): 1 for at, topic in zip(ended, topics, strict=True)}
    for at in ended:
        only = rows(desk_of_long_waits, "human_median", by=("day",), counted=DONE,
                    filters=(Filter("weekday", (str(at.weekday()),)),))  # fmt: skip
        assert only == {(day(at),): 1}


def test_the_right_person_is_asked_for_like_any_clock(desk_of_long_waits: StoryDesk) -> None:
    assert rows(desk_of_long_waits, "right_median", by=("agent",), counted=DONE) == {("1",): 3}
    assert rows(desk_of_long_waits, "right_p90", by=("agent",)) == {("1",): 1}


def test_what_is_open_is_split_by_more_than_its_beginning(desk: StoryDesk) -> None:
    """Only who asks by agent, topic or language needs more than the first letters of each conversation."""
    desk.visitor("kim").says("Where is my parcel? It has not come and I would like to know when it will be there.")
    desk.agent("ana").replies("It comes today.")
    desk.visitor("max").says("Hello")
    desk.settle()
    now = desk.clock.now
    for by, wanted in (("agent", 2), ("language", 2), ("handled", 1), ("topic", 1), ("channel", 1), ("hour", 24)):
        query = Query(measures=("open", "open_age_median"), by=(by,))
        found = desk.record.ask(reporting.report, SYSTEM, query, now)
        assert len(found.rows) == wanted, by
        assert sum(row.numbers[0].n for row in found.rows) == found.totals[0].n == 2, by
        for row in found.rows:
            cases = desk.record.ask(reporting.cases, SYSTEM, query, "open", row.keys, now)
            assert len(cases) == (0 if row.numbers[0].few else row.numbers[0].n)
            assert all(case.running for case in cases)


def test_costs_are_split_like_on_the_numbers_page_and_carry_their_currency(desk_of_long_waits: StoryDesk) -> None:
    desk = desk_of_long_waits
    query = Query(measures=("cost",), by=("channel",))
    none = desk.record.ask(reporting.report, SYSTEM, query, NOW).totals[0]
    assert (none.n, none.value) == (0, None), "nobody said what an hour costs"
    desk.change(lambda tx: costs.keep(tx, costs.Costs(currency="EUR", hour=30, messages={"email": 0.5})))
    page = desk.record.ask(figures.report, SYSTEM, Choice(), NOW)
    for compare in (False, True):
        found = desk.record.ask(reporting.report, SYSTEM, msgspec.structs.replace(query, compare=compare), NOW)
        assert found.currency == page.currency == "EUR"
        assert found.totals[0].value == page.number("cost").value
        assert found.totals[0].n == 3
        cells = {row.keys[0]: row.numbers[0].value for row in found.rows}
        assert cells == {one.key: next(n.value for n in one.numbers if n.key == "cost") for one in page.channels}
    assert found.totals[0] == page.number("cost")
