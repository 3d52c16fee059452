"""A mailbox watched over IMAP, on a real Dovecot."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from harness.dovecot import Dovecot, dovecot, needs_dovecot
from harness.ports import free_port
from parley.channels.email import channel
from parley.channels.email.tests.facts import inbox, message
from parley.channels.email.tests.test_receiving import Desk, until
from parley.core.channel import Inbox

pytestmark = needs_dovecot
USER = "support@acme.example"


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot({f"{USER}.{number}": 'sé cret"\\' for number in range(12)}) as running:
        yield running


@pytest.fixture
def user(server: Dovecot, request: pytest.FixtureRequest) -> str:
    """A mailbox of the test's own."""
    taken = server.__dict__.setdefault("taken", [])
    taken.append(request.node.name)
    return f"{USER}.{len(taken) - 1}"


def mail(number: int, body: str = "Where is it?") -> bytes:
    return (
        f"From: Kim <kim@example.com>\r\nTo: {USER}\r\nSubject: Question {number}\r\n"
        f"Message-ID: <{number}@example.com>\r\n\r\n{body}\r\n"
    ).encode()


def mailbox(server: Dovecot, user: str, **settings: Any) -> Inbox:
    usual: dict[str, Any] = {
        "imap_host": server.host,
        "imap_port": server.imap_port,
        "imap_security": "none",
        "imap_user": user,
        "imap_password": 'sé cret"\\',
    }
    return inbox(**(usual | settings))


@asynccontextmanager
async def watching(desk: Desk, inbox: Inbox) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(channel.listen(desk.door(inbox)))
    try:
        yield task
    finally:
        began = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert time.monotonic() - began < 2, "stopping must be prompt"


def subjects(desk: Desk) -> list[str]:
    return sorted(message(raw).subject or "" for _, _, raw in desk.kept)


def test_what_lies_there_and_what_comes_is_taken_once(server: Dovecot, user: str) -> None:
    desk = Desk()
    for number in range(3):
        server.deliver(user, mail(number))

    async def run() -> None:
        async with watching(desk, mailbox(server, user)):
            await until(lambda: len(desk.kept) == 3)
            server.deliver(user, mail(3))
            await until(lambda: len(desk.kept) == 4)
        server.deliver(user, mail(4))
        async with watching(desk, mailbox(server, user)):
            await until(lambda: len(desk.kept) == 5)

    asyncio.run(run())
    assert subjects(desk) == [f"Question {number}" for number in range(5)]
    assert any("told at once" in sentence for _, sentence in desk.said)
    assert [value.split()[1] for value in desk.notes.values()] == [b"5"]


def test_the_same_mail_by_imap_and_by_smtp_has_one_name(server: Dovecot, user: str) -> None:
    desk = Desk()
    server.deliver(user, b"Return-Path: <kim@example.com>\r\nReceived: from a\r\n by b\r\n" + mail(1))

    async def run() -> None:
        async with watching(desk, mailbox(server, user)):
            await until(lambda: len(desk.kept) == 1)

    asyncio.run(run())
    assert desk.kept[0][1] == channel.provider_id(mail(1))


def test_while_the_desk_is_busy_the_place_stays_where_it_was(server: Dovecot, user: str) -> None:
    desk = Desk()
    desk.busy_for = {1}
    server.deliver(user, mail(1))

    async def run() -> None:
        async with watching(desk, mailbox(server, user)):
            await until(lambda: any("waits in the mailbox" in sentence for _, sentence in desk.said))
            assert desk.notes == {}
            desk.busy_for = set()
            await until(lambda: len(desk.kept) == 1)

    asyncio.run(run())


def test_a_mailbox_numbered_anew_is_read_again_and_nothing_is_missed(server: Dovecot, user: str) -> None:
    desk = Desk()
    for number in range(3):
        server.deliver(user, mail(number))

    async def run() -> None:
        async with watching(desk, mailbox(server, user)):
            await until(lambda: len(desk.kept) == 3)
            before = dict(desk.notes)
            await asyncio.to_thread(server.number_anew, user)
            server.deliver(user, mail(3))
            await until(lambda: len(desk.kept) == 4, 20)
            await until(lambda: desk.notes != before)
            assert {key: value.split()[0] for key, value in before.items()} != {
                key: value.split()[0] for key, value in desk.notes.items()
            }

    asyncio.run(run())
    assert subjects(desk) == [f"Question {number}" for number in range(4)]


