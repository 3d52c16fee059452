"""Looking for new reviews: back to what was seen last, and a little further. The place moves when all is stored."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from parley.channels.reviews.review import Platform, Review
from parley.core.channel import Door, Inbox
from parley.core.errors import Unreadable
from parley.core.webhook import whole

OVERLAP = timedelta(hours=6)  # platforms show some reviews later than others that are newer


async def look(inbox: Inbox, door: Door, platform: Platform) -> int:
    """One look. Returns how many were new; what was here before is known by its id and time."""
    key = f"seen/{inbox.id}"
    kept = await door.memory.get(key)
    now = datetime.now(UTC)
    since = datetime.fromisoformat(kept.decode()) if kept else now - timedelta(days=inbox.settings.first_days)
    newest, new = since, 0
    async for page in platform.newest_first(inbox.settings):
        older = False
        for raw in page:
            review = _dated(raw, platform)
            if review is not None and review.updated < since - OVERLAP:
                older = True
                continue
            new += await _hand_over(raw, review, inbox, door, platform)
            newest = max(newest, review.updated) if review else newest
        if older:
            break
    await door.memory.put(key, min(newest, now).isoformat().encode())
    return new


def _dated(raw: dict[str, Any], platform: Platform) -> Review | None:
    """None for what cannot be read: it is handed over all the same, so that somebody sees it."""
    try:
        return platform.review_of(msgspec.json.encode(raw))
    except (msgspec.MsgspecError, Unreadable):
        return None


async def _hand_over(raw: dict[str, Any], review: Review | None, inbox: Inbox, door: Door, platform: Platform) -> bool:
    body = msgspec.json.encode({"platform": platform.name, "review": raw})
    if review is None:
        return await door.take(inbox.id, whole(body).provider_id, body)
    return await door.take(inbox.id, f"{platform.name}/{review.id}/{review.updated.isoformat()}"[-255:], body)
