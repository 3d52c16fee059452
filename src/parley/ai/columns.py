"""Conversations as columns, read from the words of core/coded.py: clocks, answers and counts of all at once."""

from binascii import a2b_base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parley.ai.survival import Times
from parley.core.coded import CLOCKS, FIELDS, LASTED, QUESTIONS, WITH_BOT
from parley.core.measure import DAY, SECOND

Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]
Real = NDArray[np.float64]
Block = NDArray[Any]  # rows with named columns, in the order of the moments in the first
_TYPES = np.dtype([(name, {"q": "<i8", "i": "<i4", "I": "<u4", "H": "<u2"}[kind]) for name, kind in FIELDS])
_HEAD = np.dtype([one for one in _TYPES.descr[:4]])
_RUNNING, _STOPPED, _YES = 1, 2, 2
SMALL = 65_536
SPREAD = 8  # how much room numbers may take up, for each of them


class Hours:
    """The opening hours of each brand: many spans are measured by two searches each, in whole numbers.

    spans: by brand, the periods in which it is open, as (opens, closes) in microseconds since 1970, in order.
    """

    def __init__(self, spans: Mapping[int, Sequence[tuple[int, int]]]) -> None:
        self._spans = {brand: np.array(found, np.int64).reshape(-1, 2) for brand, found in spans.items()}

    def open_seconds(self, brand: Whole, start: Whole, end: Whole) -> Whole:
        """Whole seconds of opening hours between two moments of each; a brand that is not named is always open."""
        found: Whole = np.maximum(0, end - start)
        for number, spans in self._spans.items():
            mine = brand == number
            found[mine] = _open_until(spans, end[mine]) - _open_until(spans, start[mine])
        seconds: Whole = found // SECOND
        return seconds


def _open_until(spans: Whole, moments: Whole) -> Whole:
    """The opening time that has passed by each moment since before the first of the spans."""
    opens, closes = np.vstack([[(-1, -1)], spans]).T  # before the first nothing has passed
    before = np.concatenate([[0], np.cumsum(closes - opens)[:-1]])
    place = np.searchsorted(opens, moments, "right") - 1
    passed: Whole = before[place] + np.minimum(moments, closes[place]) - opens[place]
    return passed


class Talks:
    """Conversations that count, the earliest first. A column is taken out when it is first asked for. hours: in which
    times are told; None: around the clock."""

    def __init__(self, size: int, column: Callable[[str], NDArray[Any]], hours: Hours | None = None) -> None:
        self.size, self._column, self.hours = size, column, hours
        self._known: dict[str, NDArray[Any]] = {}

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._known:
            self._known[name] = np.ascontiguousarray(self._column(name))
        return self._known[name]

    @staticmethod
    def read(word: str | None, *, heads: bool = False) -> "Talks":
        """heads: the word holds only the first letters of each."""
        rows = rows_of(word, heads=heads)
        return Talks(len(rows), rows.__getitem__)

    def where(self, wanted: Flags | Whole) -> "Talks":
        """wanted: flags of all, or places in an order that keeps the earliest first."""
        count = int(np.count_nonzero(wanted)) if wanted.dtype == bool else len(wanted)
        return Talks(count, lambda name: self[name][wanted], self.hours)

    def with_column(self, name: str, values: Whole) -> "Talks":
        """With one more, that their words do not hold."""
        return Talks(len(self), lambda of: values if of == name else self[of], self.hours)

    def between(self, start: int, end: int) -> "Talks":
        first, last = np.searchsorted(self.began, (start, end), "left").tolist()
        return Talks(last - first, lambda name: self[name][first:last], self.hours)

    def of_brands(self, brands: Sequence[int] | None) -> "Talks":
        """None: of all."""
        return self if brands is None else self.where(np.isin(self["brand"], brands))

    def having(self, **values: int | None) -> Flags:
        """Who has these values in their columns; None: any."""
        wanted = np.ones(len(self), bool)
        for name, value in values.items():
            if value is not None:
                wanted &= self[name] == value
        return wanted

    @property
    def began(self) -> Whole:
        return self["began"]

    @property
    def numbers(self) -> Whole:
        return self["conversation"]

    # clocks ─────────────────────────────────────────────────────────────────────────────────

    def clock(self, name: str, now: int) -> tuple[Flags, Whole, Flags]:
        """Who has the clock at all, and of those the seconds and whether it has stopped."""
        state = self["clocks"] >> 2 * list(CLOCKS).index(name) & 3
        has = state > 0
        stopped = state == _STOPPED
        running = np.maximum(0, now - self.began) // SECOND
        seconds = np.where(stopped, self[name], running)
        if self.hours is not None:
            seconds = self.hours.open_seconds(self["brand"], self.began, self.began + seconds * SECOND)
        return has, seconds[has], stopped[has]

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
            state = self["clocks"] >> 2 * len(CLOCKS) & 3
        else:
            state = self["answers"] >> 2 * list(QUESTIONS).index(name) & 3
        return state > 0, state == _YES

    def lasted(self, now: int, days: int = 7) -> tuple[Flags, Flags]:
        """Of those whose first close is a week old: whether it lasted."""
        settled = self["settled"]
        known = (settled <= now) & (now - np.minimum(settled, now) >= days * DAY)
        return known, known & (self["answers"] & LASTED > 0)

    @property
    def with_bot(self) -> Flags:
        found: Flags = self["answers"] & WITH_BOT > 0
        return found

    def came_again(self, days: int) -> Flags:
        """Whose person began another conversation of these within so many days after."""
        order = np.argsort(self["person"], kind="stable")  # they stand in the order in which they began
        person, began = self["person"][order], self.began[order]
        again = np.zeros(len(order), bool)
        same, apart = person[1:] == person[:-1], began[1:] - began[:-1]
        again[order[:-1]] = same & (apart <= days * DAY)
        again[order[1:]] |= same & (apart == 0)
        return again

    def among(self, numbers: Sequence[int]) -> Flags:
        """Whose number is one of these."""
        return places(np.sort(np.asarray(numbers, np.int64)), self.numbers)[1]

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


