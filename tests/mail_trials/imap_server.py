"""The server that gets killed while it fetches: `parley serve` with a mailbox to watch and a trap at named points."""

import os
import sys
from typing import Any

from durability.server import Trap
from parley.app import Desk
from parley.config import load
from parley.log.record import Tx
from parley.running import run_server
from parley.services import setup
from parley.services.listening import Notebook

POINTS = ("after fetch", "before commit", "after commit", "between commit and ack", "before the note", "after the note")
USER, PASSWORD = "support@acme.example", "word"


def main() -> None:
    trap = Trap(os.environ.get("PARLEY_TEST_KILL_AT", ":0"))
    desk = Desk(load(), probe=trap)
    if not desk.inboxes():
        desk.record.do(lambda tx: _build(tx, sys.argv[1], int(sys.argv[2])))
        desk.setup_changed()
    _watch(desk, trap)
    run_server(desk.config, desk=desk)


def _build(tx: Tx, host: str, port: int) -> None:
    mailbox = {
        "imap_host": host, "imap_port": port, "imap_security": "none", "imap_user": USER, "imap_password": PASSWORD,
        "imap_old_mail": True, "check_senders": False,
    }  # fmt: skip
    setup.add_inbox(tx, setup.add_brand(tx, "Acme"), "email", "Support", USER, mailbox)


def _watch(desk: Desk, trap: Trap) -> None:
    """Points outside the writing path: what was fetched is not yet stored, and its place is about to be noted."""
    take, put = desk.intake.take_async, Notebook.put

    async def taking(inbox: int, provider_id: str, raw: bytes) -> bool:
        trap("after fetch")
        return await take(inbox, provider_id, raw)

    async def noting(self: Notebook, key: str, value: bytes) -> Any:
        trap("before the note")
        await put(self, key, value)
        trap("after the note")

    desk.intake.take_async = taking  # type: ignore[method-assign]
    Notebook.put = noting  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
