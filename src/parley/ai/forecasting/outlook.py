"""The forecast: every method tried on the past of the same series, the best one carried forward with its band.

Rolling origin: from each of the last days the methods foresee what came after it, knowing only what lay
before. A weighted mean of the methods speaks, or the one that was clearly better; the band is made of its own
past errors (split conformal prediction, Vovk and others 2005), so it says what it has been shown to hold and
not what a formula hopes.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parley.ai.forecasting import BAND
from parley.ai.forecasting.models import Method, harmonic, lag_ridge, same_weekdays, seasonal_naive, weekly_profile
from parley.ai.forecasting.series import Row, Series, mended, special_slots
from parley.ai.forecasting.smoothing import smoothing

# name: (method, weeks of history it needs)
METHODS: dict[str, tuple[Method, int]] = {
    "seasonal naive": (seasonal_naive, 1),
    "mean of same weekdays": (same_weekdays, 1),
    "weekly profile": (weekly_profile, 1),
    "exponential smoothing": (smoothing, 2),
    "harmonic regression": (harmonic, 2),
    "regression on lags": (lag_ridge, 2),
}
BLENDED = ("weekly profile", "exponential smoothing", "harmonic regression", "regression on lags")
MEDIAN = "median of the methods"
BLEND = "weighted mean of the methods"
CLEARLY = 0.9  # a single method speaks where its past error is below this share of the weighted mean's
BACKTESTS = 14
LEAST_WEEKS = 1
QUIET = 0.5  # slots with less than this foreseen are judged among themselves: at night next to nothing goes wrong
FEW_SCORES = 14


class Trial(NamedTuple):
    """How a method did on the past of the series: WAPE over all backtests, and per day ahead."""

    name: str
    wape: float
    by_day: tuple[float, ...]


class Outlook(NamedTuple):
    """The slots to come. origins: how many backtests chose the method; trials: all of them, the best first.

    lift: what came in the backtests over what the method had said. The forecast is a median, which lies below the
    mean; work is planned on the mean, mid × lift.
    """

    mid: Row
    low: Row
    high: Row
    method: str
    trials: tuple[Trial, ...]
    origins: int
    band: float = BAND
    lift: float = 1.0


def forecast(series: Series, horizon: int, *, band: float = BAND, backtests: int = BACKTESTS) -> Outlook:
    """The next `horizon` slots. Needs one whole week of counts; raises ValueError otherwise."""
    if len(series.counts) < LEAST_WEEKS * series.week:
        raise ValueError("A forecast needs at least one whole week of counts.")
    counts, holiday_share = mended(series)
    origins = backtest_origins(len(counts), horizon, series.per_day, backtests)
    methods = _able(min(origins, default=len(counts)), series.week)
    past = {name: sensible(name, counts, origins, horizon, series.per_day) for name in methods} if origins else {}
    ahead = {name: sensible(name, counts, [len(counts)], horizon, series.per_day)[0] for name in methods}
    actual = np.array([counts[o : o + horizon] for o in origins])
    trials = _tried(actual, _blended(past, actual), series.per_day) if origins else ()
    chosen = _chosen(trials) if trials else "mean of same weekdays"
    mid = _blended_ahead(ahead, past, actual)[chosen] if trials else ahead[chosen]
    low, high = _band(actual, _blended(past, actual), chosen, mid, series.per_day, band)
    share = np.where(special_slots(series, len(counts) + horizon)[len(counts) :], holiday_share, 1.0)
    lift = _lift(actual, _blended(past, actual)[chosen]) if trials else 1.0
    return Outlook(mid * share, low * share, high * share, chosen, trials, len(origins), band, lift)


def sensible(name: str, counts: Row, origins: Sequence[int], horizon: int, per_day: int) -> Row:
    """A method's forecasts, none above half more than the most that any slot of the last four weeks had: a regression
    on little history may run away, and nobody believes it then."""
    rows = METHODS[name][0](counts, origins, horizon, per_day)
    most = np.array([counts[max(0, o - 28 * per_day) : o].max() for o in origins])
    return np.minimum(rows, 1.5 * most[:, None])


def _lift(actual: Row, said: Row) -> float:
    total = float(said.sum())
    return min(1.15, max(0.9, float(actual.sum()) / total)) if total > 0 else 1.0


@lru_cache(maxsize=64)
def remembered(counts: tuple[float, ...], per_day: int, horizon: int, backtests: int = BACKTESTS) -> Outlook:
    """The same, kept for who asks again about the same history; it only changes when a day is over."""
    return forecast(Series(np.array(counts), per_day), horizon, backtests=backtests)


def backtest_origins(known: int, horizon: int, per_day: int, most: int) -> list[int]:
    """Ends of the last days from which a whole horizon had come, as many as leave two weeks to learn from."""
    latest = known - horizon
    return [o for k in range(most) if (o := latest - k * per_day) >= 14 * per_day][::-1]


def _able(known: int, week: int) -> list[str]:
    return [name for name, (_, weeks) in METHODS.items() if known >= weeks * week]


# ── choosing ────────────────────────────────────────────────────────────────────────────────


def _weights(past: dict[str, Row], actual: Row) -> dict[str, float]:
    """Methods weigh by the inverse fourth power of their past error."""
    names = [name for name in BLENDED if name in past]
    errors = {name: float(np.abs(past[name] - actual).mean()) for name in names}
    best = min(errors.values()) + 1e-9
    raw = {name: (best / (error + 1e-9)) ** 4 for name, error in errors.items()}
    return {name: weight / sum(raw.values()) for name, weight in raw.items()}


def _blended(past: dict[str, Row], actual: Row) -> dict[str, Row]:
    """The methods' backtests with those of median and weighted mean beside them."""
    return _with_blends(past, _weights(past, actual)) if past else {}


