"""Cases of a figure over several weeks as columns, and their sums for each group, now and before."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parley.ai.columns import Flags, Talks, Whole
from parley.ai.survival import Times
from parley.core.changes import Cell
from parley.core.measure import DAY

Real = NDArray[np.float64]


class Ones(NamedTuple):
    """value: 0 or 1, a score, or seconds; stopped: whether its clock has. week: the last is the one looked at."""

    conversation: Whole
    at: Whole
    week: Whole
    channel: Whole
    inbox: Whole
    brand: Whole
    value: Real
    stopped: Flags

    def where(self, wanted: Flags) -> "Ones":
        return Ones._make(column[wanted] for column in self)

    @property
    def size(self) -> int:
        return len(self.at)

    def halves(self, newest: int) -> "tuple[Ones, Ones]":
        """Those of the newest week, and those of the weeks before."""
        now = self.week == newest
        return self.where(now), self.where(~now)

    def times(self) -> Times:
        return Times(self.value.astype(np.int64), self.stopped)

    def scores(self) -> list[int]:
        found: list[int] = self.value.astype(np.int64).tolist()
        return found

    def day_counts(self, weeks: int) -> list[list[int]]:
        """How many on each day of each week."""
        return day_tables(self, np.zeros(self.size, np.int64), np.arange(self.size), 1, weeks)[0]


def ones(rows: "Talks | NamedTuple", start: int, value: NDArray[np.generic], stopped: Flags | None = None) -> Ones:
    """Of conversations, or of what stands in columns beside them."""
    if isinstance(rows, Talks):
        number, at = rows.numbers, rows.began
        channel, inbox, brand = (rows[name] for name in _PLACES)
    else:
        number, at, channel, inbox, brand = (getattr(rows, name) for name in ("conversation", "at", *_PLACES))
    weeks = (at - start) // (7 * DAY)
    ended = np.ones(len(at), bool) if stopped is None else stopped
    return Ones(number, at, weeks, channel, inbox, brand, value.astype(float), ended)


_PLACES = ("channel", "inbox", "brand")


class Groups:
    """Which cases belong to which group of a side: one place of a case beside one number of a group, for each."""

    def __init__(self, keys: Sequence[str], place: Whole, group: Whole) -> None:
        self.keys, self.place, self.group = keys, place, group

    def members(self, of: Ones, key: str) -> Flags:
        found = np.zeros(of.size, bool)
        if key in self.keys:
            found[self.place[self.group == self.keys.index(key)]] = True
        return found

    def cells(self, of: Ones, worth: Real, newest: int) -> dict[str, Cell]:
        """Cases and the sum of what they are worth, of every group that has any."""
        count, now = len(self.keys), of.week[self.place] == newest
        sums = []
        for half in (now, ~now):
            group = self.group[half]
            total = np.bincount(group, worth[self.place[half]], minlength=count)
            sums += [np.bincount(group, minlength=count).tolist(), total.tolist()]
        return {key: Cell(*row) for key, *row in zip(self.keys, *sums, strict=True)}

    def day_counts(self, of: Ones, weeks: int) -> dict[str, list[list[int]]]:
        return dict(zip(self.keys, day_tables(of, self.group, self.place, len(self.keys), weeks), strict=True))


def day_tables(of: Ones, group: Whole, place: Whole, groups: int, weeks: int) -> list[list[list[int]]]:
    slot = (group * weeks + of.week[place]) * 7 + of.at[place] // DAY % 7
    found: list[list[list[int]]] = np.bincount(slot, minlength=groups * weeks * 7).reshape(groups, weeks, 7).tolist()
    return found


class Sides:
    """What cases are grouped by. channels: what their numbers stand for; topics: whose tag each is."""

    def __init__(self, channels: Mapping[int, str], topics: Mapping[str, Whole]) -> None:
        self.channels, self.topics = channels, tuple(topics)
        number = np.concatenate([np.zeros(0, np.int64), *topics.values()])
        group = np.repeat(np.arange(len(topics)), [len(of) for of in topics.values()])
        order = np.argsort(number, kind="stable")
        self.tagged, self.tag = number[order], group[order]

    def groups(self, of: Ones, by: str) -> Groups:
        if by == "topic":
            return self._topics(of)
        values, group = np.unique(getattr(of, by), return_inverse=True)
        names = [self.channels.get(value, str(value)) if by == "channel" else str(value) for value in values.tolist()]
        return Groups(names, np.arange(of.size), group)

    def _topics(self, of: Ones) -> Groups:
        first = np.searchsorted(self.tagged, of.conversation, "left")
        many = np.searchsorted(self.tagged, of.conversation, "right") - first
        place = np.repeat(np.arange(of.size), many)
        within = np.arange(len(place)) - np.repeat(np.cumsum(many) - many, many)
        used, group = np.unique(self.tag[np.repeat(first, many) + within], return_inverse=True)
        return Groups([self.topics[tag] for tag in used.tolist()], place, group)
