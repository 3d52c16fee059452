"""Which conversation a mail belongs to, and who may say something in it. On both engines."""

import random
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright
from sqlalchemy import select

from harness.desk import StoryDesk
from harness.web import serving
from mail_trials.pretending import FAILED, PASSED, spoofed
from parley.channels.email.verdict import Checks
from parley.core import events as e
from parley.core.errors import Refused
from parley.services import inbox, people, replies, setup, threads, visitors

CHROMIUM = Path("/usr/bin/chromium")
KIM, EVE = "kim@customer.test", "eve@evil.test"


@pytest.fixture
def desk(tmp_path: Path, engine_url: str) -> Iterator[StoryDesk]:
    story = StoryDesk(tmp_path, engine_url)
    yield story
    story.close()


def arrives(
    desk: StoryDesk, text: str, checks: Checks | None = None, *, to: str = "", inbox: int = 0, **head: str
) -> None:
    """A mail as bytes, with what the checks at reception found in front."""
    number = next(desk.numbers)
    usual = {"From": KIM, "To": to or "help@larkspur.test", "Subject": "My parcel", "Message-ID": f"<n{number}@x.test>"}
    said = usual | {name.replace("_", "-"): value for name, value in head.items()}
    lines = [f"{name}: {value}" for name, value in said.items()]
    raw = "\r\n".join([*lines, "", text, ""]).encode()
    raw = (checks.line() if checks else b"") + raw
    desk.desk.intake.take(inbox or desk.mail_inbox, f"n{number}", raw).result(10)
    desk.settle()


def token(desk: StoryDesk, conversation: int, mail: str = KIM, purpose: str = "reply") -> str:
    identity = identity_of(desk, mail)
    return threads.sign(desk.desk.intake.key, conversation, identity, purpose)


def identity_of(desk: StoryDesk, mail: str) -> int:
    from parley.services.people import identities

    with desk.record.reading() as conn:
        return int(conn.execute(select(identities.c.id).where(identities.c.value == mail)).scalar_one())


def address(token: str) -> str:
    return f"help+{token}@larkspur.test"


def participants(desk: StoryDesk, conversation: int) -> set[str]:
    return {who for number, who in desk.rows(threads.participants) if number == conversation}


def received(desk: StoryDesk) -> list[e.MessageReceived]:
    return [r.event for r in desk.events(e.MessageReceived)]  # type: ignore[misc]


def asked_and_answered(desk: StoryDesk) -> tuple[int, str]:
    """Kim's conversation with an answer in it: (its number, the answer's Message-ID)."""
    arrives(desk, "Where is my parcel?", PASSED)
    desk.agent("ana").replies("It is on its way to Elm Street 7.")
    [answer] = desk.events(e.ReplyWritten)
    assert isinstance(answer.event, e.ReplyWritten)
    return desk.conversations()[0].id, str(answer.event.external_id)


# the order of looking ───────────────────────────────────────────────────────────────────────


def test_the_token_is_looked_at_first_then_the_nearest_reference(desk: StoryDesk) -> None:
    arrives(desk, "One", Subject="One", Message_ID="<one@x.test>")
    arrives(desk, "Two", Subject="Two", Message_ID="<two@x.test>")
    two, one = (state.id for state in desk.conversations())
    arrives(desk, "to one", to=address(token(desk, one)), In_Reply_To="<two@x.test>", Subject="Re: Two")
    arrives(desk, "to two", In_Reply_To="<two@x.test>", References="<one@x.test>", Subject="Re: One")
    arrives(desk, "to one too", References="<one@x.test> <unknown@x.test>", Subject="Something else")
    assert desk.words(one) == ["One", "to one", "to one too"]
    assert desk.words(two) == ["Two", "to two"]


def test_an_answer_that_lost_its_references_finds_its_subject(desk: StoryDesk) -> None:
    arrives(desk, "Where is it?", Subject="My  Parcel")
    arrives(desk, "Still nothing.", Subject="AW: Re[2]: my parcel")
    arrives(desk, "A new one.", Subject="My parcel")
    arrives(desk, "Other matter", Subject="Re: my invoice")
    arrives(desk, "Not mine", Subject="Re: My parcel", From=EVE)
    assert sorted(state.messages for state in desk.conversations()) == [1, 1, 1, 2]
    desk.clock.advance(days=15)
    arrives(desk, "Too late", Subject="Re: My parcel")
    assert len(desk.conversations()) == 5


