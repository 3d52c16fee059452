"""What customers say of what: aspects with the share that complains, over weeks, and the quotes behind every figure."""

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlencode

from litestar import Response, get
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler
from markupsafe import Markup
from sqlalchemy import Connection

from parley.core.errors import NotFound
from parley.core.language import LANGUAGES
from parley.core.stats import Change, Estimate
from parley.services import remarks, setup
from parley.services.inbox import Viewer
from parley.services.remarks import Aspect, Overview, Quotes
from parley.web import plots, present, views
from parley.web.desk import html
from parley.web.numbers import FEW
from parley.web.security import LEAD, Caller
from parley.web.state import Room
from parley.web.words import translate as t

NAMES = {
    "delivery": "Delivery", "quality": "Quality and damage", "price": "Price", "payment": "Payment and invoices",
    "returns": "Returns and refunds", "people": "People and service", "waiting": "Waiting for an answer",
    "website": "Website and app", "information": "Information and instructions", "packaging": "Packaging",
    "fit": "Size and fit", "order": "Orders: wrong, missing, cancelled", "choice": "Choice and availability",
    "general": "In general",
}  # fmt: skip
MOODS = {"bad": -1, "good": 1, "neither": 0}


class Row(views.View, frozen=True, kw_only=True):
    """An aspect in the list. span: its interval drawn; weeks: a small drawing, told: the same in words. change: empty
    where it may be chance."""

    key: str
    name: str
    share: str
    note: str
    span: Markup
    weeks: Markup
    told: str
    change: str
    worse: bool


class Said(views.View, frozen=True, kw_only=True):
    """A quote, and what it leads to."""

    href: str
    text: str
    mood: str
    about: str
    at: datetime


class Page(views.View, frozen=True, kw_only=True):
    """One aspect or theme with its quotes. facts: (label, value, note). weeks: (label, told, href, current). picks:
    which quotes, (label, href, current). counted: what the chart shows. more: address of the next quotes."""

    name: str
    lead: str
    facts: tuple[tuple[str, str, str], ...]
    counted: str
    chart: Markup
    weeks: tuple[tuple[str, str, str, bool], ...]
    picks: tuple[tuple[str, str, bool], ...]
    quotes: tuple[Said, ...]
    more: str = ""
    beside: tuple[tuple[str, str, int], ...] = ()


# ── addresses ───────────────────────────────────────────────────────────────────────────────


@get("/desk/listening/aspects/{aspect:str}", opt=LEAD, include_in_schema=False)
async def aspect_page(
    room: Room,
    caller: Caller,
    aspect: FromPath[str],
    show: FromQuery[str] = "bad",
    week: FromQuery[int | None] = None,
    brand: FromQuery[int | None] = None,
    before: FromQuery[int | None] = None,
) -> Response[str]:
    shell, page = await room.ask(_page, room, caller, aspect, show, week, brand, before)
    return html(room.page("desk/heard.html", shell=shell, page=page))


@get("/api/v1/listening/aspects", opt={"api": True, **LEAD}, tags=["numbers"])
async def aspects_json(room: Room, who: Viewer, brand: FromQuery[int | None] = None) -> Overview:
    """What customers speak of in eight weeks, and how many conversations complain of it; those with most first."""
    return await room.ask(remarks.overview, who, room.record.clock(), brand)


@get("/api/v1/listening/aspects/{aspect:str}", opt={"api": True, **LEAD}, tags=["numbers"])
async def aspect_json(
    room: Room,
    who: Viewer,
    aspect: FromPath[str],
    polarity: FromQuery[int | None] = None,
    week: FromQuery[int | None] = None,
    brand: FromQuery[int | None] = None,
    before: FromQuery[int | None] = None,
) -> Quotes:
    """The quotes behind an aspect, the newest first. polarity: -1, 0 or 1. week: 0 for the last seven days."""
    _known(aspect)
    return await room.ask(_quotes, who, aspect, room.record.clock(), polarity, brand, week, before)


def routes() -> list[ControllerRouterHandler]:
    return [aspect_page, aspects_json, aspect_json]


def _known(aspect: str) -> None:
    if aspect not in NAMES:
        raise NotFound("There is no such aspect.")


