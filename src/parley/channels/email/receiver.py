"""The port where a mail server hands mail over: SMTP (RFC 5321) and LMTP (RFC 2033) on one listener.

Why not aiosmtpd: it awaits a stream line by line and took 510 to 770 mails/s from eight clients where this took
2,100 to 3,100, and mail is to go from bytes to inbox at over 1,000/s with everything else on the same core. The
session is a protocol object: bytes come in, whole commands are cut off, and only a finished mail starts a task.

What ends a mail is CR LF . CR LF and nothing else. A lone dot between other line ends (a bare LF, a bare CR, any
mix) is what a smuggler writes, for a server behind or before us to see an end there: such a mail is refused whole.
Commands must end in CR LF too. STARTTLS is RFC 3207; what was said before it in clear counts for nothing after it.
"""

import asyncio
import logging
import re
import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import cast

from parley.channels.email.checker import Checker
from parley.channels.email.encryption import Certificate
from parley.channels.email.fingerprint import provider_id
from parley.channels.email.mime import MAIL_BYTES
from parley.channels.email.settings import EmailSettings, own_addresses, without_plus
from parley.channels.email.verdict import Envelope
from parley.core.channel import Door, Inbox
from parley.core.errors import Busy
from parley.core.identity import normal

log = logging.getLogger("parley.email")

COMMAND_BYTES = 4096
MISTAKES = 20
HOPS = 100
SESSIONS = 500
IDLE_SECONDS = 300.0
GOODBYE_SECONDS = 10.0
HANDSHAKE_SECONDS = 30.0
IN_THREAD_BYTES = 1024 * 1024

Route = dict[str, tuple[Inbox, ...]]
Network = IPv4Network | IPv6Network
_PATH = re.compile(rb"\s*<?([^<>\s]*)>?\s*(.*)\Z", re.S)
_SIZE = re.compile(rb"\bSIZE=(\d{1,20})\b", re.I)
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]+")
_HIDDEN_END = re.compile(rb"[\r\n]\.[\r\n]")  # the true end is cut off by then
_FORWARDED = re.compile(rb"\b(ADDR|HELO)=([^\s\x00-\x1f]{1,255})", re.I)


def routes_of(inboxes: list[Inbox]) -> Route:
    """Which inboxes an address belongs to. Two inboxes may share an address: both then get the mail."""
    routes: dict[str, tuple[Inbox, ...]] = {}
    for inbox in inboxes:
        for address in own_addresses(inbox):
            routes[address] = (*routes.get(address, ()), inbox)
    return routes


async def serve(host: str, port: int, routes: Route, door: Door) -> None:
    """Listen until cancelled; a port that is taken is tried again, and the inboxes say so meanwhile."""
    house = House(routes, door)
    inboxes = {inbox.id for some in routes.values() for inbox in some}
    trouble = house.encryption_trouble()
    while True:
        try:
            server = await asyncio.get_running_loop().create_server(lambda: Session(house), host, port, backlog=512)
            break
        except OSError as problem:
            for inbox in inboxes:
                door.say(inbox, f"Cannot listen for mail on {host}:{port}: {problem.strerror}. Trying again.")
            await asyncio.sleep(5)
    for inbox in inboxes:
        door.say(inbox, f"Listening for mail on {host}:{port}.{trouble}")
    sweeper = asyncio.create_task(house.sweep())
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        sweeper.cancel()
        server.close()
        await house.close()


