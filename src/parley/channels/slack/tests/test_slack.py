"""Slack: signed, once each, answered in the thread, refusals told."""

import json
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from harness.doors import Door
from harness.waiting import eventually
from harness.web import WebDesk
from parley.channels.slack import channel
from parley.channels.slack.facts import place_of
from parley.channels.slack.payload import escaped, plain
from parley.core import events as e
from parley.demo.simulators.slack import SECRET, TOKEN, SlackService, signed
from parley.services import setup


@pytest.fixture
def slack() -> Iterator[SlackService]:
    with SlackService() as slack:
        yield slack  # type: ignore[misc]


@pytest.fixture
def door(web: WebDesk, slack: SlackService) -> Door:
    return Door(web, channel, {"token": TOKEN, "signing_secret": SECRET, "api": slack.url, "look_back_minutes": 0})


def event(number: int, where: str = "D7", **more: Any) -> bytes:
    said = {"type": "message", "channel": where, "user": "U31", "text": "Hello", "ts": f"1767225600.{number:06}"}
    envelope = {"type": "event_callback", "event_id": f"Ev{number}", "team_id": "T1", "event": said | more}
    return json.dumps(envelope).encode()


def take(door: Door, body: bytes) -> int:
    return door.post(body, signed(body, door.now))


def test_a_repeated_event_is_one_message_and_a_forged_or_late_one_none(door: Door) -> None:
    body = event(1)
    assert door.post(body, signed(body, door.now, "guessed")) == 401
    assert door.post(body, signed(body, door.now - 301)) == 401
    assert door.post(body + b" ", signed(body, door.now)) == 401
    assert [take(door, body) for _ in range(4)] == [200] * 4
    assert take(door, event(2)) == 200
    assert len(door.received(2)) == 2
    assert len(door.story.conversations()) == 1


def test_what_slack_gave_up_is_looked_up_once(door: Door, slack: SlackService) -> None:
    """The desk was away for longer than Slack tries; in channels, threads and direct messages, on several pages."""
    now = time.time()

    def said(n: int, text: str, **more: Any) -> dict[str, Any]:
        return {"type": "message", "user": "U31", "text": text, "ts": f"{int(now) - 3600 + n}.000001", **more}

    first = said(1, "First")
    body = event(1, text="First", ts=first["ts"])
    assert take(door, body) == 200
    above = said(10, "In the channel", reply_count=1)
    slack.said = {
        "D7": [first, *(said(n, f"Missed {n}") for n in (2, 3, 4)), said(5, "Ours", bot_id="B1")],
        "C9": [above, said(11, "In its thread", thread_ts=above["ts"])],
        "X5": [said(6, "Where the app is not")],
    }
    with_look(door)
    names = {f"D7/{one['ts']}" for one in slack.said["D7"][:4]}
    names |= {f"C9/{above['ts']}", f"C9/{slack.said['C9'][1]['ts']}/{above['ts']}"}
    assert {m.external_id for m in door.received(6)} == names
    asked = len(slack.asked)
    with_look(door)  # the desk starts anew
    eventually(lambda: len(slack.asked) >= 2 * asked - 1)
    assert len(door.received(6)) == 6


def with_look(door: Door) -> None:
    """Look now, and not again for an hour."""
    box = door.story.inbox(door.number)
    minutes = 60 if box.settings.look_back_minutes != 60 else 61
    settings = msgspec.structs.replace(box.settings, look_back_minutes=minutes)
    door.story.change(lambda tx: setup.change_inbox(tx, door.number, settings=settings))
    door.web.room.setup_changed()


def test_the_address_is_verified(door: Door) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode()
    with door.web.browser() as http:
        assert http.post(door.url, content=body, headers=signed(body, door.now)).text == "3eZbrw1a"


def test_an_answer_goes_to_the_thread_it_was_asked_in(door: Door, slack: SlackService) -> None:
    take(door, event(1, "C9"))
    door.received(1)
    door.answers("Look at <this> & that")
    assert slack.asked[-1].json == {
        "channel": "C9", "thread_ts": "1767225600.000001", "text": "Look at &lt;this&gt; &amp; that",
        "unfurl_links": False,
    }  # fmt: skip
    news = {"type": "reaction_added", "user": "U31", "reaction": "tada"}
    item = {"type": "message", "channel": "C9", "ts": "1767225601.000001"}
    take(door, event(3, "C9", **news, item=item))
    eventually(lambda: bool(door.events(e.Reacted)))


def test_places_of_answers() -> None:
    assert place_of("D7/1.2", "T1/U31") == ("D7", "")
    assert place_of("D7/1.3/1.2", "T1/U31") == ("D7", "1.2")
    assert place_of("C9/1.2", "T1/U31") == ("C9", "1.2")
    assert place_of("C9/1.3/1.2", "T1/U31") == ("C9", "1.2")
    assert place_of(None, "T1/U31") == ("U31", "")
    assert place_of("<m@larkspur.test>", "T1/U31") == ("U31", "")


@pytest.mark.parametrize(("error", "final"), [("not_in_channel", True), ("internal_error", False), ("odd", True)])
def test_a_no_inside_a_yes_is_a_no(door: Door, slack: SlackService, error: str, final: bool) -> None:
    take(door, event(1))
    door.received(1)
    slack.error = error
    kind = e.SendFailed if final else e.SendDelayed
    assert door.answers("Good day", kind).reason


def test_slacks_way_of_writing_is_undone() -> None:
    assert plain("<https://a.test|our site> <mailto:k@a.test|k@a.test> <#C1|general> <!here> &lt;b&gt;") == (
        "our site (https://a.test) k@a.test #general @here <b>"
    )
    assert escaped("<!channel>") == "&lt;!channel&gt;"
