"""What one message says, as far as machines can tell: the models of the bot, loaded on first use.

Slow, so it runs outside any transaction; deciding and appending are the bot's (`services/bot.py`).
"""

import logging
import threading
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from parley.ai import chosen
from parley.core.embeddings import Unreachable, Wish
from parley.core.trial import Change
from parley.log.record import Record
from parley.services import knowledge, setup
from parley.services.trials import Trial

logger = logging.getLogger("parley.bot")

PROMISE = 0.9  # of the answers it gives from articles, this share is right
CHOICE_PROMISE = 0.8  # of the choices it offers, this share holds the right article; offering asserts nothing
PROMISE_KEY, CHOICE_KEY = "bot_promise", "bot_choice_promise"  # settings that stand in their place
RESTS = 1.0  # for each second of reading for meaning, so many of rest: whoever asks meanwhile is answered
FRESHENS = 600.0  # seconds between two readings for new wordings alone
AGAIN = 60.0  # seconds until articles that could not be read for their meaning are tried anew
SETTLE = 2.0  # seconds after an article was written, for others to follow
NEVER = 1.1  # no confidence reaches it

WORTH_TELLING = frozenset({"amount", "date", "time", "people", "phone"})
"""Of what a message names, what an agent acts on and the card does not tell elsewhere."""


class Understood(msgspec.Struct, frozen=True, kw_only=True):
    """What one message says, as far as machines can tell. reworded: the surest answer in the brand's tone. parts: each
    of several wishes by itself; or what is left of a correction ("no, I meant …") without its opening.

    guess: a `guessed.Guess` at the procedure that is meant, where nothing else tells.
    trial: of a candidate, where the conversation takes part in one.
    """

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
    reworded: str = ""
    trial: Trial | None = None
    guess: Any = None
    parts: "tuple[Understood, ...]" = ()


class Mind(NamedTuple):
    """Articles that can be asked, and from what confidence on one is answered or three are offered."""

    library: Any
    calibration: Any
    answers_from: float
    offers_from: float
    by_meaning: bool
    promises: tuple[float, float]


