"""What the demo company promises: hours by the shop's clock, and three promises, the strictest first."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta

from parley.core import events as e
from parley.core.agreement import Agreement, Holiday, Hours, Policy
from parley.core.opening import Period
from parley.log.record import Tx

LONG = (Period(time(8), time(20)),)
SHORT = (Period(time(10), time(16)),)


def agreement(now: datetime, brands: Mapping[str, int]) -> Agreement:
    """Open every day, on Sundays for less; the second brand, which sells furniture, rests on Sundays."""
    week = (*((LONG,) * 6), SHORT)
    free = tuple(
        Holiday(day=now.date().replace(year=year, month=month, day=day), name=name)
        for year in (now.year, now.year + 1)
        for month, day, name in ((1, 1, "New Year"), (12, 25, "Christmas"), (12, 26, "Boxing Day"))
    )
    second = list(brands.values())[1]
    return Agreement(
        hours=(
            Hours(zone="Europe/London", week=week, holidays=tuple(sorted(free, key=lambda one: one.day))),
            Hours(brand=second, zone="Europe/London", week=(*((LONG,) * 6), ()), holidays=free),
        ),
        policies=(
            Policy(
                key="damage", name="Something is damaged", tag="damage", first=30, next=60, resolution=480, working=True
            ),
            Policy(key="chat", name="Chat", channel="webchat", first=10, next=15, resolution=480, working=True),
            Policy(key="mail", name="Mail and the rest", first=240, next=240, resolution=1440, working=True),
        ),
    )


def agree(tx: Tx, brands: Mapping[str, int]) -> None:
    """Before the history begins, so that it holds for all of it."""
    fact = e.PromisesAgreed(agreement=agreement(tx.at, brands))
    tx.append(e.DESK, [fact], "demo", at=tx.at - timedelta(days=60))
