"""What a customer says, as each family of providers posts it: its shape, its signature, how much goes into one POST."""

import hashlib
import hmac
import json
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from parley.channels import standard
from parley.channels.sms import vonage
from parley.channels.x.facts import direct_name
from parley.demo.simulators import line, meta, twilio, viber, x


@dataclass(frozen=True)
class Saying:
    """The n-th thing that is said, by the customer of this number."""

    number: int
    who: int

    @property
    def text(self) -> str:
        return f"Saying {self.number} of {self.who}"


class Family(ABC):
    """channel: the folder of its reader. most: sayings that fit into one POST. settings: of its inbox. path: behind the
    inbox's address."""

    channel = ""
    most = 1
    settings: ClassVar[dict[str, Any]] = {}
    path = ""

    @property
    def title(self) -> str:
        return type(self).__name__.lower()

    @abstractmethod
    def body(self, said: Sequence[Saying], chance: random.Random) -> bytes: ...

    @abstractmethod
    def headers(self, body: bytes, url: str, now: float) -> dict[str, str]: ...

    @abstractmethod
    def name(self, said: Saying, inbox: int) -> str:
        """How the desk must call it: by the provider's own name."""
        ...


class Cloud(Family):
    """WhatsApp: up to a thousand messages in a POST, spread over entries and changes as it likes."""

    channel, most = "whatsapp", 1000
    settings: ClassVar[dict[str, Any]] = {
        "phone_number_id": "700",
        "token": "t",
        "app_secret": "shared",
        "verify_token": "word",
    }

    def body(self, said: Sequence[Saying], chance: random.Random) -> bytes:
        entries: list[dict[str, Any]] = []
        rest = list(said)
        while rest:
            size = chance.choice((1, 1, 2, 10, 100))
            taken, rest = rest[:size], rest[size:]
            messages = [meta.cloud_text(f"44794{one.who:07}", f"wamid.{one.number}", one.text) for one in taken]
            contacts = [{"wa_id": f"44794{one.who:07}", "profile": {"name": f"Kim {one.who}"}} for one in taken]
            value = {"metadata": {"phone_number_id": "700"}, "contacts": contacts, "messages": messages}
            change = {"field": "messages", "value": value}
            if entries and chance.random() < 0.3:
                entries[-1]["changes"].append(change)
            else:
                entries.append({"id": "5", "changes": [change]})
        return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()

    def headers(self, body: bytes, url: str, now: float) -> dict[str, str]:
        return meta.signed(body)

    def name(self, said: Saying, inbox: int) -> str:
        return f"wamid.{said.number}"


class Direct(Family):
    """Instagram: events of one account, each in an entry of its own."""

    channel, most = "instagram", 100
    settings: ClassVar[dict[str, Any]] = {"account": "9", "token": "t", "app_secret": "shared", "verify_token": "word"}

    def body(self, said: Sequence[Saying], chance: random.Random) -> bytes:
        events = [meta.direct(str(one.who), f"ig.{one.number}", one.text) for one in said]
        return meta.batch("instagram", "9", *events, time=1767225600 + chance.randrange(3600))

    def headers(self, body: bytes, url: str, now: float) -> dict[str, str]:
        return meta.signed(body)

    def name(self, said: Saying, inbox: int) -> str:
        return f"ig.{said.number}"


class Bot(Family):
    """Telegram: one update a POST, known by its number."""

    channel, most = "telegram", 1
    settings: ClassVar[dict[str, Any]] = {"token": "t", "webhook_secret": "word"}

    def body(self, said: Sequence[Saying], chance: random.Random) -> bytes:
        (one,) = said
        who = {"id": one.who + 1, "first_name": f"Kim {one.who}"}
        message = {"message_id": one.number, "date": 1767225600, "text": one.text, "from": who}
        return json.dumps({"update_id": one.number, "message": message | {"chat": who | {"type": "private"}}}).encode()

    def headers(self, body: bytes, url: str, now: float) -> dict[str, str]:
        return {"x-telegram-bot-api-secret-token": "word"}

    def name(self, said: Saying, inbox: int) -> str:
        return f"{said.who + 1}/{said.number}"


