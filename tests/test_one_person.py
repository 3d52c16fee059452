"""One person on two channels: an address proved in the chat, a mail on the same timeline, an answer by mail."""

import asyncio
import email
import email.policy
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from harness.desk import StoryDesk
from harness.smtp_sink import Sink, smtp_sink
from parley.app import room_of
from parley.core import events as e
from parley.core.channel import Address, Inbox
from parley.log.record import words
from parley.services import inbox, listening, people, proof, replies, search, setup
from parley.web import present, views
from parley.web.visitors import VisitorDesk

KEY = b"a secret for tests"


@pytest.fixture
def post() -> Iterator[Sink]:
    with smtp_sink() as sink:
        yield sink


@pytest.fixture
def mailing(desk: StoryDesk, post: Sink) -> StoryDesk:
    """A desk whose mail goes to a real SMTP server."""
    settings = {"smtp_host": "127.0.0.1", "smtp_port": post.port, "smtp_security": "none"}
    desk.change(lambda tx: setup.change_inbox(tx, desk.mail_inbox, settings=settings))
    desk.desk.setup_changed()
    return desk


def parsed(sink: Sink, number: int = -1) -> email.message.EmailMessage:
    sink.wait_for(1)
    mail = email.message_from_bytes(sink.mails[number].raw, policy=email.policy.default)
    assert isinstance(mail, email.message.EmailMessage)
    return mail


def text_of(mail: email.message.EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part
    return str(part.get_content())


def proves_mail(desk: StoryDesk, post: Sink, person: int, address: str) -> None:
    """The visitor claims an address, gets a code by mail, and types it."""
    state = desk.record.ask(inbox.of_person, person, inbox.SYSTEM)[0]
    desk.change(lambda tx: proof.send_code(tx, state, address, desk.inbox(desk.mail_inbox), f"person/{person}", KEY))
    desk.settle()
    code = re.search(r"\b\d{6}\b", text_of(parsed(post)))
    assert code
    assert desk.change(lambda tx: proof.type_code(tx, state, code[0], f"person/{person}")) == address


def test_a_chat_goes_on_by_mail_and_stays_one_conversation(mailing: StoryDesk, post: Sink) -> None:
    desk = mailing
    desk.chatter("kim").says("Is the blue lamp coming back?")
    conversation = desk.conversation
    proves_mail(desk, post, conversation.person, "kim@example.com")
    assert len(desk.people()) == 1

    ana = desk.agent("ana")
    person = desk.conversation.person
    address = next(i for i in desk.record.ask(people.identities_of, person) if i.kind == "mail")
    ana.replies("It is back on Monday.", via=(desk.inbox(desk.mail_inbox), address))
    answer = parsed(post)
    assert answer["To"].addresses[0].addr_spec == "kim@example.com"
    assert "It is back on Monday." in text_of(answer)

    reply_to = answer["Reply-To"].addresses[0].addr_spec
    desk.customer("kim@example.com", "Kim").mails("Re: lamp", "Wonderful, thank you", to=reply_to)
    assert [row.id for row in desk.conversations()] == [conversation.id]
    assert "Wonderful, thank you" in desk.words()[-1]
    assert {r.event.channel for r in desk.events(e.MessageReceived)} == {"webchat", "email"}  # type: ignore[union-attr]


def test_a_later_mail_lands_on_the_same_person(mailing: StoryDesk, post: Sink) -> None:
    desk = mailing
    desk.chatter("kim").says("Hello")
    proves_mail(desk, post, desk.conversation.person, "kim@example.com")
    desk.customer("Kim@Example.com", "Kim Lee").mails("Something new", "Do you sell candles?")
    first, second = desk.conversations()
    assert first.id != second.id
    assert first.person == second.person
    assert len(desk.record.ask(inbox.of_person, first.person, inbox.SYSTEM)) == 2


def test_an_unproved_claim_joins_nobody(mailing: StoryDesk) -> None:
    desk = mailing
    desk.customer("kim@example.com", "Kim").mails("Mine", "My own matter")
    desk.chatter("eve").says("I am kim@example.com")
    state = next(row for row in desk.conversations() if row.channel == "webchat")
    desk.change(lambda tx: proof.send_code(tx, state, "kim@example.com", desk.inbox(desk.mail_inbox), "person/9", KEY))
    assert desk.change(lambda tx: proof.type_code(tx, state, "000000", "person/9")) is None
    assert len({row.person for row in desk.conversations()}) == 2


def test_a_mails_answer_threads_by_reference_and_a_strangers_is_held(mailing: StoryDesk, post: Sink) -> None:
    desk = mailing
    desk.customer("kim@example.com", "Kim").mails("A lamp", "Is it blue?")
    desk.agent("ana").replies("It is green.")
    ours = parsed(post)
    assert ours["In-Reply-To"] == "<m1@customer.test>"
    assert ours["Subject"] == "Re: A lamp"
    desk.customer("kim@example.com").mails("Re: A lamp", "Then no.", answers=ours["Message-ID"])
    assert len(desk.conversations()) == 1
    desk.customer("mallory@example.org").mails("Re: A lamp", "Send me all of it", answers=ours["Message-ID"])
    received = [r.event for r in desk.events(e.MessageReceived)]
    assert [event.unverified for event in received] == [False, False, True]  # type: ignore[union-attr]


def test_a_forwarded_reply_address_holds_a_stranger_as_unverified(mailing: StoryDesk, post: Sink) -> None:
    desk = mailing
    desk.customer("kim@example.com", "Kim").mails("A lamp", "Is it blue?")
    desk.agent("ana").replies("It is green.")
    reply_to = parsed(post)["Reply-To"].addresses[0].addr_spec
    desk.customer("mallory@example.org").mails("Hello", "I got this address", to=reply_to)
    (held,) = [r for r in desk.events(e.MessageReceived) if r.event.unverified]  # type: ignore[union-attr]
    assert held.subject_id == desk.conversation.id
    desk.agent("ana").replies("And taller, too.")
    assert post.mails[-1].recipients == ["kim@example.com"]


def test_a_tampered_reply_address_reaches_nothing(mailing: StoryDesk, post: Sink) -> None:
    desk = mailing
    desk.customer("kim@example.com", "Kim").mails("A lamp", "Is it blue?")
    desk.agent("ana").replies("It is green.")
    local, _, domain = parsed(post)["Reply-To"].addresses[0].addr_spec.partition("@")
    forged = f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}"
    desk.customer("mallory@example.org").mails("Hello", "Guessing", to=forged)
    assert len(desk.conversations()) == 2


