"""What becomes of a message after it was said: other words, taken back, a sign put on it; in whatever order."""

import itertools
from pathlib import Path

import pytest
from sqlalchemy import select

from harness.desk import START, StoryDesk
from harness.waiting import eventually
from harness.web import served
from parley.channels import installed
from parley.core import events as e
from parley.core.channel import (
    Address,
    Attached,
    Delivery,
    InboundMessage,
    InboundReceipt,
    InboundWithdrawal,
    Inbox,
)
from parley.core.errors import NotFound
from parley.log import record as log
from parley.log.tables import deliveries, raws
from parley.services import files, messages, search
from parley.services.admission import Admission
from parley.services.inbox import SYSTEM
from parley.services.reading import Heard

PLATFORMS = ("whatsapp", "telegram", "messenger", "line")


def last(desk: StoryDesk, kind: type[e.Event]) -> e.Recorded:
    return desk.events(kind)[-1]


def found(desk: StoryDesk, wanted: str) -> int:
    return len(desk.record.ask(search.find, desk.record.database.name, wanted, SYSTEM))


def test_other_words_take_the_place_of_a_message_and_the_former_stay_to_be_seen(desk: StoryDesk) -> None:
    kim = desk.visitor("kim").says("Where is order 10432?", id="q")
    kim.says("Where is order 10342?", id="e1", edits="q").says("Where is parcel 10342?", id="e2", edits="q")
    assert desk.words() == ["Where is parcel 10342?"]
    assert desk.conversation.preview == "Where is parcel 10342?"
    first, second = (r.event for r in desk.events(e.MessageEdited))
    assert isinstance(first, e.MessageEdited)
    assert isinstance(second, e.MessageEdited)
    former = desk.record.ask(log.words_of, [first.former, second.former])
    assert [former[first.former].text, former[second.former].text] == ["Where is order 10432?", "Where is order 10342?"]
    assert found(desk, "parcel") == 1


def test_words_changed_after_the_answer_bring_the_customer_back(desk: StoryDesk) -> None:
    kim = desk.visitor("kim").says("I want size 41", id="q")
    ana = desk.agent("ana")
    ana.replies("Size 41 it is.")
    ana.closes()
    assert desk.conversation.waiting_since is None
    kim.says("I want size 42", id="e1", edits="q")
    assert desk.conversation.status == "open"
    assert desk.conversation.waiting_since is not None
    kim.says("I want size 42", id="e2", edits="q")
    assert len(desk.events(e.MessageEdited)) == 1, "the same words again are no news"


def test_the_bot_reads_the_words_that_stand(bot_desk: StoryDesk) -> None:
    kim = bot_desk.visitor("kim").says("Hello there", id="q")
    kim.says("I want to talk to a person, please", id="e", edits="q")
    assert bot_desk.events(e.HandoffAsked), "the edited words ask for a person"


def test_nobody_else_edits_or_takes_back_a_message(desk: StoryDesk) -> None:
    desk.visitor("kim").says("My parcel is late", id="q")
    eve = desk.visitor("eve")
    eve.says("All is well", id="e1", edits="q").says("", id="e2", takes_back="q")
    assert not desk.events(e.MessageEdited, e.MessageWithdrawn)
    assert desk.words() == ["My parcel is late"]


def test_what_was_taken_back_is_nowhere_to_be_read(desk: StoryDesk) -> None:
    kim = desk.visitor("kim").says("My secret is zanzibar", id="q").says("My secret is zanzibar!", id="e", edits="q")
    message = last(desk, e.MessageReceived).event
    assert isinstance(message, e.MessageReceived)
    assert found(desk, "zanzibar") == 1
    kim.says("", id="w", takes_back="q")
    desk.settle()
    assert found(desk, "zanzibar") == 0
    assert desk.words() == [""]
    assert desk.conversation.preview == desk.conversation.subject == ""
    assert desk.conversation.waiting_since is None, "they wait for nothing any more"
    with desk.record.reading() as conn:
        rows = conn.execute(select(log.events.c.data)).scalars().all()
        assert not [data for data in rows if b"zanzibar" in data]
        assert not [r for r in conn.execute(select(log.words.c.text)).scalars() if "zanzibar" in r]
        with pytest.raises(NotFound):
            messages.raw_delivery(conn, desk.desk.store, message.delivery or 0)
    kim.says("", id="w2", takes_back="q")
    assert len(desk.events(e.MessageWithdrawn)) == 1


def test_files_of_a_message_that_was_taken_back_are_gone(desk: StoryDesk) -> None:
    """Told to intake directly, because the console carries no files."""
    sender = Address(kind="console", value="kim")
    kept = desk.desk.store.keep([Attached(name="passport.txt", type="text/plain", data=b"secret")])
    said = InboundMessage(sender=sender, text="Here", external_id="f1")
    file(desk, said, kept)
    message = last(desk, e.MessageReceived).event
    assert isinstance(message, e.MessageReceived)
    assert desk.record.ask(files.find, message.message, 0).name == "passport.txt"
    file(desk, InboundWithdrawal(sender=sender, external_id="f1"), ())
    with pytest.raises(NotFound):
        desk.record.ask(files.find, message.message, 0)


