"""Incidents: many people with the same matter at once become one thing, told, answered and closed as one.

A matter (what a message says is down, or the product that is wrong) that suddenly comes more often than its hour of the
week explains (core/watch.py) is suspected; so is a theme that listening found. Its conversations are tied to it, and so
are those that come while it lasts. One drafted reply goes to all of them when an agent sends it, and for some seconds
it can be taken back as one.
"""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    Select,
    String,
    Table,
    bindparam,
    func,
    insert,
    select,
    update,
)

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.errors import NotAllowed, NotFound, Refused
from parley.core.watch import HOUR, MEMORY_WEEKS, WEEK, WINDOWS, Alarm, Said, Usual, Watch, usual
from parley.log.record import Record, Tx
from parley.log.tables import Id, Moment, metadata
from parley.services import inbox, people, sendings, setup, sorting
from parley.services.findings import BY, matter_hours, triaged
from parley.services.inbox import Viewer

HOLD = timedelta(seconds=20)  # in which a reply to all can be taken back
MOST_RECENT = 500  # contacts of two hours that are looked at
SHOWN = 200
LASTS = timedelta(hours=6)  # without a new contact, after which what comes is a matter of its own
NAMES = {
    "card_payment": "Paying does not work",
    "sign_in": "Signing in does not work",
    "website": "The website does not work",
    "app": "The app does not work",
    "ordering": "Orders cannot be placed",
    "codes": "Discount codes are not accepted",
    "confirmation": "Confirmations do not arrive",
    "hotline": "The telephone line does not work",
    "tracking": "Tracking does not work",
    "wrong_charge": "People were charged twice",
}

