"""Platforms of reviews: tokens that end, pages that lead on, newest first, one answer to a review."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from parley.demo.simulators.server import Asked, Platform, Said, as_json

PAGE = 2  # reviews on a page, so that catching up has to follow several


class ReviewService(Platform):
    """Keeps `reviews` (id → JSON and time) and `answers` (id → words); each platform puts them in its own shape."""

    def __init__(self, platform: str) -> None:
        super().__init__()
        self.platform = platform
        self.reviews: dict[str, tuple[datetime, dict[str, Any]]] = {}
        self.answers: dict[str, str] = {}
        self.tokens = 0

    def writes(
        self, id: str, stars: int, text: str, at: datetime, first: datetime | None = None, name: str = "Kim"
    ) -> None:
        """Somebody writes a review, or other words for it: `first` is when the first ones stood there."""
        self.reviews[id] = (at, SHAPES[self.platform](id, stars, text, at, first or at, name))

    @property
    def looks(self) -> int:
        return sum(1 for asked in self.asked if asked.method == "GET")

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/token":
            self.tokens += 1
            return as_json({"access_token": f"token-{self.tokens}", "expires_in": 3600, "token_type": "Bearer"})
        if not asked.headers.get("authorization", "").startswith("Bearer "):
            return as_json({"error": {"message": "Login required"}}, 401)
        if asked.method == "GET":
            return self._page(asked)
        return self._answered(asked)

    def _page(self, asked: Asked) -> Said:
        query = asked.query
        page = int(query.get("pageToken") or query.get("token") or query.get("cursor") or int(query.get("page", 1)) - 1)
        rows = [shape for _, shape in sorted(self.reviews.values(), key=lambda row: row[0], reverse=True)]
        size = int(query["perPage"]) if "perPage" in query else PAGE
        shown, more = rows[page * size : page * size + size], len(rows) > page * size + size
        following = str(page + 1) if more else ""
        if self.platform == "appstore":
            links = {"next": f"{self.url}{asked.path}?cursor={following}"} if more else {}
            return as_json({"data": shown, "links": links})
        if self.platform == "play":
            return as_json({"reviews": shown, **({"tokenPagination": {"nextPageToken": following}} if more else {})})
        return as_json({"reviews": shown, **({"nextPageToken": following} if more else {})})

    def _answered(self, asked: Asked) -> Said:
        body = asked.json
        if self.platform == "appstore":
            id = body["data"]["relationships"]["review"]["data"]["id"]
            self.answers[id] = body["data"]["attributes"]["responseBody"]
            return as_json({"data": {"id": "a1", "type": "customerReviewResponses"}}, 201)
        if self.platform == "play":
            id = asked.path.rpartition("/")[2].removesuffix(":reply")
        else:
            id = asked.path.split("/")[-2]
        self.answers[id] = next(iter(body.values()))
        return as_json({})


def _google(id: str, stars: int, text: str, at: datetime, first: datetime, name: str) -> dict[str, Any]:
    word = ("ONE", "TWO", "THREE", "FOUR", "FIVE")[stars - 1]
    times = {"createTime": _time(first), "updateTime": _time(at)}
    return {"reviewId": id, "reviewer": {"displayName": name}, "starRating": word, "comment": text, **times}


def _play(id: str, stars: int, text: str, at: datetime, first: datetime, name: str) -> dict[str, Any]:
    written = {"text": f"\t{text}", "starRating": stars, "lastModified": {"seconds": str(int(at.timestamp()))}}
    return {"reviewId": id, "authorName": name, "comments": [{"userComment": written}]}


def _appstore(id: str, stars: int, text: str, at: datetime, first: datetime, name: str) -> dict[str, Any]:
    said = {"rating": stars, "title": None, "body": text, "reviewerNickname": name, "createdDate": _time(at)}
    return {"type": "customerReviews", "id": id, "attributes": said}


def _trustpilot(id: str, stars: int, text: str, at: datetime, first: datetime, name: str) -> dict[str, Any]:
    times = {"createdAt": _time(first), "updatedAt": _time(at) if at != first else None}
    return {"id": id, "stars": stars, "text": text, "consumer": {"id": f"c{id}", "displayName": name}, **times}


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


SHAPES: dict[str, Callable[[str, int, str, datetime, datetime, str], dict[str, Any]]] = {
    "google": _google,
    "play": _play,
    "appstore": _appstore,
    "trustpilot": _trustpilot,
}
