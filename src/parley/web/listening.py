"""Listening: what customers talk about, in their words, how it moves, and what is suddenly more than usual."""

from collections import Counter

from litestar import Response, get
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler
from markupsafe import Markup
from sqlalchemy import Connection

from parley.core.errors import NotFound
from parley.services import hearing, remarks, setup
from parley.services.hearing import Overview, Quote, Topic
from parley.services.inbox import Viewer
from parley.web import present, views
from parley.web.desk import html
from parley.web.numbers import FEW
from parley.web.remarks import NAMES, Row, Said, address, between, chart, mood, rows, shared, week_links
from parley.web.remarks import Page as Heard
from parley.web.security import LEAD, Caller
from parley.web.state import Room
from parley.web.words import translate as t

SHOWN = 8  # themes with quotes; the others stand in a list


class Card(views.View, frozen=True, kw_only=True):
    """A topic. weeks: a small drawing; told: the same in words. href: everything that was said in it."""

    name: str
    href: str
    brand: str
    n: int
    weeks: Markup
    told: str
    mood: str
    change: str
    quotes: tuple[Quote, ...]


class Alert(views.View, frozen=True, kw_only=True):
    text: str
    detail: str
    href: str
    quotes: tuple[Quote, ...]


class Page(views.View, frozen=True, kw_only=True):
    """brands: (label, address, current), where there are several. heard: conversations in which anything was told.
    cards: the largest themes with quotes; others: those that follow them."""

    overview: Overview
    aspects: tuple[Row, ...]
    heard: int
    brands: tuple[tuple[str, str, bool], ...]
    alerts: tuple[Alert, ...]
    cards: tuple[Card, ...]
    others: tuple[Card, ...]


@get("/desk/listening", opt=LEAD, include_in_schema=False)
async def listening_page(room: Room, caller: Caller, brand: FromQuery[int | None] = None) -> Response[str]:
    shell, page = await room.ask(_page, room, caller, brand)
    return html(room.page("desk/listening.html", shell=shell, page=page))


@get("/desk/listening/themes/{message:int}", opt=LEAD, include_in_schema=False)
async def theme_page(
    room: Room,
    caller: Caller,
    message: FromPath[int],
    show: FromQuery[str] = "all",
    week: FromQuery[int | None] = None,
) -> Response[str]:
    shell, page = await room.ask(_theme_page, caller, message, show, week)
    return html(room.page("desk/heard.html", shell=shell, page=page))


@get("/api/v1/listening/themes/{message:int}", opt={"api": True, **LEAD}, tags=["numbers"])
async def theme_json(
    room: Room, who: Viewer, message: FromPath[int], week: FromQuery[int | None] = None
) -> hearing.Whole:
    """The theme in which a message stands now, with all that was said in it, the newest first."""
    return await room.ask(_theme, who, message, week, False)


@get("/api/v1/listening", opt={"api": True, **LEAD}, tags=["numbers"])
async def listening_json(room: Room, who: Viewer) -> Overview:
    """Themes of the last eight weeks with their mood and quotes, and what is suddenly more than usual."""
    return await room.ask(hearing.overview, who)


def routes() -> list[ControllerRouterHandler]:
    return [listening_page, theme_page, listening_json, theme_json]


def _page(conn: Connection, room: Room, caller: Caller, brand: int | None) -> tuple[views.Shell, Page]:
    who = caller.viewer
    found, told = hearing.overview(conn, who), remarks.overview(conn, who, room.record.clock(), brand)
    brands = {one.id: one.name for one in setup.all_brands(conn).values()}
    mine = {number: name for number, name in brands.items() if who.brands is None or number in who.brands}
    cards = [_card(topic, brands) for topic in found.topics if brand in (None, topic.brand)]
    page = Page(
        overview=found,
        aspects=rows(told),
        heard=sum(told.heard),
        brands=_brands(mine, brand),
        alerts=tuple(_alert(one, brands) for one in found.sudden if brand in (None, one.brand)),
        cards=tuple(cards[:SHOWN]),
        others=tuple(cards[SHOWN:]),
    )
    return present.shell(conn, caller.agent, caller.csrf, "numbers"), page


def _brands(mine: dict[int, str], chosen: int | None) -> tuple[tuple[str, str, bool], ...]:
    if len(mine) < 2:
        return ()
    found = [(name, f"/desk/listening?brand={number}", number == chosen) for number, name in mine.items()]
    return ((t("All brands"), "/desk/listening", chosen is None), *found)


def _alert(one: hearing.Sudden, brands: dict[int, str]) -> Alert:
    return Alert(
        text=t(
            "{n} people speak of “{topic}” since {time} UTC", n=one.people, topic=one.topic, time=f"{one.since:%H:%M}"
        ),
        href=f"/desk/listening/themes/{one.message}",
        detail=t("{brand}; {usual} would be usual.", brand=brands.get(one.brand, ""), usual=f"{one.usual:.1f}"),
        quotes=one.quotes,
    )


