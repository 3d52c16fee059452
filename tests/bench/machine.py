"""What the machine itself can do: the limits that our figures stand beside."""

import email
import os
import sqlite3
import time
from datetime import UTC, datetime
from email import policy
from pathlib import Path

from harness.mails import Written
from parley.channels.email import channel
from parley.channels.email.settings import EmailSettings
from parley.core.channel import Delivery, Inbox

GROUP = 64


def fsync_latency(folder: Path, times: int = 200) -> tuple[float, float]:
    """Milliseconds of a 4 kB write with fdatasync: (median, 95th percentile)."""
    taken = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(times):
            file.write(os.urandom(4096))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    return percentiles(taken)


def group_commit(folder: Path, mails: list[Written]) -> float:
    """Mails a second into a bare SQLite table, synced to disk once for every 64."""
    conn = sqlite3.connect(folder / "bare.db", isolation_level=None)
    conn.execute("PRAGMA journal_mode=WAL")
    conn.execute("PRAGMA synchronous=FULL")
    conn.execute("CREATE TABLE mails (name TEXT PRIMARY KEY, raw BLOB)")
    began = time.perf_counter()
    for start in range(0, len(mails), GROUP):
        conn.execute("BEGIN")
        rows = [(m.message_id, m.raw) for m in mails[start : start + GROUP]]
        conn.executemany("INSERT INTO mails VALUES (?, ?)", rows)
        conn.execute("COMMIT")
    taken = time.perf_counter() - began
    conn.close()
    return len(mails) / taken


def bare_parse(mails: list[Written]) -> float:
    """CPU milliseconds a mail for the standard library to parse and decode every part (compat32)."""
    began = time.process_time()
    for mail in mails:
        parsed = email.message_from_bytes(mail.raw, policy=policy.compat32)
        for part in parsed.walk():
            if not part.is_multipart():
                part.get_payload(decode=True)
    return (time.process_time() - began) / len(mails) * 1000


def our_reading(mails: list[Written]) -> float:
    """CPU milliseconds a mail for ours: parsed, decoded, folded, HTML cleaned."""
    inbox = Inbox(id=1, brand=1, channel="email", name="", address="help@larkspur.test", settings=EmailSettings())
    now = datetime.now(UTC)
    began = time.process_time()
    for number, mail in enumerate(mails):
        channel.read(Delivery(id=number, inbox=1, provider_id="x", received_at=now, raw=mail.raw), inbox)
    return (time.process_time() - began) / len(mails) * 1000


def percentiles(values: list[float]) -> tuple[float, float]:
    """(median, 95th percentile)"""
    ordered = sorted(values)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


def described() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return f"{os.cpu_count()} × {model}, {memory} GB, load {os.getloadavg()[0]:.1f}"
