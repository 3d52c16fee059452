"""Which drawing a report gets: columns or points over time, lines for several groups, lanes, whiskers, grids."""

from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup

from parley.core.measure import DEFINITIONS
from parley.core.semantics import DIMENSIONS, MEASURES
from parley.core.stats import ticks
from parley.services import reporting
from parley.services.numbers import Choice
from parley.services.reporting import Found, Row
from parley.web import numbers, plots, series_plots, views
from parley.web.plots import Axis
from parley.web.report_words import Names
from parley.web.series_plots import Mark, Series
from parley.web.words import translate as t

MOST_LINES = 5
MOST_LANES = 25
MOST_COLUMNS = 26
SIZES = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
ORDERED = ("time", "cycle")

Href = Callable[[str, Sequence[str]], str]
"""(measure, values of the dimensions) → where the conversations behind it are."""


def charts(found: Found, names: Names, href: Href) -> tuple[views.Chart, ...]:
    """One for each measure; none for a report without a split, or in which nothing was found."""
    made = [
        _chart(found, names, href, place, key)
        for place, key in enumerate(found.query.measures)
        if found.rows and any(row.numbers[place].n for row in found.rows)
    ]
    return tuple(chart for chart in made if chart is not None)


def _chart(found: Found, names: Names, href: Href, place: int, key: str) -> views.Chart | None:
    marks = {row.keys: _mark(found, row, names, href, place, key) for row in found.rows}
    values = [mark for mark in marks.values() if mark.value is not None]
    if not values:
        return None
    title, axis = t(DEFINITIONS[key].label), axis_of(key, values)
    about = t("{n} cases. Each mark leads to its conversations; the table below says the same.",
              n=found.totals[place].n)  # fmt: skip
    kinds = [DIMENSIONS[one].kind for one in found.query.by]
    name = f"report-{place}"
    if len(kinds) == 1:
        svg = _one(name, title, about, kinds[0], list(marks.values()), axis, key)
    elif "time" in kinds:
        svg = _lines(name, title, about, found, names, marks, axis, key)
    else:
        svg = _grid(name, title, about, found, names, marks, axis)
    return views.Chart(title=title, lead=_lead(found, kinds, key), svg=svg, wide=True, note=_note(found, kinds, key))


def _one(name: str, title: str, about: str, kind: str, marks: list[Mark], axis: Axis, key: str) -> str:
    counted = MEASURES[key].unit == "conversations"
    if kind in ORDERED:
        draw = series_plots.columns if counted else series_plots.points
        return draw(name, title, about, marks, axis)
    shown = [mark for mark in marks if mark.value is not None][:MOST_LANES]
    if counted:
        return series_plots.lanes(name, title, about, shown, axis)
    drawn = [_whisker(mark) for mark in shown]
    picture = plots.whiskers(name, title, about, drawn, axis)
    return picture.replace(Markup('role="img"'), Markup('role="group"'), 1)  # its rows are links


def _whisker(mark: Mark) -> plots.Whisker:
    bounds = (mark.low, mark.high) if mark.bounded else (None, None)
    return plots.Whisker(name=mark.name, value=mark.value, low=bounds[0], high=bounds[1], text=mark.text,
                         note=mark.hint.rpartition(", ")[2], href=mark.href)  # fmt: skip


def _mark(found: Found, row: Row, names: Names, href: Href, place: int, key: str) -> Mark:
    number = row.numbers[place]
    words = [names.of(what, value) for what, value in zip(found.query.by, row.keys, strict=True)]
    shown = numbers.in_currency(numbers.figure(number, Choice()), number, found.currency)
    told = [f"{', '.join(words)}: {shown.value}", *([shown.interval] if shown.interval else []), f"n = {number.n}"]
    value = None if number.few else number.value
    empty = MEASURES[key].unit == "conversations" and not number.n
    return Mark(
        name=names.short(found.query.by[0], row.keys[0]),
        value=0.0 if empty else value,
        low=number.low,
        high=number.high,
        text=shown.value,
        hint=", ".join(told),
        href=href(key, row.keys) if number.n and not number.few else "",
        before=number.before if found.query.compare and number.n_before else None,
        tentative=not row.whole,
        bounded=number.low is not None or number.high is not None,
    )


