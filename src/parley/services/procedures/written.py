"""A procedure written as YAML: read, checked against what it may use, and bound to a brand's limits.

`read` is for a text that is known to be good and remembers what it made; `check` says everything that is wrong, each
with its line. What passed the check runs without an exception whatever a customer writes: expressions give None where
something is not known, and acts and connections check everything again where it is done.
"""

import pathlib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from parley.core import expression as x
from parley.core.errors import BadConfig
from parley.core.procedure import Limit
from parley.services.procedures import layout, talks
from parley.services.procedures.layout import Lined, Path, Problem, told
from parley.services.tools import NAME, Tool

HERE = pathlib.Path(__file__).parent

RESERVED = frozenset(
    {"own", "now", "today", "limit", "customer", "order", "done", "answers", "approved", "brand", "opening", "mail"}
    | {"code", "yes", "approval", "tool"}
)
ASKED = {"date": x.DATE, "number": x.NUMBER}
ORDER: Mapping[str, str] = {
    "number": x.TEXT, "status": x.TEXT, "mail": x.TEXT, "placed": x.DATE, "delivered": x.DATE, "expected": x.DATE,
    "carrier": x.TEXT, "tracking": x.TEXT, "address": x.TEXT, "total": x.NUMBER, "currency": x.TEXT, "articles": x.LIST,
}  # fmt: skip
STATES = ("placed", "packed", "in transit", "delivered", "returned", "cancelled")
SHOP_ACTS: Mapping[str, Mapping[str, str]] = {
    "cancel_order": {"number": x.TEXT},
    "change_address": {"number": x.TEXT, "address": x.TEXT},
    "invoice": {"number": x.TEXT},
    "return_item": {"number": x.TEXT, "item": x.TEXT, "wish": x.TEXT, "size": x.TEXT, "reason": x.TEXT},
    "refund": {"number": x.TEXT, "item": x.TEXT, "cents": x.NUMBER, "why": x.TEXT},
}
"""What the shop's own tables offer, with the kinds of what each is given. All but the last of a refund is needed."""

OPTIONAL = frozenset({"wish", "size", "reason", "why"})
UNDONE_HERE = frozenset({"cancel_order", "change_address", "return_item", "refund"})
SKILL = 40


