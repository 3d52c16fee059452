"""Asking a server in the account's name."""

from collections.abc import Mapping
from typing import Any

import msgspec

from parley.channels.calling import call_for_headers, secret
from parley.core.errors import SendFailed

Said = tuple[int, Any, Mapping[str, str]]
GONE = (404, 410)


async def ask(ours: Any, path: str) -> Said:
    """A GET below the server's address, or of a whole address there. Raises SendFailed, temporary, when it is ill."""
    url = path if path.startswith(ours.server.rstrip("/") + "/") else ours.server.rstrip("/") + path
    return await call_for_headers("GET", url, None, _login(ours))


async def post(ours: Any, path: str, body: Mapping[str, Any], key: str) -> Said:
    """A POST. key: the same on every try, so that the server does it once (it remembers keys for an hour)."""
    headers = {"content-type": "application/json", "idempotency-key": key, **_login(ours)}
    return await call_for_headers("POST", ours.server.rstrip("/") + path, msgspec.json.encode(body), headers)


def refusal(status: int, said: Any) -> SendFailed:
    """A refusal in words that somebody can act on."""
    reason = str(said.get("error") or "") if isinstance(said, dict) else ""
    sentences = {
        401: "The server refuses the access token. Make a new one and enter it in the inbox's settings.",
        403: f"The server does not allow it. Has the token every scope that it needs? {reason}",
        422: f"The server does not take this. {reason}",
    }
    sentence = sentences.get(status, f"The server refused it ({status}). {reason}")
    return SendFailed(sentence.strip(), permanent=status not in (408, 425))


def _login(ours: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {secret(ours.token)}"}
