"""Comparing fairly: textbook cases in which the plain ranking is wrong."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.core.fairness import (
    Cell,
    alpha,
    beta_binomial_log,
    chance_of_so_few,
    chi_tail,
    crude,
    false_discoveries,
    funnel,
    james_stein,
    kappa,
    normal_shrinkage,
    observed_over_expected,
    reviews_for,
    scatter,
    standardised,
)

# Charig and others 1986: success of two treatments of kidney stones, by size of stone.
A = {"small": Cell(81, 87), "large": Cell(192, 263)}
B = {"small": Cell(234, 270), "large": Cell(55, 80)}
STONES = {"small": 87 + 270, "large": 263 + 80}

# Efron and Morris 1975: hits in the first 45 at-bats of 18 players of 1970, and their average over the rest.
HITS = [18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7]
REST = [.346, .298, .276, .222, .273, .270, .263, .210, .269,
        .230, .264, .256, .303, .264, .226, .286, .316, .200]  # fmt: skip

AGENTS = [Cell(45, 50), Cell(80, 100), Cell(9, 10), Cell(190, 250), Cell(4, 10), Cell(160, 200)]


def test_simpsons_paradox_is_seen_through() -> None:
    assert (crude(A), crude(B)) == (pytest.approx(0.780, abs=5e-4), pytest.approx(0.826, abs=5e-4))
    assert standardised(A, STONES) == pytest.approx(0.833, abs=1e-3)
    assert standardised(B, STONES) == pytest.approx(0.779, abs=1e-3)


def test_early_averages_drawn_to_the_mean_foretell_better() -> None:
    early = [hits / 45 for hits in HITS]
    mean = sum(early) / 18
    factor, drawn = james_stein(early, mean * (1 - mean) / 45)
    assert mean == pytest.approx(0.265, abs=5e-4)
    assert factor == pytest.approx(0.212, abs=1e-3)
    assert (drawn[0], drawn[-1]) == (pytest.approx(0.294, abs=1e-3), pytest.approx(0.242, abs=1e-3))
    errors = [sum((x - true) ** 2 for x, true in zip(told, REST, strict=True)) for told in (early, drawn)]
    assert errors == [pytest.approx(0.0754, abs=2e-4), pytest.approx(0.0213, abs=2e-4)]


def test_the_best_of_four_is_no_longer_first() -> None:
    overall, drawn = normal_shrinkage([4.2, 4.5, 3.9, 4.7], [0.05, 0.2, 0.1, 0.4], 0.04)
    assert overall == pytest.approx(4.2041, abs=5e-5)
    assert [d.weight for d in drawn] == [pytest.approx(w, abs=5e-4) for w in (0.941, 0.5, 0.8, 0.2)]
    assert [d.mean for d in drawn] == [pytest.approx(m, abs=5e-4) for m in (4.200, 4.352, 3.961, 4.303)]


@pytest.mark.parametrize(("n", "low", "high"), [(10, 0.40, 1.0), (50, 0.62, 0.96), (200, 0.71, 0.885)])
def test_funnel_limits(n: int, low: float, high: float) -> None:
    found = funnel(0.8, n)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_one_small_sample_is_no_difference_between_people() -> None:
    found = scatter(AGENTS)
    assert found.chi_square == pytest.approx(14.90, abs=0.005)
    assert (found.freedom, found.p) == (5, pytest.approx(0.011, abs=5e-4))
    assert found.size == float("inf")
    plain = sum(c.good for c in AGENTS) / sum(c.n for c in AGENTS)
    assert beta_binomial_log(AGENTS, plain, float("inf")) == pytest.approx(found.log_likelihood, abs=1e-6)


def test_the_chance_of_that_chi_square_by_drawing() -> None:
    chances, n = random.Random(3), [int(c.n) for c in AGENTS]
    p, high = sum(c.good for c in AGENTS) / sum(n), 0
    for _ in range(3000):
        good = [sum(chances.random() < p for _ in range(k)) for k in n]
        q = sum(good) / sum(n)
        high += sum((g - k * q) ** 2 / (k * q * (1 - q)) for g, k in zip(good, n, strict=True)) >= 14.90
    assert high / 3000 == pytest.approx(0.0113, abs=0.006)


def test_people_who_do_differ_are_seen() -> None:
    found = scatter([Cell(95, 100), Cell(60, 100), Cell(80, 100), Cell(40, 100)])
    assert found.size < 100
    assert found.p < 1e-9


@pytest.mark.parametrize(
    ("x", "freedom", "p"), [(3.841, 1, 0.05), (5.991, 2, 0.05), (11.070, 5, 0.05), (23.209, 10, 0.01)]
)
def test_chi_square_tables(x: float, freedom: int, p: float) -> None:
    assert chi_tail(x, freedom) == pytest.approx(p, abs=2e-5)


def test_hard_cases_expect_less() -> None:
    expected, ratio = observed_over_expected(56, [(20, 0.9), (80, 0.6)])
    assert (expected, ratio) == (pytest.approx(66), pytest.approx(0.848, abs=5e-4))


def test_kappa_and_alpha() -> None:
    assert kappa([[20, 5], [10, 15]]) == pytest.approx(0.40)
    a = [None, None, None, None, None, 3, 4, 1, 2, 1, 1, 3, 3, None, 3]
    b = [1, None, 2, 1, 3, 3, 4, 3, None, None, None, None, None, None, None]
    c = [None, None, 2, 1, 3, 4, 4, None, 2, 1, 1, 3, 3, None, 4]
    units = list(zip(a, b, c, strict=True))
    assert alpha(units) == pytest.approx(0.691, abs=5e-4)
    assert alpha(units, interval=True) == pytest.approx(0.811, abs=5e-4)


def test_reviews_that_one_person_needs() -> None:
    assert reviews_for(0.8, 0.15) == pytest.approx(22.67, abs=0.01)


def test_planted_gaps_are_found_and_others_mostly_not() -> None:
    """40 people × 30 topics, 30 true gaps of 15 points: over ten drawings recall ≥ 80 % at no more than 15 % false."""
    chances, hit, told = random.Random(1), 0, 0
    for _ in range(10):
        gaps = set(chances.sample(range(1200), 30))
        good = [sum(chances.random() < 0.85 - 0.15 * (i in gaps) for _ in range(150)) for i in range(1200)]
        tails = [chance_of_so_few(g, 150, 0.85) for g in good]
        found = {i for i, kept in enumerate(false_discoveries(tails, 0.1)) if kept}
        hit, told = hit + len(found & gaps), told + len(found)
    assert hit / 300 >= 0.8
    assert 1 - hit / told <= 0.15


def test_false_discoveries_of_the_paper() -> None:
    """Benjamini and Hochberg 1995, their example of 15 comparisons: four stand at 5 %."""
    chances = [.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344,
               .0459, .3240, .4262, .5719, .6528, .7590, 1.0]  # fmt: skip
    assert false_discoveries(chances, 0.05) == [True] * 4 + [False] * 11
    assert false_discoveries([], 0.05) == []


@given(st.lists(st.floats(0, 1), max_size=30), st.integers(0, 99))
def test_the_order_of_findings_does_not_matter(chances: list[float], seed: int) -> None:
    order = list(range(len(chances)))
    random.Random(seed).shuffle(order)
    plain = false_discoveries(chances)
    assert [plain[i] for i in order] == false_discoveries([chances[i] for i in order])
