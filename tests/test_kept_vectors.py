"""Articles are read for their meaning once: their vectors are kept between starts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from parley.ai.encoder import WIDTH, unit
from parley.ai.kept_vectors import KeptVectors
from parley.ai.likeness import Floats


class Counting:
    """An encoder that notes what it was asked; a text's vector depends on nothing but the text."""

    width = WIDTH

    def __init__(self, name: str = "one") -> None:
        self.name = name
        self.asked: list[str] = []

    def vectors(self, texts: Sequence[str]) -> Floats:
        self.asked += texts
        made = [np.random.default_rng(list(one.encode())).normal(size=WIDTH) for one in texts]
        return unit(np.stack(made)) if made else np.empty((0, WIDTH), np.float32)

    def layers(self, texts: Sequence[str]) -> Floats:
        return self.vectors(texts)


TEXTS = ["How do I return shoes?", "What does delivery cost?", "How do I return shoes?"]


def test_a_second_start_asks_the_encoder_nothing(tmp_path: Path) -> None:
    file = tmp_path / "vectors.npz"
    first = KeptVectors(Counting(), file)
    made = first.vectors(TEXTS)
    first.save()
    encoder = Counting()
    again = KeptVectors(encoder, file)
    assert np.array_equal(again.vectors(TEXTS), made)
    assert encoder.asked == []


def test_what_is_asked_after_saving_is_nowhere_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "vectors.npz"
    first = KeptVectors(Counting(), file)
    first.vectors(TEXTS)
    first.save()
    first.vectors(["My card number is none of your business"])
    first.save()
    with np.load(file) as found:
        assert len(found["keys"]) == 2
    assert b"return shoes" not in file.read_bytes()


def test_an_article_that_went_takes_its_vector_along(tmp_path: Path) -> None:
    file = tmp_path / "vectors.npz"
    for texts in (TEXTS, TEXTS[:1]):
        kept = KeptVectors(Counting(), file)
        kept.vectors(texts)
        kept.save()
    with np.load(file) as found:
        assert len(found["keys"]) == 1


def test_another_encoder_or_a_broken_file_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "vectors.npz"
    kept = KeptVectors(Counting(), file)
    kept.vectors(TEXTS)
    kept.save()
    other = Counting("two")
    KeptVectors(other, file).vectors(TEXTS)
    assert len(other.asked) == 2
    file.write_bytes(b"PK\x03\x04 torn")
    mended = Counting()
    kept = KeptVectors(mended, file)
    assert kept.vectors(TEXTS).shape == (3, WIDTH)
    kept.save()
    assert KeptVectors(Counting(), file).vectors(TEXTS[:1]).shape == (1, WIDTH)
