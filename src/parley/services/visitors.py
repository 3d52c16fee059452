"""What the visitor of a live chat sees and may do: a narrow window on conversations they take part in.

A visitor is an identity of the kind that the channel names. Asks never show a note, a tag or a
conversation that this identity takes no part in. Acts are signed as the person.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, func, select

from parley.core import calls
from parley.core import conversation as talk
from parley.core import events as e
from parley.core.calls import Course
from parley.core.channel import Inbox
from parley.core.conversation import State
from parley.core.errors import NotFound, Refused
from parley.core.ice import Ice
from parley.core.offering import offered
from parley.core.questionnaire import Question
from parley.core.visitor import (
    AskRating,
    Author,
    Choice,
    OnCall,
    Sight,
    Signal,
    Turn,
    TurnFile,
    TurnSource,
    Wait,
)
from parley.log import record as log
from parley.log.record import Tx
from parley.services import delivery, files, inbox, passages, people, proof, replies, setup, surveys, threads, voice
from parley.services.people import Identity

TALKS = 5
NEWEST = 200


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """A visitor at an inbox. kind, value: their identity. customer: the shop's id, if it signed for them."""

    inbox: Inbox
    kind: str
    value: str
    customer: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.value


# ── asks ────────────────────────────────────────────────────────────────────────────────────


def identity_of(conn: Connection, who: Visitor) -> Identity | None:
    """Their identity, or None before they first said anything."""
    return people.by_address(conn, [who.key]).get(who.key)


def customer_of(conn: Connection, who: Visitor) -> str:
    """The shop's id that the visitor's person is known by in the same customer base, or ""."""
    me = identity_of(conn, who)
    base = who.customer.partition("/")[0] + "/"
    if me is None:
        return ""
    known = [i.value for i in people.identities_of(conn, me.person) if i.kind == "user"]
    mine = [value for value in known if value.startswith(base)]
    return who.customer if who.customer in mine else next(iter(mine), "")


def talks_of(conn: Connection, who: Visitor, me: Identity) -> list[State]:
    """Conversations this visitor takes part in, newest first. A customer who is signed in sees those of
    all their browsers."""
    mine = {me.id}
    if who.customer:
        mine |= {i.id for i in people.identities_of(conn, me.person) if i.kind == who.kind}
    viewer = inbox.Viewer(person=me.person)
    return [
        state
        for state in inbox.of_person(conn, me.person, viewer, 20)
        if state.brand == who.inbox.brand
        and any(threads.takes_part(conn, state.id, identity, None) for identity in mine)
    ][:TALKS]


def sight(
    conn: Connection, who: Visitor, after: int, key: bytes, assistant: str, *, heard: int, at: datetime, ice: Ice
) -> Sight:
    """Everything they may know now. `key` signs rating tokens; `assistant` is the bot's name.

    heard: the newest of a call's signals that they have. at: now.
    """
    now = _sight(conn, who, after, key, assistant)
    call = voice.of_visitor(conn, who.value, at)
    if call is None or call.inbox != who.inbox.id:
        return now
    told = voice.signals_after(conn, heard, call.id, to_desk=False) if call.is_open else []
    signals = tuple(Signal(call=call.id, data=one.data, seq=one.seq) for one in told)
    return msgspec.structs.replace(now, call=_on_call(conn, call, ice), signals=signals)


def _on_call(conn: Connection, call: voice.Call, ice: Ice) -> OnCall:
    rings = "incoming" if call.outgoing else "ringing"
    states: dict[str, Literal["ringing", "incoming", "taken", "ended"]] = {
        voice.RINGING: rings,  # type: ignore[dict-item]
        voice.ENDED: "ended",
    }
    agent = setup.agent(conn, call.agent).name.split()[0] if call.agent else ""
    return OnCall(
        call=call.id,
        state=states.get(call.state, "taken"),
        who=agent,
        cause=call.cause,
        spoken=call.answered is not None,
        ice=ice.servers(call.began) if call.is_open else (),
    )


def _sight(conn: Connection, who: Visitor, after: int, key: bytes, assistant: str) -> Sight:
    seq = log.head(conn)
    me = identity_of(conn, who)
    if me is None:
        return Sight(seq=seq, wait=_wait(conn, who, None))
    talks = talks_of(conn, who, me)
    window = Window(conn, who, assistant)
    turns = sorted((t for state in talks for t in window.turns(state, after)), key=lambda turn: turn.seq)
    proved = [i.value for i in people.identities_of(conn, me.person) if i.kind == "mail" and i.proof]
    return Sight(
        seq=seq,
        turns=tuple(turns[-NEWEST:]),
        states=window.states,
        seen=window.seen,
        wait=_wait(conn, who, talks[0] if talks else None),
        proved=proved[0] if proved else None,
        ended=bool(talks) and talks[0].status == talk.CLOSED,
        rating=_rating(conn, talks[0], me, key) if talks else None,
    )


