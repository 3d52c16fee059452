"""Looking for mentions: from the last one that was stored, oldest first, so that an outage of any length loses nothing.

The place moves page by page, and only when a page is on disk; what is asked for twice is known by its name. Servers
do not tell of edits and deletions of a mention, so those of the last days are looked at again now and then.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from parley.channels.mastodon.facts import time_of
from parley.channels.mastodon.server import GONE, ask, refusal
from parley.core.channel import Door, Inbox
from parley.core.errors import SendFailed
from parley.core.webhook import whole

AT_ONCE = 40  # notifications on a page, as many as a server gives
TOGETHER = 20  # statuses that are looked at again with one question
WATCHED, WATCHED_FOR = 200, timedelta(days=7)  # mentions that are looked at again: so many, and so long
AGAIN = 600.0  # seconds between two looks at what is known
_LINK = re.compile(r"<([^<>]*)>\s*;\s*rel=\"?(prev|next)\"?")

Thing = dict[str, Any]


class Watched(msgspec.Struct, frozen=True, array_like=True):
    """A mention that may be edited or deleted. edited: its last known edit. seen: when it was stored."""

    id: str
    acct: str
    edited: str
    seen: datetime


class Looks:
    """The looks of one inbox: at what is new, and now and then at what may have changed since."""

    def __init__(self, inbox: Inbox, door: Door) -> None:
        self.inbox, self.door = inbox, door
        self._next_second_look = 0.0

    async def __call__(self) -> int:
        new = await look(self.inbox, self.door)
        if time.monotonic() >= self._next_second_look:
            new += await look_again(self.inbox, self.door)
            self._next_second_look = time.monotonic() + AGAIN
        return new


async def look(inbox: Inbox, door: Door) -> int:
    """One look, page after page up to the newest. Returns how many were new."""
    key, new = f"place/{inbox.id}", 0
    kept = await door.memory.get(key)
    if kept is None:
        return await _first_look(inbox, door)
    path = _notifications(min_id=kept.decode())
    while True:
        things, links = await _page(inbox, path)
        if not things:
            return new
        new += await _hand_over(things, inbox, door)
        place = _name(things[0])
        await door.memory.put(key, place.encode())
        path = _same_server(links.get("prev", ""), inbox) or _notifications(min_id=place)


async def _first_look(inbox: Inbox, door: Door) -> int:
    """Back from the newest as far as the settings say; then the place is the newest."""
    since = datetime.now(UTC) - timedelta(days=inbox.settings.first_days)
    found: list[Thing] = []
    path = _notifications()
    while path:
        things, links = await _page(inbox, path)
        recent = [one for one in things if (time_of(str(one.get("created_at") or "")) or since) >= since]
        found += recent
        path = _same_server(links.get("next", ""), inbox) if things and len(recent) == len(things) else ""
    new = await _hand_over(found, inbox, door)
    if found:
        await door.memory.put(f"place/{inbox.id}", _name(found[0]).encode())
    return new


async def look_again(inbox: Inbox, door: Door) -> int:
    """Look at the mentions of the last days again. Returns how many had been edited or deleted since."""
    kept = await _watched(inbox, door)
    changed, still = 0, []
    for start in range(0, len(kept), TOGETHER):
        some = kept[start : start + TOGETHER]
        now = await _statuses([one.id for one in some], inbox)
        for one in some:
            status = now.get(one.id)
            if status is None:
                changed += await _take(door, inbox, f"gone/{one.id}", _gone(one))
                continue
            edited = str(status.get("edited_at") or "")
            if edited != one.edited:
                changed += await _take(door, inbox, f"edit/{one.id}/{edited}", {"type": "update", "status": status})
            still.append(msgspec.structs.replace(one, edited=edited))
    if changed or len(still) != len(kept):
        await _watch_over(still, inbox, door)
    return changed


async def _statuses(ids: list[str], inbox: Inbox) -> dict[str, Thing]:
    """Those that are there still. What is missing from the answer to all is asked for by itself before it is called
    gone; servers before Mastodon 4.3 know only that way."""
    found: dict[str, Thing] = {}
    status, said, _ = await ask(inbox.settings, f"/api/v1/statuses?{urlencode([('id[]', one) for one in ids])}")
    if status < 400 and isinstance(said, list):
        found = {_name(one): one for one in said if isinstance(one, dict)}
    for id in ids:
        if id in found:
            continue
        status, said, _ = await ask(inbox.settings, f"/api/v1/statuses/{id}")
        if status < 400 and isinstance(said, dict):
            found[id] = said
        elif status not in GONE:
            raise refusal(status, said)
    return found


async def _page(inbox: Inbox, path: str) -> tuple[list[Thing], dict[str, str]]:
    """Notifications, newest first, and where those before and after them are."""
    status, said, headers = await ask(inbox.settings, path)
    if status >= 400:
        raise refusal(status, said)
    if not isinstance(said, list):
        raise SendFailed("What the server answers is no list of notifications. Is it the address of a Mastodon server?")
    things = [one for one in said if isinstance(one, dict) and _name(one)]
    return things, {rel: url for url, rel in _LINK.findall(headers.get("link", ""))}


def _notifications(**more: str) -> str:
    """include_filtered: also what the account's own filters keep apart, such as strangers' direct messages."""
    wanted = {"types[]": "mention", "include_filtered": "true", "limit": str(AT_ONCE), **more}
    return f"/api/v1/notifications?{urlencode(wanted)}"


def _same_server(url: str, inbox: Inbox) -> str:
    """A page's address; empty where it lies with somebody else, whom our token does not concern."""
    return url if url.startswith(inbox.settings.server.rstrip("/") + "/") else ""


async def _hand_over(newest_first: list[Thing], inbox: Inbox, door: Door) -> int:
    new, watched = 0, []
    for thing in reversed(newest_first):
        status = thing.get("status")
        id = _name(status) if isinstance(status, dict) else ""
        named = f"status/{id}" if id else whole(msgspec.json.encode(thing)).provider_id
        new += await _take(door, inbox, named, thing)
        if id and isinstance(status, dict):
            watched.append(_to_watch(id, status))
    if watched:
        known = {one.id: one for one in [*watched, *await _watched(inbox, door)]}
        await _watch_over(list(known.values()), inbox, door)
    return new


def _to_watch(id: str, status: Thing) -> Watched:
    account = status.get("account")
    acct = str(account.get("acct") or "") if isinstance(account, dict) else ""
    return Watched(id, acct, str(status.get("edited_at") or ""), datetime.now(UTC))


async def _take(door: Door, inbox: Inbox, named: str, thing: Thing) -> bool:
    return await door.take(inbox.id, named[:255], msgspec.json.encode(thing))


async def _watched(inbox: Inbox, door: Door) -> list[Watched]:
    kept = await door.memory.get(f"watched/{inbox.id}")
    return msgspec.json.decode(kept, type=list[Watched]) if kept else []


async def _watch_over(these: list[Watched], inbox: Inbox, door: Door) -> None:
    """Keep the newest, and none that is old."""
    since = datetime.now(UTC) - WATCHED_FOR
    newest = sorted((one for one in these if one.seen >= since), key=lambda one: one.seen)[-WATCHED:]
    await door.memory.put(f"watched/{inbox.id}", msgspec.json.encode(newest))


def _gone(one: Watched) -> Thing:
    return {"type": "gone", "status": {"id": one.id, "account": {"acct": one.acct}}}


def _name(thing: Thing) -> str:
    return str(thing.get("id") or "")
