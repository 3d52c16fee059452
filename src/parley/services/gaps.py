"""Gaps in what is written: questions that the bot handed over unsure, grouped by meaning, beside the nearest article.

Made in the background by the thread that listens (`hearing.py`) and kept as one value; pages only read it. Words are
not kept, nor names of articles: both are read when they are shown, so that what is erased is gone.

Questions that an article was drafted from count no more once it is published; whoever asks again without an answer
makes the gap come back.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from parley.core import events as e
from parley.core.errors import NotFound
from parley.core.redacting import quotable
from parley.core.stats import Estimate, share
from parley.log import record as log
from parley.services import knowledge, origins, setup
from parley.services.inbox import Viewer, conversations

WEEKS = 8
MOST = 4000  # conversations that are looked at, the newest
FIRST = 40  # events of a conversation among which its questions are looked for
SHORTEST, LONGEST = 12, 400  # characters of a question that are read
LEAST = 3  # questions that are left of a gap for it to be shown
POOL = 12  # questions of which that many different ones are shown
KEY = "gaps"


class Question(msgspec.Struct, frozen=True, array_like=True):
    """A message that was handed over unsure, and its conversation."""

    message: int
    conversation: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A gap. article: the nearest one, if any; near: how alike they are, to 1."""

    name: str
    asked: tuple[Question, ...]
    article: int | None = None
    near: float = 0.0


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """By brand (its number as text): gaps, and of how many unanswered questions."""

    at: datetime
    gaps: Mapping[str, tuple[Found, ...]] = {}
    whole: Mapping[str, int] = {}


Asked = tuple[int, int, str]  # message, conversation, words


def unanswered(conn: Connection, now: datetime) -> dict[int, list[Asked]]:
    """By brand: what customers wrote in the last weeks that the bot was not sure enough to answer."""
    of = conversations.c
    recent = select(of.id, of.brand).where(of.last_at >= now - timedelta(weeks=WEEKS))
    brands = {row.id: row.brand for row in conn.execute(recent.order_by(of.last_at.desc()).limit(MOST))}
    streams = [e.conversation(number) for number in brands]
    asked = {
        r.event.message: r.subject_id
        for r in log.openings(conn, streams, (e.BotPondered,), FIRST)
        if isinstance(r.event, e.BotPondered) and r.event.outcome == e.UNSURE
    }
    answered = _answered(conn, list(asked))
    asked = {message: number for message, number in asked.items() if message not in answered}
    words = log.words_of(conn, list(asked))
    found: dict[int, list[Asked]] = {}
    for message, number in asked.items():
        said = words.get(message)
        text = " ".join(said.text[: said.fold].split()) if said else ""
        if len(text) >= SHORTEST:
            found.setdefault(brands[number], []).append((message, number, text[:LONGEST]))
    return found


def _answered(conn: Connection, messages: Sequence[int]) -> set[int]:
    """Questions for which an article was written that the bot answers from."""
    return {message for message, one in origins.written_for(conn, messages).items() if one.audience == "public"}


def grouped(
    asked: Mapping[int, Sequence[Asked]], articles: Sequence[knowledge.Article], reads: Any, now: datetime
) -> Kept:
    """What is missing in each brand. reads: the sentence encoder."""
    from parley.ai import themes

    gaps = {}
    for brand, questions in asked.items():
        own = [one for one in articles if one.brand in (None, brand)]
        found = themes.themes([text for _, _, text in questions], reads)
        gaps[str(brand)] = tuple(_gap(theme, questions, own, reads) for theme in found)
    return Kept(at=now, gaps=gaps, whole={str(brand): len(questions) for brand, questions in asked.items()})


