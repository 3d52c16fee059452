"""A system posts signed events and gets signed webhooks; a wrong, late or early signature is refused."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.waiting import eventually
from harness.web import WebDesk, served
from parley.channels import standard
from parley.channels.generic import channel
from parley.core import events as e
from parley.core.channel import Inbox
from parley.core.errors import NotProved
from parley.core.webhook import Call
from parley.demo.simulators.server import Asked, Platform, Said, as_json
from parley.services import setup

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSBib29raW5nIHN5c3RlbQ=="
KEY = standard.key_of(SECRET)


class System(Platform):
    """Somebody's own system: it checks our signature as we check its."""

    def answer(self, asked: Asked) -> Said:
        call = Call(method="POST", url="", at=time.time(), headers=asked.headers, body=asked.body)
        try:
            standard.must_be_signed(call, SECRET)
        except NotProved:
            return Said(401)
        return as_json({"id": f"note-{len(self.asked)}"})


@pytest.fixture
def system() -> Iterator[System]:
    with System() as system:
        yield system  # type: ignore[misc]


@pytest.fixture
def web(tmp_path: Path, engine_url: str) -> Iterator[WebDesk]:
    with served(tmp_path, url=engine_url) as web:
        yield web


def inbox_of(web: WebDesk, address: str = "b", **chosen: Any) -> int:
    settings, name = {"secret": SECRET, **chosen}, channel.manifest.name
    number: int = web.story.change(lambda tx: setup.add_inbox(tx, 1, name, "Booking", address, settings))
    web.room.setup_changed()
    return number


def message(id: str, who: str = "31", text: str = "Which room is it?", **more: Any) -> dict[str, Any]:
    return {"type": "message", "data": {"id": id, "from": {"id": who, "name": "Kim"}, "text": text, **more}}


def post(web: WebDesk, number: int, said: Any, name: str = "d-1", age: float = 0, key: bytes = KEY) -> httpx.Response:
    body = json.dumps(said).encode()
    at = int(web.story.clock().timestamp() - age)
    with web.browser() as http:
        return http.post(f"/hooks/{number}", content=body, headers=standard.headers(key, name, at, body))


def received(web: WebDesk) -> list[e.MessageReceived]:
    return [r.event for r in web.story.events(e.MessageReceived)]  # type: ignore[misc]


def test_the_signature_is_that_of_the_specification() -> None:
    """The example that the specification itself computes."""
    key = standard.key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = standard.signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_event_of_a_batch_is_a_message_once(web: WebDesk) -> None:
    number = inbox_of(web)
    events = [message("m-1"), message("m-2", "32"), message("m-3", text="And when?"), {"type": "room.cleaned"}]
    answers = [
        post(web, number, {"events": events}),
        post(web, number, events, "d-2"),
        post(web, number, events[0], "d-3"),
    ]
    assert [(a.status_code, a.json()) for a in answers] == [(200, {"kept": 4}), (200, {"kept": 4}), (200, {"kept": 1})]
    eventually(lambda: len(received(web)) >= 3)
    assert sorted(m.external_id or "" for m in received(web)) == [f"system/{number}/m-{n}" for n in (1, 2, 3)]
    assert len(web.story.conversations()) == 2


def test_a_wrong_late_or_early_signature_is_refused(web: WebDesk) -> None:
    number = inbox_of(web, former_secret="the one before")
    said = message("m-1")
    assert post(web, number, said, key=b"guessed").status_code == 401
    assert post(web, number, said, age=301).status_code == 401
    assert post(web, number, said, age=-301).status_code == 401
    assert post(web, number, said, key=b"the one before").status_code == 200
    with web.browser() as http:
        assert http.post(f"/hooks/{number}", json=said).status_code == 401
        body = json.dumps(said).encode()
        taken = standard.headers(KEY, "d-1", int(web.story.clock().timestamp()), body)
        assert http.post(f"/hooks/{number}", content=body, headers=taken | {"webhook-id": "d-2"}).status_code == 401


