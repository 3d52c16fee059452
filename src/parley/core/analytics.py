"""What a web analytics cookie says about its visitor: read, never written, and only after consent."""

import re

_GA = re.compile(r"GA1\.\d+\.(\d{1,20}\.\d{1,20})")


def client_id(cookie: str) -> str | None:
    """The client id in a `_ga` cookie: `GA1.1.1234567890.1712345678` holds `1234567890.1712345678`."""
    found = _GA.fullmatch(cookie)
    return found[1] if found else None
