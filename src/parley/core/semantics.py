"""The semantic layer: what may be asked of the desk's figures, in which words, and what a well-formed question is.

A `Query` is measures, split by at most two dimensions, narrowed by filters, over a period, beside an earlier one.
Whoever asks, the builder, an address, a saved report, a sentence or a language model, hands over a `Query`, and `check`
says whether it is one; services/reporting.py answers it. What a measure means stands in core/measure.py.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import msgspec

from parley.core.errors import Refused
from parley.core.measure import DEFINITIONS, Definition
from parley.core.query import BEGAN, DONE, Query

MOST_MEASURES = 4
MOST_SPLITS = 2
MOST_VALUES = 50
LONGEST_DAYS = 400


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be counted. of: which facts it is made from: talks, open, rated, said or made.

    names: what people call it when they ask, in small letters. less_is_better: None where neither is.
    done: what ends it, for those that can be counted by their end: the column of `measured` with that moment.
    """

    key: str
    of: str
    names: tuple[str, ...]
    less_is_better: bool | None = False
    done: str = ""

    @property
    def definition(self) -> Definition:
        return DEFINITIONS[self.key]

    @property
    def unit(self) -> str:
        return self.definition.unit


def _measure(key: str, of: str, *names: str, less: bool | None = False, done: str = "") -> Measure:
    return Measure(key=key, of=of, names=names, less_is_better=less, done=done)


MEASURES: Mapping[str, Measure] = {
    m.key: m
    for m in (
        _measure("volume", "talks", "conversations", "volume", "contacts", "tickets", "cases", "requests", "enquiries",
                 "inquiries", "how many", "number of conversations", "number", "count", "contact volume", "demand",
                 less=None),
        _measure("human_median", "talks", "first answer by people", "first response", "first response time",
                 "median first response", "first reply", "first reply time", "first answer", "response time",
                 "reply time", "time to first response", "time to first answer", "frt", "waiting time", "wait",
                 "wait time", "human first response", "how fast do we answer",
                 "how fast do we reply", "how fast do we respond", "how quickly do we answer",
                 "how quickly do we reply", "how quickly do we respond", less=True, done="human_at"),
        _measure("human_p90", "talks", "first answer by people p90", "p90 first response", "first response p90",
                 "90th percentile first response", "slowest first responses", "p90 wait", less=True, done="human_at"),
        _measure("right_median", "talks", "first answer by the right person", "right person", "right answer",
                 "time to the right person", "right first response", less=True, done="right_at"),
        _measure("right_p90", "talks", "first answer by the right person p90", "p90 right person", "right person p90",
                 less=True, done="right_at"),
        _measure("bot_median", "talks", "first answer by the bot", "bot first response", "bot response time",
                 "bot answer time", "bot reply time", less=True, done="bot_at"),
        _measure("bot_p90", "talks", "first answer by the bot p90", "p90 bot response", "p90 bot first response",
                 less=True, done="bot_at"),
        _measure("resolution_median", "talks", "time to resolution", "resolution time", "resolution",
                 "median resolution", "time to resolve", "time to close", "handling time", "time to solve",
                 "solution time", "how fast do we solve", "ttr", less=True, done="closed_at"),
        _measure("resolution_p90", "talks", "time to resolution p90", "p90 resolution", "resolution p90",
                 "90th percentile resolution", "p90 resolution time", less=True, done="closed_at"),
        _measure("contained", "talks", "kept by the bot", "containment", "containment rate", "bot containment",
                 "deflection", "deflection rate", "bot deflection",
                 "bot containment rate", "self service rate", "bot share", done="closed_at"),
        _measure("reopened", "talks", "reopened", "reopen rate", "reopenings", "reopened share", "reopening",
                 less=True, done="closed_at"),
        _measure("no_repeat", "talks", "no repeat contact", "fcr", "first contact resolution", "repeat contact",
                 "without repeat contact", "no repeat"),
        _measure("one_touch", "talks", "solved with one answer", "one touch", "one touch resolution",
                 "one touch rate", done="closed_at"),
        _measure("no_reopen", "talks", "not reopened within a week", "not reopened", "no reopen"),
        _measure("first_contact_closed", "talks", "closed at once by one person", "closed at once",
                 "closed at first contact", done="closed_at"),
        _measure("said_solved", "said", "solved at first contact customers say", "customers say solved",
                 "said solved", "solved at first contact"),
        _measure("transferred", "talks", "passed on", "transfers", "transfer rate", "transferred", "handed around",
                 "passed between people", less=True),
        _measure("bot_resolved", "talks", "solved by the bot", "bot resolution", "bot resolution rate",
                 "bot resolved", "true bot resolution", "did the bot solve"),
        _measure("first_kept", "made", "first answers in time", "sla", "sla attainment", "first response sla",
                 "sla first response", "promises kept", "first answer in time", "first response in time"),
        _measure("next_kept", "made", "next answers in time", "next response sla", "next response in time",
                 "next answer in time", "sla next response"),
        _measure("resolution_kept", "made", "solved in time", "resolution sla", "sla resolution",
                 "resolution in time", "resolved in time"),
        _measure("csat", "rated", "satisfied", "csat", "satisfaction", "customer satisfaction", "ratings",
                 "happy customers", "csat score", "how satisfied", "how happy"),
        _measure("response_rate", "rated", "answered the survey", "survey response rate", "response rate",
                 "survey answers", "surveys answered"),
        _measure("nps", "said", "would recommend", "nps", "net promoter score", "recommendation", "promoter score"),
        _measure("ces", "said", "made it easy", "ces", "customer effort score", "effort score", "effort", "ease"),
        _measure("cost", "talks", "cost per contact", "cost per conversation", "cost", "costs",
                 "contact cost", less=True),
        _measure("open", "open", "open now", "backlog", "open conversations", "open tickets", "still open",
                 "unsolved conversations", "unresolved conversations", less=True),
        _measure("open_age_median", "open", "age of what is open", "how old is the backlog", "backlog age",
                 "age of the backlog", "age of open conversations", less=True),
        _measure("open_age_p90", "open", "age of what is open p90", "p90 backlog age", "backlog age p90", less=True),
    )
}  # fmt: skip


