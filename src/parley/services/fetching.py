"""Files that a platform keeps: noted with their message, fetched with patience, and then the message's own.

The message is on the timeline at once; its files follow. What cannot be fetched says why.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Column, Index, Integer, String, Table, Text, bindparam, delete, select, update

from parley.core import events as e
from parley.core.channel import Attached, Channel, Fetching, Inbox, Remote
from parley.core.errors import Busy, FetchFailed
from parley.log.record import Record, Tx, add_rows
from parley.log.tables import Id, Moment, metadata
from parley.services.delivery import backoff
from parley.services.files import Store
from parley.services.working import keep_working

logger = logging.getLogger("parley.fetching")

fetches = Table(
    "fetches",
    metadata,
    Column("message", Id, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("inbox", Integer, nullable=False),
    Column("name", String(255), nullable=False),
    Column("type", String(120), nullable=False),
    Column("ref", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", Moment, nullable=False),
)
_F = fetches.c
Index("ix_fetches_due", _F.next_try)

AT_ONCE = 4
TRIES = 12  # the last of them about a day after the first: platforms keep files for days
SECONDS = 100.0
REST = 0.05


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a file stands: here, awaited, or missing for a reason."""

    name: str
    file: e.File | None = None
    reason: str = ""
    missing: bool = False


