"""Procedures that a company wrote itself: one draft each, and every version that was ever in force.

A version is never changed. What is under way goes on with the version that it began with; what begins takes the newest
that is in force. Going back to an older one publishes its text again under a new number.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Column, Connection, Integer, String, Table, Text, delete, insert, select, update

from parley.core import events as e
from parley.core.errors import Conflict, NotFound, Refused
from parley.log.record import Tx
from parley.log.tables import Moment, metadata

T = TypeVar("T")

written = Table(
    "written_procedures",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("draft", Text, nullable=False),
    Column("drafted_at", Moment, nullable=False),
    Column("drafted_by", String(60), nullable=False),
    Column("saves", Integer, nullable=False),
    Column("in_force", Integer),
    Column("newest", Integer, nullable=False),
)
_W = written.c

versions = Table(
    "procedure_versions",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("by", String(60), nullable=False),
    Column("again", Integer),
)
_V = versions.c


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """saves: counts savings of the draft, so that two who edit at once notice. in_force: None where none is."""

    name: str
    draft: str
    drafted_at: datetime
    drafted_by: str
    saves: int
    in_force: int | None
    newest: int


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """again: the older version whose text this is."""

    name: str
    version: int
    text: str
    at: datetime
    by: str
    again: int | None = None


# ── writing ─────────────────────────────────────────────────────────────────────────────────


def draft(tx: Tx, name: str, text: str, by: str, seen: int | None) -> int:
    """Keep a draft. seen: how often it had been saved when its writer opened it; None: it is new. Returns the saves."""
    row = {"draft": text, "drafted_at": tx.at, "drafted_by": by}
    if seen is None:
        if tx.conn.execute(select(_W.name).where(_W.name == name)).first():
            raise Refused(f"There is a procedure “{name}” already.")
        tx.conn.execute(insert(written).values(name=name, **row, saves=1, in_force=None, newest=0))
        return 1
    changed = update(written).where(_W.name == name, _W.saves == seen).values(**row, saves=seen + 1)
    if not tx.conn.execute(changed).rowcount:
        by_name(tx.conn, name)
        raise Conflict("Somebody else saved this draft meanwhile. Your text is still below; compare before you save.")
    return seen + 1


def publish(tx: Tx, name: str, text: str, by: str, again: int | None = None) -> int:
    """Put a text in force for what begins from now on. Whoever calls has checked it. Returns the version's number."""
    number = by_name(tx.conn, name).newest + 1
    tx.conn.execute(insert(versions).values(name=name, version=number, text=text, at=tx.at, by=by, again=again))
    tx.conn.execute(update(written).where(_W.name == name).values(in_force=number, newest=number))
    tx.append(e.DESK, [e.ProcedurePublished(procedure=name, version=number, again=again)], by)
    return number


def withdraw(tx: Tx, name: str, by: str) -> None:
    """Nothing begins with it any more; what is under way ends as it began."""
    if by_name(tx.conn, name).in_force is None:
        raise Refused("It is not in force.")
    tx.conn.execute(update(written).where(_W.name == name).values(in_force=None))
    tx.append(e.DESK, [e.ProcedurePublished(procedure=name)], by)


def discard(tx: Tx, name: str) -> None:
    """Forget a draft that was never in force."""
    if by_name(tx.conn, name).newest:
        raise Refused("It was in force, so it is kept; withdraw it instead.")
    tx.conn.execute(delete(written).where(_W.name == name))


# ── asking ──────────────────────────────────────────────────────────────────────────────────


def every(conn: Connection) -> list[Written]:
    return [_read(row, Written) for row in conn.execute(select(written).order_by(_W.name))]


def find(conn: Connection, name: str) -> Written | None:
    row = conn.execute(select(written).where(_W.name == name)).one_or_none()
    return _read(row, Written) if row is not None else None


def by_name(conn: Connection, name: str) -> Written:
    if (found := find(conn, name)) is None:
        raise NotFound("There is no such procedure.")
    return found


def all_in_force(conn: Connection) -> list[Version]:
    question = select(versions).join(written, (_W.name == _V.name) & (_W.in_force == _V.version)).order_by(_V.name)
    return [_read(row, Version) for row in conn.execute(question)]


def in_force(conn: Connection, name: str, number: int | None = None) -> Version:
    """That version; without a number the one in force, or the newest that was."""
    question = select(versions).where(_V.name == name)
    if number is not None:
        row = conn.execute(question.where(_V.version == number)).one_or_none()
    else:
        row = conn.execute(question.order_by(_V.version.desc()).limit(1)).one_or_none()
    if row is None:
        raise NotFound("There is no such version of this procedure.")
    return _read(row, Version)


def history(conn: Connection, name: str) -> list[Version]:
    """Every version, newest first."""
    rows = conn.execute(select(versions).where(_V.name == name).order_by(_V.version.desc()).limit(200))
    return [_read(row, Version) for row in rows]


def _read(row: Any, kind: Callable[..., T]) -> T:
    return kind(**row._mapping)
