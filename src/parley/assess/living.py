"""The desk's own log as cases: what `parley assess --live` reads. Nothing is written."""

from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection, select

from parley.assess.gathering import Gathered
from parley.assess.letters import MOST_TEXT, Progress
from parley.core import events as e
from parley.core.cases import Case, Turn
from parley.log import record as log
from parley.log.record import Record, words_of
from parley.services import setup
from parley.services.people import people

AT_ONCE = 1000
KINDS = (
    e.ConversationOpened,
    e.MessageReceived,
    e.ReplyWritten,
    e.Closed,
    e.Reopened,
    e.Tagged,
    e.SurveyAnswered,
)


class Matter(msgspec.Struct, kw_only=True):
    """A conversation while its events are read."""

    person: str
    channel: str
    subject: str
    turns: list[Turn]
    closed: float | None = None
    tags: list[str]
    score: int | None = None


def read_desk(record: Record, told: Progress) -> Gathered:
    """Conversations that customers began; what the bot wrote counts as a machine's answer, not a person's."""
    found: dict[int, Matter] = {}
    messages, machines = 0, 0
    for some, words in _pages(record, told):
        for one in some:
            messages += isinstance(one.event, (e.MessageReceived, e.ReplyWritten))
            machines += isinstance(one.event, e.MessageReceived) and one.event.automatic is not None
            _take(found, one, words)
    cases = [_case(number, matter) for number, matter in found.items() if matter.turns and not matter.turns[0].ours]
    return Gathered(
        cases=tuple(sorted(cases, key=lambda case: case.began)), messages=messages, source="this desk",
        skipped={"written by a machine": machines} if machines else {}, names=tuple(record.ask(_names)),
    )  # fmt: skip


def _pages(record: Record, told: Progress) -> Iterator[tuple[list[e.Recorded], dict[int, e.Words]]]:
    """Events in order, each page with the words of its messages."""
    place, top = 0, record.ask(log.head)
    while some := record.ask(log.read, place, AT_ONCE, KINDS, top):
        spoken = [r.event.message for r in some if isinstance(r.event, (e.MessageReceived, e.ReplyWritten))]
        yield some, record.ask(words_of, spoken)
        place = some[-1].seq
        told("Reading the log", place, top)


def _take(found: dict[int, Matter], one: e.Recorded, words: dict[int, e.Words]) -> None:
    event, at = one.event, one.at.timestamp()
    if isinstance(event, e.ConversationOpened):
        found[one.subject_id] = Matter(
            person=str(event.person), channel=event.channel, subject=event.subject, turns=[], tags=[]
        )
        return
    matter = found.get(one.subject_id) if one.stream.startswith("conversation/") else None
    if matter is None:
        return
    if isinstance(event, e.MessageReceived) and not event.automatic:
        matter.turns.append(Turn(at=at, ours=False, who=matter.person, text=_said(words.get(event.message))))
    elif isinstance(event, e.ReplyWritten) and event.purpose == "reply":
        machine = event.automatic or not one.by.startswith(("agent", "import"))
        matter.turns.append(Turn(at=at, ours=True, who=one.by, text=_said(words.get(event.message)), machine=machine))
    elif isinstance(event, (e.Closed, e.Reopened)):
        matter.closed = at if isinstance(event, e.Closed) else None
    elif isinstance(event, e.Tagged):
        matter.tags.append(event.tag)
    elif isinstance(event, e.SurveyAnswered) and event.measure == "csat":
        matter.score = event.score


def _said(words: e.Words | None) -> str:
    return words.text[: words.fold][:MOST_TEXT].strip() if words else ""


def _case(number: int, matter: Matter) -> Case:
    return Case(
        number=number, person=matter.person, channel=matter.channel, subject=matter.subject, closed=matter.closed,
        turns=tuple(sorted(matter.turns, key=lambda turn: turn.at)), states=True, tags=tuple(matter.tags),
        score=matter.score,
    )  # fmt: skip


def _names(conn: Connection) -> list[str]:
    told = list(conn.execute(select(people.c.name)).scalars())
    return [*told, *(agent.name for agent in setup.all_agents(conn).values())]
