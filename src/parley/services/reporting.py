"""Answers any query of the semantic layer, from the facts and with the figures of the numbers page.

The facts of the period are read once, narrowed, shared out among the groups of the dimensions, and each group gets
its figures from services/figures.py. So a report without a split says what the numbers page says, to the digit.
Facts are columns, and so are their values of the dimensions (report_sides.py): no conversation is looked at alone.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection

from parley.core.errors import NotAllowed
from parley.core.measure import DAY, SECOND, VERSION, micros, moment
from parley.core.query import BEGAN, Query
from parley.core.semantics import DIMENSIONS, MEASURES, Dimension, Stretch, check, stretch
from parley.services import figures
from parley.services.facts import BESIDE, Facts, Source, only, those
from parley.services.figures import FEW_FOR_A_PERSON, Case, Number, Told
from parley.services.inbox import Viewer
from parley.services.numbers import Choice, Period

if TYPE_CHECKING:
    from parley.ai.splits import Groups
    from parley.services.report_sides import Sides

MOST_GROUPS = 60  # of a dimension that is a set; those with the fewest cases are left out, and it is said how many
MOST_ROWS = 1500
LEADS = ("admin", "lead", "system")
HOUR = 3600 * SECOND
Group = tuple[str, ...]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A group: its value of each dimension, and its figures in the order of the query's measures. whole: its days are
    over."""

    keys: tuple[str, ...]
    numbers: tuple[Number, ...]
    whole: bool = True


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a query. totals: of all groups together. left_out: groups that are not shown."""

    query: Query
    period: Period
    compared_with: Period | None
    time_zone: str = "UTC"
    currency: str = ""
    calendar: str = "calendar time, 24 hours a day"
    definitions: int = VERSION
    totals: tuple[Number, ...]
    rows: tuple[Row, ...]
    left_out: int = 0


# ── who may ask what ────────────────────────────────────────────────────────────────────────


def may_ask(who: Viewer, query: Query) -> None:
    """Figures of single people, and of teams, which may be of one, are for leads; one's own are one's own."""
    if query.agent is None or who.role in LEADS or _of_oneself(who, query):
        return
    raise NotAllowed("Figures of agents and teams are shown to leads, and to each agent their own.")


def _of_oneself(who: Viewer, query: Query) -> bool:
    return who.agent is not None and query.only("agent") == (str(who.agent),)


def _few(who: Viewer, query: Query, keys: Sequence[str]) -> int:
    """How many cases it takes to say something of a person; people see their own from the first."""
    if query.agent is None or _of_oneself(who, query):
        return 0
    own = "agent" in query.by and keys and keys[query.by.index("agent")] == str(who.agent)
    return 0 if own else FEW_FOR_A_PERSON


# ── the report ──────────────────────────────────────────────────────────────────────────────


def report(conn: Connection, who: Viewer, query: Query, now: datetime) -> Found:
    """Every figure of a query, as seen now."""
    made = _Made(conn, who, query, now)
    rows, left_out = made.rows()
    return Found(
        query=query, period=made.this, compared_with=made.that, currency=made.source.costs.currency,
        totals=made.totals(), rows=rows, left_out=left_out,
    )  # fmt: skip


def cases(conn: Connection, who: Viewer, query: Query, key: str, group: Sequence[str], now: datetime) -> list[Case]:
    """The conversations behind one figure of a group (none: of all), the most telling first; none where it is
    withheld."""
    query = msgspec.structs.replace(query, measures=(key,), compare=False)
    made = _Made(conn, who, query, now, heads=False)
    kind, end = MEASURES[key].of, made.end_of(key)
    told = made.shared(kind, end, made.this).told(tuple(group)) if group else made.told(kind, end, made.this)
    found, n = figures.cases_of(told.facts, key, told.now)
    return found if n >= _few(who, query, group) else []


class _Made:
    """A report in the making. Facts are read once for each period and way of counting.

    heads: whether of what is open it is enough to know when it began and where.
    """

    def __init__(self, conn: Connection, who: Viewer, query: Query, now: datetime, *, heads: bool = True) -> None:
        may_ask(who, check(query, now))
        self.query, self.who, self.now, self.there = query, who, now, stretch(query.period, now)
        there = self.there
        self.this = Period(start=there.start, end=there.end)
        self.that = Period(start=there.start - there.back, end=there.end - there.back) if query.compare else None
        self.source = Source(conn, who, _choice(query), (self.that or self.this).start, now)
        self.filters = [one for one in query.filters if not _chosen_by(one.dimension, one.values)]
        told = (*query.by, *(one.dimension for one in self.filters))
        self.heads = heads and all(key in ("channel", "brand") or DIMENSIONS[key].kind != "set" for key in told)
        self.nothing = Told(self.source.nothing(), micros(now))
        self._sides: Sides | None = None
        self._facts: dict[datetime, Facts] = {}
        self._told: dict[tuple[str, str, datetime], Told] = {}
        self._shared: dict[tuple[str, str, datetime], _Shared] = {}

    def totals(self) -> tuple[Number, ...]:
        found = []
        for key in self.query.measures:
            kind, end = MEASURES[key].of, self.end_of(key)
            past = self.told(kind, end, self.that) if self.that else self.nothing
            number = self.number(key, self.told(kind, end, self.this), past)
            found.append(figures.withheld(number, _few(self.who, self.query, ())))
        return tuple(found)

    def rows(self) -> tuple[tuple[Row, ...], int]:
        if not self.query.by:
            return (), 0
        here = {key: self.shared(MEASURES[key].of, self.end_of(key), self.this) for key in self.query.measures}
        there = {key: self._before(key) for key in self.query.measures}
        groups, left_out = self._chosen([one.counts for one in here.values()])
        rows = []
        for group in groups:
            few = _few(self.who, self.query, group)
            numbers = []
            for key in self.query.measures:
                past = there[key]
                number = self.number(key, here[key].told(group), past.told(group) if past else self.nothing)
                numbers.append(figures.withheld(number, few))
            rows.append(Row(keys=group, numbers=tuple(numbers), whole=self._is_whole(group)))
        return tuple(rows), left_out

    def _before(self, key: str) -> "_Shared | None":
        if self.that is None or "month" in self.query.by:
            return None  # months are no whole weeks apart
        return self.shared(MEASURES[key].of, self.end_of(key), self.that)

    def number(self, key: str, here: Told, there: Told) -> Number:
        paired: tuple[list[int], list[int]] = ([], [])
        if key == "volume":  # which is told by its days
            first, back = micros(self.there.start) // DAY, self.there.back // timedelta(days=1)
            talks, before = here.facts.talks, there.facts.talks
            paired = talks.a_day(first, self.there.days), before.a_day(first - back, self.there.days)
        return figures.number_of(key, here, there, paired)

    def end_of(self, key: str) -> str:
        """The moment by which a measure's conversations are counted, where it is not that of their beginning."""
        return "" if self.query.counted == BEGAN else MEASURES[key].done

    # facts ──────────────────────────────────────────────────────────────────────────────────

    def told(self, kind: str, end: str, period: Period) -> Told:
        """Facts of a kind in a period, narrowed."""
        where = (kind, end, period.start)
        if where not in self._told:
            facts = self._read(kind, end, period)
            if self.filters:
                facts = _part(facts, kind, self.sides.fitting(self.filters, *self._timed(facts, kind, end)))
            self._told[where] = Told(facts, micros(self.now))
        return self._told[where]

    def _read(self, kind: str, end: str, period: Period) -> Facts:
        if end:
            return only(talks=self.source.ended(end, period))
        if kind == "open":
            return only(still_open=self.source.open(heads=self.heads))
        if period.start not in self._facts:
            beside = {MEASURES[key].of for key in self.query.measures}
            self._facts[period.start] = self.source.facts(period, beside=beside)
        return self._facts[period.start]

    def _timed(self, facts: Facts, kind: str, end: str) -> tuple[Any, Any]:
        """The rows of a kind, and the moment by which each belongs to a day."""
        from parley.services.report_sides import time_of

        rows = getattr(facts, kind)
        return rows, time_of(rows, ended=bool(end))

    # groups ─────────────────────────────────────────────────────────────────────────────────

    @property
    def sides(self) -> "Sides":
        if self._sides is None:
            from parley.services.report_sides import Sides

            self._sides = Sides(self.source.conn, self.source)
        return self._sides

    def shared(self, kind: str, end: str, period: Period) -> "_Shared":
        """Facts of a kind by their values of the dimensions; those of an earlier period under the days of ours."""
        where = (kind, end, period.start)
        if where not in self._shared:
            told = self.told(kind, end, period)
            rows, at = self._timed(told.facts, kind, end)
            moved = (self.this.start - period.start) // timedelta(microseconds=1)
            groups = self.sides.groups(self.query.by, rows, at + moved)
            self._shared[where] = _Shared(told, kind, self.query.by, self.sides, groups)
        return self._shared[where]

    def _chosen(self, counted: Sequence[Mapping[Group, int]]) -> tuple[list[Group], int]:
        """Which groups are shown, in their order: days as they come, sets by the number of cases."""
        sizes: list[dict[str, int]] = [{} for _ in self.query.by]
        groups: dict[Group, int] = {}
        for counts in counted:
            for group, n in counts.items():
                groups[group] = groups.get(group, 0) + n
                for place, value in enumerate(group):
                    sizes[place][value] = sizes[place].get(value, 0) + n
        orders, left_out = [], 0
        for place, key in enumerate(self.query.by):
            order, rest = self._order(DIMENSIONS[key], sizes[place])
            orders.append(order)
            left_out += rest
        if len(orders) == 1:
            return [(value,) for value in orders[0]], left_out
        pairs: list[Group] = [(a, b) for a in orders[0] for b in orders[1]]
        filled = [pair for pair in pairs if groups.get(pair) or self._kept_whole()]
        return filled[:MOST_ROWS], left_out + max(0, len(filled) - MOST_ROWS)

    def _kept_whole(self) -> bool:
        """Weekdays × hours are drawn as a whole, empty fields too."""
        return all(DIMENSIONS[key].kind == "cycle" for key in self.query.by)

    def _order(self, what: Dimension, sizes: Mapping[str, int]) -> tuple[list[str], int]:
        if what.kind != "set":
            return _buckets(what.key, self.there), 0
        order = sorted((value for value in sizes if sizes[value]), key=lambda value: (-sizes[value], value))
        return order[:MOST_GROUPS], max(0, len(order) - MOST_GROUPS)

    def _is_whole(self, group: Sequence[str]) -> bool:
        """Whether the days of a group lie in the period with all their hours."""
        for key, value in zip(self.query.by, group, strict=True):
            if DIMENSIONS[key].kind == "time":
                first = datetime.fromisoformat(value).replace(tzinfo=self.there.start.tzinfo)
                return first >= self.there.start and _next(key, first) <= self.there.end
        return True