def _gap(theme: Any, questions: Sequence[Asked], articles: Sequence[knowledge.Article], reads: Any) -> Found:
    """The nearest article is the one whose title, or a way of asking for it, is most like the most typical question."""
    asked = tuple(Question(*questions[place][:2]) for place in theme.places)
    titles = [(one.id, text) for one in articles for text in (one.title, *one.wordings)]
    if not titles:
        return Found(name=theme.name, asked=asked)
    alike = reads.vectors([text for _, text in titles]) @ reads.vectors([questions[theme.places[0]][2]])[0]
    best = int(alike.argmax())
    return Found(name=theme.name, asked=asked, article=titles[best][0], near=round(float(alike[best]), 2))


def kept(conn: Connection) -> Kept | None:
    value = setup.setting(conn, KEY)
    return None if value is None else msgspec.convert(value, Kept)


def of_question(conn: Connection, question: int, who: Viewer) -> tuple[int, Found]:
    """The brand and the gap to which a question belongs; NotFound also when it is another brand's."""
    found = kept(conn)
    for brand, its in (found.gaps if found else {}).items():
        if who.brands is None or int(brand) in who.brands:
            for gap in its:
                if any(one.message == question for one in gap.asked):
                    return int(brand), gap
    raise NotFound("There is no such gap any more. Gaps are looked for anew every few minutes; look at the list again.")


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asked, with addresses and numbers left out."""

    conversation: int
    text: str


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A gap as leads see it. of: the brand's unanswered questions; part: its share. article: (number, title).

    question: its most typical one, by which a draft is asked for. draft: what was written from it and is not published.
    """

    name: str
    question: int
    brand: int
    n: int
    of: int
    part: Estimate
    quotes: tuple[Quote, ...]
    article: tuple[int, str] | None = None
    near: float = 0.0
    draft: origins.Written | None = None


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """as_of: None while nothing was looked at yet."""

    as_of: datetime | None = None
    gaps: tuple[Gap, ...] = ()


def overview(conn: Connection, who: Viewer) -> Overview:
    """The gaps of the brands that the viewer serves, the largest first."""
    found = kept(conn)
    if found is None:
        return Overview()
    mine = {b: gaps for b, gaps in found.gaps.items() if who.brands is None or int(b) in who.brands}
    written = origins.written_for(conn, [one.message for its in mine.values() for gap in its for one in gap.asked])
    done = {message for message, one in written.items() if one.audience == "public"}
    left = {int(b): [_without(gap, done) for gap in its] for b, its in mine.items()}
    shown = sorted({one.message for its in left.values() for gap in its for one in gap.asked[:POOL]})
    words = {n: said.text[: said.fold] for n, said in log.words_of(conn, shown).items()}
    titles = {one.id: one.title for one in knowledge.every(conn) if knowledge.serves(one, who)}
    written = {message: one for message, one in written.items() if one.article in titles}
    gaps = []
    for brand, its in left.items():
        answered = sum(len(gap.asked) for gap in mine[str(brand)]) - sum(len(gap.asked) for gap in its)
        whole = found.whole[str(brand)] - answered
        gaps += [_shown(gap, brand, whole, words, titles, written) for gap in its if len(gap.asked) >= LEAST]
    return Overview(as_of=found.at, gaps=tuple(sorted(gaps, key=lambda gap: -gap.n)))


def _without(gap: Found, done: set[int]) -> Found:
    return msgspec.structs.replace(gap, asked=tuple(one for one in gap.asked if one.message not in done))


def _shown(
    gap: Found,
    brand: int,
    whole: int,
    words: Mapping[int, str],
    titles: Mapping[int, str],
    written: Mapping[int, origins.Written],
) -> Gap:
    quotes = quotable((one.conversation, words.get(one.message, "")) for one in gap.asked[:POOL])
    n = len(gap.asked)
    near = gap.article
    article = (near, titles[near]) if near is not None and near in titles else None
    return Gap(
        name=gap.name, question=gap.asked[0].message, brand=brand, n=n, of=whole, part=share(n, whole), article=article,
        near=gap.near, quotes=tuple(Quote(conversation=number, text=text) for number, text in quotes),
        draft=origins.mostly(written, [one.message for one in gap.asked]),
    )  # fmt: skip
