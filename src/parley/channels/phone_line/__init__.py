"""A telephone number with Twilio (Programmable Voice): a menu, a bot that speaks, a line to wait in, calling back.

Twilio asks at every step what comes next; `menu.py` answers, `facts.py` tells the desk, `sending.py` speaks into a call
that is going on. Nothing of a call is kept here between two steps: the addresses that Twilio is given say where it is.
"""

from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from parley.channels.calling import lacking, secret
from parley.channels.fetching import get
from parley.channels.phone_line import sending
from parley.channels.phone_line.facts import facts_of, kept_as, name_of
from parley.channels.phone_line.menu import Caller
from parley.channels.phone_line.settings import NEEDED, PhoneLineSettings
from parley.channels.twilio import API, fields_of, login, must_be_signed
from parley.core.channel import (
    Address,
    Attached,
    Delivery,
    Door,
    Inbound,
    InboundCall,
    Inbox,
    Manifest,
    Outbound,
    Receipt,
    Remote,
)
from parley.core.errors import NotProved
from parley.core.webhook import Answered, Call, Posted, whole


class PhoneLine:
    manifest = Manifest(
        name="phone_line",
        label="Phone line",
        glyph="phone-call",
        identity_kind="phone",
        live=True,
        threads="identity",
        queues=True,
        spoken=True,
        file_limit=64 * 1024 * 1024,
        patience=timedelta(),
        weight=0.5,
        settings=PhoneLineSettings,
    )

    def webhook(self, request: Call, inbox: Inbox) -> Answered:
        must_be_signed(request, secret(inbox.settings.token))
        if request.method != "POST":
            raise NotProved("Calls are told with POST.")
        form, step = dict(fields_of(request.body)), request.rest
        if not form.get("CallSid"):
            return Answered(kept=[whole(request.body)], body=b"<Response/>", type="text/xml")
        name = name_of(step, request.query, form, request.line, inbox.with_bot)
        kept = [Posted(provider_id=name, raw=kept_as(step, request.query, request.body))] if name else []
        return Answered(kept=kept, body=Caller(inbox, request, form).next(step), type="text/xml")

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        return facts_of(delivery.raw, delivery.received_at, inbox)

    async def listen(self, door: Door) -> None:
        """Calls come through the web room: /hooks/NUMBER."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        return await sending.read_out(message, inbox)

    def caller(self, asked: bytes) -> Address | None:
        number = dict(fields_of(asked)).get("From", "")
        return Address(kind="phone", value=number) if number.startswith("+") else None

    async def put_through(self, inbox: Inbox, call: str, agent: str, mail: str) -> None:
        await sending.put_through(inbox, call, agent, mail)

    def called(self, news: InboundCall) -> tuple[str, bytes]:
        told = {
            "Step": "told", "CallSid": news.external_id, "From": news.sender.value, "State": news.state,
            "Cause": news.cause, "At": news.at.isoformat(),
        }  # fmt: skip
        return f"{news.external_id}/{news.state}/desk", urlencode(told).encode()

    async def fetch(self, remote: Remote, inbox: Inbox) -> Attached:
        """Recordings lie behind the account's login, which goes nowhere else."""
        ours = inbox.settings
        own = urlsplit(remote.ref)[:2] == urlsplit(ours.api or API)[:2]
        data, kind = await get(remote.ref, self.manifest.file_limit, ours.api, login(ours) if own else None)
        return Attached(name=remote.name, type=remote.type or kind, data=data)

    def check(self, inbox: Inbox) -> list[str]:
        told = lacking(inbox.settings, {name: needed for name, needed in NEEDED.items() if name != "phones"})
        return told + ([] if inbox.settings.phones else [NEEDED["phones"]])


channel = PhoneLine()
