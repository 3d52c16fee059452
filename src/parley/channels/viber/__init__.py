"""Viber: a bot's conversations come in by webhook, answers go out through its REST interface (developers.viber.com)."""

from datetime import timedelta
from typing import Any

import msgspec

from parley.channels.calling import listed, moment, one_after_another, pieces, post_json, secret
from parley.channels.choosing import are_words
from parley.channels.fetching import get, named, with_ending
from parley.core.channel import (
    Address,
    Attached,
    Delivery,
    Door,
    Inbound,
    InboundMessage,
    InboundReceipt,
    Inbox,
    Manifest,
    Outbound,
    Receipt,
    Remote,
)
from parley.core.errors import NotProved, SendFailed, Unreadable
from parley.core.webhook import Call, Handshake, Posted, signed_sha256, whole

MEDIA = {"picture": "Photo", "video": "Video", "file": "File", "sticker": "Sticker"}
STATES = {"delivered": "delivered", "seen": "read", "failed": "failed"}
TOO_MANY = 12
QUICK = 12  # keys of a keyboard, each a row
# Status codes of an answer that says no, for people.
REFUSALS = {
    2: "Viber refuses the token. Enter a new one in the inbox's settings.",
    5: "This person has no Viber any more.",
    6: "This person unsubscribed from the bot.",
    7: "The bot is blocked.",
    9: "The bot's account is suspended.",
    11: "This person's device cannot show such messages.",
}


class ViberSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a Viber inbox needs.

    token: the bot's token, which also signs what Viber posts; may be `env:NAME`.
    sender: the name that stands above answers, at most 28 characters.
    api: address of Viber's interface.
    """

    token: str = ""
    sender: str = ""
    api: str = "https://chatapi.viber.com"


class Loose(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that are not named here are passed over."""


class Person(Loose, frozen=True):
    id: str = ""
    name: str = ""


class Place(Loose, frozen=True):
    lat: float = 0.0
    lon: float = 0.0


class Card(Loose, frozen=True):
    name: str = ""
    phone_number: str = ""


class Message(Loose, frozen=True):
    type: str = ""
    text: str | None = None
    media: str | None = None
    file_name: str | None = None
    location: Place | None = None
    contact: Card | None = None


class Event(Loose, frozen=True):
    event: str
    timestamp: int = 0
    message_token: int | str = ""
    user_id: str = ""
    desc: str = ""
    sender: Person | None = None
    message: Message | None = None


class Viber:
    manifest = Manifest(
        name="viber",
        label="Viber",
        glyph="phone",
        identity_kind="viber",
        threads="identity",
        text_limit=7000,
        quick=QUICK,
        patience=timedelta(),
        vouches=True,
        rings=True,
        settings=ViberSettings,
    )

    def webhook(self, request: Call, inbox: Inbox) -> list[Posted] | Handshake:
        given, key = request.headers.get("x-viber-content-signature", ""), secret(inbox.settings.token)
        if not signed_sha256(given.lower(), key, request.body):
            raise NotProved("This does not bear Viber's signature.")
        try:
            event = msgspec.json.decode(request.body, type=Event)
        except (msgspec.MsgspecError, RecursionError):
            return [whole(request.body)]
        if not event.message_token:
            return [whole(request.body)]
        return [Posted(provider_id=f"{event.message_token}/{event.event}", raw=request.body)]

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            event = msgspec.json.decode(delivery.raw, type=Event)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Unreadable(f"This is not what Viber posts: {error}.") from error
        if event.event == "message":
            return [said] if (said := _message(event)) else []
        if event.event in STATES and event.message_token:
            state, failed = STATES[event.event], event.event == "failed"
            named = str(event.message_token)
            return [InboundReceipt(state=state, provider_id=named, reason=event.desc, permanent=failed)]
        return []

    async def listen(self, door: Door) -> None:
        """Deliveries come through the web room: /hooks/NUMBER."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        if not secret(inbox.settings.token):
            raise SendFailed("This inbox has no token. Enter the bot's.", permanent=True)
        pressed = are_words(message.choices, QUICK)
        text = message.text if pressed else message.text + listed(message.choices)
        parts = [(part, False) for part in pieces(text or " ", self.manifest.text_limit or 7000)]
        parts[-1] = (parts[-1][0], pressed)
        return await one_after_another(parts, lambda part: _send(message, *part, inbox))

    async def fetch(self, remote: Remote, inbox: Inbox) -> Attached:
        data, kind = await get(remote.ref, self.manifest.file_limit, inbox.settings.api)
        return Attached(name=with_ending(remote.name, kind), type=kind, data=data)

    def check(self, inbox: Inbox) -> list[str]:
        if secret(inbox.settings.token):
            return []
        return ["It has no token, so nothing is taken or sent. Copy it from the bot's page at Viber."]


def _message(event: Event) -> InboundMessage | None:
    text = _text(event.message) if event.message else ""
    if event.sender is None or not (event.sender.id and text):
        return None
    return InboundMessage(
        sender=Address(kind="viber", value=event.sender.id, name=event.sender.name),
        text=text,
        external_id=str(event.message_token) or None,
        sent_at=moment(event.timestamp),
        remote=_media(event.message) if event.message else (),
    )


def _media(message: Message) -> tuple[Remote, ...]:
    """The file lies open at an address that ends after an hour."""
    if message.type not in ("picture", "video", "file") or not message.media:
        return ()
    return (Remote(name=named(MEDIA[message.type], "", message.file_name or ""), ref=message.media),)


def _text(message: Message) -> str:
    if message.location:
        return f"Location: {message.location.lat}, {message.location.lon}"
    if message.contact:
        return "Contact: " + ", ".join(p for p in (message.contact.name, message.contact.phone_number) if p)
    what = MEDIA.get(message.type, "")
    if not what:
        return message.text or message.media or ""
    return f"[{': '.join(p for p in (what, message.file_name) if p)}] {message.text or ''}".strip()


async def _send(message: Outbound, text: str, pressed: bool, inbox: Inbox) -> Receipt:
    """pressed: with the choices as a keyboard, whose keys say their words."""
    name = (inbox.settings.sender or message.brand_name or "Support")[:28]
    body: dict[str, Any] = {"receiver": message.to.value, "type": "text", "text": text or " "}
    body |= {"sender": {"name": name}, "tracking_data": message.external_id[:4000]}
    if pressed:
        keys = [{"ActionType": "reply", "ActionBody": value, "Text": label} for label, value in message.choices]
        body["keyboard"] = {"Type": "keyboard", "Buttons": keys}
    headers = {"x-viber-auth-token": secret(inbox.settings.token)}
    status, said = await post_json(f"{inbox.settings.api}/pa/send_message", body, headers)
    said = said if isinstance(said, dict) else {}
    code = said.get("status", -1)
    if status >= 400 or code != 0:
        told = REFUSALS.get(code, f"Viber refused the message ({code}). {said.get('status_message', '')}".strip())
        raise SendFailed(told, permanent=code != TOO_MANY)
    named = said.get("message_token")
    return Receipt(provider_id=str(named) if named else None)


channel = Viber()
