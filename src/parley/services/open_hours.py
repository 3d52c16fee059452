"""When the brands are open, as the figures need it: the hours that promises go by (services/promises.py)."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from parley.core.measure import micros
from parley.core.opening import periods
from parley.services import promises, setup

if TYPE_CHECKING:
    from parley.ai.columns import Hours


def are_set(conn: Connection) -> bool:
    """Whether any brand says when it is open."""
    return bool(promises.agreement(conn).hours)


def between(conn: Connection, start: datetime, end: datetime) -> "Hours":
    """The hours of each brand from a day before one moment to a day after another. A brand that says nothing of its
    hours, or is never open, is left out: it counts around the clock."""
    from parley.ai.columns import Hours

    agreed, day = promises.agreement(conn), timedelta(days=1)
    spans = {}
    for brand in setup.all_brands(conn):
        if any(one.brand in (brand, None) for one in agreed.hours):
            found = periods(agreed.calendar(brand), start - day, end + day)
            spans[brand] = [(micros(opens), micros(closes)) for opens, closes in found]
    return Hours({brand: found for brand, found in spans.items() if found})
