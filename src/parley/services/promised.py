"""The tables of promises: each promise that was made, and per conversation what runs now. Kept by promises.py."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Boolean, Column, Connection, Index, Integer, LargeBinary, String, Table

from parley.log.many import among
from parley.log.tables import Id, Moment, metadata
from parley.services import days

promises = Table(
    "promises",
    metadata,
    Column("key", String(40), primary_key=True),  # conversation/kind/number
    Column("conversation", Id, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("number", Integer, nullable=False),
    Column("policy", String(40), nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("working", Boolean, nullable=False),
    Column("began", Moment, nullable=False),
    Column("due", Moment),
    Column("met_at", Moment),
    Column("void", Boolean, nullable=False),
    Column("told", String(90), nullable=False, server_default=""),  # what the numbers read of it, see `told_of`
)
Index("ix_promises_began", promises.c.began, promises.c.told)
Index("ix_promises_conversation", promises.c.conversation)

promised_days = days.marks("promised_days")

owed = Table(
    "owed",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("due", Moment),
    Column("near", Moment),
    Column("kind", String(10)),
    Column("policy", String(40)),
    Column("tell_at", Moment),
    Column("data", LargeBinary, nullable=False),
)
_O = owed.c
_RUNS, _TELLS = _O.due.is_not(None), _O.tell_at.is_not(None)
Index("ix_owed_due", _O.due, _O.conversation, sqlite_where=_RUNS, postgresql_where=_RUNS)
Index("ix_owed_tell", _O.tell_at, sqlite_where=_TELLS, postgresql_where=_TELLS)

agreements = Table(
    "agreements",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)


KINDS = ("first", "next", "resolution")


def told_of(conversation: int, kind: str, began: int, due: int | None, met_at: int | None, void: bool) -> str:
    """Numbers between blanks: conversation, twice the kind's place and one more when nobody owes it, and the moments in
    microseconds, -1 for none. Many are read at once as columns."""
    ends = f"{-1 if due is None else due} {-1 if met_at is None else met_at}"
    return f"{conversation} {2 * KINDS.index(kind) + void} {began} {ends}"


class Due(msgspec.Struct, frozen=True):
    """What is due next in a conversation. kind: first, next or resolution. near: from when on it is time to hurry."""

    kind: str
    due: datetime
    near: datetime
    policy: str = ""


def dues(conn: Connection, numbers: Sequence[int]) -> dict[int, Due]:
    """Of those conversations in which something is owed now."""
    return {
        row.conversation: Due(row.kind, row.due, row.near, row.policy or "")
        for row in among(conn, _O.conversation, numbers, of=_TOLD, where=(_RUNS,))
    }


_TOLD = (_O.conversation, _O.kind, _O.due, _O.near, _O.policy)
