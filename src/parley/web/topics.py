"""What was learnt of topics, how far it can be relied on, and what the desk lets it do."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.types import ControllerRouterHandler
from markupsafe import Markup
from sqlalchemy import Connection

from parley.core import stats
from parley.services import sentence_model, topics, triage
from parley.web import plots, present
from parley.web.desk import Answer, html, seen_other
from parley.web.formats import percent
from parley.web.forms import read_form
from parley.web.security import LEAD, Caller
from parley.web.state import Room
from parley.web.words import translate as t

Asked = Request[Any, Any, Any]
HERE = "/desk/settings/topics"
WEEKS = timedelta(days=28)
PROMISES = (0.9, 0.95, 0.98, 0.99)
SHARES = tuple(share / 10 for share in range(1, 11))


class TopicsPage(msgspec.Struct, frozen=True, kw_only=True):
    """decided: promise and whether topics are told. learning: share done while a model is made, else None.

    reach: what the promise means, in words. chart: automation against risk. table: the same as numbers.
    """

    decided: triage.State
    learning: int | None = None
    trouble: str = ""
    right: str = ""
    reach: str = ""
    chart: Markup = Markup("")
    table: tuple[tuple[str, str], ...] = ()
    told: str = ""
    offered: str = ""
    may_change: bool = False
    promises: tuple[tuple[float, str], ...] = tuple((share, percent(share)) for share in PROMISES)


@get(HERE, include_in_schema=False)
async def page(room: Room, caller: Caller) -> Answer:
    return html(await asyncio.to_thread(room.record.ask, _html, room, caller))


def _html(conn: Connection, room: Room, caller: Caller) -> str:
    decided = triage.state(conn)
    model = decided.current
    done = room.trainer.learnt.progress
    seen = topics.score(conn, room.record.clock() - WEEKS)
    rows = _shares(model) if model else ()
    shown = TopicsPage(
        decided=decided,
        learning=None if done is None else round(done * 100),
        trouble=room.trainer.trouble or sentence_model.trouble(),
        right=_right(model) if model else "",
        reach=_reach(model, decided.promise) if model else "",
        chart=_chart(rows) if rows else Markup(""),
        table=tuple((percent(share), percent(risk, 1)) for share, risk in rows),
        told=_told(seen),
        offered=t("{taken} of {n} suggestions were taken", taken=seen.taken, n=seen.offered) if seen.offered else "",
        may_change=caller.agent.role in ("admin", "lead"),
    )
    shell = present.shell(conn, caller.agent, caller.csrf, "settings")
    return room.page("desk/topics.html", shell=shell, page=shown, settings_tab="topics")


def _right(model: triage.Model) -> str:
    if not model.tried:
        return t("Too few conversations are new to say how often it is right.")
    between = stats.wilson(round(model.right * model.tried), model.tried)
    return t(
        "Of {n} held-back conversations it named {share} rightly ({low} to {high}).",
        n=model.tried, share=percent(model.right), low=percent(between.low or 0), high=percent(between.high or 0),
    )  # fmt: skip


def _reach(model: triage.Model, promise: float) -> str:
    found = triage.reached(model, promise)
    if found is None:
        return t("No part of them can be told so surely yet; more tagged conversations help.")
    return t("{share} of new conversations can be told so surely; the rest stay suggestions.", share=percent(found[0]))


def _told(seen: topics.Score) -> str:
    judged = seen.right + seen.wrong
    if not seen.told:
        return ""
    if not judged:
        return t("{n} topics were told; none has been judged yet", n=seen.told)
    between = stats.wilson(seen.right, judged)
    return t(
        "{n} topics were told; of {judged} judged by agents {share} were left on ({low} to {high})",
        n=seen.told, judged=judged, share=percent(seen.right / judged), low=percent(between.low or 0),
        high=percent(between.high or 0),
    )  # fmt: skip


def _shares(model: triage.Model) -> tuple[tuple[float, float], ...]:
    """(share answered by itself, share of that which is wrong), in steps of a tenth; only what was measured."""
    found = []
    for share in SHARES:
        near = [(abs(coverage - share), 1 - precision) for coverage, precision, _ in model.curve]
        if near and min(near)[0] <= 0.05:
            found.append((share, min(near)[1]))
    return tuple(found)


def _chart(rows: Sequence[tuple[float, float]]) -> Markup:
    columns = [
        plots.Bar(
            value=round(risk * 100, 2),
            name=percent(share),
            hint=t("{share} told, {risk} of them wrong", share=percent(share), risk=percent(risk, 1)),
        )
        for share, risk in rows
    ]
    about = t("The share of wrong topics in per cent, by the share of conversations that are told one.")
    return plots.bars("risk", t("Automation against risk"), about, columns)


class Decided(msgspec.Struct):
    tell: str = ""
    promise: float = 0.95


@post(HERE, opt=LEAD, include_in_schema=False)
async def decide(request: Asked, room: Room) -> Answer:
    form = await read_form(request, Decided)
    await room.do(triage.decide, bool(form.tell), form.promise)
    return seen_other(HERE)


@post(f"{HERE}/learning", opt=LEAD, include_in_schema=False)
async def learn(room: Room) -> Answer:
    """Learn anew now, beside everything else."""
    room.trainer.ask()
    return seen_other(HERE)


@post(f"{HERE}/return", opt=LEAD, include_in_schema=False)
async def go_back(room: Room) -> Answer:
    """The model before takes over again."""
    await room.do(triage.go_back)
    return seen_other(HERE)


def routes() -> list[ControllerRouterHandler]:
    return [page, decide, learn, go_back]
