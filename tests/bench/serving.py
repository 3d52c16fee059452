"""`parley serve` as a process of its own, with what it costs."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.ports import free_port
from parley.app import Desk
from parley.config import Config

ROOT = Path(__file__).parents[2]
TICKS = os.sysconf("SC_CLK_TCK")


class Served:
    """port: pages. began: when the process was started; ready: seconds until the first page."""

    def __init__(self, config: Config) -> None:
        self.port = free_port()
        environment = os.environ | {
            "PYTHONPATH": str(ROOT / "src"),
            "PARLEY_DATA": str(config.data),
            "PARLEY_DATABASE_URL": config.database_url,
            "PARLEY_SECRET": config.secret,
            "PARLEY_PORT": str(self.port),
            "PARLEY_LOG_LEVEL": "error",
        }
        command = [sys.executable, "-c", "from parley.cli import main; main()", "serve"]
        began = time.monotonic()
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
        self._await()
        self.ready = time.monotonic() - began

    def _await(self) -> None:
        while True:
            with suppress(OSError, http.client.HTTPException):
                conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                conn.request("GET", "/login")
                answer = conn.getresponse()
                answer.read()
                if answer.status < 500:
                    return
            if self.process.poll() is not None:
                raise RuntimeError("parley serve did not start")
            time.sleep(0.01)

    def family(self) -> list[int]:
        """The process and its children."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError, IndexError):
                    if int(_stat(int(entry.name))[2]) == self.process.pid:  # same process group
                        found.append(int(entry.name))
        return found

    def cpu(self) -> float:
        """Seconds of processor time so far, children included."""
        total = 0
        for pid in self.family():
            with suppress(OSError):
                total += sum(int(value) for value in _stat(pid)[11:13])
        return total / TICKS

    def rest(self, most: float = 60) -> None:
        """Wait until nothing goes on: what a desk does once after its start is not what its pages cost.

        most: seconds; a desk that never rests is measured as it is.
        """
        until, quiet = time.monotonic() + most, 0
        while quiet < 2 and time.monotonic() < until:
            before = self.cpu()
            time.sleep(1)
            quiet = quiet + 1 if self.cpu() - before < 0.05 else 0

    def memory(self) -> float:
        """Resident megabytes."""
        pages = 0
        for pid in self.family():
            with suppress(OSError):
                pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat behind the name: state, parent, group …"""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


@contextmanager
def served(config: Config) -> Iterator[Served]:
    server = Served(config)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def desk_at(config: Config) -> Iterator[Desk]:
    """A desk to prepare things with, closed before it is served."""
    desk = Desk(config)
    try:
        yield desk
    finally:
        desk.record.close()