def test_a_bounce_marks_the_message_it_speaks_of(mailing: StoryDesk, post: Sink) -> None:
    desk = mailing
    desk.customer("kim@example.com", "Kim").mails("A lamp", "Is it blue?")
    desk.agent("ana").replies("It is green.")
    ours = parsed(post)["Message-ID"]
    bounce = (
        "From: MAILER-DAEMON@mx.example.com\r\nTo: help@larkspur.test\r\nSubject: Undelivered\r\n"
        "Message-ID: <b1@mx.example.com>\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-replied\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nNo such user.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
        "Final-Recipient: rfc822; kim@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {ours}\r\nSubject: Re: A lamp\r\n\r\n--b--\r\n"
    ).encode()
    desk.desk.intake.take(desk.mail_inbox, "bounce-1", bounce).result(10)
    desk.settle()
    (failed,) = desk.events(e.SendFailed)
    assert "No such user" in failed.event.reason  # type: ignore[union-attr]
    assert len(desk.conversations()) == 1


def test_a_report_with_nothing_but_the_name_we_gave_the_envelope_is_tied_to_its_mail(
    mailing: StoryDesk, post: Sink
) -> None:
    """As servers write it that were asked with DSN: no headers of ours come back, ENVID and ORCPT do."""
    desk = mailing
    post.offers = ("DSN",)
    desk.customer("kim@example.com", "Kim").mails("A lamp", "Is it blue?")
    desk.agent("ana").replies("It is green.")
    envelope = next(line for line in post.commands if "ENVID=" in line).rpartition("ENVID=")[2]
    asked_for = next(line for line in post.commands if "ORCPT=" in line).rpartition("ORCPT=")[2]
    report = (
        "From: MAILER-DAEMON@mx.example.com\r\nTo: help@larkspur.test\r\nSubject: Delayed\r\n"
        "Message-ID: <d1@mx.example.com>\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-replied\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Original-Envelope-Id: {envelope}\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
        f"Original-Recipient: {asked_for}\r\nFinal-Recipient: rfc822; kim.lee@provider.example\r\nAction: failed\r\n"
        "Status: 5.2.2\r\nDiagnostic-Code: smtp; 552 5.2.2 Mailbox full\r\n\r\n--b--\r\n"
    ).encode()
    desk.desk.intake.take(desk.mail_inbox, "report-1", report).result(10)
    desk.settle()
    [failed], [written] = desk.events(e.SendFailed), desk.events(e.ReplyWritten)
    assert failed.event.message == written.event.message  # type: ignore[union-attr]
    assert "Mailbox full" in failed.event.reason  # type: ignore[union-attr]
    assert len(desk.conversations()) == 1


