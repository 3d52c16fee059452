"""Mail handed over by a mail server: real connections to a real listener on loopback."""

import asyncio
import smtplib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from harness.ports import free_port
from parley.channels.email import channel
from parley.channels.email.mime import MAIL_BYTES
from parley.channels.email.tests.facts import inbox, message
from parley.core.channel import Door, Inbox
from parley.core.errors import Busy

RAW = b"From: Kim <kim@example.com>\r\nTo: support@acme.example\r\nSubject: Hello\r\n\r\nWhere is it?\r\n"


class Desk:
    """What stands behind the door: keeps deliveries, or refuses them when told to."""

    def __init__(self) -> None:
        self.kept: list[tuple[int, str, bytes]] = []
        self.names: set[tuple[int, str]] = set()
        self.notes: dict[str, bytes] = {}
        self.said: list[tuple[int, str]] = []
        self.busy_for: set[int] = set()
        self.before_keeping: Callable[[], Awaitable[None]] | None = None
        self.at_once = self.most_at_once = 0

    async def take(self, inbox: int, name: str, raw: bytes) -> bool:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.before_keeping:
                await self.before_keeping()
            if inbox in self.busy_for:
                raise Busy("The disk is full.")
            if (inbox, name) in self.names:
                return False
            self.names.add((inbox, name))
            self.kept.append((inbox, name, raw))
            return True
        finally:
            self.at_once -= 1

    async def get(self, key: str) -> bytes | None:
        return self.notes.get(key)

    async def put(self, key: str, value: bytes) -> None:
        self.notes[key] = value

    def door(self, *inboxes: Inbox) -> Door:
        return Door(
            inboxes=inboxes,
            take=self.take,
            memory=self,
            say=lambda number, sentence: self.said.append((number, sentence)),
            environment={},
        )


@asynccontextmanager
async def listening(desk: Desk, *inboxes: Inbox) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(channel.listen(desk.door(*inboxes)))
    try:
        await until(lambda: any("Listening" in sentence for _, sentence in desk.said))
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


def story(steps: Callable[[Desk, int], Coroutine[Any, Any, None]], *addresses: str, **settings: Any) -> Desk:
    """Run the steps with a listener for these addresses; inboxes are numbered from 1."""
    desk, port = Desk(), free_port()
    inboxes = [
        inbox(address, number, listen_port=port, **settings)
        for number, address in enumerate(addresses or ("support@acme.example",), 1)
    ]

    async def run() -> None:
        async with listening(desk, *inboxes):
            await steps(desk, port)

    asyncio.run(run())
    return desk


def sent(
    port: int, *recipients: str, raw: bytes = RAW, sender: str = "kim@example.com"
) -> dict[str, tuple[int, bytes]]:
    """Sent by the standard library's client; the recipients that were refused."""
    with smtplib.SMTP("127.0.0.1", port) as client:
        return client.sendmail(sender, list(recipients), raw)


