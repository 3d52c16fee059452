"""Databases that are migrated already: making the tables costs more than most stories do."""

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

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


class Postgres:
    """Makes databases on a server, and takes them away again. `server`: URL of one to connect to."""

    def __init__(self, server: str) -> None:
        self.server = server
        self._blank = ""

    @contextlib.contextmanager
    def database(self, *, blank: bool) -> Iterator[str]:
        """URL of a database of its own; blank: with a desk's tables. Its commits do not wait for disks."""
        template = self._template() if blank else "template0"
        name = self._make(template)
        try:
            yield self._url(name)
        finally:
            self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def _template(self) -> str:
        if not self._blank:
            name = self._make("template0")
            _migrated(self._url(name))
            self._blank = name
        return self._blank

    def _make(self, template: str) -> str:
        name = f"parley_test_{os.getpid()}_{uuid.uuid4().hex[:8]}"
        self._do(f"CREATE DATABASE {name} TEMPLATE {template}")
        self._do(f"ALTER DATABASE {name} SET synchronous_commit = off")
        return name

    def close(self) -> None:
        if self._blank:
            self._do(f"DROP DATABASE {self._blank} WITH (FORCE)")

    def _url(self, name: str) -> str:
        return f"{self.server.rpartition('/')[0]}/{name}"

    def _do(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.server, autocommit=True) as admin:
            admin.execute(statement)
