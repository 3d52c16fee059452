"""X: every entry of what is posted once, whichever way it came; posts answered in public, messages in private."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from harness.doors import Door
from harness.waiting import eventually
from harness.web import WebDesk
from parley.channels.x import channel, posted
from parley.channels.x.facts import facts_of
from parley.channels.x.looking import directs, mentions
from parley.channels.x.payload import Body
from parley.channels.x.signing import Keys, signature
from parley.channels.x.words import weight
from parley.core import events as e
from parley.core.channel import Address, Attached, InboundMessage, Inbox, Outbound
from parley.core.channel import Door as Listening
from parley.core.errors import Busy, SendFailed
from parley.demo.simulators.server import as_json
from parley.demo.simulators.x import ACCOUNT, KEYS, XService, activity, direct, post, signed
from parley.services.listening import Notebook


class Account(Door):
    """An inbox that X posts to, and that looks when it is told to."""

    def __init__(self, web: WebDesk, service: XService) -> None:
        super().__init__(web, channel, KEYS | {"account": ACCOUNT, "api": service.url, "minutes": 0})
        self.service = service

    @property
    def inbox(self) -> Inbox:
        return self.story.inbox(self.number)

    def told(self, **events: list[dict[str, Any]]) -> int:
        body = activity(**events)
        return self.post(body, signed(body))

    def looks(self, way: Any, take: Any = None) -> int:
        listening = Listening(
            inboxes=[self.inbox],
            take=take or self.story.desk.intake.take_async,
            memory=Notebook(self.story.record, channel.manifest.name),
            say=lambda number, sentence: None,
            environment={},
        )
        return int(asyncio.run(way(self.inbox, listening)))

    def sends(self, text: str, **more: Any) -> str:
        """Straight through the channel, as the outbox would; the name that X gave."""
        ours = {"message": 1, "conversation": 1, "to": Address(kind="x", value="31"), "external_id": "<1@desk>"} | more
        return str(asyncio.run(channel.send(Outbound(text=text, **ours), self.inbox)).provider_id)


@pytest.fixture
def account(web: WebDesk) -> Iterator[Account]:
    with XService() as service:
        yield Account(web, service)  # type: ignore[arg-type]


def test_everything_that_is_posted_is_taken_once(account: Account) -> None:
    hello, again = direct("31", "71", "Is it in stock?"), direct("32", "72", "In blue?")
    public = post("33", "81", "@larkspur hello")
    assert account.told(direct_message_events=[hello, again], tweet_create_events=[public]) == 200
    assert account.told(direct_message_events=[again], tweet_create_events=[public]) == 200
    assert sorted(str(m.external_id) for m in account.received(3)) == ["dm/71", "dm/72", "post/33/81"]
    assert len(account.story.conversations()) == 3
    assert account.post(activity(direct_message_events=[hello]), signed(b"another")) == 401
    assert account.post(activity(direct_message_events=[hello]), {}) == 401


def test_the_question_of_x_is_answered_and_no_other(account: Account) -> None:
    """The answer proves a body as well, so whoever asks must not choose what is signed."""
    with account.web.browser() as http:
        answer = http.get(account.url, params={"crc_token": "MzQ5ZTk="})
        proof = base64.b64encode(hmac.new(b"shared", b"MzQ5ZTk=", hashlib.sha256).digest()).decode()
        assert answer.json() == {"response_token": f"sha256={proof}"}
        assert answer.headers["content-type"].startswith("application/json")
        forged = activity(direct_message_events=[direct("31", "71", "Forged")]).decode()
        assert http.get(account.url, params={"crc_token": forged}).status_code == 401
        assert http.get(account.url).status_code == 401
    assert account.post(b"MzQ5ZTk=", signed(b"MzQ5ZTk=")) == 401


def test_a_message_is_answered_by_message_and_a_post_under_it(account: Account) -> None:
    account.told(direct_message_events=[direct("31", "71", "My order is late.")])
    assert account.received(1)[0].external_id == "dm/71"
    account.answers("Which one is it?")
    assert account.service.messages == [("31", "Which one is it?")]
    account.told(tweet_create_events=[post("33", "81", "@larkspur is it waterproof?")])
    account.received(2)
    newest = account.story.events(e.MessageReceived)[-1].subject_id
    assert account.story.words(newest) == ["[Public post]\n@larkspur is it waterproof?"]
    account.answers("It is.")
    (said,) = account.service.posts
    assert (said["text"], said["reply"]) == ("It is.", {"in_reply_to_tweet_id": "81"})


def test_what_is_for_the_customer_alone_never_goes_into_public(account: Account) -> None:
    account.sends("Your code is 1234", in_reply_to="post/31/81", purpose="code")
    account.sends("Good day", in_reply_to="post/32/82")
    account.sends("Good day")
    account.sends("Good day", in_reply_to="<mail@elsewhere.test>")
    assert account.service.posts == []
    assert [to for to, _ in account.service.messages] == ["31"] * 4


def test_what_no_webhook_brought_is_caught_up_over_several_pages(account: Account) -> None:
    for n in range(8):
        account.service.post("31", f"@larkspur words {n}", ago=800 - n)
        account.service.direct("32", f"Message {n}", ago=800 - n)
    assert (account.looks(mentions), account.looks(directs)) == (8, 8)
    assert (account.looks(mentions), account.looks(directs)) == (0, 0)
    account.service.post("31", "@larkspur more")
    account.service.direct("32", "More")
    assert (account.looks(mentions), account.looks(directs)) == (1, 1)
    assert len(account.received(18)) == 18


def test_what_came_both_ways_is_one_message(account: Account) -> None:
    posted, message = account.service.post("31", "@larkspur hello"), account.service.direct("32", "Hello")
    account.told(tweet_create_events=[post("31", posted, "@larkspur hello")])
    account.told(direct_message_events=[direct("32", message, "Hello")])
    assert (account.looks(mentions), account.looks(directs)) == (0, 0)
    assert len(account.received(2)) == 2


def test_a_look_that_was_cut_short_is_made_again(account: Account) -> None:
    for n in range(5):
        account.service.direct("32", f"Message {n}", ago=800 - n)
    taken: list[str] = []

    async def take(number: int, name: str, raw: bytes) -> bool:
        if len(taken) == 2:
            raise Busy("The disk is full.")
        taken.append(name)
        return await account.story.desk.intake.take_async(number, name, raw)

    with pytest.raises(Busy):
        account.looks(directs, take)
    assert account.looks(directs) == 3
    assert len(account.received(5)) == 5


def test_what_we_wrote_ourselves_is_no_customers(account: Account) -> None:
    account.service.post(ACCOUNT, "We have news")
    account.service.direct(ACCOUNT, "Good day")
    again = post("31", "82", "RT @larkspur: We have news", retweeted_status={"id_str": "81"})
    account.told(
        direct_message_events=[direct(ACCOUNT, "71", "Good day")],
        tweet_create_events=[post(ACCOUNT, "81", "We have news"), again],
    )
    account.looks(mentions)
    account.looks(directs)
    account.told(direct_message_events=[direct("31", "73", "Hello")])
    assert [m.external_id for m in account.received(1)] == ["dm/73"]


def test_a_post_that_was_edited_or_deleted_is_so_here(account: Account) -> None:
    account.told(tweet_create_events=[post("31", "81", "@larkspur is it blue?"), post("31", "82", "@larkspur oops")])
    account.received(2)
    account.service.post("31", "@larkspur is it green?", edit_history_tweet_ids=["81", "83"])
    account.looks(mentions)
    eventually(lambda: len(account.events(e.MessageEdited)) == 1)
    account.told(tweet_delete_events=[{"status": {"id": "82", "user_id": "31"}, "timestamp_ms": "1767225660000"}])
    eventually(lambda: len(account.events(e.MessageWithdrawn)) == 1)


def test_a_long_answer_is_a_chain_of_posts_within_what_x_counts(account: Account) -> None:
    text = " ".join(f"第{n}章は終わりません。 https://shop.test/{'a' * 90}" for n in range(30))
    account.sends(text, in_reply_to="post/31/81")
    said = account.service.posts
    assert len(said) >= 4
    assert all(weight(one["text"]) <= 280 for one in said)
    assert [one["reply"]["in_reply_to_tweet_id"] for one in said] == ["81", *(one["id"] for one in said[:-1])]
    assert " ".join(one["text"] for one in said).split() == text.split()


def test_a_limit_is_waited_for_and_a_refusal_is_told(account: Account) -> None:
    account.service.limits(90)
    with pytest.raises(SendFailed) as limited:
        account.looks(mentions)
    assert 60 < (limited.value.retry_after or 0) <= 90
    account.told(direct_message_events=[direct("31", "71", "Hello?")])
    account.received(1)
    account.service.refused["/2/dm_conversations/with/31/messages"] = as_json(
        {"detail": "You do not have permission to DM one or more participants.", "status": 403}, 403
    )
    failed = account.answers("Good day", e.SendFailed)
    assert "permission to DM" in failed.reason
    assert not failed.can_retry


def test_a_picture_goes_along_and_never_as_a_link(account: Account) -> None:
    picture = Attached(name="tent.png", type="image/png", data=b"\x89PNG...")
    account.sends("Like this", in_reply_to="post/31/81", files=(picture,))
    assert account.service.posts[0]["media"] == {"media_ids": ["m1"]}
    account.sends("And these", in_reply_to="dm/71", files=(picture, picture))
    assert account.service.messages == [("31", "And these"), ("31", "")]
    told = [asked.json for asked in account.service.asked if asked.path.endswith("/messages")]
    assert [one["attachments"] for one in told] == [[{"media_id": "m2"}], [{"media_id": "m3"}]]
    with pytest.raises(SendFailed, match="pictures up to 5 MB"):
        account.sends("Read this", files=(Attached(name="a.pdf", type="application/pdf", data=b"%PDF"),))
    assert len(account.service.uploads) == 3


def test_listening_looks_for_posts_though_messages_are_not_allowed(account: Account) -> None:
    account.service.post("31", "@larkspur hello")
    account.service.refused["/2/dm_events"] = as_json({"title": "Forbidden", "detail": "Not in your plan."}, 403)
    said: list[str] = []
    looking = msgspec.structs.replace(account.inbox.settings, minutes=1)
    door = Listening(
        inboxes=[msgspec.structs.replace(account.inbox, settings=looking)],
        take=account.story.desk.intake.take_async,
        memory=Notebook(account.story.record, channel.manifest.name),
        say=lambda number, sentence: said.append(sentence),
        environment={},
    )

    async def listen() -> None:
        listening = asyncio.create_task(channel.listen(door))
        async with asyncio.timeout(20):
            while len(said) < 2:
                await asyncio.sleep(0.05)
        listening.cancel()

    asyncio.run(listen())
    assert "Looked for mentions: 1 new." in said
    assert any("Not in your plan." in one for one in said)


def test_save_and_test_says_whose_the_token_is(account: Account) -> None:
    assert channel.try_connections(account.inbox) == [("sign in", True, "Signed in as @larkspur.")]
    account.service.scripted.append(as_json({"data": {"id": "901", "username": "other"}}))
    assert "901" in channel.try_connections(account.inbox)[0][2]


def test_a_request_is_signed_as_the_standard_does_it() -> None:
    """The example of RFC 5849 section 1.2, which has no version in it."""
    told = {
        "oauth_consumer_key": "dpf43f3p2l4k3l03", "oauth_token": "nnch734d00sl2jdk", "oauth_nonce": "chapoH",
        "oauth_signature_method": "HMAC-SHA1", "oauth_timestamp": "137131202",
    }  # fmt: skip
    keys = Keys(
        key="dpf43f3p2l4k3l03", secret="kd94hf93k423kf44", token="nnch734d00sl2jdk", token_secret="pfkkdhi9sl3r4s00"
    )
    url = "http://photos.example.net:80/photos?file=vacation.jpg&size=original"
    assert signature("GET", url, told, keys) == "MdpQcU8iPSUjWoN/UDMsK2sui9I="


@pytest.mark.parametrize(
    ("text", "weighs"),
    [("Hello", 5), ("こんにちは", 10), ("https://a.test/" + "b" * 90, 23), ("é", 1), ("e\u0301", 1), ("👨‍👩‍👧‍👦", 2),
     ("🇩🇪", 2), ("👍🏽 ok", 5), ("“so”", 4)],
)  # fmt: skip
def test_a_text_weighs_what_x_counts(text: str, weighs: int) -> None:
    assert weight(text) == weighs


# ── the X Activity API ──────────────────────────────────────────────────────────────────────


def told(kind: str, payload: dict[str, Any], **more: Any) -> bytes:
    data = {"event_uuid": "1", "filter": {"user_id": ACCOUNT}, "event_type": kind, "payload": payload, **more}
    return json.dumps({"data": data}).encode()


USERS = {"users": [{"id": "31", "name": "Kim", "username": "kim31"}]}
WRAPPED = {"31": {"data": USERS["users"][0]}}
MENTION = {"id": "300", "author_id": "31", "text": "@larkspur where is it?", "created_at": "2026-07-24T21:23:23.000Z"}
MESSAGE = {"id": "500", "event_type": "MessageCreate", "sender_id": "31", "text": "Hello?"}


@pytest.mark.parametrize(
    ("body", "name", "text", "who"),
    [
        (told("post.mention.create", MENTION, includes=USERS), "post/300", "[Public post]", "Kim"),
        (told("post.reply.create", MENTION, includes=USERS), "post/300", "[Public post]", "Kim"),
        (told("dm.received", MESSAGE, includes=USERS), "dm/500", "Hello?", "Kim"),
        (
            told("dm.received", {"direct_message_events": [direct("31", "500", "Hello?")], "users": WRAPPED}),
            "dm/500", "Hello?", "Kim",
        ),
        (told("post.mention.create", MENTION), "post/300", "[Public post]", ""),
    ],
)  # fmt: skip
def test_the_newer_interface_tells_the_same(body: bytes, name: str, text: str, who: str) -> None:
    (one,) = posted.taken(body)
    (said,) = facts_of(msgspec.json.decode(one.raw, type=Body), ACCOUNT)
    assert isinstance(said, InboundMessage)
    assert (one.provider_id, said.text.partition("\n")[0], said.sender.name, said.sender.value) == (
        name,
        text,
        who,
        "31",
    )


@pytest.mark.parametrize(
    "body",
    [
        told("dm.received", {**MESSAGE, "sender_id": ACCOUNT}),
        told("post.mention.create", {**MENTION, "author_id": ACCOUNT}),
        told("dm.sent", MESSAGE), told("like.create", {"id": "9"}), told("chat.received", {"encoded": "…"}),
        told("dm.received", {"id": "no number"}), b'{"data": 3}', b'{"data": {"payload": {"users": 3}}}',
        told("dm.received", MESSAGE).replace(ACCOUNT.encode(), b"901"),
    ],
)  # fmt: skip
def test_what_is_ours_or_of_another_kind_is_kept_and_says_nothing(body: bytes) -> None:
    taken = posted.taken(body)
    assert taken
    for one in taken:
        assert facts_of(msgspec.json.decode(one.raw, type=Body), ACCOUNT) == []
