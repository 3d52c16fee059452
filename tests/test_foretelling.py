"""Quality of predictions, rankings and experiments, against known answers."""

import random
from math import log2

import pytest

from parley.core.foretelling import (
    auc,
    auc_error,
    average_precision,
    brier,
    calibration_error,
    dcg,
    effect,
    log_loss,
    ndcg,
    recall_at,
    sample_per_arm,
)

Y, S = [False, False, True, True], [0.1, 0.4, 0.35, 0.8]


def test_four_cases() -> None:
    assert auc(Y, S) == 0.75
    assert average_precision(Y, S) == pytest.approx(0.833, abs=5e-4)
    assert brier(Y, S) == pytest.approx(0.158125)
    assert log_loss(Y, S) == pytest.approx(0.4723, abs=5e-5)


def test_ten_cases_of_two_kinds() -> None:
    outcomes = [False] * 4 + [True] * 5 + [False]
    chances = [0.1] * 5 + [0.9] * 5
    assert calibration_error(outcomes, chances) == pytest.approx(0.10)
    assert brier(outcomes, chances) == pytest.approx(0.17)


def test_error_of_an_auc() -> None:
    assert auc_error(0.75, 50, 450) == pytest.approx(0.041, abs=5e-4)
    assert auc([True], [1.0]) is None


def test_shuffled_labels_foretell_nothing() -> None:
    chances = random.Random(2)
    outcomes, scores = [chances.random() < 0.3 for _ in range(4000)], [chances.random() for _ in range(4000)]
    assert auc(outcomes, scores) == pytest.approx(0.5, abs=0.03)


def test_auc_by_counting_pairs() -> None:
    chances = random.Random(6)
    outcomes, scores = [chances.random() < 0.4 for _ in range(80)], [chances.randrange(9) for _ in range(80)]
    yes, no = ([s for s, y in zip(scores, outcomes, strict=True) if y is kind] for kind in (True, False))
    pairs = [(a > b) + (a == b) / 2 for a in yes for b in no]
    assert auc(outcomes, scores) == pytest.approx(sum(pairs) / len(pairs))


def test_a_ranking() -> None:
    gains = [3, 2, 3, 0, 1, 2]
    assert dcg(gains) == pytest.approx(6.861, abs=5e-4)
    assert dcg(sorted(gains, reverse=True)) == pytest.approx(7.141, abs=5e-4)
    assert ndcg(gains) == pytest.approx(0.961, abs=5e-4)


def test_hits_among_the_relevant() -> None:
    hits = [True, False, True, False, False]
    assert recall_at(hits, 4) == 0.5
    assert ndcg(hits, ideal=[1, 1, 1, 1]) == pytest.approx(0.586, abs=5e-4)
    assert dcg(hits) == pytest.approx(1 + 1 / log2(4))


def test_eight_against_five_percent() -> None:
    found = effect(80, 1000, 50, 1000)
    assert found.difference == pytest.approx(0.03)
    assert (found.interval.low, found.interval.high) == (
        pytest.approx(0.0084, abs=5e-5),
        pytest.approx(0.0516, abs=5e-5),
    )
    assert found.z == pytest.approx(2.73, abs=0.005)


def test_people_needed_in_each_arm() -> None:
    assert (sample_per_arm(0.10, 0.12), sample_per_arm(0.20, 0.17)) == (3841, 2629)


def test_that_many_people_have_the_power_that_was_promised() -> None:
    chances, n, shown = random.Random(9), 434, 0
    assert sample_per_arm(0.2, 0.28) == pytest.approx(n, abs=20)
    for _ in range(400):
        a, b = (sum(chances.random() < p for _ in range(n)) for p in (0.28, 0.2))
        shown += abs(effect(a, n, b, n).z) > 1.96
    assert shown / 400 == pytest.approx(0.8, abs=0.07)
