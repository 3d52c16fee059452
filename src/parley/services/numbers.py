"""The facts behind the numbers: a row per conversation and per survey, made from the log alone.

What is counted stands in core/measure.py; services/facts.py hands out the facts of a period, and services/figures.py
makes figures of them.
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
    String,
    Table,
    insert,
    select,
)

from parley.core import events as e
from parley.core.coded import code
from parley.core.errors import NotAllowed
from parley.core.measure import DAY, Measured, micros, take
from parley.log.engines.bulk import add_rows
from parley.log.many import among, drop_among
from parley.log.record import Tx, by_subject
from parley.log.tables import Id, metadata
from parley.services import days
from parley.services.inbox import Viewer

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
    Column("person", Id, nullable=False),
    Column("inbox", Integer, nullable=False),
    Column("code", String(96), nullable=False),  # core/coded.py; empty where it does not count
    Column("right_at", BigInteger),
)
_M = measured.c
Index("ix_measured_began", _M.began_at, _M.brand, _M.code)
Index("ix_measured_open", _M.imported, _M.brand, _M.code, sqlite_where=_M.closed_at.is_(None),
      postgresql_where=_M.closed_at.is_(None))  # fmt: skip

for _end in (_M.human_at, _M.right_at, _M.bot_at, _M.closed_at):  # what is counted by its end
    _known_end = _end.is_not(None)
    Index(f"ix_measured_{_end.name}", _end, sqlite_where=_known_end, postgresql_where=_known_end)

measured_channels = Table(
    "measured_channels",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("channel", String(40), nullable=False),
)

measured_days = days.marks("measured_days")

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
Index("ix_ratings_asked", _R.asked_at, _R.conversation, _R.score, _R.answered_at)
Index("ix_ratings_conversation", _R.conversation)


_FACTS = tuple(column for column in measured.columns if column is not _M.code)
_SURVEYS = (e.SurveyAsked, e.SurveyAnswered)


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
        e.Reopened, e.Quarantined, e.PersonChanged, e.SurveyAsked, e.SurveyAnswered,
    )  # fmt: skip
    tables = (measured, measured_days, measured_channels, ratings)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        surveys = [r for r in batch if type(r.event) in _SURVEYS]
        if surveys:
            self._rate(tx.conn, surveys)
        self._measure(tx.conn, [r for r in batch if type(r.event) not in _SURVEYS] if surveys else batch)

    def _measure(self, conn: Connection, batch: Sequence[e.Recorded]) -> None:
        by_talk = by_subject(batch)
        old = {number for number, recorded in by_talk.items() if type(recorded[0].event) is not e.ConversationOpened}
        talks = {row[0]: Measured(*row) for row in among(conn, _M.conversation, sorted(old), of=_FACTS)}
        touched: dict[int, int] = {}
        for number, recorded in by_talk.items():
            _go_on(talks.setdefault(number, Measured(number)), recorded, touched)
        channels = _numbered(conn, talks.values())
        drop_among(conn, _M.conversation, sorted(old))
        add_rows(conn, measured, [_row(talk, channels) for talk in talks.values()])
        days.mark(conn, measured_days, touched)

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


def _go_on(talk: Measured, recorded: Sequence[e.Recorded], touched: dict[int, int]) -> None:
    """touched: the days under which a conversation that changed stands, or stood, and the last change."""
    for r in recorded:
        before = talk.began_at
        take(talk, r)
        if before is not None and talk.began_at != before:
            touched[before // DAY] = max(r.seq, touched.get(before // DAY, 0))
    if talk.began_at is not None:
        day = talk.began_at // DAY
        touched[day] = max(recorded[-1].seq, touched.get(day, 0))


def _row(talk: Measured, channels: dict[str, int]) -> dict[str, Any]:
    return msgspec.structs.asdict(talk) | {"code": code(talk, channels[talk.channel]) if talk.counts else ""}


def _numbered(conn: Connection, talks: Iterable[Measured]) -> dict[str, int]:
    """Every channel's number, in the order in which they were first seen."""
    known = channel_numbers(conn)
    new = [name for name in dict.fromkeys(talk.channel for talk in talks) if name not in known]
    rows = [{"number": len(known) + place, "channel": name} for place, name in enumerate(new)]
    if rows:
        conn.execute(insert(measured_channels), rows)
    return known | {name: len(known) + place for place, name in enumerate(new)}


def channel_numbers(conn: Connection) -> dict[str, int]:
    return {row.channel: row.number for row in conn.execute(select(measured_channels))}


def _known(conn: Connection, key: Column[int], kind: Any, numbers: Iterable[int]) -> dict[int, Any]:
    return {row[0]: kind(*row) for row in among(conn, key, sorted(numbers))}


def _replace(conn: Connection, table: Table, key: Column[int], old: Iterable[int], rows: dict[int, Any]) -> None:
    """Out with the old rows, in with the new: as quick as inserting, on both engines."""
    drop_among(conn, key, sorted(old))
    if rows:
        conn.execute(insert(table), [msgspec.structs.asdict(row) for row in rows.values()])


# ── which conversations ─────────────────────────────────────────────────────────────────────


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which conversations: the last `days` days, and where given one channel, brand or agent (who answered last).

    open_hours: times are told in the brand's opening hours, else around the clock.
    """

    days: int = 28
    channel: str | None = None
    brand: int | None = None
    agent: int | None = None
    open_hours: bool = False


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
