"""Platforms that try again by their own tables, on a virtual clock, and give up where those end.

Lengths and steps as documented or measured by others (see docs/durability.md): Meta for up to seven days with growing
pauses, Telegram for a day, Twilio for some seconds, Slack three times in five minutes. Of those that promise nothing,
one try is taken for all: the worst case.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from harness.doors import Door
from simulators.families import (
    Account,
    Bot,
    Chat,
    Cloud,
    Direct,
    DirectX,
    Exchange,
    Family,
    OtherText,
    Own,
    Page,
    Public,
    Saying,
    Text,
)

HOUR, DAY = 3600.0, 86400.0


@dataclass(frozen=True)
class Table:
    """When an event is tried, in seconds after the first time. outages: lengths in hours that say something."""

    name: str
    family: Family
    tries: tuple[float, ...]
    outages: tuple[float, ...]

    @property
    def lasts(self) -> float:
        return self.tries[-1]


@dataclass(frozen=True)
class Outage:
    """From when until when the desk is not there, in seconds of the virtual clock."""

    begins: float
    ends: float


def growing(first: float, factor: float, longest: float, until: float) -> tuple[float, ...]:
    """Tries with pauses that grow, up to an end."""
    at, pause, found = 0.0, first, [0.0]
    while at + pause < until:
        at += pause
        found.append(at)
        pause = min(pause * factor, longest)
    return (*found, until)


META = growing(5, 2, 6 * HOUR, 7 * DAY)
ONCE = (0.0,)  # no promise to try again
TABLES = (
    Table("meta", Cloud(), META, (0.05, 20, 24 * 6)),
    Table("messenger", Page(), META, (20, 24 * 8)),
    Table("instagram", Direct(), META, (20, 24 * 8)),
    Table("telegram", Bot(), growing(1, 1.5, HOUR / 2, DAY), (1, 20, 60)),
    Table("twilio", Text(), (0.0, 15.0), (0.003, 1)),
    Table("slack", Chat(), (0.0, 5.0, 60.0, 360.0), (0.05, 1)),
    Table("line", Account(), ONCE, (1,)),
    Table("viber", Public(), ONCE, (1,)),
    Table("x", DirectX(), ONCE, (1,)),
    Table("vonage", OtherText(), ONCE, (1,)),
    Table("telephone system", Exchange(), ONCE, (1,)),
    Table("own system", Own(), growing(30, 2, 2 * HOUR, 2 * DAY), (1, 20)),
)


class Retrying:
    """Posts events as they happen and again as the table says. What it gave up is returned: a platform loses it."""

    def __init__(self, table: Table, door: Door, outage: Outage) -> None:
        self.table, self.door, self.outage = table, door, outage
        self.chance = random.Random(table.name)

    def run(self, events: Sequence[Saying], apart: float) -> list[Saying]:
        tries = sorted((n * apart + wait, n) for n in range(len(events)) for wait in self.table.tries)
        here: set[int] = set()
        for at, n in tries:
            if n not in here and not self.outage.begins <= at < self.outage.ends:
                self._post(events[n])
                here.add(n)
        return [one for n, one in enumerate(events) if n not in here]

    def _post(self, said: Saying) -> None:
        family = self.table.family
        body = family.body([said], self.chance)
        assert self.door.post(body, family.headers(body, self.door.url, self.door.now)) == 200
