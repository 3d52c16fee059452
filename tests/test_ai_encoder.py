"""The sentence encoder: shipped, quick to refuse nonsense, and what it takes for alike is alike."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.ai.encoder import MODEL, TOKENS, Encoder, VectorEngine, encoder
from parley.ai.retrieval import Article, Library
from parley.ai.wordpiece import END, START, UNKNOWN, WordPiece

VOCABULARY = ["[PAD]", *(f"[unused{n}]" for n in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = [*VOCABULARY, "re", "##turn", "##ed", "return", "boots", "!", ",", "雨", "靴", "cafe"]


@pytest.fixture(scope="module")
def model() -> Encoder:
    found = encoder()
    if found is None:
        pytest.skip("the sentence encoder was not built here (see hatch_vectors.py)")
    return found


def pieces(text: str, most: int = TOKENS) -> list[str]:
    return [PIECES[number] for number in WordPiece(PIECES).numbers(text, most)]


def test_the_longest_piece_is_taken_first() -> None:
    assert pieces("Returned boots!") == ["[CLS]", "return", "##ed", "boots", "!", "[SEP]"]


def test_case_accents_ideographs_and_unknown_words() -> None:
    assert pieces("CAFÉ, 雨靴") == ["[CLS]", "cafe", ",", "雨", "靴", "[SEP]"]
    assert pieces("boots xyzzy") == ["[CLS]", "boots", "[UNK]", "[SEP]"]
    assert pieces("x" * 500) == ["[CLS]", "[UNK]", "[SEP]"]


@given(st.text(max_size=400), st.integers(2, 40))
def test_any_text_becomes_numbers_between_its_marks(text: str, most: int) -> None:
    found = WordPiece(PIECES).numbers(text, most)
    assert found[0] == START
    assert found[-1] == END
    assert len(found) <= most
    assert all(0 <= number < len(PIECES) or number == UNKNOWN for number in found)


def test_the_model_is_small_and_complete() -> None:
    if not (MODEL / "encoder.onnx").exists():
        pytest.skip("the sentence encoder was not built here")
    assert 20_000_000 < (MODEL / "encoder.onnx").stat().st_size < 26_000_000
    assert len((MODEL / "vocab.txt").read_text("utf-8").splitlines()) == 30522


def test_what_means_the_same_is_close(model: Encoder) -> None:
    a, b, c = model.vectors(["Can I send back boots I wore once?", "returning used shoes", "Where is your office?"])
    assert a @ b > 0.5 > a @ c


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(max_size=80), max_size=5))
def test_vectors_have_length_one_and_do_not_depend_on_company(model: Encoder, texts: list[str]) -> None:
    rows = model.layers(texts)
    assert rows.shape == (len(texts), 1536)
    assert np.isfinite(rows).all()
    for text, row in zip(texts, model.vectors(texts), strict=True):
        assert abs(float(np.linalg.norm(row)) - 1) < 1e-4
        # Integers are scaled by the batch they are in, so a little may move.
        assert float(row @ model.vectors([text])[0]) > 0.97


def test_retrieval_by_meaning_finds_what_shares_no_word(model: Encoder) -> None:
    articles = [
        Article("refunds", "When you get your money", "We pay back within five days of the parcel's arrival."),
        Article("stoves", "Lighting a stove", "Open the vent and use dry wood."),
        Article("codes", "Error E4711", "Unplug the pump and wait for ten seconds."),
    ]
    library = Library(articles, engine=VectorEngine(model))
    assert library.search("how long until I am reimbursed")[0].ref == "refunds"
    assert library.search("E4711")[0].ref == "codes"
