"""Settings → Procedures: what the bot may do, drawn, switched and limited per brand, and its conversations held."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from markupsafe import Markup
from sqlalchemy import Connection

from parley.core import procedure as p
from parley.core.errors import NotFound, Refused
from parley.log.record import Tx
from parley.services import approvals, procedures, setup, tools
from parley.services.procedures import kept
from parley.services.procedures.talks import Part, Result, Talk, read
from parley.web import present
from parley.web.desk import Answer, changed, html, seen_other
from parley.web.forms import read_form
from parley.web.procedure_picture import draw
from parley.web.security import ACT, ADMIN, Caller
from parley.web.state import Room
from parley.web.words import translate as t

Asked = Request[Any, Any, Any]
HERE = "/desk/settings/procedures"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One in the list. on: names of the brands that have it switched on. own: the company wrote it."""

    name: str
    title: str
    version: int
    steps: int
    talks: int
    on: tuple[str, ...]
    own: bool = False


class LimitField(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    label: str
    unit: str
    value: int
    usual: int
    least: int
    most: int


class BrandForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a brand decided about a procedure."""

    id: int
    name: str
    on: bool
    limits: tuple[LimitField, ...]


class ProcedurePage(msgspec.Struct, frozen=True, kw_only=True):
    """results: how its conversations went when they were held just now; for: under whose limits.

    own: the company wrote it; as_file: it is shipped as a file, with which one of the company's own can begin.
    """

    name: str
    title: str
    version: int
    picture: Markup
    outline: tuple[str, ...]
    brands: tuple[BrandForm, ...]
    talks: tuple[Talk, ...]
    results: tuple[Result, ...] = ()
    limits_of: str = ""
    may_change: bool = False
    own: bool = False
    as_file: bool = False


# ── pages ───────────────────────────────────────────────────────────────────────────────────


@get(HERE, include_in_schema=False)
async def list_page(room: Room, caller: Caller) -> Answer:
    return html(await asyncio.to_thread(room.record.ask, _list_html, room, caller))


@get(HERE + "/{name:str}", include_in_schema=False)
async def procedure_page(room: Room, caller: Caller, name: FromPath[str]) -> Answer:
    await room.ask(_known, name)
    return html(await asyncio.to_thread(room.record.ask, _page_html, room, caller, name))


def _known(conn: Connection, name: str) -> kept.Version | None:
    """The version in force of one that the company wrote; None for one that is shipped."""
    if name in procedures.SHIPPED:
        return None
    if kept.by_name(conn, name).in_force is None:
        raise NotFound("This procedure is a draft: nobody meets it before it is published.")
    return kept.in_force(conn, name, kept.by_name(conn, name).in_force)


def _brands(conn: Connection, caller: Caller) -> list[setup.Brand]:
    mine = caller.viewer.brands
    return [one for one in setup.all_brands(conn).values() if mine is None or one.id in mine]


def _list_html(conn: Connection, room: Room, caller: Caller) -> str:
    brands = _brands(conn, caller)
    written = {one.name: one for one in kept.every(conn)}
    lines = tuple(
        Line(
            name=one.name, title=t(one.title), version=one.version, steps=len(one.steps), own=one.name in written,
            talks=len(read(_talks(conn, one.name))),
            on=tuple(brand.name for brand in brands if procedures.permitted(one, brand.look)),
        )
        for one in procedures.every(conn, setup.Look())
    )  # fmt: skip
    drafts = tuple(one for one in written.values() if one.in_force is None)
    shell = present.shell(conn, caller.agent, caller.csrf, "settings")
    return room.page(
        "desk/procedures.html", shell=shell, lines=lines, drafts=drafts, may_change=caller.agent.role == "admin"
    )


def _talks(conn: Connection, name: str) -> str:
    own = _known(conn, name)
    return procedures.read(own.text).talks if own else procedures.talks_of(name)


def _page_html(
    conn: Connection, room: Room, caller: Caller, name: str, results: tuple[Result, ...] = (), of: str = ""
) -> str:
    usual = procedures.make(name, conn, setup.Look())
    page = ProcedurePage(
        name=name,
        title=t(usual.title),
        version=usual.version,
        picture=draw(usual),
        outline=tuple(p.outline(usual)),
        brands=tuple(_brand_form(usual, brand) for brand in _brands(conn, caller)),
        talks=tuple(read(_talks(conn, name))),
        own=name not in procedures.SHIPPED,
        as_file=procedures.text_of(name) is not None,
        results=results,
        limits_of=of,
        may_change=caller.agent.role == "admin",
    )
    shell = present.shell(conn, caller.agent, caller.csrf, "settings")
    return room.page("desk/procedure.html", shell=shell, page=page)


def _brand_form(procedure: p.Procedure, brand: setup.Brand) -> BrandForm:
    values = procedures.limits_of(procedure, brand.look)
    return BrandForm(
        id=brand.id,
        name=brand.name,
        on=procedures.permitted(procedure, brand.look),
        limits=tuple(
            LimitField(
                name=one.name, label=t(one.label), unit=t(one.unit) if one.unit else "", value=values[one.name],
                usual=one.usual, least=one.least, most=one.most,
            )
            for one in procedure.limits
        ),
    )  # fmt: skip


# ── acts ────────────────────────────────────────────────────────────────────────────────────


@post(HERE + "/{name:str}/brands/{brand:int}", opt=ADMIN, include_in_schema=False)
async def change(request: Asked, room: Room, name: FromPath[str], brand: FromPath[int]) -> Answer:
    """Switch it on or off for a brand, with the brand's limits."""
    await room.ask(_known, name)
    form = {key: str(value) for key, value in (await request.form()).items()}

    def act(tx: Tx) -> None:
        known = setup.all_brands(tx.conn).get(brand)
        if known is None:
            raise NotFound("There is no such brand.")
        procedure = procedures.make(name, tx.conn, known.look)
        setup.change_brand(tx, brand, known.name, _decided(procedure, known.look, form))

    await room.do(act)
    return seen_other(f"{HERE}/{name}")


def _decided(procedure: p.Procedure, look: setup.Look, form: dict[str, str]) -> setup.Look:
    on, name = bool(form.get("on")), procedure.name
    limits = dict(look.bot_limits)
    for one in procedure.limits:
        typed = form.get(f"limit.{one.name}", "").strip()
        if not typed.isdigit() or not one.least <= int(typed) <= one.most:
            raise Refused(f"{one.label}: a whole number from {one.least} to {one.most}.")
        limits[f"{name}.{one.name}"] = int(typed)
    does, leaves = set(look.bot_does) - {name}, set(look.bot_leaves) - {name}
    return msgspec.structs.replace(
        look,
        bot_does=tuple(sorted(does | ({name} if on and not procedure.usual else set()))),
        bot_leaves=tuple(sorted(leaves | ({name} if not on and procedure.usual else set()))),
        bot_limits=limits,
    )


class Trial(msgspec.Struct):
    """brand: under whose limits; 0: the usual ones."""

    brand: int = 0


@post(HERE + "/{name:str}/trial", opt=ADMIN, status_code=200, include_in_schema=False)
async def hold(request: Asked, room: Room, caller: Caller, name: FromPath[str]) -> Answer:
    """Hold its conversations now, on a desk of their own; nothing of this one is touched."""
    own = await room.ask(_known, name)
    form = await read_form(request, Trial)
    brand = (await room.ask(setup.all_brands)).get(form.brand)
    part = Part(text=own.text, tools=tuple((await room.ask(tools.every)).values())) if own else None
    async with room.rehearsing:
        results = await asyncio.to_thread(room.rehearse, name, brand.look.bot_limits if brand else {}, part)
    of = brand.name if brand else t("the usual limits")
    return html(await asyncio.to_thread(room.record.ask, _page_html, room, caller, name, tuple(results), of))


@post("/desk/conversations/{number:int}/approval", status_code=200, opt=ACT, include_in_schema=False)
async def approve(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    """Agree to what the bot has prepared; it is done at once."""
    return await _judge(request, room, caller, number, True)


@post("/desk/conversations/{number:int}/refusal", status_code=200, opt=ACT, include_in_schema=False)
async def refuse(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    return await _judge(request, room, caller, number, False)


async def _judge(request: Asked, room: Room, caller: Caller, number: int, yes: bool) -> Answer:
    def act(tx: Tx) -> None:
        approvals.decide(tx, number, caller.viewer, yes, room.inboxes())

    return await changed(request, room, caller, number, act)


def routes() -> list[ControllerRouterHandler]:
    return [list_page, procedure_page, change, hold, approve, refuse]
