"""Files of messages, for agents who may see the conversation. Nothing in them runs here."""

from urllib.parse import quote

from litestar import Response, get
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.services import files, inbox
from parley.services.inbox import Viewer
from parley.web.state import Room

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


def routes() -> list[ControllerRouterHandler]:
    return [open_file]
