"""Sentence vectors from an OpenAI-compatible interface: `POST …/embeddings`.

The texts go to that server. What it gave is remembered by the text's hash; when it fails again and again it is left
alone for a minute, and the desk goes by words meanwhile.
"""

import threading
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from parley.ai import chosen
from parley.ai.likeness import Floats
from parley.ai.remembering import Remembering
from parley.core.embeddings import Unreachable, Wish

if TYPE_CHECKING:
    import httpx

AT_ONCE = 64
LONGEST = 6000  # characters of a text; interfaces refuse what is longer than their model reads
SECONDS = 4.0
PAUSES = (0.2,)  # before another try where one may help
FAILS, REST = 2, 60.0  # after so many failed requests it is left alone for so many seconds


class Embedding(msgspec.Struct):
    index: int
    embedding: list[float]


class Answer(msgspec.Struct):
    data: list[Embedding]


class Endpoint(Remembering):
    """clock: seconds, for tests."""

    def __init__(self, wish: Wish, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        digest = sha256(f"{wish.place}\n{wish.model}\n{wish.prefix}".encode()).hexdigest()[:12]
        self.name = f"endpoint-{wish.model}-{digest}"
        self._wish, self._clock = wish, clock
        self._width = 0
        self._fails, self._not_before = 0, float("-inf")
        self._client: httpx.Client | None = None
        self._guard = threading.Lock()

    @property
    def width(self) -> int:
        """Asks once where nothing was asked yet. Raises Unreachable."""
        if not self._width:
            self.vectors(["width"])
        return self._width

    def _rows_of(self, texts: Sequence[str]) -> Floats:
        parts = [texts[start : start + AT_ONCE] for start in range(0, len(texts), AT_ONCE)]
        return np.concatenate([self._asked(part) for part in parts])

    def _asked(self, texts: Sequence[str]) -> Floats:
        if self._clock() < self._not_before:
            raise Unreachable("The interface for sentence vectors failed and is left alone for a moment.")
        try:
            rows = self._rows(self._answer([(self._wish.prefix + one)[:LONGEST] or " " for one in texts]), len(texts))
        except Unreachable as error:
            self._failed(str(error))
            raise
        with self._guard:
            self._fails = 0
        chosen.say("", self._wish)
        return rows

    def _failed(self, sentence: str) -> None:
        with self._guard:
            self._fails += 1
            if self._fails >= FAILS:
                self._not_before = self._clock() + REST
        chosen.say(f"{sentence} The desk goes by words alone until it answers.", self._wish)

    def _answer(self, texts: Sequence[str]) -> bytes:
        for pause in (*PAUSES, None):
            status, content = self._post(texts)
            if status == 200:
                return content
            passing = status in (0, 429) or status >= 500
            if not passing or pause is None:
                raise Unreachable(_why(status))
            time.sleep(pause)
        raise AssertionError

    def _post(self, texts: Sequence[str]) -> tuple[int, bytes]:
        """(status, body); 0 where nobody answered."""
        import httpx

        with self._guard:
            if self._client is None:
                self._client = httpx.Client(timeout=SECONDS, follow_redirects=False)
        headers = {"authorization": f"Bearer {self._wish.key}"} if self._wish.key else {}
        asked = {"model": self._wish.model, "input": list(texts), "encoding_format": "float"}
        try:
            answer = self._client.post(f"{self._wish.place}/embeddings", json=asked, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL):
            return 0, b""
        return answer.status_code, answer.content

    def _rows(self, content: bytes, count: int) -> Floats:
        try:
            found = sorted(msgspec.json.decode(content, type=Answer).data, key=lambda one: one.index)
            rows = np.array([one.embedding for one in found], np.float32)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            raise Unreachable("The interface for sentence vectors answered something else.") from error
        if rows.ndim != 2 or [one.index for one in found] != list(range(count)) or not rows.size:
            raise Unreachable("The interface for sentence vectors did not answer every text.")
        if not np.isfinite(rows).all():
            raise Unreachable("The interface for sentence vectors answered with what is no number.")
        if self._width and rows.shape[1] != self._width:
            raise Unreachable("The interface for sentence vectors changed how many numbers it gives. Restart the desk.")
        self._width = rows.shape[1]
        return rows


def _why(status: int) -> str:
    told = {
        0: "cannot be reached. Look at its address, and whether it runs",
        401: "refuses the key. Look at PARLEY_EMBEDDINGS_KEY",
        403: "refuses the key. Look at PARLEY_EMBEDDINGS_KEY",
        404: "knows no such address or model. Look at PARLEY_EMBEDDINGS",
        429: "has too many requests just now",
    }
    return f"The interface for sentence vectors {told.get(status, f'answered {status}')}."
