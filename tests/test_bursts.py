"""Tails of counts, bursts and changes of level: known answers and planted ones."""

import random
from itertools import product
from math import exp, factorial, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.core.bursts import change_points, count_tail, dispersion, kleinberg, poisson_tail


@pytest.mark.parametrize(("mean", "seen", "p"), [(4, 12, 9.15e-4), (4, 10, 8.13e-3), (20, 35, 1.49e-3)])
def test_poisson_tails(mean: float, seen: int, p: float) -> None:
    assert poisson_tail(mean, seen) == pytest.approx(p, rel=2e-3)
    assert poisson_tail(mean, seen) == pytest.approx(
        1 - sum(exp(-mean) * mean**k / factorial(k) for k in range(seen)), rel=1e-9
    )


def test_wide_scatter_is_no_alarm() -> None:
    assert count_tail(20, 100, 35) == pytest.approx(0.087, abs=5e-4)


def test_wide_scatter_by_drawing() -> None:
    """A negative binomial is a Poisson whose mean is drawn from a gamma: mean 20, variance 100 is shape 5."""
    chances, high = random.Random(1), 0
    for _ in range(4000):
        mean, k, total = chances.gammavariate(5, 4), 0, chances.expovariate(1)
        while total < mean:
            k, total = k + 1, total + chances.expovariate(1)
        high += k >= 35
    assert high / 4000 == pytest.approx(0.087, abs=0.014)


@given(st.floats(0.01, 500), st.integers(0, 900), st.floats(1, 8))
def test_tails_are_chances_and_fall(mean: float, seen: int, wide: float) -> None:
    p = count_tail(mean, mean * wide, seen)
    assert 0 <= p <= 1
    assert count_tail(mean, mean * wide, seen + 1) <= p + 1e-12


def test_scatter_of_counts() -> None:
    chances = random.Random(3)
    even = [sum(chances.random() < 0.05 for _ in range(200)) for _ in range(500)]
    assert dispersion(even, [10.0] * 500) == pytest.approx(1, abs=0.15)
    assert dispersion([0, 20] * 50, [10.0] * 100) == pytest.approx(10, abs=0.3)


def test_a_planted_burst_is_found_where_it_is() -> None:
    chances = random.Random(5)
    hits = [sum(chances.random() < (0.2 if 40 <= i < 50 else 0.04) for _ in range(100)) for i in range(100)]
    found = kleinberg(hits, [100] * 100, ratio=3)
    assert len(found) == 1
    assert abs(found[0].first - 40) <= 1
    assert abs(found[0].last - 49) <= 1
    assert found[0].weight > 20


def test_calm_has_no_burst() -> None:
    chances = random.Random(8)
    hits = [sum(chances.random() < 0.05 for _ in range(100)) for _ in range(200)]
    assert kleinberg(hits, [100] * 200, ratio=3) == []
    assert kleinberg([0, 0], [10, 10]) == []
    assert kleinberg([], []) == []


def test_the_cheapest_path_by_trying_all() -> None:
    hits, n = [1, 0, 6, 7, 1, 0, 8, 0], [20] * 8
    base = sum(hits) / sum(n)
    shares = (base, base * 2)

    def cost(path: tuple[int, ...]) -> float:
        rises = sum(b > a for a, b in zip((0, *path), path, strict=False))
        slots = zip(hits, n, path, strict=True)
        return rises * log(8) - sum(h * log(shares[s]) + (m - h) * log(1 - shares[s]) for h, m, s in slots)

    best = min(product((0, 1), repeat=8), key=cost)
    found = kleinberg(hits, n)
    assert [i for i, s in enumerate(best) if s] == [i for b in found for i in range(b.first, b.last + 1)]


def test_levels_that_change() -> None:
    chances = random.Random(2)

    def counts(mean: int, n: int) -> list[int]:
        return [sum(chances.random() < mean / 500 for _ in range(500)) for _ in range(n)]

    found = change_points([*counts(10, 40), *counts(25, 30), *counts(12, 30)])
    assert len(found) == 2
    assert abs(found[0] - 40) <= 2
    assert abs(found[1] - 70) <= 2
    assert change_points(counts(10, 100)) == []
    assert change_points([]) == []


def test_pruning_loses_no_better_partition() -> None:
    chances = random.Random(7)
    counts = [chances.choice([1, 2, 3]) + 9 * (i > 6) for i in range(12)]

    def cost(part: list[int]) -> float:
        total = sum(part)
        return 2 * (total - total * log(total / len(part)))

    best = min(
        (cost(counts[:a]) + (cost(counts[a:b]) + 3 * log(12) if b > a else 0) + cost(counts[b:]) + 3 * log(12), (a, b))
        for a in range(1, 11)
        for b in range(a, 12)
    )  # fmt: skip
    a, b = best[1]
    assert change_points(counts) == ([a, b] if b > a else [a])
