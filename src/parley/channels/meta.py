"""What Meta's platforms share: how a webhook is set up and signed, and how a refused message is told."""

from collections.abc import Callable, Set
from typing import Any

import msgspec

from parley.channels.calling import listed, pieces, secret
from parley.channels.choosing import are_words, fitting
from parley.core.channel import Outbound
from parley.core.errors import NotProved, SendFailed
from parley.core.webhook import Call, Handshake, Posted, same, signed_sha256, whole

QUICK, TITLE = 13, 20  # quick replies below a message, and the characters of each


def texts(message: Outbound, longest: int, comment: str) -> list[dict[str, Any]]:
    """An answer in as many messages as it needs, as Messenger and Instagram take them; the last with quick replies,
    which say their words. comment: of the one that is answered, to which Meta lets one message go. Raises SendFailed
    before anything was sent."""
    words = are_words(message.choices, QUICK) and not comment
    titles = fitting(message.choices, TITLE) if words else []
    shown = bool(titles) and titles == [label for label, _ in message.choices]
    parts = pieces(message.text + ("" if shown else listed(message.choices)), longest)
    if comment and len(parts) > 1:
        told = f"Meta lets one message answer a comment, and this makes {len(parts)}. Use {longest} characters at most."
        raise SendFailed(told, permanent=True)
    said: list[dict[str, Any]] = [{"text": part} for part in parts]
    if titles:
        said[-1] |= {"quick_replies": [{"content_type": "text", "title": one, "payload": one} for one in titles]}
    return said


def handshake(request: Call, expected: str) -> Handshake:
    """The answer to the GET with which Meta tries a new webhook. Raises NotProved for another verify token."""
    if request.query.get("hub.mode") != "subscribe" or not same(request.query.get("hub.verify_token", ""), expected):
        raise NotProved("This does not bear the verify token that was agreed with Meta.")
    return Handshake(body=request.query.get("hub.challenge", "").encode())


def must_be_signed(request: Call, app_secret: str) -> None:
    """Raises NotProved unless the body bears Meta's signature with this app secret."""
    if not signed_sha256(request.headers.get("x-hub-signature-256", ""), app_secret, request.body, "sha256="):
        raise NotProved("This does not bear Meta's signature.")


def taken(
    request: Call, settings: Any, apart: Callable[[bytes], list[Posted]] | None = None
) -> list[Posted] | Handshake:
    """What Meta posts, proved and taken apart; the first try of a new webhook answered. settings: with `verify_token`
    and `app_secret`."""
    if request.method == "GET":
        return handshake(request, secret(settings.verify_token))
    must_be_signed(request, secret(settings.app_secret))
    try:
        return (apart or one_by_one)(request.body)
    except (msgspec.MsgspecError, RecursionError):
        return [whole(request.body)]


class OpenBody(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook's body with everything that is in it, to be taken apart."""

    object: str
    entry: list[dict[str, Any]]


def one_by_one(raw: bytes) -> list[Posted]:
    """Each event of a batch by itself, and each change. Raises msgspec's errors where it is no batch."""
    read = msgspec.json.decode(raw, type=OpenBody)
    found = []
    for entry in read.entry:
        told = {name: entry[name] for name in ("id", "time") if name in entry}
        for kind in ("messaging", "standby", "changes"):
            things = entry.get(kind)
            for thing in things if isinstance(things, list) else ():
                alone = msgspec.json.encode({"object": read.object, "entry": [{**told, kind: [thing]}]})
                named = name_of(thing) if kind != "standby" else ""
                found.append(Posted(provider_id=named or _by_content(read.object, entry, kind, thing), raw=alone))
    return found or [whole(raw)]


def _by_content(object: str, entry: dict[str, Any], kind: str, thing: Any) -> str:
    """Without the batch's own time, which may be another when the event comes again."""
    same_again = {"object": object, "entry": [{"id": entry.get("id"), kind: [thing]}]}
    return whole(msgspec.json.encode(same_again)).provider_id


def name_of(event: Any) -> str:
    """Meta's id of a message. A withdrawal bears the id of what it withdraws, so it is named by its bytes."""
    inside = event.get("value") if isinstance(event, dict) and "value" in event else event
    message = inside.get("message") if isinstance(inside, dict) else None
    if not isinstance(message, dict) or message.get("is_deleted"):
        return ""
    return str(message.get("mid") or "")


def refusal(who: str, status: int, said: Any, passing: Set[int]) -> SendFailed:
    """Meta's error in its own words. passing: codes after which another try helps."""
    code, reason = error_of(said)
    return SendFailed(f"{who} refused the message ({code or status}). {reason}".strip(), permanent=code not in passing)


def error_of(said: Any) -> tuple[Any, str]:
    """(code, message) of an answer's error; None and "" where it has none."""
    error = said.get("error") if isinstance(said, dict) else None
    error = error if isinstance(error, dict) else {}
    return error.get("code"), str(error.get("message", ""))
