"""A procedure drawn from its steps: down the middle what is done, to the right where it ends and why.

Made anew from the steps each time, so the picture cannot differ from what the bot does.
"""

from textwrap import wrap

from markupsafe import Markup

from parley.core import procedure as p
from parley.web.words import translate as t

LETTERS = 36  # of a line in a box
LINE, PAD, GAP = 17, 12, 26
WIDTH, SIDE, LEFT, RIGHT = 270, 290, 8, 322


def draw(procedure: p.Procedure) -> Markup:
    """The picture, to be scrolled where the page is narrower. Its words stand below it as a list."""
    y, below, drawn = 4, 4, Markup("")
    for place, step in enumerate(procedure.steps):
        kind, words, exit_ = _words(step)
        height = _height(words)
        beside = _height(exit_) if exit_ else 0
        if place:
            drawn += _arrow(LEFT + WIDTH // 2, below, y)
        drawn += _box(LEFT, y, WIDTH, height, kind, words)
        if exit_:
            drawn += _aside(y + min(height, beside) // 2) + _box(RIGHT, y, SIDE, beside, "way-out", exit_)
        below = y + height
        y += max(height, beside) + GAP
    label = t("Steps of “{title}”", title=t(procedure.title))
    frame = Markup('<svg class="flow" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">{}</svg>')
    return frame.format(label, RIGHT + SIDE + 8, y - GAP + 8, RIGHT + SIDE + 8, y - GAP + 8, drawn)


def _words(step: p.Step) -> tuple[str, list[str], list[str]]:
    """(kind, lines of the box, lines of the way out)."""
    match step:
        case p.Need():
            choices = " " + " / ".join(step.choices) if step.choices else ""
            asked = t("Ask, where it matters: {question}") if step.when else t("Ask: {question}")
            return "ask", _lines(asked.format(question=step.question + choices)), []
        case p.Prove():
            words = t("Check who they are: a code to their own address")
            return "check", _lines(words), _lines(t("Three wrong codes: to a person"))
        case p.Look():
            return "check", _lines(t("Look up: {what}", what=step.name)), _lines(step.missing)
        case p.Use():
            what, system = step.name.replace("_", " "), step.tool.replace("_", " ")
            way_out = f"{step.missing} {t('No answer: to a person')}"
            return "check", _lines(t("Ask {system} for {what}", system=system, what=what)), _lines(way_out)
        case p.Rule():
            end = f"{step.sentence} → {t('to a person')}" if step.person else step.sentence
            return "rule", _lines(t("Only if {what}", what=step.name)), _lines(end)
        case p.Confirm():
            return "ask", _lines(t("Say what will be done and wait for a yes")), _lines(t("A no: nothing is done"))
        case p.Approve():
            words = t("A person of the desk has to agree, {when}", when=step.name)
            return "rule", _lines(words), _lines(t("They do not: nothing is done"))
        case p.Do():
            words = t("Do: {what}", what=step.tool.replace("_", " "))
            return "act", _lines(words), _lines(t("“Undo” takes it back for an hour")) if step.undo else []
        case p.Tell():
            return "act", _lines(t("Tell the answer")), []
        case p.Pass():
            return "act", _lines(t("To a person, with everything that was said")), []


def _lines(text: str) -> list[str]:
    return wrap(text, LETTERS)[:7]


def _height(lines: list[str]) -> int:
    return len(lines) * LINE + 2 * PAD - 4


def _box(x: int, y: int, width: int, height: int, kind: str, lines: list[str]) -> Markup:
    said = Markup("").join(
        Markup('<tspan x="{}" dy="{}">{}</tspan>').format(x + PAD, 0 if n == 0 else LINE, line)
        for n, line in enumerate(lines)
    )
    return Markup(
        '<rect class="step step-{}" x="{}" y="{}" width="{}" height="{}" rx="8"/><text x="{}" y="{}">{}</text>'
    ).format(kind, x, y, width, height, x + PAD, y + PAD + 11, said)


def _arrow(x: int, top: int, bottom: int) -> Markup:
    return Markup('<path class="way" d="M{x} {top}V{end}m-4 -5l4 5l4 -5"/>').format(x=x, top=top, end=bottom - 2)


def _aside(y: int) -> Markup:
    return Markup('<path class="way is-aside" d="M{} {}H{}m-5 -4l5 4l-5 4"/>').format(LEFT + WIDTH, y, RIGHT - 2)
