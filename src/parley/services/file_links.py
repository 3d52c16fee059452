"""Files that a channel cannot carry go as links: signed, for a month, gone when the message is taken back."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import escape

import msgspec
from sqlalchemy import Connection

from parley.core import events as e
from parley.core.channel import Manifest
from parley.core.errors import NotFound, Refused
from parley.core.sizes import size
from parley.services import files, threads
from parley.services.files import Store

GOOD_FOR = timedelta(days=30)
MOST_BYTES = 50 * 1024 * 1024  # of one answer's files
_NUMBERS = 1000  # a message has fewer files


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a message, and the last day on which it can be fetched."""

    name: str
    size: int
    url: str
    until: datetime


def must_be_linked(manifest: Manifest, sent: Sequence[e.File]) -> bool:
    """Whether a channel carries no files, or none so large."""
    return bool(sent) and (not manifest.files or sum(file.size for file in sent) > manifest.file_limit)


def links(key: bytes, public_url: str, message: int, sent: Sequence[e.File], at: datetime) -> list[Link]:
    """The same at every try of a message that was written at that moment."""
    until = at + GOOD_FOR
    day = int(until.timestamp()) // 86_400
    return [
        Link(
            name=file.name, size=file.size, until=until,
            url=f"{public_url}/file/{threads.sign(key, message, day * _NUMBERS + number, 'file')}",
        )
        for number, file in enumerate(sent)
    ]  # fmt: skip


def in_words(linked: Sequence[Link]) -> str:
    """A list below the text, a line each."""
    lines = [f"{one.name} ({size(one.size)}): {one.url}" for one in linked]
    return "\n".join([_heading(linked), *lines])


def in_html(linked: Sequence[Link]) -> str:
    items = "".join(f'<li><a href="{escape(one.url)}">{escape(one.name)}</a> ({size(one.size)})</li>' for one in linked)
    return f"<p>{escape(_heading(linked))}</p><ul>{items}</ul>"


def _heading(linked: Sequence[Link]) -> str:
    until = linked[0].until
    return f"To be fetched until {until.day} {until:%B %Y}:"


def fetch(conn: Connection, store: Store, key: bytes, token: str, now: datetime) -> tuple[str, bytes]:
    """(name, bytes) behind a link. NotFound for a foreign, cut or taken back one; Refused past its last day."""
    read = threads.read_token(key, token)
    if read is None or read[0] != "f":
        raise NotFound("This link is not one of ours, or it was cut. Use it just as it was sent.")
    day, number = divmod(read[2], _NUMBERS)
    last = datetime.fromtimestamp(day * 86_400, UTC)
    if now >= last + timedelta(days=1):
        raise Refused(f"This file could be fetched until {last.day} {last:%B %Y}. Ask us to send it again.")
    row = files.find(conn, read[1], number)
    return row.name, store.get(row.sha256)
