"""WhatsApp by Meta's Cloud API: messages and states come in by webhook, answers go out through the Graph API.

Every message and every state of a batch becomes a delivery of its own, named by Meta's id.
"""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from parley.channels import meta
from parley.channels.calling import lacking, one_after_another, secret
from parley.channels.fetching import ask, get
from parley.channels.whatsapp import sending, templates
from parley.channels.whatsapp.payload import Body, body_of, one_by_one
from parley.channels.whatsapp.words import receipt_of, told_by
from parley.core.channel import Attached, Delivery, Door, Inbound, Inbox, Manifest, Outbound, Receipt, Remote, Template
from parley.core.errors import SendFailed, Unreadable
from parley.core.webhook import Call, Handshake, Posted

# Meta's error codes after which another try helps: rate and spam limits, temporary trouble at Meta.
PASSING = {1, 2, 4, 80007, 130429, 131000, 131016, 131048, 131056, 133004}
CLOSED_WINDOW = 131047


class WhatsappSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a WhatsApp inbox needs.

    phone_number_id: the number of our phone number in Meta's books.
    token: access token of a system user; may be `env:NAME`.
    app_secret: signs what Meta posts; may be `env:NAME`.
    verify_token: the word that Meta repeats when the webhook is set up; may be `env:NAME`.
    api: address of the Graph API with its version.
    number: the phone number that customers write to, with its country code; links to WhatsApp need it.
    account: the id of the WhatsApp Business account, which holds the templates; without it there are none.
    """

    phone_number_id: str = ""
    token: str = ""
    app_secret: str = ""
    verify_token: str = ""
    api: str = "https://graph.facebook.com/v23.0"
    number: str = ""
    account: str = ""


class Whatsapp:
    manifest = Manifest(
        name="whatsapp",
        label="WhatsApp",
        glyph="phone",
        identity_kind="wa_id",
        threads="identity",
        text_limit=4096,
        files=True,
        quick=sending.ROWS,
        window=timedelta(hours=24),
        patience=timedelta(days=7),
        costs="free within 24 hours",
        vouches=True,
        rings=True,
        settings=WhatsappSettings,
    )

    def webhook(self, request: Call, inbox: Inbox) -> list[Posted] | Handshake:
        return meta.taken(request, inbox.settings, one_by_one)

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            body = body_of(delivery.raw)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Unreadable(f"This is not what WhatsApp posts: {error}.") from error
        return _read(body)

    def invitation(self, inbox: Inbox, words: str, code: str, url: str, call: bool = False) -> str | None:
        """Click to chat: the words stand in the customer's message box (faq.whatsapp.com)."""
        number = re.sub(r"\D", "", inbox.settings.number).removeprefix("00")
        return f"https://wa.me/{number}?text={quote(f'{words} {code}', safe='')}" if number else None

    async def listen(self, door: Door) -> None:
        """Deliveries come through the web room: /hooks/NUMBER."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        ours = inbox.settings
        if not (secret(ours.token) and ours.phone_number_id):
            raise SendFailed("This inbox has no access token or no phone number id. Enter both.", permanent=True)
        bodies = await sending.bodies(message, ours, _refusal)
        return await one_after_another(bodies, lambda body: sending.hand_over(body, ours, _refusal))

    async def templates(self, inbox: Inbox) -> list[Template]:
        ours = inbox.settings
        return await templates.fetched(ours) if ours.account and secret(ours.token) else []

    async def fetch(self, remote: Remote, inbox: Inbox) -> Attached:
        """Meta gives an address for an id, good for five minutes, and bytes for the address and the token."""
        login = {"authorization": f"Bearer {secret(inbox.settings.token)}"}
        said = await ask(f"{inbox.settings.api}/{quote(remote.ref, safe='')}", login)
        data, kind = await get(str(said.get("url") or ""), self.manifest.file_limit, inbox.settings.api, login)
        return Attached(name=remote.name, type=str(said.get("mime_type") or kind), data=data)

    def check(self, inbox: Inbox) -> list[str]:
        needed = {
            "phone_number_id": "It has no phone number id. Copy it from Meta's app dashboard.",
            "token": "It has no access token, so nothing can be sent. Make one for a system user.",
            "app_secret": "It has no app secret, so every webhook is refused. Copy it from Meta's app dashboard.",
            "verify_token": "It has no verify token. Choose a word and enter it at Meta as well.",
        }
        return lacking(inbox.settings, needed)


def _read(body: Body) -> list[Inbound]:
    said: list[Inbound] = []
    for change in (change for entry in body.entry for change in entry.changes if change.field == "messages"):
        value = change.value
        said += [found for message in value.messages if (found := told_by(message, value.contacts))]
        said += [news for status in value.statuses if (news := receipt_of(status, PASSING))]
    return said


def _refusal(status: int, said: Any) -> SendFailed:
    if meta.error_of(said)[0] == CLOSED_WINDOW:
        reason = "More than 24 hours have passed since the customer wrote, so WhatsApp takes templates only."
        return SendFailed(reason, permanent=True)
    if reason := templates.REFUSED.get(meta.error_of(said)[0], ""):
        return SendFailed(reason, permanent=True)
    return meta.refusal("WhatsApp", status, said, PASSING)


channel = Whatsapp()