class House:
    """What the sessions of one port share."""

    def __init__(self, routes: Route, door: Door) -> None:
        self.routes = routes
        self.door = door
        self.name = socket.gethostname().encode("ascii", "replace").decode("ascii") or "localhost"
        self.sessions: set[Session] = set()
        settings = [inbox.settings for some in routes.values() for inbox in some]
        self.relays = networks(one for some in settings for one in some.relays)
        self.most_bytes = min([MAIL_BYTES, *(max(1, one.listen_bytes) for one in settings)])
        self.most_recipients = min([max(1, one.listen_recipients) for one in settings], default=1)
        self.too_large = b"552 5.3.4 At most %d bytes a mail\r\n" % self.most_bytes
        self.must_encrypt = any(one.listen_security == "required" for one in settings)
        own = next((one for one in settings if one.listen_certificate), settings[0] if settings else EmailSettings())
        self.certificate = Certificate(own, self.name)
        self.checker = next((Checker(one) for one in settings if one.check_senders and not one.authserv_id), None)

    def encryption_trouble(self) -> str:
        """A sentence when the certificate is of no use; mail is taken all the same, unless it must be encrypted."""
        try:
            self.certificate.context()
        except OSError as problem:
            what = "No mail can come in" if self.must_encrypt else "It comes in unencrypted"
            return f" The certificate cannot be used ({problem}). {what}; check listen_certificate and listen_key."
        return ""

    def is_relay(self, peer: str) -> bool:
        """Whether this is a mail server of ours, whose own address proves nothing."""
        address = _ip(peer)
        return address is None or any(address in network for network in self.relays)

    def inboxes_for(self, recipient: str) -> tuple[Inbox, ...]:
        address = normal("mail", recipient)
        return self.routes.get(address) or self.routes.get(without_plus(address), ())

    async def sweep(self) -> None:
        """Says goodbye to those who said nothing for five minutes."""
        while True:
            await asyncio.sleep(IDLE_SECONDS / 10)
            latest = time.monotonic() - IDLE_SECONDS
            for session in [one for one in self.sessions if one.heard < latest and not one.working]:
                session.leave(b"421 4.4.2 You said nothing for long; goodbye\r\n")

    async def close(self) -> None:
        """Lets a mail that is being stored finish, then ends all."""
        tasks = [one.working for one in self.sessions if one.working]
        for session in list(self.sessions):
            if not session.working:
                session.leave(b"421 4.3.2 Going down; come back later\r\n")
            session.closing = True
        if tasks:
            await asyncio.wait(tasks, timeout=GOODBYE_SECONDS)
        for session in list(self.sessions):
            session.leave(b"")
        if self.checker:
            self.checker.close()


