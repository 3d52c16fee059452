"""Topics learnt from the tags that people give, and told of new conversations as far as the promise goes.

Where a desk lets it, a topic that is sure enough is put on as a tag, and names the skill of that name; otherwise, and
below, it is a suggestion. A new model takes over only when it is better on conversations that neither has learnt from.
"""

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.embeddings import Unreachable
from parley.core.errors import ParleyError, Refused
from parley.log.record import Record, Tx, words_of
from parley.services import inbox, setup, topics

if TYPE_CHECKING:
    from parley.ai.classifier import Classifier
    from parley.ai.encoder import Encoder

logger = logging.getLogger("parley.triage")

BY = "bot/triage"
FEWEST = 6  # conversations of a tag from which on it is learnt
ENOUGH = 30  # conversations in all from which on anything is
FRESH = 20  # that no model has learnt from, to compare two by
SHARE = 0.2  # of all, where there is no model to compare with: as many are held back to say how good it is
OFFER = 0.4  # probability from which on a guess is worth a suggestion
OLD = timedelta(days=1)
LOOK = 300.0  # seconds between two looks whether there is enough to learn again


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One learning. number: names its file. learnt_to: the newest conversation in it. examples, names: how many
    messages of which topics. right: share of held-back ones told rightly, of `tried`; rival: what the model before
    got right of the same. curve: (coverage, precision, sure) from all to nothing."""

    number: int
    learnt_to: int
    at: str
    examples: int
    names: tuple[tuple[str, int], ...]
    right: float = 0.0
    tried: int = 0
    rival: float | None = None
    curve: tuple[tuple[float, float, float], ...] = ()


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What a desk has decided and learnt. tell: put sure topics on as tags. promise: share of those that must be
    right. current, before: models; the one before can come back."""

    tell: bool = False
    promise: float = 0.95
    current: Model | None = None
    before: Model | None = None


def state(conn: Connection) -> State:
    return msgspec.convert(setup.setting(conn, "triage", {}), State)


def keep(tx: Tx, now: State) -> None:
    setup.set_setting(tx, "triage", msgspec.to_builtins(now))


def decide(tx: Tx, tell: bool, promise: float) -> None:
    """Raises Refused for a promise that is none."""
    if not 0.5 <= promise <= 0.999:
        raise Refused("A promise is between 50 and 99.9 % right.")
    keep(tx, msgspec.structs.replace(state(tx.conn), tell=tell, promise=promise))


def go_back(tx: Tx) -> None:
    """The model before takes over again; it can be undone in the same way."""
    now = state(tx.conn)
    if now.before is None:
        raise Refused("There is no model before this one.")
    keep(tx, msgspec.structs.replace(now, current=now.before, before=now.current))


