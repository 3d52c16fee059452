"""Ports for the servers of stories."""

import itertools
import os
import random
import socket

# Below the range that systems take the ports of outgoing connections from (Linux: 32768, others: 49152): a browser
# that connects somewhere cannot take a port between its being found and its being used. Each process of a test run
# has ports of its own, so two of them cannot find the same one.
_LOWEST, _EACH = 12_000, 2_000
_WORKER = int("".join(c for c in os.environ.get("PYTEST_XDIST_WORKER", "gw9") if c.isdigit())) % 10
_TURN = itertools.count(random.SystemRandom().randrange(_EACH))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    for _ in range(_EACH):
        port = _LOWEST + _WORKER * _EACH + next(_TURN) % _EACH
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("No port is free.")
