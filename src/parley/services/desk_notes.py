"""What agents keep for themselves or are told: drafts of answers, mentions, prepared answers (macros)."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Column, Connection, Integer, Table, Text, bindparam, delete, insert, select

from parley.core import events as e
from parley.log.many import among
from parley.log.record import Tx
from parley.log.tables import Id, metadata
from parley.services import inbox, setup
from parley.services.inbox import Viewer, mentions

drafts = Table(
    "drafts",
    metadata,
    Column("agent", Integer, primary_key=True, autoincrement=False),
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("reply", Text, nullable=False),
    Column("note", Text, nullable=False),
)


class Macro(msgspec.Struct, frozen=True, kw_only=True):
    """A prepared answer."""

    name: str
    text: str


class MentionReader:
    """Remembers who was mentioned where."""

    name = "mentions"
    in_step = True
    kinds = (e.NoteWritten,)
    tables = (mentions,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        new = {
            (agent, r.subject_id): None
            for r in batch
            if isinstance(r.event, e.NoteWritten)
            for agent in r.event.mentions
        }
        for agent, conversation in new:
            tx.conn.execute(delete(mentions).where(mentions.c.agent == agent, mentions.c.conversation == conversation))
            tx.conn.execute(insert(mentions).values(agent=agent, conversation=conversation))


def keep_draft(tx: Tx, number: int, who: Viewer, reply: str, note: str) -> None:
    """Keep what an agent has begun to write; empty texts forget it."""
    inbox.state(tx.conn, number, who)
    here = (drafts.c.agent == who.agent) & (drafts.c.conversation == number)
    tx.conn.execute(delete(drafts).where(here))
    if reply.strip() or note.strip():
        row = {"agent": who.agent, "conversation": number, "reply": reply[:100_000], "note": note[:100_000]}
        tx.conn.execute(insert(drafts).values(**row))


_DRAFT = select(drafts).where(drafts.c.agent == bindparam("agent"), drafts.c.conversation == bindparam("conversation"))


def draft(conn: Connection, agent: int, conversation: int) -> tuple[str, str]:
    """(reply, note) an agent has begun; empty when there is none."""
    row = conn.execute(_DRAFT, {"agent": agent, "conversation": conversation}).one_or_none()
    return (row.reply, row.note) if row else ("", "")


def mentioned_in(conn: Connection, conversations: Sequence[int]) -> dict[int, list[int]]:
    """Conversation → agents mentioned there."""
    found: dict[int, list[int]] = {}
    for row in among(conn, mentions.c.conversation, conversations):
        found.setdefault(row.conversation, []).append(row.agent)
    return found


def macros(conn: Connection) -> tuple[Macro, ...]:
    return tuple(msgspec.convert(setup.setting(conn, "macros", []), tuple[Macro, ...]))


def set_macros(tx: Tx, new: Sequence[Macro]) -> None:
    setup.set_setting(tx, "macros", [msgspec.structs.asdict(macro) for macro in new])
