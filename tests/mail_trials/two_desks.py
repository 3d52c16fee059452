"""S18 with two desks: each answers by itself, and each is the other's customer."""

import tempfile
from contextlib import ExitStack, closing
from email import message_from_bytes
from pathlib import Path
from typing import Any

from harness.desk import StoryDesk
from harness.smtp_sink import Sink, smtp_sink
from parley.core import events as e
from parley.services import setup

ADDRESSES = ("help@larkspur.test", "care@heron.test")
ROUNDS = 12
QUESTION = "Where is order 10342?"
PASSED_ON = ("From", "Message-ID")
MARKS = ("To", "Reply-To", "Subject", "In-Reply-To", "References", "Auto-Submitted", "X-Auto-Response-Suppress")


def trial(days: int, seed: int) -> dict[str, Any]:
    """A question begins it once a day; every second day the marks of machines are lost on the way."""
    most, kept = 0, 0
    with ExitStack() as stack:
        desks = [_desk(stack, address) for address in ADDRESSES]
        for day in range(days):
            sent = _talk(desks, day + seed, plain=day % 2 == 1)
            most = max(most, sent)
            kept += sent
            for desk, _ in desks:
                desk.later(hours=25)
        heard = sum(len(desk.events(e.MessageReceived)) for desk, _ in desks)
        lost = kept + days - heard
        answered = len(desks[0][0].events(e.ReplyWritten))
    return {
        "trial": "S18 two desks", "score": float(most <= 2 and answered >= 1 and lost == 0), "days": days,
        "answers to one question": most, "the first desk's answers": answered, "mails lost": lost,
    }  # fmt: skip


def _desk(stack: ExitStack, address: str) -> tuple[StoryDesk, Sink]:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-trial-"))
    sink = stack.enter_context(smtp_sink())
    desk = stack.enter_context(closing(StoryDesk(Path(folder), with_bot=True)))
    settings = {"smtp_host": sink.host, "smtp_port": sink.port, "smtp_security": "none"}
    desk.change(lambda tx: setup.change_inbox(tx, desk.mail_inbox, address=address, settings=settings))
    desk.desk.setup_changed()
    return desk, sink


def _talk(desks: list[tuple[StoryDesk, Sink]], day: int, *, plain: bool) -> int:
    """How many mails the desks sent each other until they were silent, or ROUNDS were over."""
    for _, sink in desks:
        sink.mails = []  # what time brought, such as a survey
    begins = (
        f"From: {ADDRESSES[1]}\r\nTo: {ADDRESSES[0]}\r\nSubject: Where is it?\r\nMessage-ID: <day{day}@heron.test>\r\n"
        f"\r\n{QUESTION}\r\n"
    ).encode()
    _take(desks[0][0], f"begins {day}", begins)
    sent = 0
    for number in range(ROUNDS):
        (_, sink), (hearer, _) = desks[number % 2], desks[1 - number % 2]
        said, sink.mails = sink.mails, []
        for place, mail in enumerate(said):
            _take(hearer, f"day {day} {number} {place}", _carried(mail.raw, plain=plain))
        sent += len(said)
        if not said and number:
            break
    return sent


def _carried(raw: bytes, *, plain: bool) -> bytes:
    """It asks the question anew. Plain, it opens a new matter each time, as ticket systems do: bots would go on."""
    mail = message_from_bytes(raw)
    kept = [*PASSED_ON, *([] if plain else MARKS)]
    head = "".join(f"{name}: {mail[name]}\r\n" for name in kept if mail[name])
    return f"{head}\r\n{QUESTION}\r\n".encode()


def _take(desk: StoryDesk, name: str, raw: bytes) -> None:
    desk.desk.intake.take(desk.mail_inbox, name, raw).result(60)
    desk.settle()
