"""What the outside world knows: everything that was sent, and which of it was acknowledged."""

import json
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO


@dataclass
class Entry:
    """One thing sent. name: the Message-ID, or visitor:client_id. text, file: hashes of what must arrive."""

    name: str
    kind: str  # mail or chat
    text: str
    file: str | None = None
    raw: str | None = None
    acked: bool = False
    tries: int = 0
    waited: float = 0.0  # seconds from the first try to the acknowledgement
    begun: float = field(default_factory=time.monotonic)


class Ledger:
    """Kept in memory and, line by line, in a file for whoever looks afterwards."""

    def __init__(self, path: Path) -> None:
        self.entries: dict[str, Entry] = {}
        self._file: IO[str] = path.open("w", encoding="utf-8")

    def sending(self, entry: Entry) -> Entry:
        self.entries[entry.name] = entry
        self._note("sending", entry)
        return entry

    def acknowledged(self, entry: Entry) -> None:
        entry.acked, entry.waited = True, time.monotonic() - entry.begun
        self._note("acknowledged", entry)

    def _note(self, what: str, entry: Entry) -> None:
        self._file.write(json.dumps([round(time.time(), 3), what, entry.name, entry.tries]) + "\n")
        self._file.flush()

    def acked(self, kind: str = "") -> list[Entry]:
        return [one for one in self.entries.values() if one.acked and one.kind.startswith(kind)]

    def close(self) -> None:
        self._file.close()


def digest_of(text: str) -> str:
    """A text's hash, white space evened out: a torn or mixed-up body has another."""
    return sha256(" ".join(text.split()).encode()).hexdigest()
