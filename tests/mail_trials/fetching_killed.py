"""R9 with kills: `kill -9` at any moment and at named points while a mailbox is fetched, numbered anew, emptied by
others, and away: before the desk begins, and in the midst of fetching."""

import imaplib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from harness.dovecot import Dovecot, dovecot
from harness.ports import free_port
from mail_trials.fetching import mail
from mail_trials.imap_server import PASSWORD, POINTS, USER
from parley.channels.email.mime import parse
from parley.channels.email.words import text_of
from parley.core import events as e
from parley.log import record as log
from parley.log.engines import open_database
from parley.log.tables import deliveries, raws

ROOT = Path(__file__).parents[2]
LIFE = (0.0, 1.5)  # seconds that a server lives at random after it was seen to fetch
START_LIMIT = 60.0
OUTAGE_LIFE = 6.0
QUIET_SECONDS = 90.0


def trial(mails: int, kills: int, seed: int) -> dict[str, Any]:
    """score 1: every mail is one message, whatever its Message-ID, and its bytes are whole."""
    chance, began = random.Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="parley-trial-") as folder, dovecot({USER: PASSWORD}) as box:
        run = Run(Path(folder), box, chance)
        for number in range(kills):
            run.deliver(mails * (number + 1) // kills)
            if number and number % max(2, kills // 4) == 0:
                box.number_anew(USER)
            if number % 5 == 4:
                run.expunge()
            if number % 4 == 3:
                run.die_in_an_outage(begun=number % 8 == 7)
            else:
                run.live_and_die()
        run.rest(mails)
        found = run.judged()
    damage = found["lost"] + found["doubled"] + found["torn"] + found["quarantined"]
    return {
        "trial": "R9 killed", "score": float(damage == 0 and found["integrity"] == "ok"), "mails": mails,
        "kills": sum(run.kills.values()), **{f"killed {how}": n for how, n in sorted(run.kills.items())}, **found,
        "expunged by others": run.expunged, "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


class Run:
    def __init__(self, folder: Path, box: Dovecot, chance: random.Random) -> None:
        self.folder, self.box, self.chance = folder, box, chance
        self.given: dict[str, bytes] = {}
        self.kills: Counter[str] = Counter()
        self.expunged = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'data' / 'parley.db'}"

    def deliver(self, upto: int) -> None:
        for number in range(len(self.given), upto):
            raw = mail(number, self.chance)
            self.given[f"Question {number}"] = raw
            self.box.deliver(USER, raw)

    def start(self, kill_at: str) -> None:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")]),
            "PARLEY_DATA": str(self.folder / "data"), "PARLEY_DATABASE_URL": self.url,
            "PARLEY_PORT": str(free_port()), "PARLEY_LOG_LEVEL": "error", "PARLEY_TEST_KILL_AT": kill_at or ":0",
        }  # fmt: skip
        command = [sys.executable, "-m", "mail_trials.imap_server", self.box.host, str(self.box.imap_port)]
        with (self.folder / "server.log").open("ab") as told:
            self.process = subprocess.Popen(
                command, env=environment, stdout=told, stderr=told, start_new_session=True, cwd=ROOT
            )

    def live_and_die(self) -> None:
        """At a named point three times of four, at any moment otherwise."""
        point = self.chance.choice(POINTS) if self.chance.random() < 0.75 else ""
        had = self.taken()
        self.start(f"{point}:{self.chance.randint(1, 4)}" if point else "")
        if self._ended(lambda: self.taken() > had, START_LIMIT if not point else 20):
            self.kills[f"at “{point}”"] += 1
        else:
            self._ended(lambda: False, self.chance.uniform(*LIFE))
            self.kills["at any moment"] += 1
        self.kill()

    def die_in_an_outage(self, *, begun: bool) -> None:
        """The mailbox is away when the desk dies: since before it began, or since it had `begun` to fetch."""
        had = self.taken()
        if not begun:
            self.box.stop()
        self.start("")
        self._ended(lambda: begun and self.taken() > had, OUTAGE_LIFE)
        if begun:
            self.box.stop()
            time.sleep(self.chance.uniform(*LIFE))
        self.kills["in an outage, fetching before" if begun else "in an outage"] += 1
        self.kill()
        self.box.run()

    def _ended(self, or_until: Any, seconds: float) -> bool:
        """Whether the process died by itself before this holds, or in so many seconds. Held by a trap, it goes on."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert self.process is not None
            if self.process.poll() is not None:
                return True
            if or_until():
                return self._dies_soon()
            time.sleep(0.02)
        return False

    def _dies_soon(self) -> bool:
        """A point behind the storing is passed a moment after it."""
        assert self.process is not None
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(0.3)
            return True
        return False

    def kill(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def taken(self) -> int:
        return len(self._names())

    def _names(self) -> list[str]:
        if not (self.folder / "data" / "parley.db").exists():
            return []
        database = open_database(self.url)
        try:
            with database.reader.connect() as conn:
                return list(conn.execute(select(deliveries.c.provider_id)).scalars())
        except Exception:  # the tables are being made
            return []
        finally:
            database.close()

    def expunge(self) -> None:
        """Somebody else empties the older half of what the desk has; it was delivered in that order."""
        done = self.taken() // 2 - self.expunged
        if done < 1:
            return
        with imaplib.IMAP4(self.box.host, self.box.imap_port) as client:
            client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
            client.select("INBOX")
            client.store(f"1:{done}", "+FLAGS", r"(\Deleted)")
            client.expunge()
        self.expunged += done

    def rest(self, mails: int) -> None:
        """Serve until everything is read, then stop as one stops."""
        self.start("")
        had, since = -1, time.monotonic()
        while time.monotonic() - since < QUIET_SECONDS:
            done = self._read()
            if done >= mails:
                break
            if done != had:
                had, since = done, time.monotonic()
            time.sleep(0.2)
        time.sleep(2)  # what comes too often comes now
        assert self.process is not None
        self.process.terminate()
        self.process.wait(60)

    def _read(self) -> int:
        database = open_database(self.url)
        try:
            with database.reader.connect() as conn:
                return len(conn.execute(select(deliveries.c.id).where(deliveries.c.state != "new")).all())
        finally:
            database.close()

    def judged(self) -> dict[str, Any]:
        database = open_database(self.url)
        with database.reader.connect() as conn:
            kept = [bytes(raw) for raw in conn.execute(select(raws.c.raw)).scalars()]
            events = log.read(conn, 0, 10_000_000, (e.MessageReceived, e.Quarantined))
            sound = str(conn.execute(text("PRAGMA integrity_check")).scalar())
        database.close()
        named = Counter(text_of(parse(raw).first("subject")) for raw in kept)
        whole = {raw.replace(b"\r\n", b"\n") for raw in kept}
        received = sum(isinstance(r.event, e.MessageReceived) for r in events)
        return {
            "lost": len(self.given.keys() - named.keys()),
            "doubled": sum(named.values()) - len(named) + max(0, received - len(named)),
            "torn": sum(raw.replace(b"\r\n", b"\n") not in whole for raw in self.given.values()),
            "not a message": len(named) - received,
            "quarantined": sum(isinstance(r.event, e.Quarantined) for r in events),
            "integrity": sound,
        }
