"""Calls between browsers: one agent gets each, what comes of it is on the timeline, and the sound arrives."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from harness.desk import StoryDesk
from parley.app import Desk, room_of
from parley.channels.webchat import raw
from parley.channels.webchat.signing import SignedUser, sign, visitor_of
from parley.core import calls
from parley.core import events as e
from parley.core.errors import NotFound, Refused
from parley.core.ice import checked
from parley.core.visitor import Sight
from parley.log import record as log
from parley.services import inbox, people, setup, visitors, voice
from parley.services.visitors import Visitor
from parley.web.hub import Listener
from parley.web.state import Room

SECRET = "a secret that the shop signs its users with"


class Caller:
    """A visitor of the chat who calls, without a browser."""

    def __init__(self, story: StoryDesk, name: str = "kim") -> None:
        self.story, self.visitor = story, visitor_of(f"{name:0<32}"[:32]) or ""
        self.exchange = voice.Exchange(story.desk.channels, story.desk.inboxes, story.desk.intake.take_within)
        self.number = 0

    def call(self, user: str | None = None) -> str:
        self.number += 1
        made = f"call-{self.visitor[:6]}-{self.number}"
        told = raw.Called(visitor=self.visitor, call=made, state="rang", user=user)
        at = self.story.inbox(self.story.chat_inbox)
        opening = (raw.provider_id(told), raw.encode(told))
        self.does(lambda tx: self.exchange.ring(tx, at, self.visitor, made, opening))
        return made

    def hangs_up(self, call: str) -> None:
        self.does(lambda tx: self.exchange.hung_up(tx, call, self.visitor))

    def does(self, act: Callable[[log.Tx], Any]) -> Any:
        result = self.story.change(act)
        self.story.settle()
        return result

    def sees(self, heard: int = 0) -> Sight:
        at = self.story.inbox(self.story.chat_inbox)
        who = Visitor(inbox=at, kind="visitor", value=self.visitor)
        ice, now = self.story.desk.config.ice, self.story.clock.now
        return self.story.record.ask(visitors.sight, who, 0, b"key", "Fern", heard=heard, at=now, ice=ice)


@pytest.fixture
def kim(desk: StoryDesk) -> Caller:
    return Caller(desk)


def taker(desk: StoryDesk, name: str, **more: Any) -> Any:
    """An agent who is here and takes calls."""
    agent = desk.agent(name, **more).is_now("online")
    desk.change(lambda tx: setup.change_agent(tx, agent.number, takes_calls=True))
    return agent


def accepts(kim: Caller, agent: Any, call: str) -> voice.Call:
    who = kim.story.record.ask(setup.agent, agent.number)
    taken: voice.Call = kim.does(lambda tx: kim.exchange.accept(tx, call, who, agent.viewer))
    return taken


def courses(desk: StoryDesk) -> list[calls.Course]:
    return list(calls.courses(desk.record.ask(inbox.history, desk.conversation.id)).values())


# ── who gets it ─────────────────────────────────────────────────────────────────────────────


def test_one_agent_takes_a_call_and_it_is_told_with_its_length(desk: StoryDesk, kim: Caller) -> None:
    ana, ben = taker(desk, "ana"), taker(desk, "ben")
    call = kim.call()
    assert kim.sees().call.state == "ringing"  # type: ignore[union-attr]
    assert desk.conversation.waiting_since is not None
    accepts(kim, ana, call)
    with pytest.raises(Refused, match="somebody else"):
        accepts(kim, ben, call)
    kim.does(lambda tx: kim.exchange.connected(tx, call, ana.viewer))
    desk.clock.advance(seconds=200)
    kim.does(lambda tx: kim.exchange.hang_up(tx, call, ana.viewer))

    (course,) = courses(desk)
    assert calls.in_words(course) == "Call, 3 min 20 s, answered by Ana"
    assert course.cause == "normalClearing"
    assert desk.conversation.assignee == ana.number
    assert desk.conversation.status == "closed", "a call that was spoken needs nobody any more"
    assert [turn.text for turn in kim.sees().turns] == ["joined", "called", "ended"]


def test_a_call_that_nobody_takes_is_work(desk: StoryDesk, kim: Caller) -> None:
    taker(desk, "ana")
    kim.call()
    desk.clock.advance(seconds=39)
    assert kim.does(kim.exchange.overdue) == 0
    desk.clock.advance(seconds=2)
    assert kim.does(kim.exchange.overdue) == 1
    (course,) = courses(desk)
    assert course.missed
    assert calls.in_words(course) == "Missed call: nobody answered"
    assert [state.id for state in desk.view("waiting")] == [desk.conversation.id]
    assert kim.sees().turns[-1].text == "missed"


def test_when_all_decline_it_need_not_ring_on(desk: StoryDesk, kim: Caller) -> None:
    ana, ben = taker(desk, "ana"), taker(desk, "ben")
    call = kim.call()
    kim.does(lambda tx: kim.exchange.decline(tx, call, ana.number, ana.viewer))
    assert kim.sees().call.state == "ringing"  # type: ignore[union-attr]
    kim.does(lambda tx: kim.exchange.decline(tx, call, ben.number, ben.viewer))
    assert courses(desk)[0].cause == "noAnswer"


def test_whoever_hangs_up_while_it_rings_has_called(desk: StoryDesk, kim: Caller) -> None:
    taker(desk, "ana")
    call = kim.call()
    kim.does(lambda tx: kim.exchange.hung_up(tx, call, kim.visitor))
    assert calls.in_words(courses(desk)[0]) == "Missed call: they hung up"


def test_browsers_that_do_not_find_each_other_have_not_spoken(desk: StoryDesk, kim: Caller) -> None:
    ana = taker(desk, "ana")
    call = kim.call()
    accepts(kim, ana, call)
    desk.clock.advance(seconds=60)
    kim.does(kim.exchange.overdue)
    assert calls.in_words(courses(desk)[0]) == "Missed call: no connection could be made"
    assert desk.view("waiting")


def test_a_call_whose_pages_fell_silent_ends_by_itself(desk: StoryDesk, kim: Caller) -> None:
    ana = taker(desk, "ana")
    call = kim.call()
    accepts(kim, ana, call)
    kim.does(lambda tx: kim.exchange.connected(tx, call, ana.viewer))
    for _ in range(5):
        desk.clock.advance(seconds=50)
        kim.does(lambda tx: kim.exchange.goes_on(tx, call, ana.viewer))
        assert kim.does(kim.exchange.overdue) == 0
    desk.clock.advance(seconds=80)
    assert kim.does(kim.exchange.overdue) == 1
    assert courses(desk)[0].answered is not None


def test_the_desk_calls_the_customer(desk: StoryDesk, kim: Caller) -> None:
    ana = taker(desk, "ana")
    at, who = desk.inbox(desk.chat_inbox), desk.record.ask(setup.agent, ana.number)
    kim.does(lambda tx: kim.exchange.call_out(tx, at, kim.visitor, "out-1", who))
    seen = kim.sees().call
    assert seen is not None
    assert (seen.state, seen.who) == ("incoming", "Ana")
    kim.does(lambda tx: kim.exchange.pick_up(tx, "out-1", kim.visitor))
    kim.does(lambda tx: kim.exchange.connected(tx, "out-1", ana.viewer))
    desk.clock.advance(seconds=65)
    kim.does(lambda tx: kim.exchange.hung_up(tx, "out-1", kim.visitor))
    assert calls.in_words(courses(desk)[0]) == "Ana called, 1 min 5 s"


def test_a_call_the_customer_declines_is_no_missed_call(desk: StoryDesk, kim: Caller) -> None:
    ana = taker(desk, "ana")
    at, who = desk.inbox(desk.chat_inbox), desk.record.ask(setup.agent, ana.number)
    kim.does(lambda tx: kim.exchange.call_out(tx, at, kim.visitor, "out-1", who))
    kim.does(lambda tx: kim.exchange.hung_up(tx, "out-1", kim.visitor))
    assert not courses(desk)[0].missed
    assert desk.view("waiting") == []


# ── who may ─────────────────────────────────────────────────────────────────────────────────


def test_nobody_rings_where_nobody_takes_calls(desk: StoryDesk, kim: Caller) -> None:
    ana = desk.agent("ana").is_now("online")
    assert not kim.sees().wait.calls
    with pytest.raises(Refused, match="Nobody takes calls"):
        kim.call()
    desk.change(lambda tx: setup.change_agent(tx, ana.number, takes_calls=True))
    assert kim.sees().wait.calls
    ana.is_now("away")
    assert not kim.sees().wait.calls
    assert desk.conversations() == []


def test_who_is_on_a_call_is_not_rung_and_takes_no_other(desk: StoryDesk, kim: Caller) -> None:
    ana, lee = taker(desk, "ana"), Caller(desk, "lee")
    first = kim.call()
    second = lee.call()
    accepts(kim, ana, first)
    with pytest.raises(Refused, match="on a call"):
        accepts(kim, ana, second)
    assert not lee.sees().wait.calls


def test_agents_of_other_brands_and_readers_know_nothing_of_it(desk: StoryDesk, kim: Caller) -> None:
    other = desk.change(lambda tx: setup.add_brand(tx, "Elsewhere"))
    taker(desk, "ana")
    far, reader = taker(desk, "far", brands=(other,)), desk.agent("rea", "read-only")
    call = kim.call()
    known = desk.record.ask(voice.current, desk.clock.now)[0]
    for stranger in (far, reader):
        assert not voice.may_know(stranger.viewer, known)
        with pytest.raises(NotFound):
            accepts(kim, stranger, call)


def test_only_the_two_who_speak_hear_each_other(desk: StoryDesk, kim: Caller) -> None:
    ana, ben, lee = taker(desk, "ana"), taker(desk, "ben"), Caller(desk, "lee")
    call = kim.call()
    with pytest.raises(Refused):
        kim.does(lambda tx: kim.exchange.to_desk(tx, call, kim.visitor, "too early"))
    accepts(kim, ana, call)
    kim.does(lambda tx: kim.exchange.to_desk(tx, call, kim.visitor, "from kim"))
    kim.does(lambda tx: kim.exchange.to_visitor(tx, call, ana.viewer, "from ana"))
    assert [signal.data for signal in kim.sees().signals] == ["from ana"]
    assert kim.sees(heard=kim.sees().signals[0].seq).signals == ()
    assert lee.sees().call is None
    with pytest.raises(NotFound):
        kim.does(lambda tx: kim.exchange.to_visitor(tx, call, ben.viewer, "from ben"))
    with pytest.raises(NotFound):
        kim.does(lambda tx: kim.exchange.hung_up(tx, call, lee.visitor))
    kim.does(lambda tx: kim.exchange.hang_up(tx, call, ana.viewer))
    with desk.record.reading() as conn:
        assert conn.execute(select(voice.signals)).all() == [], "it names their networks, and goes with the call"


def test_a_visitor_cannot_keep_the_desk_ringing(desk: StoryDesk, kim: Caller) -> None:
    taker(desk, "ana")
    call = kim.call()
    with pytest.raises(Refused, match="already"):
        kim.call()
    for _ in range(5):
        kim.hangs_up(call)
        desk.clock.advance(seconds=1)
        call = kim.call()
    kim.hangs_up(call)
    with pytest.raises(Refused, match="often"):
        kim.call()


# ── several processes ───────────────────────────────────────────────────────────────────────


def test_it_rings_at_agents_of_another_process(tmp_path: Path, postgres_url: str) -> None:
    """The customer's line ends in one process, the agent's page in another; what browsers tell crosses over."""
    story = StoryDesk(tmp_path, postgres_url)
    kim, ana = Caller(story), taker(story, "ana")
    other = Desk(story.desk.config, clock=story.clock, channels=story.desk.channels)
    other.follow_others()
    try:
        asyncio.run(_across(kim, ana, room_of(other)))
    finally:
        other.stop()
        story.close()


async def _across(kim: Caller, ana: Any, room: Room) -> None:
    await room.hub.open()
    await room.switchboard.open()
    with room.hub.listening(ana.viewer) as page:
        call = await asyncio.to_thread(kim.call)
        assert call in await _told(page, b'"ringing"')
        agent = await room.ask(setup.agent, ana.number)
        await room.do(room.switchboard.exchange.accept, call, agent, ana.viewer)
        assert kim.sees().call.state == "taken"  # type: ignore[union-attr]
        await asyncio.to_thread(kim.does, lambda tx: kim.exchange.to_desk(tx, call, kim.visitor, "from kim"))
        assert "from kim" in await _told(page, b'"signal"')
        await asyncio.to_thread(kim.hangs_up, call)
        assert "unreachable" in await _told(page, b'"ended"')
    await room.switchboard.close()
    await room.hub.close()


async def _told(page: Listener, what: bytes) -> str:
    """What the page is told next that has this in it."""
    for _ in range(60):
        piece = await page.take(1.0)
        if what in piece:
            return piece.decode()
    raise AssertionError(f"Nobody said {what!r}.")


# ── whose it is ─────────────────────────────────────────────────────────────────────────────


def test_a_call_in_the_middle_of_a_chat_stays_in_it(bot_desk: StoryDesk) -> None:
    """Also while the bot is answering: then people take over."""
    ana, kim = taker(bot_desk, "ana"), Caller(bot_desk)
    said = raw.Said(visitor=kim.visitor, client_id="c0123456", text="Where is my parcel?")
    bot_desk.desk.intake.take(bot_desk.chat_inbox, raw.provider_id(said), raw.encode(said)).result(10)
    bot_desk.settle()
    assert bot_desk.conversation.status == "bot"
    call = kim.call()
    assert bot_desk.conversation.status == "open"
    assert bot_desk.events(e.HandoffAsked)[0].event.reason == "called"
    accepts(kim, ana, call)
    kim.does(lambda tx: kim.exchange.connected(tx, call, ana.viewer))
    kim.does(lambda tx: kim.exchange.hang_up(tx, call, ana.viewer))
    assert bot_desk.conversation.status == "open", "what was asked in writing is still to be settled"


def test_a_signed_in_customer_is_known_when_they_call(desk: StoryDesk) -> None:
    desk.change(lambda tx: setup.change_inbox(tx, desk.chat_inbox, settings={"key": "shop", "secret": SECRET}))
    desk.desk.setup_changed()
    taker(desk, "ana")
    user = SignedUser(id="17", mail="kim@example.com", name="Kim Lee", exp=int(desk.clock.now.timestamp()) + 600)
    Caller(desk).call(sign(user, SECRET))
    person = desk.record.ask(people.person, desk.conversation.person)
    assert person.name == "Kim Lee"
    assert {i.kind for i in desk.record.ask(people.identities_of, person.id)} == {"visitor", "user", "mail"}
    current = desk.record.ask(voice.current, desk.clock.now)[0]
    assert (current.who, current.conversation) == ("Kim Lee", desk.conversation.id)


def test_a_turn_server_gets_a_name_that_ends(desk: StoryDesk) -> None:
    """As coturn checks it: the name is a time, the password its HMAC-SHA1."""
    ice = checked(("stun:a.test:3478", "turn:b.test:3478"), "shared")
    stun, turn = ice.servers(desk.clock.now)
    assert stun.username == ""
    assert int(turn.username) == int(desk.clock.now.timestamp()) + 12 * 3600
    assert turn.credential != ""
    assert checked((), "").servers(desk.clock.now) == ()
