"""S1, S15, S18, S31 and S32: guessed tokens, costly mails, loops of machines, smuggled mails, headers of one's own."""

import asyncio
import itertools
import random
import resource
import tempfile
import time
from contextlib import closing, suppress
from email import message_from_bytes
from pathlib import Path
from typing import Any

from harness.desk import START, StoryDesk
from harness.ports import free_port
from harness.smtp_sink import smtp_sink
from parley.channels.email import EmailSettings, channel
from parley.channels.email.composing import compose
from parley.core import events as e
from parley.core.channel import Address, Attached, Delivery, Door, Inbox, Outbound
from parley.core.errors import SendFailed, Unreadable
from parley.services import setup, threads

KEY = b"the key of a desk under trial, 32 bytes"
SECONDS, MEGABYTES = 5.0, 512
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def guesses(count: int, seed: int) -> dict[str, Any]:
    """S1. Sequential numbers, near misses, other houses' and recipients' tokens, cut and lengthened ones."""
    chance = random.Random(seed)
    good = threads.sign(KEY, 1234, 77, "reply")
    head, _, proof = good.rpartition(".")
    opened = 0
    for number in range(count):
        kind = number % 6
        place = chance.randrange(len(proof))
        guess = (
            f"{head}.{''.join(chance.choices(ALPHABET, k=len(proof)))}",
            f"{head}.{proof[:place]}{chance.choice(ALPHABET)}{proof[place + 1 :]}",
            threads.sign(b"another house %d" % number, 1234, 77, "reply"),
            f"{threads.sign(KEY, 1234, 78 + number, 'reply').rpartition('.')[0]}.{proof}",
            f"{threads.sign(KEY, 1235 + number, 77, 'reply').rpartition('.')[0]}.{proof}",
            good[: chance.randrange(len(good))] + chance.choice(("", "a", ".", "2")) * (number % 2),
        )[kind]
        opened += guess.lower() != good.lower() and threads.read_token(KEY, guess) is not None
    return {"trial": "S1", "score": float(opened == 0), "guesses": count, "opened": opened}


def costly(size: float) -> dict[str, bytes]:
    """The table of costs of the standard library's parser, times `size`."""

    def n(count: int) -> int:
        return max(1, round(count * size))

    head = b"From: kim@example.com\r\nTo: support@acme.example\r\n"
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(n(1000)))
    word = b"=?utf-8?q?w?= "
    addresses = b", ".join(b"kim%d@example.com" % i for i in range(n(16_000)))
    parts = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * n(100_000)
    html = b"Content-Type: text/html\r\n\r\n"
    return {
        "parts nested": head + nested + b"\r\nx",
        "mails nested": head + b"Content-Type: message/rfc822\r\n\r\n" * n(1000) + b"x",
        "comments nested": b"From: kim@example.com\r\nTo: " + b"(" * n(1000) + b"\r\n\r\nx",
        "encoded words": head + b"Subject: " + word * n(32_000) + b"\r\n\r\nx",
        "encoded words, folded": head + b"Subject: " + b"\r\n ".join([word * 4] * n(8_000)) + b"\r\n\r\nx",
        "addresses": b"From: kim@example.com\r\nTo: " + addresses + b"\r\n\r\nx",
        "empty parts": head + parts,
        "headers": head + b"".join(b"X-%d: y\r\n" % i for i in range(n(100_000))) + b"\r\nx",
        "elements nested": head + html + b"<div>" * n(20_000),
        "entities": head + html + b"&amp;" * n(100_000),
        "one long line": head + b"\r\n" + b"> On Mon wrote: " * n(100_000),
        "colons": head + b"\r\n" + b"a:\r\n" * n(100_000),
    }  # fmt: skip


