"""Methods that carry a row of counts forward, from the plainest to the regressions.

All share one form: `method(counts, origins, horizon, per_day)` answers a row of `horizon` slots for each
origin and looks only at `counts[:origin]`. Regressions work on square roots, where the scatter of counts is even.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from parley.ai.forecasting.series import Row

Method = Callable[[Row, Sequence[int], int, int], Row]


def seasonal_naive(counts: Row, origins: Sequence[int], horizon: int, per_day: int) -> Row:
    """As in the same slot of the last week that is known."""
    return np.array([_last_weeks(counts[:o], horizon, 7 * per_day, 1)[0] for o in origins])


def same_weekdays(counts: Row, origins: Sequence[int], horizon: int, per_day: int) -> Row:
    """The mean of the same slot in the last four weeks: the baseline that is hard to beat at long leads."""
    return np.array([_last_weeks(counts[:o], horizon, 7 * per_day, 4).mean(axis=0) for o in origins])


def weekly_profile(counts: Row, origins: Sequence[int], horizon: int, per_day: int) -> Row:
    """The usual course of a week (median of eight weeks) at the level of the last one."""
    return np.array([_profile(counts[:o], horizon, 7 * per_day) for o in origins])


def _profile(known: Row, horizon: int, week: int) -> Row:
    weeks = min(8, len(known) // week)
    recent = known[len(known) - weeks * week :].reshape(weeks, week)
    totals = recent.sum(axis=1, keepdims=True)
    shape = np.median(recent / np.maximum(totals, 1e-9), axis=0) if weeks > 2 else recent.mean(axis=0) / totals.mean()
    shape = shape / max(shape.sum(), 1e-9)
    ages = np.arange(weeks - 1, -1, -1)
    level = np.average(totals[:, 0], weights=0.6**ages)
    return np.resize(shape * level, horizon)


def _last_weeks(known: Row, horizon: int, week: int, weeks: int) -> Row:
    """The last `weeks` weeks, newest first, each continued over the horizon; fewer where fewer are known."""
    weeks = max(1, min(weeks, len(known) // week))
    rows = [known[len(known) - (k + 1) * week : len(known) - k * week] for k in range(weeks)]
    return np.array([np.resize(row, horizon) for row in rows])


# ── harmonic regression ─────────────────────────────────────────────────────────────────────

HALF_LIFE_WEEKS = 5.0
HARMONIC_WEEKS = 16


def harmonic(counts: Row, origins: Sequence[int], horizon: int, per_day: int) -> Row:
    """Waves of the week and the day, fitted to the square roots; older weeks weigh less; the last error fades out."""
    return np.array([_harmonic(counts[:o], horizon, per_day) for o in origins])


def _harmonic(known: Row, horizon: int, per_day: int) -> Row:
    week = 7 * per_day
    known = known[-HARMONIC_WEEKS * week :]
    n = len(known)
    waves = _waves(n + horizon, n, per_day)
    weights = 0.5 ** ((n - 1 - np.arange(n)) / (HALF_LIFE_WEEKS * week))
    roots = np.sqrt(known)
    fitted = waves @ _ridge(waves[:n], roots, 1e-3 * n / week, weights)
    rest = roots - fitted[:n]
    hold = _persistence(rest, 1)
    slow = _persistence(rest, per_day) if per_day > 1 else 0.0
    leads = np.arange(1, horizon + 1)
    near = rest[-1] * hold**leads
    far = float(rest[-per_day:].mean()) * slow ** np.ceil(leads / per_day)
    return np.square(np.maximum(fitted[n:] + np.where(np.abs(near) > np.abs(far), near, far), 0.0))


def _waves(slots: int, origin: int, per_day: int) -> Row:
    """Sines and cosines by slot, counted from the origin; every third harmonic around each multiple of the day."""
    week = 7 * per_day
    orders = sorted({7 * k + j for k in range(min(9, per_day // 2 + 1)) for j in (-3, -2, -1, 0, 1, 2, 3)})
    orders = [k for k in orders if 0 < k <= week // 2]
    angle = 2 * np.pi * np.outer(np.arange(slots) - origin, orders) / week
    return np.hstack([np.ones((slots, 1)), np.sin(angle), np.cos(angle)])


def _persistence(rest: Row, lag: int) -> float:
    """How much of an error is left after `lag` slots, 0…0.95."""
    if len(rest) <= 2 * lag:
        return 0.0
    means = np.convolve(rest, np.ones(lag) / lag, "valid")
    before, after = means[:-lag], means[lag:]
    kept = float(before @ after) / max(float(before @ before), 1e-12)
    return min(max(kept, 0.0), 0.95)


def _ridge(x: Row, y: Row, penalty: float, weights: Row | None = None) -> Row:
    """Least squares with a penalty on all columns but the first."""
    weighted: Row = x if weights is None else x * weights[:, None]
    inner: Row = weighted.T @ x
    inner[np.diag_indices_from(inner)] += np.r_[1e-9, np.full(x.shape[1] - 1, penalty)]
    answer: Row = np.linalg.solve(inner, weighted.T @ y).astype(np.float64)
    return answer


# ── regression on what was seen at the same hour ────────────────────────────────────────────

LAG_WEEKS = 20
PENALTY = 3.0
LEAST_DAYS, LEAST_ROWS = 4, 40  # with fewer to learn from, the mean of the same weekdays stands in


def lag_ridge(counts: Row, origins: Sequence[int], horizon: int, per_day: int) -> Row:
    """Each day ahead by its own ridge regression on the same slot of earlier days and weeks and on the last hours."""
    return np.array([_lag_ridge(np.sqrt(counts[:o]), horizon, per_day) for o in origins])


def _lag_ridge(roots: Row, horizon: int, per_day: int) -> Row:
    ahead = -(-horizon // per_day)
    days = [_day_ahead(roots, day, per_day) for day in range(1, ahead + 1)]
    return np.square(np.maximum(np.concatenate(days)[:horizon], 0.0))


def _day_ahead(roots: Row, day: int, per_day: int) -> Row:
    """The roots of the slots in the `day`-th day after the end of what is known."""
    week, n = 7 * per_day, len(roots)
    reach = week * -(-day // 7)
    weeks = max(1, min(4, (n - week) // week - 1))
    first = reach + (weeks - 1) * week + per_day
    past = [o for o in range(n - day * per_day, first, -per_day)][: LAG_WEEKS * 7]
    if len(past) < LEAST_DAYS or len(past) * per_day < LEAST_ROWS:
        usual: Row = np.sqrt(_last_weeks(np.square(roots), day * per_day, week, 4).mean(axis=0)[-per_day:])
        return usual
    known = _lagged(roots, np.array([*past, n]), day, per_day, weeks)
    x, ahead = known[:-1].reshape(-1, known.shape[2]), known[-1]
    y = _slots(roots, np.array(past) + (day - 1) * per_day, per_day).ravel()
    means, spreads = x.mean(axis=0), x.std(axis=0) + 1e-9
    scaled = np.hstack([np.ones((len(x), 1)), (x - means) / spreads])
    ages = np.repeat(np.arange(len(past)), per_day)
    weights = 0.5 ** (ages / (7 * 8.0))
    found = _ridge(scaled, y, PENALTY, weights)
    target = np.hstack([np.ones((per_day, 1)), (ahead - means) / spreads])
    answer: Row = target @ found
    return answer


def _lagged(roots: Row, origins: NDArray[np.int_], day: int, per_day: int, weeks: int) -> Row:
    """What the slots of the `day`-th day after each origin are foreseen from: origins × slots × what is known."""
    week = 7 * per_day
    begins = origins + (day - 1) * per_day - week * -(-day // 7)
    same_week = [_slots(roots, begins - k * week, per_day) for k in range(weeks)]
    same_slot = [_slots(roots, origins - (k + 1) * per_day, per_day) for k in range(3)]
    moved = same_slot[0] - _slots(roots, origins - per_day - week, per_day)
    fade = np.exp(-np.arange(per_day) / max(per_day / 6, 1.0))
    level = _slots(roots, origins - week, week).mean(axis=1)
    sums, since = np.append(0.0, np.cumsum(roots)), np.maximum(0, origins - 2 * week)
    before = (sums[origins - week] - sums[since]) / (origins - week - since)
    columns = [
        *same_week, np.mean(same_week, axis=0), *same_slot, moved,
        _wide(moved.mean(axis=1), per_day),
        moved[:, -max(1, per_day // 8) :].mean(axis=1)[:, None] * fade,
        _wide(level, per_day),
        _wide(level - before, per_day),
    ]  # fmt: skip
    return np.stack(columns, axis=2)


def _slots(roots: Row, begins: NDArray[np.int_], count: int) -> Row:
    """So many slots from each beginning on."""
    found: Row = roots[begins[:, None] + np.arange(count)]
    return found


def _wide(values: Row, per_day: int) -> Row:
    return np.repeat(values[:, None], per_day, axis=1)
