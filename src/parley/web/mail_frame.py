"""A mail in its own layout, inside a frame that runs nothing and calls nobody.

The frame has an origin of its own, so it brings no cookie along: pictures inside the mail are put into
the page, pictures elsewhere come through our proxy under a signed address, and only when asked for.
"""

import asyncio
import base64
import hmac
import re
from hashlib import sha256
from html import escape, unescape
from typing import Any
from urllib.parse import quote

from litestar import MediaType, Request, Response, get
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection, select

from parley.core.errors import NotFound
from parley.log.tables import to_micros
from parley.services import files, messages
from parley.services.inbox import Viewer
from parley.web import link_hosts
from parley.web.files import picture_type
from parley.web.outside import fetch_picture
from parley.web.security import PUBLIC
from parley.web.state import Room

PICTURES_AT_MOST = 6_000_000  # bytes of pictures put into one page
SIGNED_SECONDS = 6 * 3600
_INNER = re.compile(r"""(<img\b[^>]*?\s)src=(["'])cid:([^"']*)\2""", re.I)
_OUTER = re.compile(r"""(<img\b[^>]*?\s)data-remote-src=(["'])(https?://[^"']*)\2""", re.I)


@get("/desk/messages/{number:int}/html", include_in_schema=False)
async def mail_frame(
    request: Request[Any, Any, Any], room: Room, who: Viewer, number: FromPath[int], images: FromQuery[bool] = False
) -> Response[str]:
    html = link_hosts.shown(await room.ask(_html, room.store, who, number))
    if images:
        html = _OUTER.sub(lambda found: f'{found[1]}src="{_signed(room, unescape(found[3]))}"', html)
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    headers = {
        "content-security-policy": (
            f"default-src 'none'; img-src data: {own}/pictures/ {room.url}/pictures/; style-src 'unsafe-inline';"
            " base-uri 'none'; form-action 'none'; frame-ancestors 'self';"
            " sandbox allow-popups allow-popups-to-escape-sandbox"
        ),
        "cache-control": "private, max-age=600",
        "referrer-policy": "no-referrer",
    }
    return Response(PAGE.format(html=html), media_type=MediaType.HTML, headers=headers)


PAGE = (
    '<!doctype html><html lang="und"><head><meta charset="utf-8"><title>Mail</title><base target="_blank"><style>'
    "body{{margin:0;padding:8px;font:14px/1.5 system-ui,sans-serif;color:#1d1d24;background:#fff;"
    "overflow-wrap:anywhere}}"
    "img{{max-width:100%;height:auto}}table{{max-width:100%}}blockquote{{margin:0 0 0 8px;padding-left:8px;"
    "border-left:2px solid #ccc}}"
    ".leads-to{{margin-left:4px;padding:0 5px;border:1px solid #b45309;border-radius:4px;white-space:nowrap;"
    "color:#92400e;background:#fffbeb;font:12px/1.4 system-ui,sans-serif}}.leads-to::before{{content:'→ '}}"
    "</style></head><body>{html}</body></html>"
)


def _html(conn: Connection, store: files.Store, who: Viewer, message: int) -> str:
    words = messages.words(conn, message, who)
    if not words.html:
        raise NotFound("This message has no layout of its own.")
    inner = _inner_pictures(conn, store, message) if "cid:" in words.html else {}
    return _INNER.sub(lambda found: f'{found[1]}src="{inner.get(unescape(found[3]), "")}"', words.html)


def _inner_pictures(conn: Connection, store: files.Store, message: int) -> dict[str, str]:
    """Pictures that came with the mail, by their content id, as data addresses."""
    question = select(files.files).where(files.files.c.message == message, files.files.c.cid.is_not(None))
    found: dict[str, str] = {}
    left = PICTURES_AT_MOST
    for row in conn.execute(question):
        if row.size > left:
            continue
        data = store.get(row.sha256)
        if kind := picture_type(data):
            left -= len(data)
            found[row.cid.strip("<>")] = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return found


# ── pictures from elsewhere ─────────────────────────────────────────────────────────────────


def _signed(room: Room, url: str) -> str:
    until = to_micros(room.record.clock()) // 1_000_000 + SIGNED_SECONDS
    until -= until % 3600  # the same address for an hour, so that browsers keep the picture
    return escape(f"{room.url}/pictures/{_mac(room, url, until)}?until={until}&url={quote(url, safe='')}")


def _mac(room: Room, url: str, until: int) -> str:
    return hmac.new(room.key, f"picture:{until}:{url}".encode(), sha256).hexdigest()


@get("/pictures/{mac:str}", opt=PUBLIC, include_in_schema=False)
async def picture(room: Room, mac: FromPath[str], until: FromQuery[int], url: FromQuery[str]) -> Response[bytes]:
    """A picture from elsewhere, fetched by the desk so that its sender learns nothing of the reader."""
    fresh = until > to_micros(room.record.clock()) // 1_000_000
    if not fresh or not hmac.compare_digest(mac.encode(), _mac(room, url, until).encode()):
        raise NotFound("This picture's address is too old. Load the mail again.")
    async with room.fetching:
        data, kind = await asyncio.to_thread(fetch_picture, url)
    headers = {
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, max-age=86400",
        "cross-origin-resource-policy": "cross-origin",
    }
    return Response(data, media_type=kind, headers=headers)


def routes() -> list[ControllerRouterHandler]:
    return [mail_frame, picture]
