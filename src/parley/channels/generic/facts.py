"""What a system posted, as facts."""

from datetime import UTC, datetime

import msgspec

from parley.channels.generic.payload import Change, Event, File, Message, Receipt, Writer
from parley.core.channel import (
    Address,
    Attached,
    Inbound,
    InboundEdit,
    InboundMessage,
    InboundReaction,
    InboundReceipt,
    InboundWithdrawal,
    Inbox,
)
from parley.core.errors import Unreadable
from parley.core.identity import looks_like_mail

STATES = ("delivered", "read", "delayed", "failed")


def read(raw: bytes, inbox: Inbox) -> list[Inbound]:
    """The facts of a delivery; none for a type that is not ours. Raises msgspec's errors where the shape is wrong."""
    event = msgspec.json.decode(raw, type=Event)
    if event.type == "message":
        return [_message(msgspec.json.decode(event.data, type=Message), inbox)]
    if event.type == "receipt":
        return _receipt(msgspec.json.decode(event.data, type=Receipt), inbox)
    if event.type not in ("edit", "withdrawal", "reaction"):
        return []
    change = msgspec.json.decode(event.data, type=Change)
    sender, about = _sender(change.writer, inbox), name_of(change.id, inbox)
    if event.type == "edit":
        return [InboundEdit(sender=sender, external_id=about, text=change.text)]
    if event.type == "reaction":
        return [InboundReaction(sender=sender, external_id=about, sign=change.sign)]
    return [InboundWithdrawal(sender=sender, external_id=about)]


def _message(said: Message, inbox: Inbox) -> InboundMessage:
    files = tuple(_file(file) for file in said.files)
    text = said.text or "\n".join(f"[{file.name}]" for file in said.files)
    if not text:
        raise Unreadable("This message has neither words nor files.")
    return InboundMessage(
        sender=_sender(said.writer, inbox),
        text=text,
        subject=said.subject,
        external_id=name_of(said.id, inbox),
        sent_at=_time(said.sent_at),
        references=_answered(said.answers, inbox),
        known_as=_known_as(said.writer, inbox),
        page=said.page,
        automatic=said.automatic,
        files=files,
    )


def _sender(writer: Writer, inbox: Inbox) -> Address:
    """Two systems may number their people alike, so the inbox belongs to the name."""
    if not str(writer.id).strip():
        raise Unreadable("This does not say who wrote it.")
    return Address(kind="system", value=f"{inbox.id}/{writer.id}", name=writer.name, proved="signed by the system")


def _known_as(writer: Writer, inbox: Inbox) -> tuple[Address, ...]:
    """Only what the system has checked joins people; else anybody could enter somebody else's address there."""
    if not inbox.settings.vouches:
        return ()
    proof, found = "vouched for by the system", []
    if looks_like_mail(writer.mail):
        found.append(Address(kind="mail", value=writer.mail, name=writer.name, proved=proof))
    if writer.phone.startswith("+") and writer.phone[1:].isdigit():
        found.append(Address(kind="phone", value=writer.phone, name=writer.name, proved=proof))
    return tuple(found)


def name_of(id: str | int, inbox: Inbox) -> str:
    """What we call a message that the system names: another inbox's system may use the same id."""
    return f"system/{inbox.id}/{id}"


def _answered(name: str | int | None, inbox: Inbox) -> tuple[str, ...]:
    """Ours goes by the name that we gave it, theirs by the one they did."""
    if not name:
        return ()
    return (str(name) if str(name).startswith("<") else name_of(name, inbox),)


def _receipt(news: Receipt, inbox: Inbox) -> list[Inbound]:
    if news.state not in STATES:
        return []
    ours = str(news.id)
    return [
        InboundReceipt(
            state=news.state,
            external_id=ours if ours.startswith("<") else None,
            provider_id=None if ours.startswith("<") else name_of(news.id, inbox),
            reason=news.reason,
            permanent=news.permanent,
        )
    ]


def _file(file: File) -> Attached:
    data = file.text.encode() if file.text is not None else file.base64
    return Attached(name=file.name, type=file.type, data=data)


def _time(told: str | None) -> datetime | None:
    """RFC 3339; a time without a zone is UTC."""
    try:
        when = datetime.fromisoformat(told) if told else None
    except ValueError:
        return None
    return when.replace(tzinfo=UTC) if when and when.tzinfo is None else when.astimezone(UTC) if when else None
