"""What Messenger posts, as far as it is read (developers.facebook.com, Messenger Platform webhooks, Page feed)."""

from typing import Any

import msgspec

COMMENT = "comment/"  # before the names of comments, which are no messages of a chat


class Party(msgspec.Struct, frozen=True, kw_only=True):
    id: str | int = ""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    mid: str = ""


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    url: str | None = None


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    type: str = ""
    title: str | None = None
    payload: Payload | str | None = None  # old kinds have a word in its place


class Message(msgspec.Struct, frozen=True, kw_only=True):
    mid: str = ""
    text: str | None = None
    is_echo: bool = False
    is_deleted: bool = False
    attachments: list[Attachment] | None = None
    reply_to: Answered | None = None


class Postback(msgspec.Struct, frozen=True, kw_only=True):
    mid: str = ""
    title: str = ""
    payload: str = ""


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """Everything up to `watermark` (milliseconds) arrived or was read; `mids` names some of it."""

    mids: list[str] | None = None
    watermark: int = 0


class Reacted(msgspec.Struct, frozen=True, kw_only=True):
    mid: str = ""
    action: str = ""
    emoji: str = ""
    reaction: str = ""


class Author(msgspec.Struct, frozen=True, kw_only=True):
    id: str | int = ""
    name: str = ""


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote under a post, edited there or took away; other things of the feed bear another `item`."""

    item: str = ""
    verb: str = ""
    comment_id: str = ""
    parent_id: str = ""
    message: str = ""
    author: Author | None = msgspec.field(name="from", default=None)
    sender_id: str | int = ""
    sender_name: str = ""
    created_time: int = 0
    photo: str = ""
    video: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    field: str = ""
    value: Any = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    sender: Party = Party()
    timestamp: int = 0
    message: Message | None = None
    postback: Postback | None = None
    delivery: Arrived | None = None
    read: Arrived | None = None
    reaction: Reacted | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    id: str | int = ""
    messaging: list[Event] = []
    changes: list[Change] = []


class Body(msgspec.Struct, frozen=True, kw_only=True):
    object: str
    entry: list[Entry]
