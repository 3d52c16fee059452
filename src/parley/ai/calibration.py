"""How sure is sure: scores become probabilities, and a promise becomes a threshold.

A desk calibrates itself on its own articles. Each recorded wording is asked of a library that has never seen
it (its siblings and the article stay), which shows how often the first hit is right; and of a library without
the article, which shows what a question with no answer looks like. Calibrating on answerable questions alone
would bluff: in a trial on CLINC150 only a quarter of the unanswerable ones were handed over. So both kinds
count, the second with the share of traffic one expects. Everything is computed, nothing drawn at random.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parley.ai.retrieval import Article, Evidence, Library
from parley.ai.text import hashed

UNANSWERABLE = 0.2
"""Share of questions expected to have no answer in the library."""

MARGIN = 0.01
"""Promises fitted by cross-validation came out a point short on fresh questions; so aim a point higher."""

CONFIDENCE_Z = 0.84
"""One-sided 80 %: the lower bound of the precision seen must reach the promise as well."""

MOST_TRIALS = 800
ARTICLE_FOLDS, WORDING_FOLDS, FIT_FOLDS = 20, 12, 5
CHOICES = 3

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """One wording asked of a library that could not have learnt it. `among`: right within the first three."""

    ref: str
    question: str
    evidence: Evidence | None
    right: bool
    among: bool
    answerable: bool


@dataclass(frozen=True)
class Promise:
    """A threshold and what it gave in trials: of those answered, at least `level` right.

    kept: False when no threshold reaches the level with the trials at hand; then nothing passes it.
    """

    level: float
    threshold: float
    kept: bool
    precision: float
    lower: float
    answered: float
    handed_over: float
    trials: int


@dataclass(frozen=True)
class Calibration:
    """Two logistic models (first hit right; right one among the first three) and the trials behind them."""

    digest: str
    right: tuple[float, ...]
    among: tuple[float, ...]
    trials: tuple[tuple[float, float, bool, bool, bool], ...]
    unanswerable: float = UNANSWERABLE

    def judge(self, evidence: Evidence) -> float:
        """The probability that this hit is the right article."""
        return _probability(self.right, evidence)

    def one_of_three(self, evidence: Evidence) -> float:
        """The probability, from the first hit's evidence, that one of the first three is right."""
        return max(_probability(self.among, evidence), self.judge(evidence))

    def promise(self, level: float = 0.9) -> Promise:
        """The lowest threshold on `confidence` at which `level` of the answers are right."""
        held_out = [(p, right, answerable) for p, _, right, _, answerable in self.trials]
        return _promise(held_out, level, self.unanswerable)

    def promise_of_choice(self, level: float = 0.9) -> Promise:
        """The same for offering three articles to choose from, on `one_of_three`."""
        held_out = [(p, among, answerable) for _, p, _, among, answerable in self.trials]
        return _promise(held_out, level, self.unanswerable)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a JSON column, so that a restart need not calibrate again."""
        return {
            "digest": self.digest,
            "right": [float(weight) for weight in self.right],
            "among": [float(weight) for weight in self.among],
            "trials": self.trials,
            "unanswerable": self.unanswerable,
        }

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> "Calibration":
        trials = tuple((float(a), float(b), bool(c), bool(d), bool(e)) for a, b, c, d, e in kept["trials"])
        return cls(kept["digest"], tuple(kept["right"]), tuple(kept["among"]), trials, kept["unanswerable"])


def calibrate(library: Library, unanswerable: float = UNANSWERABLE, rest: float = 0.0) -> Calibration:
    """Asks the library its own wordings and fits both models. Takes seconds: run it aside, keep the result.

    rest: seconds of sleep for each that a trial took, so that whoever waits for an answer meanwhile gets one.
    """
    asked = trials(library, rest)
    features = np.asarray([_features(trial.evidence) for trial in asked], np.float64)
    weights = _weights([trial.answerable for trial in asked], unanswerable)
    folds = np.asarray([hashed("fold " + trial.ref) % FIT_FOLDS for trial in asked], np.int64)
    right = np.asarray([trial.right for trial in asked], np.float64)
    among = np.asarray([trial.among for trial in asked], np.float64)
    p_right, p_among = _held_out(features, right, weights, folds), _held_out(features, among, weights, folds)
    p_among = np.maximum(p_among, p_right)
    rows = zip(p_right, p_among, asked, strict=True)
    return Calibration(
        library.digest,
        _fit(features, right, weights),
        _fit(features, among, weights),
        tuple((round(float(a), 6), round(float(b), 6), t.right, t.among, t.answerable) for a, b, t in rows),
        unanswerable,
    )


# -- trials --------------------------------------------------------------------------------------------------


def trials(library: Library, rest: float = 0.0) -> list[Trial]:
    """Every wording (or a fixed choice of many) asked twice: unseen, and with its article gone."""
    found, began = [], time.monotonic()
    for trial in chain(_unseen(library), _unanswerable(library)):
        found.append(trial)
        if rest:
            time.sleep(rest * (time.monotonic() - began))
            began = time.monotonic()
    return found


def _asked(library: Library) -> list[tuple[Article, str]]:
    """The questions to try. An article without wordings is asked for by its title."""
    pairs = [(a, one) for a in library.articles for one in (sorted(set(a.wordings)) or [a.title]) if one.strip()]
    pairs.sort(key=lambda pair: (hashed(pair[1]), pair[0].ref))
    return pairs[:MOST_TRIALS]


def _unseen(library: Library) -> Iterator[Trial]:
    """Fold by fold: one wording of every article at a time is left out and asked."""
    folds: dict[int, list[tuple[Article, str]]] = defaultdict(list)
    place: dict[str, int] = defaultdict(int)
    for article, question in _asked(library):
        folds[place[article.ref] % WORDING_FOLDS].append((article, question))
        place[article.ref] += 1
    for fold in folds.values():
        left_out: dict[str, set[str]] = defaultdict(set)
        for article, question in fold:
            left_out[article.ref].add(question)
        rest = library.of(_without(article, left_out[article.ref]) for article in library.articles)
        yield from (_try(library, rest, article, question, answerable=True) for article, question in fold)


def _without(article: Article, questions: set[str]) -> Article:
    if not questions:
        return article
    title = "" if article.title in questions else article.title
    kept = tuple(one for one in article.wordings if one not in questions)
    return Article(article.ref, title, article.body, kept, article.brand)


def _unanswerable(library: Library) -> Iterator[Trial]:
    """Fold by fold: some articles are gone, and their wordings are asked nevertheless."""
    folds: dict[int, list[tuple[Article, str]]] = defaultdict(list)
    place = {article.ref: at for at, article in enumerate(sorted(library.articles, key=_shuffled))}
    for article, question in _asked(library):
        folds[place[article.ref] % ARTICLE_FOLDS].append((article, question))
    for number, fold in sorted(folds.items()):
        rest = library.of(a for a in library.articles if place[a.ref] % ARTICLE_FOLDS != number)
        yield from (_try(library, rest, article, question, answerable=False) for article, question in fold)


def _shuffled(article: Article) -> tuple[int, str]:
    """Neighbours by name are often sisters; hiding sisters together would make the trial too easy."""
    return hashed(article.ref), article.ref


def _try(library: Library, rest: Library, article: Article, question: str, *, answerable: bool) -> Trial:
    hits = rest.search(question, _brand_for(library, article, question), limit=CHOICES)
    found = [hit.ref for hit in hits]
    return Trial(
        article.ref,
        question,
        hits[0].evidence if hits else None,
        right=found[:1] == [article.ref],
        among=article.ref in found,
        answerable=answerable,
    )


def _brand_for(library: Library, article: Article, question: str) -> str | None:
    """Visitors always come to one brand; an article of every brand is asked for at each in turn."""
    brands = sorted({a.brand for a in library.articles if a.brand is not None})
    return article.brand or (brands[hashed(question) % len(brands)] if brands else None)


# -- the model -----------------------------------------------------------------------------------------------


def _features(evidence: Evidence | None) -> list[float]:
    """Score and margin grown by the root of the question's length, and the margin's share of the score.

    A cosine shrinks with the root of the number of words, though the match is no worse. Fitted on the shorter
    half of the wordings and tried on the longer, this had a log loss of 0.50 against 0.57 for the bare numbers
    (demo), 0.36 against 0.47 (StackFAQ). What customers write is longer than what articles record.
    """
    if evidence is None:
        return [1.0, 0.0, 0.0, 0.0]
    grown = float(np.sqrt(evidence.length))
    lead = evidence.margin / max(evidence.score, 1e-6)
    return [1.0, grown * evidence.score, grown * max(evidence.margin, -1.0), max(lead, -1.0)]


def _probability(model: Sequence[float], evidence: Evidence) -> float:
    raw = float(np.dot(model, _features(evidence)))
    return float(1 / (1 + np.exp(-np.clip(raw, -30, 30))))


def _weights(answerable: Sequence[bool], share: float) -> Vector:
    """Trials weighted so that unanswerable ones make up `share` of the traffic."""
    yes = np.asarray(answerable, np.bool_)
    ratio = share / (1 - share) * max(int(yes.sum()), 1) / max(int((~yes).sum()), 1)
    return np.where(yes, 1.0, ratio)


def _held_out(features: Vector, right: Vector, weights: Vector, folds: NDArray[np.int64]) -> Vector:
    """Each trial's probability from a model fitted without any trial of its article."""
    out = np.zeros(len(right))
    for fold in range(FIT_FOLDS):
        rest, mine = folds != fold, folds == fold
        if mine.any():
            model = np.asarray(_fit(features[rest], right[rest], weights[rest]))
            out[mine] = 1 / (1 + np.exp(-np.clip(features[mine] @ model, -30, 30)))
    return out


