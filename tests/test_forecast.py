"""Forecasting: no method looks ahead, known patterns are met, and the band holds what it promises."""

import random

import numpy as np
import pytest

from parley.ai.forecasting.outlook import BLEND, CLEARLY, MEDIAN, METHODS, backtest_origins, forecast, sensible
from parley.ai.forecasting.series import Series, mended, shut_days

HOURS = 24
WEEK = 7 * HOURS


def shop(weeks: int, seed: int = 1, growth: float = 0.0, busy: float = 12.0) -> np.ndarray:
    """Poisson counts of a shop that is open by day, quieter on Sunday, shut on Saturday; growth per week."""
    draw = np.random.default_rng(seed)
    hour, day = np.arange(weeks * WEEK) % HOURS, np.arange(weeks * WEEK) // HOURS % 7
    open_ = (hour >= 8) & (hour < 20) & (day != 5)
    mean = busy * np.sin((hour - 8) / 12 * np.pi).clip(0) * np.where(day == 6, 0.4, 1.0)
    return draw.poisson(mean * open_ * (1 + growth) ** (np.arange(weeks * WEEK) / WEEK)).astype(float)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("per_day", [1, 24, 48])
def test_no_method_looks_ahead(name: str, per_day: int) -> None:
    counts = np.random.default_rng(3).poisson(9.0, 9 * 7 * per_day).astype(float)
    origin, horizon = 7 * 7 * per_day, 3 * per_day
    later = counts.copy()
    later[origin:] = 1000.0
    method = METHODS[name][0]
    plain, changed = (method(row, [origin], horizon, per_day) for row in (counts, later))
    assert plain.shape == (1, horizon)
    assert np.array_equal(plain, changed)
    assert (plain >= 0).all()


@pytest.mark.parametrize("name", METHODS)
def test_a_week_that_repeats_is_foreseen_by_every_method(name: str) -> None:
    week = np.square(3 + 2 * np.sin(np.arange(WEEK) / WEEK * 2 * np.pi) + np.cos(np.arange(WEEK) / HOURS * 2 * np.pi))
    counts = np.tile(week, 9)
    found = METHODS[name][0](counts[: 8 * WEEK], [8 * WEEK], 48, HOURS)[0]
    assert found == pytest.approx(counts[8 * WEEK : 8 * WEEK + 48], rel=0.05)


def test_hours_in_which_nothing_ever_came_stay_empty() -> None:
    found = forecast(Series(shop(10), HOURS), WEEK)
    shut = shop(10)[:WEEK] == 0
    night = np.arange(WEEK) % HOURS < 8
    assert shut[night].all()
    assert found.mid[night].max() < 0.2
    assert found.mid[10] > 4


def test_the_band_holds_eight_of_ten() -> None:
    held = []
    for seed in range(6):
        counts = shop(11, seed)
        found = forecast(Series(counts[: 10 * WEEK], HOURS), 48)
        day = found.mid > 1
        came = counts[10 * WEEK : 10 * WEEK + 48]
        held += list((found.low <= came)[day] & (came <= found.high)[day])
    assert len(held) > 100
    assert 0.7 <= np.mean(held) <= 0.92


def test_the_forecast_of_pure_chance_stands_near_the_floor() -> None:
    from parley.core.accuracy import times_floor

    counts = shop(14, 4)
    found = [forecast(Series(counts[:o], HOURS), HOURS).mid for o in range(12 * WEEK, 14 * WEEK, HOURS)]
    assert times_floor(list(counts[12 * WEEK :]), list(np.concatenate(found))) < 1.25


def test_growth_is_followed() -> None:
    counts = shop(14, 2, growth=0.05, busy=20)
    found = forecast(Series(counts[: 13 * WEEK], HOURS), WEEK)
    assert found.mid.sum() == pytest.approx(counts[13 * WEEK :].sum(), rel=0.1)


def test_all_methods_are_tried_and_the_mean_speaks_unless_one_is_clearly_better() -> None:
    found = forecast(Series(shop(10), HOURS), HOURS)
    errors = {trial.name: trial.wape for trial in found.trials}
    assert {MEDIAN, BLEND, *METHODS} == set(errors)
    assert list(errors.values()) == sorted(errors.values())
    assert found.origins == 14
    assert found.method == (found.trials[0].name if found.trials[0].wape < CLEARLY * errors[BLEND] else BLEND)


