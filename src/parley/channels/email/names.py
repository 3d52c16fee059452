"""Questions to the DNS with an end: every answer within one deadline, each asked once a mail.

The libraries that check senders ask by way of these functions and never on their own, so that a slow or
hostile name server costs a mail some seconds at most.
"""

import time
from collections.abc import Sequence
from typing import Any

LOOKUPS = 60  # a mail; SPF alone may need 10 + 10 × 10
ANSWER_SECONDS = 2.0
RECORD_BYTES = 1500  # a key of 4,096 bits takes 800; what is longer would only burn time

Server = tuple[str, int]


class NoAnswer(Exception):
    """The DNS did not answer in time, or not sensibly: another time it may."""


class Names:
    """One mail's look-ups. Safe to use from the one thread that checks the mail."""

    def __init__(self, seconds: float, servers: Sequence[Server] = ()) -> None:
        """servers: (address, port) in place of those the machine uses."""
        self.until = time.monotonic() + seconds
        self.servers = tuple(servers)
        self.known: dict[tuple[str, str], list[Any]] = {}
        self.asked = 0
        self._resolver: Any = None

    def texts(self, name: str) -> list[bytes]:
        """The TXT records of a name, each joined; too long ones are left out."""
        joined = [b"".join(record.strings) for record in self.records(name, "TXT")]
        return [text for text in joined if len(text) <= RECORD_BYTES]

    def records(self, name: str, kind: str) -> list[Any]:
        """dnspython's records; empty where the name has none. Raises NoAnswer."""
        key = (name.rstrip(".").lower(), kind)
        if key not in self.known:
            self.known[key] = self._ask(*key)
        return self.known[key]

    def _ask(self, name: str, kind: str) -> list[Any]:
        import dns.exception
        import dns.resolver

        left = self.until - time.monotonic()
        self.asked += 1
        if left <= 0 or self.asked > LOOKUPS:
            raise NoAnswer("The DNS took too long.")
        try:
            answer = self._prepared().resolve(name, kind, lifetime=min(left, ANSWER_SECONDS), search=False)
            return list(answer)[:100]
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError, ValueError, UnicodeError) as problem:
            raise NoAnswer(f"The DNS did not answer about {name}: {problem}") from problem

    def _prepared(self) -> Any:
        import dns.resolver

        if self._resolver is None:
            self._resolver = dns.resolver.Resolver(configure=not self.servers)
            if self.servers:
                import dns.nameserver

                self._resolver.nameservers = [dns.nameserver.Do53Nameserver(*server) for server in self.servers]
        return self._resolver


def server(text: str) -> Server:
    """`192.0.2.53` or `192.0.2.53:5353`."""
    host, colon, port = text.rpartition(":")
    return (host.strip("[]"), int(port)) if colon and port.isdigit() and "::" not in text else (text, 53)
