"""How well is the number of contacts foreseen, and does the 80 % band hold eight of ten?

DIR has either one row of counts over time (`*.csv`: time, count; every slot of the calendar; several files follow one
another) or many rows (`*-train.csv`: id, then values; `*-test.csv`: id, the values that came next). May be gzipped.

One row: from every midnight of the last eight weeks (or of the file that is not named dev or train, where there are
two), the next day is foreseen from all that came before; and the next seven days from every seventh. Many rows: what
follows the end of each is foreseen once; without a test file the last 48 values are held back.

WAPE: absolute errors over what came. MASE: error over that of "as a week ago" within the history (below 1 beats it);
beside it the competition's own MASE, over "as a day ago". Floor: error over the one that chance alone (Poisson) would
make. score: 1 − WAPE / WAPE of the mean of the last four same weekdays, median over rows.
"""

import csv
import gzip
import io
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from _measure import Figures, run, table

from parley.ai.forecasting.models import same_weekdays, seasonal_naive
from parley.ai.forecasting.outlook import BACKTESTS, METHODS, forecast
from parley.ai.forecasting.series import Row, Series, mended
from parley.core import accuracy

HELD_BACK = 48
TEST_DAYS = 56
DAYS = 24


class Task(NamedTuple):
    """A row and where it is to be carried forward from; `counts` holds what came as well."""

    name: str
    counts: Row
    origins: list[int]
    horizon: int
    per_day: int


class Outcome(NamedTuple):
    """What was said from each origin (rows) and what came. trusted: low and high of the band."""

    task: Task
    actual: Row
    said: dict[str, Row]
    low: Row
    high: Row
    chosen: list[str]


# ── reading ─────────────────────────────────────────────────────────────────────────────────


def tasks_of(folder: Path) -> dict[str, list[Task]]:
    files = sorted(f for f in folder.iterdir() if f.name.removesuffix(".gz").endswith(".csv"))
    if not files:
        sys.exit(f"{folder} holds no .csv or .csv.gz file of counts.")
    wide = [f for f in files if len(_lines(f)[1]) > 2]
    return _wide_tasks(wide) if wide else _long_tasks(files)


