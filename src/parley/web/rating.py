"""The page on which a customer rates: one form. Looking at it records nothing, since mail scanners follow links; the
score of the link counts at the first sign of a person there (frontend/public/rating.main.ts)."""

from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core.errors import NotFound, Refused
from parley.core.opinions import SCALES, SOLVED
from parley.core.questionnaire import Question, steps
from parley.core.survey_words import TEXT
from parley.log.record import Tx
from parley.services import access, inbox, outgoing, setup, surveys
from parley.web import formats, rating_words, views
from parley.web.forms import read_form
from parley.web.security import PUBLIC
from parley.web.state import Room
from parley.web.words import translate as t

RATINGS_PER_HOUR = 60
LONGEST_COMMENT = 2000


class Given(msgspec.Struct):
    """asked: the question's key; None from a page that named none."""

    score: int | None = None
    comment: str = ""
    asked: str | None = None


@get("/rate/{token:str}", opt=PUBLIC, include_in_schema=False)
async def rate_page(
    room: Room, token: FromPath[str], score: FromQuery[str] = "", q: FromQuery[str | None] = None
) -> Response[str]:
    """`score` chooses one beforehand; it counts only when sent. q: the key of the question."""
    chosen = int(score) if score.isdigit() and len(score) < 3 else None
    return await _page(room, token, chosen=chosen, asked=q)


@post("/rate/{token:str}", opt=PUBLIC, include_in_schema=False)
async def rate(request: Request[Any, Any, Any], room: Room, token: FromPath[str]) -> Response[str]:
    """Note the answer, and ask what comes next. Sent again, the last one counts."""
    given = await read_form(request, Given)
    survey = _survey(room, token)
    if not await room.ask(_fits, survey, given):
        return await _page(room, token, asked=given.asked, status=422)
    following = await room.do(_note, survey, given, room.door.address(request.scope))
    if following is not None:
        return await _page(room, token, asked=following.key)
    return await _page(room, token, chosen=given.score, thanked=True)


def _fits(conn: Connection, survey: int, given: Given) -> bool:
    question = _question(conn, survey, given.asked)
    if question.measure == TEXT:
        return bool(given.comment.strip())
    low, high = SCALES[question.measure]
    return given.score is not None and low <= given.score <= high


def _note(tx: Tx, survey: int, given: Given, address: str) -> Question | None:
    if not access.allowed(tx, f"rate:{address}", RATINGS_PER_HOUR, timedelta(hours=1)):
        raise Refused("There were too many ratings from where you are. Try again in an hour.")
    row = surveys.by_number(tx.conn, survey)
    comment = given.comment.strip()[:LONGEST_COMMENT]
    by = f"person/{row.person}"
    return surveys.rate(tx, survey, given.score or 0, "page", by, comment, given.asked)


async def _page(
    room: Room,
    token: str,
    *,
    chosen: int | None = None,
    asked: str | None = None,
    thanked: bool = False,
    status: int = 200,
) -> Response[str]:
    shell, page = await room.ask(_asking, _survey(room, token), token, asked)
    page = msgspec.structs.replace(page, chosen=chosen, thanked=thanked)
    say = partial(t, catalogue=rating_words.catalogue(shell.language))
    html = room.page("account/rating.html", public=shell, page=page, csrf="", language=shell.language, t=say)
    return Response(html, status_code=status, media_type=MediaType.HTML, headers={"x-robots-tag": "noindex"})


def _question(conn: Connection, survey: int, asked: str | None) -> Question:
    row = surveys.by_number(conn, survey)
    return surveys.asked_of(surveys.questionnaire(conn, row.questionnaire), row, asked)


def _survey(room: Room, token: str) -> int:
    survey = outgoing.survey_of_token(room.key, token)
    if survey is None:
        raise NotFound("This link is not one of ours, or it was cut. Use it just as it was sent.")
    return survey


def _asking(conn: Connection, survey: int, token: str, asked: str | None) -> tuple[views.PublicShell, views.RatingPage]:
    state = inbox.state(conn, surveys.by_number(conn, survey).conversation)
    brand = setup.all_brands(conn).get(state.brand)
    name = brand.name if brand else ""
    question = _question(conn, survey, asked)
    usual = question.measure == "csat" and not question.wording
    language = surveys.spoken_in(conn, state)
    page = views.RatingPage(
        subject=state.subject,
        action=f"/rate/{token}",
        question=t("How did we do?", rating_words.catalogue(language))
        if usual
        else surveys.words_for(conn, state, question),
        steps=tuple((score, _label(question.measure, label)) for score, label in steps(question.measure, language))
        if question.measure in SCALES
        else (),
        asked=question.key,
    )
    return views.PublicShell(brand=name, hue=formats.hue(name), language=language), page


def _usual(language: str) -> str:
    return t("How did we do?", rating_words.catalogue(language))


def _label(measure: str, label: str) -> str:
    """What stands under a number; a yes or no stands for itself."""
    return label.capitalize() if measure == SOLVED else label.partition(" ")[2]


def routes() -> list[ControllerRouterHandler]:
    return [rate_page, rate]