class Dimension(msgspec.Struct, frozen=True, kw_only=True):
    """By what a measure can be split or narrowed. kind: time (buckets in order), cycle (of a day or week) or set.

    several: a conversation may stand under more than one value.
    """

    key: str
    label: str
    kind: str
    names: tuple[str, ...]
    several: bool = False
    meaning: str = ""


_FIRST = "Of the customer's first message, in UTC."
DIMENSIONS: Mapping[str, Dimension] = {
    d.key: d
    for d in (
        Dimension(key="day", label="Day", kind="time", names=("day", "daily", "days", "date"), meaning=_FIRST),
        Dimension(key="week", label="Week", kind="time", names=("week", "weekly", "weeks", "over time", "trend"),
                  meaning="From Monday to Sunday. " + _FIRST),
        Dimension(key="month", label="Month", kind="time", names=("month", "monthly", "months"), meaning=_FIRST),
        Dimension(key="weekday", label="Weekday", kind="cycle",
                  names=("weekday", "weekdays", "day of the week", "day of week"), meaning=_FIRST),
        Dimension(key="hour", label="Hour of day", kind="cycle",
                  names=("hour", "hours", "hour of day", "hour of the day", "hourly", "time of day"), meaning=_FIRST),
        Dimension(key="channel", label="Channel", kind="set", names=("channel", "channels", "medium"),
                  meaning="Where the conversation began."),
        Dimension(key="brand", label="Brand", kind="set", names=("brand", "brands", "company", "shop")),
        Dimension(key="team", label="Team", kind="set", names=("team", "teams", "group", "department"), several=True,
                  meaning="Teams of the person who answered last, by their skills."),
        Dimension(key="agent", label="Agent", kind="set", names=("agent", "agents", "colleague", "employee"),
                  meaning="Who answered last."),
        Dimension(key="topic", label="Topic", kind="set", names=("topic", "topics", "tag", "tags", "reason", "subject"),
                  several=True, meaning="Its tags; a conversation with several counts under each."),
        Dimension(key="language", label="Language", kind="set", names=("language", "languages"),
                  meaning="Of the customer's first words, where their small words tell."),
        Dimension(key="handled", label="Bot or people", kind="set", names=("bot or people", "bot or human",
                  "bot or person", "human or bot", "who handled it", "handled by", "handling", "bot vs human"),
                  meaning="Whether the bot had it alone, passed it on, or people had it from the start."),
    )
}  # fmt: skip
HANDLED = {"bot": "Bot alone", "handed": "Bot, then people", "people": "People from the start"}


