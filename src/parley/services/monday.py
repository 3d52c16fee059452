"""What changed in the last seven whole days against the four weeks before, beyond noise, and where it came from.

Only figures that a week-old cohort can answer are watched: what ripens for weeks (reopened, repeat contact) would look
better every Monday. Everything that is tested is one family, of which at most `FALSE` of what is told may be noise.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, select

from parley.core import attainment, changes, opinions, stats
from parley.core.changes import FEWEST, Cell, Part
from parley.core.errors import NotFound
from parley.core.fairness import false_discoveries
from parley.core.measure import DAY, Measured, contained, micros, moment
from parley.log.record import chunks
from parley.services.figures import CLOCKS, CONTENT, MOST_CASES, PROMISED, Case
from parley.services.inbox import Viewer, conversations
from parley.services.numbers import Choice, Facts, Period, facts_of

WEEKS = 4
WEEK = 7 * DAY
FALSE = 0.05
REASONS = 3
LEAST_SHARE = 0.2  # of the change, before a group counts as a reason for it
SIDES = ("topic", "channel", "inbox", "brand")
COUNT, SHARE, MEAN, TIME = "count", "share", "mean", "time"
KINDS = {
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


class One(msgspec.Struct, frozen=True):
    """A case of a figure. value: 0 or 1, a score, or seconds; stopped: whether its clock has. week: 0 to 4, the last
    is the one that is looked at."""

    conversation: int
    at: int
    week: int
    value: float
    stopped: bool = True


Sides = Mapping[int, Mapping[str, tuple[str, ...]]]  # conversation → by → keys


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
    if key not in KINDS or by not in ("", *SIDES):
        raise NotFound(f"There is no figure called “{key}” here. Figures: {', '.join(KINDS)}.")
    found, sides, _ = _gathered(conn, who, choice, now)
    mine = [one for one in found[key] if one.week == WEEKS and (not by or group in sides[one.conversation][by])]
    rising = KINDS[key] in (SHARE, MEAN)
    mine.sort(key=lambda one: (one.value, -one.at) if rising else (-one.value, -one.at))
    told = [Case(conversation=o.conversation, at=moment(o.at), value=o.value, running=not o.stopped) for o in mine]
    return told[:MOST_CASES], KINDS[key]


def _known(volume: Sequence[One], start: int) -> int:
    """How many of the weeks before the desk was there for from their first day on; a week that had not begun is no
    quiet week."""
    if not volume:
        return 0
    first_day = (min(one.at for one in volume) - start) // DAY
    return max(0, WEEKS - -(-first_day // 7))


# ── what there is to compare ────────────────────────────────────────────────────────────────


def _gathered(
    conn: Connection, who: Viewer, choice: Choice, now: datetime
) -> tuple[dict[str, list[One]], Sides, Period]:
    end = moment(micros(now) // DAY * DAY)
    whole = Period(start=end - timedelta(days=7 * (WEEKS + 1)), end=end)
    facts = facts_of(conn, who, choice, whole, now)
    ones = _ones(facts, micros(whole.start), micros(now))
    numbers = {one.conversation for of in ones.values() for one in of}
    return ones, _sides(conn, numbers), whole


def _ones(facts: Facts, start: int, now: int) -> dict[str, list[One]]:
    """The cases of every figure that is watched."""

    def one(conversation: int, at: int, value: float, stopped: bool = True) -> One:
        return One(conversation, at, (at - start) // WEEK, value, stopped)

    def timed(talks: Iterable[Measured], key: str) -> list[One]:
        read = ((talk, CLOCKS[key](talk, now)) for talk in talks)
        return [one(t.conversation, t.began_at or 0, r.seconds, r.stopped) for t, r in read if r is not None]

    found = {"volume": [one(talk.conversation, talk.began_at or 0, 1.0) for talk in facts.talks]}
    found |= {key: timed(facts.talks, key) for key in ("human", "resolution", "bot")}
    for key, kind in PROMISED.items():
        found[key] = [
            one(made.conversation, micros(made.began), float(_met(made.promise)))
            for made in facts.made
            if made.kind == kind and not made.promise.void and made.promise.due and micros(made.promise.due) <= now
        ]
    found["csat"] = [
        one(r.conversation, r.asked_at, float(r.score >= CONTENT)) for r in facts.rated if r.score is not None
    ]
    for key in ("nps", "ces"):
        found[key] = [one(s.conversation, s.at, float(s.score)) for s in facts.said if s.measure == key]
    kept = ((talk, contained(talk)) for talk in facts.talks)
    found["contained"] = [one(t.conversation, t.began_at or 0, float(k)) for t, k in kept if k is not None]
    return {key: found[key] for key in KINDS}


def _met(promise: attainment.Promise) -> bool:
    """Of a promise whose moment has passed: only these are compared, or the young ones would all look kept."""
    return promise.met_at is not None and promise.due is not None and promise.met_at <= promise.due


def _sides(conn: Connection, numbers: Iterable[int]) -> Sides:
    of, found = conversations.c, {}
    for chunk in chunks(sorted(numbers), 500):
        question = select(of.id, of.tags, of.channel, of.inbox, of.brand).where(of.id.in_(chunk))
        for number, tags, channel, inbox, brand in conn.execute(question):
            topics = tuple(tag for tag in tags.split(",") if tag)
            found[number] = {"topic": topics, "channel": (channel,), "inbox": (str(inbox),), "brand": (str(brand),)}
    return found


# ── a figure ────────────────────────────────────────────────────────────────────────────────


def _change(key: str, ones: Sequence[One], sides: Sides, start: datetime, usual: int) -> Change:
    now, then = [o for o in ones if o.week == WEEKS], [o for o in ones if o.week < WEEKS]
    kind = KINDS[key]
    enough = min(len(now), len(then)) >= FEWEST
    made = _count(key, now, then, usual) if kind == COUNT else _TOLD[kind](key, now, then)
    weeks = tuple(_week(kind, key, [o for o in ones if o.week == i], start, i) for i in range(WEEKS + 1))
    lines = _lines(made, ones, sides, usual) if enough else ()
    return msgspec.structs.replace(made, few=not enough, weeks=weeks, lines=lines, reasons=_reasons(lines))


def _count(key: str, now: Sequence[One], then: Sequence[One], usual: int) -> Change:
    change, chance = changes.rate_change(*_days([*now, *then], usual))
    return Change(
        key=key, kind=COUNT, n=len(now), n_before=len(then), value=len(now), before=len(then) / max(1, usual),
        change=change.value, change_low=change.interval.low, change_high=change.interval.high, chance=chance,
    )  # fmt: skip


def _share(key: str, now: Sequence[One], then: Sequence[One]) -> Change:
    (hits, n), (hits_before, m) = (_hits(now), len(now)), (_hits(then), len(then))
    found, change = stats.share(hits, n), stats.share_change(hits, n, hits_before, m)
    return Change(
        key=key, kind=SHARE, n=n, n_before=m, value=found.value, before=hits_before / m if m else None,
        low=found.interval.low, high=found.interval.high, change=change.value, change_low=change.interval.low,
        change_high=change.interval.high, chance=changes.share_chance(hits, n, hits_before, m),
    )  # fmt: skip


def _mean(key: str, now: Sequence[One], then: Sequence[One]) -> Change:
    here, there = _scored(key, now), _scored(key, then)
    chance = changes.mean_chance(_worth(key, now), _worth(key, then))
    a, b = [int(o.value) for o in now], [int(o.value) for o in then]
    if key == "nps":
        change = opinions.nps_change(opinions.recommending(a), opinions.recommending(b), stats.LEVEL)
    else:
        change = opinions.effort_change(a, b, stats.LEVEL)
    return Change(
        key=key, kind=MEAN, n=len(now), n_before=len(then), value=here.value, before=there.value,
        low=here.interval.low, high=here.interval.high, change=change.value, change_low=change.interval.low,
        change_high=change.interval.high, chance=chance,
    )  # fmt: skip


def _scored(key: str, ones: Sequence[One]) -> stats.Estimate:
    scores = [int(o.value) for o in ones]
    return opinions.nps(opinions.recommending(scores)) if key == "nps" else opinions.effort(scores).mean


def _time(key: str, now: Sequence[One], then: Sequence[One]) -> Change:
    here, there = _times(now), _times(then)
    a, b = stats.spread(here.done, here.running).median, stats.spread(there.done, there.running).median
    moved = None if a.value is None or b.value is None else a.value - b.value
    both = bool(here.n and there.n)
    return Change(
        key=key, kind=TIME, n=here.n, n_before=there.n, value=a.value, before=b.value, low=a.interval.low,
        high=a.interval.high, change=moved, chance=stats.chance(stats.log_rank(here, there)) if both else 1.0,
        running=len(here.running), within=b.value,
    )  # fmt: skip


_TOLD: dict[str, Callable[[str, Sequence[One], Sequence[One]], Change]] = {
    SHARE: _share, MEAN: _mean, TIME: _time,
}  # fmt: skip


def _hits(ones: Sequence[One]) -> int:
    return sum(o.value > 0 for o in ones)


def _times(ones: Sequence[One]) -> stats.Times:
    return stats.Times([o.value for o in ones if o.stopped], [o.value for o in ones if not o.stopped])


def _days(ones: Sequence[One], usual: int) -> tuple[list[int], list[list[int]]]:
    """Counts of each day: of the week that is looked at, and of the `usual` weeks before."""
    table = [[0] * 7 for _ in range(WEEKS + 1)]
    for one in ones:
        table[one.week][one.at // DAY % 7] += 1
    return table[WEEKS], table[WEEKS - usual : WEEKS]


def _week(kind: str, key: str, ones: Sequence[One], start: datetime, place: int) -> Week:
    found = stats.Estimate(float(len(ones)))
    if kind == SHARE:
        found = stats.share(_hits(ones), len(ones))
    elif kind == MEAN:
        found = _scored(key, ones)
    elif kind == TIME:
        times = _times(ones)
        found = stats.spread(times.done, times.running).median
    at = start + timedelta(days=7 * place)
    return Week(start=at, n=len(ones), value=found.value, low=found.interval.low, high=found.interval.high)


# ── where it came from ──────────────────────────────────────────────────────────────────────


def _worth(key: str, ones: Sequence[One], within: float | None = None) -> list[float]:
    """What a case counts in a mean: NPS in points, times as whether they ended within the usual one."""
    if key == "nps":
        return [100.0 * ((o.value >= 9) - (o.value <= 6)) for o in ones]
    if within is not None:
        return [float(o.stopped and o.value <= within) for o in ones]
    return [o.value for o in ones]


def _lines(of: Change, ones: Sequence[One], sides: Sides, usual: int) -> tuple[Line, ...]:
    """Every group's part in the change, side by side, the largest first."""
    if of.kind == TIME:
        if of.within is None:
            return ()
        ones = [o for o in ones if o.stopped or o.value > of.within]  # else nobody knows yet
    whole = _cell(of, ones)
    total = _difference(of, whole, usual)
    found: list[Line] = []
    for by in SIDES:
        groups = _grouped(ones, sides, by)
        if len(groups) < 2 or not total:
            continue
        cells = {key: _cell(of, mine) for key, mine in groups.items()}
        parts = _parts(of, by, cells, whole, usual)
        found += [_line(of, by, key, cells[key], parts[key], total, usual) for key in parts]
    found = [_alone(of, line, ones, sides, total, usual) for line in found]
    return tuple(sorted(found, key=lambda line: -abs(line.part)))


