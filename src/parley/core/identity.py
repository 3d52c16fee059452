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
    but no large provider uses that and people type as they like. Phone: E.164. Other kinds: trimmed.
    """
    value = unicodedata.normalize("NFKC", value).strip()
    return _mail(value) if kind == "mail" else _phone(value) if kind == "phone" else value


def _mail(value: str) -> str:
    if value.isascii():
        return value.lower()
    local, _, domain = value.rpartition("@")
    with contextlib.suppress(UnicodeError):
        domain = domain.encode("idna").decode("ascii") if not domain.isascii() else domain
    return f"{local}@{domain}".lower() if local else value.lower()


def _phone(value: str) -> str:
    """E.164 where a country code is told, with + or with the 00 that is dialled for it; else as it stands: a sender
    may be a name, and a number without a country is anybody's guess."""
    bare = f"+{value[2:]}" if value.startswith("00") else value
    if not bare.startswith("+"):
        return value
    import phonenumbers  # 45 ms, so only when there is a number

    try:
        number = phonenumbers.parse(bare)
    except phonenumbers.NumberParseException:
        return value
    possible = phonenumbers.is_possible_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if possible else value


def looks_like_mail(value: str) -> bool:
    """Whether the text could be a mail address; used before anything is sent there."""
    return len(value) <= 254 and bool(_ADDRESS.match(value))
