"""The facts behind the numbers: a row per conversation and per survey, made from the log alone.

`facts_of` hands out those of a period, a channel, a brand or an agent, always within what the viewer
may see. What is counted stands in core/measure.py; services/figures.py makes figures of it.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    Select,
    String,
    Table,
    insert,
    select,
)

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.attainment import Promise
from parley.core.errors import NotAllowed
from parley.core.firstcontact import Contact, no_repeat
from parley.core.measure import DAY, SECOND, Measured, micros, take
from parley.core.opinions import LOW, SOLVED
from parley.log.many import among, drop_among
from parley.log.record import Tx
from parley.log.tables import Id, metadata
from parley.services.answers import answers
from parley.services.inbox import Viewer, conversations, visible_to
from parley.services.promised import promises

REPEAT_DAYS = 7

measured = Table(
    "measured",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("brand", Integer, nullable=False),
    Column("channel", String(40), nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("with_bot", Boolean, nullable=False),
    Column("quarantined", Boolean, nullable=False),
    Column("imported", Boolean, nullable=False),
    Column("began_at", BigInteger),
    Column("people_at", BigInteger),
    Column("handed_at", BigInteger),
    Column("bot_at", BigInteger),
    Column("human_at", BigInteger),
    Column("first_closed_at", BigInteger),
    Column("closed_at", BigInteger),
    Column("closed_by", String(8), nullable=False),
    Column("resolved", Boolean, nullable=False),
    Column("closes", Integer, nullable=False),
    Column("reopens", Integer, nullable=False),
    Column("received", Integer, nullable=False),
    Column("bot_replies", Integer, nullable=False),
    Column("human_replies", Integer, nullable=False),
    Column("agent", Integer),
    Column("several", Boolean, nullable=False),
    Column("holder", Integer),
    Column("transfers", Integer, nullable=False),
    Column("first_reopened_at", BigInteger),
)
_M = measured.c
Index("ix_measured_began", _M.began_at)

ratings = Table(
    "ratings",
    metadata,
    Column("survey", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("score", Integer),
    Column("answered_at", BigInteger),
    Column("channel", String(40)),
)
_R = ratings.c
_A = answers.c
Index("ix_ratings_asked", _R.asked_at)
Index("ix_ratings_conversation", _R.conversation)


class Survey(msgspec.Struct):
    """A survey that was asked. Columns of the table stand in this order. channel: where it was answered."""

    survey: int
    conversation: int
    asked_at: int
    score: int | None = None
    answered_at: int | None = None
    channel: str | None = None


class NumbersReader:
    """Keeps the facts behind the figures, a moment behind the log."""

    name = "numbers"
    in_step = False
    batch = 2000
    rest = 0.5
    kinds = (
        e.ConversationOpened, e.MessageReceived, e.ReplyWritten, e.SendCancelled, e.Assigned, e.HandoffAsked, e.Closed,
        e.Reopened, e.Quarantined, e.SurveyAsked, e.SurveyAnswered,
    )  # fmt: skip
    tables = (measured, ratings)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        self._rate(tx.conn, [r for r in batch if isinstance(r.event, e.SurveyAsked | e.SurveyAnswered)])
        self._measure(tx.conn, [r for r in batch if not isinstance(r.event, e.SurveyAsked | e.SurveyAnswered)])

    def _measure(self, conn: Connection, batch: Sequence[e.Recorded]) -> None:
        new = {r.subject_id for r in batch if type(r.event) is e.ConversationOpened}
        old = {r.subject_id for r in batch} - new
        talks = _known(conn, _M.conversation, Measured, old)
        for recorded in batch:
            number = recorded.subject_id
            if number not in talks:
                talks[number] = Measured(number)
            take(talks[number], recorded)
        _replace(conn, measured, _M.conversation, old, talks)

    def _rate(self, conn: Connection, batch: Sequence[e.Recorded]) -> None:
        old = {r.event.survey for r in batch if isinstance(r.event, e.SurveyAsked | e.SurveyAnswered)}
        surveys = _known(conn, _R.survey, Survey, old)
        for recorded in batch:
            event, at = recorded.event, micros(recorded.at)
            assert isinstance(event, e.SurveyAsked | e.SurveyAnswered)
            survey = surveys.setdefault(event.survey, Survey(event.survey, recorded.subject_id, at))
            if isinstance(event, e.SurveyAnswered):
                survey.answered_at, survey.channel = at, event.channel
                survey.score = event.score if event.measure == "csat" else survey.score
        _replace(conn, ratings, _R.survey, old, surveys)


def _known(conn: Connection, key: Column[int], kind: Any, numbers: Iterable[int]) -> dict[int, Any]:
    return {row[0]: kind(*row) for row in among(conn, key, sorted(numbers))}


def _replace(conn: Connection, table: Table, key: Column[int], old: Iterable[int], rows: dict[int, Any]) -> None:
    """Out with the old rows, in with the new: as quick as inserting, on both engines."""
    drop_among(conn, key, sorted(old))
    if rows:
        conn.execute(insert(table), [msgspec.structs.asdict(row) for row in rows.values()])


# ── which conversations ─────────────────────────────────────────────────────────────────────


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which conversations: the last `days` days, and where given one channel, brand or agent (who answered last)."""

    days: int = 28
    channel: str | None = None
    brand: int | None = None
    agent: int | None = None


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """From (included) to (excluded), UTC."""

    start: datetime
    end: datetime

    def holds(self, at: int) -> bool:
        return micros(self.start) <= at < micros(self.end)


