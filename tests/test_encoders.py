"""Every way of turning sentences into vectors keeps the same promises, whatever its width; one that fails harms nothing
but quality."""

import json
import logging
import shutil
import sys
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from harness.model import raw
from harness.vectors_server import WIDTH, Vectors, by_words
from harness.web import served
from parley import replay
from parley.ai import chosen, endpoint, sentiment
from parley.ai.aspects import Mention, features
from parley.ai.classifier import load, save, train
from parley.ai.encoder import MODEL, VectorEngine, encoder, made
from parley.ai.endpoint import Endpoint
from parley.ai.kept_vectors import KeptVectors
from parley.ai.likened import Likened
from parley.ai.local_models import FolderModel, pooled, pooling_of
from parley.ai.retrieval import Article, Library
from parley.checking import _sentences
from parley.config import Config
from parley.config import load as load_config
from parley.core.embeddings import Unreachable, Wish, wished
from parley.core.errors import BadConfig

KINDS = ("builtin", "folder", "fastembed", "endpoint")
RETURNS = [
    f"I want to return {one}, please" for one in ("boots", "shoes", "a coat", "the tent", "socks", "gloves", "it")
]
DELIVERY = [f"When does {one} arrive here" for one in ("my parcel", "the tent", "it", "my order", "the box", "a coat")]
EXAMPLES = [(one, "return") for one in RETURNS] + [(one, "delivery") for one in DELIVERY]

needs_graph = pytest.mark.skipif(
    not (MODEL / "encoder.onnx").exists(), reason="the sentence encoder was not built here"
)


@pytest.fixture
def server() -> Iterator[Vectors]:
    running = Vectors()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def _built_in_again() -> Iterator[None]:
    yield
    chosen.choose(Wish())


def folder_model(folder: Path) -> Path:
    """The built-in graph as a folder of somebody's own: it hands out one row of 1,536 numbers a text."""
    (folder / "onnx").mkdir(parents=True)
    shutil.copy(MODEL / "encoder.onnx", folder / "onnx/model.onnx")
    pieces = (MODEL / "vocab.txt").read_text("utf-8").split("\n")[:30522]
    told = {
        "normalizer": {"type": "BertNormalizer", "lowercase": True, "strip_accents": None},
        "model": {"type": "WordPiece", "vocab": {piece: number for number, piece in enumerate(pieces)}},
    }
    (folder / "tokenizer.json").write_text(json.dumps(told), "utf-8")
    return folder


class StandIn:
    """Takes fastembed's place: vectors by words, and what it was asked to load."""

    loaded: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, model_name: str, **how: Any) -> None:
        if "missing" in model_name:
            raise ValueError("no such model")
        self.loaded.append({"model_name": model_name, **how})

    def embed(self, texts: Sequence[str], batch_size: int) -> Iterator[Any]:
        yield from by_words(texts, 64)


@pytest.fixture
def fastembed(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    module = types.ModuleType("fastembed")
    module.TextEmbedding = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fastembed", module)
    StandIn.loaded = []
    return StandIn


@pytest.fixture(params=KINDS)
def family(request: pytest.FixtureRequest, tmp_path: Path, server: Vectors, fastembed: type[StandIn]) -> Wish:
    if request.param in ("builtin", "folder") and not (MODEL / "encoder.onnx").exists():
        pytest.skip("the sentence encoder was not built here (see hatch_vectors.py)")
    told = {
        "builtin": lambda: "builtin",
        "folder": lambda: f"folder:{folder_model(tmp_path / 'own')}",
        "fastembed": lambda: "fastembed:some/model",
        "endpoint": lambda: f"{server.url}#words",
    }
    return wished(told[request.param](), "a key")


# ── one family ──────────────────────────────────────────────────────────────────────────────


def test_vectors_are_of_length_one_in_the_order_asked_and_the_same_again(family: Wish) -> None:
    one = made(family)
    texts = ["return boots", "", "when does it arrive", "return boots"]
    rows = one.vectors(texts)
    assert rows.shape == (4, one.width)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)
    assert np.array_equal(rows[0], rows[3])
    assert np.allclose(one.vectors([texts[2]])[0], rows[2])
    assert float(rows[0] @ one.vectors(["return the boots"])[0]) > float(rows[0] @ rows[2])
    assert one.vectors([]).shape == (0, one.width)
    assert one.name == made(family).name


