"""Beside the open conversation: a drafted answer with its source, prepared answers, similar ones that were solved."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core import stats
from parley.log.record import Tx
from parley.services import assist, replies, wording
from parley.services.inbox import Viewer
from parley.web import views
from parley.web.desk import Answer, changed, html
from parley.web.forms import read_form
from parley.web.security import ACT, Caller
from parley.web.state import Room
from parley.web.words import translate as t

Asked = Request[Any, Any, Any]
OUTCOMES = ("accepted", "edited", "rejected")


@get("/desk/conversations/{number:int}/assistance", include_in_schema=False)
async def assistance(room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    """A piece of the page, fetched when the conversation is open, so that nobody waits for it."""
    offered = await asyncio.to_thread(assist.offer, room.record, room.bot.brain, number, caller.viewer, room.bot.model)
    return html(room.page("desk/_assist.html", offered=offered, number=number))


class Summed(msgspec.Struct, frozen=True):
    text: str


@post("/desk/conversations/{number:int}/summary", opt=ACT, status_code=200, include_in_schema=False)
async def summary(room: Room, caller: Caller, number: FromPath[int]) -> Response[Summed]:
    """What a language model says of the conversation, as far as the conversation holds it."""
    return Response(
        Summed(await asyncio.to_thread(wording.summary, room.record, room.bot.model, number, caller.viewer))
    )


class Waved(msgspec.Struct):
    """A draft that an agent wants to see no more."""

    draft: str = ""
    source: str = ""
    ref: str = ""


@post("/desk/conversations/{number:int}/assistance/rejection", opt=ACT, status_code=200, include_in_schema=False)
async def reject(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    form = await read_form(request, Waved)

    def act(tx: Tx) -> None:
        replies.act_on(tx, number, caller.viewer)
        given = assist.Given(draft=form.draft, source=form.source, ref=form.ref)
        assist.judge(tx, number, caller.viewer, given, None)

    return await changed(request, room, caller, number, act)


# ── on the numbers page ─────────────────────────────────────────────────────────────────────


def lines(conn: Connection, who: Viewer, since: Any) -> tuple[views.DraftLine, ...]:
    found = assist.tally(conn, who, since)
    names = {"article": t("Articles"), "macro": t("Prepared answers"), "solved": t("Solved conversations")}
    return tuple(
        _line(name, [found.get((key, o), 0) for o in OUTCOMES]) for key, name in names.items() if _any(found, key)
    )


def _any(found: dict[tuple[str, str], int], source: str) -> bool:
    return any(key == source for key, _ in found)


def _line(name: str, counts: list[int]) -> views.DraftLine:
    accepted, edited, rejected = counts
    n = sum(counts)
    between = stats.wilson(accepted + edited, n)
    return views.DraftLine(
        source=name, n=n, accepted=accepted, edited=edited, rejected=rejected,
        used=f"{(accepted + edited) / n:.0%}", interval=f"{between.low:.0%}–{between.high:.0%}",
    )  # fmt: skip


def routes() -> list[ControllerRouterHandler]:
    return [assistance, summary, reject]