def check(query: Query, now: datetime) -> Query:
    """The query, if it is well formed. Refused names what is wrong and what there is instead."""
    if not 1 <= len(query.measures) <= MOST_MEASURES or len(set(query.measures)) < len(query.measures):
        raise Refused(f"A report shows one to {MOST_MEASURES} different measures.")
    for key in query.measures:
        if key not in MEASURES:
            raise Refused(f"There is no measure “{key}”. Measures: {', '.join(MEASURES)}.")
    if len(query.by) > MOST_SPLITS or len(set(query.by)) < len(query.by):
        raise Refused("A report is split by two different things at most.")
    for key in (*query.by, *(one.dimension for one in query.filters)):
        if key not in DIMENSIONS:
            raise Refused(f"There is nothing called “{key}” to split by. There is: {', '.join(DIMENSIONS)}.")
    _check_filters(query)
    if query.counted not in (BEGAN, DONE):
        raise Refused("Conversations are counted by when they began, or by when they were done.")
    if query.counted == DONE and (wrong := [key for key in query.measures if not MEASURES[key].done]):
        raise Refused(f"“{DEFINITIONS[wrong[0]].label}” has no end of its own: count it by when conversations began.")
    timed = [key for key in query.by if DIMENSIONS[key].kind == "time"]
    if len(timed) > 1:
        raise Refused("Days, weeks and months do not cross: split by one of them.")
    if timed and any(MEASURES[key].of == "open" for key in query.measures):
        raise Refused("What is open now is of this moment, and has no days. Split it by something else.")
    stretch(query.period, now)
    return query


def _check_filters(query: Query) -> None:
    names = [one.dimension for one in query.filters]
    if len(set(names)) < len(names):
        raise Refused("A report is narrowed once by each thing.")
    for one in query.filters:
        if DIMENSIONS[one.dimension].kind == "time":
            raise Refused("Days are chosen by the period.")
        if not 1 <= len(one.values) <= MOST_VALUES or any(len(value) > 80 for value in one.values):
            raise Refused(f"“{DIMENSIONS[one.dimension].label}” is narrowed to one value or several, at most fifty.")


# ── periods ─────────────────────────────────────────────────────────────────────────────────

PERIODS: Mapping[str, str] = {
    "7d": "Last 7 days", "28d": "Last 28 days", "91d": "Last 13 weeks", "182d": "Last 26 weeks",
    "today": "Today", "yesterday": "Yesterday", "this_week": "This week", "last_week": "Last week",
    "this_month": "This month", "last_month": "Last month", "this_quarter": "This quarter",
    "last_quarter": "Last quarter", "this_year": "This year",
}  # fmt: skip
_DAYS = re.compile(r"([1-9]\d{0,2})d")
_DATES = re.compile(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)?")
_STEP = {"week": 7, "month": 1, "quarter": 3, "year": 12}


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """From (included) to (excluded), UTC. days: calendar days it touches. back: how many days before it the stretch
    lies that it is compared with: whole weeks, so that the weekdays are the same."""

    start: datetime
    end: datetime
    days: int

    @property
    def back(self) -> timedelta:
        return timedelta(days=-(-self.days // 7) * 7)


def stretch(period: str, now: datetime) -> Stretch:
    """The days of a period as seen now; what is to come is not part of it. Refused where it names none."""
    now = now.astimezone(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start, end = _bounds(period, today)
    end = min(end, now) if end else now
    days = -(-(end - start) // timedelta(days=1))
    if start >= end:
        raise Refused("The period lies in the future, or ends before it begins.")
    if days > LONGEST_DAYS:
        raise Refused(f"A report looks at {LONGEST_DAYS} days at most.")
    return Stretch(start=start, end=end, days=days)


def _bounds(period: str, today: datetime) -> tuple[datetime, datetime | None]:
    if found := _DAYS.fullmatch(period):
        return today - timedelta(days=int(found[1]) - 1), None
    if found := _DATES.fullmatch(period):
        last = _day(found[2]) + timedelta(days=1) if found[2] else None
        return _day(found[1]), last
    if period in ("today", "yesterday"):
        return (today, None) if period == "today" else (today - timedelta(days=1), today)
    which, _, unit = period.partition("_")
    if which not in ("this", "last") or unit not in _STEP:
        raise Refused(f"There is no period “{period}”. Periods: {', '.join(PERIODS)}, or two dates.")
    this = _begin(unit, today)
    return (this, None) if which == "this" else (_begin(unit, this - timedelta(days=1)), this)


def _begin(unit: str, day: datetime) -> datetime:
    """The first day of the week, month, quarter or year that a day lies in."""
    if unit == "week":
        return day - timedelta(days=day.weekday())
    months = _STEP[unit]
    return day.replace(month=(day.month - 1) // months * months + 1, day=1)


def _day(text: str) -> datetime:
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise Refused(f"“{text}” is no day. Write it as 2026-09-01.") from error
    return datetime(found.year, found.month, found.day, tzinfo=UTC)
