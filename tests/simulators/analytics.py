"""Google Analytics as a website's owner meets it: the collecting address, the one that only checks, and reports.

The collecting one says 204 to everything, as the real one does; what it would have thrown away is in `thrown`. The
rules are written anew from the protocol's pages, and share nothing with the program's own check.
"""

import base64
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from parley.demo.simulators.server import Asked, Platform, Said, as_json

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
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.public_key = b""
        super().__init__()

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/token":
            return self._token(asked)
        if asked.path.endswith(":runReport"):
            return self._report(asked)
        if asked.method == "POST" and asked.path in ("/mp/collect", "/debug/mp/collect"):
            wrong = self._wrong(asked)
            if asked.path.startswith("/debug"):
                return as_json({"validationMessages": wrong})
            self._collect(asked, wrong)
            return Said(204)
        return Said(404)

    def _token(self, asked: Asked) -> Said:
        """Checks the signature and the claims with the account's public key."""
        head, claims, signature = asked.form["assertion"].split(".")
        public = serialization.load_pem_public_key(self.public_key)
        assert isinstance(public, rsa.RSAPublicKey)
        try:
            public.verify(_bytes(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return as_json({"error": "invalid_grant"}, 400)
        said = json.loads(_bytes(claims))
        good = said["aud"] == f"{self.url}/token" and 0 < said["exp"] - said["iat"] <= 3600
        return as_json({"access_token": "ya29.token", "expires_in": 3599} if good else {}, 200 if good else 400)

    def _report(self, asked: Asked) -> Said:
        """Counts `seen` as the real one does: users once a day and dimension, in pages of `limit` rows."""
        if asked.headers.get("authorization") != "Bearer ya29.token":
            return as_json({"error": {"status": "UNAUTHENTICATED"}}, 401)
        if asked.path != "/v1beta/properties/1234:runReport":
            return as_json({"error": {"status": "PERMISSION_DENIED"}}, 403)
        names = [one["name"] for one in asked.json["dimensions"]]
        users: dict[tuple[str, ...], list[str]] = {}
        for user, values in self.seen:
            users.setdefault(tuple(values[name] for name in names), []).append(user)
        rows = [
            {
                "dimensionValues": [{"value": value} for value in values],
                "metricValues": [{"value": str(len(set(who)))}, {"value": str(len(who))}],
            }
            for values, who in sorted(users.items())
        ]
        first, limit = int(asked.json["offset"]), int(asked.json["limit"])
        return as_json({"rows": rows[first : first + limit], "rowCount": len(rows)})

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


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
