"""Fixtures: a desk on each engine. PostgreSQL is used where a server answers; its absence is shown as a skip."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.blanks import Postgres
from harness.desk import StoryDesk
from harness.web import WebDesk, served

# How long a browser may take before what was expected counts as absent. Much longer than it takes on a machine at rest:
# tests share their cores, and a test that is only slow must not fail.
PATIENCE = 45_000

if TYPE_CHECKING:
    from playwright.sync_api import Browser

try:
    from playwright.sync_api import expect
except ImportError:
    pass
else:
    expect.set_options(timeout=PATIENCE)

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ADMIN = os.environ.get("PARLEY_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")


def _reachable() -> str | None:
    try:
        import psycopg

        psycopg.connect(ADMIN, connect_timeout=2).close()
    except Exception as error:
        return str(error).splitlines()[0]
    return None


@pytest.fixture(scope="session")
def postgres_server() -> str:
    if trouble := _reachable():
        pytest.skip(f"no PostgreSQL server for tests: {trouble}")
    return ADMIN


@pytest.fixture(scope="session")
def postgres(postgres_server: str) -> Iterator[Postgres]:
    server = Postgres(postgres_server)
    yield server
    server.close()


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[str]:
    """A database of its own, dropped afterwards: with a desk's tables for stories, else without any."""
    with postgres.database(blank=bool({"desk", "bot_desk", "web"} & set(request.fixturenames))) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_url(request: pytest.FixtureRequest) -> str:
    """Database URL of each engine in turn; empty means SQLite in the data folder."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def web(tmp_path: Path, engine_url: str) -> Iterator[WebDesk]:
    """A served desk without a bot, on each engine."""
    with served(tmp_path, url=engine_url) as web:
        yield web


@pytest.fixture
def desk(tmp_path: Path, engine_url: str) -> Iterator[StoryDesk]:
    """A desk without a bot, on each engine. Every story ends with the rebuild test."""
    story = StoryDesk(tmp_path, engine_url)
    yield story
    try:
        story.rebuilds()
    finally:
        story.close()


@pytest.fixture
def bot_desk(tmp_path: Path, engine_url: str) -> Iterator[StoryDesk]:
    """The same with a bot on every inbox."""
    story = StoryDesk(tmp_path, engine_url, with_bot=True)
    yield story
    try:
        story.rebuilds()
    finally:
        story.close()


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A real Chromium for the stories of a file; they are skipped where there is none."""
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()
