"""Addresses of people in their normal form, so that one human's address is one row."""

import contextlib
import re
import unicodedata
from functools import lru_cache

_ADDRESS = re.compile(r"^[^\s@<>,;\"]+@[^\s@<>,;\"]+\.[^\s@<>,;\"]+$")


@lru_cache(maxsize=4096)
def normal(kind: str, value: str) -> str:
    """The form under which an address is unique for its kind.

    Mail: trimmed, NFKC, lower case, domain in IDNA. RFC 5321 lets the local part be case-sensitive,
    but no large provider uses that and people type as they like. Other kinds: trimmed.
    """
    value = unicodedata.normalize("NFKC", value).strip()
    return _mail(value) if kind == "mail" else value


def _mail(value: str) -> str:
    if value.isascii():
        return value.lower()
    local, _, domain = value.rpartition("@")
    with contextlib.suppress(UnicodeError):
        domain = domain.encode("idna").decode("ascii") if not domain.isascii() else domain
    return f"{local}@{domain}".lower() if local else value.lower()


def _phone(value: str) -> str:
    """Without the signs that people put between; 00 is how the + is dialled. A sender that is a name stays as it is."""
    bare = re.sub(r"[\s().\-/]", "", value)
    match = re.fullmatch(r"(?:\+|00)([1-9]\d{6,14})", bare)
    return f"+{match[1]}" if match else value


def looks_like_mail(value: str) -> bool:
    """Whether the text could be a mail address; used before anything is sent there."""
    return len(value) <= 254 and bool(_ADDRESS.match(value))
