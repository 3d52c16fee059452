"""Journeys: which step follows which, how long it takes, where it hurts, and one person's touchpoints in order."""

import csv
import io
import itertools
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec
from litestar import Response, get
from litestar.di import Provide
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler
from markupsafe import Markup
from sqlalchemy import Connection

from parley.core import touchpoints
from parley.core.measure import moment
from parley.core.pain import Pain
from parley.core.stats import Interval
from parley.core.visits import PAGE
from parley.services import inbox, journeys, orders, people
from parley.services.figures import PERIODS
from parley.services.inbox import Viewer
from parley.services.journeys import Choice, Found, Quote
from parley.web import present, views
from parley.web.desk import html
from parley.web.journey_picture import picture
from parley.web.numbers import Days, duration, names_of
from parley.web.security import LEAD, Caller
from parley.web.state import Room
from parley.web.words import translate as t

TALKS = 60  # conversations of a person that are told
GAP = timedelta(hours=1)  # a pause that is worth telling


class Sore(views.View, frozen=True, kw_only=True):
    """A step that hurts, in words."""

    name: str
    score: str
    told: tuple[str, ...]
    quotes: tuple[Quote, ...]


class Page(views.View, frozen=True, kw_only=True):
    found: Found
    period: str
    periods: tuple[tuple[str, str, bool], ...]
    kept: str
    query: str
    picks: tuple[views.Pick, ...]
    drawing: Markup
    edges: tuple[tuple[str, ...], ...]
    ways: tuple[tuple[str, str], ...]
    loops: tuple[tuple[str, ...], ...]
    sores: tuple[Sore, ...]


class Touch(views.View, frozen=True, kw_only=True):
    """A touchpoint. pause: how long after the one before, where that is worth telling."""

    at: datetime
    text: str
    detail: str = ""
    href: str = ""
    icon: str = "message-circle"
    pause: str = ""


def choice(
    period: Days = 28, channel: FromQuery[str] = "", brand: FromQuery[str] = "", topic: FromQuery[str] = ""
) -> Choice:
    """What an address asks for; a form sends empty fields for what was not chosen."""
    return Choice(days=period, channel=channel, brand=int(brand) if brand.isdigit() else None, topic=topic)


ASKED = {"asked": Provide(choice, sync_to_thread=False)}

# ── addresses ───────────────────────────────────────────────────────────────────────────────


@get("/desk/journeys", opt=LEAD, include_in_schema=False, dependencies=ASKED)
async def journeys_page(room: Room, caller: Caller, asked: Choice) -> Response[str]:
    shell, page = await room.ask(_page, room, caller, asked)
    return html(room.page("desk/journeys.html", shell=shell, page=page))


@get("/desk/journeys.csv", opt=LEAD, include_in_schema=False, dependencies=ASKED)
async def journeys_csv(room: Room, who: Viewer, asked: Choice) -> Response[str]:
    found = await room.ask(journeys.found, who, asked, room.record.clock())
    headers = {"content-disposition": f'attachment; filename="journeys-{asked.days}-days.csv"'}
    return Response(as_csv(found), media_type="text/csv", headers=headers)


@get("/api/v1/journeys", opt={"api": True, **LEAD}, tags=["numbers"], dependencies=ASKED)
async def journeys_json(room: Room, who: Viewer, asked: Choice) -> Found:
    """What the journeys page shows: steps that follow each other, whole ways, loops, and where it hurts. Times in
    seconds."""
    return await room.ask(journeys.found, who, asked, room.record.clock())


@get("/desk/people/{number:int}/journey", include_in_schema=False)
async def person_journey(room: Room, caller: Caller, number: FromPath[int]) -> Response[str]:
    """Everything that happened between a person and us, in order."""
    shell, name, touches = await room.ask(_of_person, room, caller, number)
    return html(room.page("desk/journey.html", shell=shell, name=name, person=number, touches=touches))


def routes() -> list[ControllerRouterHandler]:
    return [journeys_page, journeys_csv, journeys_json, person_journey]


# ── the page ────────────────────────────────────────────────────────────────────────────────


def _page(conn: Connection, room: Room, caller: Caller, choice: Choice) -> tuple[views.Shell, Page]:
    who = caller.viewer
    found = journeys.found(conn, who, choice, room.record.clock())
    words = {step: t(name) for step, name in touchpoints.NAMES.items()}
    about = t("{n} conversations; a line's number is how often one step came directly after the other, and half of the "
              "times took at most what stands beside it.", n=found.cases)  # fmt: skip
    page = Page(
        found=found,
        period=str(choice.days),
        periods=tuple((str(days), t(label), days == choice.days) for days, label in PERIODS.items()),
        kept=_query(choice, period=False),
        query=_query(choice),
        picks=_picks(conn, room, who, choice, found),
        drawing=picture(found.edges, found.steps, words, t("Which step follows which"), about),
        edges=tuple((words[e.a], words[e.b], str(e.count), duration(e.median)) for e in found.edges),
        ways=tuple((" → ".join(words[s] for s in way.steps), _of(way.cases, found.cases)) for way in found.variants),
        loops=tuple((words[loop.step], _of(loop.cases, found.cases), str(loop.extra)) for loop in found.loops),
        sores=tuple(_sore(one.pain, one.quotes, words, found.cases) for one in found.worst),
    )
    return present.shell(conn, caller.agent, caller.csrf, "numbers"), page


def _query(choice: Choice, period: bool = True) -> str:
    chosen = {"channel": choice.channel, "brand": choice.brand or "", "topic": choice.topic}
    return urlencode({**({"period": choice.days} if period else {}), **{k: v for k, v in chosen.items() if v}})


