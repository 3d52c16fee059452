"""What X posts to us: the question by which it knows the address, the proof, and every entry by itself.

(docs.x.com, Account Activity, X Activity, securing webhooks.) The answer to `crc_token` is made with the same key and
in the same way as the proof of what is posted: whoever could have any text answered could have a body signed. So only
what looks like a token is answered, and only a JSON object, which no token can be, is taken.
"""

import base64
import hashlib
import hmac
import re
from typing import Any

import msgspec

from parley.channels.x.facts import direct_name
from parley.core.errors import NotProved
from parley.core.webhook import Call, Handshake, Posted, same, whole

_TOKEN = re.compile(r"[A-Za-z0-9+/=_.~-]{1,256}")


def handshake(request: Call, key: str) -> Handshake:
    """Raises NotProved for what is no token, or without a key."""
    token = request.query.get("crc_token", "")
    if not key or not _TOKEN.fullmatch(token):
        raise NotProved("This does not ask what X asks.")
    answer = msgspec.json.encode({"response_token": signed(token.encode(), key)})
    return Handshake(body=answer, type="application/json")


def signed(body: bytes, key: str) -> str:
    return "sha256=" + base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def must_be_signed(request: Call, key: str) -> None:
    """Raises NotProved unless X signed the body with the application's secret."""
    right = same(request.headers.get("x-twitter-webhooks-signature", ""), signed(request.body, key))
    if not (key and right and request.body.lstrip()[:1] == b"{"):
        raise NotProved("This does not bear X's signature.")


def taken(body: bytes) -> list[Posted]:
    """Each event as a delivery, with those people it speaks of; what is no list of events goes in whole."""
    try:
        told = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        return [whole(body)]
    if (one := _activity(told)) is not None:
        return [one]
    told = _unwrapped(told)
    users = told.get("users")
    found = []
    for kind, events in told.items():
        if not kind.endswith("_events") or not isinstance(events, list):
            continue
        for event in events:
            alone = {"for_user_id": told.get("for_user_id", ""), kind: [event]}
            if isinstance(users, dict) and (who := _sender(event)) in users:
                alone["users"] = {who: users[who]}
            raw = msgspec.json.encode(alone)
            found.append(Posted(provider_id=_name(kind, event) or whole(raw).provider_id, raw=raw))
    return found or [whole(body)]


def _activity(told: dict[str, Any]) -> Posted | None:
    """An event of the X Activity API whose payload is a post or a message of API 2: the same as what is asked for."""
    data = told.get("data")
    payload = data.get("payload") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(payload, dict) or not str(payload.get("id") or "").isdigit():
        return None
    kind, id = str(data.get("event_type")), str(payload["id"])
    includes = data["includes"] if isinstance(data.get("includes"), dict) else {}
    people = {"people": _things(includes.get("users")), "media": _things(includes.get("media"))}
    about = {"for_user_id": _filter(data), **people}
    if kind in ("post.mention.create", "post.reply.create"):
        return Posted(provider_id=f"post/{id}"[:255], raw=msgspec.json.encode({**about, "mention": payload}))
    if kind == "dm.received":
        return Posted(provider_id=direct_name(id)[:255], raw=msgspec.json.encode({**about, "dm": payload}))
    return None


def _unwrapped(told: dict[str, Any]) -> dict[str, Any]:
    """An event of the X Activity API whose payload is one of the Account Activity API; each user in a `data`."""
    data = told.get("data")
    payload = data.get("payload") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(payload, dict):
        return told
    users = payload.get("users")
    if isinstance(users, dict):
        bare = {id: one.get("data", one) if isinstance(one, dict) else one for id, one in users.items()}
        payload = {**payload, "users": bare}
    return {"for_user_id": _filter(data), **payload}


def _filter(data: dict[str, Any]) -> str:
    """Of whose account it is told."""
    told = data.get("filter")
    return str(told.get("user_id") or "") if isinstance(told, dict) else ""


def _things(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _name(kind: str, event: Any) -> str:
    """The same as that of what is asked for, so that what came both ways is one."""
    if not isinstance(event, dict):
        return ""
    if kind == "tweet_create_events" and event.get("id_str"):
        return f"post/{event['id_str']}"[:255]
    created = event.get("type") == "message_create"
    return direct_name(str(event["id"]))[:255] if created and kind.startswith("direct") and event.get("id") else ""


def _sender(event: Any) -> str:
    created = event.get("message_create") if isinstance(event, dict) else None
    return str(created.get("sender_id") or "") if isinstance(created, dict) else ""
