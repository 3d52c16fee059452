"""What the bot may do on the company's own tables, as procedures: see `parley.core.procedure`.

A brand switches each of them on, because only where the desk's order table is the shop's own does a change here change
anything there. `carry_out` is called once, with what a procedure said is ready.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from parley.core.errors import Refused
from parley.core.procedure import Confirm, Do, Facts, Look, Need, Procedure, Ready, Rule
from parley.log.record import Tx
from parley.services import orders

UNKNOWN = "I find no such order under your address. Please check the number."
"""Said of another's order and of none alike, so that nobody learns which numbers exist."""


def cancel_order(conn: Connection, own: Sequence[str]) -> Procedure:
    """own: the mail addresses that were shown to be the customer's."""

    def find(f: Facts) -> orders.Order | None:
        return orders.by_number(conn, f["number"])

    def words(f: Facts) -> str:
        what = ", ".join(item.name for item in f["order"].items[:4])
        return f"I can cancel order {f['number']} ({what}) now; nothing of it will be sent. Shall I? Yes or no."

    return Procedure(
        name="cancel_order",
        version=1,
        title="Cancel an order that is not packed yet",
        steps=(
            Need("number", "Which order shall be cancelled? The number is in your confirmation mail."),
            Look("order", find, UNKNOWN),
            Rule("it is their own", lambda f: f["order"].mail in own, UNKNOWN),
            Rule(
                "it was not sent back or cancelled before",
                lambda f: f["order"].status not in ("cancelled", "returned"),
                "That order is cancelled or came back already.",
            ),
            Rule(
                "it has not left",
                lambda f: f["order"].status not in ("in transit", "delivered"),
                "That order has left us already, so it can no longer be cancelled. You can send it back.",
            ),
            Rule("it is not packed", lambda f: f["order"].status == "placed", "It is being packed.", person=True),
            Confirm(words),
            Do("cancel_order", lambda f: {"number": f["number"]}),
        ),
    )


def carry_out(tx: Tx, ready: Ready) -> str:
    """Does it, and says so. Refused where the order has moved on since it was looked at."""
    if ready.tool != "cancel_order":
        raise Refused(f"There is no tool called “{ready.tool}”.")
    number = str(ready.arguments["number"])
    if not orders.move(tx, number, "placed", "cancelled"):
        raise Refused(f"Order {number} has changed meanwhile.")
    return f"Order {number} is cancelled. Nothing of it will be sent."
