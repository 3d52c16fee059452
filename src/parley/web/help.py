"""The help centre: public articles of a brand, to read, search and print. Needs no script."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import nh3
from litestar import MediaType, Request, Response, get
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler
from markdown_it import MarkdownIt
from markupsafe import Markup
from sqlalchemy import Connection

from parley.core.errors import NotFound
from parley.core.identity import looks_like_mail
from parley.services import knowledge, setup
from parley.services.knowledge import Article
from parley.web import formats, views
from parley.web.security import PUBLIC
from parley.web.state import Room
from parley.web.words import translate as t

TEN = 10
_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h2", "h3", "h4", "hr", "li", "ol", "p", "pre", "strong", "table",
    "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_WORD = re.compile(r"\w{2,}")


@get(["/help", "/help/of/{brand:int}"], opt=PUBLIC, include_in_schema=False)
async def help_home(
    request: Request[Any, Any, Any], room: Room, brand: FromPath[int | None] = None, q: FromQuery[str] = ""
) -> Response[str]:
    """A brand's articles by section, and what was found for `q`. Brands with a site of their own may also
    be asked for by that site's address."""
    chosen, articles = await room.ask(_shelf, brand, request.headers.get("host", ""))
    home = views.HelpHome(
        sections=_sections(articles),
        useful=tuple(_row(a) for a in articles[:TEN]) if len(articles) > TEN else (),
        query=q[:200],
        hits=tuple(_row(a) for a in found(articles, q[:200])),
    )
    return _page(room.page("help/home.html", public=_shell(room, chosen, brand), page=home))


@get(["/help/{slug:str}", "/help/of/{brand:int}/{slug:str}"], opt=PUBLIC, include_in_schema=False)
async def help_article(
    request: Request[Any, Any, Any], room: Room, slug: FromPath[str], brand: FromPath[int | None] = None
) -> Response[str]:
    article = await room.ask(knowledge.by_slug, slug, public_only=True)
    chosen, articles = await room.ask(_shelf, brand or article.brand, request.headers.get("host", ""))
    if article.brand is not None and chosen and article.brand != chosen.id:
        raise NotFound("There is no such article.")
    shown = views.ArticlePage(row=_row(article), html=as_html(article.body, article.title))
    alike = [a for a in articles if a.id != article.id and set(a.tags) & set(article.tags)]
    more = [_row(a) for a in alike[:5]]
    return _page(room.page("help/article.html", public=_shell(room, chosen, brand), article=shown, more=more))


def _page(html: str) -> Response[str]:
    return Response(html, media_type=MediaType.HTML, headers={"cache-control": "public, max-age=60"})


def _shelf(conn: Connection, brand: int | None, host: str) -> tuple[setup.Brand | None, list[Article]]:
    """The brand that is meant (by number, by the address asked, else the first) and its public articles."""
    brands = setup.all_brands(conn)
    if brand is not None and brand not in brands:
        raise NotFound("There is no such help centre.")
    by_host = (b for b in brands.values() if b.look.site and urlsplit(b.look.site).netloc == host)
    chosen = brands[brand] if brand is not None else next(by_host, next(iter(brands.values()), None))
    return chosen, knowledge.every(conn, audience="public", brand=chosen.id if chosen else None)


def _shell(room: Room, brand: setup.Brand | None, asked: int | None) -> views.PublicShell:
    name = brand.name if brand else ""
    mails = [i.address for i in room.inboxes().values() if brand and i.brand == brand.id and looks_like_mail(i.address)]
    return views.PublicShell(
        brand=name,
        hue=formats.hue(name),
        home=f"/help/of/{asked}" if asked else "/help",
        contact=f"mailto:{mails[0]}" if mails else "",
        site=brand.look.site if brand and brand.look.site.startswith(("https://", "http://")) else "",
    )


def _row(article: Article) -> views.ArticleRow:
    return views.ArticleRow(
        id=article.id,
        title=article.title,
        slug=article.slug,
        summary=summary(article.body),
        section=article.tags[0] if article.tags else "",
        changed_at=article.changed_at,
    )


def _sections(articles: Sequence[Article]) -> tuple[views.HelpSection, ...]:
    by_tag: dict[str, list[views.ArticleRow]] = {}
    for article in articles:
        row = _row(article)
        by_tag.setdefault(row.section, []).append(row)
    titles = sorted(by_tag, key=lambda title: (title == "", title))
    return tuple(
        views.HelpSection(title=title.replace("-", " ").capitalize() or t("Other"), articles=tuple(by_tag[title]))
        for title in titles
    )


def found(articles: Sequence[Article], wanted: str) -> list[Article]:
    """Articles that have all the words, then those that have some; the title counts most."""
    words = {w.casefold() for w in _WORD.findall(wanted)}
    scored = [(score, article) for article in articles if (score := _score(article, words))]
    return [article for _, article in sorted(scored, key=lambda pair: (-pair[0], pair[1].title))[:20]]


def _score(article: Article, words: set[str]) -> float:
    """A word counts by the best place it stands in; an article that has them all counts double."""
    places = (
        (4.0, article.title.casefold()),
        (3.0, " ".join((*article.tags, *article.wordings)).casefold()),
        (1.0, article.body.casefold()),
    )
    weights = [max((w for w, text in places if word in text), default=0.0) for word in words]
    return sum(weights) * (2.0 if weights and all(weights) else 1.0)


# ── an article's text ───────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=512)
def as_html(body: str, title: str = "") -> str:
    """An article as HTML that is safe to show: no raw HTML, no script, no picture from elsewhere."""
    lines = body.strip().split("\n")
    if title and lines[0].lstrip("# ").strip() == title and lines[0].startswith("# "):
        lines = lines[1:]  # the page says the title already
    html = _markdown().render("\n".join(lines))
    html = re.sub(r"<(/?)h1>", r"<\1h2>", html)
    clean = nh3.clean(html, tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto", "tel"})
    return Markup(clean)


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def summary(body: str, length: int = 140) -> str:
    """The first words of an article, without marks."""
    for paragraph in body.split("\n\n"):
        text = " ".join(re.sub(r"[*_`>#]|\[|\]\([^)]*\)", "", paragraph).split())
        if text and not paragraph.lstrip().startswith(("#", "|", "-")):
            return text if len(text) <= length else text[: length - 1].rstrip() + "…"
    return ""


def routes() -> list[ControllerRouterHandler]:
    return [help_home, help_article]
