"""Watches the server's system calls and checks their order: a mail's bytes are written, then synced, then acknowledged.

kill -9 cannot show this, because what a dead process wrote stays in the system's memory; only loss of power
takes it away. Each mail carries a mark. In the trace its mark must be in a write to the database's log, a
successful fdatasync or fsync of that file must begin after the write and end before the 250 goes out on the
connection on which the mark came in. `bin/fsync-check` is this.
"""

import argparse
import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from durability.kill import Server
from durability.server import ADDRESS
from harness.smtp_sink import smtp_sink

CALLS = "recvfrom,recvmsg,read,sendto,sendmsg,write,writev,pwrite64,pwritev,fsync,fdatasync"
LARGE = 1_500_000  # bytes of a mail that is kept as a file
LARGE_FROM = 900_000  # marks from here on stand in such mails
_CALL = re.compile(r"^(\d+) +([a-z0-9]+)\((\d+)(?:<(.*?)>)?(?=[,) ])(.*)$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. ([a-z0-9]+) resumed>(.*)$")
_MARK = re.compile(r"mark-(\d{6})-mark")


@dataclass
class Seen:
    """One call. began, ended: line numbers in the trace. path: what the descriptor is."""

    name: str
    path: str
    text: str
    began: int
    ended: int = -1

    @property
    def worked(self) -> bool:
        return self.ended >= 0 and " = -1 " not in self.text and "= ?" not in self.text


@dataclass
class Order:
    """acked: mails with a 250 on the wire. proved: those whose bytes were synced before. bad: marks of the others."""

    acked: int = 0
    proved: int = 0
    large: int = 0
    syncs: int = 0
    bad: list[str] = field(default_factory=list)

    @property
    def score(self) -> float:
        return round(self.proved / self.acked, 6) if self.acked else 0.0


def calls_of(trace: Path) -> list[Seen]:
    """The calls of a trace in the order in which they began; a call that another thread interrupts is put together."""
    seen: list[Seen] = []
    open_calls: dict[str, Seen] = {}
    with trace.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines):
            if match := _CALL.match(line):
                thread, name, _, path, rest = match.groups()
                call = Seen(name, path or "", rest, number)
                seen.append(call)
                if "<unfinished ...>" in rest:
                    open_calls[thread] = call
                else:
                    call.ended = number
            elif (match := _RESUMED.match(line)) and (begun := open_calls.pop(match.group(1), None)):
                begun.text, begun.ended = begun.text + match.group(3), number
    return seen


def order_of(calls: list[Seen]) -> Order:
    """Judge every acknowledgement."""
    order = Order()
    came: dict[str, list[tuple[str, int]]] = defaultdict(list)  # connection → marks that came in on it, and when
    written: dict[str, int] = {}  # mark → end of the first write that holds it
    synced: list[tuple[int, int, str]] = []
    for call in calls:
        if call.path.startswith("TCP") and call.name.startswith(("recv", "read")) and call.worked:
            known = {mark for mark, _ in came[call.path]}
            came[call.path] += [(m, call.ended) for m in dict.fromkeys(_MARK.findall(call.text)) if m not in known]
        elif call.name.startswith("pwrite") and call.path.endswith("-wal"):
            for mark in _MARK.findall(call.text):
                written.setdefault(mark, call.ended)
        elif call.name in ("fsync", "fdatasync") and call.worked:
            synced.append((call.began, call.ended, call.path))
    order.syncs = len(synced)
    for path, moment in _acknowledged(calls):
        mark, arrived = came[path].pop(0)
        order.acked += 1
        if int(mark) >= LARGE_FROM:
            ok = _file_first(synced, arrived, moment)
            order.large += 1
        else:
            place = written.get(mark, moment)
            ok = any(place < began <= ended < moment for began, ended, file in synced if file.endswith("-wal"))
        order.proved += ok
        if not ok:
            order.bad.append(mark)
    return order


def _acknowledged(calls: list[Seen]) -> list[tuple[str, int]]:
    """(connection, moment) of each 250 for a whole mail."""
    return [
        (call.path, call.began)
        for call in calls
        if call.path.startswith("TCP") and call.name.startswith(("send", "write")) and "250 2.0.0 Kept" in call.text
    ]


