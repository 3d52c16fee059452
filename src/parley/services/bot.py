"""The bot: a follower of the log that answers what it surely knows and hands over the rest, briefed.

`prepare` understands a message (slow, outside any transaction); `act` decides and appends. It says
where an answer came from and how sure it is, and below its calibrated threshold it never guesses.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.channel import Channel, Inbox
from parley.core.conversation import State
from parley.core.errors import Refused
from parley.core.procedure import Ask, Propose, Ready, decide
from parley.core.procedure import Refused as Decline
from parley.log.record import Record, Tx, words_of
from parley.services import inbox as desk
from parley.services import knowledge, orders, people, procedures, proof, replies, setup

logger = logging.getLogger("parley.bot")

PROMISE = 0.9  # of the answers it gives from articles, this share is right
CHOICE_PROMISE = 0.8  # of the choices it offers, this share holds the right article; offering asserts nothing
NEVER = 1.1  # no confidence reaches it
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


WORTH_TELLING = frozenset({"amount", "date", "time", "people", "phone"})
"""Of what a message names, what an agent acts on and the card does not tell elsewhere."""

UNHAPPY = -0.6
"""Mood from which on an agent is told before reading; from -1 to 1."""

NEXT = {
    "placed": "it can still be changed or cancelled",
    "packed": "ask the warehouse before promising a change",
    "in transit": "it can be refused at the door or returned",
    "delivered": "offer a return",
}


class Understood(msgspec.Struct, frozen=True, kw_only=True):
    """What one message says, as far as machines can tell."""

    text: str
    intents: tuple[str, ...] = ()
    personal: bool = False
    sensitive: tuple[tuple[str, str], ...] = ()
    numbers: tuple[str, ...] = ()
    mails: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    hits: tuple[Any, ...] = ()
    threshold: float = 1.1
    choice: tuple[float, float] = (0.0, 1.1)
    mood: float = 0.0
    named: tuple[str, ...] = ()


class Mind(NamedTuple):
    """Articles that can be asked, and from what confidence on one is answered or three are offered."""

    library: Any
    calibration: Any
    answers_from: float
    offers_from: float
    by_meaning: bool


class Brain:
    """The models, loaded on first use and again when an article changes.

    By words at first, which takes a second; reading every article for its meaning takes many, so that happens beside
    the answering, and its result takes over when it is there.
    """

    def __init__(self, by_meaning: bool = True, vectors: Path | None = None) -> None:
        """vectors: where the articles' vectors are kept between starts."""
        self._by_meaning, self._vectors = by_meaning, vectors
        self._stamp: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._mind: Mind | None = None

    def warm(self, record: Record) -> Mind:
        """Read the articles and calibrate; seconds the first time, kept in the settings afterwards."""
        with self._lock:
            stamp = record.ask(knowledge.stamp)
            if self._mind is None or stamp != self._stamp:
                self._mind, self._stamp = self._learn(record, False), stamp
                if self._by_meaning:
                    threading.Thread(target=self._deepen, args=(record, stamp), name="meaning", daemon=True).start()
            return self._mind

    def _deepen(self, record: Record, stamp: tuple[int, int]) -> None:
        from parley.ai.encoder import encoder

        if encoder() is None:
            return
        try:
            mind = self._learn(record, True)
        except Exception as error:
            logger.warning("The articles were not read for their meaning, the bot goes by words: %s", error)
            return
        with self._lock:
            if self._stamp == stamp:
                self._mind = mind

    def _learn(self, record: Record, by_meaning: bool) -> Mind:
        from parley.ai.retrieval import Article

        key = "bot_calibration_by_meaning" if by_meaning else "bot_calibration"

        with record.reading() as conn:
            found = knowledge.every(conn, audience="public")
            kept = setup.setting(conn, key)
        articles = tuple(
            Article(a.slug, a.title, a.body, a.wordings, str(a.brand) if a.brand is not None else None) for a in found
        )
        library, calibration = _learned(articles, msgspec.json.encode(kept) if kept else b"", by_meaning, self._vectors)
        if not kept or kept.get("digest") != calibration.digest:
            record.do(lambda tx: setup.set_setting(tx, key, calibration.as_dict()))
        sure, choice = calibration.promise(PROMISE), calibration.promise_of_choice(CHOICE_PROMISE)
        return Mind(
            library.judged_by(calibration.judge),
            calibration,
            sure.threshold if sure.kept else NEVER,
            choice.threshold if choice.kept else NEVER,
            by_meaning,
        )

    def understand(self, record: Record, said: str, brand: setup.Brand | None) -> Understood:
        from parley.ai import entities, intents, sensitive, sentiment

        mind = self.warm(record)
        hits = tuple(mind.library.search(said, str(brand.id) if brand else None, 3))
        choice = mind.calibration.one_of_three(hits[0].evidence) if hits and hits[0].evidence else 0.0
        pattern = brand.look.order_pattern if brand else intents.ORDER_NUMBER
        guesses = intents.guess(said, pattern)
        return Understood(
            text=said,
            intents=tuple(guess.name for guess in guesses),
            personal=any(guess.personal for guess in guesses),
            sensitive=tuple((reason.name, reason.evidence) for reason in sensitive.reasons(said)),
            numbers=tuple(intents.order_numbers(said, pattern)),
            mails=tuple(intents.mail_addresses(said)),
            codes=tuple(intents.codes(said)),
            hits=hits,
            threshold=mind.answers_from,
            choice=(choice, mind.offers_from),
            mood=sentiment.reader(mind.by_meaning).moods([said])[0].score,
            named=tuple(one.text for one in entities.entities(said, (), pattern) if one.kind in WORTH_TELLING),
        )

    def answer(self, hit: Any, question: str) -> str:
        from parley.ai.retrieval import answer_from

        return str(answer_from(hit, question))


