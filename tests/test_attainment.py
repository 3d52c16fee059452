"""Promises and backlog: the target second, open breaches, and an identity that holds to the unit."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.core.attainment import (
    Life,
    Promise,
    ages,
    attainment,
    backlog,
    expected_backlog,
    flow,
    of_merged,
    promise,
    state,
)
from parley.core.opening import office

T = datetime(2026, 5, 8, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_at_the_target_second_it_is_met() -> None:
    assert state(Promise(due=T, met_at=T), T, HOUR) == "met"
    assert state(Promise(due=T, met_at=T + timedelta(seconds=1)), T, HOUR) == "breached"


def test_an_open_one_past_its_target_is_breached() -> None:
    promises = [
        Promise(due=T, met_at=T - HOUR),
        Promise(due=T - timedelta(seconds=1)),
        Promise(due=T),
        Promise(due=T + 2 * HOUR),
        Promise(due=T - HOUR, void=True),
    ]
    found = attainment(promises, T)
    assert (found.met, found.breached, found.at_risk, found.open) == (1, 1, 1, 1)
    assert found.share.value == 0.5


def test_a_policy_changed_later_leaves_the_promise_as_it_was_made() -> None:
    calendar = office("Europe/Berlin")
    made = Promise(due=promise(calendar, T, 4 * HOUR))
    assert made.due == datetime(2026, 5, 11, 8, tzinfo=UTC)  # Friday 14:00 in Berlin: 3 h left, one more on Monday
    assert promise(calendar, T, 2 * HOUR) < made.due


def test_merging_takes_the_older_start() -> None:
    assert of_merged([T, T - HOUR]) == T - HOUR


def test_littles_law() -> None:
    assert expected_backlog(120, 1.5) == 180


def test_little_holds_for_a_steady_stream() -> None:
    lives = [Life(i / 120, (i / 120 + 1.5,)) for i in range(120 * 30)]
    assert sum(backlog(lives, day) for day in range(10, 20)) / 10 == pytest.approx(180, abs=1)


lives_ = st.lists(
    st.tuples(st.integers(0, 50), st.lists(st.integers(0, 20), max_size=5)).map(
        lambda one: Life(one[0], tuple(one[0] + sum(one[1][: i + 1]) for i in range(len(one[1]))))
    ),
    max_size=40,
)


@given(lives_, st.integers(-1, 100), st.integers(0, 60))
def test_the_backlog_identity(lives: list[Life], start: int, length: int) -> None:
    end = start + length
    moved = flow(lives, start, end)
    assert backlog(lives, end) == backlog(lives, start) + moved.created + moved.reopened - moved.closed
    half = len(lives) // 2
    assert backlog(lives, end) == backlog(lives[:half], end) + backlog(lives[half:], end)
    assert len(ages(lives, end)) == backlog(lives, end)