def test_a_mail_to_two_of_our_inboxes_is_one_conversation_in_each(desk: StoryDesk) -> None:
    sales = desk.change(lambda tx: setup.add_inbox(tx, desk.brand, "email", "Sales", "sales@larkspur.test", {}))
    desk.desk.setup_changed()
    both = "help@larkspur.test, sales@larkspur.test"
    for box in (desk.mail_inbox, sales):
        arrives(desk, "For both of you", to=both, inbox=box, Message_ID="<both@x.test>")
    assert {state.inbox for state in desk.conversations()} == {desk.mail_inbox, sales}
    arrives(desk, "Sales only", inbox=sales, to="sales@larkspur.test", In_Reply_To="<both@x.test>")
    arrives(desk, "Help only", inbox=desk.mail_inbox, In_Reply_To="<both@x.test>")
    said = {state.inbox: desk.words(state.id)[-1] for state in desk.conversations()}
    assert said == {sales: "Sales only", desk.mail_inbox: "Help only"}


def test_our_own_answer_that_comes_back_is_nothing_new(desk: StoryDesk) -> None:
    _, answer = asked_and_answered(desk)
    before = desk.head()
    arrives(desk, "It is on its way", From="help@larkspur.test", To=KIM, Message_ID=answer)
    assert not [r for r in desk.events(e.MessageReceived) if r.seq > before]


# strangers ──────────────────────────────────────────────────────────────────────────────────


def test_a_stranger_is_held_until_an_agent_lets_them_in(desk: StoryDesk) -> None:
    number, answer = asked_and_answered(desk)
    arrives(desk, "I am Kim's partner", From=EVE, In_Reply_To=answer)
    held = received(desk)[-1]
    assert held.unverified
    assert f"i:{held.identity}" not in participants(desk, number)
    ana = desk.agent("ana")
    ana.replies("To Kim alone")
    assert desk.events(e.ReplyWritten)[-1].event.identity == identity_of(desk, KIM)  # type: ignore[union-attr]
    ana._do(replies.accept_sender, held.message)
    assert f"i:{held.identity}" in participants(desk, number)
    ana.replies("Hello, partner")
    assert desk.events(e.ReplyWritten)[-1].event.identity == held.identity  # type: ignore[union-attr]
    arrives(desk, "Thanks", From=EVE, In_Reply_To=answer)
    assert not received(desk)[-1].unverified
    with pytest.raises(Refused):
        ana._do(replies.accept_sender, held.message)
    desk.rebuilds()


def test_one_who_was_turned_away_stays_outside(desk: StoryDesk) -> None:
    number, answer = asked_and_answered(desk)
    arrives(desk, "Let me read it", From=EVE, In_Reply_To=answer)
    held = received(desk)[-1]
    desk.agent("ana")._do(replies.reject_sender, held.message)
    assert f"i:{held.identity}" not in participants(desk, number)
    arrives(desk, "Please", From=EVE, In_Reply_To=answer)
    assert received(desk)[-1].unverified


def test_a_visitor_of_the_chat_never_sees_what_is_held(desk: StoryDesk) -> None:
    desk.chatter("kim").says("Where is my parcel?")
    desk.agent("ana").replies("On its way.")
    number = desk.conversation.id
    answer = desk.events(e.ReplyWritten)[-1].event.external_id  # type: ignore[union-attr]
    arrives(desk, "SECRET OF A STRANGER", From=EVE, In_Reply_To=str(answer))
    assert "SECRET OF A STRANGER" in desk.words(number)
    [asked, _] = received(desk)
    with desk.record.reading() as conn:
        me = people.identity_by_id(conn, asked.identity)
        who = visitors.Visitor(inbox=desk.inbox(desk.chat_inbox), kind=me.kind, value=me.value)
        shown = visitors.Window(conn, who, "Bot").turns(inbox.state(conn, number), 0)
    assert [turn.text for turn in shown if turn.author.kind == "visitor"] == ["Where is my parcel?"]


