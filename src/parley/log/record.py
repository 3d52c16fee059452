"""The record: one door for everything that is written, and the questions asked of what was.

`write(job)` hands a function to the single writing thread. Jobs that wait together share one
transaction and one fsync (group commit); each runs in a savepoint of its own, so one that fails
harms no other. The returned future is done only after the commit is durable.
"""

import logging
import queue
import threading
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol, TypeVar

import msgspec
from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    Select,
    Table,
    bindparam,
    func,
    insert,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from parley.core.errors import Busy, Conflict, ParleyError
from parley.core.events import KINDS, AnyEvent, Event, Recorded, Words
from parley.log.engines import Database
from parley.log.engines.bulk import add_lines, add_rows, change_rows
from parley.log.many import among, chunks
from parley.log.tables import Id, counters, deliveries, events, from_micros, metadata, places, words

logger = logging.getLogger("parley.log")

T = TypeVar("T")
GROUP = 256  # jobs that may share one commit

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(AnyEvent).decode


def utc_now() -> datetime:
    return datetime.now(UTC)


class Reader(Protocol):
    """Follows the log and keeps tables of its own, made from nothing but events and words.

    in_step: applied inside the appending transaction, so its tables are never behind.
    kinds: the event classes it cares for. tables: what `rebuild` empties before the replay.
    """

    name: str
    in_step: bool

    @property
    def kinds(self) -> tuple[type[Event], ...]: ...

    @property
    def tables(self) -> tuple[Table, ...]: ...

    def apply(self, tx: "Tx", batch: Sequence[Recorded]) -> None: ...


class Tx:
    """One unit of work inside the writing thread: reads what it needs, appends, or fails whole."""

    def __init__(self, conn: Connection, record: "Record") -> None:
        self.conn = conn
        self.record = record
        self.at = record.clock()
        self._pending: list[Recorded] = []
        self._words: dict[int, Words] = {}
        self._versions: dict[str, int] = {}
        self._counters: dict[str, int] = {}
        self._drawn: set[str] = set()
        self._kinds: set[type[Event]] = set()
        self._head: int | None = None
        self._after: list[Callable[[], None]] = []

    # appending ──────────────────────────────────────────────────────────────────────────────

    def append(
        self,
        stream: str,
        facts: Iterable[Event],
        by: str,
        *,
        expect: int | None = None,
        at: datetime | None = None,
        new: bool = False,
    ) -> list[Recorded]:
        """Append facts to a stream. `expect` is the version the actor saw; raises Conflict if it moved on.

        `new` says that the stream has no events yet, which saves looking.
        """
        version = 0 if new and stream not in self._versions else self.version(stream)
        if expect is not None and expect != version:
            raise Conflict("Something new happened here since you last looked. Nothing was lost; look again.")
        seq = self.head()
        recorded = []
        for number, fact in enumerate(facts, 1):
            recorded.append(Recorded(seq + number, stream, version + number, at or self.at, by, fact))  # type: ignore[arg-type]
        self._versions[stream] = version + len(recorded)
        self._head = seq + len(recorded)
        self._pending += recorded
        self._kinds |= {type(one.event) for one in recorded}
        return recorded

    def say(self, message: int, what: Words) -> None:
        """Lay a message's words beside the event that is appended for it."""
        self._words[message] = what

    def erase(self, message: int) -> None:
        """Forget a message's words for good. Append `WordsErased` along with it."""
        self.flush()
        self.conn.execute(
            update(words).where(words.c.message == message).values(text="", html=None, subject=None, fold=None)
        )

    def reword(self, message: int, what: Words) -> None:
        """Put other words in the place of a message's. Append `MessageEdited` along with it."""
        self.flush()
        changed = {"text": what.text.replace("\x00", ""), "html": what.html, "subject": what.subject, "fold": what.fold}
        self.conn.execute(update(words).where(words.c.message == message).values(**changed))

    def redact(self, recorded: Recorded, fact: AnyEvent) -> None:
        """Let an event stand in the log without the words it told: only for what must be forgotten."""
        self.flush()
        self.conn.execute(update(events).where(events.c.seq == recorded.seq).values(data=_encode(fact)))

    def flush(self) -> None:
        """Write what was appended and let the in-step readers see it; the job can then read its own effects."""
        self._note_drawn()
        if self._words:
            rows = [
                {
                    "message": m,
                    "text": w.text.replace("\x00", ""),
                    "html": w.html,
                    "subject": w.subject,
                    "fold": w.fold,
                }
                for m, w in self._words.items()
            ]
            self._words = {}
            add_rows(self.conn, words, rows)
        if self._pending:
            batch, self._pending = self._pending, []
            add_rows(self.conn, events, [_row(recorded) for recorded in batch])
            for reader in self.record.in_step:
                if wanted := [r for r in batch if type(r.event) in reader.kinds]:
                    reader.apply(self, wanted)

    def _note_drawn(self) -> None:
        for name in self._drawn:
            value = self._counters[name]
            if not self.conn.execute(_RAISE, {"key": name, "new": value}).rowcount:
                self.conn.execute(insert(counters).values(name=name, value=value))
        self._drawn = set()

    # looking ────────────────────────────────────────────────────────────────────────────────

    def head(self) -> int:
        if self._head is None:
            self._head = head(self.conn)
        return self._head

    def version(self, stream: str) -> int:
        if stream not in self._versions:
            self.versions([stream])
        return self._versions[stream]

    def versions(self, streams: Sequence[str]) -> None:
        """Look up many streams' versions at once, ahead of appending to them."""
        unknown = [s for s in streams if s not in self._versions]
        found: dict[str, int] = {}
        for chunk in chunks(unknown):
            found |= {stream: version for stream, version in self.conn.execute(_VERSIONS, {"streams": chunk})}
        for stream in unknown:
            self._versions[stream] = found.get(stream, 0)

    def new_ids(self, name: str, count: int = 1) -> range:
        """Reserve numbers that nobody else gets: for `conversation`, `person`, `message` …

        Nobody else can draw while this transaction runs, so the counter is written once, by `flush`.
        """
        if name not in self._counters:
            self._counters[name] = self.conn.execute(_COUNTER, {"key": name}).scalar() or 0
        first = self._counters[name] + 1
        self._counters[name] += count
        self._drawn.add(name)
        return range(first, first + count)

    def new_id(self, name: str) -> int:
        return self.new_ids(name)[0]

    def after_commit(self, act: Callable[[], None]) -> None:
        """Do something once this job is durable: a nudge, never a fact."""
        self._after.append(act)


