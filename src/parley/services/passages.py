"""Going on elsewhere: a code that is shown to somebody in one channel brings what they write in another to the same
conversation, and shows that it is the same person.

A code is bound to a conversation and the person in it, good for half an hour and for one use; only its hash is kept.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Index, Integer, String, Table, delete, insert, select, update

from parley.core import events as e
from parley.core.channel import Address, Channel, InboundMessage, Inbox, Inviting
from parley.core.conversation import State
from parley.core.errors import Refused
from parley.log.record import Tx
from parley.log.tables import Id, Moment, metadata
from parley.services import access, inbox, people, replies, threads
from parley.services.people import Identity

MINUTES = 30
PER_HOUR = 20
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: none that is taken for another
LENGTH = 12  # 60 bits
WORDS = "I go on here with my chat."
CAME_OVER = "came over from another channel"
WELCOME = "You are in the same conversation here. Just write on; we know what was said before."
TOO_OLD = "This link was used before, or is too old. Ask for a new one."
_CODE = re.compile(rf"\bGO-([{LETTERS}]{{{LENGTH}}})(?![{LETTERS}])", re.IGNORECASE)

passes = Table(
    "passes",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("conversation", Id, nullable=False),
    Column("identity", Id, nullable=False),
    Column("brand", Integer, nullable=False),
    Column("words", String(200), nullable=False),
    Column("expires", Moment, nullable=False),
    Column("used_by", Id),
)
Index("ix_passes_expires", passes.c.expires)


class Onward(msgspec.Struct, frozen=True, kw_only=True):
    """A channel on which one can go on. url: opens it with the code in what is to be sent."""

    inbox: int
    label: str
    glyph: str
    url: str


# ── where one can go on ─────────────────────────────────────────────────────────────────────


def onward(
    here: int,
    brand: int,
    inboxes: Iterable[Inbox],
    channels: Mapping[str, Channel],
    url: str,
    code: str,
    words: str,
    call: bool = False,
) -> list[Onward]:
    """Links to the brand's other inboxes, one for each that can be opened with a code. here: where they are now.

    call: only where one can speak, to do so.
    """
    found: list[Onward] = []
    for box in inboxes:
        channel = channels.get(box.channel)
        if box.brand != brand or box.id == here or not isinstance(channel, Inviting):
            continue
        if call and not channel.manifest.calls:
            continue
        if link := channel.invitation(box, words, code, url, call):
            label = channel.manifest.label
            found.append(Onward(inbox=box.id, label=label, glyph=channel.manifest.glyph, url=link))
    return found


# ── giving out ──────────────────────────────────────────────────────────────────────────────


def issue(tx: Tx, state: State, identity: int, by: str, words: str = WORDS) -> str:
    """A code for whoever holds this identity in this conversation."""
    if not access.allowed(tx, f"pass:{state.id}", PER_HOUR, timedelta(hours=1)):
        raise Refused("Too many links were asked for. Wait a while, or use the last one.")
    code = "GO-" + "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    tx.conn.execute(delete(passes).where(passes.c.expires < tx.at))
    row = {
        "hash": _hash(code),
        "conversation": state.id,
        "identity": identity,
        "brand": state.brand,
        "words": words[:200],
        "expires": tx.at + timedelta(minutes=MINUTES),
        "used_by": None,
    }
    tx.conn.execute(insert(passes).values(row))
    return code


def holder_in(conn: Connection, state: State) -> int:
    """Who a link is for that is sent in this conversation: whoever wrote there last."""
    last = replies.last_received(conn, state)
    if last is None:
        raise Refused("Nobody has written here yet, so there is nobody to send a link to.")
    return last.identity


# ── coming over ─────────────────────────────────────────────────────────────────────────────


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """The conversation that a code leads to. who: the sender, now the same person. said: words beside the code."""

    conversation: int
    who: Identity | None
    said: str


def code_in(*texts: str | None) -> str | None:
    """A code somewhere in the beginning of a text; written by hand it may be in small letters."""
    for text in texts:
        start = text[:2000].upper() if text else ""
        if "GO-" in start and (found := _CODE.search(start)):  # nearly no message has one, and every one is asked
            return found[0]
    return None


def carried(tx: Tx, at: Inbox, who: Identity, message: InboundMessage, *, proved: bool) -> Carried | None:
    """What the code of a message does. None where it has none that is good here.

    proved: whether it is sure who wrote it. If not, it is told where it belongs and no more: a code that comes under a
    borrowed name must not make two people one.
    """
    code = code_in(message.text, message.subject)
    row = _valid(tx, code, at.brand) if code and not message.sender.doubt else None
    if row is None or code is None or _is_there(tx, row.conversation, who):
        return None
    said = _beside(message.text, code, row.words)
    if not proved:
        return Carried(conversation=row.conversation, who=None, said=said)
    joined = _join(tx, row, who, at)
    return Carried(conversation=row.conversation, who=joined, said=said) if joined else None


def enter(tx: Tx, at: Inbox, address: Address, code: str, by: str = "intake") -> int:
    """A browser shows a code: its visitor takes part in the conversation from now on. Returns the conversation."""
    tx.flush()
    if not access.allowed(tx, f"enter:{address.value}", 10, timedelta(hours=1)):
        raise Refused("Too many links were tried. Wait a while.")
    row = _valid(tx, code_in(code) or "", at.brand)
    if row is None:
        raise Refused(TOO_OLD)
    who = next(iter(people.meet(tx, [address], by).values()))
    if _join(tx, row, who, at) is None:
        raise Refused(TOO_OLD)
    came(tx, row.conversation, who.id, at, f"person/{inbox.state(tx.conn, row.conversation).person}")
    return int(row.conversation)


def came(tx: Tx, conversation: int, identity: int, at: Inbox, by: str) -> None:
    tx.append(e.conversation(conversation), [e.WentOn(identity=identity, inbox=at.id, channel=at.channel)], by)
    tx.flush()


def welcome(tx: Tx, conversation: int, who: Identity, at: Inbox) -> None:
    """Say in the new place that nothing was lost on the way."""
    state = inbox.state(tx.conn, conversation)
    replies.automatic_reply(tx, state, WELCOME, "desk", purpose="notice", to=(at.id, who, at.channel))


def _valid(tx: Tx, code: str, brand: int) -> Any:
    row = tx.conn.execute(select(passes).where(passes.c.hash == _hash(code))).one_or_none()
    return row if row and row.used_by is None and row.brand == brand and row.expires >= tx.at else None


def _is_there(tx: Tx, conversation: int, who: Identity) -> bool:
    """Whoever takes part already quotes a code, and goes nowhere."""
    return threads.takes_part(tx.conn, conversation, who.id, who.value if who.kind == "mail" else None)


def _join(tx: Tx, row: Any, who: Identity, at: Inbox) -> Identity | None:
    """Use the code up, and make the two one person. None when that was done, or undone, before."""
    tx.flush()
    taken = update(passes).where(passes.c.hash == row.hash, passes.c.used_by.is_(None)).values(used_by=who.id)
    if not tx.conn.execute(taken).rowcount:
        return None
    people.prove(tx, who, "link", "intake")
    holder = people.identity_by_id(tx.conn, row.identity)
    if holder.person != who.person:
        try:
            people.merge(tx, holder.person, who.person, f"code carried over to {at.name}", "intake")
        except Refused:
            return None
    tx.flush()
    return people.identity_by_id(tx.conn, who.id)


def _beside(text: str, code: str, words: str) -> str:
    """What else was said: without the code, and without the words that stood in the link."""
    rest = re.sub(re.escape(code), "", text, flags=re.IGNORECASE).replace(words, "")
    return rest.strip(" \t\r\n()[]:.-")


def _hash(code: str) -> str:
    return sha256(f"pass:{code}".encode()).hexdigest()
