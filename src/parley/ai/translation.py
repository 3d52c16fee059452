"""What can be held of a translation: nothing that has one form in every language may be lost, changed or added.

Numbers, links, mail addresses, order numbers and known names have to stand on both sides; no link or address may stand
in the translation alone; nothing hidden, no markup; it has about the length of its source, and is in its language.
Whether the sense is the same no rule tells: whoever reads it sees the original beside it.
"""

import re
from collections import Counter
from collections.abc import Iterable

from parley.ai.support import LINK, MARKUP, hides
from parley.core.language import language_of

LONGEST = 4000
"""Letters of a source."""
_RUN = re.compile(r"\d+")
_CODE = re.compile(r"\b(?=[A-Z\d-]*\d)(?=[A-Z\d-]*[A-Z])[A-Z\d][A-Z\d-]{2,}\b")
_SPARE = 60
"""Letters by which even a short translation may be longer than its source."""

HIDDEN, MARKED, LINKS, LOST, NUMBERS, CODES, NAMES, LENGTH, LANGUAGE = (
    "it has letters that cannot be seen",
    "it has markup that the original lacks",
    "it has a link or an address that the original lacks",
    "a link or an address of the original is missing",
    "its numbers are not those of the original",
    "an order number or another code of the original is missing",
    "a name of the original is missing",
    "it is much longer or shorter than the original",
    "it is not in the language that was asked for",
)


def trouble(source: str, said: str, into: str, names: Iterable[str] = ()) -> str | None:
    """Why a translation is not to be used; None where nothing speaks against it. names: words that stay as they are."""
    if hides(said):
        return HIDDEN
    if set(MARKUP.findall(said)) - set(MARKUP.findall(source)):
        return MARKED
    here, there = _links(source), _links(said)
    if there - here:
        return LINKS
    if here - there:
        return LOST
    if _numbers(source) != _numbers(said):
        return NUMBERS
    if set(_CODE.findall(source)) - set(_CODE.findall(said)):
        return CODES
    if any(name not in said for name in names if re.search(rf"\b{re.escape(name)}\b", source)):
        return NAMES
    if not len(source) / 4 - _SPARE <= len(said) <= len(source) * 4 + _SPARE:
        return LENGTH
    return None if language_of(said, into) == into else LANGUAGE


def _links(text: str) -> Counter[str]:
    """Links and addresses as they stand, without the punctuation around them."""
    return Counter(part.strip(".,;:!?()\"'„“”«»") for part in text.split() if LINK.search(part))


def _numbers(text: str) -> Counter[str]:
    """Runs of digits, whatever stands between them: 1,299.00 is 1.299,00 and 05.12. is 12/5."""
    runs = ("".join(str(int(digit)) for digit in run) for run in _RUN.findall(text))
    return Counter(run.lstrip("0") or "0" if len(run) < 3 else run for run in runs)