_VERSIONS = (
    select(events.c.stream, func.max(events.c.version))
    .where(events.c.stream.in_(bindparam("streams", expanding=True)))
    .group_by(events.c.stream)
)
_COUNTER = select(counters.c.value).where(counters.c.name == bindparam("key"))
_RAISE = update(counters).where(counters.c.name == bindparam("key")).values(value=bindparam("new"))


class _Waiting:
    __slots__ = ("future", "job")

    def __init__(self, job: Callable[[Tx], Any]) -> None:
        self.job = job
        self.future: Future[Any] = Future()
        # A job that was queued will run: whoever stops waiting for it must not cancel it half-way.
        self.future.set_running_or_notify_cancel()


class Record:
    """The desk's log on one database, shared by every thread of this process."""

    def __init__(
        self,
        database: Database,
        in_step: Sequence[Reader] = (),
        clock: Callable[[], datetime] = utc_now,
        probe: Callable[[str], None] = lambda point: None,
    ) -> None:
        """probe: called at named points of the writing path; the kill test stops the process there."""
        self.database = database
        self.in_step = tuple(in_step)
        self.clock = clock
        self.probe = probe
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._listeners: list[tuple[Callable[[int], object], frozenset[type[Event]] | None]] = []
        self._thread: threading.Thread | None = None
        self._closing = False
        self._lock = threading.Lock()

    # writing ────────────────────────────────────────────────────────────────────────────────

    def write(self, job: Callable[[Tx], T]) -> "Future[T]":
        """Queue a job; the future gives its result once it is durable, or its error. Thread-safe."""
        if self._closing:
            raise Busy("Parley is shutting down. Nothing was kept; try again in a moment.")
        waiting = _Waiting(job)
        self._queue.put(waiting)
        self._ensure_thread()
        return waiting.future

    def do(self, job: Callable[[Tx], T]) -> T:
        """Write and wait for it. Not for the event loop."""
        return self.write(job).result()

    def _ensure_thread(self) -> None:
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name="parley-writer", daemon=True)
                    self._thread.start()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            while len(group) < GROUP:
                try:
                    waiting = self._queue.get_nowait()
                except queue.Empty:
                    break
                if waiting is None:
                    self._queue.put(None)
                    break
                group.append(waiting)
            self._commit(group)

    def _commit(self, group: list[_Waiting]) -> None:
        done: list[tuple[_Waiting, Any, Tx]] = []
        try:
            with self.database.writer.begin() as conn:
                self.database.claim(conn)
                after, kinds = None, set[type[Event]]()
                for waiting in group:
                    result = self._run(conn, waiting, alone=len(group) == 1)
                    if result is not None:
                        value, tx = result
                        done.append((waiting, value, tx))
                        if tx._head is not None:
                            after = tx._head
                        kinds |= tx._kinds
                if after is not None:
                    self.database.announce(conn, after)
                self.probe("before commit")
            self.probe("after commit")
        except BaseException as error:
            failure = self._explain(error)
            for waiting in group:
                if not waiting.future.done():
                    waiting.future.set_exception(failure)
            return
        for waiting, value, tx in done:
            for act in tx._after:
                _safely(act)
            waiting.future.set_result(value)
        if after is not None:
            self.nudge(after, kinds)

    def _run(self, conn: Connection, waiting: _Waiting, *, alone: bool) -> tuple[Any, Tx] | None:
        """One job in its savepoint. A job that fails alone fails the (otherwise empty) transaction."""
        tx = Tx(conn, self)
        if alone:
            value = waiting.job(tx)
            tx.flush()
            return value, tx
        savepoint = conn.begin_nested()
        try:
            value = waiting.job(tx)
            tx.flush()
            savepoint.commit()
            return value, tx
        except DBAPIError as error:
            if not isinstance(error, IntegrityError) and self.database.trouble(error):
                raise
            savepoint.rollback()
            waiting.future.set_exception(error)
        except BaseException as error:
            savepoint.rollback()
            waiting.future.set_exception(error)
        return None

    def _explain(self, error: BaseException) -> BaseException:
        if isinstance(error, ParleyError) or not isinstance(error, Exception):
            return error
        sentence = self.database.trouble(error)
        return Busy(sentence) if sentence else error

    # asking ─────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def reading(self) -> Any:
        """A connection for questions; sees one consistent moment."""
        try:
            with self.database.reader.connect() as conn:
                yield conn
        except DBAPIError as error:
            raise self._explain(error) from error

    def ask(self, question: Callable[..., T], *args: Any, **more: Any) -> T:
        """Ask a question of the form `question(conn, …)`. Not for the event loop."""
        with self.reading() as conn:
            return question(conn, *args, **more)

    # news ───────────────────────────────────────────────────────────────────────────────────

    def on_news(
        self, listener: Callable[[int], object], of: Collection[type[Event]] | None = None
    ) -> Callable[[], None]:
        """Be nudged, from any thread, when the log has grown. Returns a function that ends it.

        of: only where one of these was appended. What other processes append is not known, so it nudges everybody.
        """
        entry = (listener, None if of is None else frozenset(of))
        self._listeners.append(entry)
        return lambda: self._listeners.remove(entry) if entry in self._listeners else None

    def nudge(self, seq: int, kinds: Set[type[Event]] | None = None) -> None:
        """kinds: of what was appended; None where that is not known."""
        for listener, of in tuple(self._listeners):
            if of is None or kinds is None or of & kinds:
                _safely(lambda listener=listener: listener(seq))  # type: ignore[misc]

    def close(self) -> None:
        """Finish what is queued, then stop writing."""
        self._closing = True
        self._queue.put(None)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=30)
        self.database.close()


