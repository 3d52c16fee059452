"""Calls that the desk takes: who rings, who picks up, what two browsers tell each other.

Between browsers the sound goes from one to the other; here is only what brings them together. A caller on the telephone
waits with the provider until an agent takes the call at the desk and picks up a phone of their own. A call that goes on
is a row, so that every process of the desk knows it and exactly one agent gets it. What comes of it is told to its
channel as a delivery in the same transaction, and reaches the timeline the way every call does (services/calls.py).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.channel import Address, Channel, InboundCall, Inbox, PuttingThrough, Speaking
from parley.core.errors import NotFound, Refused
from parley.core.webhook import Line
from parley.log.record import Tx
from parley.log.tables import Id, Moment, metadata
from parley.services import access, inbox, people, setup, surveys, threads
from parley.services.inbox import Viewer

RINGING, TAKEN, SPOKEN, ENDED = "ringing", "taken", "spoken", "ended"
RING_SECONDS = 40
CONNECTING = timedelta(seconds=45)  # from picking up until the browsers have found each other
SILENCE = timedelta(seconds=75)  # the agent's page gives a sign of life every 20 s
WAITS_ON, SPEAKS_ON = timedelta(hours=2), timedelta(hours=8)  # a phone's row, if its end is never told
LATELY, ENOUGH = 50, 5  # calls from which the length of one is reckoned, and how few are too few
JUST_ENDED = timedelta(seconds=30)
KEPT = timedelta(days=1)
SIGNAL_LIMIT, SIGNALS = 16_000, 300
TRIES, PER = 6, timedelta(minutes=10)
NOBODY = "Nobody takes calls right now. Write, and we answer."
GONE = "This call is over, or somebody else has taken it."

calls = Table(
    "voice_calls",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("inbox", Integer, nullable=False),
    Column("brand", Integer, nullable=False),
    Column("visitor", String(254), nullable=False),
    Column("outgoing", Boolean, nullable=False),
    Column("agent", Integer),
    Column("declined", Text, nullable=False),
    Column("state", String(8), nullable=False),
    Column("cause", String(20), nullable=False),
    Column("began", Moment, nullable=False),
    Column("answered", Moment),
    Column("until", Moment, nullable=False),
)
Index("ix_voice_calls_state", calls.c.state, calls.c.until)
Index("ix_voice_calls_visitor", calls.c.visitor, calls.c.began)

signals = Table(
    "voice_signals",
    metadata,
    Column("seq", Id, primary_key=True, autoincrement=False),  # never used twice, so that a place among them holds
    Column("call", String(40), nullable=False),
    Column("to_desk", Boolean, nullable=False),
    Column("data", Text, nullable=False),
)
Index("ix_voice_signals_call", signals.c.call, signals.c.seq)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """visitor: the identity's value. agent: who picked up, or calls. declined: who will not take it.

    until: when it ends by itself; of one that ended, when that was. conversation, who: once they are known.
    """

    id: str
    inbox: int
    brand: int
    visitor: str
    outgoing: bool
    agent: int | None
    declined: tuple[int, ...]
    state: str
    cause: str
    began: datetime
    answered: datetime | None
    until: datetime
    conversation: int | None = None
    who: str = ""

    @property
    def is_open(self) -> bool:
        return self.state != ENDED


class SignalRow(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    call: str
    to_desk: bool
    data: str


# ── asks ────────────────────────────────────────────────────────────────────────────────────


def offered(at: Inbox, channels: Mapping[str, Channel]) -> bool:
    """Whether one can speak at this inbox at all."""
    return channels[at.channel].manifest.calls and bool(getattr(at.settings, "calls", True))


def takers(conn: Connection, brand: int) -> list[setup.Agent]:
    """Agents of a brand who are here, take calls and are not on one."""
    busy = set(conn.execute(select(calls.c.agent).where(calls.c.state.in_((RINGING, TAKEN, SPOKEN)))).scalars())
    return [
        a
        for a in setup.agents_online(conn)
        if a.takes_calls and a.id not in busy and a.active and a.role != "read-only" and serves(a.brands or None, brand)
    ]


def line(conn: Connection, inbox: Inbox, caller: Address | None, now: datetime) -> Line:
    """How busy those of its brand are who take calls, on one or not. caller: who is on the phone."""
    brand = inbox.brand
    here = [a for a in setup.agents_online(conn) if a.takes_calls and a.active and serves(a.brands or None, brand)]
    spoken = (calls.c.brand == brand) & (calls.c.state == ENDED) & calls.c.answered.is_not(None)
    question = select(calls.c.answered, calls.c.until).where(spoken).order_by(calls.c.until.desc()).limit(LATELY)
    lengths = [(row.until - row.answered).total_seconds() for row in conn.execute(question)]
    return Line(
        people=sum(a.role != "read-only" for a in here),
        seconds=sum(lengths) / len(lengths) if len(lengths) >= ENOUGH else None,
        rates=caller is not None and surveys.asks_caller(conn, inbox, caller, now),
    )


def serves(brands: Sequence[int] | None, brand: int) -> bool:
    return brands is None or brand in brands


def may_know(who: Viewer, call: Call) -> bool:
    """Of a call that rings, those who could take it; of another, only who is on it."""
    if not who.may_act or not serves(who.brands, call.brand):
        return False
    ringing = call.state == RINGING and not call.outgoing and who.agent not in call.declined
    return ringing or call.agent == who.agent


def of_visitor(conn: Connection, visitor: str, now: datetime) -> Call | None:
    """The call they are on, or were a moment ago."""
    row = conn.execute(_NEWEST, {"visitor": visitor}).one_or_none()
    if row is None or (row.state == ENDED and now - row.until > JUST_ENDED):
        return None
    return _call(row)


_NEWEST = select(calls).where(calls.c.visitor == bindparam("visitor")).order_by(calls.c.began.desc()).limit(1)


def current(conn: Connection, now: datetime) -> list[Call]:
    """Calls that go on, and those that ended a moment ago, with whom and where."""
    going = calls.c.state.in_((RINGING, TAKEN, SPOKEN)) | (
        (calls.c.state == ENDED) & (calls.c.until > now - JUST_ENDED)
    )
    found = [_call(row) for row in conn.execute(select(calls).where(going).order_by(calls.c.began))]
    if not found:
        return []
    places = threads.conversations_of(conn, [call.id for call in found])
    states = inbox.states(conn, [places[c.id][0][0] for c in found if c.id in places])
    known = people.persons(conn, [state.person for state in states.values()])
    addresses = people.addresses_of(conn, list(known))
    return [_placed(call, places, states, known, addresses) for call in found]


def _placed(call: Call, places: Any, states: Any, known: Any, addresses: Any) -> Call:
    state = states.get(places[call.id][0][0]) if call.id in places else None
    if state is None:
        return call
    name = people.display_name(known.get(state.person), addresses.get(state.person, ()))
    return msgspec.structs.replace(call, conversation=state.id, who=name)


def signals_after(
    conn: Connection, seq: int, call: str | None = None, *, to_desk: bool | None = None
) -> list[SignalRow]:
    question = select(signals).where(signals.c.seq > seq).order_by(signals.c.seq).limit(1000)
    if call is not None:
        question = question.where(signals.c.call == call)
    if to_desk is not None:
        question = question.where(signals.c.to_desk == to_desk)
    return [SignalRow(**row._mapping) for row in conn.execute(question)]


def last_signal(conn: Connection) -> int:
    return conn.execute(select(signals.c.seq).order_by(signals.c.seq.desc()).limit(1)).scalar() or 0


def _call(row: Any) -> Call:
    declined = tuple(int(number) for number in row.declined.split(",") if number)
    return Call(**{**row._mapping, "declined": declined, "outgoing": bool(row.outgoing)})


def call_for(conn: Connection, number: str, who: Viewer) -> Call:
    """A call that this agent may do something about. NotFound for every other, whatever the reason."""
    row = conn.execute(select(calls).where(calls.c.id == number)).one_or_none()
    if row is None or not (who.may_act and serves(who.brands, row.brand)):
        raise NotFound("There is no such call.")
    return _call(row)


# ── what a telephone line tells ─────────────────────────────────────────────────────────────


def told(tx: Tx, at: Inbox, call: InboundCall) -> None:
    """Keep the row of a caller who waits in step with what the provider says of the call."""
    of_it = calls.c.id == call.external_id
    there = tx.conn.execute(select(calls).where(of_it)).one_or_none()
    if call.state == "waits" and (there is None or there.state == TAKEN):
        waits = {"state": RINGING, "agent": None, "until": tx.at + WAITS_ON}
        if there is None:
            row = {
                "id": call.external_id, "inbox": at.id, "brand": at.brand, "visitor": call.sender.value,
                "outgoing": False, "declined": "", "cause": "", "began": tx.at, "answered": None,
            }  # fmt: skip
            tx.conn.execute(insert(calls).values(**row, **waits))
        else:
            tx.conn.execute(update(calls).where(of_it).values(**waits))
    elif there is None or there.state == ENDED:
        return
    elif call.state == "answered":
        tx.conn.execute(update(calls).where(of_it).values(state=SPOKEN, answered=call.at, until=tx.at + SPEAKS_ON))
    elif call.state == "ended":
        tx.conn.execute(update(calls).where(of_it).values(state=ENDED, cause=call.cause, until=max(call.at, tx.at)))
    else:
        return
    _stir(tx)


# ── acts ────────────────────────────────────────────────────────────────────────────────────


class Exchange:
    """Connects those who want to speak.

    keep: stores a delivery within a transaction (inbox, its name, its bytes); see `Intake.take_within`.
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        inboxes: Callable[[], Mapping[int, Inbox]],
        keep: Callable[[Tx, int, str, bytes], None],
    ) -> None:
        self.channels, self.inboxes, self.keep = channels, inboxes, keep

    # beginning ──────────────────────────────────────────────────────────────────────────────

    def ring(self, tx: Tx, at: Inbox, visitor: str, call: str, opening: tuple[str, bytes]) -> None:
        """A customer calls; every agent who takes calls hears it. opening: the channel's own delivery of it."""
        tx.flush()
        if not offered(at, self.channels) or not takers(tx.conn, at.brand):
            raise Refused(NOBODY)
        if not access.allowed(tx, f"call:{visitor}", TRIES, PER):
            raise Refused("You called often in a short time. Write, and we answer.")
        self._begin(tx, at, visitor, call, None)
        self.keep(tx, at.id, *opening)

    def call_out(self, tx: Tx, at: Inbox, visitor: str, call: str, agent: setup.Agent) -> None:
        """An agent calls a customer whose chat is open."""
        tx.flush()
        if not offered(at, self.channels):
            raise Refused("Nobody can be called on this channel.")
        _is_free(tx, agent.id)
        made = self._begin(tx, at, visitor, call, agent.id)
        self._note(tx, made, "rang", by=agent.name)

    def _begin(self, tx: Tx, at: Inbox, visitor: str, call: str, agent: int | None) -> Call:
        there = of_visitor(tx.conn, visitor, tx.at)
        if there is not None and there.is_open:
            raise Refused("They are on a call already." if agent else "You are on a call already.")
        seconds = max(5, int(getattr(at.settings, "ring_seconds", RING_SECONDS)))
        row = {
            "id": call,
            "inbox": at.id,
            "brand": at.brand,
            "visitor": visitor,
            "outgoing": agent is not None,
            "agent": agent,
            "declined": "",
            "state": RINGING,
            "cause": "",
            "began": tx.at,
            "answered": None,
            "until": tx.at + timedelta(seconds=seconds),
        }
        tx.conn.execute(delete(calls).where(calls.c.state == ENDED, calls.c.until < tx.at - KEPT))
        tx.conn.execute(insert(calls).values(row))
        _stir(tx)
        return Call(**{**row, "declined": ()})  # type: ignore[arg-type]

    # picking up ─────────────────────────────────────────────────────────────────────────────

    def accept(self, tx: Tx, number: str, agent: setup.Agent, who: Viewer) -> Call:
        """The first agent who picks up has it."""
        call = call_for(tx.conn, number, who)
        if call.outgoing:
            raise Refused(GONE)
        _is_free(tx, agent.id)
        self._move(tx, call, RINGING, state=TAKEN, agent=agent.id, until=tx.at + CONNECTING)
        self._give(tx, call, agent.id)
        return msgspec.structs.replace(call, state=TAKEN, agent=agent.id)

    def pick_up(self, tx: Tx, number: str, visitor: str) -> None:
        """The customer answers the desk's call."""
        call = self._theirs(tx, number, visitor)
        if not call.outgoing:
            raise Refused(GONE)
        self._move(tx, call, RINGING, state=TAKEN, until=tx.at + CONNECTING)

    def connected(self, tx: Tx, number: str, who: Viewer) -> None:
        """The browsers have found each other: now it is answered."""
        call = self._mine(tx, number, who)
        if call.state == SPOKEN:
            return
        self._move(tx, call, TAKEN, state=SPOKEN, answered=tx.at, until=tx.at + SILENCE)
        self._give(tx, call, call.agent or 0)
        self._note(tx, call, "answered", by=setup.agent(tx.conn, call.agent or 0).name)

    def goes_on(self, tx: Tx, number: str, who: Viewer) -> None:
        """A sign of life from the agent's page."""
        call = self._mine(tx, number, who)
        if call.state == SPOKEN and not self.is_phone(call):
            tx.conn.execute(update(calls).where(calls.c.id == number).values(until=tx.at + SILENCE))

    # ending ─────────────────────────────────────────────────────────────────────────────────

    def decline(self, tx: Tx, number: str, agent: int, who: Viewer) -> None:
        """This agent will not take it. When nobody is left who could, it need not ring on."""
        call = call_for(tx.conn, number, who)
        if call.outgoing or call.state != RINGING:
            raise Refused(GONE)
        declined = {*call.declined, agent}
        self._move(tx, call, RINGING, declined=",".join(map(str, sorted(declined))))
        if not self.is_phone(call) and all(a.id in declined for a in takers(tx.conn, call.brand)):
            self._end(tx, call, "noAnswer")

    def hang_up(self, tx: Tx, number: str, who: Viewer) -> None:
        """The agent ends it."""
        call = self._mine(tx, number, who)
        if call.is_open:
            self._end(tx, call, "cancel" if call.state == RINGING else _cause(call))

    def hung_up(self, tx: Tx, number: str, visitor: str) -> None:
        """The customer ends it, or will not take it."""
        call = self._theirs(tx, number, visitor)
        if call.is_open:
            turned_down = "busy" if call.outgoing else "cancel"
            self._end(tx, call, turned_down if call.state == RINGING else _cause(call))

    def overdue(self, tx: Tx) -> int:
        """End what rang long enough, or fell silent. Returns how many."""
        question = select(calls).where(calls.c.state.in_((RINGING, TAKEN, SPOKEN)), calls.c.until <= tx.at).limit(100)
        late = [_call(row) for row in tx.conn.execute(question)]
        for call in late:
            if self.is_phone(call) and call.state == TAKEN:
                self._move(tx, call, TAKEN, state=RINGING, agent=None, until=tx.at + WAITS_ON)
                continue
            self._end(tx, call, "noAnswer" if call.state == RINGING else _cause(call))
        return len(late)

    def _end(self, tx: Tx, call: Call, cause: str) -> None:
        """What the browsers told each other names their networks: it goes with the call."""
        self._move(tx, call, call.state, state=ENDED, cause=cause, until=tx.at)
        tx.conn.execute(delete(signals).where(signals.c.call == call.id))
        self._note(tx, call, "ended", cause=cause)

    # signals ────────────────────────────────────────────────────────────────────────────────

    def to_desk(self, tx: Tx, number: str, visitor: str, data: str) -> None:
        self._signal(tx, self._theirs(tx, number, visitor), data, to_desk=True)

    def to_visitor(self, tx: Tx, number: str, who: Viewer, data: str) -> None:
        self._signal(tx, self._mine(tx, number, who), data, to_desk=False)

    def _signal(self, tx: Tx, call: Call, data: str, *, to_desk: bool) -> None:
        if call.state not in (TAKEN, SPOKEN):
            raise Refused(GONE)
        if len(data) > SIGNAL_LIMIT or len(signals_after(tx.conn, 0, call.id)) >= SIGNALS:
            raise Refused("That is more than two browsers have to tell each other.")
        tx.conn.execute(insert(signals).values(seq=tx.new_id("signal"), call=call.id, to_desk=to_desk, data=data))
        _stir(tx)

    # a phone ────────────────────────────────────────────────────────────────────────────────

    def is_phone(self, call: Call) -> bool:
        """Whether the caller is on the telephone and waits there."""
        at = self.inboxes().get(call.inbox)
        return at is not None and self.channels[at.channel].manifest.queues

    async def put_through(self, call: Call, agent: setup.Agent) -> None:
        """Let the phone ring of the agent who has just taken the call."""
        at = self.inboxes()[call.inbox]
        channel = self.channels[at.channel]
        assert isinstance(channel, PuttingThrough)
        await channel.put_through(at, call.id, agent.name, agent.mail)

    def give_back(self, tx: Tx, call: Call) -> None:
        """It could not be put through: the caller waits on, and it rings again for everybody."""
        self._move(tx, call, TAKEN, state=RINGING, agent=None, until=tx.at + WAITS_ON)

    # small things ───────────────────────────────────────────────────────────────────────────

    def _move(self, tx: Tx, call: Call, was: str, **values: Any) -> None:
        """Change a call that is as it was a moment ago; of two who do so at once, one is refused."""
        where = update(calls).where(calls.c.id == call.id, calls.c.state == was)
        if not tx.conn.execute(where.values(**values)).rowcount:
            raise Refused(GONE)
        _stir(tx)

    def _mine(self, tx: Tx, number: str, who: Viewer) -> Call:
        call = call_for(tx.conn, number, who)
        if call.agent != who.agent:
            raise NotFound("There is no such call.")
        return call

    def _theirs(self, tx: Tx, number: str, visitor: str) -> Call:
        row = tx.conn.execute(select(calls).where(calls.c.id == number, calls.c.visitor == visitor)).one_or_none()
        if row is None:
            raise NotFound("There is no such call.")
        return _call(row)

    def _give(self, tx: Tx, call: Call, agent: int) -> None:
        """The matter is theirs who speak with the customer. While it is on its way in, this comes to nothing."""
        tx.flush()
        places = threads.conversations_of(tx.conn, [call.id]).get(call.id)
        if places:
            state = inbox.state(tx.conn, places[0][0])
            facts: Sequence[e.Event] = talk.assign(state, agent, "took the call")
            if facts:
                tx.append(e.conversation(state.id), facts, f"agent/{agent}")

    def _note(self, tx: Tx, call: Call, state: str, *, by: str = "", cause: str = "") -> None:
        at = self.inboxes()[call.inbox]
        channel = self.channels[at.channel]
        assert isinstance(channel, Speaking | PuttingThrough)
        news = InboundCall(
            sender=Address(kind=channel.manifest.identity_kind, value=call.visitor),
            external_id=call.id,
            state=state,
            at=tx.at,
            outgoing=call.outgoing,
            by=by,
            cause=cause,
        )
        self.keep(tx, at.id, *channel.called(news))


def _is_free(tx: Tx, agent: int) -> None:
    busy = select(calls.c.id).where(calls.c.agent == agent, calls.c.state.in_((RINGING, TAKEN, SPOKEN)))
    if tx.conn.execute(busy.limit(1)).first():
        raise Refused("You are on a call. Hang up first.")


def _cause(call: Call) -> str:
    """Why a call that somebody had picked up is over."""
    return "normalClearing" if call.state == SPOKEN else "unreachable"


def _stir(tx: Tx) -> None:
    """Tell every process that there is something to look at, though the log has not grown."""
    record = tx.record
    record.database.announce(tx.conn, 0)
    tx.after_commit(lambda: record.nudge(0))
