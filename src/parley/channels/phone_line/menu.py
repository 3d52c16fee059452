"""What a caller hears next: each step is a question of Twilio's and a document in answer. Pure; the path is the step.

The way: a greeting, a department, then the bot (what it answers is read out by `sending.py`), then the line, in which
one may choose to be called back or to leave a message.
"""

from collections.abc import Callable, Mapping
from xml.sax.saxutils import escape

from parley.channels.phone_line.settings import department, place
from parley.channels.phone_line.twiml import document, redirect, said, verb
from parley.channels.phone_line.words import sentence
from parley.core.channel import Inbox
from parley.core.webhook import Call, Line

LONGEST_MESSAGE = 180  # seconds
SCORES = "12345"
HEARD = {"leave", "queue-full", "error", "system-error"}  # why somebody left the line and is still there


def score(digits: str) -> int:
    """A rating from 1 to 5; 0 for what is none."""
    return int(digits) if len(digits) == 1 and digits in SCORES else 0


class Caller:
    """One question of Twilio's, and what is said to whoever is on the phone."""

    def __init__(self, inbox: Inbox, request: Call, form: Mapping[str, str]) -> None:
        self.inbox, self.ours, self.form = inbox, inbox.settings, form
        self.query: Mapping[str, str] = request.query
        self.line: Line = request.line
        self.chosen = request.query.get("line", "0")
        self.digits = form.get("Digits", "")

    def next(self, step: str) -> bytes:
        steps: Mapping[str, Callable[[], str]] = {
            "": self.welcome,
            "chosen": self.ask,
            "said": self.understood,
            "silent": self.silent,
            "queue": self.queue,
            "wait": self.wait,
            "pressed": lambda: verb("Leave"),
            "left": self.left,
            "instead": self.instead,
            "goodbye": lambda: self.say("thanks") + verb("Hangup"),
            "dialled": self.dialled,
            "rated": lambda: (self.say("rated") if score(self.digits) else "") + verb("Hangup"),
        }
        return document(steps[step]()) if step in steps else document()

    # the beginning ──────────────────────────────────────────────────────────────────────────

    def welcome(self) -> str:
        greeting = self.ours.greeting or sentence("welcome", self.ours.language, name=self.inbox.name)
        notice = sentence("recorded", self.ours.language) if self.ours.record else ""
        hello = self.aloud(f"{greeting} {notice}".strip())
        if not self.ours.departments:
            return hello + self.ask()
        listed = " ".join(
            sentence("department", self.ours.language, department=name, digit=digit)
            for digit, name in enumerate(self.ours.departments[:9], 1)
        )
        return hello + self.gather(self.aloud(listed), "chosen", timeout=4) + redirect(self.at("chosen"))

    def ask(self, words: str = "ask", turn: int = 1) -> str:
        """Where a bot answers, it asks what they need; elsewhere they go into the line."""
        if department(self.ours, self.digits):
            self.chosen = self.digits
        if not self.inbox.with_bot:
            return redirect(self.at("queue"))
        return self.listening(self.say(words), turn)

    def listening(self, words: str, turn: int, answered: int = 0) -> str:
        heard = self.gather(words, "said", kinds="speech dtmf", turn=turn, timeout=5)
        return heard + redirect(self.at("silent", turn=turn, answered=answered))

    def understood(self) -> str:
        """The bot's answer interrupts this. If none comes, people take over."""
        if self.digits or not self.form.get("SpeechResult"):
            return redirect(self.at("queue"))
        pause = verb("Pause", attributes={"length": 8})
        return pause + self.say("moment") + pause + redirect(self.at("queue"))

    def silent(self) -> str:
        """Asked once more; then whoever had an answer has said goodbye, and another is given to people."""
        answered, turn = self.query.get("answered", "0") != "0", int(self.query.get("turn", "1"))
        if self.query.get("asked") is None:
            words = self.say("more" if answered else "again")
            asked = self.gather(words, "said", kinds="speech dtmf", turn=turn, timeout=5)
            return asked + redirect(self.at("silent", turn=turn, answered=int(answered), asked=1))
        return self.say("goodbye") + verb("Hangup") if answered else redirect(self.at("queue"))

    # the line ───────────────────────────────────────────────────────────────────────────────

    def queue(self) -> str:
        if not self.line.people:
            return self.choices(self.say("nobody"))
        waits = {"waitUrl": self.at("wait", n=0), "action": self.at("left")}
        return verb("Enqueue", f"inbox-{self.inbox.id}-{self.chosen}", waits)

    def wait(self) -> str:
        """Their place and how long it will take, again and again until it is their turn."""
        told = self.form.get("QueuePosition", "1")
        position = int(told) if told.isdecimal() else 1
        words = [sentence("position", self.ours.language, position=position)]
        seconds = self.line.wait(position)
        if seconds is not None:
            minutes = max(1, round(seconds / 60))
            words.append(sentence("minute" if minutes == 1 else "minutes", self.ours.language, minutes=minutes))
        words.append(sentence("options", self.ours.language))
        music = verb("Play", escape(self.ours.music)) if self.ours.music else ""
        n = int(self.query.get("n", "0"))
        heard = self.gather(self.aloud(" ".join(words)) + music, "pressed", timeout=1 if music else 20)
        return heard + redirect(self.at("wait", n=n + 1))

    def left(self) -> str:
        return self.choices() if self.form.get("QueueResult") in HEARD else ""

    def choices(self, before: str = "") -> str:
        stays = self.say("stay") if self.line.people else ""
        after = redirect(self.at("queue")) if self.line.people else self.voicemail()
        return before + self.gather(self.say("instead") + stays, "instead", timeout=6) + after

    def instead(self) -> str:
        if self.digits == "1" and not self.form.get("From", "").startswith("+"):
            return self.say("hidden") + self.voicemail()
        if self.digits == "1":
            return self.say("callback") + verb("Hangup")
        return self.voicemail() if self.digits == "2" else redirect(self.at("queue"))

    def voicemail(self) -> str:
        told = self.at("recorded", what="message", caller=self.form.get("From", ""))
        attributes: dict[str, str | int] = {
            "action": self.at("goodbye"), "maxLength": LONGEST_MESSAGE, "finishOnKey": "#", "playBeep": "true",
            "recordingStatusCallback": told,
        }  # fmt: skip
        return self.say("voicemail") + verb("Record", attributes=attributes) + self.say("thanks") + verb("Hangup")

    def dialled(self) -> str:
        """They spoke, and whoever is still there may be asked how it was; or nobody picked up, and they wait on."""
        if self.form.get("DialCallStatus") in ("completed", "answered"):
            asked = self.gather(self.say("rate"), "rated", timeout=8) if self.line.rates else ""
            return asked + verb("Hangup")
        return self.say("missed") + redirect(self.at("queue", again=self.form.get("DialCallSid", "1")))

    # small things ───────────────────────────────────────────────────────────────────────────

    def at(self, step: str, **values: str | int) -> str:
        return place(self.inbox, step, line=self.chosen, **values)

    def say(self, name: str) -> str:
        return self.aloud(sentence(name, self.ours.language))

    def aloud(self, text: str) -> str:
        return said(text, self.ours.language, self.ours.voice)

    def gather(self, inside: str, step: str, *, kinds: str = "dtmf", timeout: int, **values: str | int) -> str:
        attributes: dict[str, str | int] = {"input": kinds, "action": self.at(step, **values), "timeout": timeout}
        attributes |= {"numDigits": 1}
        if "speech" in kinds:
            attributes |= {"speechTimeout": "auto", "language": self.ours.language}
        return verb("Gather", inside, attributes)
