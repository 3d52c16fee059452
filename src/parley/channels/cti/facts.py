"""An event of a call, with the customer's number in its normal form."""

import re
from datetime import datetime
from typing import Any

from parley.channels.cti.payload import Told
from parley.core.channel import Address, InboundCall

STATES = {"newCall": "rang", "answer": "answered", "hangup": "ended"}


def call_of(told: Told, at: datetime, inbox: int, ours: Any) -> InboundCall | None:
    """None for an event that the interface does not know. Who is the customer depends on who called."""
    state = STATES.get(told.event)
    if state is None:
        return None
    theirs, line = (told.called, told.caller) if told.direction == "out" else (told.caller, told.called)
    return InboundCall(
        sender=_customer(theirs, told.call_id, ours.country_code),
        external_id=f"call/{inbox}/{told.call_id}",
        state=state,
        outgoing=told.direction == "out",
        at=at,
        line=line,
        queue=told.queue,
        by=", ".join(told.users) or told.answered_by,
        cause=told.cause,
    )


def _customer(number: str, call: str, country: str) -> Address:
    """Whoever hides their number is somebody else at every call."""
    known = normal_number(number, country)
    if known:
        return Address(kind="phone", value=known)
    return Address(kind="phone", value=f"hidden/{call}", name="Hidden number")


def normal_number(number: str, country: str) -> str:
    """E.164 with its +; short numbers of the house stay as they are. Empty for none, such as "anonymous"."""
    bare = re.sub(r"[^\d+]", "", number)
    if not re.search(r"\d", bare):
        return ""
    if bare.startswith("+"):
        return bare
    if bare.startswith("00"):
        return f"+{bare[2:]}"
    if bare.startswith("0"):
        return f"+{country}{bare[1:]}" if country else bare
    return f"+{bare}" if len(bare) >= 10 else bare
