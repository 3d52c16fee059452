"""Mails a second, from bytes on an SMTP connection to a row in the inbox, durably."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from bench.fill import furnish
from bench.serving import desk_at, served
from harness.mails import Written, mails
from harness.ports import free_port
from parley.config import Config
from parley.log.engines import open_database
from parley.log.tables import deliveries
from parley.services.inbox import conversations

SENDERS = 16
WARM = 200


@dataclass
class Intake:
    """acknowledged: mails a second until the last 250; filed: until the last one is in the inbox."""

    acknowledged: float
    filed: float
    cpu_ms: float
    threaded: str


def measure(folder: Path, url: str, count: int) -> Intake:
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = Config(data=folder, database_url=url, secret="a secret for the bench")
    with desk_at(config) as desk:
        furnish(desk, port)
    database = open_database(config.database)
    batch = mails(count, seed=2)
    with served(config) as server:
        asyncio.run(_send_all(port, mails(WARM, seed=3)))
        _await_filed(database, WARM)
        with database.reader.connect() as conn:
            had = conn.execute(select(func.count()).select_from(conversations)).scalar() or 0
        cpu, began = server.cpu(), time.perf_counter()
        asyncio.run(_send_all(port, batch))
        acknowledged = time.perf_counter() - began
        _await_filed(database, WARM + count)
        filed = time.perf_counter() - began
        cpu = server.cpu() - cpu
        with database.reader.connect() as conn:
            have = conn.execute(select(func.count()).select_from(conversations)).scalar() or 0
    database.close()
    answers = sum(mail.answers is not None for mail in batch)
    threaded = f"{count - (have - had)}/{answers}"
    return Intake(count / acknowledged, count / filed, cpu / count * 1000, threaded)


def _await_filed(database, count: int) -> None:  # type: ignore[no-untyped-def]
    done = select(func.count()).select_from(deliveries).where(deliveries.c.state != "new")
    while True:
        with database.reader.connect() as conn:
            if (conn.execute(done).scalar() or 0) >= count:
                return
        time.sleep(0.02)


async def _send_all(port: int, batch: list[Written]) -> None:
    """First what begins, then what answers it: an answer cannot come before the mail that it answers."""
    for part in ([m for m in batch if not m.answers], [m for m in batch if m.answers]):
        waiting = iter(part)
        await asyncio.gather(*(_send(port, waiting) for _ in range(SENDERS)))


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The first page may be there a moment before the inboxes listen."""
    until = time.monotonic() + 10
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.05)


async def _send(port: int, waiting) -> None:  # type: ignore[no-untyped-def]
    reader, writer = await _connected(port)

    async def hear() -> bytes:
        while (line := await reader.readuntil(b"\r\n"))[3:4] == b"-":
            pass
        return line

    await hear()
    writer.write(b"EHLO sender.test\r\n")
    await hear()
    for mail in waiting:
        writer.write(b"MAIL FROM:<bounce@customer.test>\r\nRCPT TO:<help@larkspur.test>\r\nDATA\r\n")
        for _ in range(3):
            await hear()
        writer.write(mail.raw.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
        answer = await hear()
        if not answer.startswith(b"250"):
            raise RuntimeError(f"not taken: {answer.decode()}")
    writer.close()
