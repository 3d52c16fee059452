"""Who looks after an article, and when it is to be read over.

The owner and the rhythm are facts on the article's own stream. An article without a rhythm of its own has that of its
brand (a setting); without either it is never due. Writing a new version is no review: whoever changes a price has not
read the rest.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Column, Connection, Index, Integer, String, Table, bindparam, insert, select, update

from parley.core import events as e
from parley.core.errors import NotAllowed, Refused
from parley.log.record import Tx
from parley.log.tables import Moment, metadata
from parley.services import knowledge, setup
from parley.services.inbox import Viewer

LONGEST = 1095  # days between two reviews
KEY = "article_review"
ALL = "0"  # under which the rhythm of articles for all brands is kept

care = Table(
    "article_care",
    metadata,
    Column("article", Integer, primary_key=True, autoincrement=False),
    Column("owner", Integer),
    Column("days", Integer),
    Column("since", Moment, nullable=False),
    Column("reviewed_at", Moment),
    Column("reviewed_by", String(60), nullable=False),
)
_C = care.c
Index("ix_article_care_owner", _C.owner)
agreed = Table("articles_agreed", metadata, Column("pair", String(64), primary_key=True))


class CareReader:
    """One row for each article that was entrusted or read over; one for each pair of sentences held to agree."""

    name = "article-care"
    in_step = True
    kinds = (e.ArticleEntrusted, e.ArticleReviewed, e.ArticlesAgree)
    tables = (care, agreed)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        for r in batch:
            if isinstance(r.event, e.ArticleEntrusted):
                self._keep(tx, r, {"owner": r.event.owner, "days": r.event.days})
            elif isinstance(r.event, e.ArticleReviewed):
                self._keep(tx, r, {"reviewed_at": r.at, "reviewed_by": r.by})
            elif isinstance(r.event, e.ArticlesAgree):
                known = select(agreed.c.pair).where(agreed.c.pair == r.event.pair)
                if tx.conn.execute(known).first() is None:
                    tx.conn.execute(insert(agreed).values(pair=r.event.pair))

    def _keep(self, tx: Tx, r: e.Recorded, changed: Mapping[str, object]) -> None:
        if not tx.conn.execute(update(care).where(_C.article == r.subject_id).values(**changed)).rowcount:
            row = {"article": r.subject_id, "since": r.at, "reviewed_by": "", **changed}
            tx.conn.execute(insert(care).values(row))


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def entrust(tx: Tx, article: int, owner: int | None, days: int | None, who: Viewer) -> None:
    """Give an article an owner and a rhythm. days: None as its brand, 0 never."""
    found = knowledge.of_viewer(tx.conn, article, who)
    knowledge.check_may_write(tx.conn, article, found.brand, who)
    _check_days(days)
    if owner is not None and owner not in {one.id for one in owners(tx.conn, found.brand)}:
        raise Refused("An article is looked after by somebody who works for its brand and may write.")
    tx.append(e.article(article), [e.ArticleEntrusted(owner=owner, days=days)], who.by)


def review(tx: Tx, article: int, who: Viewer) -> None:
    """It was read over and is still right."""
    if not who.may_act:
        raise NotAllowed("Articles are read over by those who may write.")
    knowledge.of_viewer(tx.conn, article, who)
    tx.append(e.article(article), [e.ArticleReviewed()], who.by)


def agree_on_rhythm(tx: Tx, brand: int | None, days: int | None, who: Viewer) -> None:
    """For leads: how often articles of a brand (None: those of all) are read over; None: not by themselves."""
    if who.role not in ("admin", "lead"):
        raise NotAllowed("How often articles are read over is decided by leads.")
    if who.brands is not None and brand not in who.brands:
        raise NotAllowed("You decide for your own brands only. Choose one of them.")
    _check_days(days)
    kept = {**rhythms(tx.conn)}
    kept.pop(str(brand or ALL), None)
    if days:
        kept[str(brand or ALL)] = days
    setup.set_setting(tx, KEY, kept)


def _check_days(days: int | None) -> None:
    if days is not None and not 0 <= days <= LONGEST:
        raise Refused(f"Articles are read over every 1 to {LONGEST} days, or never (0).")


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Care(msgspec.Struct, frozen=True, kw_only=True):
    """days: between two reviews, None for never; own_days: what was said for this article alone. due: when next."""

    owner: int | None = None
    days: int | None = None
    own_days: int | None = None
    due: datetime | None = None
    reviewed_at: datetime | None = None
    reviewed_by: str = ""


def rhythms(conn: Connection) -> dict[str, int]:
    """Days by brand, its number as text; "0" is what all brands share."""
    return msgspec.convert(setup.setting(conn, KEY, {}), dict[str, int])


def of(conn: Connection, articles: Sequence[knowledge.Article]) -> dict[int, Care]:
    """Article → how it is cared for. The first review is due so many days after it was entrusted or last changed."""
    rows = {row.article: row for row in conn.execute(select(care))}
    usual = rhythms(conn)
    return {one.id: _care(one, rows.get(one.id), usual) for one in articles}


def _care(article: knowledge.Article, row: object, usual: Mapping[str, int]) -> Care:
    own = getattr(row, "days", None)
    days = own if own is not None else usual.get(str(article.brand or ALL))
    read: datetime | None = getattr(row, "reviewed_at", None)
    since = read or max(article.changed_at, getattr(row, "since", article.changed_at))
    return Care(
        owner=getattr(row, "owner", None), days=days or None, own_days=own,
        due=since + timedelta(days=days) if days and article.audience != "draft" else None,
        reviewed_at=read, reviewed_by=getattr(row, "reviewed_by", ""),
    )  # fmt: skip


_OWNED = select(_C.article).where(_C.owner == bindparam("owner"))


def due_for(conn: Connection, owner: int, now: datetime) -> int:
    """How many articles this agent has to read over by now. Asked on every page: one look at an index, mostly empty."""
    numbers = list(conn.execute(_OWNED, {"owner": owner}).scalars())
    if not numbers:
        return 0
    found = of(conn, knowledge.some(conn, numbers))
    return sum(1 for one in found.values() if one.due is not None and one.due <= now)


def owners(conn: Connection, brand: int | None) -> list[setup.Agent]:
    """Who may look after an article of this brand (None: of all brands)."""
    return [
        agent
        for agent in setup.all_agents(conn).values()
        if agent.active and agent.role != "read-only" and (not agent.brands or (brand or 0) in agent.brands)
    ]


def held_to_agree(conn: Connection, pairs: Sequence[str]) -> set[str]:
    """Of these pairs of sentences, those that somebody held to be both true."""
    return set(conn.execute(select(agreed.c.pair).where(agreed.c.pair.in_(list(pairs)))).scalars()) if pairs else set()
