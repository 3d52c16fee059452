"""Texts for platforms that count in a way of their own: an address counts the same however long it is."""

import re
from collections.abc import Callable

ADDRESS = re.compile(r"https?://[^\s<>\"]+")
ADDRESS_WEIGHT = 23  # what Mastodon and X count for an address, however long it is
_PIECE = re.compile(r"\S+\s*|\s+")

Weigh = Callable[[str], int]


def utf16(text: str) -> int:
    """Units of UTF-16, by which Telegram and LINE count: most pictures are two."""
    return len(text) + sum(ord(sign) > 0xFFFF for sign in text)


def apart(text: str, limit: int, weigh: Weigh) -> list[str]:
    """The text in parts of at most this weight, cut between paragraphs or sentences where that wastes less than half
    of a part, else between words. A word that is too long by itself is cut where it must be; an address stays whole
    unless it is heavier than a part."""
    found: list[str] = []
    now = ""
    for piece in _pieces(text.strip(), limit, weigh):
        if now and weigh((now + piece).rstrip()) > limit:
            kept, now = _best_end(now, limit, weigh)
            found.append(kept.rstrip())
            if weigh((now + piece).rstrip()) > limit:  # what was carried over leaves no room for this word
                found.append(now.rstrip())
                now = ""
        now += piece
    return [*found, now.rstrip()] if now.strip() or not found else found


def _pieces(text: str, limit: int, weigh: Weigh) -> list[str]:
    """Words with the space behind them, those too heavy for a part in several."""
    found: list[str] = []
    for word in _PIECE.findall(text):
        while weigh(word.rstrip()) > limit:
            fits = _fitting(word, limit, weigh)
            found.append(word[:fits])
            word = word[fits:]
        found.append(word)
    return found


def _fitting(word: str, limit: int, weigh: Weigh) -> int:
    """How many characters of a word fit into a part: at least one, so that cutting comes to an end."""
    low, high = 1, len(word)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if weigh(word[:middle]) <= limit else (low, middle - 1)
    return low


def _best_end(text: str, limit: int, weigh: Weigh) -> tuple[str, str]:
    """(what goes into this part, what is carried over to the next)."""
    for mark in ("\n\n", "\n", ". ", "? ", "! "):
        at = text.rstrip().rfind(mark)
        if at > 0 and weigh(text[: at + 1]) > limit // 2:
            return text[: at + 1], text[at + len(mark) :].lstrip()
    return text, ""
