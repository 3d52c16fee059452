"""A person's own clock beside their name: where that is known from, and whether it is a quiet hour there."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from parley.services import consent, people, zones
from parley.web.words import translate as t

FROM = {zones.NOTED: "noted by hand", zones.PHONE: "by their number", zones.BROWSER: "by their browser"}


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """zone, source: empty where nothing tells. quiet_until: by their clock, else by the brand's; empty while it may
    ring."""

    zone: str = ""
    source: str = ""
    quiet_until: str = ""


def of(conn: Connection, known: Sequence[people.Identity], brand: int, now: datetime) -> Clock:
    theirs, hours = zones.of(conn, known), consent.quiet_hours(conn, brand)
    zone = theirs.name if theirs else hours.zone
    until = hours.until(now, zone)
    return Clock(
        zone=theirs.name if theirs else hours.zone if until else "",
        source=t(FROM[theirs.how]) if theirs else t("the brand's") if until else "",
        quiet_until=f"{until.astimezone(ZoneInfo(zone)):%H:%M}" if until else "",
    )
