"""What the bot may do, as procedures (see `parley.core.procedure`): those that are shipped, one in each file, in Python
or YAML, and those that the company wrote itself (`kept`).

A brand switches each on or off and sets its limits, because only where the desk's order table is the shop's own does a
change here change anything there. What one of them has ready is done by `acts.run`, which trusts nobody.
"""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from sqlalchemy import Connection

from parley.core.errors import Refused
from parley.core.procedure import Procedure
from parley.log.record import Tx
from parley.services import setup, tools
from parley.services.procedures import kept
from parley.services.procedures.binding import bind
from parley.services.procedures.callback import callback
from parley.services.procedures.change_address import change_address
from parley.services.procedures.common import Shop
from parley.services.procedures.complaint import complaint
from parley.services.procedures.order_status import order_status
from parley.services.procedures.refund import refund
from parley.services.procedures.return_item import return_item
from parley.services.procedures.written import read, uses


def text_of(name: str) -> str | None:
    """The file of one that is shipped in the form that companies write, too."""
    file = Path(__file__).parent / f"{name}.yaml"
    return file.read_text("utf-8") if file.exists() else None


def _from_file(name: str) -> Callable[[Shop], Procedure]:
    plan = read(text_of(name) or "")
    return lambda shop: bind(plan, shop, plan.version)


__all__ = ["SHIPPED", "every", "limits_of", "make", "permitted", "read", "talks_of", "text_of"]

# In the order in which they are tried for a message.
SHIPPED: Mapping[str, Callable[[Shop], Procedure]] = {
    "complaint": complaint,
    "callback": callback,
    "refund": refund,
    "return_item": return_item,
    "cancel_order": _from_file("cancel_order"),
    "change_address": change_address,
    "invoice": _from_file("invoice"),
    "password_help": _from_file("password_help"),
    "order_status": order_status,
}


def make(name: str, conn: Connection, look: setup.Look, version: int | None = None) -> Procedure:
    """The procedure with a brand's limits. version: of one that the company wrote; else the one that is in force."""
    if name not in SHIPPED:
        return _bound(kept.in_force(conn, name, version), conn, look)
    usual = _usual_limits(name, conn)
    return SHIPPED[name](Shop(conn, {key: look.bot_limits.get(f"{name}.{key}", value) for key, value in usual.items()}))


def every(conn: Connection, look: setup.Look) -> list[Procedure]:
    """All that are in force: what the company wrote itself goes before what is shipped."""
    own = [_bound(one, conn, look) for one in kept.all_in_force(conn)]
    return [*own, *(make(name, conn, look) for name in SHIPPED)]


def _bound(one: kept.Version, conn: Connection, look: setup.Look) -> Procedure:
    plan = read(one.text)
    limits = {limit.name: look.bot_limits.get(f"{one.name}.{limit.name}", limit.usual) for limit in plan.limits}
    return bind(plan, Shop(conn, limits), one.version)


def remove_tool(tx: Tx, name: str, by: str) -> None:
    """Forget a connection that no procedure in force needs."""
    needing = [one.name for one in kept.all_in_force(tx.conn) if name in uses(read(one.text))]
    if needing:
        raise Refused(f"{', '.join(needing)} needs this connection. Withdraw or change it first; nothing was removed.")
    tools.remove(tx, name, by)


def limits_of(procedure: Procedure, look: setup.Look) -> dict[str, int]:
    return {one.name: look.bot_limits.get(f"{procedure.name}.{one.name}", one.usual) for one in procedure.limits}


def permitted(procedure: Procedure, look: setup.Look) -> bool:
    """Whether the brand lets the bot do it."""
    if procedure.usual:
        return procedure.name not in look.bot_leaves
    return procedure.name in look.bot_does


def asked_for(procedure: Procedure, said: str, intents: Collection[str], personal: bool) -> bool:
    """Whether a message begins it by its own words or its matter. intents: as `parley.ai.intents` names them."""
    from parley.ai.text import fold

    folded = " ".join(fold(said).split())
    by_words = any(re.search(pattern, folded) for pattern in procedure.begins)
    return by_words or (personal and bool(set(procedure.asked_by) & set(intents)))


def talks_of(name: str) -> str:
    """The conversations that show how a shipped procedure has to go, as they are written beside it."""
    return (Path(__file__).parent / f"{name}.talks").read_text("utf-8")


class _Any(dict[str, int]):
    """Stands for limits while they are asked for."""

    def __missing__(self, key: str) -> int:
        return 0


def _usual_limits(name: str, conn: Connection) -> dict[str, int]:
    return {limit.name: limit.usual for limit in SHIPPED[name](Shop(conn, _Any())).limits}
