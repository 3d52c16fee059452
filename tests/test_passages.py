"""Going on elsewhere: a code shows that it is the same person, once, for a while, and to nobody else's harm."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from harness.desk import StoryDesk
from parley.core import events as e
from parley.core import qr
from parley.core.channel import Inviting
from parley.demo.simulators import meta
from parley.demo.simulators.meta import MetaService
from parley.services import inbox, passages, people, replies, setup, visitors
from parley.services.visitors import Visitor

KIM, SAM = "4915112345678", "4915187654321"
PASSED = ("Authentication-Results", "mx.larkspur.test; dmarc=pass header.from=example.com")


class Elsewhere:
    """A desk with a chat, WhatsApp and mail."""

    def __init__(self, story: StoryDesk) -> None:
        self.story, self.meta = story, MetaService()
        cloud = {"phone_number_id": "700", "token": meta.TOKEN, "app_secret": "shared", "api": self.meta.url}
        mail = {"smtp_host": "127.0.0.1", "smtp_port": 1, "authserv_id": "mx.larkspur.test"}

        def build(tx: Any) -> None:
            number = {**cloud, "number": "+1 555 000 700"}
            self.whatsapp = setup.add_inbox(tx, story.brand, "whatsapp", "WhatsApp", "wa", number)
            bot = {"token": "123:abc", "webhook_secret": "s", "bot": "larkspur_bot"}
            self.telegram = setup.add_inbox(tx, story.brand, "telegram", "Telegram", "tg", bot)
            setup.change_inbox(tx, story.mail_inbox, settings=mail)

        story.change(build)
        story.desk.setup_changed()
        self.agent = story.agent("ana").is_now("online")
        self.ids = 0

    def writes(self, sender: str, text: str) -> None:
        """Somebody sends a WhatsApp message."""
        self.ids += 1
        raw = meta.cloud(meta.cloud_text(sender, f"wamid.{self.ids}", text))
        self.story.desk.intake.take(self.whatsapp, f"wamid.{self.ids}", raw).result(10)
        self.story.settle()

    def code(self, token: str, words: str = "") -> str:
        """What the panel asks for."""
        at = self.story.inbox(self.story.chat_inbox)
        who = Visitor(inbox=at, kind="visitor", value=token)
        made: str = self.story.change(lambda tx: visitors.onward(tx, who, words))
        return made

    def ways(self, code: str, here: int) -> dict[str, str]:
        desk = self.story.desk
        found = passages.onward(
            here, self.story.brand, desk.inboxes().values(), desk.channels, "http://desk.test", code, passages.WORDS
        )
        return {way.label: way.url for way in found}

    def everybody(self) -> list[Any]:
        """The people there are, whoever is merged into another left out."""
        return [p for p in self.story.people() if not p.merged_into]

    @property
    def sent(self) -> list[str]:
        return [asked.json["text"]["body"] for asked in self.meta.sent]


@pytest.fixture
def there(desk: StoryDesk) -> Iterator[Elsewhere]:
    made = Elsewhere(desk)
    yield made
    made.meta.close()


def kinds(desk: StoryDesk) -> set[str]:
    return {i.kind for i in desk.record.ask(people.identities_of, desk.conversation.person)}


# ── one conversation, one person ────────────────────────────────────────────────────────────


def test_from_the_chat_to_whatsapp_to_mail_it_is_one_conversation_with_one_person(there: Elsewhere) -> None:
    desk = there.story
    kim = desk.chatter("kim").says("The left boot leaks.")
    link = there.ways(there.code(kim.token), desk.chat_inbox)["WhatsApp"]
    assert urlsplit(link).path == "/1555000700"
    there.writes(KIM, parse_qs(urlsplit(link).query)["text"][0])
    assert kinds(desk) == {"visitor", "wa_id"}
    assert there.sent == [passages.WELCOME]
    went = desk.events(e.WentOn)[0].event
    assert went.channel == "whatsapp"

    there.writes(KIM, "Here I am. Can it be mended?")
    there.agent.replies("Yes, send it in.")
    assert there.sent[-1] == "Yes, send it in."

    offered = desk.change(lambda tx: passages.issue(tx, inbox.state(tx.conn, 1), went.identity, "agent/1"))
    mailto = there.ways(offered, there.whatsapp)["E-mail"]
    subject = parse_qs(urlsplit(mailto).query)["subject"][0]
    desk.customer("kim@example.com", "Kim Lee").mails(subject, "The address, please?", headers=[PASSED])
    assert kinds(desk) == {"visitor", "wa_id", "mail"}
    assert len(there.everybody()) == 1
    assert desk.words()[0] == "The left boot leaks."
    assert "The address, please?" in desk.words()[-1]
    assert desk.record.ask(people.person, desk.conversation.person).name == "Kim Lee"


def test_what_stands_beside_the_code_is_a_question_like_any_other(there: Elsewhere) -> None:
    kim = there.story.chatter("kim").says("Hello")
    there.agent.replies("Hello Kim.")
    there.writes(KIM, f"{there.code(kim.token).lower()} and can you send me a photo?")
    assert there.story.conversation.waiting_since is not None


def test_coming_over_alone_makes_no_work(there: Elsewhere) -> None:
    kim = there.story.chatter("kim").says("Hello")
    there.agent.replies("Hello Kim.")
    there.writes(KIM, f"{passages.WORDS} {there.code(kim.token)}")
    assert there.story.conversation.waiting_since is None


def test_somebody_whom_we_know_elsewhere_becomes_one_and_it_can_be_undone(there: Elsewhere) -> None:
    desk = there.story
    there.writes(KIM, "Do you have laces?")
    old = desk.conversation.person
    kim = desk.chatter("kim").says("The left boot leaks.")
    talk = next(state for state in desk.conversations() if state.person != old)
    there.writes(KIM, f"{passages.WORDS} {there.code(kim.token)}")
    assert len(there.everybody()) == 1
    assert {state.person for state in desk.conversations()} == {talk.person}
    desk.change(lambda tx: people.unmerge(tx, talk.person, old, "agent/1"))
    assert {state.person for state in desk.conversations()} == {talk.person, old}


def test_by_a_telegram_link_the_code_comes_with_start(there: Elsewhere) -> None:
    desk = there.story
    kim = desk.chatter("kim").says("The left boot leaks.")
    link = there.ways(code := there.code(kim.token), desk.chat_inbox)["Telegram"]
    assert link == f"https://t.me/larkspur_bot?start={code}"
    chat = b'{"id":77,"type":"private","first_name":"Kim"}'
    update = b'{"update_id":1,"message":{"message_id":5,"date":1767225600,"chat":%b,"text":"/start %b"}}'
    desk.desk.intake.take(there.telegram, "1", update % (chat, code.encode())).result(10)
    desk.settle()
    assert kinds(desk) == {"visitor", "telegram"}
    assert desk.conversation.waiting_since is not None, "the chat's question is still to be answered"


def test_the_bot_goes_along_and_answers_where_they_are_now(bot_desk: StoryDesk) -> None:
    """It knows in WhatsApp what was asked in the chat: the conversation is the same, and so is what it remembers."""
    there = Elsewhere(bot_desk)
    kim = bot_desk.chatter("kim").says("Where is my order?")
    there.writes(KIM, f"{passages.WORDS} {there.code(kim.token)}")
    assert bot_desk.conversation.status == "bot"
    there.writes(KIM, "10342")
    there.meta.close()
    answers = [r.event for r in bot_desk.events(e.ReplyWritten) if r.by.startswith("bot/")]
    assert [event.channel for event in answers][:1] == ["webchat"]
    assert answers[-1].channel == "whatsapp"
    assert len(bot_desk.conversations()) == 1
    assert there.sent[-1] != passages.WELCOME


def test_a_link_into_the_chat_shows_what_was_said_elsewhere(there: Elsewhere) -> None:
    desk = there.story
    there.writes(KIM, "The left boot leaks.")
    holder = desk.record.ask(passages.holder_in, desk.conversation)
    code = desk.change(lambda tx: passages.issue(tx, desk.conversation, holder, "agent/1"))
    link = there.ways(code, there.whatsapp)["Web chat"]
    assert link == f"http://desk.test/widget/shop/panel#go={code}"
    at = desk.inbox(desk.chat_inbox)
    address = people.Address(kind="visitor", value="v" * 32, proved="platform")
    desk.change(lambda tx: passages.enter(tx, at, address, code))
    desk.settle()
    who = Visitor(inbox=at, kind="visitor", value="v" * 32)
    assert desk.record.ask(visitors.current, who).id == desk.conversation.id
    with pytest.raises(passages.Refused, match="used before"):
        desk.change(lambda tx: passages.enter(tx, at, address, code))


# ── bound, once, for a while ────────────────────────────────────────────────────────────────


def test_a_code_is_good_once_and_for_half_an_hour(there: Elsewhere) -> None:
    desk = there.story
    kim = desk.chatter("kim").says("The left boot leaks.")
    used, late = there.code(kim.token), there.code(kim.token)
    there.writes(KIM, used)
    there.writes(SAM, used)
    desk.clock.advance(minutes=31)
    there.writes(SAM, late)
    assert len(there.everybody()) == 2
    sams = [state for state in desk.conversations() if state.id != 1]
    assert [state.messages for state in sams] == [2]
    assert kinds_of(desk, sams[0].person) == {"wa_id"}


def kinds_of(desk: StoryDesk, person: int) -> set[str]:
    return {i.kind for i in desk.record.ask(people.identities_of, person)}


def test_a_code_opens_nothing_at_another_brand(there: Elsewhere) -> None:
    desk = there.story
    kim = desk.chatter("kim").says("Hello")
    code = there.code(kim.token)

    def build(tx: Any) -> int:
        other = setup.add_brand(tx, "Elsewhere")
        return setup.add_inbox(tx, other, "whatsapp", "Other", "wa2", {"phone_number_id": "701", "token": "t"})

    box = desk.change(build)
    desk.desk.setup_changed()
    desk.desk.intake.take(box, "w", meta.cloud(meta.cloud_text(KIM, "w", code))).result(10)
    desk.settle()
    assert len(there.everybody()) == 2


def test_under_a_borrowed_mail_address_a_code_makes_nobody_one(there: Elsewhere) -> None:
    """It is told where it belongs, and held for the desk; the code stays good for whom it was given to."""
    desk = there.story
    desk.customer("boss@example.com", "The Boss").mails("Invoice", "Confidential.")
    mallory = desk.chatter("mallory").says("Hello")
    talk = desk.conversations()[0].id
    code = there.code(mallory.token)
    desk.customer("boss@example.com", "The Boss").mails(code, "It is me, truly.")
    assert len(there.everybody()) == 2
    history = desk.record.ask(inbox.history, talk)
    received = [r.event for r in history if isinstance(r.event, e.MessageReceived)]
    assert [event.unverified for event in received] == [False, True]
    there.writes(KIM, code)
    assert len(desk.events(e.WentOn)) == 1


def test_a_link_that_is_quoted_where_it_was_sent_is_not_used_up(there: Elsewhere) -> None:
    desk = there.story
    there.writes(KIM, "The left boot leaks.")
    holder = desk.record.ask(passages.holder_in, desk.conversation)
    code = desk.change(lambda tx: passages.issue(tx, desk.conversation, holder, "agent/1"))
    there.writes(KIM, f"You sent me {code}, where does it go?")
    assert desk.events(e.WentOn) == []
    assert desk.conversation.waiting_since is not None


def test_no_message_moves_without_a_code(there: Elsewhere) -> None:
    """Whatever people write to each other's channels, who has shown no code of another's is nobody else."""
    desk, dice = there.story, random.Random(7)
    chatters = [desk.chatter(f"c{n}").says("Hello") for n in range(3)]
    owner: dict[str, str] = {}
    for turn in range(20):
        sender = dice.choice((KIM, SAM, "4915100000001"))
        chatter = dice.choice(chatters)
        if dice.random() < 0.3 and sender not in owner and chatter.token not in owner.values():
            there.writes(sender, there.code(chatter.token))
            owner[sender] = chatter.token
        else:
            made_up = "GO-" + "".join(dice.choice(passages.LETTERS) for _ in range(12))
            there.writes(sender, f"Number {turn} {made_up}")
    for sender, identity in by_value(desk, "wa_id").items():
        values = {i.value for i in desk.record.ask(people.identities_of, identity.person)}
        assert values == {sender, *([owner[sender]] if sender in owner else [])}


def by_value(desk: StoryDesk, kind: str) -> dict[str, Any]:
    with desk.record.reading() as conn:
        rows = conn.execute(people.identities.select().where(people.identities.c.kind == kind)).all()
    return {row.value: row for row in rows}


# ── where one can be reached ────────────────────────────────────────────────────────────────


def test_the_reply_box_says_where_they_can_be_reached_and_why_not(there: Elsewhere) -> None:
    desk = there.story
    kim = desk.chatter("kim").says("Hello")
    there.writes(KIM, there.code(kim.token))
    assert reachable(there)["WhatsApp"] == ""
    desk.clock.advance(hours=25)
    assert "24 hours" in reachable(there)["WhatsApp"]
    there.writes(KIM, "Still here")
    assert reachable(there)["WhatsApp"] == ""
    assert "No address of theirs" in reachable(there)["Telegram"]


def test_what_they_wrote_in_another_conversation_opens_the_channel_too(there: Elsewhere) -> None:
    desk = there.story
    there.writes(KIM, "Do you have laces?")
    kim = desk.chatter("kim").says("The left boot leaks.")
    one, two = desk.conversations()[0], desk.conversations()[1]
    desk.change(lambda tx: people.merge(tx, one.person, two.person, "the same", "agent/1"))
    talk = next(state for state in desk.conversations() if state.channel == "webchat")
    assert reachable(there, talk)["WhatsApp"] == ""
    assert kim.token


def reachable(there: Elsewhere, state: Any = None) -> dict[str, str]:
    """Why not, by channel; empty where they can be."""
    desk = there.story
    talk = state or desk.conversation
    boxes = list(desk.desk.inboxes().values())
    found = desk.record.ask(replies.ways, talk, boxes, desk.desk.channels, now=desk.clock.now)
    return {desk.desk.channels[way.inbox.channel].manifest.label: way.why_not for way in found}


# ── links ───────────────────────────────────────────────────────────────────────────────────


def test_a_channel_that_lacks_what_a_link_needs_offers_none(tmp_path: Path) -> None:
    story = StoryDesk(tmp_path)
    bare = {name: channel for name, channel in story.desk.channels.items() if isinstance(channel, Inviting)}
    assert {"whatsapp", "telegram", "email", "webchat"} <= set(bare)
    for name in ("whatsapp", "telegram"):
        number = story.change(lambda tx, name=name: setup.add_inbox(tx, story.brand, name, name, name))
        story.desk.setup_changed()
        assert bare[name].invitation(story.inbox(number), "Hello", "GO-X", "http://desk.test") is None
    story.close()


def test_qr_codes_correct_errors_as_the_standard_shows() -> None:
    """The example of ISO/IEC 18004, annex I: the data of a small code, and its ten correction bytes."""
    data = bytes.fromhex("10200c566180ec11ec11ec11ec11ec11")
    assert qr._check(data, 10).hex() == "a524d4c1ed36c7872c55"
    assert sorted({qr._rest(n << 10, 0x537, 10) for n in (0, 1, 5)}) == [0, 220, 311]


@pytest.mark.parametrize(("length", "width"), [(1, 21), (14, 21), (15, 25), (120, 45), (210, 57), (287, 65)])
def test_a_qr_code_reads_back(length: int, width: int) -> None:
    text = ("https://wa.me/15551234567?text=" + "I%20go%20on%20here." * 20)[:length]
    grid = qr.modules(text.encode())
    assert grid is not None
    assert len(grid) == width
    assert read_back(grid) == text.encode()
    assert qr.path(text).startswith(f"{width} M")


def test_what_is_too_long_for_a_qr_code_has_none() -> None:
    assert qr.path("x" * 288) == ""


def read_back(grid: list[list[int]]) -> bytes:
    """As a scanner does once it has found the corners; no error is corrected."""
    size = len(grid)
    version = (size - 17) // 4
    word = sum(grid[8][size - 1 - n] << n for n in range(8)) ^ (0x5412 & 0xFF)
    top = sum(grid[size - 15 + n][8] << n for n in range(8, 15)) ^ (0x5412 & ~0xFF)
    mask = (word | top) >> 10 & 7
    fixed = qr._marks(version, mask)
    places = [place for place in qr._snake(size) if place not in fixed]
    bits = [grid[y][x] ^ qr.MASKS[mask](y, x) for y, x in places]
    words = [int("".join(map(str, bits[n : n + 8])), 2) for n in range(0, len(bits) - 7, 8)]
    sizes = qr.BLOCKS[version][1]
    blocks: list[list[int]] = [[] for _ in sizes]
    told = iter(words)
    for n in range(max(sizes)):
        for block, wanted in zip(blocks, sizes, strict=True):
            if n < wanted:
                block.append(next(told))
    stream = "".join(f"{byte:08b}" for block in blocks for byte in block)
    head = 12 if version < 10 else 20
    count = int(stream[4:head], 2)
    return bytes(int(stream[head + 8 * n : head + 8 * n + 8], 2) for n in range(count))


def test_links_say_the_words_and_the_code(there: Elsewhere) -> None:
    for url in there.ways("GO-ABCDEFGHJKMN", 0).values():
        assert "GO-ABCDEFGHJKMN" in unquote(url)
