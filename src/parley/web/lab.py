"""The lab: candidates of the bot, replays of a day to both, the trial with real conversations, and the way back."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core import trial
from parley.core.errors import Refused
from parley.core.trial import Change, Wording
from parley.services import adoption, candidates, comparison, knowledge, procedures, replays, setup, understanding
from parley.services.candidates import Candidate
from parley.services.inbox import Viewer
from parley.web import present, views
from parley.web.desk import Answer, html, seen_other
from parley.web.forms import read_form
from parley.web.security import LEAD, Caller
from parley.web.state import Room
from parley.web.words import translate as t

Asked = Request[Any, Any, Any]
HERE = "/desk/lab"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate in the list. differs: what is different, in words."""

    candidate: Candidate
    by: str
    differs: tuple[str, ...]
    replay: replays.Summary | None = None


class CandidatePage(msgspec.Struct, frozen=True, kw_only=True):
    """wordings: (title and text now, title and text then). since, until: proposed for a replay."""

    line: Line
    brand: str
    wordings: tuple[tuple[knowledge.Article, Wording], ...]
    replays: tuple[replays.Summary, ...]
    comparison: comparison.Comparison
    changed_by: str
    busy: bool
    shares: tuple[int, ...] = trial.SHARES
    holdouts: tuple[int, ...] = trial.HOLDOUTS
    since: str = ""
    until: str = ""


# ── pages ───────────────────────────────────────────────────────────────────────────────────


@get(HERE, opt=LEAD, include_in_schema=False)
async def lab_page(room: Room, caller: Caller) -> Response[str]:
    shell, lines = await room.ask(_list, caller, room.record.clock())
    return html(room.page("desk/lab.html", shell=shell, lines=lines))


def _list(conn: Connection, caller: Caller, now: datetime) -> tuple[views.Shell, list[Line]]:
    return present.shell(conn, caller.agent, caller.csrf, "knowledge"), lines(conn, caller.viewer, now)


def lines(conn: Connection, who: Viewer, now: datetime) -> list[Line]:
    """Those in trial first, then the newest."""
    found = candidates.every(conn, who)
    last = candidates.last_replays(conn, [one.id for one in found])
    told = [
        Line(
            candidate=one, by=_name(conn, one.made_by), differs=in_words(conn, one.change),
            replay=replays.summary(conn, last[one.id], now) if one.id in last else None,
        )
        for one in found
    ]  # fmt: skip
    return sorted(told, key=lambda line: line.candidate.state != candidates.RUNNING)


def _name(conn: Connection, by: str) -> str:
    kind, _, number = by.partition("/")
    agents = setup.all_agents(conn) if kind == "agent" else {}
    return agents[int(number)].name if kind == "agent" and int(number) in agents else by


def in_words(conn: Connection, change: Change) -> tuple[str, ...]:
    """What a candidate changes, each in a line."""
    numbers = [*change.shown, *change.hidden, *(one.article for one in change.wordings)]
    titles = {one.id: one.title for one in knowledge.some(conn, numbers)}
    gone, made = t("an article that is gone"), {one.name: t(one.title) for one in procedures.every(conn, setup.Look())}
    told = []
    for share, label in ((change.promise, t("answers that are right")), (change.choice, t("choices that are right"))):
        if share is not None:
            told.append(t("Promise: {n} % of {what}", n=round(share * 100), what=label))
    told += [t("Other wording of “{title}”", title=titles.get(one.article, gone)) for one in change.wordings]
    told += [t("Answers from the draft “{title}”", title=titles.get(one, gone)) for one in change.shown]
    told += [t("Does not answer from “{title}”", title=titles.get(one, gone)) for one in change.hidden]
    told += [t("“{procedure}” is on", procedure=made[one]) for one in change.does if one in made]
    told += [t("“{procedure}” is off", procedure=made[one]) for one in change.leaves if one in made]
    told += [f"{_limit_label(name, made)}: {value}" for name, value in change.limits.items()]
    if change.rewrites is not None:
        told.append(t("A language model words answers") if change.rewrites else t("No language model words answers"))
    return tuple(told)


def _limit_label(name: str, titles: Mapping[str, str]) -> str:
    procedure, _, limit = name.partition(".")
    return f"{titles.get(procedure, procedure)}, {limit.replace('_', ' ')}"


@get(HERE + "/new", opt=LEAD, include_in_schema=False)
async def new_page(request: Asked, room: Room, caller: Caller) -> Response[str]:
    article = request.query_params.get("article", "")
    fields = await room.ask(_form, caller, int(article) if article.isdigit() else None)
    return html(room.page("desk/lab_new.html", **fields))


