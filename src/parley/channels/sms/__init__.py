"""SMS and MMS by Twilio or Vonage: messages and states come in by webhook, answers go out through their interfaces.

Twilio tries a webhook for some seconds only, so what was missed is looked up in its list of messages now and then.
"""

import asyncio
from collections.abc import Mapping
from typing import Literal

import msgspec

from parley.channels.calling import in_pieces, listed, secret
from parley.channels.fetching import get
from parley.channels.sms import twilio, vonage
from parley.channels.sms.segments import segments
from parley.core.channel import Attached, Delivery, Door, Inbound, Inbox, Manifest, Outbound, Receipt, Remote
from parley.core.errors import SendFailed, Unreadable
from parley.core.webhook import Call, Handshake, Posted, whole


class SmsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an SMS inbox needs.

    provider: whose interface it is.
    number: our number, with + and country code, or the name that stands as the sender.
    account: Twilio's account SID, or Vonage's API key.
    token: Twilio's auth token, or Vonage's API secret; may be `env:NAME`.
    signature_secret: what Vonage signs its webhooks with; may be `env:NAME`. Twilio uses the token for that.
    service: Twilio's messaging service SID, where one is to choose the number.
    callback: the address under which this desk takes Twilio's news of what became of a message.
    look_back_minutes: how often Twilio's list is looked up for what its webhooks did not deliver; 0 for never.
    api: address of the provider's interface; empty for its own.
    """

    provider: Literal["twilio", "vonage"] = "twilio"
    number: str = ""
    account: str = ""
    token: str = ""
    signature_secret: str = ""
    service: str = ""
    callback: str = ""
    look_back_minutes: int = 10
    api: str = ""


class Sms:
    manifest = Manifest(
        name="sms",
        label="SMS",
        glyph="phone",
        identity_kind="phone",
        threads="identity",
        starts=True,
        text_limit=1600,
        segments=segments,
        costs="each part is charged",
        file_limit=16 * 1024 * 1024,
        rings=True,
        settings=SmsSettings,
    )

    def webhook(self, request: Call, inbox: Inbox) -> list[Posted] | Handshake:
        provider = _provider(inbox)
        provider.must_be_signed(request, inbox.settings)
        try:
            named = provider.name_of(request.body)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            named = ""
        return [Posted(provider_id=named, raw=request.body) if named else whole(request.body)]

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            return _provider(inbox).read(delivery.raw)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise Unreadable(f"This is not what the provider of SMS posts: {error}.") from error

    async def listen(self, door: Door) -> None:
        """Webhooks come through the web room: /hooks/NUMBER. What Twilio could not deliver is looked up."""
        async with asyncio.TaskGroup() as tasks:
            for inbox in door.inboxes:
                ours = inbox.settings
                if ours.provider == "twilio" and ours.look_back_minutes > 0 and secret(ours.token):
                    tasks.create_task(twilio.catch_up(door, inbox))

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        ours = inbox.settings
        if not (ours.account and secret(ours.token) and (ours.number or ours.service)):
            raise SendFailed("This inbox has no account, token or number. Enter all three.", permanent=True)
        provider = _provider(inbox)
        text = message.text + listed(message.choices)
        return await in_pieces(text, provider.LONGEST, lambda piece: provider.send(message, piece, ours))

    async def fetch(self, remote: Remote, inbox: Inbox) -> Attached:
        ours, provider = inbox.settings, _provider(inbox)
        login = provider.login_for(remote.ref, ours)
        data, kind = await get(remote.ref, self.manifest.file_limit, ours.api, login)
        return Attached(name=remote.name, type=remote.type or kind, data=data)

    def check(self, inbox: Inbox) -> list[str]:
        ours = inbox.settings
        needed: Mapping[str, str] = {
            "number": "It has no number. Enter the one that customers write to.",
            "account": "It has no account. Enter Twilio's account SID, or Vonage's API key.",
            "token": "It has no token, so nothing can be sent. Copy it from the provider's console.",
        }
        told = [sentence for name, sentence in needed.items() if not secret(getattr(ours, name))]
        if ours.provider == "vonage" and not secret(ours.signature_secret):
            told.append("It has no signature secret, so every webhook is refused. Copy it from Vonage's settings.")
        return told


def _provider(inbox: Inbox) -> "twilio.Provider":
    return vonage.provider if inbox.settings.provider == "vonage" else twilio.provider


channel = Sms()