def period_of(days: int, now: datetime) -> Period:
    """The last `days` calendar days (UTC) including today, up to now."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Period(start=today - timedelta(days=days - 1), end=now)


def before(period: Period, days: int) -> Period:
    """The same stretch one period earlier: equally long, on the same weekdays when `days` are whole weeks."""
    return Period(start=period.start - timedelta(days=days), end=period.end - timedelta(days=days))


def may_choose(who: Viewer, choice: Choice) -> None:
    """One agent's figures are for leads and for the agent alone."""
    if choice.agent is not None and who.role not in ("admin", "lead", "system") and who.agent != choice.agent:
        raise NotAllowed("Figures of one agent are shown to leads and to the agent alone.")


# ── facts of a period ───────────────────────────────────────────────────────────────────────


class Rated(msgspec.Struct, frozen=True):
    """A survey that was asked, with the channel and brand of its conversation. score: of CSAT, None without."""

    conversation: int
    asked_at: int
    score: int | None
    channel: str
    brand: int
    answered: bool = False


class Said(msgspec.Struct, frozen=True):
    """An answer to a question of a survey. measure: nps, ces or solved."""

    conversation: int
    at: int
    measure: str
    score: int
    channel: str
    brand: int


class Made(msgspec.Struct, frozen=True):
    """A promise that was made, with the channel and brand of its conversation. kind: first, next or resolution."""

    conversation: int
    kind: str
    began: datetime
    promise: Promise
    channel: str
    brand: int


class Facts(msgspec.Struct, frozen=True):
    """What happened in a period: conversations that began in it, surveys that were asked in it.

    repeats: whether a conversation's person did not come again within `REPEAT_DAYS`; None where that is not known yet.
    open: what is open now, whenever it began. unhappy: conversations of the period that were rated 1 or 2.
    """

    talks: list[Measured]
    rated: list[Rated]
    repeats: dict[int, bool | None] = {}
    open: list[Measured] = []
    said: list[Said] = []
    made: list[Made] = []
    unhappy: frozenset[int] = frozenset()

    def scores(self, measure: str) -> list[int]:
        return [one.score for one in self.said if one.measure == measure]


_LOW = select(_R.conversation).where(_R.score <= LOW["csat"])


