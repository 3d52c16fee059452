"""What goes out: a machine's answer is read out in the call, and an agent's phone rings (twilio.com/docs/voice/api)."""

import re
from typing import Any
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from parley.channels.calling import call, listed
from parley.channels.phone_line.menu import Caller
from parley.channels.phone_line.settings import phone_of, place
from parley.channels.phone_line.twiml import document, redirect, said, verb
from parley.channels.phone_line.words import aloud, sentence
from parley.channels.twilio import API, login
from parley.core.channel import Inbox, Outbound, Receipt
from parley.core.errors import Refused, SendFailed
from parley.core.webhook import Call

RINGS = 25  # seconds at an agent's phone


async def read_out(message: Outbound, inbox: Inbox) -> Receipt:
    """A machine's words, and then the caller's turn, or the line where people have taken over."""
    if not message.automatic or message.purpose not in ("reply", "notice"):
        raise SendFailed("Only what the bot answers is read out on the phone. Call them.", permanent=True)
    spoken = re.fullmatch(r"([A-Za-z0-9]{1,40})(?:/(\d+))?", message.in_reply_to or "")
    if spoken is None:
        raise SendFailed("They are not on the phone.", permanent=True)
    turn = int(spoken[2] or 0) + 1
    words = aloud(message.text + listed(message.choices), inbox.settings.language)
    caller = Caller(inbox, Call(method="POST", url=""), {})
    text = caller.aloud(words)
    then = redirect(caller.at("queue")) if message.handed else ""
    await _change(inbox, spoken[1], document(text, then) if then else document(caller.listening(text, turn, 1)))
    return Receipt(provider_id=f"{spoken[1]}/{turn}/answer", delivered=True)


async def put_through(inbox: Inbox, sid: str, agent: str, mail: str) -> None:
    """The caller leaves the line, and this agent's phone rings."""
    ours = inbox.settings
    phone = phone_of(ours, mail)
    if not phone:
        raise Refused("You have no phone at this inbox. Have it entered in its settings, under `phones`.")
    picked = {"statusCallback": place(inbox, "picked", agent=agent), "statusCallbackEvent": "answered"}
    to = verb("Sip" if phone.startswith("sip:") else "Number", escape(phone), picked)
    dial: dict[str, str | int] = {"action": place(inbox, "dialled"), "timeout": RINGS, "callerId": ours.number}
    if ours.record:
        told = place(inbox, "recorded", what="recording")
        dial |= {"record": "record-from-answer", "recordingStatusCallback": told}
    hello = said(sentence("connecting", ours.language), ours.language, ours.voice)
    await _change(inbox, sid, document(hello, verb("Dial", to, dial)))


async def _change(inbox: Inbox, sid: str, twiml: bytes) -> None:
    """Give a call that is going on other instructions. Raises SendFailed where it is over."""
    ours = inbox.settings
    url = f"{ours.api or API}/2010-04-01/Accounts/{quote(ours.account, safe='')}/Calls/{sid}.json"
    form = urlencode({"Twiml": twiml}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded", **login(ours)}
    status, answer = await call("POST", url, form, headers)
    if status == 404 or (status == 400 and _code(answer) == 21220):
        raise SendFailed("The call is over.", permanent=True)
    if status >= 400:
        raise SendFailed(f"Twilio refused ({_code(answer) or status}).", permanent=True)


def _code(answer: Any) -> int:
    return int(answer.get("code") or 0) if isinstance(answer, dict) else 0
