"""Kills the server again and again while mail and chat pour in, then counts. `bin/kill-test` is this."""

import argparse
import asyncio
import dataclasses
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import func, select

from durability.ledger import Ledger
from durability.senders import ChatSender, MailSender, Stop
from durability.server import POINTS
from durability.verdict import Verdict, judge
from harness.ports import free_port
from harness.smtp_sink import Sink, smtp_sink
from parley.log import record as log
from parley.log.engines import open_database
from parley.log.readers import LAG
from parley.log.tables import deliveries, places
from parley.services.delivery import outbox

ROOT = Path(__file__).parents[2]
START_LIMIT = 60.0  # seconds a start may take on a busy machine before the test gives up
STANDSTILL = 120.0  # seconds without any progress after which the rest is judged as it is
AT_RANDOM, WHILE_STARTING, SPARED = "at random", "while starting", "not any more"


@dataclasses.dataclass
class Plan:
    kills: int
    engine: str = "sqlite"
    mail_senders: int = 8
    chat_senders: int = 50
    mail_pause: float = 0.1  # mean seconds between two mails of one sender
    chat_pause: float = 2.0
    seed: int = 1
    longest_life: float = 2.5  # seconds that a server lives at most before a random kill
    deepest: int = 30  # at most so many times a named point is passed before the kill
    quiet: bool = False