class Step(msgspec.Struct, frozen=True):
    """A step with its expressions and sentences read, by the name of their field."""

    of: Any
    read: Mapping[str, Any]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A file that could be read. asked: kinds of what is asked for, by name."""

    name: str
    title: str
    wish: str
    version: int
    asked_by: tuple[str, ...]
    begins: tuple[str, ...]
    skill: str
    limits: tuple[Limit, ...]
    steps: tuple[Step, ...]
    asked: Mapping[str, str]
    talks: str
    talks_line: int


@lru_cache(maxsize=256)
def read(text: str) -> Plan:
    """BadConfig for one that cannot be read at all; what it uses is not looked at."""
    plan, problems = check(text, None)
    if plan is None:
        first = problems[0]
        raise BadConfig(f"Line {first.line}: {first.sentence}")
    return plan


def check(text: str, tools: Mapping[str, Tool] | None) -> tuple[Plan | None, list[Problem]]:
    """The plan, and everything that is wrong. tools: the connections there are; None: they are not looked at."""
    try:
        lined = layout.plain(text)
    except layout.Unreadable as error:
        return None, [error.problem]
    if not isinstance(lined.value, dict):
        return None, [Problem(line=1, path="", sentence="A procedure begins with “procedure:” and its name.")]
    document, problem = layout.convert(lined, (), layout.Document)
    if problem is not None:
        return None, [problem]
    checking = _Checking(lined, document, tools)
    plan = checking.plan()
    return (None if checking.broken else plan), sorted(checking.found, key=lambda one: one.line)


def uses(plan: Plan) -> set[str]:
    """The connections that it needs."""
    found: set[str] = set()
    for step in plan.steps:
        if isinstance(step.of, layout.Use):
            found.add(step.of.use)
        elif isinstance(step.of, layout.Do) and step.of.do not in SHOP_ACTS:
            found |= {step.of.do} | ({step.of.undo.use} if isinstance(step.of.undo, layout.Undo) else set())
    return found


def sketch(text: str) -> Plan | None:
    """As much of a text as can be drawn, whatever is wrong with it. It is not to be run."""
    try:
        lined = layout.plain(text)
    except layout.Unreadable:
        return None
    document = layout.convert(lined, (), layout.Document)[0] if isinstance(lined.value, dict) else None
    plan = _Checking(lined, document, None).plan() if document is not None else None
    return plan if plan is not None and plan.steps else None


class _Checking:
    """One reading of a file. broken: it cannot be run at all; found: everything that is wrong."""

    def __init__(self, lined: Lined, document: layout.Document, tools: Mapping[str, Tool] | None) -> None:
        self.lined, self.document, self.tools = lined, document, tools
        self.found: list[Problem] = []
        self.broken = False
        limits = dict.fromkeys(document.limits, x.NUMBER)
        self.scope: dict[str, x.Shape] = {"now": x.DATE, "today": x.DATE, "limit": limits}
        self.asked: dict[str, str] = {}
        self.kinds: list[str] = []
        self.identified = False

    def wrong(self, path: Path, sentence: str) -> None:
        self.found.append(Problem(line=self.lined.line(path), path=told(path), sentence=sentence))

    def plan(self) -> Plan:
        document = self.document
        self._head()
        steps = [step for place, raw in enumerate(document.steps) if (step := self._step(place, raw)) is not None]
        self.broken = self.broken or bool(self.found)
        self._order_of_steps()
        self.broken = self.broken or not steps
        talks_line = self._talks()
        limits = tuple(
            Limit(name=name, label=one.label, usual=one.usual, least=one.least, most=one.most, unit=one.unit)
            for name, one in document.limits.items()
        )
        return Plan(
            name=document.procedure, title=document.title, wish=document.wish, version=document.version,
            asked_by=document.asked_by, begins=document.begins, skill=document.skill, limits=limits,
            steps=tuple(steps), asked=self.asked, talks=document.talks, talks_line=talks_line,
        )  # fmt: skip

    # the head ───────────────────────────────────────────────────────────────────────────────

    def _head(self) -> None:
        document = self.document
        if not NAME.fullmatch(document.procedure):
            self.wrong(("procedure",), "A name has 2 to 24 small letters, digits and _, and begins with a letter.")
        if document.format != layout.FORMAT:
            self.wrong(("format",), f"This desk reads format {layout.FORMAT}.")
        for name in ("title", "wish"):
            if not 3 <= len(getattr(document, name).strip()) <= 120:
                self.wrong((name,), f"The {name} has 3 to 120 letters.")
        if len(document.skill) > SKILL:
            self.wrong(("skill",), f"A skill has at most {SKILL} letters.")
        if not document.begins and not document.asked_by:
            self.wrong(("procedure",), "Nothing begins it: give “begins” with what customers write, or “asked_by”.")
        self._begins()
        for name, one in document.limits.items():
            if not x_name(name) or not one.least <= one.usual <= one.most:
                self.wrong(
                    ("limits", name), "A limit has a plain name, and its usual value lies between least and most."
                )

    def _begins(self) -> None:
        from parley.ai.intents import NAMES

        for place, phrase in enumerate(self.document.begins):
            letters = sum(c.isalpha() for c in phrase)
            if letters < 4 or len(phrase) > 120 or phrase.count("*") > 3:
                self.wrong(("begins", place), "A beginning has at least four letters and at most three *.")
        for place, name in enumerate(self.document.asked_by):
            if name not in NAMES:
                self.wrong(("asked_by", place), f"“{name}” is no matter that is known; there are {', '.join(NAMES)}.")

    def _talks(self) -> int:
        line = self.lined.line(("talks",)) + 1 if "talks" in (self.lined.value or {}) else 1
        try:
            found = talks.read(self.document.talks)
        except BadConfig as error:
            number, sentence = talks.at_line(str(error))
            self.found.append(Problem(line=line + number - 1, path="talks", sentence=sentence))
            return line
        if len(found) > 40:
            self.wrong(("talks",), "A procedure has at most 40 conversations.")
        return line

    # the steps ──────────────────────────────────────────────────────────────────────────────

    def _step(self, place: int, raw: Any) -> Step | None:
        path: Path = ("steps", place)
        if place >= layout.MOST_STEPS:
            if place == layout.MOST_STEPS:
                self.wrong(path, f"A procedure has at most {layout.MOST_STEPS} steps.")
            return None
        first = next((name for name in layout.STEPS if isinstance(raw, dict) and name in raw), None)
        if first is None:
            self.wrong(path, f"A step begins with one of {', '.join(layout.STEPS)}.")
            return None
        step, problem = layout.convert(self.lined, path, layout.STEPS[first])
        if problem is not None:
            self.found.append(problem)
            return None
        self.kinds.append(first)
        read: dict[str, Any] = {}
        for name, value in _of_step(self, path, step):
            read[name] = value
        return Step(step, read)

    def expression(self, path: Path, text: str, wanted: str = "") -> Any:
        """An expression whose names are known here. wanted: the kind that it has to give."""
        try:
            node = x.parse(text)
            kind = x.check(node, self.scope)
        except x.Wrong as error:
            self.wrong(path, f"{str(error)[:1].upper()}{str(error)[1:]}.")
            return x.Value(None)
        if wanted and kind not in (wanted, x.ANYTHING):
            self.wrong(path, f"A {wanted.replace('_', ' or ')} is expected here.")
        return node

    def sentence(self, path: Path, text: str) -> Any:
        try:
            found = x.sentence(text)
            x.check_sentence(found, self.scope)
        except x.Wrong as error:
            self.wrong(path, f"{str(error)[:1].upper()}{str(error)[1:]}.")
            return x.Sentence(())
        if not text.strip() or len(text) > 2000:
            self.wrong(path, "A sentence has 1 to 2000 letters.")
        return found

    def name(self, path: Path, name: str, shape: x.Shape) -> None:
        """A new name that later steps know."""
        if not x_name(name) or name in RESERVED:
            self.wrong(
                path, f"“{name}” cannot be a name here: small letters, digits and _, and none of the desk's own."
            )
        elif name in self.scope:
            self.wrong(path, f"“{name}” is used twice.")
        self.scope[name] = shape

    def tool(self, path: Path, name: str, *, acts: bool) -> Tool | None:
        """A connection that may be used at this place."""
        if self.tools is None:
            return None
        tool = self.tools.get(name)
        if tool is None:
            there = ", ".join(one.name for one in self.tools.values() if one.acts == acts) or "none yet"
            self.wrong(path, f"There is no connection “{name}”; there are {there}.")
        elif tool.acts != acts:
            self.wrong(path, f"“{name}” {'only asks' if acts else 'acts; use it in the step “do”'}.")
        elif tool.personal and not self.identified:
            self.wrong(path, f"“{name}” tells of a customer; “identify” has to come before it.")
        return tool

    def given(self, path: Path, given: Mapping[str, Any], wanted: Mapping[str, tuple[str, bool]]) -> dict[str, Any]:
        """What is handed to a connection or an act. wanted: kind and whether it is needed, by name."""
        found = {}
        for name, value in given.items():
            here = (*path, "with", name)
            if self.tools is not None and name not in wanted:
                self.wrong(here, f"It takes no “{name}”; it takes {', '.join(wanted) or 'nothing'}.")
            if not isinstance(value, str):
                found[name] = x.Sentence((x.Place(x.Value(value)),))
                continue
            found[name] = self.sentence(here, value)
            self._fits(here, found[name], wanted.get(name, (x.TEXT, False))[0])
        for name, (_, needed) in wanted.items():
            if needed and name not in given:
                self.wrong((*path, "with"), f"“{name}” is missing in what it is given.")
        return found

    def _fits(self, path: Path, sentence: x.Sentence, kind: str) -> None:
        if kind == x.TEXT or (place := sentence.alone) is None:
            if kind != x.TEXT and sentence.parts:
                self.wrong(path, f"A {kind} is expected here: one place in braces and nothing beside it.")
            return
        try:
            seen = x.check(place.node, self.scope)
        except x.Wrong:
            return
        if seen not in (kind, x.NOTHING, x.ANYTHING):
            self.wrong(path, f"A {kind.replace('_', ' or ')} is expected here.")

    def _order_of_steps(self) -> None:
        """What acts has a yes right before it, and the last step is the only end."""
        ends = [place for place, kind in enumerate(self.kinds) if kind in ("do", "say", "hand_over")]
        if len(self.kinds) != len(self.document.steps):
            return
        if not self.kinds or ends != [len(self.kinds) - 1]:
            where: Path = ("steps", ends[0]) if ends and ends[0] < len(self.kinds) - 1 else ("steps",)
            self.wrong(where, "The last step is the only end: do, say or hand_over.")
            self.broken = True
            return
        asking = [kind for kind in self.kinds if kind != "approve"]
        if self.kinds[-1] == "do" and (len(asking) < 2 or asking[-2] != "confirm" or asking.count("confirm") != 1):
            self.wrong(
                ("steps", ends[0]), "Right before “do” stands the one “confirm”; only “approve” may come between."
            )
            self.broken = True
        elif self.kinds[-1] != "do" and {"confirm", "approve"} & set(self.kinds):
            self.wrong(("steps", ends[0]), "Nothing is done here, so there is nothing to confirm or to approve.")
            self.broken = True


def x_name(name: str) -> bool:
    return NAME.fullmatch(name) is not None and name not in x.RESERVED


# ── each kind of step ───────────────────────────────────────────────────────────────────────


def _of_step(c: _Checking, path: Path, step: Any) -> Iterator[tuple[str, Any]]:
    check = _CHECKS[type(step)]
    yield from check(c, path, step)


def _ask(c: _Checking, path: Path, step: layout.Ask) -> Iterator[tuple[str, Any]]:
    kind = step.type or ("choice" if step.choices or step.offer else "words")
    here = (*path, "ask")
    if kind == "order" and step.ask != "number":
        c.wrong(here, "The question for an order is called “number”.")
    if kind != "order" and (step.orders or step.ask == "number"):
        c.wrong(here, "“number” and “orders” belong to a question of the type “order”.")
    if (kind == "choice") != bool(step.choices or step.offer):
        c.wrong(path, "“choices” or “offer” make a question of the type “choice”, and it needs one of them.")
    if step.choices and (step.offer or len(set(step.choices)) != len(step.choices) or len(step.choices) > 12):
        c.wrong((*path, "choices"), "At most twelve choices, each once, and not together with “offer”.")
    if any(not str(one).strip() or len(str(one)) > 80 for one in step.choices):
        c.wrong((*path, "choices"), "A choice has 1 to 80 letters.")
    for state in step.orders:
        if state not in STATES:
            c.wrong((*path, "orders"), f"An order is {', '.join(STATES)}, never “{state}”.")
    if not 3 <= len(step.question.strip()) <= 500:
        c.wrong((*path, "question"), "A question has 3 to 500 letters.")
    if step.offer:
        yield "offer", c.expression((*path, "offer"), step.offer, x.LIST)
    if step.only_if:
        yield "only_if", c.expression((*path, "only_if"), step.only_if)
    c.name(here, step.ask, ASKED.get(kind, x.TEXT))
    c.asked[step.ask] = kind


def _identify(c: _Checking, path: Path, step: layout.Identify) -> Iterator[tuple[str, Any]]:
    if c.identified:
        c.wrong(path, "They have shown who they are before.")
    c.identified = True
    c.scope["customer"] = {"mail": x.TEXT}
    yield from ()


def _order(c: _Checking, path: Path, step: layout.Order) -> Iterator[tuple[str, Any]]:
    if step.order != "number" or c.asked.get("number") != "order":
        c.wrong((*path, "order"), "It is written “order: number”, after a question “number” of the type “order”.")
    if not c.identified:
        c.wrong(path, "An order is told only to its owner; “identify” has to come before it.")
    if "order" in c.scope:
        c.wrong(path, "The order is looked up before.")
    c.scope["order"] = ORDER
    yield from ()


def _use(c: _Checking, path: Path, step: layout.Use) -> Iterator[tuple[str, Any]]:
    tool = c.tool((*path, "use"), step.use, acts=False)
    yield "given", c.given(path, step.given, _takes(tool))
    if not 3 <= len(step.missing.strip()) <= 500:
        c.wrong((*path, "missing"), "What is said where there is no such thing has 3 to 500 letters.")
    shape: x.Shape = {one.name: one.kind for one in tool.answer} if tool else _Anything()
    c.name((*path, "call_it"), step.call_it, shape)


def _takes(tool: Tool | None) -> dict[str, tuple[str, bool]]:
    if tool is None:
        return {}
    return {one.name: (one.kind, one.needed) for one in tool.parameters if one.kind != "customer"}


class _Anything(dict[str, Any]):
    """Stands for the values of a connection that is not looked at."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return x.ANYTHING


