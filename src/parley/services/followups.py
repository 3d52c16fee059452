"""Closing the loop: who was badly served gets a person who comes back to them, by a time, and says what was done.

A low answer to a survey opens a task. It belongs to a conversation, so whoever sees that sees the task.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Index, Integer, Select, String, Table, Text, func, insert, select, update

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.errors import NotAllowed, NotFound, Refused
from parley.core.opinions import SCALES, SOLVED, is_low
from parley.log import record as log
from parley.log.record import Record, Tx
from parley.log.tables import Id, Moment, metadata
from parley.services import answers, inbox, setup
from parley.services.inbox import Viewer, conversations, visible_to

tasks = Table(
    "tasks",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("survey", Id),
    Column("measure", String(8), nullable=False),
    Column("score", Integer),
    Column("reason", Text, nullable=False),
    Column("owner", Integer),
    Column("opened_at", Moment, nullable=False),
    Column("due", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("closed_by", String(60)),
    Column("message", Id),
)
_T = tasks.c
_OPEN = _T.closed_at.is_(None)
Index("ix_tasks_open", _T.due, _T.id, sqlite_where=_OPEN, postgresql_where=_OPEN)
Index("ix_tasks_closed", _T.closed_at, _T.id)
Index("ix_tasks_survey", _T.survey)

TOO_OLD = timedelta(days=3)  # an answer that is read in so late is history, not something to hurry for
LONGEST = 2000
MOST = 200


class TaskReader:
    """Keeps every task's state in step with the log."""

    name = "tasks"
    in_step = True
    kinds = (e.TaskOpened, e.TaskGiven, e.TaskClosed)
    tables = (tasks,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        for r in batch:
            match r.event:
                case e.TaskOpened():
                    tx.conn.execute(insert(tasks).values(**_opened(r.subject_id, r.at, r.event)))
                case e.TaskGiven(task=task, owner=owner):
                    tx.conn.execute(update(tasks).where(_T.id == task).values(owner=owner))
                case e.TaskClosed(task=task, message=message):
                    done = {"closed_at": r.at, "closed_by": r.by, "message": message}
                    tx.conn.execute(update(tasks).where(_T.id == task).values(**done))


def _opened(conversation: int, at: datetime, event: e.TaskOpened) -> dict[str, Any]:
    return {
        "id": event.task, "conversation": conversation, "survey": event.survey,
        "measure": event.measure, "score": event.score, "reason": event.reason, "owner": event.owner,
        "opened_at": at, "due": event.due,
    }  # fmt: skip


class LowAnswers:
    """Opens a task for every survey that was answered badly, once."""

    name = "low-answers"
    kinds = (e.SurveyAnswered,)
    batch = 200
    rest = 0.5

    def prepare(self, record: Record, batch: Sequence[e.Recorded]) -> None:
        return None

    def act(self, tx: Tx, batch: Sequence[e.Recorded], prepared: None) -> None:
        for r in batch:
            event = r.event
            assert isinstance(event, e.SurveyAnswered)
            if is_low(event.measure, event.score) and tx.at - r.at <= TOO_OLD and r.by != "import":
                self._open(tx, r, event)

    def _open(self, tx: Tx, r: e.Recorded, event: e.SurveyAnswered) -> None:
        tx.flush()
        if tx.conn.execute(select(_T.id).where(_T.survey == event.survey).limit(1)).first():
            return
        state = inbox.state(tx.conn, r.subject_id)
        agreed = agreement(tx.conn)
        open_(tx, state, reason_of(event.measure, event.score), r.at + timedelta(hours=agreed.hours),
              owner_for(tx.conn, state.brand, agreed), event)  # fmt: skip


def reason_of(measure: str, score: int) -> str:
    """In words that stand in the log: "2 of 5"."""
    if measure == SOLVED:
        return "not solved at first contact"
    return f"{score} of {SCALES[measure][1]}"


# ── who it is for ───────────────────────────────────────────────────────────────────────────


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How the loop is closed. hours: from the answer to the deadline. owners: agent by brand (as text); a brand
    without one asks the lead who has the fewest open tasks."""

    hours: int = 24
    owners: Mapping[str, int] = {}


def agreement(conn: Connection) -> Agreement:
    return msgspec.convert(setup.setting(conn, "followups", {}), Agreement)


def agree(tx: Tx, who: Viewer, new: Agreement) -> None:
    """For leads. Holds for tasks that are opened from now on."""
    if who.role not in ("admin", "lead"):
        raise NotAllowed("Who follows up is decided by leads.")
    if not 1 <= new.hours <= 24 * 30:
        raise Refused("A deadline is 1 to 720 hours after the answer.")
    owners = {}
    for brand, agent in new.owners.items():
        if agent and brand.isdigit() and (who.brands is None or int(brand) in who.brands):
            _may_own(tx.conn, agent, int(brand))
            owners[brand] = agent
    kept = {b: a for b, a in agreement(tx.conn).owners.items() if who.brands is not None and int(b) not in who.brands}
    setup.set_setting(tx, "followups", msgspec.to_builtins(Agreement(hours=new.hours, owners=kept | owners)))


def owner_for(conn: Connection, brand: int, agreed: Agreement) -> int | None:
    """The agreed one; else the lead of this brand with the fewest open tasks; None where there is no lead."""
    agents = {a.id: a for a in setup.all_agents(conn).values() if serves(a, brand)}
    if (agreed_on := agreed.owners.get(str(brand))) in agents:
        return agreed_on
    held = Counter(conn.execute(select(_T.owner).where(_OPEN)).scalars())
    for role in ("lead", "admin"):
        if able := [a.id for a in agents.values() if a.role == role]:
            return min(able, key=lambda agent: (held[agent], agent))
    return None


def serves(agent: setup.Agent, brand: int) -> bool:
    """Whether somebody may own a task of this brand."""
    return agent.active and agent.role != "read-only" and (not agent.brands or brand in agent.brands)


def _may_own(conn: Connection, agent: int, brand: int) -> None:
    if not serves(setup.agent(conn, agent), brand):
        raise Refused("This colleague does not serve the brand, so they cannot follow up there.")


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def open_(
    tx: Tx, state: talk.State, reason: str, due: datetime, owner: int | None, answer: e.SurveyAnswered | None = None
) -> int:
    task = tx.new_id("task")
    fact = e.TaskOpened(
        task=task, person=state.person, reason=reason, due=due, owner=owner,
        survey=answer.survey if answer else None, measure=answer.measure if answer else "",
        score=answer.score if answer else None,
    )  # fmt: skip
    tx.append(e.conversation(state.id), [fact], "followups")
    return task


def give(tx: Tx, task: int, who: Viewer, owner: int | None) -> None:
    row = _to_act_on(tx, task, who)
    if owner is not None:
        _may_own(tx.conn, owner, row.brand)
    if row.owner != owner:
        tx.append(e.conversation(row.conversation), [e.TaskGiven(task=task, owner=owner)], who.by)


def close(tx: Tx, task: int, who: Viewer, done: str) -> None:
    """The loop is closed, with a word of what was done. Closing twice keeps the first word."""
    row = _to_act_on(tx, task, who)
    done = done.strip()
    if row.closed_at is not None:
        return
    if not done:
        raise Refused("Say in a few words what was done; the next who reads it will want to know.")
    message = tx.new_id("message")
    tx.append(e.conversation(row.conversation), [e.TaskClosed(task=task, message=message)], who.by)
    tx.say(message, e.Words(text=done[:LONGEST]))


def _to_act_on(tx: Tx, task: int, who: Viewer) -> Any:
    tx.flush()
    row = tx.conn.execute(_seen(who).where(_T.id == task)).one_or_none()
    if row is None:
        raise NotFound("There is no such task, or it is not yours to see.")
    if not who.may_act:
        raise NotAllowed("Your role may read here, not act.")
    return row


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A customer to come back to. quote: what they said with their answer. done: what was done about it."""

    id: int
    conversation: int
    person: int
    brand: int
    channel: str
    subject: str
    measure: str
    score: int | None
    reason: str
    owner: int | None
    opened_at: datetime
    due: datetime
    quote: str = ""
    closed_at: datetime | None = None
    closed_by: str = ""
    done: str = ""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many tasks are open, how many of them are late, and how many are the viewer's own."""

    open: int
    late: int
    mine: int


STATES = ("open", "mine", "done")


def found(conn: Connection, who: Viewer, state: str = "open") -> list[Task]:
    """Open tasks by deadline, or those that are done, the newest first. mine: open and the viewer's own."""
    if state not in STATES:
        raise NotFound(f"There are no follow-ups called “{state}”. There are: {', '.join(STATES)}.")
    question = _seen(who)
    if state == "done":
        question = question.where(_T.closed_at.is_not(None)).order_by(_T.closed_at.desc(), _T.id.desc())
    else:
        question = question.where(_OPEN).order_by(_T.due, _T.id)
    if state == "mine":
        question = question.where(_T.owner == (who.agent or -1))
    return _told(conn, conn.execute(question.limit(MOST)).all())


def due_at(conn: Connection, moments: Sequence[datetime]) -> dict[datetime, int]:
    """How many open tasks are due at just these moments."""
    question = select(_T.due, func.count()).where(_T.due.in_(moments), _T.closed_at.is_(None)).group_by(_T.due)
    return {due: n for due, n in conn.execute(question)}


def tally(conn: Connection, who: Viewer, now: datetime) -> Tally:
    question = select(_T.owner, func.count(), func.count().filter(_T.due < now)).where(_OPEN)
    question = question.join(conversations, conversations.c.id == _T.conversation).where(visible_to(who))
    rows = conn.execute(question.group_by(_T.owner)).all()
    mine = sum(n for owner, n, _ in rows if owner is not None and owner == who.agent)
    return Tally(open=sum(n for _, n, _ in rows), late=sum(late for *_, late in rows), mine=mine)


def _seen(who: Viewer) -> Select[Any]:
    question = select(
        tasks, conversations.c.person, conversations.c.brand, conversations.c.channel, conversations.c.subject
    )
    return question.join(conversations, conversations.c.id == _T.conversation).where(visible_to(who))


def _told(conn: Connection, rows: Sequence[Any]) -> list[Task]:
    comments = answers.comments(conn, {row.survey for row in rows if row.survey})
    said = log.words_of(conn, [row.message for row in rows if row.message])
    return [
        Task(
            id=row.id, conversation=row.conversation, person=row.person, brand=row.brand, channel=row.channel,
            subject=row.subject, measure=row.measure, score=row.score, reason=row.reason, owner=row.owner,
            opened_at=row.opened_at, due=row.due, quote=comments.get(row.survey, ""), closed_at=row.closed_at,
            closed_by=row.closed_by or "", done=said[row.message].text if row.message in said else "",
        )
        for row in rows
    ]  # fmt: skip
