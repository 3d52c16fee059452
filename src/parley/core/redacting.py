"""What of a quote is nobody's business: addresses and numbers by which a person could be found."""

import re

_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_NUMBER = re.compile(r"(?<![\w])\+?\d(?:[\d ()/.-]{3,}\d)(?!\w)")


def redacted(text: str) -> str:
    """The text with mail addresses, links, bank accounts and numbers of five digits and more left out."""
    for pattern, name in ((_MAIL, "[address]"), (_LINK, "[link]"), (_ACCOUNT, "[account]")):
        text = pattern.sub(name, text)
    return _NUMBER.sub(lambda found: "[number]" if sum(c.isdigit() for c in found[0]) > 4 else found[0], text)
