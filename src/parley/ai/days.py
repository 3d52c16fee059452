"""A day or a number that an answer names, by form, in English: "tomorrow", "Friday", "3 December", "2026-12-03"."""

import re
from collections.abc import Callable
from datetime import date, timedelta

from parley.ai import text

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,? (?P<year>20\d\d))?"
_COUNT = rf"(?P<n>\d{{1,3}}|an?|{'|'.join(_NUMBERS[1:])})"


def day_in(message: str, today: date) -> date | None:
    """The first day that is named. A day without a year is the next one; a weekday is the next of its name."""
    folded = " ".join(text.fold(message).split())
    for pattern, meant in _FORMS:
        if (found := pattern.search(folded)) is not None:
            try:
                return meant(found, today)
            except (ValueError, OverflowError):
                continue
    return None


def number_in(message: str) -> str | None:
    """The one number that is named, as digits; None where there is none, or more than one."""
    folded = " ".join(text.fold(message).split())
    found = re.findall(r"(?<![\w.,-])-?\d{1,9}(?:[.,]\d{1,2})?(?![\w-]|[.,]\d)", folded)
    if not found:
        found = [str(_NUMBERS.index(word)) for word in re.findall(r"[a-z]+", folded) if word in _NUMBERS[1:]]
    return found[0].replace(",", ".") if len(found) == 1 else None


def _next(day: int, month: int, year: str | None, today: date) -> date:
    if year:
        return date(int(year), month, day)
    this = date(today.year, month, day)
    return this if this >= today else date(today.year + 1, month, day)


def _named(found: re.Match[str], today: date) -> date:
    return _next(int(found["day"]), _MONTHS.index(found["month"]) + 1, found["year"], today)


def _weekday(found: re.Match[str], today: date) -> date:
    ahead = (_WEEKDAYS.index(found["weekday"]) - today.weekday()) % 7 or 7
    return today + timedelta(days=ahead)


def _in(found: re.Match[str], today: date) -> date:
    n = int(found["n"]) if found["n"].isdigit() else 1 if found["n"] in ("a", "an") else _NUMBERS.index(found["n"])
    return today + timedelta(days=n * (7 if found["unit"].startswith("week") else 1))


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], date]], ...] = (
    (re.compile(r"\b(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)\b"),
     lambda m, _: date(int(m["year"]), int(m["month"]), int(m["day"]))),
    (re.compile(r"(?<![\d.])(?P<day>\d{1,2})[./](?P<month>\d{1,2})[./](?P<year>20\d\d)?(?!\d)"),
     lambda m, today: _next(int(m["day"]), int(m["month"]), m["year"], today)),
    (re.compile(rf"\b{_DAY}(?: of)? {_MONTH}{_YEAR}"), _named),
    (re.compile(rf"\b{_MONTH} (?:the )?{_DAY}\b{_YEAR}"), _named),
    (re.compile(r"\bday after tomorrow\b"), lambda _, today: today + timedelta(days=2)),
    (re.compile(r"\btomorrow\b"), lambda _, today: today + timedelta(days=1)),
    (re.compile(r"\btoday\b"), lambda _, today: today),
    (re.compile(rf"\bin {_COUNT} (?P<unit>days?|weeks?)\b"), _in),
    (re.compile(rf"\b(?P<weekday>{'|'.join(_WEEKDAYS)})\b"), _weekday),
)  # fmt: skip