@lru_cache(maxsize=4)
def _learned(articles: tuple[Any, ...], kept: bytes, by_meaning: bool, vectors: Path | None = None) -> tuple[Any, Any]:
    """A library and its calibration; `kept` is one of earlier, used if it fits."""
    from parley.ai.calibration import Calibration, calibrate
    from parley.ai.encoder import VectorEngine, best_engine, encoder
    from parley.ai.kept_vectors import KeptVectors
    from parley.ai.retrieval import Library

    meaning = encoder() if by_meaning else None
    keeping = KeptVectors(meaning, vectors) if meaning and vectors else None
    library = Library(articles, engine=VectorEngine(keeping) if keeping else best_engine(by_meaning))
    known = msgspec.json.decode(kept) if kept else {}
    fits = known.get("digest") == library.digest
    calibration = Calibration.from_dict(known) if fits else calibrate(library)
    if keeping:
        keeping.save()
    return library, calibration


class BotFollower:
    """Answers customers' messages in conversations that are with the bot."""

    name = "bot"
    kinds = (e.MessageReceived,)
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
            heard = [(r.event, r) for r in batch if isinstance(r.event, e.MessageReceived)]
            now = desk.states(conn, [r.subject_id for _, r in heard])
            mine = {said.message: r for said, r in heard if _is_mine(said, now.get(r.subject_id))}
            words = words_of(conn, list(mine))
            brands = setup.all_brands(conn)
        found = {}
        for message, said in words.items():
            brand = brands.get(now[mine[message].subject_id].brand)
            found[message] = self.brain.understand(record, _question(said), brand)
        return found

    def act(self, tx: Tx, batch: Sequence[e.Recorded], prepared: dict[int, Understood] | None) -> None:
        tx.flush()
        inboxes = setup.all_inboxes(tx.conn, self.channels)
        for r in batch:
            event = r.event
            assert isinstance(event, e.MessageReceived)
            if prepared and event.message in prepared:
                state = desk.states(tx.conn, [r.subject_id])[r.subject_id]
                if state.status == talk.BOT:
                    live = self.channels[event.channel].manifest.live
                    Turn(tx, state, event, prepared[event.message], self.brain, inboxes, live, self.key).take()
                    tx.flush()


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
        decision = decide(procedures.cancel_order(self.tx.conn, own), {"number": number}, confirmed=confirmed)
        match decision:
            case Ask():
                self._ponder("cancel_order", 0.9, "asked which to cancel: ")
                self._say(decision.question)
            case Propose():
                self._ponder("cancel_order", 0.9, f"asked whether to cancel: {number}", tool="orders")
                self._say(decision.sentence)
            case Ready():
                self._do(decision, number)
            case Decline(person=True):
                self._hand_over(WISHES["cancel_order"], f"order {number}", urgent_order=number)
            case Decline():
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

    def _do(self, ready: Ready, number: str) -> None:
        try:
            said = procedures.carry_out(self.tx, ready)
        except Refused as refused:
            self._hand_over(WISHES["cancel_order"], str(refused), urgent_order=number)
            return
        self._ponder("cancel_order", 1.0, f"cancelled order {number}", tool="cancel_order")
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
        return self._order_of(number)

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
        if number.startswith("cancel "):
            return self._cancel(number.removeprefix("cancel "))
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
