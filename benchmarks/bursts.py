"""How soon is a planted incident noticed, and how often is there an alarm about nothing?

Invented topics with a course of day and week, some scattering as chance alone (Poisson), some twice and three times as
widely; eight weeks to learn from, then quiet days, then days with an incident each. An incident lasts two hours and
lifts each half hour by five standard deviations of its usual count; beside that a weaker kind that lifts each hour by
five of the hour's. Figures: median minutes until the alarm, share noticed within the two hours, false alarms per topic
and 30 days. Beside it a fixed rule: the count of an hour is above its mean + 3 deviations.
score: 1 − median minutes / 120, and 0 with more than one false alarm per topic and month.
"""

import argparse
import json
import random
from bisect import bisect_left
from collections.abc import Callable, Sequence
from math import exp, pi, sin, sqrt
from statistics import median
from typing import NamedTuple

from _measure import Figures, table

from parley.core.watch import HOUR, LOOK, WEEK, Said, Usual, Watch, usual

LEARN = 8 * WEEK
DAY = 24 * HOUR
RATES = (1.5, 4.0, 12.0, 40.0)  # contacts in a busy hour
SCATTERS = (1.0, 2.0, 3.0)


class Topic(NamedTuple):
    name: str
    busy: float
    scatter: float

    def mean(self, moment: float) -> float:
        """Contacts an hour: busy by day, few at night, half at the weekend."""
        hour, day = moment % DAY / HOUR, int(moment % WEEK // DAY)
        by_day = max(0.04, sin(pi * (hour - 6) / 15)) if 6 <= hour <= 21 else 0.04
        return self.busy * by_day * (0.5 if day >= 5 else 1.0)


def drawn(topic: Topic, start: float, end: float, chances: random.Random, extra: float = 0.0) -> list[Said]:
    """Contacts from start to end; every hour has a mood of its own where the topic scatters more than chance."""
    found, at = [], start
    while at < end:
        mean = topic.mean(at)
        if topic.scatter > 1:
            mean = chances.gammavariate(mean / (topic.scatter - 1), topic.scatter - 1)
        mean += extra
        length = min(HOUR, end - at)
        found += [
            Said(at + chances.random() * length, chances.randrange(10**9))
            for _ in range(_poisson(mean * length / HOUR, chances))
        ]
        at += HOUR
    return sorted(found, key=lambda one: one.at)


def _poisson(mean: float, chances: random.Random) -> int:
    if mean > 400:
        return max(0, round(chances.gauss(mean, sqrt(mean))))
    k, p, least = 0, chances.random(), exp(-mean)
    while p > least:
        k, p = k + 1, p * chances.random()
    return k


# ── two ways to notice ──────────────────────────────────────────────────────────────────────

Way = Callable[[Topic, Usual, Sequence[Said], float, float], list[float]]


def by_watch(topic: Topic, known: Usual, said: Sequence[Said], start: float, end: float) -> list[float]:
    watch, place, found, now = Watch({topic.name: known}), 0, [], start
    while now < end:
        now, first = now + LOOK, place
        while place < len(said) and said[place].at < now:
            place += 1
        found += [alarm.told for alarm in watch.look(now, {topic.name: said[first:place]})]
    return found


def by_fixed_rule(topic: Topic, known: Usual, said: Sequence[Said], start: float, end: float) -> list[float]:
    """Every full hour: more than mean + 3 deviations (of chance) in the hour that has passed."""
    found, quiet_until, hour = [], 0.0, start
    while hour < end:
        n = sum(hour <= one.at < hour + HOUR for one in _within(said, hour, hour + HOUR))
        mean = known.between(hour, hour + HOUR)
        if n > mean + 3 * sqrt(mean) and n >= 3:
            if hour > quiet_until:
                found.append(hour + HOUR)
            quiet_until = hour + HOUR
        hour += HOUR
    return found


def _within(said: Sequence[Said], start: float, end: float) -> Sequence[Said]:
    return said[bisect_left(said, start, key=lambda s: s.at) : bisect_left(said, end, key=lambda s: s.at)]


# ── measuring ───────────────────────────────────────────────────────────────────────────────


class Seen(NamedTuple):
    """minutes: until each incident was noticed, 240 where it was not within four hours. of_the_hour: the same for
    incidents measured in deviations of the hour. false: alarms while calm."""

    minutes: list[float]
    of_the_hour: list[float]
    false: int
    months: float


def measured(way: Way, scatter: float, days: int, incidents: int, seed: int) -> Seen:
    minutes: list[float] = []
    hourly: list[float] = []
    false, months = 0, 0.0
    for number, busy in enumerate(RATES):
        topic, chances = Topic(f"topic {number}", busy, scatter), random.Random(f"{seed} {busy} {scatter}")
        history = drawn(topic, 0, LEARN, chances)
        known = usual(history, 0, LEARN)
        end = LEARN + days * DAY
        false += len(way(topic, known, drawn(topic, LEARN, end, chances), LEARN, end))
        months += days / 30
        minutes += [_until_noticed(way, topic, known, chances, 0.5) for _ in range(incidents)]
        hourly += [_until_noticed(way, topic, known, chances, 1.0) for _ in range(incidents)]
    return Seen(minutes, hourly, false, months)


def _until_noticed(way: Way, topic: Topic, known: Usual, chances: random.Random, span: float) -> float:
    """A day on which, at some time between 8 and 18, an incident of two hours begins; calm lies before it."""
    start = LEARN + chances.randrange(7) * DAY
    begin = start + (8 + chances.random() * 10) * HOUR
    mean = topic.mean(begin) * span
    extra = 5 * sqrt(mean * (1 + (topic.scatter - 1) * span)) / span
    said = drawn(topic, start, begin, chances) + drawn(topic, begin, begin + 2 * HOUR, chances, extra)
    said += drawn(topic, begin + 2 * HOUR, begin + 4 * HOUR, chances)
    told = [at for at in way(topic, known, said, start, begin + 4 * HOUR) if at >= begin]
    return (told[0] - begin) / 60 if told else 240.0


def figures_of(parts: Sequence[Seen]) -> Figures:
    minutes = [m for seen in parts for m in seen.minutes]
    middle, alarms = median(minutes), sum(seen.false for seen in parts) / sum(seen.months for seen in parts)
    return {
        "score": round(1 - middle / 120, 4) if alarms <= 1 and middle < 120 else 0.0,
        "median minutes": round(middle, 1),
        "noticed within two hours": round(sum(m <= 120 for m in minutes) / len(minutes), 4),
        "median minutes, deviations of the hour": round(median(m for seen in parts for m in seen.of_the_hour), 1),
        "false alarms per topic and month": round(alarms, 3),
        "incidents": len(minutes),
        "quiet topic months": round(sum(seen.months for seen in parts), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--days", type=int, default=120, help="quiet days for each topic")
    parser.add_argument("--incidents", type=int, default=40, help="incidents for each topic")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    asked = parser.parse_args()
    rows, told = [], {}
    for name, way in (("Parley", by_watch), ("mean + 3 deviations", by_fixed_rule)):
        parts = [measured(way, scatter, asked.days, asked.incidents, asked.seed) for scatter in SCATTERS]
        for label, some in [("", parts), *((f", scatter {s:g}", [p]) for s, p in zip(SCATTERS, parts, strict=True))]:
            figures = figures_of(some)
            rows.append([name + label, *figures.values()])
            prefix = "" if name + label == "Parley" else f"{name}{label}: "
            told |= {prefix + key: value for key, value in figures.items()}
    if not asked.json:
        print(table(["", *figures_of(parts)], rows))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
