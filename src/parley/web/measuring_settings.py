"""Settings → Analytics: what a brand's website analytics are told, a test of it, and what became of each event."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core.errors import NotFound
from parley.core.measurement import RATED, RESOLVED, STARTED
from parley.services import measuring, setup
from parley.services.measuring import Line, Settings
from parley.web import present
from parley.web.desk import Answer, html, seen_other
from parley.web.forms import read_form
from parley.web.security import ADMIN, Caller
from parley.web.state import Room
from parley.web.words import translate as t

HERE = "/desk/settings/analytics"
NAMES = {STARTED: "Conversation began", RESOLVED: "Conversation solved", RATED: "Rating"}
STATES = {
    measuring.WAITING: "Waiting", measuring.SENT: "Sent", measuring.DEAD: "Given up",
    measuring.UNKNOWN: "Not told: nobody agreed",
}  # fmt: skip


class Brand(msgspec.Struct, frozen=True, kw_only=True):
    """now: its settings, without the secret. tried: how a test went, in words."""

    id: int
    name: str
    now: Settings
    has_secret: bool
    topics: str
    tried: str = ""
    went_well: bool = False


class Page(msgspec.Struct, frozen=True, kw_only=True):
    brands: tuple[Brand, ...]
    regions: dict[str, str]
    lines: tuple[Line, ...]
    counts: tuple[tuple[str, int], ...]
    names: dict[str, str]
    states: dict[str, str]
    brand_names: dict[int, str]


class Form(msgspec.Struct):
    on: str = ""
    stream: str = ""
    secret: str = ""
    no_secret: str = ""
    endpoint: str = "https://www.google-analytics.com"
    topics: str = ""


@get(HERE, opt=ADMIN, include_in_schema=False)
async def analytics_page(room: Room, caller: Caller) -> Answer:
    return html(await asyncio.to_thread(room.record.ask, _html, room, caller))


@post(HERE + "/{brand:int}", opt=ADMIN, include_in_schema=False)
async def keep(request: Request[Any, Any, Any], room: Room, brand: FromPath[int]) -> Answer:
    form = await read_form(request, Form)
    before = (await room.ask(_known, brand)).get(brand, Settings())
    new = Settings(
        on=bool(form.on),
        stream=form.stream.strip().upper()[:40],
        secret="" if form.no_secret else form.secret.strip()[:120] or before.secret,
        endpoint=form.endpoint.strip().rstrip("/")[:200],
        topics=tuple(one for said in form.topics.split(",") if (one := said.strip().lower()))[:50],
    )
    await room.do(measuring.keep, brand, new)
    return seen_other(HERE)


@post(HERE + "/{brand:int}/trial", opt=ADMIN, status_code=200, include_in_schema=False)
async def attempt(room: Room, caller: Caller, brand: FromPath[int]) -> Answer:
    """Send a test event to the address that only checks, and show what it says."""
    await room.ask(_known, brand)
    good, said = await asyncio.to_thread(measuring.Teller(room.record, room.channels).attempt, brand)
    words = t("The test event was found right. This address checks and counts nothing.") if good else said
    return html(await asyncio.to_thread(room.record.ask, _html, room, caller, brand, words, good))


def routes() -> list[ControllerRouterHandler]:
    return [analytics_page, keep, attempt]


def _known(conn: Connection, brand: int) -> dict[int, Settings]:
    if brand not in setup.all_brands(conn):
        raise NotFound("There is no such brand.")
    return measuring.settings(conn)


def _html(conn: Connection, room: Room, caller: Caller, of: int = 0, tried: str = "", good: bool = False) -> str:
    known, brands = measuring.settings(conn), setup.all_brands(conn)
    forms = []
    for number, brand in brands.items():
        now = known.get(number, Settings())
        mine = of == number
        forms.append(
            Brand(
                id=number, name=brand.name, now=msgspec.structs.replace(now, secret=""), has_secret=bool(now.secret),
                topics=", ".join(now.topics), tried=tried if mine else "", went_well=mine and good,
            )
        )  # fmt: skip
    states = {key: t(label) for key, label in STATES.items()}
    n = measuring.counts(conn)
    page = Page(
        brands=tuple(forms), regions={url: t(label) for url, label in measuring.REGIONS.items()},
        lines=tuple(measuring.newest(conn)), names={key: t(label) for key, label in NAMES.items()}, states=states,
        counts=tuple((label, n[key]) for key, label in states.items() if n.get(key)),
        brand_names={number: brand.name for number, brand in brands.items()},
    )  # fmt: skip
    return room.page("desk/analytics.html", shell=present.shell(conn, caller.agent, caller.csrf, "settings"), page=page)
