"""Journeys: a row for each conversation with its way, made from the log alone; a page reads the newest two thousand.

So a page costs the same with a million conversations as with two thousand, and says of how many it speaks.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    select,
)

from parley.core import events as e
from parley.core import journeys as graphs
from parley.core import touchpoints
from parley.core.measure import SECOND, micros, moment
from parley.core.pain import Pain, pains, rework
from parley.core.redacting import quotable
from parley.core.touchpoints import Journey
from parley.log import record as log
from parley.log.many import among, drop_among
from parley.log.record import Tx, add_lines, add_rows, by_subject, chunks
from parley.log.tables import Id, metadata
from parley.services.inbox import Viewer, of_brand
from parley.services.visits import Visited, rows_of, visits
from parley.services.visits import of as visited

MOST = 2000  # conversations that a page looks at, the newest of the period
VARIANTS = 12
MOST_STEPS = 200  # of a person, on the website

journeys = Table(
    "journeys",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("brand", Integer, nullable=False),
    Column("channel", String(40), nullable=False),
    Column("identity", Id, nullable=False),
    Column("topic", String(40), nullable=False),
    Column("by_hand", Boolean, nullable=False),
    Column("holder", Integer, nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("looked", BigInteger),
    Column("client", String(42), nullable=False),
    Column("n", Integer, nullable=False),
    Column("steps", LargeBinary, nullable=False),
    Column("session", String(20), nullable=False, server_default=""),
)
_J = journeys.c
Index("ix_journeys_began", _J.began)
Index("ix_journeys_brand", _J.brand, _J.began)
Index("ix_journeys_channel", _J.channel, _J.began)
Index("ix_journeys_topic", _J.topic, _J.began)
Index("ix_journeys_identity", _J.identity)


class JourneyReader:
    """Keeps each conversation's way, and what visitors did on the website."""

    name = "journeys"
    in_step = False
    batch = 2000
    rest = 0.5
    kinds = (*touchpoints.KINDS, e.PagesSeen)
    tables = (visits, journeys)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        seen = [r for r in batch if type(r.event) is e.PagesSeen]
        add_rows(tx.conn, visits, rows_of(seen))
        by_talk = by_subject([r for r in batch if type(r.event) is not e.PagesSeen] if seen else batch)
        lookers = {r.event.identity for r in seen if isinstance(r.event, e.PagesSeen)}
        older = [number for number, r in by_talk.items() if type(r[0].event) is not e.ConversationOpened]
        known = _known(tx.conn, older, lookers)
        before = list(known)
        for number, recorded in by_talk.items():
            touchpoints.take(known.setdefault(number, Journey(number)), recorded)
        _look_back(tx.conn, [one for one in known.values() if one.identity])
        drop_among(tx.conn, _J.conversation, sorted(before))
        add_lines(
            tx.conn, journeys, Journey.__struct_fields__, [msgspec.structs.astuple(one) for one in known.values()]
        )


def _known(conn: Connection, numbers: Collection[int], lookers: Collection[int]) -> dict[int, Journey]:
    found: dict[int, Journey] = {}
    for column, wanted in ((_J.conversation, numbers), (_J.identity, lookers)):
        for row in among(conn, column, sorted(wanted)):
            found[row.conversation] = Journey(*row)
    return found


def _look_back(conn: Connection, ways: Sequence[Journey]) -> None:
    """When the last page before each way's first words was seen, if that led to them."""
    seen: dict[int, list[tuple[int, str, str]]] = {}
    if not ways:
        return
    first, last = min(one.began for one in ways) - touchpoints.BEFORE, max(one.began for one in ways)
    when = visits.c.at.between(moment(first), moment(last))
    for chunk in chunks(sorted({one.identity for one in ways}), 500):
        question = select(visits.c.identity, visits.c.at, visits.c.client, visits.c.session)
        question = question.where(visits.c.identity.in_(chunk), when)
        for row in conn.execute(question):
            seen.setdefault(row.identity, []).append((micros(row.at), row.client, row.session))
    for one in ways:
        around = seen.get(one.identity, ())
        before = [told for told in around if one.began - touchpoints.BEFORE <= told[0] <= one.began]
        one.looked = max((at for at, _, _ in before), default=None)
        one.client = max((client for _, client, _ in before), default="")
        one.session = max(((at, session) for at, client, session in before if client == one.client), default=(0, ""))[1]


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Conversations that began in the last `days` days, and where given of one channel, brand or topic."""

    days: int = 28
    channel: str = ""
    brand: int | None = None
    topic: str = ""


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """Step b directly after step a, so often; half of the times took at most `median` seconds."""

    a: str
    b: str
    count: int
    median: float


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A whole way, and how many conversations took it."""

    steps: tuple[str, ...]
    cases: int


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """A step that was taken more than once in so many conversations. extra: times beyond the first."""

    step: str
    cases: int
    extra: int


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """Words at a step, with addresses and numbers left out."""

    conversation: int
    at: datetime
    text: str


