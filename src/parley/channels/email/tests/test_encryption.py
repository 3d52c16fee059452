"""The receiving port encrypts: real clients, a certificate of the operator's or one of its own making."""

import asyncio
import smtplib
import socket
import ssl
from pathlib import Path

import pytest

from harness.ports import free_port
from parley.channels.email import channel
from parley.channels.email.encryption import self_made
from parley.channels.email.tests.facts import inbox
from parley.channels.email.tests.test_receiving import RAW, Desk, listening, spoken, story


def certificate(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    """(certificate, key) in files of their own."""
    chain, key = folder / "chain.pem", folder / "key.pem"
    for file, data in zip((chain, key), self_made(name), strict=True):
        file.write_bytes(data)
    return chain, key


def unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def encrypted(port: int, context: ssl.SSLContext, raw: bytes = RAW) -> None:
    """Sent by the standard library's client after STARTTLS."""
    with smtplib.SMTP("localhost", port) as client:
        assert client.starttls(context=context)[0] == 220
        client.ehlo()
        assert "starttls" not in client.esmtp_features
        client.sendmail("kim@example.com", ["support@acme.example"], raw)


def test_with_a_certificate_of_its_own_making_mail_comes_in_encrypted() -> None:
    async def steps(desk: Desk, port: int) -> None:
        await asyncio.to_thread(encrypted, port, unchecked())

    [(_, name, raw)] = story(steps, listen_host="localhost").kept
    assert b" with ESMTPS;" in raw
    assert name == channel.provider_id(RAW)


def test_the_operators_certificate_is_checked_by_name_and_read_again_when_it_is_renewed(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)

    async def steps(desk: Desk, port: int) -> None:
        for number in range(2):
            trusting = ssl.create_default_context(cafile=str(chain))
            await asyncio.to_thread(encrypted, port, trusting, RAW + b"%d\r\n" % number)
            certificate(tmp_path)
            with pytest.raises(ssl.SSLCertVerificationError):
                await asyncio.to_thread(encrypted, port, trusting)

    desk = story(steps, listen_host="localhost", listen_certificate=str(chain), listen_key=str(key))
    assert len(desk.kept) == 2


def test_large_mails_and_many_in_a_row_come_whole() -> None:
    async def steps(desk: Desk, port: int) -> None:
        def many() -> None:
            with smtplib.SMTP("localhost", port) as client:
                client.starttls(context=unchecked())
                for number in range(20):
                    raw = RAW + (b"%d " % number) * 50_000 + b"\r\n"
                    client.sendmail("kim@example.com", ["support@acme.example"], raw)

        await asyncio.to_thread(many)

    kept = story(steps, listen_host="localhost").kept
    assert [raw.partition(b"\r\n\r\n")[2].split()[3] for _, _, raw in kept] == [b"%d" % n for n in range(20)]


def test_who_must_encrypt_and_does_not_is_turned_away_with_a_sentence() -> None:
    async def steps(desk: Desk, port: int) -> None:
        heard = await asyncio.to_thread(spoken, port, b"EHLO x\r\nMAIL FROM:<kim@example.com>\r\nQUIT\r\n")
        assert b"\r\n530 5.7.0 Say STARTTLS first\r\n" in heard
        await asyncio.to_thread(encrypted, port, unchecked())

    assert len(story(steps, listen_host="localhost", listen_security="required").kept) == 1


def test_what_was_put_behind_starttls_in_clear_is_never_obeyed() -> None:
    """The injection of CVE-2011-0411: commands in the same packet must not count once the line is encrypted."""

    async def steps(desk: Desk, port: int) -> None:
        def attack() -> bytes:
            with socket.create_connection(("localhost", port), timeout=5) as line:
                line.recv(4096)
                line.sendall(b"EHLO x\r\n")
                line.recv(4096)
                line.sendall(b"STARTTLS\r\nEHLO y\r\nMAIL FROM:<boss@example.com>\r\n")
                assert line.recv(4096) == b"220 2.0.0 Begin\r\n"
                with unchecked().wrap_socket(line) as safe:
                    safe.sendall(b"RCPT TO:<support@acme.example>\r\n")
                    return safe.recv(4096)

        assert (await asyncio.to_thread(attack)).startswith(b"503")

    assert story(steps, listen_host="localhost").kept == []


def test_what_is_said_in_clear_before_is_forgotten() -> None:
    async def steps(desk: Desk, port: int) -> None:
        def talk() -> tuple[int, bytes]:
            with smtplib.SMTP("localhost", port) as client:
                client.ehlo()
                client.mail("kim@example.com")
                client.starttls(context=unchecked())
                return client.docmd("MAIL FROM:<kim@example.com>")

        assert (await asyncio.to_thread(talk))[0] == 503

    story(steps, listen_host="localhost")


def test_a_handshake_that_is_none_ends_the_line_and_nothing_else() -> None:
    async def steps(desk: Desk, port: int) -> None:
        heard = await asyncio.to_thread(spoken, port, b"EHLO x\r\nSTARTTLS\r\n", b"", b"hello?\r\n")
        assert b"220 2.0.0 Begin" in heard
        await asyncio.to_thread(encrypted, port, unchecked())

    assert len(story(steps, listen_host="localhost").kept) == 1


def test_a_certificate_that_cannot_be_read_is_said_and_mail_still_comes(tmp_path: Path) -> None:
    async def steps(desk: Desk, port: int) -> None:
        heard = await asyncio.to_thread(spoken, port, b"EHLO x\r\nSTARTTLS\r\nQUIT\r\n")
        assert b"\r\n454 4.7.0 Cannot encrypt now\r\n" in heard

    desk = story(steps, listen_certificate=str(tmp_path / "missing.pem"))
    assert "It comes in unencrypted; check listen_certificate" in desk.said[0][1]


def test_it_encrypts_on_uvloop_too() -> None:
    loops = pytest.importorskip("uvloop")
    desk, port = Desk(), free_port()

    async def run() -> None:
        async with listening(desk, inbox(listen_port=port, listen_host="localhost")):
            await asyncio.to_thread(encrypted, port, unchecked())

    with asyncio.Runner(loop_factory=loops.new_event_loop) as runner:
        runner.run(run())
    assert len(desk.kept) == 1
