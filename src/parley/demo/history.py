"""The week behind the demo, written into the log as if it had been lived: same events, earlier times."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.channel import Address
from parley.core.opinions import is_low
from parley.core.survey_words import WORDING
from parley.core.visits import PAGE, Step
from parley.demo import company
from parley.demo.week import Scripted, Turn
from parley.log.record import Tx
from parley.services import followups, people, replies

ASKED = ("csat", "csat", "nps", "ces")
SAID = {"csat": (1, 2, 3, 4, 5), "nps": (1, 4, 7, 9, 10), "ces": (1, 3, 4, 6, 7)}  # by how content they are, 1 to 5
LEADS = {agent.key for agent in company.agents() if agent.role in ("admin", "lead")}
UNKNOWN = ("no article", "the answer needs experience")  # how cards begin whose question the bot could not answer
DONE = (
    "Called. The parcel had gone to a neighbour; sent a voucher for the wait.",
    "Wrote by hand that we were wrong about the deadline, and took the shoes back.",
    "Refunded the delivery. The carrier is told about this street.",
    "Called twice, reached them in the evening. They were glad somebody asked.",
    "Explained the deposit; the page about it now says so in its first line.",
)

PAGES = {  # by what a chat is about: where they were before they wrote
    "tracking": ("/orders", "/delivery"), "delivery": ("/delivery", "/orders"), "returns": ("/orders", "/returns"),
    "refund": ("/orders", "/returns"), "exchange": ("/size-guide", "/returns"), "sizes": ("/products", "/size-guide"),
    "payments": ("/bag", "/checkout"), "products": ("/products", "/bag"), "warranty": ("/help", "/guarantee"),
    "shoes": ("/products", "/size-guide"), "discounts": ("/sale", "/bag"),
}  # fmt: skip

Moment = tuple[datetime, int, str, e.Event, str]  # when, tie-break, stream, fact, by


class Telling:
    """Writes scripted conversations. brands, agents: numbers by key; inboxes: by `channel kind/brand`."""

    def __init__(
        self, tx: Tx, brands: Mapping[str, int], agents: Mapping[str, int], inboxes: Mapping[tuple[str, str], int]
    ) -> None:
        self.tx, self.brands, self.agents, self.inboxes = tx, brands, agents, inboxes
        self.moments: list[Moment] = []

    def tell(self, scripts: Sequence[Scripted]) -> int:
        """All of them, in the order in which things happened. Returns how many conversations."""
        for script in scripts:
            self._one(script)
        for at, _, stream, fact, by in sorted(self.moments, key=lambda m: (m[0], m[1])):
            self.tx.append(stream, [fact], by, at=at)
        self.tx.flush()
        return len(scripts)

    def _one(self, script: Scripted) -> None:
        number = self.tx.new_id("conversation")
        story = _Story(self, script, number, self._identity(script))
        story.tell()

    def _identity(self, script: Scripted) -> people.Identity:
        mail = Address(kind="mail", value=script.customer, name=script.customer_name)
        known = next(iter(people.meet(self.tx, [mail], "demo", at=script.started_at).values()))
        if script.channel == "email":
            return known
        visitor = Address(kind="visitor", value=f"demo-{script.key}", name="", proved="signed by shop")
        self.tx.flush()
        return people.also_known_as(self.tx, known, visitor, "demo")


class _Story:
    def __init__(self, telling: Telling, script: Scripted, number: int, who: people.Identity) -> None:
        self.telling, self.script, self.who = telling, script, who
        self.tx = telling.tx
        self.number, self.stream = number, e.conversation(number)
        self.inbox = telling.inboxes[(script.channel, script.brand)]
        self.assigned: int | None = None
        self.asked: int | None = None
        self.passed = False

    def tell(self) -> None:
        script = self.script
        with_bot = any(turn.who == "bot" for turn in script.turns)
        self._add(
            0,
            e.ConversationOpened(
                person=self.who.person,
                inbox=self.inbox,
                brand=self.telling.brands[script.brand],
                channel=script.channel,
                subject=talk.title(script.subject, script.turns[0].text),
                with_bot=with_bot,
            ),
            f"person/{self.who.person}",
        )
        self._looked()
        for turn in script.turns:
            self._turn(turn)
        if script.handoff:
            card = script.handoff
            fact = e.HandoffAsked(
                reason=card.reason, wish=card.wish, known=card.known, tried=card.tried,
                suggestion=card.suggestion, skills=card.skills,
            )  # fmt: skip
            if card.reason.startswith(UNKNOWN) and self.asked:
                guess = e.BotPondered(message=self.asked, intent="", confidence=0.4, outcome=e.UNSURE)
                self._add(card.minutes, guess, "bot/helper")
            self._add(card.minutes, fact, "bot/helper")
        self._end()

    def _looked(self) -> None:
        """Two of three who chat agreed to tell which pages they saw."""
        script = self.script
        if self.who.kind != "visitor" or self.number % 3 == 0:
            return
        pages = next((PAGES[tag] for tag in script.tags if tag in PAGES), ("/", "/help"))
        first = 2 + self.number % 7
        steps = tuple(
            Step(PAGE, page, script.started_at - timedelta(minutes=first / (place + 1)))
            for place, page in enumerate(pages)
        )
        fact = e.PagesSeen(
            identity=self.who.id,
            person=self.who.person,
            steps=steps,
            client=f"{1_400_000_000 + self.number}.1712345678",
        )
        at = script.started_at + timedelta(minutes=0.05)
        self.telling.moments.append((at, len(self.telling.moments), e.person(self.who.person), fact, "demo"))

    def _add(self, minutes: float, fact: e.Event, by: str) -> None:
        at = self.script.started_at + timedelta(minutes=minutes)
        self.telling.moments.append((at, len(self.telling.moments), self.stream, fact, by))

    def _turn(self, turn: Turn) -> None:
        kind, _, key = turn.who.partition(":")
        message = self.tx.new_id("message")
        self.tx.say(message, e.Words(text=turn.text, html=turn.html))
        if kind == "customer":
            self._add(turn.minutes, self._received(message, turn), f"person/{self.who.person}")
            self.asked = self.asked or message
        elif kind == "note":
            by = f"agent/{self.telling.agents[key]}"
            self._add(turn.minutes, e.NoteWritten(message=message, preview=talk.preview(turn.text)), by)
        else:
            self._reply(message, turn, "bot/helper" if kind == "bot" else f"agent/{self.telling.agents[key]}")

    def _received(self, message: int, turn: Turn) -> e.MessageReceived:
        return e.MessageReceived(
            message=message,
            person=self.who.person,
            identity=self.who.id,
            inbox=self.inbox,
            channel=self.script.channel,
            external_id=f"<{self.script.key}-{message}@{self.script.customer.rpartition('@')[2]}>",
            preview=talk.preview(turn.text),
        )

    def _reply(self, message: int, turn: Turn, by: str) -> None:
        if by.startswith("agent/") and self.assigned is None:
            self._pass_on(turn.minutes, int(by[6:]))
            self._assign(turn.minutes, int(by[6:]), "answered first")
        source = _source(turn)
        fact = e.ReplyWritten(
            message=message,
            person=self.who.person,
            identity=self.who.id,
            inbox=self.inbox,
            channel=self.script.channel,
            external_id=replies.new_external_id(self.tx.conn, self.inbox),
            preview=talk.preview(turn.text),
            sources=source,
            confidence=source[0].confidence if source else None,
            automatic=by.startswith("bot/"),
        )
        self._add(turn.minutes, fact, by)
        self._add(turn.minutes + 0.05, e.Sent(message=message), "delivery")
        self._add(turn.minutes + 0.1, e.Delivered(message=message), "channel")

    def _pass_on(self, minutes: float, agent: int) -> None:
        """In the weeks before, one in seven lay with somebody who could not help: it took long and was not liked."""
        others = [number for number in self.telling.agents.values() if number != agent]
        if self.script.key.startswith("before-") and self.number % 7 == 0 and minutes > 40:
            self._assign(2, others[self.number % len(others)], "routed")
            self.passed = True

    def _assign(self, minutes: float, agent: int, reason: str) -> None:
        self.assigned = agent
        self._add(minutes, e.Assigned(agent=agent, reason=reason), "routing")

    def _end(self) -> None:
        script = self.script
        last = max((turn.minutes for turn in script.turns), default=0.0)
        agent = self.telling.agents.get(script.assigned or "")
        if agent and self.assigned is None:
            self._assign(last + 0.5, agent, "routed")
        by = f"agent/{self.assigned or 1}"
        for tag in script.tags:
            self._add(last + 0.6, e.Tagged(tag=tag), by)
        if script.snoozed_until:
            self._add(last + 1, e.Snoozed(until=script.snoozed_until), by)
        if script.closed:
            closed = script.closed_minutes if script.closed_minutes is not None else last + 2
            self._add(closed, e.Closed(), by if self.assigned else "bot/helper")
            self._rating(closed)

    def _rating(self, closed: float) -> None:
        script = self.script
        if script.rating is None:
            return
        mood = min(script.rating, 1 + self.number % 3) if self.passed else script.rating
        survey, message = self.tx.new_id("survey"), self.tx.new_id("message")
        asked = closed + 5
        at = script.started_at + timedelta(minutes=asked)
        brand = next(b.name for b in company.brands() if b.key == script.brand)
        self.tx.say(message, e.Words(text=WORDING[ASKED[survey % 4]]["en"].replace("{brand}", brand)))
        self._add(closed + 0.1, e.SurveyDue(survey=survey, person=self.who.person, at=at), "surveys")
        question = e.ReplyWritten(
            message=message,
            person=self.who.person,
            identity=self.who.id,
            inbox=self.inbox,
            channel=script.channel,
            external_id=replies.new_external_id(self.tx.conn, self.inbox),
            automatic=True,
            purpose="survey",
        )
        self._add(asked, question, "surveys")
        self._add(asked + 0.01, e.SurveyAsked(survey=survey, message=message, measure=ASKED[survey % 4]), "surveys")
        self._add(asked + 0.02, e.Sent(message=message), "delivery")
        answered = max(script.rated_minutes or 0.0, asked + 1)
        by = f"person/{self.who.person}"
        comment = None
        if script.comment and not self.passed:
            comment = self.tx.new_id("message")
            self.tx.say(comment, e.Words(text=script.comment))
            self._add(answered, e.NoteWritten(message=comment, preview=talk.preview(script.comment)), by)
        measure = ASKED[survey % len(ASKED)]
        fact = e.SurveyAnswered(
            survey=survey, score=SAID[measure][mood - 1], channel=script.channel, comment_message=comment,
            measure=measure,
        )  # fmt: skip
        self._add(answered + 0.01, fact, by)
        if is_low(fact.measure, fact.score):
            self._followed_up(fact, answered + 0.02)

    def _followed_up(self, answer: e.SurveyAnswered, minutes: float) -> None:
        """What is long past was followed up; newer answers the desk takes up by itself."""
        at = self.script.started_at + timedelta(minutes=minutes)
        if self.tx.at - at <= followups.TOO_OLD:
            return
        leads = [number for key, number in self.telling.agents.items() if key in LEADS]
        task, message = self.tx.new_id("task"), self.tx.new_id("message")
        opened = e.TaskOpened(
            task=task, person=self.who.person, reason=followups.reason_of(answer.measure, answer.score),
            due=at + timedelta(hours=24), owner=leads[task % len(leads)], survey=answer.survey,
            measure=answer.measure, score=answer.score,
        )  # fmt: skip
        self.tx.say(message, e.Words(text=DONE[task % len(DONE)]))
        self._add(minutes, opened, "followups")
        closed = e.TaskClosed(task=task, message=message)
        self._add(minutes + 60 * (3 + task % 19), closed, f"agent/{opened.owner}")


def _source(turn: Turn) -> tuple[e.Source, ...]:
    if not turn.source:
        return ()
    kind, _, ref = turn.source.partition("/")
    if kind == "order":
        return (e.Source(kind="order", title=f"Order {ref}", ref=ref, confidence=0.99),)
    from parley.demo.knowledge import article

    title = article(turn.source).title
    return (e.Source(kind="article", title=title, ref=turn.source, url=f"/help/{turn.source}", confidence=0.93),)


def presence(tx: Tx, agents: Mapping[str, int], made: Sequence[Any]) -> None:
    """Puts the agents where the demo has them."""
    from parley.services import routing

    for a in made:
        if a.presence != "offline":
            routing.set_presence(tx, agents[a.key], a.presence)
