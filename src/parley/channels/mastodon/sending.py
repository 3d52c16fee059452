"""An answer as a status: under what it answers, seen by no more people than that, in a chain where it is long."""

import re
import time
from typing import Any
from urllib.parse import quote

from parley.channels.calling import listed, one_after_another
from parley.channels.mastodon.facts import handle, is_ours
from parley.channels.mastodon.payload import Account
from parley.channels.mastodon.server import GONE, ask, post, refusal, upload
from parley.channels.mastodon.words import VISIBLE
from parley.channels.weighing import ADDRESS, ADDRESS_WEIGHT, apart
from parley.core.channel import Inbox, Outbound, Receipt
from parley.core.errors import SendFailed

USUAL = 500  # characters of a status, unless the server says otherwise
MOST_FILES = 4
REMEMBERED = 3600.0  # seconds for which what a server says of itself is good
_MENTION = re.compile(r"(?<![\w@])(@\w+)@[\w.-]+\w")

_NAME = re.compile(r"(?<![\w/])@(?=\w)")

_limits: dict[str, tuple[int, float]] = {}


async def send(message: Outbound, inbox: Inbox) -> Receipt:
    """Raises SendFailed."""
    ours = inbox.settings
    answered = await _answered(message, ours)
    warning = str(answered.get("spoiler_text") or "")
    name = f"@{message.to.value}"
    room = await _limit(ours) - weight(f"{name} ") - len(warning)
    media = await _uploaded(message, ours)
    last, number = str(answered.get("id") or ""), 0

    async def say(piece: str) -> Receipt:
        nonlocal last, number
        number += 1
        body = {
            "status": f"{name} {piece}",
            "visibility": _seen_by(answered),
            **({"in_reply_to_id": last} if last else {}),
            **({"spoiler_text": warning} if warning else {}),
            **({"media_ids": media} if media and number == 1 else {}),
        }
        status, said, _ = await post(ours, "/api/v1/statuses", body, f"{message.external_id}/{number}")
        if status >= 400:
            raise refusal(status, said)
        last = str(said.get("id") or last) if isinstance(said, dict) else last
        return Receipt(provider_id=last or None)

    text = _naming_nobody(message.text + listed(message.choices))
    return await one_after_another(apart(text or " ", max(room, 100), weight), say)


def weight(text: str) -> int:
    """Characters as a server counts them: an address for 23, of a mention only the name."""
    text = ADDRESS.sub("x" * ADDRESS_WEIGHT, text)
    return len(_MENTION.sub(r"\1", text))


def _naming_nobody(text: str) -> str:
    """Whoever is named in a status sees it, so no name in an answer is one that the server knows as such."""
    return _NAME.sub("@\u200b", text)


async def _answered(message: Outbound, ours: Any) -> dict[str, Any]:
    """The status that is answered, as it stands now; empty where there is none that we may speak of in its place.

    Codes and surveys are for the customer alone, so they answer nothing. What is answered has to be the customer's,
    or our own: a name that another channel gave may by chance be that of somebody's status.
    """
    id = message.in_reply_to or ""
    if message.purpose != "reply" or not re.fullmatch(r"[0-9A-Za-z]{1,40}", id):
        return {}
    status, said, _ = await ask(ours, f"/api/v1/statuses/{quote(id)}")
    if status in GONE:
        return {}
    if status >= 400 or not isinstance(said, dict):
        raise refusal(status, said)
    account = said.get("account")
    acct = str(account.get("acct") or "") if isinstance(account, dict) else ""
    theirs = handle(acct, ours) == message.to.value or is_ours(Account(acct=acct), ours)
    return said if acct and theirs else {}


def _seen_by(answered: dict[str, Any]) -> str:
    """As many as see what is answered; only the customer where that is not known."""
    told = str(answered.get("visibility") or "")
    return told if told in VISIBLE else "direct"


async def _uploaded(message: Outbound, ours: Any) -> list[str]:
    """The server's names of the files, which go with the first status of a chain."""
    if len(message.files) > MOST_FILES:
        raise SendFailed(f"A status takes {MOST_FILES} files; this has {len(message.files)}.", permanent=True)
    return [await upload(ours, file) for file in message.files]


async def _limit(ours: Any) -> int:
    """Characters of a status on this server (entity V2::Instance), asked for once an hour."""
    known, until = _limits.get(ours.server, (0, 0.0))
    if time.monotonic() < until:
        return known
    status, said, _ = await ask(ours, "/api/v2/instance")
    found: Any = said if status < 400 else None
    for name in ("configuration", "statuses", "max_characters"):
        found = found.get(name) if isinstance(found, dict) else None
    limit = found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else USUAL
    _limits[ours.server] = (limit, time.monotonic() + REMEMBERED)
    return limit