def test_a_method_that_is_clearly_better_speaks_alone() -> None:
    """The same jagged week again and again: "as a week ago" is never wrong, waves always are a little."""
    repeating = np.tile(np.random.default_rng(8).integers(0, 2, WEEK) * 30.0, 10)
    found = forecast(Series(repeating, HOURS), HOURS)
    assert found.method != BLEND
    assert found.trials[0].wape == pytest.approx(0, abs=1e-9)
    assert found.mid == pytest.approx(repeating[:HOURS], abs=1e-6)


def test_a_day_shut_unforeseen_teaches_nothing() -> None:
    counts = shop(10)
    fallen = counts.copy()
    fallen[-WEEK : -WEEK + HOURS] = 0
    assert shut_days(Series(fallen, HOURS))[-WEEK : -WEEK + HOURS].all()
    assert not shut_days(Series(counts, HOURS)).any()
    first = [forecast(Series(row, HOURS), HOURS).mid.sum() for row in (counts, fallen)]
    assert first[1] == pytest.approx(first[0], rel=0.15)


def test_a_holiday_to_come_is_foreseen_as_past_ones_were() -> None:
    counts = shop(10)
    holidays = np.zeros(71, bool)
    holidays[[28, 35, 70]] = True  # all on the first weekday; the last of them is tomorrow
    for day in (28, 35):
        counts[day * HOURS : (day + 1) * HOURS] = np.round(counts[day * HOURS : (day + 1) * HOURS] * 0.3)
    plain = forecast(Series(counts, HOURS), HOURS).mid.sum()
    known = forecast(Series(counts, HOURS, holidays), HOURS).mid.sum()
    assert mended(Series(counts, HOURS, holidays))[1] == pytest.approx(0.3, abs=0.06)
    assert known == pytest.approx(0.3 * plain, rel=0.25)


@pytest.mark.parametrize("weeks", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("per_day", [1, 24])
@pytest.mark.parametrize("days", [2, 7, 10])
def test_short_histories_are_carried_forward_too(weeks: int, per_day: int, days: int) -> None:
    counts = np.tile(np.arange(7.0 * per_day) % 5 + 3, weeks)
    found = forecast(Series(counts, per_day), days * per_day)
    assert len(found.mid) == days * per_day
    assert (found.low <= found.mid).all()
    assert (found.mid <= found.high).all()
    assert found.mid.mean() == pytest.approx(counts.mean(), rel=0.5)


def test_less_than_a_week_says_so() -> None:
    with pytest.raises(ValueError, match="one whole week"):
        forecast(Series(np.ones(100), 24), 24)


@pytest.mark.parametrize("known", [300, 500, 5000])
def test_backtests_have_their_whole_horizon_and_two_weeks_to_learn_from(known: int) -> None:
    origins = backtest_origins(known, 48, 24, 14)
    assert all(14 * 24 <= origin <= known - 48 for origin in origins)
    assert origins == sorted(origins)


def test_nothing_at_all_is_foreseen_as_nothing() -> None:
    found = forecast(Series(np.zeros(8 * WEEK), HOURS), HOURS)
    assert found.mid.max() == pytest.approx(0.0, abs=1e-6)


def test_strange_values_break_nothing() -> None:
    chances = random.Random(2)
    for per_day in (1, 24):
        counts = np.array([chances.choice([0.0, 0.0, 1.0, 1e6]) for _ in range(9 * 7 * per_day)])
        found = forecast(Series(counts, per_day), 3 * per_day)
        assert np.isfinite([found.low, found.mid, found.high]).all()


def test_four_weeks_with_a_jump_at_the_end_are_not_carried_to_the_sky() -> None:
    days = np.array([8, 7, 4, 19, 8, 9, 8, 17, 6, 5, 10, 11, 9, 4, 13, 8, 7, 11, 10, 8, 5, 27, 10, 18, 27, 40, 22.0])
    found = forecast(Series(days, 1), 7)
    assert found.mid.max() <= 45
    assert 8 * 7 < found.mid.sum() < 30 * 7
    assert 0.9 <= found.lift <= 1.15


@pytest.mark.parametrize("name", METHODS)
def test_no_method_runs_away(name: str) -> None:
    steep = np.square(np.arange(9.0 * 7) / 4)
    rows = sensible(name, steep, [5 * 7, 9 * 7], 21, 1)
    assert rows.shape == (2, 21)
    assert rows[0].max() <= 1.5 * steep[: 5 * 7].max()
    assert rows[1].max() <= 1.5 * steep.max()
