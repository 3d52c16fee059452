"""How the tests hold a mail against what is expected of it."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from parley.channels.email import EmailSettings, channel
from parley.core.channel import Delivery, Inbound, InboundMessage, InboundReceipt, Inbox


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


def facts_of(raw: bytes) -> dict[str, Any]:
    """What a sample's .json holds: every fact that the mail states, in plain values; absent when empty."""
    [one] = said(raw)
    if isinstance(one, InboundReceipt):
        return _present(
            receipt=one.state, external_id=one.external_id, reason=one.reason, permanent=one.permanent or None
        )
    assert isinstance(one, InboundMessage)
    return _present(
        sender=one.sender.value,
        name=one.sender.name,
        subject=one.subject,
        new=one.text if one.fold is None else one.text[: one.fold],
        old=None if one.fold is None else one.text[one.fold :].strip("\n"),
        html=one.html,
        external_id=one.external_id,
        sent_at=one.sent_at.isoformat() if one.sent_at else None,
        references=list(one.references),
        reply_tokens=list(one.reply_tokens),
        recipients=list(one.recipients),
        cc=list(one.cc),
        automatic=one.automatic,
        files=[
            _present(name=f.name, type=f.type, size=len(f.data), cid=f.cid, sha256=sha256(f.data).hexdigest()[:16])
            for f in one.files
        ],
    )


def _present(**facts: Any) -> dict[str, Any]:
    return {name: fact for name, fact in facts.items() if fact not in (None, "", [])}
