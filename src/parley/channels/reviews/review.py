"""A review, whichever platform it stands on, and what it says."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from parley.core.channel import Address, Inbound, InboundEdit, InboundMessage
from parley.core.errors import Unreadable


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """id: the platform's name for it. author: their number, or empty where it gives none. stars: 1 to 5, 0 for none.

    edited: these are not the first words that stood there.
    """

    id: str
    stars: int
    text: str
    updated: datetime
    title: str = ""
    author: str = ""
    name: str = ""
    about: str = ""
    edited: bool = False


class Kept(msgspec.Struct, frozen=True):
    """A delivery: the platform's own words for one review."""

    platform: str
    review: msgspec.Raw


class Platform(Protocol):
    """A place where people write reviews."""

    @property
    def name(self) -> str: ...

    @property
    def limit(self) -> int:
        """Characters of an answer."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Settings without which it cannot be asked."""
        ...

    def review_of(self, raw: bytes) -> Review:
        """One review out of the platform's JSON. Raises msgspec's errors where the shape is wrong."""
        ...

    def newest_first(self, ours: Any) -> AsyncIterator[list[dict[str, Any]]]:
        """Page after page of the platform's JSON. Raises SendFailed when it cannot be had."""
        ...

    async def answer(self, review: str, text: str, ours: Any) -> None:
        """Put the answer under the review, in place of a former one. Raises SendFailed."""
        ...


def facts_of(raw: bytes, platforms: Mapping[str, Platform]) -> list[Inbound]:
    kept = msgspec.json.decode(raw, type=Kept)
    platform = platforms.get(kept.platform)
    if platform is None:
        raise Unreadable(f"Reviews of {kept.platform} are not known here.")
    review = platform.review_of(bytes(kept.review))
    sender = Address(
        kind="reviewer", value=f"{kept.platform}/{review.author or review.id}", name=review.name or "Somebody"
    )
    named, text = f"{kept.platform}/{review.id}", words(review)
    if review.edited:
        return [InboundEdit(sender=sender, external_id=named, text=text, sent_at=review.updated)]
    said = InboundMessage(
        sender=sender, text=text, external_id=named, sent_at=review.updated, subject=review.title or None
    )
    return [said]


def words(review: Review) -> str:
    """Stars, title and words as they stand there."""
    stars = min(max(review.stars, 0), 5)
    head = " ".join(part for part in ("★" * stars + "☆" * (5 - stars) if stars else "", review.title) if part)
    foot = f"({review.about})" if review.about else ""
    return "\n\n".join(part for part in (head, review.text.strip(), foot) if part)


def moment(told: str) -> datetime:
    """RFC 3339 with any number of digits behind the second. Raises Unreadable."""
    try:
        when = datetime.fromisoformat(told)
    except ValueError as error:
        raise Unreadable(f"“{told[:40]}” is no time.") from error
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
