"""An answer that does not go at once: held for some seconds so that it can be taken back, or planned for later.

A held answer is written and waits in the outbox (`ReplyWritten.due`): the conversation counts as answered. A
planned one is written only when its time has come, by a timer, so until then its customer honestly waits.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import select

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.conversation import State
from parley.core.errors import NotAllowed, Refused
from parley.log import record as log
from parley.log.record import Tx
from parley.services import desk_notes, inbox, replies
from parley.services.delivery import leases, outbox
from parley.services.inbox import Viewer

HOLD = timedelta(seconds=10)
FAR = timedelta(days=366)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """When an answer is to go. unless_answered: only if the customer writes nothing before. then_close: close after."""

    due: datetime
    unless_answered: bool = False
    then_close: bool = False


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def plan(tx: Tx, number: int, who: Viewer, reply: e.ReplyWritten, words: e.Words, when: Plan) -> int:
    """Keep an answer for later. Raises Refused for a time that has passed or is more than a year away."""
    if not tx.at < when.due <= tx.at + FAR:
        raise Refused("Choose a time between now and a year from now. Your text is kept.")
    fact = e.ReplyPlanned(
        reply=msgspec.structs.replace(reply, client_id=None),
        due=when.due,
        client_id=reply.client_id,
        unless_answered=when.unless_answered,
        then_close=when.then_close,
    )
    tx.append(e.conversation(number), [fact], who.by)
    tx.say(reply.message, words)
    return reply.message


def take_back(tx: Tx, number: int, who: Viewer, message: int) -> str:
    """Stop an answer of one's own that has not gone yet. Its words become the writer's draft, and are returned.

    Raises Refused when it is on its way, NotAllowed for a colleague's.
    """
    state = replies.act_on(tx, number, who)
    history = log.stream(tx.conn, e.conversation(number))
    written = _last_of(history, message)
    if written is None:
        raise Refused("There is no such answer here.")
    if written.by != who.by and who.role not in ("admin", "lead"):
        raise NotAllowed("Only whoever wrote it, or a lead, takes an answer back.")
    if isinstance(written.event, e.ReplyPlanned):
        facts: list[e.Event] = [e.PlanDropped(message=message, reason="taken back")]
    else:
        _must_wait(tx, message)
        facts = _cancelled(state, history, written)
    text = log.words_of(tx.conn, [message]).get(message, e.Words(text="")).text
    tx.append(e.conversation(number), facts, who.by)
    tx.erase(message)
    _, note = desk_notes.draft(tx.conn, who.agent or 0, number)
    if who.agent:
        desk_notes.keep_draft(tx, number, who, text, note)
    return text


def is_planned(history: Sequence[e.Recorded], message: int) -> bool:
    """Whether an answer waits for its time and may still be stopped."""
    written = _last_of(history, message)
    return written is not None and isinstance(written.event, e.ReplyPlanned)


def _last_of(history: Sequence[e.Recorded], message: int) -> e.Recorded | None:
    """The writing or planning of a message that may still be stopped."""
    found: e.Recorded | None = None
    for r in history:
        match r.event:
            case e.ReplyWritten(message=m) if m == message:
                found = r
            case e.ReplyPlanned() if r.event.message == message:
                found = r
            case e.PlanDropped(message=m) | e.SendCancelled(message=m) if m == message:
                found = None
    return found


def _must_wait(tx: Tx, message: int) -> None:
    row = tx.conn.execute(select(outbox).where(outbox.c.message == message)).one_or_none()
    leased = select(leases.c.message).where(leases.c.message == message, leases.c.until > tx.at)
    if row is None or row.state != "queued" or row.tries or tx.conn.execute(leased).first():
        raise Refused("It is on its way already and cannot be taken back.")


def _cancelled(state: State, history: Sequence[e.Recorded], written: e.Recorded) -> list[e.Event]:
    """The customer waits again, since when they did; a close that came along with the answer is undone."""
    before: State | None = None
    for r in history:
        if r.seq == written.seq:
            break
        before = talk.evolve(before, r)
    assert isinstance(written.event, e.ReplyWritten)
    later = [r.event for r in history if r.seq > written.seq]
    untouched = not any(isinstance(one, e.MessageReceived | e.ReplyWritten) for one in later)
    closed = [r for r in history if r.seq > written.seq and isinstance(r.event, e.Closed) and r.by == written.by]
    waiting = before.waiting_since if before else None
    fact = e.SendCancelled(
        message=written.event.message,
        written_at=written.at,
        asked_at=before.asked_at if before else None,
        waiting_since=waiting,
        preview=before.preview if before and untouched else None,
        last_by=before.last_by if before and untouched else None,
    )
    reopened = [e.Reopened(reason="agent", waiting_since=waiting)] if closed and state.status == talk.CLOSED else []
    return [*reopened, fact]


def fire(tx: Tx, row: Any) -> None:
    """The timer of a planned answer: write it, or say why it does not go."""
    message = int(row.key.partition("/")[2])
    history = log.stream(tx.conn, e.conversation(row.conversation))
    planned = _last_of(history, message)
    if planned is None or not isinstance(planned.event, e.ReplyPlanned):
        dropped = e.PlanDropped(message=message, reason="taken back")
        tx.append(e.conversation(row.conversation), [dropped], "timer")
        return
    state = inbox.state(tx.conn, row.conversation)
    wrote = any(
        isinstance(r.event, e.MessageReceived) and not r.event.automatic for r in history if r.seq > planned.seq
    )
    if wrote and planned.event.unless_answered:
        facts: list[e.Event] = [e.PlanDropped(message=message, reason="the customer wrote")]
    else:
        facts = [*replies.on_answering(state, None), planned.event.reply]
        if planned.event.then_close and not wrote:
            facts.append(e.Closed())
    tx.append(e.conversation(row.conversation), facts, planned.by)
