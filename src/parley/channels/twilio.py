"""What Twilio's channels share: how a webhook is signed, and how the desk signs in to its interface.

`X-Twilio-Signature` is base64(HMAC-SHA1(auth token, URL + every key and value, sorted by key)); where the body is JSON,
its SHA-256 stands in the URL (twilio.com/docs/usage/security).
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from parley.channels.calling import secret
from parley.core.errors import NotProved
from parley.core.webhook import Call, same

API = "https://api.twilio.com"


def must_be_signed(request: Call, token: str) -> None:
    """Raises NotProved unless the auth token signed it. With and without a port, as Twilio does either."""
    given = request.headers.get("x-twilio-signature", "")
    digest = request.query.get("bodySHA256", "")
    if digest and not same(digest.lower(), hashlib.sha256(request.body).hexdigest()):
        raise NotProved("The body is not what Twilio signed.")
    fields = "" if digest else joined(request.body)
    proofs = [signature(token, url + fields) for url in spellings(request.url)]
    if not (token and sum(same(given, proof) for proof in proofs)):
        raise NotProved("This does not bear Twilio's signature.")


def signature(token: str, signed: str) -> str:
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def spellings(url: str) -> Iterator[str]:
    """The URL as it came, without its port, and with the port that its scheme means."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}.get(parts.scheme, 0)
    for place in dict.fromkeys((parts.netloc, host, f"{host}:{parts.port or usual}")):
        yield urlunsplit(parts._replace(netloc=place))


def fields_of(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def joined(body: bytes) -> str:
    return "".join(name + value for name, value in sorted(set(fields_of(body))))


def login(ours: Any) -> dict[str, str]:
    """The header of an inbox whose settings have `account` and `token`."""
    return {"authorization": "Basic " + base64.b64encode(f"{ours.account}:{secret(ours.token)}".encode()).decode()}