class Session(asyncio.Protocol):
    """One connection, from greeting to goodbye."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.buffer = bytearray()
        self.scanned = 0
        self.in_data = False
        self.dropping = False
        self.working: asyncio.Task[None] | None = None
        self.closing = False
        self.lmtp = False
        self.helo = ""
        self.peer = ""
        self.relayed = False
        self.encrypted = False
        self.mistakes = 0
        self.heard = time.monotonic()
        self.transport: asyncio.Transport
        self.forget()

    def forget(self) -> None:
        """As after RSET: no sender, no recipients."""
        self.sender: str | None = None
        self.recipients: list[tuple[str, tuple[Inbox, ...]]] = []
        self.passed_on: dict[str, str] = {}

    # From the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports are of another class
        self.peer = str((transport.get_extra_info("peername") or ("?",))[0])
        self.relayed = self.house.is_relay(self.peer)
        self.house.sessions.add(self)
        if len(self.house.sessions) > SESSIONS:
            self.leave(b"421 4.7.0 Too many connections; come back later\r\n")
        else:
            self.transport.write(f"220 {self.house.name} ESMTP and LMTP\r\n".encode("ascii"))

    def connection_lost(self, problem: Exception | None) -> None:
        self.house.sessions.discard(self)
        self.buffer.clear()

    def data_received(self, data: bytes) -> None:
        self.heard = time.monotonic()
        self.buffer += data
        if self.working is None:
            self.go_on()
        elif len(self.buffer) > 65536:
            self.transport.pause_reading()

    def leave(self, last_words: bytes) -> None:
        if not self.transport.is_closing():
            if last_words:
                self.transport.write(last_words)
            self.transport.close()
        self.house.sessions.discard(self)

    # Bytes into commands and mails

    def go_on(self) -> None:
        """Work off what has come: commands in a row (PIPELINING), until a mail must be stored first."""
        replies: list[bytes] = []
        while self.working is None and not self.transport.is_closing():
            if self.in_data:
                if not self.take_data(replies):
                    break
                continue
            end = self.buffer.find(b"\r\n")
            if end < 0:
                if len(self.buffer) > COMMAND_BYTES:
                    return self.leave(b"500 5.5.2 Line too long\r\n")
                break
            line = bytes(self.buffer[:end])
            del self.buffer[: end + 2]
            replies.append(self.answer(line))
            if self.mistakes > MISTAKES:
                replies.append(b"421 4.7.0 Too many mistakes; goodbye\r\n")
                return self.leave(b"".join(replies))
            if line[:4].upper() == b"QUIT":
                return self.leave(b"".join(replies))
        if replies and not self.transport.is_closing():
            self.transport.write(b"".join(replies))

    def take_data(self, replies: list[bytes]) -> bool:
        """Look for the end of the mail. The buffer begins with the CR LF of the DATA line itself."""
        end = self.buffer.find(b"\r\n.\r\n", self.scanned)
        if end < 0:
            self.scanned = max(0, len(self.buffer) - 4)
            self.dropping = self.dropping or len(self.buffer) > self.house.most_bytes
            if self.dropping:
                del self.buffer[: self.scanned]
                self.scanned = 0
            return False
        too_large = self.dropping or end > self.house.most_bytes
        raw = bytes(memoryview(self.buffer)[2 : end + 2])
        del self.buffer[: end + 5]
        self.in_data, self.scanned = False, 0
        self.dropping = False
        refusal = self.house.too_large if too_large else self.refusal(raw)
        if refusal:
            replies.append(refusal * (len(self.recipients) if self.lmtp else 1))
            self.forget()
            return True
        if replies:
            self.transport.write(b"".join(replies))
            replies.clear()
        raw = raw.replace(b"\r\n.", b"\r\n").removeprefix(b".")
        self.working = asyncio.get_running_loop().create_task(self.store(raw))
        return True

    def refusal(self, raw: bytes) -> bytes | None:
        if not raw.strip():
            return b"554 5.6.0 The mail is empty\r\n"
        if raw.count(b"\nReceived:", 0, 65536) > HOPS:
            return b"554 5.4.6 The mail goes in circles\r\n"
        if raw.startswith((b".\n", b".\r")) or _HIDDEN_END.search(raw):
            return b"554 5.6.0 Lines end in CR LF, and a dot may not stand alone between other ends\r\n"
        return None

    # Commands

    def answer(self, line: bytes) -> bytes:
        if b"\n" in line or b"\r" in line:
            return self.mistake(b"500 5.5.2 Lines end in CR LF, and only there\r\n")
        verb, _, rest = line.partition(b" ")
        act = _VERBS.get(verb.upper())
        return act(self, rest) if act else self.mistake(b"500 5.5.1 I don't know that command\r\n")

    def mistake(self, reply: bytes) -> bytes:
        self.mistakes += 1
        return reply

    def helo_(self, rest: bytes) -> bytes:
        self.greeted(rest, lmtp=False)
        return f"250 {self.house.name}\r\n".encode("ascii")

    def ehlo_(self, rest: bytes) -> bytes:
        self.greeted(rest, lmtp=False)
        return self.offers()

    def lhlo_(self, rest: bytes) -> bytes:
        self.greeted(rest, lmtp=True)
        return self.offers()

    def greeted(self, rest: bytes, lmtp: bool) -> None:
        self.forget()
        self.lmtp = lmtp
        self.helo = _UNPRINTABLE.sub("", rest.decode("latin-1"))[:255] or "unknown"

    def offers(self) -> bytes:
        lines = [
            self.house.name,
            "PIPELINING",
            f"SIZE {self.house.most_bytes}",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            *([] if self.encrypted else ["STARTTLS"]),
            *(["XFORWARD ADDR HELO"] if self.relayed else []),
        ]
        return "".join(f"250{'-' if one != lines[-1] else ' '}{one}\r\n" for one in lines).encode("ascii")

    def mail_(self, rest: bytes) -> bytes:
        if not self.helo:
            return self.mistake(b"503 5.5.1 Say EHLO or LHLO first\r\n")
        if self.sender is not None:
            return self.mistake(b"503 5.5.1 One sender a mail\r\n")
        if self.house.must_encrypt and not self.encrypted:
            return self.mistake(b"530 5.7.0 Say STARTTLS first\r\n")
        if rest[:5].upper() != b"FROM:":
            return self.mistake(b"501 5.5.4 MAIL FROM:<address>\r\n")
        path, options = _path(rest[5:])
        size = _SIZE.search(options)
        if size and int(size.group(1)) > self.house.most_bytes:
            return self.house.too_large
        self.sender = path
        return b"250 2.1.0 Ok\r\n"

    def xforward_(self, rest: bytes) -> bytes:
        """Postfix's word on who sent it the next mail; believed from mail servers of ours alone."""
        if not self.relayed:
            return self.mistake(b"550 5.7.1 Not from you\r\n")
        if self.sender is not None:
            return self.mistake(b"503 5.5.1 Before MAIL FROM\r\n")
        for key, value in _FORWARDED.findall(rest):
            text = value.decode("ascii", "replace")
            self.passed_on[key.decode("ascii").upper()] = "" if text.upper().startswith("[UNAVAIL") else text
        return b"250 2.0.0 Ok\r\n"

    def rcpt_(self, rest: bytes) -> bytes:
        if self.sender is None:
            return self.mistake(b"503 5.5.1 MAIL FROM first\r\n")
        if rest[:3].upper() != b"TO:":
            return self.mistake(b"501 5.5.4 RCPT TO:<address>\r\n")
        if len(self.recipients) >= self.house.most_recipients:
            return b"452 4.5.3 Too many recipients; send the rest separately\r\n"
        path, _ = _path(rest[3:])
        inboxes = self.house.inboxes_for(path)
        if not inboxes:
            return self.mistake(b"550 5.1.1 No inbox here has this address\r\n")
        self.recipients.append((path, inboxes))
        return b"250 2.1.5 Ok\r\n"

    def data_(self, rest: bytes) -> bytes:
        if not self.recipients:
            return self.mistake(b"503 5.5.1 RCPT TO first\r\n")
        self.in_data, self.scanned = True, 0
        self.buffer[:0] = b"\r\n"
        return b"354 Go on; end with CR LF . CR LF\r\n"

    def rset_(self, rest: bytes) -> bytes:
        self.forget()
        return b"250 2.0.0 Ok\r\n"

    def starttls_(self, rest: bytes) -> bytes:
        """Anything that came behind it in clear is thrown away: somebody on the way may have put it there."""
        if self.encrypted:
            return self.mistake(b"503 5.5.1 It is encrypted already\r\n")
        if rest.strip():
            return self.mistake(b"501 5.5.4 STARTTLS stands alone\r\n")
        try:
            context = self.house.certificate.context()
        except OSError:
            log.exception("the certificate of the mail port cannot be used")
            return b"454 4.7.0 Cannot encrypt now\r\n"
        self.buffer.clear()
        self.transport.pause_reading()
        self.working = asyncio.get_running_loop().create_task(self.encrypt(context))
        return b"220 2.0.0 Begin\r\n"

    async def encrypt(self, context: ssl.SSLContext) -> None:
        try:
            encrypted = await asyncio.get_running_loop().start_tls(
                self.transport, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS
            )
        except (OSError, ConnectionError):  # TimeoutError and ssl.SSLError are of these
            return self.leave(b"")
        finally:
            self.working = None
        if encrypted is None:  # gone during the handshake
            return self.leave(b"")
        self.transport = encrypted
        self.encrypted, self.helo, self.lmtp = True, "", False
        self.forget()
        if self.closing:
            return self.leave(b"421 4.3.2 Going down; come back later\r\n")
        self.go_on()

    def noop_(self, rest: bytes) -> bytes:
        return b"250 2.0.0 Ok\r\n"

    def vrfy_(self, rest: bytes) -> bytes:
        return b"252 2.5.0 Send it and see\r\n"

    def quit_(self, rest: bytes) -> bytes:
        return b"221 2.0.0 Goodbye\r\n"

    # A mail is complete

    async def store(self, raw: bytes) -> None:
        """Answer only when the bytes are safe. A peer gone by then will send again, and we shall know the mail."""
        recipients, sender = self.recipients, self.sender or ""
        try:
            name = provider_id(raw) if len(raw) < IN_THREAD_BYTES else await asyncio.to_thread(provider_id, raw)
            wanted = _by_inbox(recipients)
            seen = await self.house.checker.line(raw, self.envelope(sender)) if self.house.checker else b""
            if len(wanted) == 1:
                ((inbox, paths),) = wanted.items()
                stored = {inbox: await self.hand(inbox, name, seen + self.traced(sender, paths, raw))}
            else:
                hands = [
                    self.hand(inbox, name, seen + self.traced(sender, paths, raw)) for inbox, paths in wanted.items()
                ]
                stored = dict(zip(wanted, await asyncio.gather(*hands), strict=True))
            self.reply(self.verdicts(recipients, stored))
        finally:
            self.working = None
        self.forget()
        if self.closing:
            return self.leave(b"421 4.3.2 Going down; come back later\r\n")
        self.transport.resume_reading()
        self.go_on()

    def envelope(self, sender: str) -> Envelope:
        if not self.relayed:
            return Envelope(peer=self.peer, helo=self.helo, sender=sender)
        peer = self.passed_on.get("ADDR", "").upper().removeprefix("IPV6:")
        known = peer if _ip(peer) and not self.house.is_relay(peer) else ""
        return Envelope(peer=known, helo=self.passed_on.get("HELO", ""), sender=sender)

    async def hand(self, inbox: int, name: str, raw: bytes) -> bool:
        try:
            await self.house.door.take(inbox, name, raw)
        except Busy as problem:
            self.house.door.say(inbox, f"Mail is being turned away for a while: {problem}")
            return False
        except Exception:
            log.exception("a mail for inbox %s could not be stored; its sender will try again", inbox)
            return False
        return True

    def verdicts(self, recipients: list[tuple[str, tuple[Inbox, ...]]], stored: dict[int, bool]) -> list[bool]:
        each = [all(stored[inbox.id] for inbox in inboxes) for _, inboxes in recipients]
        return each if self.lmtp else [all(each)]

    def reply(self, verdicts: list[bool]) -> None:
        if not self.transport.is_closing():
            self.transport.write(
                b"".join(
                    b"250 2.0.0 Kept\r\n" if one else b"451 4.3.0 Cannot store it now; try again\r\n"
                    for one in verdicts
                )
            )

    def traced(self, sender: str, paths: list[str], raw: bytes) -> bytes:
        """With the envelope on top, as a final delivery writes it (RFC 5321, 4.4)."""
        lines = [f"Return-Path: <{sender}>", *(f"Delivered-To: {path}" for path in paths)]
        lines.append(
            f"Received: from {self.helo} ([{self.peer}]) by {self.house.name} with {self.protocol()};"
            f"\r\n {format_datetime(datetime.now(UTC))}"
        )
        return ("\r\n".join(lines) + "\r\n").encode("utf-8", "replace") + raw

    def protocol(self) -> str:
        """As it is registered for Received (RFC 3848)."""
        return ("LMTP" if self.lmtp else "ESMTP") + ("S" if self.encrypted else "")


