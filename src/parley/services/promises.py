"""Promises to customers: kept in step with the log, told once when they are near or broken, agreed on by leads."""

import itertools
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, Integer, bindparam, delete, func, insert, select

from parley.core import events as e
from parley.core.agreement import KINDS, USUAL, Agreement, Hours, Policy, due_at
from parley.core.errors import Busy, Conflict, NotAllowed, Refused
from parley.core.opening import due as working_due
from parley.core.promises import Clock, Owed, dropped, take, tell
from parley.log import record as log
from parley.log.many import among, drop_among
from parley.log.record import Record, Tx, add_lines
from parley.log.tables import EPOCH, to_micros
from parley.services import days, setup
from parley.services.inbox import Viewer, conversations, sees_brands, visible_to
from parley.services.promised import agreements, owed, promised_days, promises, told_of

logger = logging.getLogger("parley.promises")

SOON = timedelta(minutes=30)  # what breaks within this time is at risk
LONGEST = 60 * 24 * 90  # minutes
_encode = msgspec.msgpack.Encoder().encode
_owed = msgspec.msgpack.Decoder(Owed).decode
_agreement = msgspec.msgpack.Decoder(Agreement).decode
_T, _O = promises.c, owed.c


class PromiseReader:
    """Keeps the clocks of every conversation. What is in force is on the log too, so a replay gives the same."""

    name = "promises"
    in_step = True
    kinds = (
        e.ConversationOpened, e.MessageReceived, e.MessageEdited, e.MessageWithdrawn, e.ReplyWritten, e.SendCancelled,
        e.CallAnswered, e.HandoffAsked, e.Assigned, e.Tagged, e.Untagged, e.Snoozed, e.Woke, e.Closed, e.Reopened,
        e.PromiseNear, e.PromiseBroken, e.PromisesAgreed,
    )  # fmt: skip
    tables = (promises, promised_days, owed, agreements)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        force, part = _InForce(tx.conn), list[e.Recorded]()
        for r in batch:
            if type(r.event) is e.PromisesAgreed:
                _fold(tx.conn, part, force)
                _put_in_force(tx.conn, r.event.agreement)
                force.now, part = r.event.agreement, []
            else:
                part.append(r)
        _fold(tx.conn, part, force)


def _fold(conn: Connection, batch: Sequence[e.Recorded], force: "_InForce") -> None:
    """What happened while one agreement was in force. A conversation's clocks hang on nothing outside of it."""
    by_talk = log.by_subject(batch)
    known = _known(conn, {number for number, recorded in by_talk.items() if recorded[0].version > 1})
    gone, heads, made = list[str](), list[tuple[Any, ...]](), list[tuple[Any, ...]]()
    touched: dict[int, int] = {}
    for number, recorded in by_talk.items():
        first, one = recorded[0], known.get(number)
        if one is None:
            one = (_from_the_log(conn, first, force) if first.version > 1 else None) or Owed()
        before = {(clock.kind, clock.n): clock for clock in one.clocks}
        changed = _made(one, recorded, force, touched)
        if number not in known:  # what the log told of is not in the table yet
            changed, before = before | changed, {}
        for key, clock in changed.items():
            if before.get(key) != clock:
                made.append(_promise(number, clock))
                if first.version > 1:
                    gone.append(made[-1][0])
        heads.append(_head(number, one))
    drop_among(conn, _O.conversation, sorted(known))
    add_lines(conn, owed, _HEAD, heads)
    drop_among(conn, _T.key, sorted(gone))
    add_lines(conn, promises, _PROMISE, made)
    days.mark(conn, promised_days, touched)


def _made(
    one: Owed, recorded: Sequence[e.Recorded], force: "_InForce", touched: dict[int, int]
) -> dict[tuple[str, int], Clock]:
    """Fold what happened into what is owed; the clocks that changed, as they stand at the end. touched: the days on
    which they began, and the last change."""
    found: dict[tuple[str, int], Clock] = {}
    for r in recorded:
        reply, resolution = one.reply, one.resolution
        take(one, r, force)
        for old, clock in ((reply, one.reply), (resolution, one.resolution or (resolution and dropped(resolution)))):
            if clock is not None and clock is not old:
                found[clock.kind, clock.n] = clock
                day = (clock.began - EPOCH).days
                touched[day] = max(r.seq, touched.get(day, 0))
    return found


