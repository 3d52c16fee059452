"""Mail. IMAP, SMTP, LMTP and webhooks in; SMTP out. Imports core only; the heavy parts load at first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from parley.channels.email.settings import EmailSettings
from parley.core.channel import Manifest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from parley.core.channel import Delivery, Door, Inbound, Inbox, Outbound, Receipt
    from parley.core.webhook import Call, Handshake, Posted

MAIL_LIMIT = 35 * 1024 * 1024


class EmailChannel:
    """The mail door. What stands below `webhook` goes beyond the channel contract."""

    manifest = Manifest(
        name="email",
        label="E-mail",
        glyph="mail",
        identity_kind="mail",
        copies=True,
        buttons=True,
        starts=True,
        threads="reference",
        html=True,
        files=True,
        file_limit=20 * 1024 * 1024,
        weight=0.25,
        settings=EmailSettings,
    )

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        from parley.channels.email.reading import read

        return read(delivery, inbox)

    def webhook(self, request: Call, inbox: Inbox) -> Awaitable[list[Posted] | Handshake]:
        from parley.channels.email.hooks import taken

        return taken(request, inbox)

    def invitation(self, inbox: Inbox, words: str, code: str, url: str, call: bool = False) -> str | None:
        """A mail to be written, with the code in its subject."""
        return f"mailto:{quote(inbox.address, safe='@')}?subject={quote(f'{words} {code}', safe='')}"

    async def listen(self, door: Door) -> None:
        from parley.channels.email.listening import listen

        await listen(door)

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        from parley.channels.email.sending import send

        return await send(message, inbox)

    def check(self, inbox: Inbox) -> list[str]:
        from parley.channels.email.checking import check

        return check(inbox)

    def try_connections(self, inbox: Inbox) -> list[tuple[str, bool, str]]:
        """Look up, connect, encrypt, log in, blocking: (step, whether it worked, a sentence). Sends nothing."""
        from parley.channels.email.trial import try_connections

        return try_connections(inbox)

    def check_domain(self, inbox: Inbox) -> list[tuple[str, bool, str]]:
        """SPF, DKIM and DMARC of the sending domain, blocking: steps with the lines to add to its DNS."""
        from parley.channels.email.sending_domain import looked_at

        return looked_at(inbox)

    def send_to_oneself(self, inbox: Inbox) -> list[tuple[str, bool, str]]:
        """A mail to the inbox's own address, and whether it comes back, blocking up to a minute."""
        from parley.channels.email.trial import send_to_oneself

        return send_to_oneself(inbox)

    def detect(self, address: str, typed: Mapping[str, str]) -> tuple[dict[str, Any], str]:
        """Settings that an inbox of this address may begin with, and where they were found. Raises Refused."""
        from parley.channels.email.discovery import detect

        return detect(address, tuple(typed.get("dns_servers", "").split()))

    def compose(self, message: Outbound, inbox: Inbox) -> bytes:
        """The mail as it would be sent."""
        from parley.channels.email.composing import compose

        return compose(message, inbox)

    def provider_id(self, raw: bytes) -> str:
        """The name of a delivery: the same for one mail, whichever way it came."""
        from parley.channels.email.fingerprint import provider_id

        return provider_id(raw)


channel = EmailChannel()

__all__ = ["MAIL_LIMIT", "EmailChannel", "EmailSettings", "channel"]