def bombs(size: float, _: int = 0) -> dict[str, Any]:
    """S15. Each is read here, alone, and taken in by a desk that must keep its bytes and stay alive."""
    slowest, heaviest, worst, kept = 0.0, 0.0, "", 0
    box = Inbox(id=1, brand=1, channel="email", name="x", address="support@acme.example", settings=EmailSettings())
    mails = costly(size)
    for name, raw in mails.items():
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        delivery = Delivery(id=1, inbox=1, provider_id=name, received_at=START, raw=raw)
        with suppress(Unreadable):
            channel.read(delivery, box)
        taken = time.process_time() - began
        heaviest = max(heaviest, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
        if taken > slowest:
            slowest, worst = taken, name
    with tempfile.TemporaryDirectory(prefix="parley-trial-") as folder, closing(StoryDesk(Path(folder))) as desk:
        for name, raw in mails.items():
            desk.desk.intake.take(desk.mail_inbox, name, raw).result(60)
        desk.settle()
        found = len(desk.events(e.MessageReceived)) + len(desk.events(e.Quarantined))
        kept = found
    good = slowest <= SECONDS and heaviest <= MEGABYTES and kept == len(mails)
    return {
        "trial": "S15", "score": float(good), "mails": len(mails), "told": kept, "costliest": worst,
        "seconds": round(slowest, 2), "megabytes": round(heaviest),
    }  # fmt: skip


# ── loops ───────────────────────────────────────────────────────────────────────────────────

AUTOMATIC = (
    "Auto-Submitted: auto-replied", "Auto-Submitted: auto-generated", "Precedence: bulk", "Precedence: list",
    "Precedence: auto_reply", "X-Autoreply: yes", "X-Auto-Response-Suppress: All", "List-Id: <all.example.com>",
    "Return-Path: <>", "X-Autorespond: vacation", "List-Unsubscribe: <mailto:off@example.com>", "Feedback-ID: 1:2:3",
)  # fmt: skip


def loops(count: int, seed: int) -> dict[str, Any]:
    """S18. Responders, lists and bounces of which each bears one mark; a person asks the same and is answered."""
    chance = random.Random(seed)
    with (
        tempfile.TemporaryDirectory(prefix="parley-trial-") as folder,
        closing(StoryDesk(Path(folder), with_bot=True)) as desk,
    ):
        for number in range(count):
            mark = AUTOMATIC[number % len(AUTOMATIC)]
            sender = f"box{chance.randrange(count)}@example.com"
            raw = _asks(number, sender, mark)
            desk.desk.intake.take(desk.mail_inbox, f"loop {number}", raw).result(60)
        desk.settle()
        answered = len(desk.events(e.ReplyWritten))
        desk.desk.intake.take(desk.mail_inbox, "person", _asks(count, "mia@example.com", "X-Mailer: mine")).result(60)
        desk.settle()
        person = len(desk.events(e.ReplyWritten)) - answered
    return {
        "trial": "S18", "score": float(answered == 0 and person >= 1), "automatic mails": count, "answered": answered,
        "a person's mail answered": person,
    }  # fmt: skip


def _asks(number: int, sender: str, mark: str) -> bytes:
    return (
        f"{mark}\r\nFrom: {sender}\r\nTo: help@larkspur.test\r\nSubject: Where is it?\r\n"
        f"Message-ID: <loop{number}@example.com>\r\n\r\nWhere is order 10342?\r\n"
    ).encode()


# ── a victim's mailbox ──────────────────────────────────────────────────────────────────────

BAIT = ("WIN-A-CAR", "https://evil.example/pay", "URGENT-Bank")


def flood(count: int, seed: int) -> dict[str, Any]:
    """S4. Mails in a victim's name, each with words for them and a question that the bot could answer."""
    chance, victim = random.Random(seed), "victim@example.org"
    with (
        tempfile.TemporaryDirectory(prefix="parley-trial-") as folder,
        smtp_sink() as sink,
        closing(StoryDesk(Path(folder), with_bot=True)) as desk,
    ):
        settings = {"smtp_host": "127.0.0.1", "smtp_port": sink.port, "smtp_security": "none"}
        desk.change(lambda tx: setup.change_inbox(tx, desk.mail_inbox, settings=settings))
        desk.desk.setup_changed()
        for number in range(count):
            raw = _forged(number, victim, chance)
            desk.desk.intake.take(desk.mail_inbox, f"flood {number}", raw).result(60)
            if number % 500 == 499:
                desk.settle()
        desk.settle()
        sent = [mail.raw for mail in sink.mails]
        desk.later(hours=25)
        desk.desk.intake.take(desk.mail_inbox, "next day", _forged(count, victim, chance)).result(60)
        desk.settle()
        day_after = len(sink.mails) - len(sent)
        kept = len(desk.events(e.MessageReceived))
    baited = sum(any(bait.encode().lower() in raw.lower() for bait in BAIT) for raw in sent)
    good = len(sent) <= 1 and not baited and day_after <= 1 and kept == count + 1
    return {
        "trial": "S4", "score": float(good), "forged mails": count, "sent to the victim": len(sent),
        "with the attacker's words": baited, "the day after": day_after, "kept": kept,
    }  # fmt: skip


def _forged(number: int, victim: str, chance: random.Random) -> bytes:
    thread = f"In-Reply-To: <flood{chance.randrange(number + 1)}@evil.example>\r\n" if number % 3 == 0 else ""
    return (
        f"From: {chance.choice(BAIT)} <{victim}>\r\nTo: help@larkspur.test\r\n"
        f"Subject: {chance.choice(BAIT)} {number}\r\n"
        f"{thread}Message-ID: <flood{number}@evil.example>\r\n\r\n{chance.choice(BAIT)}\r\nWhere is order 10342?\r\n"
    ).encode()


# ── smuggling ───────────────────────────────────────────────────────────────────────────────

FIRST = b"From: kim@example.com\r\nTo: support@acme.example\r\nSubject: One\r\n\r\nHello\r\n"
ENDS = [
    a + b"." + b
    for a, b in itertools.product((b"\n", b"\r", b"\r\n", b"\r\r\n", b"\n\r", b"\0\n", b"\r\n\0"), repeat=2)
]


def smuggled(seed: int) -> list[bytes]:
    """What follows DATA, for every pair of line ends around a dot and several ways to go on behind it."""
    chance = random.Random(seed)
    second = b"MAIL FROM:<boss@example.com>%sRCPT TO:<support@acme.example>%sDATA%sFrom: boss@example.com%s%sPay!"
    found = []
    for end in ENDS:
        for inner in (b"\r\n", b"\n", b"\r"):
            for before in (b"", b"text", b"text\r\n", b"text\n", b".", b".."):
                if b"\r\n.\r\n" in FIRST + before + end:
                    continue  # that is an end, and what follows is a second mail by right
                tail = second.replace(b"%s", inner) + b"\r\n.\r\n"
                found.append(FIRST + before + end + chance.choice((b"", b"RSET" + inner, b"EHLO y" + inner)) + tail)
    size = len(FIRST) + 20
    found += [b"BDAT %d LAST\r\n" % size + FIRST + b"\n.\n" + second.replace(b"%s", b"\r\n") + b"\r\n.\r\n"]
    return found


def smuggling(_: int, seed: int) -> dict[str, Any]:
    """S31. One transaction gives one mail at most, and none of it is the second's; bytes come in several portions."""
    return asyncio.run(_smuggling(smuggled(seed), random.Random(seed)))


async def _smuggling(variants: list[bytes], chance: random.Random) -> dict[str, Any]:
    kept: list[bytes] = []

    async def take(inbox: int, name: str, raw: bytes) -> bool:
        kept.append(raw)
        return True

    port = free_port()
    settings = EmailSettings(listen_port=port, check_senders=False)
    box = Inbox(id=1, brand=1, channel="email", name="x", address="support@acme.example", settings=settings)
    said: list[str] = []
    door = Door(inboxes=[box], take=take, memory=None, say=lambda _, words: said.append(words), environment={})  # type: ignore[arg-type]
    listener = asyncio.create_task(channel.listen(door))
    while not said:
        await asyncio.sleep(0.01)
    refused = whole = two = 0
    for variant in variants:
        before = len(kept)
        await _talk(port, variant, chance)
        came = kept[before:]
        refused += not came
        whole += len(came) == 1 and came[0].count(b"Return-Path:") == 1
        two += len(came) > 1 or any(raw.startswith(b"Return-Path: <boss") for raw in came)
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)
    return {
        "trial": "S31", "score": float(two == 0 and refused + whole == len(variants)), "variants": len(variants),
        "refused": refused, "one mail": whole, "smuggled": two,
    }  # fmt: skip


