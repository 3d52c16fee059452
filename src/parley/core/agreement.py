"""What a desk promises its customers: its opening hours, and how soon an answer and a solution come.

Policies stand in order; the first that fits a conversation is its promise. A tag is how a desk says that something
is urgent, so a policy may ask for one.
"""

from datetime import date, datetime, timedelta

import msgspec

from parley.core.opening import Calendar, Period, always, due

KINDS = ("first", "next", "resolution")
HOURS_4 = 240


class Holiday(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A day on which nobody works."""

    day: date
    name: str = ""


class Hours(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Opening hours of a brand, or of all brands without their own (None). week: seven days, Monday first; a day may
    have several periods or none."""

    brand: int | None = None
    zone: str = "UTC"
    week: tuple[tuple[Period, ...], ...] = ()
    holidays: tuple[Holiday, ...] = ()

    def calendar(self) -> Calendar:
        free = frozenset(holiday.day for holiday in self.holidays)
        return Calendar(zone=self.zone, weekdays=dict(enumerate(self.week)), holidays=free)


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is promised to whom. inbox, channel, brand, tag: what a conversation must have; what is None fits all.

    first, next, resolution: minutes, or None where nothing is promised. working: minutes of opening hours; otherwise
    all hours count.
    """

    key: str
    name: str
    brand: int | None = None
    inbox: int | None = None
    channel: str | None = None
    tag: str | None = None
    first: int | None = None
    next: int | None = None
    resolution: int | None = None
    working: bool = False

    def minutes(self, kind: str) -> int | None:
        found: int | None = getattr(self, kind)
        return found

    def fits(self, brand: int, inbox: int, channel: str, tags: tuple[str, ...]) -> bool:
        return (
            self.brand in (None, brand)
            and self.inbox in (None, inbox)
            and self.channel in (None, channel)
            and (self.tag is None or self.tag in tags)
        )


USUAL = Policy(key="usual", name="Usual", first=HOURS_4, next=HOURS_4)


class Agreement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Hours and policies as they are in force together. A desk that has agreed on nothing answers within four hours."""

    hours: tuple[Hours, ...] = ()
    policies: tuple[Policy, ...] = (USUAL,)

    def calendar(self, brand: int) -> Calendar:
        """The brand's own hours, else those of all, else around the clock."""
        for wanted in (brand, None):
            for one in self.hours:
                if one.brand == wanted:
                    return one.calendar()
        return always()

    def policy(self, brand: int, inbox: int, channel: str, tags: tuple[str, ...]) -> Policy | None:
        return next((one for one in self.policies if one.fits(brand, inbox, channel, tags)), None)


def due_at(calendar: Calendar, start: datetime, seconds: float, working: bool) -> datetime:
    """When so many seconds have passed. A calendar that is never open long enough counts around the clock."""
    if not working:
        return start + timedelta(seconds=seconds)
    try:
        return due(calendar, start, timedelta(seconds=seconds))
    except ValueError:
        return start + timedelta(seconds=seconds)
