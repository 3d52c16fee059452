"""Conversations as columns, read from the words of core/coded.py: clocks, answers and counts of all at once."""

from base64 import b64decode
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parley.ai.survival import Times
from parley.core.coded import CLOCKS, FIELDS, HEAD, LASTED, LETTERS, QUESTIONS, WITH_BOT
from parley.core.measure import DAY, SECOND

Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]
_TYPES = np.dtype([(name, {"q": "<i8", "i": "<i4", "H": "<u2", "B": "u1"}[kind]) for name, kind in FIELDS])
_HEAD = np.dtype([one for one in _TYPES.descr[:4]])
_RUNNING, _STOPPED, _YES = 1, 2, 2


class Talks:
    """Conversations that count, the earliest first."""

    def __init__(self, rows: NDArray[Any]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @staticmethod
    def read(word: str | None, *, heads: bool = False) -> "Talks":
        """heads: the word holds only the first twenty letters of each."""
        rows = np.frombuffer(b64decode(word or ""), _HEAD if heads else _TYPES)
        assert len(rows) == len(word or "") // (HEAD if heads else LETTERS)
        began = rows["began"]
        return Talks(rows if np.all(began[1:] >= began[:-1]) else rows[np.argsort(began, kind="stable")])

    def where(self, wanted: Flags) -> "Talks":
        return Talks(self.rows[wanted])

    def between(self, start: int, end: int) -> "Talks":
        first, last = np.searchsorted(self.began, (start, end), "left")
        return Talks(self.rows[first:last])

    def having(self, **values: int | None) -> Flags:
        """Who has these values in their columns; None: any."""
        wanted = np.ones(len(self), bool)
        for name, value in values.items():
            if value is not None:
                wanted &= self.rows[name] == value
        return wanted

    @cached_property
    def began(self) -> Whole:
        return np.ascontiguousarray(self.rows["began"])

    @property
    def numbers(self) -> Whole:
        found: Whole = self.rows["conversation"]
        return found

    # clocks ─────────────────────────────────────────────────────────────────────────────────

    def clock(self, name: str, now: int) -> tuple[Flags, Whole, Flags]:
        """Who has the clock at all, and of those the seconds and whether it has stopped."""
        state = self.rows["clocks"] >> 2 * list(CLOCKS).index(name) & 3
        has = state > 0
        rows, stopped = self.rows[has], state[has] == _STOPPED
        running = np.maximum(0, now - rows["began"]) // SECOND
        return has, np.where(stopped, rows[name], running).astype(np.int64), stopped

    def times(self, name: str, now: int) -> Times:
        _, seconds, stopped = self.clock(name, now)
        return Times(seconds, stopped)

    def ages(self, now: int) -> Whole:
        """Whole seconds since each began, the youngest first."""
        return np.sort(np.maximum(0, now - self.began) // SECOND)

    # questions ──────────────────────────────────────────────────────────────────────────────

    def answer(self, name: str) -> tuple[Flags, Flags]:
        """Who can answer the question, and who says yes."""
        if name == "contained":
            state = self.rows["clocks"] >> 2 * len(CLOCKS) & 3
        else:
            state = self.rows["answers"] >> 2 * list(QUESTIONS).index(name) & 3
        return state > 0, state == _YES

    def lasted(self, now: int, days: int = 7) -> tuple[Flags, Flags]:
        """Of those whose first close is a week old: whether it lasted."""
        settled = self.rows["settled"]
        known = (settled <= now) & (now - np.minimum(settled, now) >= days * DAY)
        return known, known & (self.rows["answers"] & LASTED > 0)

    @property
    def with_bot(self) -> Flags:
        found: Flags = self.rows["answers"] & WITH_BOT > 0
        return found

    def came_again(self, days: int) -> Flags:
        """Whose person began another conversation of these within so many days after."""
        order = np.lexsort((self.began, self.rows["person"]))
        person, began = self.rows["person"][order], self.began[order]
        again = np.zeros(len(order), bool)
        same, apart = person[1:] == person[:-1], began[1:] - began[:-1]
        again[order[:-1]] = same & (apart <= days * DAY)
        again[order[1:]] |= same & (apart == 0)
        return again

    def among(self, numbers: Iterable[int]) -> Flags:
        return np.isin(self.numbers, np.fromiter(numbers, np.int64))

    # counts ─────────────────────────────────────────────────────────────────────────────────

    def a_day(self, first: int, days: int, only: Flags | None = None) -> list[int]:
        """How many began on each of some days (their numbers since 1970)."""
        began = self.began if only is None else self.began[only]
        place = began // DAY - first
        counts: list[int] = np.bincount(place[(place >= 0) & (place < days)], minlength=days).tolist()
        return counts

    def a_slot(self, width: int, end: int) -> list[float]:
        """How many began in each stretch of so many microseconds, from the first day on which one began to the end."""
        if not len(self):
            return []
        start = int(self.began[0]) // DAY * DAY
        slots = np.bincount((self.began - start) // width, minlength=(end - start) // width)
        counts: list[float] = slots.astype(float).tolist()
        return counts

    def a_week_hour(self) -> tuple[tuple[int, ...], ...]:
        """How many began in each hour of each weekday, Monday first. Day 0, 1 January 1970, was a Thursday."""
        hour = self.began // (3600 * SECOND)
        place = (hour // 24 + 3) % 7 * 24 + hour % 24
        return tuple(map(tuple, np.bincount(place, minlength=168).reshape(7, 24).tolist()))


def columns(word: str | None, width: int) -> Whole:
    """Numbers between blanks, `width` of them to a row, as columns."""
    numbers = np.fromstring(word, np.int64, sep=" ") if word else np.zeros(0, np.int64)
    return numbers.reshape(-1, width).T


def distinct(columns: Iterable[Whole]) -> list[int]:
    """The values that any of them holds, in order."""
    found: list[int] = np.unique(np.concatenate([np.asarray(one, np.int64) for one in columns])).tolist()
    return found


def foremost(most: int, order: Sequence[Whole], *columns: NDArray[Any]) -> list[tuple[Any, ...]]:
    """The first rows in an order, by its first column and then by its next ones, as plain values."""
    places = np.lexsort(tuple(reversed(order)))[:most]
    return list(zip(*(column[places].tolist() for column in columns), strict=True))
