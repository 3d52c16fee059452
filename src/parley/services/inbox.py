"""The inbox: one row per conversation, kept in step with the log, and the views agents work from."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    Select,
    String,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    false,
    func,
    insert,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.sql import ColumnElement

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.conversation import State
from parley.core.errors import NotFound
from parley.core.triage import PRIORITIES
from parley.log import record as log
from parley.log.many import among
from parley.log.record import Tx, add_rows, change_rows, chunks
from parley.log.tables import Id, Moment, metadata
from parley.services.promised import owed

conversations = Table(
    "conversations",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("seq", Id, nullable=False),
    Column("person", Id, nullable=False),
    Column("brand", Integer, nullable=False),
    Column("inbox", Integer, nullable=False),
    Column("channel", String(40), nullable=False),
    Column("subject", Text, nullable=False),
    Column("status", String(8), nullable=False),
    Column("assignee", Integer),
    Column("tags", Text, nullable=False),
    Column("skills", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("last_by", String(8), nullable=False),
    Column("preview", Text, nullable=False),
    Column("asked_at", Moment),
    Column("waiting_since", Moment),
    Column("snoozed_until", Moment),
    Column("closed_at", Moment),
    Column("messages", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("quarantined", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("language", String(8), nullable=False),
)
_C = conversations.c
_FIELDS = tuple(column.name for column in conversations.columns)
Index("ix_conversations_status_last", _C.status, _C.last_at, _C.id)
Index("ix_conversations_waiting", _C.status, _C.waiting_since, _C.id, sqlite_where=_C.waiting_since.is_not(None),
      postgresql_where=_C.waiting_since.is_not(None))  # fmt: skip
Index("ix_conversations_failed", _C.last_at, _C.id, sqlite_where=_C.failed > 0, postgresql_where=_C.failed > 0)
Index("ix_conversations_assignee", _C.assignee, _C.status, _C.last_at, _C.id)
Index("ix_conversations_pressing", _C.status, _C.priority, _C.waiting_since, _C.id,
      sqlite_where=_C.waiting_since.is_not(None), postgresql_where=_C.waiting_since.is_not(None))  # fmt: skip
Index("ix_conversations_priority", _C.priority, _C.last_at, _C.id)
Index("ix_conversations_language", _C.language, _C.last_at, _C.id)
Index("ix_conversations_person", _C.person, _C.last_at)
Index("ix_conversations_last", _C.last_at, _C.id)

tags = Table(
    "conversation_tags",
    metadata,
    Column("tag", String(40), primary_key=True),
    Column("conversation", Id, primary_key=True, autoincrement=False),
)
Index("ix_conversation_tags_conversation", tags.c.conversation, tags.c.tag)

mentions = Table(
    "mentions",
    metadata,
    Column("agent", Integer, primary_key=True, autoincrement=False),
    Column("conversation", Id, primary_key=True, autoincrement=False),
)
Index("ix_mentions_conversation", mentions.c.conversation)

tallies = Table(
    "tallies",
    metadata,
    Column("brand", Integer, primary_key=True, autoincrement=False),
    Column("view", String(40), primary_key=True),
    Column("n", Integer, nullable=False),
)

KINDS = tuple(
    kind for kind in e.KINDS.values()
    if kind in talk._CHANGES or kind in (e.BotPondered, e.Sent, e.SurveyDue, e.SurveyAsked, e.SurveyAnswered,
                                         e.SurveyDropped, e.Delivered, e.Read, e.SendDelayed, e.WordsErased,
                                         e.Reacted, e.TaskOpened, e.TaskGiven, e.TaskClosed,
                                         e.ProcedureWentOn, e.ApprovalGiven, e.PromiseNear, e.PromiseBroken,
                                         e.DraftJudged, e.DuplicateSuspected, e.DuplicateJudged)
)  # fmt: skip


class InboxReader:
    """Keeps `conversations`, their tags and the view counts in step with the log."""

    name = "inbox"
    in_step = True
    kinds = KINDS
    tables = (conversations, tags, tallies)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        mine = [r for r in batch if r.stream.startswith("conversation/")]
        old = states(tx.conn, list({r.subject_id for r in mine if r.version > 1}))
        new: dict[int, State] = dict(old)
        for recorded in mine:
            new[recorded.subject_id] = talk.evolve(new.get(recorded.subject_id), recorded)
        self._store(tx, old, new)
        self._tag(tx, old, new)
        self._count(tx, old, new)

    def _store(self, tx: Tx, old: dict[int, State], new: dict[int, State]) -> None:
        add_rows(tx.conn, conversations, [_row(state) for number, state in new.items() if number not in old])
        changes = {}
        for number, state in new.items():
            if number in old and state is not old[number]:
                was, now = _row(old[number]), _row(state)
                changes[number] = {key: value for key, value in now.items() if was[key] != value}
        change_rows(tx.conn, conversations, "id", changes)

    def _tag(self, tx: Tx, old: dict[int, State], new: dict[int, State]) -> None:
        added = []
        for number, state in new.items():
            had = set(old[number].tags) if number in old else set()
            for tag in had - set(state.tags):
                tx.conn.execute(delete(tags).where(tags.c.tag == tag, tags.c.conversation == number))
            added += [{"tag": tag, "conversation": number} for tag in sorted(set(state.tags) - had)]
        add_rows(tx.conn, tags, added)

    def _count(self, tx: Tx, old: dict[int, State], new: dict[int, State]) -> None:
        change: dict[tuple[int, str], int] = {}
        for number, state in new.items():
            before = talk.views(old[number]) if number in old else ()
            for view in before:
                key = (old[number].brand, view)
                change[key] = change.get(key, 0) - 1
            for view in talk.views(state):
                change[(state.brand, view)] = change.get((state.brand, view), 0) + 1
        for (brand, view), by in change.items():
            if (
                by
                and not tx.conn.execute(
                    update(tallies).where(tallies.c.brand == brand, tallies.c.view == view).values(n=tallies.c.n + by)
                ).rowcount
            ):
                tx.conn.execute(insert(tallies).values(brand=brand, view=view, n=by))
        if change:
            tx.conn.execute(delete(tallies).where(tallies.c.n == 0))


def _row(state: State) -> dict[str, Any]:
    row = msgspec.structs.asdict(state)
    row["tags"], row["skills"] = ",".join(state.tags), ",".join(state.skills)
    return row


def as_state(row: Any) -> State:
    fields = dict(zip(_FIELDS, row, strict=True))
    for name in ("tags", "skills"):
        fields[name] = tuple(part for part in fields[name].split(",") if part) if fields[name] else ()
    return State(**fields)


# ── who may see what ────────────────────────────────────────────────────────────────────────


STAFF = ("admin", "lead", "agent", "read-only", "system")


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Who is looking. brands: the ids they serve, None for all. person: a customer, who sees only their own."""

    agent: int | None = None
    role: str = "anonymous"
    brands: tuple[int, ...] | None = ()
    person: int | None = None

    @property
    def by(self) -> str:
        """How this viewer signs events."""
        return f"agent/{self.agent}" if self.agent else f"person/{self.person}"

    @property
    def may_act(self) -> bool:
        return self.role in ("admin", "lead", "agent")


