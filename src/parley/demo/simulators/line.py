"""LINE's Messaging API: takes pushed messages, and posts events under a signature (developers.line.biz)."""

import base64
import hashlib
import hmac
import json
from typing import Any

from parley.demo.simulators.server import Asked, Platform, Said, as_json

TOKEN, SECRET = "line token", "line secret"


class LineService(Platform):
    """media: bytes and type by the message's id."""

    def __init__(self) -> None:
        super().__init__()
        self.media: dict[str, tuple[bytes, str]] = {}

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return as_json({"message": "Authentication failed due to the following reason: invalid token."}, 401)
        if asked.path.endswith("/content"):
            data, kind = self.media.get(asked.path.split("/")[-2], (b"", ""))
            return Said(200, data, {"content-type": kind}) if data else Said(404)
        if asked.path != "/v2/bot/message/push":
            return as_json({"message": "Not found"}, 404)
        named = [{"id": f"4600{len(self.asked)}{number}"} for number in range(len(asked.json["messages"]))]
        return as_json({"sentMessages": named})


def event(user: str, id: str, text: str, when: int) -> dict[str, Any]:
    """Somebody writes; when in milliseconds."""
    message = {"id": id, "type": "text", "text": text}
    source = {"type": "user", "userId": user}
    return {"type": "message", "webhookEventId": f"ev{id}", "timestamp": when, "source": source, "message": message}


def batch(*events: dict[str, Any]) -> bytes:
    return json.dumps({"destination": "U0", "events": list(events)}).encode()


def signed(body: bytes) -> dict[str, str]:
    proof = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    return {"x-line-signature": proof, "content-type": "application/json"}
