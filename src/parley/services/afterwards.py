"""What happens to a message after it was said: other words, none any more, a sign put on it.

Platforms deliver out of order. Other words for a message that is not known yet stand for it; a withdrawal or a
sign waits (`deliveries.state` early) until the message has come.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import delete, select, update

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.channel import InboundEdit
from parley.core.conversation import State
from parley.log import record as log
from parley.log.record import Tx, chunks
from parley.log.tables import deliveries, raws
from parley.services.delivery import outbox

NAME = 255  # characters of a message's name by which early news is found


class Spoken(msgspec.Struct, frozen=True):
    """A message that news speaks of, with the history of its conversation."""

    conversation: int
    recorded: e.Recorded
    history: list[e.Recorded]

    @property
    def event(self) -> e.MessageReceived | e.ReplyWritten:
        event = self.recorded.event
        assert isinstance(event, e.MessageReceived | e.ReplyWritten)
        return event


def spoken(tx: Tx, inbox: int, places: Sequence[tuple[int, int]]) -> Spoken | None:
    """The message at one of these (conversation, message) that passed through the inbox."""
    tx.flush()
    for number, message in places:
        history = log.stream(tx.conn, e.conversation(number))
        for r in history:
            match r.event:
                case e.MessageReceived(message=m, inbox=i) | e.ReplyWritten(message=m, inbox=i) if m == message:
                    if i == inbox:
                        return Spoken(number, r, history)
    return None


def ours_by_name(tx: Tx, names: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
    """Our own messages by the names that platforms gave them when they took them."""
    found: dict[str, list[tuple[int, int]]] = {}
    for chunk in chunks(list(dict.fromkeys(names)), 500):
        question = select(outbox).where(outbox.c.provider_id.in_(chunk)).order_by(outbox.c.message.desc())
        for row in tx.conn.execute(question):
            found.setdefault(row.provider_id, []).append((row.conversation, row.message))
    return found


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def edit(tx: Tx, state: State, told: Spoken, news: InboundEdit, delivery: int, by: str) -> list[e.Recorded]:
    """Put the new words in the message's place; the former ones stay to be seen by the desk.

    An edit that was overtaken by a later one, or by the message's withdrawal, changes nothing and is forgotten.
    """
    message = told.event.message
    earlier = [r.event for r in told.history if isinstance(r.event, e.MessageEdited) and r.event.message == message]
    if withdrawn(told.history, message) or any(_later(one.edited_at, news.sent_at) for one in earlier):
        forget_raw(tx, delivery)
        return []
    before = log.words_of(tx.conn, [message]).get(message) or e.Words(text="")
    now = e.Words(text=news.text, html=news.html)
    if (before.text, before.html) == (now.text, now.html):
        return []
    wording = tx.new_id("message")
    former = earlier[-1].wording if earlier else tx.new_id("message")
    if not earlier:
        tx.say(former, before)
    tx.say(wording, now)
    tx.reword(message, msgspec.structs.replace(now, subject=before.subject))
    said, answered = talk.said_since(told.history, message)
    fact = e.MessageEdited(
        message=message,
        wording=wording,
        former=former,
        preview=talk.preview(news.text),
        last=not said,
        answered=answered,
        edited_at=news.sent_at,
        delivery=delivery,
    )
    held = message in talk.held(told.history)
    return tx.append(e.conversation(state.id), [fact] if held else talk.edit(state, fact), by)


def _words_of_calls(history: Sequence[e.Recorded], message: int) -> list[int]:
    """Under which numbers lies what was told to other systems because of a message, and what they answered."""
    calls = {r.event.call for r in history if isinstance(r.event, e.ToolCalled) and r.event.because == message}
    said = (r.event for r in history if isinstance(r.event, e.ToolAnswered) and r.event.call in calls)
    return [*calls, *(one.answer for one in said if one.answer is not None)]


def _later(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one > other


def withdraw(tx: Tx, told: Spoken, by: str) -> list[e.Recorded]:
    """Forget what a message said: its words, all its wordings, its files, its first words in the log, its raw bytes."""
    event = told.event
    assert isinstance(event, e.MessageReceived)
    if withdrawn(told.history, event.message):
        return []
    changes = [
        (r, r.event) for r in told.history if isinstance(r.event, e.MessageEdited) and r.event.message == event.message
    ]
    for number in {event.message, *(n for _, change in changes for n in (change.wording, change.former))}:
        tx.erase(number)
    tx.redact(told.recorded, msgspec.structs.replace(event, preview="", files=()))
    for r, change in changes:
        tx.redact(r, msgspec.structs.replace(change, preview=""))
        forget_raw(tx, change.delivery)
    _forget_fetched(tx, told)
    for number in _words_of_calls(told.history, event.message):
        tx.erase(number)
    forget_raw(tx, event.delivery)
    said, _ = talk.said_since(told.history, event.message)
    fact = e.MessageWithdrawn(
        message=event.message,
        wordings=tuple(change.wording for _, change in changes),
        last=not said,
        settled=_settled(told.history, event.message),
    )
    return tx.append(e.conversation(told.conversation), [fact, *_untitled(tx, told)], by)


def _forget_fetched(tx: Tx, told: Spoken) -> None:
    """Strike out the files that were fetched for a message, and where others would be fetched from."""
    for r in told.history:
        match r.event:
            case e.FileFetched(message=message) if message == told.event.message:
                tx.redact(r, msgspec.structs.replace(r.event, file=None))
            case e.FilesAwaited(message=message) if message == told.event.message:
                tx.redact(r, msgspec.structs.replace(r.event, files=()))


def forget_raw(tx: Tx, delivery: int | None) -> None:
    """Keep no byte of a delivery; that it came stays known, so that it is not taken again."""
    if delivery is not None:
        tx.conn.execute(delete(raws).where(raws.c.delivery == delivery))
        tx.conn.execute(update(deliveries).where(deliveries.c.id == delivery).values(raw_file=None))


def _settled(history: Iterable[e.Recorded], message: int) -> bool:
    """Whether the customer said nothing else since the desk's last answer."""
    open_questions: set[int] = set()
    for r in history:
        match r.event:
            case e.MessageReceived(automatic=None, message=said):
                open_questions.add(said)
            case e.ReplyWritten(purpose="reply", automatic=False):
                open_questions.clear()
            case e.MessageWithdrawn(message=said):
                open_questions.discard(said)
    return open_questions <= {message}


