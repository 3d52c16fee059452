"""Texts as hashed pieces of words and words: the half of a classifier that spelling helps and meaning does not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from parley.ai import text
from parley.ai.likeness import Floats

WIDTH = 8192


@dataclass
class HashedTexts:
    """Rows of hashed features: `columns` and `values` of row i stand at starts[i] … starts[i + 1]."""

    starts: NDArray[np.intp]
    columns: NDArray[np.intp]
    values: Floats

    def __len__(self) -> int:
        return len(self.starts) - 1

    def rows(self, places: NDArray[np.intp]) -> Floats:
        """These rows as a dense matrix of `WIDTH` columns."""
        made = np.zeros((len(places), WIDTH), np.float32)
        for row, place in enumerate(places):
            span = slice(self.starts[place], self.starts[place + 1])
            made[row, self.columns[span]] = self.values[span]
        return made


def features(one: str) -> set[int]:
    """Hashed words, pairs of words, and pieces of three to five letters with the word's ends marked."""
    found = text.words(text.fold(one))
    keys = [f"w {word}" for word in found]
    keys += [f"p {a} {b}" for a, b in pairwise(found)]
    for word in found:
        marked = f"<{word}>"
        keys += [marked[at : at + n] for n in (3, 4, 5) for at in range(len(marked) - n + 1)]
    return {crc32(key.encode("utf-8", "surrogatepass")) % WIDTH for key in keys}


class Hasher:
    """Weighs features by how rare they were among the texts it was made of; every row has length 1."""

    def __init__(self, rarity: Floats) -> None:
        self.rarity = rarity

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Hasher":
        seen, count = np.zeros(WIDTH), 0
        for one in texts:
            seen[list(features(one))] += 1
            count += 1
        return cls((np.log((1 + count) / (1 + seen)) + 1).astype(np.float32))

    def __call__(self, texts: Sequence[str]) -> HashedTexts:
        columns, values, starts = [], [], [0]
        for one in texts:
            ids = np.fromiter(features(one), np.intp)
            weights = self.rarity[ids]
            columns.append(ids)
            values.append((weights / max(float(np.linalg.norm(weights)), 1e-9)).astype(np.float32))
            starts.append(starts[-1] + len(ids))
        empty = np.empty(0, np.intp)
        return HashedTexts(
            np.asarray(starts, np.intp),
            np.concatenate(columns) if columns else empty,
            np.concatenate(values) if values else np.empty(0, np.float32),
        )
