"""The bot: a follower of the log that answers what it surely knows and hands over the rest, briefed.

`prepare` understands a message (slow, outside any transaction); `act` decides and appends. It says
where an answer came from and how sure it is, and below its calibrated threshold it never guesses.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from parley.core import conversation as talk
from parley.core import events as e
from parley.core import manner
from parley.core import tone as manners
from parley.core.channel import Channel, Inbox
from parley.core.conversation import State
from parley.core.trial import Change
from parley.log.record import Record, Tx, stream, words_of
from parley.services import (
    errands,
    gathered,
    guessed,
    knowledge,
    orders,
    people,
    proof,
    replies,
    setup,
    tone,
    trials,
    wording,
)
from parley.services import inbox as desk
from parley.services.conduct import Conduct
from parley.services.gathered import BY
from parley.services.language_model import Model
from parley.services.several import Several, corrected
from parley.services.trials import Trial
from parley.services.understanding import Brain, Understood

SKILLS = {
    "order_status": "delivery",
    "change_address": "delivery",
    "cancel_order": "delivery",
    "return_item": "returns",
    "refund_status": "payments",
    "invoice": "payments",
    "password": "account",
}

REASONS = {
    "self_harm": "possible danger to life",
    "safety": "injury or safety",
    "bereavement": "bereavement",
    "vulnerable": "vulnerable customer",
    "legal": "legal matter",
    "fraud": "possible fraud",
    "privacy": "personal data",
    "press": "press",
    "staff": "complaint about staff",
    "wants_human": "asked for a person",
    "anger": "upset customer",
}

WISHES = {
    "order_status": "wants to know where an order is",
    "cancel_order": "wants to cancel an order",
    "return_item": "wants to return something",
    "refund_status": "asks about a refund",
    "change_address": "wants to change a delivery address",
    "invoice": "needs an invoice",
    "password": "cannot get into the account",
}


UNHAPPY = -0.6
"""Mood from which on an agent is told before reading; from -1 to 1."""

NEXT = {
    "placed": "it can still be changed or cancelled",
    "packed": "ask the warehouse before promising a change",
    "in transit": "it can be refused at the door or returned",
    "delivered": "offer a return",
}


class BotFollower:
    """Answers customers' messages in conversations that are with the bot."""

    name = "bot"
    kinds = (e.MessageReceived, e.MessageEdited, e.ToolDelayed, e.ToolAnswered)
    batch = 20

    def __init__(
        self, channels: Mapping[str, Channel], key: bytes, by_meaning: bool = True, vectors: Path | None = None
    ) -> None:
        """key: makes the codes that prove a mail address. by_meaning: use the sentence encoder where it is there.

        vectors: the file that keeps what it makes of the articles.
        """
        self.channels, self.key = channels, key
        self.brain = Brain(by_meaning, vectors)
        self.model: Model | None = None

    def prepare(self, record: Record, batch: Sequence[e.Recorded]) -> dict[int, Understood]:
        with record.reading() as conn:
            heard = [(said, r) for r in batch if (said := _heard(conn, r))]
            now = desk.states(conn, [r.subject_id for _, r in heard])
            mine = {said.message: r for said, r in heard if _is_mine(said, now.get(r.subject_id))}
            received = {one.message: one for one, _ in heard}
            words = words_of(conn, list(mine))
            brands = setup.all_brands(conn)
            tried = self.trials(conn, {number: now[number] for number in {r.subject_id for r in mine.values()}})
        found = {}
        for message, spoken in words.items():
            number = mine[message].subject_id
            trial = tried.get(number)
            if trial is not None and trial.fresh and not self.brain.ready_for(record, trial.change):
                trial = None  # drawn once the candidate's articles are read as well as the desk's own
            change = trial.new if trial else None
            understood = self.brain.understand(record, gathered.question(spoken), brands.get(now[number].brand), change)
            reworded = self._reworded(number, understood, change)
            guess = guessed.guess(
                record, self.model, now[number], understood, live=self._may_lead(received[message]), change=change
            )
            found[message] = msgspec.structs.replace(understood, reworded=reworded, trial=trial, guess=guess)
        return found

    def _may_lead(self, said: e.MessageReceived) -> bool:
        return self.channels[said.channel].manifest.live or said.proved

    def _reworded(self, conversation: int, heard: Understood, change: Change | None) -> str:
        """What a model makes of the surest answer, where there is a model and all of it is held by the article."""
        if self.model is None or not heard.hits or heard.hits[0].confidence < heard.threshold or heard.sensitive:
            return ""
        if change is not None and change.rewrites is False:
            return ""
        hit = heard.hits[0]
        purpose = "trial" if change is not None and change.rewrites else "rewrites"
        answer = self.brain.answer(hit, heard.text)
        return wording.reword(self.model, conversation, answer, [hit.passage], purpose) or ""

    def trials(self, conn: Connection, states: Mapping[int, State]) -> dict[int, Trial]:
        """Which of these conversations take part in the trial of a candidate. A replay puts another in its place."""
        began = [n for n, state in states.items() if state.asked_at is not None and state.asked_at <= state.opened_at]
        return trials.trials(conn, states, began)

    def act(self, tx: Tx, batch: Sequence[e.Recorded], prepared: dict[int, Understood] | None) -> None:
        tx.flush()
        inboxes = setup.all_inboxes(tx.conn, self.channels)
        drawn: set[int] = set()
        for r in batch:
            if isinstance(r.event, e.ToolAnswered | e.ToolDelayed):
                self._go_on(tx, r, inboxes)
                continue
            event = _heard(tx.conn, r)
            if event and prepared and event.message in prepared:
                state = desk.states(tx.conn, [r.subject_id])[r.subject_id]
                if state.status == talk.BOT:
                    if (trial := prepared[event.message].trial) is not None and trial.fresh:
                        if state.id not in drawn:
                            trials.write_down(tx, state.id, trial, BY)
                        drawn.add(state.id)
                    live = self.channels[event.channel].manifest.live
                    Turn(tx, state, event, prepared[event.message], self.brain, inboxes, live, self.key).take()
                    tx.flush()

    def _go_on(self, tx: Tx, r: e.Recorded, inboxes: Mapping[int, Inbox]) -> None:
        """Another system answered, or takes long: the procedure goes on, for the message that had led to the call."""
        assert isinstance(r.event, e.ToolAnswered | e.ToolDelayed)
        answered, past = r.event.call, desk.history(tx.conn, r.subject_id)
        called = next((x.event for x in past if isinstance(x.event, e.ToolCalled) and x.event.call == answered), None)
        because = called.because if called else None
        said = (x.event for x in past if isinstance(x.event, e.MessageReceived))
        message = next((one for one in said if one.message == because), None)
        if message is None:
            return
        state = desk.states(tx.conn, [r.subject_id])[r.subject_id]
        words = words_of(tx.conn, [message.message]).get(message.message)
        heard = Understood(text=gathered.question(words) if words else "")
        live = self.channels[message.channel].manifest.live
        turn = Turn(tx, state, message, heard, self.brain, inboxes, live, self.key)
        errands.take_up(turn.conduct, r, past)
        tx.flush()


