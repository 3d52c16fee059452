"""Stretches of time as people name them in a question: "last month", "since 1 September", "the past two weeks"."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from parley.core.semantics import LONGEST_DAYS

MONTHS = {
    name: number
    for number, names in enumerate(
        ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
         "september sep sept", "october oct", "november nov", "december dec"), 1,
    )
    for name in names.split()
}  # fmt: skip
WEEKDAYS = {
    name: number
    for number, names in enumerate(
        ("monday mon", "tuesday tue tues", "wednesday wed", "thursday thu thurs", "friday fri", "saturday sat",
         "sunday sun"),
    )
    for name in names.split()
}  # fmt: skip
COUNTED = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
           "twelve": 12, "thirteen": 13, "fourteen": 14, "thirty": 30, "ninety": 90}  # fmt: skip
UNITS = {"day": 1, "week": 7, "fortnight": 14}
BY_MONTHS = {"month": 1, "quarter": 3, "year": 12}
# So many months are as many whole weeks, so that the weekdays on both sides of a comparison are the same.
WEEKS_OF_MONTHS = {1: 28, 2: 63, 3: 91, 6: 182, 12: 364}

Match = tuple[str, int]  # a period as core/semantics.py spells it, and how many words it took


def period_at(words: Sequence[str], now: datetime) -> Match | None:
    """The period that words begin with, if they do; the longest reading."""
    today = now.date()
    found = [match for read in _READERS if (match := read(words, today))]
    return max(found, key=lambda match: match[1], default=None)


def _plain(words: Sequence[str], today: date) -> Match | None:
    if not words:
        return None
    if words[0] in ("today", "yesterday"):
        return words[0], 1
    if words[0] in ("this", "last", "current", "previous") and len(words) > 1:
        which = "this" if words[0] in ("this", "current") else "last"
        unit = _one(words[1])
        if unit in ("week", "month", "quarter") or (unit, which) == ("year", "this"):
            return f"{which}_{unit}", 2
        if (unit, which) == ("year", "last"):
            return f"{today.year - 1}-01-01..{today.year - 1}-12-31", 2
    return None


def _so_many(words: Sequence[str], today: date) -> Match | None:
    """The last 14 days, the past two weeks, 3 months."""
    place = 1 if words and words[0] in ("last", "past", "previous") else 0
    if len(words) < place + 2 or not place:
        return None
    many = _number(words[place])
    unit = _one(words[place + 1])
    if many is None or not many:
        return None
    if unit in UNITS:
        days = many * UNITS[unit]
    elif unit in BY_MONTHS and many * BY_MONTHS[unit] in WEEKS_OF_MONTHS:
        days = WEEKS_OF_MONTHS[many * BY_MONTHS[unit]]
    else:
        return None
    return (f"{days}d", place + 2) if days <= LONGEST_DAYS else None


def _since(words: Sequence[str], today: date) -> Match | None:
    if len(words) < 2 or words[0] not in ("since", "from", "after"):
        return None
    if words[0] == "from" and (same := _within_month(words[1:], today)):
        return same
    found = _day(words[1:], today)
    if found is None:
        return None
    first, _, took = found
    if rest := _until(words[1 + took :], today):
        return f"{first}..{rest[0]}", 1 + took + rest[1]
    return f"{first}..", 1 + took


def _between(words: Sequence[str], today: date) -> Match | None:
    if not words or words[0] != "between":
        return None
    if same := _within_month(words[1:], today):
        return same
    found = _day(words[1:], today)
    if found is None:
        return None
    rest = _until(words[1 + found[2] :], today)
    return (f"{found[0]}..{rest[0]}", 1 + found[2] + rest[1]) if rest else None


def _within_month(words: Sequence[str], today: date) -> Match | None:
    """After "between" or "from": 1 and 15 October."""
    if len(words) < 4 or words[1] not in ("and", "to"):
        return None
    first, last = _of_month([words[0], *words[3:]], today), _of_month(words[2:], today)
    if first is None or last is None or first[0] >= last[0] or first[0].month != last[0].month:
        return None
    return f"{first[0]}..{last[0]}", 3 + last[2]


def _until(words: Sequence[str], today: date) -> tuple[date, int] | None:
    if len(words) < 2 or words[0] not in ("to", "until", "till", "and", "through"):
        return None
    found = _day(words[1:], today)
    return (found[1], 1 + found[2]) if found else None


def _within(words: Sequence[str], today: date) -> Match | None:
    """In September, on 3 October, Q3, 2026."""
    place = 1 if words and words[0] in ("in", "during", "on", "for", "of") else 0
    if found := _quarter(words[place:], today):
        return found[0], place + found[1]
    if len(words) > place and re.fullmatch(r"20\d\d", words[place]):
        year = int(words[place])
        return (f"{year}-01-01..{year}-12-31", place + 1) if year <= today.year else None
    found_day = _day(words[place:], today, weekdays=False)
    if found_day is None or (not place and words[0] == "may" and found_day[2] == 1):  # the verb
        return None
    first, last, took = found_day
    return f"{first}..{last}", place + took


def _quarter(words: Sequence[str], today: date) -> Match | None:
    found = re.fullmatch(r"q([1-4])", words[0]) if words else None
    if found is None:
        return None
    month = int(found[1]) * 3 - 2
    took, year = (2, int(words[1])) if len(words) > 1 and re.fullmatch(r"20\d\d", words[1]) else (1, today.year)
    if took == 1 and date(year, month, 1) > today:
        year -= 1
    return f"{date(year, month, 1)}..{_end(year, month + 2)}", took


def _day(words: Sequence[str], today: date, weekdays: bool = True) -> tuple[date, date, int] | None:
    """A day or a month: its first day, its last, and how many words it took. The newest that has begun."""
    if not words:
        return None
    if re.fullmatch(r"\d{4}-\d\d-\d\d", words[0]):
        try:
            found = date.fromisoformat(words[0])
        except ValueError:
            return None
        return found, found, 1
    if weekdays and words[0] == "last" and len(words) > 1 and words[1] in WEEKDAYS:
        return _weekday(WEEKDAYS[words[1]], today, 2)
    if weekdays and words[0] in WEEKDAYS:
        return _weekday(WEEKDAYS[words[0]], today, 1)
    if weekdays and words[0] == "yesterday":
        return today - timedelta(days=1), today - timedelta(days=1), 1
    return _of_month(words, today)


def _weekday(number: int, today: date, took: int) -> tuple[date, date, int]:
    found = today - timedelta(days=(today.weekday() - number) % 7)
    return found, found, took


def _of_month(words: Sequence[str], today: date) -> tuple[date, date, int] | None:
    number, place = None, 0
    if (day := re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)?", words[0])) and len(words) > 1:
        number, place = int(day[1]), 2 if words[1] == "of" else 1
    if place >= len(words) or words[place] not in MONTHS:
        return None
    month, place = MONTHS[words[place]], place + 1
    if number is None and place < len(words) and (day := re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)?", words[place])):
        number, place = int(day[1]), place + 1
    year = today.year - (date(today.year, month, min(number or 1, 28)) > today)
    if place < len(words) and re.fullmatch(r"20\d\d", words[place]):
        year, place = int(words[place]), place + 1
    try:
        first = date(year, month, number or 1)
    except ValueError:
        return None
    return first, first if number else _end(year, month), place


def _end(year: int, month: int) -> date:
    return (date(year, month, 1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _one(word: str) -> str:
    return word.removesuffix("s")


def _number(word: str) -> int | None:
    return int(word) if re.fullmatch(r"\d{1,3}", word) else COUNTED.get(word)


_READERS: tuple[Callable[[Sequence[str], date], Match | None], ...] = (
    _plain, _so_many, _since, _between, _within,
)  # fmt: skip
