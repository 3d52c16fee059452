"""What of a quote is nobody's business: addresses and numbers by which a person could be found."""

import re
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")
QUOTES, LONGEST = 3, 240

_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_NUMBER = re.compile(r"(?<![\w])\+?\d(?:[\d ()/.-]{3,}\d)(?!\w)")


def redacted(text: str) -> str:
    """The text with mail addresses, links, bank accounts and numbers of five digits and more left out."""
    for pattern, name in ((_MAIL, "[address]"), (_LINK, "[link]"), (_ACCOUNT, "[account]")):
        text = pattern.sub(name, text)
    return _NUMBER.sub(lambda found: "[number]" if sum(c.isdigit() for c in found[0]) > 4 else found[0], text)


def quotable(said: Iterable[tuple[T, str]], most: int = QUOTES) -> list[tuple[T, str]]:
    """The first few texts that begin differently, redacted and short; empty ones (erased, perhaps) are left out."""
    found: dict[str, tuple[T, str]] = {}
    for key, text in said:
        short = redacted(" ".join(text.split()))[:LONGEST]
        if short and len(found) < most:
            found.setdefault(short[:60].lower(), (key, short))
    return list(found.values())
