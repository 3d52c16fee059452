"""A call is on the timeline with its direction, duration and outcome, whatever order its news comes in."""

import itertools
import json
import random
from datetime import timedelta
from typing import Any

import pytest

from harness.desk import StoryDesk
from harness.doors import Door
from harness.waiting import eventually
from harness.web import WebDesk
from parley.channels.cti import channel
from parley.core import events as e
from parley.core.calls import duration
from parley.core.errors import Refused
from parley.services import inbox, setup

TOKEN = "a token that nobody guesses"
SETTINGS = {"path_token": TOKEN, "country_code": "49", "blocked": ["+49 30 1110"]}
KIM = "4930609811"


class Phone:
    """A telephone system that tells the desk of calls."""

    def __init__(self, desk: StoryDesk) -> None:
        self.desk, name = desk, channel.manifest.name
        self.inbox: int = desk.change(lambda tx: setup.add_inbox(tx, desk.brand, name, "Phone", "+492411234", SETTINGS))
        desk.desk.setup_changed()

    def tells(self, event: str, call: str = "c-1", settle: bool = True, **more: Any) -> None:
        told = {"event": event, "callId": call, "from": KIM, "to": "492411234", "direction": "in", **more}
        raw = json.dumps(told).encode()
        self.desk.desk.intake.take(self.inbox, f"{call}/{event}", raw).result(10)
        if settle:
            self.desk.settle()

    def later(self, seconds: float) -> None:
        self.desk.clock.now += timedelta(seconds=seconds)

    @property
    def shown(self) -> str:
        return self.desk.conversation.preview


@pytest.fixture
def phone(desk: StoryDesk) -> Phone:
    return Phone(desk)


def test_an_answered_call_has_its_duration_and_needs_nobody(phone: Phone) -> None:
    phone.tells("newCall", queue="orders")
    assert phone.shown == "The phone is ringing"
    assert phone.desk.conversation.waiting_since is not None
    phone.tells("answer", user=["Ana Reis"])
    assert phone.shown == "On the phone with Ana Reis"
    phone.later(200)
    phone.tells("hangup", cause="normalClearing")
    state = phone.desk.conversation
    assert phone.shown == "Call, 3 min 20 s, answered by Ana Reis"
    assert (state.status, state.waiting_since) == ("closed", None)
    assert phone.desk.words() == ["From +4930609811, 492411234, orders"]


@pytest.mark.parametrize(
    ("cause", "told"),
    [("cancel", "Missed call: they hung up"), ("busy", "Missed call: the line was busy"), ("", "Missed call")],
)
def test_a_missed_call_is_work(phone: Phone, cause: str, told: str) -> None:
    phone.tells("newCall")
    phone.later(20)
    phone.tells("hangup", cause=cause)
    state = phone.desk.conversation
    assert (phone.shown, state.status) == (told, "open")
    assert state.waiting_since is not None
    assert [s.id for s in phone.desk.view("open")] == [state.id]


def test_calling_back_settles_a_missed_call(phone: Phone) -> None:
    phone.tells("newCall")
    phone.tells("hangup", cause="cancel")
    back = {"direction": "out", "from": "492411234", "to": "030 609811"}
    phone.tells("newCall", "c-2", user="Ana", **back)
    assert phone.desk.conversation.waiting_since is not None
    phone.tells("answer", "c-2", **back)
    phone.later(65)
    phone.tells("hangup", "c-2", cause="normalClearing", **back)
    assert phone.shown == "Ana called, 1 min 5 s"
    assert phone.desk.conversation.waiting_since is None
    assert len(phone.desk.people()) == 1
    notes = phone.desk.events(e.NoteWritten)
    assert len(notes) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_of_the_news_makes_no_difference(phone: Phone, order: tuple[int, ...]) -> None:
    news: list[tuple[str, dict[str, Any]]] = [
        ("newCall", {}), ("answer", {"user": "Ana"}), ("hangup", {"cause": "normalClearing"})
    ]  # fmt: skip
    for n in order:
        event, more = news[n]
        phone.tells(event, **more)
    state = phone.desk.conversation
    assert state.preview.startswith("Call, ")
    assert (state.status, state.waiting_since) == ("closed", None)
    assert len(phone.desk.events(e.MessageReceived, e.CallBegan, e.CallAnswered, e.CallEnded)) == 4


def test_many_calls_at_once_stay_apart(phone: Phone) -> None:
    chance = random.Random(3)
    news = [(event, f"c-{n}", f"4930600{n:03}") for n in range(40) for event in ("newCall", "answer", "hangup")]
    chance.shuffle(news)
    for event, call, number in news:
        phone.tells(event, call, settle=False, **{"from": number})
    phone.desk.settle()
    assert len(phone.desk.conversations()) == 40
    assert {s.status for s in phone.desk.conversations()} == {"closed"}
    assert [len(phone.desk.events(kind)) for kind in (e.CallBegan, e.CallAnswered, e.CallEnded)] == [40, 40, 40]


def test_nobody_is_asked_how_it_was_by_text_and_nobody_can_write_there(phone: Phone) -> None:
    for event in ("newCall", "answer", "hangup"):
        phone.tells(event)
    phone.desk.later(days=2)
    assert phone.desk.events(e.SurveyAsked, e.ReplyWritten) == []
    with pytest.raises(Refused, match="takes no written answer"):
        phone.desk.agent("ana").replies("Hello", channels=phone.desk.desk.channels)


def test_hidden_numbers_are_not_one_person(phone: Phone) -> None:
    for call in ("c-1", "c-2"):
        phone.tells("newCall", call, **{"from": "anonymous"})
    assert len(phone.desk.people()) == 2


def test_a_caller_who_wrote_sms_is_the_same_person(phone: Phone) -> None:
    phone.tells("newCall", **{"from": "030-609811"})
    phone.tells("newCall", "c-2", **{"from": "+49 (30) 609811"})
    assert len(phone.desk.people()) == 1


def test_the_timeline_tells_the_course(web: WebDesk) -> None:
    door = Door(web, channel, SETTINGS)
    with web.browser() as http:

        def tell(event: str, token: str = TOKEN, **more: str) -> Any:
            fields = {"event": event, "callId": "c-1", "from": KIM, "to": "492411234", "direction": "in", **more}
            return http.post(f"{door.url}/{token}", data=fields)

        assert tell("newCall", "guessed").status_code == 401
        assert http.post(door.url, data={"event": "newCall"}).status_code == 401
        assert tell("newCall").json() == {}
        blocked = tell("newCall", **{"from": "004930 1110", "callId": "c-9"})
        assert blocked.json() == {"action": "reject", "reason": "busy"}
        assert tell("answer").status_code == 200
        assert tell("hangup").status_code == 200
    eventually(lambda: bool(web.story.events(e.CallEnded)))
    number = web.story.events(e.CallEnded)[0].subject_id
    assert "Call, 0 s" in web.signed_in("ana").get(f"/desk/conversations/{number}").text
    history = web.story.record.ask(inbox.history, number)
    assert sum(isinstance(r.event, e.CallEnded) for r in history) == 1


def test_durations_are_told_in_words() -> None:
    told = [duration(timedelta(seconds=s)) for s in (0, 59, 60, 3600, 3725)]
    assert told == ["0 s", "59 s", "1 min 0 s", "1 h 0 min 0 s", "1 h 2 min 5 s"]