def _form(conn: Connection, caller: Caller, article: int | None) -> dict[str, Any]:
    who = caller.viewer
    mine = [one for one in knowledge.every(conn) if knowledge.serves(one, who)]
    usual = candidates.limits(conn)
    made = procedures.every(conn, setup.Look())
    brands = [b for b in setup.all_brands(conn).values() if who.brands is None or b.id in who.brands]
    return {
        "shell": present.shell(conn, caller.agent, caller.csrf, "knowledge"),
        "brands": brands, "all_brands": who.brands is None,
        "public": [one for one in mine if one.audience == "public"],
        "drafts": [one for one in mine if one.audience == "draft"],
        "procedures": [(one.name, t(one.title), _state(one, brands)) for one in made],
        "limits": [
            (f"{one.name}.{limit.name}", t(one.title), t(limit.label), usual[f"{one.name}.{limit.name}"])
            for one in made for limit in one.limits
        ],
        "article": next((one for one in mine if one.id == article), None),
        "promises": understanding.promises_of(conn),
    }  # fmt: skip


def _state(procedure: Any, brands: list[setup.Brand]) -> str:
    on = sum(procedures.permitted(procedure, brand.look) for brand in brands)
    return t("on now") if on == len(brands) else t("off now") if not on else t("on for some brands now")


class NewCandidate(msgspec.Struct):
    """Shares in per cent; empty: as it is. does: names of procedures that are on, leaves: off."""

    name: str = ""
    brand: str = ""
    promise: str = ""
    choice: str = ""
    rewrites: str = ""
    article: str = ""
    title: str = ""
    body: str = ""
    shown: list[str] = []
    hidden: list[str] = []


@post(HERE, opt=LEAD, include_in_schema=False)
async def make(request: Asked, room: Room, who: Viewer) -> Answer:
    form = await read_form(request, NewCandidate)
    more = {key: str(value) for key, value in (await request.form()).items()}
    change, brand = _change(form, more), int(form.brand) if form.brand.isdigit() else None
    number = await room.do(candidates.make, form.name or t("Without a name"), change, who, brand)
    return seen_other(f"{HERE}/{number}")


def _change(form: NewCandidate, more: Mapping[str, str]) -> Change:
    switched = {key.partition(".")[2]: value for key, value in more.items() if key.startswith("procedure.")}
    limits = {key.partition(".")[2]: value for key, value in more.items() if key.startswith("limit.") and value.strip()}
    if any(not value.strip().isdigit() for value in limits.values()):
        raise Refused("A limit is a whole number.")
    wordings: tuple[Wording, ...] = ()
    if form.article.isdigit() and form.body.strip():
        wordings = (Wording(article=int(form.article), title=form.title, body=form.body.replace("\r\n", "\n")),)
    return Change(
        promise=_share(form.promise),
        choice=_share(form.choice),
        shown=tuple(int(one) for one in form.shown if one.isdigit()),
        hidden=tuple(int(one) for one in form.hidden if one.isdigit()),
        wordings=wordings,
        does=tuple(name for name, value in switched.items() if value == "on"),
        leaves=tuple(name for name, value in switched.items() if value == "off"),
        limits={name: int(value) for name, value in limits.items()},
        rewrites={"on": True, "off": False}.get(form.rewrites),
    )


def _share(said: str) -> float | None:
    if not said.strip():
        return None
    if not said.strip().isdigit():
        raise Refused("Say a promise in per cent, as a whole number.")
    return int(said) / 100


@get(HERE + "/{number:int}", opt=LEAD, include_in_schema=False)
async def candidate_page(room: Room, caller: Caller, number: FromPath[int]) -> Response[str]:
    shell, page = await room.ask(_candidate, caller, number, room.record.clock(), room.lab.busy)
    return html(room.page("desk/candidate.html", shell=shell, page=page))


def _candidate(
    conn: Connection, caller: Caller, number: int, now: datetime, busy: bool
) -> tuple[views.Shell, CandidatePage]:
    one = candidates.of_viewer(conn, number, caller.viewer)
    articles = {article.id: article for article in knowledge.some(conn, [w.article for w in one.change.wordings])}
    held = tuple(replays.summary(conn, replay, now) for replay in candidates.replays_of(conn, number))
    brand = setup.all_brands(conn).get(one.brand or 0)
    line = Line(candidate=one, by=_name(conn, one.made_by), differs=in_words(conn, one.change))
    yesterday = (now - timedelta(days=1)).date()
    page = CandidatePage(
        line=line, brand=brand.name if brand else t("All brands"), replays=held,
        wordings=tuple((articles[w.article], w) for w in one.change.wordings if w.article in articles),
        comparison=comparison.comparison(conn, one, now), changed_by=_name(conn, one.changed_by), busy=busy,
        since=yesterday.isoformat(), until=yesterday.isoformat(),
    )  # fmt: skip
    return present.shell(conn, caller.agent, caller.csrf, "knowledge"), page


