"""Where an order is. Nothing is changed, so it is on where a brand says nothing else."""

from parley.core.procedure import Facts, Look, Need, Procedure, Prove, Rule, Tell
from parley.services import orders
from parley.services.procedures.common import UNKNOWN, WHOSE, Shop

UNDER_WAY = ("placed", "packed", "in transit")


def order_status(shop: Shop) -> Procedure:
    def urgent(f: Facts) -> str | None:
        """The one still on its way, else the newest."""
        mine = orders.of_mails(shop.conn, f.get("own") or (), 5)
        under_way = [o for o in mine if o.status in UNDER_WAY]
        return next((o.number for o in (*under_way, *mine)), None)

    return Procedure(
        name="order_status",
        version=1,
        title="Tell where an order is",
        wish="wants to know where an order is",
        asked_by=("order_status",),
        skill="delivery",
        usual=True,
        steps=(
            Need(
                "number",
                "Which order is it? The number is in your confirmation mail, for example 10342.",
                kind="order",
                guess=urgent,
            ),
            Prove(WHOSE),
            Look("order", shop.order, UNKNOWN),
            Rule("it is their own", lambda f: f["order"].mail in f["own"], UNKNOWN),
            Tell(lambda f: order_sentence(f["order"]), lambda f: f["order"].number),
        ),
    )


def order_sentence(order: orders.Order) -> str:
    """An order's state in words for its owner."""
    what = ", ".join(f"{i.quantity} × {i.name}" if i.quantity > 1 else i.name for i in order.items[:4])
    day = f"{order.expected:%A, %-d %B}" if order.expected else ""
    lines = {
        "placed": f"Order {order.number} is placed and will be packed next.",
        "packed": f"Order {order.number} is packed and waits for the carrier.",
        "in transit": f"Order {order.number} is on its way with {order.carrier or 'the carrier'}.",
        "delivered": f"Order {order.number} was delivered"
        + (f" on {order.delivered_at:%A, %-d %B}." if order.delivered_at else "."),
        "returned": f"Order {order.number} came back to us.",
        "cancelled": f"Order {order.number} was cancelled.",
    }
    parts = [lines.get(order.status, f"Order {order.number}: {order.status}.")]
    if order.status in UNDER_WAY and day:
        parts.append(f"It should arrive on {day}.")
    if order.tracking and order.status == "in transit":
        parts.append(f"Tracking number: {order.tracking}.")
    if what:
        parts.append(f"In it: {what}.")
    return " ".join(parts)
