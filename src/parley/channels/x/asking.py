"""Asking X's interface in the account's name."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from parley.channels.calling import call, secret
from parley.channels.uploading import form_of
from parley.channels.x.signing import Keys, authorization
from parley.core.channel import Attached
from parley.core.errors import SendFailed

PICTURES = ("image/jpeg", "image/png", "image/webp", "image/gif")
LARGEST = 5 * 1024 * 1024


async def ask(ours: Any, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A GET. Raises SendFailed, with the time to wait where X tells it."""
    url = ours.api.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
    return _told(*await call("GET", url, None, login("GET", url, ours)))


async def post(ours: Any, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A POST. Raises SendFailed in words that somebody can act on."""
    url = ours.api.rstrip("/") + path
    headers = {"content-type": "application/json", **login("POST", url, ours)}
    return _told(*await call("POST", url, msgspec.json.encode(body), headers))


async def upload(ours: Any, file: Attached, category: str) -> str:
    """X's name for a picture. category: tweet_image or dm_image. Raises SendFailed."""
    if file.type not in PICTURES or len(file.data) > LARGEST:
        raise SendFailed("X takes pictures up to 5 MB. Send other files by mail.", permanent=True)
    url = ours.api.rstrip("/") + "/2/media/upload"
    kind, body = form_of(file, "media", {"media_category": category})
    said = _told(*await call("POST", url, body, {"content-type": kind, **login("POST", url, ours)})).get("data")
    id = str(said.get("id") or "") if isinstance(said, dict) else ""
    if not id:
        raise SendFailed("X did not say what it calls the picture.")
    return id


def login(method: str, url: str, ours: Any) -> dict[str, str]:
    keys = Keys(
        key=secret(ours.consumer_key),
        secret=secret(ours.consumer_secret),
        token=secret(ours.token),
        token_secret=secret(ours.token_secret),
    )
    return {"authorization": authorization(method, url, keys)}


def _told(status: int, said: Any) -> dict[str, Any]:
    fields: dict[str, Any] = said if isinstance(said, dict) else {}
    if status < 400:
        return fields
    reason = _reason(fields)
    sentences = {
        401: "X refuses the keys or the token. Make new ones in the developer portal and enter them.",
        402: f"X asks for money first. {reason}",
        403: f"X does not allow it. {reason}",
        404: f"X does not know what this answers, or whom it is for. {reason}",
    }
    sentence = sentences.get(status, f"X refused it ({status}). {reason}")
    raise SendFailed(sentence.strip(), permanent=status not in (408, 409, 425))


def _reason(fields: dict[str, Any]) -> str:
    """`detail` of a problem (RFC 9457), or the first error's message."""
    errors = fields.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return str(fields.get("detail") or first.get("message") or fields.get("title") or "")
