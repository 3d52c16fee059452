"""Answers any query of the semantic layer, from the facts and with the figures of the numbers page.

The facts of the period are fetched once, narrowed, shared out among the groups of the dimensions, and each group gets
its figures from services/figures.py. So a report without a split says what the numbers page says, to the digit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec
from sqlalchemy import Connection

from parley.core.errors import NotAllowed
from parley.core.measure import DAY, SECOND, VERSION, Measured, micros, moment
from parley.core.query import BEGAN, Query
from parley.core.semantics import DIMENSIONS, MEASURES, Dimension, Stretch, check, stretch
from parley.log.many import among
from parley.services import figures, inbox, languages, prepared, setup
from parley.services.figures import FEW_FOR_A_PERSON, Case, Number
from parley.services.inbox import Viewer
from parley.services.numbers import Choice, Facts, Made, Period, Rated, Said, ended_in, facts_of, measured

MOST_GROUPS = 60  # of a dimension that is a set; those with the fewest cases are left out, and it is said how many
MOST_ROWS = 1500
LEADS = ("admin", "lead", "system")
HOUR = 3600 * SECOND
Fact = Measured | Rated | Said | Made
_M = measured.c


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
    may_ask(who, check(query, now))
    there = stretch(query.period, now)
    this = Period(start=there.start, end=there.end)
    that = Period(start=there.start - there.back, end=there.end - there.back) if query.compare else None
    made = _Made(conn, who, query, there, now)
    rows, left_out = made.rows(this, that)
    return Found(
        query=query, period=this, compared_with=that, totals=made.totals(this, that), rows=rows, left_out=left_out
    )


def cases(conn: Connection, who: Viewer, query: Query, key: str, group: Sequence[str], now: datetime) -> list[Case]:
    """The conversations behind one figure of a group (none: of all), the most telling first; none where it is
    withheld."""
    query = msgspec.structs.replace(query, measures=(key,))
    may_ask(who, check(query, now))
    there = stretch(query.period, now)
    made = _Made(conn, who, query, there, now)
    facts = made.facts(key, Period(start=there.start, end=there.end))
    if group:
        facts = made.shared_out(facts, timedelta(0), made.end_of(key)).get(tuple(group), _empty(facts))
    number = made.number(key, facts, _empty(facts))
    if number.n < _few(who, query, group):
        return []
    return figures.cases_of(facts, key, micros(now))[: figures.MOST_CASES]


class _Made:
    """A report in the making. Facts are fetched once for each period and way of counting."""

    def __init__(self, conn: Connection, who: Viewer, query: Query, there: Stretch, now: datetime) -> None:
        self.conn, self.who, self.query, self.there, self.now = conn, who, query, there, now
        self.sides = _Sides(conn, [*query.by, *(one.dimension for one in query.filters)])
        self._facts: dict[tuple[str, datetime], Facts] = {}
        self._groups: dict[tuple[str, datetime], dict[tuple[str, ...], Facts]] = {}

    def totals(self, this: Period, that: Period | None) -> tuple[Number, ...]:
        found = []
        for key in self.query.measures:
            facts = self.facts(key, this)
            past = self.facts(key, that) if that else _empty(facts)
            found.append(figures.withheld(self.number(key, facts, past), _few(self.who, self.query, ())))
        return tuple(found)

    def rows(self, this: Period, that: Period | None) -> tuple[tuple[Row, ...], int]:
        if not self.query.by:
            return (), 0
        here = {key: self._apart(key, this, timedelta(0)) for key in self.query.measures}
        same_days = that is not None and "month" not in self.query.by  # months are no whole weeks apart
        there = {key: self._apart(key, that, self.there.back) if that and same_days else {} for key in here}
        groups, left_out = self._chosen(here)
        rows = []
        for group in groups:
            few = _few(self.who, self.query, group)
            numbers = []
            for key in self.query.measures:
                facts = here[key].get(group) or _empty(self.facts(key, this))
                number = self.number(key, facts, there[key].get(group) or _empty(facts))
                numbers.append(figures.withheld(number, few))
            rows.append(Row(keys=group, numbers=tuple(numbers), whole=self._is_whole(group)))
        return tuple(rows), left_out

    def number(self, key: str, facts: Facts, past: Facts) -> Number:
        days = self.there.days if MEASURES[key].of == "talks" and key == "volume" else 0
        first = micros(self.there.start) // DAY
        back = self.there.back // timedelta(days=1)
        here, there = _per_day(facts.talks), _per_day(past.talks)
        paired = ([here.get(first + i, 0) for i in range(days)], [there.get(first - back + i, 0) for i in range(days)])
        return figures.number_of(key, facts, past, micros(self.now), paired)

    # facts ──────────────────────────────────────────────────────────────────────────────────

    def facts(self, key: str, period: Period) -> Facts:
        """Of a measure in a period, narrowed."""
        end = self.end_of(key)
        where = (end, period.start)
        if where not in self._facts:
            self._facts[where] = self._narrowed(self._fetched(end, period), end)
        return self._facts[where]

    def end_of(self, key: str) -> str:
        """The moment by which a measure's conversations are counted, where it is not that of their beginning."""
        return "" if self.query.counted == BEGAN else MEASURES[key].done

    def _fetched(self, end: str, period: Period) -> Facts:
        choice = self._choice()
        if end:
            return Facts(ended_in(self.conn, self.who, choice, end, period), [])
        with_open = any(MEASURES[key].of == "open" for key in self.query.measures)
        return facts_of(self.conn, self.who, choice, period, self.now, with_open=with_open)

    def _choice(self) -> Choice:
        """What the database can narrow by itself."""
        single = {one.dimension: one.values[0] for one in self.query.filters if len(one.values) == 1}
        brand, agent = single.get("brand", ""), single.get("agent", "")
        return Choice(
            channel=single.get("channel") or None,
            brand=int(brand) if brand.isdigit() else None,
            agent=int(agent) if agent.isdigit() else None,
        )

    def _narrowed(self, facts: Facts, end: str) -> Facts:
        if not self.query.filters:
            return facts
        self.sides.learn(facts)
        wanted = [(DIMENSIONS[one.dimension], frozenset(one.values)) for one in self.query.filters]

        def fits(fact: Fact) -> bool:
            return all(values.intersection(self.sides.of(what, fact, timedelta(0), end)) for what, values in wanted)

        return msgspec.structs.replace(
            facts, talks=list(filter(fits, facts.talks)), rated=list(filter(fits, facts.rated)),
            open=list(filter(fits, facts.open)), said=list(filter(fits, facts.said)),
            made=list(filter(fits, facts.made)),
        )  # fmt: skip

    # groups ─────────────────────────────────────────────────────────────────────────────────

    def _apart(self, key: str, period: Period, moved: timedelta) -> dict[tuple[str, ...], Facts]:
        end = self.end_of(key)
        where = (end, period.start)
        if where not in self._groups:
            self._groups[where] = self.shared_out(self.facts(key, period), moved, end)
        return self._groups[where]

    def shared_out(self, facts: Facts, moved: timedelta, end: str = "") -> dict[tuple[str, ...], Facts]:
        """Facts by their values of the dimensions. moved: how far the days of an earlier period are from ours."""
        self.sides.learn(facts)
        dimensions = [DIMENSIONS[key] for key in self.query.by]
        apart: dict[tuple[str, ...], Facts] = {}

        def put(kind: str, ones: Iterable[Fact]) -> None:
            for one in ones:
                for group in _crossed([self.sides.of(what, one, moved, end) for what in dimensions]):
                    own = apart.get(group)
                    if own is None:
                        own = apart[group] = _empty(facts)
                    getattr(own, kind).append(one)

        for kind in ("talks", "rated", "said", "made", "open"):
            put(kind, getattr(facts, kind))
        return apart

    def _chosen(self, here: Mapping[str, Mapping[tuple[str, ...], Facts]]) -> tuple[list[tuple[str, ...]], int]:
        """Which groups are shown, in their order: days as they come, sets by the number of cases."""
        sizes: list[dict[str, int]] = [{} for _ in self.query.by]
        groups: dict[tuple[str, ...], int] = {}
        for key, apart in here.items():
            for group, facts in apart.items():
                n = _cases_in(facts, MEASURES[key].of)
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
        pairs: list[tuple[str, ...]] = [(a, b) for a in orders[0] for b in orders[1]]
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


