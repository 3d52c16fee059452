"""What unlabelled messages teach: labels spread along likeness, and those that arrive clearly are learnt from.

Zhou et al. 2004, "Learning with local and global consistency", over the graph of nearest neighbours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parley.ai.likeness import Floats

NEIGHBOURS = 10
STEPS = 12
HOLD = 0.6
"""Of a text's label, the share that comes from its neighbours in each step."""

CLEAR = 0.6
TRUST = 0.6
"""How much a label that only arrived counts beside one that was given."""


@dataclass(frozen=True)
class Graph:
    """The nearest neighbours of every text and their weights, which sum to 1."""

    near: NDArray[np.intp]
    weight: Floats

    @classmethod
    def of(cls, vectors: Floats) -> "Graph":
        count = len(vectors)
        k = min(NEIGHBOURS, count - 1)
        near = np.empty((count, k), np.intp)
        weight = np.empty((count, k), np.float32)
        for start in range(0, count, 512):
            stop = min(start + 512, count)
            alike = vectors[start:stop] @ vectors.T
            alike[np.arange(stop - start), np.arange(start, stop)] = -1
            near[start:stop] = np.argpartition(alike, -k, axis=1)[:, -k:]
            weight[start:stop] = np.maximum(np.take_along_axis(alike, near[start:stop], axis=1), 0) ** 4
        weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
        return cls(near, weight)


@dataclass(frozen=True)
class Gained:
    """Texts that got a label: their places, the labels, and how much each counts."""

    places: NDArray[np.intp]
    labels: NDArray[np.intp]
    weights: Floats


def spread(graph: Graph, guessed: Floats, known: NDArray[np.intp], labels: NDArray[np.intp]) -> Gained:
    """guessed: what a first classifier makes of every text, [texts, classes]; known: places of the labels given."""
    given = guessed.copy()
    given[known] = 0
    given[known, labels] = 1
    now = given.copy()
    for _ in range(STEPS):
        came = np.zeros_like(now)
        for column in range(graph.near.shape[1]):
            came += graph.weight[:, column, None] * now[graph.near[:, column]]
        now = HOLD * came + (1 - HOLD) * given
        now[known] = given[known]
    now /= np.maximum(now.sum(axis=1, keepdims=True), 1e-9)
    now[known] = 0
    places = np.flatnonzero(now.max(axis=1) >= CLEAR)
    return Gained(places, now[places].argmax(axis=1), np.full(len(places), TRUST, np.float32))
