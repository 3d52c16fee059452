"""The figures: how many, how fast, how content, each with n, interval and a comparison with the period before.

What a figure means stands in core/measure.py, how sure it is in core/stats.py, where its facts come
from in services/numbers.py. `report` makes all of them, `cases` shows the conversations behind one.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from parley.core import attainment, opinions, stats
from parley.core.errors import NotFound
from parley.core.measure import (
    DAY,
    DEFINITIONS,
    SECOND,
    VERSION,
    Measured,
    Reading,
    bot_clock,
    contained,
    first_contact_closed,
    human_clock,
    micros,
    moment,
    no_reopen,
    one_touch,
    reopened,
    resolution_clock,
    transferred,
)
from parley.core.opinions import SOLVED
from parley.services.inbox import Viewer
from parley.services.numbers import Choice, Facts, Made, Period, Rated, before, facts_of, may_choose, period_of

CHANGE_LEVEL = 0.99
FEW_FOR_A_PERSON = 5  # below this many cases nothing is said about a single agent
MOST_CASES = 200
CONTENT = 4  # ratings from here on count as satisfied
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
    calendar: str = "calendar time, 24 hours a day"
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
    facts = facts_of(conn, who, choice, this, with_open=True)
    past = facts_of(conn, who, choice, that, now)
    at = micros(now)
    few = _few(who, choice)
    return Report(
        choice=choice,
        period=this,
        compared_with=that,
        numbers=_numbers(facts, past, at, _paired(facts, past, this, choice.days), few),
        days=_days(facts, past, this, choice.days),
        heat=_heat(facts),
        channels=_groups(facts, at, few, lambda fact: fact.channel),
        brands=_groups(facts, at, few, lambda fact: str(fact.brand)),
        curves=(_curve("human", facts, human_clock, at), _curve("bot", facts, bot_clock, at)),
        resolution=_curve("resolution", facts, resolution_clock, at),
    )


def _few(who: Viewer, choice: Choice) -> int:
    """How many cases it takes to say something; people see their own from the first."""
    return FEW_FOR_A_PERSON if choice.agent is not None and choice.agent != who.agent else 0


# ── figures ─────────────────────────────────────────────────────────────────────────────────

Clock = Callable[[Measured, int], Reading | None]
CLOCKS: dict[str, Clock] = {"human": human_clock, "bot": bot_clock, "resolution": resolution_clock}
Question = Callable[[Measured, Facts, int], bool | None]
QUESTIONS: dict[str, Question] = {
    "contained": lambda talk, facts, now: contained(talk),
    "reopened": lambda talk, facts, now: reopened(talk),
    "no_repeat": lambda talk, facts, now: facts.repeats.get(talk.conversation),
    "one_touch": lambda talk, facts, now: one_touch(talk),
    "no_reopen": lambda talk, facts, now: no_reopen(talk, now),
    "first_contact_closed": lambda talk, facts, now: first_contact_closed(talk),
    "transferred": lambda talk, facts, now: transferred(talk),
    "bot_resolved": lambda talk, facts, now: _bot_resolved(talk, facts),
}
SAID = {"nps": "nps", "ces": "ces", "said_solved": SOLVED}
PROMISED = {"first_kept": "first", "next_kept": "next", "resolution_kept": "resolution"}
FAILED = {"reopened": 1.0, "transferred": 1.0}  # which answer is the telling one; elsewhere it is "no"


def _numbers(facts: Facts, past: Facts, now: int, paired: tuple[list[int], list[int]], few: int) -> tuple[Number, ...]:
    found = [_volume(facts, past, paired)]
    for name, clock in CLOCKS.items():
        found += _timed(name, _times(facts.talks, clock, now), _times(past.talks, clock, now), len(facts.talks))
    for name, question in QUESTIONS.items():
        if name == "transferred":
            found.append(_shared("said_solved", _solved(facts), _solved(past), len(facts.scores(SOLVED))))
        found.append(_shared(name, _answers(facts, question, now), _answers(past, question, now), len(facts.talks)))
    found += [_kept(key, facts, past, kind, now) for key, kind in PROMISED.items()]
    found.append(_shared("csat", _content(facts), _content(past), len(facts.rated)))
    found.append(_shared("response_rate", _answered(facts), _answered(past), len(facts.rated)))
    found += [_recommended(facts, past), _effort(facts, past)]
    found += _backlog(facts, now)
    return tuple(withheld(number, few) for number in found)


def _volume(facts: Facts, past: Facts, paired: tuple[Sequence[int], Sequence[int]]) -> Number:
    n, n_before = len(facts.talks), len(past.talks)
    change = stats.count_change(*paired, CHANGE_LEVEL)
    return Number(key="volume", n=n, value=n, before=n_before, n_before=n_before, change=change)


def _timed(name: str, now: stats.Times, then: stats.Times, cohort: int) -> list[Number]:
    here, there = stats.spread(now.done, now.running), stats.spread(then.done, then.running)
    tested = stats.time_change(now, then, CHANGE_LEVEL)
    found = []
    for part, a, b in (("median", here.median, there.median), ("p90", here.p90, there.p90)):
        moved = None if a.value is None or b.value is None else a.value - b.value
        clear = tested.clear and moved is not None and moved != 0
        found.append(
            Number(
                key=f"{name}_{part}", n=now.n, value=a.value, low=a.interval.low, high=a.interval.high,
                running=len(now.running), left_out=cohort - now.n, before=b.value, n_before=then.n,
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
    return sum(said), len(said)


def _kept(key: str, facts: Facts, past: Facts, kind: str, now: int) -> Number:
    """Promises: kept among the decided, of which those that are open and late are broken."""
    here, there = (_attained(of, kind, now) for of in (facts, past))
    decided, decided_before = (found.met + found.breached for found in (here, there))
    number = _shared(key, (here.met, decided), (there.met, decided_before), sum(m.kind == kind for m in facts.made))
    still = here.open + here.at_risk
    return msgspec.structs.replace(number, running=still, left_out=number.left_out - still)


def _attained(facts: Facts, kind: str, now: int) -> attainment.Attainment:
    return attainment.attainment([made.promise for made in facts.made if made.kind == kind], moment(now))


def _backlog(facts: Facts, now: int) -> list[Number]:
    """What is open, and its age."""
    ages, n = sorted(_age(talk, now) for talk in facts.open), len(facts.open)
    quantiles = [Number(key=f"open_age_{name}", n=n, value=stats.quantile(ages, p) if ages else None)
                 for name, p in (("median", 0.5), ("p90", 0.9))]  # fmt: skip
    return [Number(key="open", n=n, value=n), *quantiles]


def _age(talk: Measured, now: int) -> float:
    return max(0, now - (talk.began_at or now)) // SECOND


def withheld(number: Number, few: int) -> Number:
    if number.n >= few:
        return number
    return Number(key=number.key, n=number.n, few=True)


def _times(talks: Iterable[Measured], clock: Clock, now: int) -> stats.Times:
    read = [reading for talk in talks if (reading := clock(talk, now))]
    return stats.Times([r.seconds for r in read if r.stopped], [r.seconds for r in read if not r.stopped])


def _answers(facts: Facts, question: Question, now: int) -> tuple[int, int]:
    found = [answer for talk in facts.talks if (answer := question(talk, facts, now)) is not None]
    return sum(found), len(found)


def _bot_resolved(talk: Measured, facts: Facts) -> bool | None:
    """Kept by the bot, and nothing said afterwards that it was not solved. Young ones are left out, failures too."""
    kept, alone = contained(talk), facts.repeats.get(talk.conversation)
    if kept is None or alone is None:
        return None
    return kept and alone and talk.conversation not in facts.unhappy


def _content(facts: Facts) -> tuple[int, int]:
    scores = [survey.score for survey in facts.rated if survey.score is not None]
    return sum(score >= CONTENT for score in scores), len(scores)


def _answered(facts: Facts) -> tuple[int, int]:
    return sum(survey.answered for survey in facts.rated), len(facts.rated)


def _recommended(facts: Facts, past: Facts) -> Number:
    """NPS: its adjusted Wald interval, and a change that is told at the level of all others."""
    now, then = (opinions.recommending(of.scores("nps")) for of in (facts, past))
    found, change = opinions.nps(now), opinions.nps_change(now, then, CHANGE_LEVEL)
    return Number(
        key="nps", n=now.n, value=found.value, low=found.interval.low, high=found.interval.high,
        before=then.score if then.n else None, n_before=then.n, change=change,
    )  # fmt: skip


def _effort(facts: Facts, past: Facts) -> Number:
    """CES 2.0: the mean; a change where the two means' 99 % interval (Welch) leaves out 0."""
    now, then = (opinions.effort(of.scores("ces")) for of in (facts, past))
    change = opinions.effort_change(facts.scores("ces"), past.scores("ces"), CHANGE_LEVEL)
    return Number(
        key="ces", n=now.n, value=now.mean.value, low=now.mean.interval.low, high=now.mean.interval.high,
        before=then.mean.value, n_before=then.n, change=change,
    )  # fmt: skip


