"""Sending a platform's template where nothing else may be sent any more."""

from typing import Any

import msgspec
from litestar import Request, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from parley.core.errors import Refused
from parley.log.record import Tx
from parley.services import templates
from parley.web.desk import Answer, changed
from parley.web.forms import read_form
from parley.web.security import ACT, Caller
from parley.web.state import Room


class Chosen(msgspec.Struct):
    """via: identity and inbox. template: its name and language. values: one for each place, in order."""

    via: str = ""
    template: str = ""
    value: list[str] = []
    client_id: str = ""


@post("/desk/conversations/{number:int}/templates", status_code=200, opt=ACT, include_in_schema=False)
async def send(request: Request[Any, Any, Any], room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    form = await read_form(request, Chosen)
    identity, _, box = form.via.partition(":")

    def act(tx: Tx) -> None:
        if not (identity.isdigit() and box.isdigit()):
            raise Refused("Choose a template.")
        templates.send(
            tx, number, caller.viewer, (int(identity), int(box)), form.template, form.value, room.inboxes(),
            room.channels, form.client_id or None,
        )  # fmt: skip

    return await changed(request, room, caller, number, act)


def routes() -> list[ControllerRouterHandler]:
    return [send]
