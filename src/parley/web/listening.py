"""Listening: what customers talk about, in their words, how it moves, and what is suddenly more than usual."""

from litestar import Response, get
from litestar.types import ControllerRouterHandler
from markupsafe import Markup
from sqlalchemy import Connection

from parley.services import hearing, setup
from parley.services.hearing import Overview, Quote, Topic
from parley.services.inbox import Viewer
from parley.web import present, views
from parley.web.desk import html
from parley.web.numbers import FEW
from parley.web.security import LEAD, Caller
from parley.web.state import Room
from parley.web.words import translate as t


class Card(views.View, frozen=True, kw_only=True):
    """A topic. weeks: a small drawing; told: the same in words."""

    name: str
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
    quotes: tuple[Quote, ...]


class Page(views.View, frozen=True, kw_only=True):
    overview: Overview
    alerts: tuple[Alert, ...]
    cards: tuple[Card, ...]


@get("/desk/listening", opt=LEAD, include_in_schema=False)
async def listening_page(room: Room, caller: Caller) -> Response[str]:
    shell, page = await room.ask(_page, room, caller)
    return html(room.page("desk/listening.html", shell=shell, page=page))


@get("/api/v1/listening", opt={"api": True, **LEAD}, tags=["numbers"])
async def listening_json(room: Room, who: Viewer) -> Overview:
    """Themes of the last eight weeks with their mood and quotes, and what is suddenly more than usual."""
    return await room.ask(hearing.overview, who)


def routes() -> list[ControllerRouterHandler]:
    return [listening_page, listening_json]


def _page(conn: Connection, room: Room, caller: Caller) -> tuple[views.Shell, Page]:
    found = hearing.overview(conn, caller.viewer)
    brands = {brand.id: brand.name for brand in setup.all_brands(conn).values()}
    page = Page(
        overview=found,
        alerts=tuple(_alert(one, brands) for one in found.sudden),
        cards=tuple(_card(topic, brands) for topic in found.topics),
    )
    return present.shell(conn, caller.agent, caller.csrf, "numbers"), page


def _alert(one: hearing.Sudden, brands: dict[int, str]) -> Alert:
    return Alert(
        text=t(
            "{n} people speak of “{topic}” since {time} UTC", n=one.people, topic=one.topic, time=f"{one.since:%H:%M}"
        ),
        detail=t("{brand}; {usual} would be usual.", brand=brands.get(one.brand, ""), usual=f"{one.usual:.1f}"),
        quotes=one.quotes,
    )


def _card(topic: Topic, brands: dict[int, str]) -> Card:
    return Card(
        name=topic.name, brand=brands.get(topic.brand, "") if len(brands) > 1 else "", n=topic.n,
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