def test_an_answer_goes_out_signed_under_one_name_and_its_fate_comes_back(web: WebDesk, system: System) -> None:
    number = inbox_of(web, url=system.url + "/in")
    system.fail(1)
    post(web, number, message("m-1"))
    eventually(lambda: bool(received(web)))
    web.story.agent("ana").replies("Room 7.", settle=False)
    eventually(lambda: bool(web.story.events(e.SendDelayed)))
    web.story.clock.advance(minutes=1)
    eventually(lambda: bool(web.story.events(e.Sent)))
    first, second = system.asked
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    data = second.json["data"]
    assert (data["to"], data["text"], data["answers"], data["author"]) == ("31", "Room 7.", "m-1", "Ana")
    assert post(web, number, {"type": "receipt", "data": {"id": "note-2", "state": "read"}}).status_code == 200
    eventually(lambda: bool(web.story.events(e.Read)))


def test_news_of_another_system_with_the_same_name_moves_nothing(web: WebDesk, system: System) -> None:
    number, other = inbox_of(web, url=system.url), inbox_of(web, "c", url=system.url)
    post(web, number, message("m-1"))
    eventually(lambda: bool(received(web)))
    web.story.agent("ana").replies("Room 7.", settle=False)
    eventually(lambda: bool(web.story.events(e.Sent)))
    named = f"note-{len(system.asked)}"
    post(web, other, {"type": "receipt", "data": {"id": named, "state": "read"}}, name="d-2")
    post(web, number, {"type": "receipt", "data": {"id": named, "state": "delivered"}}, name="d-3")
    eventually(lambda: bool(web.story.events(e.Delivered)))
    assert web.story.events(e.Read) == []


def test_a_refusal_is_told_in_the_systems_own_words(web: WebDesk, system: System) -> None:
    number = inbox_of(web, url=system.url)
    system.scripted.append(as_json({"error": "They have left the hotel."}, 422))
    post(web, number, message("m-1"))
    eventually(lambda: bool(received(web)))
    web.story.agent("ana").replies("Room 7.", settle=False)
    eventually(lambda: bool(web.story.events(e.SendFailed)))
    failed = web.story.events(e.SendFailed)[0].event
    assert isinstance(failed, e.SendFailed)
    assert failed.reason == "Your system refused the message (422). They have left the hotel."
    assert not failed.can_retry


def test_people_are_joined_only_where_the_system_vouches(web: WebDesk) -> None:
    web.story.agent("ana")
    sure, unsure = inbox_of(web, vouches=True), web.story.change(
        lambda tx: setup.add_inbox(tx, 1, channel.manifest.name, "Forum", "f", {"secret": SECRET})
    )  # fmt: skip
    web.room.setup_changed()
    for number in (sure, unsure):
        said = message("m-1")
        said["data"]["from"]["mail"] = "kim@customer.test"
        assert post(web, number, said).status_code == 200
    eventually(lambda: len(received(web)) == 2)
    assert len(web.story.people()) == 2
    mails = [kind for kind, value in _addresses(web) if value == "kim@customer.test"]
    assert mails == ["mail"]


def test_its_check_wants_a_long_secret_and_a_url() -> None:
    def told(**chosen: Any) -> list[str]:
        settings = channel.manifest.settings(**chosen)
        return channel.check(Inbox(id=1, brand=1, channel="generic", name="B", address="b", settings=settings))

    assert len(told()) == 2
    assert "at least 24" in told(secret="short", url="https://a.test")[0]
    assert told(secret=SECRET, url="https://a.test") == []


def _addresses(web: WebDesk) -> list[tuple[str, str]]:
    from sqlalchemy import select

    from parley.services.people import identities

    with web.story.record.reading() as conn:
        return [tuple(row) for row in conn.execute(select(identities.c.kind, identities.c.value))]