class Window:
    """Turns of conversations as one visitor sees them."""

    def __init__(self, conn: Connection, who: Visitor, assistant: str) -> None:
        self.conn, self.who, self.assistant = conn, who, assistant
        self.states: dict[int, str] = {}
        self.seen = 0
        self.calls: dict[int, Course] = {}
        self._names: dict[int, str] = {}

    def turns(self, state: State, after: int) -> list[Turn]:
        history = inbox.history(self.conn, state.id, NEWEST)
        sent = delivery.of_conversation(self.conn, state.id)
        for r in history:
            if isinstance(r.event, e.ReplyWritten) and (row := sent.get(r.event.message)) is not None:
                self.states[r.event.message] = row.state
                if row.state == "read":
                    self.seen = max(self.seen, r.seq)
        held = talk.held(history)
        self.calls |= calls.courses(history)
        fresh = [r for r in history if r.seq > after and shown(r.event) and getattr(r.event, "message", 0) not in held]
        said = log.words_of(self.conn, [r.event.message for r in fresh if hasattr(r.event, "message")])
        turns = (self._turn(r, said) for r in fresh if not self._held(r.event))
        return [turn for turn in turns if turn is not None]

    def _held(self, event: e.Event) -> bool:
        """An answer by another channel that may still be taken back, or was."""
        if not isinstance(event, e.ReplyWritten) or event.due is None:
            return False
        return self.states.get(event.message, "queued") in ("queued", "cancelled")

    def _turn(self, r: e.Recorded, said: dict[int, e.Words]) -> Turn | None:
        match r.event:
            case e.MessageReceived(message=message) if message in self.calls:
                return None  # the end of a call tells of it
            case e.MessageReceived(automatic=passages.CAME_OVER):
                return None  # so does the event of coming over
            case e.WentOn():
                return _fact(r, "went_on") if r.event.inbox != self.who.inbox.id else None
            case e.CallEnded(message=message) if message in self.calls:
                return self._call(r, self.calls[message])
            case e.MessageReceived():
                return self._theirs(r, r.event, said.get(r.event.message))
            case e.ReplyWritten():
                return self._ours(r, r.event, said.get(r.event.message))
            case e.Assigned(agent=int(agent)):
                return _fact(r, "joined", self._name(agent))
            case e.Closed():
                return _fact(r, "ended")
        return None

    def _call(self, r: e.Recorded, course: Course) -> Turn | None:
        """A call that was spoken, or that nobody took; one of the desk's that came to nothing is not told."""
        if course.lasted is None:
            return _fact(r, "missed") if course.missed else None
        return _fact(r, "called", calls.duration(course.lasted))

    def _theirs(self, r: e.Recorded, event: e.MessageReceived, words: e.Words | None) -> Turn:
        visitor, _, client_id = (event.external_id or "").partition(":")
        text = words.text[: words.fold] if words else ""
        return Turn(
            seq=r.seq,
            message=event.message,
            author=Author(kind="visitor"),
            at=r.at,
            text=text.strip(),
            client_id=client_id if client_id and visitor == self.who.value else None,
            files=_files(event),
        )

    def _ours(self, r: e.Recorded, event: e.ReplyWritten, words: e.Words | None) -> Turn:
        said = words.text if words else ""
        text, options = offered(said) if event.automatic and not event.sources else (said, ())
        return Turn(
            seq=r.seq,
            message=event.message,
            author=self._author(r.by),
            at=r.at,
            text=text,
            sources=tuple(TurnSource(kind=s.kind, title=s.title, url=s.url) for s in event.sources),
            files=_files(event),
            choices=tuple(Choice(label=title, value=title) for title in options),
            state=self.states.get(event.message, "queued"),
        )

    def _author(self, by: str) -> Author:
        kind, _, number = by.partition("/")
        if kind == "agent" and number.isdigit():
            return Author(kind="agent", name=self._name(int(number)))
        return Author(kind="bot", name=self.assistant)

    def _name(self, agent: int) -> str:
        """The first name: visitors know whom they talk to, and no more."""
        if agent not in self._names:
            try:
                self._names[agent] = setup.agent(self.conn, agent).name.split()[0]
            except (NotFound, IndexError):
                self._names[agent] = ""
        return self._names[agent]


def shown(event: e.Event) -> bool:
    """Whether an event is a turn of the chat. Codes and letters go to the mailbox, surveys have their own form."""
    if isinstance(event, e.ReplyWritten):
        return event.purpose not in ("code", "survey", "letter", "notice")
    return isinstance(event, e.MessageReceived | e.Closed | e.CallEnded | e.WentOn) or (
        isinstance(event, e.Assigned) and event.agent is not None
    )