def _card(topic: Topic, brands: dict[int, str]) -> Card:
    return Card(
        name=topic.name, href=f"/desk/listening/themes/{topic.message}", n=topic.n,
        brand=brands.get(topic.brand, "") if len(brands) > 1 else "",
        weeks=_drawn(topic.weeks), mood=_mood(topic), change=_change(topic), quotes=topic.quotes,
        told=t("Messages by week, the newest last: {all}", all=", ".join(map(str, topic.weeks))),
    )  # fmt: skip


def _mood(topic: Topic) -> str:
    unhappy = round((topic.unhappy.value or 0) * topic.n)
    if topic.n < FEW:
        return t("{hits} of {n} unhappy", hits=unhappy, n=topic.n)
    low, high = topic.unhappy.interval.low or 0, topic.unhappy.interval.high or 0
    return t("{share} % unhappy ({low}–{high}), n = {n}", share=f"{(topic.unhappy.value or 0) * 100:.0f}",
             low=f"{low * 100:.0f}", high=f"{high * 100:.0f}", n=topic.n)  # fmt: skip


def _change(topic: Topic) -> str:
    """Of the last seven days against the weeks before; only where it is not noise."""
    if not topic.change.clear or topic.change.value is None:
        return ""
    points = f"{topic.change.value * 100:+.0f}"
    return t("{points} points of all messages in the last seven days", points=points)


def _drawn(weeks: tuple[int, ...]) -> Markup:
    top, width = max(1, *weeks), 96 / len(weeks)
    bars = Markup("").join(
        Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="1"/>').format(
            f"{place * width + 1:.1f}", f"{28 - 27 * n / top:.1f}", f"{width - 2:.1f}", f"{27 * n / top + 1:.1f}"
        )
        for place, n in enumerate(weeks)
    )
    return Markup('<svg viewBox="0 0 96 29" aria-hidden="true">{}</svg>').format(bars)


# ── one theme ───────────────────────────────────────────────────────────────────────────────


def _theme(conn: Connection, who: Viewer, message: int, week: int | None, unhappy: bool) -> hearing.Whole:
    found = hearing.theme(conn, who, message, week, unhappy)
    if found is None:
        raise NotFound("This theme is gone: what it held is older than eight weeks, or was put to other themes.")
    return found


def _theme_page(
    conn: Connection, caller: Caller, message: int, show: str, week: int | None
) -> tuple[views.Shell, Heard]:
    found = _theme(conn, caller.viewer, message, week, show == "bad")
    topic, here = found.topic, f"/desk/listening/themes/{message}"
    weeks = tuple(zip(topic.weeks, topic.unhappy_weeks, strict=True))
    labels = {"all": t("All"), "bad": t("Unhappy")}
    page = Heard(
        name=topic.name,
        lead=t("Messages of like meaning, named by the words that stand out in them. Every quote leads to its place."),
        facts=_facts(topic),
        counted=t("Messages by week; in red the unhappy ones"),
        chart=chart(weeks, found.as_of),
        weeks=week_links(weeks, found.as_of, week, lambda back: _place(here, show, back)),
        picks=tuple((label, _place(here, key, week), key == show) for key, label in labels.items()),
        quotes=tuple(_quoted(one) for one in found.quotes),
        beside=_complaints(conn, found),
    )
    return present.shell(conn, caller.agent, caller.csrf, "numbers"), page


def _place(here: str, show: str, week: int | None) -> str:
    asked = [f"show={show}"] if show != "all" else []
    asked += [f"week={week}"] if week is not None else []
    return f"{here}?{'&'.join(asked)}" if asked else here


def _facts(topic: Topic) -> tuple[tuple[str, str, str], ...]:
    unhappy = round((topic.unhappy.value or 0) * topic.n)
    return (
        (t("Messages"), f"{topic.n:,}", t("in eight weeks")),
        (t("Unhappy"), shared(unhappy, topic.n, topic.unhappy), between(topic.n, topic.unhappy)),
        (t("Last seven days"), f"{topic.weeks[-1]:,}", _change(topic) or t("no change beyond chance")),
    )


def _quoted(one: Quote) -> Said:
    bad, good = one.mood <= hearing.UNHAPPY, one.mood >= -hearing.UNHAPPY
    return Said(
        href=f"/desk/conversations/{one.conversation}#m{one.message}", text=one.text, at=one.at,
        mood=mood(-1 if bad else 1 if good else 0), about=t("unhappy") if bad else t("happy") if good else t("neither"),
    )  # fmt: skip


def _complaints(conn: Connection, found: hearing.Whole) -> tuple[tuple[str, str, int], ...]:
    """What the conversations of a theme complain of: (name, address, how many of them)."""
    told = Counter(a for own in remarks.of_conversations(conn, found.conversations).values() for a in own)
    return tuple((t(NAMES[key]), address(key, {}), n) for key, n in told.most_common(6) if key in NAMES)
