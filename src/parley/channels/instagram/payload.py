"""The shape of what Meta posts for Instagram (developers.facebook.com, Instagram messaging and comments webhooks).

Events stand in `messaging`, or, from the test console and for Instagram's own login, as the `value` of a change.
"""

from typing import Any

import msgspec


class Loose(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that are not named here are passed over."""


class Party(Loose, frozen=True):
    id: str | int = ""
    username: str = ""


class Story(Loose, frozen=True):
    id: str | int = ""
    url: str = ""


class Answered(Loose, frozen=True):
    mid: str = ""
    story: Story | None = None


class Payload(Loose, frozen=True):
    url: str = ""
    title: str | None = None


class Attachment(Loose, frozen=True):
    type: str = ""
    payload: Payload | str | None = None

    @property
    def told(self) -> Payload:
        """What is known of it; old kinds have a word in its place."""
        return self.payload if isinstance(self.payload, Payload) else Payload()


class Message(Loose, frozen=True):
    mid: str = ""
    text: str | None = None
    is_echo: bool = False
    is_deleted: bool = False
    attachments: list[Attachment] | None = None
    reply_to: Answered | None = None


class Edited(Loose, frozen=True):
    mid: str = ""
    text: str = ""


class Postback(Loose, frozen=True):
    mid: str = ""
    title: str = ""
    payload: str = ""


class Seen(Loose, frozen=True):
    mid: str = ""


class Reacted(Loose, frozen=True):
    mid: str = ""
    action: str = ""
    emoji: str = ""
    reaction: str = ""


class Event(Loose, frozen=True):
    sender: Party = Party()
    timestamp: int | str = 0
    message: Message | None = None
    message_edit: Edited | None = None
    postback: Postback | None = None
    read: Seen | None = None
    reaction: Reacted | None = None


class Media(Loose, frozen=True):
    id: str | int = ""


class Comment(Loose, frozen=True):
    """What somebody wrote under a post, or where they named the account."""

    id: str | int = ""
    comment_id: str | int = ""
    text: str = ""
    author: Party | None = msgspec.field(name="from", default=None)
    media: Media | None = None
    parent_id: str | int = ""


class Change(Loose, frozen=True):
    field: str = ""
    value: Any = None


class Entry(Loose, frozen=True):
    id: str | int = ""
    time: int | str = 0
    messaging: list[Event] = []
    changes: list[Change] = []


class Body(Loose, frozen=True):
    object: str
    entry: list[Entry]


def body_of(raw: bytes) -> Body:
    return msgspec.json.decode(raw, type=Body)


EVENTS = ("messages", "message_reactions", "messaging_postbacks", "messaging_seen", "message_edit")


def event_of(change: Change) -> Event | None:
    """An event that came as a change."""
    return msgspec.convert(change.value, Event) if change.field in EVENTS else None


def comment_of(change: Change) -> Comment | None:
    wanted = change.field in ("comments", "live_comments") and isinstance(change.value, dict)
    return msgspec.convert(change.value, Comment) if wanted else None