def _safely(act: Callable[[], None]) -> None:
    """What follows a commit may fail, but must not stop the writing thread."""
    try:
        act()
    except Exception:
        logger.exception("Something that follows a commit failed; what was written is kept")


# ── reading the log ─────────────────────────────────────────────────────────────────────────


def read(
    conn: Connection,
    after: int = 0,
    limit: int = 1000,
    kinds: Sequence[type[Event]] = (),
    upto: int | None = None,
) -> list[Recorded]:
    """Events in total order, at most `limit`, beginning behind `after`."""
    bounds = {"after": after, "limit": limit} | ({} if upto is None else {"upto": upto})
    rows = conn.execute(_reading(tuple(kinds), upto is not None), bounds).all()
    return [
        Recorded(seq, stream, version, from_micros(at), by, _decode(data))
        for seq, stream, version, at, by, data in rows
    ]


# A moment is made of its number where the event is: a type of SQLAlchemy's costs as much as all else together.
_BARE = tuple(
    type_coerce(column, BigInteger) if column is events.c.at else column
    for column in events.columns
    if column is not events.c.kind
)


@cache
def _reading(kinds: tuple[type[Event], ...], bounded: bool) -> Select[Any]:
    question = select(*_BARE).where(events.c.seq > bindparam("after", type_=Id))
    if kinds:
        question = question.where(events.c.kind.in_([tag(kind) for kind in kinds]))
    if bounded:
        question = question.where(events.c.seq <= bindparam("upto", type_=Id))
    return question.order_by(events.c.seq).limit(bindparam("limit", type_=Integer))


