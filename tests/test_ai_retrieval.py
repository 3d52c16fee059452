"""Finding articles and the sentences that answer, and knowing when not to."""

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.ai import calibration, text
from parley.ai.likeness import Floats, NgramEngine
from parley.ai.retrieval import Article, Library, answer_from
from parley.demo.knowledge import articles as demo_articles

SMALL = [
    Article(
        "returns", "Returning things",
        "You have 30 days.\n\n## Worn shoes\n\nShoes worn outdoors cannot come back. Tried on at home they can.\n\n"
        "## How\n\nThree steps:\n\n1. Open your orders.\n2. Print the label.\n3. Drop the box at a post office.",
        ("Can I send something back?", "How do I return my order?"),
    ),
    Article(
        "delivery", "How long delivery takes",
        "Ireland takes two days. Other countries take up to six. We deliver from Monday to Saturday.",
        ("When will it arrive?", "Do you ship to Norway?"),
    ),
    Article("care-north", "Washing a down jacket", "Use down soap at 30 degrees.", ("laundry",), brand="north"),
    Article("care-south", "Washing linen", "Use a linen programme at 60 degrees.", ("laundry",), brand="south"),
]  # fmt: skip


@pytest.fixture(scope="module")
def demo() -> Library:
    public = (a for a in demo_articles() if a.audience == "public")
    return Library(Article(a.slug, a.title, a.markdown, a.wordings, a.brand) for a in public)


@pytest.fixture(scope="module")
def calibrated(demo: Library) -> calibration.Calibration:
    return calibration.calibrate(demo)


def first(library: Library, question: str, brand: str | None = None) -> str:
    return library.search(question, brand)[0].ref


def test_questions_find_their_article_also_with_slips_and_other_words() -> None:
    library = Library(SMALL)
    assert first(library, "how can i retrun my ordr") == "returns"
    assert first(library, "sending worn shoes back") == "returns"
    assert first(library, "how many days to norway") == "delivery"


def test_a_brand_sees_its_own_articles_and_the_shared_ones() -> None:
    library = Library(SMALL)
    assert first(library, "laundry", "north") == "care-north"
    assert first(library, "laundry", "south") == "care-south"
    assert {hit.ref for hit in library.search("laundry, returns, delivery", "south", 9)}.isdisjoint({"care-north"})


def test_nothing_in_common_finds_nothing() -> None:
    library = Library(SMALL)
    assert library.search("") == []
    assert library.search("?!…") == []
    assert library.search("xylophone quartz") == []
    assert Library([]).search("anything") == []


def test_the_answer_is_whole_sentences_of_the_right_part() -> None:
    library = Library(SMALL)
    hit = library.search("can I return shoes I have worn outdoors?")[0]
    assert hit.heading == "Worn shoes"
    assert answer_from(hit, "worn shoes?") == "Shoes worn outdoors cannot come back. Tried on at home they can."


def test_a_list_of_steps_comes_whole_with_its_introduction() -> None:
    hit = Library(SMALL).search("how do I print the return label")[0]
    assert answer_from(hit, "print the label") == (
        "Three steps:\n1. Open your orders.\n2. Print the label.\n3. Drop the box at a post office."
    )


def test_answers_of_the_demo_are_sentences_of_their_articles(demo: Library) -> None:
    for article in demo.articles:
        said = set(text.plain(article.body).replace("\n", " ").split())
        for wording in article.wordings:
            for hit in demo.search(wording, article.brand, 1):
                answer = answer_from(hit, wording)
                assert answer
                assert "**" not in answer
                assert "](" not in answer
                if hit.ref == article.ref:
                    assert set(answer.split()) <= said


def test_two_articles_cannot_share_a_reference() -> None:
    with pytest.raises(ValueError, match="share a reference"):
        Library([SMALL[0], SMALL[0]])


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300), st.sampled_from([None, "north", "nowhere"]), st.integers(1, 6))
def test_search_never_fails_and_confidence_is_a_probability(anything: str, brand: str | None, limit: int) -> None:
    hits = LIBRARY.search(anything, brand, limit)
    assert len(hits) <= limit
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= hit.confidence <= 1 and answer_from(hit, anything) for hit in hits)


LIBRARY = Library(SMALL)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.builds(Article, ref=st.uuids().map(str), title=st.text(), body=st.text(),
                          wordings=st.lists(st.text(), max_size=3).map(tuple)), max_size=5), st.text())  # fmt: skip
def test_any_articles_make_a_library(some: list[Article], question: str) -> None:
    library = Library(some)
    for hit in library.search(question):
        answer_from(hit, question)


def test_the_order_of_articles_does_not_matter(demo: Library) -> None:
    shuffled = list(demo.articles)
    random.Random(3).shuffle(shuffled)
    other = Library(shuffled)
    assert other.digest == demo.digest
    for question in ["where is my parcel", "shoes too small", "gift card", "how do I wash wool"]:
        assert other.search(question) == demo.search(question)


# -- calibration ---------------------------------------------------------------------------------------------


