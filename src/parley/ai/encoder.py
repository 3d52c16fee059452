"""Sentence vectors: texts that mean the same lie close together. MiniLM with six layers, in 8-bit integers.

The graph is made while Parley is built (see hatch_vectors.py) and shipped with it; nothing is fetched. Without it,
or without the runtime, `encoder()` is None and the desk goes on by words alone.
"""

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from parley.ai.likeness import Engine, Floats, NgramEngine
from parley.ai.wordpiece import PAD, WordPiece

logger = logging.getLogger("parley.ai")

MODEL = Path(__file__).parent / "model"
TOKENS = 256
"""Longest text in pieces, as the weights were trained; what follows is not read."""

AT_ONCE = 32
MANY, HANDS = 60, 4  # so many parts are much, and so many threads read them
KEPT = 20_000
"""Vectors remembered by text: about 30 MB."""

WIDTH = 384


class Encoder(Protocol):
    """Texts into vectors."""

    @property
    def name(self) -> str:
        """Changes when the vectors do."""

    def layers(self, texts: Sequence[str]) -> Floats:
        """[texts, n · width]: the means of several layers, joined; the last `width` of them are the sentence's own."""

    def vectors(self, texts: Sequence[str]) -> Floats:
        """[texts, width], each of length 1, so that a product of two is their cosine."""


class MiniLM:
    """The encoder shipped with Parley. One thread a call: a desk has better use for its other cores."""

    name = "minilm-l6-int8-1"

    def __init__(self, folder: Path = MODEL) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        # Memory is given back after a batch of long texts, at no measurable cost for short ones.
        options.enable_cpu_mem_arena = False
        self._session = ort.InferenceSession(str(folder / "encoder.onnx"), options, providers=["CPUExecutionProvider"])
        with (folder / "vocab.txt").open(encoding="utf-8") as lines:
            self._pieces = WordPiece(line.rstrip("\n") for line in lines)
        self._memo: OrderedDict[str, Floats] = OrderedDict()
        self._lock = threading.Lock()

    def layers(self, texts: Sequence[str]) -> Floats:
        numbers = [self._pieces.numbers(one, TOKENS) for one in texts]
        order = sorted(range(len(texts)), key=lambda place: len(numbers[place]))
        parts = [order[start : start + AT_ONCE] for start in range(0, len(order), AT_ONCE)]
        found = np.empty((len(texts), 4 * WIDTH), np.float32)
        for places, rows in zip(parts, self._rows([[numbers[place] for place in part] for part in parts]), strict=True):
            found[places] = rows
        return found

    def _rows(self, parts: Sequence[Sequence[Sequence[int]]]) -> Iterator[Floats]:
        """Thousands of texts, with which somebody learns, are read on every core; questions on one."""
        hands = min(HANDS, os.cpu_count() or 1)
        if len(parts) < MANY or hands == 1:
            yield from map(self._run, parts)
        else:
            with ThreadPoolExecutor(hands, "parley-reading-much") as pool:
                yield from pool.map(self._run, parts)

    def vectors(self, texts: Sequence[str]) -> Floats:
        with self._lock:
            known = {one: self._memo[one] for one in texts if one in self._memo}
        new = [one for one in dict.fromkeys(texts) if one not in known]
        if new:
            known |= zip(new, unit(self.layers(new)[:, -WIDTH:]), strict=True)
            self._remember(new, known)
        return np.stack([known[one] for one in texts]) if texts else np.empty((0, WIDTH), np.float32)

    def _remember(self, texts: Sequence[str], known: Mapping[str, Floats]) -> None:
        with self._lock:
            self._memo.update((one, known[one]) for one in texts)
            while len(self._memo) > KEPT:
                self._memo.popitem(last=False)

    def _run(self, numbers: Sequence[Sequence[int]]) -> Floats:
        longest = max(len(one) for one in numbers)
        ids = np.full((len(numbers), longest), PAD, np.int64)
        mask = np.zeros((len(numbers), longest), np.float32)
        for row, one in enumerate(numbers):
            ids[row, : len(one)] = one
            mask[row, : len(one)] = 1
        found: Floats = self._session.run(["layers"], {"ids": ids, "mask": mask})[0]
        return found


@cache
def encoder() -> Encoder | None:
    """The encoder of this installation, loaded on first use; None where there is none."""
    try:
        return MiniLM()
    except ImportError:
        logger.warning("onnxruntime is not installed: the bot goes by words alone.")
    except Exception as error:
        logger.warning("The sentence encoder is not here (%s): the bot goes by words alone.", type(error).__name__)
    return None


def unit(rows: NDArray[Any]) -> Floats:
    """Rows of length 1."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Floats = (rows / np.maximum(length, 1e-9)).astype(np.float32)
    return scaled


# ── likeness by meaning, for retrieval ──────────────────────────────────────────────────────────


class VectorIndex:
    """Vectors of many texts; likeness is their cosine with the question."""

    def __init__(self, rows: Sequence[Floats]) -> None:
        self._rows = np.stack(rows) if len(rows) else np.empty((0, WIDTH), np.float32)

    def likeness(self, question: Floats) -> Floats:
        cosines: Floats = np.clip(self._rows @ question, 0, 1).astype(np.float32)
        return cosines


class VectorEngine:
    """Retrieval's way of seeing likeness by an encoder's vectors."""

    # The square keeps rare words and codes findable and common ones from outvoting the meaning.
    keywords = (0.3, 2.0)
    views: Mapping[str, float] = {"nearest": 0.7, "passage": 0.3}

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name = f"vectors-1 {encoder.name}"

    def encode(self, texts: Sequence[str]) -> list[Floats]:
        return list(self._encoder.vectors(texts))

    def index(self, encoded: Sequence[Floats]) -> VectorIndex:
        return VectorIndex(encoded)


def best_engine(by_meaning: bool = True) -> Engine:
    """By meaning where that is wanted and the encoder is there, else by words."""
    found = encoder() if by_meaning else None
    return VectorEngine(found) if found else NgramEngine()
