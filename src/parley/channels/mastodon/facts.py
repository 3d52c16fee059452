"""What a server tells, as facts. A message is named by the status's id, a person by name@server."""

from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from parley.channels.mastodon.payload import Account, Media, Notification, Status
from parley.channels.mastodon.words import MEDIA, words
from parley.core.channel import Address, Inbound, InboundEdit, InboundMessage, InboundWithdrawal, Remote

KIND = "mastodon"


def facts_of(told: Notification, ours: Any) -> list[Inbound]:
    """Mentions, other words and deletions; nothing for what we wrote ourselves. ours: the inbox's settings."""
    status = told.status
    if status is None or not status.id or is_ours(status.account, ours):
        return []
    sender = _person(status.account, ours)
    if told.type == "gone":
        return [InboundWithdrawal(sender=sender, external_id=status.id)]
    text = words(status, ours.account) or "[An empty post]"
    if told.type == "update":
        return [InboundEdit(sender=sender, external_id=status.id, text=text, sent_at=time_of(status.edited_at))]
    return [_said(status, sender, text)] if told.type == "mention" else []


def handle(acct: str, ours: Any) -> str:
    """name@server in small letters; a name alone is of the account's own server, which may be called otherwise than
    the machine that is asked."""
    name = acct.strip().removeprefix("@").lower()
    home = ours.account.strip().removeprefix("@").partition("@")[2].lower() or _host(ours.server)
    return name if "@" in name else f"{name}@{home}"


def is_ours(account: Account, ours: Any) -> bool:
    return bool(ours.account) and handle(account.acct, ours) == handle(ours.account, ours)


def _host(server: str) -> str:
    try:
        return urlsplit(server).netloc.lower()
    except ValueError:
        return ""


def time_of(told: str | None) -> datetime | None:
    """RFC 3339; None for what is none."""
    try:
        when = datetime.fromisoformat(told or "")
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _said(status: Status, sender: Address, text: str) -> InboundMessage:
    return InboundMessage(
        sender=sender,
        text=text,
        external_id=status.id,
        sent_at=time_of(status.created_at),
        references=(status.in_reply_to_id,) if status.in_reply_to_id else (),
        automatic="The account says that it is a bot." if status.account.bot else None,
        remote=tuple(remote for one in status.media_attachments if (remote := _remote(one))),
    )


def _person(account: Account, ours: Any) -> Address:
    who = handle(account.acct, ours)
    return Address(kind=KIND, value=who, name=account.display_name.strip() or f"@{who}")


def _remote(media: Media) -> Remote | None:
    """The server's own copy, or, where it keeps none, the one on the writer's server."""
    url = media.url or media.remote_url
    if not url:
        return None
    ending = PurePosixPath(url.partition("?")[0]).suffix[:8]
    return Remote(name=MEDIA.get(media.type, "File").lower() + ending, ref=url)
