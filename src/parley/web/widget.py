"""The chat on a company's website: the launcher's script, the panel's page, its line and its files.

Handlers know nothing of frames; the reception of the live channel does. The panel runs in a frame
of the desk's own origin: a socket from another origin is refused, and only the websites named in
the inbox's settings may show the frame.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Annotated, Any, Protocol
from urllib.parse import unquote, urlsplit

import jinja2
import msgspec
from litestar import MediaType, Request, Response, Router, WebSocket, get, post, websocket
from litestar.connection import ASGIConnection
from litestar.exceptions import WebSocketDisconnect
from litestar.params import FromPath, FromQuery, HeaderParameter
from litestar.types import ControllerRouterHandler
from markupsafe import Markup

from parley.core.channel import Attached
from parley.core.errors import Busy, NotFound, ParleyError
from parley.web.security import SPEAKING
from parley.web.templating import DIST, HERE, Assets
from parley.web.turnstile import Turnstile

WORDS = HERE / "templates" / "widget" / "words"
RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")
BODY_LIMIT = 11 * 1024 * 1024
THEMES = ("auto", "light", "dark")


class OpenLine(Protocol):
    """One browser's line to the desk."""

    async def run(
        self, receive: Callable[[], Awaitable[bytes | str]], send: Callable[[bytes], Awaitable[None]]
    ) -> None: ...


class Reception(Protocol):
    """What receives visitors; app.py puts it into the app's state."""

    def origins(self, key: FromPath[str]) -> tuple[str, ...]: ...

    def setup(self, key: str, words: Mapping[str, str]) -> bytes: ...

    def line(self, key: FromPath[str]) -> OpenLine: ...

    async def poll(self, key: str, body: bytes) -> bytes: ...

    async def upload(self, key: str, token: str, name: str, data: bytes) -> bytes: ...

    async def open(self, key: str, token: str, ref: str) -> Attached: ...


@get("/widget.js", include_in_schema=False, media_type="text/javascript", sync_to_thread=True, opt={"access": "public"})
def launcher(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The script a website loads. Its address never changes, so it is kept for minutes only."""
    assets: Assets = request.app.state.assets
    file = assets["widget-launcher"].file
    if request.headers.get("if-none-match") == f'"{file}"':
        return Response(b"", status_code=304, headers=_launcher_headers(file))
    script = (DIST / file).read_bytes()
    return Response(script, media_type="text/javascript", headers=_launcher_headers(file))


def _launcher_headers(file: str) -> dict[str, str]:
    return {
        "cache-control": "public, max-age=300, stale-while-revalidate=86400",
        "etag": f'"{file}"',
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
    }


@get("/panel", sync_to_thread=True)
def panel(
    request: Request[Any, Any, Any], key: FromPath[str], lang: FromQuery[str] = "en", theme: FromQuery[str] = "auto"
) -> Response[str]:
    """The page inside the frame."""
    reception: Reception = request.app.state.reception
    assets: Assets = request.app.state.assets
    page: jinja2.Environment = request.app.state.templates
    language = lang.lower()[:2] if lang[:2].isalpha() else "en"
    words = catalogue(language)
    setup = reception.setup(key, words)
    asset = assets["widget-panel"]
    html = page.get_template("widget/panel.html").render(
        language=lang if words or language == "en" else "en",
        direction="rtl" if words and language in RIGHT_TO_LEFT else "ltr",
        theme=theme if theme in THEMES else "auto",
        title=msgspec.json.decode(setup)["title"],
        setup=Markup(_for_page(setup)),
        styles=[assets.base + file for file in asset.css],
        script=assets.base + asset.file,
        no_script=words.get("This chat needs JavaScript.", "This chat needs JavaScript."),
    )
    headers = {
        "content-security-policy": _policy(reception.origins(key)),
        "permissions-policy": SPEAKING,
        "cache-control": "no-cache",
    }
    return Response(html, media_type=MediaType.HTML, headers=headers)


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """The panel's sentences in a language, by the English ones; empty where there is no such file."""
    file = WORDS / f"{language}.json"
    return msgspec.json.decode(file.read_bytes(), type=dict[str, str]) if file.is_file() else {}


def _for_page(data: bytes) -> str:
    """JSON that cannot end the script element it stands in."""
    return data.decode().replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _policy(origins: tuple[str, ...]) -> str:
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors 'self' {' '.join(origins)}".rstrip()
    )


