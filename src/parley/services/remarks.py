"""What customers say of what, sentence by sentence: deliveries, prices, people … praised or complained of, how much.

A follower reads what customers write, say to surveys and publish as reviews, and tells it to the log; a reader keeps
it. Words are not kept here: quotes are read from the messages, so that what is erased is gone.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Insert,
    Integer,
    SmallInteger,
    String,
    Table,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
)

from parley.core import events as e
from parley.core.measure import micros
from parley.core.redacting import redacted
from parley.core.stats import Change, Estimate, share, share_change
from parley.log.many import among, drop_among
from parley.log.record import Record, Tx, add_rows, chunks, words_of
from parley.log.tables import Id, metadata
from parley.services.inbox import Viewer, conversations, of_brand

if TYPE_CHECKING:
    from parley.ai.sentiment import Reader as Moods

BY = "bot/listening"
WEEKS = 8
HOUR = 3600 * 1_000_000  # microseconds
WEEK = 168 * HOUR
LEVEL = 0.99  # at which a change is told
MOST = 50  # quotes on a page
GENERAL = "general"  # what is said of nothing in particular stands last

remarks = Table(
    "remarks",
    metadata,
    Column("message", Id, primary_key=True, autoincrement=False),
    Column("start", Integer, primary_key=True, autoincrement=False),
    Column("aspect", String(20), primary_key=True),
    Column("stop", Integer, nullable=False),
    Column("conversation", Id, nullable=False),
    Column("brand", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("polarity", SmallInteger, nullable=False),
    Column("strength", SmallInteger, nullable=False),
    Column("language", String(5), nullable=False),
)
_R = remarks.c
Index("ix_remarks_aspect", _R.aspect, _R.brand, _R.at)
Index("ix_remarks_conversation", _R.conversation, _R.aspect)


ANYTHING = ""  # the aspect under which a conversation stands as a whole

opinions = Table(
    "opinions",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("brand", Integer, primary_key=True, autoincrement=False),
    Column("aspect", String(20), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("worst", SmallInteger, nullable=False),
    Column("best", SmallInteger, nullable=False),
    Column("strength", SmallInteger, nullable=False),
)
"""What all remarks of a conversation come to, for each aspect and as a whole: the last moment, the worst and the best
polarity, and the strength of the worst complaint. What the page counts; no remark need be counted there."""
_O = opinions.c
Index("ix_opinions_at", _O.brand, _O.at, _O.aspect, _O.worst, _O.best, _O.strength)

opinion_hours = Table(
    "opinion_hours",
    metadata,
    Column("hour", Integer, primary_key=True, autoincrement=False),  # since 1970
    Column("brand", Integer, primary_key=True, autoincrement=False),
    Column("aspect", String(20), primary_key=True),
    Column("n", Integer, nullable=False),
    Column("negative", Integer, nullable=False),
    Column("positive", Integer, nullable=False),
    Column("strong", Integer, nullable=False),
)
"""Opinions summed by the hour of their last moment."""
_H = opinion_hours.c


class RemarkReader:
    """Keeps remarks, and what they come to; a message that is told of again is told of anew."""

    name = "remarks"
    in_step = False
    batch = 500
    rest = 0.5
    kinds = (e.RemarksHeard,)
    tables = (remarks, opinions, opinion_hours)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        rows: dict[int, dict[tuple[int, str], dict[str, object]]] = {}
        for r in batch:
            assert isinstance(r.event, e.RemarksHeard)
            fresh: dict[int, dict[tuple[int, str], dict[str, object]]] = defaultdict(dict)
            for one in r.event.remarks:
                fresh[one.message][one.start, one.aspect] = _row(one, r.subject_id)
            rows |= {message: {} for message in r.event.anew} | fresh
        talks = {row.conversation for row in among(tx.conn, _R.message, rows, of=(_R.conversation,))}
        drop_among(tx.conn, _R.message, rows)
        fresh_rows = [row for own in rows.values() for row in own.values()]
        add_rows(tx.conn, remarks, fresh_rows)
        self._sum(tx, {*talks, *(int(str(row["conversation"])) for row in fresh_rows)})

    def _sum(self, tx: Tx, talks: set[int]) -> None:
        hours = _hours(tx.conn, talks)
        drop_among(tx.conn, _O.conversation, talks)
        for chunk in chunks(sorted(talks)):
            for statement in _SUMS:
                tx.conn.execute(statement, {"talks": chunk})
        for brand, hour in sorted(hours | _hours(tx.conn, talks)):
            place = {"of_brand": brand, "of_hour": hour, "since": hour * HOUR, "until": (hour + 1) * HOUR}
            tx.conn.execute(_FORGET_HOUR, place)
            tx.conn.execute(_SUM_HOUR, place)


def _hours(conn: Connection, talks: set[int]) -> set[tuple[int, int]]:
    """Brand and hour of what these conversations say."""
    return {(row.brand, row.at // HOUR) for row in among(conn, _O.conversation, talks, of=(_O.brand, _O.at))}


_COUNTS = (
    func.count(),
    func.sum(case((_O.worst < 0, 1), else_=0)),
    func.sum(case((and_(_O.worst >= 0, _O.best > 0), 1), else_=0)),
    func.sum(case((_O.strength > 2, 1), else_=0)),
)
_FORGET_HOUR = delete(opinion_hours).where(_H.hour == bindparam("of_hour"), _H.brand == bindparam("of_brand"))
_SUM_HOUR = insert(opinion_hours).from_select(
    [column.name for column in opinion_hours.columns],
    select(bindparam("of_hour", type_=Integer), _O.brand, _O.aspect, *_COUNTS)
    .where(_O.brand == bindparam("of_brand"), _O.at >= bindparam("since"), _O.at < bindparam("until"))
    .group_by(_O.brand, _O.aspect),
)


def _summed(whole: bool) -> Insert:
    """Fills the opinions of some conversations from their remarks."""
    aspect = literal(ANYTHING) if whole else _R.aspect
    told = select(
        _R.conversation, _R.brand, aspect, func.max(_R.at), func.min(_R.polarity), func.max(_R.polarity),
        func.max(case((_R.polarity < 0, _R.strength), else_=0)),
    ).where(_R.conversation.in_(bindparam("talks", expanding=True)))  # fmt: skip
    groups = (_R.conversation, _R.brand) if whole else (_R.conversation, _R.brand, _R.aspect)
    return insert(opinions).from_select([column.name for column in opinions.columns], told.group_by(*groups))


_SUMS = (_summed(whole=True), _summed(whole=False))


def _row(one: e.Remark, brand: int) -> dict[str, object]:
    return {
        "message": one.message, "start": one.start, "aspect": one.aspect, "stop": one.end,
        "conversation": one.conversation, "brand": brand, "at": micros(one.at), "polarity": one.polarity,
        "strength": one.strength, "language": one.language,
    }  # fmt: skip


# ── hearing ─────────────────────────────────────────────────────────────────────────────────


class Heard(msgspec.Struct, frozen=True):
    """Words to read: which message, of which conversation, when. anew: they stand in place of others."""

    message: int
    conversation: int
    at: datetime
    anew: bool = False


class Told(msgspec.Struct):
    """What was heard in a brand."""

    remarks: list[e.Remark] = []
    anew: list[int] = []


class RemarkFollower:
    """Reads what customers said in the last weeks. by_meaning: with the sentence encoder as well."""

    name = "remarks-heard"
    kinds = (e.MessageReceived, e.MessageEdited, e.MessageWithdrawn, e.SurveyAnswered)
    batch = 100
    rest = 1.0
    rests = 4.0

    def __init__(self, by_meaning: bool) -> None:
        self.by_meaning = by_meaning

    def prepare(self, record: Record, batch: Sequence[e.Recorded]) -> dict[int, Told]:
        """By brand."""
        since = record.clock() - timedelta(weeks=WEEKS)
        heard = {one.message: one for r in batch if (one := _heard(r)) and one.at >= since}
        if not heard:
            return {}
        with record.reading() as conn:
            said = {n: words.text[: words.fold] for n, words in words_of(conn, list(heard)).items()}
            talks = {one.conversation for one in heard.values()}
            brands = {row.id: row.brand for row in among(conn, _C.id, talks, of=(_C.id, _C.brand))}
        return _told([heard[n] for n in said], [said[n] for n in said], brands, self._moods())

    def act(self, tx: Tx, batch: Sequence[e.Recorded], prepared: dict[int, Told]) -> None:
        for brand, found in prepared.items():
            tx.append(e.brand(brand), [e.RemarksHeard(remarks=tuple(found.remarks), anew=tuple(found.anew))], BY)

    def _moods(self) -> "Moods | None":
        from parley.ai.encoder import encoder
        from parley.ai.sentiment import reader

        return reader() if self.by_meaning and encoder() else None


_C = conversations.c


def _heard(r: e.Recorded) -> Heard | None:
    """Messages of customers, and what was said along with an answer to a survey."""
    match r.event:
        case e.MessageReceived(message=message, automatic=None, unverified=False, doubt=None):
            return Heard(message, r.subject_id, r.event.sent_at or r.at if r.event.history else r.at)
        case e.MessageEdited(message=message) | e.MessageWithdrawn(message=message):
            return Heard(message, r.subject_id, r.at, anew=True)
        case e.SurveyAnswered(comment_message=int(message)):
            return Heard(message, r.subject_id, r.at)
    return None


def _told(
    heard: Sequence[Heard], texts: Sequence[str], brands: Mapping[int, int], moods: "Moods | None"
) -> dict[int, Told]:
    from parley.ai.remarks import read

    found: dict[int, Told] = defaultdict(Told)
    for one, own in zip(heard, read(texts, moods), strict=True):
        if one.conversation not in brands or not (own or one.anew):
            continue
        told = found[brands[one.conversation]]
        told.anew += [one.message] if one.anew else []
        for r in own:
            place = (one.message, one.conversation, one.at, r.start, r.end)
            told.remarks.append(e.Remark(*place, r.aspect, r.polarity, r.strength, r.language))
    return found


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Week(msgspec.Struct, frozen=True, array_like=True):
    """Conversations that spoke of an aspect, and those of them that complained of it."""

    n: int = 0
    negative: int = 0


class Aspect(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of an aspect in eight weeks. n: conversations, each counted once; negative: with a complaint;
    strong: with a strong one; positive: with praise alone. weeks: the newest last. unhappy: negative of n. change: of
    complaints among all conversations heard, the last seven days against the seven weeks before, at 99 %."""

    aspect: str
    n: int
    negative: int
    positive: int
    strong: int
    weeks: tuple[Week, ...]
    unhappy: Estimate
    change: Change


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """heard: conversations of eight weeks in which anything was said of anything, by week; the newest last."""

    as_of: datetime
    heard: tuple[int, ...] = ()
    aspects: tuple[Aspect, ...] = ()


