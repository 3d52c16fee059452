"""What is missing in the knowledge base: questions that nobody wrote an answer to, in the customers' words."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.services import drafting, gaps, knowledge, setup
from parley.services.gaps import Overview
from parley.services.inbox import Viewer
from parley.web import present, views
from parley.web.desk import Answer, html, seen_other
from parley.web.forms import read_form
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


# ── drafts ──────────────────────────────────────────────────────────────────────────────────


class Wanted(msgspec.Struct):
    """A question of the gap, by the number of its message."""

    question: int = 0


@post("/desk/knowledge/drafts", opt=LEAD, include_in_schema=False)
async def draft_article(request: Request[Any, Any, Any], room: Room, caller: Caller) -> Answer:
    form = await read_form(request, Wanted)
    return seen_other(f"/desk/knowledge/{await _drafted(room, caller.viewer, form.question)}/edit")


@post("/api/v1/knowledge/drafts", opt={"api": True, **LEAD}, tags=["knowledge"])
async def draft_article_json(room: Room, who: Viewer, data: JSONBody[Wanted]) -> knowledge.Article:
    """Draft an article from a gap, named by one of its questions. It stays a draft until somebody publishes it."""
    return await room.ask(knowledge.by_id, await _drafted(room, who, data.question))


async def _drafted(room: Room, who: Viewer, question: int) -> int:
    found = await room.ask(drafting.material, question, who)
    draft = await asyncio.to_thread(drafting.compose, found, room.bot.model)
    return await room.do(lambda tx: drafting.keep(tx, draft, who))


def routes() -> list[ControllerRouterHandler]:
    return [gaps_page, gaps_json, draft_article, draft_article_json]


def _page(conn: Connection, caller: Caller) -> tuple[views.Shell, Overview, dict[int, str]]:
    brands = {brand.id: brand.name for brand in setup.all_brands(conn).values()}
    shell = present.shell(conn, caller.agent, caller.csrf, "knowledge")
    return shell, gaps.overview(conn, caller.viewer), brands
