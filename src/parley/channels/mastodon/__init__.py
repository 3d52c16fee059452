"""Mastodon, and servers that speak its language: mentions and direct messages are looked up, answers are statuses.

A direct message is a status that only those named in it see. Everybody named in a status sees the answer in their own
place, so an answer is never seen by more people than what it answers. Files go along as media, never as links: a link
to the desk would stand in public. A person is known as name@server.
"""

import asyncio
from urllib.parse import urlsplit

import msgspec

from parley.channels.calling import lacking
from parley.channels.fetching import get, with_ending
from parley.channels.mastodon.facts import facts_of, handle
from parley.channels.mastodon.looking import Looks
from parley.channels.mastodon.payload import Notification
from parley.channels.mastodon.sending import send
from parley.channels.mastodon.server import ask
from parley.channels.watching import watch
from parley.core.channel import Attached, Delivery, Door, Inbound, Inbox, Manifest, Outbound, Receipt, Remote
from parley.core.errors import SendFailed, Unreadable

FIRST_WAIT = 30.0  # seconds after a first trouble


class MastodonSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a Mastodon inbox needs.

    server: address of the account's server, as https://mastodon.example.
    account: the account's name, with or without what stands behind the second @.
    token: access token of an application of this account, with the scopes read,
    write:statuses and write:media. May be `env:NAME`.
    seconds: how often it is looked for new mentions.
    first_days: how far back the first look goes.
    """

    server: str = ""
    account: str = ""
    token: str = ""
    seconds: int = 30
    first_days: int = 2


class Mastodon:
    manifest = Manifest(
        name="mastodon",
        label="Mastodon",
        glyph="at-sign",
        identity_kind="mastodon",
        threads="identity",
        text_limit=500,
        files=True,
        file_limit=50 * 1024 * 1024,
        vouches=True,
        rings=True,
        settings=MastodonSettings,
    )

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            return facts_of(msgspec.json.decode(delivery.raw, type=Notification), inbox.settings)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Unreadable(f"This is not a notification of Mastodon: {error}.") from error

    async def listen(self, door: Door) -> None:
        """Look for mentions until cancelled. A server in trouble does not stop the others."""
        async with asyncio.TaskGroup() as tasks:
            for inbox in door.inboxes:
                if not self.check(inbox):
                    every = float(inbox.settings.seconds)
                    tasks.create_task(watch(inbox, door, Looks(inbox, door), "mentions", every, FIRST_WAIT))

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        if told := self.check(inbox):
            raise SendFailed(told[0], permanent=True)
        return await send(message, inbox)

    async def fetch(self, remote: Remote, inbox: Inbox) -> Attached:
        """Media lie open at their address, also those of direct messages."""
        data, kind = await get(remote.ref, self.manifest.file_limit, inbox.settings.server)
        return Attached(name=with_ending(remote.name, kind), type=kind, data=data)

    def check(self, inbox: Inbox) -> list[str]:
        needed = {
            "server": "It has no server. Enter the address at which the account is, as https://mastodon.example.",
            "account": "It has no account, so what you write yourselves cannot be told apart. Enter its name.",
            "token": "It has no access token. Make an application in the account's preferences, under Development.",
        }
        told = lacking(inbox.settings, needed)
        if inbox.settings.server and not _is_address(inbox.settings.server):
            told.append("The server's address makes no sense. Enter it as https://mastodon.example.")
        if inbox.settings.seconds < 5:
            told.append("It must wait at least five seconds between two looks.")
        return told

    def try_connections(self, inbox: Inbox) -> list[tuple[str, bool, str]]:
        """Whether the server takes the token, and whose it is."""
        if told := self.check(inbox):
            return [("settings", False, told[0])]
        return [asyncio.run(_whose(inbox))]


async def _whose(inbox: Inbox) -> tuple[str, bool, str]:
    ours = inbox.settings
    try:
        status, said, _ = await ask(ours, "/api/v1/accounts/verify_credentials")
    except SendFailed as failure:
        return "sign in", False, str(failure)
    acct = str(said.get("acct") or "") if status < 400 and isinstance(said, dict) else ""
    if not acct:
        return "sign in", False, f"The server refuses the token ({status}). Has it the scope read?"
    who, wanted = handle(acct, ours), handle(ours.account, ours)
    if who.partition("@")[0] != wanted.partition("@")[0]:
        return "sign in", False, f"The token is that of {who}, not of {wanted}."
    return "sign in", True, f"Signed in as {who}."


def _is_address(server: str) -> bool:
    """https, or http on this machine, where tests and neighbours are."""
    try:
        parts = urlsplit(server)
    except ValueError:
        return False
    here = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return bool(parts.netloc) and (parts.scheme == "https" or (parts.scheme == "http" and here))


channel = Mastodon()
