"""A conversation as its events make it, and what may be done to it.

`evolve` folds one event into the state; the functions below it decide: given the state and an
act they return the events to append (possibly none, when nothing would change) or refuse.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec

from parley.core import events as e
from parley.core.errors import Refused
from parley.core.triage import RANK, USUAL

BOT, OPEN, SNOOZED, CLOSED = "bot", "open", "snoozed", "closed"
PREVIEW = 160


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a list row and a rule need to know.

    status: bot (the bot answers, the desk is not needed), open, snoozed, closed.
    waiting_since: when the customer began to wait for people; None while nobody waits.
    asked_at: time of the oldest unanswered customer message, whoever has to answer it.
    last_by: customer, agent, bot or system.
    priority: its place among triage.PRIORITIES, 0 for urgent. language: what they write in, "" where nothing told it.
    """

    id: int
    version: int = 0
    seq: int = 0
    person: int = 0
    brand: int = 0
    inbox: int = 0
    channel: str = ""
    subject: str = ""
    status: str = OPEN
    assignee: int | None = None
    tags: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    opened_at: datetime
    last_at: datetime
    last_by: str = "customer"
    preview: str = ""
    asked_at: datetime | None = None
    waiting_since: datetime | None = None
    snoozed_until: datetime | None = None
    closed_at: datetime | None = None
    messages: int = 0
    failed: int = 0
    quarantined: bool = False
    priority: int = USUAL
    language: str = ""


def evolve(state: State | None, recorded: e.Recorded) -> State:
    """The state after one more event. Pure; the first event of a conversation makes the state."""
    if state is None:
        state = State(id=recorded.subject_id, opened_at=recorded.at, last_at=recorded.at)
    return msgspec.structs.replace(state, version=recorded.version, seq=recorded.seq, **changes(state, recorded))


def changes(state: Any, recorded: e.Recorded) -> dict[str, Any]:
    """What an event changes. state: a `State`, or what has as much of one as the reader of the changes looks at."""
    change = _CHANGES.get(type(recorded.event))
    return change(state, recorded.event, recorded) if change else {}


def _opened(state: State, event: e.ConversationOpened, recorded: e.Recorded) -> dict[str, Any]:
    return {
        "person": event.person,
        "brand": event.brand,
        "inbox": event.inbox,
        "channel": event.channel,
        "subject": event.subject,
        "status": BOT if event.with_bot else OPEN,
    }


def _received(state: State, event: e.MessageReceived, recorded: e.Recorded) -> dict[str, Any]:
    news: dict[str, Any] = {
        "last_at": recorded.at,
        "last_by": "customer",
        "preview": event.preview,
        "inbox": event.inbox,
        "channel": event.channel,
        "messages": state.messages + 1,
    }
    if event.automatic or event.history:
        return news
    asked = state.asked_at or recorded.at
    news["asked_at"] = asked
    news["waiting_since"] = None if state.status == BOT else state.waiting_since or recorded.at
    return news


def _edited(state: State, event: e.MessageEdited, recorded: e.Recorded) -> dict[str, Any]:
    news: dict[str, Any] = {"last_at": recorded.at}
    if event.last:
        news["preview"] = event.preview
    if event.answered:
        news["asked_at"] = state.asked_at or recorded.at
        news["waiting_since"] = None if state.status == BOT else state.waiting_since or recorded.at
        news["last_by"] = "customer"
    return news


def _withdrawn(state: State, event: e.MessageWithdrawn, recorded: e.Recorded) -> dict[str, Any]:
    settled = {"asked_at": None, "waiting_since": None} if event.settled else {}
    return {"last_at": recorded.at, **({"preview": ""} if event.last else {}), **settled}


def _replied(state: State, event: e.ReplyWritten, recorded: e.Recorded) -> dict[str, Any]:
    news: dict[str, Any] = {
        "last_at": recorded.at,
        "preview": event.preview,
        "messages": state.messages + 1,
        "last_by": "bot" if recorded.by.startswith("bot") else "agent",
    }
    if event.purpose == "reply":
        news |= {"asked_at": None}
        if not event.automatic:
            news |= {"waiting_since": None}
    else:
        news |= {"last_by": "system", "preview": state.preview}
    return news


