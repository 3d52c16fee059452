"""Figures against known answers: textbooks, published tables, and properties that must hold."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.core.stats import (
    Interval,
    Times,
    binomial_quantile,
    chance,
    count_change,
    kaplan_meier,
    log_rank,
    quantile,
    quantile_interval,
    share,
    share_change,
    spread,
    ticks,
    time_change,
    time_quantile,
    wilson,
)

# Freireich and others 1963: weeks of remission, 6-MP and placebo.
TREATED = Times([6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35])
PLACEBO = Times([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23])


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (81, 100, 0.7222, 0.8749), (0, 5, 0.0, 0.4345), (450, 500, 0.8706, 0.9233)],
)
def test_wilson(hits: int, n: int, low: float, high: float) -> None:
    found = wilson(hits, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_a_share_of_nothing_is_not_known() -> None:
    assert share(0, 0).value is None
    assert wilson(0, 0) == Interval(None, None)


@pytest.mark.parametrize(
    ("a", "n", "b", "m", "low", "high"),
    [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090)],
)
def test_difference_of_shares_as_published(a: int, n: int, b: int, m: int, low: float, high: float) -> None:
    """The examples of Newcombe's paper, Statistics in Medicine 17 (1998) 873."""
    found = share_change(a, n, b, m)
    assert found.interval.low == pytest.approx(low, abs=5e-5)
    assert found.interval.high == pytest.approx(high, abs=5e-5)


def test_eight_percent_against_five_is_a_change_and_small_samples_are_not() -> None:
    found = share_change(80, 1000, 50, 1000)
    assert found.value == pytest.approx(0.03)
    assert found.clear
    assert found.interval.low == pytest.approx(0.0084, abs=5e-4)
    assert not share_change(8, 100, 5, 100).clear


def test_type_7() -> None:
    assert quantile(range(1, 11), 0.9) == pytest.approx(9.1)
    assert quantile(range(1, 11), 0.5) == 5.5
    assert quantile([7], 0.9) == 7


@pytest.mark.parametrize(
    ("n", "low", "high"),
    [(5, None, None), (6, 1, 6), (10, 2, 9), (20, 6, 15), (100, 40, 61)],
)
def test_median_interval_by_order(n: int, low: int | None, high: int | None) -> None:
    """Ranks of the 95 % interval of a median as found in tables of non-parametric methods."""
    assert quantile_interval(range(1, n + 1), 0.5) == Interval(low, high)


def test_a_90th_percentile_needs_36_values_for_an_upper_bound() -> None:
    assert quantile_interval(range(1, 36), 0.9).high is None
    assert quantile_interval(range(1, 37), 0.9).high == 36


@given(st.integers(1, 3000), st.sampled_from([0.1, 0.5, 0.9]), st.sampled_from([0.005, 0.025, 0.975]))
def test_binomial_quantiles_are_monotone_and_within_bounds(n: int, p: float, q: float) -> None:
    k = binomial_quantile(q, n, p)
    assert 0 <= k <= n
    assert binomial_quantile(min(0.999, q + 0.01), n, p) >= k


def test_intervals_of_a_median_keep_their_promise() -> None:
    """600 samples of an uneven distribution whose median is ln 2: at least 95 % hold it, less sampling error."""
    chances = random.Random(7)
    held = sum(
        quantile_interval(sorted(chances.expovariate(1) for _ in range(25)), 0.5).holds(0.6931) for _ in range(600)
    )
    assert held / 600 > 0.93


def test_kaplan_meier_of_the_textbook() -> None:
    steps = {step.time: step for step in kaplan_meier(TREATED.done, TREATED.running)}
    assert steps[10].alive == pytest.approx(0.7529, abs=5e-5)
    assert steps[10].error == pytest.approx(0.0963, abs=5e-5)
    assert steps[23].alive == pytest.approx(0.4482, abs=5e-5)
    assert steps[23].error == pytest.approx(0.1346, abs=5e-5)


def test_medians_with_some_still_running() -> None:
    treated = time_quantile(kaplan_meier(TREATED.done, TREATED.running), 0.5)
    assert (treated.value, treated.interval) == (23, Interval(13, None))
    assert time_quantile(kaplan_meier(PLACEBO.done), 0.5).value == 8
    assert spread(TREATED.done, TREATED.running).p90.value is None


def test_log_rank_of_the_textbook() -> None:
    found = log_rank(TREATED, PLACEBO)
    assert found == pytest.approx(16.79, abs=0.005)
    assert chance(found) == pytest.approx(4.2e-5, abs=1e-6)
    assert time_change(TREATED, PLACEBO, 0.99).clear
    assert time_change(TREATED, PLACEBO).value == 15


def test_the_slow_ones_do_not_vanish_because_they_are_not_finished() -> None:
    fast, slow = [60.0] * 40, [86400.0] * 60
    assert spread(fast).median.value == 60
    assert spread(fast, slow).median.value is None


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.lists(st.integers(1, 50), max_size=30))
def test_more_running_never_makes_a_median_shorter(done: list[int], running: list[int]) -> None:
    few = time_quantile(kaplan_meier(done, running), 0.5).value
    many = time_quantile(kaplan_meier(done, [*running, 51, 51]), 0.5).value
    assert many is None or (few is not None and many >= few)


@given(st.lists(st.integers(0, 40), min_size=2, max_size=30))
def test_equal_groups_do_not_differ(values: list[int]) -> None:
    assert not time_change(Times(values), Times(values)).clear
    assert not count_change(values, values).clear


def test_counts_with_and_without_scatter() -> None:
    even = count_change([60, 60], [50, 50])
    assert even.value == pytest.approx(1.2)
    assert even.interval.low == pytest.approx(0.9203, abs=5e-5)
    assert even.interval.high == pytest.approx(1.5647, abs=5e-5)
    calm = count_change([200] * 7, [150] * 7, 0.99)
    wild = count_change([1, 700, 1, 690, 2, 4, 2], [150] * 7, 0.99)
    assert calm.clear
    assert wild.value == pytest.approx(calm.value, abs=0.01)
    assert not wild.clear


def test_round_ticks() -> None:
    assert ticks(57) == [0, 20, 40, 60]
    assert ticks(4) == [0, 1, 2, 3, 4]
    assert ticks(0) == [0, 1]
    assert ticks(0.9)[-1] >= 0.9
