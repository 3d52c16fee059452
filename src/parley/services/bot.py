"""The bot: a follower of the log that answers what it surely knows and hands over the rest, briefed.

`prepare` understands a message (slow, outside any transaction); `act` decides and appends. It says
where an answer came from and how sure it is, and below its calibrated threshold it never guesses.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.channel import Channel, Inbox
from parley.core.conversation import State
from parley.core.errors import Refused
from parley.core.procedure import Ask, Declined, Procedure, Propose, Ready, decide
from parley.log.record import Record, Tx, stream, words_of
from parley.services import inbox as desk
from parley.services import knowledge, orders, people, procedures, proof, replies, setup
from parley.services.understanding import Brain, Understood

BY = "bot/helper"

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
    kinds = (e.MessageReceived, e.MessageEdited)
    batch = 20

    def __init__(
        self, channels: Mapping[str, Channel], key: bytes, by_meaning: bool = True, vectors: Path | None = None
    ) -> None:
        """key: makes the codes that prove a mail address. by_meaning: use the sentence encoder where it is there.

        vectors: the file that keeps what it makes of the articles.
        """
        self.channels, self.key = channels, key
        self.brain = Brain(by_meaning, vectors)

    def prepare(self, record: Record, batch: Sequence[e.Recorded]) -> dict[int, Understood]:
        with record.reading() as conn:
            heard = [(said, r) for r in batch if (said := _heard(conn, r))]
            now = desk.states(conn, [r.subject_id for _, r in heard])
            mine = {said.message: r for said, r in heard if _is_mine(said, now.get(r.subject_id))}
            words = words_of(conn, list(mine))
            brands = setup.all_brands(conn)
        found = {}
        for message, spoken in words.items():
            brand = brands.get(now[mine[message].subject_id].brand)
            found[message] = self.brain.understand(record, _question(spoken), brand)
        return found

    def act(self, tx: Tx, batch: Sequence[e.Recorded], prepared: dict[int, Understood] | None) -> None:
        tx.flush()
        inboxes = setup.all_inboxes(tx.conn, self.channels)
        for r in batch:
            event = _heard(tx.conn, r)
            if event and prepared and event.message in prepared:
                state = desk.states(tx.conn, [r.subject_id])[r.subject_id]
                if state.status == talk.BOT:
                    live = self.channels[event.channel].manifest.live
                    Turn(tx, state, event, prepared[event.message], self.brain, inboxes, live, self.key).take()
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
    if said.automatic or said.history or said.unverified or said.doubt:
        return False
    return state is not None and state.status == talk.BOT


def _question(words: e.Words) -> str:
    new = words.text if words.fold is None else words.text[: words.fold]
    return f"{words.subject}\n{new}" if words.subject else new


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
        self.before = self._pondered()

    def take(self) -> None:
        """Sensitive matters first, then what was asked back, then tools, then articles, else a person."""
        for step in (self._sensitive, self._asked_back, self._procedure, self._order, self._small_talk, self._article):
            if step():
                return
        self._unsure()

    # what the customer must not get from a machine ─────────────────────────────────────────

    def _sensitive(self) -> bool:
        if not self.heard.sensitive:
            return False
        name, evidence = self.heard.sensitive[0]
        self._hand_over(REASONS.get(name, name), f"“{evidence}”")
        return True

    # answers to the bot's own questions ─────────────────────────────────────────────────────

    def _asked_back(self) -> bool:
        if self.before is None:
            return False
        waiting, _, detail = self.before.outcome.partition(": ")
        if waiting == "asked for mail" and self.heard.mails:
            return self._mail_code(self.heard.mails[0], detail)
        if waiting == "code sent" and self.heard.codes:
            return self._code_typed(self.heard.codes[0], detail)
        if waiting == "asked for number" and self.heard.numbers:
            return self._order_of(self.heard.numbers[0])
        if waiting == "offered":
            return self._chosen(detail)
        if waiting == "asked which to cancel" and self.heard.numbers:
            return self._cancel(self.heard.numbers[0])
        if waiting == "asked whether to cancel":
            return self._answered(detail)
        return False

    # procedures: what it may do, not only say ───────────────────────────────────────────────

    def _procedure(self) -> bool:
        """Only in a live chat: a yes must come from whom it was asked."""
        may = "cancel_order" in self._brand().look.bot_does
        if not (may and self.live and "cancel_order" in self.heard.intents and self.heard.personal):
            return False
        mine = [o for o in orders.of_mails(self.tx.conn, self._own_mails(), 5) if o.status == "placed"]
        number = self.heard.numbers[0] if self.heard.numbers else mine[0].number if len(mine) == 1 else ""
        return self._cancel(number)

    def _brand(self) -> setup.Brand:
        return setup.all_brands(self.tx.conn)[self.state.brand]

    def _cancel(self, number: str, confirmed: bool = False) -> bool:
        own = self._own_mails()
        if number and not own:
            return self._whose(f"cancel {number}")
        procedure = procedures.cancel_order(self.tx.conn, own)
        decision = decide(procedure, {"number": number}, confirmed=confirmed)
        match decision:
            case Ask():
                self._ponder("cancel_order", 0.9, "asked which to cancel: ")
                self._say(decision.question)
            case Propose():
                self._ponder("cancel_order", 0.9, f"asked whether to cancel: {number}", tool="orders")
                self._say(decision.sentence)
            case Ready():
                self._do(procedure, decision, number)
            case Declined(person=True):
                self._hand_over(WISHES["cancel_order"], f"order {number}", urgent_order=number)
            case Declined():
                self._ponder("cancel_order", 0.9, f"did not cancel {number}: {decision.rule}", tool="orders")
                self._say(decision.sentence)
        return True

    def _whose(self, task: str) -> bool:
        """Nothing is said of an order, not even whether there is one, before it is shown whose it is."""
        if self.heard.mails:
            return self._mail_code(self.heard.mails[0], task)
        self._ponder("cancel_order", 0.9, f"asked for mail: {task}")
        self._say("To be sure that the order is yours: which e-mail address did you order with?")
        return True

    def _do(self, procedure: Procedure, ready: Ready, number: str) -> None:
        try:
            said = procedures.carry_out(self.tx, ready)
        except Refused as refused:
            self._hand_over(WISHES["cancel_order"], str(refused), urgent_order=number)
            return
        self._ponder("cancel_order", 1.0, f"cancelled order {number}", tool=f"{procedure.name} v{procedure.version}")
        source = e.Source(kind="order", title=f"Order {number}", ref=number, confidence=1.0)
        self._say(said, sources=(source,), confidence=1.0)

    def _answered(self, number: str) -> bool:
        """Their yes or no to a proposal; anything else is another matter, and the proposal is gone."""
        from parley.ai import intents

        answer = intents.yes_or_no(self.heard.text)
        if answer is None:
            return False
        if answer:
            return self._cancel(number, confirmed=True)
        self._ponder("cancel_order", 1.0, f"left order {number} as it is")
        self._say(f"All right, order {number} stays as it is.")
        return True

    def _mail_code(self, mail: str, number: str) -> bool:
        via = proof.mail_inbox(self.inboxes.values(), self.state.brand)
        try:
            proof.send_code(self.tx, self.state, mail, via, BY, self.key)
        except Refused as refused:
            self._hand_over("identity could not be checked", str(refused))
            return True
        self._ponder("check identity", 1.0, f"code sent: {number}", tool="mail code")
        self._say(f"I have mailed a six-digit code to {proof.masked(mail)}. Type it here and I will look.")
        return True

    def _code_typed(self, code: str, number: str) -> bool:
        mail = proof.type_code(self.tx, self.state, code, f"person/{self.state.person}")
        if mail is None:
            failed = sum(1 for p in self._all_pondered() if p.outcome.startswith("code refused")) + 1
            self._ponder("check identity", 1.0, f"code refused: {number}", tool="mail code")
            if failed >= people.CODE_TRIES:
                self._hand_over("identity could not be checked", "three wrong codes")
            else:
                self._ponder("check identity", 1.0, f"code sent: {number}", tool="mail code")
                self._say("That is not the code I sent, or it is too old. Look again and type it once more.")
            return True
        self.tx.flush()
        self.state = desk.states(self.tx.conn, [self.state.id])[self.state.id]
        self._ponder("check identity", 1.0, f"proved: {proof.masked(mail)}", tool="mail code")
        if not number:
            self._say("Thank you, that is right. Your address is confirmed.")
            return True
        return self._go_on(number)

    def _go_on(self, task: str) -> bool:
        """What the proof was asked for: an order's number, or "cancel" and the number."""
        wish, _, number = task.rpartition(" ")
        return self._cancel(number) if wish == "cancel" else self._order_of(number)

    def _chosen(self, detail: str) -> bool:
        """The customer picks one of the offered articles by number or by its title."""
        slugs = detail.split("|")
        text = self.heard.text.strip().lower()
        for number, slug in enumerate(slugs, 1):
            article = knowledge.by_slug(self.tx.conn, slug)
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
        return _question(words[earlier[-1]])[:300] if earlier and earlier[-1] in words else self.heard.text[:300]

    # the company's own systems ──────────────────────────────────────────────────────────────

    def _order(self) -> bool:
        wanted = set(self.heard.intents)
        asks_state = "order_status" in wanted and not wanted & {"cancel_order", "return_item", "change_address"}
        if asks_state and self.heard.personal:
            if self.heard.numbers:
                return self._order_of(self.heard.numbers[0])
            mine = orders.of_mails(self.tx.conn, self._own_mails(), 5)
            if mine:
                return self._tell(_most_urgent(mine))
            if self.live and not self._sure():
                self._ponder("order_status", 0.8, "asked for number: ")
                self._say("Which order is it? The number is in your confirmation mail, for example 10342.")
                return True
            return False
        if self.heard.numbers and wanted & {"cancel_order", "change_address"}:
            intent = next(i for i in ("cancel_order", "change_address") if i in wanted)
            self._hand_over(WISHES[intent], f"order {self.heard.numbers[0]}", urgent_order=self.heard.numbers[0])
            return True
        if self.heard.numbers and not (wanted & {"return_item", "refund_status", "invoice"}) and not self._sure():
            return self._order_of(self.heard.numbers[0])
        return False

    def _order_of(self, number: str) -> bool:
        """Tell an order's state, once it is shown that it is theirs. Says nothing of foreign orders."""
        order = orders.by_number(self.tx.conn, number)
        own = self._own_mails()
        if order is not None and order.mail in own:
            return self._tell(order)
        if self.heard.mails and self.heard.mails[0].lower() not in own:
            return self._mail_code(self.heard.mails[0], number)
        if own and not self.heard.mails:
            tried = sum(1 for p in self._all_pondered() if p.outcome.startswith("no such order"))
            self._ponder("order_status", 0.9, f"no such order: {number}", tool="orders")
            if tried:
                self._hand_over("order not found", f"order {number}")
            else:
                self._say(
                    f"I find no order {number} under your address. Please check the number, or write me the"
                    " e-mail address it was ordered with."
                )
                self._ponder("order_status", 0.9, f"asked for mail: {number}")
            return True
        self._ponder("order_status", 0.9, f"asked for mail: {number}")
        self._say(
            f"I can look up order {number}. To be sure that it is yours: which e-mail address did you order with?"
        )
        return True

    def _own_mails(self) -> list[str]:
        """Addresses an answer may speak about: proved ones, or the one this very answer goes to."""
        own = proof.proved_mails(self.tx, self.state.person)
        here = people.identity_by_id(self.tx.conn, self.message.identity)
        return [*own, here.value] if here.kind == "mail" and here.value not in own else own

    def _tell(self, order: orders.Order) -> bool:
        self._ponder("order_status", 0.95, f"order {order.number}: {order.status}", tool="orders")
        source = e.Source(kind="order", title=f"Order {order.number}", ref=order.number, confidence=0.99)
        self._say(order_sentence(order), sources=(source,), confidence=0.99)
        return True

    # small talk and articles ────────────────────────────────────────────────────────────────

    def _small_talk(self) -> bool:
        wanted = set(self.heard.intents)
        short = len(self.heard.text) < 60
        if not self.live or not short or self._sure():
            return False
        if wanted and wanted <= {"thanks", "goodbye"}:
            self._ponder("thanks", 0.95, "thanked")
            self._say("You are welcome. I am here if there is anything else.")
            return True
        if wanted == {"greeting"}:
            self._ponder("greeting", 0.95, "greeted")
            self._say("Hello! Ask me about an order, a return or a product, or ask for a person at any time.")
            return True
        return False

    def _sure(self) -> bool:
        return bool(self.heard.hits) and self.heard.hits[0].confidence >= self.heard.threshold

    def _article(self) -> bool:
        if self._sure():
            self._answer_with(self.heard.hits[0], self.heard.hits[0].confidence, self.heard.text)
            return True
        chance, needed = self.heard.choice
        offered = sum(1 for p in self._all_pondered() if p.outcome.startswith("offered"))
        if self.live and chance >= needed and len(self.heard.hits) > 1 and not offered:
            hits = self.heard.hits[:3]
            self._ponder("article", chance, "offered: " + "|".join(hit.ref for hit in hits))
            listed = "\n".join(f"{n}. {hit.title}" for n, hit in enumerate(hits, 1))
            self._say(f"Is it one of these? Type its number.\n{listed}", confidence=chance)
            return True
        return False

    def _answer_with(self, hit: Any, confidence: float, question: str) -> None:
        source = e.Source(
            kind="article",
            title=hit.title,
            ref=hit.ref,
            url=f"/help/of/{self.state.brand}/{hit.ref}",
            passage=hit.passage[:600],
            confidence=round(confidence, 3),
        )
        self._ponder("article", confidence, f"answered from {hit.ref}")
        self._say(self.brain.answer(hit, question), sources=(source,), confidence=round(confidence, 3))

    # handing over ───────────────────────────────────────────────────────────────────────────

    def _unsure(self) -> None:
        best = self.heard.hits[0].confidence if self.heard.hits else 0.0
        self._hand_over("not sure enough", f"best guess {best:.0%}")

    def _hand_over(self, reason: str, evidence: str, urgent_order: str | None = None) -> None:
        wish = next((WISHES[i] for i in self.heard.intents if i in WISHES), "")
        said = f"“{talk.preview(self._matter())}”"
        card = e.HandoffAsked(
            reason=f"{reason} ({evidence})" if evidence else reason,
            wish=f"{wish}: {said}" if wish else said,
            known=tuple(self._known(urgent_order)),
            tried=tuple(self._tried()),
            suggestion=self._suggestion(urgent_order),
            skills=tuple(sorted({SKILLS[i] for i in self.heard.intents if i in SKILLS})),
        )
        best = self.heard.hits[0].confidence if self.heard.hits else 0.0
        self._ponder("hand over", best, f"handed over: {reason}")
        if self.live:
            self._say("I am passing this to a colleague, with everything you have told me. One moment.")
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
        return [line for p in self._all_pondered() if (line := self._in_words(p.outcome))]

    def _in_words(self, outcome: str) -> str:
        what, _, detail = outcome.partition(": ")
        if what.startswith("answered from "):
            return f"Answered from “{knowledge.by_slug(self.tx.conn, what[14:]).title}”"
        if what == "offered":
            titles = [knowledge.by_slug(self.tx.conn, slug).title for slug in detail.split("|")]
            return "Offered " + ", ".join(f"“{title}”" for title in titles)
        words = {
            "asked for mail": f"Asked for the mail address of order {detail.removeprefix('cancel ')}",
            "asked which to cancel": "Asked which order to cancel",
            "asked whether to cancel": f"Asked whether to cancel order {detail}",
            "asked for number": "Asked for the order number",
            "code sent": "Mailed a code to check who they are",
            "code refused": "The code they typed was wrong",
            "proved": f"They proved that {detail} is theirs",
            "no such order": f"Found no order {detail} of theirs",
        }
        if what.startswith(("cancelled order ", "left order ")):
            return what.capitalize()
        if what.startswith("did not cancel "):
            return f"D{what[1:]}: not true that {detail}"
        if what.startswith("order "):
            return f"Told them that {what} is {detail}"
        return words.get(what, "")

    def _suggestion(self, number: str | None) -> str:
        order = orders.by_number(self.tx.conn, number) if number else None
        if order is not None and order.mail in self._own_mails():
            return f"Order {order.number} is {order.status}; {NEXT.get(order.status, 'look at it together')}."
        if self.heard.hits and self.heard.hits[0].confidence >= 0.5:
            hit = self.heard.hits[0]
            return f"Perhaps “{hit.title}” helps ({hit.confidence:.0%} sure)."
        return ""

    # saying and remembering ─────────────────────────────────────────────────────────────────

    def _say(self, text: str, *, sources: tuple[e.Source, ...] = (), confidence: float | None = None) -> None:
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

    def _all_pondered(self) -> list[e.BotPondered]:
        self.tx.flush()
        history = desk.history(self.tx.conn, self.state.id)
        return [r.event for r in history if isinstance(r.event, e.BotPondered)]

    def _pondered(self) -> e.BotPondered | None:
        pondered = self._all_pondered()
        return pondered[-1] if pondered else None