def test_the_last_layer_is_the_sentences_own_vector(family: Wish) -> None:
    one = made(family)
    layers = one.layers(RETURNS)
    assert layers.shape[0] == len(RETURNS)
    assert layers.shape[1] % one.width == 0
    own = layers[:, -one.width :] / np.linalg.norm(layers[:, -one.width :], axis=1, keepdims=True)
    assert (np.sum(own * one.vectors(RETURNS), axis=1) > 0.97).all()


@pytest.mark.parametrize("times", [1, 5])
def test_intents_are_learnt_kept_and_read_back_at_any_width(family: Wish, times: int, tmp_path: Path) -> None:
    """times: with few examples one regression learns, with many a net on the layers as well."""
    one = made(family)
    examples = [(f"{text} {number}" if number else text, name) for number in range(times) for text, name in EXAMPLES]
    learnt = train(examples, one)
    assert (learnt.heads.net is not None) == (times == 5)
    asked = ["I want to return gloves, please", "When does my parcel arrive here"]
    assert [guess.name for guess in learnt.guesses(asked)] == ["return", "delivery"]
    save(learnt, tmp_path / "1.npz")
    again = load(tmp_path / "1.npz", one)
    assert [guess.name for guess in again.guesses(asked)] == ["return", "delivery"]
    with pytest.raises(ValueError, match="another encoder"):
        load(tmp_path / "1.npz", None)


def test_articles_moods_aspects_and_kept_vectors_go_with_any_width(family: Wish, tmp_path: Path) -> None:
    one = made(family)
    kept = KeptVectors(one, tmp_path / "vectors.npz")
    articles = [
        Article("returns", "How to return boots", "Send the boots back to us."),
        Article("arrival", "When a parcel does arrive", "It takes two days."),
    ]
    library = Library(articles, engine=VectorEngine(kept))
    assert library.search("return boots")[0].ref == "returns"
    kept.save()
    assert KeptVectors(one, tmp_path / "vectors.npz")._kept
    assert [mood.name for mood in sentiment.ByExamples(one).moods(["This is great, thank you!", "I am so angry"])] == [
        "positive", "negative",
    ]  # fmt: skip
    taught = sentiment.learnt([("good boots", "positive"), ("bad boots", "negative")] * 3, one)
    assert taught.moods(["bad boots"])[0].name == "negative"
    assert len(features([Mention("The soup was cold but the waiter was kind", 4, 8)], one)) == 1
    assert Library([], engine=VectorEngine(one)).search("anything") == []


def test_it_is_what_the_desk_uses_once_chosen_and_check_says_so(family: Wish) -> None:
    chosen.choose(family)
    found = encoder()
    assert found is not None
    assert found.name == made(family).name
    assert encoder() is found
    places = {
        "folder": f"folder:{family.place}",
        "fastembed": "fastembed:some/model",
        "endpoint": f"{family.place}#words",
    }
    told = list(_sentences(Config(data=Path("."), embeddings=places.get(family.kind, ""))))
    assert len(told) == 1
    assert f"{found.width} numbers" in told[0].sentence


# ── what is chosen ──────────────────────────────────────────────────────────────────────────


def test_one_setting_says_which(tmp_path: Path) -> None:
    environment = {
        "PARLEY_DATA": str(tmp_path), "PARLEY_EMBEDDINGS": "https://api.example.com/v1/#many-tongues",
        "PARLEY_EMBEDDINGS_KEY": "sk-secret", "PARLEY_EMBEDDINGS_PREFIX": "query: ",
    }  # fmt: skip
    wish = load_config(environment).encoder
    assert wish == Wish(
        kind="endpoint", place="https://api.example.com/v1", model="many-tongues", key="sk-secret", prefix="query: "
    )
    assert "sk-secret" not in repr(wish)
    assert wished("fastembed:BAAI/bge-small-en-v1.5@/models") == Wish(
        kind="fastembed", model="BAAI/bge-small-en-v1.5", place="/models"
    )


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ("openai", "Write builtin"),
        ("folder:", "Write builtin"),
        ("https://api.example.com/v1", "no model"),
        ("https://user:pass@api.example.com/v1#m", "PARLEY_EMBEDDINGS_KEY"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_to_write(told: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=says) as caught:
        load_config({"PARLEY_DATA": str(tmp_path), "PARLEY_EMBEDDINGS": told})
    assert "pass" not in str(caught.value).replace("password", "")


# ── a folder ────────────────────────────────────────────────────────────────────────────────


def test_what_a_folder_lacks_is_named(tmp_path: Path) -> None:
    wish = Wish(kind="folder", place=str(tmp_path))
    with pytest.raises(BadConfig, match=r"onnx/model\.onnx"):
        made(wish)
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(BadConfig, match=r"tokenizer\.json"):
        made(wish)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BadConfig, match="cannot be run"):
        made(wish)
    chosen.choose(wish)
    assert encoder() is None
    assert "words alone" in chosen.trouble()
    (told,) = _sentences(Config(data=tmp_path, embeddings=f"folder:{tmp_path}"))
    assert told.state == "bad"
    assert "cannot be run" in told.sentence


