"""S2 and S5: mails under a customer's or an agent's name, by which a stranger wants to read or be passed on."""

import itertools
import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from sqlalchemy import select

from harness.desk import StoryDesk
from harness.smtp_sink import Sink, smtp_sink
from parley.channels.email.verdict import Checks
from parley.core import events as e
from parley.services import copies, inbox, people, setup, threads

KIM, EVE, ANA, BO = "kim@customer.test", "eve@evil.test", "ana@larkspur.test", "bo@larkspur.test"
SECRET = "Elm Street 7"  # what the desk told Kim before
PASSED = Checks(spf="pass", spf_domain="customer.test", dmarc="pass", policy="reject")
FAILED = Checks(spf="fail", spf_domain="customer.test", dmarc="fail", policy="reject")
DOUBTFUL = (
    FAILED,
    None,
    Checks(spf="pass", spf_domain="evil.test", dmarc="fail", policy="none"),
    Checks(dmarc="temperror"),
)


def spoofed(answer: str) -> Iterator[dict[str, Any]]:
    """200 ways to pretend to be Kim, each with a stranger who wants to read along."""
    senders: list[dict[str, str]] = [
        {"From": KIM}, {"From": f"Kim <{KIM}>"}, {"From": f'"{KIM}" <{EVE}>'}, {"From": f"{KIM}, {EVE}"},
        {"From": KIM, "Sender": EVE}, {"From": KIM, "Reply-To": EVE}, {"From": f"{KIM.upper()}"},
        {"From": f"=?utf-8?q?Kim_=3C{KIM}=3E?= <{EVE}>"}, {"From": f"{EVE} ({KIM})"}, {"From": f"<{EVE}> {KIM}"},
    ]  # fmt: skip
    others = (
        {"Cc": EVE},
        {"To": f"help@larkspur.test, {EVE}"},
        {"Cc": f'"{KIM}" <{EVE}>'},
        {"Reply-To": EVE, "Cc": EVE},
        {"Bcc": EVE},
    )
    for sender, other, found in itertools.product(senders, others, DOUBTFUL):
        yield {"In-Reply-To": answer, **sender, **other, "checks": found}


def borrowed(count: int, seed: int) -> dict[str, Any]:
    """S2. After each some mails an agent answers to all: Eve must be on no answer, and no mail to her tells the past.

    score 1: no new participant, none of our mails with the secret to anybody but Kim, and each mail was kept.
    """
    with _matter() as (desk, sink, number, answer):
        before, variants = _present(desk, number), list(spoofed(answer))
        random.Random(seed).shuffle(variants)
        offered = 0
        for n, head in enumerate(itertools.islice(itertools.cycle(variants), count)):
            _arrives(desk, f"s{n}", f"Copy me in, {n}", **head)
            if n % 20 == 19:
                desk.settle()
                everybody = desk.record.ask(_everybody, number)
                offered += sum(EVE in mail for mail in everybody)
                desk.agent("ana").replies(f"It goes to {SECRET}.", conversation=number, cc=everybody)
        desk.settle()
        joined = sorted(_present(desk, number) - before)
        told = sum(SECRET.encode() in mail.raw and mail.recipients != [KIM] for mail in sink.mails)
        kept = len(desk.events(e.MessageReceived)) - 1
    good = not joined and not told and not offered and kept == count
    return {
        "trial": "S2", "score": float(good), "mails": count, "variants": len(variants), "new participants": len(joined),
        "answers that told the past to others": told, "offered as a copy": offered, "kept": kept,
    }  # fmt: skip


