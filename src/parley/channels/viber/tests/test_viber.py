"""Viber: signed by the token, once each, states of ours, and refusals inside an answer of 200."""

import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest

from harness.doors import Door
from harness.waiting import eventually
from harness.web import WebDesk
from parley.channels.viber import channel
from parley.core import events as e
from parley.demo.simulators.server import Asked, Platform, Said, as_json

TOKEN = "445da6az1s345z78"


class ViberService(Platform):
    def __init__(self) -> None:
        super().__init__()
        self.status = 0

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("x-viber-auth-token") != TOKEN:
            return as_json({"status": 2, "status_message": "invalidAuthToken"})
        return as_json({"status": self.status, "status_message": "said so", "message_token": 5000 + len(self.asked)})


@pytest.fixture
def viber() -> Iterator[ViberService]:
    with ViberService() as viber:
        yield viber  # type: ignore[misc]


@pytest.fixture
def door(web: WebDesk, viber: ViberService) -> Door:
    return Door(web, channel, {"token": TOKEN, "sender": "Larkspur", "api": viber.url})


def take(door: Door, token: str = TOKEN, **event: object) -> int:
    body = json.dumps(event).encode()
    return door.post(body, {"x-viber-content-signature": hmac.new(token.encode(), body, hashlib.sha256).hexdigest()})


def hello(door: Door) -> None:
    who = {"id": "01234=", "name": "Kim"}
    said = {"type": "text", "text": "Open today?"}
    for _ in range(3):
        assert take(door, event="message", message_token=7, sender=who, message=said) == 200
    door.received(1)


def test_a_message_is_taken_once_and_its_answer_is_followed(door: Door, viber: ViberService) -> None:
    assert take(door, "guessed", event="message", message_token=7) == 401
    hello(door)
    door.answers("Until six.")
    assert viber.asked[0].json["sender"] == {"name": "Larkspur"}
    for state in ("delivered", "seen"):
        assert take(door, event=state, message_token=5001, user_id="01234=", timestamp=1767225600000) == 200
    eventually(lambda: bool(door.events(e.Read)))
    assert len(door.received()) == 1


@pytest.mark.parametrize(("status", "kind"), [(6, e.SendFailed), (12, e.SendDelayed), (99, e.SendFailed)])
def test_a_no_inside_a_yes_is_a_no(door: Door, viber: ViberService, status: int, kind: type) -> None:
    hello(door)
    viber.status = status
    assert door.answers("Until six.", kind).reason
