"""Does retrieval find the articles that a whole case needs, among hundreds that are near twins?

DIR has `documents.jsonl.gz` (id, title, content) and `tasks*.jsonl.gz` (id, scenario with instructions,
required_documents), one object a line, gzipped or not. Each scenario is asked as it stands of the product's own library
(`parley.ai.retrieval`), by meaning where the sentence encoder was built, and of Okapi's BM25 over whole documents
(k1 = 1.2, b = 0.75, no stemming). Where a folder has tasks for development beside others, only the others are asked.

recall@10: of the articles a case needs, the share among the first ten; cases that need more cannot reach 1, see the
ceiling. With solved cases: articles also have, as customers' wordings, what was said in other cases they solved (five
folds; cases for development all count as solved).
"""

import gzip
import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from _measure import Figures, run, table

from parley.ai import text
from parley.ai.encoder import best_engine
from parley.ai.retrieval import Article, Library

DEPTHS = (5, 10, 20)
FOLDS = 5
LONGEST_WORDING = 200
"""Characters, as the knowledge base keeps them."""

Search = Callable[[str], list[str]]


class Case(NamedTuple):
    number: str
    said: str
    needed: frozenset[str]


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def rows_in(folder: Path, pattern: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in sorted([*folder.glob(f"{pattern}.jsonl"), *folder.glob(f"{pattern}.jsonl.gz")]):
        raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        yield from ((file, msgspec.json.decode(line)) for line in raw.split(b"\n") if line.strip())


def articles_in(folder: Path) -> list[Article]:
    return [
        Article(str(row["id"]), str(row.get("title") or ""), str(row.get("content") or ""))
        for _, row in rows_in(folder, "documents*")
    ]


def cases_in(folder: Path, known: set[str]) -> tuple[list[Case], list[Case]]:
    """(asked, solved beforehand)."""
    dev, others = list[Case](), list[Case]()
    for file, row in rows_in(folder, "tasks*"):
        needed = frozenset(map(str, row.get("required_documents") or [])) & known
        if needed and (said := _said(row.get("scenario"))):
            (dev if "dev" in file.name else others).append(Case(str(row["id"]), said, needed))
    return (others, dev) if others else (dev, [])


def _said(scenario: Any) -> str:
    if isinstance(scenario, dict):
        return "\n".join(str(part) for part in scenario.values() if part)
    return str(scenario or "")


# ── measuring ───────────────────────────────────────────────────────────────────────────────────


def measured(folder: Path) -> tuple[Figures, str]:
    articles = articles_in(folder)
    asked, solved = cases_in(folder, {one.ref for one in articles})
    if not articles or not asked:
        told = f"{folder} has no documents.jsonl.gz, or no tasks*.jsonl.gz that need any of them"
        return {"skipped": told, "score": None}, told
    library = Library(articles, engine=best_engine())
    began = time.process_time()
    seen = {"articles alone": _recalls(asked, lambda case: _refs(library, case.said))}
    ms = 1000 * (time.process_time() - began) / len(asked)
    words = Okapi(articles)
    seen["BM25"] = _recalls(asked, lambda case: words.search(case.said))
    taught = _taught(library, asked, solved)
    seen["articles and solved cases"] = _recalls(asked, lambda case: _refs(taught[case.number], case.said))
    return _figures(seen, asked, ms, library.engine.name), _table(seen)


def _refs(library: Library, said: str) -> list[str]:
    return [hit.ref for hit in library.search(said, None, max(DEPTHS))]


def _recalls(asked: Sequence[Case], search: Callable[[Case], list[str]]) -> dict[int, float]:
    found = [(case.needed, search(case)) for case in asked]
    return {
        depth: float(np.mean([len(needed & set(refs[:depth])) / len(needed) for needed, refs in found]))
        for depth in DEPTHS
    }


def _taught(library: Library, asked: Sequence[Case], solved: Sequence[Case]) -> dict[str, Library]:
    """By case: the library as it was when every case but those of its fold had been solved."""
    fold = {case.number: text.hashed(f"fold {case.number}") % FOLDS for case in asked}
    made = {
        turn: _library_after(library, [*solved, *(case for case in asked if fold[case.number] != turn)])
        for turn in set(fold.values())
    }
    return {number: made[turn] for number, turn in fold.items()}


def _library_after(library: Library, solved: Sequence[Case]) -> Library:
    wordings: dict[str, dict[str, None]] = defaultdict(dict)
    for case in solved:
        for one in text.sentences(case.said):
            if len(one.split()) > 2 and len(one) <= LONGEST_WORDING:
                for ref in case.needed:
                    wordings[ref][one] = None
    return library.of(Article(a.ref, a.title, a.body, tuple(wordings[a.ref])) for a in library.articles)


class Okapi:
    """BM25 as everybody has it (Robertson et al. 1995)."""

    def __init__(self, articles: Sequence[Article], k1: float = 1.2, b: float = 0.75) -> None:
        self.refs = [one.ref for one in articles]
        counted = [Counter(_plain_words(f"{one.title} {one.body}")) for one in articles]
        lengths = np.array([sum(one.values()) for one in counted], float)
        room = k1 * (1 - b + b * lengths / max(lengths.mean(), 1))
        self.weights: dict[str, dict[int, float]] = defaultdict(dict)
        for place, one in enumerate(counted):
            for word, count in one.items():
                self.weights[word][place] = count * (k1 + 1) / (count + room[place])

    def search(self, said: str) -> list[str]:
        scores = np.zeros(len(self.refs))
        for word in _plain_words(said):
            having = self.weights.get(word, {})
            rarity = math.log(1 + (len(self.refs) - len(having) + 0.5) / (len(having) + 0.5))
            for place, weight in having.items():
                scores[place] += rarity * weight
        return [self.refs[place] for place in np.argsort(-scores, kind="stable")[: max(DEPTHS)]]


def _plain_words(said: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", said.lower())


# ── telling ─────────────────────────────────────────────────────────────────────────────────────


def _figures(seen: dict[str, dict[int, float]], asked: Sequence[Case], ms: float, engine: str) -> Figures:
    alone, words, taught = seen["articles alone"], seen["BM25"], seen["articles and solved cases"]
    return {
        "test": "retrieval",
        "score": round(alone[10], 4),
        "recall@10": round(alone[10], 4),
        "recall@10 with solved cases": round(taught[10], 4),
        "BM25 recall@10": round(words[10], 4),
        "times BM25": round(alone[10] / words[10], 2) if words[10] else None,
        "times BM25 with solved cases": round(taught[10] / words[10], 2) if words[10] else None,
        **{f"recall@{depth}": round(alone[depth], 4) for depth in DEPTHS if depth != 10},
        "ceiling": round(float(np.mean([min(10, len(case.needed)) / len(case.needed) for case in asked])), 4),
        "processor ms a case": round(ms, 1),
        "cases": len(asked),
        "engine": engine,
    }


def _table(seen: dict[str, dict[int, float]]) -> str:
    rows = [[name, *(f"{found[depth]:.3f}" for depth in DEPTHS)] for name, found in seen.items()]
    return table(["", *(f"recall@{depth}" for depth in DEPTHS)], rows)


if __name__ == "__main__":
    run(__doc__ or "", measured)
