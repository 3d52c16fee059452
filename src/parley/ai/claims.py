"""What a sentence of an article claims: its numbers with their units, whether it says no, whom or what it is about.

For finding sentences that cannot both be true (`contradictions.py`). English; sentences of other languages give their
digits, prices and percentages.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from parley.ai import text

NEARLY = 1.09  # a month is thirty days or thirty-one, and 24 months are two years

_DIGITS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "fourteen": 14, "fifteen": 15, "twenty": 20, "thirty": 30, "sixty": 60, "ninety": 90,
}  # fmt: skip
_NUMBER_WORD = re.compile(rf"\b({'|'.join(_DIGITS)})\b")
_A_TIME = re.compile(r"\b(?:an?|the same|per|every|each) (?=(?:minute|hour|day|week|month|year)s?\b)")
_HOURS = {"minute": 1 / 60, "hour": 1.0, "day": 24.0, "week": 168.0, "month": 730.0, "year": 8760.0}
_MONEY = {
    "€": "eur", "eur": "eur", "euro": "eur", "euros": "eur", "$": "usd", "usd": "usd", "dollar": "usd",
    "dollars": "usd", "£": "gbp", "gbp": "gbp", "pound": "gbp", "pounds": "gbp",
    "chf": "chf", "franc": "chf", "francs": "chf",
}  # fmt: skip
_N = r"(\d+(?:[.,]\d{1,2})?)"
_UPTO = rf"{_N}(?:\s*(?:-|–|to|or|and)\s*{_N})?"
_CURRENCY = "|".join(sorted((re.escape(one) for one in _MONEY), key=len, reverse=True))
_TIME = re.compile(rf"{_UPTO}[\s-]*(working |business )?(minute|hour|day|week|month|year)s?\b")
_PRICE_AFTER = re.compile(rf"{_UPTO}\s*({_CURRENCY})(?!\w)")
_PRICE_BEFORE = re.compile(rf"(?<!\w)({_CURRENCY})\s*{_UPTO}")
_PERCENT = re.compile(rf"{_UPTO}\s*(?:%|percent\b|per cent\b)")
_CLOCK = re.compile(r"\b(\d{1,2})(?:[:.](\d\d))?\s*(am|pm|a\.m\.|p\.m\.)|\b(\d{1,2}):(\d\d)\b|\b(\d{1,2}) o'clock")
_COUNT = re.compile(rf"(?<![\w.,]){_UPTO}\s+([a-z]{{3,}})")
_FREE = re.compile(r"(?<!feel )(?<!-)\bfree\b(?! of (?!charge))|\bat no cost\b|\bwithout charge\b")
_LASTING = re.compile(r"\bfor $")

_NOT = re.compile(
    r"\b(?:not|no|never|none|cannot|impossible|unable|neither|nobody|nothing|forbidden|prohibited)\b|n't\b"
)
_SCOPE = re.compile(
    r"\b(?:if|when|unless|except|without|with|for|to|in|by|on|at|from|after|before|outside|inside|only|until|once)\b"
)
_WITHOUT = re.compile(r"\b(?:without|unless|except|outside)\b")

# Verbs and fillers that say the same of everything: that one sentence has them and the other has not tells nothing.
_SAID = (
    "cost charge pay paid price fee amount take last come get have give offer reach open work deliver arrive "
    "receive send ship place use make keep put can may must should allow possible accept choose need require want "
    "buy order item each every whole about most much many least around please sorry yes usually normally always "
    "generally also already still just customer time day week month year hour minute able be become start begin end "
    "go leave left bring find only one two until within used using off"
)
_EVERYDAY = frozenset(text.terms_of(_SAID.split()))


class Quantity(NamedTuple):
    """From low to high in the unit of its kind (hours, a currency, percent, minutes of the day, things)."""

    kind: str
    low: float
    high: float

    def meets(self, other: "Quantity") -> bool:
        """Whether both can be meant by the same fact."""
        slack = NEARLY if self.kind == "time" else 1.0
        return self.low <= other.high * slack and other.low <= self.high * slack


class Claim(NamedTuple):
    """about: what it is about, without everyday verbs. scoped: of these, what limits when it holds."""

    quantities: tuple[Quantity, ...]
    negative: bool
    about: frozenset[str]
    scoped: frozenset[str]
    without: bool


def claim(sentence: str) -> Claim:
    """What a sentence says."""
    plain = _NUMBER_WORD.sub(lambda found: str(_DIGITS[found[1]]), text.fold(sentence))
    plain = _A_TIME.sub("1 ", plain)
    quantities, rest = _quantities(plain)
    about = frozenset(_about(rest))
    scoped = frozenset(term for part in _SCOPE.split(rest)[1:] for term in _about(part)) & about
    return Claim(
        quantities=tuple(quantities),
        negative=len(_NOT.findall(rest)) % 2 == 1,
        about=about,
        scoped=scoped,
        without=bool(_WITHOUT.search(rest)),
    )


def about(words: str) -> frozenset[str]:
    """What a title or a heading is about."""
    return frozenset(_about(text.fold(words)))


def _about(folded: str) -> list[str]:
    terms = text.terms(re.sub(r"\d\S*|n't\b", " ", folded)) if folded.strip() else []
    return [one for one in terms if one not in _EVERYDAY and one not in text.STOP_WORDS and len(one) > 2]


# ── numbers ─────────────────────────────────────────────────────────────────────────────────


def _quantities(plain: str) -> tuple[list[Quantity], str]:
    """Numbers in the order in which they stand, and the text without them."""
    found: list[tuple[int, Quantity]] = []
    for read in (_clocks, _times, _prices, _percents, _counts):
        spans = list(read(plain))
        found += [(start, quantity) for start, _, quantity in spans]
        for start, end, _ in spans:
            plain = plain[:start] + " " * (end - start) + plain[end:]
    if _FREE.search(plain) and not any(one.kind.startswith("money") for _, one in found):
        found.append((len(plain), Quantity("money", 0, 0)))
    return [quantity for _, quantity in sorted(found, key=lambda one: one[0])], plain


Span = tuple[int, int, Quantity]


def _clocks(plain: str) -> Iterator[Span]:
    for found in _CLOCK.finditer(plain):
        hour = int(found[1] or found[4] or found[6])
        half = (found[3] or "").replace(".", "")
        if half:
            hour = hour % 12 + (12 if half == "pm" else 0)
        minutes = hour * 60 + int(found[2] or found[5] or 0)
        yield found.start(), found.end(), Quantity("clock", minutes, minutes)


def _times(plain: str) -> Iterator[Span]:
    for found in _TIME.finditer(plain):
        low, high = _both(found[1], found[2])
        hours = _HOURS[found[4]]
        if found[3]:  # five working days may be a week, or nine days with a holiday
            high = high * 7 / 5 + 2
        kind = "lasting" if _LASTING.search(plain[: found.start()]) else "time"
        yield found.start(), found.end(), Quantity(kind, low * hours, high * hours)


def _prices(plain: str) -> Iterator[Span]:
    for found in _PRICE_AFTER.finditer(plain):
        yield found.start(), found.end(), Quantity(f"money {_MONEY[found[3]]}", *_both(found[1], found[2]))
    for found in _PRICE_BEFORE.finditer(plain):
        yield found.start(), found.end(), Quantity(f"money {_MONEY[found[1]]}", *_both(found[2], found[3]))


def _percents(plain: str) -> Iterator[Span]:
    for found in _PERCENT.finditer(plain):
        yield found.start(), found.end(), Quantity("percent", *_both(found[1], found[2]))


def _counts(plain: str) -> Iterator[Span]:
    for found in _COUNT.finditer(plain):
        if found[3] not in text.STOP_WORDS:
            low, high = _both(found[1], found[2])
            yield found.start(), found.start(3), Quantity(f"count {text.stem(found[3])}", low, high)


def _both(low: str, high: str | None) -> tuple[float, float]:
    first = float(low.replace(",", "."))
    return first, float(high.replace(",", ".")) if high else first


# ── two claims ──────────────────────────────────────────────────────────────────────────────


def differ(a: Claim, b: Claim, around_a: frozenset[str] = frozenset(), around_b: frozenset[str] = frozenset()) -> str:
    """In what the two cannot both be true: time, price, percent, clock, count, yes or no; empty where they can.

    around: what the titles and headings over the sentences are about.
    """
    if not a.about & b.about and not (a.about & around_b or b.about & around_a):
        return ""
    if _other_matter(a, b, around_a, around_b):
        return ""
    if kind := _numbers_differ(a.quantities, b.quantities):
        return kind
    if a.negative != b.negative and len(a.about & b.about) >= 0.5 * min(len(a.about), len(b.about)):
        return "yes or no"
    return ""


def _other_matter(a: Claim, b: Claim, around_a: frozenset[str], around_b: frozenset[str]) -> bool:
    """Each speaks of something that the other does not; or one of them holds under a condition only."""
    if a.without != b.without:
        return True
    only_a, only_b = a.about - b.about - around_b, b.about - a.about - around_a
    if only_a and only_b:
        return True
    return bool(only_a & a.scoped or only_b & b.scoped)


_NAMES = {"lasting": "time", "money": "price"}


def _numbers_differ(a: Sequence[Quantity], b: Sequence[Quantity]) -> str:
    for kind in dict.fromkeys(one.kind for one in a):
        mine, theirs = [one for one in a if one.kind == kind], [one for one in b if one.kind == kind]
        if kind.startswith("money") and not theirs:
            theirs = [one for one in b if one.kind.startswith("money") and "money" in (kind, one.kind)]
        if not theirs:
            continue
        if len(mine) == len(theirs):
            apart = any(not one.meets(other) for one, other in zip(mine, theirs, strict=True))
        else:
            apart = not any(one.meets(other) for one in mine for other in theirs)
        if apart:
            name = kind.split()[0]
            return _NAMES.get(name, name)
    return ""
