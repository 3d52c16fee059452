"""The migrated database is the one that the code speaks of, on both engines, and a newer one is left alone."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

import parley.app  # every feature declares its tables when it is imported
from parley.config import Config
from parley.core.errors import BadConfig
from parley.log.engines import Database, open_database
from parley.log.migrations import NEWEST, migrate
from parley.log.tables import metadata

ROOT = Path(__file__).parents[1]
OF_SEARCH = {"fts", "fts_config", "fts_content", "fts_data", "fts_docsize", "fts_idx"}


@pytest.fixture
def database(tmp_path: Path, engine_url: str) -> Database:
    return open_database(engine_url or f"sqlite:///{tmp_path / 'parley.db'}")


def test_the_migrated_schema_is_the_declared_one(database: Database) -> None:
    migrate(database)
    with database.reader.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "include_name": not_of_search})
        assert compare_metadata(context, metadata) == []
    database.close()


def not_of_search(name: str | None, kind: str, parents: object) -> bool:
    """The full-text index belongs to its engine and is no table of the metadata."""
    return not (kind == "table" and name in OF_SEARCH)


def test_a_second_start_changes_nothing(database: Database) -> None:
    migrate(database)
    migrate(database)
    with database.reader.connect() as conn:
        assert conn.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [NEWEST]
    database.close()


def test_a_database_of_a_newer_program_is_refused_and_left_as_it_is(database: Database) -> None:
    migrate(database)
    with database.writer.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BadConfig, match="newer Parley"):
        migrate(database)
    with database.reader.connect() as conn:
        assert conn.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
        assert inspect(conn).has_table("events")
    database.close()


def test_a_step_that_fails_leaves_nothing_behind(database: Database) -> None:
    """Something of that name is there already: the whole migration is taken back."""
    with database.writer.begin() as conn:
        conn.execute(text("CREATE TABLE words (unexpected INTEGER)"))
    with pytest.raises(Exception, match="words"):
        migrate(database)
    with database.reader.connect() as conn:
        assert not inspect(conn).has_table("events")
        assert not inspect(conn).has_table("alembic_version")
    database.close()


def test_the_newest_step_is_the_one_the_program_asks_for() -> None:
    from alembic.script import ScriptDirectory

    steps = ScriptDirectory(str(ROOT / "src/parley/log/migrations"))
    assert steps.get_heads() == [NEWEST]


def test_the_wheel_carries_everything_a_desk_needs(tmp_path: Path) -> None:
    """Built from the sources as they lie here; the pages are bundled already, so no tool is fetched."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        ".",
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for wanted in ("log/migrations/env.py", "log/migrations/versions/0001_first.py", "web/static/dist/manifest.json"):
        assert f"parley/{wanted}" in names
    templates = {f"parley/{f.relative_to(ROOT / 'src/parley')}" for f in (ROOT / "src/parley/web").rglob("*.html")}
    articles = {f"parley/{f.relative_to(ROOT / 'src/parley')}" for f in (ROOT / "src/parley/demo").rglob("*.md")}
    assert templates | articles <= names
    assert not [name for name in names if "/tests/" in name or "node_modules" in name]


def test_a_desk_opens_on_what_was_migrated(tmp_path: Path, engine_url: str) -> None:
    desk = parley.app.Desk(Config(data=tmp_path, database_url=engine_url, secret="s"))
    assert desk.inboxes() == {}
    desk.record.close()
