"""Long messages name several matters: all of their articles are found; and the benchmark over whole cases."""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from parley.ai.encoder import best_engine
from parley.ai.retrieval import LONG, Article, Library

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
ARTICLES = [
    Article("parcel", "Where is my parcel?", "Parcels take three days. The tracking page shows where it is."),
    Article("return", "Send something back", "You may return things within thirty days with our label."),
    Article("invoice", "A copy of the invoice", "Invoices are kept in your account under documents."),
    Article("password", "A forgotten password", "Ask for a link on the sign-in page and choose a new one."),
    Article("zip", "A tent's zip is stuck", "Rub some candle wax along both sides of the zip."),
]
MAIL = """Good morning,

I hope you had a pleasant weekend and that the weather was kind to you as well. We were out in the hills ourselves,
and it was wonderful up there, with clear skies all day and nobody else around for miles. Anyway.
Where is the parcel that I am waiting for? It was meant to be a present.
And could you please send me a copy of the invoice for the last one, since my employer wants to see it.

With many kind regards and best wishes to all of you from both of us.
"""


@pytest.fixture
def bench() -> Iterator[ModuleType]:
    sys.path.insert(0, str(BENCHMARKS))
    import retrieval

    yield retrieval
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize("by_meaning", [True, False])
def test_each_matter_of_a_long_mail_is_found(by_meaning: bool) -> None:
    assert len(MAIL.split()) >= LONG
    hits = Library(ARTICLES, engine=best_engine(by_meaning)).search(MAIL, limit=2)
    assert {hit.ref for hit in hits} == {"parcel", "invoice"}


def test_a_long_mail_makes_nobody_surer_than_its_clearest_sentence() -> None:
    library = Library(ARTICLES, engine=best_engine())
    (mail, *_), (plain, *_) = library.search(MAIL), library.search("Where is the parcel that I am waiting for?")
    assert mail.confidence <= plain.confidence


def folder_of(folder: Path, tasks: str) -> None:
    documents = [{"id": a.ref, "title": a.title, "content": a.body} for a in ARTICLES]
    (folder / "documents.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, documents)).encode()))
    cases = [
        {"id": "1", "scenario": {"persona": None, "instructions": MAIL}, "required_documents": ["parcel", "invoice"]},
        {"id": "2", "scenario": {"instructions": "The zip is stuck."}, "required_documents": ["zip", "gone"]},
    ]
    (folder / tasks).write_text("\n".join(map(json.dumps, cases)))


def test_cases_are_measured_beside_bm25(tmp_path: Path, bench: ModuleType) -> None:
    folder_of(tmp_path, "tasks_test.jsonl")
    figures, shown = bench.measured(tmp_path)
    assert figures["score"] == figures["recall@10"] == figures["BM25 recall@10"] == 1.0  # only five articles
    assert (figures["cases"], figures["ceiling"]) == (2, 1.0)
    assert "BM25" in shown


def test_what_is_missing_is_said(tmp_path: Path, bench: ModuleType) -> None:
    figures, shown = bench.measured(tmp_path)
    assert figures["score"] is None
    assert "documents.jsonl.gz" in shown


def test_cases_for_development_are_history_where_others_are_asked(tmp_path: Path, bench: ModuleType) -> None:
    folder_of(tmp_path, "tasks_dev.jsonl")
    known = {a.ref for a in ARTICLES}
    asked, solved = bench.cases_in(tmp_path, known)
    assert (len(asked), len(solved)) == (2, 0)
    folder_of(tmp_path, "tasks_test.jsonl")
    asked, solved = bench.cases_in(tmp_path, known)
    assert (len(asked), len(solved)) == (2, 2)
    assert asked[1].needed == {"zip"}


def test_a_solved_case_teaches_its_words(bench: ModuleType) -> None:
    library = Library(ARTICLES, engine=best_engine(by_meaning=False))
    said = "My neighbour's cat sleeps on the thing."
    taught = bench._library_after(library, [bench.Case("1", said, frozenset({"zip"}))])
    assert [hit.ref for hit in taught.search(said, limit=1)] == ["zip"]


def test_bm25_knows_rare_words_from_common_ones(bench: ModuleType) -> None:
    words = bench.Okapi(ARTICLES)
    assert words.search("the wax")[0] == "zip"
    assert len(words.search("the wax")) == len(ARTICLES)
