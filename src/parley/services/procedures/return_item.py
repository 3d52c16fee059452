"""An article is sent back, for the money, another piece or another size, within the brand's days."""

from parley.core.procedure import Confirm, Do, Facts, Limit, Need, Procedure, Rule
from parley.services.procedures.common import Shop, age, money, own_order, price

DAYS = Limit(name="days", label="Returns are taken", usual=30, most=365, unit="days after delivery", least=1)
WISHES = ("Money back", "The same again", "Another size")
REASONS = ("It does not fit", "It is not what I expected", "It arrived broken", "It is the wrong article")
ENDS = {
    "Money back": "When it is here, you get {money} back.",
    "The same again": "When it is here, we send you the same again.",
    "Another size": "When it is here, we send you the other size.",
}


def return_item(shop: Shop) -> Procedure:
    def words(f: Facts) -> str:
        end = ENDS[f["wish"]].format(money=money(price(f["order"], f["item"]), f["order"].currency))
        return f"I can take {f['item']} of order {f['order'].number} back. {end} Shall I? Yes or no."

    return Procedure(
        name="return_item",
        version=1,
        title="Take an article back, or exchange it",
        wish="wants to return something",
        asked_by=("return_item",),
        skill="returns",
        limits=(DAYS,),
        steps=(
            *own_order(shop, "Which order is it from?", shop.numbers("delivered")),
            Rule(
                "it was delivered",
                lambda f: f["order"].status == "delivered",
                "That order has not been delivered, or came back already, so there is nothing to send back.",
            ),
            Rule(
                "something of it is not on its way back",
                lambda f: bool(shop.open_items(f, "return_item")),
                "Everything of that order is on its way back already.",
            ),
            Rule(
                "it is within the days",
                lambda f: age(f) <= shop.limits["days"],
                f"We take articles back within {shop.limits['days']} days of delivery, and those have passed.",
                person=True,
                advice=f"The policy is {shop.limits['days']} days. Say no kindly, or make an exception and register"
                " the return yourself.",
            ),
            Need("item", "Which article is it?", offer=lambda f: shop.open_items(f, "return_item")),
            Need("wish", "What would you like for it?", WISHES),
            Need(
                "size",
                "Which size would you like instead?",
                kind="words",
                when=lambda f: f["wish"] == "Another size",
            ),
            Need("reason", "And what is the reason?", REASONS),
            Confirm(words),
            Do(
                "return_item",
                lambda f: {
                    "number": f["order"].number,
                    "item": f["item"],
                    "wish": f["wish"],
                    "size": str(f.get("size", ""))[:60],
                    "reason": f["reason"],
                },
                undo=True,
            ),
        ),
    )
