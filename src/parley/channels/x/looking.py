"""Looking for mentions and direct messages: what no webhook brought, from the last one that was stored.

A look asks for all pages before it hands anything over, oldest first; the place moves when all of it is on disk. It
begins a minute before the place, as numbers given out at the same moment may come in another order. What a webhook
brought as well has the same name.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from parley.channels.x.asking import ask
from parley.channels.x.facts import direct_name
from parley.core.channel import Door, Inbox

AT_ONCE = "100"
EPOCH = 1_288_834_974_657  # milliseconds since 1970 at which X's numbers begin; the lower 22 bits are a counter
OVERLAP = timedelta(minutes=1)

Thing = dict[str, Any]


async def mentions(inbox: Inbox, door: Door) -> int:
    """GET /2/users/:id/mentions since the last one. Returns how many were new."""
    ours, since = inbox.settings, await _since(inbox, door, "mentions")
    query = {
        "max_results": AT_ONCE,
        "since_id": str(since),
        "tweet.fields": "author_id,created_at,entities,in_reply_to_user_id,referenced_tweets,attachments,note_tweet,"
        "edit_history_tweet_ids",
        "expansions": "author_id,attachments.media_keys",
        "user.fields": "name,username",
        "media.fields": "type,url,preview_image_url,alt_text,variants",
    }
    found: list[tuple[int, str, Thing]] = []
    async for things, includes in _pages(ours, f"/2/users/{ours.account}/mentions", query):
        for thing in things:
            id = str(thing["id"])
            found.append((int(id), f"post/{id}", _wrapped("mention", thing, includes, thing.get("author_id"))))
    return await _hand_over(found, inbox, door, "mentions")


async def directs(inbox: Inbox, door: Door) -> int:
    """GET /2/dm_events back to the last one; X gives those of the last thirty days. Returns how many were new."""
    ours, since = inbox.settings, await _since(inbox, door, "directs")
    query = {
        "max_results": AT_ONCE,
        "event_types": "MessageCreate",
        "dm_event.fields": "id,text,event_type,created_at,sender_id,dm_conversation_id,attachments,entities",
        "expansions": "sender_id,attachments.media_keys",
        "user.fields": "name,username",
        "media.fields": "type,url,preview_image_url,alt_text,variants",
    }
    found: list[tuple[int, str, Thing]] = []
    async for things, includes in _pages(ours, "/2/dm_events", query):
        newer = [thing for thing in things if int(thing["id"]) > since]
        for thing in newer:
            id = str(thing["id"])
            found.append((int(id), direct_name(id), _wrapped("dm", thing, includes, thing.get("sender_id"))))
        if len(newer) < len(things):
            break
    return await _hand_over(found, inbox, door, "directs")


async def _pages(ours: Any, path: str, query: dict[str, str]) -> Any:
    """Things of each page, newest first, with the people and media that they name."""
    token = ""
    while True:
        said = await ask(ours, path, {**query, **({"pagination_token": token} if token else {})})
        data, includes, meta = said.get("data"), said.get("includes"), said.get("meta")
        things = [one for one in data if _numbered(one)] if isinstance(data, list) else []
        yield things, includes if isinstance(includes, dict) else {}
        token = str(meta.get("next_token") or "") if isinstance(meta, dict) else ""
        if not token:
            return


def _numbered(thing: Any) -> bool:
    id = str(thing.get("id") or "") if isinstance(thing, dict) else ""
    return id.isascii() and id.isdigit() and len(id) < 25


def _wrapped(kind: str, thing: Thing, includes: Thing, author: Any) -> Thing:
    """One thing with what of the page's people and media belongs to it."""
    attachments = thing.get("attachments")
    keys = attachments.get("media_keys") if isinstance(attachments, dict) else None
    return {
        kind: thing,
        "people": [one for one in _listed(includes.get("users")) if one.get("id") == author],
        "media": [one for one in _listed(includes.get("media")) if one.get("media_key") in (keys or ())],
    }


def _listed(value: Any) -> list[Thing]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


async def _since(inbox: Inbox, door: Door, what: str) -> int:
    """The number after which to look: the place, or so many days ago, and a little before."""
    kept = await door.memory.get(f"{what}/{inbox.id}")
    if kept is not None:
        return max(1, int(kept) - (int(OVERLAP.total_seconds() * 1000) << 22))
    first = datetime.now(UTC) - timedelta(days=inbox.settings.first_days)
    return max(1, (int(first.timestamp() * 1000) - EPOCH) << 22)


async def _hand_over(found: list[tuple[int, str, Thing]], inbox: Inbox, door: Door, what: str) -> int:
    new = 0
    for _, named, thing in sorted(found, key=lambda one: one[0]):
        new += await door.take(inbox.id, named, msgspec.json.encode(thing))
    if found:
        kept = await door.memory.get(f"{what}/{inbox.id}")
        newest = max(max(id for id, _, _ in found), int(kept or 0))
        await door.memory.put(f"{what}/{inbox.id}", str(newest).encode())
    return new
