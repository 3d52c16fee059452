"""Instagram: everything of a batch once, comments answered in private, and what Meta's refusals mean."""

from collections.abc import Iterator
from typing import Any

import pytest

from harness.doors import Door
from harness.waiting import eventually
from harness.web import WebDesk
from parley.channels.instagram import channel
from parley.core import events as e
from parley.demo.simulators.meta import MetaService, batch, direct, signed

SETTINGS = {"account": "17900", "token": "t", "app_secret": "shared", "verify_token": "word"}


@pytest.fixture
def graph() -> Iterator[MetaService]:
    with MetaService() as graph:
        yield graph  # type: ignore[misc]


@pytest.fixture
def door(web: WebDesk, graph: MetaService) -> Door:
    return Door(web, channel, SETTINGS | {"api": graph.url})


def take(door: Door, *events: dict[str, Any], **more: Any) -> int:
    body = batch("instagram", "17900", *events, **more)
    return door.post(body, signed(body, "shared"))


def test_everything_in_a_batch_is_taken_once(door: Door) -> None:
    hello, again = direct("31", "ig.1", "Is it in stock?"), direct("31", "ig.2", "In blue?")
    assert [take(door, hello, again), take(door, again, hello), take(door, hello)] == [200, 200, 200]
    assert [m.external_id for m in door.received(2)] == ["ig.1", "ig.2"]
    assert len(door.story.conversations()) == 1
    body = batch("instagram", "17900", hello)
    assert door.post(body, signed(body, "guessed")) == 401


def test_an_event_of_the_test_console_has_the_same_name(door: Door) -> None:
    said = direct("31", "ig.1", "Is it in stock?")
    console = {"field": "messages", "value": said}
    assert take(door, said) == 200
    assert take(door, changes=[console]) == 200
    assert take(door, direct("31", "ig.2", "Hello?")) == 200
    assert [m.external_id for m in door.received(2)] == ["ig.1", "ig.2"]


def test_a_comment_comes_again_with_another_time_and_is_answered_in_private(door: Door, graph: MetaService) -> None:
    value = {"id": "c7", "text": "Is it waterproof?", "from": {"id": "34", "username": "kim"}, "media": {"id": "p1"}}
    comment = {"field": "comments", "value": value}
    assert [take(door, changes=[comment], time=n) for n in (1767225600, 1767225660)] == [200, 200]
    assert [m.external_id for m in door.received(1)] == ["comment/c7"]
    door.answers("It is.")
    assert graph.sent[0].path == "/17900/messages"
    assert graph.sent[0].json["recipient"] == {"comment_id": "c7"}


@pytest.mark.parametrize(
    ("code", "told"), [(10, "24 hours"), (190, "access token has ended"), (230, "not agreed"), (551, "refused")]
)
def test_a_refusal_is_told_so_that_somebody_can_act(door: Door, graph: MetaService, code: int, told: str) -> None:
    take(door, direct("31", "ig.1", "Hello?"))
    door.received(1)
    graph.refuse(code)
    failed = door.answers("Good day", e.SendFailed)
    assert told in failed.reason
    assert not failed.can_retry


def test_a_long_answer_goes_out_in_pieces_in_order(door: Door, graph: MetaService) -> None:
    take(door, direct("31", "ig.1", "Tell me everything."))
    door.received(1)
    door.answers("\n\n".join(f"Chapter {n}. " + "It goes on. " * 30 for n in range(5)))
    texts = [asked.json["message"]["text"] for asked in graph.sent]
    assert len(texts) >= 2
    assert all(len(text) <= 1000 for text in texts)
    assert [n for n in range(5) if f"Chapter {n}" in " ".join(texts)] == [0, 1, 2, 3, 4]


def test_a_wait_is_kept_when_meta_says_how_long(door: Door, graph: MetaService) -> None:
    take(door, direct("31", "ig.1", "Hello?"))
    door.received(1)
    graph.throttle(1, 120)
    delayed = door.answers("Good day", e.SendDelayed)
    assert (delayed.next_try - door.story.clock.now).total_seconds() > 100
    door.story.clock.advance(seconds=130)
    eventually(lambda: bool(door.events(e.Sent)))
    assert len(graph.sent) == 2


def test_the_handshake_is_answered(door: Door) -> None:
    with door.web.browser() as http:
        asked = {"hub.mode": "subscribe", "hub.challenge": "77", "hub.verify_token": "word"}
        assert http.get(door.url, params=asked).text == "77"
