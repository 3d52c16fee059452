"""From a customer's words to the agents' screens, and to the bot's answer."""

import asyncio
import http.client
import json
import random
import secrets
import time
from dataclasses import dataclass

from websockets.asyncio.client import connect

from bench.machine import percentiles
from bench.serving import Served
from parley.channels.webchat import raw as webchat

GAP = 0.15  # seconds between two messages


@dataclass
class Live:
    """Milliseconds from the beginning of the customer's request to the event on a desk's stream."""

    desks: int
    p50: float
    p95: float
    missed: int


async def desks(server: Served, secret: str, token: str, count: int, messages: int = 20) -> Live:
    """Open so many live desks, send messages one after another, and note when each desk hears of each.

    Models load with the first message that a desk ever hears, and that one is not measured.
    """
    port = server.port
    await asyncio.to_thread(_say, port, token, "first", "Where is my parcel?")
    await asyncio.to_thread(server.rest)
    heard: dict[str, list[float]] = {}
    streams = [asyncio.create_task(_listen(port, secret, heard)) for _ in range(count)]
    await asyncio.sleep(1 + count / 150)
    sent: dict[str, float] = {}
    for number in range(messages):
        mark = f"mark{secrets.token_hex(6)}"
        heard[mark] = []
        sent[mark] = time.perf_counter()
        await asyncio.to_thread(_say, port, token, f"live-{number}", f"Where is my parcel {mark}?")
        await asyncio.sleep(GAP)
    await asyncio.sleep(2)
    for stream in streams:
        stream.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
    taken = [(moment - sent[mark]) * 1000 for mark, moments in heard.items() for moment in moments]
    return Live(count, *percentiles(taken or [0.0]), count * messages - len(taken))


async def _listen(port: int, secret: str, heard: dict[str, list[float]]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    head = f"GET /desk/live HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nCookie: parley={secret}\r\n\r\n"
    writer.write(head.encode())
    seen: set[str] = set()
    rest = b""
    try:
        while data := await reader.read(65536):
            now, rest = time.perf_counter(), (rest + data)[-65536:]
            for mark in heard:
                if mark not in seen and mark.encode() in rest:
                    seen.add(mark)
                    heard[mark].append(now)
    finally:
        writer.close()


def _say(port: int, token: str, visitor: str, text: str) -> None:
    """Through the API's raw door, as the channel would hand it over."""
    said = webchat.Said(visitor=f"{visitor}-0123456789abcdef", client_id=secrets.token_hex(8), text=text)
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"authorization": f"Bearer {token}", "x-delivery-id": webchat.provider_id(said)}
    conn.request("POST", "/api/v1/inboxes/2/deliveries", webchat.encode(said), headers)
    answer = conn.getresponse()
    body = answer.read()
    if answer.status != 202:
        raise RuntimeError(f"{answer.status} {body[:200]!r}")
    conn.close()


# ── the bot ─────────────────────────────────────────────────────────────────────────────────

QUESTIONS = (
    "Can I return shoes I wore once?", "What does delivery cost?", "How do I wash a wool sweater?",
    "Do you ship to Norway?", "Which payment methods do you take?", "How long does a refund take?",
    "Is there a warranty on tents?", "Where is my order?", "My lamp arrived broken", "I want to talk to a person",
)  # fmt: skip


@dataclass
class Bot:
    """Milliseconds from `say` to the bot's turn in the browser."""

    chats: int
    p50: float
    p95: float
    silent: int


PAUSE = (2.0, 6.0)  # seconds in which a person reads and types the next question


async def bot(server: Served, chats: int, questions: int = 4) -> Bot:
    """So many visitors chat at once, each asking one question after another until a person is called."""
    port = server.port
    await asyncio.to_thread(server.rest)
    taken = [one for some in await asyncio.gather(*(_chat(port, n, questions) for n in range(chats))) for one in some]
    answered = [one for one in taken if one is not None]
    return Bot(chats, *percentiles(answered or [0.0]), len(taken) - len(answered))


async def wake(server: Served) -> None:
    """The models load with the first question, and then read the articles for their meaning."""
    await _chat(server.port, 0, 1, patience=90)


async def _chat(port: int, number: int, questions: int, patience: float = 15) -> list[float | None]:
    taken: list[float | None] = []
    async with connect(f"ws://127.0.0.1:{port}/widget/shop/socket", ping_interval=None, max_size=None) as socket:
        await socket.send(json.dumps({"kind": "hello", "key": "shop"}))
        await socket.recv()
        for turn in range(questions):
            await asyncio.sleep(random.uniform(*PAUSE))
            began = time.perf_counter()
            text = QUESTIONS[(number + turn) % len(QUESTIONS)]
            await socket.send(json.dumps({"kind": "say", "client_id": secrets.token_hex(8), "text": text}))
            took, said = await _answer(socket, began, patience)
            taken.append(took)
            if took is None or "colleague" in said:
                break  # a person's turn
    return taken


async def _answer(socket, began: float, patience: float) -> tuple[float | None, str]:  # type: ignore[no-untyped-def]
    try:
        async with asyncio.timeout(patience):
            while True:
                frame = json.loads(await socket.recv())
                if frame["kind"] == "turn" and frame["author"]["kind"] == "bot":
                    return (time.perf_counter() - began) * 1000, frame["text"]
    except TimeoutError:
        return None, ""
