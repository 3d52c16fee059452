"""Our mail handed to a real SMTP server, willing and unwilling."""

import asyncio
from typing import Any

import pytest

from harness.ports import free_port
from harness.smtp_sink import Sink, smtp_sink
from parley.channels.email import channel
from parley.channels.email.notices import named
from parley.channels.email.tests.facts import inbox, message
from parley.channels.email.tests.test_composing import reply
from parley.core.channel import Address, Inbox, Outbound, Receipt
from parley.core.errors import SendFailed


def outgoing(sink: Sink, **settings: Any) -> Inbox:
    return inbox(smtp_host=sink.host, smtp_port=sink.port, smtp_security="none", **settings)


def send(message: Outbound, at: Inbox) -> Receipt:
    return asyncio.run(channel.send(message, at))


def failure(message: Outbound, at: Inbox) -> SendFailed:
    with pytest.raises(SendFailed) as failed:
        send(message, at)
    return failed.value


def test_a_mail_arrives_as_composed() -> None:
    with smtp_sink() as sink:
        receipt = send(reply(cc=("lee@example.com",), text=".\n..\nline"), outgoing(sink))
        [mail] = sink.wait_for(1)
    assert receipt == Receipt(provider_id="2.0.0 Ok: queued as 000001")
    assert (mail.sender, mail.recipients) == ("support@acme.example", ["kim@example.com", "lee@example.com"])
    assert message(mail.raw, inbox("kim@example.com")).text == ".\n..\nline"


def envelope(sink: Sink) -> list[str]:
    return [line.partition(">")[2].strip() for line in sink.commands if line.startswith(("MAIL", "RCPT"))]


def test_a_server_that_offers_it_is_asked_to_name_our_mail_in_its_reports() -> None:
    with smtp_sink() as sink:
        sink.offers = ("DSN",)
        ours = reply(cc=("lee@example.com",), external_id="<a=7+b@acme.example>", to=to("kim+shoes@example.com"))
        send(ours, outgoing(sink))
        send(reply(external_id=f"<{'x' * 120}@acme.example>"), outgoing(sink))
    first, second = envelope(sink)[:3], envelope(sink)[3:]
    mail, kim, lee = first
    assert mail.split() == ["RET=HDRS", "ENVID=<a+3D7+2Bb@acme.example>"]
    assert named(mail.partition("ENVID=")[2]) == ours.external_id
    assert (kim, lee) == ("NOTIFY=FAILURE,DELAY ORCPT=rfc822;kim+2Bshoes@example.com", "")
    assert second[0] == "RET=HDRS", "a name that is too long is left out"


def test_other_servers_are_asked_nothing_that_they_do_not_offer() -> None:
    with smtp_sink() as sink:
        send(reply(), outgoing(sink))
        sink.answer("EHLO", "502 5.5.1 Never heard of it", times=2)
        send(reply(), outgoing(sink))
        assert len(sink.wait_for(2)) == 2
    assert envelope(sink) == ["", "", "", ""]


@pytest.mark.parametrize(("verb", "answer"), [("MAIL", "555 5.5.4 No such parameter"), ("RCPT", "501 5.5.4 Syntax")])
def test_a_server_that_offers_it_and_refuses_it_gets_the_mail_without(verb: str, answer: str) -> None:
    with smtp_sink() as sink:
        sink.offers = ("DSN",)
        sink.answer(verb, answer, times=1)
        send(reply(), outgoing(sink))
        assert len(sink.wait_for(1)) == 1
    assert envelope(sink)[0].startswith("RET=HDRS")
    assert envelope(sink)[-2:] == ["", ""]


def to(mail: str) -> Address:
    return Address(kind="mail", value=mail)


def test_nobody_is_answered_where_a_mail_named_no_sender() -> None:
    unnamed = message(b"Subject: x\r\n\r\nhello")
    with smtp_sink() as sink:
        failed = failure(reply(to=unnamed.sender), outgoing(sink))
        assert sink.mails == []
    assert failed.permanent
    assert "named no sender" in str(failed)


def test_it_logs_in_where_asked() -> None:
    with smtp_sink(logins={"desk": "sécret"}) as sink:
        send(reply(), outgoing(sink, smtp_user="desk", smtp_password="sécret"))
        refused = failure(reply(), outgoing(sink, smtp_user="desk", smtp_password="wrong"))
        assert len(sink.mails) == 1
    assert not refused.permanent
    assert "refused the login" in str(refused)
    assert "wrong" not in str(refused)