def _picked_up(state: State, event: e.CallAnswered, recorded: e.Recorded) -> dict[str, Any]:
    """Speaking with somebody answers them, whoever of both called."""
    spoken = {"asked_at": None, "waiting_since": None, "last_by": "agent"}
    return {"last_at": recorded.at, "preview": event.preview, **spoken}


def _cancelled(state: State, event: e.SendCancelled, recorded: e.Recorded) -> dict[str, Any]:
    """As it was before the reply; somebody who wrote since has waited at least since then."""
    news: dict[str, Any] = {"last_at": recorded.at, "messages": max(0, state.messages - 1)}
    for name in ("asked_at", "waiting_since"):
        times = [at for at in (getattr(state, name), getattr(event, name)) if at]
        news[name] = min(times, default=None)
    if event.preview is not None and event.last_by is not None:
        news |= {"preview": event.preview, "last_by": event.last_by}
    return news


def _handed_off(state: State, event: e.HandoffAsked, recorded: e.Recorded) -> dict[str, Any]:
    return {
        "status": OPEN if state.status == BOT else state.status,
        "waiting_since": state.waiting_since or state.asked_at or recorded.at,
        "skills": tuple(sorted({*state.skills, *event.skills})),
    }


def _triaged(state: State, event: e.Triaged, recorded: e.Recorded) -> dict[str, Any]:
    skills = tuple(sorted({*state.skills, *event.skills}))
    return {"priority": RANK[event.priority], "language": event.language, "skills": skills}


def _corrected(state: State, event: e.TriageCorrected, recorded: e.Recorded) -> dict[str, Any]:
    if event.what == "priority":
        return {"priority": RANK.get(event.value, USUAL)}
    return {"language": event.value} if event.what == "language" else {}


def _closed(state: State, event: e.Closed, recorded: e.Recorded) -> dict[str, Any]:
    return {
        "status": CLOSED,
        "closed_at": recorded.at,
        "waiting_since": None,
        "asked_at": None,
        "snoozed_until": None,
    }


# What each event changes in the state: given the state, the event and its place in the log.
_CHANGES: dict[type[e.Event], Callable[[State, Any, e.Recorded], dict[str, Any]]] = {
    e.ConversationOpened: _opened,
    e.MessageReceived: _received,
    e.MessageEdited: _edited,
    e.MessageWithdrawn: _withdrawn,
    e.ReplyWritten: _replied,
    e.ReplyPlanned: lambda s, ev, r: {"last_at": r.at},
    e.PlanDropped: lambda s, ev, r: {"last_at": r.at},
    e.SendCancelled: _cancelled,
    e.NoteWritten: lambda s, ev, r: {"last_at": r.at},
    e.CallBegan: lambda s, ev, r: {"last_at": r.at, "preview": ev.preview},
    e.CallAnswered: _picked_up,
    e.CallEnded: lambda s, ev, r: {"last_at": r.at, "preview": ev.preview},
    e.HandoffAsked: _handed_off,
    e.TopicGuessed: lambda s, ev, r: {"skills": ev.skills} if ev.skills and not s.skills else {},
    e.Triaged: _triaged,
    e.TriageCorrected: _corrected,
    e.Assigned: lambda s, ev, r: {
        "assignee": ev.agent,
        **({"status": OPEN} if s.status == BOT and ev.agent else {}),
    },
    e.Tagged: lambda s, ev, r: {"tags": tuple(sorted({*s.tags, ev.tag}))},
    e.Untagged: lambda s, ev, r: {"tags": tuple(t for t in s.tags if t != ev.tag)},
    e.SubjectChanged: lambda s, ev, r: {"subject": ev.subject},
    e.Snoozed: lambda s, ev, r: {"status": SNOOZED, "snoozed_until": ev.until},
    e.Woke: lambda s, ev, r: {"status": OPEN, "snoozed_until": None, "last_at": r.at},
    e.Closed: _closed,
    e.Reopened: lambda s, ev, r: {
        "status": OPEN,
        "closed_at": None,
        "last_at": r.at,
        "waiting_since": ev.waiting_since,
        "asked_at": ev.waiting_since,
    },
    e.SendFailed: lambda s, ev, r: {"failed": s.failed + 1},
    e.SendReplayed: lambda s, ev, r: {"failed": max(0, s.failed - 1)},
    e.Quarantined: lambda s, ev, r: {"quarantined": True},
    e.PersonChanged: lambda s, ev, r: {"person": ev.person},
}


