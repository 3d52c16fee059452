"""A form for whatever a channel's settings struct holds, and back again.

What a field means is read from the struct's docstring: lines of the form `name, name: what it is`, in
paragraphs that may begin with a heading; one that begins with “Or” is of another way to the same end. So a channel
explains its settings in one place.
"""

import re
import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

import msgspec

from parley.core.channel import Channel, Inbox
from parley.core.errors import Refused

HIDDEN = "········"
SPELLED = {"imap": "IMAP", "smtp": "SMTP", "url": "URL", "id": "ID", "ca": "CA", "api": "API"}
_LIST = r"[a-z][a-z0-9_]*(?: \([^)]*\))?(?:, [a-z][a-z0-9_]*(?: \([^)]*\))?)*"
_DEFINITION = re.compile(rf"^({_LIST})(?:: (.*)|\.)$")
_HEADED = re.compile(rf"^([A-Z][^:]*): ({_LIST}\.)$")


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One setting as a form shows it. kind: text, number, check, secret, lines or choice (one of `options`).

    usual: it is as it is without anybody's doing.
    """

    name: str
    label: str
    kind: str
    value: str
    hint: str = ""
    options: tuple[str, ...] = ()
    usual: bool = False


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that belong together. heading: what they are for, empty where they need none."""

    heading: str
    fields: tuple[Field, ...]

    @property
    def folded(self) -> bool:
        """Another way, which this inbox does not go."""
        return self.heading.startswith("Or ") and all(field.usual for field in self.fields)


def groups(
    door: Channel, box: Inbox | None, typed: Mapping[str, str], suggested: Mapping[str, str]
) -> tuple[Group, ...]:
    """The form of an inbox. typed: what stood in the form before, suggested: what a new inbox may begin with."""
    headings, hints = _explained(door)
    found: list[tuple[str, list[Field]]] = []
    for info in msgspec.structs.fields(door.manifest.settings):
        heading = headings.get(info.name, found[-1][0] if found else "")
        if not found or found[-1][0] != heading:
            found.append((heading, []))
        found[-1][1].append(_field(info, box, typed, suggested, hints.get(info.name, "")))
    return tuple(Group(heading=heading, fields=tuple(fields)) for heading, fields in found)


def introduction(door: Channel) -> str:
    """The first paragraph of what the settings' docstring says, without its list of fields."""
    heading, lines = next(_paragraphs(door), ("", []))
    return "" if lines else heading


def _field(info: Any, box: Inbox | None, typed: Mapping[str, str], suggested: Mapping[str, str], hint: str) -> Field:
    default = "" if info.default in (msgspec.NODEFAULT, msgspec.UNSET) else info.default
    value = getattr(box.settings, info.name) if box else suggested.get(info.name, default)
    kind = _kind(info)
    if kind == "secret" and box and value and not str(value).startswith("env:"):
        value = HIDDEN
    shown, usual = _in_words(value), _in_words(default)
    if typed:
        shown = typed.get(f"s.{info.name}", "")
        shown = str(bool(shown)) if kind == "check" else shown
    options = tuple(str(one) for one in get_args(info.type)) if kind == "choice" else ()
    return Field(
        name=info.name, label=_label(info.name), kind=kind, value=shown, hint=hint, options=options,
        usual=shown == usual,
    )  # fmt: skip


def _in_words(value: Any) -> str:
    return "\n".join(value) if isinstance(value, tuple | list) else str(value)


def _kind(info: Any) -> str:
    origin = get_origin(info.type)
    if origin is Literal:
        return "choice"
    if info.type is bool:
        return "check"
    if info.type in (int, float):
        return "number"
    if origin in (tuple, list, types.UnionType) or info.type in (tuple, list):
        return "lines"
    is_secret = not info.name.endswith("_url") and any(part in info.name for part in ("password", "secret", "token"))
    return "secret" if is_secret else "text"


def _label(name: str) -> str:
    words = [SPELLED.get(word, word) for word in name.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


# ── what the docstring says ─────────────────────────────────────────────────────────────────


def _explained(door: Channel) -> tuple[dict[str, str], dict[str, str]]:
    """(field → heading it stands under, field → what it is)"""
    headings: dict[str, str] = {}
    hints: dict[str, str] = {}
    for heading, lines in _paragraphs(door):
        for names, meaning in lines:
            headings |= dict.fromkeys(names, heading)
            hints[names[-1]] = meaning[:1].upper() + meaning[1:].replace("`", "")
    return headings, hints


def _paragraphs(door: Channel) -> Iterator[tuple[str, list[tuple[list[str], str]]]]:
    known = {info.name for info in msgspec.structs.fields(door.manifest.settings)}
    for part in (door.manifest.settings.__doc__ or "").split("\n\n"):
        heading: list[str] = []
        lines: list[tuple[list[str], str]] = []
        for line in filter(None, (line.strip() for line in part.splitlines())):
            headed = _HEADED.match(line)
            if headed and not heading:
                heading.append(headed[1])
                line = headed[2]
            names = _names(line, known)
            if names:
                found = _DEFINITION.match(line)
                lines.append((names, (found[2] or "") if found else ""))
            elif lines:
                lines[-1] = (lines[-1][0], f"{lines[-1][1]} {line}".strip())
            else:
                heading.append(line)
        if heading or lines:
            yield " ".join(heading), lines


def _names(line: str, known: set[str]) -> list[str]:
    """The fields that a line defines; empty when it defines none."""
    found = _DEFINITION.match(line)
    if not found:
        return []
    names = [name.strip() for name in re.sub(r" \([^)]*\)", "", found[1]).split(",")]
    return names if set(names) <= known else []


# ── and back ────────────────────────────────────────────────────────────────────────────────


def settings_from(door: Channel, form: Mapping[str, str], box: Inbox | None) -> msgspec.Struct:
    """The settings that a form holds. Raises Refused, naming the field as the form does."""
    values: dict[str, Any] = {}
    for info in msgspec.structs.fields(door.manifest.settings):
        kind, typed = _kind(info), form.get(f"s.{info.name}", "")
        if kind == "secret" and typed == HIDDEN and box is not None:
            values[info.name] = getattr(box.settings, info.name)
        elif kind == "check":
            values[info.name] = bool(typed)
        elif kind == "lines":
            values[info.name] = [line.strip() for line in typed.splitlines() if line.strip()]
        elif kind == "number" and typed.strip():
            values[info.name] = _number(info, typed.strip())
        elif typed.strip() or kind in ("text", "secret"):
            values[info.name] = typed.strip()
    try:
        return msgspec.convert(values, door.manifest.settings, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(f"A setting is wrong: {error}.") from error


def _number(info: Any, typed: str) -> float:
    try:
        return int(typed) if info.type is int else float(typed)
    except ValueError as error:
        wanted = "a whole number" if info.type is int else "a number"
        raise Refused(f"{_label(info.name)}: “{typed}” is not {wanted}.") from error
