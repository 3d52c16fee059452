"""Prints tables of how fast Parley is here. `bin/bench --help` tells what can be left out."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import dashboards, intake, live, machine, pages
from bench.fill import LONG, fill, furnish, session, token
from bench.serving import desk_at, served
from durability.kill import database_for
from harness.mails import mails
from parley.config import Config
from parley.log.engines import open_database
from parley.services import setup

PARTS = ("machine", "intake", "start", "live", "bot", "pages", "numbers")
BUDGETS = {  # docs/performance.md says where they come from; True: higher is better
    "intake sqlite mails/s": (1000, True),
    "intake postgresql mails/s": (600, True),
    "inbox p95 ms": (20, False),
    "inbox pages/s": (150, True),
    "conversation p95 ms": (15, False),
    "search, rare word p95 ms": (25, False),
    "search, common word p95 ms": (30, False),
    "live 500 desks p95 ms": (100, False),
    "bot 50 chats p95 ms": (60, False),
    "dashboards p95 ms": (300, False),
    "rebuild events/s": (100_000, True),
    "start s": (2, False),
    "idle MB": (200, False),
}


class Bench:
    """facts: every figure by name, the largest desk's last, so that it is the one that is judged."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        self.given, self.folder, self.lasting = given, folder, given.keep or folder
        self.facts: dict[str, float] = {}

    def run(self) -> None:
        began = time.monotonic()
        print(f"machine: {machine.described()}\n")
        for part in PARTS:
            if part in self.given.only:
                getattr(self, part)()
        print(f"\n{self.score():.0%} of the budgets that were measured are kept; {time.monotonic() - began:.0f} s")

    def note(self, name: str, value: float) -> None:
        self.facts[name] = round(value, 3)

    # parts ──────────────────────────────────────────────────────────────────────────────────

    def machine(self) -> None:
        batch = mails(1000, seed=1)
        p50, p95 = machine.fsync_latency(self.folder)
        commit, parse, ours = (
            machine.group_commit(self.folder, batch),
            machine.bare_parse(batch),
            machine.our_reading(batch),
        )
        size = sum(len(mail.raw) for mail in batch) / len(batch) / 1024
        table("the machine's limits", ("", "figure"), [
            ("4 kB write + fdatasync, p50 / p95", f"{p50:.2f} / {p95:.2f} ms"),
            ("bare SQLite, FULL, 64 mails a commit", f"{commit:.0f} mails/s of {size:.0f} kB"),
            ("stdlib compat32: parse and decode", f"{parse:.2f} CPU ms a mail"),
            ("ours: parse, decode, fold, clean HTML", f"{ours:.2f} CPU ms a mail"),
        ])  # fmt: skip
        for name, value in (("fsync p50 ms", p50), ("bare commit mails/s", commit), ("parse cpu ms", parse)):
            self.note(name, value)

    def intake(self) -> None:
        rows = []
        for engine in ("sqlite", "postgresql"):
            try:
                with database_for(engine, self.folder / engine) as url:
                    one = intake.measure(self.folder / engine / "data", url, self.given.mails)
            except Exception as trouble:
                rows.append((engine, f"not measured: {trouble}".splitlines()[0], "", "", "", ""))
                continue
            self.note(f"intake {engine} mails/s", one.filed)
            commit, parse = self.facts.get("bare commit mails/s", 0), self.facts.get("parse cpu ms", 0)
            rows.append((
                engine, f"{one.filed:.0f}", f"{one.acknowledged:.0f}", f"{one.cpu_ms:.2f}", one.threaded,
                f"{one.filed / commit:.2f} / {one.filed * parse / 1000:.2f}" if commit else "",
            ))  # fmt: skip
        head = ("engine", "to inbox row /s", "acknowledged /s", "CPU ms", "threaded", "of bare commit / bare parse")
        table(f"mail: SMTP bytes to inbox row, {self.given.mails} mails, {intake.SENDERS} senders", head, rows)

    def start(self) -> None:
        config = self._furnished("start")
        ready = []
        for _ in range(3):
            with served(config) as server:
                ready.append(server.ready)
                cpu = server.cpu()
                time.sleep(3)
                memory, processes = server.memory(), len(server.family())
        self.note("start s", min(ready))
        self.note("idle MB", memory)
        table("start", ("", "figure"), [
            ("start to first page, best / worst of 3", f"{min(ready):.2f} / {max(ready):.2f} s"),
            ("processor time until the first page", f"{cpu:.2f} s"),
            ("idle memory", f"{memory:.0f} MB"), ("processes", str(processes)),
        ])  # fmt: skip

    def live(self) -> None:
        config = self._furnished("live")
        with desk_at(config) as desk:
            secret, key = session(desk), token(desk)
        rows = []
        with served(config) as server:
            for count in self.given.desks:
                one = asyncio.run(live.desks(server, secret, key, count))
                self.note(f"live {count} desks p95 ms", one.p95)
                rows.append((str(count), f"{one.p50:.0f}", f"{one.p95:.0f}", str(one.missed)))
        table("customer's message to agents' screens (live stream)", ("desks", "p50 ms", "p95 ms", "missed"), rows)

    def bot(self) -> None:
        config = self._furnished("bot", with_bot=True)
        with served(config) as server:
            asyncio.run(live.wake(server))
            self._await_meaning(config)
            one = asyncio.run(live.bot(server, 50))
        self.note("bot 50 chats p95 ms", one.p95)
        row = (str(one.chats), f"{one.p50:.0f}", f"{one.p95:.0f}", str(one.silent))
        table("question to bot's answer in the browser", ("chats", "p50 ms", "p95 ms", "no answer"), [row])

    def _await_meaning(self, config: Config) -> None:
        """Until the articles were read for their meaning and tried, as on a desk that was there yesterday."""
        began, database = time.monotonic(), open_database(config.database)
        while time.monotonic() - began < 300:
            with database.reader.connect() as conn:
                if setup.setting(conn, "bot_calibration_by_meaning"):
                    break
            time.sleep(0.5)
        database.close()
        self.note("bot reads its articles s", time.monotonic() - began)

    def pages(self) -> None:
        for count in self.given.sizes:
            self._pages_of(count)

    def _pages_of(self, count: int) -> None:
        config = Config(data=self.lasting / f"pages-{count}", secret="a secret for the bench")
        fresh = not config.data.exists()
        config.data.mkdir(parents=True, exist_ok=True)
        with desk_at(config) as desk:
            if fresh:
                furnish(desk)
                one = fill(desk, count, say=lambda text: print(f"  {text}", file=sys.stderr))
                self.note(f"fill {count} conversations/s", one.written_per_second)
                print(
                    f"\n{count} conversations, {one.messages} messages written at {one.written_per_second:.0f}"
                    f" conversations/s; {one.followed_per_second:.0f}/s with search and numbers; {one.seconds:.0f} s"
                )
            secret = session(desk)
        rows = []
        with served(config) as server:
            server.rest()
            for name, address in pages.kinds(count).items():
                page = pages.measure(server, secret, name, address, self.given.times, self.given.seconds)
                self.note(f"{name} p95 ms", page.p95)
                self.note(f"{name} pages/s", page.per_second)
                rows.append((
                    name, f"{page.p50:.1f}", f"{page.p95:.1f}", f"{page.per_second:.0f}", f"{page.cpu_ms:.1f}",
                    f"{page.kilobytes:.0f}",
                ))  # fmt: skip
        head = ("page", "p50 ms", "p95 ms", "/s, 8 clients", "CPU ms", "kB")
        size = sum(f.stat().st_size for f in config.data.glob("parley.db*")) / 2**20
        table(f"pages at {count} conversations (SQLite, {size:.0f} MB)", head, rows)

    def numbers(self) -> None:
        for count in self.given.sizes:
            self._numbers_of(count)

    def _numbers_of(self, count: int) -> None:
        config = Config(data=self.lasting / f"numbers-{count}", secret="a secret for the bench")
        fresh = not config.data.exists()
        config.data.mkdir(parents=True, exist_ok=True)
        with desk_at(config) as desk:
            if fresh:
                furnish(desk)
                end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
                say = lambda text: print(f"  {text}", file=sys.stderr)  # noqa: E731
                fill(desk, count, say=say, end=end, rounds=LONG, without=("search",))
            secret = session(desk)
        with served(config) as server:
            found = [
                pages.measure(server, secret, name, address, max(20, self.given.times // 10), self.given.seconds)
                for name, address in dashboards.kinds().items()
            ]
        rows: list[tuple[str, ...]] = [
            (one.name, f"{one.p50:.0f}", f"{one.p95:.0f}", f"{one.first:.0f}", f"{one.cpu_ms:.0f}") for one in found
        ]
        self.note("dashboards p95 ms", max(one.p95 for one in found))
        for one in found:
            self.note(f"{one.name} p95 ms", one.p95)
            self.note(f"{one.name} first ms", one.first)
        table(f"dashboards at {count} conversations (SQLite)", ("page", "p50 ms", "p95 ms", "first ms", "CPU ms"), rows)
        with desk_at(config) as desk:
            rebuilt = dashboards.rebuilt(desk)
        self.note("rebuild events/s", rebuilt[-1].per_second)
        rows = [(one.reader, str(one.events), f"{one.seconds:.1f}", f"{one.per_second:.0f}") for one in rebuilt]
        table("figures made anew from the log", ("reader", "events read", "s", "events of the log /s"), rows)

    def _furnished(self, name: str, with_bot: bool = False) -> Config:
        config = Config(data=self.folder / name, secret="a secret for the bench")
        config.data.mkdir(parents=True)
        with desk_at(config) as desk:
            furnish(desk, with_bot=with_bot)
        return config

    # telling ────────────────────────────────────────────────────────────────────────────────

    def kept(self) -> dict[str, bool]:
        return {
            name: self.facts[name] >= limit if higher else self.facts[name] <= limit
            for name, (limit, higher) in BUDGETS.items()
            if name in self.facts
        }

    def score(self) -> float:
        kept = self.kept()
        return sum(kept.values()) / len(kept) if kept else 0.0


def table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A table that is also Markdown."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    print(f"\n{title}\n")
    for row in [head, tuple("-" * width for width in widths), *rows]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all when none is named")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=[], help="the same")
    parser.add_argument("--sizes", nargs="+", type=int, default=[100_000, 1_000_000], help="conversations")
    parser.add_argument("--mails", type=int, default=4000)
    parser.add_argument("--desks", nargs="+", type=int, default=[1, 100, 500])
    parser.add_argument("--times", type=int, default=300, help="how often each page is asked for")
    parser.add_argument("--seconds", type=float, default=5.0, help="of eight clients at once")
    parser.add_argument("--keep", type=Path, help="keep the desks in this folder, and use those that are there")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    given = parser.parse_args()
    if strange := set(given.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(strange))}")
    given.only = [*given.parts, *given.only] or list(PARTS)
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as made:
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
        bench = Bench(given, Path(made))
        bench.run()
    if given.json:
        print(json.dumps({"test": "bench", "score": round(bench.score(), 3), "kept": bench.kept(), **bench.facts}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