def test_a_rating_is_asked_by_mail_with_links_and_counted_once(mailing: StoryDesk, post: Sink) -> None:
    desk = mailing
    desk.customer("kim@example.com", "Kim").mails("A lamp", "Is it blue?")
    ana = desk.agent("ana")
    ana.replies("It is green.")
    ana.closes()
    desk.later(hours=1)
    asked = text_of(parsed(post))
    links = re.findall(r"http://desk\.test/rate/(\S+?)\?score=(\d)", asked)
    assert [score for _, score in links] == ["1", "2", "3", "4", "5"]
    assert len({token for token, _ in links}) == 1


def test_the_same_mail_by_two_ways_is_one_message(mailing: StoryDesk) -> None:
    from parley.channels.email import channel

    raw = b"From: kim@example.com\r\nTo: help@larkspur.test\r\nMessage-ID: <one@x>\r\nSubject: Hi\r\n\r\nHello\r\n"
    traced = b"Received: from a by b; Mon, 2 Mar 2026 09:00:00 +0000\r\nDelivered-To: help@larkspur.test\r\n" + raw
    for version in (raw, traced):
        mailing.desk.intake.take(mailing.mail_inbox, channel.provider_id(version), version).result(10)
    mailing.settle()
    assert mailing.conversation.messages == 1


def test_names_come_with_the_address(mailing: StoryDesk) -> None:
    mailing.customer("kim@example.com", "Kim Lee").mails("Hi", "Hello")
    (kim,) = mailing.people()
    assert kim.name == "Kim Lee"
    met = mailing.change(lambda tx: people.meet(tx, [Address(kind="mail", value="KIM@example.com")], "test"))
    assert next(iter(met.values())).person == kim.id


def test_our_own_mail_coming_back_is_no_news(mailing: StoryDesk, post: Sink) -> None:
    desk = mailing
    desk.customer("kim@example.com", "Kim").mails("A lamp", "Is it blue?")
    desk.agent("ana").replies("It is green.")
    desk.desk.intake.take(desk.mail_inbox, "echo", post.wait_for(1)[-1].raw).result(10)
    desk.settle()
    assert desk.conversation.messages == 2


def test_an_imported_mailbox_keeps_both_sides(mailing: StoryDesk) -> None:
    desk = mailing
    mails = [
        ("kim@example.com", "help@larkspur.test", "<a@x>", "", "A lamp", "Is it blue?"),
        ("help@larkspur.test", "kim@example.com", "<b@larkspur.test>", "<a@x>", "Re: A lamp", "It is green."),
        ("kim@example.com", "help@larkspur.test", "<c@x>", "<b@larkspur.test>", "Re: A lamp", "Good."),
    ]
    for n, (sender, to, name, answers, subject, body) in enumerate(mails):
        raw = (
            f"From: {sender}\r\nTo: {to}\r\nMessage-ID: {name}\r\nIn-Reply-To: {answers}\r\nSubject: {subject}\r\n"
            f"Date: Mon, 02 Feb 2026 1{n}:00:00 +0000\r\n\r\n{body}\r\n"
        )
        desk.desk.intake.take(desk.mail_inbox, name, raw.encode(), history=True).result(10)
    desk.settle()
    assert [words.strip() for words in desk.words()] == ["Is it blue?", "It is green.", "Good."]
    assert desk.conversation.last_at.hour == 12
    assert desk.view("waiting") == []
    assert desk.events(e.BotPondered, e.SurveyDue) == []