@get(HERE + "/replays/{number:int}", opt=LEAD, include_in_schema=False)
async def replay_page(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Response[str]:
    kind, after = request.query_params.get("kind", "changed"), request.query_params.get("after", "")
    place = int(after) if after.isdigit() else 0
    fields = await room.ask(_replay, caller, number, room.record.clock(), "" if kind == "all" else kind, place)
    part = request.headers.get("x-fragment") == "replay"
    return html(room.page("desk/_replay.html" if part else "desk/replay.html", kind=kind, place=place, **fields))


def _replay(conn: Connection, caller: Caller, number: int, now: datetime, kind: str, after: int) -> dict[str, Any]:
    replay = candidates.replay(conn, number, caller.viewer)
    lines = replays.shown(conn, number, caller.viewer, kind, after)
    slugs = {o.source for line in lines.rows for o in (line.old, line.new) if o.kind == trial.ANSWERED}
    titles = {slug: (article.id, article.title) for slug, article in knowledge.by_slugs(conn, slugs).items()}
    return {
        "shell": present.shell(conn, caller.agent, caller.csrf, "knowledge"),
        "summary": replays.summary(conn, replay, now), "lines": lines, "articles": titles,
        "candidate": candidates.of_viewer(conn, replay.candidate, caller.viewer), "alike": replays.ALIKE,
        "procedures": {one.name: t(one.title) for one in procedures.every(conn, setup.Look())},
        "kinds": trial.KINDS,
    }  # fmt: skip


# ── acts ────────────────────────────────────────────────────────────────────────────────────


class Period(msgspec.Struct):
    """Days, both included. everywhere: also what no bot answered then."""

    since: str = ""
    until: str = ""
    everywhere: str = ""


@post(HERE + "/{number:int}/replays", opt=LEAD, include_in_schema=False)
async def replay(request: Asked, room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    form = await read_form(request, Period)
    since, until = days(form.since, form.until)
    begun = await asyncio.to_thread(room.lab.begin, number, since, until, bool(form.everywhere), who)
    return seen_other(f"{HERE}/replays/{begun}")


def days(since: str, until: str) -> tuple[datetime, datetime]:
    """From the first moment of a day to the last of another, UTC as all figures are."""
    try:
        first, last = date.fromisoformat(since), date.fromisoformat(until or since)
    except ValueError as error:
        raise Refused("Say the first and the last day.") from error
    midnight = datetime.min.time()
    return datetime.combine(first, midnight, UTC), datetime.combine(last, midnight, UTC) + timedelta(days=1)


@post(HERE + "/replays/{number:int}/end", opt=LEAD, include_in_schema=False)
async def end_replay(room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    one = await room.ask(candidates.replay, number, caller.viewer)
    await asyncio.to_thread(room.lab.stop, number, caller.agent.name)
    return seen_other(f"{HERE}/{one.candidate}")


class RollOut(msgspec.Struct):
    """Per cent."""

    share: int = 0
    holdout: int = 0


@post(HERE + "/{number:int}/rollout", opt=LEAD, include_in_schema=False)
async def approve(request: Asked, room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    form = await read_form(request, RollOut)
    await room.do(candidates.approve, number, who, form.share, form.holdout)
    await read_ahead(room, number, who)
    return seen_other(f"{HERE}/{number}")


async def read_ahead(room: Room, number: int, who: Viewer) -> None:
    """Begin to read the candidate's articles: nobody gets it before they are read."""
    one = await room.ask(candidates.of_viewer, number, who)
    await asyncio.to_thread(room.bot.brain.ready_for, room.record, one.change)


@post(HERE + "/{number:int}/rollout/end", opt=LEAD, include_in_schema=False)
async def stop(room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    await room.do(candidates.stop, number, who)
    return seen_other(f"{HERE}/{number}")


@post(HERE + "/{number:int}/discarding", opt=LEAD, include_in_schema=False)
async def discard(room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    await room.do(candidates.discard, number, who)
    return seen_other(f"{HERE}/{number}")


@post(HERE + "/{number:int}/discarding/undoing", opt=LEAD, include_in_schema=False)
async def restore(room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    await room.do(candidates.restore, number, who)
    return seen_other(f"{HERE}/{number}")


@post(HERE + "/{number:int}/adoption", opt=LEAD, include_in_schema=False)
async def adopt(room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    await room.do(adoption.adopt, number, who)
    changed(room)
    return seen_other(f"{HERE}/{number}")


@post(HERE + "/{number:int}/adoption/undoing", opt=LEAD, include_in_schema=False)
async def undo_adoption(room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    await room.do(adoption.undo, number, who)
    changed(room)
    return seen_other(f"{HERE}/{number}")


def changed(room: Room) -> None:
    """Articles and brands may be others now."""
    room.setup_changed()
    room.bot.brain.soon(room.record)


def routes() -> list[ControllerRouterHandler]:
    return [
        lab_page, new_page, make, candidate_page, replay_page, replay, end_replay, approve, stop, discard, restore,
        adopt, undo_adoption,
    ]  # fmt: skip