class Blocks:
    """Some of them as one table, whose columns are put together when they are asked for."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = blocks

    def __len__(self) -> int:
        return sum(map(len, self.blocks))

    def __getitem__(self, name: str) -> NDArray[Any]:
        return np.concatenate([block[name] for block in self.blocks])


def by_day(rows: Block, start: int, end: int) -> dict[int, Block]:
    """The rows of each day (since 1970) from one until before another."""
    moments = rows[(rows.dtype.names or ("",))[0]]
    edges = np.searchsorted(moments, [day * DAY for day in range(start, end + 1)]).tolist()
    return {day: rows[edges[day - start] : edges[day - start + 1]].copy() for day in range(start, end)}


def rows_of(word: str | None, *, heads: bool = False) -> NDArray[Any]:
    """What the words of core/coded.py say, the earliest first. heads: there are only the first letters of each."""
    rows = np.frombuffer(a2b_base64(word or ""), _HEAD if heads else _TYPES)
    began = np.ascontiguousarray(rows["began"])
    return rows if np.all(began[1:] >= began[:-1]) else rows[np.argsort(began, kind="stable")]


MADE = np.dtype([("at", "<i8"), ("conversation", "<i8"), ("kind", "i1"), ("due", "<i8"), ("met", "<i8")])


def made_of(word: str | None) -> NDArray[Any]:
    """What is told of promises (services/promised.py), in the order in which they were made."""
    conversation, kind, at, due, met = columns(word, 5)
    order = slice(None) if np.all(at[1:] >= at[:-1]) else np.argsort(at, kind="stable")
    rows = np.empty(len(at), MADE)
    for name, column in zip(MADE.names or (), (at, conversation, kind, due, met), strict=True):
        rows[name] = column[order]
    return rows


def counted(groups: Whole, kinds: Whole, of: int, flags: Sequence[Flags]) -> dict[int, list[list[int]]]:
    """Of each group (numbers from 0) and each of so many kinds, how many have each flag."""
    most = int(groups.max()) + 1 if len(groups) else 0
    codes = groups.astype(np.int64) * of + kinds
    table = np.array([np.bincount(codes[flag], minlength=most * of) for flag in flags])
    shaped = table.reshape(len(flags), most, of).transpose(1, 2, 0)
    return {group: shaped[group].tolist() for group in distinct([groups])}


def columns(word: str | None, width: int) -> Whole:
    """Numbers between blanks, `width` of them to a row, as columns."""
    numbers = np.fromstring(word, np.int64, sep=" ") if word else np.zeros(0, np.int64)
    return numbers.reshape(-1, width).T


def places(among: Whole, numbers: Whole) -> tuple[Whole, Flags]:
    """Where each number stands among others, and whether it does."""
    least, most = ends([among])
    if len(numbers) > len(among) and most - least < SPREAD * len(among):  # one look-up each, where there is room
        place = np.full(most - least + 2, -1, np.int64)
        place[among[::-1] - least] = np.arange(len(among) - 1, -1, -1)
        found = place[np.where((numbers >= least) & (numbers <= most), numbers - least, most - least + 1)]
        return np.maximum(found, 0), found >= 0
    order = None if np.all(among[1:] >= among[:-1]) else np.argsort(among, kind="stable")
    place = np.searchsorted(among, numbers, sorter=order)
    inside = np.minimum(place, max(0, len(among) - 1))
    found = inside if order is None or not len(among) else order[inside]
    return found, among[found] == numbers if len(among) else np.zeros(len(numbers), bool)


def joined(parts: Sequence[Talks]) -> Talks:
    """One after the other, in no order of time."""
    return Talks(sum(map(len, parts)), lambda name: np.concatenate([part[name] for part in parts]))


def priced(keys: Whole, prices: Mapping[int, float], otherwise: float = 0.0) -> Real:
    """The price of each key."""
    known, place = np.unique(keys, return_inverse=True)
    return np.array([prices.get(key, otherwise) for key in known.tolist()], float)[place]


def summed(numbers: Whole, of: Whole, amounts: Real) -> Real:
    """Of each number the sum of the amounts that are its own."""
    place, known = places(numbers, of)
    return np.bincount(place[known], amounts[known], minlength=len(numbers)).astype(float)


def mean(values: Real) -> tuple[int, float, float]:
    """How many, their mean, and the square of its standard error (0 for fewer than two)."""
    n = len(values)
    return n, float(values.mean()) if n else 0.0, float(values.var(ddof=1)) / n if n > 1 else 0.0


def distinct(columns: Iterable[Whole]) -> list[int]:
    """The values that any of them holds, in order."""
    found: set[int] = set()
    for one in columns:
        least, most = ends([one])
        few = least >= 0 and most < SMALL and len(one) > 0
        found.update((np.flatnonzero(np.bincount(one)) if few else np.unique(one)).tolist())
    return sorted(found)


def ends(columns: Iterable[Whole]) -> tuple[int, int]:
    """The least and the greatest value in any of them."""
    some = [one for one in columns if len(one)]
    return (min(int(one.min()) for one in some), max(int(one.max()) for one in some)) if some else (0, -1)


def foremost(most: int, order: Sequence[Whole], *columns: NDArray[Any]) -> list[tuple[Any, ...]]:
    """The first rows in an order, by its first column and then by its next ones, as plain values."""
    places = np.lexsort(tuple(reversed(order)))[:most]
    return list(zip(*(column[places].tolist() for column in columns), strict=True))
