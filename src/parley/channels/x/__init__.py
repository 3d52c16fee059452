"""X: direct messages and posts that name the account, by webhook and by looking; answers go the way they were asked.

A post is answered under it and in public; a direct message, and whatever is for the customer alone, by direct message.
Pictures go along, never as links: a link to the desk would stand in public. What a webhook missed, or an account
without one, is caught up by looking every few minutes.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from parley.channels.calling import lacking, listed, one_after_another, pieces, secret
from parley.channels.fetching import get, with_ending
from parley.channels.watching import watch
from parley.channels.weighing import apart
from parley.channels.x import posted
from parley.channels.x.asking import ask, login, post, upload
from parley.channels.x.facts import POST, direct_name, facts_of, post_name
from parley.channels.x.looking import directs, mentions
from parley.channels.x.payload import Body
from parley.channels.x.words import weight
from parley.core.channel import Attached, Delivery, Door, Inbound, Inbox, Manifest, Outbound, Receipt, Remote
from parley.core.errors import SendFailed, Unreadable
from parley.core.webhook import Call, Handshake, Posted

MOST_PICTURES = 4  # of one post
DIRECT_LIMIT = 10_000  # characters of a direct message


class XSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an X inbox needs, from the developer portal.

    account: the account's number, which is no name; what you write yourselves is told by it.
    consumer_key: the application's API key; may be `env:NAME`.
    consumer_secret: its secret, which also signs what X posts; may be `env:NAME`.
    token: the account's access token, with the right to read, write and send direct messages; may be `env:NAME`.
    token_secret: its secret; may be `env:NAME`.
    characters: how long a post may be; 280, more for an account that pays for it.
    minutes: how often it is looked for what no webhook brought; 0 for never.
    first_days: how far back the first look goes.
    api: address of X's interface.
    """

    account: str = ""
    consumer_key: str = ""
    consumer_secret: str = ""
    token: str = ""
    token_secret: str = ""
    characters: int = 280
    minutes: int = 5
    first_days: int = 2
    api: str = "https://api.x.com"


class X:
    manifest = Manifest(
        name="x",
        label="X",
        glyph="x",
        identity_kind="x",
        threads="identity",
        text_limit=280,
        files=True,
        file_limit=50 * 1024 * 1024,
        vouches=True,
        rings=True,
        settings=XSettings,
    )

    def webhook(self, request: Call, inbox: Inbox) -> list[Posted] | Handshake:
        key = secret(inbox.settings.consumer_secret)
        if request.method == "GET":
            return posted.handshake(request, key)
        posted.must_be_signed(request, key)
        return posted.taken(request.body)

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            return facts_of(msgspec.json.decode(delivery.raw, type=Body), inbox.settings.account)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Unreadable(f"This is not what X tells: {error}.") from error

    async def listen(self, door: Door) -> None:
        """Look until cancelled, for posts and for messages apart: an account may have the right to one of them only."""
        async with asyncio.TaskGroup() as tasks:
            for inbox in door.inboxes:
                if inbox.settings.minutes > 0 and not self.check(inbox):
                    for look, what in ((mentions, "mentions"), (directs, "direct messages")):
                        every = inbox.settings.minutes * 60.0
                        tasks.create_task(watch(inbox, door, partial(look, inbox, door), what, every))

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        if told := self.check(inbox):
            raise SendFailed(told[0], permanent=True)
        text = (message.text + listed(message.choices)) or " "
        if answered := _post_of(message):
            return await _in_public(text, answered, message.files, inbox)
        return await _in_private(text, message, inbox)

    async def fetch(self, remote: Remote, inbox: Inbox) -> Attached:
        """Files of direct messages are given to whoever signs for the account, those of posts to everybody."""
        ours, host = inbox.settings, urlsplit(remote.ref).hostname or ""
        private = host == "ton.twitter.com" or remote.ref.startswith(ours.api.rstrip("/") + "/")
        headers = login("GET", remote.ref, ours) if private else {}
        data, kind = await get(remote.ref, self.manifest.file_limit, ours.api, headers)
        return Attached(name=with_ending(remote.name, kind), type=kind, data=data)

    def check(self, inbox: Inbox) -> list[str]:
        needed = {
            "account": "It has no account number, so what you write yourselves cannot be told apart.",
            "consumer_key": "It has no API key. Copy it from the application's page in X's developer portal.",
            "consumer_secret": "It has no API secret, so every webhook is refused. Copy it from the developer portal.",
            "token": "It has no access token. Make one for the account in the developer portal.",
            "token_secret": "It has no secret of the access token. It is shown together with the token.",
        }
        told = lacking(inbox.settings, needed)
        if inbox.settings.account and not inbox.settings.account.isdigit():
            told.append("The account's number has digits only. Its name is something else.")
        if inbox.settings.characters < 100:
            told.append("A post takes at least 100 characters.")
        return told

    def try_connections(self, inbox: Inbox) -> list[tuple[str, bool, str]]:
        """Whether X takes keys and token, and whose they are."""
        if told := self.check(inbox):
            return [("settings", False, told[0])]
        try:
            said = asyncio.run(ask(inbox.settings, "/2/users/me")).get("data")
        except SendFailed as failure:
            return [("sign in", False, str(failure))]
        who = said if isinstance(said, dict) else {}
        if str(who.get("id")) != inbox.settings.account:
            return [("sign in", False, f"The token is that of the account {who.get('id')}. Enter this number.")]
        return [("sign in", True, f"Signed in as @{who.get('username')}.")]


