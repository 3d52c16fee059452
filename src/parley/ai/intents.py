"""What a message asks the bot's tools for, told from its wording; and the numbers, addresses and answers in it.

A small guess for the routine matters a tool can settle. Everything else is `other`, which means: search the articles.
"""

import re
from dataclasses import dataclass

from parley.ai import lexicon, sensitive, text
from parley.core.identity import looks_like_mail, normal

NAMES = (
    "order_status",
    "cancel_order",
    "return_item",
    "refund_status",
    "change_address",
    "invoice",
    "password",
    "human",
    "greeting",
    "thanks",
    "goodbye",
    "other",
)

ENOUGH = 0.4
"""Guesses below this are not made."""

ORDER_NUMBER = r"\d{5}"


@dataclass(frozen=True)
class Guess:
    """One thing asked for. `personal`: about the asker's own order or account, not about how it works in general."""

    name: str
    confidence: float
    personal: bool = False


def guess(message: str, order_pattern: str = ORDER_NUMBER) -> list[Guess]:
    """The matters a message speaks of, surest first; several are possible, `other` when none is recognised."""
    folded = _readable(message)
    numbers = order_numbers(message, order_pattern)
    personal = bool(numbers) or bool(_MINE.search(folded))
    sure = {name: _sure(name, folded) for name in _CUES}
    if any(reason.name == "wants_human" for reason in sensitive.reasons(message)):
        sure["human"] = 0.9
    if numbers and not any(sure.get(name, 0) >= ENOUGH for name in _ABOUT_ORDERS):
        sure["order_status"] = 0.75 if len(folded.split()) <= 6 else 0.5
    sure |= _politeness(folded, busy=any(value >= ENOUGH for value in sure.values()))
    made = [Guess(name, round(value, 3), personal) for name, value in sure.items() if value >= ENOUGH]
    made.sort(key=lambda one: (-one.confidence, NAMES.index(one.name)))
    return made or [Guess("other", 0.5, personal)]


def _readable(message: str) -> str:
    folded = " ".join(text.fold(message).split())
    return _SPELLER.mend_all(folded)


def _sure(name: str, folded: str) -> float:
    """Independent cues add up: two of 0.6 make 0.84. What speaks against it takes the rest away."""
    doubt = 1.0
    for weight, pattern in _CUES[name]:
        if pattern.search(folded):
            doubt *= 1 - weight
    against = _AGAINST.get(name)
    return (1 - doubt) * (0.3 if against and against.search(folded) else 1.0)


def _politeness(folded: str, *, busy: bool) -> dict[str, float]:
    """Greetings, thanks and farewells count fully only when the message is nothing else."""
    size = len(folded.split())
    alone = 0.95 if size <= 5 and not busy and "?" not in folded else 0.45
    return {name: alone for name, pattern in _POLITE.items() if pattern.search(folded)}


# -- numbers, addresses, codes, yes and no -------------------------------------------------------------------

_MAIL = re.compile(r"(?<![^\s<>,;:\"'()\[\]{}])[^\s@<>,;:\"'()\[\]{}]{1,64}@[^\s@<>,;:\"'()\[\]{}]{1,190}")
_CODE = re.compile(r"(?<![\w.,+-])(\d{3})[ -]?(\d{3})(?![\w-]|[.,]\d)")
_BEFORE_ORDER = re.compile(
    r"(?:order|bestell\w*|auftrag\w*|commande|pedido|number|nummer|numero|no|nr|#)[\s.:#°is]*$", re.I
)


def order_numbers(message: str, pattern: str = ORDER_NUMBER) -> list[str]:
    """Order numbers as written, upper case, without repeats; those introduced as such come first.

    pattern: what one looks like, a regular expression, matched as a whole word; the shop's initials may
    stand before it.
    """
    whole = re.compile(rf"(?<![\w@.,-])#?(?:[a-z]{{1,3}}-?)?(?P<order>{pattern})(?![\w@]|[.,-]\d)", re.I)
    addresses = [found.span() for found in _MAIL.finditer(message[: text.LONGEST])]
    found = [
        (not _BEFORE_ORDER.search(message[max(0, one.start() - 24) : one.start("order")]), one["order"].upper())
        for one in whole.finditer(message[: text.LONGEST])
        if not any(a <= one.start() < b for a, b in addresses)
    ]
    return list(dict.fromkeys(order for _, order in sorted(found, key=lambda pair: pair[0])))


def mail_addresses(message: str) -> list[str]:
    """Mail addresses in normal form, without repeats, in the order written."""
    found = (one[0].rstrip(".!?…*_`") for one in _MAIL.finditer(message[: text.LONGEST]))
    return list(dict.fromkeys(normal("mail", one) for one in found if looks_like_mail(one)))


def codes(message: str) -> list[str]:
    """Six-digit codes, also when written in two halves."""
    return list(dict.fromkeys(one[1] + one[2] for one in _CODE.finditer(message[: text.LONGEST])))


def yes_or_no(message: str) -> bool | None:
    """True for a yes, False for a no, None for anything that is not plainly an answer."""
    folded = " ".join(text.fold(message).split())
    if len(folded.split()) > 8 or "?" in folded:
        return None
    if _NO.search(folded):
        return False
    if _YES.search(folded):
        return None if re.search(r"\b(but|aber|mais|pero|not|no|nicht|pas)\b|n't\b", folded) else True
    return None


# -- wordings ------------------------------------------------------------------------------------------------

_LEXICON = lexicon.read("intents")
_CUES = {
    name: tuple((float(line[:5]), re.compile(line[5:])) for line in lines) for name, lines in _LEXICON["cues"].items()
}
_AGAINST = {name: re.compile("|".join(lines)) for name, lines in _LEXICON["against"].items()}
_POLITE = {name: re.compile("|".join(lines)) for name, lines in _LEXICON["polite"].items()}
_MINE, _YES, _NO = (re.compile("|".join(_LEXICON["phrases"][name])) for name in ("mine", "yes", "no"))
_SPELLER = text.Speller(" ".join(_LEXICON["spelling"]["cues"]).split())
_ABOUT_ORDERS = ("order_status", "cancel_order", "return_item", "refund_status", "change_address", "invoice")
