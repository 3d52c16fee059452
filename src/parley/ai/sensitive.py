"""Reasons to hand over to a person at once, whatever the articles say.

Patterns over folded text (no accents, lower case), English first, with the plainest German, French and Spanish.
A miss here is worse than a false alarm, except that a bot which always hands over is no bot: so words that products
and policies use as well (agent, court, fire, hurt, died) count only in the company that makes them serious.
"""

import re
from dataclasses import dataclass

from parley.ai import lexicon, text


@dataclass(frozen=True)
class Reason:
    """Why a person should take over, and the words that say so."""

    name: str
    evidence: str


NAMES = (
    "self_harm",
    "safety",
    "bereavement",
    "vulnerable",
    "legal",
    "fraud",
    "privacy",
    "press",
    "staff",
    "wants_human",
    "anger",
)
"""Most pressing first; reasons come in this order."""

EVEN_IF_NEGATED = frozenset({"self_harm", "bereavement"})
"""Here "not" is part of the meaning, or the matter is too grave to argue about a word."""


def reasons(message: str) -> list[Reason]:
    """Every reason found, most pressing first, at most one per name. Empty for an ordinary message."""
    folded = " ".join(text.fold(message).split())
    mended = _SPELLER.mend_all(folded)
    found = (_first(name, version) for name in NAMES for version in dict.fromkeys((folded, mended)))
    by_name = {reason.name: reason for reason in found if reason}
    if "anger" not in by_name and _shouted(message):
        by_name["anger"] = Reason("anger", message.strip()[:80])
    return list(by_name.values())


def _first(name: str, folded: str) -> Reason | None:
    for found in _PATTERNS[name].finditer(folded):
        if name in EVEN_IF_NEGATED or not _negated(folded, found.start()):
            return Reason(name, found[0].strip())
    return None


def _negated(folded: str, start: int) -> bool:
    """Whether one of the four words before it, in the same clause, takes it back."""
    clause = _CLAUSE.split(folded[max(0, start - 60) : start])[-1]
    return bool(_NOT.search(" ".join(clause.split()[-4:])))


def _shouted(message: str) -> bool:
    """Capitals throughout and exclamation marks: either alone is only a habit."""
    letters = [c for c in message if c.isalpha()]
    capitals = sum(c.isupper() for c in letters)
    return len(letters) >= 15 and capitals > 0.8 * len(letters) and "!!" in message


_CLAUSE = re.compile(r"[.!?;,:]| but | aber | mais | pero ")
_NOT = re.compile(
    r"\b(not|no|never|nobody|without|dont|doesnt|isnt|wasnt|arent|nicht|kein\w*|nie|pas|jamais|sin|nunca)\b"
    r"|(?<!\bca)n't\b"
)


_LEXICON = lexicon.read("sensitive")
_PATTERNS = {
    name: re.compile(rf"\b(?:{'|'.join(f'(?:{one})' for one in lines)})")
    for name, lines in _LEXICON["patterns"].items()
}  # one word boundary before all of them: it is looked for five times as fast as one before each
_SPELLER = text.Speller(
    (word for lines in _LEXICON["spelling"].values() for line in lines for word in line.split()), shortest=6
)
