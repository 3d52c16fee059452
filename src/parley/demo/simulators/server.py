"""A platform's own interface on a free port of 127.0.0.1: what was asked is noted, what it answers can be scripted."""

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Part:
    """A field of a form: a file where it has a name."""

    name: str
    type: str
    data: bytes


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    url_query: str = ""

    @property
    def all(self) -> dict[str, list[str]]:
        """The query with every value of a name that stands there several times."""
        return parse_qs(self.url_query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_form(self) -> bool:
        """Whether it carries a file (RFC 7578)."""
        return self.headers.get("content-type", "").startswith("multipart/form-data")

    @property
    def parts(self) -> dict[str, "Part"]:
        """What a form with a file holds, by the names of its fields."""
        head = f"content-type: {self.headers.get('content-type', '')}\r\n\r\n".encode()
        read = BytesParser(policy=HTTP).parsebytes(head + self.body)
        found = {}
        for part in read.iter_parts():
            name, data = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
            kept = data if isinstance(data, bytes) else b""
            found[str(name)] = Part(part.get_filename() or "", part.get_content_type(), kept)
        return found

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}


@dataclass
class Said:
    """An answer. hang_up: the connection ends without one."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False


def as_json(value: Any, status: int = 200, **headers: str) -> Said:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Said(status, json.dumps(value).encode(), {"content-type": "application/json", **named})


class Platform:
    """Answers until closed. `scripted` answers come before what the platform would say by itself.

    heard: is told of every question with its answer, once that is given, on a thread of the server's.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.scripted: deque[Said] = deque()
        self.heard: Callable[[Asked, Said], None] = lambda asked, said: None
        self._lock = threading.Lock()
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on the terminal."""

            def handle_one(self) -> None:
                platform._serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = handle_one

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, asked: Asked) -> Said:
        """What the platform says by itself; each family has its own."""
        return Said()

    def throttle(self, times: int, seconds: float) -> None:
        """Too many requests, for so many of the next ones."""
        self.scripted.extend([Said(429, headers={"retry-after": str(seconds)})] * times)

    def fail(self, times: int, status: int = 503) -> None:
        self.scripted.extend([Said(status)] * times)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "Platform":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length") or 0)
        parts = urlsplit(handler.path)
        asked = Asked(
            method=handler.command,
            path=parts.path,
            query={name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
            headers={name.lower(): value for name, value in handler.headers.items()},
            body=handler.rfile.read(length) if length else b"",
            url_query=parts.query,
        )
        with self._lock:
            self.asked.append(asked)
            said = self.scripted.popleft() if self.scripted else None
        said = said or self.answer(asked)
        if said.hang_up:
            handler.close_connection = True
            return
        handler.send_response(said.status)
        for name, value in said.headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(said.body)))
        handler.end_headers()
        handler.wfile.write(said.body)
        self.heard(asked, said)
