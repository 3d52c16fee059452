"""A server that fetches its mail and gets killed: `durability.server`'s trap, with a mailbox at a mail service.

PARLEY_TEST_MAILBOX holds the settings of its only inbox, as JSON; PARLEY_TEST_KILL_AT is as there.
"""

import json
import os

from durability.server import Trap, watch_the_door
from parley.app import Desk
from parley.config import load
from parley.log.record import Tx
from parley.running import run_server
from parley.services import setup


def build(tx: Tx) -> None:
    settings = json.loads(os.environ["PARLEY_TEST_MAILBOX"])
    setup.add_inbox(tx, setup.add_brand(tx, "Larkspur"), "email", "Mail", "support@acme.example", settings)


def main() -> None:
    trap = Trap(os.environ.get("PARLEY_TEST_KILL_AT", ":0"))
    desk = Desk(load(), probe=trap)
    if not desk.inboxes():
        desk.record.do(build)
        desk.setup_changed()
    watch_the_door(desk, trap)
    run_server(desk.config, desk=desk)


if __name__ == "__main__":
    main()
