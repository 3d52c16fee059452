"""The facts of a period, a channel, a brand or an agent as columns, always within what the viewer may see.

The database hands a hundred thousand conversations over as one word, and numpy reads it (ai/columns.py): a row at a
time would take a second. numpy is loaded with the first question; a desk that just starts does without it.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Select,
    Text,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
)

from parley.core.coded import HEAD
from parley.core.measure import DAY, micros
from parley.core.opinions import LOW, SOLVED
from parley.log.many import chunks
from parley.services import costs, open_hours
from parley.services.answers import answers
from parley.services.days import Kind, days_of
from parley.services.inbox import Viewer, of_brand, sees_brands, tags
from parley.services.numbers import (
    Choice,
    Period,
    channel_numbers,
    measured,
    measured_channels,
    measured_days,
    ratings,
)
from parley.services.promised import KINDS, promised_days, promises

if TYPE_CHECKING:
    from parley.ai.columns import Block, Flags, Real, Talks, Whole

REPEAT_DAYS = 7
MEASURES = ("nps", "ces", SOLVED)
BESIDE = ("rated", "said", "made")
AHEAD = 2 * 91  # days
NONE = -1  # where a number is not known
_M, _R, _A, _P, _N = measured.c, ratings.c, answers.c, promises.c, measured_channels.c


class Rated(NamedTuple):
    """Surveys that were asked, with the brand, channel and inbox of their conversation. score: of CSAT."""

    conversation: "Whole"
    at: "Whole"
    brand: "Whole"
    channel: "Whole"
    inbox: "Whole"
    score: "Whole"
    answered: "Whole"


class Said(NamedTuple):
    """Answers to questions of surveys. measure: its place in MEASURES."""

    conversation: "Whole"
    at: "Whole"
    brand: "Whole"
    channel: "Whole"
    inbox: "Whole"
    measure: "Whole"
    score: "Whole"


class Made(NamedTuple):
    """Promises that were made; at: when. kind: its place in KINDS. due: NONE while the clock stands within its time."""

    conversation: "Whole"
    at: "Whole"
    brand: "Whole"
    channel: "Whole"
    inbox: "Whole"
    kind: "Whole"
    due: "Whole"
    met: "Whole"
    void: "Whole"

    def due_by(self, now: int) -> "Flags":
        """Whose moment has passed: only these can be compared, or the young ones would all look kept."""
        owed: Flags = (self.void == 0) & (self.due != NONE) & (self.due <= now)
        return owed

    def state(self, now: int) -> "tuple[Flags, Flags]":
        """What `attainment.state` says of those that are owed: kept, and broken."""
        owed, due = (self.void == 0) & (self.due != NONE), self.due
        met = self.met != NONE
        kept = owed & met & (self.met <= due)
        return kept, owed & ~kept & (met | (now > due))

    def attained(self, now: int, by: str = "") -> dict[int, list[list[int]]]:
        """Of each brand, channel or inbox (without one: of all, as 0), and of each of KINDS: how many were kept, are
        broken, are owed, were made."""
        from parley.ai.columns import counted

        kept, broken = self.state(now)
        groups = getattr(self, by) if by else self.void * 0
        return counted(groups, self.kind, len(KINDS), (kept, broken, self.void == 0, self.void >= 0))


class Facts(NamedTuple):
    """What happened in a period: conversations that began in it, surveys that were asked in it.

    old, again: of which conversations it is known by now whether their person came again within `REPEAT_DAYS`, and
    whose did. open: what is open now, whenever it began. unhappy: conversations that were rated 1 or 2. cost: what each
    conversation cost, where that was said.
    """

    talks: "Talks"
    old: "Flags"
    again: "Flags"
    unhappy: "Flags"
    rated: Rated
    said: Said
    made: Made
    open: "Talks"
    cost: "Real | None" = None

    def scores(self, measure: str) -> "Whole":
        of: Whole = self.said.score[self.said.measure == MEASURES.index(measure)]
        return of


def those(rows: Any, wanted: "Flags | slice") -> Any:
    """The rows of a table of columns that are wanted."""
    return type(rows)(*(column[wanted] for column in rows))


class Source:
    """Facts of several periods for one choice, asked within one question. now: until when people may have come again.

    Everything that began between `since` and now is read once: a filter must not hide who came again.
    """

    def __init__(self, conn: Connection, who: Viewer, choice: Choice, since: datetime, now: datetime) -> None:
        self.conn, self.who, self.choice = conn, who, choice
        self.span, self.start, self.now = (since, now), micros(since), micros(now)
        self.channels = channel_numbers(conn)
        channel = self.channels.get(choice.channel, NONE) if choice.channel else None
        self.costs = costs.costs(conn)
        self.wanted = {"channel": channel, "brand": choice.brand, "agent": choice.agent}

    @cached_property
    def talks(self) -> "Talks":
        """Of all channels, brands and agents."""
        from parley.ai.columns import Talks

        rows = days_of(self.conn).rows(self.conn, _TALKS, self.start // DAY, self.now // DAY)
        hours = open_hours.between(self.conn, *self.span) if self.choice.open_hours else None
        talks = Talks(len(rows), rows.__getitem__, hours)
        return talks.between(self.start, self.now).of_brands(sees_brands(self.who))

    @cached_property
    def made(self) -> Made:
        """The promises of those that are wanted, in the order in which they were made."""
        from parley.ai.columns import places

        rows = days_of(self.conn).rows(self.conn, _MADE, self.start // DAY, self.now // DAY)
        at = rows["at"]
        part = slice(*at.searchsorted((self.start, self.now)).tolist())
        conversation, kind, due, met = (rows[name][part] for name in ("conversation", "kind", "due", "met"))
        owners = self.owners(conversation)
        owners = owners.where(owners.having(**self.wanted))
        place, known = places(owners.numbers, conversation)
        at = at[part]
        if not known.all():
            place = place[known]
            conversation, at, kind, due, met = (column[known] for column in (conversation, at, kind, due, met))
        brand, channel, inbox = (owners[name][place] for name in ("brand", "channel", "inbox"))
        return Made(conversation, at, brand, channel, inbox, kind >> 1, due, met, kind & 1)

    def facts(self, period: Period, *, beside: Collection[str] = BESIDE) -> Facts:
        """beside: with which of surveys, answers and promises."""
        start, end = micros(period.start), micros(period.end)
        of, until = self.talks.between(start, end), min(end + REPEAT_DAYS * DAY, self.now)
        again = self.talks.between(start, until).came_again(REPEAT_DAYS)[: len(of)]
        mine = of.having(**self.wanted)
        talks = of.where(mine)
        nothing = talks.where(talks.began < 0)
        at = {name: (start, end) if name in beside else (0, 0) for name in BESIDE}
        return Facts(
            talks, talks.began <= self.now - REPEAT_DAYS * DAY, again[mine], talks.among(self._unhappy(talks)),
            self._rated(*at["rated"]), self._said(*at["said"]), self._made(*at["made"]), nothing,
            costs.of_talks(self.conn, self.costs, talks, self.channels) if self.costs.hour is not None else None,
        )  # fmt: skip

    def open(self, *, heads: bool = True) -> "Talks":
        """heads: only when each began, and where."""
        heads = heads and self.choice.agent is None
        code = func.substr(_M.code, 1, HEAD) if heads else _M.code
        question = select(_word(code)).where(_M.closed_at.is_(None), _M.imported.is_(False), _visible(self.who))
        talks = _talks(self.conn.execute(question).scalar(), heads=heads)
        return talks.where(talks.having(**self.wanted))

    def nothing(self) -> Facts:
        """Facts of a period in which nothing happened."""
        found = only()
        return found._replace(cost=None if self.costs.hour is None else found.talks.began.astype(float))

    def ended(self, end: str, period: Period) -> "Talks":
        """By a moment that ended something in them, a column of `measured`, whenever they began. Their column `ended`
        has it."""
        from parley.ai.columns import columns, places

        at = _M[end]
        line = cast(_M.conversation, Text) + literal(" ") + cast(at, Text)
        question = select(_word(_M.code), _word(line, " ")).where(_M.code != "", _visible(self.who))
        question = question.where(at >= micros(period.start), at < micros(period.end))
        code, lines = self.conn.execute(question).one()
        talks, rows = _talks(code), columns(lines, 2)
        talks = talks.with_column("ended", rows[1][places(rows[0], talks.numbers)[0]])
        return talks.where(talks.having(**self.wanted))

    def owners(self, numbers: "Whole") -> "Talks":
        """The conversations of the period, and beside them those with these numbers, in no order."""
        from parley.ai.columns import joined, places

        strangers = numbers[~places(self.talks.numbers, numbers)[1]]
        return joined([self.talks, *self._called(sorted(set(strangers.tolist())))])

    # what lies beside the conversations ─────────────────────────────────────────────────────

    def _unhappy(self, talks: "Talks") -> Sequence[int]:
        if not len(talks):
            return ()
        low = select(_R.conversation).where(_R.score <= LOW["csat"], _R.asked_at >= int(talks.began[0]))
        return self.conn.execute(low).scalars().all()

    def _rated(self, start: int, end: int) -> Rated:
        question = self._beside(_R.conversation, _R.asked_at, (_or_none(_R.score), _yes(_R.answered_at.is_not(None))))
        return Rated(*self._read(question.where(_R.asked_at >= start, _R.asked_at < end), Rated))

    def _said(self, start: int, end: int) -> Said:
        question = self._beside(_A.conversation, _A.answered_at, (_place(_A.measure, MEASURES), _A.score))
        question = question.where(_A.answered_at >= start, _A.answered_at < end, _A.measure.in_(MEASURES))
        return Said(*self._read(question, Said))

    def _made(self, start: int, end: int) -> Made:
        if not end:
            return Made(*(self.talks.began[:0] for _ in Made._fields))
        first, last = self.made.at.searchsorted((start, end)).tolist()
        made: Made = those(self.made, slice(first, last))
        return made

    def _called(self, numbers: Sequence[int]) -> "Iterable[Talks]":
        """Conversations by their numbers."""
        for chunk in chunks(numbers):
            question = select(_word(_M.code)).where(_M.conversation.in_(chunk), _visible(self.who))
            yield _talks(self.conn.execute(question).scalar())

    def _beside(self, conversation: Any, at: Any, told: Sequence[Any]) -> Select[Any]:
        """Rows of a table that names conversations, a line of numbers each, of the conversations that are wanted."""
        line: ColumnElement[str] = cast(conversation, Text)
        for one in (at, _M.brand, _N.number, _M.inbox, *told):
            line = line + literal(" ") + cast(one, Text)
        question = select(_word(line, " ")).join_from(conversation.table, measured, conversation == _M.conversation)
        question = question.join(measured_channels, _N.channel == _M.channel).where(_visible(self.who))
        chosen = ((_M.channel, self.choice.channel), (_M.brand, self.choice.brand), (_M.agent, self.choice.agent))
        return question.where(*(column == value for column, value in chosen if value is not None))

    def _read(self, question: Select[Any], kind: Any) -> Any:
        """The earliest first."""
        from parley.ai.columns import columns

        rows = columns(self.conn.execute(question).scalar(), len(kind._fields))
        return rows[:, rows[1].argsort(kind="stable")]


def topics_of(conn: Connection, talks: Iterable["Whole"]) -> dict[str, "Whole"]:
    """Which of these conversations have each tag. Tags that none of them has may be among them."""
    from parley.ai.columns import ends

    return by_label(conn, tags.c.tag, tags.c.conversation, *ends(talks))


def by_label(conn: Connection, label: Column[str], number: Column[int], first: int, last: int) -> dict[str, "Whole"]:
    """Which conversations, from one to another, have each label of a table."""
    from parley.ai.columns import columns

    question = select(label, _word(cast(number, Text), " ")).where(number >= first, number <= last, label != "")
    return {name: columns(word, 1)[0] for name, word in conn.execute(question.group_by(label).order_by(label))}


def only(*, talks: "Talks | None" = None, still_open: "Talks | None" = None) -> Facts:
    """Facts that hold some conversations and nothing else."""
    from parley.ai.columns import Talks

    nothing = Talks.read(None)
    of = nothing if talks is None else talks
    no, none = of.began < 0, [nothing.began] * len(Made._fields)
    return Facts(
        of, no, no, no, Rated(*none[: len(Rated._fields)]), Said(*none[: len(Said._fields)]), Made(*none),
        nothing if still_open is None else still_open,
    )  # fmt: skip


def facts_of(conn: Connection, who: Viewer, choice: Choice, period: Period, now: datetime | None = None) -> Facts:
    """now: the moment until which people may have come again; the end of the period when left out."""
    return Source(conn, who, choice, period.start, now or period.end).facts(period)


def talks_of(conn: Connection, who: Viewer, choice: Choice, period: Period) -> "Talks":
    """The conversations alone."""
    source = Source(conn, who, choice, period.start, period.end)
    return source.talks.where(source.talks.having(**source.wanted))


def read_ahead(conn: Connection, now: datetime) -> None:
    """Read what the longest period of the numbers page will be asked for first, so that nobody waits for it."""
    last = micros(now) // DAY
    for kind in (_TALKS, _MADE):
        days_of(conn).rows(conn, kind, last - AHEAD, last)


def _read_talks(conn: Connection, start: int, end: int) -> "Block":
    from parley.ai.columns import rows_of

    question = select(_word(_M.code)).where(_M.began_at >= start, _M.began_at < end, _M.code != "")
    return rows_of(conn.execute(question).scalar())


def _read_made(conn: Connection, start: int, end: int) -> "Block":
    from parley.ai.columns import made_of

    began = _moment(_P.began)
    return made_of(conn.execute(select(_word(_P.told, " ")).where(began >= start, began < end)).scalar())


_TALKS, _MADE = Kind(measured_days, _read_talks), Kind(promised_days, _read_made)


def _visible(who: Viewer) -> ColumnElement[bool]:
    return of_brand(_M.brand, who)


def _word(column: Any, between: str = "") -> Any:
    return func.aggregate_strings(column, between)


def _moment(column: Any) -> Any:
    return type_coerce(column, BigInteger)


def _or_none(column: Any) -> Any:
    return func.coalesce(column, literal_column(str(NONE)))


def _yes(condition: Any) -> Any:
    return case((condition, literal_column("1")), else_=literal_column("0"))


def _place(column: Any, values: Sequence[str]) -> Any:
    return case(*((column == value, literal_column(str(place))) for place, value in enumerate(values)),
                else_=literal_column(str(NONE)))  # fmt: skip


def _talks(word: str | None, *, heads: bool = False) -> "Talks":
    from parley.ai.columns import Talks

    return Talks.read(word, heads=heads)
