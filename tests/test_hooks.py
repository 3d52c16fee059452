"""Platforms post to the desk: proved first, stored before the answer, each thing of a batch once."""

import hashlib
import hmac
import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.waiting import eventually
from harness.web import WebDesk, served
from parley.channels import installed
from parley.core import events as e
from parley.core.webhook import Webhook
from parley.services import listening, setup

META = "whatsapp"
BOT = "telegram"
SETTINGS = {
    META: {"phone_number_id": "700", "token": "t", "app_secret": "shared", "verify_token": "word"},
    BOT: {"token": "t", "webhook_secret": "word"},
}


@pytest.fixture
def web(tmp_path: Path, engine_url: str) -> Iterator[WebDesk]:
    with served(tmp_path, url=engine_url) as web:
        yield web


def inbox_of(web: WebDesk, channel: str) -> int:
    chosen = SETTINGS[channel]
    number: int = web.story.change(lambda tx: setup.add_inbox(tx, 1, channel, channel.title(), "700", chosen))
    web.room.setup_changed()
    return number


def signed(body: bytes, secret: str = "shared") -> dict[str, str]:
    return {"x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def batch(*messages: dict[str, Any]) -> bytes:
    """Each message in an entry of its own: all of them must be read, not the first alone."""
    entries = [{"id": "5", "changes": [{"field": "messages", "value": {"messages": [m]}}]} for m in messages]
    return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()


def text(number: int) -> dict[str, Any]:
    sender = f"44207946{number % 5:04}"
    return {"from": sender, "id": f"wamid.{number}", "timestamp": "1767225600", "type": "text", "text": {"body": "Hi"}}


def received(web: WebDesk) -> int:
    return len(web.story.events(e.MessageReceived))


def test_everything_in_a_batch_becomes_a_message_once_whatever_the_order(web: WebDesk) -> None:
    number = inbox_of(web, META)
    chance = random.Random(7)
    copies = [n for n in range(60) for _ in range(chance.randint(1, 5))]
    chance.shuffle(copies)
    bodies = [batch(*map(text, copies[at : at + 6])) for at in range(0, len(copies), 6)]

    def post(body: bytes) -> int:
        with web.browser() as http:
            return http.post(f"/hooks/{number}", content=body, headers=signed(body)).status_code

    with ThreadPoolExecutor(8) as workers:
        assert set(workers.map(post, bodies)) == {200}
    eventually(lambda: received(web) >= 60)
    names = [r.event.external_id for r in web.story.events(e.MessageReceived)]  # type: ignore[union-attr]
    assert sorted(names) == sorted(f"wamid.{n}" for n in range(60))
    assert len(web.story.conversations()) == 5


def test_a_wrong_signature_is_refused_and_nothing_is_kept(web: WebDesk) -> None:
    number = inbox_of(web, META)
    body = batch(text(1))
    with web.browser() as http:
        for headers in ({}, signed(body, "guessed"), signed(body + b" "), {"x-hub-signature-256": "sha256="}):
            answer = http.post(f"/hooks/{number}", content=body, headers=headers)
            assert answer.status_code == 401
    assert web.story.record.ask(_kept, number) == 0


def test_an_inbox_without_a_secret_takes_nothing(web: WebDesk) -> None:
    number = web.story.change(lambda tx: setup.add_inbox(tx, 1, META, "Bare", "701"))
    web.room.setup_changed()
    body = batch(text(1))
    with web.browser() as http:
        assert http.post(f"/hooks/{number}", content=body, headers=signed(body, "")).status_code == 401


def test_the_handshake_needs_the_agreed_word(web: WebDesk) -> None:
    number = inbox_of(web, META)
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}
    with web.browser() as http:
        right = http.get(f"/hooks/{number}", params=asked | {"hub.verify_token": "word"})
        wrong = http.get(f"/hooks/{number}", params=asked | {"hub.verify_token": "guess"})
    assert (right.status_code, right.text) == (200, "1158201444")
    assert wrong.status_code == 401
    assert "1158201444" not in wrong.text


def test_what_is_signed_and_unknown_or_broken_is_kept(web: WebDesk) -> None:
    number = inbox_of(web, META)
    unknown = batch({"id": "wamid.x", "from": "44", "type": "hologram"})
    with web.browser() as http:
        for body in (unknown, b"{", b""):
            assert http.post(f"/hooks/{number}", content=body, headers=signed(body)).status_code == 200
    assert web.story.record.ask(_kept, number) == 3
    eventually(lambda: len(web.story.events(e.Quarantined)) == 2)
    assert received(web) == 0
    assert web.story.record.ask(listening.passed_over) == {number: 1}
    assert "1 kept that held no news" in web.signed_in("ana", "admin").get("/desk/settings/inboxes").text


def test_a_bot_update_comes_with_its_secret(web: WebDesk) -> None:
    number = inbox_of(web, BOT)
    chat = {"id": 77, "type": "private", "first_name": "Kim"}
    update = {"update_id": 1, "message": {"message_id": 2, "chat": chat, "date": 1767225600, "text": "Hello"}}
    header = "x-telegram-bot-api-secret-token"
    with web.browser() as http:
        assert http.post(f"/hooks/{number}", json=update, headers={header: "guess"}).status_code == 401
        for _ in range(3):
            assert http.post(f"/hooks/{number}", json=update, headers={header: "word"}).status_code == 200
    eventually(lambda: received(web) == 1)


def test_no_door_where_no_platform_is_expected(web: WebDesk) -> None:
    with web.browser() as http:
        assert [http.post(f"/hooks/{n}", content=b"{}").status_code for n in (1, 999)] == [404, 404]


@pytest.mark.parametrize("name", sorted(n for n, c in installed().items() if isinstance(c, Webhook)))
def test_every_door_refuses_what_bears_no_proof(web: WebDesk, name: str) -> None:
    number: int = web.story.change(lambda tx: setup.add_inbox(tx, 1, name, "Door", "700"))
    web.room.setup_changed()
    with httpx.Client(base_url=web.url, timeout=60) as http:
        assert http.post(f"/hooks/{number}", content=b"{}").status_code == 401
        assert http.get(f"/hooks/{number}").status_code == 401


def _kept(conn: Any, inbox: int) -> int:
    from sqlalchemy import func, select

    from parley.log.tables import deliveries

    return int(conn.scalar(select(func.count()).where(deliveries.c.inbox == inbox)))
