"""Compares the ledger with what the desk has: the log, the words, the raw bytes, the files, the outbox, the sink."""

import email
import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, select, text

from durability.ledger import Entry, Ledger, digest_of
from harness.smtp_sink import Mail
from parley.core import events as e
from parley.log import record as log
from parley.log.engines import open_database
from parley.log.tables import deliveries, raws, words
from parley.services.delivery import outbox
from parley.services.files import Store

SHOWN = 5


@dataclass
class Verdict:
    """Counts, and for each kind of damage a few names to look at."""

    acked: int = 0
    unacked: int = 0
    stored: int = 0
    lost: int = 0
    duplicated: int = 0
    torn: int = 0
    disordered: int = 0
    quarantined: int = 0
    unanswered: int = 0
    answered_twice: int = 0
    undelivered: int = 0
    copies: int = 0
    most_copies: int = 0
    foreign_copies: int = 0
    integrity: str = "ok"
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def sound(self) -> bool:
        damage = self.lost + self.duplicated + self.torn + self.disordered + self.quarantined
        answers = self.unanswered + self.answered_twice + self.undelivered + self.foreign_copies
        return damage == answers == 0 and self.integrity == "ok"

    @property
    def score(self) -> float:
        """Share of the acknowledged that is there exactly once and whole."""
        bad = self.lost + self.duplicated + self.torn
        return round(max(0.0, 1 - bad / self.acked), 6) if self.acked else 0.0

    def blame(self, what: str, name: str) -> None:
        setattr(self, what, getattr(self, what) + 1)
        if len(self.examples[what]) < SHOWN:
            self.examples[what].append(name)


def judge(url: str, folder: Path, ledger: Ledger, sent: list[Mail]) -> Verdict:
    """The desk must be at rest."""
    verdict = Verdict(acked=len(ledger.acked()), unacked=len(ledger.entries) - len(ledger.acked()))
    database = open_database(url)
    with database.reader.connect() as conn:
        events = [r for seq in range(0, log.head(conn), 5000) for r in log.read(conn, seq, 5000, upto=seq + 5000)]
        received = [(r, r.event) for r in events if isinstance(r.event, e.MessageReceived)]
        verdict.stored = len(received)
        verdict.quarantined = sum(isinstance(r.event, e.Quarantined) for r in events)
        _received(verdict, conn, Store(folder / "files"), ledger, received)
        _order(verdict, ledger, received)
        written = [r.event for r in events if isinstance(r.event, e.ReplyWritten)]
        _answers(verdict, conn, received, written)
        _copies(verdict, conn, sent, written)
        if database.name == "sqlite":
            verdict.integrity = str(conn.execute(text("PRAGMA integrity_check")).scalar())
        still_here = select(outbox.c.external_id).where(outbox.c.state == "queued")
        for name in set(conn.execute(still_here).scalars()) - {_name(mail) for mail in sent}:
            verdict.blame("undelivered", name)
    database.close()
    return verdict


Received = list[tuple[e.Recorded, e.MessageReceived]]


def _received(verdict: Verdict, conn: Connection, store: Store, ledger: Ledger, received: Received) -> None:
    found: dict[str, list[e.MessageReceived]] = defaultdict(list)
    for _, event in received:
        found[event.external_id or ""].append(event)
    for name, entry in ledger.entries.items():
        events = found.get(name, [])
        if entry.acked and not events:
            verdict.blame("lost", name)
        if len(events) > 1:
            verdict.blame("duplicated", name)
        if events and not _whole(conn, store, entry, events[0]):
            verdict.blame("torn", name)
    for name in set(found) - set(ledger.entries):
        verdict.blame("torn", f"never sent: {name}")


def _whole(conn: Connection, store: Store, entry: Entry, event: e.MessageReceived) -> bool:
    said = conn.execute(select(words.c.text).where(words.c.message == event.message)).scalar()
    if said is None or digest_of(said) != entry.text:
        return False
    if [file.sha256 for file in event.files] != ([entry.file] if entry.file else []):
        return False
    if any(hashlib.sha256(store.get(file.sha256)).hexdigest() != file.sha256 for file in event.files):
        return False
    return entry.raw is None or _raw_digest(conn, event.delivery) == entry.raw


def _raw_digest(conn: Connection, delivery: int | None) -> str:
    """The hash of the bytes behind our own trace lines: Return-Path, Delivered-To, Received."""
    question = select(raws.c.raw).join(deliveries, deliveries.c.id == raws.c.delivery)
    raw: bytes = conn.execute(question.where(deliveries.c.id == delivery)).scalar() or b""
    start = raw.find(b"\r\nFrom: ") + 2
    return hashlib.sha256(raw[start:].removesuffix(b"\r\n")).hexdigest() if start > 1 else ""


def _order(verdict: Verdict, ledger: Ledger, received: Received) -> None:
    """A visitor's turns stand in the order in which they were said."""
    said: dict[str, list[str]] = defaultdict(list)
    for name, entry in ledger.entries.items():
        if entry.kind == "chat":
            said[name.partition(":")[0]].append(name)
    stored: dict[str, list[str]] = defaultdict(list)
    for _, event in received:
        if event.channel == "webchat" and event.external_id:
            stored[event.external_id.partition(":")[0]].append(event.external_id)
    for visitor, names in stored.items():
        wanted = [name for name in said[visitor] if name in set(names)]
        if list(dict.fromkeys(names)) != wanted:
            verdict.blame("disordered", visitor)


def _answers(verdict: Verdict, conn: Connection, received: Received, written: list[e.ReplyWritten]) -> None:
    """The follower answered each message once, and the answers left."""
    said = {row.message: row.text for row in conn.execute(select(words.c.message, words.c.text))}
    answers = Counter(said[event.message].removeprefix("Answer to ") for event in written)
    for _, event in received:
        count = answers[event.external_id or ""]
        if count == 0:
            verdict.blame("unanswered", event.external_id or "")
        elif count > 1:
            verdict.blame("answered_twice", event.external_id or "")


def _copies(verdict: Verdict, conn: Connection, sent: list[Mail], written: list[e.ReplyWritten]) -> None:
    """At the sink: each mailed answer at least once; copies of one answer carry one Message-ID."""
    by_id, by_text = Counter[str](), defaultdict[str, set[str]](set)
    for mail in sent:
        by_id[_name(mail)] += 1
        by_text[_answered(email.message_from_bytes(mail.raw))].add(_name(mail))
    noted = set(conn.execute(select(outbox.c.external_id).where(outbox.c.state != "queued")).scalars())
    for event in written:  # said to be sent, and never came
        if event.channel == "email" and event.external_id in noted and not by_id[event.external_id or ""]:
            verdict.blame("undelivered", event.external_id or "")
    verdict.copies = sum(count - 1 for count in by_id.values())
    verdict.most_copies = max(by_id.values(), default=0)
    for answered, names in by_text.items():
        if len(names) > 1:
            verdict.blame("foreign_copies", answered)


def _name(mail: Mail) -> str:
    return str(email.message_from_bytes(mail.raw)["Message-ID"]).strip()


def _answered(mail: email.message.Message) -> str:
    """Which message an answer at the sink speaks of."""
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            data = part.get_payload(decode=True)
            found = data.decode("utf-8", "replace") if isinstance(data, bytes) else ""
            return found.partition("Answer to ")[2].split()[0] if "Answer to " in found else found
    return ""
