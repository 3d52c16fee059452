"""Working time: known answers around weekends, holidays and the two nights on which the clock moves."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.ai.columns import Hours
from parley.core.measure import micros
from parley.core.opening import (
    Calendar,
    Period,
    always,
    due,
    is_open,
    office,
    open_time,
    periods,
    short_rests,
)

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


def berlin(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BERLIN)  # type: ignore[arg-type, misc]


def minutes(calendar: Calendar, start: datetime, end: datetime) -> float:
    return open_time(calendar, start, end).total_seconds() / 60


OFFICE = office("Europe/Berlin")


def test_over_a_weekend() -> None:
    assert minutes(OFFICE, berlin(2026, 5, 8, 16, 30), berlin(2026, 5, 11, 9, 15)) == 45
    assert minutes(OFFICE, berlin(2026, 5, 9, 10), berlin(2026, 5, 11, 9)) == 0


def test_over_a_holiday() -> None:
    start, end = berlin(2026, 5, 13, 16), berlin(2026, 5, 15, 10)
    assert minutes(office("Europe/Berlin", holidays=frozenset({date(2026, 5, 14)})), start, end) == 120
    assert minutes(OFFICE, start, end) == 600


@pytest.mark.parametrize(("day", "whole", "small_hours"), [((2026, 3, 29), 1380, 120), ((2026, 10, 25), 1500, 240)])
def test_days_on_which_the_clock_moves(day: tuple[int, int, int], whole: int, small_hours: int) -> None:
    start = berlin(*day)
    end = berlin(*(datetime(*day) + timedelta(days=1)).timetuple()[:3])
    night = Calendar(zone="Europe/Berlin", weekdays={6: (Period(time(1), time(4)),)})
    assert minutes(always("Europe/Berlin"), start, end) == whole
    assert minutes(night, start, end) == small_hours


def test_a_ticket_from_berlin_on_a_calendar_of_new_york() -> None:
    asked, answered = berlin(2026, 5, 8, 22), datetime(2026, 5, 8, 16, 30, tzinfo=NEW_YORK)
    assert minutes(office("America/New_York"), asked, answered) == 30


def test_a_shift_over_midnight() -> None:
    late = Calendar(zone="UTC", weekdays={4: (Period(time(22), time(2)),)})
    assert minutes(late, datetime(2026, 5, 8, tzinfo=UTC), datetime(2026, 5, 10, tzinfo=UTC)) == 240
    assert is_open(late, datetime(2026, 5, 9, 1, tzinfo=UTC))
    assert not is_open(late, datetime(2026, 5, 9, 2, tzinfo=UTC))


def test_a_promise_falls_due_in_working_time() -> None:
    assert due(OFFICE, berlin(2026, 5, 8, 16, 30), timedelta(hours=2)) == berlin(2026, 5, 11, 10, 30)
    assert due(OFFICE, berlin(2026, 5, 8, 16), timedelta(hours=1)) == berlin(2026, 5, 8, 17)
    with pytest.raises(ValueError, match="too few"):
        due(Calendar(), berlin(2026, 5, 8), timedelta(minutes=1))


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda t: t.replace(tzinfo=UTC))
calendars = st.sampled_from(
    [OFFICE, always("Europe/Berlin"), office("America/New_York"), office("Asia/Kolkata", 7, 22)]
)


@given(calendars, moments, moments, moments)
def test_time_is_the_sum_of_its_parts(calendar: Calendar, a: datetime, b: datetime, c: datetime) -> None:
    a, b, c = sorted((a, b, c))
    assert open_time(calendar, a, c) == open_time(calendar, a, b) + open_time(calendar, b, c)
    assert open_time(calendar, c, a) == timedelta()


@given(calendars, moments, moments)
def test_the_zone_in_which_a_moment_is_told_changes_nothing(calendar: Calendar, a: datetime, b: datetime) -> None:
    elsewhere = ZoneInfo("Pacific/Auckland")
    assert open_time(calendar, a, b) == open_time(calendar, a.astimezone(elsewhere), b.astimezone(elsewhere))


@given(calendars, moments, st.integers(1, 60 * 40))
def test_what_is_due_lies_that_much_working_time_ahead(calendar: Calendar, start: datetime, worked: int) -> None:
    promised = due(calendar, start, timedelta(minutes=worked))
    assert open_time(calendar, start, promised) == timedelta(minutes=worked)


@given(calendars, moments, moments)
def test_many_spans_by_search_as_one_by_one(calendar: Calendar, a: datetime, b: datetime) -> None:
    a, b = sorted((a, b))
    spans = periods(calendar, datetime(2025, 12, 31, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC))
    made = Hours({1: [(micros(opens), micros(closes)) for opens, closes in spans]})
    (seconds,) = made.open_seconds(*(np.array([number]) for number in (1, micros(a), micros(b))))
    assert seconds == open_time(calendar, a, b) // timedelta(seconds=1)


def test_periods_are_in_order_and_apart() -> None:
    found = list(periods(always("Europe/Berlin"), berlin(2026, 3, 27), berlin(2026, 4, 1)))
    assert all(a[1] <= b[0] for a, b in pairwise(found))


@pytest.mark.parametrize(
    ("ended", "began", "short"),
    [
        ((2026, 5, 8, 22, 30), (2026, 5, 9, 8, 0), True),
        ((2026, 5, 8, 22, 30), (2026, 5, 9, 9, 30), False),
        ((2026, 3, 28, 22, 30), (2026, 3, 29, 9, 30), True),
    ],
)
def test_eleven_hours_of_rest_in_real_time(ended: tuple[int, ...], began: tuple[int, ...], short: bool) -> None:
    shifts = [
        (berlin(*ended) - timedelta(hours=8), berlin(*ended)),
        (berlin(*began), berlin(*began) + timedelta(hours=8)),
    ]
    assert bool(short_rests(shifts)) is short


def test_a_lunch_is_no_night() -> None:
    day = [(berlin(2026, 5, 8, 8), berlin(2026, 5, 8, 12)), (berlin(2026, 5, 8, 13), berlin(2026, 5, 8, 17))]
    assert short_rests(day) == []
