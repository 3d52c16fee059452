"""Files of messages: bytes by their SHA-256 in a folder, durable before the event that names them."""

import os
import secrets
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, String, Table, insert, select

from parley.core import events as e
from parley.core.channel import Attached
from parley.core.errors import Busy, NotFound
from parley.log.record import Tx
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
    kinds = (e.MessageReceived, e.ReplyWritten, e.NoteWritten)
    tables = (files,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        rows = [
            {
                "message": r.event.message,
                "number": number,
                "conversation": r.subject_id,
                "name": file.name[:255],
                "type": file.type[:120],
                "size": file.size,
                "sha256": file.sha256,
                "cid": file.cid,
            }
            for r in batch
            if isinstance(r.event, self.kinds)
            for number, file in enumerate(r.event.files)
        ]
        if rows:
            tx.conn.execute(insert(files), rows)


class Store:
    """A content-addressed folder. `put` returns only when the bytes are on the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest

    def put(self, data: bytes) -> str:
        digest = sha256(data).hexdigest()
        path = self.path(digest)
        if path.exists():
            return digest
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write(path, data)
        except OSError as error:
            raise Busy(f"A file could not be kept ({error.strerror}). Nothing was changed.") from error
        return digest

    def _write(self, path: Path, data: bytes) -> None:
        """Write aside, fsync, rename, fsync the folder: a crash leaves a whole file or none."""
        aside = path.with_suffix(f".{secrets.token_hex(4)}")
        with open(aside, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(aside, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

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


def find(conn: Connection, message: int, number: int) -> Any:
    """The row of one file; its conversation tells who may see it."""
    row = conn.execute(select(files).where(files.c.message == message, files.c.number == number)).one_or_none()
    if row is None:
        raise NotFound("There is no such file.")
    return row
