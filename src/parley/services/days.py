"""Rows of whole days as columns, kept in memory: a day is read again when something has happened to one of its rows.

Whoever keeps the rows marks the day of each row that an event changes with the event's place in the log. A day that was
read is used as long as its mark is the same, so nothing is ever older than the tables. Marks are read before rows: what
changes in between is read twice, never missed.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Connection, Integer, Table, select

from parley.core.measure import DAY
from parley.log.many import drop_among
from parley.log.readers import REBUILT
from parley.log.record import add_lines
from parley.log.tables import Id, counters, metadata

if TYPE_CHECKING:
    from parley.ai.columns import Block, Blocks

AT_ONCE = 14  # days that are read with one question: its answer is one long word, which needs room
MOST = 256 * 2**20  # bytes that are kept, of all kinds together


def marks(name: str) -> Table:
    """A table of days (since 1970) and the place in the log of what last happened to them."""
    return Table(
        name,
        metadata,
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("seq", Id, nullable=False),
    )


def mark(conn: Connection, table: Table, days: Mapping[int, int]) -> None:
    drop_among(conn, table.c.day, sorted(days))
    add_lines(conn, table, ("day", "seq"), sorted(days.items()))


class Kind(NamedTuple):
    """Rows of one sort. read: those from one moment to another, by the moment in their first column."""

    marks: Table
    read: "Callable[[Connection, int, int], Block]"


Mark = tuple[int, int]


class Days:
    """What one process keeps of one database, the least lately used forgotten first."""

    def __init__(self, most: int = MOST) -> None:
        self.most, self.size = most, 0
        self._kept: OrderedDict[tuple[str, int], tuple[Mark, Block]] = OrderedDict()
        self._lock, self._reading = threading.Lock(), threading.Lock()

    def rows(self, conn: Connection, kind: Kind, first: int, last: int) -> "Blocks":
        """Of all days from the first to the last."""
        from parley.ai.columns import Blocks

        wanted = self._marked(conn, kind, first, last)
        found = self._all_found(kind, wanted)
        if len(found) < len(wanted):
            with self._reading:  # what others read meanwhile is not read twice
                found = self._all_found(kind, wanted)
                for start, end in _runs(day for day in wanted if day not in found):
                    found |= self._read(conn, kind, start, end, wanted)
        return Blocks([found[day] for day in wanted])

    def _read(
        self, conn: Connection, kind: Kind, start: int, end: int, marks: Mapping[int, Mark]
    ) -> "dict[int, Block]":
        """From a day until before another."""
        from parley.ai.columns import by_day

        found = by_day(kind.read(conn, start * DAY, end * DAY), start, end)
        for day, block in found.items():
            self._keep(kind, day, marks[day], block)
        return found

    def _marked(self, conn: Connection, kind: Kind, first: int, last: int) -> dict[int, Mark]:
        of = kind.marks.c
        rebuilt = conn.execute(select(counters.c.value).where(counters.c.name == REBUILT)).scalar() or 0
        known = {row.day: row.seq for row in conn.execute(select(of.day, of.seq).where(of.day.between(first, last)))}
        return {day: (rebuilt, known.get(day, 0)) for day in range(first, last + 1)}

    def _all_found(self, kind: Kind, wanted: Mapping[int, Mark]) -> "dict[int, Block]":
        return {day: block for day, mark in wanted.items() if (block := self._found(kind, day, mark)) is not None}

    def _found(self, kind: Kind, day: int, mark: Mark) -> "Block | None":
        with self._lock:
            kept = self._kept.get((kind.marks.name, day))
            if kept is None or kept[0] != mark:
                return None
            self._kept.move_to_end((kind.marks.name, day))
            return kept[1]

    def _keep(self, kind: Kind, day: int, mark: Mark, rows: "Block") -> None:
        with self._lock:
            before = self._kept.pop((kind.marks.name, day), None)
            self._kept[kind.marks.name, day] = mark, rows
            self.size += rows.nbytes - (before[1].nbytes if before else 0)
            while self.size > self.most:
                _, (_, gone) = self._kept.popitem(last=False)
                self.size -= gone.nbytes


def _runs(days: Iterable[int]) -> Sequence[tuple[int, int]]:
    """Days that follow each other, as (first, behind the last), at most `AT_ONCE`."""
    found: list[tuple[int, int]] = []
    for day in days:
        if found and found[-1][1] == day and day - found[-1][0] < AT_ONCE:
            found[-1] = found[-1][0], day + 1
        else:
            found.append((day, day + 1))
    return found


_of: "WeakKeyDictionary[Any, Days]" = WeakKeyDictionary()
_making = threading.Lock()


def days_of(conn: Connection) -> Days:
    """What this process keeps of a connection's database."""
    with _making:
        return _of.setdefault(conn.engine, Days())
