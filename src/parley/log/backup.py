"""Backup and restore, the same form for both engines: so a backup is also the way from one to the other.

A backup is a tar file: `manifest.json`, `tables/NAME.msgpack` (rows as arrays, one after another),
`files/…`, `secret.key`. It is read inside one transaction, so it shows one moment of a desk that runs on.
"""

import gzip
import io
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec
from sqlalchemy import Connection, Table, func, insert, select, text

from parley.core.errors import BadConfig
from parley.log.engines import Database
from parley.log.migrations import NEWEST
from parley.log.tables import metadata

FORMAT = 1
ROWS = 1000
Progress = Callable[[str, int], None]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """schema: the migration it was made at. rows: how many of each table."""

    format: int
    schema: str
    made_at: datetime
    engine: str
    rows: dict[str, int]


def backup(
    database: Database, files: Path, secret: Path, target: Path, progress: Progress = lambda *_: None
) -> Manifest:
    """Write a backup to `target`; it appears there only when it is whole."""
    aside = target.with_name(target.name + ".part")
    with database.reader.connect() as conn, tarfile.open(aside, "w:gz", compresslevel=3) as tar:
        if database.name == "postgresql":
            conn.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        rows = {table.name: _dump(conn, table, tar, progress) for table in metadata.sorted_tables}
        manifest = Manifest(format=FORMAT, schema=NEWEST, made_at=datetime.now(UTC), engine=database.name, rows=rows)
        _add(tar, "manifest.json", msgspec.json.encode(manifest))
        if secret.exists():
            _add(tar, "secret.key", secret.read_bytes())
        for path in sorted(p for p in files.rglob("*") if p.is_file() and len(p.name) == 64):
            tar.add(path, f"files/{path.parent.name}/{path.name}")
    aside.replace(target)
    return manifest


def _dump(conn: Connection, table: Table, tar: tarfile.TarFile, progress: Progress) -> int:
    count = 0
    with tempfile.TemporaryFile() as out:
        for row in conn.execution_options(yield_per=ROWS).execute(select(table)):
            packed = msgspec.msgpack.encode(tuple(row))
            out.write(len(packed).to_bytes(4, "big") + packed)
            count += 1
        progress(table.name, count)
        info = tarfile.TarInfo(f"tables/{table.name}.msgpack")
        info.size = out.tell()
        out.seek(0)
        tar.addfile(info, out)
    return count


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    tar.addfile(info, io.BytesIO(data))


def restore(database: Database, data: Path, source: Path, progress: Progress = lambda *_: None) -> Manifest:
    """Fill an empty, migrated database and a data folder from a backup. Refuses one that is not empty."""
    with _opened(source) as tar:
        manifest = _manifest(tar, source)
        with database.writer.begin() as conn:
            database.claim(conn)
            _refuse_unless_empty(conn)
            for table in metadata.sorted_tables:
                progress(table.name, _load(conn, table, tar))
            if database.name == "postgresql":
                _set_sequences(conn)
        _restore_files(tar, data)
    return manifest


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    """The backup, with every way of being damaged told in one sentence."""
    try:
        with tarfile.open(source, "r:gz") as tar:
            yield tar
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadConfig(
            f"{source.name} is not a backup made by Parley, or it is damaged. Nothing was changed."
        ) from error


def _manifest(tar: tarfile.TarFile, source: Path) -> Manifest:
    try:
        member = tar.extractfile("manifest.json")
        assert member is not None
        manifest = msgspec.json.decode(member.read(), type=Manifest)
    except (KeyError, AssertionError, msgspec.MsgspecError) as error:
        raise BadConfig(f"{source.name} is not a backup made by Parley, or it is damaged.") from error
    if manifest.format > FORMAT or manifest.schema > NEWEST or not set(manifest.rows) <= set(metadata.tables):
        raise BadConfig(f"{source.name} was made by a newer Parley. Upgrade the program first.")
    return manifest


def _refuse_unless_empty(conn: Connection) -> None:
    if conn.execute(select(func.count()).select_from(metadata.tables["events"])).scalar():
        raise BadConfig("There is a desk here already. Restore into an empty data directory or database.")


def _load(conn: Connection, table: Table, tar: tarfile.TarFile) -> int:
    names = [column.name for column in table.columns]
    count = 0
    for batch in _batches(tar, table):
        conn.execute(insert(table), [dict(zip(names, row, strict=True)) for row in batch])
        count += len(batch)
    return count


def _batches(tar: tarfile.TarFile, table: Table) -> Iterator[list[Any]]:
    try:
        member = tar.extractfile(f"tables/{table.name}.msgpack")
    except KeyError:
        return
    assert member is not None
    batch: list[Any] = []
    fields: Any = tuple(column.type.python_type | None for column in table.columns)
    decoder = msgspec.msgpack.Decoder(tuple.__class_getitem__(fields))
    while head := member.read(4):
        batch.append(decoder.decode(_exactly(member, int.from_bytes(head, "big"))))
        if len(batch) == ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _exactly(member: IO[bytes], size: int) -> bytes:
    data = member.read(size)
    if len(data) != size:
        raise BadConfig("The backup ends in the middle of a row. It is damaged.")
    return data


def _set_sequences(conn: Connection) -> None:
    """PostgreSQL numbers new rows from where the restored ones end."""
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            conn.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'),"
                    f" COALESCE((SELECT max({column.name}) FROM {table.name}), 0) + 1, false)"
                )
            )


def _restore_files(tar: tarfile.TarFile, data: Path) -> None:
    for member in tar.getmembers():
        name = Path(member.name)
        if member.isfile() and (name.parts[0] == "files" or member.name == "secret.key") and ".." not in name.parts:
            target = data / name
            target.parent.mkdir(parents=True, exist_ok=True)
            source = tar.extractfile(member)
            assert source is not None
            target.write_bytes(source.read())
            if member.name == "secret.key":
                target.chmod(0o600)
