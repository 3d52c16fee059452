"""An embeddings interface on the loopback: a text's vector is the sum of its words' own, so shared words are alike."""

import json
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from zlib import crc32

import numpy as np

from harness.model import Stub, raw
from parley.ai.likeness import Floats

WIDTH = 96


def by_words(texts: Sequence[str], width: int = WIDTH) -> Floats:
    rows = np.zeros((len(texts), width), np.float32)
    for row, text in enumerate(texts):
        for word in text.lower().replace("?", " ").replace(".", " ").replace(",", " ").split() or [""]:
            rows[row] += np.random.default_rng(crc32(word.encode())).standard_normal(width).astype(np.float32)
    return rows


class Vectors(Stub):
    """Answers with vectors, the last text first: an order is nothing to rely on. status: of every answer."""

    def __init__(self) -> None:
        super().__init__()
        self.status, self.width = 200, WIDTH
        self.say = self._vectors

    def _vectors(self, handler: BaseHTTPRequestHandler) -> None:
        rows = by_words(self.asked[-1]["input"], self.width)
        data = [{"index": place, "embedding": row.tolist()} for place, row in enumerate(rows)]
        raw(handler, json.dumps({"data": data[::-1]}).encode(), self.status)
