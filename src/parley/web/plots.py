"""Drawings made on the server: bars, steps, heat, intervals. SVG without script, styled by classes.

Widths are shares of the drawing and heights are pixels, so a drawing fits every screen and its
letters keep their size. Colours come from the style sheet (frontend/desk/plots.css), so light
and dark need nothing here. Each drawing carries a name and a description; the page adds the table.
"""

from collections.abc import Iterable, Sequence
from math import log

import msgspec
from markupsafe import Markup

from parley.core.stats import ticks

TOP, FOOT = 18, 22  # room for the highest label and for the names below
GUTTER = 8  # per cent kept free at the left for the numbers of the scale


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A column. part: the share of `value` drawn in the second colour. ghost: an earlier value, drawn as a line.

    name stands below where there is room; hint is told on hover. tentative: not complete yet. low, high: what is
    not sure about it, drawn as an upright line.
    """

    name: str
    value: float
    part: float = 0
    ghost: float | None = None
    hint: str = ""
    tentative: bool = False
    low: float | None = None
    high: float | None = None


class Whisker(msgspec.Struct, frozen=True, kw_only=True):
    """A value with its interval, in the unit of the axis. A bound of None runs to the edge."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    text: str
    note: str = ""
    href: str = ""


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """A curve that rises in steps. points: (place on the axis, share 0…1). mark: a point, named with words."""

    name: str
    points: Sequence[tuple[float, float]]
    mark: tuple[float, float] | None = None
    words: str = ""


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """From `low` to `high`, logarithmic if asked for; marks are (value, name)."""

    low: float
    high: float
    marks: Sequence[tuple[float, str]]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high end; what lies outside is moved to the edge."""
        if self.logarithmic:
            share = log(max(value, self.low) / self.low) / log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, share))


# ── drawings ────────────────────────────────────────────────────────────────────────────────


def bars(key: str, title: str, about: str, columns: Sequence[Bar], height: int = 200) -> Markup:
    """Columns over time, with a quiet scale and at most seven names below."""
    scale = ticks(max([c.value for c in columns] + [c.ghost or c.high or 0 for c in columns] + [1]), 3)
    plot = height - TOP - FOOT
    width, every = (100 - GUTTER) / max(1, len(columns)), max(1, -(-len(columns) // 7))
    drawn = _scale([(mark / scale[-1], f"{mark:g}") for mark in scale], plot)
    for place, column in enumerate(columns):
        named = (len(columns) - 1 - place) % every == 0
        drawn += _column(column, GUTTER + place * width, width, plot, scale[-1], named)
    return _drawing(key, title, about, drawn, height, "bars")


def _column(bar: Bar, left: float, width: float, plot: float, top: float, named: bool) -> Markup:
    whole, part = bar.value / top * plot, bar.part / top * plot
    box = Markup('<rect class="{}" x="{}%" y="{}" width="{}%" height="{}" rx="{}"/>')
    pad, rounded = width * 0.14, 3 if width > 3 else 1
    kind = "bar is-tentative" if bar.tentative else "bar"
    inside = box.format(kind, _n(left + pad), _n(TOP + plot - whole), _n(width - 2 * pad), _n(whole), rounded)
    if part:
        inside += box.format("bar-part", _n(left + pad), _n(TOP + plot - part), _n(width - 2 * pad), _n(part), rounded)
    if bar.ghost is not None:
        y = TOP + plot - bar.ghost / top * plot
        inside += _line("ghost", left + pad / 2, y, left + width - pad / 2, y)
    if bar.low is not None and bar.high is not None:
        low, high = (TOP + plot - edge / top * plot for edge in (bar.low, bar.high))
        middle = left + width / 2
        inside += _line("whisker is-upright", middle, low, middle, high)
    inside += Markup('<rect class="catch" x="{}%" y="{}" width="{}%" height="{}"/>').format(
        _n(left), TOP, _n(width), _n(plot)
    )
    found = Markup("<g><title>{}</title>{}</g>").format(bar.hint or f"{bar.name}: {bar.value:g}", inside)
    return found + (_text(left + width / 2, TOP + plot + 16, bar.name, "middle") if named else Markup(""))


def steps(key: str, title: str, about: str, curves: Sequence[Steps], axis: Axis, height: int = 220) -> Markup:
    """Shares that grow to 100 % over an axis, each curve named where its mark stands."""
    plot = height - TOP - FOOT
    drawn = _scale([(share, f"{share * 100:.0f} %") for share in (0, 0.5, 0.9, 1)], plot)
    drawn += _marks(axis, plot, gutter=GUTTER)
    paths = Markup("").join(_path(curve, axis, number) for number, curve in enumerate(curves, 1))
    drawn += Markup(
        '<svg class="area" x="{}%" y="{}" width="{}%" height="{}" viewBox="0 0 1000 100" preserveAspectRatio="none">'
        "{}</svg>"
    ).format(GUTTER, TOP, 100 - GUTTER, plot, paths)
    marked = [_along(axis, curve.mark[0], GUTTER) for curve in curves if curve.mark]
    for number, curve in enumerate(curves, 1):
        if curve.mark:
            drawn += _mark(curve, axis, plot, number, marked)
    return _drawing(key, title, about, drawn, height, "steps")


def _path(curve: Steps, axis: Axis, number: int) -> Markup:
    """The steps as a path of 1000 × 100; what falls on the same place is drawn once."""
    there: dict[int, float] = {}
    for value, share in curve.points:
        there[round(axis.place(value) * 1000)] = share
    moves = "".join(f"H{x}V{_n(100 - share * 100)}" for x, share in sorted(there.items()))
    return Markup('<path class="line line-{}" d="M0 100{}H1000" vector-effect="non-scaling-stroke"/>').format(
        number, moves
    )


def _mark(curve: Steps, axis: Axis, plot: float, number: int, marked: Sequence[float]) -> Markup:
    """A point with its words: to the right and below; to the left and above at the end, or where another is near."""
    assert curve.mark is not None
    x, y = _along(axis, curve.mark[0], GUTTER), TOP + plot * (1 - curve.mark[1])
    late = x > 66 or any(0 < other - x < 22 for other in marked) or (marked.count(x) > 1 and number > 1)
    place = Markup('x="{}%" dx="{}" text-anchor="{}"').format(_n(x), -8 if late else 8, "end" if late else "start")
    line = Markup('<text class="{}" {} y="{}">{}</text>')
    first = y - 22 if late else y + 14
    return (
        Markup('<circle class="dot dot-{}" cx="{}%" cy="{}" r="4"/>').format(number, _n(x), _n(y))
        + line.format(f"mark-name mark-{number}", place, _n(first), curve.name)
        + line.format("mark-words", place, _n(first + 14), curve.words)
    )


def whiskers(key: str, title: str, about: str, rows: Sequence[Whisker], axis: Axis) -> Markup:
    """One line for each row: its name and value in words, below them the dot with its interval."""
    step = 46
    plot = len(rows) * step
    drawn = _marks(axis, plot, TOP - 10)
    for number, row in enumerate(rows):
        drawn += _whisker(row, axis, TOP - 10 + number * step)
    return _drawing(key, title, about, drawn, plot + TOP - 10 + FOOT, "whiskers")


def _whisker(row: Whisker, axis: Axis, top: float) -> Markup:
    y = top + 32
    note = Markup('<tspan class="row-note" dx="8">{}</tspan>').format(row.note) if row.note else Markup("")
    drawn = _text(0, top + 16, Markup("{}{}").format(row.name, note), "start", "row-name")
    drawn += _text(100, top + 16, row.text, "end", "row-text")
    if row.low is not None or row.high is not None:
        low = axis.place(axis.low if row.low is None else row.low) * 100
        high = axis.place(axis.high if row.high is None else row.high) * 100
        drawn += _line("whisker", low, y, high, y)
        drawn += _line("end", low, y - 4, low, y + 4) if row.low is not None else Markup("")
        drawn += _line("end", high, y - 4, high, y + 4) if row.high is not None else Markup("")
    if row.value is not None:
        drawn += Markup('<circle class="dot dot-1" cx="{}%" cy="{}" r="5"/>').format(
            _n(axis.place(row.value) * 100), _n(y)
        )
    if not row.href:
        return drawn
    catch = Markup('<rect class="catch" x="0" y="{}" width="100%" height="46"/>').format(_n(top))
    return Markup('<a href="{}">{}</a>').format(row.href, drawn + catch)


def heat(
    key: str,
    title: str,
    about: str,
    rows: Sequence[tuple[str, Sequence[int]]],
    columns: Sequence[str],
    cell: int = 20,
    minutes: int = 60,
) -> Markup:
    """A strip of squares for each row; the darker the more. Columns with an empty name stay unnamed; each is so many
    minutes of the day."""
    most = max([value for _, values in rows for value in values] + [1])
    left, drawn = 9.0, Markup("")
    width = (100 - left) / max(1, len(columns))
    for place, (name, values) in enumerate(rows):
        y = place * cell
        drawn += _text(0, y + cell / 2 + 4, name, "start")
        for number, value in enumerate(values):
            drawn += _square(
                left + number * width,
                y,
                width,
                cell,
                value,
                most,
                f"{name} {number * minutes // 60}:{number * minutes % 60:02} – {value}",
            )
    for number, label in enumerate(columns):
        if label:
            drawn += _text(left + (number + 0.5) * width, len(rows) * cell + 16, label, "middle")
    return _drawing(key, title, about, drawn, len(rows) * cell + FOOT, "heat")


def _square(left: float, top: float, width: float, cell: float, value: int, most: int, hint: str) -> Markup:
    box = Markup('<rect class="{}" x="{}%" y="{}" width="{}%" height="{}" rx="3"{}><title>{}</title></rect>')
    strength = Markup(' fill-opacity="{}"').format(_n(0.14 + 0.86 * value / most)) if value else Markup("")
    return box.format(
        "warm" if value else "cold", _n(left + width * 0.06), _n(top + 1), _n(width * 0.88), _n(cell - 2),
        strength, hint,
    )  # fmt: skip


# ── parts of drawings ───────────────────────────────────────────────────────────────────────


def _drawing(key: str, title: str, about: str, inside: Markup, height: float, kind: str) -> Markup:
    return Markup(
        '<svg class="plot plot-{kind}" width="100%" height="{height}" role="img"'
        ' aria-labelledby="{key}-title {key}-about"><title id="{key}-title">{title}</title>'
        '<desc id="{key}-about">{about}</desc>{inside}</svg>'
    ).format(kind=kind, height=_n(height), key=f"plot-{key}", title=title, about=about, inside=inside)


def _scale(marks: Iterable[tuple[float, str]], plot: float) -> Markup:
    """Quiet lines across, each with its number sitting on it."""
    drawn = Markup("")
    for share, name in marks:
        y = TOP + plot * (1 - share)
        drawn += _line("rule is-base" if share == 0 else "rule", 0, y, 100, y)
        drawn += _text(0, y - 4, name, "start") if share else Markup("")
    return drawn


def _marks(axis: Axis, plot: float, top: float = TOP, gutter: float = 0) -> Markup:
    """Quiet lines upwards, with names below."""
    drawn = Markup("")
    for value, name in axis.marks:
        x = _along(axis, value, gutter)
        anchor = "start" if x < 2 else "end" if x > 98 else "middle"
        drawn += _line("rule", x, top, x, top + plot) + _text(x, top + plot + 16, name, anchor)
    return drawn


def _along(axis: Axis, value: float, gutter: float = 0) -> float:
    """Per cent of the drawing's width at which a value stands."""
    return gutter + axis.place(value) * (100 - gutter)


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{}%" y1="{}" x2="{}%" y2="{}"/>').format(kind, _n(x1), _n(y1), _n(x2), _n(y2))


def _text(x: float, y: float, words: str, anchor: str, kind: str = "tick") -> Markup:
    return Markup('<text class="{}" x="{}%" y="{}" text-anchor="{}">{}</text>').format(
        kind, _n(x), _n(y), anchor, words
    )


def _n(value: float) -> str:
    """A coordinate without needless digits."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