def facts_of(
    conn: Connection, who: Viewer, choice: Choice, period: Period, now: datetime | None = None, with_open: bool = False
) -> Facts:
    """now: the moment until which people may have come again; the end of the period when left out."""
    start, end = micros(period.start), micros(period.end)
    began = _chosen(select(measured), who, choice).where(_M.began_at >= start, _M.began_at < end, ~_M.quarantined)
    told = (_R.conversation, _R.asked_at, _R.score, _M.channel, _M.brand, _R.answered_at.is_not(None))
    asked = _chosen(select(*told), who, choice)
    asked = asked.join(ratings, _R.conversation == _M.conversation).where(_R.asked_at >= start, _R.asked_at < end)
    return Facts(
        [Measured(*row) for row in conn.execute(began.order_by(_M.began_at)).all()],
        [Rated(*row) for row in conn.execute(asked.order_by(_R.asked_at)).all()],
        _repeats(conn, who, start, end, micros(now or period.end)),
        _open(conn, who, choice) if with_open else [],
        _said(conn, who, choice, start, end),
        _made(conn, who, choice, period),
        frozenset(conn.execute(began.with_only_columns(_M.conversation).where(_M.conversation.in_(_LOW))).scalars()),
    )


def ended_in(conn: Connection, who: Viewer, choice: Choice, end: str, period: Period) -> list[Measured]:
    """Conversations by a moment that ended something in them, a column of `measured`, whenever they began."""
    start, stop = micros(period.start), micros(period.end)
    question = _chosen(select(measured), who, choice).where(_M[end] >= start, _M[end] < stop, ~_M.quarantined)
    question = question.where(_M.began_at.is_not(None)).order_by(_M[end])
    return [Measured(*row) for row in conn.execute(question).all()]


def _made(conn: Connection, who: Viewer, choice: Choice, period: Period) -> list[Made]:
    """Promises that began in the period. One whose clock stands within its time has no end yet."""
    of = promises.c
    question = _chosen(
        select(of.conversation, of.kind, of.began, of.due, of.met_at, of.void, _M.channel, _M.brand), who, choice
    )
    question = question.join(promises, of.conversation == _M.conversation)
    question = question.where(of.began >= period.start, of.began < period.end)
    return [
        Made(number, kind, began, Promise(due=due, met_at=met, void=bool(void)), channel, brand)
        for number, kind, began, due, met, void, channel, brand in conn.execute(question.order_by(of.began)).all()
    ]


def _said(conn: Connection, who: Viewer, choice: Choice, start: int, end: int) -> list[Said]:
    told = (_A.conversation, _A.answered_at, _A.measure, _A.score, _M.channel, _M.brand)
    question = _chosen(select(*told), who, choice).join(answers, _A.conversation == _M.conversation)
    question = question.where(_A.answered_at >= start, _A.answered_at < end, _A.measure.in_(("nps", "ces", SOLVED)))
    return [Said(*row) for row in conn.execute(question.order_by(_A.answered_at)).all()]


def _repeats(conn: Connection, who: Viewer, start: int, end: int, now: int) -> dict[int, bool | None]:
    """Of everything that began in the period, in whatever channel: a filter must not hide who came again."""
    question = _chosen(select(_M.conversation, conversations.c.person, _M.began_at), who, Choice())
    until = min(end + REPEAT_DAYS * DAY, now)
    question = question.where(_M.began_at >= start, _M.began_at < until, ~_M.quarantined)
    contacts = [
        Contact(number=number, person=person, began=began / SECOND)
        for number, person, began in conn.execute(question).all()
    ]
    found = no_repeat(contacts, REPEAT_DAYS, now / SECOND)
    old_enough = now / SECOND - REPEAT_DAYS * DAY / SECOND
    return {one.number: found[one.number] for one in contacts if one.began <= old_enough}


def _open(conn: Connection, who: Viewer, choice: Choice) -> list[Measured]:
    waiting = conversations.c.status != talk.CLOSED
    question = _chosen(select(measured), who, choice).where(waiting, _M.closed_at.is_(None))
    question = question.where(_M.began_at.is_not(None), ~_M.quarantined, ~_M.imported)
    return [Measured(*row) for row in conn.execute(question.order_by(_M.began_at)).all()]


def _chosen(question: Select[Any], who: Viewer, choice: Choice) -> Select[Any]:
    question = question.select_from(measured).join(conversations, conversations.c.id == _M.conversation)
    question = question.where(visible_to(who))
    wanted = ((_M.channel, choice.channel), (_M.brand, choice.brand), (_M.agent, choice.agent))
    for column, value in wanted:
        if value is not None:
            question = question.where(column == value)
    return question
