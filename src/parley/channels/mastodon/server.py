"""Asking a server in the account's name."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from parley.channels.calling import call_for_headers, secret
from parley.channels.uploading import form_of
from parley.core.channel import Attached
from parley.core.errors import SendFailed

Said = tuple[int, Any, Mapping[str, str]]
GONE = (404, 410)
WORKING = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds between questions whether a film can be shown


async def ask(ours: Any, path: str) -> Said:
    """A GET below the server's address, or of a whole address there. Raises SendFailed, temporary, when it is ill."""
    url = path if path.startswith(ours.server.rstrip("/") + "/") else ours.server.rstrip("/") + path
    return await call_for_headers("GET", url, None, _login(ours))


async def post(ours: Any, path: str, body: Mapping[str, Any], key: str) -> Said:
    """A POST. key: the same on every try, so that the server does it once (it remembers keys for an hour)."""
    headers = {"content-type": "application/json", "idempotency-key": key, **_login(ours)}
    return await call_for_headers("POST", ours.server.rstrip("/") + path, msgspec.json.encode(body), headers)


async def upload(ours: Any, file: Attached) -> str:
    """The server's name for a file. Raises SendFailed; temporary while the server is still working on it."""
    kind, body = form_of(file, "file")
    url = ours.server.rstrip("/") + "/api/v2/media"
    status, said, _ = await call_for_headers("POST", url, body, {"content-type": kind, **_login(ours)})
    id = str(said.get("id") or "") if isinstance(said, dict) else ""
    if status >= 400 or not id:
        raise refusal(status, said)
    for pause in WORKING if status == 202 else ():
        await asyncio.sleep(pause)
        status, said, _ = await ask(ours, f"/api/v1/media/{quote(id, safe='')}")
        if status == 200:
            return id
        if status != 206:
            raise refusal(status, said)
    if status in (202, 206):
        raise SendFailed(f"The server is still working on {file.name}.")
    return id


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