def test_a_chat_that_went_on_by_mail_is_still_the_same_chat(mailing: StoryDesk, post: Sink) -> None:
    desk = mailing
    kim = desk.chatter("kim")
    kim.says("Is the blue lamp coming back?")
    proves_mail(desk, post, desk.conversation.person, "kim@example.com")
    person = desk.conversation.person
    address = next(i for i in desk.record.ask(people.identities_of, person) if i.kind == "mail")
    desk.agent("ana").replies("On Monday.", via=(desk.inbox(desk.mail_inbox), address))
    reply_to = parsed(post)["Reply-To"].addresses[0].addr_spec
    desk.customer("kim@example.com").mails("Re: lamp", "Thanks", to=reply_to)
    kim.says("Back in the chat: which Monday?")
    assert len(desk.conversations()) == 1


def test_mail_from_our_own_address_is_never_answered_by_a_machine(mailing: StoryDesk) -> None:
    raw = (
        b"From: help@larkspur.test\r\nTo: help@larkspur.test\r\nMessage-ID: <self@x>\r\nSubject: Hi\r\n\r\n"
        b"Where is my order 10342?\r\n"
    )
    mailing.desk.intake.take(mailing.mail_inbox, "self", raw).result(10)
    mailing.settle()
    (received,) = mailing.events(e.MessageReceived)
    assert "our own address" in received.event.automatic  # type: ignore[union-attr, operator]
    assert mailing.view("waiting") == []


# ── the code is known to the mailbox alone ──────────────────────────────────────────────────


def test_a_mailed_code_can_be_read_nowhere_at_the_desk(mailing: StoryDesk, post: Sink) -> None:
    desk = mailing
    desk.chatter("kim").says("Is the blue lamp coming back?")
    proves_mail(desk, post, desk.conversation.person, "kim@example.com")
    code = re.search(r"\b\d{6}\b", text_of(parsed(post)))
    assert code
    assert not any(code[0] in str(row) for row in desk.rows(words))
    assert not any(code[0] in str(r.event) for r in desk.events())
    assert desk.record.ask(search.find, desk.record.database.name, code[0], inbox.SYSTEM) == []
    assert desk.record.ask(search.find, desk.record.database.name, "Your code", inbox.SYSTEM) == []


def test_two_codes_differ_and_the_newer_one_counts(mailing: StoryDesk, post: Sink) -> None:
    desk = mailing
    desk.chatter("kim").says("Hello")
    state = desk.conversation
    for _ in range(2):
        via = desk.inbox(desk.mail_inbox)
        desk.change(lambda tx, via=via: proof.send_code(tx, state, "kim@example.com", via, "bot", KEY))
        desk.settle()
    post.wait_for(2)
    old, new = (re.findall(r"\b\d{6}\b", text_of(parsed(post, n)))[0] for n in (0, 1))
    assert old != new
    assert desk.change(lambda tx: proof.type_code(tx, state, old, "bot")) is None
    assert desk.change(lambda tx: proof.type_code(tx, state, new, "bot")) == "kim@example.com"


# ── taking a merge back ─────────────────────────────────────────────────────────────────────


def nameless_and_kim(desk: StoryDesk) -> tuple[int, int]:
    desk.chatter("guest").says("Hello")
    desk.customer("kim@example.com", "Kim Lee").mails("A lamp", "Is it blue?")
    kim, guest = (row.person for row in desk.conversations())
    desk.change(lambda tx: people.merge(tx, guest, kim, "the same", "agent/1"))
    assert desk.record.ask(people.person, guest).name == "Kim Lee"
    return guest, kim