class FetchReader:
    """Knows which files are still to be fetched, and when it is tried again."""

    name = "fetches"
    in_step = True
    kinds = (e.FilesAwaited, e.FileFetched, e.FileDelayed, e.FileMissed, e.MessageWithdrawn)
    tables = (fetches,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        for r in batch:
            match r.event:
                case e.FilesAwaited():
                    add_rows(tx.conn, fetches, _rows(r, r.event))
                case e.FileDelayed():
                    later = {"tries": r.event.tries, "next_try": r.event.next_try}
                    tx.conn.execute(update(fetches).where(*_is(r.event.message, r.event.number)).values(**later))
                case e.FileFetched() | e.FileMissed():
                    tx.conn.execute(delete(fetches).where(*_is(r.event.message, r.event.number)))
                case e.MessageWithdrawn():
                    tx.conn.execute(delete(fetches).where(_F.message == r.event.message))


def _rows(r: e.Recorded, event: e.FilesAwaited) -> list[dict[str, Any]]:
    return [
        {
            "message": event.message,
            "number": number,
            "conversation": r.subject_id,
            "inbox": event.inbox,
            "name": file.name[:255],
            "type": file.type[:120],
            "ref": file.ref,
            "tries": 0,
            "next_try": r.at,
        }
        for number, file in enumerate(event.files, event.first)
    ]


def _is(message: int, number: int) -> tuple[Any, Any]:
    return _F.message == message, _F.number == number


def awaited(message: int, inbox: int, first: int, remote: Sequence[Remote]) -> list[e.Event]:
    """The fact that a message's files are still with the platform; none where there are none."""
    files = tuple(e.Awaited(name=one.name[:255], type=one.type[:120], ref=one.ref, size=one.size) for one in remote)
    return [e.FilesAwaited(message=message, inbox=inbox, first=first, files=files)] if files else []


def standing(history: Iterable[e.Recorded]) -> dict[int, dict[int, Standing]]:
    """Message → number → how the file stands, as the history tells."""
    found: dict[int, dict[int, Standing]] = {}
    for r in history:
        match r.event:
            case e.FilesAwaited(message=message, first=first, files=files):
                found.setdefault(message, {}).update((n, Standing(name=f.name)) for n, f in enumerate(files, first))
            case e.FileFetched(message=message, number=number, file=file) if number in found.get(message, {}):
                found[message][number] = Standing(name=file.name if file else "", file=file)
            case e.FileDelayed(message=message, number=number, reason=why) if number in found.get(message, {}):
                found[message][number] = msgspec.structs.replace(found[message][number], reason=why)
            case e.FileMissed(message=message, number=number, reason=why) if number in found.get(message, {}):
                known = found[message][number]
                found[message][number] = msgspec.structs.replace(known, reason=why, missing=True)
    return found


# ── the worker ──────────────────────────────────────────────────────────────────────────────


_DUE = (
    select(fetches)
    .where(_F.next_try <= bindparam("now"))
    .order_by(_F.next_try, _F.message)
    .limit(bindparam("limit", type_=Integer))
)


class FetchWorker:
    """Fetches what is due, a few at a time."""

    def __init__(
        self,
        record: Record,
        channels: Mapping[str, Channel],
        inboxes: Callable[..., Mapping[int, Inbox]],
        store: Store,
    ) -> None:
        self.record, self.channels, self.inboxes, self.store = record, channels, inboxes, store
        self._under_way: set[tuple[int, int]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        await keep_working(self.record, (e.FilesAwaited,), AT_ONCE, self._due, self._fetch_and_note, REST)

    async def round(self) -> int:
        """Fetch what is due now. Returns how many were tried."""
        due = await asyncio.to_thread(self._due, AT_ONCE)
        await asyncio.gather(*(self._fetch_and_note(row) for row in due))
        return len(due)

    def _due(self, places: int) -> list[Any]:
        bounds = {"now": self.record.clock(), "limit": places + len(self._under_way)}
        with self.record.reading() as conn:
            rows = conn.execute(_DUE, bounds).all()
        fresh = [row for row in rows if (row.message, row.number) not in self._under_way][:places]
        self._under_way |= {(row.message, row.number) for row in fresh}
        return fresh

    async def _fetch_and_note(self, row: Any) -> None:
        try:
            outcome = await self._fetch(row)
            await asyncio.wrap_future(self.record.write(lambda tx: _note(tx, row, outcome)))
        except Busy as error:
            logger.warning("A fetched file waits to be noted: %s", error)
        finally:
            self._under_way.discard((row.message, row.number))

    async def _fetch(self, row: Any) -> e.File | FetchFailed:
        try:
            inbox = self.inboxes((row.inbox,)).get(row.inbox)
            channel = self.channels[inbox.channel] if inbox else None
            if inbox is None or not isinstance(channel, Fetching):
                raise FetchFailed("Its inbox was removed.", permanent=True)
            async with asyncio.timeout(SECONDS):
                file = await channel.fetch(Remote(name=row.name, type=row.type, ref=row.ref), inbox)
            return (await asyncio.to_thread(self.store.keep, [_named(file, row)]))[0]
        except FetchFailed as failure:
            return failure
        except TimeoutError:
            return FetchFailed("The platform did not answer in time.")
        except Busy as error:
            return FetchFailed(str(error))
        except Exception as error:
            logger.exception("File %s of message %s could not be fetched", row.number, row.message)
            return FetchFailed(f"It could not be fetched ({type(error).__name__}).")


def _named(file: Attached, row: Any) -> Attached:
    return msgspec.structs.replace(file, name=file.name or row.name, type=file.type or row.type)


def _note(tx: Tx, row: Any, outcome: e.File | FetchFailed) -> None:
    """What came of it, unless the message was taken back meanwhile or another process was faster."""
    if not tx.conn.execute(select(_F.tries).where(*_is(row.message, row.number))).first():
        return
    tx.append(e.conversation(row.conversation), [_fact(row, outcome, tx.at)], "fetching")


def _fact(row: Any, outcome: e.File | FetchFailed, now: datetime) -> e.Event:
    tries = row.tries + 1
    if isinstance(outcome, e.File):
        return e.FileFetched(message=row.message, number=row.number, file=outcome)
    if outcome.permanent or tries >= TRIES:
        return e.FileMissed(message=row.message, number=row.number, tries=tries, reason=str(outcome))
    pause = timedelta(seconds=outcome.retry_after) if outcome.retry_after else backoff(tries)
    return e.FileDelayed(message=row.message, number=row.number, tries=tries, next_try=now + pause, reason=str(outcome))