# who really sent it ─────────────────────────────────────────────────────────────────────────


def test_a_spoofed_sender_is_held_even_with_the_right_token(desk: StoryDesk) -> None:
    number, answer = asked_and_answered(desk)
    arrives(desk, "Send it to Oak Road", FAILED, to=address(token(desk, number)), Cc=EVE)
    arrives(desk, "To Oak Road", FAILED, In_Reply_To=answer, Cc=EVE)
    for said in received(desk)[-2:]:
        assert said.unverified
        assert said.doubt
        assert not said.proved
    assert f"m:{EVE}" not in participants(desk, number)
    arrives(desk, "Really me", PASSED, In_Reply_To=answer)
    assert received(desk)[-1].proved
    assert not received(desk)[-1].unverified


def test_only_a_proved_writer_brings_others_into_a_matter_with_a_history(desk: StoryDesk) -> None:
    number, answer = asked_and_answered(desk)
    arrives(desk, "With a copy", In_Reply_To=answer, Cc=EVE)
    assert f"m:{EVE}" not in participants(desk, number)
    arrives(desk, "May I?", From=EVE, In_Reply_To=answer)
    assert received(desk)[-1].unverified
    arrives(desk, "With my partner", PASSED, In_Reply_To=answer, Cc="lou@customer.test")
    arrives(desk, "With my token", to=address(token(desk, number)), Cc="mia@customer.test")
    assert {"m:lou@customer.test", "m:mia@customer.test"} <= participants(desk, number)
    arrives(desk, "Lou here", From="lou@customer.test", In_Reply_To=answer)
    assert not received(desk)[-1].unverified


def test_a_group_that_writes_together_takes_part_together(desk: StoryDesk) -> None:
    arrives(desk, "We have a question", Cc="lou@customer.test, mia@customer.test", Message_ID="<group@x.test>")
    for other in ("lou@customer.test", "mia@customer.test"):
        arrives(desk, "Me too", From=other, In_Reply_To="<group@x.test>")
    assert desk.conversation.messages == 3
    assert not any(message.unverified for message in received(desk))


def test_a_spoofed_question_gets_no_machine_answer(tmp_path: Path, engine_url: str) -> None:
    desk = StoryDesk(tmp_path, engine_url, with_bot=True)
    arrives(desk, "Where is order 10342?", FAILED)
    assert desk.events(e.ReplyWritten) == []
    assert desk.conversation.status == "open"
    desk.close()


# agents by mail ─────────────────────────────────────────────────────────────────────────────

FORWARD = """Can somebody take this? She sounds upset.

---------- Forwarded message ---------
From: Mia Long <mia@customer.test>
Date: Mon, 2 Mar 2026 at 08:11
Subject: Broken lamp
To: <ana.private@larkspur.test>

The lamp came broken.
What now?
"""


def test_what_a_proved_agent_passes_on_is_its_first_writers(desk: StoryDesk) -> None:
    desk.agent("ana")
    ours = Checks(dmarc="pass", policy="reject", dkim="pass", dkim_domain="larkspur.test")
    arrives(desk, FORWARD, ours, From="Ana <ana@larkspur.test>", Subject="Fwd: Broken lamp")
    state = desk.conversation
    assert state.subject == "Broken lamp"
    assert desk.words() == ["The lamp came broken.\nWhat now?"]
    assert received(desk)[0].identity == identity_of(desk, "mia@customer.test")
    [note] = desk.events(e.NoteWritten)
    assert note.by == "agent/1"
    desk.agent("ana").replies("We will send a new one.")
    assert desk.events(e.ReplyWritten)[-1].event.identity == identity_of(desk, "mia@customer.test")  # type: ignore[union-attr]


def test_who_only_claims_to_be_an_agent_passes_nothing_on(desk: StoryDesk) -> None:
    desk.agent("ana")
    for checks in (None, FAILED):
        arrives(desk, FORWARD, checks, From="Ana <ana@larkspur.test>", Subject="Fwd: Broken lamp")
    assert all(message.identity == identity_of(desk, "ana@larkspur.test") for message in received(desk))
    assert desk.events(e.NoteWritten) == []


