"""How long does the journeys page's question take with a million conversations on the desk?

Fills the reader's table on SQLite with made-up ways of three to twelve steps over 91 days, then asks as the page does:
for everything, for one topic, and for a channel of a brand. score: the slowest p95 in ms (goal 300).
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from _measure import table
from sqlalchemy import insert

from parley.log.engines import open_database
from parley.log.migrations import migrate
from parley.log.record import Record, Tx
from parley.services import journeys
from parley.services.inbox import SYSTEM
from parley.services.journeys import Choice

NOW = datetime(2026, 6, 1, tzinfo=UTC)
STEPS = ("wrote", "bot", "handed", "passed", "answered", "wrote", "answered", "closed", "reopened", "content")
CHANNELS = ("email", "webchat", "whatsapp")
ASKED = {
    "everything, 28 days": Choice(),
    "one topic, 91 days": Choice(days=91, topic="topic 3"),
    "one channel of a brand, 91 days": Choice(days=91, channel="email", brand=1),
}
ROUNDS, AT_ONCE = 20, 20_000


def ways(conversations: int) -> Iterator[dict[str, Any]]:
    chance, end = random.Random(1), int(NOW.timestamp() * 1e6)
    for number in range(1, conversations + 1):
        at = began = end - chance.randrange(91 * 86_400) * 1_000_000
        steps = []
        for what in ("wrote", *chance.choices(STEPS, k=chance.randrange(2, 12))):
            steps.append((what, at, number))
            at += chance.randrange(1_000_000, 100_000_000_000)
        yield {
            "conversation": number, "brand": number % 3 + 1, "channel": CHANNELS[number % 2], "identity": number,
            "client": "", "topic": f"topic {number % 20}", "by_hand": False, "holder": 0, "looked": None,
            "began": began, "n": len(steps), "steps": msgspec.json.encode(steps),
        }  # fmt: skip


def fill(record: Record, conversations: int) -> None:
    rows: list[dict[str, Any]] = []
    for row in ways(conversations):
        rows.append(row)
        if len(rows) == AT_ONCE or row["conversation"] == conversations:
            part, rows = rows, []

            def write(tx: Tx, part: list[dict[str, Any]] = part) -> None:
                tx.conn.execute(insert(journeys.journeys), part)

            record.do(write)


def asked(record: Record, choice: Choice) -> tuple[int, list[float]]:
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        found = record.ask(journeys.found, SYSTEM, choice, NOW)
        took.append((time.perf_counter() - began) * 1000)
    return found.cases, sorted(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--conversations", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{Path(folder) / 'parley.db'}")
        migrate(database)
        record = Record(database, [])
        fill(record, options.conversations)
        found = {name: asked(record, choice) for name, choice in ASKED.items()}
        record.close()
    p95 = {name: took[int(0.95 * len(took))] for name, (_, took) in found.items()}
    if not options.json:
        rows = [(name, n, f"{took[len(took) // 2]:.0f} ms", f"{p95[name]:.0f} ms") for name, (n, took) in found.items()]
        print(table(("asked", "looked at", "median", "p95"), rows))
    told = {"conversations": options.conversations, "p95_ms": {name: round(ms, 1) for name, ms in p95.items()}}
    print(json.dumps({**told, "score": round(max(p95.values()), 1)}))


if __name__ == "__main__":
    main()
