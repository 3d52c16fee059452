"""Files that platforms keep become the message's own: fetched with the token, within a size, never from inside."""

import asyncio
import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import pytest

from harness.desk import StoryDesk
from parley.channels.fetching import get, is_public
from parley.core import events as e
from parley.core.errors import FetchFailed
from parley.demo.simulators import meta
from parley.demo.simulators.meta import MetaService
from parley.demo.simulators.server import Asked, Platform, Said
from parley.demo.simulators.telegram import TOKEN, TelegramService
from parley.demo.simulators.twilio import ACCOUNT, NUMBER, TwilioService
from parley.demo.simulators.twilio import TOKEN as TWILIO_TOKEN
from parley.services import setup
from parley.services.files import find

PICTURE = b"\x89PNG\r\n\x1a\n" + b"a picture" * 100
CLOUD, BOT, TEXT = "whatsapp", "telegram", "sms"


@pytest.fixture
def graph() -> Iterator[MetaService]:
    with MetaService() as graph:
        yield graph  # type: ignore[misc]


def inbox_of(desk: StoryDesk, channel: str, settings: dict[str, Any]) -> int:
    number: int = desk.change(lambda tx: setup.add_inbox(tx, desk.brand, channel, channel.title(), "x", settings))
    desk.desk.setup_changed()
    return number


def cloud_inbox(desk: StoryDesk, graph: MetaService) -> int:
    return inbox_of(desk, CLOUD, {"phone_number_id": "700", "token": meta.TOKEN, "app_secret": "s", "api": graph.url})


def picture(id: str = "m1", **more: Any) -> dict[str, Any]:
    part = {"id": id, "mime_type": "image/png", "caption": "The box", **more}
    return {"from": "447946000031", "id": f"wamid.{id}", "timestamp": "1767225600", "type": "image", "image": part}


def takes(desk: StoryDesk, inbox: int, raw: bytes) -> None:
    desk.desk.intake.take(inbox, f"d{next(desk.numbers)}", raw).result(10)
    desk.settle()


def kept(desk: StoryDesk, number: int = 0) -> bytes:
    """The bytes of a file of the first message."""
    message = desk.events(e.MessageReceived)[0].event.message  # type: ignore[union-attr]
    with desk.record.reading() as conn:
        return desk.desk.store.get(find(conn, message, number).sha256)


def test_a_picture_is_fetched_by_its_id_with_the_token(desk: StoryDesk, graph: MetaService) -> None:
    graph.media["m1"] = (PICTURE, "image/png")
    takes(desk, cloud_inbox(desk, graph), meta.cloud(picture()))
    assert kept(desk) == PICTURE
    assert desk.words() == ["[Photo] The box"]
    assert {asked.headers["authorization"] for asked in graph.asked} == {f"Bearer {meta.TOKEN}"}
    (fetched,) = desk.events(e.FileFetched)
    assert isinstance(fetched.event, e.FileFetched)
    digest = sha256(PICTURE).hexdigest()
    assert fetched.event.file == e.File(name="photo.png", type="image/png", size=len(PICTURE), sha256=digest)


def test_a_bots_file_is_fetched_by_its_path(desk: StoryDesk) -> None:
    with TelegramService() as service:
        assert isinstance(service, TelegramService)
        service.media |= {"small": b"s", "large": PICTURE}
        inbox = inbox_of(desk, BOT, {"token": TOKEN, "webhook_secret": "w", "api": service.url})
        sizes = [{"file_id": id, "file_size": len(service.media[id])} for id in ("small", "large")]
        who = {"id": 31, "type": "private", "first_name": "Kim"}
        message = {"message_id": 1, "chat": who, "date": 1767225600, "photo": sizes, "caption": "The box"}
        takes(desk, inbox, json.dumps({"update_id": 1, "message": message}).encode())
    assert kept(desk) == PICTURE


def test_a_picture_by_mms_needs_the_accounts_login(desk: StoryDesk) -> None:
    with TwilioService() as service:
        assert isinstance(service, TwilioService)
        service.media["/Media/ME1"] = (PICTURE, "image/png")
        chosen = {"number": NUMBER, "account": ACCOUNT, "token": TWILIO_TOKEN, "api": service.url}
        inbox = inbox_of(desk, TEXT, chosen | {"look_back_minutes": 0})
        form = {"MessageSid": "MM1", "SmsStatus": "received", "From": "+447946000031", "NumMedia": "1"}
        form |= {"MediaUrl0": f"{service.url}/Media/ME1", "MediaContentType0": "image/png"}
        takes(desk, inbox, urlencode(form).encode())
    assert kept(desk) == PICTURE


def test_the_message_is_there_at_once_and_trouble_is_tried_again(desk: StoryDesk, graph: MetaService) -> None:
    graph.media["m1"] = (PICTURE, "image/png")
    graph.fail(1)
    graph.throttle(1, 600)
    takes(desk, cloud_inbox(desk, graph), meta.cloud(picture()))
    assert len(desk.events(e.MessageReceived)) == 1
    assert len(desk.events(e.FileDelayed)) == 1
    desk.later(minutes=1)
    assert [r.event.tries for r in desk.events(e.FileDelayed)] == [1, 2]  # type: ignore[union-attr]
    desk.later(minutes=8)
    assert desk.events(e.FileFetched) == [], "the platform asked for ten minutes"
    desk.later(minutes=5)
    assert kept(desk) == PICTURE


