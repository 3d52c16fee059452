"""Opening hours: how much working time lies between two moments, in a zone with summer time and holidays.

Opening periods are made per local day and measured in UTC. Days are never multiplied by hours: the night
in March has 23, the one in October 25.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec

MIDNIGHT = time(0)


class Period(msgspec.Struct, frozen=True):
    """Open from one local time to another; midnight as the end is the end of the day."""

    start: time
    end: time


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """Opening periods by weekday (0 is Monday) in an IANA zone. holidays: days on which nobody works."""

    zone: str = "UTC"
    weekdays: Mapping[int, tuple[Period, ...]] = {}
    holidays: frozenset[date] = frozenset()
    name: str = ""


@cache
def always(zone: str = "UTC") -> Calendar:
    """Around the clock."""
    return Calendar(zone=zone, weekdays={day: (Period(MIDNIGHT, MIDNIGHT),) for day in range(7)}, name="24 hours a day")


def office(zone: str, start: int = 9, end: int = 17, holidays: frozenset[date] = frozenset()) -> Calendar:
    """Monday to Friday, from one full hour to another."""
    period = (Period(time(start), time(end)),)
    return Calendar(zone=zone, weekdays=dict.fromkeys(range(5), period), holidays=holidays, name="office hours")


def open_time(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Working time between two moments; nothing where the end lies before the start."""
    found = timedelta()
    for opens, closes in periods(calendar, start, end):
        found += max(timedelta(), min(closes, end) - max(opens, start))
    return found


def periods(calendar: Calendar, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Opening periods that touch the interval, in UTC, in order."""
    zone = ZoneInfo(calendar.zone)
    day = start.astimezone(zone).date() - timedelta(days=1)
    last = end.astimezone(zone).date()
    while day <= last:
        if day not in calendar.holidays:
            for period in calendar.weekdays.get(day.weekday(), ()):
                opens, closes = _moment(day, period.start, zone), _closing(day, period, zone)
                if closes > start and opens < end:
                    yield opens, closes
        day += timedelta(days=1)


def due(calendar: Calendar, start: datetime, working: timedelta, within: timedelta = timedelta(days=366)) -> datetime:
    """The moment at which so much working time has passed. Raises ValueError where a year holds too little."""
    left = working
    for opens, closes in periods(calendar, start, start + within):
        begins = max(opens, start)
        if left <= closes - begins:
            return begins + left
        left -= closes - begins
    raise ValueError("The calendar has too few opening hours for this promise.")


def is_open(calendar: Calendar, at: datetime) -> bool:
    return any(opens <= at < closes for opens, closes in periods(calendar, at, at + timedelta(seconds=1)))


def _closing(day: date, period: Period, zone: ZoneInfo) -> datetime:
    over_midnight = period.end <= period.start
    return _moment(day + timedelta(days=over_midnight), period.end, zone)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """A local time as UTC. One that the clock skips in March is moved on by the hour that is missing."""
    return datetime.combine(day, at, zone).astimezone(UTC)


# ── rest between shifts ─────────────────────────────────────────────────────────────────────

DAILY_REST = timedelta(hours=11)  # Directive 2003/88/EC, article 3


def short_rests(
    shifts: list[tuple[datetime, datetime]], least: timedelta = DAILY_REST
) -> list[tuple[datetime, datetime]]:
    """Gaps between shifts (start, end) that are shorter than the rest a day must have, in real time.

    A gap within a working day is a pause; only gaps over a local midnight count, or those of four hours and more.
    """
    ordered = sorted(shifts, key=lambda shift: shift[0])
    found = []
    for (_, ended), (began, _) in pairwise(ordered):
        rest = began.astimezone(UTC) - ended.astimezone(UTC)
        if rest < least and (began.date() != ended.date() or rest >= timedelta(hours=4)):
            found.append((ended, began))
    return found
