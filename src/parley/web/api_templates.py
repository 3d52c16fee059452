"""A platform's templates in the JSON API: what a customer can be sent where nothing else may go, and sending it."""

import asyncio

import msgspec
from litestar import Router, get, post
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from parley.log.record import Tx
from parley.services import templates
from parley.services.inbox import Viewer
from parley.web.api import Written
from parley.web.security import ACT
from parley.web.state import Room


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A template and where it can go. key: its name and language. text: as people see it, with places such as `{{1}}`.

    offers: it advertises, so that it goes only to people who want offers. stopped: why the platform does not let it go
    now; empty where it does. needed: nothing but a template may go there any more.
    """

    inbox: int
    identity: int
    key: str
    name: str
    language: str
    text: str
    places: tuple[str, ...]
    offers: bool
    costs: str
    stopped: str
    needed: bool


class NewTemplate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """values: one for each place, in their order. client_id: of your making; the same again sends nothing more."""

    inbox: int
    identity: int
    key: str
    values: tuple[str, ...] = ()
    client_id: str | None = None


@get("/conversations/{number:int}/templates", tags=["conversations"])
async def list_templates(room: Room, who: Viewer, number: FromPath[int]) -> list[Template]:
    """What platforms hold for this conversation's customer: to be sent when the time for other words is over."""
    inboxes = await asyncio.to_thread(room.inboxes)
    found = await room.ask(templates.offered, number, who, inboxes, room.channels, room.record.clock())
    return [_template(one) for one in found]


def _template(one: templates.Offered) -> Template:
    held = one.template
    return Template(
        inbox=one.inbox.id, identity=one.identity.id, key=held.key, name=held.name, language=held.language,
        text=held.text, places=held.places, offers=held.offers, costs=held.costs, stopped=held.stopped,
        needed=not one.open,
    )  # fmt: skip


@post("/conversations/{number:int}/templates", opt=ACT, tags=["conversations"])
async def send_template(room: Room, who: Viewer, number: FromPath[int], data: JSONBody[NewTemplate]) -> Written:
    """Send a template, filled. What became of it shows in the events, as for any answer."""
    inboxes = await asyncio.to_thread(room.inboxes)

    def act(tx: Tx) -> Written:
        message = templates.send(
            tx, number, who, (data.identity, data.inbox), data.key, data.values, inboxes, room.channels, data.client_id
        )
        return Written(message=message, conversation=number, seq=tx.head())

    return await room.do(act)


def routes() -> list[ControllerRouterHandler]:
    return [Router("/api/v1", route_handlers=[list_templates, send_template], opt={"api": True})]
