"""Reports about our own mail: not delivered, late, delivered (RFC 3464), read (RFC 8098)."""

from parley.channels.email.charsets import decode
from parley.channels.email.mime import Part, headers, split
from parley.channels.email.words import message_ids, text_of
from parley.core.channel import InboundReceipt

RECIPIENTS = 100
_STATES = {"failed": "failed", "delayed": "delayed", "delivered": "delivered", "relayed": "delivered"}
_WORST_FIRST = ("failed", "delayed", "delivered")


def receipts(mail: Part) -> list[InboundReceipt]:
    """The news; empty when the mail is no report, or does not say which of our messages it is about."""
    if mail.type != "multipart/report":
        return []
    original = _original_id(mail)
    for part in mail.walk():
        if part.type in ("message/delivery-status", "message/global-delivery-status"):
            return _delivery(part, original)
        if part.type in ("message/disposition-notification", "message/global-disposition-notification"):
            return _disposition(part, original)
    return []


def _original_id(mail: Part) -> str | None:
    """The Message-ID of what we sent, from the copy or the headers that a report brings back."""
    for part in mail.walk():
        if part.type in ("message/rfc822", "text/rfc822-headers", "message/global", "message/rfc822-headers"):
            found = message_ids(headers(split(part.content().lstrip())[0]).get("message-id", [b""])[0])
            if found:
                return found[0]
    return None


def _delivery(part: Part, original: str | None) -> list[InboundReceipt]:
    """One piece of news, the worst: a message of ours is for one person, others are copies."""
    if original is None:
        return []
    about = [_about(fields, original) for fields in _groups(part)]
    news = [one for one in about if one is not None]
    return sorted(news, key=lambda one: _WORST_FIRST.index(one.state))[:1]


def _groups(part: Part) -> list[dict[str, list[bytes]]]:
    """Blocks of fields, separated by empty lines: one about the message, then one about each recipient."""
    blocks = part.content().replace(b"\r\n", b"\n").strip().split(b"\n\n")
    return [headers(block.strip(b"\n")) for block in blocks[: RECIPIENTS + 1] if block.strip()]


def _about(fields: dict[str, list[bytes]], original: str) -> InboundReceipt | None:
    action = decode(fields.get("action", [b""])[0]).partition(" ")[0].strip().lower()
    state = _STATES.get(action)
    if state is None:
        return None
    status = decode(fields.get("status", [b""])[0]).split(" ")[0]
    return InboundReceipt(
        state=state,
        external_id=original,
        reason=_sentence(fields, status),
        permanent=state == "failed" and not status.startswith("4"),
    )


def _sentence(fields: dict[str, list[bytes]], status: str) -> str:
    """What the other side said, and about whom."""
    who = text_of(fields.get("final-recipient", fields.get("original-recipient", [b""]))[0]).rpartition(";")[2].strip()
    said = text_of(fields.get("diagnostic-code", [b""])[0])
    said = said.partition(";")[2].strip() or said
    return ": ".join(piece for piece in (who, said or status) if piece)[:500]


def _disposition(part: Part, original: str | None) -> list[InboundReceipt]:
    fields = headers(part.content().strip())
    named = message_ids(fields.get("original-message-id", [b""])[0])
    about = named[0] if named else original
    read = "displayed" in decode(fields.get("disposition", [b""])[0]).lower()
    return [InboundReceipt(state="read", external_id=about)] if about and read else []
