"""Backup and restore, within one engine and from one to the other."""

from pathlib import Path

import pytest
from sqlalchemy import select

from harness.desk import StoryDesk
from parley.app import Desk
from parley.config import Config
from parley.core.errors import BadConfig
from parley.log import backup
from parley.log.engines import open_database
from parley.log.migrations import migrate
from parley.log.readers import rebuild
from parley.log.tables import metadata
from parley.services import inbox, search


def _contents(desk_record) -> dict[str, list[tuple]]:  # type: ignore[no-untyped-def,type-arg]
    with desk_record.reading() as conn:
        return {
            t.name: sorted((tuple(row) for row in conn.execute(select(t))), key=repr) for t in metadata.sorted_tables
        }


def _busy(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Do you ship to Malta?")
    desk.customer("lee@example.com", "Lee").mails(
        "A photo", "See here", files=[("a.png", "image/png", b"\x89PNG data")]
    )
    ana = desk.agent("ana")
    ana.replies("We do.")
    ana.closes()
    desk.later(hours=1)


def test_a_restored_desk_is_the_same_desk(desk: StoryDesk, tmp_path: Path) -> None:
    _busy(desk)
    target = tmp_path / "desk.parley"
    data = desk.desk.config.data
    backup.backup(desk.record.database, data / "files", data / "secret.key", target)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    database = open_database(f"sqlite:///{fresh / 'parley.db'}")
    migrate(database)
    backup.restore(database, fresh, target)
    database.close()
    restored = Desk(Config(data=fresh, secret="a secret for tests"))
    try:
        assert _contents(restored.record) == _contents(desk.record)
        for reader in restored.readers:
            rebuild(restored.record, reader)
        (hit,) = restored.record.ask(search.find, "sqlite", "malta", inbox.SYSTEM)
        assert hit.state.preview
        digest = next((data / "files").rglob("*/*")).name
        assert restored.store.get(digest) == b"\x89PNG data"
    finally:
        restored.record.close()


def test_nothing_is_restored_over_a_desk_that_lives(desk: StoryDesk, tmp_path: Path) -> None:
    _busy(desk)
    target = tmp_path / "desk.parley"
    data = desk.desk.config.data
    backup.backup(desk.record.database, data / "files", data / "secret.key", target)
    with pytest.raises(BadConfig, match="already"):
        backup.restore(desk.record.database, data, target)
