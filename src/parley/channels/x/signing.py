"""Signing a request in the account's name: OAuth 1.0 with HMAC-SHA1 (RFC 5849 section 3)."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The application's key and secret, and the account's token and its secret."""

    key: str
    secret: str
    token: str
    token_secret: str


def authorization(method: str, url: str, keys: Keys, nonce: str = "", at: int = 0) -> str:
    """The header. A JSON body is not part of what is signed (section 3.4.1.3.1). nonce, at: for tests."""
    told = {
        "oauth_consumer_key": keys.key,
        "oauth_nonce": nonce or secrets.token_hex(16),
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(at or int(time.time())),
        "oauth_token": keys.token,
        "oauth_version": "1.0",
    }
    told["oauth_signature"] = signature(method, url, told, keys)
    return "OAuth " + ", ".join(f'{encoded(name)}="{encoded(value)}"' for name, value in sorted(told.items()))


def signature(method: str, url: str, told: Mapping[str, str], keys: Keys) -> str:
    key = f"{encoded(keys.secret)}&{encoded(keys.token_secret)}"
    digest = hmac.new(key.encode(), base_string(method, url, told).encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def base_string(method: str, url: str, told: Mapping[str, str]) -> str:
    """Method, address and parameters in order (section 3.4.1): scheme and host in small letters, no usual port."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    host = (parts.hostname or "") + (f":{parts.port}" if parts.port and parts.port != usual else "")
    asked = parse_qsl(parts.query, keep_blank_values=True)
    pairs = sorted((encoded(name), encoded(value)) for name, value in [*asked, *told.items()])
    place = f"{parts.scheme}://{host}{parts.path or '/'}"
    return "&".join((method.upper(), encoded(place), encoded("&".join(f"{n}={v}" for n, v in pairs))))


def encoded(text: str) -> str:
    """Everything but letters, digits and four signs is escaped (section 3.6)."""
    return quote(text, safe="-._~")
