"""The demo shop's own system: parcels as its warehouse knows them, over HTTP, for a connection to be declared to.

Served by `parley demo` alone, to whoever has its key. What is held is remembered while the demo runs; a request that
comes again with the same key is answered as before and done once.
"""

import hmac
from collections import OrderedDict
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from parley.core.errors import NotAllowed, NotFound, Refused
from parley.services import orders
from parley.web.security import PUBLIC
from parley.web.state import Room

KEY = "only the demo shop's warehouse takes this"
DEPOT = "the depot in Galway, Tuam Road"
MOST = 500
Asked = Request[Any, Any, Any]
OPEN = {**PUBLIC, "exclude_from_csrf": True}


class Hold(msgspec.Struct):
    number: str
    until: str
    customer: str


class Warehouse:
    """held: by hold; answered: what was answered to a key."""

    def __init__(self) -> None:
        self.held: OrderedDict[str, Hold] = OrderedDict()
        self.answered: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def remember(self, key: str, answer: dict[str, Any]) -> dict[str, Any]:
        self.answered[key] = answer
        while len(self.answered) > MOST:
            self.answered.popitem(last=False)
        return answer


def _let_in(request: Asked) -> Warehouse:
    given = request.headers.get("x-warehouse-key", "")
    if not hmac.compare_digest(given.encode(), KEY.encode()):
        raise NotAllowed("The warehouse does not know this key.")
    found: Warehouse | None = getattr(request.app.state, "warehouse", None)
    if found is None:
        found = request.app.state.warehouse = Warehouse()
    return found


@get("/shop/warehouse/parcels/{number:str}", opt=OPEN, include_in_schema=False)
async def parcel(request: Asked, room: Room, number: FromPath[str]) -> dict[str, Any]:
    """Where a parcel is, and whose."""
    here = _let_in(request)
    order = await room.ask(orders.by_number, number)
    if order is None:
        raise NotFound("The warehouse knows no such parcel.")
    held = next((one.until for one in here.held.values() if one.number == order.number), None)
    return {
        "parcel": {
            "number": order.number, "state": order.status, "held_until": held,
            "due": order.expected.date().isoformat() if order.expected else None,
            "owner": {"mail": order.mail},
        }
    }  # fmt: skip


@post("/shop/warehouse/holds", opt=OPEN, include_in_schema=False)
async def hold(request: Asked, room: Room) -> dict[str, Any]:
    """Hold a parcel for its owner."""
    here, key = _let_in(request), request.headers.get("idempotency-key", "")[:120]
    if key in here.answered:
        return here.answered[key]
    wanted = msgspec.json.decode(await request.body(), type=Hold)
    order = await room.ask(orders.by_number, wanted.number)
    if order is None or order.mail != wanted.customer.lower():
        raise NotFound("The warehouse knows no such parcel.")
    if order.status not in ("placed", "packed", "in transit"):
        raise Refused("That parcel cannot be held any more.")
    name = f"H{order.number}-{len(here.held) + 1}"
    here.held[name] = wanted
    if len(here.held) > MOST:
        here.held.popitem(last=False)
    return here.remember(key, {"hold": name, "depot": DEPOT})


@post("/shop/warehouse/holds/{name:str}/end", opt=OPEN, include_in_schema=False)
async def let_go(request: Asked, name: FromPath[str]) -> dict[str, Any]:
    """Send it on its way again."""
    here, key = _let_in(request), request.headers.get("idempotency-key", "")[:120]
    if key in here.answered:
        return here.answered[key]
    held = here.held.get(name)
    said = msgspec.json.decode(await request.body())
    if held is None or held.customer.lower() != str(said.get("customer", "")).lower():
        raise NotFound("The warehouse holds no such parcel.")
    del here.held[name]
    return here.remember(key, {"number": held.number})


def routes() -> list[ControllerRouterHandler]:
    return [parcel, hold, let_go]
