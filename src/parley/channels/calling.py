"""Calling a platform's JSON interface, for the channels that do."""

import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from parley.core.channel import Receipt
from parley.core.errors import SendFailed

Part = TypeVar("Part")


def secret(value: str) -> str:
    """A secret as it is used: itself, or what `env:NAME` points at; empty where that is not set."""
    return os.environ.get(value[4:], "") if value.startswith("env:") else value


def lacking(settings: Any, needed: Mapping[str, str]) -> list[str]:
    """The sentences of the settings (name → what its lack means) that are empty, or point at nothing."""
    return [told for name, told in needed.items() if not secret(getattr(settings, name))]


async def post_json(url: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """As `call`, with a JSON body."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return await call("POST", url, content, {"content-type": "application/json", **(headers or {})})


async def call(
    method: str, url: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Any]:
    """(status, decoded answer, None where it is no JSON). Raises SendFailed, worth another try, when nobody answers.

    A platform that has too much to do (429) or is ill (5xx) is worth another try as well, after the time it names.
    The address may hold a token, so it is never part of what is said. Redirects are not followed.
    """
    status, said, _ = await call_for_headers(method, url, content, headers)
    return status, said


async def call_for_headers(
    method: str, url: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Any, Mapping[str, str]]:
    """As `call`, with the headers of the answer, where the next page is told in them."""
    import httpx

    async with httpx.AsyncClient(timeout=20, follow_redirects=False) as client:
        try:
            answer = await client.request(method, url, content=content, headers=dict(headers or {}))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SendFailed(f"The platform cannot be reached ({type(error).__name__}).") from None
    try:
        said = answer.json()
    except ValueError:
        said = None
    if answer.status_code == 429 or answer.status_code >= 500:
        pause = seconds_to_wait(answer.headers, said)
        raise SendFailed(f"The platform answered {answer.status_code}.", retry_after=pause)
    return answer.status_code, said, answer.headers


def seconds_to_wait(headers: Mapping[str, str], said: Any) -> float | None:
    """How long to wait: the header of RFC 9110 (seconds or a date), `parameters.retry_after` in the answer, or the end
    of a limit's time, as Mastodon (a date) and X (seconds since 1970) tell it."""
    inside = said.get("parameters") if isinstance(said, dict) else None
    told = headers.get("retry-after") or (inside.get("retry_after") if isinstance(inside, dict) else None)
    if told is None:
        return _until_reset(headers.get("x-ratelimit-reset") or headers.get("x-rate-limit-reset") or "")
    try:
        return max(0.0, float(told))
    except (TypeError, ValueError):
        return _until(str(told))


def _until_reset(told: str) -> float | None:
    try:
        end = datetime.fromtimestamp(float(told), UTC) if told.isdigit() else datetime.fromisoformat(told)
        return max(0.0, (end - datetime.now(UTC)).total_seconds())
    except (OverflowError, OSError, TypeError, ValueError):
        return None


def _until(date: str) -> float | None:
    try:
        return max(0.0, (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


async def in_pieces(text: str, limit: int, send: Callable[[str], Awaitable[Receipt]]) -> Receipt:
    """Send a text that may be too long for one message, as `one_after_another` does."""
    return await one_after_another(pieces(text, limit), send)


async def one_after_another(parts: Sequence[Part], send: Callable[[Part], Awaitable[Receipt]]) -> Receipt:
    """Send the parts of an answer; the name is the last one's.

    Once a part was taken there is no trying again: those before it would be said twice.
    """
    receipt = Receipt()
    for number, part in enumerate(parts):
        try:
            receipt = await send(part)
        except SendFailed as failure:
            if number == 0:
                raise
            said = f"{number} of {len(parts)} parts were sent, then: {failure}"
            raise SendFailed(said, permanent=True) from failure
    return receipt


def pieces(text: str, limit: int) -> list[str]:
    """The text in parts of at most so many characters, cut where a paragraph, sentence or word ends."""
    found = []
    while len(text) > limit:
        ends = (text.rfind(mark, limit // 2, limit) + len(mark.rstrip()) for mark in ("\n\n", "\n", ". ", " "))
        cut = next((end for end in ends if end > limit // 2), limit)
        found.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*found, text] if text or not found else found


def listed(choices: Sequence[tuple[str, str]]) -> str:
    """Choices where there are no buttons: numbered, a link behind its label. Empty, or begins with a line break."""
    lines = [
        f"{n}. {label}" + (f": {value}" if value.startswith("http") else "")
        for n, (label, value) in enumerate(choices, 1)
    ]
    return "".join(f"\n{line}" for line in lines)


def moment(told: int | str) -> datetime | None:
    """A platform's time: seconds or milliseconds since 1970, as a number or in a text. None for what is none."""
    try:
        number = int(told)
        seconds = number / 1000 if number > 100_000_000_000 else number
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (OverflowError, ValueError, OSError):
        return None
