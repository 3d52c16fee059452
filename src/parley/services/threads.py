"""Which conversation a message belongs to: external ids, participants, and signed reply tokens."""

import base64
import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, Connection, Index, String, Table, select

from parley.core import events as e
from parley.log.record import Tx, add_rows, chunks
from parley.log.tables import Id, metadata

externals = Table(
    "externals",
    metadata,
    Column("message", Id, primary_key=True, autoincrement=False),
    Column("external_id", String(500), nullable=False),
    Column("conversation", Id, nullable=False),
)
Index("ix_externals_external_id", externals.c.external_id)

participants = Table(
    "participants",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("who", String(260), primary_key=True),
)


class ThreadReader:
    """Remembers the transports' names of messages, and who takes part in a conversation."""

    name = "threads"
    in_step = True
    kinds = (e.MessageReceived, e.ReplyWritten)
    tables = (externals, participants)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        named: list[dict[str, Any]] = []
        present: dict[tuple[int, str], None] = {}
        for r in batch:
            event = r.event
            assert isinstance(event, self.kinds)
            if event.external_id:
                row = {
                    "message": event.message,
                    "external_id": event.external_id[:500],
                    "conversation": r.subject_id,
                }
                named.append(row)
            if not (isinstance(event, e.MessageReceived) and event.unverified):
                for who in (f"i:{event.identity}", *(f"m:{mail}"[:260] for mail in event.cc)):
                    present[(r.subject_id, who)] = None
        add_rows(tx.conn, externals, named)
        begun = {r.subject_id for r in batch if r.version == 2}  # the first word, behind the opening
        self._note(tx, list(present), begun)

    def _note(self, tx: Tx, present: list[tuple[int, str]], begun: set[int]) -> None:
        known: set[tuple[int, str]] = set()
        for chunk in chunks(sorted({conversation for conversation, _ in present} - begun), 500):
            question = select(participants).where(participants.c.conversation.in_(chunk))
            known |= {(row.conversation, row.who) for row in tx.conn.execute(question)}
        add_rows(tx.conn, participants, [{"conversation": c, "who": w} for c, w in present if (c, w) not in known])


def conversations_of(conn: Connection, external_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """External id → (conversation, message). Where one id names several messages, the newest counts."""
    found: dict[str, tuple[int, int]] = {}
    for chunk in chunks(list(dict.fromkeys(external_ids)), 500):
        question = select(externals).where(externals.c.external_id.in_(chunk)).order_by(externals.c.message)
        for row in conn.execute(question):
            found[row.external_id] = (row.conversation, row.message)
    return found


def takes_part(conn: Connection, conversation: int, identity: int, mail: str | None) -> bool:
    """Whether this address wrote, was written to, or was copied in the conversation."""
    names = [f"i:{identity}", *([f"m:{mail}"[:260]] if mail else [])]
    question = select(participants.c.who).where(
        participants.c.conversation == conversation, participants.c.who.in_(names)
    )
    return conn.execute(question.limit(1)).first() is not None


def newest_matter(conn: Connection, person: int, brand: int, kind: str) -> Any:
    """(id, closed_at) of the person's newest conversation with a brand in which an address of theirs of
    this kind takes part; None when there is none."""
    from parley.services.inbox import conversations
    from parley.services.people import identities

    mine = select(identities.c.id).where(identities.c.person == person, identities.c.kind == kind)
    names = [f"i:{number}" for number in conn.execute(mine).scalars()]
    columns = conversations.c
    here = select(participants.c.who).where(participants.c.conversation == columns.id, participants.c.who.in_(names))
    question = (
        select(columns.id, columns.closed_at)
        .where(columns.person == person, columns.brand == brand, here.exists())
        .order_by(columns.last_at.desc())
        .limit(1)
    )
    return conn.execute(question).one_or_none()


def names_of(conn: Connection, conversation: int, newest: int = 40) -> list[str]:
    """External ids of a conversation's messages, oldest first: the References of the next one."""
    question = (
        select(externals.c.external_id)
        .where(externals.c.conversation == conversation)
        .order_by(externals.c.message.desc())
        .limit(newest)
    )
    return list(reversed(conn.execute(question).scalars().all()))


Index("ix_externals_conversation", externals.c.conversation, externals.c.message)


# ── signed reply tokens ─────────────────────────────────────────────────────────────────────

KEY_ID = "1"


def sign(key: bytes, conversation: int, identity: int, purpose: str = "reply") -> str:
    """A token that brings an answer back: purpose, numbers, and 130 bits of HMAC-SHA256 over all of them.

    Lower-case base32, because mail systems may change the case of a local part.
    """
    body = f"{purpose[0]}{KEY_ID}.{conversation:x}.{identity:x}"
    return f"{body}.{_mac(key, body)}"


def read_token(key: bytes, token: str) -> tuple[str, int, int] | None:
    """(purpose letter, conversation, identity) of a token that is ours, else None."""
    body, _, mac = token.lower().rpartition(".")
    if not hmac.compare_digest(_mac(key, body), mac):
        return None
    try:
        head, conversation, identity = body.split(".")
        return head[0], int(conversation, 16), int(identity, 16)
    except (ValueError, IndexError):
        return None


def _mac(key: bytes, body: str) -> str:
    digest = hmac.new(key, b"reply-token:" + body.encode(), sha256).digest()
    return base64.b32encode(digest)[:26].decode().lower()
