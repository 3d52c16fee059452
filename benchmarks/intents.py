"""Does the desk learn what messages want, and does it know when it does not know?

--train and --test name folders (or files) of labelled messages; _labelled.py tells the forms that are read. What a
publisher set aside for validation calibrates the promise and is learnt from as well. Without --test the messages are
asked in five folds, each by what was learnt from the other four; with --shots a quarter of those that are not learnt
from is asked, and the rest is an inbox whose labels are not looked at.

accuracy and macro-F1 are of messages of known intents, all answered. Foreign messages are those whose label is one of
FOREIGN. AUROC: how well the score tells them from known ones; handed over: the share of them that is refused when 95 %
of the known ones are answered. Promise: the score from which on the classifier promises 95 % of its answers to be
right, from what it learnt from alone; seen: what share was, of everything it answered; coverage: of the known ones.
MCC counts "foreign" as a class of its own and answers what is as sure as nineteen of twenty held-back messages.
"""

import argparse
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from _labelled import Collection, Pair, collections, distinct, is_foreign
from _measure import Figures, table

from parley.ai.classifier import Classifier, train
from parley.ai.encoder import encoder
from parley.ai.slips import slipped_all

PROMISE = 0.95
FOLDS = 5


@dataclass
class Answers:
    """What a classifier said to each message: the intent, how sure, whether its promise lets it answer, and whether it
    is sure enough not to be called foreign."""

    asked: list[Pair]
    said: list[str]
    sure: Any
    answered: Any
    told: Any

    @classmethod
    def together(cls, parts: Sequence["Answers"]) -> "Answers":
        return cls(
            [pair for part in parts for pair in part.asked],
            [name for part in parts for name in part.said],
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ("sure", "answered", "told")),
        )


# ── splitting ───────────────────────────────────────────────────────────────────────────────────


def turns(one: Collection, shots: int | None, seed: int) -> Iterator[Collection]:
    """One where there are messages to ask, else the folds."""
    if one.test:
        yield one
    elif shots:
        yield _beside_the_inbox(one, seed)
    else:
        yield from _folds(one, seed)


def _folds(one: Collection, seed: int) -> Iterator[Collection]:
    """Every fold has its share of every intent."""
    rows = distinct(one.train + one.valid)
    random.Random(seed).shuffle(rows)
    rows.sort(key=lambda pair: pair[1])
    for fold in range(FOLDS):
        yield replace(one, train=[r for i, r in enumerate(rows) if i % FOLDS != fold], valid=[], test=rows[fold::FOLDS])


def _beside_the_inbox(one: Collection, seed: int) -> Collection:
    rest = [pair for pair in one.unseen if not is_foreign(pair[1])]
    random.Random(seed).shuffle(rest)
    cut = len(rest) // 4
    return replace(one, test=rest[:cut], inbox=[text for text, _ in rest[cut:]])


# ── measuring ───────────────────────────────────────────────────────────────────────────────────


def measured(one: Collection, given: argparse.Namespace) -> tuple[Figures, list[list[Any]]]:
    answers: dict[str, list[Answers]] = defaultdict(list)
    seconds, pace, examples = [], [], 0
    for turn in turns(one, given.shots, given.seed):
        known, valid, outside = _sorted(turn)
        began = time.perf_counter()
        made = train(known, encoder(), valid=valid, unlabelled=turn.inbox, outside=outside, told=_told(one.name))
        seconds.append(time.perf_counter() - began)
        examples = len(known) + len(valid)
        asked = _slipped(turn.test) if given.slips else turn.test
        pace += _pace(made, [text for text, _ in asked])
        answers["learnt"].append(answered(made, asked))
        if not given.no_baseline:
            for name, found in _baselines(known + valid, asked):
                answers[name].append(found)
    told = {name: figures(Answers.together(parts)) for name, parts in answers.items()}
    told["learnt"] |= {"train_seconds": round(float(np.mean(seconds)), 1), "examples": examples}
    told["learnt"] |= {"ms_p50": round(float(np.median(pace)), 2), "ms_p95": round(float(np.quantile(pace, 0.95)), 2)}
    told["learnt"]["repeated"] = len({text for text, _ in one.test} & {text for text, _ in one.train})
    beside = {name: found for name, found in told.items() if name != "learnt"}
    return told["learnt"] | {"baselines": beside}, [_row(name, found) for name, found in told.items()]


