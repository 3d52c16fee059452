"""Vonage's Messages API (developer.vonage.com, messages v1): JSON in, JSON out.

A webhook bears a JSON Web Token (RFC 7519) signed by HMAC-SHA256 with the account's signature secret; its
`payload_hash` is the SHA-256 of the body.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import msgspec

from parley.channels.calling import post_json, secret
from parley.channels.fetching import named
from parley.channels.sms.stopping import wanted
from parley.core.channel import Address, Inbound, InboundMessage, InboundReceipt, Outbound, Receipt, Remote
from parley.core.errors import NotProved, SendFailed
from parley.core.webhook import Call, same

API = "https://api.nexmo.com"
WINDOW = 300.0  # seconds that the token's time may differ from ours
STATES = {"delivered": "delivered", "read": "read", "rejected": "failed", "undeliverable": "failed"}
SOON = {1000, 1010, 1300, 1380}  # codes of developer.vonage.com/messages after which another try helps
MEDIA = {"image": "Photo", "video": "Video", "audio": "Audio", "file": "File", "vcard": "Contact"}


class Loose(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that are not named here are passed over."""


class Header(Loose, frozen=True):
    alg: str = ""


class Claims(Loose, frozen=True):
    iat: float = 0.0
    payload_hash: str = ""


class Medium(Loose, frozen=True):
    url: str = ""
    caption: str = ""
    name: str = ""


class Failure(Loose, frozen=True):
    title: str | int = ""
    detail: str = ""


class Event(Loose, frozen=True):
    """A message where there is a `message_type`, else news of one of ours."""

    message_uuid: str
    sender: str = msgspec.field(name="from", default="")
    timestamp: str = ""
    message_type: str = ""
    channel: str = ""
    status: str = ""
    text: str = ""
    image: Medium | None = None
    video: Medium | None = None
    audio: Medium | None = None
    file: Medium | None = None
    vcard: Medium | None = None
    error: Failure | None = None


class Vonage:
    LONGEST = 1000  # characters of a text

    def must_be_signed(self, request: Call, ours: Any) -> None:
        """Raises NotProved unless the token is signed, of now, and speaks of this body."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        signed, _, given = token.rpartition(".")
        key = secret(ours.signature_secret)
        proof = _b64(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest())
        if not (key and same(given, proof)):
            raise NotProved("This does not bear Vonage's signature.")
        claims = _claims(signed)
        if claims is None or not same(claims.payload_hash.lower(), hashlib.sha256(request.body).hexdigest()):
            raise NotProved("The body is not what Vonage signed.")
        if abs(request.at - claims.iat) > WINDOW:
            raise NotProved("This was signed more than five minutes ago.")

    def name_of(self, body: bytes) -> str:
        event = msgspec.json.decode(body, type=Event)
        return "/".join(part for part in (event.message_uuid, event.status) if part)

    def read(self, raw: bytes) -> list[Inbound]:
        event = msgspec.json.decode(raw, type=Event)
        if event.message_type:
            return [said] if (said := _message(event)) else []
        return [news] if (news := _receipt(event)) else []

    async def send(self, message: Outbound, text: str, ours: Any) -> Receipt:
        body = {
            "message_type": "text",
            "channel": "sms",
            "to": message.to.value.lstrip("+"),
            "from": ours.number.lstrip("+"),
            "text": text or " ",
            "client_ref": message.external_id[:100],
        }
        login = base64.b64encode(f"{ours.account}:{secret(ours.token)}".encode()).decode()
        status, said = await post_json(f"{ours.api or API}/v1/messages", body, {"authorization": f"Basic {login}"})
        said = said if isinstance(said, dict) else {}
        if status >= 400:
            told = said.get("detail") or said.get("title") or ""
            raise SendFailed(f"Vonage refused the message ({status}). {told}".strip(), permanent=True)
        return Receipt(provider_id=said.get("message_uuid"))

    def login_for(self, url: str, ours: Any) -> dict[str, str]:
        """Media lies open at an address that is not guessed."""
        return {}


provider = Vonage()


def token(body: bytes, key: str, at: float) -> str:
    """What Vonage puts into `Authorization`."""
    claims = {"iat": int(at), "jti": "1", "iss": "Vonage", "payload_hash": hashlib.sha256(body).hexdigest()}
    signed = ".".join(_b64(msgspec.json.encode(part)) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{signed}.{_b64(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest())}"


def _claims(signed: str) -> Claims | None:
    """None for another algorithm than the one we computed, or for nonsense."""
    head, _, payload = signed.partition(".")
    try:
        if msgspec.json.decode(_unb64(head), type=Header).alg != "HS256":
            return None
        return msgspec.json.decode(_unb64(payload), type=Claims)
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        return None


def _message(event: Event) -> InboundMessage | None:
    medium = getattr(event, event.message_type, None) if event.message_type in MEDIA else None
    what = f"[{': '.join(p for p in (MEDIA[event.message_type], medium.name) if p)}] {medium.caption}" if medium else ""
    text = event.text or what.strip()
    if event.channel not in ("", "sms", "mms") or not (event.sender and text):
        return None
    return InboundMessage(
        sender=Address(kind="phone", value=f"+{event.sender}" if event.sender.isdigit() else event.sender),
        text=text,
        external_id=event.message_uuid,
        sent_at=_time(event.timestamp),
        wants=wanted(event.text),
        remote=(Remote(name=named(MEDIA[event.message_type], "", medium.name), ref=medium.url),)
        if medium and medium.url
        else (),
    )


def _receipt(event: Event) -> InboundReceipt | None:
    state = STATES.get(event.status)
    if state is None:
        return None
    if state != "failed" or event.error is None:
        return InboundReceipt(state=state, provider_id=event.message_uuid)
    code = str(event.error.title)
    permanent = not (code.isdigit() and int(code) in SOON)
    reason = event.error.detail or f"Vonage's error {code}."
    return InboundReceipt(state=state, provider_id=event.message_uuid, reason=reason, permanent=permanent, code=code)


def _time(told: str) -> datetime | None:
    try:
        return datetime.fromisoformat(told).astimezone(UTC) if told else None
    except ValueError:
        return None


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
