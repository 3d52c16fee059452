"""Showing what was hidden in a message: a code or link with which somebody signs in. Each look is noted."""

import asyncio
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core import events as e
from parley.core import signin
from parley.core.channel import Delivery, InboundMessage
from parley.core.errors import NotAllowed, NotFound, ParleyError, Unreadable
from parley.log.record import Tx
from parley.services import inbox, messages
from parley.services.inbox import Viewer
from parley.web import present
from parley.web.desk import Answer, html
from parley.web.security import ACT, Caller
from parley.web.state import Room

GONE = "The bytes in which it stood are not kept any more."


@get("/desk/conversations/{number:int}/messages/{message:int}/secrets", opt=ACT, include_in_schema=False)
async def ask_for_secrets(room: Room, caller: Caller, number: FromPath[int], message: FromPath[int]) -> Answer:
    shell, _ = await room.ask(_looked_up, room, caller, number, message)
    return html(room.page("desk/secrets.html", shell=shell, found=None, number=number, message=message))


@post("/desk/conversations/{number:int}/messages/{message:int}/secrets", opt=ACT, include_in_schema=False)
async def show_secrets(room: Room, caller: Caller, number: FromPath[int], message: FromPath[int]) -> Answer:
    shell, delivery = await room.ask(_looked_up, room, caller, number, message)
    found = await asyncio.to_thread(_read_again, room, delivery)
    await room.do(_note, number, caller.viewer, message)
    return html(room.page("desk/secrets.html", shell=shell, found=found, number=number, message=message))


def _looked_up(conn: Connection, room: Room, caller: Caller, number: int, message: int) -> tuple[Any, Delivery]:
    state = inbox.state(conn, number, caller.viewer)
    for recorded in inbox.history(conn, state.id):
        event = recorded.event
        if isinstance(event, e.MessageReceived) and event.message == message and event.delivery is not None:
            box, raw = messages.raw_delivery(conn, room.store, event.delivery)
            delivery = Delivery(id=event.delivery, inbox=box, provider_id="", received_at=recorded.at, raw=raw)
            return present.shell(conn, caller.agent, caller.csrf, "inbox"), delivery
    raise NotFound(GONE)


def _read_again(room: Room, delivery: Delivery) -> signin.Secrets:
    box = room.inboxes().get(delivery.inbox)
    if box is None:
        raise NotFound(GONE)
    try:
        said = room.channels[box.channel].read(delivery, box)
    except (Unreadable, ParleyError) as error:
        raise NotFound(GONE) from error
    found = [signin.secrets_in(m.subject or "", m.text) for m in said if isinstance(m, InboundMessage)]
    return next((one for one in found if one), signin.Secrets())


def _note(tx: Tx, number: int, who: Viewer, message: int) -> None:
    inbox.state(tx.conn, number, who)
    if not who.may_act:
        raise NotAllowed("Your role may read here, not act.")
    tx.append(e.conversation(number), [e.SecretShown(message=message)], who.by)


def routes() -> list[ControllerRouterHandler]:
    return [ask_for_secrets, show_secrets]
