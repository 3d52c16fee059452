"""Events for a website's analytics (GA4's Measurement Protocol): what may be told, and the limits of each request.

Everything that is told is a number or a word of a closed list. Texts, names, addresses and the numbers of people are no
part of it: `Told` has no place for them. Limits: as Google's pages on the protocol's limits and reserved names say.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from parley.core.measure import micros
from parley.core.redaction import redacted

STARTED, RESOLVED, RATED = (
    "support_conversation_started",
    "support_conversation_resolved",
    "support_rating",
)
OTHER = "other"
MOST_EVENTS, MOST_PARAMS, MOST_NAME, MOST_VALUE, MOST_BYTES = 25, 25, 40, 100, 130_000
OLDEST = timedelta(hours=72)
MINUTES = 60 * 24 * 365
"""A longer wait is told as a year."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_CLIENT, _SESSION = re.compile(r"\d{1,20}\.\d{1,20}"), re.compile(r"\d{1,20}")
_TOPIC = re.compile(r"[a-z][a-z _-]{0,39}")
_WORDS = """
    ad_activeview ad_click ad_exposure ad_query ad_reward adunit_exposure app_background app_clear_data
    app_exception app_remove app_store_refund app_store_subscription_cancel app_store_subscription_convert
    app_store_subscription_renew app_update app_upgrade dynamic_link_app_open dynamic_link_app_update
    dynamic_link_first_open error firebase_campaign firebase_in_app_message_action firebase_in_app_message_dismiss
    firebase_in_app_message_impression first_open first_visit in_app_purchase notification_dismiss
    notification_foreground notification_open notification_receive os_update session_start
    session_start_with_rollout user_engagement
"""
RESERVED = frozenset(_WORDS.split())
RESERVED_PARAMS = frozenset({"firebase_conversion"})
RESERVED_PREFIXES = ("google_", "ga_", "firebase_", "gtag.")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. Minutes are counted from the first words; None: not yet, or not known."""

    name: str
    at: datetime
    brand: int
    channel: str
    topic: str = ""
    session: str = ""
    measure: str = ""
    score: int | None = None
    first_response_minutes: int | None = None
    resolution_minutes: int | None = None


def topic(said: str, allowed: Collection[str]) -> str:
    """A topic as it is told: itself where the desk lists it and it holds no address or number, else `other`."""
    name = said.strip().lower()
    return name if name in allowed and may_be_told(name) else OTHER


def may_be_told(name: str) -> bool:
    """Whether a topic's name may leave: lower-case letters, spaces, - and _, and nothing that names anybody."""
    return bool(_TOPIC.fullmatch(name)) and redacted(name) == name


def event(told: Told, allowed: Collection[str], channels: Collection[str]) -> dict[str, Any]:
    """An event of the protocol, with listed topics and installed channels alone by their names.

    engagement_time_msec: without it a session does not count as an active one's."""
    values: dict[str, str | int | None] = {
        "brand": f"brand_{told.brand}",
        "channel": told.channel if told.channel in channels else OTHER,
        "topic": topic(told.topic, allowed),
        "measure": told.measure if told.measure in ("csat", "nps", "ces") else None,
        "score": told.score if told.score is not None and 0 <= told.score <= 10 else None,
        "first_response_minutes": _minutes(told.first_response_minutes),
        "resolution_minutes": _minutes(told.resolution_minutes),
        "session_id": told.session if _SESSION.fullmatch(told.session) else None,
        "engagement_time_msec": 1,
    }
    params = {name: value for name, value in values.items() if value is not None}
    return {"name": told.name, "timestamp_micros": micros(told.at), "params": params}


def _minutes(n: int | None) -> int | None:
    return None if n is None else max(0, min(n, MINUTES))


def payload(client: str, events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A request's body for one browser. Advertising is refused, whatever the visitor agreed to elsewhere."""
    denied = {"ad_user_data": "DENIED", "ad_personalization": "DENIED"}
    return {"client_id": client, "consent": denied, "events": list(events)}


def faults(body: Mapping[str, Any], now: datetime) -> list[str]:
    """What the protocol would not take of a request, in words; empty: it may be sent."""
    found = [] if _CLIENT.fullmatch(str(body.get("client_id"))) else ["The client id is none that a browser has."]
    events = list(body.get("events", ()))
    if not 1 <= len(events) <= MOST_EVENTS:
        found.append(f"A request holds 1 to {MOST_EVENTS} events, not {len(events)}.")
    for one in events:
        found += _faults_of(one, now)
    if len(msgspec.json.encode(body)) > MOST_BYTES:
        found.append(f"A request holds at most {MOST_BYTES:,} bytes.")
    return found


def _faults_of(one: Mapping[str, Any], now: datetime) -> list[str]:
    name, params = str(one.get("name")), one.get("params", {})
    found = []
    if not _NAME.fullmatch(name) or name in RESERVED or name.startswith(RESERVED_PREFIXES):
        found.append("The name of an event is too long, of wrong form, or reserved.")
    age = micros(now) - int(one.get("timestamp_micros", micros(now)))
    if age > micros_of(OLDEST) or age < -micros_of(timedelta(minutes=15)):
        found.append("An event is more than 72 hours old, or in the future.")
    if len(params) > MOST_PARAMS:
        found.append(f"An event has at most {MOST_PARAMS} parameters.")
    for key, value in params.items():
        if not _NAME.fullmatch(key) or key in RESERVED_PARAMS or key.startswith(RESERVED_PREFIXES):
            found.append("The name of a parameter is too long, of wrong form, or reserved.")
        if not isinstance(value, str | int | float) or len(str(value)) > MOST_VALUE:
            found.append("A parameter's value is longer than 100 characters, or is no text or number.")
    return found


def micros_of(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