class Brain:
    """The models, loaded on first use and again when an article changes.

    By words at first, which takes a second; reading every article for its meaning takes many, so that happens beside
    the answering, and its result takes over when it is there.
    """

    def __init__(self, by_meaning: bool = True, vectors: Path | None = None) -> None:
        """vectors: where the articles' vectors are kept between starts."""
        self._by_meaning, self._vectors = by_meaning, vectors
        self._stamp: tuple[int, int] | None = None
        self._lock, self._soon = threading.Lock(), threading.Lock()
        self._trying = threading.Lock()
        self._mind: Mind | None = None
        self._tried: dict[bytes, tuple[tuple[int, int], Mind]] = {}
        self._promised: tuple[Any, Mind] | None = None
        self._deepens, self._not_before = False, 0.0
        self._wordings, self._read_at = 0, 0.0

    def warm(self, record: Record) -> Mind:
        """Read the articles and calibrate; seconds the first time, kept in the settings afterwards."""
        with self._lock:
            stamp = record.ask(knowledge.stamp)
            if self._mind is None or stamp != self._stamp:
                self._mind, self._stamp = self._learn(record, False), stamp
                if self._by_meaning:
                    self._begin_to_deepen(record, stamp)
                else:
                    self._wordings, self._read_at = record.ask(knowledge.extent_of_wordings), time.monotonic()
            elif (promises := record.ask(promises_of)) != self._mind.promises:
                mind = self._mind
                self._mind = _mind(mind.library, mind.calibration, mind.by_meaning, promises)
            elif not self._deepens and self._is_due(record):
                self._begin_to_deepen(record, stamp)
            return self._mind

    def _is_due(self, record: Record) -> bool:
        """Whether the encoder is to be tried again, or new wordings have waited long enough."""
        now = time.monotonic()
        if self._not_before:
            return now > self._not_before
        if now <= self._read_at + FRESHENS:
            return False
        self._read_at = now  # asked again when as long has passed
        return record.ask(knowledge.extent_of_wordings) != self._wordings

    def _begin_to_deepen(self, record: Record, stamp: tuple[int, int]) -> None:
        self._deepens, self._not_before = True, 0.0
        self._wordings, self._read_at = record.ask(knowledge.extent_of_wordings), time.monotonic()
        threading.Thread(target=self._deepen, args=(record, stamp), name="meaning", daemon=True).start()

    def soon(self, record: Record) -> None:
        """Articles were written: read them before somebody asks. Many in a row are read together."""
        if not self._soon.acquire(blocking=False):
            return  # one thread waits already, and looks after its pause

        def read() -> None:
            time.sleep(SETTLE)
            self._soon.release()
            try:
                self.warm(record)
            except Exception as error:
                logger.warning("The articles could not be read ahead: %s", error)

        threading.Thread(target=read, name="articles", daemon=True).start()

    def _deepen(self, record: Record, stamp: tuple[int, int]) -> None:
        from parley.ai.encoder import encoder

        mind, again = None, False
        try:
            mind = self._learn(record, self._by_meaning and encoder() is not None)
        except Exception as error:
            again = isinstance(error, Unreachable)
            logger.warning("The articles were not read for their meaning, the bot goes by words: %s", error)
        with self._lock:
            if self._stamp != stamp:
                return  # another thread reads what was written since
            self._mind = mind or self._mind
            self._deepens, self._not_before = False, time.monotonic() + AGAIN if again else 0.0

    def _learn(self, record: Record, by_meaning: bool) -> Mind:
        return learn(record, by_meaning, self._vectors)

    # what is tried out ──────────────────────────────────────────────────────────────────────

    def ready_for(self, record: Record, change: Change) -> bool:
        """Whether a candidate's articles are read as the desk's own are: else whoever gets it would get less of it.

        Where they are not, they are from now on; nobody waits for that.
        """
        own = self.warm(record)
        if not change.of_articles:
            return True
        known = self._tried.get(_part(change))
        if known is None or known[0] != self._stamp or known[1].by_meaning != own.by_meaning:
            self._soon_try(record, change, own.by_meaning)
        return known is not None and known[1].by_meaning == own.by_meaning

    def mind_for(self, record: Record, change: Change | None) -> Mind:
        """The articles and thresholds of a candidate, as far as they are read by now; else the desk's own."""
        own = self.warm(record)
        if change is None:
            return own
        known = self._tried.get(_part(change)) if change.of_articles else None
        mind = known[1] if known else own
        key = (mind.calibration.digest, mind.by_meaning, change.promise, change.choice)
        if self._promised is None or self._promised[0] != key:
            self._promised = (key, promising(record, mind, change))
        return self._promised[1]

    def learn_whole(self, record: Record, change: Change | None) -> Mind:
        """Read the articles for their meaning and wait for it: for a replay, which nobody waits for."""
        try:
            mind = learn(record, self._by_meaning, self._vectors, change, rest=0.0)
        except Unreachable as error:
            logger.warning("The articles are read by words alone: %s", error)
            mind = learn(record, False, None, change, rest=0.0)
        with self._lock:
            stamp = record.ask(knowledge.stamp)
            if change is None:
                self._mind, self._stamp = mind, stamp
            elif change.of_articles:
                self._keep(change, stamp, mind)
        return mind

    def _keep(self, change: Change, stamp: tuple[int, int], mind: Mind) -> None:
        """Of the last few candidates: one brand may try out one and another brand another."""
        self._tried = dict([*self._tried.items(), (_part(change), (stamp, mind))][-4:])

    def _soon_try(self, record: Record, change: Change, by_meaning: bool) -> None:
        if not self._trying.acquire(blocking=False):
            return  # one thread reads already

        def read() -> None:
            try:
                stamp = record.ask(knowledge.stamp)
                mind = learn(record, by_meaning, self._vectors, change)
                with self._lock:
                    self._keep(change, stamp, mind)
            except Exception as error:
                logger.warning("The candidate's articles were not read, nobody gets it yet: %s", error)
            finally:
                self._trying.release()

        threading.Thread(target=read, name="candidate", daemon=True).start()

    def understand(
        self, record: Record, said: str, brand: setup.Brand | None, change: Change | None = None
    ) -> Understood:
        """The message, and each of several things that it asks for.

        change: of the candidate that this conversation has.
        """
        from parley.ai import clauses, slots
        from parley.services.several import meant

        whole = self._understand(record, said, brand, change)
        pieces = clauses.split(said)
        if slots.corrects(said):
            pieces = [left] if (left := meant(said)) and left != said else []
        elif len(pieces) < 2:
            return whole
        parts = (self._understand(record, piece, brand, change) for piece in pieces)
        return msgspec.structs.replace(whole, parts=tuple(_with(part, whole) for part in parts))

    def found(
        self, record: Record, said: str, brand: int | None, change: Change | None = None
    ) -> tuple[Mind, tuple[Any, ...]]:
        """What the articles say, and by which way of reading: by words where the encoder cannot be asked just now."""
        mind, where = self.mind_for(record, change), None if brand is None else str(brand)
        try:
            return mind, tuple(mind.library.search(said, where, 3))
        except Unreachable:
            mind = learn(record, False, None, change)  # read before, and remembered
            return mind, tuple(mind.library.search(said, where, 3))

    def _understand(self, record: Record, said: str, brand: setup.Brand | None, change: Change | None) -> Understood:
        from parley.ai import entities, intents, sensitive, sentiment

        mind, hits = self.found(record, said, brand.id if brand else None, change)
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


