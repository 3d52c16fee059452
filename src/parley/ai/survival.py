"""The times of core/stats.py for a hundred thousand cases at once: the same formulas over sorted columns.

A case is one whole number, twice its seconds and one more while it still runs, so that sorting brings equal times
together with those that stopped first. `tests/test_columns.py` holds each answer to the one that core/stats.py gives.
"""

from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from parley.core import stats
from parley.core.stats import LEVEL, Change, Estimate, Interval, Spread

Whole = NDArray[np.int64]
Real = NDArray[np.float64]


class Times:
    """Finished and still running times of one group, in seconds."""

    def __init__(self, seconds: Whole, stopped: NDArray[np.bool_]) -> None:
        self.keys: Whole = np.sort((seconds.astype(np.int64) << 1) | ~stopped)
        self.n = len(self.keys)

    @cached_property
    def seconds(self) -> Whole:
        found: Whole = self.keys >> 1
        return found

    @cached_property
    def done(self) -> Whole:
        """The finished ones, sorted."""
        found: Whole = self.seconds[(self.keys & 1) == 0]
        return found

    @property
    def running(self) -> int:
        return self.n - len(self.done)

    @cached_property
    def curve(self) -> "Curve":
        return Curve(self)

    @cached_property
    def spread(self) -> Spread:
        """Median and P90, as `stats.spread` has them."""
        if self.running:
            median, p90 = self.curve.quantile(0.5), self.curve.quantile(0.9)
        elif self.n:
            median, p90 = (_ordered(self.done, p) for p in (0.5, 0.9))
        else:
            return Spread()
        return Spread(len(self.done), self.running, median, p90)


class Curve:
    """Share not yet finished over time (Kaplan and Meier 1958): one place for each time at which something ended."""

    def __init__(self, of: Times) -> None:
        self.time, ended = _counted(of.done)
        at_risk = of.n - np.searchsorted(of.seconds, self.time, "left")
        self.alive = np.cumprod(1 - ended / at_risk)
        with np.errstate(divide="ignore"):
            self.greenwood = np.cumsum(np.where(at_risk > ended, ended / (at_risk * (at_risk - ended)), inf))

    def quantile(self, p: float, level: float = LEVEL) -> Estimate:
        """`stats.time_quantile`."""
        left = 1 - p
        low, high = self._band(stats.z_of(level))
        return Estimate(self._crossing(left), Interval(self._first(low <= left), self._first(high < left)))

    def _crossing(self, left: float) -> float | None:
        under = self.alive <= left + 1e-9
        place = int(np.argmax(under)) if under.any() else -1
        if place < 0:
            return None
        if abs(self.alive[place] - left) < 1e-9 and place + 1 < len(self.time):
            return float(self.time[place] + self.time[place + 1]) / 2
        return int(self.time[place])

    def _first(self, holds: NDArray[np.bool_]) -> float | None:
        return int(self.time[np.argmax(holds)]) if holds.any() else None

    def _band(self, z: float) -> tuple[Real, Real]:
        """Lower and upper bound of the share that lasts longer, at each time."""
        ends = self.alive <= 0
        hazard = -np.log(np.where(ends, 0.5, self.alive))
        width = np.exp(z * np.sqrt(np.where(ends, 0.0, self.greenwood)) / hazard)
        return np.where(ends, 0.0, np.exp(-hazard * width)), np.where(ends, 0.0, np.exp(-hazard / width))

    def points(self, most: int, edges: tuple[int, ...] = ()) -> tuple[tuple[float, float], ...]:
        """(seconds, share finished). Above `most` points, times that agree in their first three digits become the last
        of them; the shares at times of three digits and at the edges stay what they are."""
        time, share = self.time, 1 - self.alive
        if len(time) > most:
            last = np.append(np.diff(_three_digits(time, edges)) != 0, True)
            time, share = time[last], share[last]
        return tuple(zip(time.tolist(), share.tolist(), strict=True))


def _three_digits(time: Whole, edges: tuple[int, ...]) -> Whole:
    """A number for each stretch of time: up to and with a time of three digits, or an edge."""
    unit = 10.0 ** np.maximum(0, np.floor(np.log10(np.maximum(time, 1))) - 2)
    rounded = (np.ceil(time / unit) * unit).astype(np.int64)
    stretch: Whole = rounded * (len(edges) + 1) + np.searchsorted(np.asarray(sorted(edges)), time, "left")
    return stretch


def _ordered(done: Whole, p: float) -> Estimate:
    """Type 7 and the order statistics around it."""
    bounds = stats.quantile_interval(done, p)  # type: ignore[arg-type]
    return Estimate(float(stats.quantile(done, p)), Interval(_plain(bounds.low), _plain(bounds.high)))  # type: ignore[arg-type]


def _plain(bound: float | None) -> float | None:
    return None if bound is None else int(bound)


def quantile(ordered: Whole, p: float) -> float | None:
    """Type 7; None of nothing."""
    return float(stats.quantile(ordered, p)) if len(ordered) else None  # type: ignore[arg-type]


def log_rank(a: Times, b: Times) -> float:
    """`stats.log_rank`."""
    time = _counted(np.sort(np.concatenate([a.done, b.done]), kind="stable"))[0]
    ended_a, ended_b = (_at(of.done, time) for of in (a, b))
    risk_a, risk_b = (of.n - np.searchsorted(of.seconds, time, "left").astype(float) for of in (a, b))
    risk, ended = risk_a + risk_b, ended_a + ended_b
    surplus = float(np.sum(ended_a - ended * risk_a / risk))
    many = risk > 1
    parts = ended * risk_a * risk_b * (risk - ended) / np.where(many, risk * risk * (risk - 1), 1)
    variance = float(np.sum(parts[many]))
    return surplus * surplus / variance if variance else 0.0


def _counted(ordered: Whole) -> tuple[Whole, Whole]:
    """The different values of what is sorted, and how often each is there."""
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(ordered) else np.zeros(0, np.int64)
    return ordered[first], np.diff(np.append(first, len(ordered)))


def _at(ordered: Whole, time: Whole) -> Real:
    """How many are at each time."""
    return (np.searchsorted(ordered, time, "right") - np.searchsorted(ordered, time, "left")).astype(float)


def change(now: Times, before: Times, level: float) -> Change:
    """`stats.time_change`."""
    here, there = now.spread.median.value, before.spread.median.value
    if here is None or there is None:
        return Change()
    return Change(here - there, Interval(), stats.chance(log_rank(now, before)) < 1 - level)
