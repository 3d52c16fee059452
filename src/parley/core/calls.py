"""The course of a phone call, told in whatever order its news comes, and in words."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from parley.core import events as e

CAUSES = {
    "busy": "the line was busy",
    "cancel": "they hung up",
    "noAnswer": "nobody answered",
    "congestion": "the network had no line free",
    "notFound": "the number is not known",
    "unreachable": "no connection could be made",
    "callback": "they asked to be called back",
    "voicemail": "they left a message",
}
ELSEWHERE = {"forwarded", "answeredElsewhere"}  # somebody else took it
MACHINE = "machine"  # one answered what they wanted


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a call. by: who answered, or called. cause: why it ended, in the telephone system's word."""

    message: int
    outgoing: bool = False
    line: str = ""
    queue: str = ""
    by: str = ""
    began: datetime | None = None
    answered: datetime | None = None
    ended: datetime | None = None
    cause: str = ""

    @property
    def missed(self) -> bool:
        """Whether somebody called in and nobody spoke with them."""
        return not self.outgoing and self.ended is not None and self.answered is None and not self._taken

    @property
    def _taken(self) -> bool:
        return self.cause in ELSEWHERE or self.cause == MACHINE

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to do: it was spoken, went elsewhere, or was ours."""
        return self.ended is not None and not self.missed

    @property
    def lasted(self) -> timedelta | None:
        if self.answered is None or self.ended is None:
            return None
        return max(timedelta(0), self.ended - self.answered)


def courses(history: Iterable[e.Recorded]) -> dict[int, Course]:
    """The calls of a conversation, by the message that stands for each."""
    found: dict[int, Course] = {}
    for r in history:
        match r.event:
            case e.CallBegan(message=message):
                found[message] = began(r.event)
            case e.CallAnswered(message=message) | e.CallEnded(message=message) if message in found:
                found[message] = after(found[message], r.event)
    return found


def began(event: e.CallBegan) -> Course:
    return Course(
        message=event.message,
        outgoing=event.outgoing,
        line=event.line,
        queue=event.queue,
        by=event.caller,
        began=event.began,
    )


def after(course: Course, event: e.CallAnswered | e.CallEnded) -> Course:
    if isinstance(event, e.CallAnswered):
        return msgspec.structs.replace(course, answered=event.answered, by=event.agent or course.by)
    return msgspec.structs.replace(course, ended=event.ended, cause=event.cause)


def told(course: Course) -> tuple[str, dict[str, str]]:
    """A sentence with places for its values, so that it can be translated."""
    lasted = course.lasted
    if lasted is not None:
        values = {"time": duration(lasted), "who": course.by}
        if course.outgoing:
            return ("{who} called, {time}" if course.by else "Called, {time}"), values
        return ("Call, {time}, answered by {who}" if course.by else "Call, {time}"), values
    if course.outgoing:
        return ("Called; nobody answered" if course.ended else "Calling"), {}
    if course.ended is None:
        if course.answered is None:
            return "The phone is ringing", {}
        return ("On the phone with {who}" if course.by else "On the phone"), {"who": course.by}
    if course.cause == MACHINE:
        lasted = max(timedelta(0), course.ended - (course.began or course.ended))
        return "Call, {time}, answered by the bot", {"time": duration(lasted)}
    if not course.missed:
        return "Call that was taken elsewhere", {}
    return ("Missed call: {why}" if course.cause in CAUSES else "Missed call"), {"why": CAUSES.get(course.cause, "")}


def in_words(course: Course) -> str:
    sentence, values = told(course)
    return sentence.format(**values)


def duration(time: timedelta) -> str:
    """3 min 20 s; hours where there are any."""
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes or hours else "", f"{seconds} s"]
    return " ".join(part for part in parts if part)