def number_of(key: str, facts: Facts, past: Facts, now: int, paired: tuple[Sequence[int], Sequence[int]]) -> Number:
    """One figure of some facts: the same as in `report`. paired: conversations of each day, here and there."""
    family, _, _ = key.rpartition("_")
    if key == "volume":
        return _volume(facts, past, paired)
    if key in QUESTIONS:
        here, there = (_answers(of, QUESTIONS[key], now) for of in (facts, past))
        return _shared(key, here, there, len(facts.talks))
    if key in PROMISED:
        return _kept(key, facts, past, PROMISED[key], now)
    if family in CLOCKS:
        times = _times(facts.talks, CLOCKS[family], now), _times(past.talks, CLOCKS[family], now)
        return next(number for number in _timed(family, *times, len(facts.talks)) if number.key == key)
    if key.startswith("open"):
        return next(number for number in _backlog(facts, now) if number.key == key)
    if key in ("nps", "ces"):
        return (_recommended if key == "nps" else _effort)(facts, past)
    shares = {"said_solved": _solved, "csat": _content, "response_rate": _answered}
    cohort = len(facts.scores(SOLVED)) if key == "said_solved" else len(facts.rated)
    return _shared(key, shares[key](facts), shares[key](past), cohort)


# ── over days, hours, channels ──────────────────────────────────────────────────────────────


