"""Looking after articles: what is due to be read over, what contradicts itself, what people are not helped by."""

import csv
import io
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get, post, put
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core.errors import Refused
from parley.services import article_uses, care, clashes, knowledge, setup
from parley.services.article_uses import Use
from parley.services.care import Care
from parley.services.inbox import Viewer
from parley.web import present, views
from parley.web.desk import Answer, html, seen_other
from parley.web.forms import read_form
from parley.web.security import ACT, LEAD, Caller
from parley.web.state import Room

SOON = timedelta(days=30)
Asked = Request[Any, Any, Any]


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """An article as it is looked after. overdue: to be read over by now. unused: public, and nobody was answered from
    it in twelve weeks, though it has been there as long."""

    id: int
    title: str
    brand: int | None
    audience: str
    changed_at: datetime
    care: Care
    owner: str = ""
    overdue: bool = False
    use: Use = Use()
    unused: bool = False


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Articles, those that are due first; pairs that contradict each other."""

    articles: tuple[Looked, ...]
    clashes: clashes.Overview


def found(conn: Connection, who: Viewer, now: datetime) -> Found:
    """All articles that the viewer works with, and how they do."""
    every = [one for one in knowledge.every(conn) if knowledge.serves(one, who)]
    cared, agents = care.of(conn, every), setup.all_agents(conn)
    long_ago = now - timedelta(weeks=article_uses.UNUSED_WEEKS)
    used, uses = article_uses.used_since(conn, long_ago), article_uses.by_slug(conn, who, now)
    rows = []
    for one in every:
        its = cared[one.id]
        owner = agents.get(its.owner or 0)
        rows.append(
            Looked(
                id=one.id, title=one.title, brand=one.brand, audience=one.audience, changed_at=one.changed_at,
                care=its, owner=owner.name if owner else "", overdue=its.due is not None and its.due <= now,
                use=uses.get(one.slug, Use()),
                unused=one.audience == "public" and one.slug not in used and one.changed_at < long_ago,
            )
        )  # fmt: skip
    rows.sort(key=lambda row: (row.care.due is None, row.care.due or now, row.title))
    return Found(articles=tuple(rows), clashes=clashes.overview(conn, who))


# ── addresses ───────────────────────────────────────────────────────────────────────────────


@get("/desk/knowledge/review", include_in_schema=False)
async def review_page(room: Room, caller: Caller) -> Response[str]:
    shell, page = await room.ask(_page, caller, room.record.clock())
    return html(room.page("desk/review.html", shell=shell, page=page))


@get("/desk/knowledge/review.csv", include_in_schema=False)
async def review_csv(room: Room, who: Viewer) -> Response[str]:
    rows = await room.ask(found, who, room.record.clock())
    headers = {"content-disposition": 'attachment; filename="articles.csv"'}
    return Response(as_csv(rows), media_type="text/csv", headers=headers)


@get("/api/v1/knowledge/review", opt={"api": True}, tags=["knowledge"])
async def review_json(room: Room, who: Viewer) -> Found:
    """How each article is looked after and how it does, and pairs of articles that contradict each other."""
    return await room.ask(found, who, room.record.clock())


@post("/desk/knowledge/{number:int}/reviews", opt=ACT, include_in_schema=False)
async def review(room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    await room.do(care.review, number, who)
    return seen_other(f"/desk/knowledge/{number}")


@post("/api/v1/articles/{number:int}/reviews", opt={"api": True, **ACT}, status_code=204, tags=["knowledge"])
async def review_by_api(room: Room, who: Viewer, number: FromPath[int]) -> None:
    """The article was read over and is still right."""
    await room.do(care.review, number, who)


class Caring(msgspec.Struct):
    """owner: an agent. days: between two reviews; empty: as the brand has it, 0: never."""

    owner: str = ""
    days: str = ""


@post("/desk/knowledge/{number:int}/care", opt=ACT, include_in_schema=False)
async def entrust(request: Asked, room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    form = await read_form(request, Caring)
    await room.do(care.entrust, number, int(form.owner) if form.owner.isdigit() else None, _days(form.days), who)
    return seen_other(f"/desk/knowledge/{number}")


class NewCare(msgspec.Struct):
    """owner: an agent's number, or null. days: between two reviews; null: as its brand, 0: never."""

    owner: int | None = None
    days: int | None = None


@put("/api/v1/articles/{number:int}/care", opt={"api": True, **ACT}, status_code=204, tags=["knowledge"])
async def entrust_by_api(room: Room, who: Viewer, number: FromPath[int], data: JSONBody[NewCare]) -> None:
    """Give an article an owner, and say how often it is read over."""
    await room.do(care.entrust, number, data.owner, data.days, who)