def _grouped(ones: Sequence[One], sides: Sides, by: str) -> dict[str, list[One]]:
    found: dict[str, list[One]] = {}
    for one in ones:
        for key in sides[one.conversation][by]:
            found.setdefault(key, []).append(one)
    return found


def _cell(of: Change, ones: Sequence[One]) -> Cell:
    within = of.within if of.kind == TIME else None
    now, then = ([o for o in ones if (o.week == WEEKS) == newest] for newest in (True, False))
    return Cell(len(now), sum(_worth(of.key, now, within)), len(then), sum(_worth(of.key, then, within)))


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


def _alone(of: Change, line: Line, ones: Sequence[One], sides: Sides, total: float, usual: int) -> Line:
    """Whether the change is gone when the group's conversations are left out: less than half of it is left, and that
    may be noise. Asked of large parts only."""
    if line.part < LEAST_SHARE:
        return line
    rest = [o for o in ones if line.key not in sides[o.conversation][line.by]]
    now, then = ([o for o in rest if (o.week == WEEKS) == newest] for newest in (True, False))
    if of.kind == COUNT:
        chance = changes.rate_change(*_days(rest, usual))[1]
    elif of.kind == MEAN:
        chance = changes.mean_chance(_worth(of.key, now), _worth(of.key, then))
    else:
        within = of.within if of.kind == TIME else None
        a, b = (sum(_worth(of.key, part, within)) for part in (now, then))
        chance = changes.share_chance(round(a), len(now), round(b), len(then))
    left = _difference(of, _cell(of, rest), usual) / total
    gone = abs(left) < 0.5 and chance > FALSE
    return msgspec.structs.replace(line, alone=gone and min(len(now), len(then)) >= FEWEST)


