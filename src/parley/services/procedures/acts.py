"""What a procedure does at its end, once, with the customer's own rights.

`run` trusts nobody, neither a procedure nor a model: whose order it is, what state it is in and how much money may go
is checked here again, on the newest state, in the transaction that changes it. The same key never acts twice.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec

from parley.core import events as e
from parley.core.channel import Inbox
from parley.core.conversation import State
from parley.core.errors import Refused
from parley.log.record import Tx
from parley.services import followups, orders, people, proof, replies, requests
from parley.services.procedures.common import OVER, UNKNOWN, money, price

UNDO = timedelta(hours=1)
A_DAY = 6
"""Acts for one person within a day, taken back or not."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """For whom something is done. own: addresses shown to be theirs; approved: a person of the desk agreed.

    limits: the brand's, by name. inboxes: by which a letter can go. procedure, version: by which it came to this.
    """

    state: State
    own: tuple[str, ...]
    by: str
    inboxes: Mapping[int, Inbox]
    limits: Mapping[str, int] = {}
    approved: bool = False
    procedure: str = ""
    version: int = 0


class Done(NamedTuple):
    """words: what the customer is told. data: what has to be known to take it back."""

    words: str
    number: str = ""
    cents: int = 0
    data: Mapping[str, Any] = {}


def run(tx: Tx, scope: Scope, tool: str, arguments: Mapping[str, Any], key: str) -> tuple[str, int]:
    """Do it. Returns what to tell the customer and the request's number. Refused where the rules say no."""
    if (before := requests.by_key(tx.conn, key)) is not None:
        return str(before.data.get("told", "")), before.id
    if tool not in ACTS:
        raise Refused(f"There is no act called “{tool}”.")
    if requests.count_since(tx.conn, scope.state.person, tx.at - timedelta(days=1)) >= A_DAY:
        raise Refused(f"Nothing more is done by itself today: {A_DAY} requests within a day are the most.")
    done = ACTS[tool].do(tx, scope, arguments)
    person, talk = scope.state.person, scope.state.id
    data = {
        **done.data,
        "told": done.words,
        **({"procedure": scope.procedure, "version": scope.version} if scope.procedure else {}),
    }
    return done.words, requests.add(tx, tool, done.number, person, talk, key, data, done.cents)


def undo(tx: Tx, scope: Scope, request: requests.Request) -> str:
    """Take it back. Refused where that is not possible, or no longer."""
    act = ACTS.get(request.kind)
    if act is None or act.undo is None or tx.at - request.made_at > UNDO:
        raise Refused("That can no longer be taken back here.")
    if request.conversation != scope.state.id:
        raise Refused("That was asked for elsewhere.")
    words = act.undo(tx, scope, request)
    requests.take_back(tx, request.id)
    return words


def _own(tx: Tx, scope: Scope, number: Any) -> orders.Order:
    order = orders.by_number(tx.conn, str(number))
    if order is None or order.mail not in scope.own or order.brand != scope.state.brand:
        raise Refused(UNKNOWN)
    return order


def _moved(number: str) -> Refused:
    return Refused(f"Order {number} has changed meanwhile.")


# ── orders ──────────────────────────────────────────────────────────────────────────────────


def _cancel(tx: Tx, scope: Scope, given: Mapping[str, Any]) -> Done:
    order = _own(tx, scope, given["number"])
    if not orders.move(tx, order.number, "placed", "cancelled"):
        raise _moved(order.number)
    return Done(f"Order {order.number} is cancelled. Nothing of it will be sent.", order.number)


def _cancel_back(tx: Tx, scope: Scope, request: requests.Request) -> str:
    if not orders.move(tx, request.number, "cancelled", "placed"):
        raise _moved(request.number)
    return f"Order {request.number} stands again and will be packed next."


def _change_address(tx: Tx, scope: Scope, given: Mapping[str, Any]) -> Done:
    order = _own(tx, scope, given["number"])
    address = " ".join(str(given["address"]).split())[:300]
    if order.status not in ("placed", "packed") or not address:
        raise _moved(order.number)
    orders.add(tx, [msgspec.structs.replace(order, address=address)])
    return Done(f"Order {order.number} goes to the new address.", order.number, data={"before": order.address})


def _address_back(tx: Tx, scope: Scope, request: requests.Request) -> str:
    order = _own(tx, scope, request.number)
    if order.status not in ("placed", "packed"):
        raise _moved(order.number)
    orders.add(tx, [msgspec.structs.replace(order, address=str(request.data.get("before", "")))])
    return f"Order {order.number} goes to the address from before."


# ── returns and money ───────────────────────────────────────────────────────────────────────


def _return(tx: Tx, scope: Scope, given: Mapping[str, Any]) -> Done:
    order, item = _own(tx, scope, given["number"]), str(given["item"])
    _still_open(tx, order, item, "return_item")
    if order.status != "delivered":
        raise _moved(order.number)
    _letter(tx, scope, order.mail, _label(order, item))
    words = f"Done. I have mailed a return label for {item} to {proof.masked(order.mail)}: put it on the parcel."
    noted = {"item": item, **{name: given.get(name, "") for name in ("wish", "size", "reason")}}
    return Done(words, order.number, price(order, item), noted)


