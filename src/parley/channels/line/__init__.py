"""LINE: an official account's events come in by webhook, answers are pushed through the Messaging API.

Every event of a batch becomes a delivery of its own, and each speaks for its own user. What somebody says in a group
or room comes in as theirs and is answered in private; where LINE does not tell who spoke, the room itself is taken for
the sender, and answered.
"""

import base64
import hashlib
import hmac
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from parley.channels.calling import lacking, listed, moment, one_after_another, post_json, secret
from parley.channels.choosing import are_words, cut
from parley.channels.fetching import get, named, with_ending
from parley.channels.weighing import apart, utf16
from parley.core.channel import (
    Address,
    Attached,
    Delivery,
    Door,
    Inbound,
    InboundEdit,
    InboundMessage,
    InboundWithdrawal,
    Inbox,
    Manifest,
    Outbound,
    Receipt,
    Remote,
)
from parley.core.errors import NotProved, SendFailed, Unreadable
from parley.core.webhook import Call, Handshake, Posted, same, whole

LONGEST = 5000  # units of UTF-16 in a text
AT_ONCE = 5  # messages of one push
QUICK = 13  # buttons below a message
MEDIA = {"image": "Photo", "video": "Video", "audio": "Audio", "file": "File", "sticker": "Sticker"}


class LineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a LINE inbox needs.

    token: the channel access token; may be `env:NAME`.
    channel_secret: signs what LINE posts; may be `env:NAME`.
    api: address of the Messaging API.
    content_api: where LINE keeps what people sent.
    """

    token: str = ""
    channel_secret: str = ""
    api: str = "https://api.line.me"
    content_api: str = "https://api-data.line.me"


class Source(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    type: str = ""
    user_id: str = ""
    group_id: str = ""
    room_id: str = ""


class Unsent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    message_id: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    id: str = ""
    type: str = ""
    text: str = ""
    file_name: str = ""
    title: str | None = None
    address: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    quoted_message_id: str | None = None


class Postback(msgspec.Struct, frozen=True, kw_only=True):
    data: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    type: str
    timestamp: int = 0
    webhook_event_id: str = ""
    source: Source | None = None
    message: Message | None = None
    postback: Postback | None = None
    unsend: Unsent | None = None


class Body(msgspec.Struct, frozen=True, kw_only=True):
    events: list[Event]


class OpenBody(msgspec.Struct, frozen=True, kw_only=True):
    """The same with everything that is in it, to be taken apart."""

    destination: str = ""
    events: list[dict[str, Any]]


class Line:
    manifest = Manifest(
        name="line",
        label="LINE",
        glyph="message-circle",
        identity_kind="line",
        threads="identity",
        text_limit=LONGEST,
        quick=QUICK,
        patience=timedelta(),
        vouches=True,
        rings=True,
        settings=LineSettings,
    )

    def webhook(self, request: Call, inbox: Inbox) -> list[Posted] | Handshake:
        key = secret(inbox.settings.channel_secret)
        signature = base64.b64encode(hmac.new(key.encode(), request.body, hashlib.sha256).digest()).decode()
        if not key or request.method != "POST" or not same(request.headers.get("x-line-signature", ""), signature):
            raise NotProved("This does not bear LINE's signature.")
        try:
            read = msgspec.json.decode(request.body, type=OpenBody)
        except (msgspec.MsgspecError, RecursionError):
            return [whole(request.body)]
        return [_posted(read.destination, event) for event in read.events]

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            body = msgspec.json.decode(delivery.raw, type=Body)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Unreadable(f"This is not what LINE posts: {error}.") from error
        return [said for event in body.events for said in _said(event)]

    async def listen(self, door: Door) -> None:
        """Deliveries come through the web room: /hooks/NUMBER."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        token = secret(inbox.settings.token)
        if not token:
            raise SendFailed("This inbox has no channel access token. Enter it.", permanent=True)
        said = _messages(message)
        pushes = [said[at : at + AT_ONCE] for at in range(0, len(said), AT_ONCE)]
        return await one_after_another(
            list(enumerate(pushes)), lambda push: _push(message, *push, inbox.settings.api, token)
        )

    async def fetch(self, remote: Remote, inbox: Inbox) -> Attached:
        """The content of a message (developers.line.biz, get content); it is kept for some days."""
        ours = inbox.settings
        url = f"{ours.content_api}/v2/bot/message/{quote(remote.ref, safe='')}/content"
        login = {"authorization": f"Bearer {secret(ours.token)}"}
        data, kind = await get(url, self.manifest.file_limit, ours.content_api, login)
        return Attached(name=with_ending(remote.name, kind), type=kind, data=data)

    def check(self, inbox: Inbox) -> list[str]:
        needed = {
            "token": "It has no channel access token, so nothing can be sent. Copy it from LINE's console.",
            "channel_secret": "It has no channel secret, so every webhook is refused. Copy it from LINE's console.",
        }
        return lacking(inbox.settings, needed)