incidents = Table(
    "incidents",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("brand", Integer, nullable=False),
    Column("matter", String(240), nullable=False),
    Column("name", String(200), nullable=False),
    Column("since", Moment, nullable=False),
    Column("told_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("expected", Float, nullable=False),
    Column("chance", Float, nullable=False),
    Column("state", String(6), nullable=False),  # open, over, none
    Column("over_at", Moment),
)
_I = incidents.c
Index("ix_incidents_state", _I.state, _I.told_at)

tied = Table(
    "incident_conversations",
    metadata,
    Column("incident", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("reply", Id),
)
_C = tied.c
Index("ix_incident_conversations_conversation", _C.conversation)


class IncidentReader:
    """Follows incidents and what is tied to them."""

    name = "incidents"
    in_step = True
    kinds = (
        e.IncidentSuspected, e.IncidentTied, e.IncidentUntied, e.IncidentRenamed, e.IncidentAnswered, e.IncidentOver,
        e.IncidentReopened,
    )  # fmt: skip
    tables = (incidents, tied)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        for r in batch:
            self._take(tx.conn, r, r.subject_id)

    def _take(self, conn: Connection, r: e.Recorded, number: int) -> None:
        mine = update(incidents).where(_I.id == number)
        match r.event:
            case e.IncidentSuspected() as event:
                row = {"brand": event.brand, "matter": event.matter, "name": event.name[:200], "since": event.since}
                row |= {"told_at": r.at, "last_at": r.at, "expected": event.expected, "chance": event.chance}
                conn.execute(insert(incidents).values(id=number, state="open", **row))
            case e.IncidentTied(conversation=one):
                here = (_C.incident == number, _C.conversation == one)
                if conn.execute(select(_C.at).where(*here)).first() is None:
                    conn.execute(insert(tied).values(incident=number, conversation=one, at=r.at))
                conn.execute(mine.values(last_at=r.at))
            case e.IncidentUntied(conversation=one):
                conn.execute(tied.delete().where(_C.incident == number, _C.conversation == one))
            case e.IncidentRenamed(name=name):
                conn.execute(mine.values(name=name[:200]))
            case e.IncidentAnswered(replies=sent):
                for one, message in sent:
                    here = (_C.incident == number, _C.conversation == one)
                    conn.execute(update(tied).where(*here).values(reply=message or None))
            case e.IncidentOver(real=real):
                conn.execute(mine.values(state="over" if real else "none", over_at=r.at))
            case e.IncidentReopened():
                conn.execute(mine.values(state="open", over_at=None))


# ── noticing ────────────────────────────────────────────────────────────────────────────────


class IncidentFollower:
    """Whenever a message names a matter: is it part of an incident, or has one just begun?"""

    name = "incident-watch"
    kinds = (e.Triaged,)
    batch = 100

    def __init__(self) -> None:
        self._usual: dict[tuple[int, str], tuple[float, Usual]] = {}
        self._lock = threading.Lock()

    def prepare(self, record: Record, batch: Sequence[e.Recorded]) -> dict[tuple[int, str], Alarm]:
        now = record.clock()
        named = {r.subject_id: r.event.matter for r in batch if isinstance(r.event, e.Triaged) and r.event.matter}
        fresh = {r.subject_id for r in batch if now - r.at <= timedelta(seconds=WINDOWS[-1])}
        if not named or not fresh:
            return {}
        with record.reading() as conn:
            states = inbox.states(conn, [number for number in named if number in fresh])
            keys = {(state.brand, named[number][:240]) for number, state in states.items()}
            return {key: alarm for key in keys if (alarm := self._look(conn, key, now)) is not None}

    def _look(self, conn: Connection, key: tuple[int, str], now: datetime) -> Alarm | None:
        """The rarest window of the last two hours, if it is rare enough."""
        said = [Said(row.at.timestamp(), row.person) for row in _recent(conn, key, now)]
        watch = Watch({key[1]: self._usual_of(conn, key, now)})
        return next(iter(watch.look(now.timestamp(), {key[1]: said})), None)

    def _usual_of(self, conn: Connection, key: tuple[int, str], now: datetime) -> Usual:
        """Learnt from the weeks before, an hour old at most."""
        with self._lock:
            kept = self._usual.get(key)
            if kept and 0 <= now.timestamp() - kept[0] < HOUR:
                return kept[1]
        found = _usual(conn, key, now.timestamp() - WINDOWS[-1])
        with self._lock:
            self._usual[key] = (now.timestamp(), found)
        return found

    def act(self, tx: Tx, batch: Sequence[e.Recorded], prepared: dict[tuple[int, str], Alarm] | None) -> None:
        for r in batch:
            if isinstance(r.event, e.Triaged) and r.event.matter and tx.at - r.at <= timedelta(days=1):
                self._belongs(tx, r.subject_id, r.event.matter[:240], prepared or {})

    def _belongs(self, tx: Tx, number: int, matter: str, alarms: dict[tuple[int, str], Alarm]) -> None:
        tx.flush()
        state = inbox.states(tx.conn, [number]).get(number)
        if state is None or _of(tx.conn, number) is not None:
            return
        key = (state.brand, matter)
        running = _running(tx.conn, key, tx.at)
        if running is not None:
            tie(tx, running, number)
        elif alarm := alarms.get(key):
            suspect(tx, key, name_of(matter), alarm, [row.conversation for row in _recent(tx.conn, key, tx.at)])


def _recent(conn: Connection, key: tuple[int, str], now: datetime) -> list[Any]:
    since = now - timedelta(seconds=WINDOWS[-1])
    rows = conn.execute(_RECENT, {"brand": key[0], "matter": key[1], "since": since, "most": MOST_RECENT}).all()
    return list(reversed(rows))


_T = triaged.c
_RECENT = (
    select(_T.conversation, inbox.conversations.c.person, inbox.conversations.c.opened_at.label("at"))
    .join(inbox.conversations, inbox.conversations.c.id == _T.conversation)
    .where(
        _T.brand == bindparam("brand"), _T.matter == bindparam("matter"), _T.at >= bindparam("since", type_=Moment),
        inbox.conversations.c.opened_at >= bindparam("since", type_=Moment),
    )
    .order_by(_T.at.desc())
    .limit(bindparam("most", type_=Integer))
)  # fmt: skip


def _usual(conn: Connection, key: tuple[int, str], end: float) -> Usual:
    m = matter_hours.c
    since = int((end - MEMORY_WEEKS * WEEK) // HOUR)
    question = select(m.hour, m.n).where(m.brand == key[0], m.matter == key[1], m.hour >= since, m.hour < end // HOUR)
    said = [Said(hour * HOUR + 1, 0) for hour, n in conn.execute(question) for _ in range(n)]
    first = conn.execute(select(_T.at).order_by(_T.at).limit(1)).scalar()
    return usual(said, first.timestamp() if first else end, end)


def name_of(matter: str) -> str:
    kind, _, product = matter.partition(":")
    return f"Something is wrong with {product}" if kind == "product" else NAMES.get(matter, matter)


def _running(conn: Connection, key: tuple[int, str], now: datetime) -> int | None:
    question = select(_I.id).where(
        _I.state == "open", _I.brand == key[0], _I.matter == key[1], _I.last_at >= now - LASTS
    )
    return conn.execute(question.order_by(_I.told_at.desc()).limit(1)).scalar()


def _of(conn: Connection, conversation: int) -> int | None:
    return conn.execute(select(_C.incident).where(_C.conversation == conversation).limit(1)).scalar()


def suspect(tx: Tx, key: tuple[int, str], name: str, alarm: Alarm, conversations: Sequence[int]) -> int:
    """Open one, with all that belong to it so far."""
    number = tx.new_id("incident")
    fact = e.IncidentSuspected(
        brand=key[0], matter=key[1], name=name, since=datetime.fromtimestamp(alarm.since, UTC), people=alarm.people,
        seen=alarm.seen, expected=round(alarm.expected, 3), chance=alarm.chance,
    )  # fmt: skip
    tx.append(e.incident(number), [fact], BY)
    tx.flush()
    for one in dict.fromkeys(conversations):
        tie(tx, number, one)
    return number


def heard(tx: Tx, brand: int, name: str, alarm: Alarm, conversations: Sequence[int]) -> None:
    """Listening found that a theme comes suddenly: one incident, unless its conversations are in one already."""
    known = set(tx.conn.execute(select(_C.conversation).where(_C.conversation.in_(list(conversations)))).scalars())
    if len(known) * 2 < len(conversations) and _running(tx.conn, (brand, f"theme:{name}"[:240]), tx.at) is None:
        rest = [one for one in conversations if one not in known]
        suspect(tx, (brand, f"theme:{name}"[:240]), name, alarm, rest)


def tie(tx: Tx, number: int, conversation: int, by: str = BY) -> None:
    row = tx.conn.execute(select(_I.name).where(_I.id == number)).one()
    tx.append(e.incident(number), [e.IncidentTied(conversation=conversation)], by)
    sorting.signal(tx, conversation, e.Noticed(signal="incident", value=str(number), fact=row.name))
    tx.flush()


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def _acted_on(tx: Tx, number: int, who: Viewer) -> "Incident":
    tx.flush()
    found = incident(tx.conn, number, who)
    if not who.may_act:
        raise NotAllowed("Your role may read here, not act.")
    return found


def untie(tx: Tx, number: int, who: Viewer, conversation: int) -> None:
    """It is another matter."""
    _acted_on(tx, number, who)
    if conversation in numbers_of(tx.conn, number):
        tx.append(e.incident(number), [e.IncidentUntied(conversation=conversation)], who.by)
        sorting.unsignal(tx, conversation, "incident")


def tie_by_hand(tx: Tx, number: int, who: Viewer, conversation: int) -> None:
    found = _acted_on(tx, number, who)
    state = inbox.state(tx.conn, conversation, who)
    if state.brand != found.brand:
        raise Refused("The conversation belongs to another brand.")
    if conversation not in numbers_of(tx.conn, number):
        tie(tx, number, conversation, who.by)


def rename(tx: Tx, number: int, who: Viewer, name: str) -> None:
    _acted_on(tx, number, who)
    name = " ".join(name.split())
    if not 1 <= len(name) <= 120:
        raise Refused("A name has 1 to 120 characters.")
    tx.append(e.incident(number), [e.IncidentRenamed(name=name)], who.by)


def end(tx: Tx, number: int, who: Viewer, real: bool) -> None:
    if _acted_on(tx, number, who).state == "open":
        tx.append(e.incident(number), [e.IncidentOver(real=real)], who.by)
        for one in () if real else numbers_of(tx.conn, number):
            sorting.unsignal(tx, one, "incident")


def reopen(tx: Tx, number: int, who: Viewer) -> None:
    if _acted_on(tx, number, who).state != "open":
        tx.append(e.incident(number), [e.IncidentReopened()], who.by)


def answer_all(tx: Tx, number: int, who: Viewer, text: str, channels: Any, again: bool = False) -> tuple[int, int]:
    """One reply to every tied conversation that is not closed and was not answered so before (again: those, too).

    Each is planned for a moment ahead, on live channels as well, so that all can be taken back. Returns (to how many,
    how many could not be written to).
    """
    from parley.services import replies

    _acted_on(tx, number, who)
    rows = tx.conn.execute(select(tied).where(_C.incident == number).order_by(_C.conversation)).all()
    states = inbox.states(tx.conn, [row.conversation for row in rows])
    sent, missed = [], 0
    when = sendings.Plan(due=tx.at + HOLD)
    for row in rows:
        state = states.get(row.conversation)
        if state is None or not inbox.can_see(who, state) or state.status == talk.CLOSED or (row.reply and not again):
            continue
        try:
            message = replies.reply(
                tx, state.id, who, text, channels=channels,
                keep=lambda fact, words, one=state.id: sendings.plan(tx, one, who, fact, words, when),  # type: ignore[misc]
            )  # fmt: skip
        except Refused:
            missed += 1
            continue
        sent.append((state.id, message))
    if not sent:
        raise Refused("There is nobody here to write to: all are closed, or have this answer already.")
    tx.append(e.incident(number), [e.IncidentAnswered(replies=tuple(sent))], who.by)
    return len(sent), missed


def take_back(tx: Tx, number: int, who: Viewer) -> int:
    """Stop those replies that have not gone yet. Returns how many."""
    _acted_on(tx, number, who)
    back = []
    for row in tx.conn.execute(select(tied).where(_C.incident == number, _C.reply.is_not(None))).all():
        history = inbox.history(tx.conn, row.conversation, newest=60)
        if sendings.is_planned(history, row.reply):
            fact = e.PlanDropped(message=row.reply, reason="taken back")
            tx.append(e.conversation(row.conversation), [fact], who.by)
            tx.erase(row.reply)
            back.append((row.conversation, 0))
    if not back:
        raise Refused("They have gone already.")
    tx.append(e.incident(number), [e.IncidentAnswered(replies=tuple(back))], who.by)
    return len(back)


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """people, conversations: tied so far. expected: contacts usual in the window that showed it."""

    id: int
    brand: int
    matter: str
    name: str
    since: datetime
    told_at: datetime
    expected: float
    state: str
    over_at: datetime | None
    conversations: int = 0
    people: int = 0


class Tied(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation of an incident. reply: the message of the reply to all, None while it has none."""

    state: talk.State
    person: str
    reply: int | None


def open_ones(conn: Connection, who: Viewer, limit: int = 5) -> list[Incident]:
    """Those that run, newest first: asked on every page of the inbox."""
    return _made(conn, conn.execute(_open(who), {"limit": limit}).all())


@lru_cache(1024)
def _open(who: Viewer) -> Select[Any]:
    question = select(incidents).where(_I.state == "open", inbox.of_brand(_I.brand, who))
    return question.order_by(_I.told_at.desc()).limit(bindparam("limit", type_=Integer))


def latest(conn: Connection, who: Viewer, limit: int = 100) -> list[Incident]:
    question = select(incidents).where(inbox.of_brand(_I.brand, who)).order_by(_I.id.desc()).limit(limit)
    return _made(conn, conn.execute(question).all())


def incident(conn: Connection, number: int, who: Viewer) -> Incident:
    row = conn.execute(select(incidents).where(_I.id == number, inbox.of_brand(_I.brand, who))).one_or_none()
    if row is None:
        raise NotFound("There is no such incident, or it is not yours to see.")
    return _made(conn, [row])[0]


def of_conversation(conn: Connection, conversation: int) -> tuple[int, str] | None:
    """(number, name) of the incident a conversation is tied to."""
    row = conn.execute(_OF, {"conversation": conversation}).first()
    return (row.id, row.name) if row else None


_OF = (
    select(_I.id, _I.name)
    .join(tied, _C.incident == _I.id)
    .where(_C.conversation == bindparam("conversation"), _I.state != "none")
    .order_by(_I.id.desc())
    .limit(1)
)


def _made(conn: Connection, rows: Sequence[Any]) -> list[Incident]:
    if not rows:
        return []
    counted = (
        select(_C.incident, func.count(), func.count(inbox.conversations.c.person.distinct()))
        .join(inbox.conversations, inbox.conversations.c.id == _C.conversation)
        .where(_C.incident.in_([row.id for row in rows]))
        .group_by(_C.incident)
    )
    counts = {number: (int(n), int(people)) for number, n, people in conn.execute(counted)}
    return [
        Incident(
            id=row.id, brand=row.brand, matter=row.matter, name=row.name, since=row.since, told_at=row.told_at,
            expected=row.expected, state=row.state, over_at=row.over_at,
            conversations=counts.get(row.id, (0, 0))[0], people=counts.get(row.id, (0, 0))[1],
        )
        for row in rows
    ]  # fmt: skip


def numbers_of(conn: Connection, number: int) -> list[int]:
    return list(conn.execute(select(_C.conversation).where(_C.incident == number)).scalars())


def tied_to(conn: Connection, number: int, who: Viewer) -> list[Tied]:
    """Its conversations, newest first, of what the viewer may see."""
    question = select(tied).where(_C.incident == number).order_by(_C.conversation.desc()).limit(SHOWN)
    rows = conn.execute(question).all()
    states = inbox.states(conn, [row.conversation for row in rows])
    names = people.persons(conn, [state.person for state in states.values()])
    return [
        Tied(state=state, person=people.display_name(names.get(state.person)), reply=row.reply)
        for row in rows
        if (state := states.get(row.conversation)) and inbox.can_see(who, state)
    ]


def draft(conn: Connection, found: Incident) -> str:
    """What can be said to all of them at once, for an agent to change and send."""
    brand = setup.all_brands(conn).get(found.brand)
    matter = found.name[:1].lower() + found.name[1:]
    sign = f"\n\n{brand.name}" if brand else ""
    if found.state == "over":
        return (
            "Hello,\n\nyou wrote to us because of this: "
            f"{matter}. It is solved now. Please try again, and answer this message if it still fails.{sign}"
        )
    return (
        "Hello,\n\nthank you for telling us. We know that others see the same: "
        f"{matter}. We are working on it, and you need not do anything. We will write to you here as soon as it is"
        f" solved.{sign}"
    )
