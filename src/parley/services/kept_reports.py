"""Reports that many ask for, kept for a minute on a desk with a long history, so that all of them share one.

On a small desk each is made when it is asked for. Every report says of what moment it is.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

import msgspec
from sqlalchemy import Connection, select

from parley.log.record import Record
from parley.log.tables import counters
from parley.services import facts
from parley.services.inbox import Viewer

T = TypeVar("T")
MANY = 20_000  # conversations from which a desk is large
FRESH = 60.0  # seconds for which a report is kept
MOST = 200  # reports kept
SETTLED = 3.0  # seconds after the start: those who want to sign in go first
logger = logging.getLogger("parley.figures")


class Kept(msgspec.Struct, Generic[T], frozen=True):
    """A report, the moment it speaks of, and when it was made by the clock that never goes back."""

    report: T
    at: datetime
    made: float


class Reports:
    """`ask(conn, make, who, choice …)` gives `make(conn, who, choice …, now)`, made now or a while ago."""

    def __init__(self, record: Record, many: int = MANY) -> None:
        self.record, self.many = record, many
        self._kept: OrderedDict[Any, Kept[Any]] = OrderedDict()
        self._making: WeakValueDictionary[Any, threading.Lock] = WeakValueDictionary()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._ahead = threading.Thread(target=self._read_ahead, name="parley-figures", daemon=True)

    def open(self) -> None:
        """Whoever asks first on a large desk shall not wait for half a year of columns: they are read soon."""
        self._ahead.start()

    def close(self) -> None:
        self._closing.set()
        if self._ahead.is_alive():
            self._ahead.join(timeout=10)

    def _read_ahead(self) -> None:
        if self._closing.wait(SETTLED):
            return
        try:
            with self.record.reading() as conn:
                if self._is_large(conn):
                    facts.read_ahead(conn, self.record.clock())
        except Exception:
            logger.exception("Figures were not read ahead; they are read when they are asked for")

    def ask(self, conn: Connection, make: Callable[..., T], who: Viewer, *wish: Any) -> Kept[T]:
        if not self._is_large(conn):
            return self._made(conn, make, who, *wish)
        key = (make.__module__, make.__qualname__, _alike(who, *wish), *wish)
        kept = self._kept.get(key)
        if kept and time.monotonic() - kept.made < FRESH:
            return kept
        return self._once(conn, key, make, who, *wish)

    def _is_large(self, conn: Connection) -> bool:
        """By the highest number of a conversation: counting them would take as long as a report."""
        highest = conn.execute(select(counters.c.value).where(counters.c.name == "conversation")).scalar()
        return int(highest or 0) >= self.many

    def _once(self, conn: Connection, key: Any, make: Callable[..., T], who: Viewer, *wish: Any) -> Kept[T]:
        """Those who ask for the same meanwhile wait for it."""
        with self._held(key):
            kept = self._kept.get(key)
            if kept is None or time.monotonic() - kept.made >= FRESH:
                kept = self._made(conn, make, who, *wish)
                self._keep(key, kept)
        return kept

    def _held(self, key: Any) -> threading.Lock:
        """One of each report at a time; the lock is forgotten when nobody makes it any more."""
        with self._lock:
            return self._making.setdefault(key, threading.Lock())

    def _made(self, conn: Connection, make: Callable[..., T], who: Viewer, *wish: Any) -> Kept[T]:
        at = self.record.clock()
        return Kept(make(conn, who, *wish, at), at, time.monotonic())

    def _keep(self, key: Any, kept: Kept[Any]) -> None:
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)


def _alike(who: Viewer, *wish: Any) -> Viewer:
    """Leads of the same brands see the same, unless a person's own figures are asked for."""
    own = any(getattr(one, "agent", None) is not None for one in wish)
    return who if own or who.role not in ("admin", "lead") else msgspec.structs.replace(who, agent=None)