def _label(order: orders.Order, item: str) -> str:
    return (
        f"Return of order {order.number}\n\nArticle: {item}\nReturn number: R{order.number}\n\nPut this page into the"
        " parcel, write the return number on it, and hand it in within 14 days. You pay nothing for it."
    )


def _return_back(tx: Tx, scope: Scope, request: requests.Request) -> str:
    return f"The return of {request.data.get('item')} is taken back. The label is no longer good."


def _refund(tx: Tx, scope: Scope, given: Mapping[str, Any]) -> Done:
    order, item, cents = _own(tx, scope, given["number"]), str(given["item"]), int(given["cents"])
    _still_open(tx, order, item, "refund")
    before = sum(one.cents for one in requests.of_orders(tx.conn, [order.number]) if one.kind == "refund")
    if cents <= 0 or cents > price(order, item) or before + cents > order.cents:
        raise Refused(f"That is more than order {order.number} cost.")
    if order.status not in ("delivered", *OVER):
        raise _moved(order.number)
    if cents > scope.limits.get("alone", 0) * 100 and not scope.approved:
        raise Refused("A person has to agree to a refund of this size.")
    words = f"{money(cents, order.currency)} for {item} go back the way you paid, within five days."
    return Done(words, order.number, cents, {"item": item, "why": given.get("why", "")})


def _refund_back(tx: Tx, scope: Scope, request: requests.Request) -> str:
    return f"The refund for {request.data.get('item')} is taken back."


def _still_open(tx: Tx, order: orders.Order, item: str, kind: str) -> None:
    if item not in [one.name for one in order.items]:
        raise Refused(f"There is no {item} in order {order.number}.")
    made = requests.of_orders(tx.conn, [order.number])
    if any(one.kind == kind and one.data.get("item") == item for one in made):
        raise Refused(f"That was done for {item} already.")


# ── letters and calls ───────────────────────────────────────────────────────────────────────


def _invoice(tx: Tx, scope: Scope, given: Mapping[str, Any]) -> Done:
    order = _own(tx, scope, given["number"])
    lines = [f"{i.quantity} × {i.name}  {money(i.cents * i.quantity, order.currency)}" for i in order.items]
    text = "\n".join(
        [
            f"Invoice {order.number} (copy)",
            f"Date: {order.placed_at:%-d %B %Y}",
            f"To: {order.address}" if order.address else "",
            "",
            *lines,
            f"Total: {money(order.cents, order.currency)}",
        ]
    )
    if not _letter(tx, scope, order.mail, text):
        raise Refused("No mail can be sent for this brand.")
    return Done(f"The copy is on its way to {proof.masked(order.mail)}.", order.number)


def _letter(tx: Tx, scope: Scope, mail: str, text: str) -> bool:
    """Mail something to an address of theirs. False where the brand has no inbox for it."""
    via = proof.mail_inbox(scope.inboxes.values(), scope.state.brand)
    identity = people.by_address(tx.conn, [("mail", mail)]).get(("mail", mail))
    if via is None or identity is None:
        return False
    to = (via.id, identity, via.channel)
    replies.automatic_reply(tx, scope.state, text, scope.by, purpose="letter", to=to)
    return True


def _callback(tx: Tx, scope: Scope, given: Mapping[str, Any]) -> Done:
    due, slot = given["due"], str(given["slot"])
    if due <= tx.at:
        raise Refused("That time has passed.")
    taken = followups.due_at(tx.conn, [due]).get(due, 0)
    if taken >= scope.limits.get("calls", 0):
        raise Refused("That time was taken meanwhile.")
    reason = "Call them, on the number that they gave in the conversation"
    task = followups.open_(tx, scope.state, reason, due, None)
    return Done(f"Agreed: we call you on {due:%A, %-d %B}, {slot} (UTC).", data={"task": task})


def _callback_back(tx: Tx, scope: Scope, request: requests.Request) -> str:
    message = tx.new_id("message")
    fact = e.TaskClosed(task=int(request.data["task"]), message=message)
    tx.append(e.conversation(scope.state.id), [fact], scope.by)
    tx.say(message, e.Words(text="They need no call any more."))
    return "Then we do not call."


class Act(NamedTuple):
    do: Callable[[Tx, Scope, Mapping[str, Any]], Done]
    undo: Callable[[Tx, Scope, requests.Request], str] | None = None


ACTS: Mapping[str, Act] = {
    "cancel_order": Act(_cancel, _cancel_back),
    "change_address": Act(_change_address, _address_back),
    "return_item": Act(_return, _return_back),
    "refund": Act(_refund, _refund_back),
    "invoice": Act(_invoice),
    "callback": Act(_callback, _callback_back),
}
