"""Twilio's SMS and MMS (twilio.com/docs/messaging): forms in, forms out, and its list of what it holds."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from parley.channels.calling import call, secret
from parley.channels.fetching import named
from parley.channels.sms.stopping import wanted
from parley.channels.twilio import API, fields_of, login, must_be_signed
from parley.core.channel import Address, Door, Inbound, InboundMessage, InboundReceipt, Inbox, Outbound, Receipt, Remote
from parley.core.errors import Busy, SendFailed, Unreadable
from parley.core.webhook import Call

STATES = {"delivered": "delivered", "read": "read", "failed": "failed", "undelivered": "failed"}
# Codes of twilio.com/docs/api/errors: (meaning for people, whether another try cannot help).
CODES = {
    "21211": ("This is no number that can be written to.", True),
    "21408": ("Twilio may not send to this country. Allow it in the console.", True),
    "21610": ("They asked for no more messages, and Twilio keeps to that.", True),
    "21614": ("This number takes no SMS.", True),
    "30001": ("Twilio's queue is full.", False),
    "30002": ("The Twilio account is suspended.", True),
    "30003": ("The phone is switched off or out of reach.", False),
    "30004": ("The number blocks such messages.", True),
    "30005": ("The number is unknown or not in use.", True),
    "30006": ("This is a landline, or a network that cannot be reached.", True),
    "30007": ("The network filtered it as unwanted.", True),
    "30008": ("The network does not say why.", False),
}
MEDIA = {"image": "Photo", "video": "Video", "audio": "Audio"}
OVERLAP = timedelta(days=1)


class Provider(Protocol):
    """What both providers do for this channel."""

    LONGEST: int

    def must_be_signed(self, request: Call, ours: Any) -> None: ...

    def name_of(self, body: bytes) -> str: ...

    def read(self, raw: bytes) -> list[Inbound]: ...

    async def send(self, message: Outbound, text: str, ours: Any) -> Receipt: ...

    def login_for(self, url: str, ours: Any) -> dict[str, str]: ...


class Twilio:
    LONGEST = 1600  # characters; longer ones are refused with 21617

    def must_be_signed(self, request: Call, ours: Any) -> None:
        must_be_signed(request, secret(ours.token))

    def name_of(self, body: bytes) -> str:
        """Twilio's id; each state of a message of ours has a name of its own."""
        form = dict(fields_of(body))
        named = form.get("MessageSid") or form.get("SmsSid") or ""
        state = "" if _came_in(form) else form.get("MessageStatus", "")
        return "/".join(part for part in (named, state) if part)

    def read(self, raw: bytes) -> list[Inbound]:
        form = _looked_up(raw) if raw.startswith(b"{") else dict(fields_of(raw))
        if not (form.get("MessageSid") or form.get("SmsSid")):
            raise Unreadable("Twilio's id of the message is missing.")
        if _came_in(form):
            return [said] if (said := _message(form)) else []
        return [news] if (news := _receipt(form)) else []

    async def send(self, message: Outbound, text: str, ours: Any) -> Receipt:
        form = {"To": message.to.value, "Body": text or " "}
        form |= {"MessagingServiceSid": ours.service} if ours.service else {"From": ours.number}
        if ours.callback:
            form["StatusCallback"] = ours.callback
        headers = {"content-type": "application/x-www-form-urlencoded", **login(ours)}
        status, said = await call("POST", _messages(ours), urlencode(form).encode(), headers)
        said = said if isinstance(said, dict) else {}
        if status >= 400:
            told, _ = CODES.get(str(said.get("code")), (str(said.get("message", "")), True))
            raise SendFailed(
                f"Twilio refused the message ({said.get('code') or status}). {told}".strip(), permanent=True
            )
        return Receipt(provider_id=said.get("sid"))

    def login_for(self, url: str, ours: Any) -> dict[str, str]:
        """Media lies with Twilio, behind the account's login, which goes nowhere else."""
        return login(ours) if urlsplit(url)[:2] == urlsplit(ours.api or API)[:2] else {}


provider = Twilio()


def _came_in(form: Mapping[str, str]) -> bool:
    """Twilio gives an incoming message `SmsStatus=received`; news of ours has `MessageStatus`."""
    return "From" in form and form.get("SmsStatus", form.get("MessageStatus", "received")) in ("received", "receiving")