def spoken(port: int, *lines: bytes, wait: float = 0.3) -> bytes:
    """What the server says to raw bytes, greeting included."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        heard = connection.recv(4096)
        for line in lines:
            connection.sendall(line)
        connection.settimeout(wait)
        try:
            while piece := connection.recv(65536):
                heard += piece
        except TimeoutError:
            pass
        return heard


def test_a_mail_comes_with_its_envelope_and_its_name() -> None:
    async def steps(desk: Desk, port: int) -> None:
        await asyncio.to_thread(sent, port, "support+r1.2.3.abc@acme.example")

    [(number, name, raw)] = story(steps).kept
    assert number == 1
    assert name == channel.provider_id(RAW)
    assert raw.endswith(RAW)
    read = message(raw)
    assert read.reply_tokens == ("r1.2.3.abc",)
    assert read.recipients == ("support@acme.example", "support+r1.2.3.abc@acme.example")
    assert read.automatic is None


def test_a_bounce_has_no_sender_and_is_known_as_automatic() -> None:
    async def steps(desk: Desk, port: int) -> None:
        await asyncio.to_thread(sent, port, "support@acme.example", sender="")

    assert message(story(steps).kept[0][2]).automatic


def test_an_unknown_inbox_is_refused_at_once_and_the_rest_goes_on() -> None:
    async def steps(desk: Desk, port: int) -> None:
        refused = await asyncio.to_thread(sent, port, "nobody@acme.example", "SUPPORT@Acme.Example")
        assert refused == {"nobody@acme.example": (550, b"5.1.1 No inbox here has this address")}

    assert len(story(steps).kept) == 1


def test_one_mail_to_several_inboxes_is_taken_once_by_each() -> None:
    async def steps(desk: Desk, port: int) -> None:
        await asyncio.to_thread(
            sent, port, "support@acme.example", "sales@acme.example", "sales+x@acme.example", "help@acme.example"
        )

    kept = story(steps, "support@acme.example", "sales@acme.example", "help@acme.example").kept
    assert sorted(number for number, _, _ in kept) == [1, 2, 3]
    assert len({name for _, name, _ in kept}) == 1


def test_an_alias_belongs_to_its_inbox() -> None:
    async def steps(desk: Desk, port: int) -> None:
        await asyncio.to_thread(sent, port, "help+tok@acme.example")

    desk = story(steps, "support@acme.example", aliases=("help@acme.example",))
    assert message(desk.kept[0][2], inbox(aliases=("help@acme.example",))).reply_tokens == ("tok",)


def test_busy_means_try_again_and_nothing_is_lost() -> None:
    async def steps(desk: Desk, port: int) -> None:
        desk.busy_for = {1}
        with pytest.raises(smtplib.SMTPDataError) as refused:
            await asyncio.to_thread(sent, port, "support@acme.example", "sales@acme.example")
        assert refused.value.smtp_code == 451
        desk.busy_for = set()
        await asyncio.to_thread(sent, port, "support@acme.example", "sales@acme.example")

    desk = story(steps, "support@acme.example", "sales@acme.example")
    assert sorted(number for number, _, _ in desk.kept) == [1, 2]
    assert any("turned away" in sentence for _, sentence in desk.said)


def test_lmtp_answers_for_each_recipient() -> None:
    async def steps(desk: Desk, port: int) -> None:
        desk.busy_for = {2}
        heard = await asyncio.to_thread(
            spoken,
            port,
            b"LHLO mta\r\nMAIL FROM:<kim@example.com>\r\nRCPT TO:<support@acme.example>\r\n"
            b"RCPT TO:<sales@acme.example>\r\nRCPT TO:<gone@acme.example>\r\nDATA\r\n" + RAW + b".\r\nQUIT\r\n",
        )
        assert [line[:3] for line in heard.splitlines()][-7:] == [
            b"250",
            b"250",
            b"550",
            b"354",
            b"250",
            b"451",
            b"221",
        ]

    assert [number for number, _, _ in story(steps, "support@acme.example", "sales@acme.example").kept] == [1]


def test_the_answer_comes_only_after_the_mail_was_kept() -> None:
    async def steps(desk: Desk, port: int) -> None:
        gate = asyncio.Event()

        async def wait() -> None:
            await gate.wait()

        desk.before_keeping = wait
        sending = asyncio.create_task(asyncio.to_thread(sent, port, "support@acme.example"))
        await until(lambda: desk.at_once == 1)
        await asyncio.sleep(0.1)
        assert not sending.done()
        gate.set()
        await sending

    assert len(story(steps).kept) == 1


def test_deliveries_wait_together_so_that_they_can_share_a_commit() -> None:
    async def steps(desk: Desk, port: int) -> None:
        everybody = asyncio.Event()

        async def wait() -> None:
            if desk.at_once == 4:
                everybody.set()
            await everybody.wait()

        desk.before_keeping = wait
        mails = [RAW + b"%d\r\n" % number for number in range(4)]
        await asyncio.gather(*(asyncio.to_thread(sent, port, "support@acme.example", raw=raw) for raw in mails))

    desk = story(steps)
    assert desk.most_at_once == 4
    assert len(desk.kept) == 4


SMUGGLED = b"MAIL FROM:<boss@example.com>%sRCPT TO:<support@acme.example>%sDATA%sFrom: boss@example.com%s%sPay!%s.%s"


ENDS = [one + b"." + other for one in (b"\n", b"\r", b"\r\n") for other in (b"\n", b"\r", b"\r\n")]


@pytest.mark.parametrize("before", [b"first", b"first\n", b"first\r\n", b""], ids=repr)
@pytest.mark.parametrize("end", [end for end in ENDS if end != b"\r\n.\r\n"], ids=repr)
def test_a_second_mail_cannot_be_smuggled_inside_a_first(end: bytes, before: bytes) -> None:
    """S31: whoever reads line ends loosely would see two mails here, so nobody gets any."""

    async def steps(desk: Desk, port: int) -> None:
        second = SMUGGLED.replace(b"%s", b"\r\n").removesuffix(b".\r\n")
        heard = await asyncio.to_thread(
            spoken,
            port,
            b"EHLO x\r\nMAIL FROM:<kim@example.com>\r\nRCPT TO:<support@acme.example>\r\nDATA\r\n",
            RAW + before + end + second + b"\r\n.\r\nQUIT\r\n",
        )
        assert heard.splitlines()[-2].startswith(b"554 5.6.0")
        assert heard.count(b"354") == 1

    assert story(steps).kept == []


@pytest.mark.parametrize("odd", [b"\r\n\0.\r\n", b"\r\n..\r\n", b"\n..\n", b"a.\n", b"\n.a\n", b"\r\n .\r\n"], ids=repr)
def test_what_only_looks_like_an_end_is_part_of_the_one_mail(odd: bytes) -> None:
    async def steps(desk: Desk, port: int) -> None:
        second = SMUGGLED.replace(b"%s", b"\r\n").removesuffix(b".\r\n")
        await asyncio.to_thread(
            spoken,
            port,
            b"EHLO x\r\nMAIL FROM:<kim@example.com>\r\nRCPT TO:<support@acme.example>\r\nDATA\r\n",
            RAW + b"first" + odd + second + b"\r\n.\r\nQUIT\r\n",
        )

    [(_, _, raw)] = story(steps).kept
    assert raw.count(b"Return-Path:") == 1
    assert (b"first" + odd).replace(b"\r\n.", b"\r\n") in raw  # a dot that begins a line is one too many
    assert b"MAIL FROM:<boss@example.com>" in raw


def test_a_mail_in_chunks_is_not_offered_and_hides_nothing() -> None:
    """S31: BDAT is unknown here, so the bytes behind it are commands, and no mail."""

    async def steps(desk: Desk, port: int) -> None:
        chunk = RAW + b"\r\n"
        heard = await asyncio.to_thread(
            spoken,
            port,
            b"EHLO x\r\nMAIL FROM:<kim@example.com>\r\nRCPT TO:<support@acme.example>\r\n",
            b"BDAT %d LAST\r\n" % len(chunk) + chunk + b"QUIT\r\n",
        )
        assert b"CHUNKING" not in heard
        assert b"Kept" not in heard

    assert story(steps).kept == []


def test_commands_end_in_cr_lf_only() -> None:
    async def steps(desk: Desk, port: int) -> None:
        heard = await asyncio.to_thread(spoken, port, b"EHLO x\nMAIL FROM:<kim@example.com>\nNOOP\r\nNOOP\r\n")
        assert heard.splitlines()[1:] == [b"500 5.5.2 Lines end in CR LF, and only there", b"250 2.0.0 Ok"]

    story(steps)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_bytes_may_come_in_any_portions(size: int) -> None:
    async def steps(desk: Desk, port: int) -> None:
        talk = (
            b"EHLO x\r\nMAIL FROM:<kim@example.com> SIZE=100\r\nRCPT TO:<support@acme.example>\r\nDATA\r\n..one\r\n"
            b"..\r\n.two\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<support@acme.example>\r\nDATA\r\n" + RAW + b".\r\nQUIT\r\n"
        )
        portions = [talk[place : place + size] for place in range(0, len(talk), size)]
        heard = await asyncio.to_thread(spoken, port, *portions)
        assert heard.count(b"250 2.0.0 Kept") == 2

    first, second = story(steps).kept
    assert first[2].endswith(b"\r\n.one\r\n.\r\ntwo\r\n")
    assert second[2].endswith(RAW)


def test_a_mail_too_large_is_refused_by_its_claim_and_by_its_bytes() -> None:
    async def steps(desk: Desk, port: int) -> None:
        claim = b"EHLO x\r\nMAIL FROM:<kim@example.com> SIZE=%d\r\nQUIT\r\n" % (MAIL_BYTES + 1)
        assert b"552 5.3.4" in await asyncio.to_thread(spoken, port, claim)
        start = b"EHLO x\r\nMAIL FROM:<kim@example.com>\r\nRCPT TO:<support@acme.example>\r\nDATA\r\n"
        mail = RAW + b"x" * (MAIL_BYTES + 1) + b"\r\n.\r\n"
        heard = await asyncio.to_thread(spoken, port, start, mail, b"NOOP\r\nQUIT\r\n", wait=5.0)
        assert b"552 5.3.4" in heard
        assert heard.endswith(b"250 2.0.0 Ok\r\n221 2.0.0 Goodbye\r\n")

    assert story(steps).kept == []


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"MAIL FROM:<a@b.example>\r\n", b"503"),
        (b"EHLO x\r\nRCPT TO:<support@acme.example>\r\n", b"503"),
        (b"EHLO x\r\nMAIL FROM:<>\r\nDATA\r\n", b"503"),
        (b"EHLO x\r\nMAIL a@b.example\r\n", b"501"),
        (b"WHAT\r\n", b"500"),
        (b"VRFY kim\r\n", b"252"),
        (b"x" * 5000, b"500"),
        (b"NO\r\n" * 30, b"421"),
        (b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<support@acme.example>\r\nDATA\r\n.\r\n", b"554"),
    ],
)
def test_nonsense_gets_a_plain_answer(said: bytes, answer: bytes) -> None:
    async def steps(desk: Desk, port: int) -> None:
        heard = await asyncio.to_thread(spoken, port, said)
        assert heard.splitlines()[-1].startswith(answer)

    assert story(steps).kept == []


def test_limits_of_size_and_recipients_are_the_inboxs_own() -> None:
    async def steps(desk: Desk, port: int) -> None:
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            await asyncio.to_thread(sent, port, "support@acme.example", raw=RAW + b"x" * 5000)
        assert (refused.value.smtp_code, refused.value.smtp_error) == (552, b"5.3.4 At most 5000 bytes a mail")
        everybody = [f"support+{n}@acme.example" for n in range(4)]
        said = await asyncio.to_thread(sent, port, *everybody)
        assert said == {everybody[3]: (452, b"4.5.3 Too many recipients; send the rest separately")}

    assert len(story(steps, listen_bytes=5000, listen_recipients=3).kept) == 1


def test_a_mail_in_circles_is_refused() -> None:
    async def steps(desk: Desk, port: int) -> None:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            await asyncio.to_thread(sent, port, "support@acme.example", raw=b"Received: x\r\n" * 120 + RAW)
        assert refused.value.smtp_code == 554

    story(steps)


def test_stopping_finishes_what_is_being_kept_and_frees_the_port() -> None:
    desk, port = Desk(), free_port()

    async def run() -> None:
        gate = asyncio.Event()

        async def wait() -> None:
            await gate.wait()

        desk.before_keeping = wait
        async with listening(desk, inbox(listen_port=port)) as task:
            sending = asyncio.create_task(asyncio.to_thread(sent, port, "support@acme.example"))
            await until(lambda: desk.at_once == 1)
            task.cancel()
            await asyncio.sleep(0.1)
            gate.set()
            await asyncio.gather(sending, task, return_exceptions=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))

    asyncio.run(run())
    assert len(desk.kept) == 1


def test_it_works_on_uvloop_too() -> None:
    """Its transports are of a class of their own."""
    loops = pytest.importorskip("uvloop")
    desk, port = Desk(), free_port()

    async def run() -> None:
        async with listening(desk, inbox(listen_port=port)):
            await asyncio.to_thread(sent, port, "support@acme.example")

    with asyncio.Runner(loop_factory=loops.new_event_loop) as runner:
        runner.run(run())
    assert len(desk.kept) == 1


def test_a_port_that_is_taken_is_said_so() -> None:
    desk = Desk()

    async def run(port: int) -> None:
        task = asyncio.create_task(channel.listen(desk.door(inbox(listen_port=port))))
        await until(lambda: bool(desk.said))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        asyncio.run(run(taken.getsockname()[1]))
    assert "Cannot listen" in desk.said[0][1]