def learn(
    record: Record, by_meaning: bool, vectors: Path | None, change: Change | None = None, rest: float = RESTS
) -> Mind:
    """The articles read and calibrated, as they are or as a candidate has them."""
    key = "bot_calibration_by_meaning" if by_meaning else "bot_calibration"
    key = key if change is None or not change.of_articles else f"trial_{key}"
    with record.reading() as conn:
        found = knowledge.as_changed(conn, change)
        kept, promises = setup.setting(conn, key), promises_of(conn, change)
    articles = _read(found)
    known = msgspec.json.encode(kept) if kept else b""
    library, calibration = _learned(articles, known, by_meaning, vectors if by_meaning else None, rest, chosen.wish())
    if not kept or kept.get("digest") != calibration.digest:
        record.do(lambda tx: setup.set_setting(tx, key, calibration.as_dict()))
    return _mind(library.judged_by(calibration.judge), calibration, by_meaning, promises)


def _read(found: Sequence[knowledge.Article]) -> tuple[Any, ...]:
    from parley.ai.retrieval import Article

    return tuple(
        Article(a.slug, a.title, a.body, a.wordings, str(a.brand) if a.brand is not None else None) for a in found
    )


def promises_of(conn: Connection, change: Change | None = None) -> tuple[float, float]:
    """The shares of answers, and of offered choices, that shall be right: a candidate's, the desk's, or the usual."""
    own = float(setup.setting(conn, PROMISE_KEY) or PROMISE), float(setup.setting(conn, CHOICE_KEY) or CHOICE_PROMISE)
    return (change.promise or own[0], change.choice or own[1]) if change else own


def promising(record: Record, mind: Mind, change: Change) -> Mind:
    """The same articles under a candidate's promises."""
    return _mind(mind.library, mind.calibration, mind.by_meaning, record.ask(promises_of, change))


def _mind(library: Any, calibration: Any, by_meaning: bool, promises: tuple[float, float]) -> Mind:
    sure, choice = calibration.promise(promises[0]), calibration.promise_of_choice(promises[1])
    return Mind(
        library,
        calibration,
        sure.threshold if sure.kept else NEVER,
        choice.threshold if choice.kept else NEVER,
        by_meaning,
        promises,
    )


def _part(change: Change) -> bytes:
    """What tells one candidate's articles from another's."""
    return msgspec.msgpack.encode((change.shown, change.hidden, change.wordings))


def _with(part: Understood, whole: Understood) -> Understood:
    """A part with the numbers and addresses that stand elsewhere in the message."""
    return msgspec.structs.replace(
        part, numbers=part.numbers or whole.numbers, mails=whole.mails, personal=part.personal or bool(whole.numbers)
    )


@lru_cache(maxsize=6)
def _learned(
    articles: tuple[Any, ...], kept: bytes, by_meaning: bool, vectors: Path | None, rest: float, encoder_of: Wish
) -> tuple[Any, Any]:
    """A library and its calibration; `kept` is one of earlier, used if it fits. encoder_of: this process's choice."""
    from parley.ai.calibration import Calibration, calibrate
    from parley.ai.encoder import VectorEngine, best_engine, encoder
    from parley.ai.kept_vectors import KeptVectors
    from parley.ai.retrieval import Library

    meaning = encoder() if by_meaning else None
    keeping = KeptVectors(meaning, vectors) if meaning and vectors else None
    library = Library(articles, engine=VectorEngine(keeping) if keeping else best_engine(by_meaning))
    known = msgspec.json.decode(kept) if kept else {}
    fits = known.get("digest") == library.digest
    calibration = Calibration.from_dict(known) if fits else calibrate(library, rest=rest if by_meaning else 0.0)
    if keeping:
        keeping.save()
    return library, calibration