async def _talk(port: int, variant: bytes, chance: random.Random) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    hello = b"EHLO x\r\nMAIL FROM:<kim@example.com>\r\nRCPT TO:<support@acme.example>\r\n"
    talk = hello + (b"" if variant.startswith(b"BDAT") else b"DATA\r\n") + variant + b"QUIT\r\n"
    cut = chance.randrange(len(talk))
    writer.write(talk[:cut])
    await writer.drain()
    await asyncio.sleep(0)
    writer.write(talk[cut:])
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(5):
            await reader.read()
    writer.close()


# ── headers ─────────────────────────────────────────────────────────────────────────────────

BREAKS = ("\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\0", "%0d%0a", "=?utf-8?q?=0D=0A?=")
ALLOWED = {
    "Date", "From", "To", "Cc", "Subject", "Message-ID", "Reply-To", "In-Reply-To", "References", "X-Loop",
    "Precedence", "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type",
    "Content-Transfer-Encoding", "Auto-Submitted", "X-Auto-Response-Suppress",
}  # fmt: skip


UNSEEN = "boss@example.com"


def one_address(value: str) -> bool:
    """A header of ours for the unseen copy: that address alone, at most with a percent sign's letters in its name."""
    return value.endswith("@example.com") and value.count("@") == 1 and "eve" not in value and not value.split()[1:]


