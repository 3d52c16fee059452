"""What a platform posts to the desk, and what a channel makes of it.

A channel that is fed by webhooks has a method `webhook(request, inbox)`, as the protocol `Webhook` says.
The web room calls it at `/hooks/NUMBER`, keeps what it returns, and only then answers with 200.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from parley.core.channel import Inbox


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """How busy those are who take calls: how many are here, and how many seconds a call took them of late, if any.

    rates: whoever calls may be asked for a rating once they have spoken with somebody.
    """

    people: int = 0
    seconds: float | None = None
    rates: bool = False

    def wait(self, position: int) -> float | None:
        """Seconds until it is the turn of whoever stands there: so many calls have to end first. None: not known."""
        return None if self.seconds is None or not self.people else self.seconds * max(1, position) / self.people


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request just as it came. url: as the platform sees it, with its query. headers: names in lower case.

    rest: the path below the inbox's own address, without a slash at its beginning. at: when it came, in seconds since
    1970, against which a signed time is held. line: for channels whose manifest says `queues`.
    """

    method: str
    url: str
    at: float = 0.0
    rest: str = ""
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""
    line: Line = Line()


class Handshake(msgspec.Struct, frozen=True, kw_only=True):
    """The answer by which a platform knows that the address is ours. Nothing is kept."""

    body: bytes
    type: str = "text/plain"


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """One thing of a batch, named so that it is known when it comes again."""

    provider_id: str
    raw: bytes


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be kept, for a platform that wants words in return. They are said when all of it is on disk."""

    kept: Sequence[Posted]
    body: bytes
    type: str = "application/json"


Taken = list[Posted] | Handshake | Answered


@runtime_checkable
class Webhook(Protocol):
    """A channel whose platform calls us."""

    def webhook(self, request: Call, inbox: Inbox) -> Taken | Awaitable[Taken]:
        """Check the proof, then take the batch apart. Pure, unless the proof needs a key from the platform: then async.

        Raises `NotProved` for a missing or wrong signature, before a byte of the body is decoded.
        A body that makes no sense is returned whole, so that it is kept and somebody sees it.
        """
        ...


def same(given: str, expected: str) -> bool:
    """Whether two proofs are equal, in constant time. Nothing is equal to an empty one."""
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def signed_sha256(given: str, secret: str, body: bytes, prefix: str = "") -> bool:
    """Whether `given` is the prefix and the hexadecimal HMAC-SHA256 of the body. False without a secret."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return bool(secret) and same(given, prefix + digest)


def whole(body: bytes) -> Posted:
    """A delivery that cannot be taken apart, named by what it contains."""
    return Posted(provider_id=f"sha256:{hashlib.sha256(body).hexdigest()}", raw=body)
