"""Who in a mailbox is the desk and who its customers: told from who is written to by many and answers many."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from parley.assess.letters import Letter

SHARED_NAMES = (
    "gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com icloud.com me.com mac.com aol.com "
    "gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de posteo.de mailbox.org proton.me protonmail.com "
    "orange.fr free.fr laposte.net wanadoo.fr libero.it yandex.ru mail.ru qq.com 163.com fastmail.com zoho.com"
)
SHARED = frozenset(SHARED_NAMES.split())
"""Domains on which everybody may have an address: there an address stands for itself."""

ALSO = 0.25  # another domain is ours too when it answers at least this share of the people whom the first answers


def house(address: str) -> str:
    """The domain of an address, or the address itself on a shared domain."""
    domain = address.rpartition("@")[2]
    return address if domain in SHARED else domain


def ours(letters: Sequence[Letter]) -> tuple[str, ...]:
    """Domains and addresses that belong to the desk, the busiest first; empty where nothing tells.

    A house counts by the people of other houses whom it answered, and where nobody answered, by those who wrote to it.
    """
    asked, answered = _counterparts(letters)
    counts = {one: len(people) for one, people in answered.items() if len(asked.get(one, ())) >= 1}
    counts = counts or {one: len(people) for one, people in asked.items()}
    if not counts:
        return ()
    ranked = sorted(counts, key=lambda one: (-counts[one], -len(asked.get(one, ())), one))
    first = ranked[0]
    return tuple(one for one in ranked if one == first or _as_busy(counts[one], counts[first], one, first, answered))


def _as_busy(count: int, most: int, one: str, first: str, answered: dict[str, set[str]]) -> bool:
    """Nearly as busy as the first, and not one of those whom the first answers."""
    return count >= 3 and count >= ALSO * most and not any(house(person) == one for person in answered[first])


def _counterparts(letters: Iterable[Letter]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """House → people who wrote to it; house → people whom it answered."""
    asked: dict[str, set[str]] = defaultdict(set)
    answered: dict[str, set[str]] = defaultdict(set)
    for letter in letters:
        if letter.machine or not letter.sender:
            continue
        here = house(letter.sender)
        for there in letter.to:
            if house(there) != here:
                asked[house(there)].add(letter.sender)
                if letter.refs or letter.subject.lower().startswith(("re:", "aw:", "sv:", "antw")):
                    answered[here].add(there)
    return asked, answered


def is_ours(address: str, houses: Iterable[str]) -> bool:
    """Whether an address is one of these, or on one of these domains or below it."""
    domain = address.rpartition("@")[2]
    return any(address == one or domain == one or domain.endswith("." + one) for one in houses)
