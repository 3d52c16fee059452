"""How a written procedure is laid out: the YAML that is allowed, and each step as a strict little struct.

YAML is read as plain values with the line of each: no anchors, no tags, no second key of a name; a scalar that is not
`true`, `false`, `null` or a number is the text that stands there.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import yaml

FORMAT = 1
MOST_BYTES, MOST_STEPS = 40_000, 60
Path = tuple[str | int, ...]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong: in which line, at which place, in words for its writer."""

    line: int
    path: str
    sentence: str


class Lined(msgspec.Struct, frozen=True):
    """Plain values, and in which line each begins."""

    value: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class Unreadable(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


# ── YAML ────────────────────────────────────────────────────────────────────────────────────


def plain(text: str) -> Lined:
    """Unreadable, with the line, for everything that is no plain YAML."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise _unreadable(1, f"A procedure has at most {MOST_BYTES // 1000} kB.")
    lines: dict[Path, int] = {}
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            _only_plain(event)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = _value(node, (), lines) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _unreadable(
            mark.line + 1 if mark else 1, f"This is no YAML: {error.problem or error.context}."
        ) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, max(error.position, 0)) + 1
        raise _unreadable(line, "There is a sign in it that no text may hold.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _unreadable(1, "This is no YAML that can be read.") from error
    return Lined(value, lines)


def _unreadable(line: int, sentence: str) -> Unreadable:
    return Unreadable(Problem(line=line, path="", sentence=sentence))


def _only_plain(event: Any) -> None:
    line = event.start_mark.line + 1
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise _unreadable(line, "Anchors and references (& and *) are not used here; put the text into quotes.")
    if getattr(event, "tag", None):
        raise _unreadable(line, "Tags (!) are not used here; put the text into quotes.")


def _value(node: Any, path: Path, lines: dict[Path, int]) -> Any:
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(one, (*path, place), lines) for place, one in enumerate(node.value)]
    found: dict[str, Any] = {}
    for key, value in node.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
        if not name or name in found:
            why = f"“{name}” stands here twice." if name else "A name is expected before the colon."
            raise _unreadable(key.start_mark.line + 1, why)
        found[name] = _value(value, (*path, name), lines)
        lines[(*path, name)] = key.start_mark.line + 1
    return found


def _scalar(node: Any) -> Any:
    text = str(node.value)
    if node.style is not None:
        return text
    if text in ("", "null", "~"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?\d{1,15}", text) and not re.match(r"-?0\d", text):
        return int(text)
    return text


# ── the layout ──────────────────────────────────────────────────────────────────────────────


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the file: whatever it does not name is a mistake."""


Kind = Literal["choice", "order", "date", "number", "phone", "address", "words"]


class Ask(Part, frozen=True, kw_only=True):
    ask: str
    question: str
    type: Kind | None = None
    choices: tuple[str | int | bool, ...] = ()
    offer: str = ""
    orders: tuple[str, ...] = ()
    only_if: str = ""


class Identify(Part, frozen=True, kw_only=True):
    identify: str | None = None


class Order(Part, frozen=True, kw_only=True):
    order: str
    missing: str = ""


class Use(Part, frozen=True, kw_only=True):
    use: str
    call_it: str
    given: dict[str, str | int | bool] = msgspec.field(name="with", default_factory=dict)
    missing: str


class Row(Part, frozen=True, kw_only=True):
    when: str = ""
    then: str


class Decide(Part, frozen=True, kw_only=True):
    decide: str
    table: tuple[Row, ...]


class Require(Part, frozen=True, kw_only=True):
    require: str
    otherwise: str
    called: str = ""
    person: bool = False
    advice: str = ""


class Confirm(Part, frozen=True, kw_only=True):
    confirm: str


class Approve(Part, frozen=True, kw_only=True):
    approve: str
    only_if: str
    tell: str


class Undo(Part, frozen=True, kw_only=True):
    use: str
    given: dict[str, str | int | bool] = msgspec.field(name="with", default_factory=dict)
    tell: str


class Do(Part, frozen=True, kw_only=True):
    do: str
    given: dict[str, str | int | bool] = msgspec.field(name="with", default_factory=dict)
    tell: str = ""
    undo: bool | Undo = False


class Say(Part, frozen=True, kw_only=True):
    say: str


class HandOver(Part, frozen=True, kw_only=True):
    hand_over: str
    advice: str


class Limit(Part, frozen=True, kw_only=True):
    label: str
    usual: int
    most: int
    least: int = 0
    unit: str = ""


STEPS: Mapping[str, type[Part]] = {
    "ask": Ask, "identify": Identify, "order": Order, "use": Use, "decide": Decide, "require": Require,
    "confirm": Confirm, "approve": Approve, "do": Do, "say": Say, "hand_over": HandOver,
}  # fmt: skip


class Document(Part, frozen=True, kw_only=True):
    """The whole file. version: only for those that are shipped; others are numbered as they are published."""

    procedure: str
    title: str
    wish: str
    steps: list[Any]
    format: int = FORMAT
    version: int = 0
    asked_by: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    skill: str = ""
    limits: dict[str, Limit] = {}
    talks: str = ""


_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.S)


def convert(lined: Lined, path: Path, kind: type[Any]) -> tuple[Any, Problem | None]:
    """A part of the file as a struct, or what is wrong with it and where."""
    value = lined.value
    for step in path:
        value = value[step]
    try:
        return msgspec.convert(value, kind, strict=True), None
    except msgspec.ValidationError as error:
        found = _AT.match(str(error))
        what, inner = (found["what"], found["path"] or "") if found else (str(error), "")
        steps = tuple(int(n) if n else name for name, n in re.findall(r"\.([\w-]+)|\[(\d+)\]", inner))
        if "[...]" in inner and (closer := _one_of_many(lined, (*path, *steps[:1]), steps[:1])) is not None:
            return None, closer
        unknown = re.search(r"unknown field `([^`]+)`", what)
        whole = (*path, *steps, *([unknown[1]] if unknown else []))
        return None, Problem(line=lined.line(whole), path=told(whole), sentence=_in_words(what, kind))


def _one_of_many(lined: Lined, path: Path, field: Path) -> Problem | None:
    """msgspec does not say which of many named ones is wrong."""
    if field != ("limits",) or not isinstance(lined.value.get("limits"), dict):
        return None
    tried = (convert(lined, (*path, name), Limit)[1] for name in lined.value["limits"])
    return next((problem for problem in tried if problem is not None), None)


def told(path: Path) -> str:
    """A place in the file: steps[2].question."""
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path).lstrip(".")


def _in_words(what: str, kind: type[Any]) -> str:
    if (missing := re.search(r"missing required field `([^`]+)`", what)) is not None:
        return f"“{missing[1]}” is missing here."
    if (unknown := re.search(r"unknown field `([^`]+)`", what)) is not None:
        known = ", ".join(field.encode_name for field in msgspec.structs.fields(kind))
        return f"“{unknown[1]}” is not known here; there are {known}."
    return re.sub(r"`([^`]*)`", "“\\1”", re.sub(r"^Expected", "Expected here:", what)) + "."
