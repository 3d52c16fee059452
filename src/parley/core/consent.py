"""What somebody wants to get from us, and when it must not ring: wishes told in a word, and quiet hours.

A lone STOP ends everything on the address it came from, as carriers demand of text messages (CTIA, Messaging
Principles and Best Practices, 2023, section 5.1); START takes it back. Offers need a yes (ePrivacy Directive,
article 13); everything else needs no yes, but may be ended.
"""

import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

REPLIES, SURVEYS, NOTICES, OFFERS = "replies", "surveys", "notices", "offers"
PURPOSES = (REPLIES, SURVEYS, NOTICES, OFFERS)
ALL = "all"
# Purpose of a message (`Outbound.purpose`) → what it counts as here. What asks for consent itself is always sent.
COUNTS_AS = {"reply": REPLIES, "code": REPLIES, "survey": SURVEYS, "notice": NOTICES, "bulk": OFFERS}
UNASKED = (SURVEYS, NOTICES, OFFERS)

# "Cancel" and "end" may be said to a bot, so they count only where carriers make them count.
_STOP = frozenset((
    "stop", "stopall", "stop all", "unsubscribe", "arret", "arrêt", "stopp", "abmelden", "afmelden",
))  # fmt: skip
_START = frozenset(("start", "unstop", "subscribe", "anmelden", "aanmelden"))


def alone(text: str) -> str:
    """The bare word or two that a message consists of; empty for longer ones."""
    return re.sub(r"[^\w ]", "", text).strip().casefold() if len(text) <= 40 else ""


def wish(text: str) -> bool | None:
    """True: they want messages again. False: they want no more. None: it says neither. The word has to stand alone."""
    bare = alone(text)
    return True if bare in _START else False if bare in _STOP else None


def meant(purpose: str, given: bool) -> tuple[str, ...]:
    """The purposes that a wish speaks of. Wanting everything again is no yes to offers."""
    if purpose != ALL:
        return (purpose,)
    return tuple(p for p in PURPOSES if p != OFFERS) if given else PURPOSES


def allowed(purpose: str, wishes: Mapping[str, bool]) -> bool:
    """Whether a message may go. purpose: as in `Outbound`. wishes: purpose of this module → what they said last."""
    counts = COUNTS_AS.get(purpose)
    return counts is None or wishes.get(counts, counts != OFFERS)


class QuietHours(msgspec.Struct, frozen=True, kw_only=True):
    """Hours of the customer's day in which nothing rings that they did not ask for. `start` after `end`: over midnight.

    zone: IANA name, where the customer's own is not known.
    """

    start: time = time(21)
    end: time = time(8)
    zone: str = "UTC"
    on: bool = False

    def until(self, moment: datetime, zone: str = "") -> datetime | None:
        """When it may ring again, in UTC; None while it may. zone: the customer's own, where it is known."""
        if not self.on or self.start == self.end:
            return None
        place = ZoneInfo(zone or self.zone)
        here = moment.astimezone(place)
        now = here.time()
        quiet = self.start <= now < self.end if self.start < self.end else now >= self.start or now < self.end
        if not quiet:
            return None
        day = here.date() + timedelta(days=now >= self.end)
        # An hour that the clocks jump over ends when they have jumped: `fold` 0 takes the offset before.
        return datetime.combine(day, self.end, place).astimezone(moment.tzinfo)
