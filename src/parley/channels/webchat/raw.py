"""What the web room hands to intake for one turn of a visitor: small JSON, kept as it came.

Files lie inside (base64), so that a turn and its files are durable in the same moment and
reading stays pure.
"""

import msgspec

from parley.core.visits import Told


class RawFile(msgspec.Struct, frozen=True, kw_only=True):
    """An uploaded file with its bytes."""

    name: str
    type: str
    data: bytes


class Said(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="said", omit_defaults=True):
    """The visitor's words. `user` is the shop's signed token as it was shown, checked again on reading."""

    visitor: str
    client_id: str
    text: str = ""
    files: tuple[RawFile, ...] = ()
    page: str = ""
    user: str | None = None
    zone: str = ""


class Rated(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="rated", omit_defaults=True):
    """The visitor's rating."""

    visitor: str
    client_id: str
    token: str
    score: int
    comment: str = ""
    question: str | None = None


class Called(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="called", omit_defaults=True):
    """News of a call between the visitor's browser and an agent's, in the words of `InboundCall`. It is as old as its
    delivery."""

    visitor: str
    call: str
    state: str
    outgoing: bool = False
    by: str = ""
    cause: str = ""
    user: str | None = None


class Visited(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="visited", omit_defaults=True):
    """What the visitor did on the website. It is as old as its delivery says. client, session:
    how analytics know the browser and this visit."""

    visitor: str
    client_id: str
    steps: tuple[Told, ...]
    client: str = ""
    session: str = ""


Raw = Said | Rated | Called | Visited

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Raw).decode


def provider_id(raw: Raw) -> str:
    """One name per thing that happened, so that a resend is the same delivery."""
    return f"{raw.call}/{raw.state}" if isinstance(raw, Called) else f"{raw.visitor}:{raw.client_id}"
