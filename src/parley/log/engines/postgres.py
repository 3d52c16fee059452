"""PostgreSQL: appends take turns under one advisory lock, so the order of `seq` is the order of commits.

Sequence numbers alone would not do: a transaction that drew 7 may commit after one that drew 8,
and a reader standing at 8 would never see 7. The lock is held for one grouped transaction at a time.
"""

import re
import threading
import time
from functools import cache
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, text

from parley.core.errors import BadConfig

APPEND_LOCK = 0x7061726C65790001
CHANNEL = "parley_log"
LOCK_SECONDS = 30


class Postgres:
    name = "postgresql"
    label = "PostgreSQL"
    alone = False

    def __init__(self, url: URL) -> None:
        try:
            import psycopg  # noqa: F401
        except ImportError as error:
            raise BadConfig("PostgreSQL needs its driver: pip install 'parley[postgres]'.") from error
        self.url = url.set(drivername="postgresql+psycopg")
        self.writer = create_engine(self.url, pool_size=1, max_overflow=0, pool_pre_ping=True)
        self.reader = create_engine(
            self.url,
            pool_size=8,
            max_overflow=8,
            pool_pre_ping=True,
            execution_options={"postgresql_readonly": True},
        )
        event.listen(self.writer, "connect", _prepare)
        self._closed = threading.Event()
        self._listener: Any = None

    def claim(self, conn: Connection) -> None:
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": APPEND_LOCK})

    def announce(self, conn: Connection, seq: int) -> None:
        conn.execute(text("SELECT pg_notify(:channel, :seq)"), {"channel": CHANNEL, "seq": str(seq)})

    def await_news(self, seconds: float) -> bool:
        """Wait for a NOTIFY of any process on a connection of its own; reconnects by itself."""
        import psycopg

        try:
            if self._listener is None or self._listener.closed:
                dsn = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
                self._listener = psycopg.connect(dsn, autocommit=True)
                self._listener.execute(f"LISTEN {CHANNEL}")
                return True
            return any(True for _ in self._listener.notifies(timeout=seconds, stop_after=1))
        except psycopg.Error:
            self._listener = None
            time.sleep(min(seconds, 1.0))
            return False

    def trouble(self, error: Exception) -> str | None:
        original = getattr(error, "orig", error)
        state = getattr(original, "sqlstate", None) or ""
        if state == "55P03":
            return "Another process has held the log for too long. Nothing was changed; it will be tried again."
        if state.startswith("53"):
            return "The database server is out of disk, memory or connections. Nothing was changed."
        if state.startswith(("08", "57P")) or getattr(error, "connection_invalidated", False) or not state:
            import psycopg

            gone = isinstance(original, psycopg.OperationalError | psycopg.InterfaceError)
            return _unreachable(str(original)) if gone else None
        return None

    def close(self) -> None:
        self._closed.set()
        if self._listener is not None:
            self._listener.close()
        self.writer.dispose()
        self.reader.dispose()


def _prepare(connection: Any, _: Any) -> None:
    connection.adapters.register_dumper(str, _without_nul())
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
        cursor.execute("SET synchronous_commit = on")
        cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
    connection.commit()


@cache
def _without_nul() -> Any:
    """PostgreSQL keeps no NUL in a text, SQLite does; whoever wrote one meant nothing by it."""
    from psycopg.types.string import StrDumperUnknown

    class WithoutNul(StrDumperUnknown):
        def dump(self, text: str) -> Any:
            return super().dump(text.replace("\x00", ""))

    return WithoutNul


def _unreachable(said: str) -> str:
    """A server that answers says why it will not have us; one that does not answer says nothing."""
    refusal = re.search(r"FATAL:\s+(.+)", said)
    if refusal is None or "starting up" in said or "shutting down" in said:
        return "The database server cannot be reached. Nothing was changed."
    return f"The database server refuses us: {refusal[1].strip()}. Check PARLEY_DATABASE_URL. Nothing was changed."
