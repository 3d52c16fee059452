"""Servers that help two browsers find each other: STUN tells a browser its address, TURN carries what finds no way.

None are named unless the operator does; browsers on one network, or with addresses of their own, need none.
"""

import base64
import hmac
from datetime import datetime, timedelta

import msgspec

from parley.core.errors import BadConfig

GOOD_FOR = timedelta(hours=12)  # how long a TURN server takes the name and password made for a call
KINDS = ("stun:", "stuns:", "turn:", "turns:")


class IceServer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of an RTCPeerConnection's `iceServers`."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = ""


class Ice(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator has set up. secret: shared with the TURN server (coturn calls it `static-auth-secret`)."""

    urls: tuple[str, ...] = ()
    secret: str = ""

    def servers(self, since: datetime) -> tuple[IceServer, ...]:
        """For one call that began at `since`: a name that ends by itself, and the password that goes with it.

        As draft-uberti-behave-turn-rest says, so that no lasting password is ever given to a visitor.
        """
        plain = tuple(url for url in self.urls if url.startswith("stun"))
        relays = tuple(url for url in self.urls if url.startswith("turn"))
        found = [IceServer(urls=plain)] if plain else []
        if relays:
            name = str(int((since + GOOD_FOR).timestamp()))
            digest = hmac.digest(self.secret.encode(), name.encode(), "sha1")
            found.append(IceServer(urls=relays, username=name, credential=base64.b64encode(digest).decode()))
        return tuple(found)


def checked(urls: tuple[str, ...], secret: str) -> Ice:
    """Raises BadConfig for what no browser would take."""
    for url in urls:
        if not url.startswith(KINDS):
            raise BadConfig(f"PARLEY_ICE_SERVERS names “{url}”. Write it like stun:stun.example.com:3478 or turn:…")
    if any(url.startswith("turn") for url in urls) and not secret:
        raise BadConfig("PARLEY_ICE_SERVERS names a TURN server, so PARLEY_TURN_SECRET must hold the secret it shares.")
    return Ice(urls=urls, secret=secret)
