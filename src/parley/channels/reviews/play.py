"""Reviews of an app at Google Play (androidpublisher v3). It lists those of the last week that have words."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from parley.channels.calling import call
from parley.channels.reviews.google import TOKENS, told
from parley.channels.reviews.review import Review
from parley.channels.reviews.tokens import refreshed
from parley.core.errors import Unreadable

API = "https://androidpublisher.googleapis.com"


class Time(msgspec.Struct, frozen=True):
    seconds: str | int = 0


class Written(msgspec.Struct, frozen=True, rename="camel"):
    text: str = ""
    star_rating: int = 0
    last_modified: Time = Time()
    app_version_name: str = ""
    device: str = ""
    original_text: str = ""


class Comment(msgspec.Struct, frozen=True, rename="camel"):
    user_comment: Written | None = None


class Shape(msgspec.Struct, frozen=True, rename="camel"):
    review_id: str
    author_name: str = ""
    comments: list[Comment] = []


class Play:
    name = "play"
    limit = 350
    needs = ("client_id", "client_secret", "refresh_token")

    def review_of(self, raw: bytes) -> Review:
        """The platform does not tell whether words are the first ones, so they always stand for the review."""
        one = msgspec.json.decode(raw, type=Shape)
        written = next((comment.user_comment for comment in one.comments if comment.user_comment), None)
        if written is None:
            raise Unreadable("This review has no words of a customer.")
        title, _, text = (written.original_text or written.text).strip("\t").partition("\t")
        version = f"version {written.app_version_name}" if written.app_version_name else ""
        about = ", ".join(part for part in (version, written.device) if part)
        return Review(
            id=one.review_id,
            stars=written.star_rating,
            title=title if text else "",
            text=text or title,
            updated=_time(written.last_modified.seconds),
            name=one.author_name,
            about=about,
            edited=True,
        )

    async def newest_first(self, ours: Any) -> AsyncIterator[list[dict[str, Any]]]:
        page = ""
        while True:
            query = urlencode({"maxResults": "100", **({"token": page} if page else {})})
            url = f"{_reviews(ours)}?{query}"
            said = told(*await call("GET", url, None, await refreshed(ours, TOKENS)), "Google Play")
            yield [one for one in said.get("reviews") or () if isinstance(one, dict)]
            following = said.get("tokenPagination")
            page = str(following.get("nextPageToken") or "") if isinstance(following, dict) else ""
            if not page:
                return

    async def answer(self, review: str, text: str, ours: Any) -> None:
        url = f"{_reviews(ours)}/{quote(review, safe='')}:reply"
        headers = {"content-type": "application/json", **(await refreshed(ours, TOKENS))}
        told(*await call("POST", url, msgspec.json.encode({"replyText": text}), headers), "Google Play")


platform = Play()


def _reviews(ours: Any) -> str:
    return f"{ours.api or API}/androidpublisher/v3/applications/{quote(ours.place, safe='')}/reviews"


def _time(seconds: str | int) -> datetime:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise Unreadable("This review has no time.") from error
