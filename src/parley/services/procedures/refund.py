"""Money back for an article that arrived broken, was missing, or came back; beyond a sum, a person has to agree."""

from parley.core.procedure import Approve, Confirm, Do, Facts, Limit, Need, Procedure, Rule
from parley.services.procedures.common import OVER, Shop, age, money, own_order, price

DAYS = Limit(name="days", label="Refunds are given", usual=60, most=730, unit="days after delivery", least=1)
ALONE = Limit(name="alone", label="The bot refunds by itself up to", usual=50, most=1000, unit="in the order's money")
WHY = ("It arrived broken", "It was missing", "I sent it back")


def refund(shop: Shop) -> Procedure:
    def sum_(f: Facts) -> str:
        return money(price(f["order"], f["item"]), f["order"].currency)

    def words(f: Facts) -> str:
        return f"I can give you {sum_(f)} back for {f['item']} of order {f['order'].number}. Shall I? Yes or no."

    def above(f: Facts) -> bool:
        return price(f["order"], f["item"]) > shop.limits["alone"] * 100

    return Procedure(
        name="refund",
        version=1,
        title="Give money back within the policy",
        wish="wants money back",
        begins=(
            r"\b(?:want|like|get|need|request|demand|give me|have|claim)\b(?: \w+){0,4}? (?:refund|money back)\b",
            r"^\W*(?:a )?refund\b(?: \w+){0,4} (?:please|for)\b",
        ),
        skill="payments",
        limits=(DAYS, ALONE),
        steps=(
            *own_order(shop, "Which order is it about?", shop.numbers("delivered", "returned")),
            Rule(
                "it was delivered or came back",
                lambda f: f["order"].status in ("delivered", *OVER),
                "That order is still on its way. When it is with you, I can look at it again.",
            ),
            Rule(
                "it is within the days",
                lambda f: age(f) <= shop.limits["days"],
                f"We give money back within {shop.limits['days']} days of delivery, and those have passed.",
                person=True,
                advice=f"The policy is {shop.limits['days']} days. Say no kindly, or refund it as an exception.",
            ),
            Rule(
                "something of it is not refunded yet",
                lambda f: bool(shop.open_items(f, "refund")),
                "Everything of that order was refunded already. It takes up to five days to reach your account.",
            ),
            Need("item", "Which article is it about?", offer=lambda f: shop.open_items(f, "refund")),
            Need("why", "What happened to it?", WHY),
            Rule(
                "what was sent back has arrived",
                lambda f: f["why"] != "I sent it back" or f["order"].status in OVER,
                "It has not reached us yet. When it has, the money goes back by itself.",
            ),
            Confirm(words),
            Approve(
                f"where it is more than {shop.limits['alone']}",
                above,
                lambda f: f"Refund {sum_(f)} for {f['item']} of order {f['order'].number} ({f['why'].lower()}).",
            ),
            Do(
                "refund",
                lambda f: {
                    "number": f["order"].number,
                    "item": f["item"],
                    "cents": price(f["order"], f["item"]),
                    "why": f["why"],
                },
                undo=True,
            ),
        ),
    )
