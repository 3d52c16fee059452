"""Intake: raw bytes stored and committed, then acknowledged; later read, identified, threaded, appended.

Both halves work in batches. A delivery that comes again changes nothing, by UNIQUE(inbox,
provider id). What cannot be read becomes a quarantine conversation and the raw bytes stay.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, select

from parley.core.channel import (
    Channel,
    Delivery,
    Inbox,
)
from parley.core.errors import Busy, Conflict, NotFound
from parley.log.engines.bulk import add_missing
from parley.log.record import Record, Tx, add_rows, chunks
from parley.log.tables import deliveries, raws
from parley.services.admission import Admission
from parley.services.files import Store
from parley.services.reading import Heard, Unread
from parley.services.reading_apart import Readers

logger = logging.getLogger("parley.intake")

READ_AT_ONCE = 200
CROWD = 24  # deliveries at once from which filing goes before all that thinks long
CALM = 1.0  # seconds after a crowd
FEW = 50  # deliveries after which a rest is due, so that more of them come together
BYTES_AT_ONCE = 16 * 1024 * 1024  # many large deliveries must not stand in memory together
RAW_IN_TABLE = 1024 * 1024
REST = 0.01  # seconds between two looks: what arrives meanwhile is read and filed together
LONGEST_REST = 0.02  # after much work; a round costs as much for one message as for ten


_UNREAD = (
    select(deliveries, raws.c.raw)
    .outerjoin(raws, raws.c.delivery == deliveries.c.id)
    .where(deliveries.c.state == "new", deliveries.c.id > bindparam("after"))
    .order_by(deliveries.c.id)
    .limit(bindparam("limit", type_=Integer))
)


class Intake:
    """The way in for every channel. `inboxes(needed)` gives the current inboxes by id."""

    def __init__(
        self,
        record: Record,
        store: Store,
        channels: Mapping[str, Channel],
        inboxes: Callable[..., Mapping[int, Inbox]],
        key: bytes,
        apart: bool | None = None,
    ) -> None:
        """apart: whether a second process reads backlogs; None: where there is more than one processor."""
        self.record, self.store, self.channels, self.inboxes, self.key = record, store, channels, inboxes, key
        self.ringing = {c.manifest.identity_kind for c in channels.values() if c.manifest.rings}
        self.readers = Readers(channels, store, apart)
        self._gathering: Takings | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = False
        self._crowded = -CALM
        self._thread: threading.Thread | None = None

    # taking: durable before acknowledged ────────────────────────────────────────────────────

    def take(self, inbox: int, provider_id: str, raw: bytes, *, history: bool = False) -> "Future[bool]":
        """Store a delivery. The future is True once it is durable, False when it was here before."""
        if inbox not in self.inboxes((inbox,)):
            raise NotFound(f"There is no inbox {inbox}.")
        small = len(raw) <= RAW_IN_TABLE
        row = _row(inbox, provider_id, self.record.clock(), history)
        row["raw_file"] = None if small else self.store.put(raw)
        with self._lock:
            batch = self._gathering
            if batch is None:
                batch = self._gathering = Takings()
                self.record.write(lambda tx: self._store(tx, batch)).add_done_callback(
                    lambda stored: self._settle(batch, stored)
                )
            return batch.add(row, raw if small else None)

    async def take_async(self, inbox: int, provider_id: str, raw: bytes) -> bool:
        if len(raw) <= RAW_IN_TABLE:
            return await asyncio.wrap_future(self.take(inbox, provider_id, raw))
        return await asyncio.wrap_future(await asyncio.to_thread(self.take, inbox, provider_id, raw))

    def take_within(self, tx: Tx, inbox: int, provider_id: str, raw: bytes) -> None:
        """Store a small delivery of our own making, together with whatever else this job writes."""
        row = _row(inbox, provider_id, tx.at, False)
        new = add_missing(tx.conn, deliveries, [row], ["inbox", "provider_id"])
        add_rows(tx.conn, raws, [{"delivery": kept.id, "raw": raw} for kept in new])
        tx.after_commit(self.look)

    def _store(self, tx: Tx, batch: "Takings") -> None:
        """One statement for everything that arrived while the last commit ran."""
        with self._lock:
            if self._gathering is batch:
                self._gathering = None
        for chunk in chunks(list(batch.rows.values()), 500):
            new = add_missing(tx.conn, deliveries, chunk, ["inbox", "provider_id"])
            batch.fresh |= {(row.inbox, row.provider_id): row.id for row in new}
        whole = [{"delivery": number, "raw": batch.raws[key]} for key, number in batch.fresh.items()]
        add_rows(tx.conn, raws, [row for row in whole if row["raw"] is not None])

    def _settle(self, batch: "Takings", stored: "Future[None]") -> None:
        error = stored.exception()
        self.record.probe("between commit and ack")
        with self._lock:
            if self._gathering is batch:
                self._gathering = None
        batch.settle(error)
        self._wake.set()

    # processing: read, identify, thread, append ────────────────────────────────────────────

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="parley-intake", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop = True
        self._wake.set()
        if self._thread:
            self._thread.join(timeout=30)
        self.readers.close()

    def look(self) -> None:
        """There is something to read."""
        self._wake.set()

    def _work(self) -> None:
        while not self._stop:
            self._wake.clear()
            pause, began = 2.0, time.monotonic()
            try:
                self.drain(leisurely=True)
                self.readers.rest()
            except Busy as error:
                logger.warning("Intake waits: %s", error)
            except Exception:
                logger.exception("Intake stumbled; the deliveries are kept and will be tried again")
                pause = 1.0
            time.sleep(min(max(REST, time.monotonic() - began), LONGEST_REST))
            self._wake.wait(pause)

    def crowded(self) -> bool:
        """Whether many wait to be filed, or did a second ago."""
        return time.monotonic() - self._crowded < CALM

    def drain(self, leisurely: bool = False) -> None:
        """Bring everything unread into conversations; the next batch is read while one is being filed.

        leisurely: after a small batch it is left to the next look, which comes after a rest.
        """
        batch = self._unread(0)
        reading = self.readers.read(batch)
        while batch and not self._stop:
            heard = reading.result()
            if leisurely and len(batch) <= FEW:
                self._wake.set()
                return self._file(heard)
            following = self._unread(batch[-1].delivery.id)
            reading = self.readers.read(following) if following else reading
            self._file(heard)
            batch = following

    def process(self, limit: int = READ_AT_ONCE) -> int:
        """Bring the oldest unread deliveries into conversations. Returns how many were taken up."""
        batch = self._unread(0, limit)
        if batch:
            self._file(self.readers.read(batch).result())
        return len(batch)

    def _unread(self, after: int, limit: int = READ_AT_ONCE) -> list[Unread]:
        with self.record.reading() as conn:
            rows = conn.execute(_UNREAD, {"after": after, "limit": limit}).all()
        known = self.inboxes({row.inbox for row in rows})
        batch: list[Unread] = []
        size = 0
        for row in rows:
            if size < BYTES_AT_ONCE:
                batch.append(self._taken_out(row, known.get(row.inbox)))
                size += len(batch[-1].delivery.raw)
        if len(batch) >= CROWD:
            self._crowded = time.monotonic()
        return batch

    def _taken_out(self, row: Any, inbox: Inbox | None) -> Unread:
        raw, trouble = row.raw, None
        if raw is None:
            try:
                raw = self.store.get(row.raw_file)
            except NotFound as error:
                raw, trouble = b"", str(error)
        delivery = Delivery(
            id=row.id, inbox=row.inbox, provider_id=row.provider_id, received_at=row.received_at, raw=bytes(raw)
        )
        return Unread(delivery=delivery, inbox=inbox, history=bool(row.history), trouble=trouble)

    def _file(self, heard: Sequence[Heard]) -> None:
        try:
            self.record.do(lambda tx: Admission(self, tx).admit(heard))
        except (Busy, Conflict):
            raise
        except Exception:
            if len(heard) > 1:
                logger.exception("A batch failed as a whole; taking its deliveries one by one")
                return self._one_by_one(heard)
            self._give_up(heard[0])

    def _one_by_one(self, heard: Sequence[Heard]) -> None:
        for one in heard:
            try:
                self.record.do(lambda tx, one=one: Admission(self, tx).admit([one]))  # type: ignore[misc]
            except (Busy, Conflict):
                raise
            except Exception:
                logger.exception("Delivery %s cannot be taken in", one.delivery)
                self._give_up(one)

    def _give_up(self, one: Heard) -> None:
        reason = "It was read, but could not be filed. The raw message is kept."
        failed = Heard(delivery=one.delivery, inbox=one.inbox, trouble=reason)
        self.record.do(lambda tx: Admission(self, tx).admit([failed]))


def _row(inbox: int, provider_id: str, at: datetime, history: bool) -> dict[str, Any]:
    return {
        "inbox": inbox,
        "provider_id": provider_id[:255],
        "received_at": at,
        "state": "new",
        "history": int(history),
        "raw_file": None,
        "note": None,
    }


class Takings:
    """Deliveries that will share one statement and one commit."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, str], dict[str, Any]] = {}
        self.raws: dict[tuple[int, str], bytes | None] = {}
        self.waiting: list[tuple[tuple[int, str], bool, Future[bool]]] = []
        self.fresh: dict[tuple[int, str], int] = {}

    def add(self, row: dict[str, Any], raw: bytes | None) -> "Future[bool]":
        key = (row["inbox"], row["provider_id"])
        future: Future[bool] = Future()
        future.set_running_or_notify_cancel()  # whoever stops waiting must not spoil it for the others
        self.waiting.append((key, key not in self.rows, future))
        if key not in self.rows:
            self.rows[key], self.raws[key] = row, raw
        return future

    def settle(self, error: BaseException | None) -> None:
        for key, first, future in self.waiting:
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(first and key in self.fresh)