class Rhythm(msgspec.Struct):
    """brand: empty for what all brands share. days: empty for never."""

    brand: str = ""
    days: str = ""


@post("/desk/knowledge/rhythm", opt=LEAD, include_in_schema=False)
async def agree_on_rhythm(request: Asked, room: Room, who: Viewer) -> Answer:
    form = await read_form(request, Rhythm)
    brand = int(form.brand) if form.brand.isdigit() else None
    await room.do(care.agree_on_rhythm, brand, _days(form.days), who)
    return seen_other("/desk/knowledge/review")


class Agreeing(msgspec.Struct):
    """pair: the name of two sentences."""

    pair: str = ""


@post("/desk/knowledge/agreements", opt=ACT, include_in_schema=False)
async def agree(request: Asked, room: Room, who: Viewer) -> Answer:
    form = await read_form(request, Agreeing)
    await room.do(clashes.hold_to_agree, form.pair, who)
    return seen_other("/desk/knowledge/review#contradictions")


def _days(said: str) -> int | None:
    if not said.strip():
        return None
    if not said.strip().isdigit():
        raise Refused("Say a number of days, or nothing.")
    return int(said)


def routes() -> list[ControllerRouterHandler]:
    return [
        review_page, review_csv, review_json, review, review_by_api, entrust, entrust_by_api, agree_on_rhythm, agree,
    ]  # fmt: skip


# ── the page ────────────────────────────────────────────────────────────────────────────────


class Page(views.View, frozen=True, kw_only=True):
    """due: overdue or due in the next thirty days, the first first; later: the others that have a date.

    bad: followed badly more often than the others. few: how many have too few answers to tell. rhythms: (brand, name,
    days) that the viewer may set.
    """

    due: tuple[Looked, ...]
    later: tuple[Looked, ...]
    clashes: clashes.Overview
    bad: tuple[Looked, ...]
    compared: int
    few: int
    unused: tuple[Looked, ...]
    brands: Mapping[int, str]
    rhythms: tuple[tuple[str, str, int | None], ...] = ()


def _page(conn: Connection, caller: Caller, now: datetime) -> tuple[views.Shell, Page]:
    who = caller.viewer
    rows = found(conn, who, now)
    brands = {brand.id: brand.name for brand in setup.all_brands(conn).values()}
    compared = [row for row in rows.articles if row.use.n >= article_uses.FEWEST]
    bad = sorted((row for row in compared if row.use.worse), key=lambda row: -(row.use.against.value or 0))
    dated = [(row.care.due, row) for row in rows.articles if row.care.due is not None]
    page = Page(
        due=tuple(row for due, row in dated if due < now + SOON),
        later=tuple(row for due, row in dated if due >= now + SOON),
        clashes=rows.clashes,
        bad=tuple(bad),
        compared=len(compared),
        few=sum(1 for row in rows.articles if 0 < row.use.n < article_uses.FEWEST),
        unused=tuple(sorted((row for row in rows.articles if row.unused), key=lambda row: row.changed_at)),
        brands=brands,
        rhythms=_rhythms(conn, who, brands) if who.role in ("admin", "lead") else (),
    )
    return present.shell(conn, caller.agent, caller.csrf, "knowledge"), page


def _rhythms(conn: Connection, who: Viewer, brands: Mapping[int, str]) -> tuple[tuple[str, str, int | None], ...]:
    usual = care.rhythms(conn)
    mine = [(str(n), name, usual.get(str(n))) for n, name in brands.items() if who.brands is None or n in who.brands]
    return tuple([("", "", usual.get(care.ALL)), *mine] if who.brands is None else mine)


HEAD = (
    "article", "title", "brand", "audience", "owner", "review due", "reviewed", "answers in 8 weeks", "handed over",
    "low answers", "came back", "share followed badly", "low", "high", "clearly worse than the others",
    "unused for 12 weeks",
)  # fmt: skip


def as_csv(rows: Found) -> str:
    """One line an article. Shares are of the answers; low and high bound them at 95 % (Wilson)."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(HEAD)
    for row in rows.articles:
        use, its = row.use, row.care
        table.writerow(
            [
                row.id, _plain(row.title), row.brand or "", row.audience, _plain(row.owner), _day(its.due),
                _day(its.reviewed_at), use.n, use.handed_over, use.unhelpful, use.again, _share(use.rate.value),
                _share(use.rate.interval.low), _share(use.rate.interval.high), "yes" if use.worse else "",
                "yes" if row.unused else "",
            ]
        )  # fmt: skip
    return out.getvalue()


def _plain(text: str) -> str:
    """A title must not be a formula to whoever opens the table."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else ""


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
