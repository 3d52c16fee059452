"""Reviews of a company at Trustpilot (developers.trustpilot.com, private reviews and replies)."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from parley.channels.calling import call
from parley.channels.reviews.google import told
from parley.channels.reviews.review import Review, moment
from parley.channels.reviews.tokens import by_client

API = "https://api.trustpilot.com"
TOKENS = f"{API}/v1/oauth/oauth-business-users-for-applications/accesstoken"
AT_ONCE = 100


class Consumer(msgspec.Struct, frozen=True, rename="camel"):
    id: str = ""
    display_name: str = ""


class Shape(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    created_at: str
    updated_at: str | None = None
    stars: int = 0
    title: str | None = None
    text: str | None = None
    consumer: Consumer = Consumer()
    reference_id: str | None = None


class Trustpilot:
    name = "trustpilot"
    limit = 4096
    needs = ("client_id", "client_secret")

    def review_of(self, raw: bytes) -> Review:
        one = msgspec.json.decode(raw, type=Shape)
        return Review(
            id=one.id,
            stars=one.stars,
            title=one.title or "",
            text=one.text or "",
            updated=moment(one.updated_at or one.created_at),
            author=one.consumer.id,
            name=one.consumer.display_name,
            about=f"order {one.reference_id}" if one.reference_id else "",
            edited=bool(one.updated_at) and one.updated_at != one.created_at,
        )

    async def newest_first(self, ours: Any) -> AsyncIterator[list[dict[str, Any]]]:
        number = 1
        while True:
            query = urlencode({"orderBy": "createdat.desc", "perPage": str(AT_ONCE), "page": str(number)})
            url = f"{ours.api or API}/v1/private/business-units/{quote(ours.place, safe='')}/reviews?{query}"
            said = told(*await call("GET", url, None, await by_client(ours, TOKENS)), "Trustpilot")
            page = [one for one in said.get("reviews") or () if isinstance(one, dict)]
            yield page
            if len(page) < AT_ONCE:
                return
            number += 1

    async def answer(self, review: str, text: str, ours: Any) -> None:
        url = f"{ours.api or API}/v1/private/reviews/{quote(review, safe='')}/reply"
        headers = {"content-type": "application/json", **(await by_client(ours, TOKENS))}
        told(*await call("POST", url, msgspec.json.encode({"message": text}), headers), "Trustpilot")


platform = Trustpilot()
