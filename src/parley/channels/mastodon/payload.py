"""The shape of what a server tells (docs.joinmastodon.org, entities Notification and Status; GoToSocial and others keep
to it). A deletion, which no notification tells of, is kept in a shape of our own: type `gone` with the status as it was
known."""

import msgspec


class Loose(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that are not named here are passed over."""


class Account(Loose, frozen=True):
    """acct: name@server, or the name alone for somebody of the same server."""

    acct: str
    id: str = ""
    display_name: str = ""
    bot: bool = False


class Media(Loose, frozen=True):
    id: str = ""
    type: str = ""
    url: str | None = None
    remote_url: str | None = None
    description: str | None = None


class Option(Loose, frozen=True):
    title: str = ""


class Poll(Loose, frozen=True):
    options: list[Option] = []


class Status(Loose, frozen=True):
    id: str
    account: Account
    created_at: str = ""
    edited_at: str | None = None
    in_reply_to_id: str | None = None
    visibility: str = ""
    spoiler_text: str = ""
    content: str = ""
    url: str | None = None
    media_attachments: list[Media] = []
    poll: Poll | None = None


class Notification(Loose, frozen=True):
    type: str
    status: Status | None = None