class _Shared:
    """Facts of one kind, shared out among groups. counts: rows of each."""

    def __init__(self, told: Told, kind: str, by: Sequence[str], sides: "Sides", groups: "Groups") -> None:
        self._all, self._kind, self._groups = told, kind, groups
        named = [{value: sides.name(key, value) for value in groups.values(place)} for place, key in enumerate(by)]
        self._codes = {tuple(map(dict.__getitem__, named, code)): code for code in groups.ends}
        self.counts = {group: groups.count(code) for group, code in self._codes.items()}
        self._told: dict[Group, Told] = {}

    def told(self, group: Group) -> Told:
        if group not in self._told:
            rows = self._groups.rows(self._codes.get(group, ()))
            self._told[group] = Told(_part(self._all.facts, self._kind, rows), self._all.now)
        return self._told[group]


def _part(facts: Facts, kind: str, rows: Any) -> Facts:
    """Some rows of one kind of facts, by flags or places; the other kinds are left as they are."""
    if kind in BESIDE:
        return facts._replace(**{kind: those(getattr(facts, kind), rows)})
    if kind == "open":
        return facts._replace(open=facts.open.where(rows))
    return facts._replace(
        talks=facts.talks.where(rows), old=facts.old[rows], again=facts.again[rows], unhappy=facts.unhappy[rows],
        cost=None if facts.cost is None else facts.cost[rows],
    )  # fmt: skip