def test_a_name_that_came_with_a_merge_goes_with_it(desk: StoryDesk) -> None:
    guest, kim = nameless_and_kim(desk)
    desk.change(lambda tx: people.unmerge(tx, guest, kim, "agent/1"))
    assert desk.record.ask(people.person, guest).name == ""
    assert desk.record.ask(people.person, kim).name == "Kim Lee"


def test_a_name_that_was_chosen_since_stays(desk: StoryDesk) -> None:
    guest, kim = nameless_and_kim(desk)
    desk.change(lambda tx: people.rename(tx, guest, "Kim of the shop", "agent/1"))
    desk.change(lambda tx: people.unmerge(tx, guest, kim, "agent/1"))
    assert desk.record.ask(people.person, guest).name == "Kim of the shop"


# ── who has left the chat ───────────────────────────────────────────────────────────────────


class Guest:
    """A visitor as the chat's reception names them."""

    customer = ""

    def __init__(self, box: Inbox, visitor: str) -> None:
        self.inbox, self.visitor = box, visitor


def composed(desk: StoryDesk, lines: VisitorDesk) -> list[views.ChannelChoice]:
    def ask(conn: Connection) -> views.Composer:
        lens = present.Lens(conn, desk.desk.channels, desk.clock())
        return present.composer(lens, desk.conversation, desk.desk.inboxes(), lines, "", "", may_write=True)

    return [c for c in desk.record.ask(ask).channels if c.open]


def test_who_left_the_chat_is_said_and_their_proved_mail_comes_first(mailing: StoryDesk, post: Sink) -> None:
    desk, lines = mailing, room_of(mailing.desk).visitors
    kim = desk.chatter("kim")
    kim.says("Is the blue lamp coming back?")
    guest = Guest(desk.inbox(desk.chat_inbox), kim.token)

    async def visits() -> list[views.ChannelChoice]:
        async with lines.watch(guest):
            return await asyncio.to_thread(composed, desk, lines)

    (chat,) = asyncio.run(visits())
    assert (chat.chosen, chat.reason) == (True, "")

    desk.clock.advance(hours=3)
    (chat,) = composed(desk, lines)
    assert (chat.chosen, chat.reason) == (True, "They left the chat 3 h ago; they will see it when they come back.")

    proves_mail(desk, post, desk.conversation.person, "kim@example.com")
    assert {c.glyph: c.chosen for c in composed(desk, lines)} == {"mail": True, chat.glyph: False}
    assert {c.glyph: c.chosen for c in asyncio.run(visits())} == {"mail": False, chat.glyph: True}


def test_after_a_restart_the_last_sign_of_life_is_told(mailing: StoryDesk) -> None:
    desk = mailing
    desk.chatter("kim").says("Is the blue lamp coming back?")
    desk.clock.advance(hours=2)
    (chat,) = composed(desk, room_of(desk.desk).visitors)
    assert chat.reason == "They were last here 2 h ago; they will see it when they come back."


def test_an_answer_goes_to_the_browser_they_wrote_from_last(desk: StoryDesk) -> None:
    desk.chatter("one").says("Hello", user=None)
    first = desk.conversation.person
    desk.chatter("two").says("Hello again")
    second = next(row.person for row in desk.conversations() if row.person != first)
    desk.change(lambda tx: people.merge(tx, first, second, "the same", "agent/1"))
    talk = desk.conversations()[0]
    ways = desk.record.ask(replies.ways, talk, [desk.inbox(desk.chat_inbox)], desk.desk.channels)
    last = desk.record.ask(replies.last_received, talk)
    assert last
    assert [way.identity.id for way in ways if way.identity] == [last.identity]


def test_a_listener_may_keep_values_under_names_of_any_length(desk: StoryDesk) -> None:
    book = listening.Notebook(desk.record, "email")

    async def story() -> None:
        for n in (1, 2):
            await book.put(f"{n}:" + "x" * 400 + f":{n}", b"%d" % n)
            await book.put("y" * 300 + f":{n}", b"%d" % n)
        assert await book.get("1:" + "x" * 400 + ":1") == b"1"
        assert await book.get("y" * 300 + ":1") == b"1"
        assert await book.get("y" * 300 + ":3") is None

    asyncio.run(story())
