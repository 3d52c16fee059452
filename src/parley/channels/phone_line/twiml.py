"""Twilio's markup for calls (twilio.com/docs/voice/twiml): a verb is an element, a document a list of them."""

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

Attributes = Mapping[str, str | int]


def verb(name: str, inside: str = "", attributes: Attributes | None = None) -> str:
    """`inside` is markup already; see `said` for text."""
    told = "".join(f" {key}={quoteattr(str(value))}" for key, value in (attributes or {}).items())
    return f"<{name}{told}>{inside}</{name}>" if inside else f"<{name}{told}/>"


def said(text: str, language: str, voice: str = "") -> str:
    attributes = {"language": language} | ({"voice": voice} if voice else {})
    return verb("Say", escape(_readable(text)), attributes) if text else ""


def redirect(url: str) -> str:
    return verb("Redirect", escape(url))


def document(*verbs: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{"".join(verbs)}</Response>'.encode()


def _readable(text: str) -> str:
    """Without the signs that XML 1.0 does not know."""
    return "".join(sign for sign in text if sign >= " " or sign in "\t\n")
