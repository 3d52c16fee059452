"""A time is agreed at which a person calls. It becomes a follow-up that is due then."""

from datetime import datetime, time, timedelta

from parley.core.procedure import Confirm, Do, Facts, Limit, Need, Procedure
from parley.services.procedures.common import Shop

SLOTS = {"9:00 to 12:00": time(9), "12:00 to 15:00": time(12), "15:00 to 18:00": time(15)}
DAYS_AHEAD = Limit(
    name="days", label="Days on which calls can be booked", usual=3, most=10, unit="working days", least=1
)
AT_ONCE = Limit(
    name="calls", label="Calls in one of the three slots of a day", usual=4, most=200, unit="at most", least=1
)


def callback(shop: Shop) -> Procedure:
    def free_days(f: Facts) -> list[str]:
        return [told for day in days(f["now"], shop.limits["days"]) if free_slots(f, told := day_told(day))]

    def free_slots(f: Facts, day: str) -> list[str]:
        from parley.services import followups

        taken = followups.due_at(shop.conn, [start(f["now"], day, slot) for slot in SLOTS])
        return [slot for slot in SLOTS if taken.get(start(f["now"], day, slot), 0) < shop.limits["calls"]]

    def words(f: Facts) -> str:
        return f"We call you on {f['phone']} on {f['day']} between {f['slot']} (UTC). Is that right? Yes or no."

    return Procedure(
        name="callback",
        version=1,
        title="Agree on a time for a call",
        wish="wants to be called",
        begins=(
            r"\bcall me\b",
            r"\bcall ?back\b",
            r"\bgive me a (?:call|ring)\b",
            r"\b(?:phone|telephone) (?:call|appointment)\b",
            r"\b(?:book|make|arrange|schedule)\b(?: \w+){0,3}? (?:appointment|call)\b",
        ),
        limits=(DAYS_AHEAD, AT_ONCE),
        steps=(
            Need("phone", "On which number shall we call? With the country's code, please.", kind="phone"),
            Need("day", "On which day?", offer=free_days),
            Need("slot", "At what time (UTC)?", offer=lambda f: free_slots(f, f["day"])),
            Confirm(words),
            Do("callback", lambda f: {"due": start(f["now"], f["day"], f["slot"]), "slot": f["slot"]}, undo=True),
        ),
    )


def days(now: datetime, many: int) -> list[datetime]:
    """The next working days after today."""
    found: list[datetime] = []
    day = now
    while len(found) < many:
        day += timedelta(days=1)
        if day.weekday() < 5:
            found.append(day)
    return found


def day_told(day: datetime) -> str:
    return f"{day:%A, %-d %B}"


def start(now: datetime, day: str, slot: str) -> datetime:
    """The moment at which a slot begins. A day that is none of the next ones is refused before this is asked."""
    known = {day_told(one): one for one in days(now, 15)}
    return known.get(day, now).replace(hour=SLOTS[slot].hour, minute=0, second=0, microsecond=0)
