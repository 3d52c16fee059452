"""Where it hurts: the score's factors worked out by hand, and the ways that a real desk's conversations take."""

import csv
import io
from datetime import timedelta

import pytest

from harness.desk import START, StoryDesk
from parley.core import touchpoints
from parley.core.pain import pains, rework
from parley.core.stats import share, share_change
from parley.core.touchpoints import NAMES, unhappy
from parley.services import journeys
from parley.services.inbox import SYSTEM, Viewer
from parley.services.journeys import Choice
from parley.web.journey_picture import picture
from parley.web.journeys import as_csv
from parley.web.numbers import duration

HOUR = 3600.0
# Eight cases are passed on after 1, 2 … 8 hours, six of them end badly; twelve are answered at once, one ends badly.
CASES = {
    **{n: ([("wrote", 0.0), ("passed", n * HOUR)], n > 2) for n in range(1, 9)},
    **{n: ([("wrote", 0.0), ("answered", 60.0)], n == 20) for n in range(20, 32)},
}


def test_the_score_is_volume_times_excess_times_rise() -> None:
    (pain,) = pains(CASES)
    assert (pain.a, pain.b, pain.cases) == ("wrote", "passed", 8)
    assert pain.share == share(8, 20)
    assert pain.median.value == 4.5 * HOUR
    assert pain.excess.value == pytest.approx((4.5 - 1.875) * HOUR)  # the 12.5 % quantile is the best quarter's median
    assert pain.rise == share_change(6, 8, 1, 12)
    assert pain.score.value == pytest.approx(8 * 2.625 * (6 / 8 - 1 / 12))
    low, high = pain.score.interval.low, pain.score.interval.high
    assert low is not None
    assert high is not None
    assert low <= pain.score.value <= high
    assert pain.worst[:3] == (8, 7, 6)


def test_its_bounds_are_products_of_bounds() -> None:
    (pain,) = pains(CASES)
    ends = (pain.share.interval, pain.excess.interval, pain.rise.interval)
    assert pain.score.interval.low == pytest.approx(20 * ends[0].low * ends[1].low / HOUR * max(0, ends[2].low))  # type: ignore[operator,type-var]
    assert pain.score.interval.high == pytest.approx(20 * ends[0].high * ends[1].high / HOUR * ends[2].high)  # type: ignore[operator]


def test_order_of_cases_changes_nothing_and_few_cases_say_nothing() -> None:
    assert pains(dict(reversed(CASES.items()))) == pains(CASES)
    assert pains({n: CASES[n] for n in (1, 2, 3, 4, 20, 21, 22, 23, 24, 25)}) == []


def test_steps_taken_again() -> None:
    assert rework({1: ["a", "b", "a", "a"], 2: ["a", "b"], 3: ["b", "b", "a", "a"]}) == [("a", 2, 3), ("b", 1, 1)]


def test_how_a_way_ends() -> None:
    way = [("wrote", 0, 1), ("closed", 9, 0)]
    assert unhappy([("wrote", 0, 1)]) is None
    assert unhappy(way) is False
    assert unhappy([*way, ("low", 10, 0)]) is True
    assert unhappy([("wrote", 0, 1), ("left", 9, 0)]) is True
    assert unhappy([("left", 9, 0), ("content", 10, 0)]) is False


def test_the_way_of_a_conversation(desk: StoryDesk) -> None:
    ana, ben = desk.agent("ana", "lead"), desk.agent("ben")
    kim = desk.chatter("kim").says("Can I send these back?")
    kim.looks_at("/returns", ago=30)
    desk.later(minutes=1)
    kim.says("They are too small.")  # within two minutes: the same step
    desk.later(minutes=10)
    ana.replies("Yes, within 60 days.")
    desk.later(minutes=30)
    kim.says("And who pays?")
    desk.later(minutes=3)
    ana.assigns(ben)
    ana.closes()
    found = desk.record.ask(journeys.found, SYSTEM, Choice(), desk.clock.now)
    (way,) = found.variants
    assert [step for step in way.steps if step not in ("bot", "handed")] == [
        "looked", "wrote", "answered", "wrote", "passed", "closed",
    ]  # fmt: skip
    assert found.loops[0].step == "wrote"
    assert sum(edge.count for edge in found.edges) == len(way.steps) - 1
    other = Viewer(role="lead", brands=(999,))
    assert desk.record.ask(journeys.found, other, Choice(), desk.clock.now).cases == 0
    assert desk.record.ask(journeys.found, SYSTEM, Choice(channel="email"), desk.clock.now).cases == 0
    late = desk.clock.now + timedelta(days=40)
    assert desk.record.ask(journeys.found, SYSTEM, Choice(), late).cases == 0
    assert found.until > START


def test_page_table_and_program_say_the_same(desk: StoryDesk) -> None:
    ana = desk.agent("ana", "lead")
    for name in ("kim", "lee"):
        desk.chatter(name).says("Where is my parcel?")
        desk.later(minutes=20)
        ana.replies("On its way.")
    found = desk.record.ask(journeys.found, SYSTEM, Choice(), desk.clock.now)
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))
    follows = {(row["from_step"], row["to_step"]): int(row["value"]) for row in rows if row["figure"] == "follows"}
    assert follows == {(edge.a, edge.b): edge.count for edge in found.edges}
    assert {row["n"] for row in rows} == {"2"}
    drawn = picture(found.edges, found.steps, touchpoints.NAMES, "Which step follows which", "")
    assert all(f"<title>{NAMES[e.a]} → {NAMES[e.b]}: {e.count} · {duration(e.median)}" in drawn for e in found.edges)
