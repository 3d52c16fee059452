"""Several processes on one PostgreSQL: what one of them changes, the others know."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.desk import StoryDesk
from parley.app import Desk
from parley.core.channel import Outbound
from parley.services import setup


@pytest.fixture
def first(tmp_path: Path, postgres_url: str) -> Iterator[StoryDesk]:
    story = StoryDesk(tmp_path, postgres_url)
    yield story
    story.close()


@pytest.fixture
def second(first: StoryDesk) -> Iterator[Desk]:
    """Another process of the same desk, which has looked at its setup already."""
    desk = Desk(first.desk.config, clock=first.clock, channels=first.desk.channels)
    desk.inboxes()
    yield desk
    desk.record.close()


def soon(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


def sent_by(story: StoryDesk) -> list[Outbound]:
    return list(story.console.sent)


def test_an_inbox_made_by_one_takes_and_sends_through_the_other(first: StoryDesk, second: Desk) -> None:
    ana = first.agent("ana")
    number = first.change(lambda tx: setup.add_inbox(tx, first.brand, "console", "Second", "second"))
    raw = b'{"id": "1", "who": "kim", "text": "Hello"}'
    assert second.intake.take(number, "1", raw).result(10)
    while second.intake.process():
        pass
    assert [row.inbox for row in first.conversations()] == [number]

    ana.replies("Hello Kim", settle=False)
    third = Desk(first.desk.config, clock=first.clock, channels=first.desk.channels)
    assert third.inboxes()
    other = first.change(lambda tx: setup.add_inbox(tx, first.brand, "console", "Third", "third"))
    assert other not in third.inboxes()
    assert other in third.inboxes((other,))
    third.record.close()
    first.desk.setup_changed()
    first.settle()
    assert [message.text for message in sent_by(first)] == ["Hello Kim"]


def test_changed_settings_reach_the_other_process_by_themselves(first: StoryDesk, second: Desk) -> None:
    second.follow_others()
    first.change(lambda tx: setup.change_inbox(tx, first.console_inbox, name="Renamed"))
    assert soon(lambda: second.inboxes()[first.console_inbox].name == "Renamed")


def test_a_process_that_serves_pages_only_hears_of_what_workers_do(first: StoryDesk, second: Desk) -> None:
    heard = threading.Event()
    second.record.on_news(lambda seq: heard.set())
    second.follow_others()
    time.sleep(0.5)
    heard.clear()
    first.visitor("kim").says("Hello")
    assert heard.wait(10)


def test_a_process_that_never_started_its_threads_stops_in_peace(first: StoryDesk) -> None:
    pages = Desk(first.desk.config, clock=first.clock, channels=first.desk.channels)
    pages.follow_others()
    pages.stop()