SYSTEM = Viewer(role="system", brands=None)


def visible_to(who: Viewer) -> ColumnElement[bool]:
    """The one place that decides which conversations somebody may see, for pages, API, live stream,
    files and search alike. Closed by default."""
    if who.person is not None:
        return _C.person == who.person
    if who.role in STAFF:
        return _C.brand.in_(who.brands) if who.brands is not None else _C.id.is_not(None)
    return _C.id.is_(None)


def of_brand(column: ColumnElement[int], who: Viewer) -> ColumnElement[bool]:
    """`visible_to` for tables that are not joined with conversations and know of a brand only."""
    if who.person is not None or who.role not in STAFF:
        return false()
    return column.in_(who.brands) if who.brands is not None else true()


def sees_brands(who: Viewer) -> tuple[int, ...] | None:
    """`of_brand` as the numbers of the brands; None: all of them."""
    return () if who.person is not None or who.role not in STAFF else who.brands


def can_see(who: Viewer, state: State) -> bool:
    """`visible_to` for a state at hand; a test holds the two together."""
    if who.person is not None:
        return state.person == who.person
    if who.role in STAFF:
        return who.brands is None or state.brand in who.brands
    return False


# ── asks ────────────────────────────────────────────────────────────────────────────────────


def states(conn: Connection, numbers: Sequence[int]) -> dict[int, State]:
    return {row.id: as_state(row) for row in among(conn, _C.id, numbers)}