def _quotes(
    conn: Connection, who: Viewer, aspect: str, now: datetime, polarity: int | None, brand: int | None,
    week: int | None, before: int | None,
) -> Quotes:  # fmt: skip
    return remarks.quotes(conn, who, aspect, now=now, polarity=polarity, brand=brand, week=week, before=before)


# ── in the list ─────────────────────────────────────────────────────────────────────────────


def rows(found: Overview) -> tuple[Row, ...]:
    return tuple(_row(one) for one in found.aspects)


def _row(one: Aspect) -> Row:
    weeks = tuple((week.n, week.negative) for week in one.weeks)
    return Row(
        key=one.aspect, name=t(NAMES.get(one.aspect, one.aspect)), share=shared(one.negative, one.n, one.unhappy),
        note=t("{hits} of {n} conversations complain", hits=one.negative, n=one.n), span=spanned(one.n, one.unhappy),
        weeks=two_toned(weeks), change=changed(one.change), worse=(one.change.value or 0) > 0,
        told=t("Complaints by week, the newest last: {all}", all=", ".join(f"{bad} / {n}" for n, bad in weeks)),
    )  # fmt: skip


def shared(hits: int, n: int, found: Estimate) -> str:
    """A share; of few only the count."""
    if n < FEW:
        return t("{hits} of {n}", hits=hits, n=n)
    return f"{(found.value or 0) * 100:.0f} %"


def between(n: int, found: Estimate) -> str:
    if n < FEW:
        return t("too few for a share")
    return t("95 % sure: {low} to {high} %", low=f"{(found.interval.low or 0) * 100:.0f}",
             high=f"{(found.interval.high or 0) * 100:.0f}")  # fmt: skip


def changed(change: Change) -> str:
    """Only what is no noise."""
    if not change.clear or change.value is None:
        return ""
    return t("{points} points of all conversations in seven days", points=f"{change.value * 100:+.0f}")


def spanned(n: int, found: Estimate) -> Markup:
    """Where between 0 and 100 % a share lies, and how sure that is."""
    low, high = (found.interval.low or 0) * 100, (found.interval.high or 0) * 100
    dot = Markup('<circle cx="{}%" cy="8" r="4"/>').format(f"{(found.value or 0) * 100:.1f}") if n >= FEW else ""
    return Markup(
        '<svg class="span" aria-hidden="true"><line class="rail" x1="0%" x2="100%" y1="8" y2="8"/>'
        '<line class="sure" x1="{}%" x2="{}%" y1="8" y2="8"/>{}</svg>'
    ).format(f"{low:.1f}", f"{high:.1f}", dot)


def two_toned(weeks: tuple[tuple[int, int], ...]) -> Markup:
    """Small columns of (all, complaints)."""
    top, width = max(1, *(n for n, _ in weeks)), 96 / len(weeks)
    box = Markup('<rect{} x="{}" y="{}" width="{}" height="{}" rx="1"/>')
    drawn = Markup("")
    for place, (n, bad) in enumerate(weeks):
        for kind, value in (("", n), (Markup(' class="bad"'), bad)):
            if value or not kind:
                high = 27 * value / top + 1
                drawn += box.format(
                    kind, f"{place * width + 1:.1f}", f"{29 - high:.1f}", f"{width - 2:.1f}", f"{high:.1f}"
                )
    return Markup('<svg viewBox="0 0 96 29" aria-hidden="true">{}</svg>').format(drawn)


# ── one aspect ──────────────────────────────────────────────────────────────────────────────


