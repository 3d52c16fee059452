"""Databases that are migrated already: making the tables costs more than most stories do."""

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from parley.log.engines import open_database
from parley.log.migrations import migrate


@cache
def _sqlite() -> Path:
    """Made once for each process of a test run."""
    folder = tempfile.TemporaryDirectory(prefix="parley-blank-")
    _kept.append(folder)
    file = Path(folder.name) / "parley.db"
    _migrated(f"sqlite:///{file}")
    return file


_kept: list[tempfile.TemporaryDirectory[str]] = []  # removed when the process ends


def _migrated(url: str) -> None:
    database = open_database(url)
    migrate(database)
    database.close()


def lay_sqlite(data: Path) -> None:
    """A blank desk's file into a data folder that has none."""
    if not (data / "parley.db").exists():
        data.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_sqlite(), data / "parley.db")


_SEND_AWAY = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_BEGIN_AGAIN = (
    "SELECT setval(format('%I.%I', schemaname, sequencename), 1, false) FROM pg_sequences WHERE last_value IS NOT NULL"
)


def _tables(conn: Any) -> dict[str, bool]:
    """Every table's name, and whether it has rows."""
    names = [name for (name,) in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    each = " UNION ALL ".join(f"SELECT '{name}', EXISTS (SELECT 1 FROM \"{name}\")" for name in names)
    return dict(conn.execute(each).fetchall()) if names else {}


class Postgres:
    """Makes databases on a server, and takes them away again. `server`: URL of one to connect to."""

    def __init__(self, server: str) -> None:
        self.server = server
        self._blank = ""
        self._idle: list[str] = []

    @contextlib.contextmanager
    def database(self, *, blank: bool) -> Iterator[str]:
        """URL of a database of its own; blank: with a desk's tables. Its commits do not wait for disks.

        Blank ones are used again: emptying what a story filled takes a tenth of the time of making one.
        """
        name = self._idle.pop() if blank and self._idle else self._make(self._template() if blank else "template0")
        try:
            yield self._url(name)
        finally:
            if blank and self._emptied(name):
                self._idle.append(name)
            else:
                self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def _emptied(self, name: str) -> bool:
        """Whether it is again as it was made. Whoever is still connected is sent away."""
        import psycopg

        with psycopg.connect(self._url(name), autocommit=True) as conn:
            conn.execute(_SEND_AWAY)
            tables = _tables(conn)
            if tables.keys() != self._made.keys():
                return False
            conn.execute("SET session_replication_role = replica")  # in any order, whoever points at whom
            for table in (table for table, filled in tables.items() if filled):
                conn.execute(f'DELETE FROM "{table}"')
            for table, rows in self._made.items():
                for row in rows:
                    marks = ", ".join(["%s"] * len(row))
                    conn.execute(f'INSERT INTO "{table}" VALUES ({marks})', row)
            conn.execute(_BEGIN_AGAIN)
        return True

    def _template(self) -> str:
        if not self._blank:
            name = self._make("template0")
            _migrated(self._url(name))
            self._blank, self._made = name, self._rows(name)
        return self._blank

    def _make(self, template: str) -> str:
        name = f"parley_test_{os.getpid()}_{uuid.uuid4().hex[:8]}"
        self._do(f"CREATE DATABASE {name} TEMPLATE {template}")
        self._do(f"ALTER DATABASE {name} SET synchronous_commit = off")
        return name

    def _rows(self, name: str) -> dict[str, list[tuple[Any, ...]]]:
        """What is in each table of a new desk."""
        import psycopg

        with psycopg.connect(self._url(name), autocommit=True) as conn:
            return {
                table: conn.execute(f'SELECT * FROM "{table}"').fetchall() if filled else []
                for table, filled in _tables(conn).items()
            }

    def close(self) -> None:
        for name in (*self._idle, self._blank):
            if name:
                self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def _url(self, name: str) -> str:
        return f"{self.server.rpartition('/')[0]}/{name}"

    def _do(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.server, autocommit=True) as admin:
            admin.execute(statement)