class Topics:
    """The current model, read from its file when it is first asked."""

    def __init__(self, record: Record, folder: Path, by_meaning: bool) -> None:
        self.record, self.folder, self.by_meaning = record, folder, by_meaning
        self._read: tuple[int, Classifier | None] = (0, None)
        self.progress: float | None = None

    def encoder(self) -> "Encoder | None":
        from parley.ai.encoder import encoder

        return encoder() if self.by_meaning else None

    def classifier(self, model: Model) -> "Classifier | None":
        """None where its file is lost, or was made with another encoder."""
        if self._read[0] != model.number:
            self._read = (model.number, self._load(model))
        return self._read[1]

    def _load(self, model: Model) -> "Classifier | None":
        from parley.ai.classifier import load

        try:
            return load(self.folder / f"{model.number}.npz", self.encoder())
        except (OSError, ValueError) as error:
            logger.warning("Topics cannot be told: %s", error)
            return None

    # learning ───────────────────────────────────────────────────────────────────────────────

    def learn(self, told: Callable[[float], None] = lambda done: None) -> tuple[Model, bool]:
        """Learn from all tags. Returns the new model, and whether it took over. Raises Refused for too little."""
        with self.record.reading() as conn:
            given, before = topics.examples(conn), state(conn).current
        known, others = _learnable(given)
        current = self.classifier(before) if before else None
        held = _held_back(known, before if current else None)
        rest = known[: len(known) - len(held)]
        right = rival = 0.0
        if held and len({one.tag for one in rest}) > 1:
            trial = self._taught(rest, others, lambda done: told(done * 0.5))
            right = _share_right(trial, held)
            rival = _share_right(current, held) if current else 0.0
        fresh = self._taught(known, others, lambda done: told(0.5 + done * 0.5))
        model = Model(
            number=self._next(before),
            learnt_to=known[-1].conversation,
            at=self.record.clock().isoformat(timespec="seconds"),
            examples=len(known),
            names=tuple(sorted(Counter(one.tag for one in known).items(), key=lambda pair: -pair[1])),
            right=right,
            tried=len(held),
            rival=rival if current else None,
            curve=tuple((p.coverage, p.precision, p.sure) for p in fresh.curve),
        )
        better = current is None or right >= rival
        if better:
            self._keep(model, fresh)
        return model, better

    def _taught(
        self, known: Sequence[topics.Example], others: Sequence[str], told: Callable[[float], None]
    ) -> "Classifier":
        from parley.ai.classifier import train

        pairs = [(one.text, one.tag) for one in known]
        return train(pairs, self.encoder(), outside=others, told=told)

    def _next(self, before: Model | None) -> int:
        """A number that no file bears, so that none is written over."""
        found = [int(file.stem) for file in self.folder.glob("*.npz") if file.stem.isdigit()]
        return max(found, default=before.number if before else 0) + 1

    def _keep(self, model: Model, fresh: "Classifier") -> None:
        from parley.ai.classifier import save

        save(fresh, self.folder / f"{model.number}.npz")

        def act(tx: Tx) -> None:
            now = state(tx.conn)
            keep(tx, msgspec.structs.replace(now, current=model, before=now.current))

        self.record.do(act)


def _learnable(given: Sequence[topics.Example]) -> tuple[list[topics.Example], list[str]]:
    """(examples of tags with enough of them, texts of the others, which play what is foreign)."""
    count = Counter(one.tag for one in given)
    known = [one for one in given if count[one.tag] >= FEWEST]
    tags = {one.tag for one in known}
    if len(known) < ENOUGH or len(tags) < 2:
        raise Refused(
            f"There is too little to learn from: {len(known)} conversations with one tag that {FEWEST} or more have, of"
            f" {ENOUGH} that are needed, in {len(tags)} topics of at least two. Tag what comes in; try again later."
        )
    return known, [one.text for one in given if count[one.tag] < FEWEST]


def _held_back(known: Sequence[topics.Example], before: Model | None) -> list[topics.Example]:
    """The newest ones, which neither the model before nor the trial has learnt from."""
    if before is None:
        return list(known[len(known) - round(len(known) * SHARE) :])
    fresh = [one for one in known if one.conversation > before.learnt_to]
    return fresh if len(fresh) >= FRESH else []


def _share_right(asked: "Classifier", held: Sequence[topics.Example]) -> float:
    said = asked.guesses([one.text for one in held])
    return sum(guess.name == one.tag for guess, one in zip(said, held, strict=True)) / len(held)


# ── telling ─────────────────────────────────────────────────────────────────────────────────