def file(desk: StoryDesk, said: InboundMessage | InboundWithdrawal | InboundReceipt, kept: tuple[e.File, ...]) -> None:
    name = f"told-{next(desk.numbers)}"
    desk.desk.intake.take(desk.console_inbox, name, b"{}").result(10)
    with desk.record.reading() as conn:
        number = conn.execute(select(deliveries.c.id).where(deliveries.c.provider_id == name)).scalar_one()
    heard = Heard(delivery=number, inbox=desk.console_inbox, said=[said], files=[kept])
    desk.record.do(lambda tx: Admission(desk.desk.intake, tx).admit([heard]))
    desk.settle()


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_in_whatever_order_it_comes_the_end_is_the_same(order: tuple[int, ...], tmp_path: Path) -> None:
    """A message, other words for it, a sign on it, and its withdrawal."""
    desk = StoryDesk(tmp_path)
    lines = [
        ("Buy one", {"id": "q"}),
        ("Buy two", {"id": "e1", "edits": "q"}),
        ("👍", {"id": "s", "signs": "q"}),
        ("", {"id": "w", "takes_back": "q"}),
    ]
    try:
        for at in order:
            text, more = lines[at]
            desk.visitor("kim").says(text, **more)
        assert "".join(desk.words()) == ""
        assert len(desk.events(e.MessageReceived)) == 1
        assert len(desk.conversations()) == 1
        assert not [row for row in desk.rows(raws) if b"Buy" in row[1]], "no byte of it is kept"
        desk.rebuilds()
    finally:
        desk.close()


def test_an_edit_that_overtook_its_message_stands_for_it(desk: StoryDesk) -> None:
    kim = desk.visitor("kim").says("Where is order 10342?", id="e1", edits="q")
    assert desk.words() == ["Where is order 10342?"]
    kim.says("Where is order 10432?", id="q")
    assert desk.words() == ["Where is order 10342?"], "the older words come too late"


def test_a_sign_is_put_on_changed_and_taken_off_again(desk: StoryDesk) -> None:
    kim = desk.visitor("kim").says("Thanks in advance", id="q")
    desk.agent("ana").replies("It is on its way.")
    ours = desk.outbox[-1].external_id
    waiting = desk.conversation.waiting_since
    kim.says("👍", id="s1", signs=ours).says("👍", id="s2", signs=ours).says("❤️", id="s3", signs=ours)
    kim.says("", id="s4", signs=ours)
    assert [r.event.sign for r in desk.events(e.Reacted)] == ["👍", "❤️", ""]  # type: ignore[union-attr]
    assert desk.conversation.waiting_since == waiting, "a sign asks for nothing"
    assert desk.conversation.messages == 2


def test_a_watermark_reads_everything_before_it_and_never_backwards(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello", id="q")
    ana = desk.agent("ana")
    ana.replies("One moment.")
    desk.later(minutes=1)
    until = desk.clock.now
    desk.later(minutes=1)
    ana.replies("Here it is.")
    reader = Address(kind="console", value="kim")
    for state in ("read", "delivered", "read"):
        file(desk, InboundReceipt(state=state, reader=reader, until=until), ())
    assert [type(r.event).__name__ for r in desk.events(e.Read, e.Delivered)] == ["Read"]
    assert last(desk, e.Read).event.message == desk.events(e.ReplyWritten)[0].event.message  # type: ignore[union-attr]


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_platform_tells_what_becomes_of_its_messages(name: str) -> None:
    """Each names the message by the name that the message itself bore."""
    channel = installed()[name]
    settings = channel.manifest.settings()
    box = Inbox(id=1, brand=1, channel=name, name=name, address=name, settings=settings)
    folder = Path(__file__).parents[1] / "src" / "parley" / "channels" / name / "samples"
    raw = (folder / "afterwards.json").read_bytes()
    read = channel.read(Delivery(id=1, inbox=1, provider_id="p", received_at=START, raw=raw), box)
    kinds = {type(one).__name__ for one in read}
    assert kinds & {"InboundEdit", "InboundWithdrawal", "InboundReaction"}
    names = {getattr(one, "external_id", None) for one in read if not isinstance(one, InboundReceipt)}
    assert len(names) == 1, names


def test_the_persons_timeline_tells_it_too(tmp_path: Path) -> None:
    with served(tmp_path) as web:
        said = (
            ("Where is order 10432?", {"id": "q"}),
            ("Where is order 10342?", {"id": "e", "edits": "q"}),
            ("👍", {"id": "s", "signs": "q"}),
            ("My secret", {"id": "t"}),
            ("", {"id": "w", "takes_back": "t"}),
        )
        for text, more in said:
            web.story.visitor("kim").says(text, settle=False, **more)
        eventually(lambda: bool(web.story.events(e.MessageWithdrawn)))
        person = web.story.conversations()[0].person
        page = web.signed_in("ana").get(f"/desk/people/{person}").text
        assert "Edited" in page
        assert "Where is order 10432?" in page, "what it said before is under its fold"
        assert "reacted with 👍" in page
        assert "The customer took this message back." in page
        assert "My secret" not in page
