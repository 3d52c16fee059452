"""What customers answer: NPS, effort, nonresponse, sample sizes, against known answers."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.core import opinions
from parley.core.opinions import (
    Recommending,
    Stratum,
    answers_for_nps,
    answers_for_share,
    effort,
    nps,
    nps_change,
    nps_plain,
    recommending,
    service_gap,
    t_of,
    weighted_content,
)


def test_nps_of_a_hundred() -> None:
    found = Recommending(100, 50, 20)
    assert (found.score, found.variance) == (30, pytest.approx(0.61))
    assert found.error == pytest.approx(7.81, abs=0.005)
    plain, adjusted = nps_plain(found), nps(found).interval
    assert (plain.low, plain.high) == (pytest.approx(14.7, abs=0.05), pytest.approx(45.3, abs=0.05))
    assert (adjusted.low, adjusted.high) == (pytest.approx(14.1, abs=0.05), pytest.approx(44.2, abs=0.06))


def test_ten_promoters_are_not_certain() -> None:
    found = Recommending(10, 10, 0)
    assert (nps_plain(found).low, nps_plain(found).high) == (100, 100)
    assert nps(found).interval.low == pytest.approx(47.5, abs=0.1)
    assert nps(found).interval.high == 100


def test_nps_of_a_thousand() -> None:
    found = Recommending(1000, 600, 150)
    assert (found.score, found.error) == (pytest.approx(45), pytest.approx(2.34, abs=0.005))
    assert nps(found).interval.low == pytest.approx(40.3, abs=0.05)
    assert nps(found).interval.high == pytest.approx(49.4, abs=0.06)


def test_sixteen_points_more_that_are_not_a_change() -> None:
    now, then = Recommending(120, 70, 15), Recommending(100, 50, 20)
    found = nps_change(now, then)
    assert found.value == pytest.approx(15.83, abs=0.005)
    assert sqrt(now.error**2 + then.error**2) == pytest.approx(10.13, abs=0.005)
    assert not found.clear


def test_answers_needed() -> None:
    assert [answers_for_share(p, 0.05) for p in (0.8, 0.9)] == [246, 139]
    assert [answers_for_nps(v, 5) for v in (0.61, 1.0)] == [938, 1537]


def test_those_who_answer_seldom_weigh_more() -> None:
    quick, slow = Stratum(200, 60, 57), Stratum(200, 20, 10)
    assert (57 + 10) / 80 == 0.8375
    assert weighted_content([quick, slow]) == pytest.approx(0.725)
    assert weighted_content([quick, Stratum(100, 0, 0)]) == pytest.approx(0.95)
    assert weighted_content([]) is None


@pytest.mark.parametrize(
    ("freedom", "t"), [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (29, 2.045), (200, 1.972)]
)
def test_students_t_of_the_tables(freedom: int, t: float) -> None:
    assert t_of(0.95, freedom) == pytest.approx(t, abs=6e-4)


def test_a_service_that_falls_short_of_what_was_expected() -> None:
    assert service_gap([(5.8, 6.4), (6.1, 6.3), (5.0, 6.0)]) == pytest.approx(-0.60)


def test_effort() -> None:
    found = effort([7, 6, 5, 4, 7, 6])
    assert found.mean.value == pytest.approx(5.8333, abs=1e-4)
    assert found.mean.interval.low == pytest.approx(4.606, abs=2e-3)
    assert found.mean.interval.high == 7
    assert found.agreed.value == pytest.approx(5 / 6)
    assert effort([6]).mean.interval.low is None
    assert effort([]).n == 0


@given(st.lists(st.integers(0, 10), min_size=1, max_size=80))
def test_nps_lies_within_its_interval_or_at_the_edge(answers: list[int]) -> None:
    found = nps(recommending(answers))
    assert found.value is not None
    assert -100 <= (found.interval.low or 0) <= (found.interval.high or 0) <= 100
    assert recommending(answers) == recommending(sorted(answers))


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_students_t_of_many_degrees_of_freedom_is_the_same_by_both_ways(
    level: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = [opinions.t_of(level, freedom) for freedom in (2001, 2500)]
    monkeypatch.setattr(opinions, "MANY_FREEDOMS", 10**6)
    assert quick == pytest.approx([opinions.t_of(level, freedom) for freedom in (2001, 2500)], rel=1e-8)