def _file_first(synced: list[tuple[int, int, str]], arrived: int, moment: int) -> bool:
    """A mail that is kept as a file: the file, then its folder, then the row that names it."""
    inside = [(began, ended, path) for began, ended, path in synced if began > arrived and ended < moment]
    file = [ended for _, ended, path in inside if re.search(r"/files/../[0-9a-f]{64}\.", path)]
    folder = [ended for began, ended, path in inside if re.search(r"/files/..$", path) and file and began > file[0]]
    return bool(folder) and any(path.endswith("-wal") and began > folder[0] for began, _, path in inside)


# ── the run ─────────────────────────────────────────────────────────────────────────────────


class Traced(Server):
    """The server under strace."""

    def command(self) -> list[str]:
        trace = str(self.folder / "trace")
        watch = ["strace", "-f", "-yy", "-s", "300000", "-e", f"trace={CALLS}", "-e", "signal=none", "-o", trace]
        return [*watch, *super().command()]


def can_trace() -> bool:
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode == 0


def watched(folder: Path, mails: int, senders: int = 4, large: int = 1) -> Order:
    """Send mails to a traced server and judge the trace."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    with smtp_sink() as sink:
        server = Traced(folder, f"sqlite:///{folder / 'data' / 'parley.db'}", sink.port)
        server.start()
        try:
            asyncio.run(_send_all(server, mails, senders, large))
        finally:
            server.kill()
    return order_of(calls_of(folder / "trace"))


async def _send_all(server: Server, mails: int, senders: int, large: int) -> None:
    assert await server.in_service()
    marks = iter([*range(mails), *range(LARGE_FROM, LARGE_FROM + large)])
    await asyncio.gather(*(_send(server.mail_port, marks) for _ in range(senders)))


async def _send(port: int, marks) -> None:  # type: ignore[no-untyped-def]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def say(what: bytes) -> bytes:
        writer.write(what)
        while (line := await reader.readuntil(b"\r\n"))[3:4] == b"-":
            pass
        return line

    await reader.readuntil(b"\r\n")
    await say(b"EHLO sender.test\r\n")
    for number in marks:
        await say(b"MAIL FROM:<kim@example.com>\r\n")
        await say(f"RCPT TO:<{ADDRESS}>\r\n".encode())
        await say(b"DATA\r\n")
        answer = await say(_mail(number, LARGE if number >= LARGE_FROM else 0))
        assert answer.startswith(b"250"), answer
    writer.close()


def _mail(number: int, padding: int) -> bytes:
    """The mark stands in it often enough that one is whole, wherever a page of the database ends."""
    mark = f"mark-{number:06}-mark"
    head = f"From: kim@example.com\r\nSubject: {mark}\r\nMessage-ID: <{mark}@example.com>\r\n\r\n"
    body = f"{mark} Where is my parcel?\r\n" * 4 + ("x" * 76 + "\r\n") * (padding // 78)
    return (head + body + ".\r\n").encode()


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/fsync-check", description=__doc__)
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--large", type=int, default=10, help="mails of 1.5 MB, which are kept as files")
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--keep", type=Path, help="leave the trace in this folder")
    given = parser.parse_args()
    if not can_trace():
        print("This needs strace and the right to trace (Debian: apt-get install strace).", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="parley-fsync-") as made:
        began = time.monotonic()
        order = watched(given.keep or Path(made), given.mails, given.senders, given.large)
    print(f"order of system calls on SQLite, {time.monotonic() - began:.0f} s")
    print(f"  {order.acked:6}  acknowledgements (250 on the wire), {order.large} of them for mails kept as files")
    print(f"  {order.proved:6}  had their bytes written and then synced before; {order.syncs} syncs in all")
    if order.bad:
        print(f"  NOT PROVED: {', '.join(order.bad[:20])}")
    if given.json:
        print(json.dumps({"test": "fsync", "score": order.score, "acked": order.acked, "proved": order.proved,
                          "syncs": order.syncs}))  # fmt: skip
    return 0 if order.acked and not order.bad else 1


if __name__ == "__main__":
    sys.exit(main())
