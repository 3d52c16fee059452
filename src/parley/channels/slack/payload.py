"""The shape of what Slack posts (docs.slack.dev, Events API), and its way of writing text."""

import html
import re

import msgspec


class Loose(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that are not named here are passed over."""


class File(Loose, frozen=True):
    id: str = ""
    name: str | None = None
    mimetype: str = ""
    url_private: str = ""
    size: int = 0


class Message(Loose, frozen=True):
    """A message as it is now, or as it was before."""

    user: str = ""
    bot_id: str = ""
    text: str = ""
    ts: str = ""
    thread_ts: str = ""
    files: list[File] | None = None


class Item(Loose, frozen=True):
    type: str = ""
    channel: str = ""
    ts: str = ""


class Event(Loose, frozen=True):
    type: str = ""
    subtype: str = ""
    channel: str = ""
    user: str = ""
    bot_id: str = ""
    text: str = ""
    ts: str = ""
    thread_ts: str = ""
    deleted_ts: str = ""
    files: list[File] | None = None
    message: Message | None = None
    previous_message: Message | None = None
    reaction: str = ""
    item: Item | None = None


class Envelope(Loose, frozen=True):
    type: str
    challenge: str = ""
    event_id: str = ""
    team_id: str = ""
    event: Event | None = None


_MARK = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


def plain(text: str) -> str:
    """Slack's text as people see it: links and names out of their brackets, entities as characters."""
    return html.unescape(_MARK.sub(_bare, text))


def _bare(found: re.Match[str]) -> str:
    kind, target, label = found[1], found[2], found[3]
    if kind:
        return ("#" if kind == "#" else "@") + (label or target).lstrip("@#")
    target = target.removeprefix("mailto:").removeprefix("tel:")
    return f"{label} ({target})" if label and label != target and label not in target else target


def escaped(text: str) -> str:
    """Text so that Slack shows it as it stands; nobody is called by it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
