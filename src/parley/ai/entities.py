"""What a message names: orders, mail addresses, telephone numbers, amounts, dates, times, how many people, names.

Found by form, in English, over the message as it stands; nothing is learnt. A bare "7" or "Jo" is none of these, unless
one of them was asked for (`asked`).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from parley.ai import intents

KINDS = ("order", "mail", "phone", "amount", "date", "time", "people", "first_name", "last_name")


@dataclass(frozen=True)
class Entity:
    """text: as written, message[start:end]."""

    kind: str
    text: str
    start: int
    end: int


def entities(message: str, asked: Iterable[str] = (), order_pattern: str = intents.ORDER_NUMBER) -> list[Entity]:
    """In the order they stand; what one kind has taken no other takes. asked: kinds that the message answers to."""
    message = message[:LONGEST]
    wanted = list(asked)
    taken: list[Entity] = []
    _take(taken, message, "mail", _MAIL)
    _take_orders(taken, message, order_pattern)
    for kind, patterns in _FORMS:
        for pattern in patterns:
            _take(taken, message, kind, pattern)
    if not any(one.kind in wanted for one in taken):
        _take_bare(taken, message, wanted)
    return sorted(taken, key=lambda one: one.start)


LONGEST = 4000
"""Characters read."""


def _take(taken: list[Entity], message: str, kind: str, pattern: re.Pattern[str]) -> None:
    """Every match of the pattern's groups named after the kind, or of the whole of it, where nothing was taken."""
    for found in pattern.finditer(message):
        for group in [name for name in pattern.groupindex if found[name]] or [""]:
            start, end = found.span(group) if group else found.span()
            _add(taken, message, group or kind, start, end)


def _add(taken: list[Entity], message: str, kind: str, start: int, end: int) -> None:
    if start < end and all(end <= one.start or one.end <= start for one in taken):
        taken.append(Entity(kind, message[start:end], start, end))


def _take_orders(taken: list[Entity], message: str, pattern: str) -> None:
    """A number of the shop's pattern, unless it stands in a date, an amount or a telephone number."""
    others: list[Entity] = []
    for kind, patterns in _FORMS[:2]:
        for one in patterns:
            _take(others, message, kind, one)
    for number in intents.order_numbers(message, pattern):
        for found in re.finditer(rf"(?<!\w){re.escape(number)}(?!\w)", message, re.I):
            if all(found.end() <= one.start or one.end <= found.start() for one in others):
                _add(taken, message, "order", *found.span())


def _take_bare(taken: list[Entity], message: str, wanted: Sequence[str]) -> None:
    """The whole message, but for filling words, where it has the form of what was asked for."""
    for kind in dict.fromkeys(wanted):
        if (pattern := _BARE.get("name" if kind.endswith("_name") else kind)) is None:
            continue
        if found := pattern.fullmatch(message.strip()):
            offset = len(message) - len(message.lstrip())
            # Asked for both, and for one of them again: that one is meant.
            both = set(wanted) >= {"first_name", "last_name"} and len(wanted) == 2
            for group in [name for name in pattern.groupindex if found[name]]:
                start, end = (place + offset for place in found.span(group))
                alone = group == "first_name" and not found["last_name"]
                _add(taken, message, wanted[-1] if alone and not both else group, start, end)
            return


# ── forms ───────────────────────────────────────────────────────────────────────────────────────

