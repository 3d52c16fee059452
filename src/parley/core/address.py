"""Which words speak to somebody formally or informally: du or Sie, tu or vous, tú or usted, tu or Lei, je or u.

Only words that are one or the other wherever they stand, or where they stand in a sentence: German "Sie" in its middle
is the customer, at its beginning it may be a parcel.
"""

import re
from collections.abc import Iterator
from functools import cache

FORMAL, INFORMAL = "formal", "informal"
LANGUAGES = ("de", "fr", "es", "it", "nl")

# Words that are informal (formal) wherever they stand, as patterns of whole words.
_INFORMAL = {
    "de": r"du|dich|dir|dein(?:e[rsnm]?)?|deinerseits|deinetwegen|euch|eure[rsnm]?|euer",
    "fr": r"tu|toi|tes|te|ta|(?<!\ble )(?<!\bun )(?<!\bce )(?<!\bau )(?<!\bdu )(?<!\bde )(?<!\bquel )(?<!\bbon )"
    r"(?<!\bmême )ton",
    "es": r"tú|te|ti|contigo|tu|tus|tuy[oa]s?|vosotros|vosotras|vuestr[oa]s?",
    "it": r"tu|ti|te|tuo|tua|tuoi|tue",
    "nl": r"je|jij|jou|jouw|jullie|jezelf|jouwe",
}
_FORMAL = {
    "de": r"(?-i:Ihnen|Ihrerseits|Ihretwegen)|sehr geehrte[rsn]?",
    "fr": r"vous|vos|votre|vôtres?|veuillez",
    "es": r"usted|ud\.|vd\.|póngase|disculpe|sírvase|no dude",
    "it": r"(?-i:(?<=\w )Lei|(?<=\w )(?:Suo|Sua|Suoi|Sue)(?= [a-zà-ÿ])|(?<=\w )Le(?= [a-zà-ÿ]))",
    "nl": r"(?<![.\w])u(?![.\w-])|uw|uzelf",
}
# German: capital letters in the middle of a sentence; at its beginning only where nothing was said before that "sie"
# or "ihr" could mean.
_IN_THE_MIDDLE = re.compile(r"(?<=[\w,] )(?:Sie|Ihr(?:e[rsnm]?)?)(?!\w)")
_AT_THE_BEGINNING = re.compile(r"(?:Sie|Ihre[rnms]?)(?!\w)")
_GREETING_LINE = re.compile(r"\s*(?:[^\n]{0,60}[,!]\s*\n\s*)?")
_IDIOMS = re.compile(r"\b(?:per|mit|beim|das) du\b|\bdu und du\b|\brendez-vous\b|\bgarde-à-vous\b|\btutto te\b", re.I)


def slips_of_address(text: str, language: str, wanted: str) -> Iterator[tuple[int, int]]:
    """Where the other form stands, from and to, in order."""
    apart = [found.span() for found in _IDIOMS.finditer(text)]
    spans = [found.span() for found in _pattern(language, wanted).finditer(text)]
    if language == "de" and wanted == INFORMAL:
        spans += _german(text)
    for start, end in sorted(set(spans)):
        if not any(a <= start < b for a, b in apart) and not _is_a_name(text, start, end, language, wanted):
            yield start, end


def _german(text: str) -> Iterator[tuple[int, int]]:
    yield from (found.span() for found in _IN_THE_MIDDLE.finditer(text))
    begin = _GREETING_LINE.match(text)
    if begin and (found := _AT_THE_BEGINNING.match(text, begin.end())):
        yield found.span()


def _is_a_name(text: str, start: int, end: int, language: str, wanted: str) -> bool:
    """A capital in the middle of a sentence, where the language writes the word small: `Du Pont`, `Te Anau`."""
    if wanted == INFORMAL or not text[start].isupper() or language == "nl":
        return False
    within = bool(re.search(r"[\w,] $", text[:start]))
    return within and bool(re.match(r"[ -][A-ZÀ-Þ]", text[end:]))


@cache
def _pattern(language: str, wanted: str) -> re.Pattern[str]:
    words = (_INFORMAL if wanted == FORMAL else _FORMAL)[language]
    elided = r"|(?<![\w'’])t['’](?=\w)" if (language, wanted) == ("fr", FORMAL) else ""
    return re.compile(rf"(?<![\w'’])(?:{words})(?!\w){elided}", re.IGNORECASE)
