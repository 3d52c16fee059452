"""Solved at first contact: five definitions side by side, and what a bot that "kept" a conversation truly solved.

Every answer is True, False or None: None is "cannot be known yet" (too young) or "says nothing here", and is never
counted as a success. Times are seconds.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from parley.core.stats import Estimate, share

DAY = 86_400.0
DUPLICATE = 600.0  # merged into another within ten minutes of being made: the same contact


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation as the definitions see it.

    replies: public answers by people. reopened: moments. merged_at: when it was merged into `merged_into`.
    said_solved: the customer's own answer to "was it solved at first contact". topic: "" where unknown;
    two unknown topics of one person count as the same.
    """

    number: int
    person: int
    began: float
    topic: str = ""
    channel: str = ""
    solved: float | None = None
    closes: int = 0
    replies: int = 0
    people: int = 0
    reopened: tuple[float, ...] = ()
    merged_into: int | None = None
    merged_at: float | None = None
    said_solved: bool | None = None


def is_duplicate(contact: Contact) -> bool:
    merged = contact.merged_into is not None and contact.merged_at is not None
    return merged and (contact.merged_at or 0) - contact.began <= DUPLICATE


def one_touch(contact: Contact) -> bool | None:
    """Solved with at most one public answer."""
    return contact.replies <= 1 if contact.solved is not None else None


def first_contact_closed(contact: Contact) -> bool | None:
    """Closed once, by one person alone."""
    return contact.closes == 1 and contact.people <= 1 if contact.solved is not None else None


def no_reopen(contact: Contact, days: float, now: float) -> bool | None:
    """Solved and not reopened within so many days."""
    if contact.solved is None and not contact.reopened:
        return None
    first = contact.solved if contact.solved is not None else min(contact.reopened)
    ended = min([first, *contact.reopened])
    if any(at - ended <= days * DAY for at in contact.reopened):
        return False
    return True if now - first >= days * DAY else None


def no_repeat(contacts: Sequence[Contact], days: float, now: float) -> dict[int, bool | None]:
    """Whether the same person did not come again on the same topic, in any channel, within so many days.

    One younger than that is not known yet unless it has failed already.
    """
    later: dict[tuple[int, str], list[float]] = {}
    counted = [c for c in contacts if not is_duplicate(c)]
    for c in counted:
        later.setdefault((c.person, c.topic), []).append(c.began)
    for moments in later.values():
        moments.sort()
    found: dict[int, bool | None] = {}
    for c in counted:
        moments = later[c.person, c.topic]
        within = bisect_right(moments, c.began + days * DAY) - bisect_left(moments, c.began)
        found[c.number] = False if within > 1 else True if now - c.began >= days * DAY else None
    return found


def customer_stated(contact: Contact) -> bool | None:
    return contact.said_solved


class Rate(msgspec.Struct, frozen=True):
    """A share with its interval. unknown: contacts that could not be judged."""

    name: str
    hits: int
    n: int
    unknown: int
    value: Estimate


def rates(contacts: Sequence[Contact], days: float, now: float) -> list[Rate]:
    """The five definitions over the same contacts; the headline, no repeat contact, first.

    Where a time has to pass, only contacts count for which it has: of the younger ones only failures can be known, and
    a share of those would look bad for no reason.
    """
    counted = [c for c in contacts if not is_duplicate(c)]
    repeats: Mapping[int, bool | None] = no_repeat(contacts, days, now)
    ways: dict[str, Callable[[Contact], bool | None]] = {
        "no_repeat": lambda c: repeats[c.number] if now - c.began >= days * DAY else None,
        "no_reopen": lambda c: no_reopen(c, days, now) if now - _first_end(c) >= days * DAY else None,
        "first_contact_closed": first_contact_closed,
        "one_touch": one_touch,
        "customer_stated": customer_stated,
    }
    return [_rate(name, map(way, counted)) for name, way in ways.items()]


def _first_end(contact: Contact) -> float:
    """When it was solved first; it was reopened no earlier."""
    return min([contact.solved or contact.began, *contact.reopened])


def _rate(name: str, answers: Iterable[bool | None]) -> Rate:
    told = list(answers)
    known = [answer for answer in told if answer is not None]
    return Rate(name, sum(known), len(known), len(told) - len(known), share(sum(known), len(known)))


# ── what the bot solved ─────────────────────────────────────────────────────────────────────


class BotChat(msgspec.Struct, frozen=True, kw_only=True):
    """handed_over: a person took part. again: same person and topic within seven days. unhappy: said so.
    failed_audit: a person read it and found it wrong."""

    handed_over: bool = False
    again: bool = False
    unhappy: bool = False
    failed_audit: bool = False


class BotResult(msgspec.Struct, frozen=True):
    """contained: without people. resolved: contained, and nothing said afterwards that it was not."""

    contained: Estimate
    resolved: Estimate


def bot_result(chats: Sequence[BotChat]) -> BotResult:
    """A chat that fails twice fails once."""
    kept = [chat for chat in chats if not chat.handed_over]
    true = [chat for chat in kept if not (chat.again or chat.unhappy or chat.failed_audit)]
    return BotResult(share(len(kept), len(chats)), share(len(true), len(chats)))


def automation_rate(involvement: float, resolution: float) -> float:
    """Of all conversations those that the bot resolved: the share it took part in, times the share it resolved."""
    return involvement * resolution
