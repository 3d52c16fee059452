"""Where the bot answered from an article, and what came after: a person had to take over, a low answer, a reopening.

Each of these is put down to the last article that was answered from in the conversation. It tells that something is
amiss, not what: a clear article on a hard matter is followed by people, too.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Boolean, Column, Connection, Index, String, Table, and_, case, func, or_, select

from parley.core import events as e
from parley.core.opinions import is_low
from parley.core.stats import Change, Estimate, share, share_change
from parley.log.record import Tx, add_rows, change_rows, chunks
from parley.log.tables import Id, Moment, metadata
from parley.services.inbox import Viewer, conversations, visible_to

WEEKS = 8  # weeks of answers that are judged
UNUSED_WEEKS = 12  # so many weeks without an answer, and an article is called unused
LEVEL = 0.99  # many articles are compared at once: at 95 % one in twenty would stand out by chance
FEWEST = 8  # answers from which on an article is compared at all

uses = Table(
    "article_uses",
    metadata,
    Column("seq", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("slug", String(80), nullable=False),
    Column("at", Moment, nullable=False),
    Column("handed_over", Boolean, nullable=False),
    Column("unhelpful", Boolean, nullable=False),
    Column("again", Boolean, nullable=False),
)
_U = uses.c
Index("ix_article_uses_at", _U.at, _U.slug)
Index("ix_article_uses_conversation", _U.conversation)


class UseReader:
    """One row for each answer from an article."""

    name = "article-uses"
    in_step = False
    batch = 2000
    kinds = (e.ReplyWritten, e.HandoffAsked, e.SurveyAnswered, e.Reopened)
    tables = (uses,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        last = self._last(tx.conn, sorted({r.subject_id for r in batch}))
        rows: dict[int, dict[str, Any]] = {}
        changes: dict[int, dict[str, Any]] = {}
        for r in batch:
            if slug := _article_of(r):
                last[r.subject_id] = r.seq
                rows[r.seq] = _row(r, slug)
            elif (after := _after(r.event)) and (use := last.get(r.subject_id)) is not None:
                (rows if use in rows else changes).setdefault(use, {})[after] = True
        add_rows(tx.conn, uses, list(rows.values()))
        change_rows(tx.conn, uses, "seq", changes)

    def _last(self, conn: Connection, numbers: Sequence[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for chunk in chunks(numbers, 500):
            question = select(_U.conversation, func.max(_U.seq)).where(_U.conversation.in_(chunk))
            found |= {number: seq for number, seq in conn.execute(question.group_by(_U.conversation))}
        return found


def _article_of(r: e.Recorded) -> str:
    """The article that the bot answered from; empty where it is no such answer."""
    if not isinstance(r.event, e.ReplyWritten) or not r.by.startswith("bot/"):
        return ""
    return next((source.ref for source in r.event.sources if source.kind == "article"), "")


def _row(r: e.Recorded, slug: str) -> dict[str, Any]:
    return {
        "seq": r.seq, "conversation": r.subject_id, "slug": slug[:80], "at": r.at, "handed_over": False,
        "unhelpful": False, "again": False,
    }  # fmt: skip


def _after(event: e.Event) -> str:
    """Which column an event sets; empty where it says nothing about the answer."""
    if isinstance(event, e.HandoffAsked):
        return "handed_over"
    if isinstance(event, e.SurveyAnswered) and is_low(event.measure, event.score):
        return "unhelpful"
    return "again" if isinstance(event, e.Reopened) and event.reason == "message" else ""


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """How an article did in the last eight weeks. n: answers from it; bad: those after which a person took over, a low
    answer came or the matter came back, each of them once. rate: bad of n. against: that share minus the share of all
    other articles, at 99 %; worse: it is clearly higher. Below eight answers nothing is compared."""

    n: int = 0
    handed_over: int = 0
    unhelpful: int = 0
    again: int = 0
    bad: int = 0
    rate: Estimate = Estimate()
    against: Change = Change()
    worse: bool = False
    last_at: datetime | None = None


def by_slug(conn: Connection, who: Viewer, now: datetime) -> dict[str, Use]:
    """Slug → how its article did in conversations that the viewer may see; those without an answer are not in it."""
    since = now - timedelta(weeks=WEEKS)
    bad = or_(_U.handed_over, _U.unhelpful, _U.again)
    question = (
        select(
            _U.slug, func.count().label("n"), _sum(_U.handed_over).label("handed_over"),
            _sum(_U.unhelpful).label("unhelpful"), _sum(_U.again).label("again"), _sum(bad).label("bad"),
            func.max(_U.at).label("last_at"),
        )
        .join(conversations, conversations.c.id == _U.conversation)
        .where(and_(visible_to(who), _U.at >= since))
        .group_by(_U.slug)
    )  # fmt: skip
    rows = conn.execute(question).all()
    n, hits = sum(row.n for row in rows), sum(int(row.bad) for row in rows)
    return {row.slug: _use(row._mapping, hits, n) for row in rows}


def _sum(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))


def _use(row: Any, hits: int, n: int) -> Use:
    told = {name: int(row[name]) for name in ("n", "handed_over", "unhelpful", "again", "bad")}
    own, bad = told["n"], told["bad"]
    against = share_change(bad, own, hits - bad, n - own, LEVEL) if own >= FEWEST else Change()
    worse = against.clear and (against.value or 0) > 0
    return Use(**told, rate=share(bad, own), against=against, worse=worse, last_at=row["last_at"])


def used_since(conn: Connection, since: datetime) -> set[str]:
    """The slugs of articles that anybody was answered from since then."""
    return set(conn.execute(select(_U.slug).where(_U.at >= since).distinct()).scalars())


def counts(conn: Connection, who: Viewer, since: datetime) -> dict[str, int]:
    """Slug → answers since then."""
    question = select(_U.slug, func.count()).join(conversations, conversations.c.id == _U.conversation)
    found = conn.execute(question.where(visible_to(who), _U.at >= since).group_by(_U.slug))
    return {slug: n for slug, n in found}
