"""An answer that is held for some seconds, planned for later, or taken back before it goes."""

from datetime import timedelta
from typing import Any

import pytest

from harness.desk import AgentOfStory, StoryDesk
from parley.core import events as e
from parley.core.errors import NotAllowed, Refused
from parley.services import desk_notes, search, sendings
from parley.services.delivery import outbox
from parley.services.inbox import SYSTEM


@pytest.fixture
def asked(desk: StoryDesk) -> StoryDesk:
    """Kim asked by mail; what goes by mail is counted as tried, because no mail server answers."""
    desk.customer("kim@customer.test", "Kim").mails("Tent", "Is it waterproof?")
    return desk


def held(agent: AgentOfStory, text: str = "It is.", **more: Any) -> int:
    return agent.replies(text, hold=sendings.HOLD, channels=agent.story.desk.channels, **more)


def planned(agent: AgentOfStory, text: str, settle: bool = True, **more: Any) -> int:
    desk = agent.story
    when = sendings.Plan(due=desk.clock.now + more.pop("after", timedelta(hours=2)), **more)
    who, number = agent.viewer, desk.conversation.id

    def act(tx: Any) -> int:
        from parley.services import replies

        keep = lambda fact, words: sendings.plan(tx, number, who, fact, words, when)  # noqa: E731
        return replies.reply(tx, number, who, text, keep=keep)

    message: int = desk.change(act)
    if settle:
        desk.settle()
    return message


def taken_back(agent: AgentOfStory, message: int) -> str:
    who, number = agent.viewer, agent.story.conversation.id
    text: str = agent.story.change(lambda tx: sendings.take_back(tx, number, who, message))
    agent.story.settle()
    return text


def state_of(desk: StoryDesk, message: int) -> tuple[str, int]:
    """(state in the outbox, tries)"""
    columns = [column.name for column in outbox.columns]
    rows = [dict(zip(columns, row, strict=True)) for row in desk.rows(outbox)]
    return next((row["state"], row["tries"]) for row in rows if row["message"] == message)


def test_a_held_answer_goes_by_itself_after_its_seconds(asked: StoryDesk) -> None:
    message = held(asked.agent("ana"))
    assert state_of(asked, message) == ("queued", 0)
    assert asked.conversation.waiting_since is None, "for the desk it is answered"
    asked.later(seconds=11)
    assert state_of(asked, message)[1] == 1, "it was tried"


def test_taking_it_back_leaves_everything_as_it_was(asked: StoryDesk) -> None:
    before = asked.conversation
    ana = asked.agent("ana")
    message = held(ana, "It is not wolfproof.")
    assert taken_back(ana, message) == "It is not wolfproof."
    after = asked.conversation
    assert (after.waiting_since, after.asked_at, after.preview, after.last_by, after.messages) == (
        before.waiting_since, before.asked_at, before.preview, before.last_by, before.messages,
    )  # fmt: skip
    asked.later(minutes=5)
    assert state_of(asked, message) == ("cancelled", 0), "it never went"
    assert asked.record.ask(search.find, asked.record.database.name, "wolfproof", SYSTEM) == []
    assert asked.record.ask(desk_notes.draft, ana.number, after.id)[0] == "It is not wolfproof."


def test_taking_back_what_was_sent_and_closed_opens_it_again(asked: StoryDesk) -> None:
    waiting = asked.conversation.waiting_since
    ana = asked.agent("ana")
    message = held(ana)
    ana.closes()
    taken_back(ana, message)
    assert (asked.conversation.status, asked.conversation.waiting_since) == ("open", waiting)


def test_what_is_on_its_way_cannot_be_taken_back(asked: StoryDesk) -> None:
    ana = asked.agent("ana")
    message = held(ana)
    asked.later(seconds=11)
    with pytest.raises(Refused, match="on its way"):
        taken_back(ana, message)
    with pytest.raises(Refused, match="no such answer"):
        taken_back(ana, 999)


def test_a_colleague_takes_no_answer_back_but_a_lead_may(asked: StoryDesk) -> None:
    message = held(asked.agent("ana"))
    with pytest.raises(NotAllowed):
        taken_back(asked.agent("ben"), message)
    assert taken_back(asked.agent("lee", role="lead"), message) == "It is."


def test_live_channels_hold_nothing_back(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello")
    held(desk.agent("ana"), "Hello Kim")
    assert [one.text for one in desk.outbox] == ["Hello Kim"]


def test_a_planned_answer_goes_at_its_time_and_until_then_the_customer_waits(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Is the tent back?")
    planned(desk.agent("ana"), "It is back in stock.")
    assert desk.conversation.waiting_since is not None
    desk.later(hours=1)
    assert desk.outbox == []
    desk.later(hours=1)
    assert [one.text for one in desk.outbox] == ["It is back in stock."]
    assert desk.conversation.waiting_since is None
    desk.later(days=2)
    assert len(desk.events(e.ReplyWritten)) == 1, "a timer fires once"


def test_a_follow_up_does_not_go_when_the_customer_wrote_meanwhile(desk: StoryDesk) -> None:
    kim = desk.visitor("kim").says("My tent leaks")
    ana = desk.agent("ana")
    ana.replies("Try the seam seal.")
    message = planned(ana, "Did the seal help?", after=timedelta(days=3), unless_answered=True)
    kim.says("It helped, thanks")
    desk.later(days=3)
    assert [one.text for one in desk.outbox] == ["Try the seam seal."]
    (dropped,) = desk.events(e.PlanDropped)
    assert dropped.event == e.PlanDropped(message=message, reason="the customer wrote")


def test_a_planned_answer_closes_after_itself_and_can_be_taken_back(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Thanks")
    ana = desk.agent("ana")
    first = planned(ana, "Call off.", then_close=True)
    assert taken_back(ana, first) == "Call off."
    planned(ana, "Gladly.", then_close=True)
    desk.later(hours=3)
    assert [one.text for one in desk.outbox] == ["Gladly."]
    assert desk.conversation.status == "closed"


def test_the_same_plan_sent_again_is_one_plan(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello")
    ana = desk.agent("ana")
    who, number, due = ana.viewer, desk.conversation.id, desk.clock.now + timedelta(hours=1)

    def act(tx: Any) -> int:
        from parley.services import replies

        keep = lambda fact, words: sendings.plan(tx, number, who, fact, words, sendings.Plan(due=due))  # noqa: E731
        return replies.reply(tx, number, who, "Later", client_id="c1", keep=keep)

    assert desk.change(act) == desk.change(act)
    desk.later(hours=2)
    assert [one.text for one in desk.outbox] == ["Later"]


def test_a_time_that_has_passed_is_refused(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello")
    with pytest.raises(Refused, match="Choose a time"):
        planned(desk.agent("ana"), "Hm", after=timedelta(seconds=-5))
