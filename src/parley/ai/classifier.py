"""What a message wants: learnt from labelled messages, sure of itself only as far as it was shown to be right.

Many examples: a net on the encoder's layers times a softmax regression on the sentence vector and hashed pieces of
words, both also shown copies with typing slips. Few examples: one regression on the vector, with the intents' names as
examples, and with whatever unlabelled messages say about which texts belong together. Without the encoder: pieces of
words alone. How sure it is comes from two things that fail differently: the margin of the classifier and the likeness
to the five nearest examples; the sum of both tells foreign messages from known ones better than either.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from parley.ai.encoder import Encoder, unit
from parley.ai.hashed import WIDTH as PIECES
from parley.ai.hashed import HashedTexts, Hasher
from parley.ai.heads import Labels, Net, Plan, Softmax, Told, log_softmax, nothing
from parley.ai.likeness import Floats
from parley.ai.slips import slipped_all
from parley.ai.spreading import Graph, spread

FEW = 25
"""Examples an intent (median) below which one regression on the vectors does better than the two heads."""

NEAREST = 5
CUT = 0.2
"""Of the examples, the share that calibrates and is not learnt from meanwhile."""

ENOUGH, TURNS = 2500, 5
"""Up to so many examples a fifth of them is too few to promise by: then every fifth calibrates in its turn."""

STRANGERS = 0.1
"""Share of foreign messages that a promise reckons with; and of the intents that play them when none are given."""

MARGIN = 0.01
"""What a promise keeps in hand: calibrated on a fifth of the examples it came out up to a point too low."""

VECTOR_WEIGHT = np.float32(2.0)
"""Of the sentence vector beside the hashed pieces, both of length 1."""

NET = Plan(epochs=20, batch=128, rate=1e-3, smoothing=0.1, dropout=0.5)
PAIR = Plan(epochs=12, batch=256, rate=5e-3)
SMALL = Plan(epochs=60, batch=64, rate=2e-2, decay=1e-3)
GAINED = Plan(epochs=25, batch=64, rate=2e-2, decay=1e-3)
ROUNDS = 2
"""How often the inbox is asked what it teaches; the second time a better classifier asks."""

FOLDS = 3

OTHER = "These intents were learnt with another encoder. Train them again."


@dataclass(frozen=True)
class Sure:
    """A guess. sure: the score that promises are given in; ranked: the likeliest intents with their probabilities."""

    name: str
    probability: float
    sure: float
    ranked: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Point:
    """One place of the curve: answering what is at least so sure answers `coverage` of the known messages, and of all
    that is answered, `precision` is right, foreign messages included."""

    sure: float
    coverage: float
    precision: float


@dataclass
class Seen:
    """Texts as the heads see them."""

    texts: list[str]
    pieces: HashedTexts | None
    layers: Floats | None
    width: int = 0  # of the encoder

    @property
    def vectors(self) -> Floats | None:
        return None if self.layers is None else unit(self.layers[:, -self.width :])

    def of(self, places: NDArray[np.intp]) -> "Seen":
        layers = None if self.layers is None else self.layers[places]
        return Seen([self.texts[place] for place in places], None, layers, self.width)


@dataclass
class Heads:
    """The trained half: everything that turns a text into logits."""

    names: tuple[str, ...]
    encoder: Encoder | None
    hasher: Hasher | None
    pair: Softmax
    net: Net | None
    examples: Floats
    lean: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0)  # mean and spread of margin and of likeness

    def see(self, texts: Sequence[str]) -> Seen:
        layers = self.encoder.layers(texts) if self.encoder else None
        width = self.encoder.width if self.encoder else 0
        return Seen(list(texts), self.hasher(texts) if self.hasher else None, layers, width)

    def logits(self, seen: Seen) -> tuple[Floats, Floats]:
        """(log probabilities of the whole, log probabilities of the head whose margin is asked)."""
        pair = np.concatenate(
            [self.pair.logits(_joined(seen, places)) for places in _parts(len(seen.texts))]
            or [np.empty((0, len(self.names)), np.float32)]
        )
        if self.net is None or seen.layers is None:
            alone = log_softmax(pair)
            return alone, alone
        net = self.net.logits(levelled(seen.layers, seen.width))
        both: Floats = log_softmax(log_softmax(net) + log_softmax(pair))
        return both, log_softmax(net)

    def margin(self, logs: Floats) -> Floats:
        top = np.minimum(logs.max(axis=1), -1e-6)
        odds: Floats = top - np.log(-np.expm1(top))
        return odds

    def likeness(self, seen: Seen) -> Floats:
        vectors = seen.vectors
        if vectors is None or not len(self.examples):
            return np.zeros(len(seen.texts), np.float32)
        k = min(NEAREST, len(self.examples))
        means = [
            np.partition(vectors[places] @ self.examples.T, -k, axis=1)[:, -k:].mean(axis=1)
            for places in _parts(len(vectors))
        ]
        found: Floats = np.concatenate(means) if means else np.empty(0, np.float32)
        return found

    def sure(self, seen: Seen, logs: Floats) -> Floats:
        a, b, c, d = self.lean
        return np.asarray((self.margin(logs) - a) / b + (self.likeness(seen) - c) / d, np.float32)


@dataclass
class Classifier:
    """Learnt intents. curve: from answering everything to answering nothing; see `promise`."""

    heads: Heads
    curve: tuple[Point, ...] = ()
    examples: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        return self.heads.names

    def guesses(self, texts: Sequence[str], ranked: int = 3) -> list[Sure]:
        seen = self.heads.see(texts)
        logs, of_margin = self.heads.logits(seen)
        sure, chances = self.heads.sure(seen, of_margin), np.exp(logs)
        found = []
        for row, chance in enumerate(chances):
            best = np.argsort(-chance)[:ranked]
            listed = tuple((self.names[place], float(chance[place])) for place in best)
            found.append(Sure(listed[0][0], listed[0][1], float(sure[row]), listed))
        return found

    def promise(self, level: float) -> Point | None:
        """From where on so large a share of what is answered is right; None where no threshold reaches it."""
        for point in self.curve:
            if point.precision >= level + MARGIN:
                return point
        return None


def train(
    examples: Sequence[tuple[str, str]],
    encoder: Encoder | None,
    *,
    valid: Sequence[tuple[str, str]] = (),
    unlabelled: Sequence[str] = (),
    outside: Sequence[str] = (),
    told: Told = nothing,
    seed: int = 1,
) -> Classifier:
    """Learn from (text, intent). valid: more of them, which calibrate the promise before they are learnt from, instead
    of a part of the others; unlabelled: other messages of the same inbox; outside: messages of no intent.

    ValueError where there is nothing to tell apart.
    """
    examples = [*examples, *valid]
    names = tuple(sorted({name for _, name in examples}))
    if len(names) < 2:
        raise ValueError("At least two intents with examples are needed.")
    place = {name: number for number, name in enumerate(names)}
    texts = [text for text, _ in examples]
    labels = np.array([place[name] for _, name in examples], np.intp)
    lesson = Lesson.of(names, texts, labels, encoder, unlabelled, seed)
    told(0.3)
    turns = 1 if valid or lesson.graph is not None or len(labels) > ENOUGH else TURNS
    tried = []
    for turn in range(turns):
        rest, held, strangers = _cut(labels, len(names), len(valid), len(outside), seed, turn)
        trial = lesson.learn(rest, lambda done, turn=turn: told(0.3 + 0.35 * (turn + done) / turns))  # type: ignore[misc]
        foreign = trial.see(outside) if outside else lesson.seen_of(strangers)
        if len(held):
            tried.append(_tried(trial, lesson.seen_of(held), labels[held], foreign))
    lean, curve = _calibrated(tried)
    heads = lesson.learn(np.arange(len(labels)), lambda done: told(0.65 + 0.35 * done))
    return Classifier(replace(heads, lean=lean) if lean else heads, curve, len(labels))


@dataclass
class Lesson:
    """Everything there is to learn from, seen once. Row i + count is row i with typing slips."""

    names: tuple[str, ...]
    labels: Labels
    encoder: Encoder | None
    few: bool
    seen: Seen
    count: int
    named: Floats | None
    inbox: Floats | None
    seed: int
    graph: Graph | None = None

    @classmethod
    def of(cls, names: tuple[str, ...], texts: list[str], labels: Labels, encoder: Encoder | None,
           unlabelled: Sequence[str], seed: int) -> "Lesson":  # fmt: skip
        few = encoder is not None and float(np.median(np.bincount(labels))) < FEW
        shown = texts if few else texts + slipped_all(texts, seed)
        layers = encoder.layers(shown) if encoder else None
        said = [name.replace("_", " ").replace("-", " ") for name in names]
        named = encoder.vectors(said) if encoder and few else None
        inbox = encoder.vectors(unlabelled) if encoder and few and len(unlabelled) else None
        width = encoder.width if encoder else 0
        made = cls(names, labels, encoder, few, Seen(shown, None, layers, width), len(texts), named, inbox, seed)
        if inbox is not None:
            made.graph = Graph.of(made._every())
            if not made._inbox_helps():
                made.graph = None
        return made

    def _every(self) -> Floats:
        """The examples, the inbox and the names, in this order."""
        parts = [self.seen.vectors, self.inbox, self.named]
        return np.concatenate([part for part in parts if part is not None])

    def _inbox_helps(self) -> bool:
        """Whether thirds of the examples, held back in turn, are told at least as well with the inbox as without."""
        fold = np.empty(self.count, np.intp)
        chance = np.random.default_rng(self.seed)
        for label in range(len(self.names)):
            mine = chance.permutation(np.flatnonzero(self.labels == label))
            fold[mine] = np.arange(len(mine)) % FOLDS
        right = {True: 0, False: 0}
        for turn in range(FOLDS):
            rest, held = np.flatnonzero(fold != turn), np.flatnonzero(fold == turn)
            for with_inbox in (True, False):
                head = self._taught(rest, with_inbox)
                said = head.logits(self._every()[held]).argmax(axis=1)
                right[with_inbox] += int((said == self.labels[held]).sum())
        return right[True] >= right[False]

    def seen_of(self, places: NDArray[np.intp]) -> Seen:
        return self.seen.of(places)

    def learn(self, places: NDArray[np.intp], told: Told = nothing) -> Heads:
        return self._from_few(places, told) if self.few else self._from_many(places, told)

    def _from_few(self, places: NDArray[np.intp], told: Told) -> Heads:
        head = self._taught(places, self.graph is not None)
        told(1.0)
        vectors = self.seen.of(places).vectors
        assert vectors is not None
        return Heads(self.names, self.encoder, None, head, None, vectors)

    def _taught(self, places: NDArray[np.intp], with_inbox: bool) -> Softmax:
        """A regression on the vectors of these examples, of the names of their intents, and of what the inbox adds."""
        every = self._every()
        taught = np.unique(self.labels[places])
        known = np.concatenate([places, len(every) - len(self.names) + taught])
        labels = np.concatenate([self.labels[places], taught])
        head = self._regression(every[known], labels, np.ones(len(known), np.float32), SMALL)
        for _ in range(ROUNDS if with_inbox and self.graph else 0):
            assert self.graph is not None
            gained = spread(self.graph, np.exp(log_softmax(head.logits(every))), known, labels)
            head = self._regression(
                every[np.concatenate([known, gained.places])],
                np.concatenate([labels, gained.labels]),
                np.concatenate([np.ones(len(known), np.float32), gained.weights]),
                GAINED,
            )
        return head

    def _regression(self, vectors: Floats, labels: Labels, weight: Floats, plan: Plan) -> Softmax:
        plan = replace(plan, seed=self.seed)
        return Softmax.fit(lambda at: vectors[at], labels, vectors.shape[1], len(self.names), plan, weight=weight)

    def _from_many(self, places: NDArray[np.intp], told: Told) -> Heads:
        both = np.concatenate([places, places + self.count])
        labels = np.concatenate([self.labels[places]] * 2)
        shown = self.seen.of(both)
        hasher = Hasher.of(shown.texts[: len(places)])
        shown.pieces = hasher(shown.texts)
        width = PIECES + (shown.width if shown.layers is not None else 0)
        pair = Softmax.fit(
            lambda at: _joined(shown, at), labels, width, len(self.names), replace(PAIR, seed=self.seed),
            lambda done: told(0.3 * done),
        )  # fmt: skip
        net = None
        if shown.layers is not None:
            plan = replace(NET, seed=self.seed)
            net = Net.fit(
                levelled(shown.layers, shown.width), labels, len(self.names), plan, lambda d: told(0.3 + 0.7 * d)
            )
        vectors = self.seen.of(places).vectors
        examples = np.empty((0, 0), np.float32) if vectors is None else vectors
        return Heads(self.names, self.encoder, hasher, pair, net, examples)


def _joined(seen: Seen, places: NDArray[np.intp]) -> Floats:
    """What the regression sees: hashed pieces and the sentence vector, or whichever of them there is."""
    parts = []
    if seen.pieces is not None:
        parts.append(seen.pieces.rows(places))
    if seen.layers is not None:
        vectors = unit(seen.layers[places][:, -seen.width :])
        parts.append(vectors * VECTOR_WEIGHT if parts else vectors)
    return np.concatenate(parts, axis=1)


def levelled(layers: Floats, width: int) -> Floats:
    """Every layer of length 1, so that none outshouts the others."""
    return np.concatenate([unit(layers[:, at : at + width]) for at in range(0, layers.shape[1], width)], axis=1)


def _parts(count: int, size: int = 512) -> list[NDArray[np.intp]]:
    return [np.arange(start, min(start + size, count)) for start in range(0, count, size)]


# ── calibrating ─────────────────────────────────────────────────────────────────────────────────


def _cut(
    labels: Labels, classes: int, valid: int, given: int, seed: int, turn: int = 0
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """(learnt from, held back, foreign). Held back are the last `valid`, or a part of every intent. Where no foreign
    messages are given, some intents play them."""
    chance = np.random.default_rng(seed)
    set_aside = np.arange(len(labels)) >= len(labels) - valid
    some = max(1, round(classes * STRANGERS))
    out = set() if given or classes < 8 else set(np.roll(chance.permutation(classes), -turn * some)[:some])
    rest, held, foreign = [], [], []
    for label in range(classes):
        mine = chance.permutation(np.flatnonzero(labels == label))
        back = round(len(mine) * CUT)
        if label in out:
            foreign += list(mine)
        else:
            mine = np.roll(mine, -turn * back)
            held += list(mine[set_aside[mine]] if valid else mine[:back])
            rest += list(mine[~set_aside[mine]] if valid else mine[back:])
    return np.array(rest, np.intp), np.array(held, np.intp), np.array(foreign, np.intp)


@dataclass(frozen=True)
class Tried:
    """What heads made of messages that they had not learnt from. lean: their own mean and spread."""

    lean: tuple[float, float, float, float]
    sure: Floats
    right: NDArray[np.bool_]
    strange: Floats


def _tried(trial: Heads, known: Seen, labels: Labels, foreign: Seen) -> Tried:
    known = replace(known, pieces=trial.hasher(known.texts) if trial.hasher else None)
    foreign = replace(foreign, pieces=trial.hasher(foreign.texts) if trial.hasher else None)
    logs, of_margin = trial.logits(known)
    margin, likeness = trial.margin(of_margin), trial.likeness(known)
    lean = (float(margin.mean()), float(margin.std()) or 1.0, float(likeness.mean()), float(likeness.std()) or 1.0)
    judged = replace(trial, lean=lean)
    strange = judged.sure(foreign, judged.logits(foreign)[1]) if foreign.texts else np.empty(0, np.float32)
    return Tried(lean, judged.sure(known, of_margin), logs.argmax(axis=1) == labels, strange)


def _calibrated(tried: Sequence[Tried]) -> tuple[tuple[float, float, float, float] | None, tuple[Point, ...]]:
    """Trials together. None where too few examples could be held back: then nothing can be promised."""
    if not tried:
        return None, ()
    a, b, c, d = (float(value) for value in np.mean([one.lean for one in tried], axis=0))
    sure, right, strange = (
        np.concatenate([getattr(one, name) for one in tried]) for name in ("sure", "right", "strange")
    )
    return (a, b, c, d), _curve(sure, right, strange)


def _curve(sure: Floats, right: NDArray[np.bool_], strange: Floats, points: int = 200) -> tuple[Point, ...]:
    """From low to high scores. Foreign messages count as `STRANGERS` of all, however many there were to try."""
    if not len(sure):
        return ()
    weight = STRANGERS / (1 - STRANGERS) * len(sure) / len(strange) if len(strange) else 0.0
    found = []
    for limit in np.unique(np.quantile(sure, np.linspace(0, 0.995, points))):
        answered = sure >= limit
        wrong = float((answered & ~right).sum()) + weight * float((strange >= limit).sum())
        good = float((answered & right).sum())
        found.append(Point(float(limit), float(answered.mean()), good / (good + wrong) if good + wrong else 0.0))
    return tuple(found)


# ── keeping ─────────────────────────────────────────────────────────────────────────────────────


def dumped(classifier: Classifier) -> dict[str, NDArray[Any]]:
    """As plain arrays, for `numpy.savez`; `restored` reads them back. Nothing in them can run."""
    heads, arrays = classifier.heads, {}
    arrays["names"] = np.array(heads.names)
    arrays["encoder"] = np.array(heads.encoder.name if heads.encoder else "")
    arrays["lean"] = np.array(heads.lean)
    arrays["curve"] = np.array([(p.sure, p.coverage, p.precision) for p in classifier.curve]).reshape(-1, 3)
    arrays["count"] = np.array(classifier.examples)
    arrays["examples"] = heads.examples
    arrays["pair_weights"], arrays["pair_bias"] = heads.pair.weights, heads.pair.bias
    if heads.hasher:
        arrays["rarity"] = heads.hasher.rarity
    if heads.net:
        for name in NET_PARTS:
            arrays[f"net_{name}"] = getattr(heads.net, name)
    return arrays


NET_PARTS = ("mean", "scale", "into", "into_bias", "out", "out_bias")


def restored(arrays: Any, encoder: Encoder | None) -> Classifier:
    """ValueError where it was learnt with another encoder than the one at hand."""
    wanted = str(arrays["encoder"])
    if wanted != (encoder.name if encoder else ""):
        raise ValueError(OTHER)
    if encoder and arrays["examples"].size and arrays["examples"].shape[1] != encoder.width:
        raise ValueError(OTHER)
    net = Net(**{name: arrays[f"net_{name}"] for name in NET_PARTS}) if "net_mean" in arrays else None
    hasher = Hasher(arrays["rarity"]) if "rarity" in arrays else None
    a, b, c, d = (float(value) for value in arrays["lean"])
    heads = Heads(
        tuple(str(name) for name in arrays["names"]), encoder, hasher,
        Softmax(arrays["pair_weights"], arrays["pair_bias"]), net, arrays["examples"], (a, b, c, d),
    )  # fmt: skip
    curve = tuple(Point(*(float(value) for value in row)) for row in arrays["curve"])
    return Classifier(heads, curve, int(arrays["count"]))


def save(classifier: Classifier, file: Path) -> None:
    """Written aside and then named, so that a crash leaves what was there before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".new")
    with aside.open("wb") as opened:
        np.savez_compressed(opened, **dumped(classifier))  # type: ignore[arg-type]
    os.replace(aside, file)


def load(file: Path, encoder: Encoder | None) -> Classifier:
    """OSError or ValueError where it is lost, damaged, or was learnt with another encoder."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return restored(arrays, encoder)
    except (KeyError, BadZipFile) as error:
        raise ValueError(f"What was learnt cannot be read: {error}.") from error
