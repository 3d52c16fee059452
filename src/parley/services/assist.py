"""What helps an agent with the open conversation: a drafted answer with its sources, prepared answers that fit, and
conversations that were like it and were solved. No language model; nothing is shown that the agent may not see.

`offer` looks, outside any transaction. What became of a draft is a fact (`judge`), and its reader counts them.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Index, Integer, String, Table, func, insert, select

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.conversation import State
from parley.core.errors import NotFound
from parley.core.redaction import redacted
from parley.log import record as log
from parley.log.record import Record, Tx
from parley.log.tables import Id, Moment, metadata
from parley.services import desk_notes, grave, inbox, knowledge, people, search, wording
from parley.services.inbox import Viewer, conversations, visible_to
from parley.services.language_model import Model
from parley.services.understanding import Brain

ENOUGH = 0.35
"""Confidence from which an article is worth a draft; the agent judges, so it may be lower than the bot's own."""
FITS = 0.2
ALIKE = 0.25
"""Likeness, from 0 to 1, from which a prepared answer fits and a solved conversation counts as similar."""
WORDS = 4
EACH = 12
"""So many of the question's rarest words are searched for, and so many conversations taken of each."""

LONGEST_WORDING = 160
"""Characters of a question that can stand as one way of asking; longer ones tell a story."""