def _paired(facts: Facts, past: Facts, period: Period, days: int) -> tuple[list[int], list[int]]:
    here, there = _per_day(facts.talks), _per_day(past.talks)
    first = micros(period.start) // DAY
    return [here.get(first + i, 0) for i in range(days)], [there.get(first - days + i, 0) for i in range(days)]


def _per_day(talks: Iterable[Measured]) -> dict[int, int]:
    found: dict[int, int] = {}
    for talk in talks:
        day = (talk.began_at or 0) // DAY
        found[day] = found.get(day, 0) + 1
    return found


def _days(facts: Facts, past: Facts, period: Period, days: int) -> tuple[Daily, ...]:
    volume, earlier = _paired(facts, past, period, days)
    kept = _per_day(talk for talk in facts.talks if contained(talk))
    first = micros(period.start) // DAY
    return tuple(
        Daily(day=moment((first + i) * DAY), volume=volume[i], kept=kept.get(first + i, 0), before=earlier[i])
        for i in range(days)
    )


def _heat(facts: Facts) -> tuple[tuple[int, ...], ...]:
    found = [[0] * 24 for _ in range(7)]
    for talk in facts.talks:
        day, within = divmod(talk.began_at or 0, DAY)
        found[(day + 3) % 7][within // (3600 * SECOND)] += 1  # day 0, 1 January 1970, was a Thursday
    return tuple(tuple(row) for row in found)


def _groups(facts: Facts, now: int, few: int, key: Callable[[Measured | Rated | Made], str]) -> tuple[Group, ...]:
    """The figures of each channel or brand, the largest first; without comparison."""
    apart: dict[str, Facts] = {}

    def own(fact: Measured | Rated | Made) -> Facts:
        return apart.setdefault(key(fact), Facts([], [], facts.repeats, [], made=[], unhappy=facts.unhappy))

    for talk in facts.talks:
        own(talk).talks.append(talk)
    for survey in facts.rated:
        own(survey).rated.append(survey)
    for talk in facts.open:
        own(talk).open.append(talk)
    for made in facts.made:
        own(made).made.append(made)
    nothing = Facts([], [])
    groups = [Group(key=name, numbers=_numbers(part, nothing, now, ([], []), few)) for name, part in apart.items()]
    return tuple(sorted(groups, key=lambda group: (-group.numbers[0].n, group.key)))


def _curve(key: str, facts: Facts, clock: Clock, now: int) -> Curve:
    times = _times(facts.talks, clock, now)
    steps = stats.kaplan_meier(times.done, times.running)
    points = tuple((step.time, 1 - step.alive) for step in steps)
    return Curve(key=key, points=points, n=times.n, running=len(times.running))


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
    facts = facts_of(conn, who, choice, period_of(choice.days, now), with_open=key.startswith("open"))
    found = cases_of(facts, key, micros(now))
    return found[:MOST_CASES] if len(found) >= _few(who, choice) else []


def cases_of(facts: Facts, key: str, now: int) -> list[Case]:
    """What a figure of these facts is made of, the most telling first."""
    if key in ("csat", "response_rate"):
        return _rated_cases(facts, answered=key == "csat")
    if key in SAID:
        told = [one for one in facts.said if one.measure == SAID[key]]
        found = [Case(conversation=one.conversation, at=moment(one.at), value=one.score) for one in told]
        return sorted(found, key=lambda case: case.value or 0)
    if key in PROMISED:
        return _promise_cases(facts, PROMISED[key], now)
    if key == "volume":
        return [_case(talk) for talk in reversed(facts.talks)]
    if key.startswith("open"):
        return [_case(talk, _age(talk, now), True) for talk in facts.open]
    if key in QUESTIONS:
        asked = ((talk, QUESTIONS[key](talk, facts, now)) for talk in facts.talks)
        answers = [_case(talk, float(answer)) for talk, answer in asked if answer is not None]
        return sorted(answers, key=lambda case: case.value != FAILED.get(key, 0.0))
    clock = CLOCKS[key.rpartition("_")[0]]
    read = ((talk, clock(talk, now)) for talk in facts.talks)
    timed = [_case(talk, reading.seconds, not reading.stopped) for talk, reading in read if reading]
    return sorted(timed, key=lambda case: -(case.value or 0))


def _rated_cases(facts: Facts, *, answered: bool) -> list[Case]:
    found = [
        Case(conversation=survey.conversation, at=moment(survey.asked_at), value=survey.score)
        for survey in facts.rated
        if survey.score is not None or not answered
    ]
    return sorted(found, key=lambda case: (case.value is not None, case.value or 0))


def _promise_cases(facts: Facts, kind: str, now: int) -> list[Case]:
    """Decided promises, the broken first: of these, the newest."""
    found = []
    for made in reversed(facts.made):
        state = attainment.state(made.promise, moment(now), timedelta(0))
        if made.kind == kind and not made.promise.void and state in ("met", "breached"):
            found.append(Case(conversation=made.conversation, at=made.began, value=float(state == "met")))
    return sorted(found, key=lambda case: case.value or 0)


def _case(talk: Measured, value: float | None = None, running: bool = False) -> Case:
    return Case(conversation=talk.conversation, at=moment(talk.began_at or 0), value=value, running=running)
