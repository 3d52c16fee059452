"""Timers: things that will be due. Made and removed by events, so each fires exactly once.

A timer's row appears with the event that sets it and goes with the event that its firing appends,
in one transaction; a crash in between leaves the timer standing.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Index, Integer, String, Table, bindparam, insert, select

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.errors import Busy, Conflict
from parley.log.many import drop_among
from parley.log.record import Record, Tx
from parley.log.tables import Id, Moment, metadata
from parley.services import inbox

logger = logging.getLogger("parley.timers")

PROCEDURE_IDLE = timedelta(minutes=10)  # silence within a procedure, before they are asked whether they are there
BOT_IDLE = timedelta(hours=24)  # silence after the bot's answer that ends a conversation

timers = Table(
    "timers",
    metadata,
    Column("key", String(60), primary_key=True),
    Column("due", Moment, nullable=False),
    Column("conversation", Id, nullable=False),
)
Index("ix_timers_due", timers.c.due)


_DUE = (
    select(timers)
    .where(timers.c.due <= bindparam("now"))
    .order_by(timers.c.due)
    .limit(bindparam("limit", type_=Integer))
)


class TimerReader:
    name = "timers"
    in_step = True
    kinds = (
        e.Snoozed, e.Woke, e.Closed, e.SurveyDue, e.SurveyAsked, e.SurveyDropped, e.ReplyWritten, e.ReplyPlanned,
        e.PlanDropped, e.MessageReceived, e.HandoffAsked, e.Assigned,
        e.ProcedureWentOn,
    )  # fmt: skip
    tables = (timers,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        """The last word on each timer counts: a row, or None when it goes."""
        changed: dict[str, dict[str, Any] | None] = {}
        for r in batch:
            for key, due in _changes(r):
                changed.pop(key, None)
                changed[key] = {"key": key, "due": due, "conversation": r.subject_id} if due else None
        drop_among(tx.conn, timers.c.key, changed)
        if rows := [row for row in changed.values() if row]:
            tx.conn.execute(insert(timers), rows)


def _changes(r: e.Recorded) -> list[tuple[str, datetime | None]]:
    """Timers that an event sets (with their time) or takes away (None)."""
    wake, idle, nudge = (f"{what}/{r.subject_id}" for what in ("wake", "idle", "nudge"))
    match r.event:
        case e.Snoozed():
            return [(wake, r.event.until)]
        case e.Woke():
            return [(wake, None)]
        case e.Closed():
            return [(wake, None), (idle, None), (nudge, None)]
        case e.ReplyPlanned():
            return [(f"reply/{r.event.message}", r.event.due)]
        case e.PlanDropped():
            return [(f"reply/{r.event.message}", None)]
        case e.ReplyWritten() if r.by.startswith("agent/"):
            return [(f"reply/{r.event.message}", None)]
        case e.ReplyWritten() if r.by.startswith("bot/") and r.event.purpose == "reply":
            return [(idle, r.at + BOT_IDLE)]
        case e.HandoffAsked() | e.Assigned():
            return [(idle, None), (nudge, None)]
        case e.MessageReceived() if r.version > 2:
            return [(idle, None), (nudge, None)]
        case e.ProcedureWentOn(waits=waits):
            asks = waits not in ("", "approval", "tool") and r.by.startswith("bot/")
            return [(nudge, r.at + PROCEDURE_IDLE if asks else None)]
        case e.SurveyDue():
            return [(f"survey/{r.event.survey}", r.event.at)]
        case e.SurveyAsked() | e.SurveyDropped():
            return [(f"survey/{r.event.survey}", None)]
    return []


# Given the timer's row, appends what its firing means; must append the event that removes the row.
Fire = Callable[[Tx, Any], None]


def wake(tx: Tx, row: Any) -> None:
    state = inbox.state(tx.conn, row.conversation)
    tx.append(e.conversation(state.id), talk.wake(state, "time") or [e.Woke(reason="time")], "timer")


class Clockwork:
    """A thread that fires due timers.

    also: what else passes with time and keeps its own moments; given the record and how many at most, it says how many.
    """

    def __init__(
        self, record: Record, fires: Mapping[str, Fire], also: Callable[[Record, int], int] = lambda record, most: 0
    ) -> None:
        self.record, self.fires, self.also = record, fires, also
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="parley-timers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _work(self) -> None:
        while not self._stop.wait(1.0):
            try:
                self.fire_due()
            except Busy as error:
                logger.warning("Timers wait: %s", error)
            except Exception:
                logger.exception("Timers stumbled; they stay due")

    def fire_due(self, limit: int = 100) -> int:
        """Fire what is due now, each in a job of its own. Returns how many fired."""
        with self.record.reading() as conn:
            rows = conn.execute(_DUE, {"now": self.record.clock(), "limit": limit}).all()
        fired = self.also(self.record, limit)
        for row in rows:
            try:
                fired += self.record.do(lambda tx, row=row: self._fire(tx, row))  # type: ignore[misc]
            except (Busy, Conflict) as error:
                logger.info("Timer %s waits: %s", row.key, error)
        return fired

    def _fire(self, tx: Tx, row: Any) -> int:
        still = tx.conn.execute(select(timers).where(timers.c.key == row.key, timers.c.due == row.due)).one_or_none()
        if still is None:
            return 0
        self.fires[row.key.partition("/")[0]](tx, still)
        return 1
