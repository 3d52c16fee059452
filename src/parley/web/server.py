"""Puts the pages together: routes, the gate before them, static files, and how failures are told."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from litestar import Litestar, MediaType, Request, Response, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ControllerRouterHandler, ExceptionHandlersMap

from parley import __version__, web
from parley.core.errors import Busy, Conflict, NotAllowed, NotFound, NotProved, ParleyError, Refused
from parley.web import security, views
from parley.web.api_page import ReadablePage
from parley.web.security import Gate, SignInFirst
from parley.web.state import Room

logger = logging.getLogger("parley.web")

# Each has `routes()`, and may have `begin(room)`, called once before the first request.
PAGES = (
    "session",
    "desk",
    "pages",
    "settings_pages",
    "topics",
    "sorting",
    "sorting_settings",
    "incidents",
    "numbers",
    "monday",
    "reports",
    "forecast",
    "followups",
    "listening",
    "remarks",
    "gaps",
    "article_review",
    "lab",
    "lab_api",
    "journeys",
    "traffic",
    "wall",
    "procedure_editor",
    "procedure_settings",
    "connections",
    "assist",
    "model_settings",
    "measuring_settings",
    "cost_settings",
    "survey_settings",
    "promises",
    "consents",
    "template_replies",
    "tone",
    "secrets",
    "api",
    "api_templates",
    "widget",
    "help",
    "rating",
    "live",
    "calls",
    "passages",
    "files",
    "mail_frame",
    "health",
    "static_files",
    "shop",
    "shop_system",
    "shop_phone",
    "hooks",
)
ONLY_IN_DEMO = ("shop", "shop_system", "shop_phone")
BODY_LIMIT = 32 * 1024 * 1024

STATUS: dict[type[ParleyError], int] = {
    NotFound: 404,
    NotAllowed: 403,
    NotProved: 401,
    Conflict: 409,
    Refused: 422,
    Busy: 503,
}
TITLES = {
    400: "That could not be understood",
    401: "Sign in first",
    403: "That is not allowed",
    404: "Nothing is here",
    405: "That is not possible here",
    409: "Somebody was faster",
    413: "That is too large",
    422: "That did not work",
    429: "Too many tries",
    500: "Something broke",
    503: "Not just now",
}


def make_app(room: Room, beside: Sequence[Callable[[Litestar], AbstractAsyncContextManager[None]]] = ()) -> Litestar:
    """The web server's application, for one desk. beside: what lives exactly as long as the server."""
    app = Litestar(
        route_handlers=_routes(room),
        middleware=[Gate()],
        dependencies={
            "room": Provide(lambda: room, sync_to_thread=False),
            "caller": Provide(security.the_caller, sync_to_thread=False),
            "who": Provide(security.the_viewer, sync_to_thread=False),
        },
        before_send=[security.protect],
        exception_handlers=_failures(),
        lifespan=[lambda app: _open(room), *beside],
        openapi_config=_described(),
        request_max_body_size=BODY_LIMIT,
        signature_types=[Room],
        debug=False,
        logging_config=None,
    )
    app.state.room = room
    app.state.reception, app.state.assets, app.state.templates = room.reception, room.assets, room.templates
    return app


def _described() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Parley",
        version=__version__,
        render_plugins=[ReadablePage(), JsonRenderPlugin(path="/openapi.json")],
        openapi_router=Router("/api", route_handlers=[], opt=security.PUBLIC, include_in_schema=False),
    )


def _routes(room: Room) -> list[ControllerRouterHandler]:
    present = {module.name for module in iter_modules(web.__path__)}
    handlers: list[ControllerRouterHandler] = []
    for name in PAGES:
        if name in present and (room.demo or name not in ONLY_IN_DEMO):
            page: Any = import_module(f"parley.web.{name}")
            if hasattr(page, "begin"):
                page.begin(room)
            handlers += page.routes()
    return handlers


@asynccontextmanager
async def _open(room: Room) -> AsyncIterator[None]:
    room.door.when_forgotten.append(room.hub.close_those_of)
    room.visitors.open()
    room.reports.open()
    await room.hub.open()
    await room.switchboard.open()
    try:
        yield
    finally:
        await room.switchboard.close()
        await room.hub.close()
        await asyncio.to_thread(room.reports.close)
        room.visitors.close()


# ── failures ────────────────────────────────────────────────────────────────────────────────


def _failures() -> ExceptionHandlersMap:
    return {
        SignInFirst: _sign_in_first,
        ParleyError: _refused,
        HTTPException: _http_failure,
        Exception: _broken,
    }


def _sign_in_first(request: Request[Any, Any, Any], error: SignInFirst) -> Response[Any]:
    if _wants_words(request):
        return told(request, 401, "Nobody is signed in here, or the session has ended. Sign in first.")
    where = security.sign_in_address(request.scope)
    return Response(b"", status_code=303, headers={"location": where}, media_type=MediaType.TEXT)


def _refused(request: Request[Any, Any, Any], error: ParleyError) -> Response[Any]:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 422)
    return told(request, status, str(error), {"retry-after": "5"} if status == 503 else None)


def _http_failure(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """The framework's own refusals: no such route, a wrong method, a body that cannot be read."""
    texts = {
        404: "There is no such page. It may have been moved, or the address has a slip in it.",
        405: "This address does not take that kind of request.",
    }
    detail = error.detail if error.status_code in (400, 413, 422, 429) else ""
    text = texts.get(error.status_code) or detail or "The request was refused."
    return told(request, error.status_code, text, dict(error.headers or {}))


def _broken(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    logger.error("%s %s broke", request.method, request.url.path, exc_info=error)
    return told(request, 500, "This is our mistake, and it was noted. Nothing you sent before was lost; try again.")


def told(
    request: Request[Any, Any, Any], status: int, text: str, headers: dict[str, str] | None = None
) -> Response[Any]:
    """A failure in words: as JSON for scripts and API clients, as a page for people."""
    if _wants_words(request):
        return Response({"detail": text}, status_code=status, headers=headers, media_type=MediaType.JSON)
    room: Room = request.app.state.room
    href, link = ("/help", "To the help pages") if request.url.path.startswith("/help") else ("/desk", "To the desk")
    title = TITLES.get(status, "That did not work")
    trouble = views.Trouble(code=status, title=title, text=text, href=href, link=link)
    page = room.page("error.html", trouble=trouble, public=None)
    return Response(page, status_code=status, headers=headers, media_type=MediaType.HTML)


def _wants_words(request: Request[Any, Any, Any]) -> bool:
    """Whether a script asks: an API client, or the desk's own page for a piece of itself."""
    accept = request.headers.get("accept", "")
    return (
        request.url.path.startswith(("/api/", "/desk/live", "/hooks/"))
        or "x-fragment" in request.headers
        or ("json" in accept and "html" not in accept)
        or "text/event-stream" in accept
    )