def _untitled(tx: Tx, told: Spoken) -> list[e.Event]:
    """A conversation that is called by the first words of the message that was taken back has no name any more."""
    opening = told.history[0]
    first = next((r for r in told.history if isinstance(r.event, e.MessageReceived)), None)
    if not isinstance(opening.event, e.ConversationOpened) or first is None or first.seq != told.recorded.seq:
        return []
    tx.redact(opening, msgspec.structs.replace(opening.event, subject=""))
    renamed = any(isinstance(r.event, e.SubjectChanged) for r in told.history)
    return [] if renamed else [e.SubjectChanged(subject="")]


def react(tx: Tx, told: Spoken, identity: int, sign: str, by: str) -> list[e.Recorded]:
    """Note a sign; the same one again changes nothing."""
    before = signs(told.history).get(told.event.message, {}).get(identity, "")
    if before == sign or withdrawn(told.history, told.event.message):
        return []
    fact = e.Reacted(message=told.event.message, identity=identity, sign=sign[:40])
    return tx.append(e.conversation(told.conversation), [fact], by)


# ── what waits ──────────────────────────────────────────────────────────────────────────────


def wait_for(tx: Tx, early: Mapping[int, str]) -> None:
    """Let deliveries (number → the name of the message they speak of) wait for that message."""
    for number, name in early.items():
        row = deliveries.c.id == number
        tx.conn.execute(update(deliveries).where(row).values(state="early", note=name[:NAME]))


def wake(tx: Tx, inboxes: Iterable[int], names: Iterable[str]) -> bool:
    """Messages with these names have come: what waited for them is to be read again. Whether anything did."""
    woken = 0
    for chunk in chunks([name[:NAME] for name in dict.fromkeys(names)], 500):
        waiting = (
            deliveries.c.state == "early",
            deliveries.c.note.in_(chunk),
            deliveries.c.inbox.in_(list(inboxes)),
        )
        woken += tx.conn.execute(update(deliveries).where(*waiting).values(state="new", note=None)).rowcount
    return woken > 0


# ── asks ────────────────────────────────────────────────────────────────────────────────────


def withdrawn(history: Iterable[e.Recorded], message: int) -> bool:
    return any(isinstance(r.event, e.MessageWithdrawn) and r.event.message == message for r in history)


def signs(history: Iterable[e.Recorded]) -> dict[int, dict[int, str]]:
    """Message → {identity: the sign that stands}."""
    found: dict[int, dict[int, str]] = {}
    for r in history:
        if isinstance(r.event, e.Reacted):
            on = found.setdefault(r.event.message, {})
            on.pop(r.event.identity, None)
            if r.event.sign:
                on[r.event.identity] = r.event.sign
    return found