def _message(form: Mapping[str, str]) -> InboundMessage | None:
    sender = form.get("From", "")
    count = form.get("NumMedia", "0")
    kinds = [form.get(f"MediaContentType{n}", "") for n in range(min(int(count), 10) if count.isdigit() else 0)]
    lines = [f"[{MEDIA.get(kind.partition('/')[0], 'File')}]" for kind in kinds]
    text = "\n".join([*([form["Body"]] if form.get("Body") else []), *lines])
    if not sender or ":" in sender or not text:  # another channel of Twilio's, such as whatsapp:
        return None
    return InboundMessage(
        sender=Address(kind="phone", value=sender),
        text=text,
        external_id=form.get("MessageSid") or form.get("SmsSid"),
        sent_at=_time(form.get("DateSent")),
        wants=wanted(form.get("Body", ""), form.get("OptOutType", "")),
        remote=tuple(
            Remote(name=named(MEDIA.get(kind.partition("/")[0], "File"), kind), type=kind, ref=form[f"MediaUrl{n}"])
            for n, kind in enumerate(kinds)
            if form.get(f"MediaUrl{n}")
        ),
    )


def _receipt(form: Mapping[str, str]) -> InboundReceipt | None:
    state = STATES.get(form.get("MessageStatus") or form.get("SmsStatus") or "")
    if state is None:
        return None
    named, code = form.get("MessageSid") or form.get("SmsSid"), form.get("ErrorCode", "")
    if state != "failed":
        return InboundReceipt(state=state, provider_id=named)
    reason, permanent = CODES.get(
        code, (form.get("ErrorMessage") or f"Twilio's error {code or 'without a number'}.", False)
    )
    kind = "hard" if permanent else "soft"
    return InboundReceipt(state=state, provider_id=named, reason=reason, permanent=permanent, kind=kind, code=code)


def _messages(ours: Any) -> str:
    return f"{ours.api or API}/2010-04-01/Accounts/{quote(ours.account, safe='')}/Messages.json"


# ── what the webhooks missed ────────────────────────────────────────────────────────────────


async def catch_up(door: Door, inbox: Inbox) -> None:
    """Until cancelled: hand over what came since the last look. What a webhook brought already has the same name."""
    while True:
        try:
            found = await _look(door, inbox)
            door.say(inbox.id, f"Looked up Twilio's list: {found} messages were missing.")
        except SendFailed as error:
            door.say(inbox.id, f"Twilio's list cannot be looked up: {error}")
        except Busy as error:
            door.say(inbox.id, f"Waiting: {error}")
        await asyncio.sleep(inbox.settings.look_back_minutes * 60)


async def _look(door: Door, inbox: Inbox) -> int:
    """One look, page by page, a day further back than the last one. The place moves when everything is stored."""
    ours, key = inbox.settings, f"looked/{inbox.id}"
    before = await door.memory.get(key)
    now = datetime.now(UTC)
    since = (datetime.fromisoformat(before.decode()) if before else now) - OVERLAP
    query = urlencode({"To": ours.number, "DateSent>": since.date().isoformat(), "PageSize": "200"})
    url, found = f"{_messages(ours)}?{query}", 0
    while url:
        status, said = await call("GET", url, None, login(ours))
        if status >= 400 or not isinstance(said, dict):
            raise SendFailed(f"It answered {status}.", permanent=True)
        for one in said.get("messages") or ():
            if isinstance(one, dict) and one.get("direction") == "inbound" and one.get("sid"):
                found += await door.take(inbox.id, str(one["sid"]), msgspec.json.encode({"listed": one}))
        following = said.get("next_page_uri")
        url = f"{ours.api or API}{following}" if following else ""
    await door.memory.put(key, now.isoformat().encode())
    return found


def _looked_up(raw: bytes) -> dict[str, str]:
    """A message as the list shows it, in the words of a webhook."""
    one = msgspec.json.decode(raw, type=dict[str, dict[str, Any]])["listed"] if b'"listed"' in raw else {}
    names = {"sid": "MessageSid", "from": "From", "body": "Body", "num_media": "NumMedia", "date_sent": "DateSent"}
    return {ours: str(one[theirs]) for theirs, ours in names.items() if one.get(theirs) is not None}


def _time(told: str | None) -> datetime | None:
    """The list gives RFC 2822; a webhook tells no time."""
    try:
        return parsedate_to_datetime(told) if told else None
    except (TypeError, ValueError):
        return None
