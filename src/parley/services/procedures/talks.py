"""Conversations written down as they have to go, and what became of them: read here, held by `parley.rehearsal`.

# What is shown
order 55501 kim@example.org delivered 12 days ago: Lamp 49.00; Rug 120.00
known kim@example.org
limit refund.alone = 200
tool parcel_tracker {"state": "late"}
tool parcel_tracker down
> what the customer writes; {code} stands for the six digits that were mailed
< what the bot's next words have to hold
... 15 minutes
approve
= order 55501 cancelled
= made return_item Lamp
= nothing made
= called hold_parcel 2026-03-05
= nothing called
= handed over: what the card has to hold
= mailed: what a letter has to hold
= still with the bot
"""

import re
from collections.abc import Iterator

import msgspec

from parley.core.errors import BadConfig
from parley.services.tools import Tool

MARKS = {">": "says", "<": "hears", "=": "holds", "...": "waits"}
WORDS = ("order", "known", "limit", "approve", "decline", "tool")


class Line(msgspec.Struct, frozen=True):
    """kind: says, hears, holds, waits, or one of WORDS. number: its line in the file."""

    kind: str
    text: str
    number: int


class Talk(msgspec.Struct, frozen=True):
    """One conversation. title: what it shows."""

    title: str
    lines: tuple[Line, ...]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A procedure that the company wrote, as it is rehearsed. tools: the connections there are."""

    text: str
    tools: tuple[Tool, ...] = ()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How a conversation went. problem: where it went otherwise, and how; said: who said what, in order."""

    title: str
    problem: str = ""
    said: tuple[tuple[str, str], ...] = ()

    @property
    def right(self) -> bool:
        return not self.problem


def read(text: str) -> list[Talk]:
    """Every conversation of a file. BadConfig for a line that is none of the above."""
    found: list[Talk] = []
    lines: list[Line] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            lines = []
            found.append(Talk(line.lstrip("# ").strip(), ()))
        elif line.strip():
            if not found:
                raise BadConfig(f"Line {number}: a conversation begins with “# ” and what it shows.")
            lines.append(_line(line.strip(), number))
            found[-1] = Talk(found[-1].title, tuple(lines))
    return found


def at_line(problem: str) -> tuple[int, str]:
    """The line that a problem names, and the problem without it."""
    found = re.match(r"Line (\d+): (.*)", problem, re.S)
    return (int(found[1]), found[2]) if found else (1, problem)


def _line(line: str, number: int) -> Line:
    head, _, rest = line.partition(" ")
    if head in MARKS:
        return Line(MARKS[head], rest.strip(), number)
    if head in WORDS:
        return Line(head, rest.strip(), number)
    raise BadConfig(f"Line {number}: “{line}” is nothing that can happen in a conversation.")


class WrittenOrder(msgspec.Struct, frozen=True):
    """items: names with their price in cents."""

    number: str
    mail: str
    status: str
    days: int
    items: tuple[tuple[str, int], ...]
    address: str


_ORDER = re.compile(
    r"(?P<number>\w+) (?P<mail>\S+@\S+) (?P<status>[a-z ]+?)(?: (?P<days>\d+) days ago)?"
    r"(?: to (?P<address>[^:]+))?: (?P<items>.+)"
)


def order(text: str) -> WrittenOrder:
    found = _ORDER.fullmatch(text)
    if found is None:
        raise BadConfig(f"“order {text}”: write number, mail address, status, days ago, a colon, articles with prices.")
    return WrittenOrder(
        found["number"], found["mail"], found["status"], int(found["days"] or 1), tuple(_items(found["items"])),
        found["address"] or "1 Quay Street, Galway, Ireland",
    )  # fmt: skip


def _items(text: str) -> Iterator[tuple[str, int]]:
    for one in text.split(";"):
        name, _, price = one.strip().rpartition(" ")
        yield name, round(float(price) * 100)
