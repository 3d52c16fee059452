"""Comparing people and teams without wronging them: case mix, shrinkage, limits by size, agreement of raters."""

from collections.abc import Hashable, Mapping, Sequence
from math import comb, erfc, exp, lgamma, log, sqrt

import msgspec

from parley.core.stats import Interval, binomial_quantile


class Cell(msgspec.Struct, frozen=True):
    """Good outcomes among n cases of one kind."""

    good: float
    n: float


def crude(cells: Mapping[Hashable, Cell]) -> float:
    return sum(c.good for c in cells.values()) / sum(c.n for c in cells.values())


def standardised(cells: Mapping[Hashable, Cell], everybody: Mapping[Hashable, float]) -> float:
    """The share had the cases been mixed as everybody's are (direct standardisation)."""
    total = sum(everybody[kind] for kind in cells)
    return sum(everybody[kind] * cell.good / cell.n for kind, cell in cells.items()) / total


def observed_over_expected(good: float, mix: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Expected good outcomes of (cases, chance of everybody), and observed over expected."""
    expected = sum(n * chance for n, chance in mix)
    return expected, good / expected


# ── drawing towards the mean ────────────────────────────────────────────────────────────────


def james_stein(values: Sequence[float], variance: float) -> tuple[float, list[float]]:
    """Factor and values drawn to their mean (Efron and Morris 1975): 1 − (k − 3) · variance / Σ(x − mean)²."""
    k, mean = len(values), sum(values) / len(values)
    scatter = sum((x - mean) ** 2 for x in values)
    factor = max(0.0, 1 - (k - 3) * variance / scatter) if scatter else 0.0
    return factor, [mean + factor * (x - mean) for x in values]


class Drawn(msgspec.Struct, frozen=True):
    """One group's own weight, and its mean drawn towards that of all."""

    weight: float
    mean: float


def normal_shrinkage(means: Sequence[float], errors: Sequence[float], spread: float) -> tuple[float, list[Drawn]]:
    """Overall mean and drawn means; `spread` is the variance τ² between groups (normal–normal model)."""
    precision = [1 / (spread + e * e) for e in errors]
    overall = sum(p * m for p, m in zip(precision, means, strict=True)) / sum(precision)
    weights = [spread / (spread + e * e) for e in errors]
    return overall, [Drawn(w, overall + w * (m - overall)) for w, m in zip(weights, means, strict=True)]


def beta_binomial_log(cells: Sequence[Cell], mean: float, size: float) -> float:
    """Log-likelihood of groups whose chances scatter as a beta of that mean and size; size = inf is one chance."""
    found = 0.0
    for c in cells:
        x, n = int(c.good), int(c.n)
        found += log(comb(n, x))
        if size == float("inf"):
            found += x * log(mean) + (n - x) * log(1 - mean)
        else:
            a, b = mean * size, (1 - mean) * size
            found += lgamma(x + a) + lgamma(n - x + b) - lgamma(n + size) - lgamma(a) - lgamma(b) + lgamma(size)
    return found


class Scatter(msgspec.Struct, frozen=True):
    """Whether groups differ at all. size: of the beta that fits best, inf where the spread is nought."""

    chi_square: float
    freedom: int
    p: float
    size: float
    log_likelihood: float


def scatter(cells: Sequence[Cell]) -> Scatter:
    """Pearson's chi-square of equal chances, and the beta-binomial that fits best along a grid of sizes."""
    mean = sum(c.good for c in cells) / sum(c.n for c in cells)
    square = sum((c.good - c.n * mean) ** 2 / (c.n * mean * (1 - mean)) for c in cells)
    sizes = [2.0 * 1.15**k for k in range(80)] + [float("inf")]
    fits = [(beta_binomial_log(cells, m, size), size) for size in sizes for m in _near(mean, size)]
    best, size = max(fits)
    return Scatter(square, len(cells) - 1, chi_tail(square, len(cells) - 1), size, best)


def _near(mean: float, size: float) -> list[float]:
    return [mean] if size == float("inf") else [mean + k / 200 for k in range(-20, 21) if 0.01 < mean + k / 200 < 0.99]


def chi_tail(x: float, freedom: int) -> float:
    """Chance of a chi-square at least this large (closed form for whole degrees of freedom)."""
    half = x / 2
    if freedom % 2:
        total, term = erfc(sqrt(half)), exp(-half) * sqrt(half) / (sqrt(3.141592653589793) / 2)
        for k in range(1, (freedom - 1) // 2 + 1):
            total += term
            term *= half / (k + 0.5)
        return total
    total, term = 0.0, exp(-half)
    for k in range(freedom // 2):
        total += term
        term *= half / (k + 1)
    return total


def funnel(target: float, n: int, level: float = 0.998) -> Interval:
    """Shares that n cases at the target chance stay within: exact binomial quantiles. Outside means "look"."""
    tail = (1 - level) / 2
    return Interval(binomial_quantile(tail, n, target) / n, binomial_quantile(1 - tail, n, target) / n)


def chance_of_so_few(good: int, n: int, expected: float) -> float:
    """Chance that n cases have this few good outcomes or fewer when the share `expected` is usual: the exact tail."""
    if expected >= 1:
        return 1.0 if good >= n else 0.0
    if expected <= 0:
        return 1.0
    logs = (log(comb(n, k)) + k * log(expected) + (n - k) * log(1 - expected) for k in range(good + 1))
    return min(1.0, sum(exp(one) for one in logs))


def false_discoveries(chances: Sequence[float], rate: float = 0.1) -> list[bool]:
    """Which findings stand when at most this share of them may be false (Benjamini and Hochberg 1995)."""
    order = sorted(range(len(chances)), key=lambda i: chances[i])
    passed = [k for k, i in enumerate(order, 1) if chances[i] <= rate * k / len(chances)]
    kept = set(order[: max(passed, default=0)])
    return [i in kept for i in range(len(chances))]


# ── agreement of raters ─────────────────────────────────────────────────────────────────────


def kappa(table: Sequence[Sequence[int]]) -> float:
    """Cohen's κ of two raters from their square table of counts."""
    n = sum(map(sum, table))
    seen = sum(table[i][i] for i in range(len(table))) / n
    by_chance = sum(sum(table[i]) * sum(row[i] for row in table) for i in range(len(table))) / n**2
    return (seen - by_chance) / (1 - by_chance)


def alpha(units: Sequence[Sequence[float | None]], interval: bool = False) -> float:
    """Krippendorff's α: units rated by any number of raters, None where one did not; nominal or interval distance."""
    rated = [[v for v in unit if v is not None] for unit in units]
    rated = [unit for unit in rated if len(unit) > 1]
    values = [v for unit in rated for v in unit]

    def apart(a: float, b: float) -> float:
        return (a - b) ** 2 if interval else float(a != b)

    seen = sum(sum(apart(a, b) for a in unit for b in unit) / (len(unit) - 1) for unit in rated) / len(values)
    chance = sum(apart(a, b) for a in values for b in values) / (len(values) * (len(values) - 1))
    return 1 - seen / chance


def reviews_for(reliability: float, icc: float) -> float:
    """Reviews of one person that make their mean so reliable (Spearman and Brown)."""
    return reliability * (1 - icc) / (icc * (1 - reliability))