def _reasons(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Of each side the group that gave most beyond its size, the largest part first."""
    n = {by: max(1, sum(one.n + one.n_before for one in lines if one.by == by)) for by in SIDES}

    def beyond(line: Line) -> float:
        return line.part - (line.n + line.n_before) / n[line.by]

    able = [one for one in lines if one.part >= LEAST_SHARE and beyond(one) > 0 and one.n + one.n_before >= FEWEST]
    best = [max(mine, key=beyond) for by in SIDES if (mine := [line for line in able if line.by == by])]
    return tuple(sorted(best, key=lambda line: -line.part))[:REASONS]


def _moved(volume: Sequence[One], sides: Sides, usual: int) -> list[Moved]:
    """How many began of each group, where there is enough to say something."""
    found = []
    for by in SIDES:
        groups = _grouped(volume, sides, by)
        for key, mine in groups.items() if len(groups) > 1 else ():
            days, weeks = _days(mine, usual)
            change, chance = changes.rate_change(days, weeks)
            if change.value is not None and sum(days) + sum(map(sum, weeks)) >= 2 * FEWEST:
                found.append(
                    Moved(
                        by=by, key=key, n=sum(days), usual=sum(map(sum, weeks)) / usual, ratio=change.value,
                        low=change.interval.low, high=change.interval.high, chance=chance,
                    )
                )  # fmt: skip
    return found
