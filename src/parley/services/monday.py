"""What changed in the last seven whole days against the four weeks before, beyond noise, and where it came from.

Only figures that a week-old cohort can answer are watched: what ripens for weeks (reopened, repeat contact) would look
better every Monday. Everything that is tested is one family, of which at most `FALSE` of what is told may be noise.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection

from parley.core import changes, opinions, stats
from parley.core.changes import FEWEST, Cell, Part
from parley.core.coded import CLOCKS
from parley.core.errors import NotFound
from parley.core.fairness import false_discoveries
from parley.core.measure import DAY, micros, moment
from parley.services.facts import MEASURES, NONE, Facts, Source, those, topics_of
from parley.services.figures import CONTENT, PROMISED, Case, foremost_cases
from parley.services.inbox import Viewer
from parley.services.numbers import Choice, Period
from parley.services.promised import KINDS

if TYPE_CHECKING:
    from parley.ai.comparing import Groups, Ones, Sides

WEEKS = 4
WEEK = 7 * DAY
FALSE = 0.05
REASONS = 3
LEAST_SHARE = 0.2  # of the change, before a group counts as a reason for it
SIDES = ("topic", "channel", "inbox", "brand")
COUNT, SHARE, MEAN, TIME = "count", "share", "mean", "time"
WATCHED = {
    "volume": COUNT, "human": TIME, "resolution": TIME, "bot": TIME, "first_kept": SHARE, "next_kept": SHARE,
    "resolution_kept": SHARE, "csat": SHARE, "nps": MEAN, "ces": MEAN, "contained": SHARE,
}  # fmt: skip


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A group's part in a change. by: topic, channel, inbox or brand; key: which. now, before: its own mean (a count
    per week for volume; the share within the usual time for times). rate, mix: what it gave by its own change, and by
    its share of the whole; part: both over the whole change. alone: without it no clear change is left."""

    by: str
    key: str
    n: int
    n_before: int
    now: float | None
    before: float | None
    rate: float
    mix: float
    part: float
    alone: bool = False


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """A figure in one of the five weeks."""

    start: datetime
    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A figure against the weeks before. kind: count (change is a ratio, before a usual week), share, mean, or time
    (medians in seconds; running: how many still run). chance: of so much difference by noise alone, by the test of its
    kind; clear: it stands among all that was tested. within: the usual time that a time's reasons are told by."""

    key: str
    kind: str
    n: int
    n_before: int
    value: float | None
    before: float | None
    low: float | None = None
    high: float | None = None
    change: float | None = None
    change_low: float | None = None
    change_high: float | None = None
    chance: float = 1.0
    clear: bool = False
    few: bool = False
    running: int = 0
    within: float | None = None
    weeks: tuple[Week, ...] = ()
    reasons: tuple[Line, ...] = ()
    lines: tuple[Line, ...] = ()


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """How many conversations of a group began, against a usual week; told where it stands among all that was tested."""

    by: str
    key: str
    n: int
    usual: float
    ratio: float
    low: float | None
    high: float | None
    chance: float
    clear: bool = False


