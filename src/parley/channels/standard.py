"""Signatures of Standard Webhooks (standardwebhooks.com, specification 1.0.0): id, time and body under one HMAC.

`webhook-signature` holds one or several `v1,BASE64(HMAC-SHA256(key, id.time.body))`, so that a key can be changed
while both are valid.
"""

import base64
import binascii
import hashlib
import hmac

from parley.core.errors import NotProved
from parley.core.webhook import Call, same

WINDOW = 300.0  # seconds that a signed time may differ from ours: what is older may be a recording
PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """The key in a secret: base64 after `whsec_`, else the text itself. Empty for what is no base64."""
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return b""


def signature(key: bytes, name: str, time: int, body: bytes) -> str:
    """What stands in `webhook-signature`."""
    signed = f"{name}.{time}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(key: bytes, name: str, time: int, body: bytes) -> dict[str, str]:
    return {"webhook-id": name, "webhook-timestamp": str(time), "webhook-signature": signature(key, name, time, body)}


def must_be_signed(request: Call, *secrets: str) -> str:
    """The delivery's name. Raises NotProved unless one of the secrets signed it, at about this time."""
    name, told = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    time = int(told) if told.isascii() and told.isdigit() and len(told) < 16 else 0
    given = request.headers.get("webhook-signature", "").split()
    keys = [key for secret in secrets if (key := key_of(secret))]
    proofs = [signature(key, name, time, request.body) for key in keys]
    right = [same(one, proof) for one in given for proof in proofs]  # every pair, so that time tells nothing
    if not (name and any(right)):
        raise NotProved("This does not bear the signature of a secret of this inbox.")
    if abs(request.at - time) > WINDOW:
        raise NotProved("This was signed more than five minutes ago, or ahead. Sign it anew when you send it again.")
    return name