def test_the_promise_holds_on_wordings_never_seen(calibrated: calibration.Calibration) -> None:
    """Recomputed here from the trials alone: the share right among those at or above the threshold."""
    for level in (0.8, 0.9):
        promise = calibrated.promise(level)
        assert promise.kept
        taken = [(right, yes) for p, _, right, _, yes in calibrated.trials if p >= promise.threshold]
        yes, no = (sum(t[4] is kind for t in calibrated.trials) for kind in (True, False))
        ratio = calibration.UNANSWERABLE / (1 - calibration.UNANSWERABLE) * yes / no
        weight = sum(1 if answerable else ratio for _, answerable in taken)
        assert sum(right for right, _ in taken) / weight == pytest.approx(promise.precision)
        assert promise.precision >= level + calibration.MARGIN
        assert promise.lower >= level


def test_trials_never_show_a_library_the_wording_or_the_article_they_ask(demo: Library) -> None:
    trials = calibration.trials(demo)
    wordings = sum(len(set(a.wordings)) or 1 for a in demo.articles)
    assert len(trials) == 2 * min(wordings, calibration.MOST_TRIALS)
    assert not any(t.right or t.among for t in trials if not t.answerable)
    shown = sum(demo.search(t.question)[0].ref == t.ref for t in trials if t.answerable)
    assert sum(t.right for t in trials if t.answerable) < shown


def test_bolder_promises_answer_less(calibrated: calibration.Calibration) -> None:
    steps = [calibrated.promise(level) for level in (0.7, 0.8, 0.9)]
    assert [p.threshold for p in steps] == sorted(p.threshold for p in steps)
    assert [p.answered for p in steps] == sorted((p.answered for p in steps), reverse=True)
    assert calibrated.promise_of_choice(0.9).answered > calibrated.promise(0.9).answered


def test_probabilities_mean_what_they_say(calibrated: calibration.Calibration) -> None:
    """Over all held-out trials, weighted as traffic, the mean confidence is the share right."""
    yes = [t for t in calibrated.trials if t[4]]
    no = [t for t in calibrated.trials if not t[4]]
    ratio = calibration.UNANSWERABLE / (1 - calibration.UNANSWERABLE) * len(yes) / len(no)
    weights = np.array([1.0 if t[4] else ratio for t in calibrated.trials])
    said = np.average([t[0] for t in calibrated.trials], weights=weights)
    was = np.average([t[2] for t in calibrated.trials], weights=weights)
    assert said == pytest.approx(was, abs=0.04)


def test_a_shown_wording_is_surer_than_a_question_about_something_else(
    demo: Library, calibrated: calibration.Calibration
) -> None:
    judged = demo.judged_by(calibrated.judge)
    asked = judged.search("Can I return shoes I wore once?", "brackenfell")[0]
    assert asked.ref == "returns-worn-shoes"
    assert asked.confidence > 0.8
    for odd in ["what is the capital of Peru", "write me a poem about the sea", "who won the match last night"]:
        assert all(hit.confidence < calibrated.promise(0.9).threshold for hit in judged.search(odd))


def test_a_calibration_survives_being_kept_as_json(calibrated: calibration.Calibration) -> None:
    assert calibration.Calibration.from_dict(json.loads(json.dumps(calibrated.as_dict()))) == calibrated


def test_calibrating_twice_gives_the_same_and_order_does_not_matter() -> None:
    library, other = Library(SMALL), Library(SMALL[::-1])
    assert calibration.calibrate(library) == calibration.calibrate(other)


@pytest.mark.parametrize("articles", [[], SMALL[:1], [Article("a", "", "")], SMALL])
def test_a_library_too_small_to_promise_promises_nothing(articles: list[Article]) -> None:
    promise = calibration.calibrate(Library(articles)).promise(0.95)
    assert not promise.kept
    assert promise.threshold > 1


# -- the seam for other engines ------------------------------------------------------------------------------


class LetterEngine:
    """Compares how often each letter occurs: a dense engine as small as can be."""

    name = "letters"
    keywords = (0.3, 2.0)
    views = {"nearest": 0.5, "passage": 0.5}  # noqa: RUF012

    def encode(self, texts: Sequence[str]) -> list[Any]:
        counts = [[text.fold(one).count(c) for c in "abcdefghijklmnopqrstuvwxyz"] for one in texts]
        return [np.array(row) / (np.linalg.norm(row) or 1) for row in counts]

    def index(self, encoded: Sequence[Any]) -> "LetterIndex":
        return LetterIndex(encoded)


class LetterIndex:
    def __init__(self, rows: Sequence[Any]) -> None:
        self.rows = np.array(rows)

    def likeness(self, question: Any) -> Floats:
        return np.asarray(self.rows @ question, np.float32)


def test_another_engine_takes_the_place_of_ngrams() -> None:
    library = Library(SMALL, engine=LetterEngine())
    assert first(library, "How do I return my order?") == "returns"
    assert library.digest != Library(SMALL, engine=NgramEngine()).digest
    assert calibration.calibrate(library).digest == library.digest


def test_the_room_is_empty_until_it_is_used() -> None:
    """Importing the package costs nothing; a message can be understood without the rest of the product."""
    code = (
        "import sys, parley.ai; assert 'numpy' not in sys.modules; import parley.ai.retrieval; "
        "print(sorted(m for m in sys.modules if m.startswith('parley.') and m.split('.')[1] not in ('ai', 'core')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={"PYTHONPATH": "src"})  # fmt: skip
    assert done.stdout.strip() == "[]"
