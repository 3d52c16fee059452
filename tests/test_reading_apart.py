"""A backlog is read by a second process, which may die without harm."""

import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.desk import StoryDesk
from harness.fragile import BUSY, DEADLY, GREEDY, channel, line
from harness.mails import mails
from parley.core import events as e
from parley.services import reading_apart, setup
from parley.services.reading_apart import BACKLOG, Readers


@pytest.fixture
def backlogged(tmp_path: Path) -> Iterator[StoryDesk]:
    """A desk with an inbox of the fragile channel; reads backlogs apart, however many processors there are."""
    story = StoryDesk(tmp_path)
    story.desk.channels["fragile"] = channel
    story.fragile_inbox = story.change(lambda tx: setup.add_inbox(tx, story.brand, "fragile", "Fragile", "fragile"))
    story.desk.setup_changed()
    story.desk.intake.readers = Readers(story.desk.channels, story.desk.store, apart=True)
    yield story
    story.desk.intake.readers.close()
    story.close()


def take(story: StoryDesk, texts: list[str]) -> None:
    for number, text in enumerate(texts):
        raw = line(id=f"{number}", who=f"visitor {number}", text=text)
        story.desk.intake.take(story.fragile_inbox, f"{number}", raw).result(10)


def said(story: StoryDesk) -> list[str]:
    return sorted(r.event.preview for r in story.events(e.MessageReceived))  # type: ignore[union-attr]


def test_a_backlog_is_read_apart_and_filed_like_any_other(backlogged: StoryDesk) -> None:
    intake = backlogged.desk.intake
    batch = mails(60, seed=11)
    for mail in batch:
        intake.take(backlogged.mail_inbox, mail.message_id, mail.raw).result(10)
    intake.drain()
    assert intake.readers._other is not None
    assert len(backlogged.conversations()) == sum(mail.answers is None for mail in batch)
    attached = [file for r in backlogged.events(e.MessageReceived) for file in r.event.files]  # type: ignore[union-attr]
    assert attached
    assert all(len(backlogged.desk.store.get(file.sha256)) == file.size for file in attached)
    backlogged.rebuilds()


def test_a_few_deliveries_are_read_at_once(backlogged: StoryDesk) -> None:
    take(backlogged, ["Hello"] * (BACKLOG - 1))
    backlogged.desk.intake.drain()
    assert backlogged.desk.intake.readers._other is None
    assert len(said(backlogged)) == BACKLOG - 1


def test_the_delivery_that_kills_the_reader_goes_to_quarantine_alone(backlogged: StoryDesk) -> None:
    texts = [f"Message {number}" for number in range(BACKLOG + 5)]
    take(backlogged, [*texts[:7], DEADLY, *texts[7:]])
    backlogged.desk.intake.drain()
    assert said(backlogged) == sorted(texts)
    (kept,) = backlogged.events(e.Quarantined)
    assert kept.event.reason == "The process that read it died. The raw message is kept."  # type: ignore[union-attr]


def test_a_reader_that_was_killed_is_started_again(backlogged: StoryDesk) -> None:
    readers = backlogged.desk.intake.readers
    take(backlogged, [f"Message {number}" for number in range(BACKLOG)])
    backlogged.desk.intake.drain()
    assert readers._other is not None
    readers._other.process.kill()
    for number in range(BACKLOG):
        raw = line(id=f"later {number}", who=f"visitor {number}", text="Later")
        backlogged.desk.intake.take(backlogged.fragile_inbox, f"later {number}", raw).result(10)
    backlogged.desk.intake.drain()
    assert len(said(backlogged)) == 2 * BACKLOG
    assert not backlogged.events(e.Quarantined)


def test_without_work_the_second_process_ends(backlogged: StoryDesk) -> None:
    readers = backlogged.desk.intake.readers
    take(backlogged, ["Hello"] * BACKLOG)
    backlogged.desk.intake.drain()
    readers.rest()
    assert readers._other is not None
    other = readers._other
    other.used -= reading_apart.REST_AFTER + 1
    readers.rest()
    assert readers._other is None
    assert other.process.poll() is not None


def test_one_large_delivery_is_read_apart(backlogged: StoryDesk) -> None:
    take(backlogged, ["x" * (reading_apart.SMALL + 1)])
    backlogged.desk.intake.drain()
    assert backlogged.desk.intake.readers._other is not None
    assert len(said(backlogged)) == 1


@pytest.mark.parametrize(("word", "sign"), [(GREEDY, "MemoryError"), (BUSY, "The process that read it died")])
def test_who_takes_too_much_goes_to_quarantine_and_the_rest_is_filed(
    backlogged: StoryDesk, monkeypatch: pytest.MonkeyPatch, word: str, sign: str
) -> None:
    monkeypatch.setattr(reading_apart, "PROCESSOR", 2)
    monkeypatch.setattr(reading_apart, "PROCESSOR_ALONE", 1)
    texts = [f"Message {number}" for number in range(BACKLOG)]
    take(backlogged, [*texts, word])
    backlogged.desk.intake.drain()
    assert said(backlogged) == sorted(texts)
    (kept,) = backlogged.events(e.Quarantined)
    assert sign in kept.event.reason  # type: ignore[union-attr]


def test_a_batch_full_of_files_fits_as_well(backlogged: StoryDesk, caplog: pytest.LogCaptureFixture) -> None:
    """Files are synced by several threads, each of which claims memory of its own."""
    for number in range(200):
        data = b64encode(os.urandom(60 * 1024))
        raw = (
            b"From: Kim <kim@customer.test>\r\nTo: help@larkspur.test\r\nSubject: Picture %d\r\n"
            b"Message-ID: <p%d@customer.test>\r\nMIME-Version: 1.0\r\nContent-Type: image/png; name=p%d.png\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n%s\r\n" % (number, number, number, data)
        )
        backlogged.desk.intake.take(backlogged.mail_inbox, f"picture {number}", raw)
    backlogged.desk.intake.take(backlogged.mail_inbox, "last", raw.replace(b"<p", b"<last")).result(20)
    with caplog.at_level("WARNING"):
        backlogged.desk.intake.drain()
    assert "reading process" not in caplog.text
    assert len(backlogged.events(e.MessageReceived)) == 201


def test_the_largest_mail_fits_into_the_readers_memory(backlogged: StoryDesk) -> None:
    """Thirty-four megabytes of an attachment, in base64 as mail carries it."""
    data = b64encode(os.urandom(25 * 1024 * 1024))
    lines = b"\r\n".join(data[at : at + 76] for at in range(0, len(data), 76))
    head = (
        b"From: Kim <kim@customer.test>\r\nTo: help@larkspur.test\r\nSubject: The film\r\n"
        b"Message-ID: <film@customer.test>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: video/mp4; name=film.mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    for number in range(3):
        raw = head.replace(b"<film@", f"<film{number}@".encode()) + lines + b"\r\n"
        backlogged.desk.intake.take(backlogged.mail_inbox, f"film {number}", raw).result(20)
    backlogged.desk.intake.drain()
    received = [r.event for r in backlogged.events(e.MessageReceived)]
    assert [file.size for event in received for file in event.files] == [25 * 1024 * 1024] * 3  # type: ignore[union-attr]
    assert not backlogged.events(e.Quarantined)