judgements = Table(
    "draft_judgements",
    metadata,
    Column("seq", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("agent", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("source", String(12), nullable=False),
    Column("outcome", String(10), nullable=False),
)
_J = judgements.c
Index("ix_draft_judgements_at", _J.at)


class DraftReader:
    """Counts what became of drafts."""

    name = "drafts"
    in_step = False
    batch = 1000
    rest = 0.3
    kinds = (e.DraftJudged,)
    tables = (judgements,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        rows = [
            {
                "seq": r.seq, "conversation": r.subject_id, "agent": _agent(r.by), "at": r.at,
                "source": r.event.source, "outcome": r.event.outcome,
            }
            for r in batch
            if isinstance(r.event, e.DraftJudged)
        ]  # fmt: skip
        if rows:
            tx.conn.execute(insert(judgements), rows)


def _agent(by: str) -> int:
    kind, _, number = by.partition("/")
    return int(number) if kind == "agent" and number.isdigit() else 0


# ── what is offered ─────────────────────────────────────────────────────────────────────────


class Solved(msgspec.Struct, frozen=True, kw_only=True):
    """A closed conversation that began much like this one. answer: what people answered, without names and numbers."""

    id: int
    subject: str
    at: datetime
    likeness: float
    answer: str = ""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """draft: empty where nothing is worth one. source: article, macro or solved; ref: which."""

    question: str = ""
    draft: str = ""
    source: str = ""
    sources: tuple[e.Source, ...] = ()
    macros: tuple[desk_notes.Macro, ...] = ()
    similar: tuple[Solved, ...] = ()

    @property
    def ref(self) -> str:
        return self.sources[0].ref if self.sources else ""


def offer(record: Record, brain: Brain, number: int, who: Viewer, model: Model | None = None) -> Offer:
    """Slow where the articles have to be read first; NotFound where the viewer may not see the conversation. Where the
    matter is grave nothing is drafted: those words are a human's own.

    model: words the draft in the brand's tone, where all that it says is held by the source.
    """
    with record.reading() as conn:
        state = inbox.state(conn, number, who)
        question = open_question(conn, state)
        if not question:
            return Offer()
        macros = fitting(desk_notes.macros(conn), question)
        similar = solved_like(conn, record.database.name, state, question, who)
        name = people.person(conn, state.person).name
        alone = grave.is_grave(conn, number)
    if alone:
        return Offer(question=question, macros=tuple(macros[:3]), similar=tuple(similar[:3]))
    _, hits = brain.found(record, question, state.brand)
    body, kind, source = _best(brain, hits, macros, similar, question, state.brand)
    if model is not None and body and source:
        body = wording.reword(model, number, body, [source.passage or body], "drafts") or body
    return Offer(
        question=question,
        draft=_addressed(body, name),
        source=kind,
        sources=(source,) if source else (),
        macros=tuple(macros[:3]),
        similar=tuple(similar[:3]),
    )


def open_question(conn: Connection, state: State) -> str:
    """What the customer said since the desk last answered; all they said last, where nothing is open. Empty where it
    is nothing but thanks."""
    history = inbox.history(conn, state.id, newest=60)
    held = talk.held(history)
    said: list[int] = []
    answered = False
    for r in reversed(history):
        if isinstance(r.event, e.MessageReceived) and r.event.message not in held and not r.event.automatic:
            if answered and said:
                break
            said.append(r.event.message)
        elif isinstance(r.event, e.ReplyWritten) and not r.event.automatic:
            if said:
                break
            answered = True
    words = log.words_of(conn, said[:5])
    newest = [words[message] for message in reversed(said[:5]) if message in words]
    if all(_only_thanks(one.text[: one.fold]) for one in newest):
        return ""
    return "\n".join(text for one in newest if (text := _new(one)).strip())[:2000]


def _only_thanks(text: str) -> bool:
    from parley.ai.noticing import notice

    return [found.signal for found in notice(text)] == ["thanks"]


def _new(words: e.Words) -> str:
    new = words.text if words.fold is None else words.text[: words.fold]
    return f"{words.subject}\n{new}" if words.subject else new


def _best(
    brain: Brain, hits: Sequence[Any], macros: Sequence[desk_notes.Macro], similar: Sequence[Solved], question: str,
    brand: int,
) -> tuple[str, str, e.Source | None]:  # fmt: skip
    """The words to draft from and where they are from: a sure article, else a fitting macro, else what solved it."""
    if hits and hits[0].confidence >= ENOUGH:
        hit = hits[0]
        source = e.Source(
            kind="article", title=hit.title, ref=hit.ref, url=f"/help/of/{brand}/{hit.ref}",
            passage=hit.passage[:600], confidence=round(hit.confidence, 3),
        )  # fmt: skip
        return brain.answer(hit, question), "article", source
    if macros:
        return macros[0].text, "macro", e.Source(kind="macro", title=macros[0].name, ref=macros[0].name)
    if similar and similar[0].answer:
        one = similar[0]
        url = f"/desk/conversations/{one.id}"
        source = e.Source(kind="solved", title=one.subject, ref=str(one.id), url=url, confidence=one.likeness)
        return one.answer, "solved", source
    return "", "", None


def _addressed(body: str, name: str) -> str:
    """With a greeting, where there are words that have none; a prepared answer's blanks are filled."""
    first = name.split()[0] if name.strip() else ""
    for blank, word in (("{first_name}", first), ("{name}", name), ("{agent}", "")):
        body = body.replace(blank, word)
    if not body or re.match(r"\s*(?:hi|hello|hey|dear|good \w+)\b", body, re.I):
        return body.strip()
    return f"Hello {first},\n\n{body}" if first else f"Hello,\n\n{body}"


def fitting(macros: Sequence[desk_notes.Macro], question: str) -> list[desk_notes.Macro]:
    """Prepared answers that share what the question is about, the likeliest first."""
    from parley.ai.retrieval import Library

    library: Library = _library(tuple((macro.name, macro.text) for macro in macros))
    by_name = {macro.name: macro for macro in macros}
    return [by_name[hit.ref] for hit in library.search(question, None, 3) if hit.score >= FITS]


@lru_cache(maxsize=4)
def _library(texts: tuple[tuple[str, str], ...]) -> Any:
    from parley.ai.retrieval import Article, Library

    return Library([Article(name, name, text) for name, text in dict(texts).items()])


# ── similar and solved ──────────────────────────────────────────────────────────────────────


def solved_like(conn: Connection, engine: str, state: State, question: str, who: Viewer) -> list[Solved]:
    """Closed conversations that this viewer may see and that began alike, with what people answered there."""
    found: dict[int, State] = {}
    for word in telling_words(question):
        for hit in search.find(conn, engine, word, who, EACH):
            if hit.state.id != state.id and hit.state.status == talk.CLOSED and hit.state.person != state.person:
                found[hit.state.id] = hit.state
    begun = _openings(conn, list(found))
    ranked = _ranked(question, {number: begun[number] for number in found if number in begun})
    answers = _answers(conn, [number for number, _ in ranked])
    return [
        Solved(
            id=number, subject=found[number].subject or talk.preview(begun[number]), at=found[number].last_at,
            likeness=round(likeness, 3), answer=answers[number],
        )
        for number, likeness in ranked
        if number in answers
    ]  # fmt: skip


def telling_words(question: str) -> list[str]:
    """The longest words that are not everybody's: what is searched for."""
    from parley.ai.text import STOP_WORDS, words

    own = dict.fromkeys(word for word in words(question) if len(word) > 3 and word not in STOP_WORDS)
    return sorted((word for word in own if not word.isdigit()), key=len, reverse=True)[:WORDS]


def _openings(conn: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """First words of conversations."""
    streams = [e.conversation(number) for number in numbers]
    first: dict[int, int] = {}
    for r in log.openings(conn, streams, (e.MessageReceived,)):
        if isinstance(r.event, e.MessageReceived):
            first.setdefault(r.subject_id, r.event.message)
    words = log.words_of(conn, list(first.values()))
    return {number: _new(words[message]) for number, message in first.items() if message in words}


def _ranked(question: str, begun: dict[int, str]) -> list[tuple[int, float]]:
    from parley.ai.likeness import NgramEngine

    if not begun:
        return []
    engine, numbers = NgramEngine(), list(begun)
    index = engine.index(engine.encode([begun[number][:2000] for number in numbers]))
    scores = index.likeness(engine.encode([question])[0])
    ranked = sorted(zip(numbers, (float(score) for score in scores), strict=True), key=lambda pair: -pair[1])
    return [(number, score) for number, score in ranked if score >= ALIKE][:6]


def _answers(conn: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """The first answer that a person wrote in each, without what tells who it went to."""
    chosen: dict[int, int] = {}
    for r in log.openings(conn, [e.conversation(number) for number in numbers], (e.ReplyWritten,), first=12):
        if isinstance(r.event, e.ReplyWritten) and not r.event.automatic and r.by.startswith("agent/"):
            chosen.setdefault(r.subject_id, r.event.message)
    words = log.words_of(conn, list(chosen.values()))
    told = {number: _body(words[message].text) for number, message in chosen.items() if message in words}
    return {number: text for number, text in told.items() if text}


def _body(text: str) -> str:
    """An answer without greeting, sign-off, names and numbers."""
    bare = re.sub(r"^\s*(?:hi|hello|hey|dear|good \w+)\b[^\n,]{0,40}[,!.]?\s*", "", redacted(text), flags=re.I)
    return bare.strip()[:1500]


# ── what became of it ───────────────────────────────────────────────────────────────────────


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the screen tells with an answer: the draft that stood beside it, and whether it was put in."""

    draft: str = ""
    source: str = ""
    ref: str = ""
    inserted: bool = False


def judge(tx: Tx, number: int, who: Viewer, given: Given, sent: str | None, message: int | None = None) -> str:
    """Note what an agent made of a draft. sent: what they wrote in its place; None where they only waved it away."""
    kept = share_kept(given.draft, sent or "")
    outcome = "rejected"
    if sent is not None and given.inserted and kept >= 0.3:
        same = " ".join(given.draft.split()) == " ".join(sent.split())
        outcome = "accepted" if same else "edited"
    fact = e.DraftJudged(
        answer=message, source=given.source[:12], ref=given.ref[:80], outcome=outcome, kept=round(kept, 3)
    )
    tx.append(e.conversation(number), [fact], who.by)
    if outcome != "rejected" and given.source == "article":
        _confirmed(tx, number, who, given.ref)
    return outcome


def _confirmed(tx: Tx, number: int, who: Viewer, ref: str) -> None:
    """An agent answered from an article: what was asked joins its wordings, where it is short and names nobody."""
    question = " ".join(open_question(tx.conn, inbox.state(tx.conn, number, who)).split())
    if len(question) > LONGEST_WORDING or len(question.split()) < 3 or redacted(question) != question:
        return
    with suppress(NotFound):
        article = knowledge.by_slug(tx.conn, ref)
        if question not in (article.title, *article.wordings):
            knowledge.add_wording(tx, article.id, question)


def share_kept(draft: str, sent: str) -> float:
    """How much of a draft's words stand in what was sent, in their order."""
    before, after = draft.split()[:600], sent.split()[:600]
    if not before:
        return 0.0
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(before)


def tally(conn: Connection, who: Viewer, since: datetime) -> dict[tuple[str, str], int]:
    """(source, outcome) → how many drafts, in conversations that this viewer may see."""
    question = (
        select(_J.source, _J.outcome, func.count())
        .select_from(judgements.join(conversations, conversations.c.id == _J.conversation))
        .where(_J.at >= since, visible_to(who))
        .group_by(_J.source, _J.outcome)
    )
    return {(source, outcome): n for source, outcome, n in conn.execute(question)}
