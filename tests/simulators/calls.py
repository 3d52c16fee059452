"""Twilio's calls: asks the desk what comes next, reads its markup, signs what it posts, keeps recordings.

A call stands still wherever the caller, an agent's phone or time decides what comes next; a story says which it is.
"""

import base64
import re
import threading
from typing import Any
from urllib.parse import urlencode, urljoin
from xml.etree import ElementTree

import httpx

from parley.channels.twilio import joined, signature
from parley.demo.simulators.server import Asked, Platform, Said, as_json

ACCOUNT, TOKEN, NUMBER = "AC800", "auth token of the calls", "+447946000800"


class CallService(Platform):
    """hook: the desk's address for incoming calls, once it is known. recordings: bytes by id."""

    def __init__(self) -> None:
        super().__init__()
        self.hook = ""
        self.calls: dict[str, SimulatedCall] = {}
        self.recordings: dict[str, bytes] = {}
        self.queue: list[SimulatedCall] = []

    def rings(self, sender: str) -> "SimulatedCall":
        """Somebody calls the number."""
        call = SimulatedCall(self, f"CA{len(self.calls) + 1:032}", sender)
        self.calls[call.sid] = call
        call.ask(self.hook)
        return call

    def answer(self, asked: Asked) -> Said:
        login = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {login}":
            return as_json({"code": 20003, "message": "Authenticate"}, 401)
        if found := re.search(r"/Recordings/(\w+)\.wav$", asked.path):
            return Said(200, self.recordings[found[1]], {"content-type": "audio/x-wav"})
        if found := re.search(r"/Calls/(\w+)\.json$", asked.path):
            return self._change(found[1], asked.form)
        return as_json({"code": 20404, "message": "Not found"}, 404)

    def _change(self, sid: str, form: dict[str, str]) -> Said:
        call = self.calls.get(sid)
        if call is None:
            return as_json({"code": 20404, "message": "Not found"}, 404)
        if call.over:
            return as_json({"code": 21220, "message": "Call is not in-progress"}, 400)
        threading.Thread(target=call.told, args=(form["Twiml"].encode(),)).start()
        return as_json({"sid": sid, "status": "in-progress"})

    def post(self, url: str, form: dict[str, str]) -> httpx.Response:
        body = urlencode(form).encode()
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-twilio-signature": signature(TOKEN, url + joined(body)),
        }
        return httpx.post(url, content=body, headers=headers, timeout=30)