def networks(written: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks as such; nonsense is left out (the setup page says so)."""
    found: list[Network] = []
    for one in written:
        with suppress(ValueError):
            found.append(ip_network(one, strict=False))
    return tuple(dict.fromkeys(found))


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _by_inbox(recipients: list[tuple[str, tuple[Inbox, ...]]]) -> dict[int, list[str]]:
    wanted: dict[int, list[str]] = {}
    for path, inboxes in recipients:
        for inbox in inboxes:
            paths = wanted.setdefault(inbox.id, [])
            if path not in paths:
                paths.append(path)
    return wanted


def _path(rest: bytes) -> tuple[str, bytes]:
    """The address between the angle brackets, and the options behind it. A source route is skipped."""
    match = _PATH.match(rest)
    path, options = match.groups() if match else (b"", b"")
    text = path.decode("utf-8", "replace").replace("\r", "").replace("\n", "").replace("\0", "")
    return text.rpartition(":")[2][:1000], options


_VERBS = {
    b"HELO": Session.helo_,
    b"EHLO": Session.ehlo_,
    b"LHLO": Session.lhlo_,
    b"MAIL": Session.mail_,
    b"RCPT": Session.rcpt_,
    b"DATA": Session.data_,
    b"RSET": Session.rset_,
    b"STARTTLS": Session.starttls_,
    b"NOOP": Session.noop_,
    b"VRFY": Session.vrfy_,
    b"QUIT": Session.quit_,
    b"XFORWARD": Session.xforward_,
}
