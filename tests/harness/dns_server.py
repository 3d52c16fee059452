"""A name server on loopback that knows what a test tells it, and counts who asks.

    with name_server({"_dmarc.acme.example": {"TXT": ["v=DMARC1; p=reject"]}}) as dns:
        … dns_servers=(dns.address,) …

A name whose record is SILENT gets no answer at all.
"""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

SILENT = "silent"
Records = dict[str, dict[str, list[str]]]


class NameServer(socketserver.ThreadingUDPServer):
    daemon_threads = True

    def __init__(self, records: Records) -> None:
        super().__init__(("127.0.0.1", 0), _Question)
        self.records = {name.lower(): kinds for name, kinds in records.items()}
        self.asked: list[tuple[str, str]] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def say(self, name: str, kind: str, *values: str) -> None:
        self.records.setdefault(name.lower(), {})[kind] = list(values)


class _Question(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, sock = self.request
        asked = dns.message.from_wire(data)
        [question] = asked.question
        name, kind = question.name.to_text(True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.server.asked.append((name, kind))  # type: ignore[attr-defined]
        known: Records = self.server.records  # type: ignore[attr-defined]
        values = known.get(name, {}).get(kind, [])
        if values == [SILENT]:
            return
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        if name not in known:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        if values:
            shown = [_quoted(value) for value in values] if kind == "TXT" else values
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *shown))
        sock.sendto(answer.to_wire(max_size=65535), self.client_address)


def _quoted(text: str) -> str:
    """A long text as the strings of 255 bytes that a TXT record is made of."""
    pieces = [text[start : start + 250] for start in range(0, len(text), 250)] or [""]
    return " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)


@contextmanager
def name_server(records: Records | None = None) -> Iterator[NameServer]:
    with NameServer(records or {}) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)
