"""A small language for rules and sentences that people of a company write: `days_since(order.delivered) <= limit.days`.

It reads names, compares and counts; it cannot call, loop or reach anything that was not handed in. `parse` and `check`
say what is wrong before a customer meets it; `evaluate` never fails: what cannot be known is None, and None is not
true, not equal to anything but None, and neither more nor less than anything.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

LONGEST, DEEPEST = 600, 24
RESERVED = frozenset({"and", "or", "not", "in", "true", "false", "none"})

TEXT, NUMBER, DATE, YES_NO, LIST, NOTHING = "text", "number", "date", "yes_no", "list", "nothing"
ANYTHING = "anything"  # of what is not looked at: it goes together with all
Shape = str | Mapping[str, Any]
"""What a name may hold: one of the kinds above, or names of its own."""


class Wrong(Exception):
    """What is written cannot be read or cannot hold, in words for its writer."""


class Value(msgspec.Struct, frozen=True):
    value: Any


class Name(msgspec.Struct, frozen=True):
    path: tuple[str, ...]

    @property
    def text(self) -> str:
        return ".".join(self.path)


class Call(msgspec.Struct, frozen=True):
    function: str
    arguments: tuple[Any, ...]


class Not(msgspec.Struct, frozen=True):
    of: Any


class Both(msgspec.Struct, frozen=True):
    """left and right, or left or right."""

    left: Any
    sign: str
    right: Any


class Compared(msgspec.Struct, frozen=True):
    left: Any
    sign: str
    right: Any


class Sum(msgspec.Struct, frozen=True):
    left: Any
    sign: str
    right: Any


class Several(msgspec.Struct, frozen=True):
    of: tuple[Any, ...]


Node = Value | Name | Call | Not | Both | Compared | Sum | Several


# ── reading ─────────────────────────────────────────────────────────────────────────────────


_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d{1,15}(?:\.\d{1,9})?)|(?P<text>'[^']*'|\"[^\"]*\")|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"
    r"|(?P<sign><=|>=|==|!=|[<>()+\-*/,\[\]]))"
)


def parse(text: str) -> Node:
    """Wrong for whatever is not an expression."""
    if len(text) > LONGEST:
        raise Wrong(f"it is longer than {LONGEST} letters")
    reader = _Reader(_tokens(text))
    found = reader.either()
    if reader.here is not None:
        raise Wrong(f"“{reader.here.text}” is not expected there")
    return found


class _Token(NamedTuple):
    kind: str
    text: str


def _tokens(text: str) -> list[_Token]:
    found, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise Wrong(f"“{text[place:].strip()[:20]}” cannot be read; texts stand in quotes, and equal is ==")
        found.append(_Token(str(match.lastgroup), match[str(match.lastgroup)]))
        place = match.end()
    if not found:
        raise Wrong("it is empty")
    return found


class _Reader:
    """Reads what binds loosest first."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self.tokens, self.place, self.depth = tokens, 0, 0

    @property
    def here(self) -> _Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def takes(self, *texts: str) -> str:
        """The token here, if it is one of these and no text in quotes."""
        token = self.here
        if token is not None and token.kind in ("sign", "name") and token.text in texts:
            self.place += 1
            return token.text
        return ""

    def needs(self, text: str) -> None:
        if not self.takes(text):
            raise Wrong(f"“{text}” is missing" + (f" before “{self.here.text}”" if self.here else " at its end"))

    def either(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Wrong("it is nested too deeply")
        left = self.all_of()
        while sign := self.takes("or"):
            left = Both(left, sign, self.all_of())
        self.depth -= 1
        return left

    def all_of(self) -> Node:
        left = self.negated()
        while sign := self.takes("and"):
            left = Both(left, sign, self.negated())
        return left

    def negated(self) -> Node:
        turns = 0
        while self.takes("not"):
            turns += 1
        found = self.compared()
        return Not(found) if turns % 2 else found

    def compared(self) -> Node:
        left = self.sum()
        if sign := self.takes("==", "!=", "<=", ">=", "<", ">", "in"):
            return Compared(left, sign, self.sum())
        if self.takes("not"):
            self.needs("in")
            return Not(Compared(left, "in", self.sum()))
        return left

    def sum(self) -> Node:
        left = self.product()
        while sign := self.takes("+", "-"):
            left = Sum(left, sign, self.product())
        return left

    def product(self) -> Node:
        left = self.one()
        while sign := self.takes("*", "/"):
            left = Sum(left, sign, self.one())
        return left

    def one(self) -> Node:
        token = self.here
        if token is None:
            raise Wrong("something is missing at its end")
        self.place += 1
        match token.kind:
            case "number":
                return Value(float(token.text) if "." in token.text else int(token.text))
            case "text":
                return Value(token.text[1:-1])
            case "name":
                return self.named(token.text)
        match token.text:
            case "(":
                found = self.either()
                self.needs(")")
                return found
            case "[":
                return Several(self.listed("]"))
            case "-" if self.here is not None and self.here.kind == "number":
                negative = self.one()
                assert isinstance(negative, Value)
                return Value(-negative.value)
        raise Wrong(f"“{token.text}” is not expected there")

    def named(self, text: str) -> Node:
        if text in ("true", "false", "none"):
            return Value({"true": True, "false": False, "none": None}[text])
        if text in RESERVED:
            raise Wrong(f"“{text}” is not expected there")
        if self.takes("("):
            return Call(text, self.listed(")"))
        return Name(tuple(text.split(".")))

    def listed(self, end: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.takes(end):
            if found:
                self.needs(",")
            found.append(self.either())
        return tuple(found)


# ── checking ────────────────────────────────────────────────────────────────────────────────


class _Function(NamedTuple):
    """takes: kinds of its arguments; gives: the kind of its answer."""

    takes: tuple[str, ...]
    gives: str
    does: Callable[..., Any]
    example: str


def check(node: Node, scope: Mapping[str, Shape]) -> Shape:
    """The kind of what it gives. Wrong where a name is not known at this place, or kinds do not go together."""
    match node:
        case Value(value=value):
            return kind_of(value)
        case Name():
            return _known(node, scope)
        case Several(of=of):
            for one in of:
                check(one, scope)
            return LIST
        case Call():
            return _called(node, scope)
        case Not(of=of):
            check(of, scope)
            return YES_NO
        case Both(left=left, right=right):
            check(left, scope)
            check(right, scope)
            return YES_NO
        case Compared(left=left, sign=sign, right=right):
            _comparable(check(left, scope), sign, check(right, scope))
            return YES_NO
        case Sum(left=left, right=right, sign=sign):
            for one in (left, right):
                if (kind := check(one, scope)) not in (NUMBER, ANYTHING):
                    raise Wrong(f"{_told(kind)} cannot stand beside “{sign}”, only a number")
            return NUMBER
    raise AssertionError(node)


def kind_of(value: Any) -> str:
    match value:
        case None:
            return NOTHING
        case bool():
            return YES_NO
        case int() | float():
            return NUMBER
        case date():
            return DATE
        case list() | tuple():
            return LIST
    return TEXT


def _known(name: Name, scope: Mapping[str, Shape]) -> Shape:
    here: Shape = scope
    for place, part in enumerate(name.path):
        if not isinstance(here, Mapping):
            raise Wrong(f"“{'.'.join(name.path[:place])}” is {_told(here)} and has no “{part}”")
        if part not in here:
            within = f"“{'.'.join(name.path[:place])}” has" if place else "known here are"
            raise Wrong(f"“{name.text}” is not known here; {within} {', '.join(sorted(here)) or 'nothing'}")
        here = here[part]
    return here


def _called(call: Call, scope: Mapping[str, Shape]) -> str:
    function = FUNCTIONS.get(call.function)
    if function is None:
        raise Wrong(f"there is no “{call.function}(…)”; there are {', '.join(sorted(FUNCTIONS))}")
    kinds = [check(one, scope) for one in call.arguments]
    if len(kinds) != len(function.takes):
        raise Wrong(f"“{call.function}” is written like {function.example}")
    for kind, wanted in zip(kinds, function.takes, strict=True):
        if kind not in (ANYTHING, *wanted.split("|")):
            raise Wrong(f"“{call.function}” is given {_told(kind)}; it is written like {function.example}")
    return function.gives


def _comparable(left: Shape, sign: str, right: Shape) -> None:
    if ANYTHING in (left, right):
        return
    if isinstance(left, Mapping) or isinstance(right, Mapping):
        if sign in ("==", "!=") and NOTHING in (left, right):
            return
        raise Wrong("a whole record cannot be compared, only one of its values")
    if sign == "in":
        if right not in (LIST, TEXT):
            raise Wrong(f"“in” looks into a list or a text, and {_told(right)} is neither")
        return
    if NOTHING in (left, right) and sign in ("==", "!="):
        return
    if left != right:
        raise Wrong(f"{_told(left)} is compared with {_told(right)}")
    if sign not in ("==", "!=") and left not in (NUMBER, DATE):
        raise Wrong(f"{_told(left)} is neither less nor more than another; only numbers and dates are")


def _told(kind: Shape) -> str:
    if isinstance(kind, Mapping):
        return "a record"
    return {TEXT: "a text", NUMBER: "a number", DATE: "a date", YES_NO: "a yes or no", LIST: "a list"}.get(
        kind, "nothing"
    )


# ── working out ─────────────────────────────────────────────────────────────────────────────


def evaluate(node: Node, known: Mapping[str, Any]) -> Any:
    """What it comes to. It never fails: see the head of this file. `known` holds `now` beside the names."""
    match node:
        case Value(value=value):
            return value
        case Name():
            return _found(node, known)
        case Several(of=of):
            return tuple(evaluate(one, known) for one in of)
        case Call(function=function, arguments=arguments):
            return _worked_out(function, [evaluate(one, known) for one in arguments], known)
        case Not(of=of):
            return not evaluate(of, known)
        case Both(left=left, sign="and", right=right):
            return bool(evaluate(left, known)) and bool(evaluate(right, known))
        case Both(left=left, right=right):
            return bool(evaluate(left, known)) or bool(evaluate(right, known))
        case Compared(left=left, sign=sign, right=right):
            return _compare(evaluate(left, known), sign, evaluate(right, known))
        case Sum(left=left, sign=sign, right=right):
            return _count(evaluate(left, known), sign, evaluate(right, known))
    return None


def _found(name: Name, known: Mapping[str, Any]) -> Any:
    here: Any = known
    for part in name.path:
        if not isinstance(here, Mapping):
            return None
        here = here.get(part)
    return here


def _worked_out(function: str, given: list[Any], known: Mapping[str, Any]) -> Any:
    wanted = FUNCTIONS.get(function)
    if wanted is None or len(given) != len(wanted.takes):
        return None
    fits = [kind_of(one) in kinds.split("|") for one, kinds in zip(given, wanted.takes, strict=True)]
    if not all(fits):
        return None
    return wanted.does(known, *given)


def _compare(left: Any, sign: str, right: Any) -> bool:
    if sign == "in":
        return _within(left, right)
    if isinstance(left, date) and isinstance(right, date):
        left, right = day(left), day(right)
    if sign in ("==", "!="):
        same = kind_of(left) == kind_of(right) and _plain(left) == _plain(right)
        return same if sign == "==" else not same
    if kind_of(left) != kind_of(right) or kind_of(left) not in (NUMBER, DATE):
        return False
    return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[sign])


def _within(one: Any, many: Any) -> bool:
    if isinstance(many, str):
        return isinstance(one, str) and bool(one) and one.casefold() in many.casefold()
    return isinstance(many, list | tuple) and any(_compare(one, "==", other) for other in many)


def _plain(value: Any) -> Any:
    """Texts are the same whatever their capitals: systems do not agree on them."""
    return value.strip().casefold() if isinstance(value, str) else value


def _count(left: Any, sign: str, right: Any) -> int | float | None:
    if kind_of(left) != NUMBER or kind_of(right) != NUMBER:
        return None
    try:
        found = {"+": lambda: left + right, "-": lambda: left - right, "*": lambda: left * right}.get(
            sign, lambda: left / right
        )()
    except (ZeroDivisionError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _days(known: Mapping[str, Any], then: date) -> int:
    now = known.get("now")
    return (day(then) - day(now)).days if isinstance(now, date) else 0


def _length(known: Mapping[str, Any], of: Any) -> int:
    return len(of)


def _round(known: Mapping[str, Any], number: float) -> int:
    return round(number)


FUNCTIONS: Mapping[str, _Function] = {
    "days_since": _Function((DATE,), NUMBER, lambda known, then: -_days(known, then), "days_since(order.delivered)"),
    "days_until": _Function((DATE,), NUMBER, _days, "days_until(order.expected)"),
    "length": _Function(("text|list",), NUMBER, _length, "length(order.articles)"),
    "lower": _Function((TEXT,), TEXT, lambda known, text: text.lower(), "lower(order.carrier)"),
    "round": _Function((NUMBER,), NUMBER, _round, "round(order.total)"),
}


# ── sentences ───────────────────────────────────────────────────────────────────────────────


class Place(msgspec.Struct, frozen=True):
    """What is filled into a sentence. form: how it is written there."""

    node: Node
    form: str = ""


FORMS = ("date", "day", "money", "masked", "list")
_PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class Sentence(msgspec.Struct, frozen=True):
    """A text with places. It is filled in once: what is filled in is never read as a place itself."""

    parts: tuple[str | Place, ...]

    @property
    def alone(self) -> Place | None:
        """The one place, where there is nothing beside it."""
        one = self.parts[0] if len(self.parts) == 1 else None
        return one if isinstance(one, Place) else None


def sentence(text: str) -> Sentence:
    """`Order {order.number} came on {order.delivered|date}.` Wrong where a place cannot be read."""
    parts: list[str | Place] = []
    place = 0
    for match in _PLACE.finditer(text):
        parts.append(text[place : match.start()])
        place = match.end()
        if match[0] in ("{{", "}}"):
            parts.append(match[0][0])
        elif match[1] is None:
            raise Wrong(f"a single “{match[0]}” stands for nothing; write “{match[0] * 2}” for the sign itself")
        else:
            parts.append(_place(match[1]))
    parts.append(text[place:])
    return Sentence(tuple(part for part in parts if part != ""))


def _place(text: str) -> Place:
    inner, _, form = text.partition("|")
    form = form.strip()
    if form and form not in FORMS:
        raise Wrong(f"“{form}” is no way to write something; there are {', '.join(FORMS)}")
    return Place(parse(inner), form)


def check_sentence(of: Sentence, scope: Mapping[str, Shape]) -> None:
    for part in of.parts:
        if isinstance(part, Place):
            kind = check(part.node, scope)
            if isinstance(kind, Mapping):
                raise Wrong("a whole record cannot be written into a sentence, only one of its values")
            wanted = {"date": DATE, "day": DATE, "money": NUMBER, "masked": TEXT, "list": LIST}.get(part.form)
            if wanted is not None and kind not in (wanted, ANYTHING):
                raise Wrong(f"{_told(kind)} cannot be written as “{part.form}”")


def fill(of: Sentence, known: Mapping[str, Any]) -> str:
    return "".join(
        part if isinstance(part, str) else written(evaluate(part.node, known), part.form) for part in of.parts
    )


def written(value: Any, form: str = "") -> str:
    """A value as it stands in a sentence."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case date():
            return f"{value:%-d %B %Y}" if form == "day" else f"{value:%A, %-d %B}"
        case int() | float() if form == "money":
            return f"{value:,.2f}"
        case float():
            return f"{value:.2f}".rstrip("0").rstrip(".")
        case list() | tuple():
            return ", ".join(written(one) for one in value)
    return _masked(str(value)) if form == "masked" else str(value)


def _masked(text: str) -> str:
    """Enough to recognise one's own: k…m@example.org, …4321."""
    name, at, domain = text.partition("@")
    return f"{name[:1]}…{name[-1:] if len(name) > 2 else ''}@{domain}" if at else f"…{text[-4:]}"
