"""Makes a desk with many conversations, through the same door as everything else: batches of events on the log."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from harness.mails import NAMES, sentence
from parley.app import Desk
from parley.core import conversation as talk
from parley.core import events as e
from parley.demo.knowledge import articles
from parley.log.readers import catch_up, skip_to_head
from parley.log.record import Tx
from parley.services import access, knowledge, promises, setup

AT_ONCE = 1000
AGENTS = 30
END = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
YEARS = timedelta(days=730)
SHORT, LONG = (1, 1, 2), (3, 4, 5, 5, 6, 8)  # how often a customer writes, and is answered: 2.5 and 10 messages in all
TEXTS = 20_000  # different ones of long conversations: making each up would take longer than writing it


@dataclass
class Filled:
    """conversations per second with the in-step readers, and again with search and numbers caught up."""

    conversations: int
    messages: int
    written_per_second: float
    followed_per_second: float
    seconds: float


def furnish(desk: Desk, mail_port: int = 0, with_bot: bool = False) -> None:
    """A brand, a mail inbox, a chat, agents; the bot knows the demo's articles."""

    def build(tx: Tx) -> None:
        brand = setup.add_brand(tx, "Larkspur")
        mail = {"listen_port": mail_port, "smtp_host": "127.0.0.1", "smtp_port": 1, "smtp_security": "none"}
        setup.add_inbox(tx, brand, "email", "Mail", "help@larkspur.test", mail)
        setup.add_inbox(tx, brand, "webchat", "Chat", "shop", {"key": "shop", "title": "Larkspur"}, with_bot)
        for number in range(AGENTS):
            setup.add_agent(tx, f"Agent {number}", f"agent{number}@larkspur.test", "admin" if number == 0 else "agent")
        for a in articles() if with_bot else ():
            knowledge.write(tx, a.title, a.markdown, "bench", slug=a.slug, audience=a.audience, wordings=a.wordings)

    desk.record.do(build)
    desk.setup_changed()


def fill(  # type: ignore[no-untyped-def]
    desk: Desk, count: int, seed: int = 1, say=lambda text: None, end: datetime = END, rounds=SHORT, without=()
) -> Filled:
    """Add `count` conversations of the two years before `end`, then let the readers behind the log catch up.

    without: names of readers that begin at the end instead.
    """
    author = Author(random.Random(seed), count, end, rounds)
    began = time.monotonic()
    for start in range(0, count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, count))
        desk.record.do(lambda tx, numbers=numbers: author.write(tx, numbers))
        if start % 50_000 == 0:
            say(f"{start} of {count} conversations written")
    written = time.monotonic()
    say("what is owed is told of")
    while promises.tell_due(desk.record, AT_ONCE):
        pass
    for reader in desk.readers:
        if reader.name in without:
            skip_to_head(desk.record, reader)
        elif not reader.in_step:
            say(f"{reader.name} catches up")
            catch_up(desk.record, reader)
    for follower in desk.followers:
        skip_to_head(desk.record, follower)
    end = time.monotonic()
    return Filled(count, author.messages, count / (written - began), count / (end - began), end - began)


def session(desk: Desk) -> str:
    """The secret of a session of the first agent."""
    return desk.record.do(lambda tx: access.begin_session(tx, 1))


def token(desk: Desk) -> str:
    """An API token of the first agent."""
    return desk.record.do(lambda tx: access.issue_token(tx, 1, "bench"))


