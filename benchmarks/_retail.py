"""The policy of the retail collection (policy.md) as procedures, and its tools on a back office in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from _policies import ending

from parley.core.procedure import Facts, Look, Need, Procedure, Rule, Step

REASONS = ("no longer needed", "ordered by mistake")
ADDRESS = ("address1", "address2", "city", "state", "country", "zip")
READS = ("get_", "find_", "list_", "calculate", "think", "transfer_")


class Shop:
    """The back office: users, orders, products. `acts` change it, and are only called when a procedure says Ready."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.users, self.orders, self.products = data["users"], data["orders"], data["products"]

    def state(self) -> Any:
        return {"users": self.users, "orders": self.orders, "products": self.products}

    def user_of(self, actions: Sequence[Mapping[str, Any]]) -> str | None:
        """Whom the task is about, as the customer proved it: by mail, or by name and postcode."""
        for action in actions:
            asked, found = action["arguments"], None
            if action["name"] == "find_user_id_by_email":
                found = next((n for n, u in self.users.items() if u["email"].lower() == asked["email"].lower()), None)
            if action["name"] == "find_user_id_by_name_zip":
                found = next((n for n, u in self.users.items() if _is(u, asked)), None)
            if found:
                return str(found)
        for action in actions:
            asked = action["arguments"]
            if "user_id" in asked:
                return str(asked["user_id"])
            if asked.get("order_id") in self.orders:
                return str(self.orders[asked["order_id"]]["user_id"])
        return None

    def item(self, number: str) -> Mapping[str, Any] | None:
        for product in self.products.values():
            if number in product["variants"]:
                return product["variants"][number] | {"product_id": product["product_id"]}
        return None

    def act(self, tool: str, asked: Mapping[str, Any]) -> None:
        getattr(self, tool)(**asked)

    def cancel_pending_order(self, order_id: str, reason: str) -> None:
        order = self.orders[order_id]
        order["status"], order["cancel_reason"] = "cancelled", reason
        for paid in list(order["payment_history"]):
            order["payment_history"].append(paid | {"transaction_type": "refund"})
            self._pay(order, paid["payment_method_id"], -paid["amount"])

    def modify_pending_order_items(
        self, order_id: str, item_ids: list[str], new_item_ids: list[str], payment_method_id: str
    ) -> None:
        order = self.orders[order_id]
        self._pay(order, payment_method_id, self._difference(order, item_ids, new_item_ids))
        for old, new in zip(item_ids, new_item_ids, strict=True):
            line, item = next(i for i in order["items"] if i["item_id"] == old), self.item(new)
            assert item is not None
            line |= {"item_id": new, "price": item["price"], "options": item["options"]}
        order["status"] = "pending (items modified)"

    def modify_pending_order_address(self, order_id: str, **address: str) -> None:
        self.orders[order_id]["address"] = address

    def modify_pending_order_payment(self, order_id: str, payment_method_id: str) -> None:
        order = self.orders[order_id]
        paid = order["payment_history"][0]
        self._pay(order, paid["payment_method_id"], -paid["amount"])
        self._pay(order, payment_method_id, paid["amount"])
        order["payment_history"] = [paid | {"payment_method_id": payment_method_id}]

    def modify_user_address(self, user_id: str, **address: str) -> None:
        self.users[user_id]["address"] = address

    def return_delivered_order_items(self, order_id: str, item_ids: list[str], payment_method_id: str) -> None:
        wanted = {"return_items": sorted(item_ids), "return_payment_method_id": payment_method_id}
        self.orders[order_id] |= {"status": "return requested"} | wanted

    def exchange_delivered_order_items(
        self, order_id: str, item_ids: list[str], new_item_ids: list[str], payment_method_id: str
    ) -> None:
        order = self.orders[order_id]
        order |= {
            "status": "exchange requested", "exchange_items": sorted(item_ids),
            "exchange_new_items": sorted(new_item_ids), "exchange_payment_method_id": payment_method_id,
            "exchange_price_difference": self._difference(order, item_ids, new_item_ids),
        }  # fmt: skip

    def _difference(self, order: Mapping[str, Any], old: Sequence[str], new: Sequence[str]) -> float:
        had = {item["item_id"]: item["price"] for item in order["items"]}
        return round(sum((self.item(n) or {})["price"] for n in new) - sum(had[o] for o in old), 2)

    def _pay(self, order: Mapping[str, Any], method: str, amount: float) -> None:
        card = self.users[order["user_id"]]["payment_methods"].get(method, {})
        if card.get("source") == "gift_card":
            card["balance"] = round(card["balance"] - amount, 2)


def _is(user: Mapping[str, Any], asked: Mapping[str, str]) -> bool:
    names = (user["name"]["first_name"].lower(), user["name"]["last_name"].lower(), user["address"]["zip"])
    return names == (asked["first_name"].lower(), asked["last_name"].lower(), asked["zip"])


