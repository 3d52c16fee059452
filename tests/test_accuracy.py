"""What an error is: the known answers of a small example, and the error that chance alone makes."""

import random
from math import sqrt

import pytest

from parley.core import accuracy

CAME = [100, 120, 0, 80, 110]
SAID = [90, 130, 5, 100, 100]


def test_errors_of_five_days() -> None:
    assert accuracy.mean_error(CAME, SAID) == 11
    assert accuracy.wape(CAME, SAID) == pytest.approx(0.1341, abs=5e-5)
    assert accuracy.mape(CAME, SAID) == pytest.approx(0.1311, abs=5e-5)
    assert accuracy.bias(CAME, SAID) == pytest.approx(0.0366, abs=5e-5)
    assert accuracy.smape(CAME, SAID) == pytest.approx(0.5005, abs=5e-5)


def test_relative_errors_punish_too_much_more_than_too_little() -> None:
    assert accuracy.mape([50], [100]) == 1.0
    assert accuracy.mape([100], [50]) == 0.5


def test_pinball() -> None:
    assert accuracy.pinball(0.9, 100, 120) == pytest.approx(2.0)
    assert accuracy.pinball(0.9, 130, 120) == pytest.approx(9.0)


def test_nothing_came() -> None:
    assert accuracy.wape([0, 0], [1, 2]) is None
    assert accuracy.bias([0], [1]) is None
    assert accuracy.mape([0], [1]) is None
    assert accuracy.mase([1], [1], [5, 5, 5], 1) is None
    assert accuracy.times_floor([0], [0]) is None


def test_as_a_season_ago_has_a_mase_of_one() -> None:
    history = [1, 5, 2, 4, 3, 3]
    assert accuracy.seasonal_error(history, 2) == pytest.approx((1 + 1 + 1 + 1) / 4)
    assert accuracy.mase([3, 3], [2, 4], history, 2) == pytest.approx(1.0)


def test_coverage_takes_the_bounds_in() -> None:
    assert accuracy.coverage([1, 2, 3, 4], [1, 0, 4, 0], [2, 2, 5, 3]) == 0.5


@pytest.mark.parametrize(("mean", "floor"), [(25, 0.159), (100, 0.080), (400, 0.040), (2500, 0.016)])
def test_the_floor_by_rule_and_by_the_distribution(mean: int, floor: float) -> None:
    assert accuracy.poisson_floor(mean) == pytest.approx(floor, abs=1e-3)
    assert accuracy.poisson_error(mean) / mean == pytest.approx(floor, abs=1e-3)


@pytest.mark.parametrize("mean", [0.3, 1.0, 4.5, 12.0])
def test_the_floor_of_small_counts_by_summing(mean: float) -> None:
    chance, total = 2.718281828459045**-mean, 0.0
    for k in range(200):
        total += chance * abs(k - mean)
        chance *= mean / (k + 1)
    assert accuracy.poisson_error(mean) == pytest.approx(total, rel=1e-9)


def test_who_knows_the_mean_stands_on_the_floor() -> None:
    chances = random.Random(5)
    came = [sum(chances.random() < 0.02 for _ in range(500)) for _ in range(3000)]
    assert accuracy.times_floor(came, [10.0] * len(came)) == pytest.approx(sqrt(0.98), abs=0.04)