def _per_day(talks: Iterable[Measured]) -> dict[int, int]:
    found: dict[int, int] = {}
    for talk in talks:
        day = (talk.began_at or 0) // DAY
        found[day] = found.get(day, 0) + 1
    return found


def _empty(of: Facts) -> Facts:
    return Facts([], [], of.repeats, [], [], [], of.unhappy)


def _cases_in(facts: Facts, of: str) -> int:
    return len(getattr(facts, of))


def _crossed(values: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    if len(values) == 1:
        return [(value,) for value in values[0]]
    return [(a, b) for a in values[0] for b in values[1]]


# ── values of dimensions ────────────────────────────────────────────────────────────────────


class _Of(msgspec.Struct, frozen=True):
    """What is known of a conversation beside the facts about it."""

    agent: int | None
    handled: str


class _Sides:
    """Under which values of the dimensions a fact stands. `learn` first: it asks for what the dimensions need."""

    def __init__(self, conn: Connection, dimensions: Sequence[str]) -> None:
        self.conn, self.needed = conn, frozenset(dimensions)
        self._of: dict[int, _Of] = {}
        self._tags: dict[int, tuple[str, ...]] = {}
        self._languages: dict[int, str] = {}
        self._known: set[int] = set()
        self._teams = teams_of(conn) if "team" in self.needed else {}

    def learn(self, facts: Facts) -> None:
        if not self.needed & {"agent", "team", "handled", "topic", "language"}:
            return
        every: list[Sequence[Fact]] = [facts.talks, facts.rated, facts.said, facts.made, facts.open]
        new = sorted({one.conversation for of in every for one in of} - self._known)
        self._known.update(new)
        if self.needed & {"agent", "team", "handled"}:
            wanted = (_M.conversation, _M.agent, _M.with_bot, _M.people_at)
            for row in among(self.conn, _M.conversation, new, of=wanted):
                handled = "people" if not row.with_bot else "bot" if row.people_at is None else "handed"
                self._of[row.conversation] = _Of(row.agent, handled)
        if "topic" in self.needed:
            tags = inbox.tags.c
            for row in among(self.conn, tags.conversation, new, of=(tags.conversation, tags.tag)):
                self._tags[row.conversation] = (*self._tags.get(row.conversation, ()), row.tag)
        if "language" in self.needed:
            self._languages |= languages.of(self.conn, new)

    def of(self, what: Dimension, fact: Fact, moved: timedelta, end: str = "") -> tuple[str, ...]:
        if what.kind != "set":
            return (_bucket(what.key, _at(fact, end) + micros_of(moved)),)
        return _SETS[what.key](self, fact)

    def agent(self, fact: Fact) -> tuple[str, ...]:
        of = self._of.get(fact.conversation)
        return (str(of.agent) if of and of.agent is not None else "",)

    def team(self, fact: Fact) -> tuple[str, ...]:
        of = self._of.get(fact.conversation)
        return self._teams.get(of.agent, ("",)) if of and of.agent is not None else ("",)

    def handled(self, fact: Fact) -> tuple[str, ...]:
        of = self._of.get(fact.conversation)
        return (of.handled if of else "",)

    def topic(self, fact: Fact) -> tuple[str, ...]:
        return self._tags.get(fact.conversation, ("",))

    def language(self, fact: Fact) -> tuple[str, ...]:
        return (self._languages.get(fact.conversation, ""),)


_SETS: Mapping[str, Callable[[_Sides, Fact], tuple[str, ...]]] = {
    "channel": lambda sides, fact: (fact.channel,),
    "brand": lambda sides, fact: (str(fact.brand),),
    "agent": _Sides.agent,
    "team": _Sides.team,
    "handled": _Sides.handled,
    "topic": _Sides.topic,
    "language": _Sides.language,
}


def teams_of(conn: Connection) -> dict[int, tuple[str, ...]]:
    """Agent → the teams of which they have a skill."""
    known = prepared.teams(conn)
    return {
        agent.id: tuple(team.name for team in known if set(team.skills) & set(agent.skills)) or ("",)
        for agent in setup.all_agents(conn).values()
    }


def micros_of(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _at(fact: Fact, end: str) -> int:
    """The moment by which a fact belongs to a day."""
    match fact:
        case Measured():
            return (getattr(fact, end) if end else fact.began_at) or 0
        case Rated():
            return fact.asked_at
        case Said():
            return fact.at
    return micros(fact.began)


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