def _sorted(turn: Collection) -> tuple[list[Pair], list[Pair], list[str]]:
    """(train, valid, texts of no intent)."""
    known, valid = ([pair for pair in rows if not is_foreign(pair[1])] for rows in (turn.train, turn.valid))
    return known, valid, [text for text, label in turn.train + turn.valid if is_foreign(label)]


def _slipped(asked: Sequence[Pair]) -> list[Pair]:
    texts = slipped_all([text for text, _ in asked], seed=2024)
    return [(text, label) for text, (_, label) in zip(texts, asked, strict=True)]


def answered(made: Classifier, asked: Sequence[Pair]) -> Answers:
    guesses = made.guesses([text for text, _ in asked])
    sure = np.array([guess.sure for guess in guesses])
    point = made.promise(PROMISE)
    limit = next((p.sure for p in reversed(made.curve) if p.coverage >= 0.95), -np.inf)
    return Answers(
        list(asked),
        [guess.name for guess in guesses],
        sure,
        sure >= point.sure if point else np.zeros(len(sure), bool),
        sure >= limit,
    )


def figures(found: Answers) -> Figures:
    foreign = np.array([is_foreign(label) for _, label in found.asked])
    known = ~foreign
    right = np.array([name == label for name, (_, label) in zip(found.said, found.asked, strict=True)])
    done = found.answered
    told = [name if sure else "oos" for name, sure in zip(found.said, found.told, strict=True)]
    wanted = ["oos" if is_foreign(label) else label for _, label in found.asked]
    return {
        "score": _share(right[known]),
        "macro_f1": _macro_f1(found.said, [label for _, label in found.asked], known),
        "oos_auroc": _auroc(found.sure[known], found.sure[foreign]) if foreign.any() and known.any() else None,
        "oos_recall": _refused(found.sure[known], found.sure[foreign]) if foreign.any() and known.any() else None,
        "mcc": round(mcc(told, wanted), 4),
        "promised_precision": PROMISE if done.any() else None,
        "seen_precision": _share(right[done]),
        "seen_precision_known": _share(right[done & known]),
        "coverage": _share(done[known]),
        "asked": len(found.asked),
        "foreign": int(foreign.sum()),
    }


def _share(of: Any) -> float | None:
    return round(float(of.mean()), 4) if len(of) else None


def _macro_f1(said: Sequence[str], wanted: Sequence[str], known: Any) -> float | None:
    """The mean of the intents' F1, over the intents that are asked for."""
    said_at, wanted_at = np.array(said)[known], np.array(wanted)[known]
    scores = []
    for name in set(wanted_at):
        hit = ((said_at == name) & (wanted_at == name)).sum()
        scores.append(2 * hit / ((said_at == name).sum() + (wanted_at == name).sum()))
    return round(float(np.mean(scores)), 4) if scores else None


def _auroc(known: Any, foreign: Any) -> float:
    """Chance that a known message scores above a foreign one (Mann-Whitney, ties by halves)."""
    order = np.sort(foreign)
    below = np.searchsorted(order, known, "left") + np.searchsorted(order, known, "right")
    return round(float(below.mean() / 2 / len(foreign)), 4)


def _refused(known: Any, foreign: Any) -> float:
    return round(float((foreign < np.quantile(known, 0.05)).mean()), 4)


def mcc(said: Sequence[str], wanted: Sequence[str]) -> float:
    """Matthews' correlation for many classes (Gorodkin 2004)."""
    names = {name: place for place, name in enumerate(sorted({*said, *wanted}))}
    matrix = np.zeros((len(names), len(names)))
    for a, b in zip(wanted, said, strict=True):
        matrix[names[a], names[b]] += 1
    count, right = matrix.sum(), np.trace(matrix)
    true, guessed = matrix.sum(axis=1), matrix.sum(axis=0)
    under = np.sqrt((count**2 - (guessed**2).sum()) * (count**2 - (true**2).sum()))
    return float((right * count - true @ guessed) / under) if under else 0.0


