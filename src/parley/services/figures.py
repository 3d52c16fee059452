"""The figures: how many, how fast, how content, each with n, interval and a comparison with the period before.

What a figure means stands in core/measure.py, how sure it is in core/stats.py, where its facts come
from in services/numbers.py. `report` makes all of them, `cases` shows the conversations behind one.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection

from parley.core import opinions, stats
from parley.core.coded import CLOCKS
from parley.core.errors import NotFound
from parley.core.measure import DAY, DEFINITIONS, SECOND, VERSION, micros, moment
from parley.core.opinions import SOLVED
from parley.services.facts import BESIDE, MEASURES, NONE, Facts, Source, those
from parley.services.inbox import Viewer
from parley.services.numbers import Choice, Period, before, may_choose, period_of
from parley.services.promised import KINDS

if TYPE_CHECKING:
    from parley.ai.columns import Flags, Talks, Whole
    from parley.ai.survival import Times

CHANGE_LEVEL = 0.99
FEW_FOR_A_PERSON = 5  # below this many cases nothing is said about a single agent
MOST_CASES = 200
CONTENT = 4  # ratings from here on count as satisfied
MOST_POINTS = 1500  # of a curve that are told one by one
CURVE_EDGES = (7 * 86_400, 30 * 86_400)  # seconds at which a curve is exact, beside all that have three digits
ALL_HOURS = "calendar time, 24 hours a day"
OPEN_HOURS = "business time, in the opening hours of each brand; ages of what is open in calendar time"
PERIODS = {7: "7 days", 28: "28 days", 91: "13 weeks"}  # whole weeks: equal weekdays on both sides


class Number(msgspec.Struct, frozen=True, kw_only=True):
    """One figure with what is needed to judge it. The definition is found by `key`.

    n: cases behind the value. running: cases whose clock still runs, counted as censored. left_out:
    cases of the cohort that say nothing here. hits: for shares. change: a ratio for volume, a
    difference for shares and seconds. few: too few cases to say anything about a person; value withheld.
    """

    key: str
    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    hits: int | None = None
    running: int = 0
    left_out: int = 0
    before: float | None = None
    n_before: int = 0
    change: stats.Change = stats.Change()
    few: bool = False


class Daily(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar day (UTC). before: conversations on its counterpart one period earlier."""

    day: datetime
    volume: int
    kept: int
    before: int


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one channel or brand."""

    key: str
    numbers: tuple[Number, ...]


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Share of conversations answered within a time: points of (seconds, share)."""

    key: str
    points: tuple[tuple[float, float], ...]
    n: int
    running: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page of numbers. heat: conversations by weekday (Monday first) and hour. as_of_seq: the log's
    place up to which the facts were made."""

    choice: Choice
    period: Period
    compared_with: Period
    time_zone: str = "UTC"
    currency: str = ""
    calendar: str = ALL_HOURS
    definitions: int = VERSION
    numbers: tuple[Number, ...]
    days: tuple[Daily, ...]
    heat: tuple[tuple[int, ...], ...]
    channels: tuple[Group, ...]
    brands: tuple[Group, ...]
    curves: tuple[Curve, ...]
    resolution: Curve

    def number(self, key: str) -> Number:
        return next(number for number in self.numbers if number.key == key)


def report(conn: Connection, who: Viewer, choice: Choice, now: datetime) -> Report:
    """Every figure for a choice, as seen now."""
    may_choose(who, choice)
    this = period_of(choice.days, now)
    that = before(this, choice.days)
    source = Source(conn, who, choice, that.start, now)
    facts = source.facts(this)._replace(open=source.open())
    past = source.facts(that)
    made = made_of(facts, past, choice, this, that, now, source.channels, _few(who, choice))
    hours = {"calendar": OPEN_HOURS} if choice.open_hours else {}
    return msgspec.structs.replace(made, currency=source.costs.currency, **hours)


def made_of(
    facts: Facts,
    past: Facts,
    choice: Choice,
    this: Period,
    that: Period,
    now: datetime,
    channels: Mapping[str, int],
    few: int,
) -> Report:
    """The report of these facts. channels: what their numbers stand for."""
    names = {number: name for name, number in channels.items()}
    here, there = Told(facts, micros(now)), Told(past, micros(now))
    paired = _paired(facts, past, this, choice.days)
    return Report(
        choice=choice,
        period=this,
        compared_with=that,
        numbers=_numbers(here, there, paired, few),
        days=_days(facts, paired, this, choice.days),
        heat=facts.talks.a_week_hour(),
        channels=_groups(here, few, "channel", lambda number: names.get(number, str(number))),
        brands=_groups(here, few, "brand", str),
        curves=(_curve("human", here), _curve("bot", here)),
        resolution=_curve("resolution", here),
    )


def _few(who: Viewer, choice: Choice) -> int:
    """How many cases it takes to say something; people see their own from the first."""
    return FEW_FOR_A_PERSON if choice.agent is not None and choice.agent != who.agent else 0


# ── figures ─────────────────────────────────────────────────────────────────────────────────

QUESTIONS = ("contained", "reopened", "no_repeat", "one_touch", "no_reopen", "first_contact_closed", "transferred",
             "bot_resolved")  # fmt: skip
SAID = {"nps": "nps", "ces": "ces", "said_solved": SOLVED}
PROMISED = {"first_kept": "first", "next_kept": "next", "resolution_kept": "resolution"}
NO_PROMISES = [[0, 0, 0, 0]] * len(KINDS)
FAILED = {"reopened": 1.0, "transferred": 1.0}  # which answer is the telling one; elsewhere it is "no"


class Told:
    """Facts, and their times, each of which is sorted once."""

    def __init__(self, facts: Facts, now: int, attained: list[list[int]] | None = None) -> None:
        """attained: what is known already of the promises."""
        self.facts, self.now, self._attained = facts, now, attained
        self._times: dict[str, Times] = {}

    def times(self, clock: str) -> "Times":
        if clock not in self._times:
            self._times[clock] = self.facts.talks.times(clock, self.now)
        return self._times[clock]

    @cached_property
    def attained(self) -> list[list[int]]:
        if self._attained is None:
            return self.facts.made.attained(self.now).get(0) or NO_PROMISES
        return self._attained

    def counted(self, question: str) -> tuple[int, int]:
        """Those who say yes, of those who can answer."""
        known, yes = answered(self.facts, question, self.now)
        return int(yes.sum()), int(known.sum())


def answered(facts: Facts, question: str, now: int) -> "tuple[Flags, Flags]":
    """Which conversations can answer a question, and which say yes."""
    talks = facts.talks
    match question:
        case "no_repeat":
            return facts.old, facts.old & ~facts.again
        case "no_reopen":
            return talks.lasted(now)
        case "bot_resolved":  # kept by the bot, and nothing said afterwards that it was not solved
            decided, kept = talks.answer("contained")
            known = decided & facts.old
            return known, known & kept & ~facts.again & ~facts.unhappy
    return talks.answer(question)


def _numbers(here: Told, there: Told, paired: tuple[list[int], list[int]], few: int) -> tuple[Number, ...]:
    facts, past = here.facts, there.facts
    found = [_volume(facts, past, paired)]
    for name in CLOCKS:
        found += _timed(name, here.times(name), there.times(name), len(facts.talks))
    for name in QUESTIONS:
        if name == "transferred":
            found.append(_shared("said_solved", _solved(facts), _solved(past), len(facts.scores(SOLVED))))
        found.append(_shared(name, here.counted(name), there.counted(name), len(facts.talks)))
    found += [_kept(key, here, there, kind) for key, kind in PROMISED.items()]
    found.append(_shared("csat", _content(facts), _content(past), len(facts.rated.at)))
    found.append(_shared("response_rate", _answered(facts), _answered(past), len(facts.rated.at)))
    found += [_recommended(facts, past), _effort(facts, past), _cost(facts, past)]
    found += _backlog(facts.open.ages(here.now))
    return tuple(withheld(number, few) for number in found)


def _volume(facts: Facts, past: Facts, paired: tuple[Sequence[int], Sequence[int]]) -> Number:
    n, n_before = len(facts.talks), len(past.talks)
    change = stats.count_change(*paired, CHANGE_LEVEL)
    return Number(key="volume", n=n, value=n, before=n_before, n_before=n_before, change=change)


def _timed(name: str, now: "Times", then: "Times", cohort: int) -> list[Number]:
    from parley.ai import survival

    here, there = now.spread, then.spread
    tested = survival.change(now, then, CHANGE_LEVEL)
    found = []
    for part, a, b in (("median", here.median, there.median), ("p90", here.p90, there.p90)):
        moved = None if a.value is None or b.value is None else a.value - b.value
        clear = tested.clear and moved is not None and moved != 0
        found.append(
            Number(
                key=f"{name}_{part}", n=now.n, value=a.value, low=a.interval.low, high=a.interval.high,
                running=now.running, left_out=cohort - now.n, before=b.value, n_before=then.n,
                change=stats.Change(moved, clear=clear),
            )
        )  # fmt: skip
    return found


def _shared(key: str, now: tuple[int, int], then: tuple[int, int], cohort: int) -> Number:
    (hits, n), (hits_before, n_before) = now, then
    found = stats.share(hits, n)
    return Number(
        key=key, n=n, value=found.value, low=found.interval.low, high=found.interval.high, hits=hits,
        left_out=cohort - n, before=hits_before / n_before if n_before else None, n_before=n_before,
        change=stats.share_change(hits, n, hits_before, n_before, CHANGE_LEVEL),
    )  # fmt: skip


def _solved(facts: Facts) -> tuple[int, int]:
    said = facts.scores(SOLVED)
    return int(said.sum()), len(said)


def _kept(key: str, here: Told, there: Told, kind: str) -> Number:
    """Promises: kept among the decided, of which those that are open and late are broken."""
    place = KINDS.index(kind)
    (kept, broken, owed, made), (kept_before, broken_before, _, _) = here.attained[place], there.attained[place]
    number = _shared(key, (kept, kept + broken), (kept_before, kept_before + broken_before), made)
    return msgspec.structs.replace(number, running=owed - kept - broken, left_out=made - owed)


def _backlog(ages: "Whole") -> list[Number]:
    """What is open, and its age."""
    from parley.ai.survival import quantile

    n = len(ages)
    quantiles = [Number(key=f"open_age_{name}", n=n, value=quantile(ages, p))
                 for name, p in (("median", 0.5), ("p90", 0.9))]  # fmt: skip
    return [Number(key="open", n=n, value=n), *quantiles]


def withheld(number: Number, few: int) -> Number:
    if number.n >= few:
        return number
    return Number(key=number.key, n=number.n, few=True)


def _content(facts: Facts) -> tuple[int, int]:
    return int((facts.rated.score >= CONTENT).sum()), int((facts.rated.score != NONE).sum())


def _answered(facts: Facts) -> tuple[int, int]:
    return int(facts.rated.answered.sum()), len(facts.rated.answered)


def _recommended(facts: Facts, past: Facts) -> Number:
    """NPS: its adjusted Wald interval, and a change that is told at the level of all others."""
    now, then = (opinions.recommending(of.scores("nps").tolist()) for of in (facts, past))
    found, change = opinions.nps(now), opinions.nps_change(now, then, CHANGE_LEVEL)
    return Number(
        key="nps", n=now.n, value=found.value, low=found.interval.low, high=found.interval.high,
        before=then.score if then.n else None, n_before=then.n, change=change,
    )  # fmt: skip


def _effort(facts: Facts, past: Facts) -> Number:
    """CES 2.0: the mean; a change where the two means' 99 % interval (Welch) leaves out 0."""
    scores, scores_before = (of.scores("ces").tolist() for of in (facts, past))
    now, then = opinions.effort(scores), opinions.effort(scores_before)
    change = opinions.effort_change(scores, scores_before, CHANGE_LEVEL)
    return Number(
        key="ces", n=now.n, value=now.mean.value, low=now.mean.interval.low, high=now.mean.interval.high,
        before=then.mean.value, n_before=then.n, change=change,
    )  # fmt: skip