def _most_urgent(mine: Sequence[orders.Order]) -> orders.Order:
    under_way = [o for o in mine if o.status in ("placed", "packed", "in transit")]
    return (under_way or list(mine))[0]


def order_sentence(order: orders.Order) -> str:
    """An order's state in words for its owner."""
    what = ", ".join(f"{i.quantity} × {i.name}" if i.quantity > 1 else i.name for i in order.items[:4])
    day = f"{order.expected:%A, %-d %B}" if order.expected else ""
    lines = {
        "placed": f"Order {order.number} is placed and will be packed next.",
        "packed": f"Order {order.number} is packed and waits for the carrier.",
        "in transit": f"Order {order.number} is on its way with {order.carrier or 'the carrier'}.",
        "delivered": f"Order {order.number} was delivered"
        + (f" on {order.delivered_at:%A, %-d %B}." if order.delivered_at else "."),
        "returned": f"Order {order.number} came back to us.",
        "cancelled": f"Order {order.number} was cancelled.",
    }
    parts = [lines.get(order.status, f"Order {order.number}: {order.status}.")]
    if order.status in ("placed", "packed", "in transit") and day:
        parts.append(f"It should arrive on {day}.")
    if order.tracking and order.status == "in transit":
        parts.append(f"Tracking number: {order.tracking}.")
    if what:
        parts.append(f"In it: {what}.")
    return " ".join(parts)


# ── closing what fell silent ────────────────────────────────────────────────────────────────


def close_idle(tx: Tx, row: Any) -> None:
    """The idle timer: the customer said nothing more after the bot's answer. Contained, not proved resolved."""
    state = desk.state(tx.conn, row.conversation)
    if state.status == talk.BOT:
        tx.append(e.conversation(state.id), [e.Closed(resolved=False)], BY)
