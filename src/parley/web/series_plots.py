"""Drawings of reports: values over buckets with their intervals, several lines, lanes and grids. Each mark is a link.

In the manner of plots.py: widths are shares of the drawing, heights are pixels, colours come from the style sheet.
"""

from collections.abc import Sequence

import msgspec
from markupsafe import Markup

from parley.web.plots import FOOT, GUTTER, TOP, Axis, _line, _n, _scale, _text

RIGHT = 20  # per cent kept free at the right for the names of lines
LANE = 34
CELL = 30
FEW_NAMES = 8


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A value in a bucket. A bound of None runs to the edge where there is a value. tentative: not complete yet."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    text: str = ""
    hint: str = ""
    href: str = ""
    before: float | None = None
    tentative: bool = False
    bounded: bool = True


class Series(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    marks: Sequence[Mark]


def _group(key: str, title: str, about: str, inside: Markup, height: float, kind: str) -> Markup:
    """A drawing whose marks are links: a group to screen readers, not a picture."""
    return Markup(
        '<svg class="plot plot-{kind}" width="100%" height="{height}" role="group"'
        ' aria-labelledby="{key}-title {key}-about"><title id="{key}-title">{title}</title>'
        '<desc id="{key}-about">{about}</desc>{inside}</svg>'
    ).format(kind=kind, height=_n(height), key=f"plot-{key}", title=title, about=about, inside=inside)


def _link(mark: Mark, inside: Markup) -> Markup:
    found = Markup("<title>{}</title>{}").format(mark.hint, inside) if mark.hint else inside
    if not mark.href:
        return Markup("<g>{}</g>").format(found)
    return Markup('<a href="{}" aria-label="{}">{}</a>').format(mark.href, mark.hint or mark.name, found)


def _rect(kind: str, x: float, y: float, width: float, height: float, rounded: float = 0) -> Markup:
    return Markup('<rect class="{}" x="{}%" y="{}" width="{}%" height="{}" rx="{}"/>').format(
        kind, _n(x), _n(y), _n(max(0.0, width)), _n(max(0.0, height)), _n(rounded)
    )


# ── over buckets ────────────────────────────────────────────────────────────────────────────


def columns(key: str, title: str, about: str, marks: Sequence[Mark], axis: Axis, height: int = 220) -> Markup:
    """A column for each bucket, with its interval where there is one, and what was there before as a line."""
    plot, width = height - TOP - FOOT, (100 - GUTTER) / max(1, len(marks))
    drawn = _rules(axis, plot)
    for place, mark in enumerate(marks):
        left = GUTTER + place * width
        drawn += _link(mark, _column(mark, left, width, plot, axis))
        drawn += _named(mark.name, place, len(marks), left + width / 2, plot)
    return _group(key, title, about, drawn, height, "bars")


def _column(mark: Mark, left: float, width: float, plot: float, axis: Axis) -> Markup:
    pad, rounded = width * 0.14, 3 if width > 3 else 1
    inside = Markup("")
    if mark.value is not None:
        tall = axis.place(mark.value) * plot
        kind = "bar is-tentative" if mark.tentative else "bar"
        inside += _rect(kind, left + pad, TOP + plot - tall, width - 2 * pad, tall, rounded)
    if mark.before is not None:
        y = TOP + plot * (1 - axis.place(mark.before))
        inside += _line("ghost", left + pad / 2, y, left + width - pad / 2, y)
    if mark.value is not None and width > 9 and mark.text:
        tall = axis.place(mark.value) * plot
        inside += _text(left + width / 2, TOP + plot - tall - 5, mark.text, "middle", "bar-text")
    return inside + _rect("catch", left, TOP, width, plot)


def points(key: str, title: str, about: str, marks: Sequence[Mark], axis: Axis, height: int = 220) -> Markup:
    """A dot for each bucket with its interval as an upright bar; neighbours are joined."""
    plot, width = height - TOP - FOOT, (100 - GUTTER) / max(1, len(marks))
    drawn = _rules(axis, plot) + _joined(marks, axis, plot, GUTTER, width, 1)
    for place, mark in enumerate(marks):
        middle = GUTTER + (place + 0.5) * width
        drawn += _link(mark, _point(mark, middle, width, plot, axis, wide=width > 9))
        drawn += _named(mark.name, place, len(marks), middle, plot)
    return _group(key, title, about, drawn, height, "points")


def _point(mark: Mark, x: float, width: float, plot: float, axis: Axis, wide: bool) -> Markup:
    inside = Markup("")
    if mark.value is not None and mark.bounded:
        low = axis.place(axis.low if mark.low is None else mark.low)
        high = axis.place(axis.high if mark.high is None else mark.high)
        inside += _line("whisker", x, TOP + plot * (1 - low), x, TOP + plot * (1 - high))
    if mark.before is not None:
        y = TOP + plot * (1 - axis.place(mark.before))
        inside += _line("ghost", x - width * 0.3, y, x + width * 0.3, y)
    if mark.value is not None:
        y = TOP + plot * (1 - axis.place(mark.value))
        kind = "dot dot-1 is-tentative" if mark.tentative else "dot dot-1"
        inside += Markup('<circle class="{}" cx="{}%" cy="{}" r="4.5"/>').format(kind, _n(x), _n(y))
        if wide and mark.text:
            inside += _text(x, y - 9, mark.text, "middle", "bar-text")
    return inside + _rect("catch", x - width / 2, TOP, width, plot)


def _joined(marks: Sequence[Mark], axis: Axis, plot: float, left: float, width: float, number: int) -> Markup:
    """A line through the values; a gap where there is none."""
    moves, down = [], False
    whole = width * len(marks)
    for place, mark in enumerate(marks):
        if mark.value is None:
            down = False
            continue
        x, y = (place + 0.5) / len(marks) * 1000, 100 * (1 - axis.place(mark.value))
        moves.append(f"{'L' if down else 'M'}{_n(x)} {_n(y)}")
        down = True
    return Markup(
        '<svg class="area" x="{}%" y="{}" width="{}%" height="{}" viewBox="0 0 1000 100" preserveAspectRatio="none">'
        '<path class="line line-{} is-thin" d="{}" vector-effect="non-scaling-stroke"/></svg>'
    ).format(_n(left), TOP, _n(whole), _n(plot), number, "".join(moves))


def lines(key: str, title: str, about: str, series: Sequence[Series], axis: Axis, height: int = 260) -> Markup:
    """A line for each series, its name and last value where it ends; names that would meet move apart."""
    plot = height - TOP - FOOT
    many = max((len(one.marks) for one in series), default=1)
    width = (100 - GUTTER - RIGHT) / max(1, many)
    drawn = _rules(axis, plot)
    ends: list[tuple[float, int, Series, Mark]] = []
    for number, one in enumerate(series, 1):
        drawn += _joined(one.marks, axis, plot, GUTTER, width, number)
        for place, mark in enumerate(one.marks):
            if mark.value is not None:
                x, y = GUTTER + (place + 0.5) * width, TOP + plot * (1 - axis.place(mark.value))
                dot = Markup('<circle class="dot dot-{}" cx="{}%" cy="{}" r="4"/>').format(number, _n(x), _n(y))
                drawn += _link(mark, dot)
        last = next((mark for mark in reversed(one.marks) if mark.value is not None), None)
        if last is not None:
            ends.append((TOP + plot * (1 - axis.place(last.value or 0)), number, one, last))
    for y, number, one, last in _apart(sorted(ends, key=lambda end: end[:2]), TOP + plot):
        words = Markup('<text class="mark-name mark-{}" x="{}%" y="{}" text-anchor="start">{}'
                       '<tspan class="mark-words" dx="6">{}</tspan></text>')  # fmt: skip
        drawn += words.format(number, _n(100 - RIGHT + 0.6), _n(y + 4), one.name, last.text)
    for place, mark in enumerate(series[0].marks if series else ()):
        drawn += _named(mark.name, place, many, GUTTER + (place + 0.5) * width, plot)
    return _group(key, title, about, drawn, height, "lines")


def _apart(
    ends: Sequence[tuple[float, int, Series, Mark]], bottom: float, room: float = 16
) -> list[tuple[float, int, Series, Mark]]:
    """So far from one another that each can be read, none below the drawing."""
    found: list[tuple[float, int, Series, Mark]] = []
    for y, *rest in ends:
        found.append((max(y, found[-1][0] + room) if found else y, *rest))  # type: ignore[arg-type]
    over = found[-1][0] - bottom if found else 0
    return [(y - max(0.0, over), *rest) for y, *rest in found]  # type: ignore[misc]


def _rules(axis: Axis, plot: float) -> Markup:
    return _scale([(axis.place(value), name) for value, name in axis.marks], plot)


def _named(name: str, place: int, many: int, x: float, plot: float) -> Markup:
    """At most eight names below; on narrow screens every second of them."""
    every = max(1, -(-many // FEW_NAMES))
    behind, odd = divmod(many - 1 - place, every)
    kind = "tick is-second" if behind % 2 and many > 4 else "tick"
    return Markup("") if odd else _text(x, TOP + plot + 16, name, "middle", kind)


# ── over sets ───────────────────────────────────────────────────────────────────────────────


def lanes(key: str, title: str, about: str, marks: Sequence[Mark], axis: Axis) -> Markup:
    """A lane for each: its name and value in words, below them a bar as long as it is many."""
    drawn = Markup("")
    for place, mark in enumerate(marks):
        top = place * LANE
        inside = _text(0, top + 14, mark.name, "start", "row-name") + _text(100, top + 14, mark.text, "end", "row-text")
        inside += _rect("lane", 0, top + 20, 100, 6, 3)
        inside += _rect("lane-part", 0, top + 20, axis.place(mark.value or 0) * 100, 6, 3)
        if mark.before is not None:
            at = axis.place(mark.before) * 100
            inside += _line("ghost", at, top + 17, at, top + 29)
        inside += _rect("catch", 0, top, 100, LANE)
        named = Markup('<a href="{}">{}</a>').format(mark.href, inside) if mark.href else inside
        drawn += named  # its words are in it
    return _group(key, title, about, drawn, len(marks) * LANE, "lanes")


def grid(
    key: str, title: str, about: str, rows: Sequence[tuple[str, Sequence[Mark]]], columns: Sequence[str], axis: Axis
) -> Markup:
    """Rows by columns; the stronger the field, the higher its value, which stands in it."""
    left, width = 16.0, 84.0 / max(1, len(columns))
    drawn = Markup("")
    worded = width > 5
    for place, (name, marks) in enumerate(rows):
        y = place * CELL
        drawn += _text(0, y + CELL / 2 + 4, name, "start", "row-name")
        for number, mark in enumerate(marks):
            x = left + number * width
            strength = axis.place(mark.value) if mark.value is not None else 0
            box = Markup('<rect class="{}" x="{}%" y="{}" width="{}%" height="{}" rx="3"{}/>').format(
                "warm" if mark.value is not None else "cold", _n(x + width * 0.03), _n(y + 1), _n(width * 0.94),
                CELL - 2, Markup(' fill-opacity="{}"').format(_n(0.08 + 0.6 * strength)),
            )  # fmt: skip
            words = _text(x + width / 2, y + CELL / 2 + 4, mark.text, "middle", "cell-text") if worded else Markup("")
            drawn += _link(mark, box + words)
    every = max(1, -(-len(columns) // (FEW_NAMES + 4)))
    for number, label in enumerate(columns):
        if number % every == 0:
            drawn += _text(left + (number + 0.5) * width, len(rows) * CELL + 16, label, "middle")
    return _group(key, title, about, drawn, len(rows) * CELL + FOOT, "grid")
