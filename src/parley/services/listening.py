"""What channels' listeners need: a durable notebook, and a place to say how they are."""

import asyncio
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
from sqlalchemy import Connection, delete, func, insert, select

from parley.log.record import Record, Tx, deliveries
from parley.log.tables import notebook

LONGEST_KEY = 200  # characters: the width of the notebook's key column


class Notebook:
    """A channel's `Memory`: small values under its own prefix."""

    def __init__(self, record: Record, prefix: str) -> None:
        self.record, self.prefix = record, prefix

    async def get(self, key: str) -> bytes | None:
        return await asyncio.to_thread(self.record.ask, self._get, self._place(key))

    async def put(self, key: str, value: bytes) -> None:
        await asyncio.wrap_future(self.record.write(lambda tx: self._put(tx, self._place(key), value)))

    def _place(self, key: str) -> str:
        """Where a value is kept. A key that is longer than the column is known by its hash."""
        place = f"{self.prefix}/{key}"
        if len(place) <= LONGEST_KEY:
            return place
        return f"{place[: LONGEST_KEY - 65]}#{sha256(place.encode()).hexdigest()}"

    def _get(self, conn: Connection, key: str) -> bytes | None:
        value = conn.execute(select(notebook.c.value).where(notebook.c.key == key)).scalar()
        return None if value is None else bytes(value)

    def _put(self, tx: Tx, key: str, value: bytes) -> None:
        tx.conn.execute(delete(notebook).where(notebook.c.key == key))
        tx.conn.execute(insert(notebook).values(key=key, value=value))


class Said(msgspec.Struct, frozen=True):
    at: datetime
    sentence: str


class Health:
    """The last sentence every inbox's listener said about itself; lives in memory only."""

    def __init__(self) -> None:
        self.said: dict[int, Said] = {}

    def say(self, inbox: int, sentence: str) -> None:
        self.said[inbox] = Said(datetime.now(UTC), sentence)


def passed_over(conn: Connection) -> dict[int, int]:
    """How many deliveries of each inbox held nothing for the desk. They are kept; the API lists them."""
    question = (
        select(deliveries.c.inbox, func.count()).where(deliveries.c.state == "passed").group_by(deliveries.c.inbox)
    )
    return {inbox: count for inbox, count in conn.execute(question)}


def last_received(conn: Connection) -> dict[int, datetime]:
    """When each inbox got its last delivery: the “nothing received since …” of the health page."""
    newest = select(deliveries.c.inbox, func.max(deliveries.c.id)).group_by(deliveries.c.inbox)
    ids = [number for _, number in conn.execute(newest)]
    question = select(deliveries.c.inbox, deliveries.c.received_at).where(deliveries.c.id.in_(ids))
    return {inbox: at for inbox, at in conn.execute(question)}
