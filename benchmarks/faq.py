"""Does the bot's retrieval find the right answer of an FAQ first, and does it know when there is none?

DIR has `faq.jsonl` (faq_id, question, answers) and `queries*.jsonl` (query, faq_id), one object a line. Everything is
asked of the product's own library (`parley.ai.retrieval`), by meaning where the sentence encoder was built, and of the
same library with its keywords alone (BM25).

right first, right in five, MRR over ten: with question and answers, and with the answers alone. Two rare words: each
entry asked for by the two of its words that fewest others have. Answerable: half of the entries (by a hash of their
number) are taken away; AUROC of the first hit's score for telling questions whose entry is still there from the others.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from _measure import Figures, rows_of, run, table

from parley.ai import text
from parley.ai.encoder import best_engine
from parley.ai.likeness import Engine
from parley.ai.retrieval import Article, Library

DEEP = 10


class Nothing:
    """An engine that sees no likeness: what is left are the keywords."""

    name = "keywords alone"
    keywords = (1.0, 1.0)
    views: Mapping[str, float] = {"title": 1.0}

    def encode(self, texts: Sequence[str]) -> list[None]:
        return [None] * len(texts)

    def index(self, encoded: Sequence[None]) -> "NothingAlike":
        return NothingAlike(len(encoded))


class NothingAlike(NamedTuple):
    size: int

    def likeness(self, question: Any) -> Any:
        return np.zeros(self.size, np.float32)


class Asked(NamedTuple):
    query: str
    ref: str


class Found(NamedTuple):
    first: float
    five: float
    mrr: float
    ms: float


def measured(folder: Path) -> tuple[Figures, str]:
    entries = [row for row in rows_of(folder / "faq.jsonl") if row.get("faq_id") is not None]
    asked = [
        Asked(str(row["query"]), str(row["faq_id"]))
        for file in sorted(folder.glob("queries*.jsonl"))
        for row in rows_of(file)
        if row.get("query") and row.get("faq_id") is not None
    ]
    engines: dict[str, Engine] = {"ours": best_engine(), "BM25": Nothing()}
    seen = {name: _seen(engine, entries, asked) for name, engine in engines.items()}
    figures = _figures(seen, len(entries), len(asked), engines["ours"].name)
    return figures, _table(seen)


def _seen(engine: Engine, entries: Sequence[dict[str, Any]], asked: Sequence[Asked]) -> dict[str, Any]:
    whole = Library([_article(entry) for entry in entries], engine=engine)
    bare = whole.of(_article(entry, with_question=False) for entry in entries)
    kept = {str(entry["faq_id"]) for entry in entries if text.hashed(f"kept {entry['faq_id']}") % 2}
    half = whole.of(_article(entry) for entry in entries if str(entry["faq_id"]) in kept)
    return {
        "whole": _found(whole, asked),
        "bare": _found(bare, asked),
        "rare": _found(whole, _by_rare_words(entries)),
        "auroc": auroc([(_sureness(half, one.query), one.ref in kept) for one in asked]),
    }


def _article(entry: dict[str, Any], with_question: bool = True) -> Article:
    body = "\n\n".join(str(answer) for answer in entry.get("answers") or [])
    return Article(str(entry["faq_id"]), str(entry.get("question", "")) if with_question else "", body)


def _found(library: Library, asked: Sequence[Asked]) -> Found:
    places, began = [], time.process_time()
    for one in asked:
        refs = [hit.ref for hit in library.search(one.query, None, DEEP)]
        places.append(refs.index(one.ref) + 1 if one.ref in refs else 0)
    spent, n = time.process_time() - began, max(len(asked), 1)
    return Found(
        sum(place == 1 for place in places) / n,
        sum(0 < place <= 5 for place in places) / n,
        sum(1 / place for place in places if place) / n,
        1000 * spent / n,
    )


def _sureness(library: Library, query: str) -> float:
    hits = library.search(query, None, 1)
    return hits[0].score if hits else 0.0


def _by_rare_words(entries: Sequence[dict[str, Any]]) -> list[Asked]:
    """The two words of each entry that fewest entries have; between equals, the ones that come first."""
    having = Counter(word for entry in entries for word in set(_words(entry)))
    found = []
    for entry in entries:
        words = sorted(dict.fromkeys(_words(entry)), key=lambda word: having[word])
        found.append(Asked(" ".join(words[:2]), str(entry["faq_id"])))
    return [one for one in found if one.query]


def _words(entry: dict[str, Any]) -> list[str]:
    article = _article(entry)
    return [word for word in text.words(f"{article.title} {article.body}") if len(word) > 3]


def auroc(scored: Sequence[tuple[float, bool]]) -> float:
    """The chance that one of the true ones scores above one of the others; ties count half (Hanley, McNeil 1982)."""
    ranks: dict[float, float] = {}
    ordered = sorted(score for score, _ in scored)
    for place, score in enumerate(ordered, 1):
        ranks.setdefault(score, place)
    last = {score: place for place, score in enumerate(ordered, 1)}
    yes = [score for score, true in scored if true]
    no = len(scored) - len(yes)
    if not yes or not no:
        return float("nan")
    total = sum((ranks[score] + last[score]) / 2 for score in yes)
    return (total - len(yes) * (len(yes) + 1) / 2) / (len(yes) * no)


def _figures(seen: dict[str, dict[str, Any]], entries: int, asked: int, engine: str) -> Figures:
    ours, peer = seen["ours"], seen["BM25"]
    return {
        "score": round(ours["whole"].first, 4),
        "R@1": round(ours["whole"].first, 4),
        "R@5": round(ours["whole"].five, 4),
        "MRR": round(ours["whole"].mrr, 4),
        "R@1 answers only": round(ours["bare"].first, 4),
        "R@5 answers only": round(ours["bare"].five, 4),
        "R@1 two rare words": round(ours["rare"].first, 4),
        "answerable_auroc": round(ours["auroc"], 4),
        "BM25 R@1": round(peer["whole"].first, 4),
        "BM25 R@1 answers only": round(peer["bare"].first, 4),
        "BM25 answerable_auroc": round(peer["auroc"], 4),
        "processor ms a question": round(ours["whole"].ms, 2),
        "entries": entries,
        "questions": asked,
        "engine": engine,
    }


def _table(seen: dict[str, dict[str, Any]]) -> str:
    rows = [
        [name, *(f"{value:.3f}" for value in (
            one["whole"].first, one["whole"].five, one["whole"].mrr, one["bare"].first, one["rare"].first, one["auroc"]
        )), f"{one['whole'].ms:.1f}"]
        for name, one in seen.items()
    ]  # fmt: skip
    return table(
        ["", "first", "in five", "MRR", "answers only", "two rare words", "answerable AUROC", "ms a question"], rows
    )


if __name__ == "__main__":
    run(__doc__ or "", measured)
