"""Takes in mails that were damaged on purpose, by the door live mail comes through, and counts what became of them.

A mail is damaged where it hurts: bytes of its structure, its lines, whole parts and headers moved, doubled, nested or
cut, and things put in that parsers choke on. Every mail must end up in a conversation or in quarantine, with its bytes
kept; none may take more than two seconds or 256 MB; nobody who reads may die.
"""

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from harness.desk import StoryDesk
from harness.mails import mails
from parley.channels.email import channel
from parley.core.channel import Delivery
from parley.log.tables import deliveries, raws
from parley.services.reading import Unread, read_one

SAMPLES = Path(__file__).parents[2] / "src/parley/channels/email/samples"
AT_ONCE = 500
SECONDS, MEGABYTES = 2.0, 256
TOKENS = (
    b"\r\n", b"\n", b"\r", b"\n\n", b"=?utf-8?B?", b"?=", b"(" * 50, b'"', b"<", b">", b"--", b"\0", b"\xff\xfe", b";",
    b"Content-Type: multipart/mixed; boundary=x\r\n", b"Content-Type: message/rfc822\r\n", b"boundary=", b"--x--\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: x-uuencode\r\n", b"charset=utf-7", b"=3D=",
    b"charset=x-unknown", b"Subject: ", b"From: ", b"Message-ID: ", b"References: " + b"<a@b> " * 200, b"<table>" * 300,
    b"begin 644 a\r\n", b"Date: Thu, 99 Foo 99999 99:99:99 +9999\r\n", b"name*0*=utf-8''%f0%9f", b"&#0;&#x110000;",
)  # fmt: skip


@dataclass
class Told:
    """seconds, megabytes: the most that one mail took."""

    mails: int = 0
    filed: int = 0
    quarantined: int = 0
    lost: int = 0
    unkept: int = 0
    died: int = 0
    seconds: float = 0.0
    megabytes: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def score(self) -> float:
        """Share of the mails that are somewhere, with their bytes; 0 if somebody died or a limit was passed."""
        within = not self.died and self.seconds <= SECONDS and self.megabytes <= MEGABYTES
        return (self.mails - self.lost - self.unkept) / max(self.mails, 1) if within else 0.0