class _InForce:
    """What is agreed on at this place of the log; read when a clock needs it."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.now: Agreement | None = None

    def __call__(self) -> Agreement:
        if self.now is None:
            self.now = agreement(self.conn)
        return self.now


def _put_in_force(conn: Connection, new: Agreement) -> None:
    conn.execute(delete(agreements))
    conn.execute(insert(agreements).values(id=1, data=_encode(new)))


def _known(conn: Connection, numbers: set[int]) -> dict[int, Owed]:
    found = {}
    for row in among(conn, _O.conversation, sorted(numbers), of=(_O.conversation, _O.data)):
        found[row.conversation] = _owed(row.data)
    return found


def _from_the_log(conn: Connection, r: e.Recorded, force: _InForce) -> Owed | None:
    """A conversation from before this reader was: what it owes is made of what happened there until now."""
    found: Owed | None = None
    for earlier in log.stream(conn, r.stream):
        if earlier.version < r.version and type(earlier.event) in PromiseReader.kinds:
            found = found or Owed()
            take(found, earlier, force)
    return found


_HEAD = ("conversation", "due", "near", "kind", "policy", "tell_at", "data")
_PROMISE = (
    "key", "conversation", "kind", "number", "policy", "minutes", "working", "began", "due", "met_at", "void", "told",
)  # fmt: skip


def _head(number: int, one: Owed) -> tuple[Any, ...]:
    first = one.first_due
    if first is None or first.due is None:
        return number, None, None, None, None, None, _encode(one)
    near, tell_at = first.near, one.tell_at
    return (
        number, to_micros(first.due), near and to_micros(near), first.kind, first.policy,
        tell_at and to_micros(tell_at), _encode(one),
    )  # fmt: skip


def _promise(number: int, clock: Clock) -> tuple[Any, ...]:
    began, due = to_micros(clock.began), None if clock.due is None else to_micros(clock.due)
    met_at = None if clock.met_at is None else to_micros(clock.met_at)
    return (
        f"{number}/{clock.kind}/{clock.n}", number, clock.kind, clock.n, clock.policy, clock.minutes, clock.working,
        began, due, met_at, clock.void, told_of(number, clock.kind, began, due, met_at, clock.void),
    )  # fmt: skip


# ── time passes ─────────────────────────────────────────────────────────────────────────────


_DUE = (
    select(_O.conversation)
    .where(_O.tell_at <= bindparam("now"))
    .order_by(_O.tell_at)
    .limit(bindparam("limit", type_=Integer))
)


def tell_due(record: Record, limit: int = 100) -> int:
    """Say of clocks that they are near their end or past it: once each, by the event that marks them.

    Each in a job of its own, which share a commit: it looks again, so that of two processes one says it, and a crash
    leaves it to be said.
    """
    with record.reading() as conn:
        numbers = list(conn.execute(_DUE, {"now": record.clock(), "limit": limit}).scalars())
    jobs = [(number, record.write(lambda tx, number=number: _tell(tx, number))) for number in numbers]  # type: ignore[misc]
    said = 0
    for number, job in jobs:
        try:
            said += job.result()
        except (Busy, Conflict) as error:
            logger.info("The promise of conversation %s waits: %s", number, error)
    return said


def _tell(tx: Tx, number: int) -> int:
    row = tx.conn.execute(select(_O.data).where(_O.conversation == number)).one_or_none()
    facts = tell(_owed(row.data), tx.at) if row else []
    if facts:
        tx.append(e.conversation(number), facts, "timer")
    return len(facts)


# ── what is agreed on ───────────────────────────────────────────────────────────────────────


_AGREED = select(agreements.c.data)


def agreement(conn: Connection) -> Agreement:
    """What is in force now."""
    data = conn.execute(_AGREED).scalar()
    return _agreement(data) if data else Agreement()


def agree(tx: Tx, who: Viewer, new: Agreement, *about: int | None) -> None:
    """For leads; who serves some brands decides for these alone. Holds for clocks that start from now on.

    about: the brands whose promise is changed (None: all), even if it comes out as it was.
    """
    if who.role not in ("admin", "lead", "system"):
        raise NotAllowed("What is promised to customers is decided by leads.")
    if who.brands is not None and any(brand is None or brand not in who.brands for brand in about):
        raise NotAllowed("This holds for brands that are not yours.")
    tx.flush()
    old = agreement(tx.conn)
    if new == old:
        return
    _may_change(who, old, new)
    for hours in new.hours:
        _check_hours(hours)
    for policy in new.policies:
        _check_policy(policy, new, tx.at)
    tx.append(e.DESK, [e.PromisesAgreed(agreement=new)], who.by if who.agent else "system")


def _may_change(who: Viewer, old: Agreement, new: Agreement) -> None:
    if who.brands is None:
        return
    brands = who.brands

    def of_others(of: Agreement) -> list[Hours | Policy]:
        every: list[Hours | Policy] = [*of.hours, *of.policies]
        return [one for one in every if one.brand is None or one.brand not in brands]

    if of_others(old) != of_others(new):
        raise NotAllowed("This holds for brands that are not yours.")


def _check_hours(hours: Hours) -> None:
    try:
        ZoneInfo(hours.zone)
    except (KeyError, ValueError, OSError) as error:
        raise Refused(f"“{hours.zone}” is no time zone. Write one as Europe/Berlin or America/New_York.") from error
    for day in hours.week:
        ends = [(period.start, period.end) for period in day]
        overlaps = any(after[0] < before[1] for before, after in itertools.pairwise(ends))
        if ends != sorted(ends) or overlaps:
            raise Refused("Opening hours of a day follow each other: 9:00-12:30, 14:00-18:00.")


def _check_policy(policy: Policy, new: Agreement, now: datetime) -> None:
    minutes = [found for kind in KINDS if (found := policy.minutes(kind)) is not None]
    if not policy.name.strip() or not minutes:
        raise Refused("A promise has a name and at least one time within which something happens.")
    if not all(1 <= found <= LONGEST for found in minutes):
        raise Refused("A promise is 1 minute to 90 days.")
    if policy.working:
        brands = [hours.brand for hours in new.hours] if policy.brand is None else [policy.brand]
        for brand in brands:
            try:
                working_due(new.calendar(brand or 0), now, timedelta(minutes=max(minutes)))
            except ValueError as error:
                raise Refused(f"“{policy.name}” needs more opening hours than a year has.") from error


def adopt(tx: Tx) -> None:
    """Brands had a first-answer time of their own before there were policies: keep it as one, once."""
    if tx.conn.execute(select(agreements.c.id)).first() is not None:
        return
    found = [
        Policy(key=f"brand-{row.id}", name=row.name, brand=row.id, first=minutes, next=minutes)
        for row in tx.conn.execute(select(setup.brands))
        if (minutes := msgspec.json.decode(row.look).get("promise_minutes", USUAL.first)) != USUAL.first
    ]
    if found:
        tx.append(e.DESK, [e.PromisesAgreed(agreement=Agreement(policies=(*found, USUAL)))], "system")


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Promised(msgspec.Struct, frozen=True, kw_only=True):
    """A promise of a conversation, for the page and programs. state: met, broken, open, paused, void."""

    kind: str
    number: int
    policy: str
    minutes: int
    working: bool
    began: datetime
    due: datetime | None
    met_at: datetime | None
    state: str


def of_conversation(conn: Connection, number: int, now: datetime) -> list[Promised]:
    """In the order in which they were made."""
    names = {policy.key: policy.name for policy in agreement(conn).policies}
    question = select(promises).where(_T.conversation == number).order_by(_T.began, _T.kind)
    return [
        Promised(
            kind=row.kind, number=row.number, policy=names.get(row.policy, row.policy), minutes=row.minutes,
            working=bool(row.working), began=row.began, due=row.due, met_at=row.met_at, state=_state(row, now),
        )
        for row in conn.execute(question)
    ]  # fmt: skip


def policy_name(conn: Connection, key: str) -> str:
    return next((policy.name for policy in agreement(conn).policies if policy.key == key), "")


def _state(row: Any, now: datetime) -> str:
    if row.void:
        return "void"
    if row.met_at is not None:
        return "met" if row.met_at <= row.due else "broken"
    if row.due is None:
        return "paused"
    return "broken" if now > row.due else "open"


def at_risk(conn: Connection, who: Viewer, now: datetime) -> tuple[int, int]:
    """How many conversations are past a promise, and how many will be within `SOON`."""
    question = select(func.count(), func.count().filter(_O.due < now)).select_from(owed).where(_O.due < now + SOON)
    if sees_brands(who) is not None:  # else the index alone tells it
        question = question.join(conversations, conversations.c.id == _O.conversation).where(visible_to(who))
    both, late = conn.execute(question).one()
    return late, both - late


def soonest_due(policy: Policy, agreed: Agreement, brand: int, now: datetime) -> dict[str, datetime]:
    """If a customer wrote now: until when what would be promised. For the settings' page."""
    calendar = agreed.calendar(brand)
    return {
        kind: due_at(calendar, now, minutes * 60, policy.working)
        for kind in KINDS
        if (minutes := policy.minutes(kind)) is not None
    }
