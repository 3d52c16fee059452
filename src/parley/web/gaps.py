"""What is missing in the knowledge base: questions that nobody wrote an answer to, in the customers' words."""

from litestar import Response, get
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.services import gaps, setup
from parley.services.gaps import Overview
from parley.services.inbox import Viewer
from parley.web import present, views
from parley.web.desk import html
from parley.web.security import LEAD, Caller
from parley.web.state import Room


@get("/desk/knowledge/gaps", opt=LEAD, include_in_schema=False)
async def gaps_page(room: Room, caller: Caller) -> Response[str]:
    shell, found, brands = await room.ask(_page, caller)
    return html(room.page("desk/gaps.html", shell=shell, page=found, brands=brands))


@get("/api/v1/knowledge/gaps", opt={"api": True, **LEAD}, tags=["knowledge"])
async def gaps_json(room: Room, who: Viewer) -> Overview:
    """Questions of the last eight weeks that the bot handed over unsure, grouped, beside the nearest article."""
    return await room.ask(gaps.overview, who)


def routes() -> list[ControllerRouterHandler]:
    return [gaps_page, gaps_json]


def _page(conn: Connection, caller: Caller) -> tuple[views.Shell, Overview, dict[int, str]]:
    brands = {brand.id: brand.name for brand in setup.all_brands(conn).values()}
    shell = present.shell(conn, caller.agent, caller.csrf, "knowledge")
    return shell, gaps.overview(conn, caller.viewer), brands
