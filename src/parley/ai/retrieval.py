"""Finding the article that answers a question, and the sentences in it that do.

score = likeness, over the engine's views of an article, + weight * (BM25 / its bound) ** power.
The bound is what a passage of average length naming every word of the question once would score, so the keyword
part runs from 0 to 1 whatever the question's length, and words the library has never seen pull it down.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parley.ai import text
from parley.ai.likeness import Bag, Engine, Floats, NgramEngine, Postings

SATURATION, LENGTH_SHARE = 0.9, 0.4
"""BM25's k1 and b."""

LONG = 60
"""Words from which on a question is asked sentence by sentence: a mail names several matters, and the vector of the
whole of it lies near none of them."""

MOST_SENTENCES = 60

TELLING = 3.0
"""Of the mean over its sentences, the power: one that hits counts more than many that graze."""

SCORING = "4"
"""Part of a library's digest: to be counted up when scores change, so that kept calibrations are made anew."""


@dataclass(frozen=True)
class Article:
    """What the library reads of an article. `wordings`: questions people asked that it answers.

    `brand`: the only brand it speaks for, or None for all of them.
    """

    ref: str
    title: str
    body: str
    wordings: tuple[str, ...] = ()
    brand: str | None = None


class Evidence(NamedTuple):
    """What speaks for a hit; calibration turns it into a probability.

    margin: lead over the next article (negative for all but the first). known: share of the question, by
    rarity, that the library has ever seen. length: distinct terms of the question.
    """

    score: float
    margin: float
    likeness: float
    keywords: float
    known: float
    length: int


Judge = Callable[[Evidence], float]


@dataclass(frozen=True)
class Hit:
    """An article found. `score` orders hits; `confidence` is the probability that it answers the question."""

    ref: str
    title: str
    passage: str
    score: float
    confidence: float
    heading: str = ""
    evidence: Evidence | None = None


def uncalibrated(evidence: Evidence) -> float:
    """A cautious guess for a library nobody has calibrated yet."""
    raw = float(np.sqrt(evidence.length)) * (2.0 * evidence.score + 5.0 * evidence.margin) - 3.5
    return 0.85 / (1 + float(np.exp(-min(max(raw, -30.0), 30.0))))


