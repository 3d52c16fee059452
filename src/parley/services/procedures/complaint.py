"""A complaint is taken down once, whole, and goes to a person who can answer it without asking again."""

from parley.core.procedure import Facts, Need, Pass, Procedure
from parley.services import orders
from parley.services.procedures.common import Shop

ABOUT = ("An article", "The delivery", "How I was treated", "Something else")
WANTED = ("Money back", "A replacement", "An explanation", "That you know about it")


def complaint(shop: Shop) -> Procedure:
    def advice(f: Facts) -> str:
        mine = orders.of_mails(shop.conn, f.get("own") or (), 1)
        latest = f" Their latest order is {mine[0].number} ({mine[0].status})." if mine else ""
        return f"Answer what happened, then say what they get: they want {f['wanted'].lower()}.{latest}"

    return Procedure(
        name="complaint",
        version=1,
        title="Take down a complaint for a person",
        wish="complains",
        begins=(
            r"\b(?:file|make|lodge|raise|have|submit|register)\b(?: \w+){0,3}? complaint\b",
            r"\bi (?:want|wish|would like|need|am writing) to complain\b",
            r"^\W*complaint\b",
        ),
        steps=(
            Need("about", "I am sorry that you have to complain. What is it about?", ABOUT),
            Need(
                "what",
                "What happened? Write it in one message, with the order's number where there is one.",
                kind="words",
            ),
            Need("wanted", "What would put it right for you?", WANTED),
            Pass("Thank you. A colleague reads this and answers you; you need not tell it again.", advice),
        ),
    )
