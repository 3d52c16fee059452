"""S1 by SMTP: mails to guessed reply addresses, in a stranger's name and in the customer's, to a desk that listens."""

import asyncio
import itertools
import random
import tempfile
import time
from collections.abc import Iterator
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from harness.desk import StoryDesk
from harness.ports import free_port
from harness.smtp_sink import Mail, Sink, smtp_sink
from harness.waiting import eventually
from harness.web import serving
from mail_trials.attacks import ALPHABET
from parley.channels.email.mime import parse
from parley.channels.email.words import text_of
from parley.core import events as e
from parley.log.tables import deliveries
from parley.services import setup, threads

SENDERS = 8
KIM, EVE = "kim@customer.test", "eve@evil.test"
PATIENCE = 1800.0


def trial(count: int, seed: int) -> dict[str, Any]:
    """score 1: no guess came into the conversation, its own address did, and a stranger who has that one is held."""
    began, port = time.monotonic(), free_port()
    with tempfile.TemporaryDirectory(prefix="parley-trial-") as folder, smtp_sink() as sink:
        desk = StoryDesk(Path(folder))
        settings = {
            "smtp_host": sink.host, "smtp_port": sink.port, "smtp_security": "none",
            "listen_host": "127.0.0.1", "listen_port": port, "check_senders": False,
        }  # fmt: skip
        desk.change(lambda tx: setup.change_inbox(tx, desk.mail_inbox, settings=settings))
        desk.desk.setup_changed()
        with serving(desk):
            good = _answered(desk, sink, port)
            before = _in_conversation(desk)
            guesses = iter(list(itertools.islice(guessed(good, desk.desk.intake.key, seed), count)))
            refused = asyncio.run(_all(port, guesses))
            taken = count - refused
            eventually(lambda: _filed(desk) >= before + taken, PATIENCE)
            appended = _in_conversation(desk) - before
            asyncio.run(_all(port, iter([(KIM, good, "mine"), (EVE, good, "theirs")])))
            eventually(lambda: _filed(desk) >= before + taken + 2, PATIENCE)
            held = _held(desk)
            mine, relayed = _in_conversation(desk) - before - appended - held, len(sink.mails)
    return {
        "trial": "S1 by SMTP", "score": float(appended == 0 and mine == 1 and held == 1 and relayed == 0),
        "guesses": count, "appended": appended, "refused at the door": refused, "its own address appended": mine,
        "a stranger with it held": held, "mails that left": relayed, "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


def _answered(desk: StoryDesk, sink: Sink, port: int) -> str:
    """Kim asks and is answered; the local part to which the answer wants its answer."""
    asyncio.run(_all(port, iter([(KIM, "help", "Where is my parcel?")])))
    eventually(lambda: _filed(desk) == 1, 60)
    desk.agent("ana").replies("It is on its way.", settle=False)
    [mail] = sink.wait_for(1)
    sink.mails = []
    return _reply_address(mail).partition("@")[0]


def _reply_address(mail: Mail) -> str:
    head = parse(mail.raw)
    return parseaddr(text_of(head.first("reply-to") or head.first("from")))[1]


def guessed(good: str, key: bytes, seed: int) -> Iterator[tuple[str, str, str]]:
    """(sender, local part, mark): random and near proofs, other numbers under this proof, other desks', cut ones."""
    chance = random.Random(seed)
    box, _, token = good.partition("+")
    head, _, proof = token.rpartition(".")
    for number in itertools.count():
        place = chance.randrange(len(proof))
        guess = (
            f"{head}.{''.join(chance.choices(ALPHABET, k=len(proof)))}",
            f"{head}.{proof[:place]}{chance.choice(ALPHABET)}{proof[place + 1 :]}",
            threads.sign(b"another house %d" % number, 1, 1, "reply"),
            f"{threads.sign(key, 1, 2 + number, 'reply').rpartition('.')[0]}.{proof}",
            f"{threads.sign(key, 2 + number, 1, 'reply').rpartition('.')[0]}.{proof}",
            token[: chance.randrange(1, len(token))],
            f"{number + 1}",
        )[number % 7]
        if guess.lower() != token.lower():
            yield (EVE, KIM)[number // 7 % 2], f"{box}+{guess}", f"guess {number}"


async def _all(port: int, mails: Iterator[tuple[str, str, str]]) -> int:
    return sum(await asyncio.gather(*(_send(port, mails) for _ in range(SENDERS))))


async def _send(port: int, mails: Iterator[tuple[str, str, str]]) -> int:
    """How many of its mails were refused, each on a connection that stays open."""
    reader, writer = await _connected(port)

    async def told(line: bytes) -> bytes:
        writer.write(line + b"\r\n")
        while (answer := await reader.readuntil(b"\r\n"))[3:4] == b"-":
            pass
        return answer

    await reader.readuntil(b"\r\n")
    await told(b"EHLO sender.test")
    refused = 0
    for sender, box, mark in mails:
        await told(b"MAIL FROM:<%b>" % sender.encode())
        if not (await told(b"RCPT TO:<%b@larkspur.test>" % box.encode())).startswith(b"250"):
            refused += 1
            await told(b"RSET")
            continue
        await told(b"DATA")
        raw = (
            f"From: {sender}\r\nTo: {box}@larkspur.test\r\nSubject: {mark}\r\n"
            f"Message-ID: <{mark.replace(' ', '-').rstrip('?')}@{sender.partition('@')[2]}>\r\n\r\n{mark}\r\n."
        )
        answer = await told(raw.encode())
        if not answer.startswith(b"250"):
            raise RuntimeError(f"not taken: {answer.decode()}")
    writer.close()
    return refused


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    for _ in range(400):
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
    raise RuntimeError("The inbox did not begin to listen.")


def _filed(desk: StoryDesk) -> int:
    done = select(func.count()).select_from(deliveries).where(deliveries.c.state != "new")
    return int(desk.record.ask(lambda conn: conn.execute(done).scalar_one()))


def _in_conversation(desk: StoryDesk) -> int:
    """Messages in Kim's conversation, the first."""
    first = min(r.subject_id for r in desk.events(e.MessageReceived))
    return sum(r.subject_id == first for r in desk.events(e.MessageReceived))


def _held(desk: StoryDesk) -> int:
    """Of those, the ones whose sender the conversation does not know."""
    first = min(r.subject_id for r in desk.events(e.MessageReceived))
    mine = [r.event for r in desk.events(e.MessageReceived) if r.subject_id == first]
    return sum(isinstance(said, e.MessageReceived) and bool(said.unverified) for said in mine)
