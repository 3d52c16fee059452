"""The shape of what a system posts: `{"type": …, "data": {…}}`, alone, in a list, or as `{"events": […]}`."""

from typing import Any

import msgspec

Batch = list[Any]


class Loose(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that are not named here are passed over, so that senders may add some."""


class Writer(Loose, frozen=True):
    """Who wrote: the system's own name for them. mail, phone: further addresses of theirs."""

    id: str | int
    name: str = ""
    mail: str = ""
    phone: str = ""


class File(Loose, frozen=True):
    """Its bytes, in base64, or its text."""

    name: str = "file"
    type: str = "application/octet-stream"
    base64: bytes = b""
    text: str | None = None


class Message(Loose, frozen=True):
    id: str | int
    writer: Writer = msgspec.field(name="from")
    text: str = ""
    subject: str | None = None
    sent_at: str | None = None
    answers: str | int | None = None
    page: str | None = None
    automatic: str | None = None
    files: list[File] = []


class Change(Loose, frozen=True):
    """Other words for a message, none any more, or a sign on it."""

    id: str | int
    writer: Writer = msgspec.field(name="from")
    text: str = ""
    sign: str = ""


class Receipt(Loose, frozen=True):
    """News of a message of ours, by the id that we gave it or that was given for it in return."""

    id: str | int
    state: str
    reason: str = ""
    permanent: bool = False


class Event(Loose, frozen=True):
    type: str
    data: msgspec.Raw = msgspec.Raw()


def kind_of(event: Any) -> str:
    return str(event.get("type", "")) if isinstance(event, dict) else ""
