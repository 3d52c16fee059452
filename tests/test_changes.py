"""Changes and their reasons: known answers, and sums that hold to the last digit."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.core.changes import (
    Cell,
    decompose,
    halves,
    mean_chance,
    rate_change,
    scatter,
    share_chance,
    without,
)
from parley.core.stats import share_change


def test_the_split_of_kitagawa() -> None:
    """Two groups, by hand: 60 % of 100 and 40 % of 100 before; 50 % of 50 and 40 % of 150 now."""
    cells = {"a": Cell(50, 25, 100, 60), "b": Cell(150, 60, 100, 40)}
    parts = decompose(cells)
    assert parts["a"].rate == pytest.approx(-0.1 * 0.375)
    assert parts["b"].rate == 0
    middle = (85 / 200 + 100 / 200) / 2
    assert parts["a"].mix == pytest.approx(-0.25 * (0.55 - middle))
    assert sum(part.whole for part in parts.values()) == pytest.approx(85 / 200 - 0.5)


def test_simpson_is_mix_alone() -> None:
    """Both groups stay as they are; the whole falls because the worse one grows."""
    parts = decompose({"mail": Cell(300, 90, 100, 30), "chat": Cell(100, 90, 300, 270)})
    assert all(part.rate == pytest.approx(0) for part in parts.values())
    assert sum(part.mix for part in parts.values()) == pytest.approx(180 / 400 - 300 / 400)


cells = st.builds(
    lambda n, h, m, k: Cell(n, min(h, n), m, min(k, m)),
    st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60),
)  # fmt: skip


@given(st.dictionaries(st.integers(0, 9), cells, min_size=1))
def test_the_parts_sum_to_the_change(groups: dict[int, Cell]) -> None:
    n, m = sum(c.n for c in groups.values()), sum(c.n_before for c in groups.values())
    parts = decompose(groups)
    if not n or not m:
        assert parts == {}
        return
    change = sum(c.total for c in groups.values()) / n - sum(c.total_before for c in groups.values()) / m
    assert sum(part.whole for part in parts.values()) == pytest.approx(change, abs=1e-12)


@given(cells, cells)
def test_a_group_and_the_rest_make_the_whole(group: Cell, rest: Cell) -> None:
    whole = Cell(
        group.n + rest.n, group.total + rest.total,
        group.n_before + rest.n_before, group.total_before + rest.total_before,
    )  # fmt: skip
    if whole.now is None or whole.before is None:
        return
    both = halves(group, whole).whole + halves(rest, whole).whole
    assert both == pytest.approx(whole.now - whole.before, abs=1e-12)
    left = without(group, whole)
    assert left is None or left == pytest.approx((rest.now or 0) - (rest.before or 0))


def test_the_score_test_of_two_shares() -> None:
    """15 of 100 against 30 of 100: z = −2.5400, p = 0.0111 (pooled, by hand)."""
    assert share_chance(15, 100, 30, 100) == pytest.approx(0.011084, abs=2e-5)
    assert share_chance(0, 50, 0, 70) == 1
    assert share_chance(3, 0, 1, 10) == 1


def test_two_means() -> None:
    """Welch by hand: means 2 and 4, variances 1 and 1, five each: z = −3.1623, p = 0.001565."""
    assert mean_chance([1, 2, 2, 2, 3], [3, 4, 4, 4, 5]) == pytest.approx(2 * 0.5 * _tail(2 / (0.2**0.5)), abs=1e-9)
    assert mean_chance([5], [1, 2, 3]) == 1


def _tail(z: float) -> float:
    from math import erfc, sqrt

    return erfc(z / sqrt(2))


def test_a_week_against_usual_weeks() -> None:
    """Four equal weeks of 70; a week of 105 is half more, and with 280 behind it hardly chance."""
    change, chance = rate_change([15] * 7, [[10] * 7] * 4)
    assert change.value == 1.5
    assert change.clear
    assert chance == pytest.approx(_tail(0.405465 / (1 / 105 + 1 / 280) ** 0.5), abs=1e-6)
    assert rate_change([0] * 7, [[1] * 7]) == (type(change)(), 1.0)


def test_weeks_that_scatter_widen_the_interval() -> None:
    wild = [[2, 18, 2, 18, 2, 18, 10], [18, 2, 18, 2, 18, 2, 10], [2, 18, 2, 18, 2, 18, 10], [18, 2, 18, 2, 18, 2, 10]]
    assert scatter(wild) > 5
    assert not rate_change([13] * 7, wild)[0].clear
    assert rate_change([15] * 7, [[10] * 7] * 4)[0].clear
    assert scatter([[3, 3, 3]] * 4) == 1


def test_calm_weeks_rarely_cry_wolf() -> None:
    """Five weeks of the same: the test at 5 % is wrong about as often as it says."""
    rng, wrong, tries = Random(7), 0, 400
    for _ in range(tries):
        days = [[sum(rng.random() < 0.2 for _ in range(60)) for _ in range(7)] for _ in range(5)]
        wrong += rate_change(days[0], days[1:])[1] < 0.05
    assert wrong / tries < 0.08


@given(st.integers(1, 80), st.integers(1, 80), st.data())
def test_interval_and_test_of_shares_agree_where_it_is_plain(n: int, m: int, data: st.DataObject) -> None:
    hits, before = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    chance = share_chance(hits, n, before, m)
    change = share_change(hits, n, before, m)
    if chance < 0.001 and min(n, m) >= 20:
        assert change.clear
    if chance > 0.2:
        assert not change.clear