def _choice(query: Query) -> Choice:
    """What the facts are narrowed by where they are read."""
    single = {one.dimension: one.values[0] for one in query.filters if _chosen_by(one.dimension, one.values)}
    brand, agent = single.get("brand"), single.get("agent")
    return Choice(
        channel=single.get("channel"),
        brand=int(brand) if brand else None,
        agent=int(agent) if agent else None,
    )


def _chosen_by(dimension: str, values: Sequence[str]) -> bool:
    if len(values) > 1 or not values[0]:
        return False
    return dimension == "channel" or (dimension in ("brand", "agent") and _NUMBER.fullmatch(values[0]) is not None)


_NUMBER = re.compile("[1-9][0-9]{0,8}")


# ── values of dimensions ────────────────────────────────────────────────────────────────────


def _bucket(key: str, at: int) -> str:
    """Days, weeks and months by their first day; weekdays 0 (Monday) to 6; hours 0 to 23."""
    day, within = divmod(at, DAY)
    return str(within // HOUR) if key == "hour" else _day_bucket(key, day)


@lru_cache(4096)
def _day_bucket(key: str, day: int) -> str:
    weekday = (day + 3) % 7  # day 0, 1 January 1970, was a Thursday
    if key == "weekday":
        return str(weekday)
    first = moment((day - weekday if key == "week" else day) * DAY)
    return f"{first.replace(day=1) if key == 'month' else first:%Y-%m-%d}"


def _buckets(key: str, there: Stretch) -> list[str]:
    """All there are in the period, empty ones too."""
    if key in ("weekday", "hour"):
        return [str(number) for number in range(7 if key == "weekday" else 24)]
    days = (micros(there.start) + day * DAY for day in range(there.days))
    return list(dict.fromkeys(_bucket(key, day) for day in days))


def buckets_of(found: Found, key: str) -> list[str]:
    """The values of a dimension of time in a report's period, those without a case too."""
    start, end = found.period.start, found.period.end
    return _buckets(key, Stretch(start=start, end=end, days=-(-(end - start) // timedelta(days=1))))


def _next(key: str, first: datetime) -> datetime:
    if key == "month":
        return (first.replace(day=1) + timedelta(days=32)).replace(day=1)
    return first + timedelta(days=7 if key == "week" else 1)
