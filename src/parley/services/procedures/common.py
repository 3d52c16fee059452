"""What the shipped procedures share: whose order it is, and how orders, money and days are told.

Each file beside this one holds one procedure as a function of the shop's tables and the brand's limits, and next to it,
in a file that ends in `.talks`, the conversations that show how it has to go.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from parley.core.procedure import Facts, Look, Need, Prove, Rule, Step
from parley.services import orders, requests

UNKNOWN = (
    "I find no such order under your address. Please check the number, or write me the e-mail address it was"
    " ordered with."
)
"""Said of another's order and of none alike, so that nobody learns which numbers exist."""

WHOSE = "To be sure that the order is yours: which e-mail address did you order with?"
LEFT = ("in transit", "delivered")
OVER = ("cancelled", "returned")


class Shop(msgspec.Struct, frozen=True):
    """What a procedure looks things up in, and the brand's limits by name."""

    conn: Connection
    limits: Mapping[str, int]

    def order(self, f: Facts) -> orders.Order | None:
        return orders.by_number(self.conn, str(f["number"]))

    def numbers(self, *statuses: str) -> Callable[[Facts], Sequence[str]]:
        """The customer's own orders that are in one of these states, newest first."""

        def found(f: Facts) -> list[str]:
            mine = orders.of_mails(self.conn, f.get("own") or (), 8)
            return [o.number for o in mine if o.status in statuses][:5]

        return found

    def made(self, f: Facts, kind: str) -> list[requests.Request]:
        """What was done of a kind for the order that it is about."""
        return [one for one in requests.of_orders(self.conn, [f["order"].number]) if one.kind == kind]

    def open_items(self, f: Facts, *kinds: str) -> list[str]:
        """Articles of the order for which none of these was done yet."""
        gone = [one.data.get("item") for kind in kinds for one in self.made(f, kind)]
        return [item.name for item in f["order"].items if item.name not in gone]


def own_order(shop: Shop, question: str, offer: Callable[[Facts], Sequence[str]] | None = None) -> tuple[Step, ...]:
    """Which order, whose it is, and that it is theirs."""
    return (
        Need("number", question, kind="order", offer=offer),
        Prove(WHOSE),
        Look("order", shop.order, UNKNOWN),
        Rule("it is their own", lambda f: f["order"].mail in f["own"] and f["order"].brand == f["brand"], UNKNOWN),
    )


def age(f: Facts) -> int:
    """Whole days since an order was delivered; where that is not known, since it was placed, which is never less."""
    now: datetime = f["now"]
    order: orders.Order = f["order"]
    since = order.delivered_at or order.placed_at
    return (now - since).days


def money(cents: int, currency: str = "EUR") -> str:
    """`4900` → `EUR 49.00`."""
    return f"{currency} {cents / 100:,.2f}"


def price(order: orders.Order, item: str) -> int:
    """What all pieces of an article cost in this order."""
    return sum(one.cents * one.quantity for one in order.items if one.name == item)


def items(order: orders.Order) -> str:
    return ", ".join(item.name for item in order.items[:4])
