"""A mail that Amazon SES put into an S3 bucket, fetched from there with a signed request.

SNS carries 150 kB, so that a receipt rule for larger mails stores them and only tells of them.
Sources: Amazon, "Signature Version 4: authenticating requests", S3 "GetObject", SES "Deliver to S3 bucket action".
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from parley.channels.email.mime import MAIL_BYTES
from parley.channels.email.settings import EmailSettings, secret
from parley.core.errors import BadConfig, Busy, Unreadable

SECONDS = 12.0  # SNS hangs up after fifteen and posts again
EMPTY = hashlib.sha256(b"").hexdigest()
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z]{2}[a-z0-9-]{3,30}")


class Action(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    type: str = ""
    bucket_name: str = ""
    object_key: str = ""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    action: Action = Action()


class News(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    notification_type: str = ""
    receipt: Receipt = Receipt()
    content: str = ""


async def filled(body: bytes, settings: EmailSettings, at: float) -> bytes:
    """The notification with the mail that it tells of inside, as if SNS had carried it; others as they are.

    at: seconds since 1970. Raises Busy where asking again may help, and Unreadable where only the operator can mend it.
    """
    action = told_of(body)
    if action is None or not settings.s3_access_key:
        return body
    mail = await _fetched(action, settings, at)
    said = msgspec.json.decode(body)
    news = msgspec.json.decode(said["Message"])
    news["content"] = base64.b64encode(mail).decode()
    news["receipt"]["action"]["encoding"] = "BASE64"
    said["Message"] = msgspec.json.encode(news).decode()
    return msgspec.json.encode(said)


def told_of(body: bytes) -> Action | None:
    """Where the mail lies, for a notification that tells only that."""
    try:
        said: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
        news = msgspec.json.decode(str(said.get("Message", "")), type=News)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    stored = news.notification_type == "Received" and news.receipt.action.type == "S3" and not news.content
    return news.receipt.action if stored else None


async def _fetched(action: Action, settings: EmailSettings, at: float) -> bytes:
    import httpx

    url, region = address(action, settings)
    where = f"{action.bucket_name}/{action.object_key}"
    headers = {"host": urlsplit(url).netloc, "x-amz-content-sha256": EMPTY, "x-amz-date": _time(at)}
    headers["authorization"] = authorization(url, headers, region, settings.s3_access_key, _secret(settings))
    data = bytearray()
    try:
        async with (
            httpx.AsyncClient(timeout=SECONDS, follow_redirects=False) as client,
            client.stream("GET", url, headers=headers) as answer,
        ):
            if answer.status_code == 200:
                async for piece in answer.aiter_bytes():
                    data += piece
                    if len(data) > MAIL_BYTES:
                        raise Unreadable(f"The mail in S3 ({where}) is over {MAIL_BYTES >> 20} MB and was left there.")
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        raise Busy(f"Amazon S3 could not be asked ({type(problem).__name__}); SNS will post again.") from None
    if answer.status_code in (429, 500, 502, 503, 504):
        raise Busy(f"Amazon S3 answered {answer.status_code}; SNS will post again.")
    if answer.status_code != 200:
        raise Unreadable(f"Amazon S3 answered {answer.status_code} for {where}. Check s3_access_key and its rights.")
    return bytes(data)


def address(action: Action, settings: EmailSettings) -> tuple[str, str]:
    """(URL, region). The bucket stands in the path, since certificates do not cover names with dots."""
    region = settings.s3_region or (settings.hook_secret.split(":") + [""] * 4)[3]
    if not _BUCKET.fullmatch(action.bucket_name) or not _REGION.fullmatch(region):
        raise Unreadable("Amazon named no bucket that can be asked, or s3_region is none.")
    host = settings.hook_host.rstrip("/") or f"https://s3.{region}.amazonaws.com"
    return f"{host}/{action.bucket_name}/{quote(action.object_key, safe='/~')}", region


def authorization(url: str, headers: Mapping[str, str], region: str, key: str, word: str) -> str:
    """The header that proves a GET without a query, over all of these headers (names in lower case)."""
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    request = "\n".join(["GET", urlsplit(url).path or "/", "", lines, names, headers["x-amz-content-sha256"]])
    time = headers["x-amz-date"]
    scope = f"{time[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", time, scope, hashlib.sha256(request.encode()).hexdigest()])
    proof = f"AWS4{word}".encode()
    for part in (*scope.split("/"), text):
        proof = hmac.new(proof, part.encode(), hashlib.sha256).digest()
    return f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={proof.hex()}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")


def _secret(settings: EmailSettings) -> str:
    try:
        return secret(settings.s3_secret_key)
    except BadConfig as problem:
        raise Unreadable(str(problem)) from None