def stream(
    conn: Connection, name: str, after: int = 0, newest: int | None = None, before: int | None = None
) -> list[Recorded]:
    """The events of one stream in order; with `newest`, only that many from its end (or from before a version)."""
    end = {} if before is None else {"before": before}
    if newest is None:
        return [_recorded(row) for row in conn.execute(_stream[bool(end)], {"name": name, "after": after, **end})]
    bounds = {"name": name, "after": after, "newest": newest, **end}
    return [_recorded(row) for row in reversed(conn.execute(_stream_end[bool(end)], bounds).all())]


_ONE = select(events).where(events.c.stream == bindparam("name"), events.c.version > bindparam("after"))
_BEFORE = _ONE.where(events.c.version < bindparam("before"))
_stream = [one.order_by(events.c.version) for one in (_ONE, _BEFORE)]
_stream_end = [
    one.order_by(events.c.version.desc()).limit(bindparam("newest", type_=Integer)) for one in (_ONE, _BEFORE)
]


def openings(conn: Connection, names: Sequence[str], kinds: Sequence[type[Event]], first: int = 4) -> list[Recorded]:
    """Events of these kinds among the first few of each of many streams, stream by stream."""
    found: list[Recorded] = []
    for chunk in chunks(list(names), 500):
        question = select(events).where(events.c.stream.in_(chunk), events.c.version <= first)
        question = question.where(events.c.kind.in_([tag(kind) for kind in kinds]))
        found += [_recorded(row) for row in conn.execute(question.order_by(events.c.stream, events.c.version))]
    return found


def head(conn: Connection) -> int:
    """The place of the newest event; 0 for an empty log."""
    return conn.execute(_HEAD).scalar() or 0


_HEAD = select(func.max(events.c.seq))


def words_of(conn: Connection, messages: Sequence[int]) -> dict[int, Words]:
    """The words of many messages; erased ones are empty."""
    return {
        row.message: Words(text=row.text, html=row.html, subject=row.subject, fold=row.fold)
        for row in among(conn, words.c.message, messages)
    }


def by_subject(batch: Iterable[Recorded]) -> dict[int, list[Recorded]]:
    """Events of streams of one sort by the number in their stream's name, in the order of each one's first event."""
    streams: dict[str, list[Recorded]] = {}
    for r in batch:
        if (known := streams.get(r.stream)) is not None:
            known.append(r)
        else:
            streams[r.stream] = [r]
    return {recorded[0].subject_id: recorded for recorded in streams.values()}


def tag(kind: type[Event]) -> str:
    """The name under which a class of events is stored."""
    return str(kind.__struct_config__.tag)


def _row(recorded: Recorded) -> dict[str, Any]:
    return {
        "seq": recorded.seq,
        "stream": recorded.stream,
        "version": recorded.version,
        "at": recorded.at,
        "by": recorded.by,
        "kind": tag(type(recorded.event)),
        "data": _encode(recorded.event),
    }


def _recorded(row: Any) -> Recorded:
    return Recorded(row.seq, row.stream, row.version, row.at, row.by, _decode(row.data))


__all__ = [
    "KINDS", "Reader", "Record", "Tx", "add_lines", "add_rows", "by_subject", "change_rows", "chunks", "counters",
    "deliveries", "events", "head",
    "metadata", "places", "read", "stream", "tag", "text", "utc_now", "words", "words_of",
]  # fmt: skip
