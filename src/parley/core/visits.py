"""What a visitor did on a website, as they agreed to tell: which page, when, and nothing that names anybody."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

import msgspec

PAGE = "page"  # the name of a step that is a page seen; other names are the site's own
MOST = 40  # steps that are told at once
LONGEST = 120  # characters of a page's address
OLDEST = timedelta(hours=24)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TELLING = re.compile(r"@|\d{4}|.{41}")  # in a part of an address: a mail address, an order, a token


class Step(msgspec.Struct, frozen=True, array_like=True):
    """One thing a visitor did. name: page, or the site's own word. page: the path alone."""

    name: str
    page: str
    at: datetime


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A step as a browser tells it. ago: seconds, since browsers' clocks are often wrong."""

    name: str
    page: str
    ago: float = 0


def steps(told: Sequence[Told], now: datetime) -> tuple[Step, ...]:
    """What is kept of them: names that are names, pages without what could tell who looks at them, oldest first."""
    found = [
        Step(one.name, clean(one.page), now - timedelta(seconds=max(0.0, one.ago)))
        for one in told[-MOST:]
        if _NAME.fullmatch(one.name) and one.ago <= OLDEST.total_seconds()
    ]
    return tuple(sorted(found, key=lambda step: step.at))


def clean(page: str) -> str:
    """The path of a page without question and fragment; parts that could name a person or an order are left out."""
    try:
        path = unquote(urlsplit(page).path)
    except ValueError:
        return "/"
    parts = ["…" if _TELLING.search(part) else part for part in path.split("/")]
    return ("/".join(part for part in parts if part.isprintable()) or "/")[:LONGEST]
