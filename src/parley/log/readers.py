"""Those who follow the log: readers that keep tables, followers that act. Each keeps its own place.

A place moves by compare-and-set in the same transaction as the effect, so a batch takes effect
exactly once even when two processes follow under the same name. A nudge only saves waiting.
"""

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from parley.core.errors import Busy, Conflict
from parley.core.events import Event, Recorded
from parley.log import record as log
from parley.log.record import Reader, Record, Tx
from parley.log.tables import places

logger = logging.getLogger("parley.readers")
BATCH = 500
REBUILT = "rebuilt"  # a counter: how often tables were made anew
REPLAYED = 20_000  # events at a time when tables are made anew: most conversations then come whole
LAG = 200  # events that a follower may leave behind it unmarked when none of them is of its kinds
REST = 0.002  # seconds from a nudge to the look: what happens meanwhile is taken together
LONGEST_REST = 5.0
LOOK_SECONDS = 0.5
POLL_SECONDS = 2.0


class Follower(Protocol):
    """Follows the log and acts by appending (bot, routing, surveys …).

    `prepare` may be slow and runs outside any transaction; `act` runs in the transaction that also
    moves the place. kinds: what it follows. batch: how many events it takes at a time. A reader or
    follower may have a `rest` of its own: seconds from a nudge to its look, so that on a busy day it takes many at
    once, and those whom a customer waits for go first. One that thinks long may have `rests`: while more than a batch
    waits, it rests so many times as long as a batch took, and while there is a crowd at the door until that is over; at
    most five seconds.
    """

    name: str
    batch: int

    @property
    def kinds(self) -> tuple[type[Event], ...]: ...

    def prepare(self, record: Record, batch: Sequence[Recorded]) -> Any: ...

    def act(self, tx: Tx, batch: Sequence[Recorded], prepared: Any) -> None: ...


def place_of(conn: Connection, name: str) -> int:
    """How far a reader got; 0 before its first event."""
    return conn.execute(_PLACE, {"name": name}).scalar() or 0


_PLACE = select(places.c.seq).where(places.c.reader == bindparam("name"))
_MOVE = update(places).where(places.c.reader == bindparam("name"), places.c.seq == bindparam("old"))
_MOVE = _MOVE.values(seq=bindparam("new"))


def move_place(tx: Tx, name: str, old: int, new: int) -> None:
    """Move a place, provided that nobody else did meanwhile."""
    if not tx.conn.execute(_MOVE, {"name": name, "old": old, "new": new}).rowcount:
        if place_of(tx.conn, name) != old:
            raise Conflict(f"Another process follows as {name} and was faster.")
        tx.conn.execute(insert(places).values(reader=name, seq=new))


def step(record: Record, who: Reader | Follower) -> bool:
    """Take the next batch. True when there may be more."""
    batch_size = getattr(who, "batch", BATCH)
    with record.reading() as conn:
        old = place_of(conn, who.name)
        top = log.head(conn)
        batch = log.read(conn, old, batch_size, who.kinds, upto=top) if top > old else []
    if top <= old or (not batch and top - old < LAG):
        return False  # a commit for nothing but a place would cost as much as one for a message
    new = batch[-1].seq if len(batch) == batch_size else top
    prepared = who.prepare(record, batch) if batch and hasattr(who, "prepare") else None

    def take(tx: Tx) -> None:
        move_place(tx, who.name, old, new)
        if batch:
            if hasattr(who, "act"):
                who.act(tx, batch, prepared)
            else:
                who.apply(tx, batch)

    record.do(take)
    return new < top


def catch_up(record: Record, who: Reader | Follower) -> None:
    """Follow until nothing is left."""
    while step(record, who):
        pass


def skip_to_head(record: Record, who: Follower) -> None:
    """Begin at the end: what happened before is history that needs no act."""

    def skip(tx: Tx) -> None:
        old, top = place_of(tx.conn, who.name), tx.head()
        if top > old:
            move_place(tx, who.name, old, top)

    record.do(skip)


def rebuild(record: Record, *readers: Reader, progress: Any = None) -> int:
    """Empty the tables of readers and replay the log into them, which is read once for all of them. Returns the number
    of events read.

    Runs as one job, so nobody sees half of it; other writers wait meanwhile.
    """
    with _seldom_collecting():
        return record.do(lambda tx: _again(tx, readers, progress))


