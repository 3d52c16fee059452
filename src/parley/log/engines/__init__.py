"""The two engines, and the only place that knows which one is running."""

from typing import Protocol

from sqlalchemy import Connection, Engine, make_url

from parley.core.errors import BadConfig


class Database(Protocol):
    """What the record needs of an engine.

    writer: connections for the single writing thread. reader: connections for questions.
    label: the engine's name as people write it. alone: only one process at a time may work on this database.
    """

    name: str
    label: str
    alone: bool
    writer: Engine
    reader: Engine

    def claim(self, conn: Connection) -> None:
        """Called first in a writing transaction: from here to its commit nobody else appends."""
        ...

    def announce(self, conn: Connection, seq: int) -> None:
        """Called last before the commit: tell other processes that the log has grown."""
        ...

    def await_news(self, seconds: float) -> bool:
        """Wait until another process announced something, at most `seconds`. True when it did."""
        ...

    def trouble(self, error: Exception) -> str | None:
        """A sentence for a person when the error is the engine's (locked, full, gone), else None."""
        ...

    def close(self) -> None: ...


def open_database(url: str) -> Database:
    """Connect by URL: `sqlite:///path` or `postgresql://user:password@host/name`."""
    try:
        parsed = make_url(url)
    except Exception as error:
        raise BadConfig(_hint("The database URL cannot be read.")) from error
    if parsed.get_backend_name() == "sqlite":
        from parley.log.engines.sqlite import SQLite

        return SQLite(parsed)
    if parsed.get_backend_name() in ("postgresql", "postgres"):
        from parley.log.engines.postgres import Postgres

        return Postgres(parsed)
    raise BadConfig(_hint(f"Parley runs on SQLite and PostgreSQL, not on {parsed.get_backend_name()}."))


def _hint(sentence: str) -> str:
    return (
        f"{sentence} Set PARLEY_DATABASE_URL to sqlite:///path/to/parley.db or"
        " postgresql://user:password@host/name, or leave it out to use a file in the data directory."
    )
