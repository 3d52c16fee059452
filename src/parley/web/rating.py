"""The page on which a customer rates: one form, no script. Looking at it records nothing, since mail
scanners follow links."""

from datetime import timedelta
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection, select

from parley.core.errors import NotFound, Refused
from parley.log.record import Tx
from parley.services import access, inbox, outgoing, setup, surveys
from parley.web import formats, views
from parley.web.forms import read_form
from parley.web.security import PUBLIC
from parley.web.state import Room

RATINGS_PER_HOUR = 60
LONGEST_COMMENT = 2000


class Given(msgspec.Struct):
    score: int = 0
    comment: str = ""


@get("/rate/{token:str}", opt=PUBLIC, include_in_schema=False)
async def rate_page(room: Room, token: FromPath[str], score: FromQuery[str] = "") -> Response[str]:
    """`score` chooses one beforehand; it counts only when sent."""
    chosen = int(score) if score in {"1", "2", "3", "4", "5"} else 0
    return await _page(room, token, chosen=chosen)


@post("/rate/{token:str}", opt=PUBLIC, include_in_schema=False)
async def rate(request: Request[Any, Any, Any], room: Room, token: FromPath[str]) -> Response[str]:
    """Note the rating. Sent again, the last one counts."""
    given = await read_form(request, Given)
    survey = _survey(room, token)
    if given.score not in range(1, 6):
        return await _page(room, token, status=422)
    await room.do(_note, survey, given, room.door.address(request.scope))
    return await _page(room, token, chosen=given.score, thanked=True)


def _note(tx: Tx, survey: int, given: Given, address: str) -> None:
    if not access.allowed(tx, f"rate:{address}", RATINGS_PER_HOUR, timedelta(hours=1)):
        raise Refused("There were too many ratings from where you are. Try again in an hour.")
    row = _row(tx.conn, survey)
    comment = given.comment.strip()[:LONGEST_COMMENT]
    surveys.rate(tx, survey, given.score, "page", f"person/{row.person}", comment)


async def _page(room: Room, token: str, *, chosen: int = 0, thanked: bool = False, status: int = 200) -> Response[str]:
    shell, subject = await room.ask(_subject, _survey(room, token))
    rating = views.RatingPage(subject=subject, action=f"/rate/{token}", chosen=chosen, thanked=thanked)
    page = room.page("account/rating.html", public=shell, page=rating, csrf="")
    return Response(page, status_code=status, media_type=MediaType.HTML, headers={"x-robots-tag": "noindex"})


def _survey(room: Room, token: str) -> int:
    survey = outgoing.survey_of_token(room.key, token)
    if survey is None:
        raise NotFound("This link is not one of ours, or it was cut. Use it just as it was sent.")
    return survey


def _subject(conn: Connection, survey: int) -> tuple[views.PublicShell, str]:
    state = inbox.state(conn, _row(conn, survey).conversation)
    brand = setup.all_brands(conn).get(state.brand)
    name = brand.name if brand else ""
    return views.PublicShell(brand=name, hue=formats.hue(name)), state.subject


def _row(conn: Connection, survey: int) -> Any:
    row = conn.execute(select(surveys.surveys).where(surveys.surveys.c.id == survey)).one_or_none()
    if row is None:
        raise NotFound("This rating is not known any more.")
    return row


def routes() -> list[ControllerRouterHandler]:
    return [rate_page, rate]
