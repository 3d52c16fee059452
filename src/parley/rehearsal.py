"""Holds the written conversations of procedures (`services/procedures/*.talks`) on a whole desk in a folder of its own.

Everything is the real thing (intake, bot, acts, timers, the log) but the clock, which the conversations move.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from parley.app import Desk
from parley.config import Config
from parley.core import events as e
from parley.core.channel import Address, Delivery, Door, Inbound, InboundMessage, Inbox, Manifest, Outbound, Receipt
from parley.core.errors import ParleyError
from parley.log import record as log
from parley.log.readers import catch_up
from parley.services import approvals, inbox, orders, people, procedures, proof, requests, setup, tool_requests, tools
from parley.services.procedures import kept, talks
from parley.services.procedures.talks import Part
from parley.services.tool_requests import Outcome
from parley.services.tools import Tool

HERE = "rehearsal"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
UNITS = {"minute": "minutes", "minutes": "minutes", "hour": "hours", "hours": "hours", "day": "days", "days": "days"}


class NoSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A stage needs none."""


class Entrance:
    """Where the customers of a rehearsal stand: a live channel of which nothing leaves."""

    manifest = Manifest(
        name=HERE, label="Rehearsal", glyph="terminal", identity_kind=HERE, live=True, offered=False, starts=True,
        threads="identity", text_limit=4000, settings=NoSettings,
    )  # fmt: skip

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        who, _, text = delivery.raw.decode().partition("\n")
        return [InboundMessage(sender=Address(kind=HERE, value=who), text=text, external_id=delivery.provider_id)]

    async def listen(self, door: Door) -> None:
        """Nobody comes by themselves."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        return Receipt(provider_id=message.external_id)

    def check(self, inbox: Inbox) -> list[str]:
        return []


class GoesOtherwise(Exception):
    """A conversation did not go as it is written."""


def rehearse(name: str, limits: Mapping[str, int] | None = None, part: Part | None = None) -> list[talks.Result]:
    """Hold every conversation of a procedure. limits: of a brand, by `procedure.limit`; else the usual ones."""
    written = talks.read(procedures.read(part.text).talks if part else procedures.talks_of(name))
    with tempfile.TemporaryDirectory(prefix="parley-rehearsal-") as folder:
        stage = Stage(Path(folder), dict(limits or {}), name, part)
        try:
            return [stage.hold(talk) for talk in written]
        finally:
            stage.desk.record.close()


class Stage:
    """A desk with one brand, a console and a mail inbox, on which each conversation has a customer of its own.

    Other systems are not asked: they answer what the conversation says, or what their connection gives for this.
    """

    def __init__(self, folder: Path, limits: Mapping[str, int], name: str = "", part: Part | None = None) -> None:
        self.now, self.limits, self.numbers = START, limits, 0
        self.name, self.part = name, part
        self.answers: dict[str, str] = {}
        self.place = "@"
        config = Config(data=folder, secret="a secret for rehearsals", ai="words")
        self.desk = Desk(config, clock=self._clock, channels={HERE: Entrance()})
        self.record = self.desk.record
        self.desk.caller.make = self._answer
        self.record.do(self._build)
        self.desk.setup_changed()

    def _clock(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def _build(self, tx: log.Tx) -> None:
        self.brand = setup.add_brand(tx, "Rehearsal")
        self.inbox = setup.add_inbox(tx, self.brand, HERE, "Entrance", "entrance", with_bot=True)
        setup.add_inbox(tx, self.brand, HERE, "Letters", "help@rehearsal.test")
        self.agent = setup.add_agent(tx, "Ana", "ana@rehearsal.test", "agent")
        if self.part:
            for tool in self.part.tools:
                tools.keep(tx, msgspec.structs.replace(tool, secret_headers=()), {}, "rehearsal")
            kept.draft(tx, self.name, self.part.text, "rehearsal", None)
            kept.publish(tx, self.name, self.part.text, "rehearsal")

    @property
    def permitted(self) -> tuple[str, ...]:
        return (*procedures.SHIPPED, *([self.name] if self.part else []))

    async def _answer(self, tool: Tool, *_: Any) -> Outcome:
        """What another system says here."""
        return tool_requests.rehearsed(tool, self.answers.get(tool.name, tool.rehearsed.replace("@", self.place)))

    def hold(self, talk: talks.Talk) -> talks.Result:
        scene = Scene(self, talk)
        self.answers, self.place = {}, scene.place
        try:
            scene.play()
        except (GoesOtherwise, ParleyError) as problem:
            return talks.Result(title=talk.title, problem=str(problem), said=scene.told())
        return talks.Result(title=talk.title, said=scene.told())

    def settle(self) -> None:
        """Let everything work until nothing is left to do."""
        before = -1
        while before != (before := self.record.ask(log.head)):
            while self.desk.intake.process():
                pass
            catch_up(self.record, self.desk.bot)
            asyncio.run(self._calls())
            self.desk.clockwork.fire_due()

    async def _calls(self) -> None:
        while await self.desk.caller.round():
            pass


class Scene:
    """One conversation while it is held."""

    def __init__(self, stage: Stage, talk: talks.Talk) -> None:
        self.stage, self.talk, self.record = stage, talk, stage.record
        stage.numbers += 1
        self.place = f"@t{stage.numbers}."  # every conversation has its own people
        self.who = f"customer-{stage.numbers}"
        self.said: list[tuple[str, str]] = []
        self.fresh: list[str] = []
        self.limits = dict(stage.limits)
        self.begun = self.record.ask(log.head)

    def play(self) -> None:
        self.record.do(self._permit)
        for one in self.talk.lines:
            try:
                getattr(self, f"_{one.kind}")(one.text.replace("@", self.place))
            except GoesOtherwise as problem:
                told = str(problem).replace(self.place, "@")
                raise GoesOtherwise(f"Line {one.number}: {told}") from problem

    def told(self) -> tuple[tuple[str, str], ...]:
        """Who said what, with the addresses as they are written."""
        return tuple((who, text.replace(self.place, "@")) for who, text in self.said)

    # what is so before ──────────────────────────────────────────────────────────────────────

    def _permit(self, tx: log.Tx) -> None:
        look = setup.Look(bot_does=self.stage.permitted, bot_limits=self.limits)
        setup.change_brand(tx, self.stage.brand, "Rehearsal", look)
        tx.conn.execute(orders.orders.delete())
        tx.conn.execute(requests.requests.delete())

    def _limit(self, text: str) -> None:
        name, _, value = text.partition("=")
        self.limits[name.strip()] = int(value)
        look = setup.Look(bot_does=self.stage.permitted, bot_limits=self.limits)
        self.record.do(lambda tx: setup.change_brand(tx, self.stage.brand, "Rehearsal", look))

    def _tool(self, text: str) -> None:
        name, _, answer = text.partition(" ")
        self.stage.answers[name] = answer.strip()

    def _order(self, text: str) -> None:
        written = talks.order(text)
        ago = self.stage.now - timedelta(days=written.days)
        arrived = ago if written.status in ("delivered", "returned") else None
        order = orders.Order(
            number=written.number, brand=self.stage.brand, mail=written.mail, status=written.status,
            placed_at=ago - timedelta(days=3), delivered_at=arrived, address=written.address,
            items=tuple(orders.Item(name=name, cents=cents) for name, cents in written.items),
        )  # fmt: skip
        self.record.do(lambda tx: orders.add(tx, [order]))

    def _known(self, mail: str) -> None:
        """Who the customer is was shown before, as by a shop that signs its visitors in."""

        def prove(tx: log.Tx) -> None:
            here = people.meet(tx, [Address(kind=HERE, value=self.who)], "person/0")
            proved = Address(kind="mail", value=mail, proved="signed by shop")
            people.also_known_as(tx, next(iter(here.values())), proved, "person/0")

        self.record.do(prove)

    # what happens ───────────────────────────────────────────────────────────────────────────

    def _says(self, text: str) -> None:
        text = text.replace("{code}", self._code()) if "{code}" in text else text
        self.said.append(("customer", text))
        self.stage.numbers += 1
        id = f"rehearsal-{self.stage.numbers}"
        self.stage.desk.intake.take(self.stage.inbox, id, f"{self.who}\n{text}".encode()).result(10)
        self._listen()

    def _waits(self, text: str) -> None:
        number, _, unit = text.partition(" ")
        self.stage.now += timedelta(**{UNITS[unit]: int(number)})
        self._listen()

    def _approve(self, _: str) -> None:
        self._judge(True)

    def _decline(self, _: str) -> None:
        self._judge(False)

    def _judge(self, yes: bool) -> None:
        who = inbox.Viewer(agent=self.stage.agent, role="agent", brands=None)
        inboxes, number = self.stage.desk.inboxes(), self._conversation()
        self.record.do(lambda tx: approvals.decide(tx, number, who, yes, inboxes))
        self._listen()

    def _listen(self) -> None:
        """What the bot says now."""
        before = self.record.ask(log.head)
        self.stage.settle()
        told = [r.event for r in self._events(e.ReplyWritten) if r.seq > self._heard and r.event.purpose == "reply"]
        self._heard = max(before, self.record.ask(log.head))
        words = self.record.ask(log.words_of, [one.message for one in told])
        self.fresh = [words[one.message].text for one in told]
        self.said += [("bot", text) for text in self.fresh]

    _heard = 0

    def _events(self, *kinds: type[e.Event]) -> list[Any]:
        return self.record.ask(log.read, self.begun, 100_000, kinds)

    def _code(self) -> str:
        codes = [r.event.message for r in self._events(e.ReplyWritten) if r.event.purpose == "code"]
        if not codes:
            raise GoesOtherwise("no code was mailed")
        return proof.code_of(self.stage.desk.config.key, codes[-1])

    def _conversation(self) -> int:
        return int(self._events(e.ConversationOpened)[-1].subject_id)

    # what has to be so ──────────────────────────────────────────────────────────────────────

    def _hears(self, text: str) -> None:
        if not any(text.lower() in said.lower() for said in self.fresh):
            heard = " / ".join(self.fresh) or "nothing"
            raise GoesOtherwise(f"the bot was to say “{text}” and said “{heard}”")

    def _holds(self, text: str) -> None:
        what, _, rest = text.partition(" ")
        match what:
            case "order":
                self._stands(rest)
            case "made":
                self._made(rest)
            case "called":
                self._called(rest)
            case "nothing" if rest == "called":
                self._equal([r.event.tool for r in self._events(e.ToolCalled)], [], "what was called")
            case "nothing":
                self._equal([one.kind for one in self._requests()], [], "what was made")
            case "handed":
                self._handed(rest.partition(":")[2].strip())
            case "mailed:":
                self._mailed(rest)
            case "still":
                self._equal([r.event.reason for r in self._events(e.HandoffAsked)], [], "hand-overs")
            case _:
                raise GoesOtherwise(f"“{text}” is nothing that can be looked at")

    def _equal(self, seen: object, wanted: object, what: str) -> None:
        if seen != wanted:
            raise GoesOtherwise(f"{what}: {seen} instead of {wanted}")

    def _stands(self, text: str) -> None:
        number, _, wanted = text.partition(" ")
        order = self.record.ask(orders.by_number, number)
        seen = "" if order is None else order.address if wanted.startswith("to ") else order.status
        self._equal(seen, wanted.removeprefix("to "), f"order {number}")

    def _requests(self) -> list[requests.Request]:
        with self.record.reading() as conn:
            rows = conn.execute(requests.requests.select().where(requests.requests.c.undone_at.is_(None)))
            return [requests._read(row) for row in rows]

    def _made(self, text: str) -> None:
        kind, _, item = text.partition(" ")
        made = [(one.kind, str(one.data.get("item", ""))) for one in self._requests()]
        if not any(one == kind and item in (thing, "") for one, thing in made):
            raise GoesOtherwise(f"“{text}” was to be made; there is {made or 'nothing'}")

    def _called(self, text: str) -> None:
        name, _, held = text.partition(" ")
        calls = {r.event.call: r.event.tool for r in self._events(e.ToolCalled)}
        words = self.record.ask(log.words_of, list(calls))
        given = [words[call].text for call, tool in calls.items() if tool == name]
        if not any(held in one for one in given):
            told = ", ".join(calls.values()) or "nothing"
            raise GoesOtherwise(f"“{text}” was to be called; there was {told}" + (f" with {given}" if given else ""))

    def _handed(self, wanted: str) -> None:
        cards = [r.event for r in self._events(e.HandoffAsked)]
        if not cards:
            raise GoesOtherwise("it was to be handed over and was not")
        card = cards[-1]
        held = " / ".join([card.reason, card.wish, *card.known, *card.tried, card.suggestion])
        if wanted.lower() not in held.lower():
            raise GoesOtherwise(f"the card was to say “{wanted}” and says “{held}”")

    def _mailed(self, wanted: str) -> None:
        letters = [r.event.message for r in self._events(e.ReplyWritten) if r.event.purpose == "letter"]
        words = self.record.ask(log.words_of, letters)
        if not any(wanted in one.text for one in words.values()):
            raise GoesOtherwise(f"a letter with “{wanted}” was to go; {len(letters)} went")
