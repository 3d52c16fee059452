"""Honest figures: shares, quantiles and waiting times with their intervals, and changes that are not noise.

Pure functions on plain numbers. Nothing here knows a desk. Levels are confidence levels (0.95 = 95 %).
A bound of `None` means that so few cases say nothing about that side.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil, erfc, exp, floor, inf, lgamma, log, sqrt
from statistics import NormalDist

import msgspec

LEVEL = 0.95


class Interval(msgspec.Struct, frozen=True):
    """From low to high; `None` is open."""

    low: float | None = None
    high: float | None = None

    def holds(self, value: float) -> bool:
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)


class Estimate(msgspec.Struct, frozen=True):
    """A value with its interval. `value` is None where so few cases allow none."""

    value: float | None = None
    interval: Interval = Interval()


class Change(msgspec.Struct, frozen=True):
    """How one period differs from another: a difference or a ratio with its interval.

    clear: the interval leaves out "no change", at the level that was asked for.
    """

    value: float | None = None
    interval: Interval = Interval()
    clear: bool = False


Moments = tuple[int, float, float]
"""Of some values: how many, their mean, and the square of its standard error."""


def z_of(level: float) -> float:
    """Half width of the standard normal's central part: 1.96 for 95 %."""
    return NormalDist().inv_cdf(0.5 + level / 2)


# ── shares ──────────────────────────────────────────────────────────────────────────────────


def share(hits: int, n: int, level: float = LEVEL) -> Estimate:
    """hits / n with its Wilson interval; no value for n = 0."""
    return Estimate(hits / n, wilson(hits, n, level)) if n else Estimate()


def wilson(hits: int, n: int, level: float = LEVEL) -> Interval:
    """Wilson's score interval of a share (1927): never leaves 0…1, good from the first few cases on."""
    return Interval(*_score(hits, n, level)) if n else Interval()


def _score(hits: int, n: int, level: float) -> tuple[float, float]:
    z, p = z_of(level), hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return 0.0 if hits == 0 else middle - half, 1.0 if hits == n else middle + half


def share_change(hits: int, n: int, hits_before: int, n_before: int, level: float = LEVEL) -> Change:
    """Difference of two shares, now minus before, with Newcombe's interval (1998, his method 10)."""
    if not n or not n_before:
        return Change()
    now, before = hits / n, hits_before / n_before
    (a_low, a_high), (b_low, b_high) = _score(hits, n, level), _score(hits_before, n_before, level)
    low = now - before - sqrt((now - a_low) ** 2 + (b_high - before) ** 2)
    high = now - before + sqrt((a_high - now) ** 2 + (before - b_low) ** 2)
    return Change(now - before, Interval(low, high), low > 0 or high < 0)


# ── counts ──────────────────────────────────────────────────────────────────────────────────


def count_change(now: Sequence[int], before: Sequence[int], level: float = LEVEL) -> Change:
    """Ratio of two totals made of paired days (Monday with Monday …).

    Days that scatter more than chance (Poisson) would make them widen the interval by the factor
    that is seen (an over-dispersed binomial); they never narrow it.
    """
    a, b = sum(now), sum(before)
    if not a or not b:
        return Change()
    error = sqrt(_scatter(now, before) * (1 / a + 1 / b))
    middle, half = log(a / b), z_of(level) * error
    interval = Interval(exp(middle - half), exp(middle + half))
    return Change(a / b, interval, abs(middle) > half)


def _scatter(now: Sequence[int], before: Sequence[int]) -> float:
    """Observed over expected variance of the daily split between the two periods, at least 1."""
    pairs = [(x, x + y) for x, y in zip(now, before, strict=True) if x + y]
    if len(pairs) < 2:
        return 1.0
    p = sum(x for x, _ in pairs) / sum(n for _, n in pairs)
    observed = sum((x - p * n) ** 2 / (n * p * (1 - p)) for x, n in pairs)
    return max(1.0, observed / (len(pairs) - 1))


# ── quantiles of finished times ─────────────────────────────────────────────────────────────


def quantile(ordered: Sequence[float], p: float) -> float:
    """The p-quantile of sorted values by linear interpolation (Hyndman and Fan's type 7)."""
    place = (len(ordered) - 1) * p
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def quantile_interval(ordered: Sequence[float], p: float, level: float = LEVEL) -> Interval:
    """Two of the values themselves, between which the true quantile lies whatever the distribution.

    Each side keeps its tail of the binomial at most (1 − level) / 2. Six values bound a median at
    95 %, 36 a 90th percentile from above.
    """
    n, tail = len(ordered), (1 - level) / 2
    first = binomial_quantile(tail, n, p)
    last = binomial_quantile(1 - tail, n, p) + 1
    return Interval(ordered[first - 1] if first >= 1 else None, ordered[last - 1] if last <= n else None)


def binomial_quantile(q: float, n: int, p: float) -> int:
    """Smallest k with P(B ≤ k) ≥ q for B of n trials with chance p."""
    if n == 0:
        return 0
    k = max(0, floor(n * p - 9 * sqrt(n * p * (1 - p)) - 9))
    total = chance = exp(_log_binomial(k, n, p))
    while k < n and total < q:
        chance *= (n - k) * p / ((k + 1) * (1 - p))
        total += chance
        k += 1
    return k


def _log_binomial(k: int, n: int, p: float) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log(1 - p)


# ── times, some of which still run ──────────────────────────────────────────────────────────


