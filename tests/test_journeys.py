"""Directly-follows graphs: the running example of van der Aalst's book on process mining."""

import random
from datetime import datetime, timedelta
from statistics import median

import pytest

from parley.core.journeys import Step, graph

RUNNING = {
    1: "30 11:02 register|31 10:06 thoroughly|36 15:12 check|37 11:18 decide|38 14:24 reject",
    2: "30 11:32 register|30 12:12 check|30 14:16 casually|36 11:22 decide|39 12:05 pay",
    3: "30 14:32 register|30 15:06 casually|30 16:34 check|37 09:18 decide|37 12:18 reinitiate|37 13:06 thoroughly|"
    "39 11:43 check|40 09:55 decide|46 10:45 pay",
    4: "37 15:02 register|38 12:06 check|39 14:43 thoroughly|40 12:02 decide|43 15:44 reject",
    5: "37 09:02 register|38 10:16 casually|39 11:22 check|41 13:28 decide|42 16:18 reinitiate|45 14:33 check|"
    "47 15:50 casually|50 11:18 decide|51 12:48 reinitiate|52 09:06 casually|52 11:34 check|54 13:12 decide|"
    "55 14:56 reject",
    6: "37 15:02 register|37 16:06 casually|38 16:22 check|38 16:52 decide|47 11:47 pay",
}


def steps() -> list[Step]:
    """Days are counted on from December 2010: the 36th is 5 January."""
    found = []
    for case, told in RUNNING.items():
        for row in told.split("|"):
            day, clock, activity = row.split()
            at = datetime(2010, 12, 1) + timedelta(days=int(day) - 1, hours=int(clock[:2]), minutes=int(clock[3:]))
            found.append(Step(case, activity, at, len(found)))
    return found


def test_the_running_example() -> None:
    found = graph(steps())
    counts = {edge: follows.count for edge, follows in found.edges.items()}
    assert (found.cases, len(steps()), len(found.variants)) == (6, 42, 6)
    assert found.starts == {"register": 6}
    assert found.ends == {"pay": 3, "reject": 3}
    assert sum(counts.values()) == 36
    often = {
        ("check", "decide"): 6, ("casually", "check"): 4, ("register", "casually"): 3, ("decide", "reinitiate"): 3,
        ("decide", "pay"): 3, ("decide", "reject"): 3, ("thoroughly", "check"): 2, ("register", "check"): 2,
        ("check", "casually"): 2, ("casually", "decide"): 2,
    }  # fmt: skip
    assert {edge: n for edge, n in counts.items() if n > 1} == often
    assert list(counts.values()).count(1) == 6
    assert found.rework == {"casually": 1, "check": 2, "decide": 2, "reinitiate": 1}


def test_its_times() -> None:
    found = graph(steps())
    assert found.edges["check", "decide"].mean.total_seconds() / 3600 == pytest.approx(50.544, abs=1e-3)
    assert median(d.total_seconds() for d in found.durations) == 815_940


def test_order_of_arrival_and_shuffled_ties_change_nothing() -> None:
    at = datetime(2026, 1, 1)
    tied = [*steps(), *(Step("tie", name, at, i) for i, name in enumerate("abcab"))]
    shuffled = tied.copy()
    random.Random(4).shuffle(shuffled)
    assert graph(tied) == graph(shuffled)
    assert graph(shuffled).variants["a", "b", "c", "a", "b"] == 1
