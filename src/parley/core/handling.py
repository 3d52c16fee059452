"""How long people worked on a conversation, as the log has it.

An act (a reply, a note, a close) counts the time since the same agent's act before, in whatever conversation, and at
most `LONGEST`: after a longer pause nobody knows when the work began. A call counts from the answer to its end.
"""

from datetime import datetime

import msgspec

from parley.core import events as e
from parley.core.measure import DAY, SECOND, micros

LONGEST = 600  # seconds that an act counts at most
CALLS = -1  # stands for the agent where the telephone system's word for them is all there is
KINDS = (e.ReplyWritten, e.NoteWritten, e.Closed, e.CallAnswered, e.CallEnded)


class Work(msgspec.Struct):
    """One agent's work on one conversation. on_call: since when, while a call goes on."""

    conversation: int
    agent: int
    seconds: int = 0
    on_call: int | None = None


def worker(recorded: e.Recorded) -> int | None:
    """Whose work an event tells of, if anybody's."""
    if isinstance(recorded.event, e.CallAnswered | e.CallEnded):
        return CALLS
    kind, _, number = recorded.by.partition("/")
    return int(number) if kind == "agent" and number.isdigit() else None


def take(work: Work, recorded: e.Recorded, last: int | None) -> int | None:
    """Add what an event tells. last: when the agent acted before. Returns when they acted last now."""
    match recorded.event:
        case e.CallAnswered(answered=answered):
            work.on_call = micros(answered)
        case e.CallEnded(ended=ended):
            if work.on_call is not None:
                work.seconds += _between(work.on_call, ended, DAY // SECOND)
            work.on_call = None
        case _:
            at = micros(recorded.at)
            work.seconds += LONGEST if last is None else min(LONGEST, max(0, at - last) // SECOND)
            return max(at, last or at)
    return last


def _between(start: int, end: datetime, most: int) -> int:
    return min(most, max(0, micros(end) - start) // SECOND)
