"""What suddenly comes more often is noticed; what is usual, however loud, is not."""

import random
from math import exp

import pytest

from parley.core.watch import HOUR, LOOK, WEEK, Alarm, Said, Usual, Watch, usual

NINE = 4 * 24 * HOUR + 9 * HOUR  # a Monday at nine, four days after a Thursday began


def steady(rate: float, start: float, end: float, seed: int, person: int | None = None) -> list[Said]:
    chances, at, found = random.Random(seed), start, []
    while (at := at + chances.expovariate(rate / HOUR)) < end:
        found.append(Said(at, chances.randrange(10**9) if person is None else person))
    return found


def watched(known: dict[str, Usual], said: dict[str, list[Said]], start: float, end: float) -> list[Alarm]:
    watch, found, now = Watch(known), [], start
    while now < end:
        now += LOOK
        found += watch.look(now, {t: [s for s in rows if now - LOOK <= s.at < now] for t, rows in said.items()})
    return found


FLAT = Usual((4.0,) * 168)


def test_twelve_people_who_cannot_pay() -> None:
    calm, burst = steady(4, NINE - 2 * HOUR, NINE, 1), steady(30, NINE, NINE + HOUR, 2)
    found = watched({"card": FLAT, "delivery": FLAT}, {"card": calm + burst}, NINE - 2 * HOUR, NINE + HOUR)
    assert [alarm.topic for alarm in found] == ["card"]
    assert NINE - HOUR / 2 <= found[0].since <= NINE + HOUR / 3
    assert found[0].told - NINE <= HOUR / 2
    assert found[0].people >= 3
    assert found[0].seen > 3 * found[0].expected


def test_one_person_who_writes_twenty_times_is_no_burst() -> None:
    assert watched({"card": FLAT}, {"card": steady(40, NINE, NINE + HOUR, 2, person=7)}, NINE, NINE + HOUR) == []


def test_an_alarm_is_given_once_until_calm_returns() -> None:
    two = steady(40, NINE, NINE + HOUR, 3) + steady(40, NINE + 5 * HOUR, NINE + 6 * HOUR, 4)
    found = watched({"card": FLAT}, {"card": two}, NINE, NINE + 7 * HOUR)
    assert [round((alarm.told - NINE) / HOUR) for alarm in found] == [0, 5]


def test_a_topic_that_is_wild_by_nature_alarms_later() -> None:
    said = {"card": steady(14, NINE, NINE + HOUR, 5)}
    assert watched({"card": FLAT}, said, NINE, NINE + HOUR)
    assert not watched({"card": Usual((4.0,) * 168, scatter=6)}, said, NINE, NINE + HOUR)


def test_among_many_topics_it_takes_more() -> None:
    """The same hour alone, and among fifty calm topics: chance has fifty tries, so the bar is higher."""
    counts = [watched({"0": FLAT}, {"0": steady(9, NINE, NINE + HOUR, s)}, NINE, NINE + HOUR) for s in range(30)]
    many = {str(i): FLAT for i in range(50)}
    among = [watched(many, {"0": steady(9, NINE, NINE + HOUR, s)}, NINE, NINE + HOUR) for s in range(30)]
    assert sum(map(bool, among)) < sum(map(bool, counts))


def test_what_is_usual_is_learnt_hour_by_hour() -> None:
    said = [Said(w * WEEK + d * 24 * HOUR + 10.5 * HOUR + i, i) for w in range(8) for d in range(5) for i in range(6)]
    known = usual(said, 0, 8 * WEEK)
    assert known.between(10 * HOUR, 11 * HOUR) == pytest.approx(6, rel=0.15)
    assert known.between(9 * HOUR, 10 * HOUR) < 0.2
    assert known.between(10.5 * HOUR, 11 * HOUR) == pytest.approx(3, rel=0.15)


def test_an_incident_of_last_week_does_not_become_usual() -> None:
    calm = steady(5, 0, 8 * WEEK, 6)
    loud = sorted([*calm, *steady(200, 7 * WEEK, 7 * WEEK + HOUR, 7)], key=lambda s: s.at)
    known, with_incident = usual(calm, 0, 8 * WEEK), usual(loud, 0, 8 * WEEK)
    assert with_incident.between(0, HOUR) < 1.6 * known.between(0, HOUR)


def test_scatter_is_told_from_chance() -> None:
    assert usual(steady(10, 0, 8 * WEEK, 8), 0, 8 * WEEK).scatter < 1.5
    chances, wild = random.Random(9), []
    for hour in range(8 * 168):
        mean = chances.gammavariate(10 / 3, 3.0)  # variance 40 at a mean of 10
        k, p = 0, chances.random()
        while p > exp(-mean):
            k, p = k + 1, p * chances.random()
        wild += [Said(hour * HOUR + i * HOUR / (k + 1), i) for i in range(k)]
    assert 2.5 < usual(wild, 0, 8 * WEEK).scatter < 5


def test_quiet_months_stay_nearly_quiet() -> None:
    alarms = 0
    for seed in range(4):
        known = usual(steady(3, 0, 8 * WEEK, seed), 0, 8 * WEEK)
        said = {"a": steady(3, 8 * WEEK, 12 * WEEK, 100 + seed)}
        alarms += len(watched({"a": known}, said, 8 * WEEK, 12 * WEEK))
    assert alarms <= 5
