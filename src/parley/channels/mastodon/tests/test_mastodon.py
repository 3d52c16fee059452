"""Mastodon: mentions are caught up from the last one stored, and an answer is never seen by more people than they."""

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from harness.desk import StoryDesk
from parley.channels.mastodon import channel
from parley.channels.mastodon.looking import look, look_again
from parley.channels.mastodon.words import plain
from parley.core import events as e
from parley.core.channel import Address, Attached, Door, Inbox, Outbound
from parley.core.errors import Busy, SendFailed
from parley.demo.simulators.mastodon import MastodonService, counted
from parley.demo.simulators.server import Said
from parley.services import setup
from parley.services.listening import Notebook


class Account:
    """An inbox for one account, which looks when it is told to."""

    def __init__(self, desk: StoryDesk, service: MastodonService) -> None:
        self.desk, self.service = desk, service
        chosen = {"server": service.url, "account": "@larkspur@larkspur.test", "token": "t"}
        name = channel.manifest.name
        self.number: int = desk.change(lambda tx: setup.add_inbox(tx, desk.brand, name, "Social", "larkspur", chosen))
        desk.desk.setup_changed()

    @property
    def inbox(self) -> Inbox:
        return self.desk.inbox(self.number)

    def looks(self, way: Callable[..., Any] = look, take: Any = None) -> int:
        door = Door(
            inboxes=[self.inbox],
            take=take or self.desk.desk.intake.take_async,
            memory=Notebook(self.desk.record, channel.manifest.name),
            say=lambda number, sentence: None,
            environment={},
        )
        new: int = asyncio.run(way(self.inbox, door))
        self.desk.settle()
        return new

    def sends(self, text: str, **more: Any) -> str:
        """Straight through the channel, as the outbox would; the name that the server gave."""
        to = Address(kind="mastodon", value="kim@far.example")
        ours = {"message": 1, "conversation": 1, "to": to, "external_id": "<1@desk>"} | more
        return str(asyncio.run(channel.send(Outbound(text=text, **ours), self.inbox)).provider_id)


@pytest.fixture
def account(desk: StoryDesk) -> Iterator[Account]:
    with MastodonService() as service:
        yield Account(desk, service)  # type: ignore[arg-type]


def test_a_mention_is_answered_under_it(account: Account) -> None:
    html = '<p><a href="https://x/@larkspur" class="u-url mention">@<span>larkspur</span></a> Is it waterproof?</p>'
    asked = account.service.mentions("kim@far.example", html)
    assert account.looks() == 1
    assert account.desk.words() == ["[Public post]\nIs it waterproof?"]
    account.desk.agent("ana").replies("It is.")
    (said,) = account.service.written
    assert (said["status"], said["in_reply_to_id"]) == ("@kim@far.example It is.", asked)
    assert said["visibility"] == "public"
    assert len(account.desk.events(e.Sent)) == 1


def test_an_outage_loses_nothing_and_doubles_nothing(account: Account) -> None:
    account.service.mentions("kim@far.example", "<p>One</p>")
    assert account.looks() == 1
    for n in range(10):
        account.service.mentions("kim@far.example", f"<p>More {n}</p>")
    assert account.looks() == 10
    assert account.looks() == 0
    assert len(account.desk.words()) == 11
    assert len(account.desk.conversations()) == 1


def test_a_look_that_was_cut_short_goes_on_where_it_was(account: Account) -> None:
    """The disk is full in the middle of the second page; what stands before it is not asked for again."""
    account.service.mentions("kim@far.example", "<p>One</p>")
    account.looks()
    for n in range(7):
        account.service.mentions("kim@far.example", f"<p>More {n}</p>")
    taken: list[str] = []

    async def take(number: int, name: str, raw: bytes) -> bool:
        if len(taken) == 4:
            raise Busy("The disk is full.")
        taken.append(name)
        return await account.desk.desk.intake.take_async(number, name, raw)

    with pytest.raises(Busy):
        account.looks(take=take)
    assert account.looks() == 3
    assert len(account.desk.words()) == 8


def test_the_first_look_goes_back_so_far_and_no_further(account: Account) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=30)).isoformat()
    for n in range(4):
        account.service.mentions("kim@far.example", f"<p>Old {n}</p>")
        account.service.told[-1]["created_at"] = long_ago
    for n in range(5):
        account.service.mentions("kim@far.example", f"<p>New {n}</p>")
    assert account.looks() == 5
    assert account.looks() == 0