def _picks(conn: Connection, room: Room, who: Viewer, choice: Choice, found: Found) -> tuple[views.Pick, ...]:
    names = names_of(conn, room.channels, who)
    topics = {topic: topic for topic in sorted({*found.topics, *([choice.topic] if choice.topic else [])})}
    offered = (
        ("channel", t("Channel"), names.channels, choice.channel),
        ("brand", t("Brand"), names.brands, str(choice.brand or "")),
        ("topic", t("Topic"), topics, choice.topic),
    )
    return tuple(
        views.Pick(name=name, label=label, options=(("", t("All")), *known.items()), chosen=chosen)
        for name, label, known, chosen in offered
        if len(known) > 1 or chosen
    )


def _of(cases: int, n: int) -> str:
    return t("{cases} of {n} ({share} %)", cases=cases, n=n, share=f"{100 * cases / n:.0f}" if n else "0")


def _sore(pain: Pain, quotes: tuple[Quote, ...], words: dict[str, str], n: int) -> Sore:
    median = pain.median
    told = [
        t("{of} go this way", of=_of(pain.cases, n)),
        t("half wait {time} or longer", time=duration(median.value or 0))
        + _between(median.interval)
        + t(", {more} more than the best quarter", more=duration(pain.excess.value or 0)),
        t("{points} points more of them end badly ({low} to {high}; n = {n} against {other})",
          points=f"{(pain.rise.value or 0) * 100:+.0f}", low=f"{(pain.rise.interval.low or 0) * 100:+.0f}",
          high=f"{(pain.rise.interval.high or 0) * 100:+.0f}", n=pain.ended, other=pain.ended_other),
    ]  # fmt: skip
    if not pain.rise.clear:
        told.append(t("which may be chance"))
    return Sore(name=f"{words[pain.a]} → {words[pain.b]}", score=score(pain), told=tuple(told), quotes=quotes)


def _between(times: Interval) -> str:
    low, high = times.low, times.high
    return f" ({duration(low)}–{duration(high)})" if low is not None and high is not None else ""


def score(pain: Pain) -> str:
    low, high = pain.score.interval.low, pain.score.interval.high
    value = f"{pain.score.value or 0:.1f}"
    return value if low is None or high is None else f"{value} ({low:.1f}–{high:.1f})"


COLUMNS = ("figure", "from_step", "to_step", "value", "low", "high", "n", "median_seconds", "since", "until")


def as_csv(found: Found) -> str:
    """Every figure of the page, one to a line."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(COLUMNS)
    span = (found.since.isoformat(), found.until.isoformat())
    rows: list[tuple[object, ...]] = [("step", s, "", n, "", "", found.cases, "") for s, n in found.steps.items()]
    rows += [("follows", e.a, e.b, e.count, "", "", found.cases, e.median) for e in found.edges]
    rows += [("way", " > ".join(way.steps), "", way.cases, "", "", found.cases, "") for way in found.variants]
    rows += [("again", loop.step, loop.step, loop.cases, "", "", found.cases, "") for loop in found.loops]
    for one in found.worst:
        pain = one.pain
        bounds = (pain.score.interval.low, pain.score.interval.high)
        rows.append(("pain", pain.a, pain.b, pain.score.value, *bounds, pain.cases, pain.median.value))
    table.writerows((*row, *span) for row in rows)
    return out.getvalue()


# ── one person ──────────────────────────────────────────────────────────────────────────────

ICONS = {
    touchpoints.CALLED: "phone", touchpoints.BOT: "bot", touchpoints.ANSWERED: "reply", touchpoints.CLOSED: "check",
    touchpoints.LEFT: "x", touchpoints.LOW: "star", touchpoints.CONTENT: "star",
}  # fmt: skip


def _of_person(conn: Connection, room: Room, caller: Caller, number: int) -> tuple[views.Shell, str, tuple[Touch, ...]]:
    inbox.may_see_person(conn, number, caller.viewer)
    known = people.identities_of(conn, number)
    name = people.display_name(people.person(conn, number), known)
    talks = {state.id: state for state in inbox.of_person(conn, number, caller.viewer, TALKS)}
    labels = {name: channel.manifest.label for name, channel in room.channels.items()}
    found = [
        Touch(
            at=moment(at), text=t(touchpoints.NAMES[what]), href=f"/desk/conversations/{talk}",
            icon=ICONS.get(what, "message-circle"),
            detail=" · ".join(x for x in (labels.get(way.channel, ""), talks[talk].subject) if x),
        )
        for talk, way in journeys.ways_of(conn, talks).items()
        for what, at, _ in way.path()
        if what != touchpoints.LOOKED
    ]  # fmt: skip
    for one in journeys.seen_by(conn, caller.viewer, [i.id for i in known], talks):
        text = t("Looked at a page") if one.name == PAGE else one.name.replace("_", " ").capitalize()
        found.append(Touch(at=one.at, text=text, detail=one.page, icon="globe"))
    for order in orders.of_mails(conn, [i.value for i in known if i.kind == "mail"], 50):
        what = ", ".join(item.name for item in order.items)
        found.append(
            Touch(at=order.placed_at, text=t("Ordered {number}", number=order.number), detail=what, icon="tag")
        )
        if order.delivered_at:
            found.append(Touch(at=order.delivered_at, text=t("Received {number}", number=order.number), icon="tag"))
    found.sort(key=lambda touch: touch.at)
    return present.shell(conn, caller.agent, caller.csrf, "people"), name, _with_pauses(found)


def _with_pauses(found: list[Touch]) -> tuple[Touch, ...]:
    told = found[:1]
    for before, one in itertools.pairwise(found):
        gap = one.at - before.at
        pause = t("{time} later", time=duration(gap.total_seconds())) if gap >= GAP else ""
        told.append(msgspec.structs.replace(one, pause=pause))
    return tuple(told)
