"""What changed between two stretches of time beyond noise, and where the change came from.

A mean over groups changes because a group's own rate changes, or because the groups' shares of the whole do. Kitagawa's
split (1955) gives each group both parts; they add up to the change exactly. A share is the mean of zeros and ones.
"""

from collections.abc import Hashable, Mapping, Sequence
from math import exp, log, sqrt
from statistics import NormalDist, fmean
from typing import TypeVar

import msgspec

from parley.core.stats import LEVEL, Change, Interval, z_of

K = TypeVar("K", bound=Hashable)
FEWEST = 10  # cases that each side needs before a change is spoken of


class Cell(msgspec.Struct, frozen=True):
    """Cases of a group and the sum of their values, now and before."""

    n: int = 0
    total: float = 0.0
    n_before: int = 0
    total_before: float = 0.0

    @property
    def now(self) -> float | None:
        return self.total / self.n if self.n else None

    @property
    def before(self) -> float | None:
        return self.total_before / self.n_before if self.n_before else None


class Part(msgspec.Struct, frozen=True):
    """What a group gave to the change: by its own rate, and by its share of the whole."""

    rate: float
    mix: float

    @property
    def whole(self) -> float:
        return self.rate + self.mix


def decompose(cells: Mapping[K, Cell]) -> dict[K, Part]:
    """The change of the mean over all groups, split by group (Kitagawa 1955, with the middle of both as weights).

    The parts sum to the change. A group that is new or gone has no rate to compare: all it gives is mix. Empty where
    one side has no case.
    """
    n, n_before = sum(c.n for c in cells.values()), sum(c.n_before for c in cells.values())
    if not n or not n_before:
        return {}
    middle = (sum(c.total for c in cells.values()) / n + sum(c.total_before for c in cells.values()) / n_before) / 2
    found = {}
    for key, cell in cells.items():
        weight, weight_before = cell.n / n, cell.n_before / n_before
        now, before = cell.now, cell.before
        now, before = before if now is None else now, now if before is None else before
        if now is None or before is None:
            continue
        rate = (now - before) * (weight + weight_before) / 2
        found[key] = Part(rate, (weight - weight_before) * ((now + before) / 2 - middle))
    return found


def halves(cell: Cell, whole: Cell) -> Part:
    """A group against all others: what it gives to the change of the whole. For groups that overlap, such as tags."""
    rest = Cell(
        whole.n - cell.n, whole.total - cell.total,
        whole.n_before - cell.n_before, whole.total_before - cell.total_before,
    )  # fmt: skip
    return decompose({True: cell, False: rest}).get(True, Part(0.0, 0.0))


def without(cell: Cell, whole: Cell) -> float | None:
    """The change that is left when a group's cases are left out."""
    rest = Cell(
        whole.n - cell.n, whole.total - cell.total,
        whole.n_before - cell.n_before, whole.total_before - cell.total_before,
    )  # fmt: skip
    return None if rest.now is None or rest.before is None else rest.now - rest.before


# ── is it noise? ────────────────────────────────────────────────────────────────────────────


def share_chance(hits: int, n: int, hits_before: int, n_before: int) -> float:
    """Probability of two shares at least so far apart without any difference: the pooled score test, two-sided."""
    if not n or not n_before:
        return 1.0
    pooled = (hits + hits_before) / (n + n_before)
    error = sqrt(pooled * (1 - pooled) * (1 / n + 1 / n_before))
    return _two_sided((hits / n - hits_before / n_before) / error) if error else 1.0


def mean_chance(now: Sequence[float], before: Sequence[float]) -> float:
    """The same for two means (Welch), by the normal approximation."""
    return summed_chance(*((len(one), sum(one), sum(x * x for x in one)) for one in (now, before)))


def summed_chance(now: tuple[int, float, float], before: tuple[int, float, float]) -> float:
    """The same, of each side's count, sum and sum of squares."""
    if now[0] < 2 or before[0] < 2:
        return 1.0
    (mean, error), (mean_before, error_before) = _mean_and_error(*now), _mean_and_error(*before)
    error = sqrt(error + error_before)
    return _two_sided((mean - mean_before) / error) if error else 1.0


def _mean_and_error(n: int, total: float, squares: float) -> tuple[float, float]:
    """Mean, and the square of its standard error."""
    return total / n, max(0.0, squares - total * total / n) / (n - 1) / n


def rate_change(days: Sequence[int], weeks: Sequence[Sequence[int]], level: float = LEVEL) -> tuple[Change, float]:
    """A week's total against that of a usual week, with the chance of so much difference by noise alone.

    days: the week's seven days; weeks: those of the weeks before. What is usual on each weekday, and how widely days
    scatter around it, is learnt from the weeks before (a quasi-Poisson model); they never scatter less than chance.
    """
    total, past = sum(days), sum(map(sum, weeks))
    if not total or not past or not weeks:
        return Change(), 1.0
    usual = past / len(weeks)
    error = sqrt(scatter(weeks) * (1 / total + 1 / past))
    middle, half = log(total / usual), z_of(level) * error
    interval = Interval(exp(middle - half), exp(middle + half))
    return Change(total / usual, interval, abs(middle) > half), _two_sided(middle / error)


def scatter(weeks: Sequence[Sequence[int]]) -> float:
    """Observed over expected variance of days around their weekday's mean; 1 is Poisson, and the least."""
    means = [fmean(day) for day in zip(*weeks, strict=True)]
    freedom = (len(weeks) - 1) * sum(mean > 0 for mean in means)
    if freedom < 1:
        return 1.0
    seen = sum((day - mean) ** 2 / mean for week in weeks for day, mean in zip(week, means, strict=True) if mean)
    return max(1.0, seen / freedom)


def _two_sided(z: float) -> float:
    return 2 * (1 - NormalDist().cdf(abs(z)))