@pytest.mark.parametrize(
    ("verb", "answer", "permanent"),
    [
        ("RCPT", "550 5.1.1 No such mailbox", True),
        ("RCPT", "450 4.2.1 Mailbox busy", False),
        ("MAIL", "452 4.3.1 Disk full", False),
        ("MAIL", "550 5.7.1 Not from you", True),
        ("DATA", "451 4.3.0 Later", False),
        (".", "554 5.7.1 Looks like spam", True),
        (".", "421 4.3.2 Going down", False),
    ],
)
def test_a_refusal_says_what_the_server_said_and_whether_to_try_again(verb: str, answer: str, permanent: bool) -> None:
    with smtp_sink() as sink:
        sink.answer(verb, answer)
        failed = failure(reply(), outgoing(sink))
        assert failed.permanent is permanent
        assert answer in str(failed)
        assert sink.mails == []
        send(reply(), outgoing(sink))
        assert len(sink.mails) == 1


def test_a_copy_that_is_refused_does_not_stop_the_mail() -> None:
    with smtp_sink() as sink:

        async def run() -> None:
            sink.answer("RCPT", "250 2.1.5 Ok")
            sink.answer("RCPT", "550 5.1.1 No such mailbox")
            receipt = await channel.send(reply(cc=("gone@example.com",)), outgoing(sink))
            assert receipt.left_out == "The copy to gone@example.com was refused: 550 5.1.1 No such mailbox."

        asyncio.run(run())
        assert len(sink.mails) == 1


def test_a_connection_cut_after_the_mail_is_tried_again_under_the_same_name() -> None:
    with smtp_sink() as sink:
        sink.drop_after_data = 1
        failed = failure(reply(), outgoing(sink))
        assert not failed.permanent
        send(reply(), outgoing(sink))
        first, second = sink.wait_for(2)
    assert message(first.raw).external_id == message(second.raw).external_id == "<our.7@acme.example>"


def test_nobody_there_is_temporary() -> None:
    failed = failure(reply(), inbox(smtp_host="127.0.0.1", smtp_port=free_port(), smtp_security="none"))
    assert not failed.permanent
    assert "127.0.0.1" in str(failed)


def test_no_encryption_where_it_was_asked_for_sends_nothing() -> None:
    with smtp_sink() as sink:
        failed = failure(reply(), inbox(smtp_host=sink.host, smtp_port=sink.port, smtp_security="starttls"))
        assert not failed.permanent
        assert sink.mails == []


def test_an_impossible_address_is_permanent() -> None:
    with smtp_sink() as sink:
        assert failure(reply(to=Address(kind="mail", value="nobody")), outgoing(sink)).permanent


def test_a_password_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with smtp_sink(logins={"desk": "from outside"}) as sink:
        settings: dict[str, Any] = {"smtp_user": "desk", "smtp_password": "env:PARLEY_TEST_SMTP_PASSWORD"}
        assert "PARLEY_TEST_SMTP_PASSWORD" in str(failure(reply(), outgoing(sink, **settings)))
        assert any("PARLEY_TEST_SMTP_PASSWORD" in line for line in channel.check(outgoing(sink, **settings)))
        monkeypatch.setenv("PARLEY_TEST_SMTP_PASSWORD", "from outside")
        send(reply(), outgoing(sink, **settings))
        steps = channel.try_connections(outgoing(sink, **settings))
        assert all(good for _, good, _ in steps)
        assert steps[-1] == ("Sending, ready:", True, "127.0.0.1 takes mail from us.")


def test_odd_settings_are_named() -> None:
    said = " ".join(
        channel.check(
            inbox(
                "support+desk@acme.example",
                imap_host="mail.acme.example",
                imap_security="none",
                imap_user="x",
                poll_seconds=1,
                listen_port=25,
                listen_host="0.0.0.0",
                smtp_host="mail.acme.example",
                smtp_port=465,
                smtp_user="x",
            )
        )
    )
    for word in ("plus", "imap_password", "imap_security", "poll_seconds", "listen_host", "465", "belong together"):
        assert word in said
    assert channel.check(inbox()) == [
        "No mail can come in: set imap_host or mail_api to fetch it, listen_port or hook_from to be handed it.",
        "No mail can be sent: set smtp_host or mail_api.",
    ]
