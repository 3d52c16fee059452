"""Those who send and do not give up: mail servers that retry, browsers that resend with the same client id."""

import asyncio
import contextlib
import hashlib
import json
import random
import secrets
from base64 import encodebytes

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from durability.ledger import Entry, Ledger, digest_of
from durability.server import ADDRESS, CHAT_KEY
from harness.mails import sentence

PATIENCE = 20.0  # seconds to wait for an answer on a line that lives
MESSAGES_PER_VISITOR = 12


class Stop:
    """Set when the senders shall finish what they have in hand and end."""

    def __init__(self) -> None:
        self.wanted = False

    async def pause(self, chance: random.Random, mean: float) -> None:
        await asyncio.sleep(chance.expovariate(1 / mean) if mean else 0)


class MailSender:
    """Sends one mail after another over one connection; what was not acknowledged is sent again."""

    def __init__(self, ledger: Ledger, port: int, number: int, seed: int, stop: Stop, pause: float) -> None:
        self.ledger, self.port, self.number, self.stop, self.pause = ledger, port, number, stop, pause
        self.chance = random.Random(f"{seed}/mail/{number}")
        self.earlier: list[str] = []
        self.reader: asyncio.StreamReader | None = None

    async def run(self) -> None:
        count = 0
        while not self.stop.wanted:
            count += 1
            entry, raw = self._write(count)
            self.ledger.sending(entry)
            while not entry.acked:
                entry.tries += 1
                await self._try(entry, raw)
            self.earlier.append(entry.name)
            await self.stop.pause(self.chance, self.pause)
        self._hang_up()

    def _write(self, count: int) -> tuple[Entry, bytes]:
        chance = self.chance
        name = f"<{self.number}.{count}.{chance.getrandbits(48):012x}@customer.test>"
        text = "\r\n".join(sentence(chance, 4, 14) for _ in range(chance.choice((2, 8, 30, 200))))
        head = [
            f"From: Sender {self.number} <sender{self.number}.{count % 7}@customer.test>",
            f"To: <{ADDRESS}>", f"Subject: {sentence(chance, 2, 5)}", f"Message-ID: {name}",
            "Date: Mon, 02 Mar 2026 09:00:00 +0000", "MIME-Version: 1.0",
        ]  # fmt: skip
        if self.earlier and chance.random() < 0.3:
            head.append(f"In-Reply-To: {chance.choice(self.earlier)}")
        file = chance.randbytes(chance.randrange(100, 60_000)) if chance.random() < 0.2 else None
        raw = "\r\n".join(head).encode() + b"\r\n" + (_with_file(text, file) if file else _plain(text))
        return Entry(
            name=name,
            kind="mail",
            text=digest_of(text),
            file=hashlib.sha256(file).hexdigest() if file else None,
            raw=hashlib.sha256(raw).hexdigest(),
        ), raw

    async def _try(self, entry: Entry, raw: bytes) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                if self.reader is None:
                    await self._connect()
                for command in (b"MAIL FROM:<bounce@customer.test>", f"RCPT TO:<{ADDRESS}>".encode(), b"DATA"):
                    await self._say(command)
                stuffed = raw.replace(b"\r\n.", b"\r\n..")
                if (await self._say(stuffed + b"\r\n.")).startswith(b"250"):
                    self.ledger.acknowledged(entry)
        except (OSError, EOFError, TimeoutError, ValueError):
            self._hang_up()
            await asyncio.sleep(self.chance.uniform(0.02, 0.2))

    async def _connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        await self._answer()
        await self._say(b"EHLO sender.test")

    async def _say(self, what: bytes) -> bytes:
        self.writer.write(what + b"\r\n")
        await self.writer.drain()
        return await self._answer()

    async def _answer(self) -> bytes:
        assert self.reader is not None
        while True:
            line = await self.reader.readuntil(b"\r\n")
            if line[3:4] == b" ":
                if line[:1] not in b"23":
                    raise ValueError(line.decode())
                return line

    def _hang_up(self) -> None:
        if self.reader is not None:
            self.writer.close()
            self.reader = None


def _plain(text: str) -> bytes:
    return b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode() + b"\r\n"


def _with_file(text: str, file: bytes) -> bytes:
    border = b"=_" + hashlib.sha256(file).hexdigest()[:24].encode()
    return (
        b'Content-Type: multipart/mixed; boundary="' + border + b'"\r\n\r\n--' + border + b"\r\n" + _plain(text)
        + b"--" + border + b'\r\nContent-Type: application/octet-stream; name="data.bin"\r\n'
        b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=data.bin\r\n\r\n"
        + encodebytes(file).replace(b"\n", b"\r\n") + b"--" + border + b"--\r\n"
    )  # fmt: skip


class ChatSender:
    """A browser with the chat open: says something, waits to see it as a turn, resends until it does."""

    def __init__(self, ledger: Ledger, port: int, number: int, seed: int, stop: Stop, pause: float) -> None:
        self.ledger, self.stop, self.pause = ledger, stop, pause
        self.url = f"ws://127.0.0.1:{port}/widget/{CHAT_KEY}/socket"
        self.chance = random.Random(f"{seed}/chat/{number}")
        self.socket: ClientConnection | None = None
        self.answers: dict[int, str] = {}
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Another visitor."""
        self.token, self.said, self.after = secrets.token_urlsafe(24), 0, 0
        self.name = hashlib.sha256(self.token.encode()).hexdigest()[:32]

    async def run(self) -> None:
        await asyncio.sleep(self.chance.uniform(0, self.pause))
        while not self.stop.wanted:
            client_id, text = secrets.token_hex(8), sentence(self.chance, 2, 30)
            entry = self.ledger.sending(Entry(name=f"{self.name}:{client_id}", kind="chat", text=digest_of(text)))
            while not entry.acked:
                entry.tries += 1
                await self._try(entry, client_id, text)
            self.said += 1
            if self.said == MESSAGES_PER_VISITOR:
                await self._hang_up()
                self._begin_anew()
            await self.stop.pause(self.chance, self.pause)
        await self._hang_up()

    async def _try(self, entry: Entry, client_id: str, text: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                if self.socket is None:
                    await self._connect(client_id, entry)
                if not entry.acked:
                    await self._say({"kind": "say", "client_id": client_id, "text": text})
                while not entry.acked:
                    await self._hear(client_id, entry)
        except (OSError, EOFError, TimeoutError, WebSocketException):
            await self._hang_up()
            await asyncio.sleep(self.chance.uniform(0.05, 0.5))

    async def _connect(self, client_id: str, entry: Entry) -> None:
        self.socket = await connect(self.url, open_timeout=5, close_timeout=0.2, ping_interval=None, max_size=None)
        await self._say({"kind": "hello", "key": CHAT_KEY, "visitor": self.token, "after": self.after})
        await self._hear(client_id, entry)

    async def _say(self, frame: dict[str, object]) -> None:
        assert self.socket is not None
        await self.socket.send(json.dumps(frame))

    async def _hear(self, client_id: str, entry: Entry) -> None:
        assert self.socket is not None
        frame = json.loads(await self.socket.recv())
        turns = frame.get("turns", []) if frame["kind"] == "welcome" else [frame] if frame["kind"] == "turn" else []
        for turn in turns:
            self.after = max(self.after, turn["seq"])
            if turn.get("client_id") == client_id:
                self.ledger.acknowledged(entry)
            elif turn["author"]["kind"] in ("bot", "agent"):
                self.answers[turn["message"]] = turn.get("text", "")

    async def _hang_up(self) -> None:
        if self.socket is not None:
            with contextlib.suppress(Exception):
                await self.socket.close()
            self.socket = None
