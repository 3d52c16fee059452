"""Any system: it posts signed JSON, and gets signed webhooks. docs/channels/webhooks.md tells its authors how.

Both ways carry the signatures of Standard Webhooks. Every event of a batch becomes a delivery of its own, named by
the sender's own id for it.
"""

import base64
import time
from typing import Any

import msgspec

from parley.channels import standard
from parley.channels.calling import call, listed, secret
from parley.channels.generic.facts import name_of, read
from parley.channels.generic.payload import Batch, kind_of
from parley.core.channel import Delivery, Door, Inbound, Inbox, Manifest, Outbound, Receipt
from parley.core.errors import NotProved, SendFailed, Unreadable
from parley.core.webhook import Answered, Call, Handshake, Posted, whole

PASSING = {408, 409, 425}  # answers after which another try may help, beside 429 and 5xx
SHORTEST = 24  # bytes of a key, as the specification asks


class GenericSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Connects any system of yours; docs/channels/webhooks.md says what it posts and gets.

    secret: signs what goes both ways, `whsec_` and base64 of at least 24 bytes; may be `env:NAME`.
    former_secret: still accepted from your system while it changes to a new one; may be `env:NAME`.
    url: where answers are posted to. Without it nothing can be sent.
    vouches: your system has made sure that mail addresses and phone numbers belong to whom it says.
    """

    secret: str = ""
    former_secret: str = ""
    url: str = ""
    vouches: bool = False


class Generic:
    manifest = Manifest(
        name="generic",
        label="Your own system",
        glyph="link",
        identity_kind="system",
        threads="identity",
        starts=True,
        text_limit=100_000,
        html=True,
        files=True,
        file_limit=10 * 1024 * 1024,
        settings=GenericSettings,
    )

    def webhook(self, request: Call, inbox: Inbox) -> list[Posted] | Handshake | Answered:
        if request.method != "POST":
            raise NotProved("Events are posted to this address.")
        ours = inbox.settings
        name = standard.must_be_signed(request, secret(ours.secret), secret(ours.former_secret))
        try:
            batch = msgspec.json.decode(request.body, type=Batch | dict[str, Any])
        except (msgspec.MsgspecError, RecursionError):
            return Answered(kept=[whole(request.body)], body=b'{"kept":1}')
        kept = _one_by_one(batch, name, request.body)
        return Answered(kept=kept, body=b'{"kept":%d}' % len(kept))

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            return read(delivery.raw, inbox)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Unreadable(f"This is not as docs/channels/webhooks.md says: {error}.") from error

    async def listen(self, door: Door) -> None:
        """Deliveries come through the web room: /hooks/NUMBER."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        key = standard.key_of(secret(inbox.settings.secret))
        if not (inbox.settings.url and key):
            raise SendFailed("This inbox has no URL or no secret. Enter both.", permanent=True)
        body = msgspec.json.encode(_outgoing(message, inbox))
        headers = standard.headers(key, message.external_id, int(time.time()), body)
        status, said = await call("POST", inbox.settings.url, body, {"content-type": "application/json", **headers})
        if status >= 300:
            told = said.get("error") if isinstance(said, dict) else None
            reason = f"Your system refused the message ({status}). {told or ''}".strip()
            raise SendFailed(reason, permanent=status not in PASSING)
        named = said.get("id") if isinstance(said, dict) else None
        return Receipt(provider_id=name_of(named, inbox) if isinstance(named, str | int) else message.external_id)

    def check(self, inbox: Inbox) -> list[str]:
        told = []
        key = standard.key_of(secret(inbox.settings.secret))
        if not key:
            told.append("It has no secret, or none that is base64 after whsec_, so every event is refused.")
        elif len(key) < SHORTEST:
            told.append(f"Its secret has {len(key)} bytes. Take at least {SHORTEST}, made by chance.")
        if not inbox.settings.url:
            told.append("It has no URL, so answers cannot be posted. Enter where your system takes them.")
        return told


def _one_by_one(batch: Any, name: str, body: bytes) -> list[Posted]:
    """Every event under its own id; a single one without an id goes by that of the webhook."""
    if not isinstance(batch, dict):
        found = [_posted(event) for event in batch]
        return found or [whole(body)]
    if not isinstance(batch.get("events"), list):
        return [Posted(provider_id=_name(batch) or f"webhook/{name}", raw=body)]
    return [_posted(event) for event in batch["events"]] or [whole(body)]


def _posted(event: Any) -> Posted:
    raw = msgspec.json.encode(event)
    named = _name(event)
    return Posted(provider_id=named, raw=raw) if named else whole(raw)


def _name(event: Any) -> str:
    """The kind belongs to the name: a message and the news of its withdrawal bear the same id."""
    data = event.get("data") if isinstance(event, dict) else None
    id = data.get("event_id") or data.get("id") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(id, str | int) or not id:
        return ""
    state = data.get("state", "") if isinstance(data.get("state"), str) else ""
    once = kind_of(event) in ("message", "receipt") or data.get("event_id")
    return "/".join(part for part in (kind_of(event), str(id), state) if part)[:255] if once else ""


def _outgoing(message: Outbound, inbox: Inbox) -> dict[str, Any]:
    data = {
        "id": message.external_id,
        "conversation": message.conversation,
        "to": message.to.value.partition("/")[2],
        "name": message.to.name,
        "text": message.text,
        "html": message.html,
        "subject": message.subject,
        "author": message.sender_name,
        "brand": message.brand_name,
        "answers": (message.in_reply_to or "").removeprefix(name_of("", inbox)),
        "purpose": message.purpose,
        "automatic": message.automatic,
        "choices": [{"label": label, "value": value} for label, value in message.choices],
        "plain": message.text + listed(message.choices),
        "files": [{"name": f.name, "type": f.type, "base64": base64.b64encode(f.data).decode()} for f in message.files],
    }
    return {"type": "message", "data": {name: value for name, value in data.items() if value not in (None, "", [])}}


channel = Generic()