class Text(Family):
    """Twilio: one message a POST, a form."""

    channel, most = "sms", 1
    settings: ClassVar[dict[str, Any]] = {
        "number": twilio.NUMBER, "account": twilio.ACCOUNT, "token": twilio.TOKEN, "look_back_minutes": 0
    }  # fmt: skip

    def body(self, said: Sequence[Saying], chance: random.Random) -> bytes:
        (one,) = said
        form = {"MessageSid": f"SM{one.number}", "SmsStatus": "received", "From": f"+44795{one.who:07}"}
        return urlencode(form | {"Body": one.text, "To": twilio.NUMBER}).encode()

    def headers(self, body: bytes, url: str, now: float) -> dict[str, str]:
        return twilio.signed(url, body)

    def name(self, said: Saying, inbox: int) -> str:
        return f"SM{said.number}"


class Chat(Family):
    """Slack: one event a POST, with its time under the signature."""

    channel, most = "slack", 1
    settings: ClassVar[dict[str, Any]] = {"token": "xoxb", "signing_secret": "shared", "look_back_minutes": 0}

    def body(self, said: Sequence[Saying], chance: random.Random) -> bytes:
        (one,) = said
        event = {"type": "message", "channel": f"D{one.who}", "user": f"U{one.who}", "text": one.text}
        event["ts"] = f"1767225600.{one.number:06}"
        envelope = {"type": "event_callback", "event_id": f"Ev{one.number}", "team_id": "T1", "event": event}
        return json.dumps(envelope).encode()

    def headers(self, body: bytes, url: str, now: float) -> dict[str, str]:
        proof = hmac.new(b"shared", f"v0:{int(now)}:".encode() + body, hashlib.sha256).hexdigest()
        return {"x-slack-request-timestamp": str(int(now)), "x-slack-signature": f"v0={proof}"}

    def name(self, said: Saying, inbox: int) -> str:
        return f"D{said.who}/1767225600.{said.number:06}"


class Own(Family):
    """Somebody's own system: batches of any size, a signature with a time."""

    channel, most = "generic", 500
    settings: ClassVar[dict[str, Any]] = {"secret": "the secret of the storm, long enough"}

    def body(self, said: Sequence[Saying], chance: random.Random) -> bytes:
        events = [
            {"type": "message", "data": {"id": str(one.number), "from": {"id": one.who}, "text": one.text}}
            for one in said
        ]
        return json.dumps({"events": events}).encode()

    def headers(self, body: bytes, url: str, now: float) -> dict[str, str]:
        key = standard.key_of(str(self.settings["secret"]))
        return standard.headers(key, f"d{hash(body)}", int(now), body)

    def name(self, said: Saying, inbox: int) -> str:
        return f"system/{inbox}/{said.number}"


class Page(Family):
    """Messenger: as Instagram, for a page."""

    channel, most = "messenger", 100
    settings: ClassVar[dict[str, Any]] = {"token": "t", "app_secret": "shared", "verify_token": "word"}

    def body(self, said: Sequence[Saying], chance: random.Random) -> bytes:
        events = [meta.direct(str(one.who), f"m_{one.number}", one.text) for one in said]
        return meta.batch("page", "9", *events, time=1767225600 + chance.randrange(3600))

    def headers(self, body: bytes, url: str, now: float) -> dict[str, str]:
        return meta.signed(body)

    def name(self, said: Saying, inbox: int) -> str:
        return f"m_{said.number}"


