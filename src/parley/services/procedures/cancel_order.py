"""An order that nobody has packed yet is cancelled."""

from parley.core.procedure import Confirm, Do, Facts, Procedure, Rule
from parley.services.procedures.common import LEFT, OVER, Shop, items, own_order


def cancel_order(shop: Shop) -> Procedure:
    def words(f: Facts) -> str:
        order = f["order"]
        return (
            f"I can cancel order {order.number} ({items(order)}) now; nothing of it will be sent. Shall I? Yes or no."
        )

    return Procedure(
        name="cancel_order",
        version=2,
        title="Cancel an order that is not packed yet",
        wish="wants to cancel an order",
        asked_by=("cancel_order",),
        skill="delivery",
        steps=(
            *own_order(
                shop,
                "Which order shall be cancelled? The number is in your confirmation mail.",
                shop.numbers("placed"),
            ),
            Rule(
                "it was not sent back or cancelled before",
                lambda f: f["order"].status not in OVER,
                "That order is cancelled or came back already.",
            ),
            Rule(
                "it has not left",
                lambda f: f["order"].status not in LEFT,
                "That order has left us already, so it can no longer be cancelled. You can send it back.",
            ),
            Rule(
                "it is not packed",
                lambda f: f["order"].status == "placed",
                "That order is being packed.",
                person=True,
                advice="Ask the warehouse whether it can still be stopped.",
            ),
            Confirm(words),
            Do("cancel_order", lambda f: {"number": f["order"].number}, undo=True),
        ),
    )
