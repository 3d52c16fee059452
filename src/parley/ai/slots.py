"""What an answer to a question of ours says: one of the choices, an order, a number to call; or that they mean another.

By form, in English with the plainest German, French and Spanish; nothing is learnt. What is not plainly an answer is
None, and whoever asked decides whether to ask again.
"""

import re
from collections.abc import Sequence
from datetime import date

from parley.ai import days, intents, text

_PLACES = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1}
_FILLING = frozenset(
    re.findall(r"\w+", "a an and for i is it like my number of one order please that the to want was would")
)
_LEAVE = re.compile(
    r"\bnever ?mind\b|\bforget (?:it|about it)\b|\bchanged my mind\b|\bleave it\b|\bdoes ?n'?t matter\b"
    r"|^\W*(?:stop|abort|quit|exit|cancel|nothing|abbrechen|vergiss es|laisse tomber|olvidalo)\W*$"
)
_CORRECT = re.compile(
    r"^\W*(?:no|nope|sorry|wait|actually|nein|non)\b|\b(?:i meant|i mean|instead|rather|not that|wrong|actually"
    r"|correction|the other)\b"
)
_OTHER = re.compile(r"\b(?:the |my )?other (?:one|order|article|item|parcel|thing)?\b|\bnot that (?:one|order)\b")
_UNDO = re.compile(
    r"\bundo\b|\btake (?:it|that) back\b|\brevert\b|\bthat was a mistake\b|\bi did ?n'?t (?:want|mean) (?:that|it)\b"
    r"|^\W*(?:ruckgangig|annule[rz]?|deshacer)\b"
)
_PHONE = re.compile(r"(?<![\w.])(\+|00)?\(?\d[\d ()/.-]{6,20}\d(?!\w)")
_QUESTION = re.compile(
    r"\?\s*$|^\W*(?:how|what|when|where|which|who|why|can|could|do|does|is|are|will|may|wie|was|wann|wo|warum)\b.*\?"
)
LONGEST = 1000


def value_of(
    kind: str,
    options: Sequence[str],
    message: str,
    order_pattern: str = intents.ORDER_NUMBER,
    today: date | None = None,
) -> str | None:
    """The value that an answer gives to a question of this kind. options: what was offered. today: for "tomorrow"."""
    message = message.strip()[:LONGEST]
    match kind:
        case "order":
            numbers = intents.order_numbers(message, order_pattern)
            return numbers[0] if numbers else choice(options, message)
        case "phone":
            return phone(message)
        case "address":
            long_enough = len(message.split()) >= 3 and any(c.isdigit() for c in message)
            return " ".join(message.split()) if long_enough and not asks(message) else None
        case "date":
            day = days.day_in(message, today) if today else None
            return day.isoformat() if day else None
        case "number":
            return days.number_in(message)
        case "words":
            return message if len(message) > 1 else None
    return choice(options, message)


def choice(options: Sequence[str], message: str, *, whole: bool = False) -> str | None:
    """The one option that a message names: by its place, by its words, or by some of them that no other has.

    whole: only by all of its words, as where nobody had asked yet.
    """
    folded = " ".join(text.fold(message).split()).strip(" .!")
    if not whole and (place := _place(folded, len(options))) is not None:
        return options[place]
    exact = [one for one in options if text.fold(one).strip() == folded]
    if exact:
        return exact[0]
    said = set(text.terms(message)) - _FILLING
    if not said or len(folded.split()) > 25:
        return None
    named = [one for one in options if (needed := set(text.terms(one)) - _FILLING) and needed <= said]
    if len(named) == 1 or whole:
        return named[0] if len(named) == 1 else None
    some = [one for one in options if said & set(text.terms(one))] if len(said) <= 4 else []
    return some[0] if len(some) == 1 else None


def _place(folded: str, many: int) -> int | None:
    number = re.fullmatch(r"(?:number |no |nr |option )?(\d{1,2})[.)]?", folded)
    if number and 1 <= int(number[1]) <= many:
        return int(number[1]) - 1
    named = re.search(r"\bthe (first|second|third|fourth|last)\b", folded)
    place = _PLACES[named[1]] if named else None
    return place if place is not None and place < many else None


def phone(message: str) -> str | None:
    found = _PHONE.search(message)
    return " ".join(found[0].split()) if found and sum(c.isdigit() for c in found[0]) >= 8 else None


def leaves(message: str) -> bool:
    """They want none of it any more."""
    folded = _folded(message)
    return len(folded.split()) <= 12 and bool(_LEAVE.search(folded))


def corrects(message: str) -> bool:
    """They take back something that they said before."""
    return bool(_CORRECT.search(_folded(message)))


def means_other(message: str) -> bool:
    """They mean the other one of two."""
    return bool(_OTHER.search(_folded(message)))


def undoes(message: str) -> bool:
    """They want what was done to be taken back."""
    folded = _folded(message)
    return len(folded.split()) <= 12 and bool(_UNDO.search(folded))


def asks(message: str) -> bool:
    """It is a question of theirs and no answer to one of ours."""
    return bool(_QUESTION.search(_folded(message)))


def _folded(message: str) -> str:
    return " ".join(text.fold(message).split())
