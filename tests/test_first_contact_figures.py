"""Solved at first contact, passed on, truly solved by the bot: from the log, with known answers."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from harness.desk import START, StoryDesk
from parley.core import events as e
from parley.core.channel import Address
from parley.log.readers import catch_up
from parley.log.record import Tx
from parley.services import figures, people
from parley.services.figures import Number
from parley.services.inbox import SYSTEM
from parley.services.numbers import Choice

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
BEGAN = START - 20 * DAY


def number(desk: StoryDesk, key: str) -> Number:
    return desk.record.ask(figures.report, SYSTEM, Choice(), desk.clock.now).number(key)


def counted(desk: StoryDesk, key: str) -> tuple[int | None, int]:
    found = number(desk, key)
    return found.hits, found.n


def happened(desk: StoryDesk, name: str, facts: Sequence[tuple[timedelta, str, str]], with_bot: bool = False) -> int:
    """A conversation of long ago, told by words. Returns its number."""

    def write(tx: Tx) -> int:
        who = next(iter(people.meet(tx, [Address(kind="mail", value=f"{name}@c.test", name=name)], "test").values()))
        tx.flush()
        conversation = tx.new_id("conversation")
        opened = e.ConversationOpened(
            person=who.person, inbox=desk.console_inbox, brand=desk.brand, channel="console", with_bot=with_bot
        )
        tx.append(e.conversation(conversation), [opened], "person/1", at=BEGAN + facts[0][0])
        for after, by, what in facts:
            tx.append(e.conversation(conversation), [_fact(tx, desk, who, what)], by, at=BEGAN + after)
        return conversation

    made: int = desk.change(write)
    for reader in desk.desk.readers:
        if not reader.in_step:
            catch_up(desk.record, reader)
    return made


def _fact(tx: Tx, desk: StoryDesk, who: people.Identity, what: str) -> e.Event:
    kind, _, more = what.partition(" ")
    if kind in ("asks", "answers"):
        message = tx.new_id("message")
        tx.say(message, e.Words(text="Words"))
        made = e.MessageReceived if kind == "asks" else e.ReplyWritten
        return made(message=message, person=who.person, identity=who.id, inbox=desk.console_inbox, channel="console")
    if kind == "given":
        return e.Assigned(agent=int(more) if more else None)
    if kind == "rates":
        survey = tx.new_id("survey")
        return e.SurveyAnswered(survey=survey, score=int(more), channel="console")
    return {"closes": e.Closed(), "reopens": e.Reopened(reason="message")}[kind]


def at(days: float = 0, minutes: float = 0) -> timedelta:
    return days * DAY + minutes * MINUTE


ASKED = (at(), "person/1", "asks")


def test_closed_once_by_one_person(desk: StoryDesk) -> None:
    alone = [ASKED, (at(minutes=5), "agent/1", "answers"), (at(minutes=9), "agent/1", "closes")]
    happened(desk, "kim", alone)
    happened(desk, "lee", [*alone[:2], (at(minutes=7), "agent/2", "answers"), alone[2]])
    back = [(at(1), "person/1", "reopens"), (at(1, 5), "agent/1", "closes")]
    happened(desk, "ann", [*alone, *back])
    happened(desk, "bob", alone[:2])
    assert counted(desk, "first_contact_closed") == (1, 3)


def test_a_close_that_lasted_a_week(desk: StoryDesk) -> None:
    closed = [ASKED, (at(minutes=5), "agent/1", "answers"), (at(minutes=9), "agent/1", "closes")]
    happened(desk, "kim", closed)
    happened(desk, "lee", [*closed, (at(3), "person/1", "reopens")])
    happened(desk, "ann", [*closed, (at(8), "person/1", "reopens")])
    young = [(after + at(15), by, what) for after, by, what in closed]
    happened(desk, "bob", [*young, (at(16), "person/1", "reopens")])
    assert counted(desk, "no_reopen") == (2, 3)
    assert number(desk, "no_reopen").left_out == 1


def test_passed_on_is_from_one_person_to_another(desk: StoryDesk) -> None:
    first = [ASKED, (at(minutes=1), "routing", "given 1")]
    happened(desk, "kim", first)
    happened(desk, "lee", [*first, (at(minutes=2), "agent/1", "given 2")])
    happened(desk, "ann", [*first, (at(minutes=2), "agent/1", "given"), (at(minutes=3), "agent/2", "given 2")])
    happened(desk, "bob", [*first, (at(minutes=2), "agent/1", "given"), (at(minutes=3), "agent/1", "given 1")])
    happened(desk, "zoe", [ASKED])
    assert counted(desk, "transferred") == (2, 4)


def test_the_right_person_is_who_answers_to_the_end(desk: StoryDesk) -> None:
    happened(desk, "kim", [ASKED, (at(minutes=10), "agent/1", "answers")])
    both = [ASKED, (at(minutes=10), "agent/1", "answers"), (at(minutes=50), "agent/2", "answers")]
    happened(desk, "lee", [*both, (at(minutes=60), "agent/2", "answers")])
    happened(desk, "ann", [*both, (at(minutes=90), "agent/1", "answers")])
    found = number(desk, "right_median")
    assert (found.n, found.value) == (3, 50 * 60)
    assert number(desk, "human_median").value == 10 * 60


def test_kept_by_the_bot_is_not_solved_by_it(desk: StoryDesk) -> None:
    kept = [ASKED, (at(minutes=1), "bot/helper", "answers"), (at(minutes=30), "bot/helper", "closes")]
    happened(desk, "kim", kept, with_bot=True)
    happened(desk, "lee", [*kept, (at(minutes=40), "person/1", "rates 1")], with_bot=True)
    happened(desk, "ann", kept, with_bot=True)
    happened(desk, "ann", [(at(2), "person/1", "asks")])
    happened(desk, "bob", [*kept[:2], (at(minutes=5), "agent/1", "answers"), kept[2]], with_bot=True)
    assert counted(desk, "contained") == (3, 4)
    assert counted(desk, "bot_resolved") == (1, 4)
    shown = desk.record.ask(figures.cases, SYSTEM, Choice(), "bot_resolved", desk.clock.now)
    assert [case.value for case in shown] == [0, 0, 0, 1]


def test_the_newest_week_is_not_judged_yet(desk: StoryDesk) -> None:
    young: datetime = START - 2 * DAY
    kept = [(young - BEGAN, "person/1", "asks"), (young - BEGAN + MINUTE, "bot/helper", "closes")]
    happened(desk, "kim", kept, with_bot=True)
    assert counted(desk, "contained") == (1, 1)
    assert counted(desk, "bot_resolved") == (None, 0) or number(desk, "bot_resolved").n == 0