def _post_of(message: Outbound) -> str:
    """The post that is answered in public; empty where the answer is for the customer alone.

    Codes and surveys are. So is what would answer a post of somebody else than whom it is written to.
    """
    kind, _, rest = (message.in_reply_to or "").partition("/")
    author, _, id = rest.partition("/")
    public = message.purpose == "reply" and kind == POST and author == message.to.value and id.isdigit()
    return id if public else ""


async def _in_public(text: str, answered: str, files: Sequence[Attached], inbox: Inbox) -> Receipt:
    """Under the post, in a chain where it is long; pictures with the first. X itself names the author."""
    ours, last = inbox.settings, answered
    if len(files) > MOST_PICTURES:
        raise SendFailed(f"A post takes {MOST_PICTURES} pictures; this has {len(files)}.", permanent=True)
    media = [await upload(ours, file, "tweet_image") for file in files]

    async def say(piece: str) -> Receipt:
        nonlocal last
        body: dict[str, Any] = {"text": piece, "reply": {"in_reply_to_tweet_id": last}}
        if media and last == answered:
            body["media"] = {"media_ids": media}
        said = (await post(ours, "/2/tweets", body)).get("data")
        last = str(said.get("id") or last) if isinstance(said, dict) else last
        return Receipt(provider_id=post_name(ours.account, last))

    return await one_after_another(apart(text, ours.characters, weight), say)


async def _in_private(text: str, message: Outbound, inbox: Inbox) -> Receipt:
    """One message, or several where it is long; each takes one picture, so further ones follow by themselves."""
    ours = inbox.settings
    media = [await upload(ours, file, "dm_image") for file in message.files]
    bodies: list[dict[str, Any]] = [{"text": piece} for piece in pieces(text, DIRECT_LIMIT)]
    for number, id in enumerate(media):
        if number >= len(bodies):
            bodies.append({})
        bodies[number]["attachments"] = [{"media_id": id}]
    path = f"/2/dm_conversations/with/{quote(message.to.value, safe='')}/messages"

    async def say(number: str) -> Receipt:
        said = (await post(ours, path, bodies[int(number)])).get("data")
        id = str(said.get("dm_event_id") or "") if isinstance(said, dict) else ""
        return Receipt(provider_id=direct_name(id) if id else None)

    return await one_after_another([str(number) for number in range(len(bodies))], say)


channel = X()
