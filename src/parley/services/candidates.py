"""Candidates: named changes of the bot, what was found out about them, and who gets them.

A candidate is a fact that does not change; whoever wants another makes another. At most one is tried out per brand, so
that what is seen can be put down to it. Texts of articles that it brings live in its event until it is adopted.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    insert,
    select,
    update,
)

from parley.core import events as e
from parley.core.errors import Conflict, NotAllowed, NotFound, Refused
from parley.core.trial import HOLDOUTS, SHARES, Change, checked
from parley.log.record import Tx, add_rows
from parley.log.tables import Id, Moment, metadata
from parley.services import knowledge, procedures, setup
from parley.services.inbox import Viewer

DRAFT, RUNNING, STOPPED, DISCARDED, ADOPTED = "draft", "running", "stopped", "discarded", "adopted"

candidates = Table(
    "candidates",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("name", String(120), nullable=False),
    Column("brand", Integer),
    Column("change", LargeBinary, nullable=False),
    Column("state", String(10), nullable=False),
    Column("share", Integer, nullable=False),
    Column("holdout", Integer, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("since", Moment),
    Column("made_at", Moment, nullable=False),
    Column("made_by", String(60), nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String(60), nullable=False),
)
_C = candidates.c
Index("ix_candidates_state", _C.state)

replays = Table(
    "replays",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("candidate", Id, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("everywhere", Boolean, nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column("begun_by", String(60), nullable=False),
    Column("result", LargeBinary),
)
Index("ix_replays_candidate", replays.c.candidate, replays.c.id)

arms = Table(
    "arms",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("candidate", Id, primary_key=True, autoincrement=False),
    Column("arm", String(8), nullable=False),
    Column("stage", Integer, nullable=False),
    Column("person", Id, nullable=False),
    Column("at", Moment, nullable=False),
    Column("first", Boolean, nullable=False),  # of this person in this trial; only these are compared
)
_A = arms.c
Index("ix_arms_candidate", _A.candidate, _A.person)


class CandidateReader:
    """One row for each candidate, each replay and each conversation that takes part in a trial."""

    name = "candidates"
    in_step = True
    kinds = (
        e.CandidateMade, e.CandidateApproved, e.CandidateStopped, e.CandidateDiscarded, e.CandidateRestored,
        e.CandidateAdopted, e.AdoptionUndone, e.ReplayBegun, e.ReplayEnded, e.ArmGiven,
    )  # fmt: skip
    tables = (candidates, replays, arms)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        for r in batch:
            match r.event:
                case e.CandidateMade():
                    tx.conn.execute(insert(candidates).values(_made(r, r.event)))
                case e.ReplayBegun():
                    tx.conn.execute(insert(replays).values(_begun(r, r.event)))
                case e.ReplayEnded():
                    done = msgspec.msgpack.encode(r.event)
                    tx.conn.execute(update(replays).where(replays.c.id == r.event.replay).values(result=done))
                case e.ArmGiven():
                    self._give(tx, r, r.event)
                case _:
                    tx.conn.execute(update(candidates).where(_C.id == r.subject_id).values(_moved(r)))

    def _give(self, tx: Tx, r: e.Recorded, event: e.ArmGiven) -> None:
        known = select(_A.conversation).where(_A.candidate == event.candidate, _A.person == event.person).limit(1)
        row = {
            "conversation": r.subject_id, "candidate": event.candidate, "arm": event.arm, "stage": event.stage,
            "person": event.person, "at": r.at, "first": tx.conn.execute(known).first() is None,
        }  # fmt: skip
        add_rows(tx.conn, arms, [row])


def _made(r: e.Recorded, event: e.CandidateMade) -> dict[str, Any]:
    return {
        "id": r.subject_id, "name": event.name, "brand": event.brand, "change": msgspec.msgpack.encode(event.change),
        "state": DRAFT, "share": 0, "holdout": 0, "stage": 0, "since": None, "made_at": r.at, "made_by": r.by,
        "changed_at": r.at, "changed_by": r.by,
    }  # fmt: skip


def _begun(r: e.Recorded, event: e.ReplayBegun) -> dict[str, Any]:
    return {
        "id": event.replay, "candidate": r.subject_id, "since": event.since, "until": event.until,
        "everywhere": event.everywhere, "begun_at": r.at, "begun_by": r.by, "result": None,
    }  # fmt: skip


def _moved(r: e.Recorded) -> dict[str, Any]:
    """What an event changes in a candidate's row."""
    told: dict[str, Any] = {"changed_at": r.at, "changed_by": r.by}
    match r.event:
        case e.CandidateApproved(share=share, holdout=holdout):
            return {**told, "state": RUNNING, "share": share, "holdout": holdout, "stage": _C.stage + 1, "since": r.at}
        case e.CandidateStopped() | e.AdoptionUndone():
            return {**told, "state": STOPPED}
        case e.CandidateAdopted():
            return {**told, "state": ADOPTED}
        case e.CandidateDiscarded():
            return {**told, "state": DISCARDED}
    return {**told, "state": DRAFT}


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def make(tx: Tx, name: str, change: Change, who: Viewer, brand: int | None = None) -> int:
    """Write down a candidate. Returns its number."""
    check_lead(who, brand)
    if not name.strip():
        raise Refused("A candidate needs a name, by which it is told from others.")
    change = checked(change)
    written = tuple(msgspec.structs.replace(one, title=one.title.strip()[:200]) for one in change.wordings)
    change = msgspec.structs.replace(change, wordings=written)
    _check_parts(tx.conn, change, who, brand)
    number = tx.new_id("candidate")
    made = e.CandidateMade(name=name.strip()[:120], change=change, brand=brand)
    tx.append(e.candidate(number), [made], who.by, new=True)
    return number


