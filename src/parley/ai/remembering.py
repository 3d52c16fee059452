"""What every encoder has in common: vectors remembered by text, and one layer where a model tells no more."""

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parley.ai.likeness import Floats

KEPT = 20_000
"""Vectors remembered: about 30 MB where they are 384 numbers wide."""


class Remembering(ABC):
    """An encoder that makes each vector once. Subclasses say `name` and `width`, and make rows in `_rows_of`."""

    name = ""

    def __init__(self) -> None:
        self._memo: OrderedDict[bytes, Floats] = OrderedDict()
        self._lock = threading.Lock()

    @property
    @abstractmethod
    def width(self) -> int:
        """Numbers in a vector."""

    @abstractmethod
    def _rows_of(self, texts: Sequence[str]) -> Floats:
        """[texts, width], of any length, for texts that are not remembered."""

    def layers(self, texts: Sequence[str]) -> Floats:
        """Where a model hands out nothing but the sentence's own vector, that is its only layer."""
        return self.vectors(texts)

    def vectors(self, texts: Sequence[str]) -> Floats:
        if not len(texts):
            return np.empty((0, self.width), np.float32)
        keys = [key_of(one) for one in texts]
        with self._lock:
            known = {key: self._memo[key] for key in keys if key in self._memo}
        new = {key: one for key, one in zip(keys, texts, strict=True) if key not in known}
        if new:
            known |= zip(new, unit(self._rows_of(list(new.values()))), strict=True)
            self._remember(new, known)
        return np.stack([known[key] for key in keys])

    def _remember(self, keys: Mapping[bytes, str], known: Mapping[bytes, Floats]) -> None:
        with self._lock:
            self._memo.update((key, known[key]) for key in keys)
            while len(self._memo) > KEPT:
                self._memo.popitem(last=False)


def key_of(text: str) -> bytes:
    """A text's hash: what is kept beside its vector, so that the text itself is not."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def unit(rows: NDArray[Any]) -> Floats:
    """Rows of length 1."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Floats = (rows / np.maximum(length, 1e-9)).astype(np.float32)
    return scaled