_UNITS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_TEENS = ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty"]
_WORD = f"(?:(?:{'|'.join(_TENS)})(?:[ -](?:{'|'.join(_UNITS[:9])}))?|{'|'.join(_TEENS + _UNITS)})"
_N = rf"(?:\d{{1,3}}|{_WORD})"
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b(?:\.(?=\s*\w))?)(?!\w)"
)
_WEEKDAY = (
    r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
    r"\b\.?"
)
_FULL_WEEKDAY = r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_ORDINAL = (
    r"(?:\d{1,2}(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
    r"|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth"
    r"|(?:twenty|thirty)[ -](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth))\b"
)
_YEAR = r"(?:,?\s*(?:(?:19|20)\d\d\b|of this year|this year|next year))"
_SPAN = r"(?:days?|weeks?|months?)"
_DAY = rf"(?:{_ORDINAL}|\d{{1,2}}\b(?!:))"
_BEFORE_DAY = rf"(?:{_WEEKDAY},?\s*(?:on\s+)?(?:the\s+)?)?"
_HALF = r"(?:\s*-?ish\b)?(?:\s*(?:[ap]\.?\s?m\b\.?|o'?\s?clock|hrs?\b|hours\b(?!\s+from)))?(?:\s*-?ish\b)?"
_IN_THE = r"(?:\s+(?:in the (?:morning|afternoon|evening)|at night|tonight|this evening))?"
_CLOCK = r"(?:[01]?\d|2[0-4])[:.][0-5]\d"
_ONE = (
    r"(?:people|persons?|guests?|adults?|kids?|child(?:ren)?|diners?|pax|friends?|others?|men|man|wom[ae]n|couples?|bab(?:y|ies)|"
    r"seniors?|teen(?:ager)?s?|colleagues|cowork(?:er|ers)|of my friends)"
)
_KIN = (
    r"(?:wife|husband|partner|girlfriend|boyfriend|friends?|son|daughter|mother|father|mom|mum|dad|brothers?|sisters?|kids?|child(?:ren)?"
    r"|parents|family|colleagues?|boss|aunt|uncle|twins|woman|siblings?|boys|girls|cousins?|coworkers)"
)
_SELF = r"(?:myself|me|I)"
_COUNTED = rf"{_N}\s+(?:(?:other|more|of my)\s+)?{_ONE}\b"
_RELATION = rf"(?:my|our|his|her)\s+(?:{_N}\s+)?{_KIN}\b"
_PARTY = rf"(?:{_COUNTED}|{_RELATION}|{_SELF}\b|(?:a|an|one)\s+(?:{_ONE}|{_KIN})\b|{_N}\s+of\s+my\s+{_KIN}\b|{_KIN}\b)"
_NOT_THEN = r"(?!\s*(?:of|people|persons|guests|adults|[:/.]\d|st|nd|rd|th))"
_NO_COUNT = (
    rf"(?!\s*(?:[:/.]\d|st\b|nd\b|rd\b|th\b|[ap]\.?\s?m\b|o'?clock|days?|weeks?|hours?|minutes|nights?|{_MONTH}))"
)
_THERE_ARE = r"(?:we are|we're|there are|there will be|there'll be|make it|be)"
_NAME = r"[^\W\d_][\w'’-]*"

_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.I)


