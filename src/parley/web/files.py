"""Files of messages, for agents who may see the conversation. Nothing in them runs here."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from litestar import Request, Response, get
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core.errors import Refused
from parley.log.record import Tx
from parley.services import access, file_links, files, inbox
from parley.services.inbox import Viewer
from parley.web.security import PUBLIC
from parley.web.state import Room

FETCHES_PER_HOUR = 120

# Pictures that browsers draw and never run, told by their first bytes and not by what the sender claims.
_MAGIC = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF87a", "image/gif"),
          (b"GIF89a", "image/gif"))  # fmt: skip


_SOUNDS = ((b"RIFF", "audio/wav"), (b"ID3", "audio/mpeg"), (b"\xff\xfb", "audio/mpeg"), (b"\xff\xf3", "audio/mpeg"))


def sound_type(data: bytes) -> str | None:
    """The type of a sound that can be played; None for everything else."""
    if data[:4] == b"RIFF" and data[8:12] != b"WAVE":
        return None
    return next((kind for magic, kind in _SOUNDS if data.startswith(magic)), None)


def picture_type(data: bytes) -> str | None:
    """The type of a raster picture that is safe to show; None for everything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)


@get("/files/{message:int}/{number:int}", include_in_schema=False)
async def open_file(room: Room, who: Viewer, message: FromPath[int], number: FromPath[int]) -> Response[bytes]:
    name, data = await room.ask(_file, room.store, who, message, number)
    picture = picture_type(data)
    place = "inline" if picture else "attachment"
    headers = {
        "content-disposition": f"{place}; filename*=UTF-8''{quote(name, safe='')}",
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, max-age=3600",
    }
    kind = picture or sound_type(data) or "application/octet-stream"
    return Response(data, media_type=kind, headers=headers)


def _file(conn: Connection, store: files.Store, who: Viewer, message: int, number: int) -> tuple[str, bytes]:
    row = files.find(conn, message, number)
    inbox.state(conn, row.conversation, who)
    return row.name, store.get(row.sha256)


@get("/file/{token:str}", opt=PUBLIC, include_in_schema=False)
async def linked_file(request: Request[Any, Any, Any], room: Room, token: FromPath[str]) -> Response[bytes]:
    """A file that went to a customer as a link: always saved, never shown here."""
    address = room.door.address(request.scope)
    await room.do(_may_fetch, address)
    name, data = await room.ask(file_links.fetch, room.store, room.key, token, room.record.clock())
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, no-store",
        "x-robots-tag": "noindex",
    }
    return Response(data, media_type="application/octet-stream", headers=headers)


def _may_fetch(tx: Tx, address: str) -> None:
    if not access.allowed(tx, f"file:{address}", FETCHES_PER_HOUR, timedelta(hours=1)):
        raise Refused("Too much was fetched from where you are. Try again in an hour.")


def routes() -> list[ControllerRouterHandler]:
    return [open_file, linked_file]