# ── the line ────────────────────────────────────────────────────────────────────────────────


@websocket("/socket")
async def line(socket: WebSocket[Any, Any, Any], key: FromPath[str]) -> None:
    """A visitor's line. Refused for pages of other origins: the panel is always one of ours."""
    if not _same_origin(socket.headers.get("origin"), socket.headers.get("host", "")):
        await socket.close(code=4403, reason="This page may not open a chat.")
        return
    reception: Reception = socket.app.state.reception
    await socket.accept()
    address = _address(socket)

    async def receive() -> bytes | str:
        return await socket.receive_data(mode="text")

    async def send(data: bytes) -> None:
        await socket.send_data(data.decode(), mode="text")

    try:
        with turnstile.staying(address):
            await reception.line(key).run(receive, send)
    except* WebSocketDisconnect:
        pass
    except* ParleyError as group:
        await socket.close(code=4400, reason=str(group.exceptions[0])[:120])


@post("/poll", status_code=200, request_max_body_size=1024 * 1024)
async def poll(request: Request[Any, Any, Any], key: FromPath[str]) -> Response[bytes]:
    """The line for networks that block sockets."""
    reception: Reception = request.app.state.reception
    _check_origin(request)
    turnstile.enter("poll", _address(request))
    answer = await reception.poll(key, await request.body())
    return Response(answer, media_type=MediaType.JSON, headers={"cache-control": "no-store"})


turnstile = Turnstile()


def _address(asked: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Where the visitor comes from; behind a trusted proxy, what the proxy says."""
    room = getattr(asked.app.state, "room", None)
    return room.door.address(asked.scope) if room else (asked.client.host if asked.client else "")


def _check_origin(request: Request[Any, Any, Any]) -> None:
    if not _same_origin(request.headers.get("origin"), request.headers.get("host", "")):
        raise NotFound("This page may not open a chat.")


def _same_origin(origin: str | None, host: str) -> bool:
    """Browsers always name the origin of a socket or a POST; what names none is no browser."""
    return origin is None or urlsplit(origin).netloc == host


# ── files ───────────────────────────────────────────────────────────────────────────────────


@post("/files", status_code=201, request_max_body_size=BODY_LIMIT)
async def upload(
    request: Request[Any, Any, Any],
    key: FromPath[str],
    name: Annotated[str, HeaderParameter(name="x-file-name")] = "file",
) -> Response[bytes]:
    """Keeps a file until a turn names it."""
    reception: Reception = request.app.state.reception
    _check_origin(request)
    turnstile.enter("upload", _address(request))
    kept = await reception.upload(key, _bearer(request), unquote(name), await request.body())
    return Response(kept, media_type=MediaType.JSON, status_code=201)


@get("/files/{ref:str}")
async def open_file(request: Request[Any, Any, Any], key: FromPath[str], ref: FromPath[str]) -> Response[bytes]:
    """A file of a turn. Never shown by the browser itself: the panel turns pictures into pictures."""
    reception: Reception = request.app.state.reception
    file = await reception.open(key, _bearer(request), ref)
    headers = {
        "content-disposition": "attachment",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, no-store",
    }
    return Response(file.data, media_type=file.type, headers=headers)


def _bearer(request: Request[Any, Any, Any]) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


# ── put together ────────────────────────────────────────────────────────────────────────────


def _failed(request: Request[Any, Any, Any], error: ParleyError) -> Response[dict[str, str]]:
    status = 503 if isinstance(error, Busy) else 404 if isinstance(error, NotFound) else 422
    return Response({"detail": str(error)}, status_code=status)


def routes() -> list[ControllerRouterHandler]:
    """Needs in the app's state: `reception`, `assets`, `templates` (a Jinja environment)."""
    inner = Router(
        "/widget/{key:str}",
        route_handlers=[panel, line, poll, upload, open_file],
        include_in_schema=False,
        exception_handlers={ParleyError: _failed},
        opt={"access": "public", "exclude_from_csrf": True},
    )
    return [launcher, inner]
