"""The facts of a period, a channel, a brand or an agent as columns, always within what the viewer may see.

The database hands a hundred thousand conversations over as one word, and numpy reads it (ai/columns.py): a row at a
time would take a second. numpy is loaded with the first question; a desk that just starts does without it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
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
from parley.services.answers import answers
from parley.services.inbox import Viewer, of_brand
from parley.services.numbers import Choice, Period, channel_numbers, measured, measured_channels, ratings
from parley.services.promised import promises

if TYPE_CHECKING:
    from parley.ai.columns import Flags, Talks, Whole

REPEAT_DAYS = 7
MEASURES = ("nps", "ces", SOLVED)
KINDS = ("first", "next", "resolution")
NONE = -1  # where a number is not known
_M, _R, _A, _P, _N = measured.c, ratings.c, answers.c, promises.c, measured_channels.c


class Rated(NamedTuple):
    """Surveys that were asked, with the brand and channel of their conversation. score: of CSAT."""

    conversation: "Whole"
    at: "Whole"
    brand: "Whole"
    channel: "Whole"
    score: "Whole"
    answered: "Whole"


class Said(NamedTuple):
    """Answers to questions of surveys. measure: its place in MEASURES."""

    conversation: "Whole"
    at: "Whole"
    brand: "Whole"
    channel: "Whole"
    measure: "Whole"
    score: "Whole"


class Made(NamedTuple):
    """Promises that were made; at: when. kind: its place in KINDS. due: NONE while the clock stands within its time."""

    conversation: "Whole"
    at: "Whole"
    brand: "Whole"
    channel: "Whole"
    kind: "Whole"
    due: "Whole"
    met: "Whole"
    void: "Whole"

    def state(self, now: int) -> "tuple[Flags, Flags]":
        """What `attainment.state` says of those that are owed: kept, and broken."""
        owed, due = (self.void == 0) & (self.due != NONE), self.due
        met = self.met != NONE
        kept = owed & met & (self.met <= due)
        return kept, owed & ~kept & (met | (now > due))


class Facts(NamedTuple):
    """What happened in a period: conversations that began in it, surveys that were asked in it.

    old, again: of which conversations it is known by now whether their person came again within `REPEAT_DAYS`, and
    whose did. open: what is open now, whenever it began. unhappy: conversations that were rated 1 or 2.
    """

    talks: "Talks"
    old: "Flags"
    again: "Flags"
    unhappy: "Flags"
    rated: Rated
    said: Said
    made: Made
    open: "Talks"

    def scores(self, measure: str) -> "Whole":
        of: Whole = self.said.score[self.said.measure == MEASURES.index(measure)]
        return of


def those(rows: Any, wanted: "Flags") -> Any:
    """The rows of a table of columns that are wanted."""
    return type(rows)(*(column[wanted] for column in rows))


class Source:
    """Facts of several periods for one choice, asked within one question. now: until when people may have come again.

    Everything that began between the first period and now is read once: a filter must not hide who came again.
    """

    def __init__(self, conn: Connection, who: Viewer, choice: Choice, since: datetime, now: datetime) -> None:
        self.conn, self.who, self.choice = conn, who, choice
        self.start, self.now = micros(since), micros(now)
        self.channels = channel_numbers(conn)
        self.channel = self.channels.get(choice.channel or "", NONE) if choice.channel else None
        self.wanted = {"channel": self.channel, "brand": choice.brand, "agent": choice.agent}

    def talks(self) -> "Talks":
        """Of all channels, brands and agents."""
        question = select(_word(_M.code)).where(_M.began_at >= self.start, _M.began_at < self.now, _visible(self.who))
        return _talks(self.conn.execute(question).scalar())

    def facts(self, everything: "Talks", period: Period) -> Facts:
        start, end = micros(period.start), micros(period.end)
        of, until = everything.between(start, end), min(end + REPEAT_DAYS * DAY, self.now)
        again = everything.between(start, until).came_again(REPEAT_DAYS)[: len(of)]
        mine = of.having(**self.wanted)
        talks = of.where(mine)
        return Facts(
            talks, talks.began <= self.now - REPEAT_DAYS * DAY, again[mine], talks.among(self._unhappy(talks)),
            self._rated(start, end), self._said(start, end), self._made(start, end), talks.where(talks.began < 0),
        )  # fmt: skip

    def open(self, *, heads: bool = True) -> "Talks":
        """heads: only when each began, and where."""
        heads = heads and self.choice.agent is None
        code = func.substr(_M.code, 1, HEAD) if heads else _M.code
        question = select(_word(code)).where(_M.closed_at.is_(None), _M.imported.is_(False), _visible(self.who))
        talks = _talks(self.conn.execute(question).scalar(), heads=heads)
        return talks.where(talks.having(**self.wanted))

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
        began = type_coerce(_P.began, BigInteger)
        told = (_place(_P.kind, KINDS), _or_none(_P.due), _or_none(_P.met_at), _yes(_P.void))
        question = self._beside(_P.conversation, began, told).where(began >= start, began < end)
        return Made(*self._read(question, Made))

    def _beside(self, conversation: Any, at: Any, told: Sequence[Any]) -> Select[Any]:
        """Rows of a table that names conversations, a line of numbers each, of the conversations that are wanted."""
        line: ColumnElement[str] = cast(conversation, Text)
        for one in (at, _M.brand, _N.number, *told):
            line = line + literal(" ") + cast(one, Text)
        question = select(_word(line, " ")).join_from(conversation.table, measured, conversation == _M.conversation)
        question = question.join(measured_channels, _N.channel == _M.channel).where(_visible(self.who))
        chosen = ((_M.channel, self.choice.channel), (_M.brand, self.choice.brand), (_M.agent, self.choice.agent))
        return question.where(and_(*(column == value for column, value in chosen if value is not None)))

    def _read(self, question: Select[Any], kind: Any) -> Any:
        """The earliest first."""
        from parley.ai.columns import columns

        rows = columns(self.conn.execute(question).scalar(), len(kind._fields))
        return rows[:, rows[1].argsort(kind="stable")]


def facts_of(conn: Connection, who: Viewer, choice: Choice, period: Period, now: datetime | None = None) -> Facts:
    """now: the moment until which people may have come again; the end of the period when left out."""
    source = Source(conn, who, choice, period.start, now or period.end)
    return source.facts(source.talks(), period)


def talks_of(conn: Connection, who: Viewer, choice: Choice, period: Period) -> "Talks":
    """The conversations alone."""
    source = Source(conn, who, choice, period.start, period.end)
    talks = source.talks()
    return talks.where(talks.having(**source.wanted))


def _visible(who: Viewer) -> ColumnElement[bool]:
    return of_brand(_M.brand, who)


def _word(column: Any, between: str = "") -> Any:
    return func.aggregate_strings(column, between)


def _or_none(column: Any) -> Any:
    return func.coalesce(type_coerce(column, BigInteger), literal_column(str(NONE)))


def _yes(condition: Any) -> Any:
    return case((condition, literal_column("1")), else_=literal_column("0"))


def _place(column: Any, values: Sequence[str]) -> Any:
    return case(*((column == value, literal_column(str(place))) for place, value in enumerate(values)),
                else_=literal_column(str(NONE)))  # fmt: skip


def _talks(word: str | None, *, heads: bool = False) -> "Talks":
    from parley.ai.columns import Talks

    return Talks.read(word, heads=heads)
