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
    func,
    or_,
    select,
)

from parley.core import events as e
from parley.log.many import among, drop_among
from parley.log.record import Tx, add_rows, words_of
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
        judged = [r for r in batch if type(r.event) in _JUDGED and (type(r.event) is not e.Closed or _by_people(r))]
        if judged:
            _judge(tx.conn, judged)


class _Guess(msgspec.Struct):
    """A row of `guesses`."""

    conversation: int
    topic: str
    sure: float
    told: bool
    model: int
    at: datetime
    outcome: str = ""


_JUDGED = (e.Tagged, e.Untagged, e.TopicGuessed, e.Closed)


def _judge(conn: Connection, batch: Sequence[e.Recorded]) -> None:
    """Tags and guesses of the conversations that are touched, folded and put back."""
    numbers = sorted({r.subject_id for r in batch})
    guessed = {row[0]: _Guess(*tuple(row)) for row in among(conn, guesses.c.conversation, numbers)}
    tagged = {(row.conversation, row.tag): row.by_hand for row in among(conn, labels.c.conversation, numbers)}
    before = {number: msgspec.structs.astuple(guess) for number, guess in guessed.items()}
    tagged_before = dict(tagged)
    for r in batch:
        _fold(r, r.subject_id, guessed, tagged)
    changed = [guess for number, guess in guessed.items() if before.get(number) != msgspec.structs.astuple(guess)]
    drop_among(conn, guesses.c.conversation, sorted(one.conversation for one in changed if one.conversation in before))
    add_rows(conn, guesses, [msgspec.structs.asdict(guess) for guess in changed])
    if tagged != tagged_before:
        drop_among(conn, labels.c.conversation, sorted({number for number, _ in tagged_before}))
        rows = [{"conversation": number, "tag": tag, "by_hand": hand} for (number, tag), hand in tagged.items()]
        add_rows(conn, labels, rows)


def _fold(r: e.Recorded, number: int, guessed: dict[int, _Guess], tagged: dict[tuple[int, str], bool]) -> None:
    guess = guessed.get(number)
    match r.event:
        case e.TopicGuessed() as told:
            guessed[number] = _Guess(number, told.topic, told.probability, told.told, told.model, r.at)
        case e.Tagged(tag=tag):
            tagged[number, tag] = _by_people(r)
            if guess and guess.topic == tag and not guess.told and _by_people(r):
                guess.outcome = "taken"
        case e.Untagged(tag=tag):
            tagged.pop((number, tag), None)
            if guess and guess.topic == tag and guess.told and _by_people(r):
                guess.outcome = "removed"
        case e.Closed() if guess and guess.told and not guess.outcome:
            guess.outcome = "kept"


def is_first(r: e.Recorded) -> bool:
    """Whether an event brings the words with which a customer opened a conversation."""
    event = r.event
    return r.version == 2 and isinstance(event, e.MessageReceived) and not event.automatic and not event.doubt


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