def _fact(r: e.Recorded, word: str, name: str = "") -> Turn:
    return Turn(seq=r.seq, message=0, author=Author(kind="system", name=name), at=r.at, text=word)


def _files(event: e.MessageReceived | e.ReplyWritten) -> tuple[TurnFile, ...]:
    return tuple(
        TurnFile(ref=f"{event.message}-{number}", name=file.name, type=file.type, size=file.size)
        for number, file in enumerate(event.files)
    )


def _wait(conn: Connection, who: Visitor, state: State | None) -> Wait:
    here = [a for a in setup.agents_online(conn) if serves(a, who.inbox.brand)]
    by_voice = getattr(who.inbox.settings, "calls", False) and any(a.takes_calls for a in here)
    found = _wait_in_writing(conn, here, state)
    callable_now = by_voice and bool(voice.takers(conn, who.inbox.brand))
    return msgspec.structs.replace(found, calls=True) if callable_now else found


def _wait_in_writing(conn: Connection, here: list[setup.Agent], state: State | None) -> Wait:
    if state is None or state.status in (talk.BOT, talk.CLOSED):
        return Wait(online=bool(here))
    holder = next((a for a in here if a.id == state.assignee), None)
    if holder is not None:
        return Wait(online=True, agent=holder.name.split()[0])
    return Wait(online=bool(here), asked=True, ahead=_before(conn, state))


def serves(agent: setup.Agent, brand: int) -> bool:
    return agent.active and agent.role != "read-only" and (not agent.brands or brand in agent.brands)


def _before(conn: Connection, state: State) -> int:
    """How many of the same brand wait longer."""
    table = inbox.conversations.c
    question = select(func.count()).where(
        table.status == talk.OPEN,
        table.brand == state.brand,
        table.assignee.is_(None),
        table.waiting_since < (state.waiting_since or state.last_at),
    )
    return min(int(conn.execute(question).scalar_one()), 99)


def _rating(conn: Connection, state: State, me: Identity, key: bytes) -> AskRating | None:
    row = surveys.of_conversation(conn, state.id)
    if row is None or not surveys.waits(row) or state.status != talk.CLOSED:
        return None
    question = surveys.asked_of(surveys.questionnaire(conn, row.questionnaire), row, None)
    return _please(conn, state, question, threads.sign(key, state.id, me.id, "survey"))


def _please(conn: Connection, state: State, question: Question, token: str) -> AskRating:
    """The usual question is put by the panel itself, in its own language."""
    usual = question.measure == "csat" and not question.wording
    words = "" if usual else surveys.words_for(conn, state, question)
    return AskRating(token=token, question=words, measure=question.measure, asked=question.key)


def file_of(conn: Connection, who: Visitor, ref: str) -> Any:
    """The row of a file in a turn they may see. Raises NotFound for every other, whatever the reason."""
    me = identity_of(conn, who)
    message, _, number = ref.partition("-")
    if me is None or not (message.isdigit() and number.isdigit()):
        raise NotFound("There is no such file.")
    row = files.find(conn, int(message), int(number))
    if row.conversation not in {state.id for state in talks_of(conn, who, me)}:
        raise NotFound("There is no such file.")
    for r in inbox.history(conn, row.conversation, NEWEST):
        if shown(r.event) and getattr(r.event, "message", None) == row.message:
            return row
    raise NotFound("There is no such file.")