@needs_graph
def test_another_way_of_cutting_words_asks_for_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_model(tmp_path / "own")
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "Unigram", "vocab": [["a", 0.0]]}}))
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(BadConfig, match=r"parley\[tokenizers\]"):
        FolderModel(Wish(kind="folder", place=str(folder)))


@needs_graph
def test_a_prefix_makes_other_vectors_under_another_name(tmp_path: Path) -> None:
    folder = str(folder_model(tmp_path / "own"))
    plain, led = (made(Wish(kind="folder", place=folder, prefix=one)) for one in ("", "query: "))
    assert plain.name != led.name
    assert float(plain.vectors(["boots"])[0] @ led.vectors(["boots"])[0]) < 0.99
    file = tmp_path / "vectors.npz"
    kept = KeptVectors(plain, file)
    kept.vectors(["boots"])
    kept.save()
    assert KeptVectors(plain, file)._kept
    assert not KeptVectors(led, file)._kept


def test_pooling_by_hand() -> None:
    states = np.array([[[1, 8], [3, 2], [90, 90]]], np.float32)
    mask = np.array([[1, 1, 0]], np.float32)
    said = {how: pooled(states, mask, how)[0].tolist() for how in ("mean", "max", "cls", "last")}
    assert said == {"mean": [2, 5], "max": [3, 8], "cls": [1, 8], "last": [3, 2]}


def test_pooling_is_what_the_folder_says(tmp_path: Path) -> None:
    assert pooling_of(tmp_path) == "mean"
    (tmp_path / "1_Pooling").mkdir()
    file = tmp_path / "1_Pooling/config.json"
    file.write_text(json.dumps({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}))
    assert pooling_of(tmp_path) == "cls"
    file.write_text(json.dumps({"pooling_mode_weightedmean_tokens": True}))
    with pytest.raises(BadConfig, match="weightedmean"):
        pooling_of(tmp_path)
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "sentence_transformers.models.Dense"}]))
    with pytest.raises(BadConfig, match="Dense"):
        pooling_of(tmp_path)


# ── fastembed ───────────────────────────────────────────────────────────────────────────────


def test_fastembed_with_a_folder_is_told_to_fetch_nothing(fastembed: type[StandIn], tmp_path: Path) -> None:
    made(wished(f"fastembed:some/model@{tmp_path}"))
    assert fastembed.loaded[-1]["local_files_only"] is True
    assert fastembed.loaded[-1]["cache_dir"] == str(tmp_path)
    with pytest.raises(BadConfig, match=r"no model “missing/model” .* Is it in"):
        made(wished(f"fastembed:missing/model@{tmp_path}"))


def test_fastembed_that_is_not_installed_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "fastembed", None)
    (told,) = _sentences(Config(data=tmp_path, embeddings="fastembed:some/model"))
    assert told.state == "bad"
    assert "pip install 'parley[fastembed]'" in told.sentence


# ── an endpoint ─────────────────────────────────────────────────────────────────────────────


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def endpoint_at(url: str, clock: Clock | None = None) -> Endpoint:
    return Endpoint(wished(f"{url}#words", "sk-secret"), clock or Clock())


def test_texts_go_in_batches_with_the_key_and_only_once(server: Vectors) -> None:
    one = endpoint_at(server.url)
    texts = [f"text {number}" for number in range(150)]
    rows = one.vectors(texts)
    assert [len(asked["input"]) for asked in server.asked] == [64, 64, 22]
    assert {asked["model"] for asked in server.asked} == {"words"}
    assert set(server.keys) == {"Bearer sk-secret"}
    assert np.array_equal(one.vectors(texts[::-1]), rows[::-1])
    assert len(server.asked) == 3
    assert one.width == WIDTH


