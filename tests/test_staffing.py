"""Queues by formula and by playing them through; the known answers of the books and of other programs."""

import random
from math import exp, inf, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.core.queueing import Arrival, Shift, play
from parley.core.staffing import (
    Demand,
    Target,
    agents_needed,
    erlang_b,
    erlang_c,
    on_rota,
    queue,
    shrinkage,
    square_root_wait,
    wait_quantile,
)

EIGHTY = Target()


def demand(load: float, handling: float = 180) -> Demand:
    return Demand(contacts=load * 1800 / handling, seconds=1800, handling=handling)


@pytest.mark.parametrize(
    ("load", "agents", "blocked"),
    [(1, 1, 0.5), (2, 5, 0.036697), (10, 10, 0.214582), (10, 15, 0.036497), (100, 110, 0.027463)],
)
def test_erlang_b(load: float, agents: int, blocked: float) -> None:
    assert erlang_b(load, agents) == pytest.approx(blocked, abs=1e-6)


def test_a_hundred_calls_in_half_an_hour() -> None:
    calls = Demand(contacts=100, seconds=1800, handling=180)
    found = queue(calls, 14, EIGHTY)
    assert found.must_wait == pytest.approx(0.1741, abs=1e-4)
    assert found.service_level == pytest.approx(0.8884, abs=1e-4)
    assert found.wait == pytest.approx(7.84, abs=0.01)
    assert found.occupancy == pytest.approx(0.7143, abs=1e-4)
    assert agents_needed(calls, EIGHTY) == 14
    assert on_rota(14, 0.3) == 20
    assert queue(calls, 13, EIGHTY).service_level == pytest.approx(0.7956, abs=1e-4)


@pytest.mark.parametrize(
    ("load", "handling", "agents"),
    [(1, 300, 3), (2, 300, 4), (5, 180, 8), (10, 180, 14), (20, 240, 25), (48, 240, 54), (50, 180, 56),
     (100, 180, 107)],
)  # fmt: skip
def test_fewest_agents_for_eighty_in_twenty(load: float, handling: float, agents: int) -> None:
    assert agents_needed(demand(load, handling), EIGHTY) == agents


GARNETT = Demand(contacts=48, seconds=60, handling=60)


def test_fifty_agents_without_patience() -> None:
    """The table of Garnett, Mandelbaum and Reiman, M&SOM 4 (2002)."""
    found = queue(GARNETT, 50, EIGHTY)
    assert found.wait == pytest.approx(20.8, abs=0.1)
    assert found.queue == pytest.approx(16.7, abs=0.1)
    assert found.occupancy == pytest.approx(0.96, abs=1e-9)
    assert wait_quantile(GARNETT, 50, 0.9) == pytest.approx(58.1, abs=0.1)


def test_fifty_agents_with_patience() -> None:
    found = queue(GARNETT, 50, EIGHTY, patience=120)
    assert found.lost == pytest.approx(0.031, abs=5e-4)
    assert found.wait == pytest.approx(3.7, abs=0.06)
    assert found.queue == pytest.approx(3.0, abs=0.06)
    assert found.occupancy == pytest.approx(0.930, abs=1e-3)


def test_patience_as_long_as_handling_is_a_poisson_count() -> None:
    """With as many servers as customers nobody differs: the number present is Poisson."""
    found = queue(demand(10), 10, EIGHTY, patience=180)
    tail = 1 - sum(exp(-10) * 10**k / _factorial(k) for k in range(10))
    assert found.must_wait == pytest.approx(0.54207, abs=5e-6)
    assert found.must_wait == pytest.approx(tail, abs=1e-12)


def _factorial(k: int) -> int:
    return 1 if k < 2 else k * _factorial(k - 1)


@pytest.mark.parametrize(("beta", "waits"), [(0.2, 0.7715), (0.5, 0.5045), (1, 0.2234), (1.5, 0.0847), (2, 0.0269)])
def test_the_square_root_rule_and_the_formula_it_comes_from(beta: float, waits: float) -> None:
    assert square_root_wait(beta) == pytest.approx(waits, abs=1e-4)
    agents = 250_000
    load = (sqrt(agents + beta * beta / 4) - beta / 2) ** 2  # where agents = load + β√load
    assert erlang_c(load, agents) == pytest.approx(waits, abs=2e-3)


def test_ten_percent_more_ruins_the_service_level() -> None:
    assert queue(demand(50), 56, EIGHTY).service_level == pytest.approx(0.841, abs=5e-4)
    assert queue(demand(55), 56, EIGHTY).service_level == pytest.approx(0.243, abs=5e-4)


