"""What no webhook brought: Slack tries three times in six minutes and gives up, but keeps what was said.

Every channel that the app is in, and every direct message, is read from the last look on and a day further back;
threads that went on since are read as well, where their first message is no older. A message that a webhook brought has
the same name within its channel, so it is taken once. (docs.slack.dev: conversations.list, conversations.history,
conversations.replies, auth.test; scopes `im:read`, `im:history`, `channels:read`, `channels:history` and the like.)
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from parley.channels.calling import call, secret
from parley.core.channel import Door, Inbox
from parley.core.errors import SendFailed

OVERLAP = timedelta(days=1)
KINDS = "im,mpim,public_channel,private_channel"

Thing = dict[str, Any]


async def look(inbox: Inbox, door: Door) -> int:
    """One look. The place moves when everything is stored. Returns how many deliveries were new to the desk."""
    ours, key = inbox.settings, f"looked/{inbox.id}"
    before, now = await door.memory.get(key), datetime.now(UTC)
    since = (datetime.fromisoformat(before.decode()) if before else now) - OVERLAP
    team = str((await _ask(ours, "auth.test", {})).get("team_id") or "")
    found = 0
    async for place in _pages(ours, "conversations.list", {"types": KINDS, "exclude_archived": "true"}, "channels"):
        if place.get("is_im") or place.get("is_member"):
            where = str(place.get("id") or "")
            async for message in _said(ours, where, since):
                found += await door.take(inbox.id, f"listed/{where}/{message.get('ts')}", _raw(team, where, message))
    await door.memory.put(key, now.isoformat().encode())
    return found


def _raw(team: str, where: str, message: Thing) -> bytes:
    """A message of the list in the words of an event."""
    event = {**message, "type": "message", "channel": where}
    return msgspec.json.encode({"type": "event_callback", "team_id": team, "event": event})


async def _said(ours: Any, where: str, since: datetime) -> AsyncIterator[Thing]:
    oldest = {"channel": where, "oldest": f"{since.timestamp():.6f}"}
    async for message in _pages(ours, "conversations.history", oldest, "messages"):
        yield message
        if message.get("reply_count"):
            thread = {**oldest, "ts": str(message.get("ts") or "")}
            async for answer in _pages(ours, "conversations.replies", thread, "messages"):
                if answer.get("ts") != message.get("ts"):
                    yield answer


async def _pages(ours: Any, method: str, query: dict[str, str], what: str) -> AsyncIterator[Thing]:
    """The things of every page, as `next_cursor` leads on."""
    cursor = ""
    while True:
        said = await _ask(ours, method, query | {"limit": "200"} | ({"cursor": cursor} if cursor else {}))
        for one in said.get(what) or ():
            if isinstance(one, dict):
                yield one
        more = said.get("response_metadata")
        cursor = str(more.get("next_cursor") or "") if isinstance(more, dict) else ""
        if not cursor:
            return


async def _ask(ours: Any, method: str, query: dict[str, str]) -> Thing:
    url = f"{ours.api}/{method}" + (f"?{urlencode(query)}" if query else "")
    status, said = await call("GET", url, None, {"authorization": f"Bearer {secret(ours.token)}"})
    said = said if isinstance(said, dict) else {}
    if status >= 400 or not said.get("ok"):
        raise SendFailed(f"Slack says {said.get('error') or status} to {method}.", permanent=True)
    return said
