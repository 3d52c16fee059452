"""Mails of a mailbox (mbox, maildir), each read by the channel that reads mail on a running desk."""

import mailbox
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec

from parley.channels import installed
from parley.core.channel import Channel, Delivery, InboundMessage, Inbox
from parley.core.errors import ParleyError, Unreadable

MOST_TEXT = 4000  # characters kept of a mail's own words
AT_ONCE = 200
WORTH_MORE_HANDS = 2000  # mails from which on further processes pay for their start
_NOW = datetime(2000, 1, 1, tzinfo=UTC)

Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how far it is, and of how many."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A mail. at: 0 where it tells no time. machine: why nobody wrote it, or None. text: without what it quotes."""

    key: str
    at: float
    sender: str
    name: str
    to: tuple[str, ...]
    subject: str
    text: str
    refs: tuple[str, ...]
    machine: str | None = None


def open_mailbox(form: str, path: Path) -> "mailbox.Mailbox[mailbox.Message]":
    """The mailbox at a path. Raises ParleyError where there is none of that form."""
    if not path.exists():
        raise ParleyError(f"There is no {path}.")
    if form == "mbox" and path.is_file():
        return mailbox.mbox(path, create=False)
    if form == "maildir" and (path / "cur").is_dir():
        return mailbox.Maildir(path, create=False)
    raise ParleyError(f"{path} is not a {form}. Parley reads an mbox file, or a maildir folder with cur and new in it.")


def raws(box: "mailbox.Mailbox[mailbox.Message]") -> Iterator[bytes]:
    """The bytes of every mail, those in folders of a maildir as well."""
    for key in box.iterkeys():
        yield box.get_bytes(key)
    if isinstance(box, mailbox.Maildir):
        for name in box.list_folders():
            yield from raws(box.get_folder(name))


def count(box: "mailbox.Mailbox[mailbox.Message]") -> int:
    folders = [box.get_folder(name) for name in box.list_folders()] if isinstance(box, mailbox.Maildir) else []
    return len(box) + sum(map(count, folders))


def letters(path: Path, told: Progress) -> Iterator[Letter | None]:
    """Every mail of a mailbox; None for one that cannot be read."""
    box = open_mailbox("maildir" if path.is_dir() else "mbox", path)
    whole, done = count(box), 0
    for batch in _read_all(raws(box), whole):
        done += len(batch)
        told("Reading mails", done, whole)
        yield from batch


def _read_all(found: Iterable[bytes], whole: int) -> Iterator[list[Letter | None]]:
    """In batches; by several processes where there is much to read."""
    source = iter(found)
    batches = iter(lambda: list(islice(source, AT_ONCE)), [])
    hands = os.cpu_count() or 1
    if whole < WORTH_MORE_HANDS or hands < 2:
        yield from map(_read_some, batches)
        return
    with ProcessPoolExecutor(hands, mp_context=get_context("spawn")) as pool:
        running: deque[Future[list[Letter | None]]] = deque()
        for batch in batches:
            running.append(pool.submit(_read_some, batch))
            if len(running) > 2 * hands:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def _read_some(some: list[bytes]) -> list[Letter | None]:
    return [_letter(raw) for raw in some]


@cache
def _reader() -> tuple[Channel, Any]:
    """The channel whose deliveries are mails and can be named by their bytes."""
    for channel in installed().values():
        name_of = getattr(channel, "provider_id", None)
        if name_of is not None and channel.manifest.threads == "reference":
            return channel, name_of
    raise ParleyError("No channel that reads mail is installed.")


def _letter(raw: bytes) -> Letter | None:
    channel, name_of = _reader()
    delivery = Delivery(id=0, inbox=0, provider_id="", received_at=_NOW, raw=raw)
    try:
        found = channel.read(delivery, Inbox(id=0, brand=0, channel=channel.manifest.name, name="", address=""))
    except Unreadable:
        return None
    for one in found:
        if isinstance(one, InboundMessage):
            return _of(one)
    return Letter(key=name_of(raw), at=0, sender="", name="", to=(), subject="", text="", refs=(), machine="a receipt")


def _of(one: InboundMessage) -> Letter:
    return Letter(
        key=one.external_id or "",
        at=one.sent_at.timestamp() if one.sent_at else 0,
        sender=one.sender.value,
        name=one.sender.name,
        to=one.recipients,
        subject=one.subject or "",
        text=one.text[: one.fold][:MOST_TEXT].strip(),
        refs=one.references,
        machine=one.automatic,
    )