class Account(Family):
    """LINE: events of several users in one POST, each known by its `webhookEventId`."""

    channel, most = "line", 100
    settings: ClassVar[dict[str, Any]] = {"token": line.TOKEN, "channel_secret": line.SECRET}

    def body(self, said: Sequence[Saying], chance: random.Random) -> bytes:
        return line.batch(*(line.event(f"U{one.who}", self.name(one, 0), one.text, 1767225600000) for one in said))

    def headers(self, body: bytes, url: str, now: float) -> dict[str, str]:
        return line.signed(body)

    def name(self, said: Saying, inbox: int) -> str:
        return str(460_000_000_000 + said.number)


class Public(Family):
    """Viber: one event a POST, known by its token."""

    channel = "viber"
    settings: ClassVar[dict[str, Any]] = {"token": viber.TOKEN}

    def body(self, said: Sequence[Saying], chance: random.Random) -> bytes:
        (one,) = said
        return viber.message(f"v{one.who}", f"Kim {one.who}", int(self.name(one, 0)), one.text, 1767225600000)

    def headers(self, body: bytes, url: str, now: float) -> dict[str, str]:
        return viber.signed(body)

    def name(self, said: Saying, inbox: int) -> str:
        return str(5_500_000_000_000 + said.number)


class DirectX(Family):
    """X: direct messages, several in a POST."""

    channel, most = "x", 20
    settings: ClassVar[dict[str, Any]] = {**x.KEYS, "account": x.ACCOUNT, "minutes": 0}

    def body(self, said: Sequence[Saying], chance: random.Random) -> bytes:
        events = [x.direct(str(2_000_000 + one.who), str(one.number), one.text) for one in said]
        return x.activity(direct_message_events=events)

    def headers(self, body: bytes, url: str, now: float) -> dict[str, str]:
        return x.signed(body)

    def name(self, said: Saying, inbox: int) -> str:
        return direct_name(str(said.number))


class OtherText(Family):
    """Vonage: one SMS a POST, with a token that speaks of the body."""

    channel = "sms"
    settings: ClassVar[dict[str, Any]] = {
        "provider": "vonage", "number": "+447946000700", "account": "key", "token": "t", "signature_secret": "shared",
    }  # fmt: skip

    def body(self, said: Sequence[Saying], chance: random.Random) -> bytes:
        (one,) = said
        told = {"message_uuid": self.name(one, 0), "from": f"44797{one.who:07}", "to": "447946000700", "channel": "sms"}
        return json.dumps(told | {"message_type": "text", "text": one.text}).encode()

    def headers(self, body: bytes, url: str, now: float) -> dict[str, str]:
        return {"authorization": f"Bearer {vonage.token(body, 'shared', now)}", "content-type": "application/json"}

    def name(self, said: Saying, inbox: int) -> str:
        return f"vg-{said.number}"


class Exchange(Family):
    """A telephone system: a call that rings, one a POST."""

    channel, path = "cti", "/a-token-that-nobody-guesses"
    settings: ClassVar[dict[str, Any]] = {"path_token": "a-token-that-nobody-guesses"}

    def body(self, said: Sequence[Saying], chance: random.Random) -> bytes:
        (one,) = said
        told = {"event": "newCall", "direction": "in", "from": f"44796{one.who:07}", "to": "492411234"}
        return json.dumps(told | {"callId": f"c{one.number}"}).encode()

    def headers(self, body: bytes, url: str, now: float) -> dict[str, str]:
        return {"content-type": "application/json"}

    def name(self, said: Saying, inbox: int) -> str:
        return f"call/{inbox}/c{said.number}"


# Each with its share of a storm: those that post one at a time cost the most.
FAMILIES: tuple[tuple[Family, float], ...] = (
    (Cloud(), 0.45), (Direct(), 0.15), (Page(), 0.12), (Own(), 0.12), (Account(), 0.06), (DirectX(), 0.02),
    (Bot(), 0.02), (Text(), 0.015), (Chat(), 0.015), (Public(), 0.01), (OtherText(), 0.01), (Exchange(), 0.01),
)  # fmt: skip