# ── decisions ───────────────────────────────────────────────────────────────────────────────


def receive(state: State, message: e.MessageReceived) -> list[e.Event]:
    """A message wakes a snoozed matter and reopens a closed one; machine mail does neither."""
    events: list[e.Event] = []
    if message.automatic or message.history:
        return [message]
    if state.status == SNOOZED:
        events.append(e.Woke(reason="message"))
    if state.status == CLOSED:
        events.append(e.Reopened(reason="message"))
    return [*events, message]


def edit(state: State, change: e.MessageEdited) -> list[e.Event]:
    """Other words are news, as a message would be."""
    events: list[e.Event] = []
    if state.status == SNOOZED:
        events.append(e.Woke(reason="message"))
    if state.status == CLOSED:
        events.append(e.Reopened(reason="message"))
    return [*events, change]


def said_since(history: Iterable[e.Recorded], message: int) -> tuple[bool, bool]:
    """(whether anything was said after a message, whether the desk answered after it)."""
    found = said = answered = False
    for recorded in history:
        event = recorded.event
        if isinstance(event, e.MessageReceived | e.ReplyWritten):
            if isinstance(event, e.ReplyWritten) and event.purpose != "reply":
                continue
            said = said or found
            answered = answered or (found and isinstance(event, e.ReplyWritten))
            found = found or event.message == message
    return said, answered


def held(history: Iterable[e.Recorded]) -> set[int]:
    """Messages of these events that are held back: unverified, and not accepted since."""
    found: set[int] = set()
    for recorded in history:
        match recorded.event:
            case e.MessageReceived(unverified=True, message=message) | e.SenderRejected(message=message):
                found.add(message)
            case e.SenderAccepted(message=message):
                found.discard(message)
    return found


def close(state: State) -> list[e.Event]:
    return [] if state.status == CLOSED else [e.Closed()]


def reopen(state: State, reason: str = "agent", waiting_since: datetime | None = None) -> list[e.Event]:
    return [e.Reopened(reason=reason, waiting_since=waiting_since)] if state.status == CLOSED else []


def snooze(state: State, until: datetime, now: datetime) -> list[e.Event]:
    if until <= now:
        raise Refused("That time has passed. Choose a later one.")
    if state.status == CLOSED:
        raise Refused("The conversation is closed. Reopen it first.")
    return [e.Snoozed(until=until)]


def wake(state: State, reason: str = "agent") -> list[e.Event]:
    return [e.Woke(reason=reason)] if state.status == SNOOZED else []


def assign(state: State, agent: int | None, reason: str = "") -> list[e.Event]:
    return [] if state.assignee == agent else [e.Assigned(agent=agent, reason=reason)]


def tag(state: State, name: str) -> list[e.Event]:
    name = " ".join(name.split()).lower()
    if not name or len(name) > 40:
        raise Refused("A tag has 1 to 40 characters.")
    return [] if name in state.tags else [e.Tagged(tag=name)]


def untag(state: State, name: str) -> list[e.Event]:
    return [e.Untagged(tag=name)] if name in state.tags else []


def hand_off(state: State, card: e.HandoffAsked) -> list[e.Event]:
    return [card] if state.status == BOT else []


def preview(text: str) -> str:
    """First words of a message for a list row: one line, at most 160 characters."""
    line = " ".join(text[: PREVIEW * 4].split())
    return line if len(line) <= PREVIEW else line[: PREVIEW - 1].rstrip() + "…"


def title(subject: str, text: str) -> str:
    """What a new conversation is called: its subject, else its first words (at most 80 characters)."""
    if named := " ".join(subject.split()):
        return named[:300]
    line = " ".join(text[:400].split())
    return line if len(line) <= 80 else line[:79].rstrip() + "…"


def views(state: State) -> tuple[str, ...]:
    """The shared inbox views this conversation counts in (see services/inbox.py)."""
    if state.status == BOT:
        return ("bot",)
    if state.status == SNOOZED:
        return ("snoozed",)
    if state.status == CLOSED:
        return ("closed",)
    waiting = ("waiting",) if state.waiting_since else ()
    unassigned = ("unassigned",) if state.assignee is None else (f"agent/{state.assignee}",)
    return ("open", *waiting, *unassigned)