def procedures(shop: Shop) -> dict[str, Procedure]:
    """One for every act the policy permits; the tool's name is the procedure's."""

    def order(f: Facts) -> Any:
        return shop.orders.get(f["order_id"])

    def methods(f: Facts) -> Any:
        return shop.users[f["user"]]["payment_methods"]

    def kept(f: Facts) -> bool:
        """Old and new items pair up: of the same product, another variant, and to be had."""
        for old, new in zip(f["item_ids"], f["new_item_ids"], strict=False):
            before, after = shop.item(old), shop.item(new)
            if before is None or after is None or before["product_id"] != after["product_id"] or old == new:
                return False
        return len(f["item_ids"]) == len(f["new_item_ids"])

    def available(f: Facts) -> bool:
        return all((shop.item(new) or {}).get("available") for new in f["new_item_ids"])

    def owns_items(f: Facts) -> bool:
        return not Counter(f["item_ids"]) - Counter(item["item_id"] for item in f["order"]["items"])

    def covers(f: Facts) -> bool:
        card = methods(f)[f["payment_method_id"]]
        more = shop._difference(f["order"], f["item_ids"], f["new_item_ids"])
        return bool(card["source"] != "gift_card" or card["balance"] >= more)

    def paid_with(f: Facts) -> str:
        return str(f["order"]["payment_history"][0]["payment_method_id"])

    def covers_all(f: Facts) -> bool:
        card = methods(f)[f["payment_method_id"]]
        return bool(card["source"] != "gift_card" or card["balance"] >= f["order"]["payment_history"][0]["amount"])

    def refundable(f: Facts) -> bool:
        return f["payment_method_id"] == paid_with(f) or methods(f)[f["payment_method_id"]]["source"] == "gift_card"

    known = (Need("user", "Which mail address, or which name and postcode, is the account under?"),)
    its: tuple[Step, ...] = (
        *known,
        Need("order_id", "Which order is it?"),
        Look("order", order, "There is no such order."),
        Rule("it is their own order", lambda f: f["order"]["user_id"] == f["user"], "I can only speak of your orders."),
    )
    pending = Rule(
        "it is pending and was not changed before",
        lambda f: f["order"]["status"] == "pending",
        "Only an order that is still pending and was not changed before can be changed.",
    )
    delivered = Rule(
        "it was delivered", lambda f: f["order"]["status"] == "delivered", "Only a delivered order can come back."
    )
    listed = Need("item_ids", "Which of its items, all of them?")
    inside = Rule("the items are in the order", owns_items, "Some of these items are not in that order.")
    pays = (
        Need("payment_method_id", "With which of your payment methods?"),
        Rule("the method is theirs", lambda f: f["payment_method_id"] in methods(f), "It must be in your profile."),
    )
    swap: tuple[Step, ...] = (
        Need("new_item_ids", "For which variants?"),
        Rule("each stays the same product", kept, "An item can only become another variant of the same product."),
        Rule("the new ones are to be had", available, "One of these variants is not available."),
        *pays,
        Rule("a gift card covers the difference", covers, "That gift card does not cover the difference."),
    )
    items = ("order_id", "item_ids", "new_item_ids", "payment_method_id")
    address = tuple(Need(part, "What is the new address?") for part in ADDRESS if part != "address2")
    made = {
        "cancel_pending_order": (*its, pending, Need("reason", "Why is it to be cancelled?"),
            Rule("the reason is one of two", lambda f: f["reason"] in REASONS, "Not for that reason.")),
        "modify_pending_order_items": (*its, pending, listed, inside, *swap),
        "modify_pending_order_address": (*its, pending, *address),
        "modify_pending_order_payment": (*its, pending, *pays,
            Rule("it is another method", lambda f: f["payment_method_id"] != paid_with(f), "It is paid that way."),
            Rule("a gift card covers it", covers_all, "That gift card does not cover the order.")),
        "modify_user_address": (*known, *address),
        "return_delivered_order_items": (*its, delivered, listed, inside, *pays,
            Rule("the money goes back or onto a gift card", refundable, "It must go back or onto a gift card.")),
        "exchange_delivered_order_items": (*its, delivered, listed, inside, *swap),
    }  # fmt: skip
    wanted = {
        "cancel_pending_order": ("order_id", "reason"),
        "modify_pending_order_items": items, "exchange_delivered_order_items": items,
        "modify_pending_order_address": ("order_id", *ADDRESS),
        "modify_pending_order_payment": ("order_id", "payment_method_id"),
        "modify_user_address": ("user_id", *ADDRESS),
        "return_delivered_order_items": ("order_id", "item_ids", "payment_method_id"),
    }  # fmt: skip
    return {name: ending(name, steps, wanted[name]) for name, steps in made.items()}


def misuses(shop: Shop, tool: str, said: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """What somebody might try instead of a permitted request: (why it is forbidden, facts)."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    other = next(name for name in shop.users if name != said["user"])
    if "order_id" in said:
        found.append(("another's order", {**said, "user": other}))
        wrong = "delivered" if "pending" in tool else "processed"
        mine = [n for n, o in shop.orders.items() if o["status"] == wrong and o["user_id"] == said["user"]]
        any_ = [n for n, o in shop.orders.items() if o["status"] == wrong]
        number = (mine or any_)[0]
        found.append(("wrong status", {**said, "order_id": number, "user": shop.orders[number]["user_id"]}))
    if "reason" in said:
        found.append(("another reason", {**said, "reason": "found it cheaper elsewhere"}))
    if "new_item_ids" in said:
        foreign = next(p for p in shop.products.values() if said["new_item_ids"][0] not in p["variants"])
        found.append(
            ("another product", {**said, "new_item_ids": [*said["new_item_ids"][1:], *list(foreign["variants"])[:1]]})
        )
        found.append(("more than there is", {**said, "item_ids": [*said["item_ids"], *said["item_ids"][:1]]}))
        gone = [v["item_id"] for p in shop.products.values() if said["new_item_ids"][0] in p["variants"]
                for v in p["variants"].values() if not v["available"]]  # fmt: skip
        if gone:
            found.append(("not available", {**said, "new_item_ids": [gone[0], *said["new_item_ids"][1:]]}))
    if "payment_method_id" in said:
        theirs = next(iter(shop.users[other]["payment_methods"]))
        if theirs not in shop.users[said["user"]]["payment_methods"]:
            found.append(("another's payment method", {**said, "payment_method_id": theirs}))
    return found
