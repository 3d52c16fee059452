"""Messenger: a page's conversations come in by webhook, answers go out through the Graph API.

Every event of a batch becomes a delivery of its own. Comments, reactions and what the page itself wrote are
kept and not read.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from parley.channels import meta
from parley.channels.calling import post_json, secret
from parley.core.channel import (
    Address,
    Delivery,
    Door,
    Inbound,
    InboundMessage,
    InboundReceipt,
    Inbox,
    Manifest,
    Outbound,
    Receipt,
)
from parley.core.errors import SendFailed, Unreadable
from parley.core.webhook import Call, Handshake, Posted, whole

PASSING = {1, 2, 4, 613, 1200}  # Meta's codes for limits and trouble of its own
CLOSED_WINDOW = 10


class MessengerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a Messenger inbox needs.

    token: the page's access token; may be `env:NAME`.
    app_secret: signs what Meta posts; may be `env:NAME`.
    verify_token: the word that Meta repeats when the webhook is set up; may be `env:NAME`.
    api: address of the Graph API with its version.
    """

    token: str = ""
    app_secret: str = ""
    verify_token: str = ""
    api: str = "https://graph.facebook.com/v23.0"


class Party(msgspec.Struct, frozen=True, kw_only=True):
    id: str | int = ""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    mid: str = ""


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    type: str = ""
    title: str | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    mid: str = ""
    text: str | None = None
    is_echo: bool = False
    is_deleted: bool = False
    attachments: list[Attachment] | None = None
    reply_to: Answered | None = None


class Postback(msgspec.Struct, frozen=True, kw_only=True):
    mid: str = ""
    title: str = ""
    payload: str = ""


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    mids: list[str] | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    sender: Party = Party()
    timestamp: int = 0
    message: Message | None = None
    postback: Postback | None = None
    delivery: Arrived | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    messaging: list[Event] = []


class Body(msgspec.Struct, frozen=True, kw_only=True):
    object: str
    entry: list[Entry]


class OpenBody(msgspec.Struct, frozen=True, kw_only=True):
    """The same with everything that is in it, to be taken apart."""

    object: str
    entry: list[dict[str, Any]]


class Messenger:
    manifest = Manifest(
        name="messenger",
        label="Messenger",
        glyph="message-circle",
        identity_kind="messenger",
        threads="identity",
        text_limit=2000,
        settings=MessengerSettings,
    )

    def webhook(self, request: Call, inbox: Inbox) -> list[Posted] | Handshake:
        if request.method == "GET":
            return meta.handshake(request, secret(inbox.settings.verify_token))
        meta.must_be_signed(request, secret(inbox.settings.app_secret))
        try:
            return _one_by_one(request.body)
        except (msgspec.MsgspecError, RecursionError):
            return [whole(request.body)]

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            body = msgspec.json.decode(delivery.raw, type=Body)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Unreadable(f"This is not what Messenger posts: {error}.") from error
        return [said for entry in body.entry for event in entry.messaging for said in _said(event)]

    async def listen(self, door: Door) -> None:
        """Deliveries come through the web room: /hooks/NUMBER."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        token = secret(inbox.settings.token)
        if not token:
            raise SendFailed("This inbox has no access token. Enter the page's.", permanent=True)
        choices = [f"{n}. {c[0]}" + (f": {c[1]}" if c[1].startswith("http") else "") for n, c in _numbered(message)]
        body = {
            "recipient": {"id": message.to.value},
            "messaging_type": "RESPONSE",
            "message": {"text": "\n".join([message.text, *choices])},
        }
        headers = {"authorization": f"Bearer {token}"}
        status, said = await post_json(f"{inbox.settings.api}/me/messages", body, headers)
        if status >= 400:
            raise _refusal(status, said)
        return Receipt(provider_id=said.get("message_id") if isinstance(said, dict) else None)

    def check(self, inbox: Inbox) -> list[str]:
        needed = {
            "token": "It has no access token, so nothing can be sent. Enter the page's.",
            "app_secret": "It has no app secret, so every webhook is refused. Copy it from Meta's app dashboard.",
            "verify_token": "It has no verify token. Choose a word and enter it at Meta as well.",
        }
        return [told for name, told in needed.items() if not secret(getattr(inbox.settings, name))]


def _one_by_one(raw: bytes) -> list[Posted]:
    """Each event by itself, and each change of the page as well."""
    read = msgspec.json.decode(raw, type=OpenBody)
    found = []
    for entry in read.entry:
        for name in ("messaging", "standby", "changes"):
            things = entry.get(name)
            for thing in things if isinstance(things, list) else ():
                alone = msgspec.json.encode({"object": read.object, "entry": [{"id": entry.get("id"), name: [thing]}]})
                named = _name(thing) if name == "messaging" else ""
                found.append(Posted(provider_id=named, raw=alone) if named else whole(alone))
    return found or [whole(raw)]


def _name(event: Any) -> str:
    """Meta's id of a message. A withdrawal bears the id of what it withdraws, so it is named by its bytes."""
    message = event.get("message") if isinstance(event, dict) else None
    if not isinstance(message, dict) or message.get("is_deleted"):
        return ""
    return str(message.get("mid") or "")


def _said(event: Event) -> list[Inbound]:
    if event.delivery:
        return [InboundReceipt(state="delivered", provider_id=mid) for mid in event.delivery.mids or ()]
    sender = str(event.sender.id)
    message, press = event.message, event.postback
    text, mid = "", ""
    if message and not (message.is_echo or message.is_deleted):
        text, mid = _text(message), message.mid
    elif press:
        text, mid = press.title or press.payload, press.mid or f"press/{sender}/{event.timestamp}"
    if not (text and sender):
        return []
    answered = message.reply_to.mid if message and message.reply_to else ""
    return [
        InboundMessage(
            sender=Address(kind="messenger", value=sender),
            text=text,
            external_id=mid or None,
            sent_at=_time(event.timestamp),
            references=(answered,) if answered else (),
        )
    ]


def _text(message: Message) -> str:
    """The words, and under them what was sent along. A message of a kind unknown to Meta's interface says so."""
    lines = [f"[{a.type.title()}] {a.title or ''}".strip() for a in message.attachments or ()]
    return (
        "\n".join([*([message.text] if message.text else []), *lines]) or "[Something that Messenger does not pass on]"
    )


def _time(milliseconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds > 0 else None
    except (OverflowError, ValueError, OSError):
        return None


def _numbered(message: Outbound) -> list[tuple[int, tuple[str, str]]]:
    return list(enumerate(message.choices, 1))


def _refusal(status: int, said: Any) -> SendFailed:
    if meta.error_of(said)[0] == CLOSED_WINDOW:
        return SendFailed("More than 24 hours have passed since the customer wrote.", permanent=True)
    return meta.refusal("Messenger", status, said, PASSING)


channel = Messenger()
