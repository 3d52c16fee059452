"""What conversations are about: the tags that people gave to whose first words, and what was guessed of them.

Learning and guessing are in triage.py; here are the tables that both ask.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    String,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy import update as change

from parley.core import events as e
from parley.log.record import Tx, add_rows, chunks, words_of
from parley.log.tables import Id, Moment, metadata

MOST = 20_000  # conversations that are learnt from, the newest
LONGEST = 2000  # characters of a first message that are looked at

firsts = Table(
    "firsts",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("message", Id, nullable=False),
    Column("at", Moment, nullable=False),
)

labels = Table(
    "labels",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("tag", String(40), primary_key=True),
    Column("by_hand", Boolean, nullable=False),
)
Index("ix_labels_tag", labels.c.tag, labels.c.conversation)

guesses = Table(
    "guesses",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("topic", String(40), nullable=False),
    Column("sure", Float, nullable=False),
    Column("told", Boolean, nullable=False),
    Column("model", Id, nullable=False),
    Column("at", Moment, nullable=False),
    Column("outcome", String(8), nullable=False),  # empty, kept, removed, taken
)
Index("ix_guesses_at", guesses.c.at)


class TopicReader:
    """Follows first words, tags and guesses; a guess is judged by what agents did to its tag."""

    name = "topics"
    in_step = False
    batch = 2000
    rest = 0.5
    kinds = (e.MessageReceived, e.Tagged, e.Untagged, e.TopicGuessed, e.Closed)
    tables = (firsts, labels, guesses)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        new = [r for r in batch if is_first(r)]
        add_rows(tx.conn, firsts, [
            {"conversation": r.subject_id, "message": r.event.message, "at": r.at}  # type: ignore[union-attr]
            for r in new
        ])  # fmt: skip
        for r in batch:
            match r.event:
                case e.TopicGuessed():
                    self._guessed(tx.conn, r, r.event)
                case e.Tagged(tag=tag):
                    self._tagged(tx.conn, r, tag)
                case e.Untagged(tag=tag):
                    self._untagged(tx.conn, r, tag)
        closed = {r.subject_id for r in batch if isinstance(r.event, e.Closed) and _by_people(r)}
        for chunk in chunks(sorted(closed), 500):
            still = (guesses.c.conversation.in_(chunk), guesses.c.told, guesses.c.outcome == "")
            tx.conn.execute(change(guesses).where(*still).values(outcome="kept"))

    def _guessed(self, conn: Connection, r: e.Recorded, event: e.TopicGuessed) -> None:
        conn.execute(delete(guesses).where(guesses.c.conversation == r.subject_id))
        row = {"conversation": r.subject_id, "topic": event.topic, "sure": event.probability, "told": event.told}
        conn.execute(insert(guesses).values(**row, model=event.model, at=r.at, outcome=""))

    def _tagged(self, conn: Connection, r: e.Recorded, tag: str) -> None:
        here = (labels.c.conversation == r.subject_id, labels.c.tag == tag)
        conn.execute(delete(labels).where(*here))
        conn.execute(insert(labels).values(conversation=r.subject_id, tag=tag, by_hand=_by_people(r)))
        self._judge(conn, r, tag, told=False, outcome="taken")

    def _untagged(self, conn: Connection, r: e.Recorded, tag: str) -> None:
        conn.execute(delete(labels).where(labels.c.conversation == r.subject_id, labels.c.tag == tag))
        self._judge(conn, r, tag, told=True, outcome="removed")

    def _judge(self, conn: Connection, r: e.Recorded, tag: str, *, told: bool, outcome: str) -> None:
        if _by_people(r):
            mine = (guesses.c.conversation == r.subject_id, guesses.c.topic == tag, guesses.c.told == told)
            conn.execute(change(guesses).where(*mine).values(outcome=outcome))


def is_first(r: e.Recorded) -> bool:
    """Whether an event brings the words with which a customer opened a conversation."""
    event = r.event
    return isinstance(event, e.MessageReceived) and r.version == 2 and not event.automatic and not event.doubt


def _by_people(r: e.Recorded) -> bool:
    return r.by.startswith("agent/")


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Example(msgspec.Struct, frozen=True):
    """First words and the one tag that people gave them, or left on them when they closed the conversation."""

    conversation: int
    text: str
    tag: str
    at: datetime


def examples(conn: Connection, after: int = 0) -> list[Example]:
    """Of conversations beyond `after`, oldest first; at most the newest `MOST`.

    Several tags teach nothing, and neither do the same words again: they would make every model look good.
    """
    shown = or_(labels.c.by_hand, guesses.c.outcome == "kept")
    question = (
        select(labels.c.conversation, func.max(labels.c.tag).label("tag"), firsts.c.message, firsts.c.at)
        .join(firsts, firsts.c.conversation == labels.c.conversation)
        .outerjoin(guesses, and_(guesses.c.conversation == labels.c.conversation, guesses.c.topic == labels.c.tag))
        .where(shown, labels.c.conversation > after)
        .group_by(labels.c.conversation, firsts.c.message, firsts.c.at)
        .having(func.count() == 1)
        .order_by(labels.c.conversation.desc())
        .limit(MOST)
    )
    rows = conn.execute(question).all()
    words = words_of(conn, [row.message for row in rows])
    found: dict[tuple[str, str], Example] = {}
    for row in rows:
        if (said := words.get(row.message)) and (text := first_words(said)):
            one = Example(row.conversation, text, row.tag, row.at)
            found.setdefault((" ".join(text.lower().split()), row.tag), one)
    return list(reversed(found.values()))


def first_words(words: e.Words) -> str:
    """Subject and new part of a message, as they are learnt from and guessed by."""
    new = words.text if words.fold is None else words.text[: words.fold]
    return "\n".join(part for part in ((words.subject or "").strip(), new.strip()) if part)[:LONGEST]


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """What became of guesses. told: tags put on; right: of those judged, left on when the conversation was closed;
    wrong: taken off. offered: suggestions; taken: of them, tags that an agent then gave."""

    told: int = 0
    right: int = 0
    wrong: int = 0
    offered: int = 0
    taken: int = 0


def score(conn: Connection, since: datetime) -> Score:
    question = (
        select(guesses.c.told, guesses.c.outcome, func.count().label("n"))
        .where(guesses.c.at >= since)
        .group_by(guesses.c.told, guesses.c.outcome)
    )
    n = {(bool(row.told), row.outcome): int(row.n) for row in conn.execute(question)}
    return Score(
        told=sum(count for (told, _), count in n.items() if told),
        right=n.get((True, "kept"), 0),
        wrong=n.get((True, "removed"), 0),
        offered=sum(count for (told, _), count in n.items() if not told),
        taken=n.get((False, "taken"), 0),
    )


def suggested(conn: Connection, conversation: int) -> tuple[str, float] | None:
    """(topic, how likely) that was guessed, not told, and nobody has judged yet."""
    row = conn.execute(_SUGGESTED, {"conversation": conversation}).one_or_none()
    return (row.topic, row.sure) if row else None


_SUGGESTED = select(guesses).where(
    guesses.c.conversation == bindparam("conversation"), ~guesses.c.told, guesses.c.outcome == ""
)