def _decide(c: _Checking, path: Path, step: layout.Decide) -> Iterator[tuple[str, Any]]:
    rows = []
    for place, row in enumerate(step.table):
        here = (*path, "table", place)
        last = place == len(step.table) - 1
        if bool(row.when) == last:
            c.wrong(here, "Every row but the last has “when”; the last is taken where none of them holds.")
        when = c.expression((*here, "when"), row.when) if row.when else None
        rows.append((when, c.sentence((*here, "then"), row.then)))
    if not 2 <= len(step.table) <= 40:
        c.wrong((*path, "table"), "A table has 2 to 40 rows.")
    c.name((*path, "decide"), step.decide, x.TEXT)
    yield "rows", tuple(rows)


def _require(c: _Checking, path: Path, step: layout.Require) -> Iterator[tuple[str, Any]]:
    yield "require", c.expression((*path, "require"), step.require)
    yield "otherwise", c.sentence((*path, "otherwise"), step.otherwise)
    if step.advice:
        yield "advice", c.sentence((*path, "advice"), step.advice)
    if step.advice and not step.person:
        c.wrong((*path, "advice"), "Advice is for a person; say “person: true” as well.")


def _confirm(c: _Checking, path: Path, step: layout.Confirm) -> Iterator[tuple[str, Any]]:
    yield "confirm", c.sentence((*path, "confirm"), step.confirm)