def test_old_mail_can_be_left_alone(server: Dovecot, user: str) -> None:
    desk = Desk()
    server.deliver(user, mail(1))

    async def run() -> None:
        async with watching(desk, mailbox(server, user, imap_old_mail=False)):
            await until(lambda: any("Connected" in sentence for _, sentence in desk.said))
            server.deliver(user, mail(2))
            await until(lambda: len(desk.kept) == 1)

    asyncio.run(run())
    assert subjects(desk) == ["Question 2"]


def test_many_mails_are_taken_together(server: Dovecot, user: str) -> None:
    desk = Desk()
    for number in range(120):
        server.deliver(user, mail(number, "x" * 2000))

    async def run() -> None:
        async def wait() -> None:
            await asyncio.sleep(0.01)

        desk.before_keeping = wait
        async with watching(desk, mailbox(server, user)):
            await until(lambda: len(desk.kept) == 120)

    asyncio.run(run())
    assert desk.most_at_once >= 20


def test_two_mails_that_share_a_message_id_are_both_taken(server: Dovecot, user: str) -> None:
    desk = Desk()
    server.deliver(user, mail(1, "the first"))
    server.deliver(user, mail(1, "the second"))

    async def run() -> None:
        async with watching(desk, mailbox(server, user)):
            await until(lambda: len(desk.kept) == 2)

    asyncio.run(run())
    assert {message(raw).external_id for _, _, raw in desk.kept} == {"<1@example.com>"}


def test_a_refused_login_is_said_in_words(server: Dovecot, user: str) -> None:
    desk = Desk()

    async def run() -> None:
        async with watching(desk, mailbox(server, user, imap_password="wrong")):
            await until(lambda: bool(desk.said))

    asyncio.run(run())
    assert "refused the login" in desk.said[0][1]
    assert "wrong" not in desk.said[0][1]


def test_the_folder_that_is_missing_and_the_server_that_is_gone_are_said_too(server: Dovecot, user: str) -> None:
    desk = Desk()
    absent = inbox(number=2, imap_host="127.0.0.1", imap_port=free_port(), imap_security="none", imap_user="x")

    async def run() -> None:
        async with watching(desk, mailbox(server, user, imap_folder="Höhle & Co")):
            await until(lambda: bool(desk.said))
        async with watching(desk, absent):
            await until(lambda: desk.said[-1][0] == 2)

    asyncio.run(run())
    assert "EXAMINE" in desk.said[0][1]
    assert "cannot be reached" in desk.said[-1][1]


def test_the_setup_page_can_try(server: Dovecot, user: str) -> None:
    server.deliver(user, mail(1))
    good = channel.try_connections(mailbox(server, user))
    assert [(step, worked) for step, worked, _ in good] == [
        (f"Fetching, {step}:", True) for step in ("look up", "connect", "encrypt", "log in", "folders")
    ]
    assert good[-1][2] == "INBOX holds 1 mail. There are: INBOX."
    refused = channel.try_connections(mailbox(server, user, imap_password="wrong"))
    assert refused[-1][:2] == ("Fetching, log in:", False)
    assert "said no" in refused[-1][2]
    absent = channel.try_connections(mailbox(server, user, imap_folder="Höhle & Co"))
    assert absent[-1][1:] == (
        False,
        f"127.0.0.1:{server.imap_port} said no: there is no folder Höhle & Co. There are: INBOX.",
    )


def test_a_folder_of_any_name_is_listed_and_watched(server: Dovecot, user: str) -> None:
    for name in ("Anfragen &- Übriges", "INBOX.Köln"):
        server.make_folder(user, name)
    names = ["Anfragen &- Übriges", "INBOX.Köln"]
    for name in names:
        steps = channel.try_connections(mailbox(server, user, imap_folder=name))
        assert steps[-1][1], steps
        assert all(one in steps[-1][2] for one in names)
