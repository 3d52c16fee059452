"""The figures of the numbers page as a table."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from parley.core import stats
from parley.core.measure import DEFINITIONS
from parley.services.figures import Number, Report

COLUMNS = (
    "scope", "name", "figure", "unit", "value", "low", "high", "n", "still_running", "left_out",
    "before", "n_before", "change", "change_low", "change_high", "change_is_clear", "from", "to", "time_zone",
    "calendar",
)  # fmt: skip


def as_csv(found: Report) -> str:
    """Every figure for all, for each channel and for each brand, one to a line."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(COLUMNS)
    scopes: list[tuple[str, str, Sequence[Number]]] = [("all", "", found.numbers)]
    scopes += [("channel", group.key, group.numbers) for group in found.channels]
    scopes += [("brand", group.key, group.numbers) for group in found.brands]
    for scope, name, numbers in scopes:
        for number in numbers:
            table.writerow([scope, name, *_cells(number, found)])
    return out.getvalue()


def _cells(number: Number, found: Report) -> list[Any]:
    change: stats.Change = number.change
    return [
        number.key, unit_of(number, found.currency), number.value, number.low, number.high, number.n, number.running,
        number.left_out, number.before, number.n_before, change.value, change.interval.low, change.interval.high,
        int(change.clear), found.period.start.isoformat(), found.period.end.isoformat(), found.time_zone,
        found.calendar,
    ]  # fmt: skip


def unit_of(number: Number, currency: str) -> str:
    unit = DEFINITIONS[number.key].unit
    return currency if unit == "money" and currency else unit
