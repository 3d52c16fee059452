"""What the bot did in the shop for a customer: cancellations, returns, refunds, changed addresses, calls to make.

A request is made once: its key names the yes that it answers. It says what has to be known to take it back.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    select,
    update,
)

from parley.log.record import Tx
from parley.log.tables import Id, Moment, metadata

requests = Table(
    "shop_requests",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("kind", String(24), nullable=False),
    Column("number", String(40), nullable=False),
    Column("person", Id, nullable=False),
    Column("conversation", Id, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("undone_at", Moment),
    Column("cents", Integer, nullable=False),
    Column("key", String(80), nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("key"),
)
_R = requests.c
Index("ix_shop_requests_number", _R.number, _R.made_at)
Index("ix_shop_requests_conversation", _R.conversation, _R.made_at)
Index("ix_shop_requests_person", _R.person, _R.made_at)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """kind: the tool's name. number: the order's, empty where none is meant. data: what the tool noted."""

    id: int
    kind: str
    number: str
    person: int
    conversation: int
    made_at: datetime
    undone_at: datetime | None
    cents: int
    data: dict[str, Any]


def add(
    tx: Tx, kind: str, number: str, person: int, conversation: int, key: str, data: dict[str, Any], cents: int = 0
) -> int:
    """Note what was done. Returns the request's number."""
    made = tx.new_id("shop_request")
    row = {
        "id": made, "kind": kind, "number": number, "person": person, "conversation": conversation, "made_at": tx.at,
        "undone_at": None, "cents": cents, "key": key, "data": msgspec.json.encode(data),
    }  # fmt: skip
    tx.conn.execute(insert(requests).values(row))
    return made


def take_back(tx: Tx, request: int) -> None:
    tx.conn.execute(update(requests).where(_R.id == request).values(undone_at=tx.at))


def by_key(conn: Connection, key: str) -> Request | None:
    return _one(conn.execute(select(requests).where(_R.key == key)).one_or_none())


def by_id(conn: Connection, number: int) -> Request | None:
    return _one(conn.execute(select(requests).where(_R.id == number)).one_or_none())


def of_orders(conn: Connection, numbers: Sequence[str]) -> list[Request]:
    """What stands for these orders, newest first."""
    question = select(requests).where(_R.number.in_(numbers), _R.undone_at.is_(None))
    return [_read(row) for row in conn.execute(question.order_by(_R.made_at.desc()).limit(200))]


def last_of(conn: Connection, conversation: int) -> Request | None:
    """The newest that still stands of a conversation."""
    question = select(requests).where(_R.conversation == conversation, _R.undone_at.is_(None))
    return _one(conn.execute(question.order_by(_R.made_at.desc(), _R.id.desc()).limit(1)).one_or_none())


def count_since(conn: Connection, person: int, since: datetime) -> int:
    """How many were made for a person, taken back or not."""
    question = select(func.count()).select_from(requests).where(_R.person == person, _R.made_at >= since)
    return int(conn.execute(question).scalar_one())


def _one(row: Any) -> Request | None:
    return _read(row) if row is not None else None


def _read(row: Any) -> Request:
    return Request(
        id=row.id,
        kind=row.kind,
        number=row.number,
        person=row.person,
        conversation=row.conversation,
        made_at=row.made_at,
        undone_at=row.undone_at,
        cents=row.cents,
        data=msgspec.json.decode(row.data),
    )
