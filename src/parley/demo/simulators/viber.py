"""Viber's bot interface: takes messages, and posts what is written, delivered and seen (developers.viber.com)."""

import hashlib
import hmac
import json
from typing import Any

from parley.demo.simulators.server import Asked, Platform, Said, as_json

TOKEN = "viber token"


class ViberService(Platform):
    """media: bytes and type by the name at the end of their address."""

    def __init__(self) -> None:
        super().__init__()
        self.media: dict[str, tuple[bytes, str]] = {}

    def answer(self, asked: Asked) -> Said:
        if asked.path.startswith("/open/"):
            data, kind = self.media.get(asked.path.rpartition("/")[2], (b"", ""))
            return Said(200, data, {"content-type": kind}) if data else Said(404)
        if asked.headers.get("x-viber-auth-token") != TOKEN:
            return as_json({"status": 2, "status_message": "invalidAuthToken"})
        if asked.path != "/pa/send_message":
            return as_json({"status": 1, "status_message": "invalidUrl"})
        return as_json({"status": 0, "status_message": "ok", "message_token": 5_500_000 + len(self.asked)})


def message(user: str, name: str, token: int, text: str, when: int, **more: str) -> bytes:
    """Somebody writes; when in milliseconds. more: of a message of another type."""
    sender = {"id": user, "name": name}
    return _event("message", token, when, sender=sender, message={"type": "text", "text": text, **more})


def reached(user: str, token: int, state: str, when: int) -> bytes:
    """state: delivered or seen."""
    return _event(state, token, when, user_id=user)


def _event(kind: str, token: int, when: int, **more: Any) -> bytes:
    return json.dumps({"event": kind, "message_token": token, "timestamp": when, **more}).encode()


def signed(body: bytes) -> dict[str, str]:
    return {"x-viber-content-signature": hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()}
