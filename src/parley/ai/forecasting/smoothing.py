"""Exponential smoothing with two seasons, a damped trend and the memory of the last error.

Holt and Winters' method with a day within a week after Taylor (2003, J. Oper. Res. Soc. 54), additive on
square roots. All settings of a grid run side by side as one row of numbers; the one with the smallest error
one day ahead, on what lies before the first origin, speaks for all origins.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from parley.ai.forecasting.series import Row

LEVELS = (0.003, 0.02, 0.08)
DAYS = (0.02, 0.1, 0.25)
WEEKS = (0.05, 0.15, 0.35)
HOLDS = (0.0, 0.5, 0.9)
DAMPING = 0.98  # of the trend, a day
TREND = 0.05  # weight of the trend's news in that of the level
MEMORY_WEEKS = 20


class Grid(NamedTuple):
    """One column a setting: weights of news for level, day and week, and how an error lasts from slot to slot."""

    level: Row
    day: Row
    week: Row
    hold: Row


class State(NamedTuple):
    """What the method knows at one moment; rows of the seasons are slots, columns settings."""

    level: Row
    trend: Row
    day: Row
    week: Row
    error: Row


def smoothing(counts: Row, origins: Sequence[int], horizon: int, per_day: int) -> Row:
    """Exponential smoothing from every origin, over the horizon."""
    begin = max(0, (min(origins) - MEMORY_WEEKS * 7 * per_day) // per_day * per_day)
    roots = np.sqrt(counts[begin : max(origins)])
    states, loss = _run(roots, [o - begin for o in origins], per_day)
    best = int(np.argmin(loss))
    grid = _grid(per_day)
    rows = [_ahead(state, o - begin, horizon, per_day, best, grid) for state, o in zip(states, origins, strict=True)]
    return np.square(np.maximum(np.array(rows), 0.0))


def _grid(per_day: int) -> Grid:
    days = DAYS if per_day > 1 else (0.0,)
    settings = np.array(list(product(LEVELS if per_day > 1 else (0.03, 0.1, 0.3), days, WEEKS, HOLDS)))
    return Grid(*settings.T)


def _beginning(roots: Row, per_day: int, settings: int) -> State:
    """Level, day and week from the first two weeks (one, where there is but one)."""
    week = 7 * per_day
    weeks = max(1, min(2, len(roots) // week))
    mean = roots[: weeks * week].reshape(weeks, week).mean(axis=0)
    level = mean.mean()
    day = mean.reshape(7, per_day).mean(axis=0) - level if per_day > 1 else np.zeros(1)
    rest = mean - level - np.tile(day, 7)
    wide = np.ones(settings)
    return State(wide * level, wide * 0.0, np.outer(day, wide), np.outer(rest, wide), wide * 0.0)


def _run(roots: Row, origins: Sequence[int], per_day: int) -> tuple[list[State], Row]:
    """The states at the origins, and each setting's error of a whole day ahead before the first of them."""
    grid = _grid(per_day)
    week, first = 7 * per_day, min(origins)
    level, trend, day, weekly, error = _beginning(roots, per_day, len(grid.level))
    damped = DAMPING ** (1 / per_day)
    kept: dict[int, State] = {}
    loss = np.zeros(len(grid.level))
    ahead: dict[int, Row] = {}
    for t in range(len(roots) + 1):
        if t in origins:
            kept[t] = State(level, trend, day.copy(), weekly.copy(), error)
        if t == len(roots):
            break
        if t % per_day == 0 and t >= first - 4 * week and t + per_day <= first:
            slots = np.arange(t, t + per_day)
            fade = grid.hold ** np.arange(1, per_day + 1)[:, None]
            ahead = dict(enumerate(level + trend + day[slots % per_day] + weekly[slots % week] + error * fade, t))
        if t in ahead:
            loss += np.abs(ahead.pop(t) - roots[t])
        d, w = t % per_day, t % week
        smooth = level + damped * trend + day[d] + weekly[w]
        miss = roots[t] - smooth
        news = miss - grid.hold * error
        level = level + damped * trend + grid.level * news
        trend = damped * trend + grid.level * TREND * news
        day[d] += grid.day * news
        weekly[w] += grid.week * news
        error = miss
    return [kept[o] for o in origins], loss


def _ahead(state: State, origin: int, horizon: int, per_day: int, best: int, grid: Grid) -> Row:
    slots = np.arange(origin, origin + horizon)
    leads = np.arange(1, horizon + 1)
    damped = DAMPING ** (1 / per_day)
    grown = state.trend[best] * np.cumsum(damped**leads)
    season = state.day[slots % per_day, best] + state.week[slots % (7 * per_day), best]
    row: Row = state.level[best] + grown + season + state.error[best] * grid.hold[best] ** leads
    return row