@pytest.mark.parametrize("visibility", ["public", "unlisted", "private", "direct"])
def test_an_answer_is_seen_by_no_more_people_than_what_it_answers(account: Account, visibility: str) -> None:
    account.service.mentions("kim@far.example", "<p>Hello?</p>", visibility, spoiler_text="Broken glass")
    account.looks()
    assert "[Content warning: Broken glass]" in account.desk.words()[0]
    account.desk.agent("ana").replies("Good day")
    (said,) = account.service.written
    assert (said["visibility"], said["spoiler_text"]) == (visibility, "Broken glass")
    shown = {"public": "Public post", "unlisted": "not listed", "private": "followers", "direct": "Direct message"}
    assert shown[visibility] in account.desk.words()[0]


def test_what_answers_nothing_that_is_known_is_for_the_customer_alone(account: Account) -> None:
    public = account.service.mentions("kim@far.example", "<p>Hello?</p>")
    of_another = account.service.mentions("robin@far.example", "<p>Me too</p>")
    account.sends("Good day")
    account.sends("Your code is 1234", in_reply_to=public, purpose="code", external_id="<2@desk>")
    account.sends("Good day", in_reply_to=of_another, external_id="<3@desk>")
    account.sends("Good day", in_reply_to="999", external_id="<4@desk>")
    account.sends("Good day", in_reply_to="<mail@elsewhere.test>", external_id="<5@desk>")
    assert [one["visibility"] for one in account.service.written] == ["direct"] * 5
    assert not any("in_reply_to_id" in one for one in account.service.written)


def test_nobody_else_is_let_in_by_being_named(account: Account) -> None:
    """Whoever is named in a direct message can read it."""
    asked = account.service.mentions("kim@far.example", "<p>Hello?</p>", "direct")
    account.sends("Ask @robin@far.example or help@larkspur.test", in_reply_to=asked)
    said = account.service.written[0]["status"]
    assert re.findall(r"(?<![\w/])@\w[\w@.]*", said) == ["@kim@far.example"]
    assert "help@larkspur.test" in said


def test_a_try_that_is_made_again_says_it_once(account: Account) -> None:
    asked = account.service.mentions("kim@far.example", "<p>Hello?</p>")
    assert account.sends("Good day", in_reply_to=asked) == account.sends("Good day", in_reply_to=asked)
    assert len(account.service.written) == 1


def test_a_long_answer_is_a_chain_within_the_servers_limit(account: Account) -> None:
    asked = account.service.mentions("kim@far.example", "<p>Tell me everything</p>", "direct", spoiler_text="Long")
    chapters = "\n\n".join(f"Chapter {n}. " + "It goes on. " * 30 + "https://shop.test/" + "a" * 60 for n in range(4))
    account.sends(chapters, in_reply_to=asked)
    said = account.service.written
    assert len(said) >= 3
    assert [one["in_reply_to_id"] for one in said] == [asked, *(one["id"] for one in said[:-1])]
    assert all(counted(one["status"]) + len("Long") <= 500 for one in said)
    assert {one["visibility"] for one in said} == {"direct"}
    together = " ".join(one["status"].removeprefix("@kim@far.example ") for one in said)
    assert together.split() == chapters.split()


def test_edits_and_deletions_are_found_on_the_second_look(account: Account) -> None:
    kept = account.service.mentions("kim@far.example", "<p>Is it blue?</p>", "direct")
    gone = account.service.mentions("kim@far.example", "<p>My number is 0123</p>", "direct")
    account.looks()
    assert account.looks(look_again) == 0
    account.service.edits(kept, "<p>Is it green?</p>")
    account.service.deletes(gone)
    assert account.looks(look_again) == 2
    assert account.looks(look_again) == 0
    assert "Is it green?" in " ".join(account.desk.words())
    assert len(account.desk.events(e.MessageEdited)) == 1
    assert len(account.desk.events(e.MessageWithdrawn)) == 1


def test_an_old_server_is_asked_for_one_status_after_the_other(account: Account) -> None:
    account.service.several = False
    kept = account.service.mentions("kim@far.example", "<p>Is it blue?</p>")
    account.looks()
    account.service.edits(kept, "<p>Is it green?</p>")
    assert account.looks(look_again) == 1


