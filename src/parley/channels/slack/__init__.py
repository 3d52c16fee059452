"""Slack: what people write to the app or in channels it is in comes by the Events API; answers go to the same thread.

Slack tries three times and repeats what we were slow to acknowledge, so an event is known by its `event_id`.
"""

import asyncio
import hashlib
import hmac
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec

from parley.channels.calling import in_pieces, listed, post_json, secret
from parley.channels.fetching import get
from parley.channels.slack import looking
from parley.channels.slack.facts import facts_of, place_of
from parley.channels.slack.payload import Envelope, escaped
from parley.channels.watching import watch
from parley.core.channel import Attached, Delivery, Door, Inbound, Inbox, Manifest, Outbound, Receipt, Remote
from parley.core.errors import NotProved, SendFailed, Unreadable
from parley.core.webhook import Call, Handshake, Posted, same, whole

WINDOW = 300.0  # seconds that the signed time may differ from ours, as Slack advises
PASSING = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
SENTENCES = {
    "channel_not_found": "Slack does not know the channel any more, or the app is not in it.",
    "not_in_channel": "The app was removed from the channel. Invite it again.",
    "is_archived": "The channel is archived.",
    "invalid_auth": "Slack refuses the bot token. Enter a new one in the inbox's settings.",
    "token_revoked": "The bot token was revoked. Enter a new one in the inbox's settings.",
    "account_inactive": "The bot's account or its workspace was closed.",
}


class SlackSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a Slack inbox needs. Its app subscribes to `message.im`, `message.channels`, `reaction_added` and the like.

    token: the bot's token, which begins with xoxb; may be `env:NAME`.
    signing_secret: signs what Slack posts; may be `env:NAME`.
    look_back_minutes: how often what no event brought is looked up, a day back; 0 for never.
    api: address of Slack's interface.
    """

    token: str = ""
    signing_secret: str = ""
    look_back_minutes: int = 10
    api: str = "https://slack.com/api"


class Slack:
    manifest = Manifest(
        name="slack",
        label="Slack",
        glyph="hash",
        identity_kind="slack",
        threads="identity",
        text_limit=4000,
        vouches=True,
        settings=SlackSettings,
    )

    def webhook(self, request: Call, inbox: Inbox) -> list[Posted] | Handshake:
        _must_be_signed(request, secret(inbox.settings.signing_secret))
        try:
            envelope = msgspec.json.decode(request.body, type=Envelope)
        except (msgspec.MsgspecError, RecursionError):
            return [whole(request.body)]
        if envelope.type == "url_verification":
            return Handshake(body=envelope.challenge.encode())
        if not envelope.event_id:
            return [whole(request.body)]
        return [Posted(provider_id=envelope.event_id, raw=request.body)]

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            return facts_of(msgspec.json.decode(delivery.raw, type=Envelope))
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Unreadable(f"This is not what Slack posts: {error}.") from error

    async def listen(self, door: Door) -> None:
        """Events come through the web room: /hooks/NUMBER. What Slack gave up is looked up."""
        async with asyncio.TaskGroup() as tasks:
            for inbox in door.inboxes:
                every = inbox.settings.look_back_minutes * 60.0
                if every > 0 and secret(inbox.settings.token):
                    tasks.create_task(watch(inbox, door, partial(looking.look, inbox, door), "missed messages", every))

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        if not secret(inbox.settings.token):
            raise SendFailed("This inbox has no bot token. Enter it.", permanent=True)
        text = escaped(message.text + listed(message.choices))
        return await in_pieces(text, self.manifest.text_limit or 4000, lambda piece: _send(message, piece, inbox))

    async def fetch(self, remote: Remote, inbox: Inbox) -> Attached:
        """Files lie behind the bot's token, which goes to Slack's own hosts only."""
        host = urlsplit(remote.ref).hostname or ""
        ours = host.endswith(".slack.com") or urlsplit(remote.ref)[:2] == urlsplit(inbox.settings.api)[:2]
        login = {"authorization": f"Bearer {secret(inbox.settings.token)}"} if ours else {}
        data, kind = await get(remote.ref, self.manifest.file_limit, inbox.settings.api, login)
        return Attached(name=remote.name, type=remote.type or kind, data=data)

    def check(self, inbox: Inbox) -> list[str]:
        told = []
        if not secret(inbox.settings.token):
            told.append("It has no bot token, so nothing can be sent. Copy it from the app's page at Slack.")
        if not secret(inbox.settings.signing_secret):
            told.append("It has no signing secret, so every event is refused. Copy it from the app's page at Slack.")
        return told


def _must_be_signed(request: Call, key: str) -> None:
    """Raises NotProved unless the signing secret signed body and time (api.slack.com, verifying requests)."""
    told, given = request.headers.get("x-slack-request-timestamp", ""), request.headers.get("x-slack-signature", "")
    signed = f"v0:{told}:".encode() + request.body
    proof = "v0=" + hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
    if not (key and same(given, proof)):
        raise NotProved("This does not bear Slack's signature.")
    time = int(told) if told.isascii() and told.isdigit() and len(told) < 16 else 0
    if abs(request.at - time) > WINDOW:
        raise NotProved("This was signed more than five minutes ago.")


async def _send(message: Outbound, text: str, inbox: Inbox) -> Receipt:
    where, thread = place_of(message.in_reply_to, message.to.value)
    body: dict[str, Any] = {"channel": where, "text": text or " ", "unfurl_links": False}
    if thread:
        body["thread_ts"] = thread
    headers = {"authorization": f"Bearer {secret(inbox.settings.token)}"}
    status, said = await post_json(f"{inbox.settings.api}/chat.postMessage", body, headers)
    said = said if isinstance(said, dict) else {}
    if status >= 400 or not said.get("ok"):
        error = str(said.get("error") or status)
        reason = SENTENCES.get(error, f"Slack refused the message ({error}).")
        raise SendFailed(reason, permanent=error not in PASSING)
    return Receipt(provider_id=f"{said.get('channel', where)}/{said.get('ts')}")


channel = Slack()
