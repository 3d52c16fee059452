"""How good a prediction is, and how good an experiment must be: discrimination, calibration, ranking, effect sizes."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import ceil, log, log2, sqrt
from statistics import NormalDist

import msgspec

from parley.core.stats import LEVEL, Interval, z_of


def auc(outcomes: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Chance that one who had the outcome scored higher than one who had not; ties count half."""
    yes = sorted(s for s, y in zip(scores, outcomes, strict=True) if y)
    no = sorted(s for s, y in zip(scores, outcomes, strict=True) if not y)
    if not yes or not no:
        return None
    below = ties = 0
    for score in yes:
        first, last = bisect_left(no, score), bisect_right(no, score)
        below, ties = below + first, ties + last - first
    return (below + ties / 2) / (len(yes) * len(no))


def auc_error(area: float, yes: int, no: int) -> float:
    """Standard error of an AUC (Hanley and McNeil 1982)."""
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    spread = area * (1 - area) + (yes - 1) * (q1 - area * area) + (no - 1) * (q2 - area * area)
    return sqrt(spread / (yes * no))


def average_precision(outcomes: Sequence[bool], scores: Sequence[float]) -> float:
    """Precision at each step of recall, summed; equal scores are one step."""
    ordered = sorted(zip(scores, outcomes, strict=True), key=lambda pair: -pair[0])
    positives, hits, seen, found, i = sum(outcomes), 0, 0, 0.0, 0
    while i < len(ordered):
        group = [y for s, y in ordered[i:] if s == ordered[i][0]]
        i, seen, new = i + len(group), seen + len(group), sum(group)
        hits += new
        found += new / positives * hits / seen
    return found


def brier(outcomes: Sequence[bool], chances: Sequence[float]) -> float:
    return sum((p - y) ** 2 for p, y in zip(chances, outcomes, strict=True)) / len(outcomes)


def log_loss(outcomes: Sequence[bool], chances: Sequence[float]) -> float:
    return -sum(log(p if y else 1 - p) for p, y in zip(chances, outcomes, strict=True)) / len(outcomes)


def calibration_error(outcomes: Sequence[bool], chances: Sequence[float], bins: int = 10) -> float:
    """Mean distance between what was said and what happened, over bins of equal width."""
    groups: dict[int, list[tuple[float, bool]]] = {}
    for p, y in zip(chances, outcomes, strict=True):
        groups.setdefault(min(bins - 1, int(p * bins)), []).append((p, y))
    return sum(abs(sum(p - y for p, y in group)) for group in groups.values()) / len(outcomes)


# ── ranking ─────────────────────────────────────────────────────────────────────────────────


def dcg(gains: Sequence[float]) -> float:
    """Gains discounted by the logarithm of their place (Järvelin and Kekäläinen 2002)."""
    return sum(gain / log2(place + 1) for place, gain in enumerate(gains, 1))


def ndcg(gains: Sequence[float], ideal: Sequence[float] | None = None) -> float:
    """DCG over that of the best order of the same gains, or of the ideal list given."""
    best = dcg(sorted(gains, reverse=True) if ideal is None else ideal)
    return dcg(gains) / best if best else 0.0


def recall_at(hits: Sequence[bool], relevant: int) -> float:
    return sum(hits) / relevant


# ── experiments ─────────────────────────────────────────────────────────────────────────────


class Effect(msgspec.Struct, frozen=True):
    """Difference of two shares, its interval, and z against none: the interval leaves out 0 where |z| > 1.96."""

    difference: float
    interval: Interval
    z: float


def effect(hits: int, n: int, hits_without: int, n_without: int, level: float = LEVEL) -> Effect:
    """Of a treatment against the random holdout."""
    p, q = hits / n, hits_without / n_without
    error = sqrt(p * (1 - p) / n + q * (1 - q) / n_without)
    half = z_of(level) * error
    return Effect(p - q, Interval(p - q - half, p - q + half), (p - q) / error if error else 0.0)


def sample_per_arm(p: float, q: float, power: float = 0.8, level: float = LEVEL) -> int:
    """People in each arm that show the difference of two shares with this power."""
    middle, normal = (p + q) / 2, NormalDist()
    root = z_of(level) * sqrt(2 * middle * (1 - middle)) + normal.inv_cdf(power) * sqrt(p * (1 - p) + q * (1 - q))
    return ceil((root / (p - q)) ** 2)
