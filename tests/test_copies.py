"""Who else gets an answer: whom a reply to all reaches, what an agent may write there, what comes back."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from harness.desk import StoryDesk
from harness.smtp_sink import smtp_sink
from mail_trials.pretending import FAILED, PASSED
from parley.channels import installed
from parley.core import events as e
from parley.core.errors import Refused
from parley.log.record import Tx
from parley.services import copies, delivery, inbox, replies, sendings, setup, threads

KIM, BEN, EVE = "kim@customer.test", "ben@customer.test", "eve@evil.test"


def arrives(desk: StoryDesk, text: str, checks: Any = None, **head: str) -> None:
    number = next(desk.numbers)
    usual = {"From": KIM, "To": "help@larkspur.test", "Subject": "Chairs", "Message-ID": f"<c{number}@x.test>"}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in (usual | head).items()]
    raw = (checks.line() if checks else b"") + "\r\n".join([*lines, "", text, ""]).encode()
    desk.desk.intake.take(desk.mail_inbox, f"c{number}", raw).result(10)
    desk.settle()


def everybody(desk: StoryDesk) -> tuple[str, ...]:
    """A reply to all of the only conversation."""
    number = desk.conversation.id

    def ask(conn: Connection) -> tuple[str, ...]:
        return copies.of_all(conn, number, inbox.history(conn, number, newest=60))

    return desk.record.ask(ask)


def newest_name(desk: StoryDesk) -> str:
    return str(desk.events(e.ReplyWritten)[-1].event.external_id)  # type: ignore[union-attr]


def test_a_reply_to_all_reaches_the_writer_and_the_copies_of_what_came_last(desk: StoryDesk) -> None:
    arrives(desk, "Two chairs.", Cc=f"Ben <{BEN}>, lee@customer.test")
    assert everybody(desk) == (KIM, BEN, "lee@customer.test")
    desk.agent("ana").replies("Which colour?", cc=(BEN, "new@customer.test"))
    assert everybody(desk) == (KIM, BEN, "new@customer.test"), "whom the desk left out stays out"
    arrives(desk, "Oak.", From=BEN, In_Reply_To=newest_name(desk))
    assert everybody(desk) == (BEN,), "Ben wrote to us alone"


def test_a_stranger_is_on_no_answer_by_naming_themselves(desk: StoryDesk) -> None:
    arrives(desk, "Two chairs.", PASSED)
    desk.agent("ana").replies("They go to Elm Street 7.")
    arrives(desk, "Copy me in.", FAILED, In_Reply_To=newest_name(desk), Cc=EVE)
    assert everybody(desk) == (KIM,), "a mail that is held does not count"
    arrives(desk, "Copy me in.", In_Reply_To=newest_name(desk), Cc=EVE)
    assert everybody(desk) == (KIM,), "nobody joins a matter with a history unless its writer is proved"
    arrives(desk, "Ben helps me.", PASSED, In_Reply_To=newest_name(desk), Cc=BEN)
    assert everybody(desk) == (KIM, BEN)


def test_copies_are_put_in_order_and_what_is_none_is_said(desk: StoryDesk) -> None:
    def check(cc: tuple[str, ...], bcc: tuple[str, ...] = ()) -> Any:
        return desk.record.ask(copies.checked, KIM, cc, bcc)

    assert check((" BEN@Customer.test ", KIM, BEN, "help@larkspur.test"), (BEN, "boss@larkspur.test")) == (
        (BEN,),
        ("boss@larkspur.test",),
    )
    for wrong in ("ben", "ben@customer.test\r\nBcc: eve@evil.test", "", "ben@@x", "jürgen@x.test"):
        with pytest.raises(Refused, match="is not a mail address"):
            check((wrong,))
    with pytest.raises(Refused, match="51 copies; 50 can go"):
        check(tuple(f"k{n}@x.test" for n in range(51)))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", ()),
        ("Ben Ruiz <b@x.test>, lee@x.test;mia@x.test  a@x.test", ("b@x.test", "lee@x.test", "mia@x.test", "a@x.test")),
        (" , ;", ()),
        ("the boss", ("the boss",)),
    ],
)  # fmt: skip
def test_a_line_of_addresses_is_read(line: str, found: tuple[str, ...]) -> None:
    assert copies.listed(line) == found


def test_an_unseen_copy_takes_no_part_and_stands_in_no_mail(desk: StoryDesk) -> None:
    with smtp_sink() as sink:
        settings = {"smtp_host": sink.host, "smtp_port": sink.port, "smtp_security": "none"}
        desk.change(lambda tx: setup.change_inbox(tx, desk.mail_inbox, settings=settings))
        desk.desk.setup_changed()
        arrives(desk, "Two chairs.", Cc=BEN)
        sink.answer("RCPT", "250 yes", times=1)
        sink.answer("RCPT", "550 5.1.1 No such mailbox", times=1)
        desk.agent("ana").replies("Here.", cc=(BEN,), bcc=("boss@larkspur.test",))
        [mail] = sink.mails
    assert mail.recipients == ["boss@larkspur.test"], "the sink keeps those whom it was not told how to answer"
    assert b"boss@" not in mail.raw
    assert f"Cc: {BEN}".encode() in mail.raw
    number = desk.conversation.id
    assert not [who for n, who in desk.rows(threads.participants) if n == number and "boss@" in who]
    [row] = desk.record.ask(delivery.of_conversation, number).values()
    assert (row.state, row.reason) == ("sent", f"The copy to {BEN} was refused: 550 5.1.1 No such mailbox.")
    arrives(desk, "I see.", From="boss@larkspur.test", In_Reply_To=newest_name(desk))
    assert desk.events(e.MessageReceived)[-1].event.unverified  # type: ignore[union-attr]


def test_an_answer_for_later_keeps_its_copies(desk: StoryDesk) -> None:
    arrives(desk, "Two chairs.", Cc=BEN)
    who, number = desk.agent("ana").viewer, desk.conversation.id
    when = sendings.Plan(due=desk.clock() + timedelta(hours=2))

    def act(tx: Tx) -> int:
        keep = lambda fact, words: sendings.plan(tx, number, who, fact, words, when)  # noqa: E731
        return replies.reply(tx, number, who, "Tomorrow.", cc=(BEN,), bcc=("boss@larkspur.test",), keep=keep)

    desk.record.do(act)
    desk.later(hours=3)
    [written] = desk.events(e.ReplyWritten)
    assert isinstance(written.event, e.ReplyWritten)
    assert (written.event.cc, written.event.bcc) == ((BEN,), ("boss@larkspur.test",))


def test_a_chat_carries_no_copies(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello?")
    with pytest.raises(Refused, match="carries no copies"):
        desk.agent("ana").replies("Hello.", cc=(BEN,), channels=installed() | {"console": desk.console})