class _Memo:
    """Texts encoded and counted once, shared by a library and its copies with something left out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._encoded: dict[str, Any] = {}
        self._counted: dict[str, dict[int, int]] = {}
        self._words: dict[str, frozenset[str]] = {}

    def words(self, one: str) -> frozenset[str]:
        if one not in self._words:
            self._words[one] = frozenset(text.words(one))
        return self._words[one]

    def encoded(self, texts: Sequence[str]) -> list[Any]:
        new = [one for one in dict.fromkeys(texts) if one not in self._encoded]
        if new:
            self._encoded.update(zip(new, self._engine.encode(new), strict=True))
        return [self._encoded[one] for one in texts]

    def counted(self, one: str) -> dict[int, int]:
        """How often each hashed term occurs."""
        if one not in self._counted:
            counts: dict[int, int] = {}
            for term in text.terms(one):
                number = text.hashed(term)
                counts[number] = counts.get(number, 0) + 1
            self._counted[one] = counts
        return self._counted[one]


class Library:
    """Articles one can ask. Built in memory; asking changes nothing, so threads may share it."""

    def __init__(
        self,
        articles: Iterable[Article],
        *,
        engine: Engine | None = None,
        judge: Judge | None = None,
        _memo: _Memo | None = None,
    ) -> None:
        self.articles = sorted(articles, key=lambda article: article.ref)
        self.engine: Engine = engine or NgramEngine()
        self.judge: Judge = judge or uncalibrated
        self._memo = _memo or _Memo(self.engine)
        if len({article.ref for article in self.articles}) < len(self.articles):
            raise ValueError("Two articles share a reference; each needs its own.")
        self._cut = [text.passages(article.body) or [text.Passage("", "")] for article in self.articles]
        self._alike = _Alike(self.articles, self._cut, self.engine, self._memo)
        self._keywords = _Keywords(self.articles, self._cut, self._memo)
        self._speller = text.Speller(self._vocabulary())

    def search(self, question: str, brand: str | None = None, limit: int = 5) -> list[Hit]:
        """The likeliest articles, best first; only those with anything in common with the question."""
        found = self._scored(question)
        if found is None:
            return []
        open_to = [a.brand is None or brand is None or a.brand == brand for a in self.articles]
        scores = np.where(open_to, found.scores, 0.0)
        ranked = [int(i) for i in np.argsort(-scores, kind="stable")[: max(limit, 2)] if scores[i] > 0]
        return self._hits(found, scores, ranked)[:limit]

    @cached_property
    def digest(self) -> str:
        """Changes when anything changes that a calibration depends on."""
        seen = blake2b(f"{SCORING} {self.engine.name}".encode(), digest_size=12)
        for a in self.articles:
            seen.update(repr((a.ref, a.title, a.body, a.wordings, a.brand)).encode("utf-8", "surrogatepass"))
        return seen.hexdigest()

    def judged_by(self, judge: Judge) -> "Library":
        """The same library with another judge of confidence."""
        copy = object.__new__(Library)
        copy.__dict__.update(self.__dict__, judge=judge)
        return copy

    def of(self, articles: Iterable[Article]) -> "Library":
        """Another choice of articles with the same engine; texts seen before are not encoded again."""
        return Library(articles, engine=self.engine, judge=self.judge, _memo=self._memo)

    def mended(self, question: str) -> str:
        """The question with its slips of the finger mended against the words of the library."""
        return self._speller.mend_all(text.fold(question))

    def _vocabulary(self) -> set[str]:
        seen: set[str] = set()
        for article, cut in zip(self.articles, self._cut, strict=True):
            for one in (article.title, *article.wordings, *(part for p in cut for part in (p.heading, p.text))):
                seen |= self._memo.words(one)
        return seen

    def _scored(self, question: str) -> "_Found | None":
        if not self.articles:
            return None
        told = [one for line in question.splitlines() for one in text.sentences(line)]
        sentences = [one for one in told if len(one.split()) > 2]
        if len(question.split()) < LONG or len(sentences) < 3:
            return self._scored_whole(question)
        found = [one for one in map(self._scored_whole, sentences[:MOST_SENTENCES]) if one is not None]
        return _Found.together(found) if found else None

    def _scored_whole(self, question: str) -> "_Found | None":
        mended = self.mended(question)
        terms = self._terms_of(mended)
        if not len(terms):
            return None
        alike = self._alike.ask(self.engine.encode([mended])[0])
        keywords, known = self._keywords.ask(terms)
        weight, power = self.engine.keywords
        scores = (alike + weight * keywords**power).astype(np.float32)
        return _Found(scores, alike, keywords, known, terms, len(terms))

    def _terms_of(self, question: str) -> NDArray[np.int64]:
        """Hashed distinct terms; questions are not remembered, or memory would grow with traffic."""
        return np.unique(np.asarray([text.hashed(term) for term in text.terms(question)], np.int64))

    def _hits(self, found: "_Found", scores: Floats, ranked: Sequence[int]) -> list[Hit]:
        hits: list[Hit] = []
        left = 1.0
        for place, i in enumerate(ranked):
            rival = ranked[1 if place == 0 else 0] if len(ranked) > 1 else None
            evidence = found.evidence(i, scores, rival)
            confidence = min(max(float(self.judge(evidence)), 0.0), left)
            left = max(left - confidence, 0.0) if place == 0 else left
            cut = self._cut[i][self._keywords.best_passage(i, found.terms)]
            article = self.articles[i]
            hits.append(Hit(article.ref, article.title, cut.text, evidence.score, confidence, cut.heading, evidence))
        return hits


@dataclass(frozen=True)
class _Found:
    """Scores of one question against every article."""

    scores: Floats
    likeness: Floats
    keywords: Floats
    known: float
    terms: NDArray[np.int64]
    length: int

    @classmethod
    def together(cls, found: Sequence["_Found"]) -> "_Found":
        """Of the sentences of one question. Its length is that of a usual sentence, as its scores are."""
        return cls(
            scores=_telling([one.scores for one in found]),
            likeness=_telling([one.likeness for one in found]),
            keywords=_telling([one.keywords for one in found]),
            known=float(np.mean([one.known for one in found])),
            terms=np.unique(np.concatenate([one.terms for one in found])),
            length=round(float(np.mean([one.length for one in found]))),
        )

    def evidence(self, i: int, scores: Floats, rival: int | None) -> Evidence:
        return Evidence(
            score=float(scores[i]),
            margin=float(scores[i] - (scores[rival] if rival is not None else 0.0)),
            likeness=float(self.likeness[i]),
            keywords=float(self.keywords[i]),
            known=self.known,
            length=self.length,
        )


def _telling(rows: Sequence[Floats]) -> Floats:
    """The power mean."""
    mean: Floats = (np.mean(np.stack(rows) ** TELLING, axis=0) ** (1 / TELLING)).astype(np.float32)
    return mean


class _Alike:
    """Likeness of a question to each article, over the views the engine asks for."""

    def __init__(
        self, articles: Sequence[Article], cut: Sequence[Sequence[text.Passage]], engine: Engine, memo: _Memo
    ) -> None:
        pairs = list(zip(articles, cut, strict=True))
        shown = {
            "title": [[a.title] for a, _ in pairs],
            "nearest": [[a.title, *a.wordings] for a, _ in pairs],
            "passage": [[f"{a.title}. {p.heading}. {p.text}" for p in pieces] for a, pieces in pairs],
            "wordings": [[" . ".join((a.title, *a.wordings))] for a, _ in pairs],
            "body": [[" . ".join(part for p in pieces for part in (p.heading, p.text))] for _, pieces in pairs],
        }
        self._views = [_View(shown[name], engine, memo) for name in engine.views]
        weights = np.asarray(list(engine.views.values()), np.float32)[:, None] * [view.filled for view in self._views]
        # What an article has no text for does not speak against it.
        self._weights = (weights / np.maximum(weights.sum(axis=0), 1e-6)).astype(np.float32)

    def ask(self, question: Any) -> Floats:
        each = np.stack([view.ask(question) for view in self._views])
        alike: Floats = (self._weights * each).sum(axis=0).astype(np.float32)
        return alike


class _View:
    """Some texts of every article; the one most like the question speaks for its article."""

    def __init__(self, texts: Sequence[Sequence[str]], engine: Engine, memo: _Memo) -> None:
        self._starts = np.cumsum([0, *(len(one) for one in texts[:-1])])
        self.filled = [any(text.strip(" .") for text in some) for some in texts]
        self._index = engine.index(memo.encoded([one for some in texts for one in some]))

    def ask(self, question: Any) -> Floats:
        each = np.clip(self._index.likeness(question), 0, 1)
        return np.maximum.reduceat(each, self._starts).astype(np.float32)


class _Keywords:
    """Bounded BM25 over passages read with their title and heading."""

    def __init__(self, articles: Sequence[Article], cut: Sequence[Sequence[text.Passage]], memo: _Memo) -> None:
        rows, asked, starts = list[dict[int, int]](), list[dict[int, int]](), list[int]()
        for article, pieces in zip(articles, cut, strict=True):
            starts.append(len(rows))
            rows += [_merged(memo, [article.title, piece.heading, piece.text]) for piece in pieces]
            asked.append(_merged(memo, [article.title, *article.wordings]))
        self._starts = np.asarray(starts, np.intp)
        self._ends = np.append(self._starts[1:], len(rows))
        self._rows = rows
        self._passages, self._asked = _bm25(rows), _bm25(asked)
        self._size = len(rows) + len(asked)

    def ask(self, terms: NDArray[np.int64]) -> tuple[Floats, float]:
        """(score from 0 to 1 for each article, share of the question known)."""
        rarity, frequency = self._rarity(terms)
        bound = float(rarity.sum())
        each = np.minimum(self._passages.dot(terms, rarity) / bound, 1).astype(np.float32)
        return np.maximum.reduceat(each, self._starts), float(rarity[frequency > 0].sum()) / bound

    def best_passage(self, article: int, terms: NDArray[np.int64]) -> int:
        """The passage that stands out within its article: a word all of them have tells nothing there."""
        rows = self._rows[self._starts[article] : self._ends[article]]
        has = np.asarray([[row.get(int(term), 0) > 0 for term in terms] for row in rows], np.float32)
        here = np.log(1 + (len(rows) - has.sum(axis=0) + 0.5) / (has.sum(axis=0) + 0.5))
        worth = has @ (here * self._rarity(terms)[0])
        return int(np.argmax(np.round(worth, 6)))

    def _rarity(self, terms: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """How much each term tells, and how often it occurs."""
        frequency = self._passages.frequency(terms) + self._asked.frequency(terms)
        rarity = np.log(1 + (self._size - frequency + 0.5) / (frequency + 0.5))
        return rarity.astype(np.float32), frequency


def _merged(memo: _Memo, texts: Sequence[str]) -> dict[int, int]:
    total: dict[int, int] = {}
    for one in texts:
        for term, count in memo.counted(one).items():
            total[term] = total.get(term, 0) + count
    return total


def _bm25(rows: Sequence[dict[int, int]]) -> Postings:
    """Weights of BM25 but for rarity, each at most 1: a word named ten times is not worth three words."""
    lengths = np.asarray([sum(row.values()) for row in rows], np.float32)
    average = float(lengths.mean()) if len(rows) and lengths.any() else 1.0
    bags: list[Bag] = []
    for row, length in zip(rows, lengths, strict=True):
        counts = np.asarray(list(row.values()), np.float32)
        room = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * float(length) / average)
        weights = np.minimum(counts * (SATURATION + 1) / (counts + room), 1).astype(np.float32)
        bags.append((np.asarray(list(row), np.int64), weights))
    return Postings(bags)


# -- the short answer ----------------------------------------------------------------------------------------

SHORT_ANSWER = 480
"""Characters an answer should not exceed unless one list does."""


def answer_from(hit: Hit, question: str, most: int = 4) -> str:
    """Two to four whole sentences of the hit's passage that answer best, as plain text for a chat.

    A list comes whole and with the line that introduces it: half of the steps is no answer.
    """
    units = _answer_units(hit.passage)
    if not units:
        return hit.title
    worth = _worth(units, question)
    windows = [
        (a, b) for a in range(len(units)) for b in range(a + 1, min(a + most, len(units)) + 1)
        if b == a + 1 or sum(len(unit) for unit in units[a:b] if "\n" not in unit) <= SHORT_ANSWER
    ]  # fmt: skip
    a, b = max(windows, key=lambda ab: (round(sum(worth[ab[0] : ab[1]]), 6), -ab[0]))
    return "\n".join(_joined(units[a:b])).strip()


def _answer_units(passage: str) -> list[str]:
    """Sentences, and lists with their introduction, in order. A unit with a line break is a list."""
    units: list[str] = []
    for block in passage.split("\n\n"):
        lines = [line for line in block.split("\n") if line.strip()]
        items = [line for line in lines if _is_item(line)]
        prose = [one for line in lines if not _is_item(line) for one in text.sentences(line)]
        if items and prose and prose[-1].endswith(":"):
            units += [*prose[:-1], "\n".join([prose[-1], *items])]
        elif items and units and (units[-1].endswith(":") or "\n" in units[-1]):
            units[-1] = "\n".join([units[-1], *items])
        elif items:
            units += [*prose, "\n".join(["", *items])]
        else:
            units += prose
    return units


def _is_item(line: str) -> bool:
    return bool(re.match(r"(•|\d{1,3}\.)\s", line))


def _worth(units: Sequence[str], question: str) -> list[float]:
    """Words shared with the question count, those of few units more; so does standing early, since articles
    answer before they explain. A little for any sentence, so that a thought is finished where there is room."""
    wanted = set(text.terms(question))
    found = [set(text.terms(unit)) for unit in units]
    rarity = {term: np.log(1 + len(units) / (0.5 + sum(term in one for one in found))) for term in wanted}
    return [
        sum(rarity[term] for term in sorted(one & wanted)) / (1 + 0.04 * min(len(one), 15)) + 0.5 / (1 + place) + 0.12
        for place, one in enumerate(found)
    ]


def _joined(units: Sequence[str]) -> list[str]:
    """Sentences flow in one paragraph; a list stands on lines of its own."""
    lines: list[str] = []
    fresh = True
    for unit in units:
        if "\n" in unit or fresh:
            lines.append(unit.lstrip("\n"))
        else:
            lines[-1] = f"{lines[-1]} {unit}"
        fresh = "\n" in unit
    return lines
