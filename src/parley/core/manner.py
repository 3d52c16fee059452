"""Words that a brand does not say, and what it says in their place. What customers write is not looked at."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

MOST_TERMS = 500
ARROWS = ("->", "→")
# Addresses are left alone: a word in a link is no word of ours.
_APART = r"https?://\S+|\S+@\S+"


class Term(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """avoid: one word or several, in any case. say: in its place; empty where nothing takes it."""

    avoid: str
    say: str = ""


def terms_of(lines: str) -> tuple[Term, ...]:
    """A term a line: `cheap -> good value`, or the word alone. Empty lines and repetitions are left out."""
    found: dict[str, Term] = {}
    for line in lines.splitlines()[:MOST_TERMS]:
        arrow = next((one for one in ARROWS if one in line), "")
        avoid, _, say = line.partition(arrow) if arrow else (line, "", "")
        if avoid := " ".join(avoid.split())[:80]:
            found.setdefault(avoid.lower(), Term(avoid=avoid, say=" ".join(say.split())[:80]))
    return tuple(found.values())


def written(terms: Iterable[Term]) -> str:
    """Terms as they are typed."""
    return "\n".join(f"{one.avoid} -> {one.say}" if one.say else one.avoid for one in terms)


def found(text: str, terms: Sequence[Term]) -> list[tuple[str, Term]]:
    """What of a text is not said: the words as they stand, with their term, in order."""
    if not terms:
        return []
    known = {_key(one.avoid): one for one in terms}
    hits = (hit.group(1) for hit in _pattern(tuple(terms)).finditer(text))
    return [(hit, known[_key(hit)]) for hit in hits if hit]


def mended(text: str, terms: Sequence[Term]) -> str:
    """The text with what is said in their place, with a capital where one stood; terms without that stay."""
    if not terms:
        return text
    known = {_key(one.avoid): one for one in terms}

    def instead(hit: re.Match[str]) -> str:
        said = known[_key(hit[1])].say if hit[1] else ""
        if not said:
            return hit[0]
        return said[0].upper() + said[1:] if hit[1][0].isupper() else said

    return _pattern(tuple(terms)).sub(instead, text)


def told(hits: Sequence[tuple[str, Term]], brand: str) -> str:
    """A sentence for whoever wrote them."""
    words = dict.fromkeys(f"“{hit}”" + (f" (say “{term.say}”)" if term.say else "") for hit, term in hits)
    return f"{brand} does not say {', '.join(words)}. Your text is kept: change it and send it again."


def _key(words: str) -> str:
    return " ".join(words.lower().split())


@lru_cache(64)
def _pattern(terms: tuple[Term, ...]) -> re.Pattern[str]:
    """The longest first, so that “free of charge” is not read as “free”."""
    each = sorted((re.escape(one.avoid).replace(r"\ ", r"\s+") for one in terms), key=len, reverse=True)
    return re.compile(rf"{_APART}|(?<!\w)({'|'.join(each)})(?!\w)", re.IGNORECASE)
