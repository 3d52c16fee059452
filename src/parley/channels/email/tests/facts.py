"""How the tests hold a mail against what is expected of it."""

from datetime import UTC, datetime
from typing import Any

from parley.channels.email import EmailSettings, channel
from parley.core.channel import Delivery, Inbound, InboundMessage, Inbox
from parley.core.facts import stated


def inbox(address: str = "support@acme.example", number: int = 1, **settings: Any) -> Inbox:
    """An inbox of Acme's."""
    return Inbox(
        id=number, brand=1, channel="email", name="Support", address=address, settings=EmailSettings(**settings)
    )


def said(raw: bytes, at: Inbox | None = None) -> list[Inbound]:
    """The mail, read."""
    delivery = Delivery(id=1, inbox=1, provider_id="p", received_at=datetime(2026, 9, 1, tzinfo=UTC), raw=raw)
    return channel.read(delivery, at or inbox())


def message(raw: bytes, at: Inbox | None = None) -> InboundMessage:
    """The one message that the mail is."""
    [one] = said(raw, at)
    assert isinstance(one, InboundMessage)
    return one


def facts_of(raw: bytes) -> list[dict[str, Any]]:
    """What a sample's .expected.json holds: every fact that the mail states."""
    return stated(said(raw))
