"""A language model on the loopback that says what a story has it say."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Stub:
    """Answers as `say` says; `asked` holds what came."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.paths: list[str] = []
        self.versions: list[str] = []
        self.say: Callable[[BaseHTTPRequestHandler], None] = lambda handler: answers(handler, "Hello.")
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                stub.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                stub.keys.append(self.headers.get("authorization", "") or self.headers.get("x-api-key", ""))
                stub.paths.append(self.path)
                stub.versions.append(self.headers.get("anthropic-version", ""))
                stub.say(self)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def told(self, n: int = -1) -> str:
        """What it was given to work on, in whichever form it was asked."""
        return str(self.asked[n]["messages"][-1]["content"])

    def rule(self, n: int = -1) -> str:
        """What it was asked to do with that."""
        one = self.asked[n]
        return str(one["system"] if "system" in one else one["messages"][0]["content"])


def answers(handler: BaseHTTPRequestHandler, text: str | None, **more: Any) -> None:
    """Say a text in the form that the request came in. more: of the message, as `tool_calls`."""
    raw(
        handler,
        json.dumps(_message(text, **more) if handler.path.endswith("/messages") else _choice(text, **more)).encode(),
    )


def _choice(text: str | None, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, **more}
    return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": {"total_tokens": 100}}


def _message(text: str | None, tool_calls: Any = (), **more: Any) -> dict[str, Any]:
    """As Anthropic's documentation shows an answer: blocks of several types, of which only some are words."""
    uses = [
        {"type": "tool_use", "id": one["id"], "name": one["function"]["name"],
         "input": json.loads(one["function"]["arguments"])}
        for one in tool_calls
    ]  # fmt: skip
    words = (
        []
        if text is None
        else [{"type": "thinking", "thinking": "Hm.", "signature": "x"}, {"type": "text", "text": text}]
    )
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "stub", "content": [*words, *uses],
        "stop_reason": "tool_use" if uses else "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 60, "output_tokens": 40}, **more,
    }  # fmt: skip


def raw(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