def number_of(key: str, here: Told, there: Told, paired: tuple[Sequence[int], Sequence[int]]) -> Number:
    """One figure: the same as in `report`. paired: conversations of each day, here and there."""
    facts, past, (family, _, _) = here.facts, there.facts, key.rpartition("_")
    if key == "volume":
        return _volume(facts, past, paired)
    if key in QUESTIONS:
        return _shared(key, here.counted(key), there.counted(key), len(facts.talks))
    if key in PROMISED:
        return _kept(key, here, there, PROMISED[key])
    if family in CLOCKS:
        timed = _timed(family, here.times(family), there.times(family), len(facts.talks))
        return next(number for number in timed if number.key == key)
    if key.startswith("open"):
        return next(number for number in _backlog(facts.open.ages(here.now)) if number.key == key)
    if key in ("nps", "ces", "cost"):
        return {"nps": _recommended, "ces": _effort, "cost": _cost}[key](facts, past)
    counted = {"said_solved": _solved, "csat": _content, "response_rate": _answered}[key]
    cohort = len(facts.scores(SOLVED)) if key == "said_solved" else len(facts.rated.at)
    return _shared(key, counted(facts), counted(past), cohort)


def _cost(facts: Facts, past: Facts) -> Number:
    """The mean, whose interval is clipped at nothing; all are left out where nobody said what an hour costs."""
    from parley.ai.columns import mean

    if facts.cost is None or past.cost is None:
        return Number(key="cost", n=0, left_out=len(facts.talks))
    now, then = mean(facts.cost), mean(past.cost)
    found = opinions.mean_of(now)
    low = None if found.interval.low is None else max(0.0, found.interval.low)
    return Number(
        key="cost", n=now[0], value=found.value, low=low, high=found.interval.high,
        before=then[1] if then[0] else None, n_before=then[0], change=opinions.mean_change(now, then, CHANGE_LEVEL),
    )  # fmt: skip


