"""Settings of surveys: which is asked when, in which brand, channel and language, of what share of customers."""

import secrets
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core.errors import NotAllowed, Refused
from parley.core.language import LANGUAGES
from parley.core.opinions import LOW, SCALES, SOLVED
from parley.core.questionnaire import Condition, Question, Survey
from parley.core.survey_words import TEXT
from parley.log.record import Tx
from parley.services import setup, surveys
from parley.services.inbox import Viewer
from parley.web import present, views
from parley.web.desk import Answer, html, seen_other
from parley.web.forms import read_form
from parley.web.numbers import names_of
from parley.web.security import ADMIN, LEAD, Caller
from parley.web.state import Room
from parley.web.words import translate as t

MEASURES = {
    "csat": "Satisfaction, 1 to 5 (CSAT)",
    "nps": "Would recommend, 0 to 10 (NPS)",
    "ces": "Easy, 1 to 7 (CES)",
    SOLVED: "Solved at first contact, yes or no",
}
CLOSERS = {"any": "People or the bot", "people": "People", "bot": "The bot"}
WHY = "why"
THEN = "then"


class Form(views.View, frozen=True, kw_only=True):
    """A survey's form. picks: choices with what is chosen. told: its rule in a line. changeable: the caller serves its
    brand. wording: own words of the first question, the usual ones where empty."""

    key: str
    name: str
    active: bool
    picks: tuple[views.Pick, ...]
    share: int
    delay: str
    wording: str
    asks_why: bool
    told: str
    changeable: bool = True


class Page(views.View, frozen=True, kw_only=True):
    forms: tuple[Form, ...]
    fresh: Form
    pause: int


class Given(msgspec.Struct):
    """The form as sent; empty fields fit all. then: a second scale to ask about afterwards."""

    key: str = ""
    name: str = ""
    active: str = ""
    measure: str = "csat"
    wording: str = ""
    asks_why: str = ""
    then: str = ""
    closed_by: str = "any"
    brand: str = ""
    channel: str = ""
    language: str = ""
    share: int = 100
    delay: str = ""


class Pause(msgspec.Struct):
    days: int = surveys.PAUSE_DAYS


@get("/desk/settings/surveys", opt=LEAD, include_in_schema=False)
async def surveys_page(room: Room, caller: Caller) -> Answer:
    shell, page = await room.ask(_page, room, caller)
    return html(room.page("desk/surveys.html", shell=shell, page=page))


@post("/desk/settings/surveys", opt=LEAD, include_in_schema=False)
async def keep(request: Request[Any, Any, Any], room: Room, who: Viewer) -> Answer:
    given = await read_form(request, Given)
    if given.channel and given.channel not in room.channels:
        raise Refused("There is no such channel.")
    await room.do(_keep, who, given)
    return seen_other("/desk/settings/surveys")


@post("/desk/settings/surveys/pause", opt=ADMIN, include_in_schema=False)
async def keep_pause(request: Request[Any, Any, Any], room: Room) -> Answer:
    """How many days a person is left in peace after a survey, whatever the brand or channel."""
    given = await read_form(request, Pause)
    if not 0 <= given.days <= 365:
        raise Refused("The pause is 0 to 365 days.")
    await room.do(setup.set_setting, "survey_pause_days", given.days)
    return seen_other("/desk/settings/surveys")


def routes() -> list[ControllerRouterHandler]:
    return [surveys_page, keep, keep_pause]


def _keep(tx: Tx, who: Viewer, given: Given) -> None:
    old = next((one for one in surveys.all_surveys(tx.conn) if one.key == given.key), None)
    new = _survey(given)
    for survey in (old, new):
        if survey is not None and not _serves(who, survey):
            raise NotAllowed("This survey is asked in brands that are not yours.")
    surveys.keep(tx, new)


def _serves(who: Viewer, survey: Survey) -> bool:
    """A lead of some brands minds the surveys of these brands; one for all brands is for those who serve all."""
    return who.brands is None or survey.brand in who.brands


def _survey(given: Given) -> Survey:
    if given.measure not in SCALES:
        raise Refused("A survey begins with a scale (CSAT, NPS or CES), or asks whether it was solved.")
    first = Question(
        key="", measure=given.measure, wording={"en": given.wording.strip()} if given.wording.strip() else {}
    )
    questions = [first]
    if given.asks_why:
        low = Condition(question="", low=SCALES[given.measure][0], high=LOW[given.measure])
        questions.append(Question(key=WHY, measure=TEXT, only_if=low))
    if given.then:
        questions.append(Question(key=THEN, measure=given.then))
    return Survey(
        key=given.key or secrets.token_hex(6),
        name=given.name.strip()[:80],
        questions=tuple(questions),
        active=bool(given.active),
        closed_by=given.closed_by,
        brand=int(given.brand) if given.brand.isdigit() else None,
        channel=given.channel or None,
        language=given.language if given.language in LANGUAGES else None,
        share=given.share,
        delay=_minutes(given.delay),
    )


def _minutes(said: str) -> float | None:
    if not said.strip():
        return None
    try:
        return float(said)
    except ValueError as error:
        raise Refused("The delay is a number of minutes.") from error


# ── the page ────────────────────────────────────────────────────────────────────────────────


def _page(conn: Connection, room: Room, caller: Caller) -> tuple[views.Shell, Page]:
    names = names_of(conn, room.channels, caller.viewer)
    channels = {box.channel: names.channels[box.channel] for box in room.inboxes().values()}
    known = surveys.all_surveys(conn)
    page = Page(
        forms=tuple(_form(one, names.brands, channels, caller.viewer) for one in known),
        fresh=_form(
            Survey(key="", name="", questions=(Question(key="", measure="nps"),), share=25),
            names.brands, channels, caller.viewer,
        ),
        pause=setup.setting(conn, "survey_pause_days", surveys.PAUSE_DAYS),
    )  # fmt: skip
    return present.shell(conn, caller.agent, caller.csrf, "settings"), page


def _form(survey: Survey, brands: dict[str, str], channels: dict[str, str], who: Viewer) -> Form:
    first, later = survey.questions[0], {one.key: one.measure for one in survey.questions[1:]}
    every = ("", t("All"))
    offered = (
        ("measure", t("Asks"), [(key, t(label)) for key, label in MEASURES.items()], first.measure),
        ("then", t("And then"), [("", t("Nothing")), *((k, t(v)) for k, v in MEASURES.items())], later.get(THEN, "")),
        ("closed_by", t("After what was closed by"), [(k, t(v)) for k, v in CLOSERS.items()], survey.closed_by),
        ("brand", t("Brand"), [every, *brands.items()], str(survey.brand or "")),
        ("channel", t("Channel"), [every, *channels.items()], survey.channel or ""),
        ("language", t("Language"), [every, *LANGUAGES.items()], survey.language or ""),
    )
    picks = tuple(views.Pick(name=n, label=label, options=tuple(o), chosen=c) for n, label, o, c in offered)
    where = [
        label for name, _, options, chosen in offered[3:] for value, label in options if chosen and value == chosen
    ]
    return Form(
        key=survey.key,
        name=survey.name,
        active=survey.active,
        picks=picks,
        share=survey.share,
        delay="" if survey.delay is None else f"{survey.delay:g}",
        wording=first.wording.get("en", ""),
        asks_why=WHY in later,
        told=" · ".join([t(MEASURES[first.measure]), *where, t("{n} % are asked", n=survey.share)]),
        changeable=_serves(who, survey),
    )