def _lines(file: Path) -> list[list[str]]:
    raw = file.read_bytes()
    text = (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode("utf-8-sig")
    return [line for line in csv.reader(io.StringIO(text)) if line]


def _wide_tasks(files: Sequence[Path]) -> dict[str, list[Task]]:
    after = {row[0]: _values(row) for f in files if "test" in f.name.lower() for row in _lines(f)[1:]}
    tasks = []
    for file in (f for f in files if "test" not in f.name.lower()):
        for row in _lines(file)[1:]:
            known = _values(row)
            came = after.get(row[0], known[-HELD_BACK:])
            known = known if row[0] in after else known[:-HELD_BACK]
            tasks.append(Task(row[0], np.concatenate([known, came]), [len(known)], len(came), DAYS))
    return {"next values": tasks}


def _values(row: Sequence[str]) -> Row:
    return np.array([float(cell) for cell in row[1:] if cell.strip()])


def _long_tasks(files: Sequence[Path]) -> dict[str, list[Task]]:
    rows = sorted((datetime.fromisoformat(when), float(n), f) for f in files for when, n in _lines(f)[1:])
    slot = min(b[0] - a[0] for a, b in pairwise(rows) if b[0] > a[0])
    per_day = round(86400 / slot.total_seconds())
    begin = rows[0][0].replace(hour=0, minute=0)
    counts = np.zeros(round((rows[-1][0] - begin) / slot) + 1)
    for when, n, _ in rows:
        counts[round((when - begin) / slot)] = n
    days = len(counts) // per_day
    held = [when for when, _, f in rows if not any(word in f.name.lower() for word in ("dev", "train"))]
    known = any(word in f.name.lower() for f in files for word in ("dev", "train"))
    first = (held[0] - begin).days if held and known else max(days - TEST_DAYS, days * 2 // 3)
    name = "per day" if per_day == 1 else "per hour" if per_day == 24 else f"per {slot}"
    daily = [d * per_day for d in range(first, days)]
    weekly = [d * per_day for d in range(first, days - 6, 7)]
    found = {
        f"{name}, next day": [Task(name, counts[: days * per_day], daily, per_day, per_day)],
        f"{name}, next week": [Task(name, counts[: days * per_day], weekly, 7 * per_day, per_day)],
    }
    if per_day > 1:
        totals = counts[: days * per_day].reshape(days, per_day).sum(axis=1)
        found["per day, next day"] = [Task("per day", totals, list(range(first, days)), 1, 1)]
        found["per day, next week"] = [Task("per day", totals, list(range(first, days - 6, 7)), 7, 1)]
    return found


# ── measuring ───────────────────────────────────────────────────────────────────────────────


def outcome(task: Task, peer: Any = None) -> Outcome:
    said: dict[str, list[Row]] = {}
    low, high, chosen = [], [], []
    for origin in task.origins:
        known = Series(task.counts[:origin], task.per_day)
        found = forecast(known, task.horizon)
        plain = mended(known)[0]
        rows = {"Parley": found.mid}
        rows["seasonal naive"] = seasonal_naive(known.counts, [origin], task.horizon, task.per_day)[0]
        rows["mean of same weekdays"] = same_weekdays(known.counts, [origin], task.horizon, task.per_day)[0]
        for name, (method, weeks) in METHODS.items():
            if origin >= weeks * known.week and name not in rows:
                rows[name] = method(plain, [origin], task.horizon, task.per_day)[0]
        if peer:
            rows[peer.name] = peer.ahead(known.counts, task.horizon, task.per_day)
        for name, row in rows.items():
            said.setdefault(name, []).append(row)
        low.append(found.low)
        high.append(found.high)
        chosen.append(found.method)
    actual = np.array([task.counts[o : o + task.horizon] for o in task.origins])
    return Outcome(task, actual, {n: np.array(r) for n, r in said.items()}, np.array(low), np.array(high), chosen)


class StatsModels:
    """STL with exponential smoothing of the rest, from statsmodels where that is installed (for comparison only)."""

    name = "statsmodels STL + ETS"

    def __init__(self) -> None:
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel
        from statsmodels.tsa.forecasting.stl import STLForecast

        self.stl, self.ets = STLForecast, ETSModel

    def ahead(self, known: Row, horizon: int, per_day: int) -> Row:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            options = {"error": "add", "trend": "add", "damped_trend": True}
            recent = known[-8 * 7 * per_day :]
            model = self.stl(recent, self.ets, model_kwargs=options, period=7 * per_day)
            answer: Row = np.maximum(np.asarray(model.fit(fit_kwargs={"disp": False}).forecast(horizon)), 0.0)
        return answer


def peer_or_none() -> Any:
    try:
        return StatsModels()
    except ImportError:
        return None


def _row(one: Outcome, name: str) -> dict[str, float | None]:
    task, said = one.task, one.said[name]
    actual, base = one.actual.ravel(), one.said["mean of same weekdays"].ravel()
    week, history = 7 * task.per_day, task.counts[: task.origins[0]]
    own, plain = accuracy.wape(actual, said.ravel()), accuracy.wape(actual, base)
    return {
        "wape": own,
        "bias": accuracy.bias(actual, said.ravel()),
        "mase": accuracy.mase(actual, said.ravel(), history, week),
        "mase_day": accuracy.mase(actual, said.ravel(), history, task.per_day),
        "smape": accuracy.smape(actual, said.ravel()),
        "floor": accuracy.times_floor(actual, said.ravel()),
        "score": 1 - own / plain if own is not None and plain else None,
    }


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(median(known)), 4) if known else None


def _summary(outcomes: Sequence[Outcome], name: str) -> dict[str, float | None]:
    rows = [_row(one, name) for one in outcomes]
    found = {key: _middle([row[key] for row in rows]) for key in rows[0]}
    beaten = [row["mase"] < 1 for row in rows if row["mase"] is not None]
    found["mase_below_1"] = round(sum(beaten) / len(beaten), 4) if beaten else None
    found["mase_day_mean"] = round(float(np.mean([r["mase_day"] for r in rows if r["mase_day"] is not None])), 4)
    return found


def _coverage(outcomes: Sequence[Outcome]) -> float:
    held = [((one.low <= one.actual) & (one.actual <= one.high)).ravel() for one in outcomes]
    return round(float(np.concatenate(held).mean()), 4)


def measured(folder: Path) -> tuple[Figures, str]:
    peer = peer_or_none()
    figures: Figures = {"score": None}
    shown = []
    for kind, tasks in tasks_of(folder).items():
        began = time.process_time()
        outcomes = [outcome(task, peer) for task in tasks if task.origins and task.origins[0] >= 7 * task.per_day]
        if not outcomes:
            continue
        spent = time.process_time() - began
        names = list(outcomes[0].said)
        all_of = {name: _summary(outcomes, name) for name in names if all(name in one.said for one in outcomes)}
        ours = all_of["Parley"]
        if figures["score"] is None:
            figures |= {"score": ours["score"], "rows": len(outcomes)}
        figures |= {f"{kind}: {key}": value for key, value in ours.items()}
        figures[f"{kind}: coverage of the 80 % band"] = _coverage(outcomes)
        figures[f"{kind}: WAPE of seasonal naive"] = all_of["seasonal naive"]["wape"]
        figures[f"{kind}: WAPE of the mean of same weekdays"] = all_of["mean of same weekdays"]["wape"]
        if peer and peer.name in all_of:
            figures[f"{kind}: WAPE of {peer.name}"] = all_of[peer.name]["wape"]
        figures[f"{kind}: processor seconds"] = round(spent, 1)
        shown.append(_table(kind, all_of, outcomes))
    if figures["score"] is None:
        sys.exit("The rows are shorter than the week that a forecast needs.")
    figures["peer"] = peer.name if peer else "no forecasting library is installed (statsmodels would be compared)"
    figures["backtests"] = BACKTESTS
    return figures, "\n\n".join([*shown, "" if peer else f"Beside: {figures['peer']}."])


def _table(kind: str, all_of: dict[str, dict[str, float | None]], outcomes: Sequence[Outcome]) -> str:
    heads = ["", "WAPE", "bias", "MASE (week)", "MASE < 1", "MASE (day), mean", "× floor", "score"]
    keys = ("wape", "bias", "mase", "mase_below_1", "mase_day_mean", "floor", "score")
    rows = [[name, *(found[key] for key in keys)] for name, found in all_of.items()]
    chosen = [name for one in outcomes for name in one.chosen]
    often = ", ".join(f"{name} {chosen.count(name)}" for name in sorted(set(chosen), key=lambda n: -chosen.count(n)))
    told = f"{kind}: {len(outcomes)} rows, {sum(len(o.task.origins) for o in outcomes)} forecasts"
    return f"{told}\n{table(heads, rows)}\n80 % band held {_coverage(outcomes):.1%}. Chosen: {often}."


if __name__ == "__main__":
    run(__doc__ or "", measured)