def damaged(raw: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """The mail with one to eight damages."""
    for _ in range(chance.randint(1, 8)):
        raw = chance.choice((_bytes, _cut, _token, _lines, _graft, _nest, _double))(raw, chance, others) or b"x"
    return raw[: 2 * 1024 * 1024]


def _bytes(raw: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    made = bytearray(raw)
    for _ in range(chance.randint(1, 20)):
        made[chance.randrange(len(made))] = chance.randrange(256)
    return bytes(made)


def _cut(raw: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    start = chance.randrange(len(raw))
    return raw[:start] + raw[start + chance.randrange(1, 400) :]


def _token(raw: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    at = chance.randrange(len(raw) + 1)
    return raw[:at] + chance.choice(TOKENS) * chance.choice((1, 1, 1, 3, 40)) + raw[at:]


def _lines(raw: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    lines = raw.splitlines(keepends=True)
    if len(lines) > 1:
        a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def _graft(raw: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """A piece of another mail."""
    other = chance.choice(others)
    start, at = chance.randrange(len(other)), chance.randrange(len(raw) + 1)
    return raw[:at] + other[start : start + chance.randrange(1, 2000)] + raw[at:]


def _nest(raw: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    head = b"From: a@b.test\r\nContent-Type: message/rfc822\r\n\r\n"
    return head * chance.choice((1, 3, 60)) + raw


def _double(raw: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    start = chance.randrange(len(raw))
    piece = raw[start : start + chance.randrange(1, 300)]
    return raw[:start] + piece * chance.choice((2, 10, 200)) + raw[start:]


def corpus(folder: Path | None) -> list[bytes]:
    found = [file.read_bytes() for file in sorted((folder or SAMPLES).rglob("*.eml"))]
    return [raw for raw in found if raw] + [mail.raw for mail in mails(200, seed=5)]


def run(count: int, seed: int, folder: Path | None, story: StoryDesk) -> Told:
    chance, others, told = random.Random(seed), corpus(folder), Told(mails=count)
    inbox = story.desk.inboxes()[story.mail_inbox]
    sent: dict[str, bytes] = {}
    for start in range(0, count, AT_ONCE):
        batch = [damaged(chance.choice(others), chance, others) for _ in range(min(AT_ONCE, count - start))]
        futures = []
        for number, raw in enumerate(batch, start):
            _watch(told, Unread(delivery=_delivery(number, story, raw), inbox=inbox))
            sent[f"fuzz {number}"] = _digest(raw)
            futures.append(story.desk.intake.take(story.mail_inbox, f"fuzz {number}", raw))
        for future in futures:
            future.result(60)
        story.desk.intake.drain()
        if sys.stderr.isatty():
            print(f"\r{start + len(batch)} of {count} mails", end="", file=sys.stderr)
    _count(told, story, sent)
    return told


def _delivery(number: int, story: StoryDesk, raw: bytes) -> Delivery:
    return Delivery(
        id=number + 1, inbox=story.mail_inbox, provider_id=f"fuzz {number}", received_at=story.clock(), raw=raw
    )


def _watch(told: Told, one: Unread) -> None:
    """What this one costs, read alone in this process."""
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    heard = read_one(one, {"email": channel})
    told.seconds = max(told.seconds, time.perf_counter() - began)
    told.megabytes = max(told.megabytes, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
    if heard.trouble:
        told.reasons[heard.trouble.partition(" (")[0][:70]] += 1


def _count(told: Told, story: StoryDesk, sent: dict[str, bytes]) -> None:
    with story.record.reading() as conn:
        rows = conn.execute(
            select(deliveries.c.provider_id, deliveries.c.state, deliveries.c.raw_file, deliveries.c.note, raws.c.raw)
            .outerjoin(raws, raws.c.delivery == deliveries.c.id)
            .where(deliveries.c.provider_id.like("fuzz %"))
        ).all()
        quarantined = conn.execute(
            select(func.count()).where(deliveries.c.state == "quarantined", deliveries.c.provider_id.like("fuzz %"))
        ).scalar_one()
    seen = {row.provider_id: row for row in rows}
    told.lost = sum(seen.get(name) is None or seen[name].state == "new" for name in sent)
    told.unkept = sum(_digest(_kept(row, story)) != sent[name] for name, row in seen.items())
    told.quarantined, told.filed = quarantined, len(seen) - quarantined
    told.died = sum("died" in (row.note or "") or "too long" in (row.note or "") for row in rows)


def _kept(row: Any, story: StoryDesk) -> bytes:
    return bytes(row.raw) if row.raw is not None else story.desk.store.get(row.raw_file)


def _digest(raw: bytes) -> bytes:
    """A hundred thousand mails are remembered by their hashes."""
    return sha256(raw).digest()


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/mail-fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mails", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, help="a folder of .eml files to damage, beside mails made up here")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="parley-fuzz-") as folder, closing(StoryDesk(Path(folder))) as story:
        told = run(given.mails, given.seed, given.corpus, story)
    taken = time.monotonic() - began
    print(f"{told.mails} damaged mails in {taken:.0f} s: {told.filed} filed, {told.quarantined} in quarantine,")
    print(f"{told.lost} lost, {told.unkept} whose bytes are not kept, {told.died} that a reader died of")
    print(f"the costliest took {told.seconds:.2f} s of {SECONDS:.0f}, {told.megabytes:.0f} MB of {MEGABYTES}")
    for reason, times in told.reasons.most_common(8):
        print(f"  {times:7d}  {reason}")
    if given.json:
        facts = {name: value for name, value in vars(told).items() if name != "reasons"}
        print(json.dumps({"test": "mail-fuzz", "score": told.score, **facts, "taken": round(taken, 1)}))
    return 0 if told.score == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
