"""A copy of an invoice goes to the address that the order was placed with, and to no other."""

from parley.core.procedure import Confirm, Do, Facts, Procedure, Rule
from parley.services.procedures.common import Shop, own_order
from parley.services.proof import masked


def invoice(shop: Shop) -> Procedure:
    def words(f: Facts) -> str:
        return f"I can mail a copy of the invoice for order {f['order'].number} to {masked(f['order'].mail)}. Shall I?"

    return Procedure(
        name="invoice",
        version=1,
        title="Mail a copy of an invoice",
        wish="needs an invoice",
        asked_by=("invoice",),
        skill="payments",
        steps=(
            *own_order(
                shop, "Which order is the invoice for?", shop.numbers("placed", "packed", "in transit", "delivered")
            ),
            Rule(
                "it was not cancelled",
                lambda f: f["order"].status != "cancelled",
                "That order was cancelled, so there is no invoice for it.",
            ),
            Confirm(words),
            Do("invoice", lambda f: {"number": f["order"].number}),
        ),
    )