def _messages(message: Outbound) -> list[dict[str, Any]]:
    """Texts of what LINE takes; the last with buttons, which say their words in full."""
    pressed = are_words(message.choices, QUICK)
    text = message.text if pressed else message.text + listed(message.choices)
    said: list[dict[str, Any]] = [{"type": "text", "text": part} for part in apart(text or " ", LONGEST, utf16)]
    if pressed:
        acts = [{"type": "message", "label": cut(label, 20), "text": value[:300]} for label, value in message.choices]
        said[-1] |= {"quickReply": {"items": [{"type": "action", "action": act} for act in acts]}}
    return said


async def _push(message: Outbound, number: int, said: list[dict[str, Any]], api: str, token: str) -> Receipt:
    """The retry key must be a UUID, and the same on every try of the same push."""
    named = message.external_id if number == 0 else f"{message.external_id}#{number}"
    headers = {"authorization": f"Bearer {token}", "x-line-retry-key": str(uuid.uuid5(uuid.NAMESPACE_URL, named))}
    status, told = await post_json(f"{api}/v2/bot/message/push", {"to": message.to.value, "messages": said}, headers)
    told = told if isinstance(told, dict) else {}
    # 409: accepted on an earlier try, whose answer got lost.
    if status >= 400 and status != 409:
        raise SendFailed(f"LINE refused the message ({status}). {told.get('message', '')}".strip(), permanent=True)
    sent = told.get("sentMessages")
    last = sent[-1] if isinstance(sent, list) and sent and isinstance(sent[-1], dict) else {}
    return Receipt(provider_id=last.get("id"))


def _posted(destination: str, event: dict[str, Any]) -> Posted:
    """Named by LINE, once for all redeliveries; by its bytes where it has no name."""
    raw = msgspec.json.encode({"destination": destination, "events": [event]})
    named = event.get("webhookEventId")
    return Posted(provider_id=named, raw=raw) if isinstance(named, str) and named else whole(raw)


def _said(event: Event) -> list[Inbound]:
    source, message = event.source, event.message
    who = (source.user_id or source.group_id or source.room_id) if source else ""
    if not who:
        return []
    sender = Address(kind="line", value=who)
    if event.unsend and event.unsend.message_id:
        return [InboundWithdrawal(sender=sender, external_id=event.unsend.message_id)]
    text = _text(message) if message else event.postback.data if event.postback else ""
    if not text:
        return []
    if event.type == "messageEdited" and message:
        return [InboundEdit(sender=sender, external_id=message.id, text=text, sent_at=moment(event.timestamp))]
    return [
        InboundMessage(
            sender=sender,
            text=text,
            external_id=(message.id if message else event.webhook_event_id) or None,
            sent_at=moment(event.timestamp),
            remote=_media(message) if message else (),
            references=(message.quoted_message_id,) if message and message.quoted_message_id else (),
        )
    ]


def _text(message: Message) -> str:
    if message.type == "text":
        return message.text
    if message.type == "location":
        point = f"{message.latitude}, {message.longitude}"
        return "Location: " + ", ".join(p for p in (message.title, message.address, point) if p)
    what = MEDIA.get(message.type, "")
    named = ": ".join(p for p in (what, message.file_name) if p)
    return f"[{named}] {message.text}".strip() if what else ""


def _media(message: Message) -> tuple[Remote, ...]:
    """What people sent lies with LINE under the message's id; what others host is not ours to fetch."""
    if message.type not in ("image", "video", "audio", "file") or not message.id:
        return ()
    return (Remote(name=named(MEDIA[message.type], "", message.file_name), ref=message.id),)


channel = Line()
