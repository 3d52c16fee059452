"""A step of a call as a fact: what is kept is the form that Twilio posted, with the step and its query before it."""

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from parley.channels.phone_line.menu import score
from parley.channels.phone_line.settings import department
from parley.core.channel import Address, Inbound, InboundCall, InboundMessage, InboundRating, Inbox, Remote
from parley.core.errors import Unreadable
from parley.core.webhook import Line

CAUSES = {"completed": "cancel", "canceled": "cancel", "busy": "busy", "no-answer": "noAnswer", "failed": "congestion"}
MESSAGE, RECORDING = "Voice message.wav", "Recording.wav"


def kept_as(step: str, query: Mapping[str, str], body: bytes) -> bytes:
    before = {"Step": step or "rang", **{f"Q-{name}": value for name, value in query.items()}}
    return urlencode(before).encode() + b"&" + body


def name_of(step: str, query: Mapping[str, str], form: Mapping[str, str], line: Line, with_bot: bool) -> str:
    """How a step is known when it comes again; empty for one that says nothing new of the call."""
    call = form.get("CallSid", "")
    match step:
        case "":
            return f"{call}/rang"
        case "said":
            return f"{call}/said/{query.get('turn', '1')}" if form.get("SpeechResult") and with_bot else ""
        case "queue":
            return f"{call}/waits/{query.get('again', '')}" if line.people else ""
        case "picked":
            return f"{form.get('ParentCallSid') or call}/answered"
        case "recorded":
            done = form.get("RecordingStatus", "completed") == "completed"
            return f"{call}/recording/{form.get('RecordingSid', '')}" if done else ""
        case "instead":
            calls_back = form.get("Digits") == "1" and form.get("From", "").startswith("+")
            return f"{call}/callback" if calls_back else ""
        case "rated":
            return f"{call}/rated" if score(form.get("Digits", "")) else ""
        case "goodbye":
            return f"{call}/voicemail" if form.get("RecordingDuration", "1") != "0" else ""
        case "status":
            return f"{call}/ended" if form.get("CallStatus") in CAUSES else ""
    return ""


def facts_of(raw: bytes, at: datetime, inbox: Inbox) -> list[Inbound]:
    form = dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))
    step, call = form.get("Step", ""), form.get("ParentCallSid") or form.get("CallSid") or ""
    if not re.fullmatch(r"[A-Za-z0-9]{1,40}", call):
        raise Unreadable("Twilio's id of the call is missing.")
    if step == "said":
        return [_spoken(form, call)]
    if step == "rated":
        who = _customer(form.get("From", ""), call)
        return [InboundRating(sender=who, score=score(form.get("Digits", "")), call=call)]
    told = _told(step, form)
    if told is None:
        return []
    state, more = told
    outgoing = form.get("Direction", "inbound").startswith("outbound") and step in ("rang", "status")
    theirs = "" if step in ("picked", "recorded") else form.get("To" if outgoing else "From", "")
    number = form.get("Q-caller") or theirs
    fact = InboundCall(
        sender=_customer(number, call),
        external_id=call,
        state=state,
        at=_moment(form.get("At")) or at,
        outgoing=outgoing,
        line=inbox.settings.number,
        queue=department(inbox.settings, form.get("Q-line", "0")),
        machine=step == "rang" and inbox.with_bot,
        by=more if state == "answered" else "",
        cause=more if state == "ended" else "",
        remote=_recording(form) if state == "recorded" else (),
    )
    return [fact]


def _told(step: str, form: Mapping[str, str]) -> tuple[str, str] | None:
    """(state, who answered or why it ended)."""
    match step:
        case "rang":
            return "rang", ""
        case "queue":
            return "waits", ""
        case "picked":
            return "answered", form.get("Q-agent", "")
        case "recorded":
            return ("recorded", "") if form.get("RecordingUrl") else None
        case "instead":
            return "ended", "callback"
        case "goodbye":
            return "ended", "voicemail"
        case "status":
            return "ended", CAUSES.get(form.get("CallStatus", ""), "")
        case "told":
            return form.get("State", ""), form.get("Cause", "")
    return None


def _spoken(form: Mapping[str, str], call: str) -> InboundMessage:
    """What they said to the bot, as Twilio understood it."""
    return InboundMessage(
        sender=_customer(form.get("From", ""), call),
        text=form.get("SpeechResult", ""),
        external_id=f"{call}/{form.get('Q-turn', '1')}",
        spoken=True,
    )


def _recording(form: Mapping[str, str]) -> tuple[Remote, ...]:
    name = MESSAGE if form.get("Q-what") == "message" else RECORDING
    return (Remote(name=name, type="audio/wav", ref=f"{form['RecordingUrl']}.wav"),)


def _customer(number: str, call: str) -> Address:
    """Whoever hides their number is somebody else at every call."""
    if number.startswith("+"):
        return Address(kind="phone", value=number)
    return Address(
        kind="phone", value=number if number.startswith("hidden/") else f"hidden/{call}", name="Hidden number"
    )


def _moment(told: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(told) if told else None
    except ValueError:
        return None
