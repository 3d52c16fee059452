"""R9: a mailbox watched by two pollers that are cut off at any moment, while it is numbered anew."""

import asyncio
import random
import time
from typing import Any

from harness.dovecot import Dovecot, dovecot
from parley.channels.email import EmailSettings, channel
from parley.channels.email.mime import parse
from parley.channels.email.words import text_of
from parley.core.channel import Door, Inbox
from parley.core.errors import Busy

QUIET_SECONDS = 90.0  # nothing handed over for so long: what is missing will not come
USER, PASSWORD = "support@acme.example", "word"


class Desk:
    """Keeps every delivery once, as UNIQUE(inbox, provider id) does; sometimes says that it is busy."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.kept: dict[str, bytes] = {}
        self.notes: dict[str, bytes] = {}
        self.trials = 0

    async def take(self, inbox: int, name: str, raw: bytes) -> bool:
        self.trials += 1
        await asyncio.sleep(0)
        if self.chance.random() < 0.002:
            raise Busy("The disk is full for a moment.")
        new = name not in self.kept
        self.kept.setdefault(name, raw)
        return new

    async def get(self, key: str) -> bytes | None:
        await asyncio.sleep(0)
        return self.notes.get(key)

    async def put(self, key: str, value: bytes) -> None:
        await asyncio.sleep(self.chance.random() * 0.002)
        self.notes[key] = value

    def door(self, inbox: Inbox) -> Door:
        return Door(inboxes=[inbox], take=self.take, memory=self, say=lambda *_: None, environment={})


def mail(number: int, chance: random.Random) -> bytes:
    """Every tenth shares a Message-ID with another, has none, or one of 998 letters."""
    name = f"<{number}@example.com>"
    if number % 10 == 0:
        name = chance.choice(("", "<same@example.com>", f"<{'x' * 985}@example.com>"))
    head = f"Message-ID: {name}\r\n" if name else ""
    return f"From: kim@example.com\r\nTo: {USER}\r\nSubject: Question {number}\r\n{head}\r\nNo. {number}\r\n".encode()


def trial(mails: int, cuts: int, seed: int) -> dict[str, Any]:
    """score 1: every mail was taken, and once."""
    chance, began = random.Random(seed), time.monotonic()
    desk = Desk(chance)
    with dovecot({USER: PASSWORD}) as server:
        settings = EmailSettings(
            imap_host=server.host, imap_port=server.imap_port, imap_security="none", imap_user=USER,
            imap_password=PASSWORD, check_senders=False,
        )  # fmt: skip
        inbox = Inbox(id=1, brand=1, channel="email", name="Support", address=USER, settings=settings)
        asyncio.run(_run(desk, server, inbox, mails, cuts, chance))
    seen = [text_of(parse(raw).first("subject")) for raw in desk.kept.values()]
    lost = mails - len(set(seen))
    doubled = len(seen) - len(set(seen))
    return {
        "trial": "R9", "score": float(lost == 0 and doubled == 0), "mails": mails, "cuts": cuts, "lost": lost,
        "doubled": doubled, "handed over": desk.trials, "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


async def _run(desk: Desk, server: Dovecot, inbox: Inbox, mails: int, cuts: int, chance: random.Random) -> None:
    given = 0
    for cut in range(cuts):
        upto = mails * (cut + 1) // cuts
        for number in range(given, upto):
            await asyncio.to_thread(server.deliver, USER, mail(number, chance))
        given = upto
        if cut and cut % max(1, cuts // 3) == 0:
            await asyncio.to_thread(server.number_anew, USER)
        watchers = [asyncio.create_task(channel.listen(desk.door(inbox))) for _ in range(2)]
        await asyncio.sleep(chance.random() * 0.4)
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
    watcher = asyncio.create_task(channel.listen(desk.door(inbox)))
    seen, since = -1, time.monotonic()
    while len(desk.kept) < mails and time.monotonic() - since < QUIET_SECONDS:
        if desk.trials != seen:
            seen, since = desk.trials, time.monotonic()
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)  # what comes too often comes now
    watcher.cancel()
    await asyncio.gather(watcher, return_exceptions=True)
