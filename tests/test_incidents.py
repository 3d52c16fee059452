"""Many with one matter become one incident; the same person twice, and who may be the same, is suggested."""

from datetime import timedelta

import pytest

from harness.desk import StoryDesk
from parley.core import events as e
from parley.core.errors import Refused
from parley.services import duplicates, inbox, incidents

CARDS = (
    "I cannot pay by card, it keeps failing.", "My card is declined every time at checkout.",
    "payment error, can't check out", "The card payment does not work since this morning.",
    "Paying with my card fails, please help.",
)  # fmt: skip


def many(desk: StoryDesk, minutes: int = 2) -> None:
    for n, text in enumerate(CARDS):
        desk.visitor(f"card{n}").says(text)
        desk.clock.advance(minutes=minutes)


def running(desk: StoryDesk) -> list[incidents.Incident]:
    return desk.record.ask(incidents.open_ones, inbox.SYSTEM)


def test_many_with_the_same_matter_are_one_incident(desk: StoryDesk) -> None:
    desk.visitor("kim").says("where is my order?")
    many(desk)
    (one,) = running(desk)
    assert (one.name, one.people, one.conversations) == ("Paying does not work", 5, 5)
    tied = {state.id for state in desk.conversations() if "incident" in state.tags}
    assert len(tied) == 5
    assert one.since < desk.clock.now - timedelta(minutes=9), "since the first of them, not since it was noticed"
    desk.visitor("late").says("I still cannot pay by card.")
    assert running(desk)[0].people == 6, "whoever comes while it lasts belongs to it"


def test_what_is_usual_is_no_incident(desk: StoryDesk) -> None:
    ana = desk.agent("ana").viewer
    for week in range(5):
        for n, text in enumerate(CARDS):
            desk.visitor(f"w{week}-{n}").says(text, settle=n == len(CARDS) - 1)
            desk.clock.advance(minutes=9)
        for one in running(desk):
            desk.change(lambda tx, number=one.id: incidents.end(tx, number, ana, False))
        desk.clock.advance(days=7, minutes=-45)
    told = len(desk.events(e.IncidentSuspected))
    many(desk, minutes=9)
    assert len(desk.events(e.IncidentSuspected)) == told, "five in that hour of the week are what always comes"


def test_one_answer_goes_to_all_and_can_be_taken_back(desk: StoryDesk) -> None:
    many(desk)
    (one,) = running(desk)
    ana = desk.agent("ana").viewer
    channels = desk.desk.channels
    sent, missed = desk.change(lambda tx: incidents.answer_all(tx, one.id, ana, "We are on it.", channels))
    desk.settle()
    assert (sent, missed, desk.outbox) == (5, 0, [])
    assert desk.change(lambda tx: incidents.take_back(tx, one.id, ana)) == 5
    desk.later(minutes=2)
    assert desk.outbox == []
    desk.change(lambda tx: incidents.answer_all(tx, one.id, ana, "It works again.", channels))
    desk.later(minutes=1)
    assert [message.text for message in desk.outbox] == ["It works again."] * 5
    assert not [state for state in desk.conversations() if state.waiting_since], "each was answered"
    with pytest.raises(Refused, match="nobody here to write to"):
        desk.change(lambda tx: incidents.answer_all(tx, one.id, ana, "Again.", channels))
    with pytest.raises(Refused, match="gone already"):
        desk.change(lambda tx: incidents.take_back(tx, one.id, ana))


def test_an_incident_that_was_none_lets_go_of_its_conversations(desk: StoryDesk) -> None:
    many(desk)
    (one,) = running(desk)
    ana = desk.agent("ana").viewer
    stray = desk.conversations()[0].id
    desk.change(lambda tx: incidents.untie(tx, one.id, ana, stray))
    assert "incident" not in desk.record.ask(inbox.state, stray).tags
    assert running(desk)[0].conversations == 4
    desk.change(lambda tx: incidents.end(tx, one.id, ana, False))
    assert running(desk) == []
    assert not [state for state in desk.conversations() if "incident" in state.tags]


