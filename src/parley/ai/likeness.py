"""How alike a question is to many short texts. The n-gram engine needs nothing but numpy; others plug in here.

An engine turns texts into something it can compare (`encode`) and compares one question with an index of them.
Retrieval and calibration know only these two protocols, so an engine of sentence embeddings takes the place of
this one by being handed to `Library(articles, engine=...)`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from parley.ai import text

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Bag = tuple[Ids, Floats]
"""Distinct hashed features of a text and how often each occurs (damped)."""


class Index(Protocol):
    """Many encoded texts, ready to be compared with one question."""

    def likeness(self, question: Any) -> Floats:
        """For each text, from 0 (nothing in common) to 1 (the same)."""


class Engine(Protocol):
    """A way of seeing likeness between texts."""

    @property
    def name(self) -> str:
        """Part of a library's digest: calibrations of one engine don't fit another."""

    @property
    def keywords(self) -> tuple[float, float]:
        """Weight and power of the bounded BM25 beside this likeness: score = likeness + weight * bm25 ** power."""

    @property
    def views(self) -> Mapping[str, float]:
        """Which texts of an article to compare with, and what each counts.

        title; nearest: the title or wording most alike; wordings: title and wordings as one text;
        passage: the passage most alike; body: the whole text.
        """

    def encode(self, texts: Sequence[str]) -> list[Any]: ...

    def index(self, encoded: Sequence[Any]) -> Index: ...


class Postings:
    """A sparse matrix by feature: which rows have it, and with what weight."""

    def __init__(self, rows: Sequence[Bag]) -> None:
        self.size = len(rows)
        ids = np.concatenate([bag[0] for bag in rows]) if rows else np.empty(0, np.int64)
        order = np.argsort(ids, kind="stable")
        owners = np.repeat(np.arange(self.size, dtype=np.int32), [len(bag[0]) for bag in rows])
        weights = np.concatenate([bag[1] for bag in rows]) if rows else np.empty(0, np.float32)
        self.ids, starts = np.unique(ids[order], return_index=True)
        self.starts = np.append(starts, len(ids)) if len(ids) else np.zeros(2, np.intp)
        self.owners, self.weights = owners[order], weights[order].astype(np.float32)

    def frequency(self, ids: Ids) -> Floats:
        """In how many rows each feature occurs."""
        at, known = self._places(ids)
        return np.where(known, self.starts[at + 1] - self.starts[at], 0).astype(np.float32)

    def weigh(self, factor_by_id: Floats) -> None:
        """Multiplies every weight by its feature's factor (same order as `ids`)."""
        self.weights *= np.repeat(factor_by_id, self._lengths())

    def rows_by_id(self) -> Floats:
        """In how many rows each of `ids` occurs."""
        return self._lengths().astype(np.float32)

    def _lengths(self) -> NDArray[np.intp]:
        return np.diff(self.starts)[: len(self.ids)]

    def norms(self) -> Floats:
        squares = np.bincount(self.owners, self.weights.astype(np.float64) ** 2, minlength=self.size)
        return np.sqrt(squares).astype(np.float32)

    def dot(self, ids: Ids, weights: Floats) -> Floats:
        """The product of every row with one sparse vector."""
        at, known = self._places(ids)
        at, weights = at[known], weights[known]
        lengths = self.starts[at + 1] - self.starts[at]
        ends = np.cumsum(lengths)
        cells = np.arange(ends[-1] if len(ends) else 0) + np.repeat(self.starts[at] - ends + lengths, lengths)
        summed = np.bincount(self.owners[cells], self.weights[cells] * np.repeat(weights, lengths), minlength=self.size)
        return summed.astype(np.float32)

    def _places(self, ids: Ids) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        if not len(self.ids):
            return np.zeros(len(ids), np.intp), np.zeros(len(ids), np.bool_)
        at = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return at, self.ids[at] == ids


def bag_of(features: Sequence[int], weight: float = 1.0) -> Bag:
    ids, counts = np.unique(np.asarray(features, np.int64), return_counts=True)
    return ids, (weight * (1 + np.log(counts))).astype(np.float32)


class NgramEngine:
    """Cosine over hashed stems, pairs of stems and pieces of words, rarer ones counting more."""

    name = "ngrams-1"
    # Equal weights for all four views and the keywords: what fitting on two collections came to, near enough
    # (right first: 0.63 -> 0.70 on the demo's wordings, 0.92 on StackFAQ, against the nearest wording alone).
    keywords = (0.25, 1.0)
    views: Mapping[str, float] = {"nearest": 0.25, "wordings": 0.25, "title": 0.25, "body": 0.25}

    def __init__(self, pieces: float = 0.4) -> None:
        self._pieces = pieces

    def encode(self, texts: Sequence[str]) -> list[Bag]:
        return [self._bag(one) for one in texts]

    def index(self, encoded: Sequence[Bag]) -> "NgramIndex":
        return NgramIndex(encoded)

    def _bag(self, one: str) -> Bag:
        found = text.words(text.with_phrases(text.fold(one)))
        whole = bag_of(text.word_grams(text.terms_of(found)))
        telling = [word for word in found if word not in text.STOP_WORDS]
        parts = bag_of(text.char_grams(telling), self._pieces)
        return np.concatenate([whole[0], parts[0]]), np.concatenate([whole[1], parts[1]])


class NgramIndex:
    def __init__(self, rows: Sequence[Bag]) -> None:
        self._postings = Postings(rows)
        self._idf = _rarity(self._postings.rows_by_id(), len(rows))
        self._postings.weigh(self._idf)
        self._norms = np.maximum(self._postings.norms(), 1e-6)

    def likeness(self, question: Bag) -> Floats:
        ids, weights = question
        weights = weights * _rarity(self._postings.frequency(ids), self._postings.size)
        length = float(np.linalg.norm(weights))
        if not length or not self._postings.size:
            return np.zeros(self._postings.size, np.float32)
        # The index holds idf-weighted features, and so does the question: a plain cosine of both.
        return np.clip(self._postings.dot(ids, weights) / (length * self._norms), 0, 1)


def _rarity(frequency: Floats, size: int) -> Floats:
    return np.log((size + 1) / (frequency + 0.5)).clip(0.1).astype(np.float32)
