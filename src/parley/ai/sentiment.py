"""The mood of a message: unhappy, matter-of-fact or happy.

From the meaning of examples that we wrote ourselves (lexicon/sentiment.toml); from labelled messages as well, once a
desk has some; and by counting words where the sentence encoder is missing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

from parley.ai import lexicon, text
from parley.ai.classifier import Classifier, train
from parley.ai.encoder import WIDTH, Encoder, encoder
from parley.ai.heads import Plan, Softmax, softmax

NAMES = ("negative", "neutral", "positive")
SEEDED = Plan(epochs=80, batch=32, rate=2e-2, decay=1e-3)
NEGATED = 3
"""Words after a "not" whose mood it turns."""


@dataclass(frozen=True)
class Mood:
    """score: from -1 (surely unhappy) to 1 (surely happy)."""

    name: str
    score: float


class Reader(Protocol):
    """Tells moods."""

    def moods(self, texts: Sequence[str]) -> list[Mood]: ...


class ByWords:
    """Counts words of either mood; a "not" shortly before turns one."""

    def moods(self, texts: Sequence[str]) -> list[Mood]:
        return [self._mood(one) for one in texts]

    def _mood(self, message: str) -> Mood:
        happy, unhappy, turned = 0, 0, 0
        for word in re.findall(r"[a-z]+", re.sub(r"['’]", "", text.fold(message))):
            if word in _words("turning"):
                turned = NEGATED + 1
            good, bad = word in _words("positive"), word in _words("negative")
            happy += (bad if turned else good) and (good or bad)
            unhappy += (good if turned else bad) and (good or bad)
            turned = max(turned - 1, 0)
        score = (happy - unhappy) / (happy + unhappy + 1)
        return Mood(NAMES[1 + (score > 0) - (score < 0)], score)


class ByExamples:
    """A softmax regression on the vectors of our own examples."""

    def __init__(self, reads: Encoder) -> None:
        self._reads = reads
        pairs = [(line, name) for name in NAMES for line in lexicon.read("sentiment")["examples"][name]]
        vectors = reads.vectors([line for line, _ in pairs])
        labels = np.array([NAMES.index(name) for _, name in pairs], np.intp)
        # The three moods count alike, however many examples each has.
        weight = (len(pairs) / (len(NAMES) * np.bincount(labels)[labels])).astype(np.float32)
        self._head = Softmax.fit(lambda at: vectors[at], labels, WIDTH, len(NAMES), SEEDED, weight=weight)

    def moods(self, texts: Sequence[str]) -> list[Mood]:
        chances = softmax(self._head.logits(self._reads.vectors(texts)))
        return [Mood(NAMES[int(row.argmax())], float(row[2] - row[0])) for row in chances]


class ByLabels:
    """Learnt from messages whose mood somebody told."""

    def __init__(self, learnt: Classifier) -> None:
        self.learnt = learnt

    def moods(self, texts: Sequence[str]) -> list[Mood]:
        return [self._mood(guess.name, dict(guess.ranked)) for guess in self.learnt.guesses(texts, len(NAMES))]

    @staticmethod
    def _mood(name: str, chances: dict[str, float]) -> Mood:
        return Mood(name, chances.get("positive", 0.0) - chances.get("negative", 0.0))


def learnt(labelled: Sequence[tuple[str, str]], reads: Encoder | None, seed: int = 1) -> ByLabels:
    """From (text, one of NAMES). ValueError for another name, or where all have the same."""
    if strange := {name for _, name in labelled} - set(NAMES):
        raise ValueError(f"A mood is one of {', '.join(NAMES)}, not {', '.join(sorted(strange))}.")
    return ByLabels(train(labelled, reads, seed=seed))


@cache
def reader(by_meaning: bool = True) -> Reader:
    """By examples where that is wanted and the encoder is there, else by words."""
    found = encoder() if by_meaning else None
    return ByExamples(found) if found else ByWords()


@cache
def _words(mood: str) -> frozenset[str]:
    return frozenset(" ".join(lexicon.read("sentiment")["words"][mood]).split())
