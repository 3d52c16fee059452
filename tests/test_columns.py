"""Figures of many conversations at once are the figures of each, one by one: core/ and ai/ say the same."""

from datetime import timedelta
from functools import partial
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.ai import survival
from parley.ai.columns import Flags, Talks, columns, foremost, joined, places
from parley.core import measure, stats
from parley.core.attainment import Promise, state
from parley.core.coded import CLOCKS, HEAD, LETTERS, QUESTIONS, code
from parley.core.firstcontact import Contact, no_repeat
from parley.core.measure import DAY, SECOND, Measured, moment
from parley.services.facts import Made

NOW = 400 * DAY


def measured(chance: Random, number: int) -> Measured:
    def sometimes(low: int, high: int = NOW) -> int | None:
        return chance.randint(low, high) if chance.random() < 0.6 else None

    def flag() -> bool:
        return chance.random() < 0.5

    early, few = 300 * DAY, partial(chance.randint, 0, 3)
    return Measured(
        number, chance.randint(1, 2), "email", 0, with_bot=flag(), imported=flag(),
        began_at=chance.randint(early, NOW), people_at=sometimes(early), bot_at=sometimes(early),
        human_at=sometimes(early), first_closed_at=sometimes(early), closed_at=sometimes(early),
        closed_by=chance.choice(("agent", "import")), resolved=flag(), closes=few(), reopens=few(),
        bot_replies=few(), human_replies=few(), agent=sometimes(0, 3), several=flag(), holder=sometimes(0, 3),
        transfers=few(), first_reopened_at=sometimes(early), person=chance.randint(1, 3),
        inbox=chance.randint(1, 70_000),
    )  # fmt: skip


def _many(seed: int, count: int) -> list[Measured]:
    chance = Random(seed)
    return sorted((measured(chance, number) for number in range(count)), key=lambda talk: talk.began_at or 0)


def many() -> st.SearchStrategy[list[Measured]]:
    return st.builds(_many, st.integers(0, 2**32), st.integers(0, 12))


def read(talks: list[Measured]) -> Talks:
    return Talks.read("".join(code(talk, 4) for talk in talks))


def answers(found: tuple[Flags, Flags]) -> list[bool | None]:
    return [bool(yes) if known else None for known, yes in zip(*(part.tolist() for part in found), strict=True)]


@given(many())
@settings(max_examples=150)
def test_each_clock_and_question_reads_what_was_measured(talks: list[Measured]) -> None:
    found = read(talks)
    for name, clock in CLOCKS.items():
        has, seconds, stopped = found.clock(name, NOW)
        told = iter(zip(seconds.tolist(), stopped.tolist(), strict=True))
        read_off = [measure.Reading(*next(told)) if one else None for one in has.tolist()]
        assert read_off == [clock(talk, NOW) for talk in talks]
    for name, question in {**QUESTIONS, "contained": measure.contained}.items():
        assert answers(found.answer(name)) == [question(talk) for talk in talks]
    assert answers(found.lasted(NOW)) == [measure.no_reopen(talk, NOW) for talk in talks]
    assert found.with_bot.tolist() == [talk.with_bot for talk in talks]
    for name in ("conversation", "person", "inbox", "brand", "bot_replies", "human_replies"):
        assert found[name].tolist() == [getattr(talk, name) for talk in talks]
    assert found["agent"].tolist() == [-1 if talk.agent is None else talk.agent for talk in talks]
    assert set(found["channel"].tolist()) <= {4}


@given(many())
def test_the_first_letters_alone_tell_when_and_where(talks: list[Measured]) -> None:
    codes = [code(talk, 4) for talk in talks]
    assert {len(one) for one in codes} <= {LETTERS}
    heads = Talks.read("".join(one[:HEAD] for one in codes), heads=True)
    assert heads.began.tolist() == [talk.began_at for talk in talks]
    assert answers(heads.answer("contained")) == [measure.contained(talk) for talk in talks]


@given(many(), st.integers(1, 40))
def test_who_came_again(talks: list[Measured], days: int) -> None:
    contacts = [Contact(number=t.conversation, person=t.person, began=(t.began_at or 0) / SECOND) for t in talks]
    expected = no_repeat(contacts, days, NOW / SECOND)
    assert read(talks).came_again(days).tolist() == [expected[t.conversation] is False for t in talks]