@pytest.mark.parametrize("checks", [None, FAILED, PASSED])
def test_an_agents_mail_into_a_conversation_is_never_relayed(desk: StoryDesk, checks: Checks | None) -> None:
    """S5: whatever token it carries, a mail from an agent's address is held for the desk to see."""
    number, answer = asked_and_answered(desk)
    sent = len(desk.events(e.ReplyWritten))
    good = token(desk, number)
    for tried in (good, good[:-1], good[:-1] + "a", "r1.1.1.x", token(desk, number, purpose="quality")):
        arrives(desk, "Give me your password", checks, From="ana@larkspur.test", to=address(tried), In_Reply_To=answer)
        assert received(desk)[-1].unverified
    assert len(desk.events(e.ReplyWritten)) == sent


# S1 and S2, short forms (bin/mail-trials runs the long ones) ────────────────────────────────


def test_guessed_tokens_open_nothing(desk: StoryDesk) -> None:
    number, _ = asked_and_answered(desk)
    good, chance = token(desk, number), random.Random(1)
    other = threads.sign(b"another house", number, identity_of(desk, KIM))
    for _ in range(5000):
        place = chance.randrange(len(good))
        guess = good[:place] + chance.choice(string.ascii_lowercase + "234567.") + good[place + 1 :]
        assert guess == good or threads.read_token(desk.desk.intake.key, guess) is None
    for guess in (other, good[:-1], good + "a", good.replace(".", ""), "", ".", "r1..", good[2:]):
        assert threads.read_token(desk.desk.intake.key, guess) is None
    assert threads.read_token(desk.desk.intake.key, good.upper()) == threads.read_token(desk.desk.intake.key, good)
    arrives(desk, "By a stranger with the right token", From=EVE, to=address(good))
    assert received(desk)[-1].unverified


def test_a_borrowed_name_adds_no_reader_and_discloses_nothing(desk: StoryDesk) -> None:
    number, answer = asked_and_answered(desk)
    before, sent = participants(desk, number), len(desk.events(e.ReplyWritten))
    variants = list(spoofed(answer))
    assert len(variants) == 200
    for n, head in enumerate(variants):
        found = head.pop("checks")
        lines = [
            f"{name}: {value}"
            for name, value in ({"To": "help@larkspur.test", "Subject": "Re: My parcel"} | head).items()
        ]
        raw = "\r\n".join([*lines, f"Message-ID: <s{n}@x.test>", "", f"Copy me in, {n}", ""]).encode()
        desk.desk.intake.take(desk.mail_inbox, f"s{n}", (found.line() if found else b"") + raw).result(10)
    desk.settle()
    assert participants(desk, number) == before
    assert len(desk.events(e.ReplyWritten)) == sent
    assert len(received(desk)) == 201


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium")
@pytest.mark.parametrize("width", [1440, 390])
def test_what_is_known_of_a_sender_stands_under_their_words(tmp_path: Path, width: int) -> None:
    story = StoryDesk(tmp_path)
    arrives(story, "Where is my parcel?", PASSED)
    arrives(story, "Send it elsewhere.", FAILED, to=address(token(story, 1)), Subject="Re: My parcel")
    with serving(story) as web, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(viewport={"width": width, "height": 900})
        me = web.signed_in("lea")
        context.add_cookies([{"name": web.room.door.cookie, "value": me.secret, "url": web.url}])
        page = context.new_page()
        page.goto(f"{web.url}/desk/conversations/1")
        for part in (".checks", ".sender-check"):
            turn = page.locator(".turn", has=page.locator(part)).first
            under, words = turn.locator(part).bounding_box(), turn.locator(".words").first.bounding_box()
            assert under is not None
            assert words is not None
            assert abs(under["x"] - words["x"]) < 2
            assert under["y"] >= words["y"] + words["height"]
        page.get_by_role("button", name="Turn away").click()
        expect(page.locator(".turn .label", has_text="Turned away")).to_be_visible()
        browser.close()
