"""Delivery: what the desk wrote, on its way out, with a state that everybody can see.

A reply's event puts a row into the outbox in the same transaction, so a reply that exists will be
sent. A worker leases rows, hands them to the channel and appends what came of it. If it dies between
the peer's yes and our commit, the message goes out again under the same external id.
"""

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    Select,
    String,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    insert,
    select,
)

from parley.core import events as e
from parley.core.channel import Channel, InboundReceipt, Inbox, Outbound, Receipt
from parley.core.errors import Busy, NotFound, Refused, SendFailed
from parley.log.many import among, drop_among
from parley.log.record import Record, Tx, add_rows, change_rows, stream
from parley.log.tables import Id, Moment, metadata
from parley.services.working import first_of

logger = logging.getLogger("parley.delivery")

outbox = Table(
    "outbox",
    metadata,
    Column("message", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("inbox", Integer, nullable=False),
    Column("state", String(10), nullable=False),  # queued, sent, delivered, read, failed, cancelled
    Column("tries", Integer, nullable=False),
    Column("next_try", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("can_retry", Boolean, nullable=False),
    Column("external_id", String(500)),
    Column("provider_id", String(255)),
)
_O = outbox.c
Index("ix_outbox_due", _O.next_try, _O.message, sqlite_where=_O.state == "queued",
      postgresql_where=_O.state == "queued")  # fmt: skip
Index("ix_outbox_external_id", _O.external_id)
Index("ix_outbox_provider_id", _O.provider_id)
Index("ix_outbox_conversation", _O.conversation)

leases = Table(
    "leases",
    metadata,
    Column("message", Id, primary_key=True, autoincrement=False),
    Column("worker", String(40), nullable=False),
    Column("until", Moment, nullable=False),
)

ORDER = ("queued", "sent", "delivered", "read")
LEASE_SECONDS = 90
GIVE_UP_AFTER = timedelta(days=2)
PATIENCE = 0.5  # seconds that a send waits for the one before it to be noted
WORK = (e.ReplyWritten, e.SendCancelled, e.SendReplayed, e.Sent, e.SendFailed)  # after which something may be due
REST = 0.02  # seconds between two looks for work, so that a flood of news is not a flood of looks


def backoff(tries: int) -> timedelta:
    """Pause before the next try: 30 s, 1, 2, 4 … minutes, at most two hours."""
    return timedelta(seconds=min(30 * 2 ** min(tries - 1, 12), 7200))


class OutboxReader:
    """Keeps the outbox in step with the log. States never move backwards."""

    name = "outbox"
    in_step = True
    kinds = (e.ReplyWritten, e.SendCancelled, e.Sent, e.Delivered, e.Read, e.SendDelayed, e.SendFailed, e.SendReplayed)
    tables = (outbox,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        rows = {r.event.message: _queued(r) for r in batch if isinstance(r.event, e.ReplyWritten)}
        written, changed = set(rows), dict[int, dict[str, Any]]()
        rows |= self._known(tx.conn, {r.event.message for r in batch} - written)  # type: ignore[union-attr]
        for r in batch:
            message: int = r.event.message  # type: ignore[union-attr]
            allowed, values = _changes(r)
            if message in rows and rows[message]["state"] in allowed:
                rows[message] |= values
                changed.setdefault(message, {}).update(values)
        add_rows(tx.conn, outbox, [rows[message] for message in written])
        change_rows(tx.conn, outbox, "message", {m: values for m, values in changed.items() if m not in written})

    def _known(self, conn: Connection, messages: set[int]) -> dict[int, dict[str, Any]]:
        return {row.message: dict(row._mapping) for row in among(conn, _O.message, sorted(messages))}


def _queued(r: e.Recorded) -> dict[str, Any]:
    event = r.event
    assert isinstance(event, e.ReplyWritten)
    return {
        "message": event.message,
        "conversation": r.subject_id,
        "inbox": event.inbox,
        "state": "queued",
        "tries": 0,
        "next_try": max(r.at, event.due) if event.due else r.at,
        "reason": "",
        "can_retry": False,
        "external_id": event.external_id,
        "provider_id": None,
    }


def _changes(r: e.Recorded) -> tuple[Sequence[str], dict[str, Any]]:
    """(states it may come from, new values)"""
    match r.event:
        case e.Sent():
            values = {
                "state": "sent",
                "tries": r.event.tries,
                "reason": r.event.left_out,
                "provider_id": r.event.provider_id,
            }
            return ("queued", "failed"), values
        case e.Delivered():
            return ("queued", "sent", "failed"), {"state": "delivered", "reason": ""}
        case e.Read():
            return ("queued", "sent", "delivered"), {"state": "read", "reason": ""}
        case e.SendDelayed():
            return ("queued",), {
                "tries": r.event.tries,
                "next_try": r.event.next_try,
                "reason": r.event.reason,
            }
        case e.SendFailed():
            values = {"state": "failed", "reason": r.event.reason, "can_retry": r.event.can_retry}
            return ("queued", "sent"), values | {"tries": r.event.tries}
        case e.SendCancelled():
            return ("queued",), {"state": "cancelled", "reason": ""}
        case e.SendReplayed():
            return ("failed",), {"state": "queued", "tries": 0, "next_try": r.at, "reason": ""}
    return (), {}


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def replay(tx: Tx, message: int, by: str) -> None:
    """Try a failed message again; the dead letter's button."""
    tx.flush()
    row = _row_of(tx.conn, message)
    if row.state != "failed":
        raise Refused("Only a message that failed can be sent again.")
    tx.append(e.conversation(row.conversation), [e.SendReplayed(message=message)], by)


def note_receipt(tx: Tx, news: InboundReceipt, inbox: int) -> bool:
    """Tie a receipt or bounce that came to an inbox to the message it speaks of. False when it is none of ours.

    Our own name of a message is the same everywhere, and a bounce may come to another mailbox; the peer's is good for
    what was sent from this inbox, since two peers may give the same.
    """
    tx.flush()
    theirs = and_(_O.provider_id == news.provider_id, _O.inbox == inbox)
    clause = _O.external_id == news.external_id if news.external_id else theirs
    if not (news.external_id or news.provider_id):
        return False
    row = tx.conn.execute(select(outbox).where(clause).limit(1)).one_or_none()
    if row is None:
        return False
    facts: dict[str, e.Event] = {
        "delivered": e.Delivered(message=row.message),
        "read": e.Read(message=row.message),
        "failed": e.SendFailed(message=row.message, reason=news.reason, tries=row.tries, can_retry=not news.permanent),
    }
    fact = facts.get(news.state)
    moves = fact is not None and (news.state == "failed" or _later(news.state, row.state)) and row.state != news.state
    if fact is not None and moves:
        tx.append(e.conversation(row.conversation), [fact], "channel")
    return True


def note_reached(tx: Tx, conversation: int, identity: int, inbox: int, news: InboundReceipt) -> None:
    """Everything that was sent to this address until `news.until` has come as far as `news.state`."""
    history = stream(tx.conn, e.conversation(conversation))
    theirs = {
        r.event.message
        for r in history
        if isinstance(r.event, e.ReplyWritten) and (r.event.identity, r.event.inbox) == (identity, inbox)
    }
    assert news.until is not None
    sent = {r.event.message for r in history if isinstance(r.event, e.Sent) and r.at <= news.until}
    kind = {"delivered": e.Delivered, "read": e.Read}.get(news.state)
    states = {row.message: row.state for row in of_conversation(tx.conn, conversation).values()}
    reached = [m for m in sorted(theirs & sent) if _later(news.state, states.get(m, "read"))]
    if kind is not None and reached:
        tx.append(e.conversation(conversation), [kind(message=m) for m in reached], "channel")


def _later(new: str, old: str) -> bool:
    return old in ORDER and ORDER.index(new) > ORDER.index(old)


# ── asks ────────────────────────────────────────────────────────────────────────────────────


def _row_of(conn: Connection, message: int) -> Any:
    row = conn.execute(select(outbox).where(_O.message == message)).one_or_none()
    if row is None:
        raise NotFound("There is no such message.")
    return row


def of_conversation(conn: Connection, number: int) -> dict[int, Any]:
    """Delivery rows of a conversation by message: state, tries, reason, can_retry."""
    return {row.message: row for row in among(conn, _O.conversation, [number])}


def dead_letters(conn: Connection, limit: int = 200) -> list[Any]:
    question = select(outbox).where(_O.state == "failed").order_by(_O.message.desc()).limit(limit)
    return list(conn.execute(question))


# ── the worker ──────────────────────────────────────────────────────────────────────────────

# (conn, outbox row) → the message ready for its channel
Prepare = Callable[[Connection, Any], Outbound]


class Gate:
    """One passes at a time, in order; one that takes long is no longer waited for.

    A process that dies between a peer's yes and our note sends that message again. While peers are quick, only one
    message at a time is in that gap; a slow peer delays the others by `PATIENCE`, not by its own time.
    """

    def __init__(self) -> None:
        self._last: tuple[asyncio.Event, asyncio.Event] | None = None

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        before, self._last = self._last, (asyncio.Event(), asyncio.Event())
        inside, outside = self._last
        try:
            if before is not None:
                await before[0].wait()
                with suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE):
                        await before[1].wait()
            inside.set()
            yield
        finally:
            inside.set()
            outside.set()


class DeliveryWorker:
    """Sends what is due, several at a time, one at a time per conversation so that order holds."""

    def __init__(
        self,
        record: Record,
        channels: Mapping[str, Channel],
        inboxes: Callable[..., Mapping[int, Inbox]],
        prepare: Prepare,
        at_once: int = 20,
    ) -> None:
        self.record, self.channels, self.inboxes, self.prepare = record, channels, inboxes, prepare
        self.at_once = at_once
        self.name = secrets.token_hex(8)
        self._gates: dict[str, Gate] = defaultdict(Gate)

    async def run(self) -> None:
        """Until cancelled. A slow peer holds up one place of many, never the messages behind it."""
        wake = asyncio.Event()
        loop = asyncio.get_running_loop()
        unsubscribe = self.record.on_news(lambda seq: loop.call_soon_threadsafe(wake.set), WORK)
        under_way: set[asyncio.Task[None]] = set()
        try:
            while True:
                wake.clear()
                due = await self._due_now(self.at_once - len(under_way))
                under_way |= {asyncio.create_task(self._send_and_note(row)) for row in due}
                await asyncio.sleep(REST)
                if not due or len(under_way) >= self.at_once:
                    await first_of(wake, under_way)
                under_way = {task for task in under_way if not _is_over(task)}
        finally:
            unsubscribe()
            for task in under_way:
                task.cancel()

    async def round(self) -> int:
        """Lease what is due, send it, note what came of it. Returns how many were tried."""
        due = await asyncio.to_thread(self._lease_some, self.at_once)
        await asyncio.gather(*(self._send_and_note(row) for row in due))
        return len(due)

    async def _due_now(self, places: int) -> list[Any]:
        if places <= 0:
            return []
        try:
            return await asyncio.to_thread(self._lease_some, places)
        except Busy as error:
            logger.warning("Delivery waits: %s", error)
        except Exception:
            logger.exception("Delivery stumbled; nothing is lost, it will try again")
        return []

    def _lease_some(self, places: int) -> list[Any]:
        return self.record.do(lambda tx: self._lease(tx, places)) if self._anything_due() else []

    def _anything_due(self) -> bool:
        with self.record.reading() as conn:
            return conn.execute(_due(), {"now": self.record.clock(), "limit": 1}).first() is not None

    def _lease(self, tx: Tx, places: int) -> list[Any]:
        rows = tx.conn.execute(_due(), {"now": tx.at, "limit": places * 3}).all()
        firsts: dict[int, Any] = {}
        for row in rows:
            firsts.setdefault(row.conversation, row)
        chosen = sorted(firsts.values(), key=lambda row: row.message)[:places]
        drop_among(tx.conn, leases.c.message, [row.message for row in chosen])
        until = tx.at + timedelta(seconds=LEASE_SECONDS)
        if chosen:
            tx.conn.execute(
                insert(leases),
                [{"message": row.message, "worker": self.name, "until": until} for row in chosen],
            )
        return chosen

    async def _send_and_note(self, row: Any) -> None:
        """Each is noted as soon as its peer said yes: the shorter that gap, the fewer extra copies after a crash."""
        inbox = self.inboxes((row.inbox,)).get(row.inbox)
        async with self._gates[inbox.channel if inbox else ""].passing():
            outcome = await self._send(row, inbox)
            self.record.probe("between peer accepted and commit")
            await asyncio.wrap_future(self.record.write(lambda tx: self._note(tx, row, outcome)))

    async def _send(self, row: Any, inbox: Inbox | None) -> Receipt | SendFailed:
        try:
            if inbox is None:
                raise SendFailed("The inbox it was written from was removed.", permanent=True)
            message = await asyncio.to_thread(self.record.ask, self.prepare, row)
            async with asyncio.timeout(LEASE_SECONDS - 15):
                return await self.channels[inbox.channel].send(message, inbox)
        except SendFailed as failure:
            return failure
        except TimeoutError:
            return SendFailed("The peer did not answer in time.")
        except Exception as error:
            logger.exception("Message %s could not be sent", row.message)
            return SendFailed(f"It could not be prepared or sent ({type(error).__name__}).")

    def _note(self, tx: Tx, row: Any, outcome: Receipt | SendFailed) -> None:
        """What came of a try, unless the lease ran out meanwhile and the message is another worker's."""
        mine = delete(leases).where(leases.c.message == row.message, leases.c.worker == self.name)
        if tx.conn.execute(mine).rowcount:
            tx.append(e.conversation(row.conversation), _facts(row, outcome, tx.at), "delivery")


def _is_over(task: asyncio.Task[None]) -> bool:
    """Whether a try has ended. One that could not be noted keeps its lease and is tried again after it."""
    if task.done() and not task.cancelled() and (error := task.exception()):
        logger.warning("What came of a message could not be noted: %s", error)
    return task.done()


@cache
def _due() -> Select[Any]:
    leased = select(leases.c.message).where(leases.c.until > bindparam("now", type_=Moment))
    earlier = outbox.alias("earlier")
    blocked = (
        select(earlier.c.message)
        .where(
            earlier.c.conversation == _O.conversation,
            earlier.c.state == "queued",
            earlier.c.message < _O.message,
        )
        .exists()
    )
    return (
        select(outbox)
        .where(_O.state == "queued", _O.next_try <= bindparam("now"), _O.message.not_in(leased), ~blocked)
        .order_by(_O.next_try, _O.message)
        .limit(bindparam("limit", type_=Integer))
    )


def _facts(row: Any, outcome: Receipt | SendFailed, now: datetime) -> list[e.Event]:
    tries = row.tries + 1
    if isinstance(outcome, Receipt):
        sent: list[e.Event] = [
            e.Sent(message=row.message, provider_id=outcome.provider_id, tries=tries, left_out=outcome.left_out)
        ]
        return [*sent, e.Delivered(message=row.message)] if outcome.delivered else sent
    pause = timedelta(seconds=outcome.retry_after) if outcome.retry_after else backoff(tries)
    first_due = row.next_try if row.tries == 0 else row.next_try - backoff(row.tries)
    exhausted = tries >= 20 or now - first_due > GIVE_UP_AFTER
    if outcome.permanent or exhausted:
        return [e.SendFailed(message=row.message, reason=str(outcome), tries=tries, can_retry=not outcome.permanent)]
    return [e.SendDelayed(message=row.message, reason=str(outcome), tries=tries, next_try=now + pause)]


def forget_leases(tx: Tx) -> None:
    """At the start of the only process: whoever held a lease is gone."""
    tx.conn.execute(delete(leases))
