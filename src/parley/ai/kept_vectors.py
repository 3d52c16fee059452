"""Vectors kept in a file between starts, so that a desk reads its articles for their meaning once."""

import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from parley.ai.encoder import Encoder
from parley.ai.likeness import Floats
from parley.ai.remembering import key_of

logger = logging.getLogger("parley.ai")


class KeptVectors:
    """An encoder that knows from a file what it was asked before; `save` writes what was asked since it was made.

    The file holds hashes and numbers, never the texts. One of another encoder, or one that cannot be read, is as none.
    """

    def __init__(self, encoder: Encoder, file: Path) -> None:
        self.name = encoder.name
        self._encoder, self._file = encoder, file
        self._kept = self._read()
        self._asked: dict[bytes, Floats] | None = {}

    @property
    def width(self) -> int:
        return self._encoder.width

    def vectors(self, texts: Sequence[str]) -> Floats:
        if self._asked is None:
            return self._encoder.vectors(texts)
        keys = [key_of(one) for one in texts]
        known = self._kept | self._asked
        new = {key: one for key, one in zip(keys, texts, strict=True) if key not in known}
        known |= zip(new, self._encoder.vectors(list(new.values())), strict=True)
        self._asked |= {key: known[key] for key in keys}
        return np.stack([known[key] for key in keys]) if keys else np.empty((0, self.width), np.float32)

    def layers(self, texts: Sequence[str]) -> Floats:
        return self._encoder.layers(texts)

    def save(self) -> None:
        """Keep what was asked so far, and nothing that is asked later: that is customers' words."""
        asked, self._asked = self._asked or {}, None
        if asked.keys() == self._kept.keys():
            return
        try:
            self._write(asked)
        except OSError as error:
            logger.warning("The articles' vectors were not kept, the next start makes them again: %s", error)
        finally:
            self._kept = {}

    def _write(self, asked: dict[bytes, Floats]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        keys = np.frombuffer(b"".join(asked), np.uint8).reshape(len(asked), -1)
        with tempfile.NamedTemporaryFile(dir=self._file.parent, suffix=".new", delete=False) as new:
            try:
                np.savez(new, encoder=np.array(self.name), keys=keys, vectors=np.stack(list(asked.values())))
                os.replace(new.name, self._file)
            except OSError:
                os.unlink(new.name)
                raise

    def _read(self) -> dict[bytes, Floats]:
        if not self._file.exists():
            return {}
        width = self.width  # where nobody can say it, nothing is to be had of the encoder either
        try:
            with np.load(self._file, allow_pickle=False) as found:
                if str(found["encoder"]) != self.name or found["vectors"].shape[1:] != (width,):
                    return {}
                keys = [row.tobytes() for row in found["keys"]]
                return dict(zip(keys, found["vectors"].astype(np.float32), strict=True))
        except FileNotFoundError:
            return {}
        except Exception as error:
            logger.warning("Kept vectors cannot be read and are made again: %s", error)
            return {}
