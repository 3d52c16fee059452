"""Stories of a desk: a customer writes, people answer, time passes. On both engines, rebuilt after each."""

from datetime import timedelta

import pytest

from harness.desk import START, StoryDesk
from parley.core import events as e
from parley.core.errors import Conflict, NotAllowed, NotFound, Refused
from parley.log import record as log
from parley.services import delivery, people
from parley.services.inbox import SYSTEM, Viewer


def test_a_visitor_asks_and_an_agent_answers(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Do you ship to Malta?")
    assert [row.preview for row in desk.view("waiting")] == ["Do you ship to Malta?"]
    desk.agent("ana").replies("We do, in four days.")
    assert [sent.text for sent in desk.outbox] == ["We do, in four days."]
    assert desk.view("waiting") == []
    assert desk.conversation.assignee == desk.agents["ana"]


def test_a_resent_message_is_one_message(desk: StoryDesk) -> None:
    kim = desk.visitor("kim")
    for _ in range(3):
        kim.says("Hello?", id="same")
    assert desk.words() == ["Hello?"]


def test_a_resent_reply_is_one_reply(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello?")
    ana = desk.agent("ana")
    assert ana.replies("Hi Kim", client_id="x1") == ana.replies("Hi Kim", client_id="x1")
    assert [sent.text for sent in desk.outbox] == ["Hi Kim"]


def test_a_blocked_visitor_is_not_tried_again(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hi").blocks_us()
    desk.agent("ana").replies("Hello?")
    desk.later(hours=3)
    assert desk.outbox == []
    (letter,) = desk.record.ask(delivery.dead_letters)
    assert letter.reason == "The visitor blocked this desk."
    assert not letter.can_retry
    assert desk.conversation.failed == 1


def test_a_passing_failure_is_tried_until_it_works(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hi")
    desk.console.fail("The line is busy.")
    desk.agent("ana").replies("Hello")
    assert desk.events(e.SendDelayed)
    desk.console.recover()
    desk.later(minutes=5)
    assert [sent.text for sent in desk.outbox] == ["Hello"]
    assert desk.events(e.Sent)


def test_a_dead_letter_can_be_replayed(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hi").blocks_us()
    message = desk.agent("ana").replies("Hello?")
    desk.console.recover()
    desk.change(lambda tx: delivery.replay(tx, message, "agent/1"))
    desk.settle()
    assert [sent.text for sent in desk.outbox] == ["Hello?"]
    assert desk.conversation.failed == 0


def test_receipts_never_move_a_state_backwards(desk: StoryDesk) -> None:
    kim = desk.visitor("kim").says("Hi")
    message = desk.agent("ana").replies("Hello")
    kim.reports("read", desk.outbox[0]).reports("delivered", desk.outbox[0])
    rows = desk.record.ask(delivery.of_conversation, desk.conversation.id)
    assert rows[message].state == "read"


def test_what_cannot_be_read_opens_a_quarantine_conversation(desk: StoryDesk) -> None:
    desk.visitor("kim").sends_rubbish().says("And now in words")
    quarantined = [row for row in desk.conversations() if row.quarantined]
    assert len(quarantined) == 1
    assert any(row.preview == "And now in words" for row in desk.conversations())


def test_snoozed_until_the_hour_and_woken_once(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Write me on Tuesday")
    desk.agent("ana").snoozes(START + timedelta(hours=5))
    assert [row.status for row in desk.view("snoozed")] == ["snoozed"]
    desk.later(hours=6).later(hours=6)
    assert len(desk.events(e.Woke)) == 1
    assert desk.conversation.status == "open"


def test_a_message_wakes_a_snoozed_and_reopens_a_closed_conversation(desk: StoryDesk) -> None:
    kim, ana = desk.visitor("kim").says("Hi"), desk.agent("ana")
    ana.snoozes(START + timedelta(days=2))
    kim.says("I am in a hurry after all")
    assert desk.conversation.status == "open"
    ana.closes()
    kim.says("One more thing")
    assert desk.conversation.status == "open"
    assert [type(r.event) for r in desk.events(e.Woke, e.Reopened)] == [e.Woke, e.Reopened]


def test_closing_asks_once_for_a_rating_in_the_same_channel(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Thanks, all good")
    desk.agent("ana").closes()
    desk.later(hours=1).later(hours=1)
    assert [sent.purpose for sent in desk.outbox] == ["survey"]
    assert len(desk.outbox[0].choices) == 5


def test_a_closing_taken_back_at_once_forgets_nobody_who_waits(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hi")
    waited = desk.conversation.waiting_since
    ana = desk.agent("ana")
    ana.closes()
    ana.reopens()
    assert desk.conversation.waiting_since == waited
    assert [row.id for row in desk.view("waiting")] == [desk.conversation.id]
    ana.closes()
    desk.later(minutes=5)
    ana.reopens()
    assert desk.view("waiting") == []


def test_a_reopened_matter_is_not_rated(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hi")
    desk.agent("ana").closes()
    desk.agent("ana").reopens()
    desk.later(hours=1)
    assert desk.outbox == []
    assert desk.events(e.SurveyDropped)


def test_nobody_answers_past_a_new_message(desk: StoryDesk) -> None:
    kim = desk.visitor("kim").says("Hi")
    seen = desk.head()
    kim.says("Forget it, solved")
    with pytest.raises(Conflict, match="wrote again"):
        desk.agent("ana").replies("Let me look into it", expect_seen=seen)


def test_a_read_only_colleague_reads_but_does_not_act(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hi")
    rea = desk.agent("rea", "read-only")
    assert len(rea.sees()) == 1
    with pytest.raises(NotAllowed):
        rea.replies("Hello")


def test_another_brands_agent_sees_nothing(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hi")
    number = desk.conversation.id
    ben = desk.agent("ben", brands=(999,))
    assert ben.sees() == []
    with pytest.raises(NotFound):
        ben.replies("Hello", conversation=number)


def test_tags_and_tallies(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hi")
    desk.visitor("lee").says("Ho")
    ana = desk.agent("ana")
    ana.tags("  Refund ")
    assert [row.tags for row in desk.view("tag:refund")] == [("refund",)]
    ana.untags("refund")
    assert desk.view("tag:refund") == []
    from parley.services import inbox

    counts = desk.record.ask(inbox.counts, SYSTEM)
    assert counts["open"] == counts["waiting"] == 2
    with pytest.raises(Refused):
        ana.tags(" ")


def test_work_goes_to_who_is_there_and_comes_back_when_they_leave(desk: StoryDesk) -> None:
    ana, ben = desk.agent("ana"), desk.agent("ben")
    ana.is_now("online")
    desk.visitor("kim").says("Hi")
    assert desk.conversation.assignee == ana.number
    ben.is_now("online")
    ana.is_now("offline")
    assert desk.conversation.assignee == ben.number


def test_the_person_who_returns_meets_the_agent_they_know(desk: StoryDesk) -> None:
    ana, ben = desk.agent("ana").is_now("online"), desk.agent("ben")
    desk.visitor("kim").says("Hi")
    ana.replies("Hello")
    ana.closes()
    ben.is_now("online")
    desk.later(days=2)
    desk.visitor("kim").says("Me again")
    newest = desk.conversations()[0]
    assert newest.messages == 1
    assert newest.assignee == ana.number


def test_merge_and_unmerge_are_inverse(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hi")
    desk.visitor("kimberly").says("Hi, the same person")
    first, second = [row.id for row in desk.people()]
    before = (desk.rows(people.identities), {row.id: row.person for row in desk.conversations()})
    desk.change(lambda tx: people.merge(tx, first, second, "told us so", "agent/1"))
    assert {row.person for row in desk.conversations()} == {first}
    desk.change(lambda tx: people.unmerge(tx, first, second, "agent/1"))
    assert (desk.rows(people.identities), {row.id: row.person for row in desk.conversations()}) == before


def test_customers_see_their_own(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hi")
    desk.visitor("lee").says("Ho")
    kim = desk.conversations()[1].person
    assert [row.preview for row in desk.view("all", Viewer(person=kim))] == ["Hi"]
    assert desk.view("all", Viewer()) == []


def test_a_nul_in_what_is_said_stops_nobody(desk: StoryDesk) -> None:
    """PostgreSQL keeps none in a text: such a message was tried again and again, and those behind it waited."""
    kim = desk.visitor("kim").says("a\x00b")
    kim.says("And this comes after it.")
    assert desk.words() == ["ab", "And this comes after it."]
    assert desk.conversation.preview == "And this comes after it."
    note = desk.agent("ana").notes("c\x00d")
    assert desk.record.ask(log.words_of, [note])[note].text == "cd"
