"""The server that gets killed: the program as `parley serve` runs it, plus two things of the test's own.

A follower answers every message, so that the outbox is never idle. And a trap kills the process at a
named point: PARLEY_TEST_KILL_AT="before commit:12" at the twelfth time.
"""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from parley.app import Desk
from parley.config import load
from parley.core import events as e
from parley.log.readers import Following
from parley.log.record import Record, Tx
from parley.running import run_server
from parley.services import inbox, replies, setup

POINTS = (
    "after DATA",
    "before commit",
    "after commit",
    "between commit and ack",
    "between peer accepted and commit",
)
CHAT_KEY = "shop"
ADDRESS = "help@larkspur.test"


class Trap:
    """Kills this process at the n-th time that a point is passed."""

    def __init__(self, order: str) -> None:
        self.point, _, count = order.rpartition(":")
        self.left = int(count or 0)
        self._lock = threading.Lock()

    def __call__(self, point: str) -> None:
        if point != self.point:
            return
        with self._lock:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class Answerer:
    """Writes one answer to each message that comes in, as an eager colleague would."""

    name = "answerer"
    kinds = (e.MessageReceived,)
    batch = 50

    def prepare(self, record: Record, batch: Sequence[e.Recorded]) -> None:
        return None

    def act(self, tx: Tx, batch: Sequence[e.Recorded], prepared: None) -> None:
        known = inbox.states(tx.conn, [r.subject_id for r in batch])
        for r in batch:
            assert isinstance(r.event, e.MessageReceived)
            replies.automatic_reply(tx, known[r.subject_id], f"Answer to {r.event.external_id}", "bot/answerer")


def build(tx: Tx, mail_port: int, sink_port: int) -> None:
    """A brand, a mail inbox that listens, a chat; no bot."""
    brand = setup.add_brand(tx, "Larkspur")
    mail = {
        "listen_port": mail_port, "smtp_host": "127.0.0.1", "smtp_port": sink_port, "smtp_security": "none",
    }  # fmt: skip
    setup.add_inbox(tx, brand, "email", "Mail", ADDRESS, mail)
    setup.add_inbox(tx, brand, "webchat", "Chat", CHAT_KEY, {"key": CHAT_KEY, "title": "Larkspur"})


def main() -> None:
    trap = Trap(os.environ.get("PARLEY_TEST_KILL_AT", ":0"))
    desk = Desk(load(), probe=trap)
    if not desk.inboxes():
        mail_port, sink_port = int(sys.argv[1]), int(sys.argv[2])
        desk.record.do(lambda tx: build(tx, mail_port, sink_port))
        desk.setup_changed()
    watch_the_door(desk, trap)
    answering = Following(desk.record, [Answerer()])
    answering.start()
    run_server(desk.config, desk=desk)
    answering.stop()


def watch_the_door(desk: Desk, trap: Trap) -> None:
    """The point "after DATA": everything has arrived, nothing is stored."""
    take = desk.intake.take_async

    async def watched(number: int, provider_id: str, raw: bytes) -> Any:
        trap("after DATA")
        return await take(number, provider_id, raw)

    desk.intake.take_async = watched  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