_FORMS: tuple[tuple[str, tuple[re.Pattern[str], ...]], ...] = (
    (
        "amount",
        (
            _form(r"(?:[$€£]\s?\d[\d,]*(?:\.\d{1,2})?|\b(?:usd|eur|gbp|chf)\s?\d[\d,.]*\d)"),
            _form(r"(?<![\w.])\d[\d,.]*\s?(?:[$€£]|(?:dollars?|euros?|pounds?|usd|eur|gbp|chf|cents?)\b)"),
        ),
    ),
    (
        "date",
        (
            _form(r"(?<![\d/-])(?:(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)?\d\d)(?![\d/-])"),
            _form(rf"\b{_BEFORE_DAY}\b{_DAY}\s*(?:of\s+)?{_MONTH}{_YEAR}?"),
            _form(rf"\b{_BEFORE_DAY}{_MONTH}\s*(?:the\s+)?{_DAY}(?:,?\s*{_WEEKDAY})?{_YEAR}?"),
            _form(rf"\b(?:in|after)\s+(?:about\s+)?(?:{_N}|an?|a couple of|a few)\s+(?:more\s+)?{_SPAN}(?:'? time)?\b"),
            _form(rf"\b(?:{_N}|an?)\s+(?:days?|weeks?|months?)\s+from\s+(?:now|today|tomorrow)\b"),
            _form(rf"\b{_FULL_WEEKDAY},?\s+(?:the\s+)?{_ORDINAL}"),
            _form(rf"\b(?:(?:next|this|coming)\s+)?{_FULL_WEEKDAY}\b"),
            _form(r"\b(?:next|this|coming)\s+(?:week(?:end)?|month)\b"),
            _form(r"(?<![\dm]\s)\b(?:tonight|this (?:evening|afternoon|morning))\b(?!\s+(?:at|for|around)\s+\d)"),
            _form(r"\b(?:the\s+)?day after tomorrow\b|\btoday\b|\btomm?orr?ow\b|\byesterday\b"),
            _form(r"(?<=\bthe )\d{1,2}(?:st|nd|rd|th)\b|\b\d{1,2}(?:st|nd|rd|th)\b"),
        ),
    ),
    (
        "time",
        (
            _form(rf"(?<![\d:/]){_CLOCK}(?!\d|[/.]\d){_HALF}{_IN_THE}"),
            _form(rf"(?<![\d:/.]){_N}\s*(?:[ap]\.?\s?m\b\.?|o'?\s?clock|hrs?\b|-?\s?ish\b){_IN_THE}"),
            _form(rf"\b(?:half|quarter|{_N}(?:\s+minutes)?)[ -](?:past|to|before|after)\s+{_N}{_HALF}{_IN_THE}"),
            _form(rf"\b{_N}\s+(?:in the (?:morning|afternoon|evening)|at night|tonight)\b"),
            _form(rf"\bin\s+(?:about\s+)?(?:{_N}|an?|half an|a couple of|a few)\s+(?:hours?|minutes)\b"),
            _form(r"\b(?:noon|midday|midnight)\b"),
            _form(rf"\b(?:{'|'.join(_UNITS)})\s+(?:fifteen|twenty|thirty|forty|forty[ -]five)(?:\s*[ap]\.?m\.?)?\b"),
            _form(rf"(?<=\bat )(?:[01]?\d|2[0-3]|{'|'.join(_UNITS)})\b{_NOT_THEN}"),
        ),
    ),
    (
        "people",
        (
            _form(rf"\b{_PARTY}(?:\s*(?:,\s*and|,|and|plus|\+|&|with)\s*{_PARTY})+"),
            _form(rf"\b{_COUNTED}"),
            _form(rf"\b(?:the\s+)?{_N}(?=\s+of\s+us\b)"),
            _form(rf"\b(?:party|group|table)\s+of\s+(?P<people>{_N})\b{_NO_COUNT}"),
            _form(rf"\b{_THERE_ARE}\s+(?:only\s+|just\s+)?(?P<people>{_N})\b(?=\s*(?:[.!?]|$|in total))"),
            _form(rf"\bfor\s+(?:just\s+|only\s+)?(?P<people>(?:the\s+)?{_N})\b{_NO_COUNT}"),
            _form(r"\bjust\s+(?P<people>me|myself)\b"),
        ),
    ),
    (
        "first_name",
        (
            re.compile(rf"(?i:\b(?:last name|surname|family name)(?: is|'s|:)?)\s+(?P<last_name>{_NAME})"),
            re.compile(rf"(?i:\bfirst name(?: is|'s|:)?)\s+(?P<first_name>{_NAME})"),
            re.compile(
                r"(?i:\b(?:names?(?: is| was|'s|:| of)?|i am|i'm|this is|call me|under))\s+"
                r"(?P<first_name>(?!(?i:the|a|my|an|this)\b)[A-Z][\w'’-]*)\s+(?P<last_name>[A-Z][\w'’-]*)"
            ),
            re.compile(
                r"(?:(?i:\b(?:for|with|as|to))\s+)(?P<first_name>[A-Z][a-z'’-]+)\s+(?P<last_name>[A-Z][a-z'’-]+)"
                r"(?=\s*(?:[.,!?]|$|at\b|on\b|for\b|is\b|from\b|tomorrow|party))"
            ),
            re.compile(r"(?P<first_name>[A-Z][a-z'’-]+)\s+(?P<last_name>[A-Z][a-z'’-]+)(?=\s+here\b)"),
            re.compile(r"(?i:\b(?:name is|name's|call me|under the name(?: of)?))\s+(?P<first_name>[A-Z][\w'’-]*)"),
        ),
    ),
    ("phone", (_form(r"(?<![\w.])\+?\(?\d[\d ()/-]{6,}\d(?!\w)"),)),
)  # fmt: skip

_FILL = r"(?:(?:it'?s|for|at|on|the|just|only|make it|about|around|yes|okay|ok)[,\s]+)*"
_END = r"[\s.,!?]*(?:please|thanks)?[\s.,!?]*"
_BARE = {
    "people": _form(rf"{_FILL}(?P<people>{_N}|me|myself){_END}"),
    "time": _form(rf"{_FILL}(?P<time>{_N}){_END}"),
    "date": _form(rf"{_FILL}(?P<date>tonight|this (?:evening|afternoon|morning)|now|{_ORDINAL}){_END}"),
    "name": re.compile(rf"(?P<first_name>{_NAME})(?:\s+(?P<last_name>{_NAME}))?[\s.!]*"),
}