def current(conn: Connection, who: Visitor) -> State | None:
    """The conversation they are in, or None before the first word."""
    me = identity_of(conn, who)
    return next(iter(talks_of(conn, who, me)), None) if me else None


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What has happened behind a place in the log, as far as it may concern visitors.

    people: whose conversations changed. met: identity → person, newly met. merged: absorbed → kept.
    """

    place: int
    more: bool
    people: set[int]
    met: dict[str, int]
    merged: dict[int, int]


UNSEEN = frozenset({
    e.BotPondered, e.TopicGuessed, e.Tagged, e.Untagged, e.NoteWritten, e.ReplyPlanned, e.PlanDropped, e.DraftJudged,
    e.SecretShown, e.TaskOpened, e.TaskGiven, e.TaskClosed, e.PromiseNear, e.PromiseBroken, e.PagesSeen,
    e.RemarksHeard,
})  # fmt: skip
"""What changes nothing that a visitor sees."""
SEEN = tuple(kind for kind in e.KINDS.values() if kind not in UNSEEN)


def news(conn: Connection, after: int, limit: int = 1000) -> News:
    read = log.read(conn, after, limit)
    batch = [r for r in read if type(r.event) not in UNSEEN]
    talks = sorted({r.subject_id for r in batch if r.stream.startswith("conversation/")})
    facts = [r.event for r in batch]
    return News(
        place=read[-1].seq if read else after,
        more=len(read) == limit,
        people=holders_of(conn, talks),
        met={f.value: f.person for f in facts if isinstance(f, e.IdentityClaimed)},
        merged={f.absorbed: f.person for f in facts if isinstance(f, e.PersonsMerged)},
    )


def place(conn: Connection) -> int:
    """Where the log ends now."""
    return log.head(conn)


def holders_of(conn: Connection, conversations: Sequence[int]) -> set[int]:
    """The people whose conversations these are."""
    return {state.person for state in inbox.states(conn, conversations).values()}


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def want_human(tx: Tx, who: Visitor, external_id: str) -> None:
    """Pass on the conversation in which the wish was said. NotFound while it is still on its way in."""
    found = threads.conversations_of(tx.conn, [external_id]).get(external_id)
    if not found:
        raise NotFound("That wish is not here yet.")
    conversation, message = found[0]
    state = inbox.state(tx.conn, conversation)
    words = log.words_of(tx.conn, [message]).get(message)
    card = e.HandoffAsked(reason="asked for a person", wish=f"“{talk.preview(words.text if words else '')}”")
    tx.append(e.conversation(state.id), talk.hand_off(state, card), f"person/{state.person}")


def reached(tx: Tx, who: Visitor, seq: int, *, seen: bool) -> None:
    """Our messages up to `seq` are in the visitor's browser (delivered), or were seen (read)."""
    me = identity_of(tx.conn, who)
    for state in talks_of(tx.conn, who, me) if me else []:
        facts = _receipts(tx.conn, state, seq, who.inbox, seen)
        if facts:
            tx.append(e.conversation(state.id), facts, f"person/{state.person}")


def is_news(conn: Connection, who: Visitor, seq: int, *, seen: bool) -> bool:
    """Whether `reached` would note anything; asked first, because most of the time it would not."""
    me = identity_of(conn, who)
    return me is not None and any(_receipts(conn, state, seq, who.inbox, seen) for state in talks_of(conn, who, me))


def _receipts(conn: Connection, state: State, seq: int, at: Inbox, seen: bool) -> list[e.Event]:
    open_states = ("queued", "sent", "delivered") if seen else ("queued", "sent")
    rows = delivery.of_conversation(conn, state.id)
    pending = {m for m, row in rows.items() if row.inbox == at.id and row.state in open_states}
    if not pending:
        return []
    kind = e.Read if seen else e.Delivered
    return [
        kind(message=r.event.message)
        for r in inbox.history(conn, state.id, NEWEST)
        if isinstance(r.event, e.ReplyWritten) and r.seq <= seq and r.event.message in pending
    ]


def claim_mail(tx: Tx, who: Visitor, mail: str, inboxes: Iterable[Inbox], key: bytes) -> str:
    """Mail a code to the address the visitor says is theirs."""
    state = _current(tx, who)
    via = proof.mail_inbox(inboxes, who.inbox.brand)
    return proof.send_code(tx, state, mail, via, f"person/{state.person}", key)


def prove_mail(tx: Tx, who: Visitor, digits: str) -> str | None:
    """The address that the digits prove; None when they are wrong, late, or tried too often."""
    state = _current(tx, who)
    return proof.type_code(tx, state, digits, f"person/{state.person}")


def end(tx: Tx, who: Visitor, key: bytes) -> AskRating | None:
    """The visitor is done: close the matter and ask for a rating at once, while it is fresh."""
    state = _current(tx, who)
    if state.status == talk.CLOSED:
        return None
    by = f"person/{state.person}"
    tx.append(e.conversation(state.id), talk.close(state), by)
    tx.flush()
    last = replies.last_received(tx.conn, state)
    if last is None:
        return None
    closed = inbox.state(tx.conn, state.id)
    question = surveys.wished(tx, closed, by)
    return _please(tx.conn, closed, question, threads.sign(key, state.id, last.identity, "survey"))


def onward(tx: Tx, who: Visitor, words: str) -> str:
    """A code by which they can go on elsewhere."""
    state = _current(tx, who)
    me = identity_of(tx.conn, who)
    assert me is not None
    return passages.issue(tx, state, me.id, f"person/{state.person}", words or passages.WORDS)


def _current(tx: Tx, who: Visitor) -> State:
    tx.flush()
    me = identity_of(tx.conn, who)
    talks = talks_of(tx.conn, who, me) if me else []
    if not talks:
        raise Refused("Write a first message, then this can be done.")
    return talks[0]
