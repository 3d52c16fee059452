"""Where platforms post what happened: proved by their channel, stored, then acknowledged.

The channel of the inbox checks the proof and takes the batch apart; this door knows no platform.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from parley.core.channel import PuttingThrough
from parley.core.errors import NotFound
from parley.core.webhook import Answered, Call, Handshake, Webhook
from parley.services import voice
from parley.web.state import Room

# Some platforms give up for ever at 413: more than any of them sends (a mail of 35 MB as base64 inside JSON).
HOOK_BYTES = 64 * 1024 * 1024
OPT = {"access": "public", "exclude_from_csrf": True}


@get(["/hooks/{number:int}", "/hooks/{number:int}/{rest:path}"], include_in_schema=False, opt=OPT)
async def ask(
    request: Request[Any, Any, Any], room: Room, number: FromPath[int], rest: FromPath[str] = ""
) -> Response[bytes]:
    """A platform asks whether this address is ours."""
    return await _take(request, room, number, rest)


@post(
    ["/hooks/{number:int}", "/hooks/{number:int}/{rest:path}"],
    include_in_schema=False,
    opt=OPT,
    status_code=200,
    request_max_body_size=HOOK_BYTES,
)
async def hand_over(
    request: Request[Any, Any, Any], room: Room, number: FromPath[int], rest: FromPath[str] = ""
) -> Response[bytes]:
    """A platform hands over a batch. 200 says that all of it is on disk."""
    return await _take(request, room, number, rest)


async def _take(request: Request[Any, Any, Any], room: Room, number: int, rest: str) -> Response[bytes]:
    inbox = (await asyncio.to_thread(room.inboxes)).get(number)
    channel = room.channels[inbox.channel] if inbox else None
    if inbox is None or not isinstance(channel, Webhook):
        raise NotFound("No platform is expected at this address.")
    call = await _call(request, room, rest)
    if isinstance(channel, PuttingThrough):
        line = await asyncio.to_thread(
            room.record.ask, voice.line, inbox, channel.caller(call.body), room.record.clock()
        )
        call = msgspec.structs.replace(call, line=line)
    taken = channel.webhook(call, inbox)
    found = await taken if isinstance(taken, Awaitable) else taken
    if isinstance(found, Handshake):
        return Response(found.body, media_type=found.type)
    kept = found.kept if isinstance(found, Answered) else found
    await asyncio.gather(*(room.intake.take_async(number, one.provider_id, one.raw) for one in kept))
    if isinstance(found, Answered):
        return Response(found.body, media_type=found.type)
    return Response(b"", media_type=MediaType.TEXT)


async def _call(request: Request[Any, Any, Any], room: Room, rest: str) -> Call:
    query = request.url.query
    return Call(
        method=request.method,
        url=room.url.rstrip("/") + request.url.path + (f"?{query}" if query else ""),
        at=room.record.clock().timestamp(),
        rest=rest.strip("/"),
        query={name: str(value) for name, value in request.query_params.items()},
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.body(),
    )


def routes() -> list[ControllerRouterHandler]:
    return [ask, hand_over]
