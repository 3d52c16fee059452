"""Whether two people may be one: what speaks for it, and how surely. Joining them needs an agent, or proof."""

import re
from collections.abc import Iterable

import msgspec

SAME_PHONE, GIVEN, SAME_NAME, COMMON_NAME = 0.95, 0.7, 0.45, 0.15
COMMON = 3  # so many people of one name, and it tells little


# country, where the digit stands that may be there or not, that digit, and the rest of a mobile number
_EXTRA = (("55", 4, "9", r"[6-9]\d{7}"), ("54", 2, "9", r"\d{10}"), ("52", 2, "1", r"\d{10}"))


class Reason(msgspec.Struct, frozen=True):
    """told: the reason in words. weight: how often it alone is right, by judgement: it only orders suggestions."""

    told: str
    weight: float


def confidence(reasons: Iterable[Reason]) -> float:
    """Of several reasons together, as if each could be wrong by itself (noisy or)."""
    wrong = 1.0
    for reason in reasons:
        wrong *= 1 - reason.weight
    return 1 - wrong


def phone_forms(value: str) -> frozenset[str]:
    """Every way in which platforms write the phone of this address, digits alone; empty where it is none.

    Brazil's mobile numbers gained a 9 after the area code, Argentina's have one after 54 from abroad, Mexico's had a
    1 after 52 until 2019; platforms keep what a number was registered with.
    """
    digits = re.sub(r"\D", "", value)
    if not re.fullmatch(r"\+?\d{8,15}", value.strip()) or digits.startswith("0"):
        return frozenset()
    for country, at, extra, rest in _EXTRA:
        if re.fullmatch(f"{country}{extra}{rest}" if at == 2 else rf"{country}\d\d{extra}{rest}", digits):
            return frozenset({digits, digits[:at] + digits[at + 1 :]})
        if re.fullmatch(f"{country}{rest}" if at == 2 else rf"{country}\d\d{rest}", digits):
            return frozenset({digits, digits[:at] + extra + digits[at:]})
    return frozenset({digits})


def same_name(name: str, others: int) -> Reason | None:
    """others: how many more have it. A first name alone says nothing."""
    if len(name) < 5 or " " not in name.strip():
        return None
    return Reason("The same name", SAME_NAME if others < COMMON else COMMON_NAME)
