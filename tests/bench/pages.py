"""Pages of a desk with a long history, asked for over HTTP."""

import http.client
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from bench.machine import percentiles
from bench.serving import Served

CLIENTS = 8


@dataclass
class Page:
    """Milliseconds for one client; pages a second for eight; processor milliseconds a page.

    first: of the asks that were the first for their address since the server started, the slowest.
    """

    name: str
    p50: float
    p95: float
    per_second: float
    cpu_ms: float
    kilobytes: float
    first: float


def kinds(conversations: int, seed: int = 4) -> dict[str, Callable[[], str]]:
    """What is asked for: address by address, never the same twice in a row."""
    chance = random.Random(seed)
    views = ("waiting", "unassigned", "mine", "all", "closed")
    common = ("parcel", "refund", "delivery", "boots", "invoice")
    return {
        "inbox": lambda: f"/desk/inbox/{chance.choice(views)}",
        "conversation": lambda: f"/desk/conversations/{chance.randint(1, conversations)}",
        "conversation (fragment)": lambda: f"/desk/conversations/{chance.randint(1, conversations)}#fragment",
        "search, rare word": lambda: f"/desk/search?q={chance.randrange(10_000_000):07d}",
        "search, common word": lambda: f"/desk/search?q={quote(chance.choice(common))}",
        "search, two words": lambda: f"/desk/search?q={quote(' '.join(chance.sample(common, 2)))}",
    }


def measure(server: Served, secret: str, name: str, address: Callable[[], str], times: int, seconds: float) -> Page:
    client, firsts = Client(server.port, secret), dict[str, float]()

    def ask() -> tuple[float, int]:
        where, began = address(), time.perf_counter()
        length = len(client.get(where))
        took = (time.perf_counter() - began) * 1000
        firsts.setdefault(where, took)
        return took, length

    for _ in range(10):
        ask()
    cpu, taken, size = server.cpu(), [], 0
    for _ in range(times):
        took, length = ask()
        taken.append(took)
        size += length
    cpu, first = (server.cpu() - cpu) / times * 1000, max(firsts.values())
    rate = _rate(server.port, secret, address, seconds)
    return Page(name, *percentiles(taken), rate, cpu, size / times / 1024, first)


def _rate(port: int, secret: str, address: Callable[[], str], seconds: float) -> float:
    until, counts = time.perf_counter() + seconds, []

    def ask() -> None:
        client, count = Client(port, secret), 0
        while time.perf_counter() < until:
            client.get(address())
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


class Client:
    """A browser with a session that keeps its connection."""

    def __init__(self, port: int, secret: str, cookie: str = "parley") -> None:
        self.conn = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.headers = {"cookie": f"{cookie}={secret}", "accept": "text/html"}

    def get(self, address: str) -> bytes:
        path, _, fragment = address.partition("#")
        headers = self.headers | ({"x-fragment": "conversation"} if fragment else {})
        self.conn.request("GET", path, headers=headers)
        answer = self.conn.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
        return body
