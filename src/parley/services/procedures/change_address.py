"""Where an order goes is changed while it is still with us, within the same country."""

from parley.core.procedure import Confirm, Do, Facts, Need, Procedure, Rule
from parley.services.procedures.common import LEFT, OVER, Shop, own_order


def change_address(shop: Shop) -> Procedure:
    def words(f: Facts) -> str:
        return f"I can send order {f['order'].number} to:\n{f['address']}\nShall I? Yes or no."

    return Procedure(
        name="change_address",
        version=1,
        title="Change where an order goes",
        wish="wants to change a delivery address",
        asked_by=("change_address",),
        skill="delivery",
        steps=(
            *own_order(shop, "Which order is it?", shop.numbers("placed", "packed")),
            Rule(
                "it was not sent back or cancelled before",
                lambda f: f["order"].status not in OVER,
                "That order is cancelled or came back already.",
            ),
            Rule(
                "it has not left",
                lambda f: f["order"].status not in LEFT,
                "That order has left us already.",
                person=True,
                advice="Ask the carrier whether the parcel can be redirected.",
            ),
            Need(
                "address",
                "Where shall it go? Street and number, postcode, town and country, in one message.",
                kind="address",
            ),
            Rule(
                "it stays in the country",
                lambda f: same_country(f["order"].address, f["address"]),
                "An order that goes to another country needs other papers and another price for delivery.",
                person=True,
                advice="Work out delivery and customs for the new country, then change the address.",
            ),
            Confirm(words),
            Do("change_address", lambda f: {"number": f["order"].number, "address": f["address"]}, undo=True),
        ),
    )


def same_country(before: str, after: str) -> bool:
    """Whether the new address ends in the country of the old one. Unknown where no address is kept: yes."""
    country = before.rpartition(",")[2].strip().lower().rstrip(".")
    return not country or after.lower().rstrip(" .\n").endswith(country)