class TriageFollower:
    """Guesses what new conversations are about."""

    name = "triage"
    kinds = (e.MessageReceived,)
    batch = 50
    rest = 0.2

    def __init__(self, learnt: Topics) -> None:
        self.learnt = learnt

    def prepare(self, record: Record, batch: Sequence[e.Recorded]) -> dict[int, Any] | None:
        now = record.clock()
        new = [r for r in batch if topics.is_first(r) and now - r.at <= OLD and not r.event.history]  # type: ignore[union-attr]
        if not new:
            return None
        with record.reading() as conn:
            decided = state(conn)
            words = words_of(conn, [r.event.message for r in new])  # type: ignore[union-attr]
        texts = {number: text for number, said in words.items() if (text := topics.first_words(said))}
        return self._guessed(decided.current, texts) if decided.current else None

    def _guessed(self, model: Model, texts: dict[int, str]) -> dict[int, Any] | None:
        """By message; None where the model, or the encoder that it was learnt with, is not to be had just now."""
        try:
            classifier = self.learnt.classifier(model)
            if classifier is None:
                return None
            return dict(zip(texts, classifier.guesses(list(texts.values())), strict=True))
        except Unreachable as error:
            logger.warning("No topics were told: %s", error)
            return None

    def act(self, tx: Tx, batch: Sequence[e.Recorded], prepared: dict[int, Any] | None) -> None:
        if not prepared:
            return
        decided = state(tx.conn)
        model = decided.current
        skills = {skill for agent in setup.all_agents(tx.conn).values() for skill in agent.skills}
        for r in batch:
            assert isinstance(r.event, e.MessageReceived)
            guess = prepared.get(r.event.message)
            if guess is None or model is None:
                continue
            told = decided.tell and guess.sure >= _from(model, decided.promise)
            if told or guess.probability >= OFFER:
                self._tell(tx, r, guess, model.number, told, skills)

    def _tell(self, tx: Tx, r: e.Recorded, guess: Any, model: int, told: bool, skills: set[str]) -> None:
        tx.flush()
        now = inbox.states(tx.conn, [r.subject_id])[r.subject_id]
        facts: list[e.Event] = [
            e.TopicGuessed(
                topic=guess.name,
                probability=round(guess.probability, 3),
                told=told,
                model=model,
                skills=(guess.name,) if told and guess.name in skills else (),
            )
        ]
        tx.append(e.conversation(r.subject_id), [*facts, *(talk.tag(now, guess.name) if told else [])], BY)


def _from(model: Model, promise: float) -> float:
    """The score from which on so large a share is right; beyond all scores where no such place is."""
    from parley.ai.classifier import MARGIN

    return next((sure for _, precision, sure in model.curve if precision >= promise + MARGIN), float("inf"))


def reached(model: Model, promise: float) -> tuple[float, float] | None:
    """(coverage, precision) at the place of the curve where the promise holds."""
    start = _from(model, promise)
    return next(((coverage, precision) for coverage, precision, sure in model.curve if sure >= start), None)


# ── learning again by itself ────────────────────────────────────────────────────────────────


class Trainer:
    """A thread that learns again when a tenth more conversations were tagged, or when it is asked to."""

    def __init__(self, learnt: Topics) -> None:
        self.learnt = learnt
        self.trouble = ""
        self._asked = threading.Event()
        self._stop = False
        self._thread = threading.Thread(target=self._work, name="parley-topics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop = True
        self._asked.set()
        if self._thread.is_alive():
            self._thread.join(timeout=60)

    def ask(self) -> None:
        self.learnt.progress = self.learnt.progress or 0.0
        self._asked.set()

    def _work(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)  # customers come first
        while True:
            wanted = self._asked.wait(LOOK)
            self._asked.clear()
            if self._stop:
                return
            try:
                if wanted or self._is_due():
                    self._learn()
            except Exception:
                logger.exception("Topics were not learnt; what was learnt before stays")
                self.trouble = "Learning failed; the log says why. What was learnt before stays."
            finally:
                self.learnt.progress = None

    def _learn(self) -> None:
        self.trouble = ""
        try:
            model, better = self.learnt.learn(self._told)
        except ParleyError as error:
            self.trouble = str(error)
            return
        if not better:
            self.trouble = (
                f"What was learnt anew got {model.right:.0%} of {model.tried} held-back conversations right, the"
                f" present model {model.rival or 0:.0%}, so that one stays."
            )

    def _told(self, done: float) -> None:
        self.learnt.progress = done

    def _is_due(self) -> bool:
        with self.learnt.record.reading() as conn:
            before = state(conn).current
            new = len(topics.examples(conn, before.learnt_to if before else 0))
        return new >= (max(FRESH, before.examples // 10) if before else ENOUGH)