def test_a_theme_that_suddenly_comes_is_one_unless_it_is_known(desk: StoryDesk) -> None:
    from parley.core.watch import Alarm
    from parley.services import hearing

    for n in range(4):
        desk.visitor(f"kettle{n}").says("the new kettle smells of plastic when it boils")
    numbers = [state.id for state in desk.conversations()]
    now = desk.clock.now.timestamp()
    said = tuple(hearing.Message(n, n, n, now - 60 * n, -0.5) for n in numbers)
    heard = hearing.Heard(
        at=desk.clock.now, seq=1, themes={str(desk.brand): (hearing.Theme(name="kettle smells", said=said),)},
        alarms={str(desk.brand): (Alarm("kettle smells", now - 300, now, 4, 0.2, 4, 1e-6),)},
    )  # fmt: skip
    for _ in range(2):
        desk.change(lambda tx: hearing._told_of(tx, heard))
    (one,) = running(desk)
    assert (one.name, one.people) == ("kettle smells", 4)


# ── the same matter twice ───────────────────────────────────────────────────────────────────


def suspicions(desk: StoryDesk, number: int) -> list[duplicates.Suspicion]:
    return desk.record.ask(lambda conn: duplicates.of(conn, inbox.state(conn, number), inbox.SYSTEM))


def asked_twice(desk: StoryDesk) -> tuple[int, int]:
    """The same person by mail twice, on unrelated threads."""
    kim = desk.customer("kim@mail.test", "Kim")
    kim.mails("My parcel", "Hello, where is the parcel with my green tent? It should have come on Monday.")
    desk.clock.advance(hours=3)
    kim.mails("Tent", "Where is the parcel with my green tent? It should have come on Monday.")
    second, first = (state.id for state in desk.conversations())
    return first, second


def test_who_asks_again_is_told_and_can_be_merged_and_parted(desk: StoryDesk) -> None:
    first, second = asked_twice(desk)
    (one,) = suspicions(desk, second)
    assert (one.other, one.why, one.same_person, one.into) == (first, "same_person", True, True)
    assert suspicions(desk, first) == [], "it is suggested where it can be acted on"
    ana = desk.agent("ana").viewer
    desk.change(lambda tx: duplicates.merge(tx, second, ana, first))
    assert desk.record.ask(inbox.state, second).status == "closed"
    reference = desk.events(e.MessageReceived)[-1].event.external_id  # type: ignore[union-attr]
    desk.customer("kim@mail.test", "Kim").mails("Re: Tent", "Any news?", answers=reference)
    assert desk.words(first)[-1].startswith("Any news?"), "what is written in the merged one goes on in the other"
    desk.change(lambda tx: duplicates.undo(tx, second, ana, first))
    state = desk.record.ask(inbox.state, second)
    assert (state.status, state.waiting_since is not None) == ("open", True)


def test_two_people_are_linked_and_never_merged(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Where is order 10044? I need it soon.")
    desk.chatter("kim").says("hello, can you find my order 10044")
    second, first = (state.id for state in desk.conversations())
    (one,) = suspicions(desk, second)
    assert (one.other, one.why, one.mark, one.same_person) == (first, "same_mark", "order", False)
    ana = desk.agent("ana").viewer
    with pytest.raises(Refused, match="two people"):
        desk.change(lambda tx: duplicates.merge(tx, second, ana, first))
    desk.change(lambda tx: duplicates.link(tx, second, ana, first))
    assert [one.verdict for one in suspicions(desk, first)] == ["linked"]
    desk.change(lambda tx: duplicates.hold_apart(tx, second, ana, first))
    assert suspicions(desk, second) == []


def test_another_matter_of_the_same_person_is_no_duplicate(desk: StoryDesk) -> None:
    kim = desk.customer("kim@mail.test", "Kim")
    kim.mails("My parcel", "Hello, where is the parcel with my green tent?")
    kim.mails("Invoice", "Could you send me an invoice for the boots that I bought in May?")
    assert desk.events(e.DuplicateSuspected) == []