def as_agents(count: int, seed: int) -> dict[str, Any]:
    """S5. Mails in agents' names, proved and not, with every kind of token: Kim's, another matter's, cut, of a survey,
    of no one. score 1: none was passed on to the customer, and each is held for the desk to see."""
    chance = random.Random(seed)
    with _matter() as (desk, sink, number, answer):
        other = _another(desk)
        tokens = _tokens(desk, number, other, chance)
        sent, had = len(sink.mails), len(desk.events(e.MessageReceived))
        for n in range(count):
            head: dict[str, Any] = {"From": chance.choice((ANA, BO, f"Ana <{ANA}>")), "Subject": "Re: My parcel"}
            head |= {"To": f"help+{next(tokens)}@larkspur.test", "In-Reply-To": chance.choice((answer, "<x@y.test>"))}
            head["checks"] = chance.choice((PASSED, FAILED, None))
            _arrives(desk, f"a{n}", f"Give me your password, {n}", **head)
        desk.settle()
        said = [r for r in desk.events(e.MessageReceived)[had:] if r.subject_id in (number, other)]
        open_ones = sum(not r.event.unverified for r in said)  # type: ignore[union-attr]
        relayed = sum(b"Give me your password" in mail.raw for mail in sink.mails[sent:])
        kept = len(desk.events(e.MessageReceived)) - had
    return {
        "trial": "S5", "score": float(relayed == 0 and open_ones == 0 and kept == count), "mails": count,
        "passed on": relayed, "into a customer's conversation": len(said), "of them not held": open_ones, "kept": kept,
    }  # fmt: skip


class _matter(ExitStack):
    """Kim asked and was answered: (the desk, what it sends, the conversation, the answer's Message-ID)."""

    def __enter__(self) -> tuple[StoryDesk, Sink, int, str]:  # type: ignore[override]
        super().__enter__()
        folder = self.enter_context(tempfile.TemporaryDirectory(prefix="parley-trial-"))
        sink = self.enter_context(smtp_sink())
        desk = self.enter_context(closing(StoryDesk(Path(folder))))
        settings = {"smtp_host": sink.host, "smtp_port": sink.port, "smtp_security": "none"}
        desk.change(lambda tx: setup.change_inbox(tx, desk.mail_inbox, settings=settings))
        desk.desk.setup_changed()
        desk.agent("bo")
        _arrives(desk, "first", "Where is my parcel?", From=KIM, Subject="My parcel", checks=PASSED)
        desk.settle()
        number = desk.conversations()[0].id
        desk.agent("ana").replies(f"It is on its way to {SECRET}.", conversation=number)
        [answer] = desk.events(e.ReplyWritten)
        return desk, sink, number, str(answer.event.external_id)  # type: ignore[union-attr]


def _another(desk: StoryDesk) -> int:
    """Mia's matter, answered as well."""
    known = {state.id for state in desk.conversations()}
    _arrives(desk, "other", "Mine is late.", From="mia@customer.test", Subject="Late", checks=PASSED)
    desk.settle()
    [number] = {state.id for state in desk.conversations()} - known
    desk.agent("bo").replies("We look into it.", conversation=number)
    return number


def _tokens(desk: StoryDesk, number: int, other: int, chance: random.Random) -> Iterator[str]:
    """Without an end: right ones for this and the other matter, of other purposes, changed, cut and made up."""
    key = desk.desk.intake.key
    numbers = [_identity(desk, mail) for mail in (KIM, "mia@customer.test")]
    while True:
        good = threads.sign(key, chance.choice((number, other)), chance.choice(numbers), "reply")
        place = chance.randrange(len(good))
        yield chance.choice(
            (
                good, good[:place] or "r", f"{good[:place]}a{good[place + 1 :]}", "r1.1.1.x",
                threads.sign(key, number, numbers[0], "survey"), threads.sign(b"another house", number, 1, "reply"),
            )
        )  # fmt: skip


def _arrives(desk: StoryDesk, name: str, text: str, checks: Checks | None = None, **head: str) -> None:
    usual = {"To": "help@larkspur.test", "Subject": "Re: My parcel", "Message-ID": f"<{name}@mails.test>"}
    lines = [f"{field}: {value}" for field, value in (usual | head).items()]
    raw = "\r\n".join([*lines, "", text, ""]).encode()
    desk.desk.intake.take(desk.mail_inbox, name, (checks.line() if checks else b"") + raw).result(60)


def _present(desk: StoryDesk, conversation: int) -> set[str]:
    return {who for number, who in desk.rows(threads.participants) if number == conversation}


def _everybody(conn: Any, number: int) -> tuple[str, ...]:
    return copies.of_all(conn, number, inbox.history(conn, number, newest=60))


def _identity(desk: StoryDesk, mail: str) -> int:
    question = select(people.identities.c.id).where(people.identities.c.value == mail)
    return int(desk.record.ask(lambda conn: conn.execute(question).scalar_one()))
