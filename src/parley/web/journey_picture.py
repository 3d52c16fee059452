"""The directly-follows graph as a drawing: steps stand where they usually come, lines are as strong as frequent.

SVG made on the server, without script; colours come from frontend/desk/plots.css.
"""

from collections.abc import Mapping, Sequence
from math import log

from markupsafe import Markup

from parley.core import touchpoints as tp
from parley.services.journeys import Edge
from parley.web.numbers import duration

WIDE, HIGH = 1180, 470
BOX, TALL = 132, 44
PLACES = {
    tp.LOOKED: (0, 236), tp.WROTE: (170, 150), tp.CALLED: (170, 322), tp.BOT: (350, 60), tp.HANDED: (500, 190),
    tp.PASSED: (500, 340), tp.ANSWERED: (690, 150), tp.REOPENED: (690, 400), tp.CLOSED: (880, 60), tp.LEFT: (880, 330),
    tp.CONTENT: (1048, 150), tp.LOW: (1048, 250),
}  # fmt: skip
SHOWN, NAMED = 24, 16  # lines that are drawn, and those with words


def picture(
    edges: Sequence[Edge], steps: Mapping[str, int], names: Mapping[str, str], title: str, about: str
) -> Markup:
    """names: what each step is called. times are told by `duration`."""
    shown = kept(edges)
    most = max((edge.count for edge in shown), default=1)
    lines, words = Markup(""), Markup("")
    for place, edge in enumerate(shown):
        line, word = _line(edge, most, names, named=place < NAMED)
        lines, words = lines + line, words + word
    boxes = Markup("").join(_box(step, steps[step], names[step]) for step in PLACES if step in steps)
    used = [PLACES[step][1] for step in PLACES if step in steps] or [0]
    top, low = min(used) - TALL - 16, max(used) + TALL // 2 + 46
    return Markup(
        '<svg class="plot flow" viewBox="-4 {top} {wide} {high}" role="img" aria-labelledby="flow-title flow-about">'
        '<title id="flow-title">{title}</title><desc id="flow-about">{about}</desc>'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"'
        ' markerUnits="userSpaceOnUse" orient="auto"><path class="flow-tip" d="M0 0 8 4 0 8z"/></marker></defs>'
        "{lines}{boxes}{words}</svg>"
    ).format(wide=WIDE + 8, top=top, high=low - top, title=title, about=about, lines=lines, boxes=boxes, words=words)


def kept(edges: Sequence[Edge]) -> list[Edge]:
    """The most frequent lines, and for each step the one by which it is most often left, so that no way breaks off."""
    out: dict[str, Edge] = {}
    for edge in edges:
        out.setdefault(edge.a, edge)
    first = list(edges[:SHOWN])
    return first + [edge for edge in out.values() if edge not in first]


def _box(step: str, n: int, name: str) -> Markup:
    x, y = PLACES[step]
    return Markup(
        '<g class="flow-step is-{step}"><rect x="{x}" y="{top}" width="{wide}" height="{tall}" rx="8"/>'
        '<text class="flow-name" x="{middle}" y="{first}" text-anchor="middle">{name}</text>'
        '<text x="{middle}" y="{second}" text-anchor="middle">{n}</text></g>'
    ).format(
        step=step, x=x, top=y - TALL // 2, wide=BOX, tall=TALL, middle=x + BOX // 2, first=y - 4, second=y + 13,
        name=name, n=f"{n:,}".replace(",", " "),
    )  # fmt: skip


def _line(edge: Edge, most: int, names: Mapping[str, str], named: bool) -> tuple[Markup, Markup]:
    strength = 1 + 5 * log(1 + edge.count) / log(1 + most)
    words = f"{edge.count} · {duration(edge.median)}"
    path, (x, y) = _curve(PLACES[edge.a], PLACES[edge.b])
    line = Markup(
        '<path class="flow-line" d="{d}" stroke-width="{wide}" marker-end="url(#tip)"><title>{hint}</title></path>'
    ).format(d=path, wide=f"{strength:.1f}", hint=f"{names[edge.a]} → {names[edge.b]}: {words}")
    word = Markup('<text class="flow-words" x="{}" y="{}" text-anchor="middle">{}</text>').format(x, y, words)
    return line, word if named else Markup("")


def _curve(start: tuple[int, int], end: tuple[int, int]) -> tuple[str, tuple[int, int]]:
    """A path, and where its words stand: forwards through the sides, back and in place over the edges."""
    (ax, ay), (bx, by) = start, end
    half = TALL // 2
    if start == end:
        x = ax + BOX // 2
        return f"M{x - 22} {ay - half}C{x - 44} {ay - half - 42} {x + 44} {ay - half - 42} {x + 22} {ay - half - 2}", (
            x, ay - half - 38,
        )  # fmt: skip
    if bx > ax + BOX // 2:
        x1, x2 = ax + BOX, bx - 3
        bend = max(24, (x2 - x1) // 2)
        middle = (x1 + x2) // 2, (ay + by) // 2 - 5
        return f"M{x1} {ay}C{x1 + bend} {ay} {x2 - bend} {by} {x2} {by}", middle
    if abs(bx - ax) <= BOX // 2:  # above one another
        down = by > ay
        y1, y2 = (ay + half, by - half - 3) if down else (ay - half, by + half + 3)
        x = ax + BOX // 2 + (14 if down else -14)
        return f"M{x} {y1}L{x} {y2}", (x + (26 if down else -26), (y1 + y2) // 2)
    x1, x2 = ax + BOX // 3, bx + BOX * 2 // 3
    y1, y2 = ay + half, by + half + 3
    low = min(HIGH + 20, max(y1, y2) + 50 + (x1 - x2) // 12)
    return f"M{x1} {y1}C{x1} {low} {x2} {low} {x2} {y2}", ((x1 + x2) // 2, (y1 + y2 + 6 * low) // 8 + 4)