# ── over days, hours, channels ──────────────────────────────────────────────────────────────


def _paired(facts: Facts, past: Facts, period: Period, days: int) -> tuple[list[int], list[int]]:
    first = micros(period.start) // DAY
    return facts.talks.a_day(first, days), past.talks.a_day(first - days, days)


def _days(facts: Facts, paired: tuple[list[int], list[int]], period: Period, days: int) -> tuple[Daily, ...]:
    first = micros(period.start) // DAY
    kept = facts.talks.a_day(first, days, facts.talks.answer("contained")[1])
    return tuple(
        Daily(day=moment((first + i) * DAY), volume=paired[0][i], kept=kept[i], before=paired[1][i])
        for i in range(days)
    )


def _groups(here: Told, few: int, by: str, called: Callable[[int], str]) -> tuple[Group, ...]:
    """The figures of each channel or brand, the largest first; without comparison."""
    from parley.ai.columns import distinct

    facts, none = here.facts, those(here.facts.made, slice(0, 0))
    columns = (facts.talks[by], facts.open[by], *(getattr(rows, by) for rows in _beside(facts)))
    groups, values = [], distinct(columns)
    attained = {} if len(values) == 1 else facts.made.attained(here.now, by)  # all are one: nothing to sort anew
    alone = facts._replace(made=none)  # which promises were made tells nothing else
    nothing = Told(_of(alone, by, NONE), here.now)
    for value in values:
        told = attained.get(value, NO_PROMISES)
        mine = here if len(values) == 1 else Told(_of(alone, by, value), here.now, told)
        groups.append(Group(key=called(value), numbers=_numbers(mine, nothing, ([], []), few)))
    return tuple(sorted(groups, key=lambda group: (-group.numbers[0].n, group.key)))