def state(conn: Connection, number: int, who: Viewer = SYSTEM) -> State:
    """One conversation; NotFound also when the viewer may not know of it."""
    row = conn.execute(_one(who), {"number": number}).one_or_none()
    if row is None:
        raise NotFound("There is no such conversation, or it is not yours to see.")
    return as_state(row)


@lru_cache(1024)
def _one(who: Viewer) -> Select[Any]:
    return select(conversations).where(_C.id == bindparam("number"), visible_to(who))


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a view. `after` continues it; None at the end."""

    rows: tuple[State, ...]
    after: str | None = None


def view_clause(view: str, who: Viewer) -> ColumnElement[bool]:
    """The conversations of a view: waiting, pressing, due, mine, unassigned, open, snoozed, bot, closed, all, failed,
    tag:…, priority:…, language:…"""
    kind, _, value = view.partition(":")
    if kind == "priority" and value in PRIORITIES:
        return and_(_C.priority == PRIORITIES.index(value), _C.status != talk.CLOSED)
    if kind == "language" and value:
        return and_(_C.language == value, _C.status != talk.CLOSED)
    if view.startswith("tag:"):
        tagged = select(tags.c.conversation).where(tags.c.tag == view[4:])
        return and_(_C.id.in_(tagged), _C.status != talk.CLOSED)
    mentioned = select(mentions.c.conversation).where(mentions.c.agent == (who.agent or -1))
    clauses: dict[str, ColumnElement[bool]] = {
        "mentions": and_(_C.id.in_(mentioned), _C.status != talk.CLOSED),
        "waiting": and_(_C.waiting_since.is_not(None), _C.status == talk.OPEN),
        "pressing": and_(_C.waiting_since.is_not(None), _C.status == talk.OPEN),
        "due": owed.c.due.is_not(None),
        "mine": and_(_C.assignee == (who.agent or -1), _C.status == talk.OPEN),
        "unassigned": and_(_C.assignee.is_(None), _C.status == talk.OPEN),
        "open": _C.status == talk.OPEN,
        "snoozed": _C.status == talk.SNOOZED,
        "bot": _C.status == talk.BOT,
        "closed": _C.status == talk.CLOSED,
        "failed": _C.failed > 0,
        "all": _C.id.is_not(None),
    }
    if view not in clauses:
        raise NotFound(f"There is no view called “{view}”.")
    return clauses[view]


def page(conn: Connection, view: str, who: Viewer, after: str | None = None, limit: int = 50) -> Page:
    """Conversations of a view. Waiting: longest wait first; pressing: by priority, then so; due: what is due first;
    everything else: newest first."""
    bounds: dict[str, Any] = {"limit": limit + 1}
    if after:
        place, _, number = after.partition("-")
        rank, _, at = place.rpartition(".")
        bounds |= {"at": Moment().process_result_value(int(at), None), "number": int(number)}  # type: ignore[arg-type]
        bounds |= {"rank": int(rank or 0)} if view == "pressing" else {}
    found = conn.execute(_page(view, who, bool(after)), bounds).all()
    rows = tuple(as_state(row[:-1]) for row in found[:limit])
    return Page(rows=rows, after=_cursor(view, found[limit - 1]) if len(found) > limit else None)


@lru_cache(1024)
def _page(view: str, who: Viewer, behind: bool) -> Select[Any]:
    orders = {
        "waiting": (_C.waiting_since, _C.id), "due": (owed.c.due, owed.c.conversation),
        "pressing": (_C.waiting_since, _C.id),
    }  # fmt: skip
    column, number_column = orders.get(view, (_C.last_at, _C.id))
    rising = view in orders
    question = select(conversations, column.label("place")).where(view_clause(view, who), visible_to(who))
    if view == "due":
        question = question.join(owed, owed.c.conversation == _C.id)
    first = (_C.priority,) if view == "pressing" else ()
    if behind:
        ranked = (bindparam("rank", type_=Integer),) if first else ()
        there = tuple_(*first, column, number_column)
        place = tuple_(*ranked, bindparam("at", type_=Moment), bindparam("number"))
        question = question.where(there > place if rising else there < place)
    order = (*first, column, number_column) if rising else (column.desc(), number_column.desc())
    return question.order_by(*order).limit(bindparam("limit", type_=Integer))


def _cursor(view: str, last: Any) -> str:
    ranked = f"{last.priority}." if view == "pressing" else ""
    return f"{ranked}{Moment().process_bind_param(last.place, None)}-{last.id}"  # type: ignore[arg-type]


def languages(conn: Connection, most: int = 30) -> list[str]:
    """The languages that conversations are in: one look at an index for each, however many conversations there are."""
    found: list[str] = []
    last = ""
    while len(found) < most and (last := conn.execute(_NEXT_LANGUAGE, {"last": last}).scalar() or ""):
        found.append(last)
    return found


_NEXT_LANGUAGE = select(func.min(_C.language)).where(_C.language > bindparam("last"))


def counts(conn: Connection, who: Viewer, *, every_agent: bool = False) -> dict[str, int]:
    """How many conversations each view holds, from kept tallies rather than by counting.

    every_agent: also what each agent holds, as `agent-12`, for pages that are told alike.
    """
    of_views, of_mentions = _counting(who)
    found: dict[str, int] = {}
    for row in conn.execute(of_views):
        found[row.view] = found.get(row.view, 0) + row.n
    held = {view.replace("/", "-"): n for view, n in found.items() if view.startswith("agent/")}
    found = {view: n for view, n in found.items() if not view.startswith("agent/")}
    if every_agent:
        return found | held
    mentioned = conn.execute(of_mentions).scalar_one()
    return found | {"mine": held.get(f"agent-{who.agent}", 0), "mentions": mentioned}


@lru_cache(1024)
def _counting(who: Viewer) -> tuple[Select[Any], Select[Any]]:
    tallied = select(tallies)
    if who.brands is not None:
        tallied = tallied.where(tallies.c.brand.in_(who.brands))
    mentioned = select(func.count()).select_from(
        mentions.join(conversations, conversations.c.id == mentions.c.conversation)
    )
    return tallied, mentioned.where(mentions.c.agent == (who.agent or -1), _C.status != talk.CLOSED, visible_to(who))


def held_by(conn: Connection) -> dict[int, int]:
    """How many open conversations each agent holds."""
    question = select(tallies.c.view, func.sum(tallies.c.n)).where(tallies.c.view.like("agent/%"))
    return {int(view[6:]): int(n) for view, n in conn.execute(question.group_by(tallies.c.view))}


def common_tags(conn: Connection, limit: int = 50) -> list[str]:
    """The tags in use, most used first."""
    question = select(tags.c.tag).group_by(tags.c.tag).order_by(func.count().desc(), tags.c.tag).limit(limit)
    return list(conn.execute(question).scalars())


def of_person(conn: Connection, person: int, who: Viewer, limit: int = 50) -> list[State]:
    """A person's conversations, newest first."""
    rows = conn.execute(_of_person(who), {"person": person, "limit": limit})
    return [as_state(row) for row in rows]


