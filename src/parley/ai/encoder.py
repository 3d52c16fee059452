"""Sentence vectors: texts that mean the same lie close together. MiniLM with six layers, in 8-bit integers, or what
the operator chose in its place (`core/embeddings.py`).

MiniLM's graph is made while Parley is built (see hatch_vectors.py) and shipped with it; nothing is fetched. Without the
encoder, or without the runtime, `encoder()` is None and the desk goes on by words alone.
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from parley.ai import chosen
from parley.ai.likeness import Engine, Floats, NgramEngine
from parley.ai.remembering import Remembering, unit
from parley.ai.wordpiece import PAD, WordPiece
from parley.core.embeddings import Wish
from parley.core.errors import ParleyError

__all__ = ["Encoder", "encoder", "unit"]

logger = logging.getLogger("parley.ai")

MODEL = Path(__file__).parent / "model"
TOKENS = 256
"""Longest text in pieces, as the weights were trained; what follows is not read."""

AT_ONCE = 32
MANY, HANDS = 60, 4  # so many parts are much, and so many threads read them
WIDTH = 384
"""Of MiniLM's vectors; another encoder says its own."""


class Encoder(Protocol):
    """Texts into vectors."""

    @property
    def name(self) -> str:
        """Changes when the vectors do."""

    @property
    def width(self) -> int:
        """Numbers in a vector. Raises Unreachable where that has to be asked and nobody answers."""

    def layers(self, texts: Sequence[str]) -> Floats:
        """[texts, n · width]: the means of several layers, joined; the last `width` of them are the sentence's own."""

    def vectors(self, texts: Sequence[str]) -> Floats:
        """[texts, width], each of length 1, so that a product of two is their cosine. Unreachable: not now."""


def session(graph: Path) -> Any:
    """A graph, ready to run. ImportError without the runtime."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    # Memory is given back after a batch of long texts, at no measurable cost for short ones.
    options.enable_cpu_mem_arena = False
    return ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


class MiniLM(Remembering):
    """The encoder shipped with Parley. One thread a call: a desk has better use for its other cores."""

    name = "minilm-l6-int8-1"

    def __init__(self, folder: Path = MODEL) -> None:
        super().__init__()
        self._session = session(folder / "encoder.onnx")
        with (folder / "vocab.txt").open(encoding="utf-8") as lines:
            self._pieces = WordPiece(line.rstrip("\n") for line in lines)

    @property
    def width(self) -> int:
        return WIDTH

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

    def _rows_of(self, texts: Sequence[str]) -> Floats:
        return self.layers(texts)[:, -WIDTH:]

    def _run(self, numbers: Sequence[Sequence[int]]) -> Floats:
        longest = max(len(one) for one in numbers)
        ids = np.full((len(numbers), longest), PAD, np.int64)
        mask = np.zeros((len(numbers), longest), np.float32)
        for row, one in enumerate(numbers):
            ids[row, : len(one)] = one
            mask[row, : len(one)] = 1
        found: Floats = self._session.run(["layers"], {"ids": ids, "mask": mask})[0]
        return found


def encoder() -> Encoder | None:
    """The encoder of this installation, loaded on first use; None where there is none."""
    return _loaded(chosen.wish())


@cache
def _loaded(wish: Wish) -> Encoder | None:
    try:
        return made(wish)
    except ParleyError as error:
        logger.warning("%s The bot goes by words alone.", error)
        chosen.say(f"{error} The desk goes by words alone.", wish)
    except ImportError:
        logger.warning("onnxruntime is not installed: the bot goes by words alone.")
    except Exception as error:
        logger.warning("The sentence encoder is not here (%s): the bot goes by words alone.", type(error).__name__)
    return None


def made(wish: Wish) -> Encoder:
    """A new one. Raises BadConfig with what is wrong and how to mend it; the built-in one raises what hinders it."""
    from parley.ai.endpoint import Endpoint
    from parley.ai.local_models import FastEmbed, FolderModel

    kinds = {"folder": FolderModel, "fastembed": FastEmbed, "endpoint": Endpoint}
    return kinds[wish.kind](wish) if wish.kind in kinds else MiniLM()


# ── likeness by meaning, for retrieval ──────────────────────────────────────────────────────────


class VectorIndex:
    """Vectors of many texts; likeness is their cosine with the question."""

    def __init__(self, rows: Sequence[Floats]) -> None:
        self._rows = np.stack(rows) if len(rows) else np.empty((0, 0), np.float32)

    def likeness(self, question: Floats) -> Floats:
        if not len(self._rows):
            return np.empty(0, np.float32)
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
