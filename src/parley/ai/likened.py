"""Whether a text is much like one that somebody judged before: a few hundred judged ones, and the nearest of them.

By meaning where the sentence encoder is there, else by words. A judgement of one text says something about its twins
and nothing about the rest, so only what is very much alike is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parley.ai.encoder import encoder, unit
from parley.ai.hashed import WIDTH, features
from parley.ai.likeness import Floats
from parley.core.embeddings import Unreachable

BY_MEANING, BY_WORDS = 0.8, 0.55
"""Cosine from which on two texts are taken for the same thing said."""


@dataclass(frozen=True)
class Like:
    """value: what the nearest was judged to be. alike: cosine, 0..1."""

    value: str
    alike: float
    place: int = 0


class Likened:
    """Texts with what they were judged to be."""

    def __init__(self, judged: Sequence[tuple[str, str]], by_meaning: bool) -> None:
        self._reads = encoder() if by_meaning else None
        self._values = [value for _, value in judged]
        texts = [text for text, _ in judged]
        try:
            self._rows = self._vectors(texts) if judged else np.empty((0, 1), np.float32)
        except Unreachable:
            self._reads = None
            self._rows = self._vectors(texts)
        self.by_meaning = self._reads is not None
        self.enough = BY_MEANING if self._reads else BY_WORDS

    def nearest(self, text: str) -> Like | None:
        """The nearest judged text, where it is near enough."""
        found = self.best(text)
        return found if found and found.alike >= self.enough else None

    def best(self, text: str) -> Like | None:
        """The nearest, however far it is; None also where the encoder cannot be asked just now."""
        if not self._values:
            return None
        try:
            alike = self._rows @ self._vectors([text])[0]
        except Unreachable:
            return None
        place = int(alike.argmax())
        return Like(self._values[place], round(float(alike[place]), 3), place)

    def _vectors(self, texts: Sequence[str]) -> Floats:
        if self._reads is not None:
            return self._reads.vectors(texts)
        rows = np.zeros((len(texts), WIDTH), np.float32)
        for row, text in enumerate(texts):
            rows[row, list(features(text))] = 1
        return unit(rows)
