"""Settings → Costs: what an hour of work, an answer by the bot and a message that goes out are said to cost."""

from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core.errors import Refused
from parley.services import costs, prepared, setup
from parley.services.costs import Costs
from parley.web import present
from parley.web.desk import Answer, html, seen_other
from parley.web.forms import read_form
from parley.web.security import ADMIN, Caller
from parley.web.state import Room
from parley.web.words import translate as t

HERE = "/desk/settings/costs"


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """A cost of its own: of a team's hour or of a channel's message. name: the form's field."""

    name: str
    label: str
    value: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    currency: str
    hour: str
    answer: str
    teams: tuple[Price, ...]
    messages: tuple[Price, ...]


class Form(msgspec.Struct):
    """team, team_hour and channel, message stand beside each other, in the order of the page."""

    currency: str = ""
    hour: str = ""
    answer: str = ""
    team: list[str] = []
    team_hour: list[str] = []
    channel: list[str] = []
    message: list[str] = []


@get(HERE, opt=ADMIN, include_in_schema=False)
async def costs_page(room: Room, caller: Caller) -> Answer:
    return html(await room.ask(_html, room, caller))


@post(HERE, opt=ADMIN, include_in_schema=False)
async def keep_costs(request: Request[Any, Any, Any], room: Room) -> Answer:
    form = await read_form(request, Form)
    new = Costs(
        currency=form.currency.strip()[:8],
        hour=_amount(form.hour),
        answer=_amount(form.answer) or 0.0,
        team_hours=_amounts(form.team, form.team_hour),
        messages=_amounts(form.channel, form.message),
    )
    await room.do(costs.keep, new)
    return seen_other(HERE)


def routes() -> list[ControllerRouterHandler]:
    return [costs_page, keep_costs]


def _amounts(names: list[str], told: list[str]) -> dict[str, float]:
    pairs = zip(names, told, strict=False)
    return {name[:80]: amount for name, one in pairs if (amount := _amount(one)) is not None}


def _amount(told: str) -> float | None:
    """Also with a comma, as many countries write it; None for an empty field."""
    if not told.strip():
        return None
    try:
        return float(told.strip().replace(",", "."))
    except ValueError as error:
        raise Refused(t("“{said}” is no amount. Write it like 28.50. Nothing was changed.", said=told[:40])) from error


def _html(conn: Connection, room: Room, caller: Caller) -> str:
    now = costs.costs(conn)
    used = {box.channel for box in setup.all_inboxes(conn, room.channels).values()} | set(now.messages)
    named = {name: channel.manifest.label for name, channel in room.channels.items() if name in used}
    page = Page(
        currency=now.currency,
        hour=_told(now.hour),
        answer=_told(now.answer or None),
        teams=tuple(_price(team.name, team.name, now.team_hours) for team in prepared.teams(conn)),
        messages=tuple(_price(name, label, now.messages) for name, label in sorted(named.items(), key=lambda n: n[1])),
    )
    return room.page("desk/costs.html", shell=present.shell(conn, caller.agent, caller.csrf, "settings"), page=page)


def _price(name: str, label: str, known: dict[str, float]) -> Price:
    return Price(name=name, label=label, value=_told(known.get(name)))


def _told(amount: float | None) -> str:
    return "" if amount is None else f"{amount:g}"
