"""The shape of what Meta posts for WhatsApp (developers.facebook.com, Cloud API, webhooks), and batches taken apart."""

from typing import Any

import msgspec

from parley.core.webhook import Posted, whole

Raw = dict[str, Any]


class Loose(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that are not named here are passed over: Meta adds some every quarter."""


class Profile(Loose, frozen=True):
    name: str = ""


class Contact(Loose, frozen=True):
    """Who wrote. `user_id` stands in for the number of people who keep theirs to themselves."""

    wa_id: str = ""
    user_id: str = ""
    profile: Profile = Profile()


class Context(Loose, frozen=True):
    id: str | None = None


class Message(Loose, frozen=True):
    """`parts` is the whole message as it came; what lies below its `type` is read by words.py."""

    id: str
    type: str
    sender: str
    sender_user: str
    timestamp: str
    context: Context
    parts: Raw


class Error(Loose, frozen=True):
    code: int = 0
    title: str = ""
    error_data: Raw = {}


class Status(Loose, frozen=True):
    id: str
    status: str
    recipient_id: str = ""
    type: str = ""
    errors: list[Error] = []


class Value(Loose, frozen=True):
    contacts: list[Contact] = []
    messages: list[Raw] = []
    statuses: list[Status] = []


class Change(Loose, frozen=True):
    """`value` is decoded where `field` is messages, and empty elsewhere: there it has other shapes."""

    field: str
    value: "Heard"


class Heard(Loose, frozen=True):
    contacts: list[Contact] = []
    messages: list[Message] = []
    statuses: list[Status] = []


class Entry(Loose, frozen=True):
    changes: list[Change] = []


class Body(Loose, frozen=True):
    entry: list[Entry] = []


class OpenChange(Loose, frozen=True):
    field: str
    value: Any = None


class OpenEntry(Loose, frozen=True):
    id: str | int = ""
    changes: list[OpenChange] = []


class OpenBody(Loose, frozen=True):
    object: str
    entry: list[OpenEntry]


def body_of(raw: bytes) -> Body:
    """Everything of a delivery. Raises msgspec's errors where the shape is wrong."""
    read = msgspec.json.decode(raw, type=OpenBody)
    return Body(entry=[Entry(changes=[_change(change) for change in entry.changes]) for entry in read.entry])


def one_by_one(raw: bytes) -> list[Posted]:
    """Each message and each state of a batch on its own; a change without either stays in one piece."""
    read = msgspec.json.decode(raw, type=OpenBody)
    found: list[Posted] = []
    for entry in read.entry:
        for change in entry.changes:
            found += _parts(read.object, entry.id, change)
    return found or [whole(raw)]


def _parts(kind: str, entry: str | int, change: OpenChange) -> list[Posted]:
    value = change.value if isinstance(change.value, dict) else {}
    found = []
    for name in ("messages", "statuses"):
        things = value.get(name)
        for thing in things if isinstance(things, list) else ():
            alone = {k: v for k, v in value.items() if k not in ("messages", "statuses")} | {name: [thing]}
            found.append(_posted(kind, entry, change.field, alone, thing))
    return found or [_posted(kind, entry, change.field, change.value, None)]


def _posted(kind: str, entry: str | int, field: str, value: Any, thing: Any) -> Posted:
    raw = msgspec.json.encode({"object": kind, "entry": [{"id": entry, "changes": [{"field": field, "value": value}]}]})
    named = str(thing.get("id", "")) if isinstance(thing, dict) else ""
    if not named:
        return whole(raw)
    state, who = thing.get("status", ""), thing.get("recipient_participant_id", "")
    return Posted(provider_id="/".join(str(part) for part in (named, state, who) if part), raw=raw)


def _change(change: OpenChange) -> Change:
    if change.field != "messages":
        return Change(field=change.field, value=Heard())
    value = msgspec.convert(change.value, Value)
    messages = [_message(raw) for raw in value.messages]
    return Change(field="messages", value=Heard(contacts=value.contacts, messages=messages, statuses=value.statuses))


def _message(raw: Raw) -> Message:
    return Message(
        id=msgspec.convert(raw.get("id"), str),
        type=msgspec.convert(raw.get("type", "unknown"), str),
        sender=msgspec.convert(raw.get("from", ""), str),
        sender_user=msgspec.convert(raw.get("from_user_id", ""), str),
        timestamp=str(raw.get("timestamp", "")),
        context=msgspec.convert(raw.get("context") or {}, Context),
        parts=raw,
    )
