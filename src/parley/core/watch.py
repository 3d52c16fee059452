"""Watching topics for what suddenly comes more often: "twelve people cannot pay by card since 10:40".

What is usual at an hour of the week is learnt from the weeks before, with how widely the hours scatter. Every few
minutes the last ten minutes, twenty … two hours of each topic are held against it. An hour that is busy for no reason
is busy as a whole, so the scatter of a short window is that of its hour and not of its own count. Among all topics
watched, only what Benjamini and Hochberg's rule lets stand is told.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt

import msgspec

from parley.core.bursts import count_tail
from parley.core.fairness import false_discoveries

LOOK = 300.0  # seconds between two looks
HOUR = 3600.0
WEEK = 168 * HOUR
WINDOWS = tuple(60.0 * minutes for minutes in (10, 20, 30, 45, 60, 120))
ALPHA = 4e-5  # how rare a count must be; docs/performance.md tells how often calm days reach it
CALM = 0.05  # an alarm is over when nothing rarer than this was seen in the last half hour
LEAST_PEOPLE = 3
LEAST_RATE = 0.05  # contacts an hour that even a silent one may bring
MEMORY_WEEKS = 8
DRAWN = 6


class Said(msgspec.Struct, frozen=True):
    """A contact about a topic: when (seconds since 1970), by whom."""

    at: float
    person: int


class Usual(msgspec.Struct, frozen=True):
    """Contacts an hour by hour of the week, and how much more than chance alone they scatter (1 is no more).

    doubt: variance of an hour's rate itself, in units of the rate; it was learnt from few weeks.
    """

    rates: tuple[float, ...]
    scatter: float = 1.0
    doubt: float = 0.0

    def between(self, start: float, end: float) -> float:
        """Contacts usual from start to end."""
        found, at = 0.0, start
        while at < end:
            next_hour = min((at // HOUR + 1) * HOUR, end)
            found += self.rates[int(at % WEEK // HOUR)] * (next_hour - at) / HOUR
            at = next_hour
        return found

    def variance(self, mean: float, seconds: float) -> float:
        """Of a window's count: chance, and the mood that its hours share."""
        return mean * (1 + (self.scatter - 1 + self.doubt) * min(1.0, seconds / HOUR))


class Alarm(msgspec.Struct, frozen=True):
    """More than usual of a topic. since: the first contact of the window that shows it; told: when it was noticed."""

    topic: str
    since: float
    told: float
    seen: int
    expected: float
    people: int
    chance: float


def usual(said: Iterable[Said], start: float, end: float) -> Usual:
    """What is usual, from the whole weeks before `end` (at most eight).

    Each hour of the week is drawn to what its day and its hour make of it (days as busy as they are, each with
    the hours of a working day or of a weekend), as by six weeks more. Where four weeks and more are known its
    loudest counts as its second loudest, so that an incident of last week does not become usual.
    """
    weeks = max(1, min(MEMORY_WEEKS, int((end - start) // WEEK)))
    begin = end - weeks * WEEK
    counts = [[0] * weeks for _ in range(168)]
    for one in said:
        if begin <= one.at < end:
            counts[int(one.at % WEEK // HOUR)][int((one.at - begin) // WEEK)] += 1
    total = sum(map(sum, counts))
    if weeks > 3:
        counts = [[*sorted(hour)[:-1], sorted(hour)[-2]] for hour in counts]
    regained = min(1.5, total / max(1, sum(map(sum, counts))))
    means = [regained * sum(hour) / weeks for hour in counts]
    expected = _by_day_and_hour(means)
    drawn = [(weeks * mean + DRAWN * prior) / (weeks + DRAWN) for mean, prior in zip(means, expected, strict=True)]
    scatter = _scatter(counts, drawn, weeks)
    return Usual(tuple(max(LEAST_RATE, mean) for mean in drawn), scatter, scatter / (weeks + DRAWN))


def _by_day_and_hour(means: Sequence[float]) -> list[float]:
    """Each day's total spread over its hours as the other days of its kind do. Day 0 is a Thursday, like 1.1.1970."""
    kinds = [[0, 1, 4, 5, 6], [2, 3]]
    found = [0.0] * 168
    for days in kinds:
        hours = [sum(means[24 * day + hour] for day in days) for hour in range(24)]
        whole = max(sum(hours), 1e-9)
        for day in days:
            level = sum(means[24 * day : 24 * day + 24])
            for hour in range(24):
                found[24 * day + hour] = level * hours[hour] / whole
    return found


def _scatter(counts: Sequence[Sequence[int]], means: Sequence[float], weeks: int) -> float:
    """Variance over mean of the hours around their own means, over all hours in which something comes.

    A quarter more, because the loudest weeks were cut and the means are themselves only estimated.
    """
    busy = [(hour, mean) for hour, mean in zip(counts, means, strict=True) if mean >= 0.5]
    if not busy or weeks < 2:
        return 1.5
    squares = sum((n - mean) ** 2 for hour, mean in busy for n in hour) * weeks / (weeks - 1)
    return max(1.0, 1.25 * squares / (sum(mean for _, mean in busy) * weeks))


class Watch:
    """Topics watched look by look. Contacts are handed over as they come, in order of time."""

    def __init__(self, usual_of: Mapping[str, Usual], alpha: float = ALPHA) -> None:
        self.usual = dict(usual_of)
        self.alpha = alpha
        self.recent: dict[str, list[Said]] = {topic: [] for topic in usual_of}
        self.restless: dict[str, float] = {}

    def look(self, now: float, said: Mapping[str, Sequence[Said]]) -> list[Alarm]:
        """What is new since the last look; an alarm is given once, until its topic has been calm for half an hour."""
        seen = []
        for topic in self.usual:
            late = [one for one in self.recent[topic] if one.at > now - WINDOWS[-1]]
            self.recent[topic] = [*late, *said.get(topic, ())]
            seen.append(self._rarest(topic, now))
        stands = false_discoveries([alarm.chance for alarm in seen], self.alpha)
        found = [alarm for alarm, kept in zip(seen, stands, strict=True) if kept and self._is_new(alarm, now)]
        for alarm, kept in zip(seen, stands, strict=True):
            if (kept or alarm.topic in self.restless) and alarm.chance < CALM:
                self.restless[alarm.topic] = now
            elif now - self.restless.get(alarm.topic, now) > HOUR / 2:
                del self.restless[alarm.topic]
        return found

    def _is_new(self, alarm: Alarm, now: float) -> bool:
        return alarm.people >= LEAST_PEOPLE and alarm.topic not in self.restless

    def _rarest(self, topic: str, now: float) -> Alarm:
        """The window whose count is the least likely."""
        best = Alarm(topic, now, now, 0, 0.0, 0, 1.0)
        own, recent = self.usual[topic], self.recent[topic]
        for window in WINDOWS:
            within = [one for one in recent if one.at > now - window]
            if len(within) < LEAST_PEOPLE:
                continue
            mean = own.between(now - window, now)
            variance = own.variance(mean, window)
            if len(within) < mean + 1.5 * sqrt(variance):
                continue
            chance = count_tail(mean, variance, len(within))
            if chance < best.chance:
                people = len({one.person for one in within})
                best = Alarm(topic, within[0].at, now, len(within), mean, people, chance)
        return best
