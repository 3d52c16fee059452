"""Files of messages: bytes by their SHA-256 in a folder, durable before the event that names them."""

import os
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, String, Table, delete, select

from parley.core import events as e
from parley.core.channel import Attached
from parley.core.errors import Busy, NotFound
from parley.log.record import Tx, add_rows
from parley.log.tables import Id, metadata

files = Table(
    "files",
    metadata,
    Column("message", Id, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("name", String(255), nullable=False),
    Column("type", String(120), nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("cid", String(255)),
)
Index("ix_files_sha256", files.c.sha256)


class FileReader:
    """Knows which message carries which file."""

    name = "files"
    in_step = True
    kinds = (e.MessageReceived, e.ReplyWritten, e.NoteWritten, e.FileFetched, e.MessageWithdrawn, e.SendCancelled)
    tables = (files,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        rows = [_row(r, number, file) for r in batch for number, file in _carried(r.event)]
        add_rows(tx.conn, files, rows)
        for r in batch:
            if isinstance(r.event, e.MessageWithdrawn | e.SendCancelled):
                tx.conn.execute(delete(files).where(files.c.message == r.event.message))


def _carried(event: e.AnyEvent) -> list[tuple[int, e.File]]:
    """Files with their numbers: those that came with the words, and one that was fetched later."""
    if isinstance(event, e.FileFetched):
        return [(event.number, event.file)] if event.file else []
    if isinstance(event, e.MessageReceived | e.ReplyWritten | e.NoteWritten):
        return list(enumerate(event.files))
    return []


def _row(r: e.Recorded, number: int, file: e.File) -> dict[str, Any]:
    return {
        "message": r.event.message,  # type: ignore[union-attr]
        "number": number,
        "conversation": r.subject_id,
        "name": file.name[:255],
        "type": file.type[:120],
        "size": file.size,
        "sha256": file.sha256,
        "cid": file.cid,
    }


class Store:
    """A content-addressed folder. `put` returns only when the bytes are on the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest

    def put(self, data: bytes) -> str:
        return self.put_all([data])[0]

    def put_all(self, datas: Sequence[bytes]) -> list[str]:
        """Keep several at once: written aside, synced together, then named. A crash leaves whole files only."""
        digests = [sha256(data).hexdigest() for data in datas]
        fresh = {d: data for d, data in zip(digests, datas, strict=True) if not self.path(d).exists()}
        try:
            aside = {digest: self._aside(digest, data) for digest, data in fresh.items()}
            _sync(list(aside.values()))
            for digest, path in aside.items():
                os.replace(path, self.path(digest))
            _sync(list({self.path(digest).parent for digest in digests}))
        except OSError as error:
            raise Busy(f"A file could not be kept ({error.strerror}). Nothing was changed.") from error
        return digests

    def _aside(self, digest: str, data: bytes) -> Path:
        path = self.path(digest)
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            _sync([self.folder])
        aside = path.with_suffix(f".{secrets.token_hex(4)}")
        aside.write_bytes(data)
        return aside

    def get(self, digest: str) -> bytes:
        """The bytes, checked against their name."""
        try:
            data = self.path(digest).read_bytes()
        except OSError as error:
            raise NotFound("The file is gone from the store. A backup may still have it.") from error
        if sha256(data).hexdigest() != digest:
            raise NotFound("The file was damaged on the disk. A backup may still have it.")
        return data

    def keep(self, attached: Sequence[Attached]) -> tuple[e.File, ...]:
        """Keep files and describe them for an event."""
        return tuple(
            e.File(name=a.name[:255], type=a.type[:120], size=len(a.data), sha256=self.put(a.data), cid=a.cid)
            for a in attached
        )

    def attach(self, described: Sequence[e.File]) -> tuple[Attached, ...]:
        """The other way: descriptions back into files with bytes."""
        return tuple(Attached(name=f.name, type=f.type, data=self.get(f.sha256), cid=f.cid) for f in described)


def _sync(paths: Sequence[Path]) -> None:
    """Side by side: a disk syncs eight files in hardly more time than one."""
    if len(paths) < 3:
        for path in paths:
            _sync_one(path)
    else:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(_sync_one, paths))


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def find(conn: Connection, message: int, number: int) -> Any:
    """The row of one file; its conversation tells who may see it."""
    row = conn.execute(select(files).where(files.c.message == message, files.c.number == number)).one_or_none()
    if row is None:
        raise NotFound("There is no such file.")
    return row
