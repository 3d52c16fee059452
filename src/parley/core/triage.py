"""How pressing a matter is, and who should have it: rules over what was noticed (services/sorting.py). Pure.

The first rule that applies and names a priority decides it; tags and skills come from all that apply. So an order of
rules is a policy that can be read from top to bottom, and every verdict names the rule behind it.
"""

from collections.abc import Iterable

import msgspec

from parley.core import events as e
from parley.core.errors import Refused
from parley.core.language import LANGUAGES

URGENT, HIGH, NORMAL, LOW = "urgent", "high", "normal", "low"
PRIORITIES = (URGENT, HIGH, NORMAL, LOW)
RANK = {name: place for place, name in enumerate(PRIORITIES)}
USUAL = RANK[NORMAL]
SAME = "*"
"""In a rule's tag or skill: whatever value was noticed, the language or the product."""
MOST_RULES = 60

SIGNALS = {
    "spam": "Looks like an offer nobody asked for",
    "danger": "Danger to life or health",
    "incident": "Part of an incident",
    "promise_broken": "A promise was broken",
    "legal": "Legal threat",
    "vulnerable": "Vulnerable or bereaved",
    "fraud": "Possible fraud",
    "privacy": "Personal data",
    "press": "Press",
    "outage": "Says that something is down",
    "anger": "Upset",
    "chasing": "Asks again, or was not answered",
    "deadline": "Has a deadline",
    "promise_near": "A promise is about to break",
    "value": "Bought for a lot",
    "unhappy": "Sounds unhappy",
    "no_hurry": "Says it can wait",
    "thanks": "Nothing but thanks",
    "staff": "Complaint about staff",
    "wants_human": "Asks for a person",
    "language": "Language",
    "product": "Product",
    "alike": "Like one that was corrected",
}


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What follows from a signal. value: only for this language, product or matter; empty: for all."""

    signal: str
    value: str = ""
    priority: str = ""
    tag: str = ""
    skill: str = ""
    on: bool = True

    @property
    def key(self) -> str:
        return f"{self.signal}:{self.value}" if self.value else self.signal


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """because: the rule that decided the priority, by its key; empty where none did."""

    priority: str = NORMAL
    because: str = ""
    tags: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()


DEFAULT_RULES = (
    Rule(signal="danger", priority=URGENT),
    Rule(signal="spam", priority=LOW, tag="spam"),
    Rule(signal="alike"),
    Rule(signal="promise_broken", priority=HIGH),
    Rule(signal="incident", priority=HIGH, tag="incident"),
    Rule(signal="legal", priority=HIGH),
    Rule(signal="vulnerable", priority=HIGH),
    Rule(signal="fraud", priority=HIGH),
    Rule(signal="press", priority=HIGH),
    Rule(signal="privacy", priority=HIGH),
    Rule(signal="outage", priority=HIGH),
    Rule(signal="anger", priority=HIGH),
    Rule(signal="chasing", priority=HIGH),
    Rule(signal="no_hurry", priority=LOW),
    Rule(signal="deadline", priority=HIGH),
    Rule(signal="promise_near", priority=HIGH, on=False),
    Rule(signal="value", priority=HIGH),
    Rule(signal="thanks", priority=LOW),
    Rule(signal="language", skill=SAME),
    Rule(signal="product", tag=SAME, on=False),
)
"""Danger goes before the doubt that it is spam; everything else that shouts does not."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a desk sorts. spam_from: likelihood; value_from: cents of a year's orders; products: name → other names."""

    rules: tuple[Rule, ...] = DEFAULT_RULES
    spam_from: float = 0.65
    value_from: int = 50_000
    products: dict[str, tuple[str, ...]] = {}


def decide(noticed: Iterable[e.Noticed], policy: Policy, skills_there: Iterable[str] = ()) -> Verdict:
    """The verdict on what was noticed. skills_there: those that somebody has; others would lead nowhere."""
    found = {one.signal: one for one in noticed if holds(one, policy)}
    there = set(skills_there)
    priority, because = "", ""
    tags: list[str] = []
    skills: list[str] = []
    for rule in policy.rules:
        one = found.get(rule.signal)
        if one is None or not rule.on or (rule.value and rule.value.lower() != one.value.lower()):
            continue
        named = one.value if rule.signal == "alike" else rule.priority
        if named and not priority:
            priority, because = named, rule.key
        if rule.tag:
            tags.append(one.value if rule.tag == SAME else rule.tag)
        if rule.skill:
            skills += [s for s in _named(rule.skill, one.value) if s in there]
    return Verdict(
        priority=priority or NORMAL,
        because=because,
        tags=tuple(dict.fromkeys(tag.lower()[:40] for tag in tags if tag)),
        skills=tuple(sorted(set(skills))),
    )


def holds(one: e.Noticed, policy: Policy) -> bool:
    """Whether a signal with an amount is strong enough for this desk. Weaker ones are kept, to be tried by."""
    if one.signal == "spam":
        return float(one.value) >= policy.spam_from
    if one.signal == "value":
        return int(one.value) >= policy.value_from > 0
    return True


def _named(skill: str, value: str) -> tuple[str, ...]:
    """A language's skill may be called by its code or by its name."""
    if skill != SAME:
        return (skill,)
    name = LANGUAGES.get(value, "")
    return tuple(dict.fromkeys((value, name, name.lower(), ENGLISH_NAMES.get(value, ""))))


ENGLISH_NAMES = {
    "en": "english", "de": "german", "es": "spanish", "fr": "french", "it": "italian", "nl": "dutch",
    "pt": "portuguese", "pl": "polish", "sv": "swedish", "da": "danish", "ru": "russian", "uk": "ukrainian",
    "el": "greek", "ar": "arabic", "he": "hebrew", "zh": "chinese", "ja": "japanese", "ko": "korean",
    "th": "thai", "hi": "hindi", "tr": "turkish", "cs": "czech", "ro": "romanian", "hu": "hungarian",
    "fi": "finnish", "no": "norwegian",
}  # fmt: skip


def still(before: str, new: str, waited: bool) -> str:
    """The priority after another message. While they wait nothing becomes less pressing."""
    return min(before, new, key=RANK.__getitem__) if waited else new


def check(policy: Policy) -> None:
    """Raises Refused, in words for the lead who wrote it."""
    if len(policy.rules) > MOST_RULES:
        raise Refused(f"There are at most {MOST_RULES} rules.")
    for rule in policy.rules:
        if rule.signal not in SIGNALS:
            raise Refused(f"There is no signal “{rule.signal}”.")
        if rule.priority and rule.priority not in PRIORITIES:
            raise Refused(f"A priority is one of {', '.join(PRIORITIES)}.")
        if len(rule.tag) > 40 or len(rule.skill) > 40 or "," in rule.tag + rule.skill:
            raise Refused("A tag or a skill has at most 40 characters and no comma.")
    if not 0.5 <= policy.spam_from <= 1:
        raise Refused("Spam is told from a likelihood between 50 and 100 %.")
    if policy.value_from < 0:
        raise Refused("An amount is not below zero.")
    if len(policy.products) > 2000:
        raise Refused("At most 2,000 products can be told by their names.")
