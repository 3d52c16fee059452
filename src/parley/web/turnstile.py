"""How much one address may ask of the public doors: lines at once, and tries in a minute.

Kept in memory, per process. Addresses of this machine pass freely: behind a proxy that is not named in
`trusted_proxies` every visitor seems to come from there.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from parley.core.errors import Refused
from parley.web.security import is_loopback

AT_ONCE = 50
PER_MINUTE = {"socket": 60, "poll": 600, "upload": 30}
KNOWN_AT_MOST = 50_000


class Turnstile:
    """Counts by address. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._recent: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._open: dict[str, int] = defaultdict(int)

    def enter(self, kind: str, address: str) -> None:
        """Count a try. Raises Refused when there were too many in the last minute."""
        if is_loopback(address):
            return
        if len(self._recent) > KNOWN_AT_MOST:
            self._recent.clear()
        now, tries = self.clock(), self._recent[(kind, address)]
        while tries and now - tries[0] > 60:
            tries.popleft()
        if len(tries) >= PER_MINUTE[kind]:
            raise Refused("Too much comes from your address just now. Wait a minute; nothing was lost.")
        tries.append(now)

    @contextmanager
    def staying(self, address: str) -> Iterator[None]:
        """Count an open line while the block runs. Raises Refused when there are too many already."""
        self.enter("socket", address)
        if self._open[address] >= AT_ONCE and not is_loopback(address):
            raise Refused("Too many chats are open from your address. Close one, or write a mail.")
        self._open[address] += 1
        try:
            yield
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