def check_lead(who: Viewer, brand: int | None) -> None:
    if who.role not in ("admin", "lead"):
        raise NotAllowed("How the bot answers is tried out by leads.")
    if who.brands is not None and brand not in who.brands:
        raise NotAllowed("You try out what concerns your own brands only. Choose one of them.")


def _check_parts(conn: Connection, change: Change, who: Viewer, brand: int | None) -> None:
    """That everything it names is there, and is of the brand."""
    numbers = {*change.shown, *change.hidden, *(one.article for one in change.wordings)}
    found = {one.id: one for one in knowledge.some(conn, sorted(numbers)) if knowledge.serves(one, who)}
    if numbers - set(found):
        raise NotFound("There is no such article.")
    if brand is not None and any(one.brand not in (None, brand) for one in found.values()):
        raise Refused("An article of another brand cannot be changed for this one.")
    if any(found[number].audience == "public" for number in change.shown):
        raise Refused("The bot answers from a public article already.")
    if any(found[number].audience != "public" for number in change.hidden):
        raise Refused("The bot answers from public articles only; this one is none.")
    if unknown := [name for name in (*change.does, *change.leaves) if name not in procedures.SHIPPED]:
        raise Refused(f"There is no procedure “{unknown[0]}”.")
    if unknown := [name for name in change.limits if name not in limits(conn)]:
        raise Refused(f"There is no limit “{unknown[0]}”.")


def limits(conn: Connection) -> dict[str, int]:
    """What can be limited, as `refund.days`, with the usual value."""
    made = procedures.every(conn, setup.Look())
    return {f"{one.name}.{limit.name}": limit.usual for one in made for limit in one.limits}


def approve(tx: Tx, number: int, who: Viewer, share: int, holdout: int) -> None:
    """Let new conversations have it, or change how many. The holdout stays as it was drawn."""
    one = _mine(tx.conn, number, who)
    if one.state not in (DRAFT, RUNNING, STOPPED):
        raise Conflict(f"“{one.name}” is {one.state}, so it cannot be rolled out. Take that back first.")
    if share not in SHARES or holdout not in HOLDOUTS:
        raise Refused("Choose one of the shares and holdouts that are offered.")
    if share == 100 and not holdout:
        raise Refused("With everybody on the new one there is nothing to compare it with. Hold some out, or adopt it.")
    if one.state == RUNNING and holdout != one.holdout:
        raise Refused(
            "The holdout stays what it was while it runs: else those held out would get the new one after all."
        )
    for other in running(tx.conn):
        if other.id != number and (None in (other.brand, one.brand) or other.brand == one.brand):
            raise Conflict(f"“{other.name}” is being tried out already. Stop it first, or what is seen tells nothing.")
    tx.append(e.candidate(number), [e.CandidateApproved(share=share, holdout=holdout)], who.by)


