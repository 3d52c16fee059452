"""The mood of a message: unhappy, matter-of-fact or happy.

From the meaning of examples that we wrote ourselves (lexicon/sentiment.toml); from labelled messages as well, once a
desk has some; and by counting words where the sentence encoder is missing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from parley.ai import hashed, lexicon
from parley.ai.classifier import levelled
from parley.ai.encoder import Encoder, encoder
from parley.ai.hashed import Hasher
from parley.ai.heads import Net, Plan, Softmax, softmax
from parley.ai.likeness import Floats
from parley.ai.mood_words import by_words, told_language
from parley.core.embeddings import Unreachable

NAMES = ("negative", "neutral", "positive")
SEEDED = Plan(epochs=80, batch=32, rate=2e-2, decay=1e-3)
TAUGHT = Plan(epochs=8, batch=128, rate=8e-4, smoothing=0.1, dropout=0.5, hidden=128)
PIECES = Plan(epochs=8, batch=128, rate=1e-2, decay=1e-4)
FEW = 400  # labelled texts below which a net would learn them by heart
BY_WORDS = 0.35  # how much words count beside meaning


@dataclass(frozen=True)
class Mood:
    """score: from -1 (surely unhappy) to 1 (surely happy)."""

    name: str
    score: float


class Reader(Protocol):
    """Tells moods."""

    def moods(self, texts: Sequence[str]) -> list[Mood]: ...


class ByWords:
    """Counts words of either mood in the text's language; a "not" shortly before turns one."""

    def moods(self, texts: Sequence[str]) -> list[Mood]:
        return [self._mood(by_words(one, told_language(one))[0]) for one in texts]

    @staticmethod
    def _mood(score: float) -> Mood:
        return Mood(NAMES[1 + (score > 0) - (score < 0)], score)


class ByExamples:
    """A softmax regression on the vectors of our own examples, and words of either mood."""

    def __init__(self, reads: Encoder) -> None:
        self._reads = reads
        pairs = [(line, name) for name in NAMES for line in lexicon.read("sentiment")["examples"][name]]
        vectors = reads.vectors([line for line, _ in pairs])
        labels = np.array([NAMES.index(name) for _, name in pairs], np.intp)
        # The three moods count alike, however many examples each has.
        weight = (len(pairs) / (len(NAMES) * np.bincount(labels)[labels])).astype(np.float32)
        self._head = Softmax.fit(lambda at: vectors[at], labels, vectors.shape[1], len(NAMES), SEEDED, weight=weight)

    def moods(self, texts: Sequence[str]) -> list[Mood]:
        try:
            chances = softmax(self._head.logits(self._reads.vectors(texts)))
        except Unreachable:
            return ByWords().moods(texts)
        return [self._mood(row, by_words(one, told_language(one))[0]) for one, row in zip(texts, chances, strict=True)]

    @staticmethod
    def _mood(row: Floats, words: float) -> Mood:
        """Where words tell a mood they count as well."""
        if words:
            told = np.array([max(-words, 0), 1 - abs(words), max(words, 0)], np.float32)
            row = ((1 - BY_WORDS) * row + BY_WORDS * told).astype(np.float32)
        return Mood(NAMES[int(row.argmax())], float(row[2] - row[0]))


class ByLabels:
    """Learnt from messages whose mood somebody told: (names of moods, what gives the chances of each to texts)."""

    def __init__(self, names: Sequence[str], chances: Callable[[Sequence[str]], Floats]) -> None:
        self._names, self._chances = tuple(names), chances

    def moods(self, texts: Sequence[str]) -> list[Mood]:
        return [self._mood(row) for row in self._chances(texts)] if texts else []

    def _mood(self, row: Floats) -> Mood:
        told = dict(zip(self._names, map(float, row), strict=True))
        score = told.get("positive", 0.0) - told.get("negative", 0.0)
        return Mood(self._names[int(row.argmax())], score)


def learnt(labelled: Sequence[tuple[str, str]], reads: Encoder | None, seed: int = 1) -> ByLabels:
    """From (text, one of NAMES). ValueError for another name, or where all have the same.

    A small net sees the encoder's layers, and a regression pieces of words, where there are enough texts;
    the sentence's own vector where there are few; without the encoder, hashed words and pieces of words.
    """
    if strange := {name for _, name in labelled} - set(NAMES):
        raise ValueError(f"A mood is one of {', '.join(NAMES)}, not {', '.join(sorted(strange))}.")
    texts, names = [text for text, _ in labelled], [name for name in NAMES if any(n == name for _, n in labelled)]
    if len(names) < 2:
        raise ValueError("All texts have the same mood.")
    labels = np.array([names.index(name) for _, name in labelled], np.intp)
    if reads is None:
        return ByLabels(names, _by_pieces(texts, labels, len(names), seed))
    width = reads.width

    def seen(asked: Sequence[str]) -> Floats:
        return levelled(reads.layers(asked), width)

    layers = seen(texts)
    if len(labelled) < FEW:
        own = layers[:, -width:]
        head = Softmax.fit(lambda at: own[at], labels, width, len(names), replace(SEEDED, seed=seed))
        return ByLabels(names, lambda asked: softmax(head.logits(seen(asked)[:, -width:])))
    net = Net.fit(layers, labels, len(names), replace(TAUGHT, seed=seed))
    pieces = _by_pieces(texts, labels, len(names), seed)

    def both(asked: Sequence[str]) -> Floats:
        chances: Floats = np.average([softmax(net.logits(seen(asked))), pieces(asked)], 0, [2, 1])
        return chances.astype(np.float32)

    return ByLabels(names, both)


def _by_pieces(
    texts: Sequence[str], labels: NDArray[np.intp], moods: int, seed: int
) -> Callable[[Sequence[str]], Floats]:
    hasher = Hasher.of(texts)
    rows = hasher(texts).rows
    head = Softmax.fit(rows, labels, hashed.WIDTH, moods, replace(PIECES, seed=seed))
    return lambda asked: softmax(head.logits(hasher(asked).rows(np.arange(len(asked)))))


def reader(by_meaning: bool = True) -> Reader:
    """By examples where that is wanted and the encoder is there, else by words."""
    found: Any = encoder() if by_meaning else None
    try:
        return _by_examples(found) if found else ByWords()
    except Unreachable:
        return ByWords()


@cache
def _by_examples(reads: Any) -> ByExamples:
    return ByExamples(reads)
