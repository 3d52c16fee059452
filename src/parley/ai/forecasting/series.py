"""A row of counts in equal slots of time, and what has to be mended before a method may learn from it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Row = NDArray[np.float64]
Flags = NDArray[np.bool_]

SHUT = 0.15  # a day with less than this share of its usual count was no ordinary day
BUSY = 10.0  # days with fewer contacts than this are not judged
WEEKS_BACK = 8


class Series(NamedTuple):
    """Counts per slot, oldest first, beginning at midnight of a local day.

    per_day: slots in a day (48, 24 or 1). holidays: known special days, one flag a day; may reach into
    the future, where it says which of the days to come are special.
    """

    counts: Row
    per_day: int
    holidays: Flags = np.zeros(0, bool)

    @property
    def week(self) -> int:
        return 7 * self.per_day


def special_slots(series: Series, slots: int) -> Flags:
    """The holidays as one flag a slot, for so many slots from the beginning."""
    flags = np.zeros(slots, bool)
    marked = np.repeat(series.holidays, series.per_day)[:slots]
    flags[: len(marked)] = marked
    return flags


def shut_days(series: Series) -> Flags:
    """Days that fell out without being known as holidays, one flag a slot.

    Judged by the same weekday in the eight weeks before, so that nothing later is needed.
    """
    whole = len(series.counts) // series.per_day
    totals = series.counts[: whole * series.per_day].reshape(whole, series.per_day).sum(axis=1)
    shut = np.zeros(whole, bool)
    for day in range(14, whole):
        past = [d for d in range(day - 7, max(-1, day - 7 * WEEKS_BACK - 1), -7) if not shut[d]]
        usual = np.median(totals[past]) if past else 0.0
        shut[day] = usual >= BUSY and totals[day] < SHUT * usual
    flags = np.zeros(len(series.counts), bool)
    flags[: whole * series.per_day] = np.repeat(shut, series.per_day)
    return flags


def mended(series: Series) -> tuple[Row, float]:
    """The counts as they would have been without special days, and the share of the usual that comes on a holiday.

    A special slot takes the mean of what the same slot had one and two weeks before (mended itself). The
    share is 1 where no holiday has been seen yet: then a coming one is forecast as an ordinary day.
    """
    counts = series.counts.astype(np.float64).copy()
    holiday = special_slots(series, len(counts))
    odd = holiday | shut_days(series)
    usual = came = 0.0
    for slot in np.flatnonzero(odd):
        before = [counts[slot - back] for back in (series.week, 2 * series.week) if slot >= back]
        if not before:
            continue
        expected = float(np.mean(before))
        if holiday[slot]:
            usual, came = usual + expected, came + counts[slot]
        counts[slot] = expected
    return counts, min(1.0, came / usual) if usual >= BUSY else 1.0