class SimulatedCall:
    """heard: what was said to the caller. at: the verb at which it stands still; "" when it is over."""

    def __init__(self, service: CallService, sid: str, sender: str) -> None:
        self.service, self.sid, self.sender = service, sid, sender
        self.heard: list[str] = []
        self.at, self.over = "", False
        self._verbs: list[ElementTree.Element] = []
        self._element: ElementTree.Element | None = None
        self._line: ElementTree.Element | None = None
        self._base = ""
        self._lock = threading.RLock()

    # what a caller does ─────────────────────────────────────────────────────────────────────

    def says(self, text: str) -> None:
        self._gathered({"SpeechResult": text, "Confidence": "0.92"})

    def presses(self, digits: str) -> None:
        self._gathered({"Digits": digits})

    def waits(self) -> None:
        """Until the prompt, the pause or the phone's ringing ends by itself."""
        with self._lock:
            if self.at == "Dial":
                return self.ask(self._standing("Dial").attrib["action"], DialCallStatus="no-answer", DialCallSid="CA9")
            self._go_on()

    def leaves_message(self, sound: bytes) -> None:
        with self._lock:
            record = self._standing("Record")
            self._recorded(sound, record.attrib["recordingStatusCallback"])
            self.ask(record.attrib["action"], RecordingDuration="7", Digits="#")

    def hangs_up(self, status: str = "completed") -> None:
        with self._lock:
            if self.over:
                return
            self.over, self.at = True, ""
            if self in self.service.queue:
                self.service.queue.remove(self)
            self.service.post(f"{self.service.hook}/status", self._form(CallStatus=status))

    def agent_picks_up(self, recorded: bytes = b"") -> str:
        """The phone that rings; then both hang up with `hangs_up`."""
        with self._lock:
            dial = self._standing("Dial")
            number = dial[0]
            child = {"CallSid": f"{self.sid[:-1]}9", "ParentCallSid": self.sid, "CallStatus": "in-progress"}
            self._post(number.attrib["statusCallback"], {**child, "From": NUMBER, "To": number.text or ""})
            if recorded and "recordingStatusCallback" in dial.attrib:
                self._recorded(recorded, dial.attrib["recordingStatusCallback"])
            return number.text or ""

    def agent_hangs_up(self) -> None:
        """The caller is still there."""
        with self._lock:
            self.ask(self._standing("Dial").attrib["action"], DialCallStatus="completed", DialCallSid="CA9")

    def told(self, twiml: bytes) -> None:
        """Other instructions, from the interface."""
        with self._lock:
            if not self.over:
                self._leave_line()
                self._follow(twiml)

    # following the markup ───────────────────────────────────────────────────────────────────

    def ask(self, url: str, **more: str) -> None:
        with self._lock:
            self._base = urljoin(self._base, url)
            answer = self._post(self._base, self._form(**more))
            assert answer.status_code == 200, answer.text
            self._follow(answer.content)

    def _follow(self, twiml: bytes) -> None:
        self._verbs = list(ElementTree.fromstring(twiml))
        self._go_on()

    def _go_on(self) -> None:
        self.at = ""
        while self._verbs and not self.over:
            verb = self._verbs.pop(0)
            self._element = verb
            match verb.tag:
                case "Say":
                    self.heard.append(verb.text or "")
                case "Gather":
                    self.heard += [inside.text or "" for inside in verb if inside.tag == "Say"]
                    self.at = "Gather"
                    return
                case "Redirect":
                    return self.ask(verb.text or "", **self._place())
                case "Enqueue":
                    self._line = verb
                    self.service.queue.append(self)
                    return self.ask(verb.attrib["waitUrl"], **self._place())
                case "Leave":
                    return self._left()
                case "Hangup":
                    return self.hangs_up()
                case "Pause" | "Dial" | "Record":
                    self.at = verb.tag
                    return
        if not self._verbs and not self.at and self._line is None:
            self.hangs_up()

    def _left(self) -> None:
        line = self._leave_line()
        assert line is not None
        self.ask(line.attrib["action"], QueueResult="leave", QueueTime="20")

    def _leave_line(self) -> Any:
        line, self._line = self._line, None
        if self in self.service.queue:
            self.service.queue.remove(self)
        return line

    def _place(self) -> dict[str, str]:
        if self not in self.service.queue:
            return {}
        return {"QueuePosition": str(self.service.queue.index(self) + 1), "QueueTime": "20"}

    def _gathered(self, found: dict[str, str]) -> None:
        with self._lock:
            self.ask(self._standing("Gather").attrib["action"], **found, **self._place())

    def _standing(self, verb: str) -> ElementTree.Element:
        """The verb at which the call stands still, which must be this one."""
        assert self.at == verb, f"at {self.at or 'nothing'}, after {self.heard[-3:]}"
        assert self._element is not None
        return self._element

    def _recorded(self, sound: bytes, told: str) -> None:
        name = f"RE{len(self.service.recordings) + 1:032}"
        self.service.recordings[name] = sound
        url = f"{self.service.url}/2010-04-01/Accounts/{ACCOUNT}/Recordings/{name}"
        news = {"CallSid": self.sid, "RecordingSid": name, "RecordingUrl": url, "RecordingStatus": "completed"}
        self._post(told, news)

    def _post(self, url: str, form: dict[str, str]) -> httpx.Response:
        return self.service.post(url, form)

    def _form(self, **more: str) -> dict[str, str]:
        usual = {"CallSid": self.sid, "AccountSid": ACCOUNT, "From": self.sender, "To": NUMBER}
        return {**usual, "Direction": "inbound", "CallStatus": "in-progress", **more}
