"""Rows of columns by their values of one or two dimensions, all at once. A row may have several values of each."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from parley.ai.columns import Flags, Talks, Whole, places
from parley.core.measure import DAY, SECOND

NONE = -1  # the value of what has none
HANDLED = ("bot", "handed", "people")
_NARROW = 1 << 16  # so many values are sorted without comparing any


class Split(NamedTuple):
    """The place of a row beside one of its values, for each; in the order of the places."""

    place: Whole
    value: Whole

    def values(self) -> list[int]:
        found: list[int] = np.unique(self.value).tolist()
        return found

    def having(self, values: Sequence[int], size: int) -> Flags:
        """Which of so many rows have one of these values."""
        found = np.zeros(size, bool)
        found[self.place[np.isin(self.value, np.asarray(values, np.int64))]] = True
        return found


class Groups:
    """Rows shared out among the values that they have, or the pairs of values."""

    def __init__(self, splits: Sequence[Split]) -> None:
        place, values = crossed(splits)
        code, self.widths, self.least = _coded(values)
        small = len(code) > 0 and int(code.max()) < _NARROW
        order = np.argsort(code.astype(np.uint16) if small else code, kind="stable")
        self.place, code = place[order], code[order]
        first = np.flatnonzero(np.diff(code, prepend=-1))
        last = np.append(first, len(code))[1:]
        ends: list[tuple[int, int]] = list(zip(first.tolist(), last.tolist(), strict=True))
        self.ends: dict[tuple[int, ...], tuple[int, int]] = dict(zip(self._keys(code[first]), ends, strict=True))

    def _keys(self, codes: Whole) -> list[tuple[int, ...]]:
        columns = []
        for width, least in zip(reversed(self.widths), reversed(self.least), strict=True):
            codes, value = np.divmod(codes, width)
            columns.append((value + least).tolist())
        return list(zip(*reversed(columns), strict=True))

    def values(self, place: int) -> set[int]:
        """That a group has of one of the splits."""
        return {key[place] for key in self.ends}

    def count(self, key: tuple[int, ...]) -> int:
        first, last = self.ends[key]
        return last - first

    def rows(self, key: tuple[int, ...]) -> Whole:
        """The places of a group's rows, in their order."""
        first, last = self.ends.get(key, (0, 0))
        found: Whole = self.place[first:last]
        return found


def _coded(values: Sequence[Whole]) -> tuple[Whole, list[int], list[int]]:
    """One number for each combination of values; how many values each may have, and the least of them."""
    code = np.zeros(len(values[0]), np.int64)
    widths, least = [], []
    for column in values:
        low, high = (int(column.min()), int(column.max())) if len(column) else (0, 0)
        widths.append(high - low + 1)
        least.append(low)
        code = code * widths[-1] + (column - low)
    return code, widths, least


def crossed(splits: Sequence[Split]) -> tuple[Whole, list[Whole]]:
    """Places, and beside each a value of every split: all combinations that a row has."""
    place, values = splits[0].place, [splits[0].value]
    for other in splits[1:]:
        first = np.searchsorted(other.place, place, "left")
        many = np.searchsorted(other.place, place, "right") - first
        place, values = np.repeat(place, many), [np.repeat(column, many) for column in values]
        values.append(other.value[_runs(first, many)])
    return place, values


def _runs(first: Whole, many: Whole) -> Whole:
    """So many numbers from each first one on, one run after the other."""
    found: Whole = np.arange(int(many.sum())) + np.repeat(first - (np.cumsum(many) - many), many)
    return found


# ── values ──────────────────────────────────────────────────────────────────────────────────


def single(value: Whole) -> Split:
    return Split(np.arange(len(value)), value.astype(np.int64, copy=False))


def buckets(key: str, at: Whole) -> Whole:
    """Days, weeks and months by the number of their first day since 1970; weekdays 0 (Monday) to 6; hours 0 to 23."""
    if key == "hour":
        return at % DAY // (3600 * SECOND)
    day = at // DAY
    if key == "month":
        months = day.astype("datetime64[D]").astype("datetime64[M]")
        return months.astype("datetime64[D]").astype(np.int64)
    weekday = (day + 3) % 7  # day 0, 1 January 1970, was a Thursday
    return {"day": day, "week": day - weekday, "weekday": weekday}[key]


def handled(talks: Talks) -> Whole:
    """Places in HANDLED."""
    asked, kept = talks.answer("contained")
    return np.where(~talks.with_bot, 2, np.where(asked & ~kept, 1, 0))


def of_owners(values: Whole, owners: Whole, numbers: Whole) -> Whole:
    """The value of each number among its owners; NONE for strangers."""
    place, known = places(owners, numbers)
    found = np.full(len(numbers), NONE, np.int64)
    found[known] = values[place[known]]
    return found


def several(value: Whole, of: Mapping[int, Sequence[int]]) -> Split:
    """Each row under all that its own value stands for; under NONE where that is nothing."""
    own, which = np.unique(value, return_inverse=True)
    lists = [list(of.get(one, ())) or [NONE] for one in own.tolist()]
    many = np.asarray([len(one) for one in lists], np.int64)
    flat = np.asarray([number for one in lists for number in one], np.int64)
    first = np.cumsum(many) - many
    return Split(np.repeat(np.arange(len(value)), many[which]), flat[_runs(first[which], many[which])])


class Marks:
    """Which conversations have which marks: several each, or none."""

    def __init__(self, marked: Sequence[tuple[int, Whole]]) -> None:
        number = np.concatenate([np.zeros(0, np.int64), *(of for _, of in marked)])
        mark = np.repeat(np.asarray([one for one, _ in marked], np.int64), [len(of) for _, of in marked])
        order = np.argsort(number, kind="stable")
        self.number, self.mark = number[order], mark[order]

    def split(self, numbers: Whole) -> Split:
        first = np.searchsorted(self.number, numbers, "left")
        many = np.searchsorted(self.number, numbers, "right") - first
        none = many == 0
        taken = _runs(first, np.where(none, 1, many))  # one place is kept for those without
        place = np.repeat(np.arange(len(numbers)), np.where(none, 1, many))
        marks = np.append(self.mark, NONE)
        return Split(place, np.where(none[place], NONE, marks[np.minimum(taken, len(self.mark))]))