def test_shrinkage_of_a_day() -> None:
    assert shrinkage(paid=8, away=0.5 + 0.5 + 0.25, absence=0.12) == pytest.approx(0.2575)


def test_too_few_agents_say_so() -> None:
    found = queue(demand(10), 10, EIGHTY)
    assert (found.wait, found.service_level, found.stable) == (inf, 0, False)
    assert wait_quantile(demand(10), 9, 0.9) == inf


def test_ten_thousand_erlangs() -> None:
    assert 0 < erlang_c(10_000, 10_100) < 1
    assert 10_000 < agents_needed(demand(10_000), EIGHTY) < 10_200


def test_overload_with_patience_is_carried_by_those_who_give_up() -> None:
    found = queue(demand(1000), 10, EIGHTY, patience=600)
    assert found.lost == pytest.approx(0.99, abs=1e-3)
    assert found.occupancy == pytest.approx(1, abs=1e-6)
    assert found.service_level < 0.01


def test_endless_patience_is_erlang_c() -> None:
    plain, patient = queue(demand(10), 13, EIGHTY), queue(demand(10), 13, EIGHTY, patience=1e9)
    assert patient.service_level == pytest.approx(plain.service_level, abs=1e-4)
    assert patient.wait == pytest.approx(plain.wait, rel=1e-3)


def test_nothing_comes() -> None:
    assert agents_needed(Demand(contacts=0, seconds=1800, handling=60), EIGHTY) == 0
    assert queue(Demand(contacts=0, seconds=1800, handling=60), 0, EIGHTY).service_level == 1


@given(st.floats(0.1, 60), st.integers(30, 900), st.sampled_from([None, 60.0, 300.0]))
def test_one_agent_fewer_would_not_do(load: float, handling: int, patience: float | None) -> None:
    work = demand(load, handling)
    agents = agents_needed(work, EIGHTY, patience)
    assert queue(work, agents, EIGHTY, patience).service_level >= 0.8
    assert agents == 1 or queue(work, agents - 1, EIGHTY, patience).service_level < 0.8


# ── the same by playing it through ──────────────────────────────────────────────────────────


def drawn(rate: float, handling: float, patience: float | None, until: float, seed: int) -> list[Arrival]:
    chances, at, found = random.Random(seed), 0.0, []
    while (at := at + chances.expovariate(rate)) < until:
        stays = chances.expovariate(1 / patience) if patience else None
        found.append(Arrival(at, chances.expovariate(1 / handling), stays))
    return found


@pytest.mark.parametrize(
    ("work", "agents", "patience"), [(Demand(contacts=100, seconds=1800, handling=180), 14, None), (GARNETT, 50, 120)]
)
def test_formula_and_simulation_agree(work: Demand, agents: int, patience: float | None) -> None:
    """Batches of a day each, so that the error of their mean is honest: within three of them."""
    levels, waits, lost = [], [], []
    length = 8000 / work.rate
    for seed in range(10):
        served = play(drawn(work.rate, work.handling, patience, length, seed), [Shift(0, agents)], length * 2)
        levels.append(sum(s.wait is not None and s.wait <= 20 for s in served) / len(served))
        waits.append(sum(s.wait if s.wait is not None else s.arrival.patience or 0 for s in served) / len(served))
        lost.append(sum(s.begun is None for s in served) / len(served))
    found = queue(work, agents, EIGHTY, patience)
    for told, seen in ((found.service_level, levels), (found.wait, waits), (found.lost, lost)):
        mean = sum(seen) / len(seen)
        error = sqrt(sum((x - mean) ** 2 for x in seen) / 9 / 10)
        assert abs(told - mean) <= 3.5 * error + 1e-9


def test_who_is_due_first_is_served_first() -> None:
    early, late = Arrival(0, 10, due=500), Arrival(1, 10, due=20)
    blocking = Arrival(0, 5, due=1)
    served = play([early, late, blocking], [Shift(0, 1)], 1000)
    assert [s.begun for s in served] == [15, 5, 0]
    assert [s.in_time for s in served] == [True, True, False]


def test_work_waits_for_the_next_shift() -> None:
    served = play([Arrival(0, 60, due=4000)], [Shift(0, 0), Shift(3600, 1), Shift(7200, 0)], 9000)
    assert served[0].begun == 3600
    assert play([Arrival(0, 60)], [Shift(0, 0)], 9000)[0].begun is None


def test_who_lost_patience_is_not_served() -> None:
    served = play([Arrival(0, 100), Arrival(1, 10, patience=50), Arrival(2, 10, patience=200)], [Shift(0, 1)], 1000)
    assert [s.begun for s in served] == [0, None, 100]
