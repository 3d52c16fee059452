"""Starts the desk's prototype in a process of its own and stops it again."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.ports import free_port

ROOT = Path(__file__).parents[2]


@contextmanager
def prototype(delay: float = 0.0) -> Iterator[str]:
    """The address of a running prototype that holds each answer back by `delay` seconds."""
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}",
        "DESK_DELAY": str(delay),
    }
    process = subprocess.Popen([sys.executable, "-m", "harness.desk_prototype", str(port)], cwd=ROOT, env=environment)
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1000):
        if process.poll() is not None:
            raise RuntimeError("The prototype ended before it listened.")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("The prototype did not listen within ten seconds.")
