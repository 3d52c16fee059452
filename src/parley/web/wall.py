"""The wall board: a page for a big screen that follows the live stream."""

from datetime import datetime
from typing import Any

from litestar import Request, Response, get
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.services import wall
from parley.services.inbox import Viewer
from parley.services.wall import Board, Foreseen
from parley.web import present, views
from parley.web.desk import html
from parley.web.numbers import duration
from parley.web.security import Caller
from parley.web.state import Room
from parley.web.words import translate as t

KEPT = 64  # forecasts that are kept, one for each set of brands and hour


class Tile(views.View, frozen=True, kw_only=True):
    """A figure in large type. tone: quiet, good, warn or bad; said in words, too."""

    label: str
    value: str
    note: str = ""
    tone: str = "quiet"


class Page(views.View, frozen=True, kw_only=True):
    tiles: tuple[Tile, ...]
    at: datetime


class Forecasts:
    """The forecast of the day, made once an hour for those who serve the same brands."""

    def __init__(self) -> None:
        self._made: dict[tuple[tuple[int, ...] | None, datetime], Foreseen | None] = {}

    def of(self, conn: Connection, who: Viewer, now: datetime) -> Foreseen | None:
        key = (who.brands, now.replace(minute=0, second=0, microsecond=0))
        if key not in self._made:
            if len(self._made) >= KEPT:
                self._made.clear()
            self._made[key] = wall.foresee(conn, who, now)
        return self._made[key]


_FORECASTS: dict[int, Forecasts] = {}


def begin(room: Room) -> None:
    _FORECASTS[id(room)] = Forecasts()


def _board(conn: Connection, room: Room, who: Viewer) -> Board:
    now = room.record.clock()
    return wall.board(conn, who, now, _FORECASTS[id(room)].of(conn, who, now))


@get("/desk/wall", include_in_schema=False)
async def wall_page(request: Request[Any, Any, Any], room: Room, caller: Caller) -> Response[str]:
    """With the header x-fragment: wall, the tiles alone."""
    shell, page = await room.ask(_page, room, caller)
    template = "desk/_wall.html" if request.headers.get("x-fragment") == "wall" else "desk/wall.html"
    return html(room.page(template, shell=shell, page=page))


@get("/api/v1/wall", opt={"api": True}, tags=["numbers"])
async def wall_json(room: Room, who: Viewer) -> Board:
    """Who waits, who is there, what is about to be late, and today against its forecast."""
    return await room.ask(_board, room, who)


def routes() -> list[ControllerRouterHandler]:
    return [wall_page, wall_json]


def _page(conn: Connection, room: Room, caller: Caller) -> tuple[views.Shell, Page]:
    found = _board(conn, room, caller.viewer)
    waited = duration((found.at - found.oldest).total_seconds()) if found.oldest else "–"
    tiles = (
        Tile(label=t("Waiting"), value=str(found.waiting), tone="warn" if found.waiting else "good",
             note=t("{n} with the bot", n=found.with_bot)),
        Tile(label=t("Longest wait"), value=waited, tone="bad" if found.late else "quiet"),
        Tile(label=t("Promises at risk"), value=str(found.late + found.soon),
             tone="bad" if found.late else "warn" if found.soon else "good",
             note=t("{late} broken, {soon} within half an hour", late=found.late, soon=found.soon)),
        Tile(label=t("Agents online"), value=str(len(found.online)), tone="bad" if not found.online else "quiet",
             note=" · ".join([*found.online[:6], *([t("{n} away", n=found.away)] if found.away else [])])),
        _today(found),
    )  # fmt: skip
    return present.shell(conn, caller.agent, caller.csrf, "numbers"), Page(tiles=tiles, at=found.at)


def _today(found: Board) -> Tile:
    ahead = found.foreseen
    if ahead is None:
        return Tile(label=t("Today"), value=str(found.today), note=t("a forecast needs seven days of history"))
    note = t("{n} would be usual by now; {day} foreseen in all ({low}–{high})", n=f"{ahead.until_now:.0f}",
             day=f"{ahead.day:.0f}", low=f"{ahead.low:.0f}", high=f"{ahead.high:.0f}")  # fmt: skip
    return Tile(label=t("Today"), value=str(found.today), note=note)
