"""Reviews of a place on Google (Business Profile, v4 reviews): listed by their last change, answered by `reply`."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from parley.channels.calling import call
from parley.channels.reviews.review import Review, moment
from parley.channels.reviews.tokens import refreshed
from parley.core.errors import SendFailed

API = "https://mybusiness.googleapis.com"
TOKENS = "https://oauth2.googleapis.com/token"
STARS = {"ONE": 1, "TWO": 2, "THREE": 3, "FOUR": 4, "FIVE": 5}


class Reviewer(msgspec.Struct, frozen=True, rename="camel"):
    display_name: str = ""
    is_anonymous: bool = False


class Shape(msgspec.Struct, frozen=True, rename="camel"):
    """As Google gives a review; a machine's translation stands behind the original words."""

    review_id: str
    update_time: str
    create_time: str = ""
    reviewer: Reviewer = Reviewer()
    star_rating: str = ""
    comment: str = ""


class Google:
    name = "google"
    limit = 4096
    needs = ("client_id", "client_secret", "refresh_token")

    def review_of(self, raw: bytes) -> Review:
        one = msgspec.json.decode(raw, type=Shape)
        return Review(
            id=one.review_id,
            stars=STARS.get(one.star_rating, 0),
            text=_original(one.comment),
            updated=moment(one.update_time),
            name=one.reviewer.display_name,
            edited=bool(one.create_time) and moment(one.create_time) != moment(one.update_time),
        )

    async def newest_first(self, ours: Any) -> AsyncIterator[list[dict[str, Any]]]:
        page = ""
        while True:
            query = {"orderBy": "updateTime desc", "pageSize": "50", **({"pageToken": page} if page else {})}
            url = f"{ours.api or API}/v4/{quote(ours.place)}/reviews?{urlencode(query)}"
            status, said = await call("GET", url, None, await refreshed(ours, TOKENS))
            said = told(status, said, "Google")
            yield [one for one in said.get("reviews") or () if isinstance(one, dict)]
            page = str(said.get("nextPageToken") or "")
            if not page:
                return

    async def answer(self, review: str, text: str, ours: Any) -> None:
        url = f"{ours.api or API}/v4/{quote(ours.place)}/reviews/{quote(review, safe='')}/reply"
        headers = {"content-type": "application/json", **(await refreshed(ours, TOKENS))}
        told(*await call("PUT", url, msgspec.json.encode({"comment": text}), headers), "Google")


platform = Google()


def _original(comment: str) -> str:
    """The reviewer's own words: before a translation, or behind one where the desk's language is the original's."""
    own = comment.partition("(Original)")[2] or comment.partition("(Translated by Google)")[0] or comment
    return own.strip()


def told(status: int, said: Any, who: str) -> dict[str, Any]:
    """The answer where it is one. Raises SendFailed in the platform's own words."""
    fields: dict[str, Any] = said if isinstance(said, dict) else {}
    if status >= 400:
        error = fields.get("error")
        reason = error.get("message", "") if isinstance(error, dict) else fields.get("message", "")
        raise SendFailed(f"{who} refused it ({status}). {reason}".strip(), permanent=status not in (401, 408, 409))
    return fields