class Monday(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page. weeks: how many of the four before are counted with, because the desk was there in all of them.
    tested: how many questions were asked of the data."""

    choice: Choice
    week: Period
    compared_with: Period
    time_zone: str = "UTC"
    false_at_most: float = FALSE
    weeks: int
    tested: int
    changes: tuple[Change, ...]
    moved: tuple[Moved, ...]


def monday(conn: Connection, who: Viewer, choice: Choice, now: datetime) -> Monday:
    found, sides, whole = _gathered(conn, who, choice, now)
    weeks = _known(found["volume"], micros(whole.start))
    made = [_change(key, ones, sides, whole.start, weeks) for key, ones in found.items()]
    moved = _moved(found["volume"], sides, weeks)
    told = [one for one in made if not one.few]
    passed = false_discoveries([*(one.chance for one in told), *(one.chance for one in moved)], FALSE)
    clear = {one.key for one, ok in zip(told, passed, strict=False) if ok}
    return Monday(
        choice=choice,
        week=Period(start=whole.end - timedelta(days=7), end=whole.end),
        compared_with=Period(start=whole.start, end=whole.end - timedelta(days=7)),
        weeks=weeks,
        tested=len(told) + len(moved),
        changes=tuple(msgspec.structs.replace(one, clear=one.key in clear) for one in made),
        moved=tuple(
            msgspec.structs.replace(one, clear=True) for one, ok in zip(moved, passed[len(told) :], strict=True) if ok
        ),
    )


def cases(
    conn: Connection, who: Viewer, choice: Choice, key: str, by: str, group: str, now: datetime
) -> tuple[list[Case], str]:
    """The week's conversations behind a figure or a group's part in it, the most telling first; the figure's kind."""
    if key not in WATCHED or by not in ("", *SIDES):
        raise NotFound(f"There is no figure called “{key}” here. Figures: {', '.join(WATCHED)}.")
    found, sides, _ = _gathered(conn, who, choice, now)
    mine = found[key].halves(WEEKS)[0]
    if by:
        mine = mine.where(sides.groups(mine, by).members(mine, group))
    told = mine.value if WATCHED[key] in (SHARE, MEAN) else -mine.value
    return foremost_cases((told, -mine.at), mine.conversation, mine.at, mine.value, ~mine.stopped), WATCHED[key]


def _known(volume: "Ones", start: int) -> int:
    """How many of the weeks before the desk was there for from their first day on; a week that had not begun is no
    quiet week."""
    if not volume.size:
        return 0
    first_day = (int(volume.at.min()) - start) // DAY
    return max(0, WEEKS - -(-first_day // 7))


# ── what there is to compare ────────────────────────────────────────────────────────────────


def _gathered(conn: Connection, who: Viewer, choice: Choice, now: datetime) -> "tuple[dict[str, Ones], Sides, Period]":
    from parley.ai.comparing import Sides

    end = moment(micros(now) // DAY * DAY)
    whole = Period(start=end - timedelta(days=7 * (WEEKS + 1)), end=end)
    source = Source(conn, who, choice, whole.start, now)
    ones = _ones(source.facts(whole), micros(whole.start), micros(now))
    topics = topics_of(conn, (of.conversation for of in ones.values()))
    return ones, Sides({number: name for name, number in source.channels.items()}, topics), whole


def _ones(facts: Facts, start: int, now: int) -> "dict[str, Ones]":
    """The cases of every figure that is watched."""
    from parley.ai.comparing import ones

    talks, rated, said = facts.talks, those(facts.rated, facts.rated.score != NONE), facts.said
    found = {"volume": ones(talks, start, talks.began > 0)}
    for key in CLOCKS:
        has, seconds, stopped = talks.clock(key, now)
        found[key] = ones(talks.where(has), start, seconds, stopped)
    for key, kind in PROMISED.items():
        made = those(facts.made, facts.made.due_by(now) & (facts.made.kind == KINDS.index(kind)))
        found[key] = ones(made, start, made.state(now)[0])
    found["csat"] = ones(rated, start, rated.score >= CONTENT)
    for key in ("nps", "ces"):
        answered = those(said, said.measure == MEASURES.index(key))
        found[key] = ones(answered, start, answered.score)
    decided, kept = talks.answer("contained")
    found["contained"] = ones(talks.where(decided), start, kept[decided])
    return {key: found[key] for key in WATCHED}


# ── a figure ────────────────────────────────────────────────────────────────────────────────


def _change(key: str, ones: "Ones", sides: "Sides", start: datetime, usual: int) -> Change:
    now, then = ones.halves(WEEKS)
    kind = WATCHED[key]
    enough = min(now.size, then.size) >= FEWEST
    made = _count(key, ones, usual) if kind == COUNT else _TOLD[kind](key, now, then)
    weeks = tuple(_week(kind, key, ones.where(ones.week == i), start, i) for i in range(WEEKS + 1))
    lines = _lines(made, ones, sides, usual) if enough else ()
    return msgspec.structs.replace(made, few=not enough, weeks=weeks, lines=lines, reasons=_reasons(lines))


def _count(key: str, ones: "Ones", usual: int) -> Change:
    days, weeks = _days(ones.day_counts(WEEKS + 1), usual)
    change, chance = changes.rate_change(days, weeks)
    n = sum(days)
    return Change(
        key=key, kind=COUNT, n=n, n_before=ones.size - n, value=n, before=(ones.size - n) / max(1, usual),
        change=change.value, change_low=change.interval.low, change_high=change.interval.high, chance=chance,
    )  # fmt: skip


def _share(key: str, now: "Ones", then: "Ones") -> Change:
    (hits, n), (hits_before, m) = (_hits(now), now.size), (_hits(then), then.size)
    found, change = stats.share(hits, n), stats.share_change(hits, n, hits_before, m)
    return Change(
        key=key, kind=SHARE, n=n, n_before=m, value=found.value, before=hits_before / m if m else None,
        low=found.interval.low, high=found.interval.high, change=change.value, change_low=change.interval.low,
        change_high=change.interval.high, chance=changes.share_chance(hits, n, hits_before, m),
    )  # fmt: skip


def _mean(key: str, now: "Ones", then: "Ones") -> Change:
    here, there = _scored(key, now), _scored(key, then)
    chance = _mean_chance(_worth(key, now), _worth(key, then))
    a, b = now.scores(), then.scores()
    if key == "nps":
        change = opinions.nps_change(opinions.recommending(a), opinions.recommending(b), stats.LEVEL)
    else:
        change = opinions.effort_change(a, b, stats.LEVEL)
    return Change(
        key=key, kind=MEAN, n=now.size, n_before=then.size, value=here.value, before=there.value,
        low=here.interval.low, high=here.interval.high, change=change.value, change_low=change.interval.low,
        change_high=change.interval.high, chance=chance,
    )  # fmt: skip


def _scored(key: str, ones: "Ones") -> stats.Estimate:
    scores = ones.scores()
    return opinions.nps(opinions.recommending(scores)) if key == "nps" else opinions.effort(scores).mean


def _time(key: str, now: "Ones", then: "Ones") -> Change:
    from parley.ai.survival import log_rank

    here, there = now.times(), then.times()
    a, b = here.spread.median, there.spread.median
    moved = None if a.value is None or b.value is None else a.value - b.value
    both = bool(here.n and there.n)
    return Change(
        key=key, kind=TIME, n=here.n, n_before=there.n, value=a.value, before=b.value, low=a.interval.low,
        high=a.interval.high, change=moved, chance=stats.chance(log_rank(here, there)) if both else 1.0,
        running=here.running, within=b.value,
    )  # fmt: skip


_TOLD: dict[str, Callable[[str, "Ones", "Ones"], Change]] = {
    SHARE: _share, MEAN: _mean, TIME: _time,
}  # fmt: skip


def _hits(ones: "Ones") -> int:
    return int((ones.value > 0).sum())


def _mean_chance(now: Any, then: Any) -> float:
    a, b = ((len(one), float(one.sum()), float((one * one).sum())) for one in (now, then))
    return changes.summed_chance(a, b)


def _days(table: list[list[int]], usual: int) -> tuple[list[int], list[list[int]]]:
    """Counts of each day: of the week that is looked at, and of the `usual` weeks before."""
    return table[WEEKS], table[WEEKS - usual : WEEKS]


def _week(kind: str, key: str, ones: "Ones", start: datetime, place: int) -> Week:
    found = stats.Estimate(float(ones.size))
    if kind == SHARE:
        found = stats.share(_hits(ones), ones.size)
    elif kind == MEAN:
        found = _scored(key, ones)
    elif kind == TIME:
        found = ones.times().spread.median
    at = start + timedelta(days=7 * place)
    return Week(start=at, n=ones.size, value=found.value, low=found.interval.low, high=found.interval.high)


# ── where it came from ──────────────────────────────────────────────────────────────────────


def _worth(key: str, ones: "Ones", within: float | None = None) -> Any:
    """What a case counts in a mean: NPS in points, times as whether they ended within the usual one."""
    if key == "nps":
        return 100.0 * ((ones.value >= 9) * 1.0 - (ones.value <= 6))
    if within is not None:
        return (ones.stopped & (ones.value <= within)) * 1.0
    return ones.value


def _lines(of: Change, ones: "Ones", sides: "Sides", usual: int) -> tuple[Line, ...]:
    """Every group's part in the change, side by side, the largest first."""
    within = of.within if of.kind == TIME else None
    if of.kind == TIME:
        if within is None:
            return ()
        ones = ones.where(ones.stopped | (ones.value > within))  # else nobody knows yet
    worth = _worth(of.key, ones, within)
    whole = _cell(ones, worth)
    total = _difference(of, whole, usual)
    found: list[Line] = []
    for by in SIDES:
        groups = sides.groups(ones, by)
        if len(groups.keys) < 2 or not total:
            continue
        cells = groups.cells(ones, worth, WEEKS)
        parts = _parts(of, by, cells, whole, usual)
        made = [_line(of, by, key, cells[key], parts[key], total, usual) for key in parts]
        found += [_alone(of, line, ones, worth, groups, total, usual) for line in made]
    return tuple(sorted(found, key=lambda line: -abs(line.part)))


def _cell(ones: "Ones", worth: Any) -> Cell:
    newest = ones.week == WEEKS
    n = int(newest.sum())
    return Cell(n, float(worth[newest].sum()), ones.size - n, float(worth[~newest].sum()))


def _difference(of: Change, whole: Cell, usual: int) -> float:
    if of.kind == COUNT:
        return whole.n - whole.n_before / usual
    return 0.0 if whole.now is None or whole.before is None else whole.now - whole.before


def _parts(of: Change, by: str, cells: Mapping[str, Cell], whole: Cell, usual: int) -> dict[str, Part]:
    if of.kind == COUNT:
        return {key: Part(cell.n - cell.n_before / usual, 0.0) for key, cell in cells.items()}
    if by == "topic":
        return {key: changes.halves(cell, whole) for key, cell in cells.items()}
    return changes.decompose(cells)


def _line(of: Change, by: str, key: str, cell: Cell, part: Part, total: float, usual: int) -> Line:
    counted = of.kind == COUNT
    return Line(
        by=by, key=key, n=cell.n, n_before=cell.n_before, now=cell.n if counted else cell.now,
        before=cell.n_before / usual if counted else cell.before, rate=part.rate, mix=part.mix,
        part=part.whole / total,
    )  # fmt: skip


def _alone(of: Change, line: Line, ones: "Ones", worth: Any, groups: "Groups", total: float, usual: int) -> Line:
    """Whether the change is gone when the group's conversations are left out: less than half of it is left, and that
    may be noise. Asked of large parts only."""
    if line.part < LEAST_SHARE:
        return line
    others = ~groups.members(ones, line.key)
    rest, worth = ones.where(others), worth[others]
    cell = _cell(rest, worth)
    if of.kind == COUNT:
        chance = changes.rate_change(*_days(rest.day_counts(WEEKS + 1), usual))[1]
    elif of.kind == MEAN:
        chance = _mean_chance(worth[rest.week == WEEKS], worth[rest.week != WEEKS])
    else:
        chance = changes.share_chance(round(cell.total), cell.n, round(cell.total_before), cell.n_before)
    left = _difference(of, cell, usual) / total
    gone = abs(left) < 0.5 and chance > FALSE
    return msgspec.structs.replace(line, alone=gone and min(cell.n, cell.n_before) >= FEWEST)


def _reasons(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Of each side the group that gave most beyond its size, the largest part first."""
    n = {by: max(1, sum(one.n + one.n_before for one in lines if one.by == by)) for by in SIDES}

    def beyond(line: Line) -> float:
        return line.part - (line.n + line.n_before) / n[line.by]

    able = [one for one in lines if one.part >= LEAST_SHARE and beyond(one) > 0 and one.n + one.n_before >= FEWEST]
    best = [max(mine, key=beyond) for by in SIDES if (mine := [line for line in able if line.by == by])]
    return tuple(sorted(best, key=lambda line: -line.part))[:REASONS]


def _moved(volume: "Ones", sides: "Sides", usual: int) -> list[Moved]:
    """How many began of each group, where there is enough to say something."""
    found = []
    for by in SIDES:
        tables = sides.groups(volume, by).day_counts(volume, WEEKS + 1)
        for key, table in tables.items() if len(tables) > 1 else ():
            days, weeks = _days(table, usual)
            change, chance = changes.rate_change(days, weeks)
            if change.value is not None and sum(days) + sum(map(sum, weeks)) >= 2 * FEWEST:
                found.append(
                    Moved(
                        by=by, key=key, n=sum(days), usual=sum(map(sum, weeks)) / usual, ratio=change.value,
                        low=change.interval.low, high=change.interval.high, chance=chance,
                    )
                )  # fmt: skip
    return found
