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
    """error: what it says no with, once it is set. media: bytes and type by the name at the end of their address.

    said: messages by channel, in threads below the time of their first; lists give two at a time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.error = ""
        self.media: dict[str, tuple[bytes, str]] = {}
        self.said: dict[str, list[dict[str, Any]]] = {}

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return as_json({"ok": False, "error": "invalid_auth"})
        if asked.path.startswith("/files/"):
            data, kind = self.media.get(asked.path.rpartition("/")[2], (b"", ""))
            return Said(200, data, {"content-type": kind}) if data else Said(404)
        if self.error:
            return as_json({"ok": False, "error": self.error})
        if asked.method == "GET":
            return self._list(asked.path.rpartition("/")[2], asked.query)
        named = f"{1_767_225_600 + len(self.asked)}.000001"
        return as_json({"ok": True, "channel": asked.json["channel"], "ts": named})

    def _list(self, method: str, query: dict[str, str]) -> Said:
        if method == "auth.test":
            return as_json({"ok": True, "team_id": "T1", "user_id": "UBOT"})
        if method == "conversations.list":
            places = [{"id": id, "is_im": id.startswith("D"), "is_member": id[0] == "C"} for id in self.said]
            return self._page("channels", places, query)
        since, thread = float(query["oldest"]), query.get("ts", "")
        of_thread = [one for one in self.said[query["channel"]] if (one.get("thread_ts") or one["ts"]) == thread]
        firsts = [one for one in self.said[query["channel"]] if one.get("thread_ts", one["ts"]) == one["ts"]]
        found = of_thread if method == "conversations.replies" else firsts
        return self._page("messages", [one for one in reversed(found) if float(one["ts"]) > since], query)

    def _page(self, what: str, things: list[dict[str, Any]], query: dict[str, str]) -> Said:
        begin = int(query.get("cursor") or 0)
        more = str(begin + 2) if len(things) > begin + 2 else ""
        return as_json({"ok": True, what: things[begin : begin + 2], "response_metadata": {"next_cursor": more}})


def signed(body: bytes, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    when = int(time.time() if at is None else at)
    proof = hmac.new(secret.encode(), f"v0:{when}:".encode() + body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": str(when), "x-slack-signature": f"v0={proof}"}


def event(id: str, user: str, ts: str, text: str, where: str = "D7", **more: Any) -> bytes:
    """Somebody writes; where: the channel, D… between them and the app alone."""
    said = {"type": "message", "channel": where, "user": user, "text": text, "ts": ts}
    envelope = {"type": "event_callback", "event_id": id, "team_id": "T1", "event": said | more}
    return json.dumps(envelope).encode()
