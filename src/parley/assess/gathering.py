"""Mails put together into cases: by what they answer, else by subject and customer within a month."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from parley.assess.letters import Letter
from parley.assess.sides import is_ours
from parley.core.cases import DAY, Case, Turn

MONTH = 30 * DAY
_PREFIX = re.compile(r"^\s*(?:(?:re|fwd?|aw|wg|sv|antw|tr|rif|r)\s*(?:\[\d+\])?\s*:\s*)+", re.I)


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """What a source holds. skipped: what was left out, by reason. names: people's, for taking them out of quotes."""

    cases: tuple[Case, ...]
    messages: int
    skipped: dict[str, int]
    ours: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    source: str = ""


def gather(letters: Sequence[Letter | None], houses: tuple[str, ...], source: str) -> Gathered:
    """Cases that customers began. What machines of others wrote is left out, our own automatic answers are kept."""
    skipped: dict[str, int] = defaultdict(int)
    kept: dict[str, Letter] = {}
    for letter in letters:
        reason = _left_out(letter, kept, houses)
        if reason or letter is None:
            skipped[reason] += 1
        else:
            kept[letter.key] = letter
    threads = _threads(sorted(kept.values(), key=lambda letter: letter.at), houses)
    cases = [case for number, thread in enumerate(threads, 1) if (case := _case(number, thread, houses))]
    skipped["begun by the desk itself"] += sum(len(t) for t in threads) - sum(len(c.turns) for c in cases)
    return Gathered(
        cases=tuple(sorted(cases, key=lambda case: case.began)), messages=len(letters),
        skipped={reason: n for reason, n in skipped.items() if n}, ours=houses,
        names=tuple({letter.name for letter in kept.values() if letter.name}), source=source,
    )  # fmt: skip


def _left_out(letter: Letter | None, kept: dict[str, Letter], houses: tuple[str, ...]) -> str:
    if letter is None:
        return "cannot be read"
    if letter.key in kept:
        return "the same mail twice"
    if letter.at <= 0 and not letter.machine:
        return "without a date"
    if letter.machine and (letter.at <= 0 or not is_ours(letter.sender, houses)):
        return "written by a machine"
    return ""


def _threads(letters: Sequence[Letter], houses: tuple[str, ...]) -> list[list[Letter]]:
    """By reference first, then by subject; each in order of time."""
    thread_of: dict[str, int] = {}
    by_subject: dict[tuple[str, str], tuple[int, float]] = {}
    threads: list[list[Letter]] = []
    for letter in letters:
        subject = _subject(letter), customer(letter, houses)
        known = next((thread_of[ref] for ref in letter.refs if ref in thread_of), None)
        if known is None and subject[0] and _PREFIX.match(letter.subject):
            place, at = by_subject.get(subject, (None, 0.0))
            known = place if place is not None and letter.at - at <= MONTH else None
        if known is None:
            known = len(threads)
            threads.append([])
        threads[known].append(letter)
        by_subject[subject] = known, letter.at
        for key in (letter.key, *letter.refs):
            thread_of.setdefault(key, known)
    return threads


def _subject(letter: Letter) -> str:
    return " ".join(_PREFIX.sub("", letter.subject).lower().split())


def customer(letter: Letter, houses: Iterable[str]) -> str:
    """The one of its people who is not of the desk."""
    people = (letter.sender, *letter.to)
    return next((one for one in people if one and not is_ours(one, houses)), letter.sender)


def _case(number: int, thread: Sequence[Letter], houses: tuple[str, ...]) -> Case | None:
    """None where the desk wrote first: that is outreach, not a request."""
    first = thread[0]
    if is_ours(first.sender, houses):
        return None
    turns = tuple(
        Turn(at=one.at, ours=is_ours(one.sender, houses), who=one.sender, text=one.text, machine=bool(one.machine))
        for one in thread
    )
    box = next((one for one in first.to if is_ours(one, houses)), "")
    return Case(number=number, person=first.sender, channel=box or "mail", subject=_PREFIX.sub("", first.subject),
                turns=turns)  # fmt: skip
