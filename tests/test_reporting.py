"""Reports over the semantic layer: the numbers page's figures to the digit, every split, who may see what."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.desk import START, StoryDesk
from parley.core import events as e
from parley.core.errors import NotAllowed, Refused
from parley.core.measure import DEFINITIONS
from parley.core.query import DONE, Filter, Query
from parley.core.semantics import DIMENSIONS, MEASURES, PERIODS, check, stretch
from parley.log.record import Tx
from parley.services import figures, findings, reporting, setup
from parley.services.inbox import SYSTEM, Viewer
from parley.services.numbers import Choice
from parley.services.reporting import Found
from test_monday import BEGIN, DAY, HOUR, Told, lived

LEAD = Viewer(agent=999, role="lead", brands=None)
NOW = START + 1 * HOUR


def asked(desk: StoryDesk, *measures: str, who: Viewer = SYSTEM, **more: Any) -> Found:
    return desk.record.ask(reporting.report, who, Query(measures=measures, **more), NOW)


@pytest.fixture
def busy(desk: StoryDesk) -> StoryDesk:
    """Eight weeks of two channels, two tags, ratings."""
    lived(desk, [
        Told(
            at=BEGIN - 21 * DAY + number * 13 * HOUR, wait=3 + number % 11 * (4 if number % 3 else 1),
            tag=("refund", "delivery", "")[number % 3], by_mail=number % 2 == 0,
            rating=(None, 5, 2, 4)[number % 4],
        )
        for number in range(100)
    ])  # fmt: skip
    desk.clock.now = NOW
    return desk


# ── the same as the numbers page ────────────────────────────────────────────────────────────


def test_every_figure_of_the_numbers_page_is_a_measure_and_equals_it_to_the_digit(busy: StoryDesk) -> None:
    assert set(MEASURES) == set(DEFINITIONS)
    for days in (7, 28, 91):
        page = busy.record.ask(figures.report, SYSTEM, Choice(days=days), NOW)
        for key in MEASURES:
            found = asked(busy, key, period=f"{days}d", compare=True)
            assert found.totals == (page.number(key),), key
            assert (found.period, found.compared_with) == (page.period, page.compared_with)


def test_a_split_by_channel_or_brand_gives_the_groups_of_the_numbers_page(busy: StoryDesk) -> None:
    page = busy.record.ask(figures.report, SYSTEM, Choice(days=28), NOW)
    for dimension, groups in (("channel", page.channels), ("brand", page.brands)):
        of_page = {group.key: {number.key: number for number in group.numbers} for group in groups}
        assert of_page
        for key in MEASURES:
            if MEASURES[key].of == "said":
                continue  # the page does not tell these by channel
            rows = {row.keys[0]: row.numbers[0] for row in asked(busy, key, by=(dimension,)).rows}
            for group, number in rows.items():
                assert number == of_page[group][key], (dimension, group, key)


def test_a_filter_gives_the_choice_of_the_numbers_page(busy: StoryDesk) -> None:
    for channel in ("email", "webchat"):
        page = busy.record.ask(figures.report, SYSTEM, Choice(days=28, channel=channel), NOW)
        found = asked(busy, "volume", "human_median", "csat", filters=(Filter("channel", (channel,)),), compare=True)
        assert found.totals == tuple(page.number(key) for key in ("volume", "human_median", "csat"))
    both = asked(busy, "volume", filters=(Filter("channel", ("email", "webchat")),))
    assert both.totals == asked(busy, "volume").totals


def test_days_and_hours_are_those_of_the_numbers_page(busy: StoryDesk) -> None:
    page = busy.record.ask(figures.report, SYSTEM, Choice(days=28), NOW)
    days = {row.keys[0]: row.numbers[0].n for row in asked(busy, "volume", by=("day",)).rows}
    assert days == {f"{day.day:%Y-%m-%d}": day.volume for day in page.days}
    cells = {row.keys: row.numbers[0].n for row in asked(busy, "volume", by=("weekday", "hour")).rows}
    assert cells == {(str(d), str(h)): page.heat[d][h] for d in range(7) for h in range(24)}


# ── splits ──────────────────────────────────────────────────────────────────────────────────


def test_parts_of_any_split_add_up_to_the_whole(busy: StoryDesk) -> None:
    whole = asked(busy, "volume").totals[0].n
    for key, dimension in DIMENSIONS.items():
        found = asked(busy, "volume", by=(key,))
        assert sum(row.numbers[0].n for row in found.rows) == whole, key
        assert found.left_out == 0
        for other in DIMENSIONS:
            if other != key and "time" not in (dimension.kind if DIMENSIONS[other].kind == "time" else "",):
                crossed = asked(busy, "volume", by=(key, other))
                assert sum(row.numbers[0].n for row in crossed.rows) == whole, (key, other)


def test_a_conversation_counts_under_each_of_its_topics(busy: StoryDesk) -> None:
    found = {row.keys[0]: row.numbers[0].n for row in asked(busy, "volume", by=("topic",)).rows}
    assert set(found) == {"refund", "delivery", ""}
    only = asked(busy, "volume", filters=(Filter("topic", ("refund",)),))
    assert only.totals[0].n == found["refund"]
    none = asked(busy, "volume", filters=(Filter("topic", ("",)),))
    assert none.totals[0].n == found[""]


def test_weeks_are_compared_with_the_weeks_before(busy: StoryDesk) -> None:
    found = asked(busy, "volume", by=("week",), period="2026-02-02..2026-02-15", compare=True)
    earlier = asked(busy, "volume", by=("week",), period="2026-01-19..2026-02-01")
    assert [row.keys for row in found.rows] == [("2026-02-02",), ("2026-02-09",)]
    assert [row.numbers[0].n_before for row in found.rows] == [row.numbers[0].n for row in earlier.rows]
    assert sum(row.numbers[0].n for row in earlier.rows) > 0


def test_the_language_of_first_words(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Where is my parcel? It has not come and I would like to know when it will be there.")
    desk.visitor("max").says("Wo ist mein Paket? Ich habe es noch nicht und möchte bitte wissen, wann es kommt.")
    desk.visitor("lee").says("10342")
    desk.settle()
    query = Query(measures=("volume",), by=("language",))
    rows = desk.record.ask(reporting.report, SYSTEM, query, desk.clock.now).rows
    assert {row.keys[0]: row.numbers[0].n for row in rows} == {"en": 1, "de": 1, "": 1}
    desk.rebuilds()
    german = next(r for r in desk.events(e.MessageReceived) if "Paket" in desk.words(r.subject_id)[0])

    def erase(tx: Tx) -> None:
        tx.erase(german.event.message)
        tx.append(german.stream, [e.WordsErased(message=german.event.message, reason="asked for")], "agent/1")

    desk.change(erase)
    desk.settle()
    rows = desk.record.ask(reporting.report, SYSTEM, query, desk.clock.now).rows
    assert {row.keys[0]: row.numbers[0].n for row in rows} == {"en": 1, "": 2}, "words that are gone tell nothing"
    desk.rebuilds()


def test_a_language_that_an_agent_set_counts(desk: StoryDesk) -> None:
    desk.visitor("max").says("Wo ist mein Paket? Ich habe es noch nicht und möchte bitte wissen, wann es kommt.")
    desk.settle()
    ana = desk.agent("ana").viewer
    desk.change(lambda tx: findings.correct(tx, 1, ana, "language", "nl"))
    desk.settle()
    query = Query(measures=("volume",), by=("language",))
    rows = desk.record.ask(reporting.report, SYSTEM, query, desk.clock.now).rows
    assert [row.keys[0] for row in rows] == ["nl"]
    desk.rebuilds()


def test_who_had_it_bot_or_people(tmp_path: Any) -> None:
    desk = StoryDesk(tmp_path, with_bot=True)
    try:
        desk.visitor("kim").says("Hello")
        desk.visitor("lee").says("I want to speak with a person")
        query = Query(measures=("volume",), by=("handled",))
        rows = desk.record.ask(reporting.report, SYSTEM, query, desk.clock.now).rows
        assert sum(row.numbers[0].n for row in rows) == 2
        assert {row.keys[0] for row in rows} <= {"bot", "handed"}
        assert "handed" in {row.keys[0] for row in rows}
    finally:
        desk.close()


# ── which conversations, and when ───────────────────────────────────────────────────────────


def test_what_ended_in_a_period_and_what_began_in_it(desk: StoryDesk) -> None:
    late = START - 1 * DAY
    lived(desk, [Told(at=late - 9 * DAY, wait=9 * 24 * 60), Told(at=late, wait=10)])
    desk.clock.now = NOW
    week = {"period": "7d"}
    assert asked(desk, "resolution_median", **week).totals[0].n == 1, "one began in the last seven days"
    done = asked(desk, "resolution_median", "human_median", counted=DONE, **week).totals
    assert [number.n for number in done] == [2, 2], "both were answered and closed in them"
    assert done[1].value == pytest.approx((9 * 86_400 + 600) / 2)
    with pytest.raises(Refused, match="no end of its own"):
        asked(desk, "volume", counted=DONE)


def test_every_cell_leads_to_the_conversations_behind_it(busy: StoryDesk) -> None:
    query = Query(measures=("volume", "csat", "human_median"), by=("topic", "channel"))
    found = busy.record.ask(reporting.report, SYSTEM, query, NOW)
    assert len(found.rows) >= 4
    for row in found.rows:
        for number in row.numbers:
            cases = busy.record.ask(reporting.cases, SYSTEM, query, number.key, row.keys, NOW)
            assert len(cases) == number.n, (row.keys, number.key)
    every = busy.record.ask(reporting.cases, SYSTEM, query, "csat", (), NOW)
    assert len(every) == found.totals[1].n


# ── periods ─────────────────────────────────────────────────────────────────────────────────

SATURDAY = datetime(2026, 11, 28, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(("period", "start", "end", "days"), [
    ("7d", "2026-11-22", "2026-11-28T01:30", 7), ("today", "2026-11-28", "2026-11-28T01:30", 1),
    ("yesterday", "2026-11-27", "2026-11-28", 1), ("this_week", "2026-11-23", "2026-11-28T01:30", 6),
    ("last_week", "2026-11-16", "2026-11-23", 7), ("this_month", "2026-11-01", "2026-11-28T01:30", 28),
    ("last_month", "2026-10-01", "2026-11-01", 31), ("last_quarter", "2026-07-01", "2026-10-01", 92),
    ("this_year", "2026-01-01", "2026-11-28T01:30", 332), ("2026-09-01..2026-09-30", "2026-09-01", "2026-10-01", 30),
    ("2026-09-01..", "2026-09-01", "2026-11-28T01:30", 89),
])  # fmt: skip
def test_periods(period: str, start: str, end: str, days: int) -> None:
    found = stretch(period, SATURDAY)
    assert (found.start, found.end) == tuple(datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (start, end))
    assert found.days == days
    assert found.back % timedelta(days=7) == timedelta(0), "the same weekdays"
    assert found.back >= timedelta(days=days), "no day is compared with itself"


@pytest.mark.parametrize(("wrong", "why"), [
    ({"measures": ("luck",)}, "no measure “luck”"), ({"measures": ()}, "one to 4"),
    ({"by": ("moon",)}, "nothing called “moon”"), ({"by": ("day", "week")}, "do not cross"),
    ({"by": ("day", "channel", "brand")}, "two different"), ({"period": "soon"}, "no period “soon”"),
    ({"period": "2026-02-30.."}, "no day"), ({"period": "2027-01-01.."}, "future"), ({"period": "900d"}, "400 days"),
    ({"measures": ("open",), "by": ("day",)}, "of this moment"), ({"counted": "felt"}, "counted by"),
    ({"filters": (Filter("day", ("2026-01-01",)),)}, "chosen by the period"),
    ({"filters": (Filter("brand", ("1",)), Filter("brand", ("2",)))}, "narrowed once"),
])  # fmt: skip
def test_what_is_no_question_is_refused_with_a_reason(wrong: dict[str, Any], why: str) -> None:
    query = Query(**({"measures": ("volume",)} | wrong))
    with pytest.raises(Refused, match=why):
        check(query, SATURDAY)


def test_every_period_on_offer_is_one() -> None:
    assert all(stretch(period, SATURDAY).days >= 1 for period in PERIODS)


# ── who may see what ────────────────────────────────────────────────────────────────────────


def test_other_brands_are_in_nobodys_figures(busy: StoryDesk) -> None:
    other = busy.change(lambda tx: setup.add_brand(tx, "Wrenfield"))
    stranger = Viewer(agent=5, role="lead", brands=(other,))
    for key in DIMENSIONS:
        found = asked(busy, "volume", "csat", who=stranger, by=(key,))
        assert [number.n for number in found.totals] == [0, 0]
        assert sum(number.n for row in found.rows for number in row.numbers) == 0
    named = asked(busy, "volume", who=stranger, filters=(Filter("brand", (str(busy.brand),)),))
    assert named.totals[0].n == 0
    assert asked(busy, "volume", who=Viewer(role="anonymous")).totals[0].n == 0


@pytest.mark.parametrize("more", [
    {"by": ("agent",)}, {"by": ("team",)}, {"by": ("channel", "agent")}, {"filters": (Filter("agent", ("7",)),)},
    {"filters": (Filter("team", ("Returns",)),)}, {"filters": (Filter("agent", ("3", "7")),)},
])  # fmt: skip
def test_figures_of_people_are_for_leads(desk: StoryDesk, more: dict[str, Any]) -> None:
    for role in ("agent", "read-only"):
        with pytest.raises(NotAllowed):
            asked(desk, "volume", who=Viewer(agent=3, role=role, brands=None), **more)
    asked(desk, "volume", who=LEAD, **more)


def test_ones_own_figures_are_ones_own_and_few_of_anybody_else_are_withheld(desk: StoryDesk) -> None:
    ana, ben = desk.agent("ana"), desk.agent("ben")
    for place, who in enumerate([ana] * 3 + [ben] * 6):
        desk.visitor(f"kim{place}").says("Hello")
        desk.later(minutes=2)
        who.replies("Hello")
    query = Query(measures=("human_median",), by=("agent",))
    rows = {r.keys[0]: r.numbers[0] for r in desk.record.ask(reporting.report, LEAD, query, desk.clock.now).rows}
    assert rows[str(ana.number)].few
    assert rows[str(ana.number)].value is None
    assert rows[str(ben.number)].value is not None
    assert desk.record.ask(reporting.cases, LEAD, query, "human_median", (str(ana.number),), desk.clock.now) == []
    mine = Query(measures=("human_median",), filters=(Filter("agent", (str(ana.number),)),))
    own = Viewer(agent=ana.number, role="agent", brands=None)
    assert desk.record.ask(reporting.report, own, mine, desk.clock.now).totals[0].n == 3
    page = desk.record.ask(figures.report, own, Choice(agent=ana.number), desk.clock.now)
    assert (
        desk.record.ask(reporting.report, own, mine, desk.clock.now).totals[0].value
        == page.number("human_median").value
    )
