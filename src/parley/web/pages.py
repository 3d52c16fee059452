"""The desk's other pages: search, people, knowledge."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler
from markupsafe import escape
from sqlalchemy import Connection

from parley.core.errors import Refused
from parley.log.record import Tx
from parley.services import article_uses, care, inbox, knowledge, origins, people, sameness, search, setup
from parley.web import consents, formats, present, views
from parley.web.desk import Answer, html, lens, seen_other
from parley.web.forms import read_form
from parley.web.help import as_html, summary
from parley.web.security import ACT, Caller
from parley.web.state import Room
from parley.web.words import translate as t

PER_PAGE = 50
MONTH = timedelta(days=30)  # for which it is told how often the bot leaned on an article


# ── search ──────────────────────────────────────────────────────────────────────────────────


@get("/desk/search", include_in_schema=False)
async def search_page(room: Room, caller: Caller, q: FromQuery[str] = "") -> Answer:
    return html(await asyncio.to_thread(room.record.ask, _search_html, room, caller, q[:200]))


def _search_html(conn: Connection, room: Room, caller: Caller, q: str) -> str:
    here = lens(room, conn)
    hits = search.find(conn, room.record.database.name, q, caller.viewer)
    rows = present.rows(here, [hit.state for hit in hits])
    found = views.SearchPage(
        query=q,
        hits=tuple(
            views.Hit(row=row, passage=marked(hit.snippet or hit.state.preview, q))
            for row, hit in zip(rows, hits, strict=True)
        ),
        people=_people_rows(conn, people.newest(conn, q, limit=5), caller) if q.strip() else (),
        articles=tuple(article_row(a, {}) for a in _articles_like(conn, q)[:5]) if q.strip() else (),
    )
    shell = present.shell(conn, caller.agent, caller.csrf, "inbox")
    return room.page("desk/search.html", shell=shell, page=found)


def marked(passage: str, wanted: str) -> str:
    """A passage as safe HTML with the words that were looked for marked."""
    terms = {term.casefold() for term in wanted.split() if len(term) > 1}
    out = []
    for word in passage.split(" "):
        plain = word.strip(".,;:!?“”\"'()").casefold()
        hit = any(plain.startswith(term) for term in terms)
        out.append(f"<mark>{escape(word)}</mark>" if hit else escape(word))
    return " ".join(out)


# ── people ──────────────────────────────────────────────────────────────────────────────────


@get("/desk/people", include_in_schema=False)
async def people_page(
    room: Room, caller: Caller, q: FromQuery[str] = "", after: FromQuery[int | None] = None
) -> Answer:
    return html(await asyncio.to_thread(room.record.ask, _people_html, room, caller, q[:200], after))


def _people_html(conn: Connection, room: Room, caller: Caller, q: str, after: int | None) -> str:
    found = people.newest(conn, q, after, PER_PAGE + 1)
    rows = _people_rows(conn, found[:PER_PAGE], caller)
    shell = present.shell(conn, caller.agent, caller.csrf, "people")
    more = found[PER_PAGE - 1].id if len(found) > PER_PAGE else None
    return room.page("desk/people.html", shell=shell, rows=rows, query=q, after=more)


def _people_rows(conn: Connection, found: list[people.Person], caller: Caller) -> tuple[views.PersonRow, ...]:
    """People with what may be seen of their conversations; those of other brands alone are left out."""
    addresses = people.addresses_of(conn, [p.id for p in found])
    talks = inbox.summed_up(conn, [p.id for p in found], caller.viewer)
    rows = []
    for one in found:
        if one.id not in talks and caller.viewer.brands is not None:
            continue
        name = people.display_name(one, addresses.get(one.id, ()))
        count, still_open, last = talks.get(one.id, (0, 0, None))
        shown = tuple(i.value for i in addresses.get(one.id, ()) if i.kind in ("mail", "phone"))
        rows.append(
            views.PersonRow(
                id=one.id, name=name, initials=formats.initials(name), hue=formats.hue(name), addresses=shown,
                conversations=count, open=still_open, last_at=last,
            )
        )  # fmt: skip
    return tuple(rows)


@get("/desk/people/{number:int}", include_in_schema=False)
async def person_page(room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    """Whoever was merged is found where they are now."""
    known = await room.ask(_seen_person, caller, number)
    if known.merged_into:
        return seen_other(f"/desk/people/{known.merged_into}")
    return html(await asyncio.to_thread(room.record.ask, _person_html, room, caller, number))


def _seen_person(conn: Connection, caller: Caller, number: int) -> people.Person:
    inbox.may_see_person(conn, number, caller.viewer)
    return people.person(conn, number)


def _person_html(conn: Connection, room: Room, caller: Caller, number: int) -> str:
    inbox.may_see_person(conn, number, caller.viewer)
    page = present.person_page(lens(room, conn), number, caller.viewer, room.inboxes())
    alike = _suggested(conn, room, number, caller)
    shell = present.shell(conn, caller.agent, caller.csrf, "people")
    page = msgspec.structs.replace(page, alike=alike)
    return room.page("desk/person.html", shell=shell, page=page, consent=consents.known(conn, number))


def _suggested(conn: Connection, room: Room, number: int, caller: Caller) -> tuple[views.SamePerson, ...]:
    """Who may be the same human, as far as the caller may see them."""
    found = {one.person.id: one for one in sameness.suggested(conn, number, phone_kinds(room))}
    rows = _people_rows(conn, [one.person for one in found.values()], caller)
    return tuple(
        views.SamePerson(row=row, reasons=found[row.id].reasons, percent=min(99, round(100 * found[row.id].confidence)))
        for row in rows
    )


def phone_kinds(room: Room) -> frozenset[str]:
    """Kinds of addresses that may be phone numbers: those of channels that ring, and plain phone numbers."""
    manifests = (channel.manifest for channel in room.channels.values())
    return frozenset({"phone", *(m.identity_kind for m in manifests if m.rings)})


class Merging(msgspec.Struct):
    absorbed: str = ""


@post("/desk/people/{number:int}/merges", opt=ACT, include_in_schema=False)
async def merge(request: Request[Any, Any, Any], room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    form = await read_form(request, Merging)
    if not form.absorbed.isdigit():
        raise Refused("Say who is the same person.")

    def act(tx: Tx) -> None:
        for one in (number, int(form.absorbed)):
            inbox.may_see_person(tx.conn, one, caller.viewer)
        people.merge(tx, number, int(form.absorbed), "by hand", caller.viewer.by)

    await room.do(act)
    return seen_other(f"/desk/people/{number}")


@post("/desk/people/{number:int}/apart", opt=ACT, include_in_schema=False)
async def hold_apart(request: Request[Any, Any, Any], room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    form = await read_form(request, Merging)
    if not form.absorbed.isdigit():
        raise Refused("Say who is somebody else.")

    def act(tx: Tx) -> None:
        for one in (number, int(form.absorbed)):
            inbox.may_see_person(tx.conn, one, caller.viewer)
        sameness.hold_apart(tx, number, int(form.absorbed), caller.viewer.by)

    await room.do(act)
    return seen_other(f"/desk/people/{number}")


@post("/desk/people/{number:int}/merges/{absorbed:int}/undoing", opt=ACT, include_in_schema=False)
async def unmerge(room: Room, caller: Caller, number: FromPath[int], absorbed: FromPath[int]) -> Answer:
    def act(tx: Tx) -> None:
        inbox.may_see_person(tx.conn, number, caller.viewer)
        people.unmerge(tx, number, absorbed, caller.viewer.by)

    await room.do(act)
    return seen_other(f"/desk/people/{number}")


# ── knowledge ───────────────────────────────────────────────────────────────────────────────


@get("/desk/knowledge", include_in_schema=False)
async def knowledge_page(room: Room, caller: Caller, q: FromQuery[str] = "") -> Answer:
    return html(await asyncio.to_thread(room.record.ask, _knowledge_html, room, caller, q[:200]))


def _knowledge_html(conn: Connection, room: Room, caller: Caller, q: str) -> str:
    brands = setup.all_brands(conn)
    found = _articles_like(conn, q) if q.strip() else knowledge.every(conn)
    used = article_uses.counts(conn, caller.viewer, room.record.clock() - MONTH)
    rows = tuple(article_row(a, brands, used.get(a.slug, 0)) for a in found if knowledge.serves(a, caller.viewer))
    shell = present.shell(conn, caller.agent, caller.csrf, "knowledge")
    return room.page(
        "desk/knowledge.html", shell=shell, rows=rows, query=q, lead=caller.viewer.role in ("lead", "admin")
    )


def _articles_like(conn: Connection, q: str) -> list[knowledge.Article]:
    terms = [term.casefold() for term in q.split()]

    def rank(article: knowledge.Article) -> int:
        title, rest = article.title.casefold(), " ".join((article.body, *article.wordings, *article.tags)).casefold()
        return sum(4 * (term in title) + (term in rest) for term in terms)

    ranked = sorted(((rank(a), a) for a in knowledge.every(conn)), key=lambda pair: -pair[0])
    return [article for score, article in ranked if score >= len(terms)]


def article_row(a: knowledge.Article, brands: Mapping[int, setup.Brand], used: int = 0) -> views.ArticleRow:
    brand = brands.get(a.brand or 0)
    return views.ArticleRow(
        id=a.id,
        title=a.title,
        slug=a.slug,
        summary=summary(a.body),
        section=a.tags[0].title() if a.tags else "",
        brand=brand.name if brand else "",
        published=a.audience != "draft",
        internal=a.audience == "internal",
        changed_at=a.changed_at,
        used=used,
    )


@get("/desk/knowledge/{number:int}", include_in_schema=False)
async def article_page(room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    return html(await asyncio.to_thread(room.record.ask, _article_html, room, caller, number, False))


@get("/desk/knowledge/{number:int}/edit", opt=ACT, include_in_schema=False)
async def article_edit_page(room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    return html(await asyncio.to_thread(room.record.ask, _article_html, room, caller, number, True))


@get("/desk/knowledge/new", opt=ACT, include_in_schema=False)
async def article_new_page(room: Room, caller: Caller) -> Answer:
    return html(await asyncio.to_thread(room.record.ask, _article_html, room, caller, 0, True))


def _article_html(conn: Connection, room: Room, caller: Caller, number: int, edit: bool, problem: str = "") -> str:
    brands = setup.all_brands(conn)
    shell = present.shell(conn, caller.agent, caller.csrf, "knowledge")
    if number:
        found = knowledge.of_viewer(conn, number, caller.viewer)
        used = article_uses.counts(conn, caller.viewer, room.record.clock() - MONTH).get(found.slug, 0)
        row, author = article_row(found, brands, used), _author(conn, found.changed_by)
        page = views.ArticlePage(
            row=row, html=as_html(found.body, found.title), source=found.body, author=author,
            wordings="\n".join(found.wordings), tags=", ".join(found.tags),
        )  # fmt: skip
        came_from = origins.of_article(conn, number, caller.viewer)
    else:
        came_from = origins.Shown()
        page = views.ArticlePage(row=views.ArticleRow(id=0, title="", slug=""), html="")
    if not edit:
        return room.page(
            "desk/article.html",
            shell=shell,
            article=page,
            origins=came_from,
            care=_cared(conn, found, caller, room.record.clock()),
            lead=caller.viewer.role in ("lead", "admin"),
        )
    mine = [b for b in brands.values() if caller.viewer.brands is None or b.id in caller.viewer.brands]
    choices = [views.BrandLine(id=b.id, name=b.name, hue=formats.hue(b.name)) for b in mine]
    return room.page(
        "desk/article_edit.html", shell=shell, article=page, problem=problem, brands=choices, origins=came_from
    )


def _cared(conn: Connection, article: knowledge.Article, caller: Caller, now: datetime) -> views.ArticleCare:
    """Who looks after the article, and who else may."""
    who, its, agents = caller.viewer, care.of(conn, [article])[article.id], setup.all_agents(conn)
    owner = agents.get(its.owner or 0)
    writes = who.may_act and (who.brands is None or article.brand in who.brands)
    able, nobody = care.owners(conn, article.brand) if writes else [], ("", t("Nobody"), owner is None)
    return views.ArticleCare(
        owner=owner.name if owner else "", days=its.own_days, due=its.due,
        overdue=its.due is not None and its.due <= now, reviewed_at=its.reviewed_at,
        reviewer=_author(conn, its.reviewed_by), may_act=who.may_act and article.audience != "draft",
        owners=(nobody, *((str(a.id), a.name, a.id == its.owner) for a in able)) if able else (),
    )  # fmt: skip


def _author(conn: Connection, by: str) -> str:
    kind, _, number = by.partition("/")
    agents = setup.all_agents(conn)
    return agents[int(number)].name if kind == "agent" and number.isdigit() and int(number) in agents else ""


class Writing(msgspec.Struct):
    """What the editor sends. tags: separated by commas. wordings: one per line."""

    title: str = ""
    source: str = ""
    tags: str = ""
    wordings: str = ""
    brand: str = ""
    published: str = ""
    internal: str = ""


@post("/desk/knowledge", opt=ACT, include_in_schema=False)
async def write_article(request: Request[Any, Any, Any], room: Room, caller: Caller) -> Answer:
    return await _write(request, room, caller, None)


@post("/desk/knowledge/{number:int}", opt=ACT, include_in_schema=False)
async def rewrite_article(request: Request[Any, Any, Any], room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    return await _write(request, room, caller, number)


async def _write(request: Request[Any, Any, Any], room: Room, caller: Caller, number: int | None) -> Answer:
    form = await read_form(request, Writing)
    audience = ("internal" if form.internal else "public") if form.published else "draft"
    brand = int(form.brand) if form.brand.isdigit() else None

    def act(tx: Tx) -> int:
        knowledge.check_may_write(tx.conn, number, brand, caller.viewer)
        return knowledge.write(
            tx,
            form.title,
            form.source.replace("\r\n", "\n"),
            caller.viewer.by,
            article=number,
            brand=brand,
            audience=audience,
            tags=[tag.strip() for tag in form.tags.split(",") if tag.strip()],
            wordings=[line.strip() for line in form.wordings.splitlines() if line.strip()],
        )

    written = await room.do(act)
    room.bot.brain.soon(room.record)
    return seen_other(f"/desk/knowledge/{written}")


def routes() -> list[ControllerRouterHandler]:
    return [
        search_page, people_page, person_page, merge, hold_apart, unmerge, knowledge_page, article_page,
        article_edit_page, article_new_page, write_article, rewrite_article,
    ]  # fmt: skip
