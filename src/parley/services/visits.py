"""What visitors of a website did there, as far as they agreed to tell it: pages seen, and the site's own words.

The reader that keeps the table stands in journeys.py.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Column, Connection, Index, Integer, String, Table, bindparam, select

from parley.core import events as e
from parley.log.tables import Id, Moment, metadata

visits = Table(
    "visits",
    metadata,
    Column("seq", Id, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("identity", Id, nullable=False),
    Column("name", String(40), nullable=False),
    Column("page", String(120), nullable=False),
    Column("at", Moment, nullable=False),
    Column("client", String(42), nullable=False),
    Column("session", String(20), nullable=False, server_default=""),
)
_V = visits.c
Index("ix_visits_identity", _V.identity, _V.at)

# What analytics counted, and which page led to a conversation; services/traffic.py fills and reads them.
traffic = Table(
    "traffic",
    metadata,
    Column("brand", Integer, primary_key=True, autoincrement=False),
    Column("day", String(10), primary_key=True),
    Column("what", String(8), primary_key=True),
    Column("name", String(120), primary_key=True),
    Column("visitors", Integer, nullable=False),
    Column("views", Integer, nullable=False),
)
arrivals = Table(
    "arrivals",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("brand", Integer, nullable=False),
    Column("day", String(10), nullable=False),
    Column("page", String(120), nullable=False),
    Column("campaign", String(120), nullable=False),
)
Index("ix_arrivals_day", arrivals.c.brand, arrivals.c.day)


def rows_of(batch: Sequence[e.Recorded]) -> list[dict[str, object]]:
    return [
        {"seq": r.seq, "place": place, "identity": r.event.identity, "name": s.name[:40], "page": s.page[:120],
         "at": s.at, "client": r.event.client[:42], "session": r.event.session[:20]}
        for r in batch
        if isinstance(r.event, e.PagesSeen)
        for place, s in enumerate(r.event.steps)
    ]  # fmt: skip


class Visited(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a visitor. name: `page`, or the site's own word for what they did on that page."""

    name: str
    page: str
    at: datetime


_NEWEST = (
    select(_V.name, _V.page, _V.at)
    .where(_V.identity.in_(bindparam("identities", expanding=True)))
    .order_by(_V.at.desc(), _V.seq.desc(), _V.place.desc())
    .limit(bindparam("limit", type_=Integer))
)


def of(conn: Connection, identities: Collection[int], limit: int = 50) -> list[Visited]:
    """What the holder of these identities did, newest first."""
    rows = conn.execute(_NEWEST, {"identities": sorted(identities), "limit": limit})
    return [Visited(name=row.name, page=row.page, at=row.at) for row in rows]
