"""The web chat's folder: samples are read as they should be, signatures hold, settings are checked."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.channels.webchat import Webchat, channel, raw
from parley.channels.webchat import protocol as p
from parley.channels.webchat.kinds import kind_of
from parley.channels.webchat.reception import Line, Pace, Reception, Who
from parley.channels.webchat.settings import WebchatSettings
from parley.channels.webchat.signing import SignedUser, new_visitor_token, sign, visitor_of, vouched
from parley.core.channel import Delivery, InboundMessage, Inbox
from parley.core.errors import Busy, Refused

HERE = Path(__file__).parent
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECRET = "a secret of the shop that is long enough"
VISITOR = "5f2b7c0a9d3e4f61b8a2c7d4e9f01234"
FRONTEND = HERE.parents[4] / "frontend" / "widget"


def inbox(**settings: Any) -> Inbox:
    chosen = WebchatSettings(key="shop", **{"secret": SECRET, **settings})
    return Inbox(id=1, brand=1, channel="webchat", name="Chat", address="shop", settings=chosen)


def delivery(data: bytes) -> Delivery:
    return Delivery(id=1, inbox=1, provider_id="x", received_at=NOW, raw=data)


def test_a_signed_user_is_known_by_id_and_mail() -> None:
    token = sign(SignedUser(id="17", mail="kim@example.com", name="Kim Lee", exp=int(NOW.timestamp()) + 60), SECRET)
    said = raw.Said(visitor=VISITOR, client_id="c0ffee01", text="Hello", user=token)
    (message,) = channel.read(delivery(raw.encode(said)), inbox(customers="wrenfield"))
    assert isinstance(message, InboundMessage)
    assert [(a.kind, a.value, a.proved) for a in message.known_as] == [
        ("user", "wrenfield/17", "signed by shop"),
        ("mail", "kim@example.com", "signed by shop"),
    ]


@pytest.mark.parametrize("seconds", [-1, 0])
def test_a_late_signature_proves_nothing(seconds: int) -> None:
    token = sign(SignedUser(id="17", exp=int(NOW.timestamp()) + seconds), SECRET)
    assert vouched(token, SECRET, NOW) is None


def test_an_empty_secret_vouches_for_nobody() -> None:
    token = sign(SignedUser(id="17", exp=int(NOW.timestamp()) + 60), "")
    assert vouched(token, "", NOW) is None


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_any_changed_byte_breaks_the_signature(place: int, change: int) -> None:
    token = sign(SignedUser(id="17", exp=int(NOW.timestamp()) + 60), SECRET).encode()
    at = place % len(token)
    forged = token[:at] + bytes([token[at] ^ change]) + token[at + 1 :]
    user = vouched(forged.decode("latin-1"), SECRET, NOW)
    assert user is None


def test_a_visitor_is_known_by_a_hash_of_the_token() -> None:
    token = new_visitor_token()
    assert visitor_of(token) == visitor_of(token) != token
    assert visitor_of("guess") is None
    assert visitor_of(None) is None


def test_a_resend_has_the_same_name() -> None:
    first = raw.Said(visitor=VISITOR, client_id="c0ffee01", text="Hello")
    again = msgspec.structs.replace(first, text="Hello, edited on the way")
    assert raw.provider_id(first) == raw.provider_id(again) == f"{VISITOR}:c0ffee01"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"colour": "red"}, "colour"),
        ({"secret": "short"}, "signing secret"),
        ({"secret": "env:PARLEY_NOT_SET_ANYWHERE"}, "PARLEY_NOT_SET_ANYWHERE"),
        ({"origins": ("https://shop.example/path",)}, "origin"),
        ({"origins": ("*",)}, "origin"),
    ],
)
def test_check_says_how_to_mend_it(settings: dict[str, Any], sentence: str) -> None:
    (problem,) = channel.check(inbox(**settings))
    assert sentence in problem


def test_good_settings_are_good() -> None:
    assert Webchat().check(inbox(origins=("https://shop.example", "http://127.0.0.1:8080"))) == []


@pytest.mark.parametrize(
    ("name", "data", "type"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n....", "image/png"),
        ("a.txt", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("notes.txt", "Grüße".encode(), "text/plain"),
    ],
)
def test_a_file_is_what_its_bytes_say(name: str, data: bytes, type: str) -> None:
    assert kind_of(name, data) == type


@pytest.mark.parametrize(("name", "data"), [("a.png", b"MZ\x90"), ("a.svg", b"<svg onload=x>"), ("a.html", b"<p>")])
def test_what_could_run_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(Refused):
        kind_of(name, data)


def test_a_line_has_a_pace() -> None:
    pace = Pace(burst=3, per_second=0)
    for _ in range(3):
        pace.spend()
    with pytest.raises(Busy):
        pace.spend()


class SlowDesk:
    """Proves every address, and is told of something else while it does."""

    def __init__(self) -> None:
        self.meanwhile = asyncio.Event()
        self.proving = asyncio.Event()

    async def prove_mail(self, who: Who, digits: str) -> str:
        self.proving.set()
        await self.meanwhile.wait()
        return "kim.lee@example.com"


def test_an_answer_is_not_lost_when_news_leaves_while_it_is_made() -> None:
    async def story() -> list[str]:
        desk, sent = SlowDesk(), list[bytes]()
        line = Line(Reception(desk, dict, b"key"), inbox())  # type: ignore[arg-type]
        line.who = Who(inbox=line.inbox, visitor=VISITOR)

        async def send(data: bytes) -> None:
            sent.append(data)

        hearing = asyncio.create_task(line.hear(p.Code(digits="123456")))
        await desk.proving.wait()
        line.out.append(p.Beat())
        await line._flush(send)
        desk.meanwhile.set()
        await hearing
        await line._flush(send)
        return [json.loads(frame)["kind"] for frame in sent]

    assert asyncio.run(story()) == ["beat", "proved"]


def test_lifetime_of_a_signature_is_the_shops_choice() -> None:
    user = SignedUser(id="17", exp=int((NOW + timedelta(days=30)).timestamp()))
    assert vouched(sign(user, SECRET), SECRET, NOW) == user


# ── the two ends of the wire ────────────────────────────────────────────────────────────────


@pytest.mark.skipif(not FRONTEND.exists(), reason="the panel's sources are not here (an installed package)")
@pytest.mark.parametrize("frame", [*p.FromBrowser.__args__, *p.FromDesk.__args__], ids=lambda one: one.__name__)
def test_the_panel_knows_every_frame(frame: Any) -> None:
    known = re.findall(r'kind: "(\w+)"', (FRONTEND / "panel" / "protocol.ts").read_text())
    assert frame.__struct_config__.tag in known


@pytest.mark.skipif(not FRONTEND.exists(), reason="the panel's sources are not here (an installed package)")
@pytest.mark.parametrize("language", ["de", "es"])
def test_every_sentence_has_its_translation(language: str) -> None:
    sources = [file.read_text() for file in FRONTEND.rglob("*.ts")]
    sentences = {words for source in sources for words in re.findall(r'\bt\(\s*"((?:[^"\\]|\\.)*)"', source)}
    words = HERE.parents[2] / "web" / "templates" / "widget" / "words" / f"{language}.json"
    catalogue = json.loads(words.read_text())
    assert len(sentences) > 50
    assert sorted(sentences - set(catalogue)) == []
    for english, other in catalogue.items():
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", other)), english