class Server:
    """The server process, started again after every kill."""

    def __init__(self, folder: Path, url: str, sink_port: int) -> None:
        self.folder, self.url, self.sink_port = folder, url, sink_port
        self.web_port, self.mail_port = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.log = (folder / "server.log").open("ab")

    def start(self, kill_at: str = "") -> None:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")]),
            "PARLEY_DATA": str(self.folder / "data"),
            "PARLEY_DATABASE_URL": self.url,
            "PARLEY_PORT": str(self.web_port),
            "PARLEY_LOG_LEVEL": "warning",
            "PARLEY_TEST_KILL_AT": kill_at or ":0",
        }
        self.process = subprocess.Popen(
            self.command(), env=environment, stdout=self.log, stderr=self.log, start_new_session=True
        )

    def command(self) -> list[str]:
        return [sys.executable, "-m", "durability.server", str(self.mail_port), str(self.sink_port)]

    async def in_service(self) -> bool:
        """Wait until mail and chat are both answered; False when the process ended before."""
        until = time.monotonic() + START_LIMIT
        while time.monotonic() < until:
            if not self.alive:
                return False
            if await _greets(self.mail_port, b"220") and await _greets(self.web_port, b"HTTP/1.1 200"):
                return True
            await asyncio.sleep(0.02)
        raise TimeoutError(f"The server was not back after {START_LIMIT:.0f} s; see {self.log.name}.")

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """The whole group, so that a second process of the server dies with it."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    async def died(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self.alive and time.monotonic() < until:
            await asyncio.sleep(0.005)
        return not self.alive


async def _greets(port: int, expected: bytes) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if expected.startswith(b"HTTP"):
            writer.write(b"GET /widget.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        line = await asyncio.wait_for(reader.readline(), 10)
        writer.close()
    except (OSError, TimeoutError):
        return False
    return line.startswith(expected)


class Campaign:
    """The senders run all the time; the server lives and dies beside them."""

    def __init__(self, plan: Plan, folder: Path, url: str, sink: Sink) -> None:
        self.plan, self.folder, self.url, self.sink = plan, folder, url, sink
        self.chance = random.Random(plan.seed)
        self.server = Server(folder, url, sink.port)
        self.ledger = Ledger(folder / "ledger.jsonl")
        self.kills: Counter[str] = Counter()
        self.returns: list[float] = []

    async def run(self) -> None:
        self.server.start()
        await self.server.in_service()
        stop = Stop()
        plan, port = self.plan, self.server
        senders = [
            MailSender(self.ledger, port.mail_port, n, plan.seed, stop, plan.mail_pause)
            for n in range(plan.mail_senders)
        ] + [
            ChatSender(self.ledger, port.web_port, n, plan.seed, stop, plan.chat_pause)
            for n in range(plan.chat_senders)
        ]
        sending = [asyncio.create_task(sender.run()) for sender in senders]
        while self.kills.total() < plan.kills:
            await self._one_death()
            for task in sending:
                if task.done():
                    task.result()
        await asyncio.sleep(plan.longest_life)
        stop.wanted = True
        await asyncio.wait_for(asyncio.gather(*sending), 300)
        await self._rest()
        self.server.kill()
        self.ledger.close()

    async def _one_death(self) -> None:
        """Let the server live a while, kill it, start it again with the next fate, wait until it serves."""
        await self._meet_fate()
        died = time.monotonic()
        self.fate = self._next_fate() if self.kills.total() < self.plan.kills else SPARED
        self.server.start(self.fate if ":" in self.fate else "")
        if self.fate == WHILE_STARTING:
            await asyncio.sleep(self.chance.uniform(0, 1.5))
            self._count(WHILE_STARTING)
            self.server.kill()
            self.fate = AT_RANDOM
            self.server.start()
        if await self.server.in_service():
            self.returns.append(time.monotonic() - died)
        self._say()

    fate = AT_RANDOM

    async def _meet_fate(self) -> None:
        if self.fate == AT_RANDOM:
            await self.server.died(self.chance.uniform(0.0, self.plan.longest_life))
            self._count(AT_RANDOM)
        elif await self.server.died(15):
            self._count(self.fate.partition(":")[0])
        else:
            self._count(AT_RANDOM)
        self.server.kill()

    def _next_fate(self) -> str:
        draw = self.chance.random()
        if draw < 0.3:
            return AT_RANDOM
        if draw < 0.4:
            return WHILE_STARTING
        return f"{self.chance.choice(POINTS)}:{self.chance.randint(1, self.plan.deepest)}"

    def _count(self, how: str) -> None:
        self.kills[how] += 1

    def _say(self) -> None:
        if not self.plan.quiet:
            done = self.kills.total()
            print(f"\r{done}/{self.plan.kills} kills, {len(self.ledger.acked())} acknowledged", end="", file=sys.stderr)

    async def _rest(self) -> None:
        """Until everything taken is filed, answered and sent. A lease of a killed process runs out after 90 s."""
        if not self.server.alive:
            self.server.start()
            await self.server.in_service()
        before: tuple[int, ...] = (-1,)
        moved = time.monotonic()
        while time.monotonic() - moved < STANDSTILL:
            await asyncio.sleep(0.7)
            now = await asyncio.to_thread(self._to_do)
            if now == before and now[1:] == (0, 0, 0):
                return
            if now != before:
                before, moved = now, time.monotonic()

    def _to_do(self) -> tuple[int, ...]:
        """(head of the log, unread, unsent, events that the answerer has not seen, but for those it may leave)"""
        database = open_database(self.url)
        with database.reader.connect() as conn:
            head = log.head(conn)
            unread = conn.execute(select(func.count()).where(deliveries.c.state == "new")).scalar() or 0
            unsent = conn.execute(select(func.count()).where(outbox.c.state == "queued")).scalar() or 0
            place = conn.execute(select(places.c.seq).where(places.c.reader == "answerer")).scalar() or 0
        database.close()
        return head, unread, unsent, max(0, head - place - LAG)


@dataclasses.dataclass
class Outcome:
    plan: Plan
    verdict: Verdict
    kills: Counter[str]
    returns: list[float]
    seconds: float
    acked_mail: int
    acked_chat: int
    tries: int


def campaign(plan: Plan, folder: Path, url: str) -> Outcome:
    """Run it all and judge."""
    began = time.monotonic()
    with smtp_sink() as sink:
        run = Campaign(plan, folder, url, sink)
        try:
            asyncio.run(run.run())
        finally:
            run.server.kill()
        verdict = judge(url, folder / "data", run.ledger, list(sink.mails))
    tries = sum(entry.tries for entry in run.ledger.entries.values())
    acked = run.ledger.acked
    return Outcome(
        plan, verdict, run.kills, run.returns, time.monotonic() - began, len(acked("mail")), len(acked("chat")), tries
    )


@contextmanager
def database_for(engine: str, folder: Path) -> Iterator[str]:
    """A fresh database of that engine, gone afterwards."""
    if engine == "sqlite":
        yield f"sqlite:///{folder / 'data' / 'parley.db'}"
        return
    import psycopg

    admin = os.environ.get("PARLEY_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
    name = f"parley_kill_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")
    try:
        yield f"{admin.rpartition('/')[0]}/{name}"
    finally:
        with psycopg.connect(admin, autocommit=True) as conn:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


# ── telling ─────────────────────────────────────────────────────────────────────────────────


def told(outcome: Outcome) -> str:
    v, back = outcome.verdict, sorted(outcome.returns) or [0.0]
    kills = outcome.kills.total()
    window = outcome.kills["between peer accepted and commit"]
    lines = [
        f"kill -9 on {outcome.plan.engine}, seed {outcome.plan.seed}, {outcome.seconds:.0f} s",
        *(f"  {count:5}  killed {how}" for how, count in sorted(outcome.kills.items())),
        f"  {outcome.acked_mail:5}  mails acknowledged (250), {outcome.acked_chat} chat turns acknowledged (echoed)",
        f"  {outcome.tries:5}  tries; {v.unacked} never acknowledged",
        f"  {v.lost:5}  lost",
        f"  {v.duplicated:5}  duplicated",
        f"  {v.torn:5}  torn (words, file or raw bytes differ)",
        f"  {v.disordered:5}  chats out of order; {v.quarantined} unreadable",
        f"  {v.unanswered:5}  not answered by the follower; {v.answered_twice} answered twice",
        f"  {v.undelivered:5}  answers not delivered",
        f"  {v.copies:5}  extra copies at the peer ({window} kills in the send window, {kills} in all); at most"
        f" {v.most_copies} of one answer; {v.foreign_copies} under another Message-ID",
        f"  integrity: {v.integrity}",
        f"  back in service: median {statistics.median(back):.1f} s, longest {back[-1]:.1f} s",
        f"  upper 95 % bound on the chance of harm per kill: {3 / kills:.2%}" if v.sound and kills else "  NOT SOUND",
    ]
    lines += [f"  {what}: {', '.join(names)}" for what, names in v.examples.items()]
    return "\n".join(lines)


def as_json(outcome: Outcome) -> str:
    v = outcome.verdict
    facts = {one.name: getattr(v, one.name) for one in dataclasses.fields(v) if one.name != "examples"}
    back = sorted(outcome.returns) or [0.0]
    return json.dumps(
        {
            "test": "kill",
            "engine": outcome.plan.engine,
            "score": v.score,
            "sound": v.sound,
            "kills": outcome.kills.total(),
            "killed": dict(outcome.kills),
            **facts,
            "acked_mail": outcome.acked_mail,
            "acked_chat": outcome.acked_chat,
            "back_in_service_median_s": round(statistics.median(back), 2),
            "back_in_service_longest_s": round(back[-1], 2),
            "seconds": round(outcome.seconds),
        }
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/kill-test", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave everything there")
    given = parser.parse_args()
    plan = Plan(kills=given.kills, engine=given.engine, seed=given.seed)
    with tempfile.TemporaryDirectory(prefix="parley-kill-") as made:
        folder = given.keep or Path(made)
        (folder / "data").mkdir(parents=True, exist_ok=True)
        with database_for(plan.engine, folder) as url:
            outcome = campaign(plan, folder, url)
    print("\n" + told(outcome))
    if given.json:
        print(as_json(outcome))
    return 0 if outcome.verdict.sound else 1


if __name__ == "__main__":
    sys.exit(main())