def headers(count: int, seed: int) -> dict[str, Any]:
    """S32. Line breaks of all kinds, with a header behind them, in whatever a mail of ours is made of."""
    chance = random.Random(seed)
    box = Inbox(id=1, brand=1, channel="email", name="x", address="support@acme.example", settings=EmailSettings())
    added = doubled = refused = 0
    for number in range(count):
        raw = _composed(number, chance, box)
        refused += not raw
        mail = message_from_bytes(raw)
        names = mail.keys()
        ours = {"Bcc"} if one_address(mail["Bcc"] or "") else set()
        added += bool(set(names) - ALLOWED - ours)
        doubled += len(names) != len({name.lower() for name in names})
    good = not added and not doubled and refused < count / 2
    return {
        "trial": "S32",
        "score": float(good),
        "mails": count,
        "added": added,
        "doubled": doubled,
        "refused": refused,
    }


def _composed(number: int, chance: random.Random, box: Inbox) -> bytes:
    def odd(text: str) -> str:
        place = chance.randrange(len(text) + 1)
        return text[:place] + chance.choice(BREAKS) + chance.choice(("Bcc: eve@example.com", "", "X: y")) + text[place:]

    def some(text: str) -> str:
        return odd(text) if chance.random() < 0.5 else text

    message = Outbound(
        message=number, conversation=1, to=Address(kind="mail", value="kim@example.com", name=some("Kim Rivers")),
        text=some("Hello"), subject=some("Your order"), external_id=some("<one@acme.example>"),
        references=(some("<two@acme.example>"),), in_reply_to=some("<three@acme.example>"), reply_token=some("r1.2.3"),
        sender_name=some("Ana"), brand_name=some("Acme"), cc=(some("lou@example.com"),), bcc=(some(UNSEEN),),
        purpose=chance.choice(("reply", "bulk", "code")), unsubscribe_url=some("https://acme.example/off"),
        files=(Attached(name=some("a.txt"), type=some("text/plain"), data=b"x", cid=some("one")),),
    )  # fmt: skip
    try:
        return compose(message, box, for_service=number % 2 == 1)
    except SendFailed:  # an address that is none: a mail that is not made adds no header
        return b""
