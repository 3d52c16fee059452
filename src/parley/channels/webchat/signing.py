"""Who the visitor is, when the shop says so: a short token that the shop's own server signs.

The token is `payload.signature`, both base64url without padding. The payload is JSON with `id`,
`mail`, `name` and `exp` (seconds since 1970); the signature is HMAC-SHA256 of the payload part
under the inbox's secret. The visitor's own token is a different thing: 192 random bits, which
only its browser knows; inside the desk the visitor goes by a hash of it.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from datetime import datetime

import msgspec

_TOKEN = re.compile(r"^[A-Za-z0-9_-]{32}$")


class SignedUser(msgspec.Struct, frozen=True, kw_only=True):
    """What the shop vouches for. `exp`: seconds since 1970 after which it does not."""

    id: str
    exp: int
    mail: str = ""
    name: str = ""


def sign(user: SignedUser, secret: str) -> str:
    """The token a shop's server would put into its page."""
    payload = _b64(msgspec.json.encode(user))
    return f"{payload}.{_signature(payload, secret)}"


def vouched(token: str | None, secret: str, now: datetime) -> SignedUser | None:
    """The user in the token, or None when it is missing, forged, late or nonsense."""
    payload, _, signature = (token or "").partition(".")
    if not secret or not hmac.compare_digest(signature.encode(), _signature(payload, secret).encode()):
        return None
    try:
        user = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=SignedUser)
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        return None
    return user if user.id and now.timestamp() < user.exp else None


def new_visitor_token() -> str:
    """192 random bits."""
    return secrets.token_urlsafe(24)


def visitor_of(token: str | None) -> str | None:
    """The name by which the desk knows the bearer of a token; None when it is no token of ours.

    A hash, so that neither log nor backup holds what would let a reader speak as the visitor.
    """
    if token is None or not _TOKEN.match(token):
        return None
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def _signature(payload: str, secret: str) -> str:
    return _b64(hmac.new(secret.encode(), payload.encode(), hashlib.sha256).digest())


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