def _beside(facts: Facts) -> tuple[Any, ...]:
    return facts.rated, facts.said, facts.made


def _of(facts: Facts, by: str, value: int) -> Facts:
    """What one channel or brand has of the facts."""
    mine = facts.talks.having(**{by: value})
    rated, said, made = (those(rows, getattr(rows, by) == value) for rows in _beside(facts))
    return Facts(
        facts.talks.where(mine), facts.old[mine], facts.again[mine], facts.unhappy[mine], rated, said, made,
        facts.open.where(facts.open.having(**{by: value})),
        None if facts.cost is None else facts.cost[mine],
    )  # fmt: skip


def _curve(key: str, here: Told) -> Curve:
    times = here.times(key)
    points = times.curve.points(MOST_POINTS, CURVE_EDGES)
    return Curve(key=key, points=points, n=times.n, running=times.running)


# ── the conversations behind a figure ───────────────────────────────────────────────────────


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation behind a figure. value: seconds, 1 or 0, or the rating; running: its clock has not stopped."""

    conversation: int
    at: datetime
    value: float | None = None
    running: bool = False


def cases(conn: Connection, who: Viewer, choice: Choice, key: str, now: datetime) -> list[Case]:
    """What a figure is made of, the most telling first: the longest times, the misses, the worst ratings."""
    if key not in DEFINITIONS:
        raise NotFound(f"There is no figure called “{key}”. Figures: {', '.join(DEFINITIONS)}.")
    may_choose(who, choice)
    period, at = period_of(choice.days, now), micros(now)
    source = Source(conn, who, choice, period.start, now)
    if key.startswith("open"):
        found, n = _open_cases(source.open(heads=False), at)
    else:
        alone = key in QUESTIONS or key.rpartition("_")[0] in CLOCKS or key == "volume"
        beside = () if alone else BESIDE
        found, n = cases_of(source.facts(period, beside=beside), key, at)
    return found if n >= _few(who, choice) else []


Found = tuple[list[Case], int]  # the foremost cases, and how many there are


def cases_of(facts: Facts, key: str, now: int) -> Found:
    """What a figure of these facts is made of, the most telling first."""
    if key.startswith("open"):
        return _open_cases(facts.open, now)
    if key in ("csat", "response_rate"):
        rated = those(facts.rated, facts.rated.score != NONE) if key == "csat" else facts.rated
        return _beside_cases(rated, rated.score, rated.at)
    if key in SAID:
        said = those(facts.said, facts.said.measure == MEASURES.index(SAID[key]))
        return _beside_cases(said, said.score, said.at)
    if key in PROMISED:
        return _promise_cases(facts, PROMISED[key], now)
    if key in QUESTIONS:
        return _question_cases(facts, key, now)
    if key == "cost":
        return _cost_cases(facts)
    if key == "volume":
        talks = facts.talks
        return _foremost((-talks.began,), talks.numbers, talks.began)
    return _timed_cases(facts.talks, key.rpartition("_")[0], now)


def _open_cases(talks: "Talks", now: int) -> Found:
    found, n = _foremost((talks.began,), talks.numbers, talks.began)
    age = [max(0, now - micros(case.at)) // SECOND for case in found]
    return [msgspec.structs.replace(c, value=a, running=True) for c, a in zip(found, age, strict=True)], n


def _timed_cases(talks: "Talks", clock: str, now: int) -> Found:
    """The longest first."""
    has, seconds, stopped = talks.clock(clock, now)
    mine = talks.where(has)
    return _foremost((-seconds, mine.began), mine.numbers, mine.began, seconds, ~stopped)


def _question_cases(facts: Facts, key: str, now: int) -> Found:
    """The misses first."""
    known, yes = answered(facts, key, now)
    mine, told = facts.talks.where(known), yes[known].astype("int64")
    return _foremost((abs(told - int(FAILED.get(key, 0.0))), mine.began), mine.numbers, mine.began, told)


def _cost_cases(facts: Facts) -> Found:
    """The dearest first."""
    talks, cost = facts.talks, facts.cost
    return ([], 0) if cost is None else _foremost((-cost, talks.began), talks.numbers, talks.began, cost)


def _promise_cases(facts: Facts, kind: str, now: int) -> Found:
    """Decided promises, the broken first: of these, the newest."""
    made = those(facts.made, facts.made.kind == KINDS.index(kind))
    kept, broken = made.state(now)
    decided = those(made, kept | broken)
    return _beside_cases(decided, kept[kept | broken].astype("int64"), -decided.at)


def _beside_cases(rows: Any, values: "Whole", then: "Whole") -> Found:
    """The lowest values first."""
    return _foremost((values, then), rows.conversation, rows.at, values)


def _foremost(order: Sequence[Any], *columns: Any) -> Found:
    return foremost_cases(order, *columns), len(columns[0])


def foremost_cases(order: Sequence[Any], *columns: Any) -> list[Case]:
    """columns: conversation, when, and where there are any value and whether it still runs."""
    from parley.ai.columns import foremost

    return [_case(*row) for row in foremost(MOST_CASES, order, *columns)]


def _case(conversation: int, at: int, value: float | None = None, running: bool = False) -> Case:
    told = None if value in (None, NONE) else value
    return Case(conversation=conversation, at=moment(at), value=told, running=running)
