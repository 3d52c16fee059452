"""Slack's interface: answers 200 with a yes or no inside, signs what it posts with the time, keeps files behind a token
(api.slack.com: chat.postMessage, verifying requests, file objects)."""

import hashlib
import hmac
import json
import time
from typing import Any

from parley.demo.simulators.server import Asked, Platform, Said, as_json

TOKEN, SECRET = "xoxb", "signing secret"


class SlackService(Platform):
    """error: what it says no with, once it is set. media: bytes and type by the name at the end of their address."""

    def __init__(self) -> None:
        super().__init__()
        self.error = ""
        self.media: dict[str, tuple[bytes, str]] = {}

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return as_json({"ok": False, "error": "invalid_auth"})
        if asked.path.startswith("/files/"):
            data, kind = self.media.get(asked.path.rpartition("/")[2], (b"", ""))
            return Said(200, data, {"content-type": kind}) if data else Said(404)
        if self.error:
            return as_json({"ok": False, "error": self.error})
        named = f"{1_767_225_600 + len(self.asked)}.000001"
        return as_json({"ok": True, "channel": asked.json["channel"], "ts": named})


def signed(body: bytes, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    when = int(time.time() if at is None else at)
    proof = hmac.new(secret.encode(), f"v0:{when}:".encode() + body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": str(when), "x-slack-signature": f"v0={proof}"}


def event(id: str, user: str, ts: str, text: str, where: str = "D7", **more: Any) -> bytes:
    """Somebody writes; where: the channel, D… between them and the app alone."""
    said = {"type": "message", "channel": where, "user": user, "text": text, "ts": ts}
    envelope = {"type": "event_callback", "event_id": id, "team_id": "T1", "event": said | more}
    return json.dumps(envelope).encode()
