"""Articles: what the company knows, written once, read by customers, agents and the bot."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    or_,
    select,
    update,
)

from parley.core.errors import NotAllowed, NotFound, Refused
from parley.core.trial import Change
from parley.log.many import among
from parley.log.record import Tx, chunks
from parley.log.tables import Moment, metadata
from parley.services.inbox import Viewer

articles = Table(
    "articles",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("slug", String(80), nullable=False),
    Column("brand", Integer),
    Column("title", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("audience", String(10), nullable=False),
    Column("tags", Text, nullable=False),
    Column("wordings", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String(60), nullable=False),
    UniqueConstraint("slug"),
)
_A = articles.c


class Article(msgspec.Struct, frozen=True, kw_only=True):
    """brand None: for all. audience: public, internal or draft. wordings: how customers ask for it."""

    id: int
    slug: str
    brand: int | None
    title: str
    body: str
    audience: str
    tags: tuple[str, ...]
    wordings: tuple[str, ...]
    version: int
    changed_at: datetime
    changed_by: str


def write(
    tx: Tx,
    title: str,
    body: str,
    by: str,
    *,
    slug: str | None = None,
    brand: int | None = None,
    audience: str = "public",
    tags: Sequence[str] = (),
    wordings: Sequence[str] = (),
    article: int | None = None,
    at: datetime | None = None,
) -> int:
    """Write a new article, or a new version of one. Returns its id."""
    title = title.strip()
    if not title or not body.strip():
        raise Refused("An article needs a title and a text.")
    if audience not in ("public", "internal", "draft"):
        raise Refused("An article is public, internal or a draft.")
    row = {
        "title": title[:200],
        "body": body,
        "brand": brand,
        "audience": audience,
        "tags": ",".join(tags),
        "wordings": msgspec.json.encode(list(wordings)),
        "changed_at": at or tx.at,
        "changed_by": by,
    }
    if article is not None:
        changed = update(articles).where(_A.id == article).values(**row, version=_A.version + 1)
        if not tx.conn.execute(changed).rowcount:
            raise NotFound("There is no such article.")
        return article
    row |= {"slug": _free_slug(tx.conn, slug or title), "version": 1}
    return int(tx.conn.execute(insert(articles).values(**row).returning(_A.id)).scalar_one())


def _free_slug(conn: Connection, wish: str) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", wish.lower()).strip("-")[:70] or "article"
    slug, number = base, 1
    while conn.execute(select(_A.id).where(_A.slug == slug)).first():
        number += 1
        slug = f"{base}-{number}"
    return slug


def add_wording(tx: Tx, article: int, wording: str) -> None:
    """A customer's or agent's confirmed way of asking joins the article; at most 40, oldest go."""
    one = by_id(tx.conn, article)
    words = [*(w for w in one.wordings if w != wording), wording.strip()[:200]][-40:]
    tx.conn.execute(update(articles).where(_A.id == article).values(wordings=msgspec.json.encode(words)))


# ── asks ────────────────────────────────────────────────────────────────────────────────────


def by_id(conn: Connection, number: int) -> Article:
    return _one(conn, _A.id == number)


def by_slug(conn: Connection, slug: str, *, public_only: bool = False) -> Article:
    clause = _A.slug == slug
    return _one(conn, clause & (_A.audience == "public") if public_only else clause)


def every(conn: Connection, *, audience: str | None = None, brand: int | None = None) -> list[Article]:
    question = select(articles).order_by(_A.title)
    if audience:
        question = question.where(_A.audience == audience)
    if brand is not None:
        question = question.where(or_(_A.brand == brand, _A.brand.is_(None)))
    return [_article(row) for row in conn.execute(question)]


def as_changed(conn: Connection, change: Change | None) -> list[Article]:
    """The public articles, in the way that a candidate of the bot has them."""
    public = every(conn, audience="public")
    if change is None or not change.of_articles:
        return public
    own = [one for one in public if one.id not in change.hidden] + some(conn, change.shown)
    return sorted((worded(one, change) for one in own), key=lambda one: one.title)


def worded(article: Article, change: Change | None) -> Article:
    """An article with the words that a candidate gives it."""
    for other in change.wordings if change else ():
        if other.article == article.id:
            return msgspec.structs.replace(article, title=other.title, body=other.body)
    return article


def some(conn: Connection, numbers: Sequence[int]) -> list[Article]:
    """The articles of these numbers; those that are not there are left out."""
    found = []
    for part in chunks(list(numbers), 500):
        found += [_article(row) for row in conn.execute(select(articles).where(_A.id.in_(part)))]
    return found


def by_slugs(conn: Connection, slugs: Collection[str]) -> dict[str, Article]:
    """The articles of these names in addresses; those that are not there are left out."""
    return {row.slug: _article(row) for row in among(conn, _A.slug, sorted(slugs))}


def stamp(conn: Connection) -> tuple[int, int]:
    """Changes whenever any article does; tells a cache when to read again."""
    count, versions = conn.execute(select(func.count(), func.coalesce(func.sum(_A.version), 0))).one()
    return int(count), int(versions)


def extent_of_wordings(conn: Connection) -> int:
    """Bytes of all wordings: it changes when one joins an article."""
    return int(conn.execute(select(func.coalesce(func.sum(func.length(_A.wordings)), 0))).scalar() or 0)


def serves(article: Article, who: Viewer) -> bool:
    """Whether an agent works with this article: it is for all brands, or for one of theirs."""
    return who.brands is None or article.brand is None or article.brand in who.brands


def of_viewer(conn: Connection, number: int, who: Viewer) -> Article:
    """An article an agent works with; NotFound also when it is another brand's."""
    article = by_id(conn, number)
    if not serves(article, who):
        raise NotFound("There is no such article.")
    return article


def check_may_write(conn: Connection, number: int | None, brand: int | None, who: Viewer) -> None:
    """An agent writes for the brands they serve; what all brands share is written by those who serve all."""
    touched = [brand] if number is None else [brand, of_viewer(conn, number, who).brand]
    if who.brands is not None and not all(one in who.brands for one in touched):
        raise NotAllowed("You write for your own brands only. Choose one of them.")


def _one(conn: Connection, clause) -> Article:  # type: ignore[no-untyped-def]
    row = conn.execute(select(articles).where(clause)).one_or_none()
    if row is None:
        raise NotFound("There is no such article.")
    return _article(row)


def _article(row) -> Article:  # type: ignore[no-untyped-def]
    fields = dict(row._mapping)
    fields["tags"] = tuple(t for t in row.tags.split(",") if t)
    fields["wordings"] = tuple(msgspec.json.decode(row.wordings))
    return Article(**fields)
