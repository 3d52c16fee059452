"""SQLite: WAL, synchronous=FULL, one writer. FULL costs nothing once writes share a commit."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from parley.core.errors import BadConfig

BUSY_SECONDS = 10


class SQLite:
    name = "sqlite"
    label = "SQLite"
    alone = True

    def __init__(self, url: URL) -> None:
        if not url.database or url.database == ":memory:":
            raise BadConfig("The record needs a file. Set PARLEY_DATABASE_URL to sqlite:///path/to/parley.db.")
        self.path = Path(url.database)
        if not self.path.parent.is_dir():
            raise BadConfig(f"The folder {self.path.parent} does not exist. Make it, or choose another place.")
        self.writer = self._engine(url, read_only=False)
        self.reader = self._engine(url, read_only=True)
        self._news = threading.Event()

    def _engine(self, url: URL, *, read_only: bool) -> Engine:
        engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=1 if not read_only else 8,
            max_overflow=0 if not read_only else 8,
            connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
        )
        event.listen(engine, "connect", _prepare(read_only))
        event.listen(engine, "begin", _begin(read_only))
        return engine

    def claim(self, conn: Connection) -> None:
        """BEGIN IMMEDIATE has already taken the write lock."""

    def announce(self, conn: Connection, seq: int) -> None:
        """One process writes an SQLite file; its own threads are nudged by the record."""

    def await_news(self, seconds: float) -> bool:
        return self._news.wait(seconds)

    def trouble(self, error: Exception) -> str | None:
        text = str(getattr(error, "orig", error)).lower()
        if "locked" in text or "busy" in text:
            return "The database file is locked by another program. Nothing was changed; it will be tried again."
        if "full" in text or "i/o error" in text:
            return "The disk is full or failing. Nothing was changed; make room and it goes on by itself."
        if "readonly" in text:
            return "The database file may not be written. Check who owns it and its folder."
        if "malformed" in text or "not a database" in text:
            return "The database file is damaged. Stop, and restore the last backup with `parley restore`."
        return None

    def close(self) -> None:
        self._news.set()
        self.writer.dispose()
        self.reader.dispose()


def _prepare(read_only: bool) -> Any:
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None
        run = connection.execute
        if not read_only:
            run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=FULL")
        run("PRAGMA foreign_keys=ON")
        run("PRAGMA temp_store=MEMORY")
        run("PRAGMA cache_size=-65536" if not read_only else "PRAGMA cache_size=-8192")
        run("PRAGMA mmap_size=268435456")
        run("PRAGMA wal_autocheckpoint=4000")
        if read_only:
            run("PRAGMA query_only=ON")

    return prepare


def _begin(read_only: bool) -> Any:
    """SQLAlchemy spends thirty times as long on this statement as SQLite: readers, who need no lock, go past it."""

    def begin_reading(conn: Connection) -> None:
        conn.connection.driver_connection.execute("BEGIN")  # type: ignore[union-attr]

    def begin_writing(conn: Connection) -> None:
        conn.exec_driver_sql("BEGIN IMMEDIATE")

    return begin_reading if read_only else begin_writing
