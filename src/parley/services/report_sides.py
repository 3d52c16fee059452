"""Under which values of a report's dimensions the rows of facts stand, as columns; and what the values are called."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import Connection

from parley.ai import splits
from parley.ai.columns import Flags, Talks, Whole, ends
from parley.ai.splits import HANDLED, Groups, Marks, Split
from parley.core.measure import DAY, moment
from parley.core.query import Filter
from parley.core.semantics import DIMENSIONS
from parley.services import languages, prepared, setup
from parley.services.facts import Source, by_label
from parley.services.inbox import tags

_NOWHERE = (0, -1)
Rows = Any  # Talks, or columns beside them: Rated, Said, Made
_MARKS = {
    "topic": (tags.c.tag, tags.c.conversation),
    "language": (languages.spoken.c.language, languages.spoken.c.conversation),
}


class Sides:
    """Everything is looked up once, for all rows that are asked about."""

    def __init__(self, conn: Connection, source: Source) -> None:
        self.conn, self.source = conn, source
        self.channels = {number: name for name, number in source.channels.items()}
        self._marks: dict[str, _Marked] = {}
        self._teams: tuple[list[str], dict[int, list[int]]] | None = None

    def groups(self, dimensions: Sequence[str], rows: Rows, at: Whole) -> Groups:
        """at: the moment by which each row belongs to a day."""
        return Groups([self.split(key, rows, at) for key in dimensions])

    def fitting(self, filters: Collection[Filter], rows: Rows, at: Whole) -> Flags:
        """Which rows have a value that each filter wants."""
        fits: Flags = at == at
        for one in filters:
            split = self.split(one.dimension, rows, at)
            named = {value: self.name(one.dimension, value) for value in split.values()}
            fits &= split.having([value for value, name in named.items() if name in one.values], len(fits))
        return fits

    def split(self, key: str, rows: Rows, at: Whole) -> Split:
        if DIMENSIONS[key].kind != "set":
            return splits.single(splits.buckets(key, at))
        if key in _MARKS:
            return self._marked(key, numbers_of(rows)).marks.split(numbers_of(rows))
        if key == "team":
            return splits.several(self._owned(rows, lambda talks: talks["agent"]), self.teams[1])
        if key in ("agent", "handled"):
            make = splits.handled if key == "handled" else lambda talks: talks["agent"]
            return splits.single(self._owned(rows, make))
        return splits.single(rows[key] if isinstance(rows, Talks) else getattr(rows, key))

    def name(self, key: str, value: int) -> str:
        """How a value is written in a query: nothing for what has none."""
        match key:
            case "day" | "week" | "month":
                return f"{moment(value * DAY):%Y-%m-%d}"
            case "weekday" | "hour" | "brand":
                return str(value)
            case "channel":
                return self.channels.get(value, str(value))
        if value == splits.NONE:
            return ""
        match key:
            case "agent":
                return str(value)
            case "handled":
                return HANDLED[value]
            case "team":
                return self.teams[0][value]
        return self._marks[key].names[value]

    # what lies beside the rows ──────────────────────────────────────────────────────────────

    def _owned(self, rows: Rows, make: Callable[[Talks], Whole]) -> Whole:
        """Of the conversations that the rows belong to."""
        if isinstance(rows, Talks):
            return make(rows)
        owners = self.source.owners(rows.conversation)
        return splits.of_owners(make(owners), owners.numbers, rows.conversation)

    def _marked(self, key: str, numbers: Whole) -> "_Marked":
        """Marks of all conversations from the first to the last that was ever asked about; their places stay."""
        known = self._marks.get(key)
        first, last = ends([numbers])
        if known is not None and first <= last:
            first, last = min(first, known.first), max(last, known.last)
        if known is None or (first, last) not in ((known.first, known.last), _NOWHERE):
            known = self._marks[key] = _Marked(self.conn, key, first, last, known.names if known else ())
        return known

    @property
    def teams(self) -> tuple[list[str], dict[int, list[int]]]:
        """Names of teams, and agent → the places of those of which they have a skill."""
        if self._teams is None:
            known = prepared.teams(self.conn)
            names = list(dict.fromkeys(team.name for team in known))
            self._teams = (
                names,
                {
                    agent.id: sorted({names.index(team.name) for team in known if set(team.skills) & set(agent.skills)})
                    for agent in setup.all_agents(self.conn).values()
                },
            )
        return self._teams


class _Marked:
    """first, last: conversations between which was looked. names: what the marks stand for."""

    def __init__(self, conn: Connection, key: str, first: int, last: int, names: Sequence[str]) -> None:
        found = by_label(conn, *_MARKS[key], first, last)
        self.first, self.last = first, last
        self.names = tuple(dict.fromkeys((*names, *found)))
        self.marks = Marks([(self.names.index(name), of) for name, of in found.items()])


def time_of(rows: Rows, *, ended: bool) -> Whole:
    """When a conversation began or, where it is counted by that, ended; when a survey was asked, a promise made."""
    if not isinstance(rows, Talks):
        at: Whole = rows.at
        return at
    return rows["ended"] if ended else rows.began


def numbers_of(rows: Rows) -> Whole:
    found: Whole = rows.numbers if isinstance(rows, Talks) else rows.conversation
    return found
