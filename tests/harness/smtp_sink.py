"""A small real SMTP server that keeps what it is sent, and misbehaves when told to.

with smtp_sink() as sink:
    … send to sink.host, sink.port …
    assert sink.mails[0].recipients == ["kim@example.com"]
sink.answer("RCPT", "550 5.1.1 No such mailbox", times=1)
sink.offers = ("DSN",)     more extensions after EHLO
sink.delay = 0.5           seconds before each answer
sink.drop_after_data = 1   so many mails are kept, but the connection is cut in place of the 250
"""

import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Mail:
    """One mail as it came over the wire, dots unstuffed."""

    sender: str
    recipients: list[str]
    raw: bytes


@dataclass
class Sink:
    """The server's memory and its orders. Change the orders while it runs."""

    host: str = "127.0.0.1"
    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    offers: tuple[str, ...] = ()
    delay: float = 0.0
    drop_after_data: int = 0
    logins: dict[str, str] | None = None
    tokens: Callable[[str], str | None] | None = None
    _orders: dict[str, list[str]] = field(default_factory=dict)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def answer(self, verb: str, reply: str, times: int = 1) -> None:
        """Answer that command (MAIL, RCPT, DATA, or `.` for the end of a mail) so, this many times."""
        self._orders.setdefault(verb.upper(), []).extend([reply] * times)

    def ordered(self, verb: str) -> str | None:
        orders = self._orders.get(verb)
        return orders.pop(0) if orders else None

    def keep(self, mail: Mail) -> None:
        with self._news:
            self.mails.append(mail)
            self._news.notify_all()

    def wait_for(self, count: int, seconds: float = 60.0) -> list[Mail]:
        """The mails, once there are that many. Raises AssertionError when they don't come."""
        with self._news:
            came = self._news.wait_for(lambda: len(self.mails) >= count, seconds)
        assert came, f"waited {seconds} s for {count} mails, got {len(self.mails)}"
        return list(self.mails)


class _Drop(Exception):
    pass


class _Session(socketserver.StreamRequestHandler):
    sink: Sink

    def handle(self) -> None:
        self.sender, self.recipients = "", list[str]()
        try:
            self.say("220 sink.test ESMTP")
            while line := self.rfile.readline(65536):
                if not self.obey(line.decode("utf-8", "replace").strip()):
                    return
        except (_Drop, OSError):
            return

    def say(self, reply: str) -> None:
        if self.sink.delay:
            time.sleep(self.sink.delay)
        self.wfile.write(reply.encode() + b"\r\n")

    def obey(self, line: str) -> bool:
        self.sink.commands.append(line)
        verb = line.partition(" ")[0].upper()
        ordered = self.sink.ordered(verb)
        if ordered:
            self.say(ordered)
        elif verb == "EHLO":
            kinds = "PLAIN" * (self.sink.logins is not None) + "XOAUTH2" * (self.sink.tokens is not None)
            login = f"250-AUTH {kinds}\r\n" if kinds else ""
            more = "".join(f"250-{one}\r\n" for one in self.sink.offers)
            self.say(f"250-sink.test\r\n{login}{more}250-8BITMIME\r\n250 ENHANCEDSTATUSCODES")
        elif verb == "AUTH":
            self.say(self.login(line))
        elif verb == "MAIL":
            self.sender, self.recipients = _path(line), []
            self.say("250 2.1.0 Ok")
        elif verb == "RCPT":
            self.recipients.append(_path(line))
            self.say("250 2.1.5 Ok")
        elif verb == "DATA":
            self.data()
        else:
            self.say("221 2.0.0 Bye" if verb == "QUIT" else "250 2.0.0 Ok")
        return verb != "QUIT"

    def login(self, line: str) -> str:
        import base64

        if self.sink.tokens:
            user, bearer, *_ = base64.b64decode(line.split()[-1]).decode().split("\1")
            if self.sink.tokens(bearer.removeprefix("auth=Bearer ")) == user.removeprefix("user="):
                return "235 2.7.0 Welcome"
            self.say("334 " + base64.b64encode(b'{"status":"401"}').decode())
            assert self.rfile.readline(100) == b"\r\n"
            return "535 5.7.8 The token is no good"
        _, user, password = base64.b64decode(line.split()[-1]).decode().split("\0")
        known = (self.sink.logins or {}).get(user) == password
        return "235 2.7.0 Welcome" if known else "535 5.7.8 Bad user or password"

    def data(self) -> None:
        self.say("354 Go on")
        lines = []
        while (line := self.rfile.readline()) and line != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        ordered = self.sink.ordered(".")
        if ordered:
            return self.say(ordered)
        self.sink.keep(Mail(self.sender, self.recipients, b"".join(lines)))
        if self.sink.drop_after_data > 0:
            self.sink.drop_after_data -= 1
            raise _Drop
        self.say(f"250 2.0.0 Ok: queued as {len(self.sink.mails):06d}")


def _path(line: str) -> str:
    match = re.search(r"<([^>]*)>", line)
    return match.group(1) if match else line.partition(":")[2].strip()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    address_family = socket.AF_INET


@contextmanager
def smtp_sink(
    logins: dict[str, str] | None = None, tokens: Callable[[str], str | None] | None = None
) -> Iterator[Sink]:
    """Started on a free loopback port, and stopped afterwards.

    `logins` asks for a user and password, `tokens` for a token (XOAUTH2) and says whose it is.
    """
    sink = Sink(logins=logins, tokens=tokens)
    session = type("Session", (_Session,), {"sink": sink})
    with _Server((sink.host, 0), session) as server:
        sink.port = int(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield sink
        finally:
            server.shutdown()
            thread.join(5)