@pytest.mark.parametrize(
    ("status", "says"), [(401, "PARLEY_EMBEDDINGS_KEY"), (404, "no such address or model"), (418, "answered 418")]
)
def test_a_refusal_is_not_tried_again_and_says_how_to_mend_it(
    server: Vectors, status: int, says: str, tmp_path: Path
) -> None:
    server.status = status
    (told,) = _sentences(Config(data=tmp_path, embeddings=f"{server.url}#words", embeddings_key="sk-secret"))
    assert told.state == "bad"
    assert says in told.sentence
    assert "sk-secret" not in told.sentence
    assert len(server.asked) == 1


def test_a_passing_failure_is_tried_once_more(server: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "PAUSES", (0.0,))
    well, turn = server.say, iter(range(9))
    server.say = lambda handler: raw(handler, b"", 503) if next(turn) == 0 else well(handler)
    assert endpoint_at(server.url).vectors(["boots"]).shape == (1, WIDTH)
    assert len(server.asked) == 2


def test_after_two_failures_it_is_left_alone_for_a_minute_and_then_asked_again(
    server: Vectors, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(endpoint, "PAUSES", ())
    clock = Clock()
    chosen.choose(wished(f"{server.url}#words", "sk-secret"))
    one = endpoint_at(server.url, clock)
    known = one.vectors(["boots"])
    server.status = 500
    for text in ("a", "b", "c", "d"):
        with pytest.raises(Unreachable):
            one.vectors([text])
    assert len(server.asked) == 1 + 2
    assert "words alone" in chosen.trouble()
    assert np.array_equal(one.vectors(["boots"]), known)
    server.status, clock.now = 200, 61.0
    assert one.vectors(["a"]).shape == (1, WIDTH)
    assert chosen.trouble() == ""
    assert "sk-secret" not in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"[]", b"\xff", b'{"data": []}', b'{"data": [{"index": 1, "embedding": [1.0]}]}',
        b'{"data": [{"index": 0, "embedding": []}]}', b'{"data": [{"index": 0, "embedding": [1e999]}]}',
    ],
)  # fmt: skip
def test_an_answer_of_another_form_is_as_none(server: Vectors, answer: bytes) -> None:
    server.say = lambda handler: raw(handler, answer)
    with pytest.raises(Unreachable):
        endpoint_at(server.url).vectors(["boots"])


def test_another_width_under_the_same_name_is_refused(server: Vectors) -> None:
    one = endpoint_at(server.url)
    one.vectors(["boots"])
    server.width = 7
    with pytest.raises(Unreachable, match="Restart"):
        one.vectors(["shoes"])


def test_a_dead_endpoint_leaves_moods_and_likeness_to_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "PAUSES", ())
    chosen.choose(wished("http://127.0.0.1:9/v1#words"))
    assert sentiment.reader().moods(["This is terrible, I am angry"])[0].name == "negative"
    judged = Likened([("Win a prize now", "spam")], True)
    assert not judged.by_meaning
    assert judged.nearest("Win a prize now") is not None
    assert "cannot be reached" in chosen.trouble()


def test_one_that_dies_later_leaves_them_to_words_too(server: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "PAUSES", ())
    chosen.choose(wished(f"{server.url}#words-later"))
    reads, judged = sentiment.reader(), Likened([("Win a prize now", "spam")], True)
    assert isinstance(reads, sentiment.ByExamples)
    assert judged.by_meaning
    server.status = 500
    assert reads.moods(["This is terrible, I am angry"])[0].name == "negative"
    assert judged.best("Something else") is None


def test_what_watches_from_outside_is_told(tmp_path: Path) -> None:
    with served(tmp_path) as web:
        lead = web.signed_in("lea", "lead")
        assert "parley_encoder_away 0" in lead.get("/metrics").text
        chosen.say("The interface for sentence vectors cannot be reached.", chosen.wish())
        assert "parley_encoder_away 1" in lead.get("/metrics").text
        assert "cannot be reached" in lead.get("/desk/settings/topics").text
    chosen.say("", chosen.wish())


def test_a_replay_reads_as_its_desk_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = Config(
        data=tmp_path, embeddings="https://api.example.com/v1#m", embeddings_key="sk", embeddings_prefix="q: "
    )
    for name, value in told.encoder_settings.items():
        monkeypatch.setenv(name, value)
    assert Config(data=tmp_path, **replay._encoder()).encoder == told.encoder