def _approve(c: _Checking, path: Path, step: layout.Approve) -> Iterator[tuple[str, Any]]:
    yield "only_if", c.expression((*path, "only_if"), step.only_if)
    yield "tell", c.sentence((*path, "tell"), step.tell)


def _do(c: _Checking, path: Path, step: layout.Do) -> Iterator[tuple[str, Any]]:
    if step.do in SHOP_ACTS:
        yield from _do_here(c, path, step)
        return
    tool = c.tool((*path, "do"), step.do, acts=True)
    yield "given", c.given(path, step.given, _takes(tool))
    if not step.tell:
        c.wrong(path, "“tell” says what the customer is told once it is done.")
    if step.undo is True:
        c.wrong((*path, "undo"), "Another system takes something back by a connection: “undo” with use, with and tell.")
    c.scope["done"] = {one.name: one.kind for one in tool.answer} if tool else _Anything()
    yield "tell", c.sentence((*path, "tell"), step.tell or "-")
    if isinstance(step.undo, layout.Undo):
        here = (*path, "undo")
        back = c.tool((*here, "use"), step.undo.use, acts=True)
        yield "undo_given", c.given(here, step.undo.given, _takes(back))
        yield "undo_tell", c.sentence((*here, "tell"), step.undo.tell)


def _do_here(c: _Checking, path: Path, step: layout.Do) -> Iterator[tuple[str, Any]]:
    """What the shop's own tables do has its own words and its own way back."""
    if "order" not in c.scope:
        c.wrong((*path, "do"), "The step “order” has to come before it.")
    wanted = {name: (kind, name not in OPTIONAL) for name, kind in SHOP_ACTS[step.do].items()}
    yield "given", c.given(path, step.given, wanted)
    if step.tell:
        c.wrong((*path, "tell"), "What the shop's own tables do has its own words.")
    if isinstance(step.undo, layout.Undo) or (step.undo and step.do not in UNDONE_HERE):
        c.wrong((*path, "undo"), f"“undo: true” takes it back here, for {', '.join(sorted(UNDONE_HERE))}.")


def _say(c: _Checking, path: Path, step: layout.Say) -> Iterator[tuple[str, Any]]:
    yield "say", c.sentence((*path, "say"), step.say)


def _hand_over(c: _Checking, path: Path, step: layout.HandOver) -> Iterator[tuple[str, Any]]:
    yield "hand_over", c.sentence((*path, "hand_over"), step.hand_over)
    yield "advice", c.sentence((*path, "advice"), step.advice)


_CHECKS: Mapping[type, Callable[[_Checking, Path, Any], Iterator[tuple[str, Any]]]] = {
    layout.Ask: _ask, layout.Identify: _identify, layout.Order: _order, layout.Use: _use, layout.Decide: _decide,
    layout.Require: _require, layout.Confirm: _confirm, layout.Approve: _approve, layout.Do: _do, layout.Say: _say,
    layout.HandOver: _hand_over,
}  # fmt: skip
