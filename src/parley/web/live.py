"""The live stream of the desk, and what pages tell about their agents: looking, writing, being there."""

from collections.abc import AsyncIterator
from typing import Any, Literal

import msgspec
from litestar import Request, get, post, put
from litestar.params import FromPath, FromQuery
from litestar.response import Stream
from litestar.types import ControllerRouterHandler

from parley.services import inbox, routing, setup
from parley.services.inbox import Viewer
from parley.web.forms import read_form
from parley.web.security import ACT, Caller, session_secret
from parley.web.state import Room

BEAT_SECONDS = 15.0


@get("/desk/live", include_in_schema=False)
async def live(
    request: Request[Any, Any, Any], room: Room, caller: Caller, after: FromQuery[int | None] = None
) -> Stream:
    """Server-sent events from the log's place `after`, or from Last-Event-ID when the browser reconnects."""
    last = request.headers.get("last-event-id", "")
    place = int(last) if last.isdigit() else after
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return Stream(_told(request, room, caller, place), media_type="text/event-stream", headers=headers)


async def _told(request: Request[Any, Any, Any], room: Room, caller: Caller, place: int | None) -> AsyncIterator[bytes]:
    """The stream, for as long as the session holds with the same rights."""
    secret = session_secret(request.scope, room.door.cookie)
    async for piece in room.hub.stream(caller.viewer, place, BEAT_SECONDS):
        if not await room.door.still(caller, secret, room.ask):
            return
        yield piece


class Looking(msgspec.Struct):
    """doing: what the agent does on the conversation; `away` when they left it."""

    doing: Literal["viewing", "writing", "noting", "away"] = "viewing"


@post("/desk/conversations/{number:int}/presence", status_code=204, include_in_schema=False)
async def look(request: Request[Any, Any, Any], room: Room, caller: Caller, who: Viewer, number: FromPath[int]) -> None:
    """Others on the conversation see it; a page says it every 20 s, and every 4 s while keys are pressed."""
    looking = await read_form(request, Looking)
    room.hub.looks(caller.agent, await room.ask(inbox.state, number, who), looking.doing)


class Presence(msgspec.Struct):
    """calls: "on" or "off", whether calls ring at this agent's desk."""

    presence: Literal["online", "away", "offline", ""] = ""
    calls: Literal["on", "off", ""] = ""


@put("/desk/presence", status_code=204, opt=ACT, include_in_schema=False)
async def be_there(request: Request[Any, Any, Any], room: Room, caller: Caller) -> None:
    """Online: gets work. Away: keeps their own, gets none. Offline: waiting work goes to others."""
    wanted = await read_form(request, Presence)
    if wanted.presence:
        await room.do(routing.set_presence, caller.agent.id, wanted.presence)
    if wanted.calls:
        await room.do(setup.change_agent, caller.agent.id, takes_calls=wanted.calls == "on")
    room.door.refresh(caller.agent.id)


def routes() -> list[ControllerRouterHandler]:
    return [live, look, be_there]
