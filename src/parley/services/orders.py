"""The company's own orders, as far as the desk knows them: looked up by bot and shown to agents.

A desk without a shop leaves the table empty. `add` takes orders from the API or an import; an order
is found by its number and belongs to the mail address it was placed with.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
)

from parley.log.record import Tx, chunks
from parley.log.tables import Moment, metadata

orders = Table(
    "orders",
    metadata,
    Column("number", String(40), primary_key=True),
    Column("brand", Integer, nullable=False),
    Column("mail", String(254), nullable=False),
    Column("status", String(20), nullable=False),
    Column("placed_at", Moment, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
Index("ix_orders_mail", orders.c.mail, orders.c.placed_at)


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """cents: price of one piece in the order's currency."""

    name: str
    quantity: int = 1
    cents: int = 0
    variant: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """status: placed, packed, in transit, delivered, returned, cancelled. expected: day of arrival."""

    number: str
    brand: int
    mail: str
    status: str
    placed_at: datetime
    items: tuple[Item, ...] = ()
    currency: str = "EUR"
    carrier: str = ""
    tracking: str = ""
    expected: datetime | None = None
    delivered_at: datetime | None = None
    address: str = ""

    @property
    def cents(self) -> int:
        return sum(item.cents * item.quantity for item in self.items)


def add(tx: Tx, new: Sequence[Order]) -> None:
    """Add orders, or replace those whose number is known."""
    for chunk in chunks(list(new), 500):
        tx.conn.execute(delete(orders).where(orders.c.number.in_([o.number for o in chunk])))
        tx.conn.execute(
            insert(orders),
            [
                {
                    "number": o.number,
                    "brand": o.brand,
                    "mail": o.mail.lower(),
                    "status": o.status,
                    "placed_at": o.placed_at,
                    "data": msgspec.json.encode(o),
                }
                for o in chunk
            ],
        )


def move(tx: Tx, number: str, before: str, after: str) -> bool:
    """Change an order's status, provided that it still is what it was. False when it is another, or there is none."""
    order = by_number(tx.conn, number)
    if order is None or order.status != before:
        return False
    add(tx, [msgspec.structs.replace(order, status=after)])
    return True


def by_number(conn: Connection, number: str) -> Order | None:
    data = conn.execute(select(orders.c.data).where(orders.c.number == number)).scalar()
    return msgspec.json.decode(data, type=Order) if data is not None else None


_OF_MAILS = (
    select(orders.c.data)
    .where(orders.c.mail.in_(bindparam("mails", expanding=True)))
    .order_by(orders.c.placed_at.desc())
    .limit(bindparam("limit", type_=Integer))
)


def of_mails(conn: Connection, mails: Sequence[str], limit: int = 20) -> list[Order]:
    """Orders placed with any of these addresses, newest first."""
    if not mails:
        return []
    rows = conn.execute(_OF_MAILS, {"mails": [m.lower() for m in mails], "limit": limit}).scalars()
    return [msgspec.json.decode(data, type=Order) for data in rows]
