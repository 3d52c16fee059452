"""What makes a message pressing or not, what it says is broken, which product it names, whether it is spam.

Patterns over folded text, kept as data in lexicon/triage.toml; each finding tells the place of the words that show it,
in `folded`, so that a page can show them for as long as they are kept.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from parley.ai import intents, lexicon, sensitive, text

GRAVE = {
    "self_harm": "danger",
    "safety": "danger",
    "bereavement": "vulnerable",
    "vulnerable": "vulnerable",
    "legal": "legal",
    "fraud": "fraud",
    "privacy": "privacy",
    "press": "press",
    "staff": "staff",
    "wants_human": "wants_human",
    "anger": "anger",
}
"""Reasons to hand over, as signals of triage."""

LONGEST_THANKS = 200  # letters: who writes more wants more
SHORTEST_NAME = 4
"""Letters of a product's name from which on it is told by itself; shorter ones are words."""


@dataclass(frozen=True)
class Found:
    """folded(message)[start:end] shows it; both 0 where it is not there as it stands, such as a word with a slip."""

    signal: str
    value: str = ""
    start: int = 0
    end: int = 0


def folded(message: str) -> str:
    """The text in which places are told."""
    return " ".join(text.fold(message).split())


def notice(message: str) -> list[Found]:
    """Signals of one message, at most one of each name; `outage` with the matter that it says is down."""
    flat = folded(message)
    found: dict[str, Found] = {}
    for reason in sensitive.reasons(message):
        place = flat.find(reason.evidence)
        found.setdefault(GRAVE[reason.name], Found(GRAVE[reason.name], reason.name, *_span(place, reason.evidence)))
    for name, patterns in _signals()["signals"].items():
        if (hit := _first(patterns, flat)) and name not in found:
            found[name] = Found(name, "", *hit)
    if "no_hurry" in found:
        found.pop("deadline", None)
    for name, patterns in _signals()["matters"].items():
        if hit := _first(patterns, flat):
            found["outage"] = Found("outage", name, *hit)
            break
    if not found and len(message) <= LONGEST_THANKS and _only_polite(message):
        found["thanks"] = Found("thanks")
    return list(found.values())


def _only_polite(message: str) -> bool:
    wanted = {guess.name for guess in intents.guess(message)}
    return bool(wanted) and wanted <= {"thanks", "goodbye"}


def _span(place: int, evidence: str) -> tuple[int, int]:
    return (place, place + len(evidence)) if place >= 0 else (0, 0)


def _first(patterns: re.Pattern[str], flat: str) -> tuple[int, int] | None:
    hit = patterns.search(flat)
    return hit.span() if hit else None


@cache
def _signals() -> Mapping[str, Mapping[str, re.Pattern[str]]]:
    read = lexicon.read("triage")

    def joined(lines: Sequence[str]) -> re.Pattern[str]:
        return re.compile(rf"\b(?:{'|'.join(f'(?:{line})' for line in lines)})")

    return {
        section: {name: joined(lines) for name, lines in read[section].items()}
        for section in ("signals", "matters", "customer")
    }


# ── spam ────────────────────────────────────────────────────────────────────────────────────


def spam(message: str, known: bool = False) -> tuple[float, tuple[int, int]]:
    """(how likely it is an offer nobody asked for, where its strongest cue stands). known: they bought something, or
    were answered before."""
    flat = folded(message)
    doubt, strongest, place = 1.0, 0.0, (0, 0)
    for weight, pattern in _cues():
        if hit := pattern.search(flat):
            doubt *= 1 - weight
            if weight > strongest:
                strongest, place = weight, hit.span()
    links = len(re.findall(r"https?://|www\.", flat))
    doubt *= 0.75 if links and strongest else 1.0
    doubt *= 0.8 if links > 2 else 1.0
    sure = 1 - doubt
    if _signals()["customer"]["signs"].search(flat):
        sure *= 0.55
    if known:
        sure *= 0.3
    return round(sure, 3), place


@cache
def _cues() -> Sequence[tuple[float, re.Pattern[str]]]:
    lines = lexicon.read("triage")["spam"]["cues"]
    return [(float(line[:4]), re.compile(rf"\b(?:{line[4:].strip()})")) for line in lines]


# ── products ────────────────────────────────────────────────────────────────────────────────


class Products:
    """Products by their names and other names, with a slip in a longer word. The longest name that fits is meant."""

    def __init__(self, named: Mapping[str, Iterable[str]]) -> None:
        """named: product → what else it is called."""
        self._of: dict[tuple[str, ...], str] = {}
        for product, others in named.items():
            for name in (product, *others):
                words = tuple(text.stem(word) for word in text.words(name))
                if words and sum(map(len, words)) >= SHORTEST_NAME:
                    self._of.setdefault(words, product)
        self._firsts: dict[str, list[tuple[str, ...]]] = {}
        for words in sorted(self._of, key=len, reverse=True):
            self._firsts.setdefault(words[0], []).append(words)
        self._speller = text.Speller({word for words in self._of for word in words}, shortest=6)

    def named_in(self, message: str) -> tuple[str, int, int] | None:
        """(product, start, end in the folded text), the longest name; of equally long ones the first."""
        flat = folded(message)
        places = [(found.start(), found.end()) for found in _WORD.finditer(flat)]
        stems = [text.stem(self._speller.mend(flat[a:b].removesuffix("'s").replace("'", ""))) for a, b in places]
        best: tuple[int, str, int, int] | None = None
        for at, stem in enumerate(stems):
            for words in self._firsts.get(stem, ()):
                if tuple(stems[at : at + len(words)]) == words and (best is None or len(words) > best[0]):
                    best = (len(words), self._of[words], places[at][0], places[at + len(words) - 1][1])
        return best[1:] if best else None


_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
