"""How well is what comes in sorted: how pressing, in which language, twice the same; and how fast?

On samples that we wrote ourselves (benchmarks/triage/*.jsonl). `development` ones were looked at while the wordings
were written, `held out` ones were written and left alone; the score is of the held-out ones. --json prints one line.
The time is of one whole message: its words and what is asked of the database, on a desk with --conversations of them;
`processor` is what of it this process itself worked, which a busy machine does not change.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from parley.ai import noticing
from parley.ai.likened import Likened
from parley.core import events as e
from parley.core import triage as rules
from parley.core.language import told
from parley.core.stats import wilson
from parley.services import duplicates, sorting

SAMPLES = Path(__file__).parent / "triage"
PARTS = ("development", "held out")


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLES / f"{name}.jsonl").read_text("utf-8").splitlines()]


# ── what is told ────────────────────────────────────────────────────────────────────────────


def priority(text: str) -> str:
    """By words alone, under the usual rules: no orders, no promises, no corrections."""
    signs = [e.Noticed(signal=one.signal, value=one.value) for one in noticing.notice(text)]
    spam, _ = noticing.spam(text)
    if spam >= sorting.KEPT_FROM:
        signs.append(e.Noticed(signal="spam", value=f"{spam:.2f}"))
    return rules.decide(signs, rules.Policy()).priority


def same(first: str, second: str, by_meaning: bool) -> bool:
    """As for two conversations of one person on the same brand."""
    likened = Likened([(first, "first")], by_meaning)
    best = likened.best(second)
    enough = duplicates.ALIKE if likened.by_meaning else duplicates.ALIKE_BY_WORDS
    return best is not None and best.alike >= enough


def shares(samples: Sequence[dict[str, Any]], right: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in PARTS:
        mine = [right(one) for one in samples if one["part"] == part]
        if mine:
            between = wilson(sum(mine), len(mine))
            found[part] = {"n": len(mine), "right": round(sum(mine) / len(mine), 4),
                           "low": round(between.low or 0, 4), "high": round(between.high or 0, 4)}  # fmt: skip
    return found


def confusions(samples: Sequence[dict[str, Any]]) -> dict[str, int]:
    said = Counter((one["priority"], priority(one["text"])) for one in samples if one["part"] == PARTS[1])
    return {f"{was} as {now}": n for (was, now), n in sorted(said.items()) if was != now}


def duplicate_figures(samples: Sequence[dict[str, Any]], by_meaning: bool) -> dict[str, Any]:
    found = shares(samples, lambda one: same(one["first"], one["second"], by_meaning) == one["same"])
    for part in PARTS:
        mine = [one for one in samples if one["part"] == part]
        said = [one for one in mine if same(one["first"], one["second"], by_meaning)]
        really = [one for one in mine if one["same"]]
        hits = sum(one["same"] for one in said)
        if part in found:
            found[part] |= {"precision": round(hits / max(1, len(said)), 4), "recall": round(hits / len(really), 4)}
    return found


# ── how fast ────────────────────────────────────────────────────────────────────────────────


def times(conversations: int, by_meaning: bool, asked: int = 300) -> dict[str, Any]:
    """Milliseconds from a message to its verdict on a desk that has so many conversations."""
    from parley.app import Desk
    from parley.channels import installed
    from parley.config import Config

    texts = [one["text"] for one in read("priorities")]
    with tempfile.TemporaryDirectory() as folder:
        config = Config(data=Path(folder), database_url="", secret="measured", ai="meaning" if by_meaning else "words")
        desk = Desk(config, channels=dict(installed()))
        try:
            return _timed(desk, texts, conversations, asked, by_meaning)
        finally:
            desk.record.close()


def _timed(desk: Any, texts: Sequence[str], conversations: int, asked: int, by_meaning: bool) -> dict[str, Any]:
    from parley.log.record import Tx
    from parley.services import setup
    from parley.services.inbox import history

    def open_one(tx: Tx, brand: int, n: int) -> int:
        number, message = tx.new_id("conversation"), tx.new_id("message")
        text = f"{texts[n % len(texts)]} ({n})"
        said = e.MessageReceived(message=message, person=n, identity=n, inbox=1, channel="console", preview=text[:100])
        opened = e.ConversationOpened(person=n, inbox=1, brand=brand, channel="console")
        tx.append(e.conversation(number), [opened, said], "benchmark", new=True)
        tx.say(message, e.Words(text=text))
        return int(number)

    brand = desk.record.do(lambda tx: setup.add_brand(tx, "Measured"))
    follower = sorting.SortingFollower(by_meaning)
    for start in range(0, conversations, 500):
        desk.record.do(lambda tx, start=start: [open_one(tx, brand, n) for n in range(start, start + 500)])
    taken = []
    for n in range(conversations, conversations + asked + 20):
        number = desk.record.do(lambda tx, n=n: open_one(tx, brand, n))
        with desk.record.reading() as conn:
            batch = [r for r in history(conn, number) if isinstance(r.event, e.MessageReceived)]
        began, worked = time.perf_counter(), time.process_time()
        prepared = follower.prepare(desk.record, batch)
        read_by = time.perf_counter()
        desk.record.do(lambda tx, batch=batch, prepared=prepared: follower.act(tx, batch, prepared))
        taken.append((read_by - began, time.perf_counter() - began, time.process_time() - worked))
    taken = taken[20:]  # the models are loaded on first use
    reading, whole, work = (sorted(1000 * one[at] for one in taken) for at in range(3))
    return {
        "conversations": conversations,
        "read_p50_ms": round(statistics.median(reading), 2),
        "read_p95_ms": round(reading[int(len(reading) * 0.95)], 2),
        "decided_p50_ms": round(statistics.median(whole), 2),
        "decided_p95_ms": round(whole[int(len(whole) * 0.95)], 2),
        "processor_p50_ms": round(statistics.median(work), 2),
        "processor_p95_ms": round(work[int(len(work) * 0.95)], 2),
    }


# ── telling ─────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--words", action="store_true", help="without the sentence encoder")
    parser.add_argument("--conversations", type=int, nargs="*", default=[1000], help="sizes of desks to measure on")
    args = parser.parse_args()
    priorities, languages, pairs = read("priorities"), read("languages"), read("duplicates")
    found: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "priority": shares(priorities, lambda one: priority(one["text"]) == one["priority"]),
        "always_normal": shares(priorities, lambda one: one["priority"] == "normal"),
        "priority_confused": confusions(priorities),
        "language": shares(languages, lambda one: told(one["text"]) == one["language"]),
        "duplicate": duplicate_figures(pairs, not args.words),
        "time": [times(size, not args.words) for size in args.conversations],
    }
    held = [found[name][PARTS[1]]["right"] for name in ("priority", "language", "duplicate")]
    found["score"] = round(sum(held) / len(held), 4)
    print(json.dumps(found, indent=None if args.json else 2, ensure_ascii=False))


if __name__ == "__main__":
    main()
