"""Slack's events in words. A message is named `CHANNEL/TIME`, in a thread `CHANNEL/TIME/THREAD`."""

from datetime import UTC, datetime

from parley.channels.slack.payload import Envelope, Event, Message, plain
from parley.core.channel import (
    Address,
    Inbound,
    InboundEdit,
    InboundMessage,
    InboundReaction,
    InboundWithdrawal,
    Remote,
)

SPOKEN = {"", "file_share", "thread_broadcast", "me_message"}


def facts_of(envelope: Envelope) -> list[Inbound]:
    event = envelope.event
    if envelope.type != "event_callback" or event is None:
        return []
    if event.type == "message":
        return _message(event, envelope.team_id)
    if event.type in ("reaction_added", "reaction_removed"):
        return _reaction(event, envelope.team_id)
    return []


def place_of(answered: str | None, person: str) -> tuple[str, str]:
    """(channel, thread) for an answer: in channels the thread of what is answered, else to the person themselves."""
    where, _, rest = (answered or "").partition("/")
    first, _, thread = rest.partition("/")
    if not where or not first:
        return person.rpartition("/")[2], ""
    return where, "" if where.startswith("D") and not thread else thread or first


def _message(event: Event, team: str) -> list[Inbound]:
    if event.subtype == "message_changed" and event.message:
        return _edited(event.message, event.previous_message, event.channel, team)
    if event.subtype == "message_deleted":
        return _deleted(event, team)
    if event.subtype not in SPOKEN or event.bot_id or not event.user:
        return []
    text = _text(event.text, event)
    if not (text and event.ts):
        return []
    above = event.thread_ts if event.thread_ts != event.ts else ""
    said = InboundMessage(
        sender=_person(team, event.user),
        text=text,
        external_id=_name(event.channel, event.ts, above),
        sent_at=_time(event.ts),
        references=(_name(event.channel, above, ""),) if above else (),
        remote=tuple(
            Remote(name=file.name or "file", type=file.mimetype, ref=file.url_private, size=file.size or None)
            for file in event.files or ()
            if file.url_private
        ),
    )
    return [said]


def _edited(now: Message, before: Message | None, channel: str, team: str) -> list[Inbound]:
    """Slack tells of unfurled links as changes, too; there the words stay as they were."""
    text = _text(now.text, now)
    if now.bot_id or not (now.user and text) or (before and before.text == now.text):
        return []
    return [InboundEdit(sender=_person(team, now.user), external_id=_of(channel, now), text=text)]


def _deleted(event: Event, team: str) -> list[Inbound]:
    before = event.previous_message or Message(ts=event.deleted_ts)
    if before.bot_id or not before.user:
        return []
    return [InboundWithdrawal(sender=_person(team, before.user), external_id=_of(event.channel, before))]


def _reaction(event: Event, team: str) -> list[Inbound]:
    item = event.item
    if item is None or item.type != "message" or not event.user:
        return []
    sign = f":{event.reaction}:" if event.type == "reaction_added" else ""
    about = _name(item.channel, item.ts, "")
    return [InboundReaction(sender=_person(team, event.user), external_id=about, sign=sign)]


def _text(text: str, event: Event | Message) -> str:
    files = [f"[File: {file.name}]" if file.name else "[File]" for file in event.files or ()]
    return "\n".join([*([plain(text)] if text else []), *files])


def _of(channel: str, message: Message) -> str:
    return _name(channel, message.ts, message.thread_ts if message.thread_ts != message.ts else "")


def _name(channel: str, ts: str, thread: str) -> str:
    return "/".join(part for part in (channel, ts, thread) if part)


def _person(team: str, user: str) -> Address:
    return Address(kind="slack", value=f"{team}/{user}")


def _time(ts: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (OverflowError, ValueError, OSError):
        return None
