"""Somebody else's system: a real HTTP server on this machine that answers as it is told, and remembers what it did."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]


class Asked:
    """One request as it came."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.path, self.headers, self.body = method, path, headers, body

    @property
    def key(self) -> str:
        return self.headers.get("idempotency-key", "")

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"{}")


class System:
    """script: what it answers in turn, the last for good. done: what it did, once for each key."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[Asked] = []
        self.done: dict[str, Any] = {}
        self.script: list[Callable[[Asked], Answer]] = [says({})]
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answers(self, *script: Callable[[Asked], Answer]) -> "System":
        self.script = list(script)
        return self

    def take(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            how = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return how(asked)

    def does(self, status: int = 200, **answer: Any) -> Callable[[Asked], Answer]:
        """Does it, the first time that a key comes, and says so with this status."""

        def act(asked: Asked) -> Answer:
            self.done.setdefault(asked.key or f"unnamed {len(self.done)}", asked.json)
            return says(answer, status)(asked)

        return act


def says(body: Any, status: int = 200, **headers: str) -> Callable[[Asked], Answer]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda asked: (status, {"content-type": "application/json", **named}, raw)


def slowly(seconds: float, then: Callable[[Asked], Answer]) -> Callable[[Asked], Answer]:
    def wait(asked: Asked) -> Answer:
        time.sleep(seconds)
        return then(asked)

    return wait


@contextmanager
def system() -> Iterator[System]:
    """Runs for as long as the block does."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    here = System(server.server_address[1])
    server.system = here  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, body)
        status, more, raw = self.server.system.take(asked)  # type: ignore[attr-defined]
        with suppress(OSError):  # whoever asked may be gone
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

    def log_message(self, *args: Any) -> None:
        pass
