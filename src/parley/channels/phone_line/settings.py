"""What a phone line has to know."""

from urllib.parse import urlencode

import msgspec

from parley.channels.calling import secret
from parley.core.channel import Inbox


class PhoneLineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Enter the address of this inbox at the number in Twilio's console; with /status behind it for status changes.

    number: the number that customers call, with its +.
    account: Twilio's account SID.
    token: Twilio's auth token; may be `env:NAME`.
    desk: where Twilio reaches this desk, such as https://desk.example.com; may be `env:NAME`.
    phones: on which phone each agent takes calls, one a line: `ana@example.com = +4930…`, or a SIP address.
    greeting: what callers hear first, in place of a welcome.
    departments: what callers choose from with the keys 1 to 9; left out, nothing is chosen.
    language: of what is said and heard, such as en-GB.
    voice: one of Twilio's voices; empty for the usual one.
    music: address of what is played to those who wait.
    record: calls are recorded, and callers are told so first. Messages left are recorded anyway.
    api: address of Twilio's interface; empty for its own.
    """

    number: str = ""
    account: str = ""
    token: str = ""
    desk: str = "env:PARLEY_PUBLIC_URL"
    phones: list[str] = []
    greeting: str = ""
    departments: list[str] = []
    language: str = "en-GB"
    voice: str = ""
    music: str = ""
    record: bool = False
    api: str = ""


NEEDED = {
    "number": "It has no number. Enter the one that customers call.",
    "account": "It has no account. Enter Twilio's account SID.",
    "token": "It has no token, so every call is refused. Copy it from Twilio's console.",
    "desk": "It does not know where this desk is reached, so the bot cannot speak. Enter `desk`.",
    "phones": "It knows no phone of an agent, so nobody can take a call. Enter `phones`.",
}


def phone_of(ours: PhoneLineSettings, mail: str) -> str:
    """The phone of the agent with this address; empty for none."""
    for line in ours.phones:
        who, _, phone = line.partition("=")
        if who.strip().lower() == mail.strip().lower():
            return phone.strip()
    return ""


def department(ours: PhoneLineSettings, chosen: str) -> str:
    """The name behind a key; empty for none."""
    place = int(chosen) if chosen.isdecimal() and len(chosen) == 1 else 0
    return ours.departments[place - 1] if 0 < place <= len(ours.departments) else ""


def place(inbox: Inbox, step: str, **values: str | int) -> str:
    """Where Twilio asks what comes next."""
    query = f"?{urlencode(values)}" if values else ""
    return f"{secret(inbox.settings.desk).rstrip('/')}/hooks/{inbox.id}/{step}{query}"
