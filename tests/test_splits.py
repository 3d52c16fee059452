"""Rows shared out as columns stand where each would stand by itself."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.ai.splits import NONE, Groups, Marks, Split, buckets, of_owners, several, single
from parley.core.measure import micros, moment

values = st.lists(st.integers(-1, 3), max_size=12)
pairs = st.lists(st.tuples(st.integers(-1, 80_000), st.integers(0, 4)), max_size=12)
tagged = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), unique=True, max_size=20)


def members(groups: Groups) -> dict[tuple[int, ...], list[int]]:
    return {key: groups.rows(key).tolist() for key in groups.ends}


def told(split: Split) -> list[tuple[int, int]]:
    return list(zip(split.place.tolist(), split.value.tolist(), strict=True))


@given(pairs)
def test_rows_are_shared_out_among_pairs_of_values(rows: list[tuple[int, int]]) -> None:
    """The widest values take more numbers than fit in sixteen bits, so both ways of sorting come up."""
    wanted: dict[tuple[int, ...], list[int]] = {}
    for place, pair in enumerate(rows):
        wanted.setdefault(pair, []).append(place)
    columns = np.asarray(rows, np.int64).reshape(-1, 2).T
    groups = Groups([single(columns[0]), single(columns[1])])
    assert members(groups) == wanted
    assert {key: groups.count(key) for key in groups.ends} == {key: len(of) for key, of in wanted.items()}
    assert groups.values(1) == {pair[1] for pair in rows}
    assert groups.rows((7, 7)).tolist() == []


@given(values, tagged)
def test_a_row_with_several_values_stands_under_each(own: list[int], tags: list[tuple[int, int]]) -> None:
    teams = {0: [0, 2], 1: [1], 2: []}
    by_team = several(np.asarray(own, np.int64), teams)
    assert told(by_team) == [(place, team) for place, one in enumerate(own) for team in teams.get(one) or [NONE]]
    marks = Marks([(tag, np.asarray([n for t, n in tags if t == tag], np.int64)) for tag in range(5)])
    by_tag = marks.split(np.arange(len(own)))
    had = {place: sorted(tag for tag, number in tags if number == place) or [NONE] for place in range(len(own))}
    assert sorted(told(by_tag)) == [(place, tag) for place in had for tag in had[place]]
    crossed = members(Groups([by_team, by_tag]))
    assert sorted((place, *key) for key, places in crossed.items() for place in places) == sorted(
        (place, team, tag) for place, team in told(by_team) for tag in had[place]
    )


@given(st.lists(st.datetimes(datetime(1999, 12, 1), datetime(2101, 2, 1)), max_size=9))
def test_buckets_of_time_are_those_of_the_calendar(naive: list[datetime]) -> None:
    moments = [moment(0) + (one - datetime(1970, 1, 1)) for one in naive]
    at = np.asarray([micros(one) for one in moments], np.int64)
    assert buckets("hour", at).tolist() == [one.hour for one in moments]
    assert buckets("weekday", at).tolist() == [one.weekday() for one in moments]
    days = {key: [moment(0) + timedelta(days=day) for day in buckets(key, at).tolist()] for key in _FIRST}
    assert days == {key: [first(one) for one in moments] for key, first in _FIRST.items()}


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


_FIRST = {
    "day": _midnight,
    "week": lambda at: _midnight(at) - timedelta(days=at.weekday()),
    "month": lambda at: _midnight(at).replace(day=1),
}


@pytest.mark.parametrize("owners", [[], [5, 3, 9]])
def test_what_belongs_to_nobody_has_no_value(owners: list[int]) -> None:
    found = of_owners(np.asarray(owners, np.int64) * 10, np.asarray(owners, np.int64), np.asarray([3, 4, 9], np.int64))
    assert found.tolist() == [one * 10 if one in owners else NONE for one in (3, 4, 9)]