class Step(msgspec.Struct, frozen=True):
    """A time at which something was finished.

    alive: share that lasts longer than `time`. greenwood: Σ d / (n (n − d)) so far, from which the
    standard error is alive · √greenwood.
    """

    time: float
    at_risk: int
    done: int
    alive: float
    greenwood: float

    @property
    def error(self) -> float:
        return self.alive * sqrt(self.greenwood) if self.greenwood < inf else 0.0


def kaplan_meier(done: Iterable[float], running: Iterable[float] = ()) -> list[Step]:
    """Share not yet finished over time (Kaplan and Meier 1958).

    running: how long unfinished ones have lasted so far; they count as lasting at least that long.
    """
    finished, censored = Counter(done), Counter(running)
    at_risk, alive, greenwood = finished.total() + censored.total(), 1.0, 0.0
    steps = []
    for time in sorted(finished.keys() | censored.keys()):
        if ended := finished[time]:
            alive *= 1 - ended / at_risk
            greenwood += ended / (at_risk * (at_risk - ended)) if at_risk > ended else inf
            steps.append(Step(time, at_risk, ended, alive, greenwood))
        at_risk -= ended + censored[time]
    return steps


def time_quantile(steps: Sequence[Step], p: float, level: float = LEVEL) -> Estimate:
    """The first time by which a share p is finished, with its interval.

    Where the curve rests exactly at 1 − p, the middle of that rest is taken. The interval holds the
    times at which the log(−log) band around the curve contains 1 − p (Brookmeyer and Crowley 1982).
    No value where too many still run to say.
    """
    left, z = 1 - p, z_of(level)
    value = _crossing([(step.time, step.alive) for step in steps], left)
    low = next((step.time for step in steps if _band(step, z)[0] <= left), None)
    high = next((step.time for step in steps if _band(step, z)[1] < left), None)
    return Estimate(value, Interval(low, high))


def _crossing(curve: Sequence[tuple[float, float]], left: float) -> float | None:
    for place, (time, alive) in enumerate(curve):
        if abs(alive - left) < 1e-9 and place + 1 < len(curve):
            return (time + curve[place + 1][0]) / 2
        if alive <= left + 1e-9:
            return time
    return None


def _band(step: Step, z: float) -> tuple[float, float]:
    """Lower and upper bound of the share that lasts longer than the step."""
    if step.alive <= 0:
        return 0.0, 0.0
    hazard = -log(step.alive)
    spread = exp(z * sqrt(step.greenwood) / hazard)
    return exp(-hazard * spread), exp(-hazard / spread)


class Spread(msgspec.Struct, frozen=True):
    """What is known about a set of times: how many are finished, how many still run, median and P90."""

    n: int = 0
    running: int = 0
    median: Estimate = Estimate()
    p90: Estimate = Estimate()


def spread(done: Sequence[float], running: Sequence[float] = (), level: float = LEVEL) -> Spread:
    """Median and P90: type 7 with order-statistic intervals where all are finished, Kaplan–Meier otherwise."""
    if running:
        steps = kaplan_meier(done, running)
        median, p90 = (time_quantile(steps, p, level) for p in (0.5, 0.9))
    elif done:
        ordered = sorted(done)
        median, p90 = (Estimate(quantile(ordered, p), quantile_interval(ordered, p, level)) for p in (0.5, 0.9))
    else:
        return Spread()
    return Spread(len(done), len(running), median, p90)


class Times(msgspec.Struct, frozen=True):
    """Finished and still running times of one group."""

    done: Sequence[float] = ()
    running: Sequence[float] = ()

    @property
    def n(self) -> int:
        return len(self.done) + len(self.running)


def log_rank(a: Times, b: Times) -> float:
    """Chi-square, one degree of freedom, of the hypothesis that both groups last equally long (Mantel 1966)."""
    ends_a, ends_b = Counter(a.done), Counter(b.done)
    all_a, all_b = sorted([*a.done, *a.running]), sorted([*b.done, *b.running])
    surplus = variance = 0.0
    for time in sorted(ends_a.keys() | ends_b.keys()):
        risk_a, risk_b = len(all_a) - bisect_left(all_a, time), len(all_b) - bisect_left(all_b, time)
        risk, ended = risk_a + risk_b, ends_a[time] + ends_b[time]
        surplus += ends_a[time] - ended * risk_a / risk
        if risk > 1:
            variance += ended * risk_a * risk_b * (risk - ended) / (risk * risk * (risk - 1))
    return surplus * surplus / variance if variance else 0.0


def chance(chi_square: float) -> float:
    """Probability of a chi-square (one degree of freedom) at least this large without any difference."""
    return erfc(sqrt(chi_square / 2))


def time_change(now: Times, before: Times, level: float = LEVEL) -> Change:
    """Difference of the medians, now minus before; clear when the log-rank test says so at the level."""
    here = spread(now.done, now.running).median.value
    there = spread(before.done, before.running).median.value
    if here is None or there is None:
        return Change()
    return Change(here - there, Interval(), chance(log_rank(now, before)) < 1 - level)


def ticks(top: float, most: int = 4) -> list[float]:
    """Round values from 0 up to at least `top`, at most `most` steps: 0, 20, 40, 60."""
    if top <= 0:
        return [0.0, 1.0]
    rough = top / most
    size = 10.0 ** floor(log(rough, 10) + 1e-12)
    step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= rough * (1 - 1e-12))
    return [step * i for i in range(ceil(top / step - 1e-9) + 1)]