def overview(conn: Connection, who: Viewer, now: datetime, brand: int | None = None) -> Overview:
    """Aspects with the most complaints first, in the brands that the viewer serves or in one of them."""
    every = _counted(conn, who, micros(now), brand)
    all_of = {int(row[1]): int(row[2]) for row in every if row[0] == ANYTHING}
    rows = [row for row in every if row[0] != ANYTHING]
    heard = tuple(all_of.get(WEEKS - 1 - place, 0) for place in range(WEEKS))
    found = [_aspect(name, [row for row in rows if row[0] == name], heard) for name in {row[0] for row in rows}]
    return Overview(
        as_of=now,
        heard=heard,
        aspects=tuple(sorted(found, key=lambda one: (one.aspect == GENERAL, -one.negative, -one.n, one.aspect))),
    )


def _counted(conn: Connection, who: Viewer, top: int, brand: int | None) -> list[tuple[Any, ...]]:
    """Aspect, week (0 is the newest), conversations, and those that complain, praise, complain strongly. Whole hours
    are summed already; those in which a week ends are counted row by row."""
    ends = sorted({(top - week * WEEK) // HOUR for week in range(WEEKS + 1)})
    mine = (of_brand(_H.brand, who), *([_H.brand == brand] if brand else []))
    week = ((top - literal(HOUR, BigInteger) * _H.hour) // WEEK).label("week")
    sums = [func.sum(column) for column in (_H.n, _H.negative, _H.positive, _H.strong)]
    whole = select(_H.aspect, week, *sums).where(_H.hour > ends[0], _H.hour < ends[-1], _H.hour.not_in(ends), *mine)
    brands = conn.execute(select(_H.brand).where(_H.hour >= ends[0], _H.hour <= ends[-1], *mine).distinct()).scalars()
    inside = or_(*(and_(_O.at >= hour * HOUR, _O.at < (hour + 1) * HOUR) for hour in ends))
    week_of = ((top - _O.at) // WEEK).label("week")
    parts = select(_O.aspect, week_of, *_COUNTS).where(_O.brand.in_(list(brands)), inside)
    parts = parts.where(_O.at > top - WEEKS * WEEK, _O.at <= top)
    found: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for question in (whole.group_by(_H.aspect, week), parts.group_by(_O.aspect, week_of)):
        for aspect, place, *counts in conn.execute(question):
            key = aspect, int(place)
            found[key] = [a + int(b) for a, b in zip(found[key], counts, strict=True)]
    return [(aspect, place, *counts) for (aspect, place), counts in found.items()]


def _aspect(name: str, rows: Sequence[Sequence[int]], heard: Sequence[int]) -> Aspect:
    by_week = {int(row[1]): Week(int(row[2]), int(row[3])) for row in rows}
    weeks = tuple(by_week.get(WEEKS - 1 - place, Week()) for place in range(WEEKS))
    n, negative = sum(one.n for one in weeks), sum(one.negative for one in weeks)
    before = sum(one.negative for one in weeks[:-1])
    return Aspect(
        aspect=name, n=n, negative=negative, positive=sum(int(row[4]) for row in rows), weeks=weeks,
        strong=sum(int(row[5]) for row in rows), unhappy=share(negative, n),
        change=share_change(weeks[-1].negative, heard[-1], before, sum(heard[:-1]), LEVEL),
    )  # fmt: skip


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence of a customer, with addresses and numbers left out."""

    message: int
    conversation: int
    brand: int
    at: datetime
    text: str
    polarity: int
    strength: int
    language: str


class Quotes(msgspec.Struct, frozen=True, kw_only=True):
    """before: where the next page begins, None on the last."""

    aspect: str
    quotes: tuple[Quote, ...]
    before: int | None = None


def quotes(
    conn: Connection, who: Viewer, aspect: str, *, now: datetime, polarity: int | None = None, brand: int | None = None,
    week: int | None = None, before: int | None = None, most: int = MOST,
) -> Quotes:  # fmt: skip
    """The newest first. week: 0 for the last seven days, 1 for the seven before. before: microseconds."""
    top = micros(now)
    where: list[ColumnElement[bool]] = [_R.aspect == aspect, of_brand(_R.brand, who), _R.at > top - WEEKS * WEEK]
    where += [_R.polarity == polarity] if polarity is not None else []
    where += [_R.brand == brand] if brand else []
    where += [_R.at < before] if before else []
    if week is not None:
        where += [_R.at > top - (week + 1) * WEEK, _R.at <= top - week * WEEK]
    asked = select(remarks).where(*where).order_by(_R.at.desc(), _R.message.desc(), _R.start).limit(most + 1)
    rows = conn.execute(asked).all()
    said = words_of(conn, sorted({row.message for row in rows[:most]}))
    found = []
    for row in rows[:most]:
        words = said.get(row.message)
        text = redacted(" ".join(words.text[row.start : row.stop].split())) if words else ""
        if text:
            found.append(
                Quote(
                    message=row.message, conversation=row.conversation, brand=row.brand, text=text,
                    at=datetime.fromtimestamp(row.at / 1e6, UTC), polarity=row.polarity, strength=row.strength,
                    language=row.language,
                )
            )  # fmt: skip
    return Quotes(aspect=aspect, quotes=tuple(found), before=rows[most - 1].at if len(rows) > most else None)


def of_conversations(conn: Connection, numbers: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """What each conversation complains of, the strongest first."""
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for row in among(conn, _R.conversation, numbers, of=(_R.conversation, _R.aspect, _R.strength), where=_COMPLAINTS):
        found[row.conversation].append((-row.strength, row.aspect))
    return {number: tuple(dict.fromkeys(aspect for _, aspect in sorted(own))) for number, own in found.items()}


_COMPLAINTS = (_R.polarity < 0,)