class Author:
    """Writes conversations as a shop has them: four of five closed. rounds: how often a customer writes, drawn from
    these."""

    def __init__(self, chance: random.Random, count: int, end: datetime, rounds: tuple[int, ...] = SHORT) -> None:
        self.chance, self.count, self.messages, self.end, self.rounds = chance, count, 0, end, rounds
        self.people: list[tuple[int, int]] = []
        self.texts = [self._made_up() for _ in range(TEXTS if rounds is LONG else 0)]

    def write(self, tx: Tx, numbers: range) -> None:
        ids = tx.new_ids("conversation", len(numbers))
        for number, conversation in zip(numbers, ids, strict=True):
            at = self.end - YEARS * (1 - number / self.count)
            self._one(tx, conversation, at)

    def _one(self, tx: Tx, number: int, at: datetime) -> None:
        person, identity = self._customer(tx, at)
        chat = self.chance.random() < 0.4
        inbox, channel = (2, "webchat") if chat else (1, "email")
        opened = e.ConversationOpened(
            person=person, inbox=inbox, brand=1, channel=channel, subject=sentence(self.chance, 3, 8)
        )
        recent = self.end - at < timedelta(days=60)
        unfinished = self.chance.random() < (0.9 if recent else 0.12)
        agent = self.chance.randint(1, AGENTS)
        facts: list[tuple[timedelta, str, e.Event]] = [(timedelta(0), f"person/{person}", opened)]
        facts += self._talk(tx, person, identity, inbox, channel, agent, unfinished)
        if not unfinished:
            facts.append((timedelta(hours=max(self.rounds) + 3), f"agent/{agent}", e.Closed()))
        if self.chance.random() < 0.1:
            tag = self.chance.choice(("vip", "late", "size", "refund"))
            facts.append((timedelta(hours=max(self.rounds) + 3), f"agent/{agent}", e.Tagged(tag=tag)))
        for later, by, fact in facts:
            tx.append(e.conversation(number), [fact], by, at=at + later, new=isinstance(fact, e.ConversationOpened))

    def _talk(
        self, tx: Tx, person: int, identity: int, inbox: int, channel: str, agent: int, unfinished: bool
    ) -> Iterator[tuple[timedelta, str, e.Event]]:
        rounds = self.chance.choice(self.rounds)
        for turn in range(rounds):
            text, message = self._text(), tx.new_id("message")
            tx.say(message, e.Words(text=text))
            yield timedelta(hours=turn), f"person/{person}", e.MessageReceived(
                message=message, person=person, identity=identity, inbox=inbox, channel=channel,
                external_id=f"<{message}@customer.test>", preview=talk.preview(text),
            )  # fmt: skip
            if unfinished and turn == rounds - 1:
                if self.chance.random() < 0.5:
                    yield timedelta(hours=turn), f"agent/{agent}", e.Assigned(agent=agent)
                return
            if turn == 0:
                yield timedelta(hours=turn), f"agent/{agent}", e.Assigned(agent=agent, reason="answered first")
            text, message = self._text(), tx.new_id("message")
            tx.say(message, e.Words(text=text))
            yield timedelta(hours=turn, minutes=20), f"agent/{agent}", e.ReplyWritten(
                message=message, person=person, identity=identity, inbox=inbox, channel=channel,
                external_id=f"<{message}@larkspur.test>", preview=talk.preview(text),
            )  # fmt: skip
            yield timedelta(hours=turn, minutes=21), "delivery", e.Sent(message=message)

    def _text(self) -> str:
        self.messages += 1
        rare = f" Order {self.chance.randrange(10_000_000)}." if self.chance.random() < 0.3 else ""
        return (self.chance.choice(self.texts) if self.texts else self._made_up()) + rare

    def _made_up(self) -> str:
        return " ".join(sentence(self.chance, 5, 14) for _ in range(self.chance.randint(2, 8)))

    def _customer(self, tx: Tx, at: datetime) -> tuple[int, int]:
        """Every third conversation is of somebody known."""
        if self.people and self.chance.random() < 0.33:
            return self.chance.choice(self.people[-50_000:])
        person, identity = tx.new_id("person"), tx.new_id("identity")
        name = f"{self.chance.choice(NAMES)} {self.chance.choice(NAMES)}son"
        met = e.PersonMet(person=person, name=name)
        mail = f"customer{person}@customer.test"
        claimed = e.IdentityClaimed(identity=identity, person=person, address_kind="mail", value=mail, evidence="wrote")
        tx.append(e.person(person), [met, claimed], "intake", at=at, new=True)
        self.people.append((person, identity))
        return person, identity
