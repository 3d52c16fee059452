"""Incidents: many with one matter, seen, answered and closed as one."""

import asyncio
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.services import incidents, setup
from parley.services.inbox import Viewer
from parley.services.incidents import Incident
from parley.web import present, views
from parley.web.desk import Answer, html, lens, seen_other
from parley.web.forms import read_form
from parley.web.security import ACT, Caller
from parley.web.state import Room
from parley.web.words import translate as t

Asked = Request[Any, Any, Any]
HERE = "/desk/incidents"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One in the list. usual: contacts of that length that an ordinary day brings, in words."""

    id: int
    name: str
    state: str
    since: datetime
    people: int
    conversations: int
    brand: str


class TiedLine(msgspec.Struct, frozen=True, kw_only=True):
    """answered: the reply to all was written here. waiting: it can still be taken back."""

    row: views.ListRow
    answered: bool


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """to: how many the reply would go to. held: replies to all that can be taken back."""

    line: Line
    usual: str
    tied: tuple[TiedLine, ...]
    draft: str
    to: int
    answered: int
    notice: str = ""
    may_act: bool = False


@get(HERE, include_in_schema=False)
async def list_page(room: Room, caller: Caller) -> Answer:
    return html(await asyncio.to_thread(room.record.ask, _list_html, room, caller))


def _list_html(conn: Connection, room: Room, caller: Caller) -> str:
    brands = setup.all_brands(conn)
    lines = tuple(_line(one, brands) for one in incidents.latest(conn, caller.viewer))
    shell = present.shell(conn, caller.agent, caller.csrf, "inbox")
    return room.page("desk/incidents.html", shell=shell, lines=lines)


def _line(one: Incident, brands: dict[int, setup.Brand]) -> Line:
    brand = brands.get(one.brand)
    return Line(
        id=one.id, name=one.name, state=one.state, since=one.since, people=one.people,
        conversations=one.conversations, brand=brand.name if brand and len(brands) > 1 else "",
    )  # fmt: skip


@get(HERE + "/{number:int}", include_in_schema=False)
async def page(room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    return html(await asyncio.to_thread(room.record.ask, _page_html, room, caller, number))


def _page_html(conn: Connection, room: Room, caller: Caller, number: int, notice: str = "") -> str:
    one = incidents.incident(conn, number, caller.viewer)
    tied = incidents.tied_to(conn, number, caller.viewer)
    rows = present.rows(lens(room, conn), [line.state for line in tied])
    shown = Page(
        line=_line(one, dict(setup.all_brands(conn))),
        usual=_usual(one.expected),
        tied=tuple(TiedLine(row=row, answered=line.reply is not None) for row, line in zip(rows, tied, strict=True)),
        draft=incidents.draft(conn, one),
        to=sum(line.reply is None and line.state.status != "closed" for line in tied),
        answered=sum(line.reply is not None for line in tied),
        notice=notice,
        may_act=caller.viewer.may_act,
    )  # fmt: skip
    shell = present.shell(conn, caller.agent, caller.csrf, "inbox")
    return room.page("desk/incident.html", shell=shell, page=shown)


def _usual(expected: float) -> str:
    if expected < 0.1:
        return t("Almost nobody writes about this otherwise")
    return t("{n} are usual in that time", n=f"{expected:.1f}")


class Named(msgspec.Struct):
    name: str = ""


@post(HERE + "/{number:int}/name", opt=ACT, include_in_schema=False)
async def rename(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    form = await read_form(request, Named)
    await room.do(incidents.rename, number, caller.viewer, form.name)
    return seen_other(f"{HERE}/{number}")


class Written(msgspec.Struct):
    """again: "1" also to those who have an answer of this incident already."""

    text: str = ""
    again: str = ""


@post(HERE + "/{number:int}/replies", status_code=200, opt=ACT, include_in_schema=False)
async def answer_all(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    """One reply to all that are tied; for some seconds it can be taken back."""
    form = await read_form(request, Written)
    sent, missed = await room.do(
        incidents.answer_all, number, caller.viewer, form.text, room.channels, form.again == "1"
    )  # fmt: skip
    seconds = int(incidents.HOLD.total_seconds())
    notice = t("The answer goes to {n} conversations in {seconds} seconds.", n=sent, seconds=seconds)
    notice += " " + t("{n} cannot be written to now.", n=missed) if missed else ""
    return html(await asyncio.to_thread(room.record.ask, _page_html, room, caller, number, notice))


@post(HERE + "/{number:int}/replies/withdrawal", opt=ACT, include_in_schema=False)
async def take_back(room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    """Stop the reply to all where it has not gone yet."""
    await room.do(incidents.take_back, number, caller.viewer)
    return seen_other(f"{HERE}/{number}")


class Ended(msgspec.Struct):
    """real: "0" when it was no incident."""

    real: str = "1"


@post(HERE + "/{number:int}/closure", opt=ACT, include_in_schema=False)
async def end(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    form = await read_form(request, Ended)
    await room.do(incidents.end, number, caller.viewer, form.real != "0")
    return seen_other(f"{HERE}/{number}")


@post(HERE + "/{number:int}/reopening", opt=ACT, include_in_schema=False)
async def reopen(room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    await room.do(incidents.reopen, number, caller.viewer)
    return seen_other(f"{HERE}/{number}")


class Tied(msgspec.Struct):
    """off: "1" takes it out."""

    off: str = ""


@post(HERE + "/{number:int}/conversations/{one:int}", opt=ACT, include_in_schema=False)
async def tie(request: Asked, room: Room, caller: Caller, number: FromPath[int], one: FromPath[int]) -> Answer:
    """Put a conversation in, or take it out."""
    form = await read_form(request, Tied)
    act = incidents.untie if form.off == "1" else incidents.tie_by_hand
    await room.do(act, number, caller.viewer, one)
    return seen_other(f"{HERE}/{number}")


@get("/api/v1/incidents", opt={"api": True}, tags=["conversations"])
async def incidents_json(room: Room, who: Viewer) -> list[Incident]:
    """Incidents of the brands one serves, newest first. state: open, over, or none (it was none)."""
    return await room.ask(incidents.latest, who)


def routes() -> list[ControllerRouterHandler]:
    return [list_page, page, rename, answer_all, take_back, end, reopen, tie, incidents_json]
