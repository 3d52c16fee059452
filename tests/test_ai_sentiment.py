"""Moods: told by our own examples, by words alone, and by what a desk labels; and the benchmark over labelled texts."""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from parley.ai import sentiment
from parley.ai.encoder import encoder
from parley.ai.sentiment import ByExamples, ByWords, Reader

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
UNHAPPY = (
    "Four weeks of silence and the sofa is still not here. I am furious.",
    "The kettle leaked all over my kitchen. Terrible quality.",
    "I am not happy with how the technician treated me.",
    "Worst hotline ever, nobody could help me.",
)
HAPPY = (
    "The tent kept us dry all night, we love it!",
    "Thanks, Ana was so kind and solved it quickly.",
    "A wonderful shop with friendly people.",
    "The best boots I ever had, great work.",
)
PLAIN = ("When do you open on Saturdays?", "Please change the address of order 51820.", "Is the mug sold in blue?")


@pytest.fixture(params=["meaning", "words"])
def reader(request: pytest.FixtureRequest) -> Reader:
    if request.param == "words":
        return ByWords()
    if (found := encoder()) is None:
        pytest.skip("the sentence encoder was not built here")
    return ByExamples(found)


def test_moods_that_nobody_wrote_down(reader: Reader) -> None:
    assert [mood.name for mood in reader.moods(UNHAPPY)] == ["negative"] * len(UNHAPPY)
    assert [mood.name for mood in reader.moods(HAPPY)] == ["positive"] * len(HAPPY)
    assert all(abs(mood.score) <= 1 for mood in reader.moods(UNHAPPY + HAPPY + PLAIN))


def test_a_plain_question_is_no_complaint(reader: Reader) -> None:
    assert [mood.name for mood in reader.moods(PLAIN)] == ["neutral"] * len(PLAIN)
    assert reader.moods([]) == []


def test_a_not_turns_a_word_and_only_nearby() -> None:
    good, turned, far, bad = ByWords().moods(
        ["It is good.", "It isn't good.", "I do not need a bag, the coat is good.", "Not bad!"]
    )
    assert (good.name, turned.name, far.name, bad.name) == ("positive", "negative", "positive", "positive")


def test_labels_teach_what_a_desk_means() -> None:
    """At a repair shop everything is broken; that alone is no complaint."""
    things = ("lamp", "radio", "clock", "toaster", "bicycle", "drill")
    plain = [f"My {one} is broken and should be repaired." for one in things]
    cross = [f"You broke my {one} once more, this makes me furious." for one in things]
    labelled = [*((one, "neutral") for one in plain), *((one, "negative") for one in cross)]
    learnt = sentiment.learnt(labelled, encoder())
    calm, angry = learnt.moods(["My mixer is broken and should be repaired.", "You broke my mixer, I am furious."])
    assert (calm.name, angry.name) == ("neutral", "negative")
    assert angry.score < calm.score


def test_a_mood_has_one_of_three_names() -> None:
    with pytest.raises(ValueError, match="grumpy"):
        sentiment.learnt([("where is it", "grumpy"), ("thanks", "positive")], None)


@pytest.fixture
def bench() -> Iterator[ModuleType]:
    sys.path.insert(0, str(BENCHMARKS))
    import importlib

    yield importlib.import_module("sentiment")
    sys.path.remove(str(BENCHMARKS))
    sys.modules.pop("sentiment", None)


def test_labelled_texts_are_measured(tmp_path: Path, bench: ModuleType) -> None:
    known = [{"text": one, "label": 0} for one in UNHAPPY] + [{"text": one, "label": 1} for one in HAPPY]
    (tmp_path / "dev.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, known)).encode()))
    asked = "text,sentiment\nI love this lamp,Positive\nThis lamp is terrible,Negative\nno mood,mixed\n"
    (tmp_path / "test.csv").write_text(asked)
    figures, shown = bench.measured(tmp_path)
    assert figures["asked"] == 2
    assert figures["by_words_accuracy"] == 1.0
    assert figures["score"] == figures["from_labels_accuracy"] >= 0.5
    assert "from examples" in shown


def test_figures_of_moods_known_beforehand(bench: ModuleType) -> None:
    found = bench.judged(["positive", "positive", "negative"], ["positive", "negative", "negative"])
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert (found["negative recall"], found["positive recall"]) == (0.5, 1.0)
    assert found["macro_f1"] == pytest.approx(2 / 3)


def test_a_folder_without_labels_says_so(tmp_path: Path, bench: ModuleType) -> None:
    figures, told = bench.measured(tmp_path)
    assert figures["score"] is None
    assert "no texts with labels" in told