def _page(
    conn: Connection, room: Room, caller: Caller, aspect: str, show: str, week: int | None, brand: int | None,
    before: int | None,
) -> tuple[views.Shell, Page]:  # fmt: skip
    _known(aspect)
    who, now = caller.viewer, room.record.clock()
    found = next((one for one in remarks.overview(conn, who, now, brand).aspects if one.aspect == aspect), None)
    told = _quotes(conn, who, aspect, now, MOODS.get(show), brand, week, before)
    brands = {one.id: one.name for one in setup.all_brands(conn).values()}
    own = {"show": show, "week": week, "brand": brand}
    labels = {"bad": t("Complaints"), "good": t("Praise"), "neither": t("Neither"), "all": t("All")}
    weeks = tuple((w.n, w.negative) for w in found.weeks) if found else ()
    page = Page(
        name=t(NAMES[aspect]),
        lead=t(
            "What customers said of it in the last eight weeks, sentence by sentence. Every quote leads to its place."
        ),
        facts=_facts(found),
        counted=t("Conversations that speak of it, by week; in red those that complain"),
        chart=chart(weeks, now),
        weeks=week_links(weeks, now, week, lambda back: address(aspect, {**own, "week": back})),
        picks=tuple((label, address(aspect, {**own, "show": key}), key == show) for key, label in labels.items()),
        quotes=tuple(_said(one, brands) for one in told.quotes),
        more=address(aspect, {**own, "before": told.before}) if told.before else "",
    )
    return present.shell(conn, caller.agent, caller.csrf, "numbers"), page


def address(aspect: str, asked: dict[str, object]) -> str:
    kept = urlencode({key: value for key, value in asked.items() if value is not None})
    return f"/desk/listening/aspects/{aspect}" + (f"?{kept}" if kept else "")


def _facts(one: Aspect | None) -> tuple[tuple[str, str, str], ...]:
    if one is None:
        return ()
    change = changed(one.change) or t("no change beyond chance")
    return (
        (t("Complain"), shared(one.negative, one.n, one.unhappy), between(one.n, one.unhappy)),
        (t("Last seven days"), _of(one.weeks[-1]), change),
        (t("Strong complaints"), f"{one.strong:,}", t("of {n} that complain", n=f"{one.negative:,}")),
        (t("Praise, no complaint"), f"{one.positive:,}", t("of {n} conversations that speak of it", n=f"{one.n:,}")),
    )


def _of(week: remarks.Week) -> str:
    return t("{hits} of {n}", hits=week.negative, n=week.n)


def chart(weeks: tuple[tuple[int, int], ...], now: datetime) -> Markup:
    """Conversations by week, those that complain in the strong colour."""
    if not weeks:
        return Markup("")
    columns = [
        plots.Bar(name=_week(len(weeks) - 1 - place, now), value=n, part=bad,
                  hint=t("{when}: {bad} of {n} complain", when=_week(len(weeks) - 1 - place, now), bad=bad, n=n))
        for place, (n, bad) in enumerate(weeks)
    ]  # fmt: skip
    return plots.bars(
        "weeks", t("Conversations by week"), t("Those that complain stand in the strong colour."), columns, 180
    )


def _week(back: int, now: datetime) -> str:
    """The first day of seven, so many weeks ago."""
    return f"{now - timedelta(days=7 * (back + 1)):%-d %b}"


def week_links(
    weeks: tuple[tuple[int, int], ...], now: datetime, chosen: int | None, link: Callable[[int | None], str]
) -> tuple[tuple[str, str, str, bool], ...]:
    if not weeks:
        return ()
    found = [(t("All"), t("weeks"), link(None), chosen is None)]
    for place, (n, bad) in enumerate(weeks):
        back = len(weeks) - 1 - place
        found.append((_week(back, now), t("{hits} of {n}", hits=bad, n=n), link(back), chosen == back))
    return tuple(found)


def _said(one: remarks.Quote, brands: dict[int, str]) -> Said:
    strengths = {1: t("mild"), 2: t("clear"), 3: t("strong")}
    kind = {-1: t("complaint"), 0: t("neither"), 1: t("praise")}[one.polarity]
    told = [f"{strengths[one.strength]} {kind}" if one.strength in strengths else kind]
    told += [t(LANGUAGES.get(one.language, one.language))] if one.language != "en" else []
    told += [brands.get(one.brand, "")] if len(brands) > 1 else []
    return Said(
        href=f"/desk/conversations/{one.conversation}#m{one.message}", text=one.text,
        about=" · ".join(filter(None, told)),
        mood=mood(one.polarity, one.strength), at=one.at,
    )  # fmt: skip


def mood(polarity: int, strength: int = 2) -> str:
    """The class by which a quote is coloured."""
    return ("is-worst" if strength > 2 else "is-bad") if polarity < 0 else "is-good" if polarity > 0 else ""
