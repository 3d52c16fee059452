"""A Mastodon server: notifications in pages with Link headers, statuses that are written once per idempotency key.

As docs.joinmastodon.org tells it: `min_id` gives the oldest that are newer, newest first within the page; `Link` names
the pages before and after; too many requests are refused with the time at which the count begins anew.
"""

from datetime import UTC, datetime
from typing import Any

from parley.demo.simulators.server import Asked, Platform, Said, as_json

TOKEN = "t"
PAGE = 3  # notifications on a page, so that catching up has to follow several


class MastodonService(Platform):
    """statuses: what stands there, by id. told: notifications, oldest first. limit: characters of a status."""

    def __init__(self) -> None:
        super().__init__()
        self.limit = 500
        self.several = True  # whether it gives several statuses at once, as it does from 4.3 on
        self.statuses: dict[str, dict[str, Any]] = {}
        self.told: list[dict[str, Any]] = []
        self.written: list[dict[str, Any]] = []
        self.uploads: list[bytes] = []
        self.working = 1  # how often a file is asked for before it can be shown
        self._keys: dict[str, dict[str, Any]] = {}
        self._number = 110_000

    def mentions(self, acct: str, html: str, visibility: str = "public", **more: Any) -> str:
        """Somebody writes to the account; the id of their status."""
        id = self._next()
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        account = {"id": f"7{acct}", "acct": acct, "display_name": acct.partition("@")[0].title()}
        status = {
            "id": id, "created_at": now, "edited_at": None, "visibility": visibility, "spoiler_text": "",
            "content": html, "in_reply_to_id": None, "account": account, "media_attachments": [],
        } | more  # fmt: skip
        self.statuses[id] = status
        self.told.append({"id": self._next(), "type": "mention", "created_at": now, "account": account} | {"of": id})
        return id

    def edits(self, id: str, html: str) -> None:
        self.statuses[id] |= {"content": html, "edited_at": datetime.now(UTC).isoformat()}

    def deletes(self, id: str) -> None:
        """With a status its notification goes as well."""
        del self.statuses[id]
        self.told = [one for one in self.told if one["of"] != id]

    def limits(self, until: datetime) -> None:
        """Too many requests until then, told with the next one."""
        self.scripted.append(Said(429, headers={"x-ratelimit-reset": until.isoformat()}))

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/api/v2/instance":
            return as_json({"configuration": {"statuses": {"max_characters": self.limit}}})
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return as_json({"error": "The access token is invalid"}, 401)
        if asked.path == "/api/v1/accounts/verify_credentials":
            return as_json({"id": "1", "acct": "larkspur"})
        if asked.path == "/api/v1/notifications":
            return self._page(asked)
        if asked.path == "/api/v2/media":
            self.uploads.append(asked.body)
            return as_json({"id": f"m{len(self.uploads)}", "url": None}, 202)
        if asked.path.startswith("/api/v1/media/"):
            self.working -= 1
            return as_json({"id": asked.path.rpartition("/")[2]}, 206 if self.working >= 0 else 200)
        if asked.path == "/api/v1/statuses":
            return self._write(asked) if asked.method == "POST" else self._together(asked)
        status = self.statuses.get(asked.path.rpartition("/")[2])
        return as_json(status) if status else as_json({"error": "Record not found"}, 404)

    def _page(self, asked: Asked) -> Said:
        size = min(PAGE, int(asked.query.get("limit", PAGE)))
        after, before = int(asked.query.get("min_id", 0)), int(asked.query.get("max_id", 10**18))
        fitting = [one for one in self.told if after < int(one["id"]) < before]
        page = fitting[:size] if "min_id" in asked.query else fitting[-size:]
        shown = [{name: value for name, value in one.items() if name != "of"} for one in reversed(page)]
        for one, known in zip(shown, reversed(page), strict=True):
            one["status"] = self.statuses[known["of"]]
        if not page:
            return as_json([])
        here = f"{self.url}{asked.path}?types[]=mention&include_filtered=true&limit={size}"
        links = f'<{here}&max_id={page[0]["id"]}>; rel="next", <{here}&min_id={page[-1]["id"]}>; rel="prev"'
        return as_json(shown, link=links)

    def _together(self, asked: Asked) -> Said:
        if not self.several:
            return as_json({"error": "Not found"}, 404)
        wanted = asked.all.get("id[]", [])
        return as_json([self.statuses[id] for id in wanted if id in self.statuses])

    def _write(self, asked: Asked) -> Said:
        key, body = asked.headers.get("idempotency-key", ""), asked.json
        if key in self._keys:
            return as_json(self._keys[key])
        above = body.get("in_reply_to_id")
        if above and above not in self.statuses:
            return as_json({"error": "The post you are trying to reply to does not appear to exist."}, 404)
        if counted(body["status"]) + len(body.get("spoiler_text", "")) > self.limit:
            return as_json({"error": f"Validation failed: Text character limit of {self.limit} exceeded"}, 422)
        ours = {"id": "1", "acct": "larkspur"}
        status = {"id": self._next(), "account": ours, "content": body["status"], **body}
        self.statuses[status["id"]] = self._keys[key] = status
        self.written.append(status)
        return as_json(status)

    def _next(self) -> str:
        self._number += 1
        return str(self._number)


def counted(text: str) -> int:
    """Word by word: an address counts 23, of a name with its server only the name."""
    count = 0
    for word in text.split(" "):
        if word.startswith("http"):
            count += 23
        elif word.startswith("@") and "@" in word[1:]:
            count += len(word[1:].partition("@")[0]) + 1
        else:
            count += len(word)
    return count + text.count(" ")
