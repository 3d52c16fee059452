"""Taking names and addresses out of words that are quoted to others.

What has a form (mail addresses, links, phone and account numbers) is found by it; names are those that the mailbox's
own headers tell, and what stands after a greeting or a sign-off. It errs towards taking out too much.
"""

import re
from collections.abc import Iterable

_FORMS = (
    (re.compile(r"[^\s@<>(),;:\"']+@[^\s@<>(),;:\"']+\.[a-z]{2,}", re.I), "[address]"),
    (re.compile(r"\b(?:https?://|www\.)\S+", re.I), "[link]"),
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b"), "[account]"),
    (re.compile(r"(?<!\w)[+(]?\d[\d ()./-]{6,}\d(?!\w)"), "[number]"),
    (re.compile(r"#?\b[A-Z]{0,4}-?\d{4,}\b"), "[number]"),
    (
        re.compile(r"\b\d{1,5} (?:[A-Z][a-z]+ ){1,3}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Way|Square)\b"),
        "[street]",
    ),
    (re.compile(r"\b[A-ZÄÖÜ][a-zäöüß]+(?:straße|strasse|weg|platz|gasse) \d+\w?\b"), "[street]"),
)
_GREETING = re.compile(
    r"^(\s*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hallo|liebe[r]?|sehr geehrte[r]?|guten tag|bonjour|"
    r"hola|ciao)(?: (?:mr|mrs|ms|dr|herr|frau|mme|m)\.?)?) +([^\s,.!:?][^,.!:?\n]{0,40})(?=[,.!:]|$)",
    re.I | re.M,
)
_SIGN_OFF = re.compile(
    r"^\s*(?:(?:kind|best|warm|many|with kind)\s+)?(?:regards|wishes|thanks|thank you|cheers|sincerely|yours(?: \w+)?|"
    r"love|best|mit freundlichen grüßen|viele grüße|liebe grüße|beste grüße|lg|mfg|cordialement|saludos)\s*[,.!]?\s*$",
    re.I | re.M,
)
_SELF = re.compile(r"\b((?:my name is|i am|i'm|this is|ich bin|mein name ist)) ([A-Z][\w'-]+(?: [A-Z][\w'-]+)?)")
_WORDS = (
    "the support team help desk service customer customers care info sales shop store office mail hello may will mark "
    "hope grace bill rose art jack june april august young white brown green black long day may price love"
)
_COMMON = frozenset(_WORDS.split())


def name_words(names: Iterable[str]) -> frozenset[str]:
    """The single words of people's names, lower case; words that mean something else as well stay out."""
    words = {word.lower() for name in names for word in re.findall(r"[^\W\d_]{3,}", name)}
    return frozenset(words - _COMMON)


def redacted(text: str, names: frozenset[str] = frozenset()) -> str:
    """The text with [name], [address], [number] and so on in place of what could tell who it was."""
    cut = _SIGN_OFF.search(text)
    if cut:
        text = text[: cut.start()].rstrip()
    for form, sign in _FORMS:
        text = form.sub(sign, text)
    text = _GREETING.sub(lambda found: f"{found[1]} [name]", text)
    text = _SELF.sub(lambda found: f"{found[1]} [name]", text)
    return re.sub(r"\b[A-ZÀ-Þ][\w'-]+", lambda found: "[name]" if found[0].lower() in names else found[0], text)


def bare(text: str) -> str:
    """Without the signs of `redacted`, for those who count words."""
    return re.sub(r"\[(?:name|address|link|account|number|street)\]", " ", text)


def body(text: str) -> str:
    """Without greeting and sign-off: what an answer says."""
    text = re.sub(_GREETING.pattern + r"[,.!: ]*", "", text, flags=re.I | re.M)
    cut = _SIGN_OFF.search(text)
    return " ".join((text[: cut.start()] if cut else text).split())
