"""What customers' sentences speak of and how: "Die Lieferung kam zu spät, aber der Fahrer war freundlich" is a clear
complaint of the delivery and a word of praise for people.

What it is about is told by words of the text's language (lexicon/remarks.toml). How it is meant: by words as well, with
what denies and strengthens them; in English also by the meaning of the clause where the sentence encoder is there.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from parley.ai import lexicon
from parley.ai.mood_words import LONGEST, WORD, by_words, pattern, told_language
from parley.ai.sentiment import Reader

GENERAL = "general"  # what speaks of nothing in particular
MILD, CLEAR, STRONG = 1, 2, 3
SURE = 0.3  # of −1…1: words and meaning together, from which on a clause is praise or complaint

_SENTENCE = re.compile(r"[^.!?…。！？\n]+(?:[.!?…。！？]+(?!\w)|\n|$)|[^\n]+")
_JOINTS = (
    "but although though however while whereas yet except because and "
    "aber obwohl jedoch doch während weil und pero aunque mientras porque mais bien_que tandis parce ma però "
    "mentre perché maar hoewel terwijl omdat mas embora enquanto"
)
_BREAK = re.compile(rf"[,;:()]+(?=\s)|\s[-–—]+\s|\s(?=(?:{'|'.join(_JOINTS.replace('_', ' ').split())})\b)", re.I)


class Remark(NamedTuple):
    """start, end: of its sentence in the text. polarity: −1, 0 or 1. strength: MILD, CLEAR or STRONG; 0 for neither."""

    start: int
    end: int
    aspect: str
    polarity: int
    strength: int
    language: str


class Clause(NamedTuple):
    """start, end: of its sentence; text: of the clause. aspects: none where it only goes on with the one before."""

    start: int
    end: int
    text: str
    aspects: tuple[str, ...]
    language: str


def read(texts: Sequence[str], moods: Reader | None = None) -> list[list[Remark]]:
    """The remarks of each text. moods: tells English moods by meaning. A clause that speaks of nothing in particular is
    a remark only where it praises or complains; each aspect counts once a sentence, at its worst."""
    parts = [list(clauses(text[:LONGEST])) for text in texts]
    english = [one.text for part in parts for one in part if one.language == "en"]
    by_meaning = iter(moods.moods(english)) if moods and english else None
    found = []
    for part in parts:
        worst: dict[tuple[int, str], Remark] = {}
        for one in part:
            meant = next(by_meaning).score if by_meaning and one.language == "en" else None
            polarity, strength = judged(one.text, one.language, meant)
            for aspect in one.aspects or ((GENERAL,) if polarity and _is_told(one) else ()):
                new = Remark(one.start, one.end, aspect, polarity, strength, one.language)
                old = worst.get((one.start, aspect))
                if old is None or _harm(new) > _harm(old):
                    worst[one.start, aspect] = new
        found.append(list(worst.values()))
    return found


def _is_told(one: Clause) -> bool:
    """Whether words say it: meaning alone, of nothing in particular, is too little."""
    return by_words(one.text, one.language)[1] != 0


def _harm(one: Remark) -> tuple[bool, int]:
    return one.polarity < 0, one.strength


# ── clauses ─────────────────────────────────────────────────────────────────────────────────


def clauses(text: str) -> Iterator[Clause]:
    """Each sentence in as many parts as speak of things of their own; a part that names none joins the one before."""
    language = told_language(text)
    for sentence in _SENTENCE.finditer(text):
        said = sentence.group().strip()
        if len(WORD.findall(said)) < 2:
            continue
        start = sentence.start() + sentence.group().index(said)
        for part, aspects in _parted(said, language):
            yield Clause(start, start + len(said), part, aspects, language)


def _parted(sentence: str, language: str) -> list[tuple[str, tuple[str, ...]]]:
    cuts = [0, *(found.start() for found in _BREAK.finditer(sentence)), len(sentence)]
    parts: list[tuple[str, tuple[str, ...]]] = []
    for a, b in pairwise(cuts):
        piece = sentence[a:b]
        about = aspects_of(piece, language)
        if parts and (not about or not parts[-1][1] or about == parts[-1][1]):
            before, known = parts[-1]
            parts[-1] = before + piece, known or about
        elif piece.strip():
            parts.append((piece, about))
    return parts


def aspects_of(clause: str, language: str) -> tuple[str, ...]:
    return tuple(name for name, words in _abouts(language).items() if words.search(clause.lower()))


# ── how it is meant ─────────────────────────────────────────────────────────────────────────


def judged(clause: str, language: str, meant: float | None = None) -> tuple[int, int]:
    """(polarity, strength). meant: −1…1, how a reader of meaning takes the clause."""
    score, weight = by_words(clause, language)
    if meant is not None and not clause.rstrip().endswith("?"):
        score = (score + meant) / 2
    if abs(score) < SURE:
        return 0, 0
    polarity = 1 if score > 0 else -1
    return polarity, max(MILD, min(STRONG, weight * polarity))


# ── the lexicon ─────────────────────────────────────────────────────────────────────────────


@cache
def names() -> tuple[str, ...]:
    """All aspects."""
    return (*(key.removeprefix("about-") for key in lexicon.read("remarks") if key.startswith("about-")), GENERAL)


@cache
def _abouts(language: str) -> dict[str, re.Pattern[str]]:
    entries = lexicon.read("remarks")
    return {name: pattern(entries[f"about-{name}"].get(language, [])) for name in names() if name != GENERAL}