def test_nothing_is_called_deleted_because_a_server_is_ill(account: Account) -> None:
    account.service.mentions("kim@far.example", "<p>Is it blue?</p>")
    account.looks()
    account.service.scripted.extend([Said(200, b"[]"), Said(403, b"{}")])
    with pytest.raises(SendFailed):
        account.looks(look_again)
    assert account.desk.events(e.MessageWithdrawn) == []


def test_what_we_write_ourselves_is_no_customers(account: Account) -> None:
    account.service.mentions("larkspur", "<p>@larkspur talks to itself</p>")
    account.service.mentions("Larkspur@larkspur.test", "<p>@larkspur again</p>")
    assert account.looks() == 2
    assert account.desk.events(e.MessageReceived) == []


def test_a_limit_is_waited_for(account: Account) -> None:
    account.service.mentions("kim@far.example", "<p>Hello?</p>")
    account.looks()
    account.service.limits(datetime.now(UTC) + timedelta(seconds=90))
    with pytest.raises(SendFailed) as limited:
        account.looks()
    assert not limited.value.permanent
    assert 60 < (limited.value.retry_after or 0) <= 90


def test_the_token_goes_to_no_other_server(account: Account) -> None:
    account.service.mentions("kim@far.example", "<p>One</p>")
    account.looks()
    account.service.mentions("kim@far.example", "<p>Two</p>")
    with MastodonService() as other:
        page = account.service.answer(account.service.asked[-1])
        account.service.scripted.append(
            Said(200, page.body, {"link": f'<{other.url}/api/v1/notifications?min_id=1>; rel="prev"'})
        )
        account.looks()
        assert other.asked == []


def test_a_file_goes_as_media_and_never_as_a_link(account: Account) -> None:
    asked = account.service.mentions("kim@far.example", "<p>How does it look?</p>")
    picture = Attached(name='a "tent".png', type="image/png", data=b"\x89PNG...")
    account.sends("Like this. " * 60, in_reply_to=asked, files=(picture,))
    (upload,) = account.service.uploads
    assert picture.data in upload
    assert b'filename="a %22tent%22.png"' in upload
    assert [one.get("media_ids") for one in account.service.written] == [["m1"], None]
    with pytest.raises(SendFailed, match="takes 4 files"):
        account.sends("All of it", in_reply_to=asked, files=(picture,) * 5, external_id="<2@desk>")


def test_listening_looks_at_every_account_though_one_server_is_ill(account: Account) -> None:
    account.service.mentions("kim@far.example", "<p>Hello?</p>")
    said: dict[int, str] = {}
    ill = msgspec.structs.replace(account.inbox.settings, server="http://127.0.0.1:9")
    door = Door(
        inboxes=[msgspec.structs.replace(account.inbox, id=77, settings=ill), account.inbox],
        take=account.desk.desk.intake.take_async,
        memory=Notebook(account.desk.record, channel.manifest.name),
        say=said.__setitem__,
        environment={},
    )

    async def listen() -> None:
        listening = asyncio.create_task(channel.listen(door))
        async with asyncio.timeout(20):
            while len(said) < 2:
                await asyncio.sleep(0.05)
        listening.cancel()

    asyncio.run(listen())
    assert said[account.number] == "Looked for mentions: 1 new."
    assert "cannot be reached" in said[77]


def test_save_and_test_says_whose_the_token_is(account: Account) -> None:
    assert channel.try_connections(account.inbox) == [("sign in", True, "Signed in as larkspur@larkspur.test.")]
    account.service.scripted.append(Said(401, b"{}"))
    assert not channel.try_connections(account.inbox)[0][1]


def test_html_becomes_the_text_that_a_reader_sees() -> None:
    link = '<a href="https://a.test/long?x=1&amp;y=2"><span class="invisible">https://</span><span>a.test…</span></a>'
    assert plain(f"<p>One<br/>two</p><p>See {link} now</p>") == "One\ntwo\n\nSee https://a.test/long?x=1&y=2 now"
    assert plain("<p>1 &lt; 2 &amp;amp; 3</p><script>alert(1)</script>") == "1 < 2 &amp; 3"
    assert plain('<a href="javascript:alert(1)">press</a>') == "press"
    assert plain("<ul><li>a</li><li>b</li></ul>") == "• a\n• b"