@lru_cache(1024)
def _of_person(who: Viewer) -> Select[Any]:
    mine = select(conversations).where(_C.person == bindparam("person"), visible_to(who))
    return mine.order_by(_C.last_at.desc()).limit(bindparam("limit", type_=Integer))


def summed_up(conn: Connection, persons: Sequence[int], who: Viewer) -> dict[int, tuple[int, int, datetime]]:
    """Person → (conversations, open ones, newest moment), of those the viewer may see."""
    found: dict[int, tuple[int, int, datetime]] = {}
    still_open = func.sum(case((_C.status != talk.CLOSED, 1), else_=0))
    for chunk in chunks(list(persons), 500):
        question = select(_C.person, func.count(), still_open, func.max(_C.last_at)).where(
            _C.person.in_(chunk), visible_to(who)
        )
        for person, count, open_, last in conn.execute(question.group_by(_C.person)):
            found[person] = (count, int(open_), last)
    return found


def may_see_person(conn: Connection, person: int, who: Viewer) -> None:
    """NotFound unless the viewer serves every brand, or may see a conversation of this person."""
    if who.brands is None and who.role not in ("anonymous",):
        return
    seen = select(_C.id).where(_C.person == person, visible_to(who)).limit(1)
    if conn.execute(seen).first() is None:
        raise NotFound("There is no such person, or they are not yours to see.")


def history(conn: Connection, number: int, newest: int = 400, before: int | None = None) -> list[e.Recorded]:
    """What happened in a conversation, in order: its newest events, or those before a version."""
    return log.stream(conn, e.conversation(number), newest=newest, before=before)
