"""Calling a platform's JSON interface, for the channels that do."""

import os
from collections.abc import Mapping
from typing import Any

from parley.core.errors import SendFailed


def secret(value: str) -> str:
    """A secret as it is used: itself, or what `env:NAME` points at; empty where that is not set."""
    return os.environ.get(value[4:], "") if value.startswith("env:") else value


async def post_json(url: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """(status, decoded answer, None where it is no JSON). Raises SendFailed, worth another try, when nobody answers.

    A platform that has too much to do (429) or is ill (5xx) is worth another try as well, after the seconds it names.
    The address may hold a token, so it is never part of what is said.
    """
    import httpx

    async with httpx.AsyncClient(timeout=20) as client:
        try:
            answer = await client.post(url, json=dict(body), headers=dict(headers or {}))
        except httpx.HTTPError as error:
            raise SendFailed(f"The platform cannot be reached ({type(error).__name__}).") from None
    try:
        said = answer.json()
    except ValueError:
        said = None
    if answer.status_code == 429 or answer.status_code >= 500:
        raise SendFailed(f"The platform answered {answer.status_code}.", retry_after=_seconds(answer.headers, said))
    return answer.status_code, said


def _seconds(headers: Mapping[str, str], said: Any) -> float | None:
    """How long to wait: the header of RFC 9110, or `parameters.retry_after` in the answer."""
    inside = said.get("parameters") if isinstance(said, dict) else None
    told = headers.get("retry-after") or (inside.get("retry_after") if isinstance(inside, dict) else None)
    try:
        return float(told) if told is not None else None
    except (TypeError, ValueError):
        return None
