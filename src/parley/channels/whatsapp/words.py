"""WhatsApp's messages in words, and its states as receipts."""

import re
from collections.abc import Container, Sequence
from typing import Any

from parley.channels.calling import moment
from parley.channels.fetching import named
from parley.channels.whatsapp.payload import Contact, Message, Raw, Status
from parley.core.channel import (
    Address,
    Inbound,
    InboundEdit,
    InboundMessage,
    InboundReaction,
    InboundReceipt,
    InboundWithdrawal,
    Remote,
)

MEDIA = {"image": "Photo", "video": "Video", "audio": "Audio", "document": "Document", "sticker": "Sticker"}
STATES = {"delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}


def told_by(message: Message, contacts: Sequence[Contact]) -> Inbound | None:
    """What somebody said or did. None for what is neither: news of the system, unknown kinds."""
    sender = _sender(message, contacts)
    if sender is None:
        return None
    if message.type in ("edit", "revoke", "reaction"):
        return _afterwards(message, sender)
    text = _text(message.type, message.parts)
    if not text:
        return None
    return InboundMessage(
        sender=sender,
        text=text,
        external_id=message.id,
        sent_at=moment(message.timestamp),
        references=(str(message.context.id),) if message.context.id else (),
        remote=_media(message),
    )


def _media(message: Message) -> tuple[Remote, ...]:
    """The file of a message, by Meta's id: its address is asked for when it is fetched, as it ends after minutes."""
    part = _under(message.parts, message.type) if message.type in MEDIA else {}
    id, kind = part.get("id"), str(part.get("mime_type") or "")
    if not id:
        return ()
    return (Remote(name=named(MEDIA[message.type], kind, str(part.get("filename") or "")), type=kind, ref=str(id)),)


def _afterwards(message: Message, sender: Address) -> Inbound | None:
    """What becomes of a message that was said before: other words, taken back, a sign put on or off."""
    part = _under(message.parts, message.type)
    about = str(part.get("message_id" if message.type == "reaction" else "original_message_id") or "")
    if not about:
        return None
    if message.type == "revoke":
        return InboundWithdrawal(sender=sender, external_id=about)
    if message.type == "reaction":
        return InboundReaction(sender=sender, external_id=about, sign=str(part.get("emoji") or ""))
    inside = _under(part, "message")
    text = _text(str(inside.get("type", "")), inside)
    return InboundEdit(sender=sender, external_id=about, text=text, sent_at=moment(message.timestamp)) if text else None


def receipt_of(status: Status, passing: Container[int]) -> InboundReceipt | None:
    """News of a message of ours. None for `sent`, which we know, and for states of calls."""
    state = STATES.get(status.status) if status.type in ("", "message") else None
    if state is None:
        return None
    if state != "failed" or not status.errors:
        return InboundReceipt(state=state, provider_id=status.id)
    error = status.errors[0]
    return InboundReceipt(
        state=state,
        provider_id=status.id,
        reason=str(error.error_data.get("details") or error.title),
        permanent=error.code not in passing,
        code=str(error.code),
    )


def normal_number(number: str) -> str:
    """One form per phone: digits, and the mobile digit where WhatsApp leaves it out or adds one.

    Brazil's mobile numbers have nine digits after the area code, of which older accounts lack the first, a 9.
    Argentina's have a 9 after 54 from abroad. Mexico gave up its 1 after 52 in 2019.
    """
    digits = re.sub(r"\D", "", number)
    if re.fullmatch(r"55\d\d[6-9]\d{7}", digits):
        return f"{digits[:4]}9{digits[4:]}"
    if re.fullmatch(r"54[1-8]\d{9}", digits):
        return f"549{digits[2:]}"
    if re.fullmatch(r"521\d{10}", digits):
        return f"52{digits[3:]}"
    return digits


def _sender(message: Message, contacts: Sequence[Contact]) -> Address | None:
    """The number where it is told; else the id that Meta gives people who keep theirs to themselves."""
    number = normal_number(message.sender)
    match = (c for c in contacts if number and normal_number(c.wa_id) == number)
    told = next(match, contacts[0] if len(contacts) == 1 else Contact())
    value = number or message.sender_user or normal_number(told.wa_id) or told.user_id
    return Address(kind="wa_id", value=value, name=told.profile.name) if value else None


def _text(kind: str, parts: Raw) -> str:
    part = parts.get(kind)
    if kind == "contacts":
        cards = part if isinstance(part, list) else []
        return "\n".join(_card(card) for card in cards if isinstance(card, dict))
    part = part if isinstance(part, dict) else {}
    if kind == "text":
        return str(part.get("body", ""))
    if kind in MEDIA:
        named = ": ".join(str(p) for p in (MEDIA[kind], part.get("filename")) if p)
        return f"[{named}] {part.get('caption') or ''}".strip()
    if kind == "location":
        return _place(part)
    if kind == "button":
        return str(part.get("text") or part.get("payload") or "")
    if kind == "interactive":
        return _choice(part)
    return _order(part) if kind == "order" else ""


def _place(part: Raw) -> str:
    point = f"{part.get('latitude')}, {part.get('longitude')}"
    return "Location: " + ", ".join(str(p) for p in (part.get("name"), part.get("address"), point) if p)


def _card(card: Raw) -> str:
    name = _under(card, "name").get("formatted_name", "")
    phones = card.get("phones")
    numbers = [str(p.get("phone", "")) for p in phones if isinstance(p, dict)] if isinstance(phones, list) else []
    return "Contact: " + ", ".join(str(p) for p in (name, *numbers) if p)


def _choice(part: Raw) -> str:
    """What was pressed, chosen, or filled in; a form's answers stand one to a line as they came."""
    for kind in ("button_reply", "list_reply"):
        if chosen := _under(part, kind):
            return str(chosen.get("title") or chosen.get("id") or "")
    form = _under(part, "nfm_reply")
    return "\n".join(str(form[key]) for key in ("body", "response_json") if form.get(key))


def _order(part: Raw) -> str:
    items = part.get("product_items")
    lines = [
        f"{i.get('quantity', 1)} × {i.get('product_retailer_id')}, {i.get('item_price', '')} {i.get('currency', '')}"
        for i in (items if isinstance(items, list) else ())
        if isinstance(i, dict)
    ]
    return "\n".join(["Order:", *([str(part["text"])] if part.get("text") else []), *lines]) if lines else ""


def _under(parts: Raw, key: str) -> dict[str, Any]:
    found = parts.get(key)
    return found if isinstance(found, dict) else {}
