"""Calls between an agent's browser and a customer's: taking one, beginning one, what the browsers tell each other."""

import asyncio
import secrets
from typing import Any

import msgspec
from litestar import Request, delete, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core.channel import Inbox
from parley.core.errors import Refused, SendFailed
from parley.log.record import Tx
from parley.services import inbox, people, replies, voice
from parley.services.inbox import Viewer
from parley.web import views
from parley.web.forms import read_form
from parley.web.security import ACT, Caller
from parley.web.state import Room
from parley.web.switchboard import told_of

AWAY = "Their chat is not open now, so it cannot ring there. Write, or send them a link."


@post("/desk/conversations/{number:int}/calls", status_code=200, opt=ACT, include_in_schema=False)
async def call(room: Room, caller: Caller, number: FromPath[int]) -> views.CallChange:
    """Let it ring in the customer's chat."""
    at, visitor = await asyncio.to_thread(room.record.ask, _reach, room, number, caller.viewer)
    made = secrets.token_urlsafe(15)

    def act(tx: Tx) -> voice.Call:
        room.switchboard.exchange.call_out(tx, at, visitor.value, made, caller.agent)
        return voice.call_for(tx.conn, made, caller.viewer)

    return told_of(await room.do(act), room.switchboard.ice)


def _reach(conn: Connection, room: Room, number: int, who: Viewer) -> tuple[Inbox, people.Identity]:
    """Where the customer can be called this moment."""
    state = inbox.state(conn, number, who)
    for way in replies.ways(conn, state, list(room.inboxes().values()), room.channels, room.visitors):
        if way.identity and voice.offered(way.inbox, room.channels) and room.visitors.here(way.identity):
            return way.inbox, way.identity
    raise Refused(AWAY)


@post("/desk/calls/{call:str}/acceptance", status_code=200, opt=ACT, include_in_schema=False)
async def accept(room: Room, caller: Caller, call: FromPath[str]) -> views.CallChange:
    """Take a call that rings; whoever is first has it. For a caller on the telephone, the agent's own phone rings."""
    exchange = room.switchboard.exchange
    taken = await room.do(exchange.accept, call, caller.agent, caller.viewer)
    if exchange.is_phone(taken):
        await _put_through(room, taken, caller)
        return told_of(taken, phone=True)
    return told_of(taken, room.switchboard.ice)


async def _put_through(room: Room, taken: voice.Call, caller: Caller) -> None:
    """Says what is the matter where the provider will not, and lets it ring on."""
    try:
        await room.switchboard.exchange.put_through(taken, caller.agent)
    except (SendFailed, Refused) as failure:
        await room.do(room.switchboard.exchange.give_back, taken)
        raise Refused(str(failure)) from failure


@post("/desk/calls/{call:str}/refusal", status_code=204, opt=ACT, include_in_schema=False)
async def refuse(room: Room, caller: Caller, call: FromPath[str]) -> None:
    """It rings on for the others."""
    await room.do(room.switchboard.exchange.decline, call, caller.agent.id, caller.viewer)


@post("/desk/calls/{call:str}/connection", status_code=204, opt=ACT, include_in_schema=False)
async def connected(room: Room, caller: Caller, call: FromPath[str]) -> None:
    """The browsers have found each other."""
    await room.do(room.switchboard.exchange.connected, call, caller.viewer)


@post("/desk/calls/{call:str}/presence", status_code=204, opt=ACT, include_in_schema=False)
async def goes_on(room: Room, caller: Caller, call: FromPath[str]) -> None:
    """A sign of life, every 20 s."""
    await room.do(room.switchboard.exchange.goes_on, call, caller.viewer)


class Told(msgspec.Struct):
    data: str = ""


@post("/desk/calls/{call:str}/signals", status_code=204, opt=ACT, include_in_schema=False)
async def signal(request: Request[Any, Any, Any], room: Room, caller: Caller, call: FromPath[str]) -> None:
    """What this browser tells the customer's."""
    form = await read_form(request, Told)
    await room.do(room.switchboard.exchange.to_visitor, call, caller.viewer, form.data)


@delete("/desk/calls/{call:str}", status_code=204, opt=ACT, include_in_schema=False)
async def hang_up(room: Room, caller: Caller, call: FromPath[str]) -> None:
    await room.do(room.switchboard.exchange.hang_up, call, caller.viewer)


def routes() -> list[ControllerRouterHandler]:
    return [call, accept, refuse, connected, goes_on, signal, hang_up]
