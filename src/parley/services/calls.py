"""Phone calls: what a telephone system tells of one becomes facts of one message, each once, in any order."""

from collections.abc import Sequence

from sqlalchemy import Connection

from parley.core import calls
from parley.core import conversation as talk
from parley.core import events as e
from parley.core.calls import Course
from parley.core.channel import InboundCall
from parley.core.conversation import State
from parley.log import record as log
from parley.log.record import Tx


def course_of(tx: Tx, number: int, message: int) -> Course | None:
    """What is known of the call that this message stands for."""
    tx.flush()
    return calls.courses(log.stream(tx.conn, e.conversation(number))).get(message)


def is_call(history: Sequence[e.Recorded], message: int) -> bool:
    return any(isinstance(r.event, e.CallBegan) and r.event.message == message for r in history)


def began(message: int, inbox: int, call: InboundCall) -> e.CallBegan:
    return e.CallBegan(
        message=message,
        inbox=inbox,
        external_id=call.external_id,
        outgoing=call.outgoing,
        line=call.line,
        queue=call.queue,
        caller=call.by if call.outgoing else "",
        began=call.at,
        preview=calls.in_words(Course(message=message, outgoing=call.outgoing)),
    )


def news(course: Course, call: InboundCall) -> list[e.Event]:
    """What this news adds to what is known; nothing when it was told before."""
    if call.state == "answered" and course.answered is None:
        later = calls.after(course, e.CallAnswered(message=course.message, answered=call.at, agent=call.by))
        fact: e.Event = e.CallAnswered(
            message=course.message,
            answered=call.at,
            agent=call.by,
            preview=calls.in_words(later),
            outgoing=course.outgoing,
        )
        return [fact]
    if call.state == "ended" and course.ended is None:
        ended = e.CallEnded(message=course.message, ended=call.at, cause=call.cause)
        return [
            e.CallEnded(
                message=course.message,
                ended=call.at,
                cause=call.cause,
                preview=calls.in_words(calls.after(course, ended)),
            )
        ]
    return []


def for_people(state: State, course: Course) -> list[e.Event]:
    """Whoever waits on the phone, or was missed, is work for people, whatever became of the matter meanwhile."""
    wish = "Wait on the phone" if course.ended is None else calls.in_words(course)
    handed = talk.hand_off(state, e.HandoffAsked(reason="called", wish=wish))
    return [e.Reopened(reason="message"), *handed] if state.status == talk.CLOSED else handed


def files_of(tx: Tx, number: int, message: int) -> int:
    """How many files of a call are known, fetched or not."""
    tx.flush()
    told = (r.event for r in log.stream(tx.conn, e.conversation(number)))
    return sum(len(event.files) for event in told if isinstance(event, e.FilesAwaited) and event.message == message)


def answered_by_machine(conn: Connection, number: int, message: int) -> bool:
    """Whether a machine answered something that was said in this call."""
    began = False
    for r in log.stream(conn, e.conversation(number)):
        began = began or (isinstance(r.event, e.CallBegan) and r.event.message == message)
        if began and isinstance(r.event, e.ReplyWritten) and r.event.automatic:
            return True
    return False


def settled(state: State, course: Course) -> list[e.Event]:
    """A matter that holds nothing but a call that was spoken needs nobody any more."""
    alone = state.messages == (0 if course.outgoing else 1)
    return [e.Closed()] if course.is_over and alone and state.status == talk.OPEN else []
