"""Google Analytics as a website's owner meets it: the collecting address, the one that only checks, and reports.

The collecting one says 204 to everything, as the real one does; what it would have thrown away is in `thrown`. The
rules are written anew from the protocol's pages, and share nothing with the program's own check.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from simulators.server import Asked, Platform, Said, as_json

TAKEN = {
    "session_start", "first_visit", "first_open", "user_engagement", "app_remove", "app_update", "os_update", "error",
    "in_app_purchase", "ad_click", "ad_reward", "notification_open", "screen_view_reserved",
}  # fmt: skip


class Analytics(Platform):
    """events: what was collected and counted. A wrong secret counts for nothing, silently."""

    def __init__(
        self, clock: Callable[[], datetime], stream: str = "G-TEST1234", secret: str = "s3cret-of-the-stream"
    ) -> None:
        self.clock, self.stream, self.secret = clock, stream, secret
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.thrown: list[str] = []
        super().__init__()

    def answer(self, asked: Asked) -> Said:
        if asked.method == "POST" and asked.path in ("/mp/collect", "/debug/mp/collect"):
            wrong = self._wrong(asked)
            if asked.path.startswith("/debug"):
                return as_json({"validationMessages": wrong})
            self._collect(asked, wrong)
            return Said(204)
        return Said(404)

    def _collect(self, asked: Asked, wrong: list[dict[str, str]]) -> None:
        if wrong:
            self.thrown += [one["description"] for one in wrong]
        else:
            self.events += [(asked.json["client_id"], one) for one in asked.json["events"]]

    def _wrong(self, asked: Asked) -> list[dict[str, str]]:
        found: list[tuple[str, str]] = []
        if asked.query.get("measurement_id") != self.stream:
            found.append(("VALUE_INVALID", "measurement_id is unknown"))
        if asked.query.get("api_secret") != self.secret:
            found.append(("VALUE_INVALID", "api_secret does not fit"))
        if len(asked.body) > 130 * 1000:
            found.append(("EXCEEDED_MAX_ENTITIES", "body too long"))
        try:
            said = json.loads(asked.body)
        except ValueError:
            return [{"validationCode": "VALUE_INVALID", "description": "no JSON", "fieldPath": ""}]
        if not isinstance(said.get("client_id"), str) or not said["client_id"]:
            found.append(("VALUE_REQUIRED", "client_id is required"))
        events = said.get("events") or []
        if len(events) > 25 or not events:
            found.append(("EXCEEDED_MAX_ENTITIES", f"{len(events)} events"))
        for one in events:
            found += _wrong_event(one, self.clock().timestamp())
        return [{"validationCode": code, "description": what, "fieldPath": "events"} for code, what in found]


def _wrong_event(one: dict[str, Any], now: float) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    name, params = one.get("name", ""), one.get("params", {})
    if len(name) > 40 or re.match(r"^[a-zA-Z]\w*$", name, re.ASCII) is None:
        found.append(("NAME_INVALID", f"event name {name!r}"))
    if name in TAKEN or name.split("_")[0] in ("ga", "google", "firebase"):
        found.append(("NAME_RESERVED", f"event name {name!r} is reserved"))
    if len(params) > 25:
        found.append(("EXCEEDED_MAX_ENTITIES", f"{len(params)} params"))
    if now - one.get("timestamp_micros", now * 1e6) / 1e6 > 72 * 3600:
        found.append(("VALUE_OUT_OF_BOUNDS", "timestamp_micros is too old"))
    for key, value in params.items():
        if len(key) > 40 or re.match(r"^[a-zA-Z]\w*$", key, re.ASCII) is None:
            found.append(("NAME_INVALID", f"param name {key!r}"))
        if isinstance(value, str) and len(value) > 100:
            found.append(("VALUE_OUT_OF_BOUNDS", f"value of {key!r}"))
        if not isinstance(value, str | int | float):
            found.append(("VALUE_INVALID", f"value of {key!r}"))
    return found
