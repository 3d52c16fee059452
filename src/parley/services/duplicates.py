"""The same matter twice: who asks again on another channel, and who may be the same person there.

Looked for as a conversation opens, among the person's own last ones by their words, and among all by what they name (an
order, an address, the very same words), through an index of digests. Found is only ever suggested. An agent merges two
conversations of one person (the second is closed, and what is written in it goes on in the first), or links any two.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    String,
    Table,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.conversation import State
from parley.core.errors import Refused
from parley.log.record import Tx, add_rows, words_of
from parley.log.tables import Id, Moment, metadata
from parley.services import inbox, people, replies, topics
from parley.services.findings import BY, triaged
from parley.services.inbox import Viewer

LATELY = timedelta(days=14)
AT_ONCE = timedelta(days=3)  # in which the same words by somebody else are the same matter, or a wave of mails
LOOKED_AT = 8  # conversations of the person
MOST = 2  # that are suggested
ALIKE, ALIKE_BY_WORDS = 0.63, 0.5
SHORTEST = 5  # words from which on the same words are no chance
WHYS = ("same_person", "same_mark", "same_words")

marks = Table(
    "triage_marks",
    metadata,
    Column("mark", String(40), primary_key=True),
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
)
Index("ix_triage_marks_at", marks.c.mark, marks.c.at)

duplicates = Table(
    "duplicates",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("other", Id, primary_key=True, autoincrement=False),
    Column("why", String(12), nullable=False),
    Column("alike", Float, nullable=False),
    Column("mark", String(10), nullable=False),
    Column("verdict", String(8), nullable=False),  # empty: nobody judged it
    Column("at", Moment, nullable=False),
)
_D = duplicates.c
Index("ix_duplicates_other", _D.other, _D.verdict)


class DuplicateReader:
    """Follows what conversations name, suspicions, and what agents made of them."""

    name = "duplicates"
    in_step = True
    kinds = (e.Triaged, e.DuplicateSuspected, e.DuplicateJudged)
    tables = (marks, duplicates)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        new: dict[tuple[str, int], dict[str, Any]] = {}
        for r in batch:
            if isinstance(r.event, e.Triaged):
                for mark in r.event.marks:
                    row = {"mark": mark, "conversation": r.subject_id, "at": r.at}
                    new.setdefault((mark, r.subject_id), row)
            elif isinstance(r.event, e.DuplicateSuspected):
                self._suspected(tx.conn, r, r.event)
            elif isinstance(r.event, e.DuplicateJudged):
                self._judged(tx.conn, r, r.event)
        for row in new.values():
            here = (marks.c.mark == row["mark"], marks.c.conversation == row["conversation"])
            tx.conn.execute(delete(marks).where(*here))
        add_rows(tx.conn, marks, list(new.values()))

    def _suspected(self, conn: Connection, r: e.Recorded, event: e.DuplicateSuspected) -> None:
        here = (_D.conversation == r.subject_id, _D.other == event.of)
        if conn.execute(select(_D.why).where(*here)).first() is None:
            row = {"why": event.why, "alike": event.alike, "mark": event.mark, "verdict": "", "at": r.at}
            conn.execute(insert(duplicates).values(conversation=r.subject_id, other=event.of, **row))

    def _judged(self, conn: Connection, r: e.Recorded, event: e.DuplicateJudged) -> None:
        here = (_D.conversation == r.subject_id, _D.other == event.of)
        verdict = "" if event.verdict == "undone" else event.verdict
        if not conn.execute(update(duplicates).where(*here).values(verdict=verdict)).rowcount:
            row = {"why": "by_hand", "alike": 0.0, "mark": "", "verdict": verdict, "at": r.at}
            conn.execute(insert(duplicates).values(conversation=r.subject_id, other=event.of, **row))


# ── looking ─────────────────────────────────────────────────────────────────────────────────


def looked_for(
    conn: Connection, state: State, at: datetime, text: str, by_meaning: bool
) -> tuple[tuple[e.DuplicateSuspected, ...], tuple[str, ...]]:
    """(conversations that may be about the same, digests of what this one names)."""
    named = _marks(text)
    found: dict[int, e.DuplicateSuspected] = {}
    for one in (*_of_person(conn, state, at, text, by_meaning), *_by_marks(conn, state, at, named)):
        found.setdefault(one.of, one)
    return tuple(found.values())[:MOST], tuple(named)


def _marks(text: str) -> dict[str, str]:
    """Digest → what kind of thing it stands for."""
    from parley.ai import intents, slots
    from parley.ai.noticing import folded

    found = {_digest("order", number): "order" for number in intents.order_numbers(text)[:3]}
    found |= {_digest("mail", mail): "mail" for mail in intents.mail_addresses(text)[:3]}
    if phone := slots.phone(text):
        found[_digest("phone", re.sub(r"\D", "", phone))] = "phone"
    words = re.findall(r"[^\W\d_]+", folded(text))
    if len(words) >= SHORTEST:
        found[_digest("words", " ".join(words))] = "words"
    return found


def _digest(kind: str, value: str) -> str:
    return blake2b(f"{kind}:{value}".lower().encode(), digest_size=12).hexdigest()


def _of_person(
    conn: Connection, state: State, at: datetime, text: str, by_meaning: bool
) -> Iterable[e.DuplicateSuspected]:
    """Their own conversations of late that say nearly the same."""
    from parley.ai.likened import Likened

    own = [
        one for one in inbox.of_person(conn, state.person, inbox.SYSTEM, LOOKED_AT)
        if one.id != state.id and one.brand == state.brand and at - one.last_at <= LATELY
    ]  # fmt: skip
    said = _first_words(conn, [one.id for one in own])
    known = [one for one in own if one.id in said]
    if not known:
        return ()
    likened = Likened([(said[one.id], str(one.id)) for one in known], by_meaning)
    best = likened.best(text)
    if best is None or best.alike < (ALIKE if likened.by_meaning else ALIKE_BY_WORDS):
        return ()
    return (e.DuplicateSuspected(of=int(best.value), why="same_person", alike=best.alike),)


def _first_words(conn: Connection, numbers: Sequence[int]) -> dict[int, str]:
    if not numbers:
        return {}
    question = select(triaged.c.conversation, triaged.c.message).where(triaged.c.conversation.in_(numbers))
    messages = {row.conversation: row.message for row in conn.execute(question) if row.message is not None}
    words = words_of(conn, list(messages.values()))
    found = {number: topics.first_words(words[message]) for number, message in messages.items() if message in words}
    return {number: text for number, text in found.items() if text.strip()}


def _by_marks(conn: Connection, state: State, at: datetime, named: Mapping[str, str]) -> list[e.DuplicateSuspected]:
    """Conversations of anybody that name the same, or say the very same, of late: the newest of each mark, read from
    the end of an index, so that a wave of thousands costs what two do."""
    found = []
    for mark, kind in named.items():
        since = at - (AT_ONCE if kind == "words" else LATELY)
        for row in conn.execute(_MARKED, {"mark": mark, "since": since, "number": state.id, "brand": state.brand}):
            why = "same_words" if kind == "words" else "same_mark"
            why = "same_person" if row.person == state.person else why
            found.append(e.DuplicateSuspected(of=row.conversation, why=why, mark=kind))
    return found


_MARKED = (
    select(marks.c.conversation, inbox.conversations.c.person)
    .join(inbox.conversations, inbox.conversations.c.id == marks.c.conversation)
    .where(
        marks.c.mark == bindparam("mark"),
        marks.c.at >= bindparam("since", type_=Moment),
        marks.c.conversation != bindparam("number"),
        inbox.conversations.c.brand == bindparam("brand"),
    )
    .order_by(marks.c.at.desc())
    .limit(MOST)
)


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def suspect(tx: Tx, number: int, found: Sequence[e.DuplicateSuspected]) -> None:
    if found:
        tx.append(e.conversation(number), list(found), BY)


def merge(tx: Tx, number: int, who: Viewer, of: int) -> None:
    """This conversation is closed; what is written in it goes on in the other one of the same person."""
    here, there = replies.act_on(tx, number, who), inbox.state(tx.conn, of, who)
    if number == of:
        raise Refused("That is this conversation.")
    if here.person != there.person:
        raise Refused(
            "They are two people so far, and one would read what the other wrote. Join the two people first if they"
            " are one, or link the conversations."
        )
    if here.brand != there.brand:
        raise Refused("The other conversation belongs to another brand. Link them.")
    if merged_into(tx.conn, of) is not None:
        raise Refused("The other conversation was merged into a third one. Merge this one into that.")
    facts: list[e.Event] = [e.DuplicateJudged(of=of, verdict="merged")]
    if here.status != talk.CLOSED:
        facts.append(e.Closed(resolved=False))
    tx.append(e.conversation(number), facts, who.by)
    if here.waiting_since and there.status == talk.CLOSED:
        tx.append(e.conversation(of), talk.reopen(there, waiting_since=here.waiting_since), who.by)


def link(tx: Tx, number: int, who: Viewer, of: int) -> None:
    """They belong together; each goes on by itself."""
    _judge(tx, number, who, of, "linked")


def hold_apart(tx: Tx, number: int, who: Viewer, of: int) -> None:
    """They are two matters: the suggestion does not come again."""
    _judge(tx, number, who, of, "apart")


def undo(tx: Tx, number: int, who: Viewer, of: int) -> None:
    """Take the judgement back; what was closed by a merge is open again, and waits since it did."""
    state = replies.act_on(tx, number, who)
    row = tx.conn.execute(select(_D.verdict).where(_D.conversation == number, _D.other == of)).one_or_none()
    if row is None or not row.verdict:
        return
    tx.append(e.conversation(number), [e.DuplicateJudged(of=of, verdict="undone")], who.by)
    if row.verdict == "merged" and state.status == talk.CLOSED:
        tx.flush()
        replies.reopen(tx, number, who)


def _judge(tx: Tx, number: int, who: Viewer, of: int, verdict: str) -> None:
    replies.act_on(tx, number, who)
    inbox.state(tx.conn, of, who)
    if number == of:
        raise Refused("That is this conversation.")
    tx.append(e.conversation(number), [e.DuplicateJudged(of=of, verdict=verdict)], who.by)


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Suspicion(msgspec.Struct, frozen=True, kw_only=True):
    """Another conversation and how it hangs together with this one. same_person: they may be merged. into: this one was
    found to repeat the other; else the other repeats this one."""

    other: int
    why: str
    alike: float
    mark: str
    verdict: str
    subject: str
    channel: str
    status: str
    person: str
    same_person: bool
    into: bool


_REPEATS = and_(_D.conversation == bindparam("number"), _D.verdict != "apart")
_REPEATED = and_(_D.other == bindparam("number"), _D.verdict.in_(("merged", "linked")))
_HANGING = select(duplicates).where(or_(_REPEATS, _REPEATED)).order_by(_D.at.desc()).limit(10)


def of(conn: Connection, state: State, who: Viewer) -> list[Suspicion]:
    """What hangs together with a conversation, of what the viewer may see; what was held apart is left out. A mere
    suggestion stands where it can be acted on, in the later one."""
    rows = conn.execute(_HANGING, {"number": state.id}).all()
    if not rows:
        return []
    others = inbox.states(conn, [_other(row, state.id) for row in rows])
    seen = {number: one for number, one in others.items() if inbox.can_see(who, one)}
    names = people.persons(conn, [one.person for one in seen.values()])
    found = []
    for row in rows:
        one = seen.get(_other(row, state.id))
        into = row.conversation == state.id
        if one is None:
            continue
        found.append(
            Suspicion(
                other=one.id, why=row.why, alike=row.alike, mark=row.mark, verdict=row.verdict,
                subject=one.subject or one.preview, channel=one.channel, status=one.status,
                person=people.display_name(names.get(one.person)), same_person=one.person == state.person, into=into,
            )
        )  # fmt: skip
    return found


def _other(row: Any, number: int) -> int:
    return int(row.other if row.conversation == number else row.conversation)


def merged_into(conn: Connection, number: int) -> int | None:
    """Where a conversation goes on, if it was merged."""
    return conn.execute(_MERGED, {"number": number}).scalar()


_MERGED = select(_D.other).where(_D.conversation == bindparam("number"), _D.verdict == "merged").limit(1)
