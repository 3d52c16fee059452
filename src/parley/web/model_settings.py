"""Settings → Language model: where one is, what it may word, its caps, a try, and what it was asked lately."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.services import language_model, wording
from parley.services.language_model import Line, Settings
from parley.web import present
from parley.web.desk import Answer, html, seen_other
from parley.web.forms import read_form
from parley.web.security import ADMIN, Caller
from parley.web.state import Room
from parley.web.words import translate as t

Asked = Request[Any, Any, Any]
HERE = "/desk/settings/model"
SAMPLE = "You can return it within 30 days. The label is in the parcel, and sending it back costs you nothing."


class ModelPage(msgspec.Struct, frozen=True, kw_only=True):
    """now: the settings, without the key. tried: how a try went, in words."""

    now: Settings
    has_key: bool
    lines: tuple[Line, ...]
    tried: str = ""
    wording: str = ""


class Form(msgspec.Struct):
    on: str = ""
    speaks: str = "openai"
    url: str = ""
    name: str = ""
    key: str = ""
    no_key: str = ""
    tone: str = ""
    seconds: int = 4
    per_conversation: int = 10
    per_day: int = 1000
    tokens: int = 500_000
    rewrites: str = ""
    summaries: str = ""
    drafts: str = ""
    reports: str = ""
    translations: str = ""
    wishes: str = ""


@get(HERE, opt=ADMIN, include_in_schema=False)
async def model_page(room: Room, caller: Caller) -> Answer:
    return html(await asyncio.to_thread(room.record.ask, _html, room, caller))


def _html(conn: Connection, room: Room, caller: Caller, tried: str = "", wording: str = "") -> str:
    now = language_model.settings(conn)
    page = ModelPage(
        now=msgspec.structs.replace(now, key=""),
        has_key=bool(now.key),
        lines=tuple(language_model.newest(conn)),
        tried=tried,
        wording=wording,
    )
    return room.page("desk/model.html", shell=present.shell(conn, caller.agent, caller.csrf, "settings"), page=page)


@post(HERE, opt=ADMIN, include_in_schema=False)
async def keep(request: Asked, room: Room) -> Answer:
    form = await read_form(request, Form)
    before = await room.ask(language_model.settings)
    new = Settings(
        on=bool(form.on),
        speaks=form.speaks,
        url=form.url.strip()[:300],
        name=form.name.strip()[:120],
        key="" if form.no_key else form.key.strip()[:300] or before.key,
        tone=form.tone.strip()[:300],
        seconds=form.seconds,
        per_conversation=form.per_conversation,
        per_day=form.per_day,
        tokens=form.tokens,
        rewrites=bool(form.rewrites),
        summaries=bool(form.summaries),
        drafts=bool(form.drafts),
        reports=bool(form.reports),
        translations=bool(form.translations),
        wishes=bool(form.wishes),
    )
    await room.do(language_model.keep, new)
    return seen_other(HERE)


@post(HERE + "/trial", opt=ADMIN, status_code=200, include_in_schema=False)
async def attempt(room: Room, caller: Caller) -> Answer:
    """Word a sample, and tell what would be used of it."""
    said = await asyncio.to_thread(wording.reword, room.bot.model, 0, SAMPLE, [SAMPLE], "on")
    lines = await room.ask(language_model.newest, 1)
    if said:
        tried = t("It answered, and every sentence is held by what it was given.")
    elif lines and lines[0].outcome == "answered":
        tried = t("It answered, but not everything is held by what it was given: the bot's own words would be used.")
    else:
        outcome = lines[0].outcome if lines else t("it is switched off")
        tried = t("No answer ({why}). The bot works without it.", why=outcome)
    return html(await asyncio.to_thread(room.record.ask, _html, room, caller, tried, said or ""))


def routes() -> list[ControllerRouterHandler]:
    return [model_page, keep, attempt]
