"""From raw deliveries to what they say: reading them, and keeping the files that came along.

Runs in this process, or for a backlog in a second one (see reading_apart.py).
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from parley.core import events as e
from parley.core.channel import Attached, Channel, Delivery, Inbound, InboundMessage, Inbox
from parley.core.errors import Unreadable
from parley.core.signin import NONE, Secrets, secrets_in
from parley.services.files import Store

logger = logging.getLogger("parley.intake")


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """A stored delivery and the inbox it came to. trouble: why there is nothing to read."""

    delivery: Delivery
    inbox: Inbox | None
    history: bool = False
    trouble: str | None = None


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a delivery says, or the trouble with it. files: those of each thing said, already kept. secrets: with which
    one signs in somewhere, in each thing said."""

    delivery: int
    inbox: int
    said: list[Inbound] = []
    files: list[tuple[e.File, ...]] = []
    secrets: list[Secrets] = []
    trouble: str | None = None
    history: bool = False


def read_all(unread: Sequence[Unread], channels: Mapping[str, Channel], store: Store) -> list[Heard]:
    """Read deliveries and keep their files. Raises Busy when the files cannot be kept."""
    heard = [read_one(one, channels) for one in unread]
    attached = [file for one in heard for said in one.said for file in _attached(said)]
    digests = iter(store.put_all([file.data for file in attached]))
    return [_described(one, digests) for one in heard]


def read_one(one: Unread, channels: Mapping[str, Channel]) -> Heard:
    """What one delivery says; whatever is wrong with it becomes its `trouble`."""
    heard = Heard(delivery=one.delivery.id, inbox=one.delivery.inbox, history=one.history)
    if one.inbox is None or one.trouble:
        return msgspec.structs.replace(heard, trouble=one.trouble or "Its inbox was removed meanwhile.")
    channel = channels[one.inbox.channel]
    try:
        said = [_storable(what) for what in channel.read(one.delivery, one.inbox)]
        return msgspec.structs.replace(heard, said=said, secrets=[secrets_of(channel, what) for what in said])
    except Unreadable as error:
        return msgspec.structs.replace(heard, trouble=str(error))
    except Exception as error:
        logger.exception("Delivery %s cannot be read", one.delivery.id)
        return msgspec.structs.replace(heard, trouble=f"It cannot be read ({type(error).__name__}).")


def _storable(said: Inbound) -> Inbound:
    """Without NUL characters, which PostgreSQL cannot keep in a text; the raw delivery has them still."""
    if isinstance(said, InboundMessage) and said.fold is not None and "\x00" in said.text:
        said = msgspec.structs.replace(said, fold=said.fold - said.text[: said.fold].count("\x00"))
    kept: Inbound = _without_nul(said)
    return kept


def _without_nul(what: Any) -> Any:
    if isinstance(what, str):
        return what.replace("\x00", "")
    if isinstance(what, tuple | list):
        return type(what)(map(_without_nul, what))
    if isinstance(what, msgspec.Struct):
        there = {name: getattr(what, name) for name in what.__struct_fields__}
        return msgspec.structs.replace(what, **{name: _without_nul(value) for name, value in there.items()})
    return what


def secrets_of(channel: Channel, said: Inbound) -> Secrets:
    """On a platform nobody signs in elsewhere with what is written to us: its names are sure."""
    if not isinstance(said, InboundMessage) or channel.manifest.threads == "identity":
        return NONE
    return secrets_in(said.subject or "", said.text)


def _attached(said: Inbound) -> tuple[Attached, ...]:
    return said.files if isinstance(said, InboundMessage) else ()


def _described(heard: Heard, digests: Iterator[str]) -> Heard:
    """The same with descriptions in place of bytes."""
    files = [
        tuple(
            e.File(name=a.name[:255], type=a.type[:120], size=len(a.data), sha256=next(digests), cid=a.cid)
            for a in _attached(said)
        )
        for said in heard.said
    ]
    said = [msgspec.structs.replace(s, files=()) if isinstance(s, InboundMessage) else s for s in heard.said]
    return msgspec.structs.replace(heard, said=said, files=files)
