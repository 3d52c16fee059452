"""Search over everything that was said, and over people's names and addresses."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Column, Connection, Table, delete, insert, or_, select

from parley.core import events as e
from parley.core.conversation import State
from parley.log.engines import search as fts
from parley.log.record import Tx, chunks, words_of
from parley.log.tables import Id, metadata
from parley.services import inbox, people
from parley.services.inbox import Viewer, conversations, visible_to

indexed = Table(
    "indexed",
    metadata,
    Column("message", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
)


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that was found. message: the newest one that matches, None for a match by person."""

    state: State
    message: int | None = None
    snippet: str = ""


class SearchReader:
    """Indexes words a moment after they were said (behind the log, so that intake is not slowed)."""

    name = "search"
    in_step = False
    batch = 2000
    rest = 0.3
    kinds = (e.MessageReceived, e.ReplyWritten, e.NoteWritten, e.MessageEdited, e.WordsErased, e.MessageWithdrawn,
             e.SendCancelled, e.CallTranscribed)  # fmt: skip
    tables = (indexed,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        engine = tx.record.database.name
        # New words are found under a number of their own: FTS5 takes a text out only where it knows what went in.
        said = {_number(r.event): r for r in batch if _is_talk(r.event)}
        gone = {number for r in batch for number in _gone(r.event)}
        words = words_of(tx.conn, list(said))
        rows = [(m, _searchable(words[m])) for m in said if m in words and m not in gone]
        fts.index(tx.conn, engine, rows)
        if rows:
            tx.conn.execute(insert(indexed), [{"message": m, "conversation": said[m].subject_id} for m, _ in rows])
        for message in gone - set(said):
            tx.conn.execute(delete(indexed).where(indexed.c.message == message))


def _gone(event: e.AnyEvent) -> tuple[int, ...]:
    """The numbers whose words are not kept any more."""
    if isinstance(event, e.MessageWithdrawn):
        return (event.message, *event.wordings)
    return (event.message,) if isinstance(event, e.WordsErased | e.SendCancelled) else ()


def _number(event: e.AnyEvent) -> int:
    """Under which number the words of an event lie."""
    if isinstance(event, e.MessageEdited | e.CallTranscribed):
        return event.wording
    assert isinstance(event, e.MessageReceived | e.ReplyWritten | e.NoteWritten)
    return event.message


def _is_talk(event: e.AnyEvent) -> bool:
    """Codes and surveys are the desk's own forms: nobody looks for them."""
    if isinstance(event, e.ReplyWritten):
        return event.purpose not in ("code", "survey")
    return not isinstance(event, e.WordsErased | e.MessageWithdrawn | e.SendCancelled)


def _searchable(words: e.Words) -> str:
    new = words.text if words.fold is None else words.text[: words.fold]
    return f"{words.subject}\n{new}" if words.subject else new


def find(conn: Connection, engine: str, wanted: str, who: Viewer, limit: int = 30) -> list[Hit]:
    """Conversations about `wanted`: people by name or address first, then messages, newest first."""
    wanted = wanted.strip()
    if not wanted:
        return []
    if wanted.lstrip("#").isdigit() and (one := _numbered(conn, int(wanted.lstrip("#")), who)):
        return [one]
    hits = [Hit(state=state) for state in _by_person(conn, wanted, who)]
    seen = {hit.state.id for hit in hits}
    for hit in _by_words(conn, engine, wanted, who, limit):
        if hit.state.id not in seen:
            seen.add(hit.state.id)
            hits.append(hit)
    return hits[:limit]


def _numbered(conn: Connection, number: int, who: Viewer) -> Hit | None:
    row = conn.execute(select(conversations).where(conversations.c.id == number, visible_to(who))).one_or_none()
    return Hit(state=inbox.as_state(row)) if row else None


def _by_person(conn: Connection, wanted: str, who: Viewer) -> list[State]:
    """Names and addresses that begin with the text; a range on the index, not a scan."""
    variants = {wanted, wanted.title(), wanted.lower()}
    by_name = or_(*(_begins(people.people.c.name, v) for v in variants))
    found = set(conn.execute(select(people.people.c.id).where(by_name).limit(10)).scalars())
    by_mail = _begins(people.identities.c.value, wanted.lower())
    question = select(people.identities.c.person).where(people.identities.c.kind == "mail", by_mail).limit(10)
    found |= set(conn.execute(question).scalars())
    if not found:
        return []
    talks = select(conversations).where(conversations.c.person.in_(found), visible_to(who))
    rows = conn.execute(talks.order_by(conversations.c.last_at.desc()).limit(10))
    return [inbox.as_state(row) for row in rows]


def _begins(column, beginning: str):  # type: ignore[no-untyped-def]
    return (column >= beginning) & (column < beginning + "\U0010ffff")


def _by_words(conn: Connection, engine: str, wanted: str, who: Viewer, limit: int) -> list[Hit]:
    """Page through hits until enough of them are this viewer's to see."""
    hits: dict[int, Hit] = {}
    before: int | None = None
    for at_once in (limit + limit // 3, *(limit * 4,) * 4):
        messages = fts.find(conn, engine, wanted, before, at_once)
        if not messages:
            break
        before = messages[-1]
        for hit in _resolve(conn, messages, who):
            hits.setdefault(hit.state.id, hit)
        if len(hits) >= limit or len(messages) < at_once:
            break
    chosen = list(hits.values())[:limit]
    words = words_of(conn, [hit.message for hit in chosen if hit.message])
    return [msgspec.structs.replace(h, snippet=snippet(words[h.message], wanted)) for h in chosen if h.message in words]


def _resolve(conn: Connection, messages: Sequence[int], who: Viewer) -> list[Hit]:
    owner: dict[int, int] = {}
    for chunk in chunks(messages, 500):
        for row in conn.execute(select(indexed).where(indexed.c.message.in_(chunk))):
            owner[row.message] = row.conversation
    mine: dict[int, State] = {}
    for chunk in chunks(sorted(set(owner.values())), 500):
        question = select(conversations).where(conversations.c.id.in_(chunk), visible_to(who))
        mine |= {row.id: inbox.as_state(row) for row in conn.execute(question)}
    return [Hit(state=mine[owner[m]], message=m) for m in messages if owner.get(m) in mine]


def snippet(words: e.Words, wanted: str, around: int = 70) -> str:
    """The place where the first word is found, with some text on both sides."""
    text = " ".join(_searchable(words).split())
    low = text.lower()
    places = [p for p in (low.find(term.lower()) for term in wanted.split()) if p >= 0]
    start = max(0, (min(places) if places else 0) - around)
    cut = text[start : start + 2 * around + len(wanted)]
    return ("…" if start else "") + cut + ("…" if start + len(cut) < len(text) else "")