def _blended_ahead(ahead: dict[str, Row], past: dict[str, Row], actual: Row) -> dict[str, Row]:
    return _with_blends(ahead, _weights(past, actual))


def _with_blends(rows: dict[str, Row], weights: dict[str, float]) -> dict[str, Row]:
    stacked = np.array([rows[name] for name in weights])
    mean: Row = np.tensordot(np.array(list(weights.values())), stacked, 1)
    return {**rows, MEDIAN: np.median(stacked, axis=0), BLEND: mean}


def _tried(actual: Row, past: dict[str, Row], per_day: int) -> tuple[Trial, ...]:
    came = max(float(actual.sum()), 1e-9)
    trials = []
    for name, rows in past.items():
        missed = np.abs(rows - actual)
        days = range(0, actual.shape[1], per_day)
        by_day = tuple(
            float(missed[:, d : d + per_day].sum() / max(actual[:, d : d + per_day].sum(), 1e-9)) for d in days
        )
        trials.append(Trial(name, float(missed.sum() / came), by_day))
    return tuple(sorted(trials, key=lambda trial: trial.wape))


def _chosen(trials: tuple[Trial, ...]) -> str:
    """The weighted mean, unless another was clearly better: the best of many by a hair is often best by luck."""
    blend = next(trial for trial in trials if trial.name == BLEND)
    return trials[0].name if trials[0].wape < CLEARLY * blend.wape else BLEND


# ── the band ────────────────────────────────────────────────────────────────────────────────


def _band(actual: Row, past: dict[str, Row], chosen: str, mid: Row, per_day: int, band: float) -> tuple[Row, Row]:
    """Quantiles of past errors, measured in the usual error of their slot and size, put around the forecast."""
    if not len(actual):
        spread = 1.2816 * np.sqrt(np.maximum(mid, 0.5)) * 1.5
        return np.maximum(mid - spread, 0.0), mid + spread
    rows = past[chosen]
    missed = actual - rows
    scale = _scales(missed, rows, per_day)
    place = np.arange(len(mid)) % per_day
    low, high = np.empty(len(mid)), np.empty(len(mid))
    for day in range(0, len(mid), per_day):
        part = slice(day, min(day + per_day, len(mid)))
        scores = missed[:, part] / _scale(scale, rows[:, part], place[part])
        ahead = _scale(scale, mid[part], place[part])
        for quiet in (True, False):
            these = (mid[part] < QUIET) == quiet
            like = np.sort(scores[(rows[:, part] < QUIET) == quiet])
            like = like if len(like) >= FEW_SCORES else np.sort(scores.ravel())
            low[part][these] = (mid[part] + _edge(like, (1 - band) / 2) * ahead)[these]
            high[part][these] = (mid[part] + _edge(like, (1 + band) / 2) * ahead)[these]
    return np.clip(low, 0.0, mid), np.maximum(high, mid)


def _scales(missed: Row, rows: Row, per_day: int) -> Row:
    """Error per root of the forecast, by slot of the day, drawn to the overall one as by ten more cases."""
    place = np.arange(rows.shape[1]) % per_day
    relative = np.abs(missed) / np.sqrt(np.maximum(rows, 0.25))
    overall = relative.mean() + 1e-9
    found = [
        (relative[:, place == p].sum() + 10 * overall) / (relative[:, place == p].size + 10) for p in range(per_day)
    ]
    return np.array(found)


def _scale(by_place: Row, rows: Row, place: NDArray[np.int_]) -> Row:
    wide: Row = by_place[place] * np.sqrt(np.maximum(rows, 0.25))
    return wide


def _edge(scores: Row, q: float) -> float:
    """The conformal quantile: a rank further out than the plain one, as one more case is to come."""
    n = len(scores)
    rank = int(np.ceil((n + 1) * q)) if q > 0.5 else int(np.floor((n + 1) * q))
    return float(scores[min(max(rank, 1), n) - 1])