def _again(tx: Tx, readers: Sequence[Reader], progress: Any) -> int:
    for reader in readers:
        for table in reversed(reader.tables):
            tx.conn.execute(delete(table))
        if not reader.in_step:
            tx.conn.execute(delete(places).where(places.c.reader == reader.name))
    wanted = [(reader, frozenset(reader.kinds)) for reader in readers]
    kinds = tuple(dict.fromkeys(kind for reader in readers for kind in reader.kinds))
    tx.new_id(REBUILT)  # whoever has read the tables before must read them again
    top, seq, count = tx.head(), 0, 0
    while batch := log.read(tx.conn, seq, REPLAYED, kinds, upto=top):
        for reader, its in wanted:
            mine = batch if len(wanted) == 1 else [r for r in batch if type(r.event) in its]
            if mine:
                reader.apply(tx, mine)
        seq, count = batch[-1].seq, count + len(batch)
        if progress:
            progress(seq, top)
    for reader in readers:
        if not reader.in_step:
            tx.conn.execute(insert(places).values(reader=reader.name, seq=top))
    return count


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Ten thousands of events are held at a time, and none of them in a circle: looking for circles takes as long as
    reading them."""
    before = gc.get_threshold()
    gc.set_threshold(1_000_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class Following:
    """Threads that keep readers and followers up to date until stopped."""

    def __init__(
        self, record: Record, who: Sequence[Reader | Follower], crowded: Callable[[], bool] = lambda: False
    ) -> None:
        """crowded: whether much comes in just now, before which those stand back who think long."""
        self.record, self.crowded = record, crowded
        self.who = tuple(w for w in who if not getattr(w, "in_step", False))
        self._nudges = {w.name: threading.Event() for w in self.who}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._unsubscribe: list[Callable[[], None]] = []

    def start(self) -> None:
        for who in self.who:
            self._unsubscribe.append(self.record.on_news(self._nudging(who), who.kinds))
            thread = threading.Thread(target=self._follow, args=(who,), name=f"parley-{who.name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _nudging(self, who: Reader | Follower) -> Callable[[int], None]:
        nudge = self._nudges[who.name]
        return lambda seq: nudge.set()

    def _follow(self, who: Reader | Follower) -> None:
        nudge, pause = self._nudges[who.name], 0.0
        while not self._stop.is_set():
            nudge.clear()
            try:
                self._catch_up(who)
                pause = POLL_SECONDS
            except (Busy, Conflict) as error:
                logger.info("%s waits: %s", who.name, error)
                pause = 0.5
            except Exception:
                logger.exception("%s stumbled and will try again", who.name)
                pause = min(pause * 2 or 1.0, 30.0)
                time.sleep(0.2)
            nudge.wait(pause)
            self._stop.wait(getattr(who, "rest", REST))

    def _catch_up(self, who: Reader | Follower) -> None:
        rests, more = getattr(who, "rests", 0.0), True
        while more and not self._stop.is_set():
            if rests:
                self._stand_back()
            began = time.monotonic()
            more = step(self.record, who)
            if more and rests:
                self._stop.wait(min(LONGEST_REST, rests * (time.monotonic() - began)))

    def _stand_back(self) -> None:
        until = time.monotonic() + LONGEST_REST
        while self.crowded() and time.monotonic() < until and not self._stop.wait(0.1):
            pass

    def stop(self) -> None:
        self._stop.set()
        for end in self._unsubscribe:
            end()
        for nudge in self._nudges.values():
            nudge.set()
        for thread in self._threads:
            thread.join(timeout=10)


class News:
    """Brings other processes' news into this one, where there may be others.

    look: called about once a second, for what others may change without writing an event.
    """

    def __init__(self, record: Record, look: Callable[[], None] = lambda: None) -> None:
        self.record, self.look = record, look
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="parley-news", daemon=True)

    def start(self) -> None:
        if not self.record.database.alone:
            self._thread.start()

    def _listen(self) -> None:
        looked = 0.0
        while not self._stop.is_set():
            if self.record.database.await_news(1.0):
                self.record.nudge(0)
            if time.monotonic() - looked > LOOK_SECONDS:
                looked = time.monotonic()
                self._look()

    def _look(self) -> None:
        try:
            self.look()
        except Busy:
            pass  # it is looked at again in a moment
        except Exception:
            logger.exception("What other processes have changed cannot be read")

    def stop(self) -> None:
        self._stop.set()
