"""When the desk was away, and what platforms may have given up meanwhile: said beside the inbox: no gap is silent.

A sign of life is kept every minute by any process that works. A longer pause is an absence; it is kept for a month.
"""

import asyncio
import logging
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, delete, insert, select

from parley.core.channel import Manifest
from parley.core.errors import Busy
from parley.log.record import Record, Tx
from parley.log.tables import notebook

logger = logging.getLogger("parley.absence")

EVERY = 60.0  # seconds between two signs of life
SHORTEST = timedelta(minutes=5)  # a restart, or a busy machine, is no absence
KEPT, TOLD = timedelta(days=30), timedelta(days=7)
ALIVE, AWAY = "absence/alive", "absence/away"


class Absence(msgspec.Struct, frozen=True, kw_only=True):
    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        return self.until - self.since


async def keep_watch(record: Record) -> None:
    """Until cancelled."""
    while True:
        try:
            await asyncio.wrap_future(record.write(mark))
        except Busy as error:
            logger.warning("No sign of life could be kept: %s", error)
        await asyncio.sleep(EVERY)


def mark(tx: Tx) -> None:
    """Keep a sign of life, and the absence before it, if there was one."""
    before = _value(tx.conn, ALIVE)
    last = datetime.fromisoformat(before.decode()) if before else None
    if last is not None and tx.at - last >= SHORTEST:
        known = [one for one in absences(tx.conn) if tx.at - one.until < KEPT]
        _put(tx, AWAY, msgspec.json.encode([*known, Absence(since=last, until=tx.at)]))
    _put(tx, ALIVE, tx.at.isoformat().encode())


def absences(conn: Connection) -> list[Absence]:
    """Of the last month, oldest first."""
    kept = _value(conn, AWAY)
    return msgspec.json.decode(kept, type=list[Absence]) if kept else []


def lost(manifest: Manifest, away: Absence) -> timedelta:
    """How much of an absence a platform does not make up for: its beginning, which lies further back than it tries."""
    return max(timedelta(), away.length - manifest.patience) if manifest.patience is not None else timedelta()


def lately_lost(conn: Connection, manifest: Manifest, now: datetime) -> tuple[Absence, timedelta] | None:
    """The newest absence of the last week from which something may be lost there, and how much of it."""
    for away in reversed(absences(conn)):
        if now - away.until < TOLD and (part := lost(manifest, away)):
            return away, part
    return None


def _value(conn: Connection, key: str) -> bytes | None:
    value = conn.execute(select(notebook.c.value).where(notebook.c.key == key)).scalar()
    return None if value is None else bytes(value)


def _put(tx: Tx, key: str, value: bytes) -> None:
    tx.conn.execute(delete(notebook).where(notebook.c.key == key))
    tx.conn.execute(insert(notebook).values(key=key, value=value))
