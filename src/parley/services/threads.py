"""Which conversation a message belongs to: external ids, participants, and signed reply tokens."""

import base64
import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, Connection, Index, Select, String, Table, bindparam, select

from parley.core import events as e
from parley.log.many import among
from parley.log.record import Tx, add_rows
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


_ANSWERS = re.compile(
    r"(?:re|aw|antw|antwort|sv|vs|r|rif|ref|odp|ynt|res|ats|atb|vast|hl|回复|回覆|答复|返信|답장|ответ|отв|απ)"
    r"(?: ?[\[(]\d{1,3}[\])])? ?[:：]\s*"
)


class ThreadReader:
    """Remembers the transports' names of messages, and who takes part in a conversation."""

    name = "threads"
    in_step = True
    kinds = (e.MessageReceived, e.SenderAccepted, e.ReplyWritten, e.CallBegan, e.WentOn)
    tables = (externals, participants)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        named: list[dict[str, Any]] = []
        present: dict[tuple[int, str], None] = {}
        for r in batch:
            event = r.event
            assert isinstance(event, self.kinds)
            if isinstance(event, e.SenderAccepted | e.WentOn):
                present[(r.subject_id, f"i:{event.identity}")] = None
                continue
            if isinstance(event, e.CallBegan) and not event.outgoing:
                continue  # its message has the name already
            if event.external_id:
                row = {
                    "message": event.message,
                    "external_id": event.external_id[:500],
                    "conversation": r.subject_id,
                }
                named.append(row)
            if isinstance(event, e.CallBegan):
                continue
            if not (isinstance(event, e.MessageReceived) and event.unverified):
                for who in (f"i:{event.identity}", *(f"m:{mail}"[:260] for mail in _brought_along(r))):
                    present[(r.subject_id, who)] = None
        add_rows(tx.conn, externals, named)
        begun = {r.subject_id for r in batch if r.version == 2}  # the first word, behind the opening
        self._note(tx, list(present), begun)

    def _note(self, tx: Tx, present: list[tuple[int, str]], begun: set[int]) -> None:
        old = sorted({conversation for conversation, _ in present} - begun)
        known = {(row.conversation, row.who) for row in among(tx.conn, participants.c.conversation, old)}
        add_rows(tx.conn, participants, [{"conversation": c, "who": w} for c, w in present if (c, w) not in known])


def _brought_along(r: e.Recorded) -> tuple[str, ...]:
    """Who takes part because they got a copy. Into a matter that has a history only its proved writers, and the
    desk, bring others: whoever writes under a borrowed name must not add a reader of what was said before."""
    event = r.event
    if isinstance(event, e.ReplyWritten):
        return event.cc
    assert isinstance(event, e.MessageReceived)
    opening = r.version == 2 and not event.doubt
    return event.cc if event.proved or opening or event.history else ()


def conversations_of(conn: Connection, external_ids: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
    """External id → [(conversation, message)], newest first: a mail to two of our inboxes is in two."""
    found: dict[str, list[tuple[int, int]]] = {}
    for row in among(conn, externals.c.external_id, dict.fromkeys(external_ids), order=_NEWEST):
        found.setdefault(row.external_id, []).append((row.conversation, row.message))
    return found


_NEWEST = (externals.c.message.desc(),)


def of_subject(conn: Connection, person: int, brand: int, inbox: int, subject: str, since: datetime) -> int | None:
    """The person's newest conversation of that subject (see `bare_subject`) in an inbox, active since then."""
    from parley.services.inbox import conversations

    columns = conversations.c
    question = (
        select(columns.id, columns.subject)
        .where(columns.person == person, columns.brand == brand, columns.inbox == inbox, columns.last_at >= since)
        .order_by(columns.last_at.desc())
        .limit(20)
    )
    return next((row.id for row in conn.execute(question) if bare_subject(row.subject)[0] == subject), None)


def bare_subject(subject: str) -> tuple[str, bool]:
    """The subject without Re:, AW:, SV[2]: … in lower case, and whether there was such a mark of an answer."""
    text, marked = " ".join(subject.lower().split()), False
    while found := _ANSWERS.match(text):
        text, marked = text[found.end() :], True
    return text, marked


def takes_part(conn: Connection, conversation: int, identity: int, mail: str | None) -> bool:
    """Whether this address wrote, was written to, or was copied in the conversation."""
    names = [f"i:{identity}", *([f"m:{mail}"[:260]] if mail else [])]
    return conn.execute(_PRESENT, {"conversation": conversation, "names": names}).first() is not None


_PRESENT = (
    select(participants.c.who)
    .where(
        participants.c.conversation == bindparam("conversation"),
        participants.c.who.in_(bindparam("names", expanding=True)),
    )
    .limit(1)
)


def newest_matter(conn: Connection, person: int, brand: int, kind: str) -> Any:
    """(id, closed_at) of the person's newest conversation with a brand in which an address of theirs of
    this kind takes part; None when there is none."""
    mine, newest = _newest_matter()
    names = [f"i:{number}" for number in conn.execute(mine, {"person": person, "kind": kind}).scalars()]
    return conn.execute(newest, {"person": person, "brand": brand, "names": names}).one_or_none()


@cache
def _newest_matter() -> tuple[Select[Any], Select[Any]]:
    from parley.services.inbox import conversations
    from parley.services.people import identities

    mine = select(identities.c.id).where(
        identities.c.person == bindparam("person"), identities.c.kind == bindparam("kind")
    )
    columns = conversations.c
    here = select(participants.c.who).where(
        participants.c.conversation == columns.id, participants.c.who.in_(bindparam("names", expanding=True))
    )
    newest = select(columns.id, columns.closed_at).where(
        columns.person == bindparam("person"), columns.brand == bindparam("brand"), here.exists()
    )
    return mine, newest.order_by(columns.last_at.desc()).limit(1)


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