@given(many())
def test_parts_of_a_desk_keep_the_order(talks: list[Measured]) -> None:
    found = read(list(reversed(talks)))
    assert found.began.tolist() == [talk.began_at for talk in talks]
    mine = found.where(found.having(brand=2, agent=None))
    assert mine.began.tolist() == [talk.began_at for talk in talks if talk.brand == 2]
    early = found.between(300 * DAY, 350 * DAY)
    assert early.began.tolist() == [talk.began_at for talk in talks if (talk.began_at or 0) < 350 * DAY]
    assert sorted(joined([early, mine]).numbers.tolist()) == sorted([*early.numbers.tolist(), *mine.numbers.tolist()])
    assert sum(map(sum, found.a_week_hour())) == len(talks) == sum(found.a_day(300, 101))


times = st.lists(st.integers(0, 40) | st.integers(0, 100_000), max_size=60)


def as_columns(done: list[int], running: list[int]) -> survival.Times:
    seconds, stopped = (columns(" ".join(map(str, one)), 1)[0] for one in ([*done, *running], [1] * len(done)))
    flags = columns(" ".join(["1"] * len(stopped) + ["0"] * len(running)), 1)[0] > 0
    return survival.Times(seconds, flags)


@given(times, times, times, times)
@settings(max_examples=200)
def test_medians_curves_and_their_test_are_the_same(
    done: list[int], running: list[int], past: list[int], still: list[int]
) -> None:
    here, there = as_columns(done, running), as_columns(past, still)
    assert here.spread == stats.spread(done, running)
    steps = stats.kaplan_meier(done, running)
    assert here.curve.points(1000) == tuple((step.time, 1 - step.alive) for step in steps)
    now, then = stats.Times(done, running), stats.Times(past, still)
    assert survival.log_rank(here, there) == pytest.approx(stats.log_rank(now, then), abs=1e-9)
    assert survival.change(here, there, 0.99).value == stats.time_change(now, then, 0.99).value


@given(st.lists(st.integers(1, 3_000_000), min_size=60, max_size=400))
@settings(max_examples=60)
def test_a_curve_of_fewer_points_is_exact_where_it_says(done: list[int]) -> None:
    edges = (604_800, 2_592_000)
    whole, fewer = (as_columns(done, []).curve.points(most, edges) for most in (10_000, 20))
    assert set(fewer) <= set(whole)
    assert fewer[-1] == whole[-1]
    for wait in (60, 600, 3600, 86_400, *edges):
        assert max((s for t, s in fewer if t <= wait), default=0) == max((s for t, s in whole if t <= wait), default=0)
    for (first, _), (second, _) in pairwise(fewer):
        assert first < second


offsets = st.one_of(st.none(), st.integers(-5, 5))


@given(st.lists(st.tuples(offsets, offsets, st.booleans()), max_size=20))
def test_promises_are_kept_and_broken_as_one_by_one(rows: list[tuple[int | None, int | None, bool]]) -> None:
    at = [tuple(-1 if x is None else NOW + x for x in row[:2]) for row in rows]
    due, met = columns(" ".join(f"{d} {m}" for d, m in at), 2)
    void = columns(" ".join(str(int(row[2])) for row in rows), 1)[0]
    kept, broken = Made(*[void] * 6, due, met, void).state(NOW)
    for place, (d, m, gone) in enumerate(rows):
        promise = Promise(due=None if d is None else moment(NOW + d), met_at=None if m is None else moment(NOW + m))
        told = "" if gone else state(promise, moment(NOW), timedelta(0))
        assert kept[place] == (told == "met")
        assert broken[place] == (told == "breached")


@pytest.mark.parametrize("count", [0, 3])
def test_the_foremost_are_in_order(count: int) -> None:
    values, then = columns("3 1 1 2", 1)[0], columns("1 9 8 7", 1)[0]
    assert foremost(count, (values, then), values, then) == [(1, 8), (1, 9), (2, 7)][:count]


@given(st.lists(st.integers(0, 20), unique=True), st.lists(st.integers(0, 20)))
def test_places(among: list[int], wanted: list[int]) -> None:
    there, numbers = (columns(" ".join(map(str, one)), 1)[0] for one in (among, wanted))
    place, known = places(there, numbers)
    assert known.tolist() == [one in among for one in wanted]
    assert there[place[known]].tolist() == [one for one in wanted if one in among]