def _fit(features: Vector, right: Vector, weights: Vector, ridge: float = 1.0, steps: int = 30) -> tuple[float, ...]:
    """Weighted logistic regression by Newton's method; the ridge keeps a small desk's model tame."""
    size = features.shape[1] if features.size else len(_features(None))
    model = np.zeros(size)
    if not features.size:
        return tuple(model)
    penalty = np.full(size, ridge)
    penalty[0] = 1e-6
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(features @ model, -30, 30)))
        slope = features.T @ (weights * (p - right)) + penalty * model
        curve = (features.T * (weights * np.maximum(p * (1 - p), 1e-6))) @ features + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        model = model - step
        if float(np.abs(step).max()) < 1e-9:
            break
    return tuple(round(float(value), 9) for value in model)


# -- the promise ---------------------------------------------------------------------------------------------


def _promise(held_out: Sequence[tuple[float, bool, bool]], level: float, share: float) -> Promise:
    """The most generous threshold at which the precision seen, and its lower bound, reach the level."""
    order = sorted(held_out, key=lambda trial: -trial[0])
    weights = _weights([answerable for _, _, answerable in order], share)
    p = np.asarray([one for one, _, _ in order])
    right = np.asarray([hit for _, hit, _ in order], np.float64)
    answerable = np.asarray([yes for _, _, yes in order], np.bool_)
    taken, good = np.cumsum(weights), np.cumsum(weights * right)
    precision = good / np.maximum(taken, 1e-9)
    lower = _wilson_lower(precision, taken**2 / np.maximum(np.cumsum(weights**2), 1e-9))
    last_of_ties = np.append(p[1:] < p[:-1], True) if len(p) else np.empty(0, np.bool_)
    fits = np.flatnonzero((precision >= level + MARGIN * (level < 1 - MARGIN)) & (lower >= level) & last_of_ties)
    if not len(fits):
        return Promise(level, float("inf"), False, 0.0, 0.0, 0.0, 1.0, len(order))
    at = int(fits[-1])
    answered = float((weights * answerable)[: at + 1].sum() / max(float(weights[answerable].sum()), 1e-9))
    bluffed = float((~answerable)[: at + 1].sum() / max(int((~answerable).sum()), 1))
    return Promise(level, float(p[at]), True, float(precision[at]), float(lower[at]), answered, 1 - bluffed, len(order))


def _wilson_lower(share: Vector, n: Vector, z: float = CONFIDENCE_Z) -> Vector:
    n = np.maximum(n, 1e-9)
    middle = share + z * z / (2 * n)
    spread = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    lower: Vector = (middle - spread) / (1 + z * z / n)
    return lower
