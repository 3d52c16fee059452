"""The forms of labelled messages that the benchmarks read, on a few messages of our own; and their figures."""

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
PAIRS = [("where is my lamp", "where"), ("has the tent gone out", "where"), ("it is torn", "broken"), ("hi", "oos")]


@pytest.fixture(autouse=True, scope="module")
def benchmarks_can_be_imported() -> Iterator[None]:
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture
def labelled() -> ModuleType:
    import _labelled

    return _labelled


def csv_file(file: Path, pairs: list[tuple[str, str]], heads: str = "text,category") -> None:
    file.write_text(heads + "\n" + "".join(f'"{text}",{label}\n' for text, label in pairs))


def tsv_file(file: Path, pairs: list[tuple[str, str]]) -> None:
    file.write_text("".join(f"{label}\t{text}\n" for text, label in pairs))


def jsonl_file(file: Path, pairs: list[tuple[str, str]], key: str = "utterance") -> None:
    file.write_text("".join(json.dumps({key: text, "intent": label}) + "\n" for text, label in pairs))


def test_every_form_says_the_same(tmp_path: Path, labelled: ModuleType) -> None:
    csv_file(tmp_path / "a_train.csv", PAIRS)
    csv_file(tmp_path / "b_train.csv", PAIRS, "sentence,label")
    tsv_file(tmp_path / "c_train.tsv", PAIRS)
    jsonl_file(tmp_path / "d_train.jsonl", PAIRS)
    packed = json.dumps({"train": PAIRS[:2], "val": PAIRS[2:3], "oos_train": PAIRS[3:]}).encode()
    (tmp_path / "e_dev.json.gz").write_bytes(gzip.compress(packed))
    made = {one.name: one for one in labelled.collections(tmp_path, None, None)}
    assert [set(made[name].train) for name in "abcd"] == [set(PAIRS)] * 4
    assert set(made["e"].train) == {PAIRS[0], PAIRS[1], PAIRS[3]}
    assert made["e"].valid == [PAIRS[2]]


def test_an_intent_goes_before_the_category_it_belongs_to(tmp_path: Path, labelled: ModuleType) -> None:
    (tmp_path / "train.csv").write_text("utterance,intent,category\nwhere is it,track_order,ORDER\n")
    (one,) = labelled.collections(tmp_path, None, None)
    assert one.train == [("where is it", "track_order")]


def test_what_is_asked_is_never_learnt_from(tmp_path: Path, labelled: ModuleType) -> None:
    learn, ask = tmp_path / "learn", tmp_path / "ask"
    learn.mkdir()
    ask.mkdir()
    csv_file(learn / "shop_train.csv", PAIRS[:2])
    csv_file(learn / "bank_train.csv", PAIRS[2:])
    csv_file(ask / "shop_test.csv", PAIRS[2:3])
    jsonl_file(ask / "phone_support5.jsonl", PAIRS[:1])
    jsonl_file(ask / "phone_query.jsonl", PAIRS[1:2])
    made = {one.name: one for one in labelled.collections(learn, ask, None)}
    assert (made["shop"].train, made["shop"].test) == (PAIRS[:2], PAIRS[2:3])
    assert (made["phone"].train, made["phone"].test) == (PAIRS[:1], PAIRS[1:2])
    assert set(made) == {"shop", "phone"}  # nothing of the bank's is asked


def test_a_folder_to_ask_may_name_its_files_as_it_likes(tmp_path: Path, labelled: ModuleType) -> None:
    learn, ask = tmp_path / "learn", tmp_path / "ask"
    learn.mkdir()
    ask.mkdir()
    csv_file(learn / "train.csv", PAIRS[:2])
    csv_file(ask / "train.csv", PAIRS[2:])
    (one,) = labelled.collections(learn, ask, None)
    assert (one.train, one.test) == (PAIRS[:2], PAIRS[2:])
    jsonl_file(ask / "mine.jsonl", PAIRS[1:3])
    (one,) = labelled.collections(learn, ask / "mine.jsonl", None)
    assert one.test == PAIRS[1:3]


def test_few_examples_leave_an_inbox(tmp_path: Path, labelled: ModuleType) -> None:
    csv_file(tmp_path / "train.csv", PAIRS)
    tsv_file(tmp_path / "train_10.tsv", [("Where is  my LAMP", "where")])
    (one,) = labelled.collections(tmp_path, None, 10)
    assert one.train == [("Where is  my LAMP", "where")]
    assert one.inbox == ["has the tent gone out", "it is torn"]  # the lamp is known, "hi" is nobody's intent
    (drawn,) = labelled.collections(tmp_path, None, 1)
    assert sorted(label for _, label in drawn.train) == ["broken", "where"]
    assert len(drawn.inbox) == 1


def test_lists_that_are_no_collection_of_their_own_are_lent(tmp_path: Path, labelled: ModuleType) -> None:
    csv_file(tmp_path / "full_train.csv", PAIRS[:3])
    (tmp_path / "more_dev.json").write_text(json.dumps({"oos_train": PAIRS[3:]}))
    (one,) = labelled.collections(tmp_path, None, None)
    assert (one.name, one.train) == ("full", PAIRS)


def test_figures_of_answers_known_beforehand() -> None:
    import intents

    asked = [("a", "x"), ("b", "x"), ("c", "y"), ("d", "y"), ("e", "oos"), ("f", "oos")]
    sure = np.array([3.0, 2.0, 2.5, 0.5, 1.0, 0.1])
    found = intents.figures(intents.Answers(asked, list("xxyxxy"), sure, sure >= 1.0, sure >= 1.5))
    assert found["score"] == 0.75
    assert found["oos_auroc"] == 0.875  # d is less sure than e
    assert found["seen_precision"] == 0.75  # x x y right, e wrong
    assert found["seen_precision_known"] == 1.0
    assert found["coverage"] == 0.75
    assert found["macro_f1"] == round((2 * 2 / (3 + 2) + 2 * 1 / (1 + 2)) / 2, 4)
    assert intents.mcc(["x", "y", "x"], ["x", "y", "x"]) == pytest.approx(1)
    assert intents.mcc(["x", "x", "x"], ["x", "y", "x"]) == 0.0


def test_the_benchmark_asks_in_folds_and_says_what_is_missing(tmp_path: Path) -> None:
    wants = {"where": "where is my {}", "broken": "the {} came broken", "back": "I want to return the {}"}
    things = ("lamp", "tent", "mug", "chair", "knife", "kettle", "rug", "sock", "boot", "map")
    csv_file(tmp_path / "train.csv", [(said.format(one), want) for want, said in wants.items() for one in things])
    command = [sys.executable, str(BENCHMARKS / "intents.py"), "--json", "--train"]
    told = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True)
    last = json.loads(told.stdout.strip().splitlines()[-1])
    assert last["asked"] == 30
    assert last["score"] > 0.9
    assert "TF-IDF + linear SVM" in last["baselines"] or "scikit-learn is not installed" in told.stderr
    told = subprocess.run([*command, str(tmp_path / "nowhere")], capture_output=True, text=True)
    assert "not there" in json.loads(told.stdout)["skipped"]
