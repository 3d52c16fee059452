"""Pairs of articles that contradict each other: found in the background, shown to those who work with both.

Kept as one value: the sentences, and the versions of the articles they stood in, so that a pair is gone as soon as one
of its articles is written anew. See `parley.ai.contradictions` for what counts as one.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection

from parley.core import events as e
from parley.core.errors import NotAllowed, NotFound
from parley.log.record import Tx
from parley.services import care, knowledge, setup
from parley.services.inbox import Viewer

KEY = "clashes"


class Side(msgspec.Struct, frozen=True, array_like=True):
    """A sentence of an article, as it stood in this version."""

    article: int
    version: int
    words: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    first: Side
    second: Side
    kind: str
    alike: float


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """stamp: of the articles that were compared."""

    at: datetime
    stamp: tuple[int, int]
    found: tuple[Found, ...] = ()


def kept(conn: Connection) -> Kept | None:
    value = setup.setting(conn, KEY)
    return None if value is None else msgspec.convert(value, Kept)


def compared(articles: Sequence[knowledge.Article], stamp: tuple[int, int], reads: Any, now: datetime) -> Kept:
    """All pairs among these articles. reads: the sentence encoder. Slow the first time."""
    from parley.ai.contradictions import Page, clashes

    versions = {one.id: one.version for one in articles}
    pages = [Page(one.id, one.brand, one.title, one.body) for one in articles if one.audience != "draft"]
    found = tuple(
        Found(
            first=Side(one.first.page.id, versions[one.first.page.id], one.first.words),
            second=Side(one.second.page.id, versions[one.second.page.id], one.second.words),
            kind=one.kind, alike=one.alike,
        )
        for one in clashes(pages, reads.vectors)
    )  # fmt: skip
    return Kept(at=now, stamp=stamp, found=found)


def sentences(articles: Sequence[knowledge.Article]) -> list[str]:
    """What is read for its meaning before articles can be compared."""
    from parley.ai.contradictions import Page, lines

    pages = [Page(one.id, one.brand, one.title, one.body) for one in articles if one.audience != "draft"]
    return [line.words for page in pages for line in lines(page)]


def hold_to_agree(tx: Tx, pair: str, who: Viewer) -> None:
    """Both sentences are right as they stand: the pair is not shown again while they do."""
    found = next((one for one in overview(tx.conn, who).pairs if one.pair == pair), None)
    if found is None:
        raise NotFound("There is no such pair any more: one of its articles was changed, or somebody has looked at it.")
    if not who.may_act or (who.brands is not None and not {found.first.brand, found.second.brand} & {*who.brands}):
        raise NotAllowed("Whoever may write one of the two articles decides that both are right.")
    fact = e.ArticlesAgree(other=found.second.article, pair=pair)
    tx.append(e.article(found.first.article), [fact], who.by)


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What one article says."""

    article: int
    title: str
    brand: int | None
    words: str


class Clash(msgspec.Struct, frozen=True, kw_only=True):
    """Two sentences that hardly hold both. kind: time, price, percent, clock, count, yes or no. pair: its name."""

    pair: str
    first: Told
    second: Told
    kind: str
    alike: float


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """as_of: None while nothing was compared yet."""

    as_of: datetime | None = None
    pairs: tuple[Clash, ...] = ()


def overview(conn: Connection, who: Viewer) -> Overview:
    """The pairs of which the viewer works with both articles, the most alike first."""
    found = kept(conn)
    if found is None:
        return Overview()
    numbers = sorted({side.article for one in found.found for side in (one.first, one.second)})
    known = {one.id: one for one in knowledge.some(conn, numbers) if knowledge.serves(one, who)}
    pairs = [_shown(one, known) for one in found.found]
    shown = [one for one in pairs if one is not None]
    settled = care.held_to_agree(conn, [one.pair for one in shown])
    return Overview(as_of=found.at, pairs=tuple(one for one in shown if one.pair not in settled))


def _shown(one: Found, known: dict[int, knowledge.Article]) -> Clash | None:
    first, second = (_told(side, known) for side in (one.first, one.second))
    if first is None or second is None:
        return None
    return Clash(pair=_name(one), first=first, second=second, kind=one.kind, alike=one.alike)


def _told(side: Side, known: dict[int, knowledge.Article]) -> Told | None:
    article = known.get(side.article)
    if article is None or article.version != side.version:
        return None
    return Told(article=article.id, title=article.title, brand=article.brand, words=side.words)


def _name(one: Found) -> str:
    """By the articles and their sentences: the same pair has the same name after the next comparison."""
    sides = sorted((side.article, side.words) for side in (one.first, one.second))
    return sha256(msgspec.json.encode(sides)).hexdigest()