def _heard(conn: Connection, r: e.Recorded) -> e.MessageReceived | None:
    """The message that an event brings, or whose words it changes; the bot reads those that stand now."""
    if isinstance(r.event, e.MessageReceived):
        return r.event
    if not isinstance(r.event, e.MessageEdited):
        return None
    number = r.event.message
    said = (p.event for p in reversed(stream(conn, r.stream)))
    return next((one for one in said if isinstance(one, e.MessageReceived) and one.message == number), None)


def _is_mine(said: e.MessageReceived, state: State | None) -> bool:
    if said.automatic or said.history or said.unverified or said.doubt or said.call == "rang":
        return False
    return state is not None and state.status == talk.BOT


class Turn:
    """One answer of the bot, decided inside the transaction that also moves its place."""

    def __init__(
        self,
        tx: Tx,
        state: State,
        message: e.MessageReceived,
        heard: Understood,
        brain: Brain,
        inboxes: Mapping[int, Inbox],
        live: bool,
        key: bytes,
    ) -> None:
        self.tx, self.state, self.message, self.heard = tx, state, message, heard
        self.brain, self.inboxes, self.live, self.key = brain, inboxes, live, key
        self.change = heard.trial.new if heard.trial else None
        self.said = heard.text.removeprefix(f"{state.subject}\n") if not live else heard.text
        self.before = self._pondered()
        self.conduct = Conduct(self)

    def take(self) -> None:
        """Sensitive matters first, then what was asked back, procedures, a guess at one, articles, else a person."""
        for step in (
            self._sensitive, self._asked_back, self.conduct.go_on, self.conduct.take_back, self._corrected,
            self._several, self.conduct.begin, self._order, self._small_talk, self._guessed, self._article,
        ):  # fmt: skip
            if step():
                Several(self).go_on()
                return
        self._unsure()

    def _guessed(self) -> bool:
        return guessed.ask_back(self)

    def of_part(self, heard: Understood) -> "Turn":
        """The same turn, with one of several things that were asked."""
        return Turn(self.tx, self.state, self.message, heard, self.brain, self.inboxes, self.live, self.key)

    def _several(self) -> bool:
        return len(self.heard.parts) > 1 and Several(self).take()

    def _corrected(self) -> bool:
        return corrected(self)

    # what the customer must not get from a machine ─────────────────────────────────────────

    def _sensitive(self) -> bool:
        if not self.heard.sensitive or self.conduct.takes_over():
            return False
        name, evidence = self.heard.sensitive[0]
        self.hand_over(REASONS.get(name, name), f"“{evidence}”")
        return True

    # answers to the bot's own questions ─────────────────────────────────────────────────────

    def _asked_back(self) -> bool:
        if self.before is None:
            return False
        waiting, _, detail = self.before.outcome.partition(": ")
        if waiting == guessed.ASKED:
            return guessed.answered(self, self.before, detail)
        return waiting == "offered" and self._chosen(detail)

    def _chosen(self, detail: str) -> bool:
        """The customer picks one of the offered articles by number or by its title."""
        slugs = detail.split("|")
        text = self.heard.text.strip().lower()
        for number, slug in enumerate(slugs, 1):
            article = knowledge.worded(knowledge.by_slug(self.tx.conn, slug), self.change)
            if text.rstrip(".") == str(number) or text == article.title.lower():
                question = self._question_before()
                knowledge.add_wording(self.tx, article.id, question)
                from parley.ai.retrieval import Article, Library

                alone = Library([Article(slug, article.title, article.body, (*article.wordings, question))])
                hits = alone.search(question, None, 1) or alone.search(article.title, None, 1)
                self._answer_with(hits[0], 1.0, question)
                return True
        return False

    def _question_before(self) -> str:
        earlier = [
            r.event.message
            for r in desk.history(self.tx.conn, self.state.id)
            if isinstance(r.event, e.MessageReceived) and r.event.message != self.message.message
        ]
        words = words_of(self.tx.conn, earlier[-1:])
        return (
            gathered.question(words[earlier[-1]])[:300] if earlier and earlier[-1] in words else self.heard.text[:300]
        )

    # the company's own systems ──────────────────────────────────────────────────────────────

    def _order(self) -> bool:
        wanted = set(self.heard.intents)
        asks_state = "order_status" in wanted and not wanted & {"cancel_order", "return_item", "change_address"}
        if not self.conduct.tells_orders():
            return False
        if asks_state and self.heard.personal:
            known = self.heard.numbers or orders.of_mails(self.tx.conn, self.own_mails(), 1)
            return bool(known or (self.live and not self.sure())) and self.conduct.start("order_status")
        if self.heard.numbers and wanted & {"cancel_order", "change_address"}:
            intent = next(i for i in ("cancel_order", "change_address") if i in wanted)
            self.hand_over(WISHES[intent], f"order {self.heard.numbers[0]}", self.heard.numbers[0])
            return True
        if self.heard.numbers and not (wanted & {"return_item", "refund_status", "invoice"}) and not self.sure():
            return self.conduct.start("order_status")
        return False

    def own_mails(self) -> list[str]:
        """Addresses an answer may speak about: proved ones, or the one this very answer goes to."""
        own = proof.proved_mails(self.tx, self.state.person)
        here = people.identity_by_id(self.tx.conn, self.message.identity)
        return [*own, here.value] if here.kind == "mail" and here.value not in own else own

    # small talk and articles ────────────────────────────────────────────────────────────────

    def _small_talk(self) -> bool:
        wanted = set(self.heard.intents)
        short = len(self.heard.text) < 60
        if not self.live or not short or self.sure():
            return False
        if wanted and wanted <= {"thanks", "goodbye"}:
            self._ponder("thanks", 0.95, "thanked")
            self.say("You are welcome. I am here if there is anything else.")
            return True
        if wanted == {"greeting"}:
            self._ponder("greeting", 0.95, "greeted")
            self.say("Hello! Ask me about an order, a return or a product, or ask for a person at any time.")
            return True
        return False

    def sure(self) -> bool:
        return bool(self.heard.hits) and self.heard.hits[0].confidence >= self.heard.threshold

    def _article(self) -> bool:
        if self.sure():
            self.answer_surely()
            return True
        chance, needed = self.heard.choice
        if self.live and chance >= needed and len(self.heard.hits) > 1 and not self.offered():
            self.offer(self.heard.hits[:3], chance)
            return True
        return False

    def offered(self) -> bool:
        """Whether a choice was offered here before; once is enough."""
        return any(p.outcome.startswith("offered") for p in self._all_pondered())

    def offer(self, hits: Sequence[Any], chance: float) -> None:
        self._ponder("article", chance, "offered: " + "|".join(hit.ref for hit in hits))
        listed = "\n".join(f"{n}. {hit.title}" for n, hit in enumerate(hits, 1))
        self.say(f"Is it one of these? Type its number.\n{listed}", confidence=chance)

    def answer_surely(self) -> None:
        hit = self.heard.hits[0]
        self._answer_with(hit, hit.confidence, self.heard.text, self.heard.reworded)

    def _answer_with(self, hit: Any, confidence: float, question: str, wording: str = "") -> None:
        said = wording or self.brain.answer(hit, question)
        if self._handed_over_unsaid(said):
            return
        self._ponder("article", confidence, f"answered from {hit.ref}")
        self.say(said, sources=(self._source(hit, confidence),), confidence=round(confidence, 3))

    def answer_together(self, parts: Sequence[Understood]) -> None:
        """Several questions in one letter get one letter, with a source for each."""
        said = "\n\n".join(self.brain.answer(part.hits[0], part.text) for part in parts)
        if self._handed_over_unsaid(said):
            return
        hits = [part.hits[0] for part in parts]
        for hit in hits:
            self._ponder("article", hit.confidence, f"answered from {hit.ref}")
        sources = tuple(self._source(hit, hit.confidence) for hit in hits)
        self.say(said, sources=sources, confidence=round(min(hit.confidence for hit in hits), 3))

    def _source(self, hit: Any, confidence: float) -> e.Source:
        return e.Source(
            kind="article",
            title=hit.title,
            ref=hit.ref,
            url=self._address(hit.ref),
            passage=hit.passage[:600],
            confidence=round(confidence, 3),
        )

    def _address(self, slug: str) -> str:
        """Where the article can be read; a draft that is tried out is on no page yet."""
        public = knowledge.by_slug(self.tx.conn, slug).audience == "public"
        return f"/help/of/{self.state.brand}/{slug}" if public else ""

    def _handed_over_unsaid(self, said: str) -> bool:
        """Whether an answer that the brand would not give went to people instead."""
        if unsaid := self._unsaid(said):
            self.hand_over("the answer has words that the brand does not use", f"“{unsaid}”")
        elif stranger := self._not_ours(said):
            self.hand_over("the answer is not in the brand's tone", stranger)
        else:
            return False
        return True

    def _unsaid(self, text: str) -> str:
        """The first words in it that the brand does not say, and has no others for."""
        brand = setup.all_brands(self.tx.conn).get(self.state.brand)
        hits = manner.found(text, brand.look.terms) if brand else []
        return next((words for words, term in hits if not term.say), "")

    def _not_ours(self, text: str) -> str:
        """What would still break a rule for which the brand lets nothing go, once all is mended that can be."""
        found = tone.slips(self.tx.conn, self.state, text, heard=self.message)
        again = tone.slips(self.tx.conn, self.state, manners.mended(text, found), heard=self.message)
        broken = manners.refused(again, tone.of_brand(self.tx.conn, self.state.brand))
        return manners.told(broken[0]) if broken else ""

    # handing over ───────────────────────────────────────────────────────────────────────────

    def _unsure(self) -> None:
        best = self.heard.hits[0].confidence if self.heard.hits else 0.0
        self.hand_over(e.NOT_SURE, f"best guess {best:.0%}")

    def hand_over(
        self,
        reason: str,
        evidence: str,
        urgent_order: str | None = None,
        *,
        say: str = "",
        wish: str = "",
        known: Sequence[str] = (),
        advice: str = "",
        skills: tuple[str, ...] = (),
    ) -> None:
        """Pass it to people, briefed. What a procedure gathered, wants and advises goes before the bot's own guess."""
        wish = wish or next((WISHES[i] for i in self.heard.intents if i in WISHES), "")
        said = f"“{talk.preview(self._matter())}”"
        waiting = [line for line in Several(self).open_wishes() if line not in known]
        card = e.HandoffAsked(
            reason=f"{reason} ({evidence})" if evidence else reason,
            wish=f"{wish}: {said}" if wish else said,
            known=tuple(dict.fromkeys([*(known or self.conduct.known()), *waiting, *self._known(urgent_order)])),
            tried=tuple(self._tried()),
            suggestion=advice or self._suggestion(urgent_order),
            skills=skills or tuple(sorted({SKILLS[i] for i in self.heard.intents if i in SKILLS})),
        )
        best = self.heard.hits[0].confidence if self.heard.hits else 0.0
        self._ponder("hand over", best, e.HANDED_OVER + reason)
        if self.live or say:
            self.say(say or "I am passing this to a colleague, with everything you have told me. One moment.")
        self.tx.append(e.conversation(self.state.id), [card], BY)

    def _matter(self) -> str:
        """What it is about: this message, or the question before it when this one only calls for a person."""
        only_calls = [name for name, _ in self.heard.sensitive] == ["wants_human"] and len(self.heard.text) < 60
        return self._question_before() if only_calls else self.heard.text

    def _known(self, number: str | None) -> list[str]:
        person = people.person(self.tx.conn, self.state.person)
        addresses = people.identities_of(self.tx.conn, person.id)
        known = [f"Name: {person.name}"] if person.name else []
        known += ["They sound unhappy"] if self.heard.mood <= UNHAPPY else []
        known += ["They name " + ", ".join(dict.fromkeys(self.heard.named))] if self.heard.named else []
        known += [f"{i.value} ({i.proof or 'not proved'})" for i in addresses if i.kind == "mail"]
        mine = orders.of_mails(self.tx.conn, [i.value for i in addresses if i.kind == "mail" and i.proof], 3)
        for order in mine:
            if number in (None, order.number):
                known.append(f"Order {order.number}: {order.status}")
        return known

    def _tried(self) -> list[str]:
        """What was done so far, in words an agent reads at a glance."""
        told = []
        for r in self.history():
            if isinstance(r.event, e.ProcedureWentOn):
                told.append(r.event.outcome if r.event.outcome not in gathered.SILENCE else "")
            elif isinstance(r.event, e.BotPondered):
                told.append(self._in_words(r.event.outcome))
        return list(dict.fromkeys(line for line in told if line))

    def _in_words(self, outcome: str) -> str:
        what, _, detail = outcome.partition(": ")
        if what.startswith("answered from "):
            return f"Answered from “{knowledge.by_slug(self.tx.conn, what[14:]).title}”"
        if what == "offered":
            titles = [knowledge.by_slug(self.tx.conn, slug).title for slug in detail.split("|")]
            return "Offered " + ", ".join(f"“{title}”" for title in titles)
        if what == guessed.ASKED:
            procedure = self.conduct.made(detail.partition("|")[0])
            return f"Asked whether the customer {procedure.wish or procedure.title}"
        return ""

    def _suggestion(self, number: str | None) -> str:
        order = orders.by_number(self.tx.conn, number) if number else None
        if order is not None and order.mail in self.own_mails():
            return f"Order {order.number} is {order.status}; {NEXT.get(order.status, 'look at it together')}."
        if self.heard.hits and self.heard.hits[0].confidence >= 0.5:
            hit = self.heard.hits[0]
            return f"Perhaps “{hit.title}” helps ({hit.confidence:.0%} sure)."
        return ""

    # saying and remembering ─────────────────────────────────────────────────────────────────

    def say(self, text: str, *, sources: tuple[e.Source, ...] = (), confidence: float | None = None) -> None:
        replies.automatic_reply(self.tx, self.state, text, BY, sources=sources, confidence=confidence)

    def _ponder(self, intent: str, confidence: float, outcome: str, tool: str | None = None) -> None:
        fact = e.BotPondered(
            message=self.message.message,
            intent=intent,
            confidence=round(confidence, 3),
            tool=tool,
            outcome=outcome,
        )
        self.tx.append(e.conversation(self.state.id), [fact], BY)

    def history(self) -> list[e.Recorded]:
        """What happened here, this turn's own facts included."""
        self.tx.flush()
        return desk.history(self.tx.conn, self.state.id)

    def look_again(self) -> None:
        """They turned out to be somebody: the conversation is another person's now."""
        self.tx.flush()
        self.state = desk.states(self.tx.conn, [self.state.id])[self.state.id]

    def _all_pondered(self) -> list[e.BotPondered]:
        return [r.event for r in self.history() if isinstance(r.event, e.BotPondered)]

    def _pondered(self) -> e.BotPondered | None:
        """What the bot thought last, where no procedure came after it."""
        kinds = (e.BotPondered, e.ProcedureWentOn)
        last = next((r.event for r in reversed(self.history()) if isinstance(r.event, kinds)), None)
        return last if isinstance(last, e.BotPondered) else None


# ── closing what fell silent ────────────────────────────────────────────────────────────────


def close_idle(tx: Tx, row: Any) -> None:
    """The idle timer: the customer said nothing more after the bot's answer. Contained, not proved resolved."""
    state = desk.state(tx.conn, row.conversation)
    if state.status == talk.BOT:
        tx.append(e.conversation(state.id), [e.Closed(resolved=False)], BY)
