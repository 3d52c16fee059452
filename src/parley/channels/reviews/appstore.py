"""Reviews of an app in the App Store (App Store Connect, customerReviews), answered by customerReviewResponses."""

import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from parley.channels.calling import call, secret
from parley.channels.reviews.review import Review, moment
from parley.channels.reviews.tokens import es256
from parley.core.errors import SendFailed

API = "https://api.appstoreconnect.apple.com"
LIFE = 900  # seconds of a token; Apple takes at most twenty minutes


class Attributes(msgspec.Struct, frozen=True, rename="camel"):
    created_date: str
    rating: int = 0
    title: str | None = None
    body: str | None = None
    reviewer_nickname: str | None = None
    territory: str = ""


class Shape(msgspec.Struct, frozen=True):
    id: str
    attributes: Attributes


class AppStore:
    name = "appstore"
    limit = 5970
    needs = ("key_id", "issuer", "secret_key")

    def review_of(self, raw: bytes) -> Review:
        """A changed review keeps its id and gets another date, so words always stand for the review."""
        one = msgspec.json.decode(raw, type=Shape)
        said = one.attributes
        return Review(
            id=one.id,
            stars=said.rating,
            title=said.title or "",
            text=said.body or "",
            updated=moment(said.created_date),
            name=said.reviewer_nickname or "",
            about=said.territory,
            edited=True,
        )

    async def newest_first(self, ours: Any) -> AsyncIterator[list[dict[str, Any]]]:
        api = ours.api or API
        query = urlencode({"sort": "-createdDate", "limit": "200"})
        url = f"{api}/v1/apps/{quote(ours.place, safe='')}/customerReviews?{query}"
        while url:
            said = _told(*await call("GET", url, None, _login(ours)))
            yield [one for one in said.get("data") or () if isinstance(one, dict)]
            links = said.get("links")
            following = str(links.get("next") or "") if isinstance(links, dict) else ""
            url = following if _same_place(following, api) else ""

    async def answer(self, review: str, text: str, ours: Any) -> None:
        body = {
            "data": {
                "type": "customerReviewResponses",
                "attributes": {"responseBody": text},
                "relationships": {"review": {"data": {"type": "customerReviews", "id": review}}},
            }
        }
        headers = {"content-type": "application/json", **_login(ours)}
        url = f"{ours.api or API}/v1/customerReviewResponses"
        _told(*await call("POST", url, msgspec.json.encode(body), headers))


platform = AppStore()


def _login(ours: Any) -> dict[str, str]:
    now = int(time.time())
    claims = {"iss": ours.issuer, "iat": now, "exp": now + LIFE, "aud": "appstoreconnect-v1"}
    return {"authorization": f"Bearer {es256(claims, ours.key_id, secret(ours.secret_key))}"}


def _same_place(url: str, api: str) -> bool:
    """The next page lies with the same host: our token goes nowhere else."""
    return urlsplit(url)[:2] == urlsplit(api)[:2]


def _told(status: int, said: Any) -> dict[str, Any]:
    fields: dict[str, Any] = said if isinstance(said, dict) else {}
    if status >= 400:
        errors = fields.get("errors")
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        reason = f"The App Store refused it ({status}). {first.get('detail') or first.get('title') or ''}".strip()
        raise SendFailed(reason, permanent=status not in (408, 409))
    return fields
