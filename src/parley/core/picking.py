"""Picking single values out of another system's JSON: `parcel.stops[0].city`, `lines[*].name`.

What is picked is made small and plain: it was written by a machine of somebody else's, and whatever it says, it is a
value and never a word to the bot.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from parley.core.expression import DATE, LIST, NUMBER, TEXT, YES_NO

KINDS = (TEXT, NUMBER, DATE, YES_NO, LIST)
LONGEST_TEXT, LONGEST_LIST = 300, 20
_STEP = re.compile(r"(?:^|\.)([A-Za-z_$][\w$-]*)|\[(\d{1,4}|\*)\]")
_ODD = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
_ADDRESS = re.compile(r"(?i)\b(?:https?|ftp|javascript|data|mailto|tel|file):\S*|\bwww\.\S+|[<>]")


def path(text: str) -> tuple[str | int, ...]:
    """The steps of a path; `*` is every member of a list. ValueError for what is none."""
    found: list[str | int] = []
    place = 0
    while place < len(text):
        match = _STEP.match(text, place)
        if match is None or match.end() == place:
            raise ValueError(f"“{text}” is no path into an answer; write it like parcel.stops[0].city")
        found.append(match[1] if match[1] is not None else "*" if match[2] == "*" else int(match[2]))
        place = match.end()
    if not found:
        raise ValueError("A path into the answer is missing.")
    return tuple(found)


def pick(answer: Any, steps: tuple[str | int, ...]) -> Any:
    """What stands there; None where nothing does."""
    for place, step in enumerate(steps):
        if step == "*":
            rest = steps[place + 1 :]
            return [pick(one, rest) for one in answer[:LONGEST_LIST]] if isinstance(answer, list) else None
        if isinstance(step, int):
            answer = answer[step] if isinstance(answer, list) and step < len(answer) else None
        else:
            answer = answer.get(step) if isinstance(answer, Mapping) else None
        if answer is None:
            return None
    return answer


def value(found: Any, kind: str) -> Any:
    """It as a value of a kind; None where it is none. Never longer than a line."""
    match kind:
        case "number":
            return _number(found)
        case "yes_no":
            return found if isinstance(found, bool) else None
        case "date":
            return _date(found)
        case "list":
            many = found if isinstance(found, list) else None
            return None if many is None else [one for one in map(_text, many[:LONGEST_LIST]) if one is not None]
    return _text(found)


def _text(found: Any) -> str | None:
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return None
    plain = _ADDRESS.sub("", _ODD.sub(" ", str(found)))
    return " ".join(plain.split())[:LONGEST_TEXT] or None


def _number(found: Any) -> int | float | None:
    if isinstance(found, str) and re.fullmatch(r"-?\d{1,15}(?:\.\d{1,9})?", found.strip()):
        found = float(found) if "." in found else int(found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return found if math.isfinite(found) and abs(found) < 1e15 else None


def _date(found: Any) -> date | None:
    if not isinstance(found, str):
        return None
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", found.strip()):
            return date.fromisoformat(found.strip())
        moment = datetime.fromisoformat(found.strip())
        return (moment.astimezone(UTC) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError):
        return None
