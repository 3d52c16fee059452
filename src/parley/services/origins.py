"""From which messages an article was drafted: what an author checks it against, and which questions it is for."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Column, Connection, Index, Integer, Table, delete, insert, select

from parley.core import events as e
from parley.core.redacting import quotable
from parley.log.record import Tx, chunks, words_of
from parley.log.tables import Id, metadata
from parley.services.inbox import Viewer, conversations, visible_to
from parley.services.knowledge import articles

SHOWN = 12  # messages of each kind that an author is shown

origins = Table(
    "article_origins",
    metadata,
    Column("article", Integer, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("message", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
)
_O = origins.c
Index("ix_article_origins_message", _O.message)


class OriginReader:
    """A row for each message that gave a question or a sentence of a draft."""

    name = "article-origins"
    in_step = True
    kinds = (e.ArticleDrafted,)
    tables = (origins,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        for r in batch:
            tx.conn.execute(delete(origins).where(_O.article == r.subject_id))
            if isinstance(r.event, e.ArticleDrafted) and r.event.origins:
                rows = [{"article": r.subject_id, **msgspec.structs.asdict(one)} for one in r.event.origins]
                tx.conn.execute(insert(origins), rows)


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """The article that was made from a question."""

    article: int
    title: str
    audience: str


def written_for(conn: Connection, messages: Sequence[int]) -> dict[int, Written]:
    """Question → the article drafted from it; one that is published goes before one that is not."""
    found: dict[int, Written] = {}
    for chunk in chunks(list(messages), 500):
        question = (
            select(_O.message, articles.c.id, articles.c.title, articles.c.audience)
            .join(articles, articles.c.id == _O.article)
            .where(_O.message.in_(chunk), _O.place == 0)
            .order_by(articles.c.id)
        )
        for row in conn.execute(question):
            if row.message not in found or found[row.message].audience != "public":
                found[row.message] = Written(article=row.id, title=row.title, audience=row.audience)
    return found


def mostly(found: Mapping[int, Written], messages: Sequence[int]) -> Written | None:
    """The article that at least half of these questions went into."""
    often = Counter(found[message].article for message in messages if message in found)
    best, n = next(iter(often.most_common(1)), (0, 0))
    if not n or 2 * n < len(messages):
        return None
    return next(one for one in found.values() if one.article == best)


class Excerpt(msgspec.Struct, frozen=True, kw_only=True):
    """Words of a message without what tells who it was, and the conversation they stand in."""

    conversation: int
    text: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What an article was drafted from. conversations: how many of them the viewer may see."""

    asked: tuple[Excerpt, ...] = ()
    answered: tuple[Excerpt, ...] = ()
    conversations: int = 0


def of_article(conn: Connection, article: int, who: Viewer) -> Shown:
    """The questions and answers behind a draft, as far as the viewer may see their conversations."""
    question = (
        select(_O.message, _O.conversation, _O.place)
        .join(conversations, conversations.c.id == _O.conversation)
        .where(_O.article == article, visible_to(who))
        .order_by(_O.place, _O.message)
    )
    rows = conn.execute(question).all()
    asked = list({row.message: row.conversation for row in rows if row.place == 0}.items())
    answered = list({row.message: row.conversation for row in rows if row.place > 0}.items())
    words = {n: said.text[: said.fold] for n, said in words_of(conn, [m for m, _ in (*asked, *answered)]).items()}
    return Shown(
        asked=_excerpts(asked, words), answered=_excerpts(answered, words),
        conversations=len({row.conversation for row in rows}),
    )  # fmt: skip


def _excerpts(said: Sequence[tuple[int, int]], words: dict[int, str]) -> tuple[Excerpt, ...]:
    texts = quotable(((number, words.get(message, "")) for message, number in said), SHOWN)
    return tuple(Excerpt(conversation=number, text=text) for number, text in texts)