def stop(tx: Tx, number: int, who: Viewer) -> None:
    """Return to the desk's own bot, at once and everywhere."""
    if _mine(tx.conn, number, who).state == RUNNING:
        tx.append(e.candidate(number), [e.CandidateStopped()], who.by)


def discard(tx: Tx, number: int, who: Viewer) -> None:
    one = _mine(tx.conn, number, who)
    if one.state == ADOPTED:
        raise Conflict("It is the desk's own by now. Take that back first.")
    if one.state != DISCARDED:
        tx.append(e.candidate(number), [e.CandidateDiscarded()], who.by)


def restore(tx: Tx, number: int, who: Viewer) -> None:
    """Take back that it was discarded."""
    if _mine(tx.conn, number, who).state == DISCARDED:
        tx.append(e.candidate(number), [e.CandidateRestored()], who.by)


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """state: draft, running, stopped, discarded or adopted. share: per cent of people who get it while it runs, of
    those who are not held out. stage: how often that was decided; since: when last."""

    id: int
    name: str
    brand: int | None
    change: Change
    state: str
    share: int
    holdout: int
    stage: int
    since: datetime | None
    made_at: datetime
    made_by: str
    changed_at: datetime
    changed_by: str


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """result: None while it runs, or where it was cut off."""

    id: int
    candidate: int
    since: datetime
    until: datetime
    everywhere: bool
    begun_at: datetime
    begun_by: str
    result: e.ReplayEnded | None

    @property
    def last(self) -> datetime:
        """The last moment that is in it."""
        return self.until - timedelta(microseconds=1)


def of_viewer(conn: Connection, number: int, who: Viewer) -> Candidate:
    """NotFound also when it is another brand's."""
    row = conn.execute(select(candidates).where(_C.id == number)).one_or_none()
    if row is None or not (who.brands is None or row.brand in who.brands):
        raise NotFound("There is no such candidate.")
    return _candidate(row)


def _mine(conn: Connection, number: int, who: Viewer) -> Candidate:
    one = of_viewer(conn, number, who)
    check_lead(who, one.brand)
    return one


def every(conn: Connection, who: Viewer, limit: int = 200) -> list[Candidate]:
    """The newest first."""
    question = select(candidates).order_by(_C.id.desc()).limit(limit)
    if who.brands is not None:
        question = question.where(_C.brand.in_(who.brands))
    return [_candidate(row) for row in conn.execute(question)]


_RUNNING = select(candidates).where(_C.state == RUNNING).order_by(_C.id)


def running(conn: Connection) -> list[Candidate]:
    return [_candidate(row) for row in conn.execute(_RUNNING)]


def _candidate(row: Any) -> Candidate:
    return Candidate(**{**row._mapping, "change": msgspec.msgpack.decode(row.change, type=Change)})


def last_replays(conn: Connection, numbers: Sequence[int]) -> dict[int, Replay]:
    """Candidate → its newest replay."""
    found: dict[int, Replay] = {}
    question = select(replays).where(replays.c.candidate.in_(numbers)).order_by(replays.c.id)
    for row in conn.execute(question):
        found[row.candidate] = _replay(row)
    return found


def replays_of(conn: Connection, number: int, limit: int = 20) -> list[Replay]:
    """The newest first."""
    question = select(replays).where(replays.c.candidate == number).order_by(replays.c.id.desc()).limit(limit)
    return [_replay(row) for row in conn.execute(question)]


def replay(conn: Connection, number: int, who: Viewer) -> Replay:
    row = conn.execute(select(replays).where(replays.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("There is no such replay.")
    of_viewer(conn, row.candidate, who)
    return _replay(row)


def _replay(row: Any) -> Replay:
    result = msgspec.msgpack.decode(row.result, type=e.ReplayEnded) if row.result else None
    return Replay(**{**row._mapping, "result": result})


def given(conn: Connection, conversations: Sequence[int], trials: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Conversation → (candidate, arm), of these candidates."""
    question = select(_A.conversation, _A.candidate, _A.arm)
    question = question.where(_A.conversation.in_(conversations), _A.candidate.in_(trials))
    return {row.conversation: (row.candidate, row.arm) for row in conn.execute(question)}


def names(conn: Connection, numbers: Sequence[int]) -> Mapping[int, str]:
    """What candidates are called."""
    return {row.id: row.name for row in conn.execute(select(_C.id, _C.name).where(_C.id.in_(numbers)))}
