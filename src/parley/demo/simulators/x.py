"""X's interface: mentions and direct messages in pages, posts and messages taken, every request's signature checked.

As docs.x.com tells it: newest first, `next_token` leads on, `since_id` leaves out what is older; too many requests are
refused with the second at which the count begins anew. Webhooks are signed with the application's secret.
"""

import base64
import hashlib
import hmac
import json
import re
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from parley.demo.simulators.server import Asked, Platform, Said, as_json

KEYS = {"consumer_key": "ck", "consumer_secret": "shared", "token": "at", "token_secret": "ats"}
ACCOUNT = "900"
PAGE = 3  # things on a page, so that catching up has to follow several
EPOCH = 1_288_834_974_657


class XService(Platform):
    """mentions and directs: what there is, oldest first. posts and messages: what the account wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.mentions: list[dict[str, Any]] = []
        self.directs: list[dict[str, Any]] = []
        self.posts: list[dict[str, Any]] = []
        self.messages: list[tuple[str, str]] = []
        self.refused: dict[str, Said] = {}  # by path
        self.uploads: list[bytes] = []
        self._count = 0

    def post(self, who: str, text: str, ago: float = 0.0, **more: Any) -> str:
        """Somebody names the account in a post, so many seconds ago; its id."""
        id = self.number(ago)
        self.mentions.append({"id": id, "text": text, "author_id": who, "created_at": when(ago)} | more)
        return id

    def direct(self, who: str, text: str, ago: float = 0.0) -> str:
        id = self.number(ago)
        event = {"id": id, "event_type": "MessageCreate", "text": text, "sender_id": who, "created_at": when(ago)}
        self.directs.append(event)
        return id

    def number(self, ago: float = 0.0) -> str:
        """An id of that moment."""
        self._count += 1
        return str(((int((time.time() - ago) * 1000) - EPOCH) << 22) + self._count)

    def limits(self, seconds: float) -> None:
        """Too many requests, told with the next one."""
        self.scripted.append(Said(429, headers={"x-rate-limit-reset": str(int(time.time() + seconds))}))

    def answer(self, asked: Asked) -> Said:
        if not self._signed(asked):
            return as_json({"title": "Unauthorized", "status": 401}, 401)
        if asked.path in self.refused:
            return self.refused[asked.path]
        if asked.path == "/2/users/me":
            return as_json({"data": {"id": ACCOUNT, "username": "larkspur"}})
        if asked.path == f"/2/users/{ACCOUNT}/mentions":
            return self._page(asked, self.mentions, "author_id")
        if asked.path == "/2/dm_events":
            return self._page(asked, self.directs, "sender_id")
        if asked.path == "/2/tweets":
            self.posts.append(asked.json | {"id": self.number()})
            return as_json({"data": {"id": self.posts[-1]["id"], "text": asked.json["text"]}}, 201)
        if asked.path == "/2/media/upload":
            self.uploads.append(asked.body)
            return as_json({"data": {"id": f"m{len(self.uploads)}"}})
        to = re.fullmatch(r"/2/dm_conversations/with/(\d+)/messages", asked.path)
        if not to:
            return as_json({"title": "Not Found"}, 404)
        self.messages.append((to[1], asked.json.get("text", "")))
        return as_json({"data": {"dm_conversation_id": f"{ACCOUNT}-{to[1]}", "dm_event_id": self.number()}}, 201)

    def _page(self, asked: Asked, things: list[dict[str, Any]], author: str) -> Said:
        since, start = int(asked.query.get("since_id", 0)), int(asked.query.get("pagination_token", 0))
        newest = [one for one in sorted(things, key=lambda one: -int(one["id"])) if int(one["id"]) > since]
        shown = newest[start : start + PAGE]
        users = [{"id": who, "name": f"Kim {who}", "username": f"kim{who}"} for who in {one[author] for one in shown}]
        more = {"next_token": str(start + PAGE)} if len(newest) > start + PAGE else {}
        data = {"data": shown, "includes": {"users": users}} if shown else {}
        return as_json({**data, "meta": {"result_count": len(shown), **more}})

    def _signed(self, asked: Asked) -> bool:
        """RFC 5849 section 3.2, checked apart from our own signer."""
        told = {
            name: unquote(value)
            for name, value in re.findall(r'(\w+)="([^"]*)"', asked.headers.get("authorization", ""))
        }
        given = told.pop("oauth_signature", "")
        pairs = sorted(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in {**told, **asked.query}.items())
        place = f"{self.url}{asked.path}"
        text = "&".join(quote(part, safe="~") for part in (asked.method, place, "&".join(pairs)))
        key = f"{KEYS['consumer_secret']}&{KEYS['token_secret']}"
        proof = base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha1).digest()).decode()
        known = told.get("oauth_consumer_key") == KEYS["consumer_key"] and told.get("oauth_token") == KEYS["token"]
        return known and hmac.compare_digest(given, proof)


def when(ago: float = 0.0) -> str:
    return datetime.fromtimestamp(time.time() - ago, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def signed(body: bytes, key: str = KEYS["consumer_secret"]) -> dict[str, str]:
    proof = base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()
    return {"x-twitter-webhooks-signature": f"sha256={proof}", "content-type": "application/json"}


def activity(**events: list[dict[str, Any]]) -> bytes:
    """One POST of the Account Activity API, with everybody who wrote a message in it."""
    senders = [one["message_create"]["sender_id"] for one in events.get("direct_message_events", [])]
    users = {who: {"id": who, "name": f"Kim {who}", "screen_name": f"kim{who}"} for who in senders}
    return json.dumps({"for_user_id": ACCOUNT, **events, **({"users": users} if users else {})}).encode()


def direct(who: str, id: str, text: str) -> dict[str, Any]:
    created = {"target": {"recipient_id": ACCOUNT}, "sender_id": who, "message_data": {"text": text}}
    return {"type": "message_create", "id": id, "created_timestamp": "1767225600000", "message_create": created}


def post(who: str, id: str, text: str, **more: Any) -> dict[str, Any]:
    user = {"id_str": who, "name": f"Kim {who}", "screen_name": f"kim{who}"}
    return {"id_str": id, "text": text, "user": user, "timestamp_ms": "1767225600000"} | more
