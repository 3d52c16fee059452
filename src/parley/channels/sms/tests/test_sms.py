"""SMS by both providers: signatures, once each, what becomes of ours, who asks for no more, what a webhook missed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.waiting import eventually
from harness.web import WebDesk, served
from parley.channels.calling import pieces
from parley.channels.sms import channel, vonage
from parley.channels.sms.segments import segments
from parley.channels.sms.stopping import wanted
from parley.channels.twilio import signature, spellings
from parley.core import events as e
from parley.demo.simulators.server import Asked, Platform, Said, as_json
from parley.demo.simulators.twilio import ACCOUNT, NUMBER, STOPPED, TOKEN, TwilioService, signed
from parley.services import setup

KIM = "+447946000031"


@pytest.fixture
def twilio() -> Iterator[TwilioService]:
    with TwilioService() as service:
        yield service  # type: ignore[misc]


@pytest.fixture
def web(tmp_path: Path, engine_url: str) -> Iterator[WebDesk]:
    with served(tmp_path, url=engine_url) as web:
        yield web


def inbox_of(web: WebDesk, api: str = "http://127.0.0.1:9", **more: Any) -> int:
    chosen = {"number": NUMBER, "account": ACCOUNT, "token": TOKEN, "api": api, "look_back_minutes": 0, **more}
    number: int = web.story.change(lambda tx: setup.add_inbox(tx, 1, channel.manifest.name, "SMS", NUMBER, chosen))
    web.room.setup_changed()
    return number


def post(web: WebDesk, number: int, form: bytes, **more: Any) -> int:
    url = f"{web.url}/hooks/{number}"
    with web.browser() as http:
        return http.post(url, content=form, headers=signed(url, form, **more)).status_code


def received(web: WebDesk) -> list[e.MessageReceived]:
    return [r.event for r in web.story.events(e.MessageReceived)]  # type: ignore[misc]


def test_the_signature_is_twilios() -> None:
    """The example of twilio-python's own tests: a form's fields, sorted, behind the URL."""
    fields = "CallSidCA1234567890ABCDECaller+14158675309Digits1234From+14158675309To+18005551212"
    given = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2" + fields) == given
    assert list(spellings("https://a.test:8443/x?y=1"))[1:] == ["https://a.test/x?y=1"]
    assert list(spellings("https://a.test/x"))[1:] == ["https://a.test:443/x"]


def test_a_message_is_taken_once_and_a_forged_one_never(web: WebDesk, twilio: TwilioService) -> None:
    number = inbox_of(web)
    form = twilio.receives("Is it on its way?", KIM, "SM1")
    assert post(web, number, form, token="guessed") == 401
    assert post(web, number, form + b"&Body=other", token="") == 401
    assert [post(web, number, form) for _ in range(3)] == [200, 200, 200]
    assert post(web, number, twilio.receives("Hello?", KIM, "SM2")) == 200
    eventually(lambda: len(received(web)) >= 2)
    assert [m.external_id for m in received(web)] == ["SM1", "SM2"]
    assert len(web.story.conversations()) == 1


def test_what_becomes_of_our_answer_is_told(web: WebDesk, twilio: TwilioService) -> None:
    number = inbox_of(web, twilio.url, callback="https://desk.test/hooks/9")
    post(web, number, twilio.receives("Is it on its way?", KIM, "SM1"))
    eventually(lambda: bool(received(web)))
    web.story.agent("ana").replies("It comes today.", settle=False)
    eventually(lambda: bool(web.story.events(e.Sent)))
    form = twilio.sent[0].form
    assert (form["To"], form["From"], form["Body"]) == (KIM, NUMBER, "It comes today.")
    assert form["StatusCallback"] == "https://desk.test/hooks/9"
    news = "MessageSid=SM9001&MessageStatus={}&ErrorCode=30005&From=x&To=y"
    for state in ("sent", "delivered", "delivered"):
        assert post(web, number, news.format(state).encode()) == 200
    eventually(lambda: len(web.story.events(e.Delivered)) == 1)


def test_somebody_who_said_stop_is_not_tried_again(web: WebDesk, twilio: TwilioService) -> None:
    number = inbox_of(web, twilio.url)
    post(web, number, twilio.receives("STOP", STOPPED, "SM1"))
    eventually(lambda: bool(received(web)))
    assert received(web)[0].automatic == "a wish about messages"
    eventually(lambda: bool(web.story.events(e.SendFailed)))  # the confirmation, which Twilio refuses for this number
    web.story.agent("ana").replies("Sorry!", settle=False)
    eventually(lambda: len(web.story.events(e.SendFailed)) == 2)
    failed = web.story.events(e.SendFailed)[1].event
    assert isinstance(failed, e.SendFailed)
    assert "asked for no more messages" in failed.reason
    assert not failed.can_retry


def test_what_the_webhooks_missed_is_looked_up(web: WebDesk, twilio: TwilioService) -> None:
    """Twilio gives up after some seconds; its list still holds what came in, on several pages."""
    taken = twilio.receives("First", KIM, "SM1")
    for n in (2, 3, 4, 5):
        twilio.receives(f"Missed {n}", KIM, f"SM{n}")
    number = inbox_of(web, twilio.url)
    assert post(web, number, taken) == 200
    web.story.record.do(lambda tx: setup.change_inbox(tx, number, **_with_look_back(web, number)))
    web.room.setup_changed()
    eventually(lambda: len(received(web)) >= 5)
    assert sorted(m.external_id or "" for m in received(web)) == ["SM1", "SM2", "SM3", "SM4", "SM5"]
    assert len(web.story.conversations()) == 1


def _with_look_back(web: WebDesk, number: int) -> dict[str, Any]:
    import msgspec

    box = web.story.inbox(number)
    settings = msgspec.structs.replace(box.settings, look_back_minutes=10)
    return {
        "brand": box.brand, "name": box.name, "address": box.address, "settings": settings, "with_bot": box.with_bot
    }  # fmt: skip


# ── the other provider ──────────────────────────────────────────────────────────────────────


class VonageService(Platform):
    def answer(self, asked: Asked) -> Said:
        return as_json({"message_uuid": f"u-{len(self.asked)}"}, 202)


def test_the_other_providers_token_must_speak_of_this_body(web: WebDesk) -> None:
    with VonageService() as service:
        number = inbox_of(web, service.url, provider="vonage", signature_secret="shared")
        said = {"channel": "sms", "message_uuid": "v-1", "from": KIM[1:], "message_type": "text", "text": "Hello"}
        body, at = json.dumps(said).encode(), web.story.clock().timestamp()

        def take(body: bytes, token: str) -> int:
            with web.browser() as http:
                headers = {"authorization": f"Bearer {token}"}
                return http.post(f"/hooks/{number}", content=body, headers=headers).status_code

        assert take(body, vonage.token(body, "guessed", at)) == 401
        assert take(body + b" ", vonage.token(body, "shared", at)) == 401
        assert take(body, vonage.token(body, "shared", at - 301)) == 401
        assert [take(body, vonage.token(body, "shared", at)) for _ in range(2)] == [200, 200]
        eventually(lambda: bool(received(web)))
        web.story.agent("ana").replies("Good day", settle=False)
        eventually(lambda: bool(web.story.events(e.Sent)))
        assert service.asked[0].json["to"] == KIM[1:]
        news = {"message_uuid": "u-1", "status": "undeliverable", "error": {"title": 1300, "detail": "Out of reach"}}
        raw = json.dumps(news).encode()
        assert take(raw, vonage.token(raw, "shared", at)) == 200
        eventually(lambda: bool(web.story.events(e.SendFailed)))


def test_the_other_providers_messages_are_read() -> None:
    said = {
        "channel": "sms",
        "message_uuid": "v-1",
        "from": KIM[1:],
        "message_type": "image",
        "image": {"caption": "Torn"},
    }
    (message,) = vonage.provider.read(json.dumps(said).encode())
    assert getattr(message, "text", None) == "[Photo] Torn"
    assert vonage.provider.read(b'{"message_uuid": "v-2", "status": "submitted"}') == []


# ── words ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2),
        ("ж" * 70, 1), ("ж" * 71, 2), ("😀" * 35, 1), ("😀" * 36, 2), ("a" * 152 + "€" + "a" * 152, 3),
        ("a\u00a0b" * 25, 2),
    ],
)  # fmt: skip
def test_segments_are_counted_as_networks_do(text: str, count: int) -> None:
    assert segments(text) == count


def test_words_that_stop_stand_alone() -> None:
    assert all(wanted(text) is False for text in ("STOP", "stop!", " Stop all ", "arrêt", "Cancel", "end"))
    assert wanted("please end this", told="STOP") is False
    assert wanted("Start") is True
    assert all(wanted(text) is None for text in ("Don't stop", "the end", "", "stop by tomorrow?"))


def test_long_texts_are_cut_where_words_end() -> None:
    text = "\n\n".join(["One sentence. Another one follows it here."] * 20)
    parts = pieces(text, 200)
    assert all(0 < len(part) <= 200 for part in parts)
    assert " ".join(" ".join(parts).split()) == " ".join(text.split())
    assert pieces("x" * 450, 200) == ["x" * 200, "x" * 200, "x" * 50]
    assert pieces("", 200) == [""]
