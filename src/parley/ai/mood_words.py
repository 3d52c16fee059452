"""Words of praise and complaint in seven languages (lexicon/remarks.toml), with what denies and strengthens them."""

import re
from collections.abc import Sequence
from functools import cache

from parley.ai import lexicon
from parley.core.language import language_of

LANGUAGES = ("en", "de", "es", "fr", "it", "nl", "pt")
DENIES = 4  # words after a "not" that it turns
STRENGTHENS = 3  # words after a "very" that it makes stronger
LONGEST = 4000  # characters of a text that are read

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[!?]+")


def told_language(text: str) -> str:
    """By its small words; where they do not tell, by which language's mood words know most of it."""
    told = language_of(text, "")
    if told in LANGUAGES:
        return told
    if told:
        return "en"
    said = text.lower()[:LONGEST]
    known = {one: sum(len(words.findall(said)) for words in _moods(one).values()) for one in LANGUAGES}
    return max(LANGUAGES, key=lambda one: known[one])


def by_words(clause: str, language: str) -> tuple[float, int]:
    """(−1…1, the weight of the heaviest word with its sign)."""
    said = _moods(language)["courtesy"].sub(lambda found: " " * len(found.group()), clause.lower().replace("’", "'"))
    order = {found.start(): place for place, found in enumerate(WORD.finditer(said))}
    denied, stronger = -99, -99
    asks = said.rstrip().endswith("?")
    weights = []
    for at, kind in _marks(said, language):
        place = order.get(at, 0)
        if kind == "not":
            denied = place
        elif kind == "very":
            stronger = place
        elif asks and kind in ("good", "excess"):
            continue  # "Is it any good?", "Will it be too small?"
        elif weight := _weight(kind, 0 <= place - denied <= DENIES or _denied_after(said, at, language)):
            weights.append(weight + (1 if weight > 0 else -1) * (place - stronger <= STRENGTHENS))
    if not weights:
        return 0.0, 0
    heaviest = max(weights, key=abs)
    heaviest += (1 if heaviest > 0 else -1) * ("!" in said)
    return max(-1.0, min(1.0, sum(weights) / (1 + len(weights)))), heaviest


def _marks(said: str, language: str) -> list[tuple[int, str]]:
    """Where which kind of word stands; of two at one place the longer."""
    found = {
        (one.start(), -one.end()): kind
        for kind, words in _moods(language).items()
        if kind != "courtesy"
        for one in words.finditer(said)
    }
    return [(start, kind) for (start, _), kind in sorted(found.items())]


def _weight(kind: str, denied: bool) -> int:
    """What a word counts. What is wanted counts only where it is denied."""
    if kind == "wanted":
        return -2 if denied else 0
    if kind == "very_bad":
        return -3
    if kind == "good":
        return -2 if denied else 2
    return 1 if denied else -2


def _denied_after(said: str, at: int, language: str) -> bool:
    """German and Dutch deny behind the verb: "gefällt mir nicht", "werkt niet"."""
    if language not in ("de", "nl"):
        return False
    after = WORD.findall(said[at:])[1:4]
    return any(word in ("nicht", "nie", "kein", "keine", "niet", "geen") for word in after)


# ── the lexicon ─────────────────────────────────────────────────────────────────────────────


@cache
def _moods(language: str) -> dict[str, re.Pattern[str]]:
    return {kind: pattern(lines) for kind, lines in lexicon.read("remarks")[f"mood-{language}"].items()}


def pattern(lines: Sequence[str]) -> re.Pattern[str]:
    """Words as the lexicon writes them: a star for more letters, an underscore for a space. Longer ones first."""
    words = sorted({word for line in lines for word in line.split()}, key=lambda word: (-len(word), word))
    written = (re.escape(word).replace(r"\*", r"\w*").replace("_", r"\s+") for word in words)
    return re.compile(rf"(?<![\w'])(?:{'|'.join(written)})(?![\w'])" if words else r"(?!)")