def _pace(made: Classifier, texts: Sequence[str]) -> list[float]:
    """Milliseconds a message, asked one by one."""
    taken = []
    for text in texts[:200]:
        began = time.perf_counter()
        made.guesses([text])
        taken.append((time.perf_counter() - began) * 1000)
    return taken


# ── beside ──────────────────────────────────────────────────────────────────────────────────────


def _baselines(known: Sequence[Pair], asked: Sequence[Pair]) -> Iterator[tuple[str, Answers]]:
    yield "pieces of words alone", answered(train(known, None), asked)
    try:
        yield "TF-IDF + linear SVM", _machine(known, asked)
    except ImportError:
        print("scikit-learn is not installed, so TF-IDF with a linear SVM is not measured.", file=sys.stderr)


def _machine(known: Sequence[Pair], asked: Sequence[Pair]) -> Answers:
    """Its margin is what it is sure by; it promises nothing, and calls foreign what no intent's plane claims."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union
    from sklearn.svm import LinearSVC

    seen = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )
    machine = LinearSVC().fit(seen.fit_transform([text for text, _ in known]), [label for _, label in known])
    margins = machine.decision_function(seen.transform([text for text, _ in asked]))
    if margins.ndim == 1:
        margins = np.stack([-margins, margins], axis=1)
    said = [str(machine.classes_[place]) for place in margins.argmax(axis=1)]
    sure = margins.max(axis=1)
    return Answers(list(asked), said, sure, np.zeros(len(sure), bool), sure >= 0)


# ── telling ─────────────────────────────────────────────────────────────────────────────────────

COLUMNS = (
    "score", "macro_f1", "oos_auroc", "oos_recall", "mcc", "promised_precision", "seen_precision", "coverage",
    "ms_p50", "ms_p95", "train_seconds",
)  # fmt: skip
HEADS = (
    "", "accuracy", "macro-F1", "foreign AUROC", "handed over", "MCC", "promised", "seen", "coverage",
    "ms p50", "ms p95", "learning s",
)  # fmt: skip


def _row(name: str, found: Figures) -> list[Any]:
    return [name, *(found.get(column) for column in COLUMNS)]


def _told(name: str) -> Any:
    def told(done: float) -> None:
        if sys.stderr.isatty():
            print(f"\r{name}: {done:4.0%}", end="" if done < 1 else "\n", file=sys.stderr)

    return told


def _together(found: dict[str, Figures]) -> Figures:
    """The mean over collections, of those that have the figure."""
    whole: Figures = {}
    for name in next(iter(found.values())):
        there = [one[name] for one in found.values() if isinstance(one.get(name), int | float)]
        whole[name] = round(float(np.mean(there)), 4) if there else None
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--train", type=Path, required=True, metavar="DIR")
    parser.add_argument("--test", type=Path, metavar="DIR")
    parser.add_argument("--shots", type=int, help="learn from so many examples an intent; the rest is the inbox")
    parser.add_argument("--slips", action="store_true", help="ask with typing slips in a third of the words")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-baseline", action="store_true")
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    given = parser.parse_args()
    if missing := [place for place in (given.train, given.test) if place and not place.exists()]:
        print(json.dumps({"skipped": f"{missing[0]} is not there", "score": None}))
        return
    found, rows = {}, []
    for one in collections(given.train, given.test, given.shots, given.seed):
        told, shown = measured(one, given)
        found[one.name] = told
        rows += [[f"{one.name} {row[0]}".strip(), *row[1:]] for row in shown]
    if not found:
        print(json.dumps({"skipped": f"no labelled messages to learn from in {given.train}", "score": None}))
        return
    if not given.json:
        print(table(HEADS, rows))
    whole = next(iter(found.values())) if len(found) == 1 else _together(found) | {"collections": found}
    print(json.dumps({"test": "intents", **whole}))


if __name__ == "__main__":
    main()