def _lines(
    name: str,
    title: str,
    about: str,
    found: Found,
    names: Names,
    marks: Mapping[tuple[str, ...], Mark],
    axis: Axis,
    key: str,
) -> str:
    """A line for each of the largest groups, over the days, weeks or months."""
    time = next(n for n, key in enumerate(found.query.by) if DIMENSIONS[key].kind == "time")
    other = 1 - time
    buckets = reporting.buckets_of(found, found.query.by[time])
    groups = list(dict.fromkeys(row.keys[other] for row in found.rows))
    sizes = {group: sum(row.numbers[0].n for row in found.rows if row.keys[other] == group) for group in groups}
    largest = sorted(groups, key=lambda group: -sizes[group])[:MOST_LINES]
    what, when = found.query.by[other], found.query.by[time]
    counted = MEASURES[key].unit == "conversations"

    def mark(group: str, bucket: str) -> Mark:
        keys = (bucket, group) if time == 0 else (group, bucket)
        none = Mark(name=bucket, value=0.0 if counted else None, text="0")
        made = marks.get(keys, none)
        return Mark(name=names.short(when, bucket), value=made.value, text=made.text, hint=made.hint, href=made.href)

    series = [
        Series(name=names.of(what, group), marks=[mark(group, bucket) for bucket in buckets]) for group in largest
    ]
    return series_plots.lines(name, title, about, series, axis)


def _grid(
    name: str, title: str, about: str, found: Found, names: Names, marks: Mapping[tuple[str, ...], Mark], axis: Axis
) -> str:
    down, across = ([*dict.fromkeys(keys[place] for keys in marks)] for place in (0, 1))
    down, across = down[:MOST_LANES], across[:MOST_COLUMNS]
    none = Mark(name="", value=None)
    rows = [(names.short(found.query.by[0], one), [marks.get((one, other), none) for other in across]) for one in down]
    return series_plots.grid(
        name, title, about, rows, [names.short(found.query.by[1], other) for other in across], axis
    )


def _lead(found: Found, kinds: Sequence[str], key: str) -> str:
    if len(kinds) == 2 and "time" in kinds:
        groups = {row.keys[1 - kinds.index("time")] for row in found.rows}
        if len(groups) > MOST_LINES:
            return t("The {n} largest of {all} groups; the table has all of them.", n=MOST_LINES, all=len(groups))
    if MEASURES[key].unit == "conversations" or len(kinds) == 2:
        return ""
    return t("The bar through each value is its 95 % interval.")


def _note(found: Found, kinds: Sequence[str], key: str) -> str:
    said = []
    if len(kinds) == 1 and kinds[0] == "time" and not all(row.whole for row in found.rows):
        said.append(t("What is paler is not over, or lies in the period with a part only."))
    if len(kinds) == 1 and found.query.compare and any(row.numbers[0].n_before for row in found.rows):
        said.append(t("Line across: the same weekdays before."))
    if kinds == ["set"] and len(found.rows) > MOST_LANES:
        said.append(t("Drawn are the {n} with the most cases; the table has all of them.", n=MOST_LANES))
    return " ".join(said)


# ── axes ────────────────────────────────────────────────────────────────────────────────────


def axis_of(key: str, marks: Sequence[Mark]) -> Axis:
    """From 0 to a round number above the highest value; scores have the whole of their scale."""
    unit = MEASURES[key].unit
    if unit == "share":
        return Axis(low=0, high=1, marks=[(share / 100, f"{share} %") for share in (0, 25, 50, 75, 100)])
    if unit == "points":
        return Axis(low=-100, high=100, marks=[(n, f"{n}".replace("-", "−")) for n in (-100, -50, 0, 50, 100)])
    if unit == "of 7":
        return Axis(low=1, high=7, marks=[(n, str(n)) for n in (1, 3, 5, 7)])
    top = max(max(mark.value or 0, mark.before or 0) for mark in marks) or 1
    if unit in ("seconds", "money"):  # with the intervals, unless they are much longer than what they are about
        top = max(top, min(max((mark.high or 0 for mark in marks), default=0), top * 1.6))
    if unit == "seconds":
        return _time_axis(top)
    scale = ticks(top, 3)
    return Axis(low=0, high=scale[-1], marks=[(mark, f"{mark:g}") for mark in scale])


def _time_axis(top: float) -> Axis:
    size, unit = next(((size, unit) for size, unit in SIZES if top >= size * 1.5), SIZES[-1])
    scale = ticks(top / size, 3)
    return Axis(low=0, high=scale[-1] * size, marks=[(mark * size, f"{mark:g} {unit}") for mark in scale])
