"""A call by Twilio: the bot answers aloud, one waits in a line, is called back, leaves a message, is put through."""

import io
import wave
from collections.abc import Iterator
from typing import Any

import pytest

from harness.doors import Door
from harness.waiting import eventually
from harness.web import SignedIn, WebDesk
from parley.channels.phone_line import channel
from parley.channels.phone_line.words import aloud
from parley.core import events as e
from parley.demo.simulators.server import Asked, Platform, Said, as_json
from parley.services import routing, setup, transcripts
from simulators.calls import ACCOUNT, NUMBER, TOKEN, CallService, SimulatedCall

KIM = "+447946000801"
SETTINGS = {"number": NUMBER, "account": ACCOUNT, "token": TOKEN, "phones": ["ana@larkspur.test = +4930609811"]}


def sound(seconds: float = 0.2) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(int(seconds * 16000)))
    return held.getvalue()


class Hearing(Platform):
    """An OpenAI-compatible endpoint that hears the same in everything."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def answer(self, asked: Asked) -> Said:
        right = asked.path == "/v1/audio/transcriptions" and asked.headers["authorization"] == "Bearer key of the test"
        return as_json({"text": self.text}) if right and sound() in asked.body else as_json({"error": {}}, 400)


class Line:
    """A desk with a number, and the provider of it."""

    def __init__(self, web: WebDesk, service: CallService, **more: Any) -> None:
        self.web, self.service = web, service
        self.door = Door(web, channel, SETTINGS | {"api": service.url, "desk": web.url} | more, NUMBER)
        service.hook = self.door.url

    def with_bot(self) -> None:
        self.web.story.change(lambda tx: setup.change_inbox(tx, self.door.number, with_bot=True))
        self.web.room.setup_changed()

    def ana(self) -> SignedIn:
        self.takes_calls("ana")
        return self.web.signed_in("ana")

    def takes_calls(self, name: str) -> None:
        number = self.web.story.agent(name).number
        self.web.story.change(lambda tx: setup.change_agent(tx, number, takes_calls=True))
        self.web.story.change(lambda tx: routing.set_presence(tx, number, "online"))

    def hears(self, ear: "Hearing") -> None:
        """Recordings are heard by this endpoint from now on."""
        (follower,) = (f for f in self.web.story.desk.followers if isinstance(f, transcripts.TranscriptFollower))
        follower.engine = transcripts.engine(f"{ear.url}/v1", "", "key of the test")

    @property
    def preview(self) -> str:
        return self.web.story.conversation.preview

    def rings(self) -> SimulatedCall:
        return self.service.rings(KIM)


@pytest.fixture
def service() -> Iterator[CallService]:
    with CallService() as service:
        yield service  # type: ignore[misc]


@pytest.fixture
def line(web: WebDesk, service: CallService) -> Line:
    return Line(web, service)


def test_what_twilio_did_not_sign_is_refused(line: Line) -> None:
    form = {"CallSid": "CA1", "From": KIM}
    with line.web.browser() as http:
        assert http.post(line.door.url, data=form).status_code == 401
        assert http.post(f"{line.door.url}/status", data=form, headers={"x-twilio-signature": "x"}).status_code == 401
    assert line.door.events(e.CallBegan) == []


def test_a_caller_waits_hears_their_place_and_is_put_through(line: Line) -> None:
    ana = line.ana()
    first, kim = line.service.rings("+447946000900"), line.rings()
    assert (first.at, kim.at) == ("Gather", "Gather")
    assert "You are number 2 in the line." in kim.heard[-1]
    eventually(lambda: len(line.door.events(e.CallBegan)) == 2)
    assert line.web.story.conversations()[0].status == "open"
    assert ana.post(f"/desk/calls/{kim.sid}/acceptance").json()["phone"] is True
    eventually(lambda: kim.at == "Dial")
    assert kim.agent_picks_up() == "+4930609811"
    eventually(lambda: bool(line.door.events(e.CallAnswered)))
    kim.hangs_up()
    eventually(lambda: bool(line.door.events(e.CallEnded)))
    told = line.door.events(e.CallEnded)[0].preview
    assert told.startswith("Call, ")
    assert told.endswith("answered by Ana")
    first.waits()
    assert "number 1" in first.heard[-1]


def spoken(line: Line) -> SimulatedCall:
    """Kim has spoken with Ana, who hung up first."""
    ana, before = line.ana(), len(line.door.events(e.CallAnswered))
    kim = line.rings()
    eventually(lambda: len(line.door.events(e.CallBegan)) == before + 1)
    assert ana.post(f"/desk/calls/{kim.sid}/acceptance").status_code == 200
    eventually(lambda: kim.at == "Dial")
    kim.agent_picks_up()
    eventually(lambda: len(line.door.events(e.CallAnswered)) == before + 1)
    kim.agent_hangs_up()
    return kim


def test_whoever_has_spoken_with_somebody_rates_it_with_a_key_and_is_not_asked_again(line: Line) -> None:
    kim = spoken(line)
    assert "Press a key from 1, not at all, to 5, very." in kim.heard[-1]
    kim.presses("2")
    assert (kim.heard[-1], kim.over) == ("Thank you. Goodbye.", True)
    eventually(lambda: bool(line.door.events(e.SurveyAnswered)))
    answer = line.door.events(e.SurveyAnswered)[0]
    assert (answer.measure, answer.score, answer.channel) == ("csat", 2, "phone_line")
    eventually(lambda: bool(line.door.events(e.TaskOpened)))
    assert line.door.events(e.TaskOpened)[0].reason
    line.service.post(f"{line.door.url}/rated?line=0", kim._form(Digits="5"))
    again = spoken(line)
    assert again.over
    assert not any("satisfied" in heard for heard in again.heard)
    assert [answer.score for answer in line.door.events(e.SurveyAnswered)] == [2]


def test_no_key_or_a_wrong_one_is_no_rating(line: Line) -> None:
    kim = spoken(line)
    kim.presses("7")
    assert kim.over
    assert line.door.events(e.SurveyAsked) == []


def test_an_agent_who_does_not_pick_up_loses_nobody(line: Line) -> None:
    ana, bo = line.ana(), line.web.signed_in("bo")
    line.takes_calls("bo")
    kim = line.rings()
    eventually(lambda: bool(line.door.events(e.CallBegan)))
    accept = f"/desk/calls/{kim.sid}/acceptance"
    eventually(lambda: "no phone" in bo.post(accept).text)
    assert ana.post(accept).status_code == 200
    assert ana.post(accept).status_code >= 400
    eventually(lambda: kim.at == "Dial")
    kim.waits()
    assert "You are still in the line." in kim.heard[-2]
    assert kim.at == "Gather"
    eventually(lambda: ana.post(accept).status_code == 200)
    eventually(lambda: kim.at == "Dial")


def test_being_called_back_instead_of_waiting_is_work(line: Line) -> None:
    line.ana()
    kim = line.rings()
    kim.presses("1")
    assert "To be called back" in kim.heard[-2]
    kim.presses("1")
    assert kim.over
    eventually(lambda: line.preview == "Missed call: they asked to be called back")
    state = line.web.story.conversation
    assert (state.status, state.waiting_since is not None) == ("open", True)


def test_where_nobody_is_a_message_is_left_kept_and_written_down(line: Line) -> None:
    with Hearing("Please call me about order 10342.") as ear:
        line.hears(ear)
        kim = line.rings()
        assert "Nobody can take your call right now." in kim.heard
        kim.presses("2")
        kim.leaves_message(sound())
        assert kim.over
        eventually(lambda: line.preview == "Missed call: they left a message")
        eventually(lambda: bool(line.door.events(e.CallTranscribed)))
    page = line.web.signed_in("ana").get(f"/desk/conversations/{line.web.story.conversation.id}").text
    assert "Please call me about order 10342." in page
    assert "<audio" in page
    fetched = line.door.events(e.FileFetched)[0]
    played = line.web.signed_in("ana").get(f"/files/{fetched.message}/{fetched.number}")
    assert (played.headers["content-type"], played.content) == ("audio/wav", sound())
    assert b'name="model"\r\n\r\nwhisper-1' in ear.asked[0].body


def test_without_anything_that_hears_the_recording_alone_is_kept(line: Line) -> None:
    kim = line.rings()
    kim.presses("2")
    kim.leaves_message(sound())
    eventually(lambda: bool(line.door.events(e.CallTranscribed)))
    heard = line.door.events(e.CallTranscribed)[0]
    assert (heard.wording, heard.reason) == (0, transcripts.NOBODY)
    page = line.web.signed_in("ana").get(f"/desk/conversations/{line.web.story.conversation.id}").text
    assert transcripts.NOBODY in page
    assert "Voice message.wav" in page


def test_the_bot_answers_aloud_and_whoever_has_an_answer_was_not_missed(line: Line) -> None:
    line.with_bot()
    kim = line.rings()
    assert "Tell me in a few words" in kim.heard[-1]
    kim.says("Thanks, bye")
    eventually(lambda: kim.at == "Gather")
    said = [r.event for r in line.web.story.events(e.ReplyWritten)]
    assert [m.purpose for m in said] == ["reply"]
    kim.waits()
    kim.waits()
    assert kim.over
    assert "Goodbye" in kim.heard[-1]
    eventually(lambda: line.preview.endswith("answered by the bot"))
    assert line.web.story.conversation.waiting_since is None


def test_whoever_asks_the_bot_for_a_person_gets_into_the_line(line: Line) -> None:
    line.ana()
    line.with_bot()
    kim = line.rings()
    kim.says("I want to talk to a human")
    eventually(lambda: kim in line.service.queue and kim.at == "Gather")
    assert any("colleague" in heard for heard in kim.heard)
    assert line.web.story.conversation.status == "open"
    kim.hangs_up()
    eventually(lambda: line.preview == "Missed call: they hung up")


def test_a_department_is_chosen_with_a_key_and_becomes_a_tag(web: WebDesk, service: CallService) -> None:
    line = Line(web, service, departments=["Orders", "Returns"], record=True)
    line.ana()
    kim = line.rings()
    assert kim.heard[0].endswith("This call may be recorded.")
    assert "For Returns, press 2." in kim.heard[-1]
    kim.presses("2")
    eventually(lambda: line.web.story.conversation.tags == ("returns",))
    assert kim in service.queue


def test_what_an_agent_writes_is_not_read_out(line: Line) -> None:
    line.ana()
    line.rings()
    eventually(lambda: bool(line.door.events(e.CallBegan)))
    ana = line.web.signed_in("ana")
    asked = ana.post(f"/desk/conversations/{line.web.story.conversation.id}/replies", data={"text": "Hello"})
    assert "takes no written answer" in asked.text


def test_every_step_told_again_changes_nothing(line: Line) -> None:
    line.ana()
    kim = line.rings()
    for _ in range(3):
        line.service.post(line.door.url, kim._form(CallStatus="ringing"))
        line.service.post(f"{line.door.url}/queue?line=0", kim._form())
    for _ in range(2):
        line.service.post(f"{line.door.url}/status", kim._form(CallStatus="completed"))
    eventually(lambda: bool(line.door.events(e.CallEnded)))
    assert [len(line.door.events(kind)) for kind in (e.CallBegan, e.MessageReceived, e.CallEnded)] == [1, 1, 1]


def test_an_answer_is_read_out_without_signs_and_addresses() -> None:
    assert aloud("**Free** returns:\n- see [our page](https://x.example/a)", "en") == "Free returns:\nsee our page"
    assert aloud("https://x.example/a", "de-DE") == "ein Link, den wir Ihnen schicken können"