class Worst(msgspec.Struct, frozen=True, kw_only=True):
    pain: Pain
    quotes: tuple[Quote, ...] = ()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """cases: how many conversations this speaks of; more: there are others in the period, older ones. steps: how many
    conversations took each step. topics: what may be asked for, the most frequent first."""

    cases: int
    more: bool
    since: datetime
    until: datetime
    steps: dict[str, int]
    starts: dict[str, int]
    ends: dict[str, int]
    edges: tuple[Edge, ...]
    variants: tuple[Variant, ...]
    ways: int
    loops: tuple[Loop, ...]
    worst: tuple[Worst, ...]
    topics: tuple[str, ...]


def found(conn: Connection, who: Viewer, choice: Choice, now: datetime) -> Found:
    """What the newest conversations of the period say."""
    since = now - timedelta(days=choice.days)
    rows = _rows(conn, who, choice, since)
    more, rows = len(rows) > MOST, rows[:MOST]
    paths = {row.conversation: row.path() for row in rows}
    graph = graphs.graph(
        graphs.Step(number, what, moment(at), place)
        for number, path in paths.items()
        for place, (what, at, _) in enumerate(path)
    )
    named = {number: [what for what, _, _ in path] for number, path in paths.items()}
    cases = {
        number: ([(what, at / SECOND) for what, at, _ in path], touchpoints.unhappy(path))
        for number, path in paths.items()
    }
    worst = pains(cases, endings=touchpoints.ENDINGS)
    return Found(
        cases=len(rows), more=more, since=since if not more else moment(rows[-1].began), until=now,
        steps=dict(Counter(step for path in named.values() for step in set(path)).most_common()),
        starts=dict(graph.starts), ends=dict(graph.ends),
        edges=tuple(
            Edge(a=a, b=b, count=edge.count, median=edge.median.total_seconds())
            for (a, b), edge in sorted(graph.edges.items(), key=lambda one: (-one[1].count, one[0]))
        ),
        variants=tuple(
            Variant(steps=steps, cases=n)
            for steps, n in sorted(graph.variants.items(), key=lambda one: (-one[1], one[0]))[:VARIANTS]
        ),
        ways=len(graph.variants),
        loops=tuple(Loop(step=step, cases=n, extra=extra) for step, n, extra in rework(named)),
        worst=_quoted(conn, worst, paths),
        topics=tuple(topic for topic, _ in Counter(row.topic for row in rows if row.topic).most_common(40)),
    )  # fmt: skip


def _rows(conn: Connection, who: Viewer, choice: Choice, since: datetime) -> list[Journey]:
    question = select(journeys).where(_J.began >= micros(since), _J.n > 0, of_brand(_J.brand, who))
    if choice.brand is not None:
        question = question.where(_J.brand == choice.brand)
    if choice.channel:
        question = question.where(_J.channel == choice.channel)
    if choice.topic:
        question = question.where(_J.topic == choice.topic)
    question = question.order_by(_J.began.desc(), _J.conversation.desc()).limit(MOST + 1)
    return [Journey(*row) for row in conn.execute(question)]


def _quoted(conn: Connection, worst: Sequence[Pain], paths: dict[int, list[touchpoints.Step]]) -> tuple[Worst, ...]:
    """Each with what customers said there: at the step itself, or last before it."""
    places = {(place, n): _said(paths[n], one) for place, one in enumerate(worst) for n in one.worst}
    words = log.words_of(conn, sorted({said[0] for said in places.values() if said}))
    told: list[Worst] = []
    for place, one in enumerate(worst):
        told_there = {(number, said[1]): words[said[0]] for number in one.worst
                      if (said := places[place, number]) and said[0] in words}  # fmt: skip
        quotes = quotable((key, text.text[: text.fold]) for key, text in told_there.items())
        told.append(
            Worst(pain=one, quotes=tuple(Quote(conversation=n, at=moment(at), text=said) for (n, at), said in quotes))
        )
    return tuple(told)


_THEIRS = (touchpoints.WROTE, touchpoints.CALLED, touchpoints.LOW, touchpoints.CONTENT)


def _said(path: Sequence[touchpoints.Step], pain: Pain) -> tuple[int, int] | None:
    """The customer's message nearest to the slowest such step: (message, when)."""
    pairs = [i for i in range(1, len(path)) if (path[i - 1][0], path[i][0]) == (pain.a, pain.b)]
    place = max(pairs, key=lambda i: path[i][1] - path[i - 1][1])
    for what, at, message in [*reversed(path[: place + 1]), *path[place + 1 :]]:
        if message and what in _THEIRS:
            return message, at
    return None


def ways_of(conn: Connection, conversations: Collection[int]) -> dict[int, Journey]:
    return _known(conn, conversations, ())


def seen_by(
    conn: Connection, who: Viewer, identities: Collection[int], conversations: Collection[int]
) -> list[Visited]:
    """What the holder of these identities did, as far as the viewer may know: all of it, or what those looked at who
    began one of these conversations of the brands that the viewer serves."""
    if who.brands is None:
        return visited(conn, identities, MOST_STEPS)
    mine = {way.identity for way in ways_of(conn, conversations).values()}
    return visited(conn, mine.intersection(identities), MOST_STEPS)