def test_an_address_that_ended_is_asked_for_anew(desk: StoryDesk, graph: MetaService) -> None:
    graph.media["m1"] = (PICTURE, "image/png")
    graph.life = 0.0
    takes(desk, cloud_inbox(desk, graph), meta.cloud(picture()))
    assert desk.events(e.FileFetched) == []
    graph.life = 300.0
    desk.later(minutes=2)
    assert kept(desk) == PICTURE


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://127.0.0.1:9/secret", "not one of the public web"),
        ("https://127.0.0.1/secret", "private network"),
        ("https://[::1]/secret", "private network"),
        ("file:///etc/passwd", "not one of the public web"),
        ("https://user@files.test/x", "not one of the public web"),
    ],
)
def test_an_address_that_leads_inside_is_not_followed(
    desk: StoryDesk, graph: MetaService, address: str, told: str
) -> None:
    graph.media["m1"] = (PICTURE, "image/png")
    graph.elsewhere = address
    takes(desk, cloud_inbox(desk, graph), meta.cloud(picture()))
    (missed,) = desk.events(e.FileMissed)
    assert isinstance(missed.event, e.FileMissed)
    assert told in missed.event.reason
    assert len(desk.events(e.MessageReceived)) == 1


def test_a_file_that_is_too_large_or_gone_says_so(desk: StoryDesk, graph: MetaService) -> None:
    graph.media["m1"] = (b"x" * (26 * 1024 * 1024), "image/png")
    inbox = cloud_inbox(desk, graph)
    takes(desk, inbox, meta.cloud(picture(), picture("gone")))
    reasons = sorted(r.event.reason for r in desk.events(e.FileMissed))  # type: ignore[union-attr]
    assert reasons == ["The file is larger than 25 MB.", "The platform does not give the file (404)."]


def test_what_is_taken_back_is_not_fetched_any_more_and_forgotten(desk: StoryDesk, graph: MetaService) -> None:
    graph.media |= {"m1": (PICTURE, "image/png"), "m2": (PICTURE, "image/png")}
    inbox = cloud_inbox(desk, graph)
    takes(desk, inbox, meta.cloud(picture("m1")))
    graph.fail(1)
    takes(desk, inbox, meta.cloud(picture("m2")))
    for id in ("m1", "m2"):
        gone = {"from": "447946000031", "id": f"r.{id}", "timestamp": "1767225600", "type": "revoke"}
        takes(desk, inbox, meta.cloud(gone | {"revoke": {"original_message_id": f"wamid.{id}"}}))
    desk.later(hours=1)
    assert [r.event.file for r in desk.events(e.FileFetched)] == [None]  # type: ignore[union-attr]
    with desk.record.reading() as conn, pytest.raises(Exception, match="no such file"):
        find(conn, desk.events(e.MessageReceived)[0].event.message, 0)  # type: ignore[union-attr]


# ── where an address may lead ───────────────────────────────────────────────────────────────


class Inside(Platform):
    """Something of ours that nobody outside may reach."""

    def answer(self, asked: Asked) -> Said:
        return Said(200, b"a secret")


SPELLINGS = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "localhost", "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "10.0.0.1", "172.16.0.1", "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1", "[fd00::1]", "[fe80::1]", "[fec0::1]", "0", "127.0.0.1.", "user@127.0.0.1", "[::]", "224.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_an_inner_address_is_connected_to(host: str) -> None:
    with Inside() as inside:
        port = inside.url.rpartition(":")[2]
        for scheme, place in (("http", f"{host}:{port}"), ("https", f"{host}:{port}"), ("https", host)):
            with pytest.raises(FetchFailed):
                asyncio.run(get(f"{scheme}://{place}/x", 1000, "https://api.platform.test"))
        assert inside.asked == []


def test_a_redirect_is_looked_at_as_well_and_takes_no_login_along() -> None:
    with Platform() as platform, Inside() as inside:
        platform.scripted.append(Said(302, headers={"location": f"{inside.url}/x"}))
        with pytest.raises(FetchFailed, match="not one of the public web"):
            asyncio.run(get(f"{platform.url}/file", 1000, platform.url, {"authorization": "Bearer t"}))
        assert inside.asked == []
        platform.scripted.extend([Said(302, headers={"location": "/other"}), Said(200, b"here")])
        assert asyncio.run(get(f"{platform.url}/file", 1000, platform.url))[0] == b"here"
        platform.scripted.extend([Said(302, headers={"location": "/round"})] * 9)
        with pytest.raises(FetchFailed, match="on and on"):
            asyncio.run(get(f"{platform.url}/file", 1000, platform.url))


def test_public_addresses_are_public() -> None:
    assert all(is_public(address) for address in ("93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34"))
    assert not any(is_public(address) for address in ("", "nonsense", "10.1.1.1", "::ffff:10.1.1.1", "240.0.0.1"))
