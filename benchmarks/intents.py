"""Does the desk learn what messages want, and does it know when it does not know?

--train DIR and --test DIR hold labelled messages as the public collections publish them: CSV (text or sentence or
utterance; category, label or intent), tab-separated lines (label, text), JSON lines (text or utterance; intent) or JSON
of lists of [text, intent], gzipped or not. Files named …train…, …valid…, …dev… or …support… are learnt from, files
named …test… or …query… are asked; where a folder holds several collections, those of one prefix belong together.
Without --test a fifth of the training messages, drawn by --seed, is asked instead.

accuracy and macro-F1 are of messages of known intents, all answered. Foreign messages are those whose label is one of
FOREIGN. AUROC: how well the score tells them from known ones; handed over: the share of them that is refused when 95 %
of the known ones are answered. promise: the score from which on the classifier promises 95 % of its answers to be
right, from its own training messages; seen: what share was, of everything it answered; coverage: of the known ones.
MCC counts "foreign" as a class of its own and answers what is as sure as nineteen of twenty held-back messages.
"""

import argparse
import csv
import gzip
import io
import json
import random
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from _measure import Figures, table

from parley.ai.classifier import Classifier, train
from parley.ai.encoder import encoder
from parley.ai.slips import slipped_all

FOREIGN = {"oos", "out_of_scope", "no_nodes_detected", "none", ""}
PROMISE = 0.95
TEXT = ("text", "sentence", "utterance", "query")
LABEL = ("category", "label", "intent")
ROLE = re.compile(r"(?:^|[_-])(train|valid|val|dev|support|test|query)(?:[_-]?\d+)?(?=[._-]|$)", re.IGNORECASE)

Pair = tuple[str, str]


class Task(NamedTuple):
    """A collection: what is learnt from, and what is asked."""

    name: str
    train: list[Pair]
    test: list[Pair]
    unlabelled: list[str]


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def pairs(file: Path) -> Iterator[tuple[str, str, str]]:
    """(role, text, label): the role is "test" for what is asked, "train" for everything else."""
    raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    kind = file.name.removesuffix(".gz").rpartition(".")[2]
    role = "test" if _role(file) in ("test", "query") else "train"
    said = raw.decode("utf-8", "replace")
    if kind == "json":
        found = json.loads(said)
        if isinstance(found, dict):
            for part, rows in found.items():
                if isinstance(rows, list) and rows and isinstance(rows[0], list):
                    yield from (("test" if "test" in part else "train", text, label) for text, label in rows)
    elif kind == "jsonl":
        for row in map(json.loads, filter(None, map(str.strip, said.splitlines()))):
            yield role, str(_first(row, TEXT)), str(_first(row, LABEL))
    elif kind == "csv":
        for row in csv.DictReader(io.StringIO(said)):
            yield role, _first(row, TEXT), _first(row, LABEL)
    elif kind == "tsv":
        for line in filter(None, said.splitlines()):
            label, _, text = line.partition("\t")
            yield role, text, label


def _first(row: dict[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), "")


def _role(file: Path) -> str:
    found = ROLE.search(file.name.partition(".")[0])
    return found[1].lower() if found else ""


def _shots(file: Path) -> int | None:
    found = re.search(r"train_(\d+)\.tsv", file.name)
    return int(found[1]) if found else None


def _prefix(file: Path) -> str:
    stem = file.name.partition(".")[0]
    found = ROLE.search(stem)
    return stem[: found.start()] if found else stem


def files(folder: Path) -> list[Path]:
    names = (".csv", ".tsv", ".jsonl", ".json", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".json.gz")
    found = [file for file in sorted(folder.iterdir()) if file.name.endswith(names)]
    return [file for file in found if file.name not in ("categories.json", "domains.json")]


def tasks(learn: Path, ask: Path | None, shots: int | None, seed: int) -> list[Task]:
    known: dict[str, list[Pair]] = {}
    inbox: dict[str, list[str]] = {}
    asked: dict[str, list[Pair]] = {}
    for folder in dict.fromkeys([learn, *([ask] if ask else [])]):
        for file in files(folder):
            if (_shots(file) or shots) != shots or "oos_plus" in file.name:
                continue
            few = shots is not None and _shots(file) is None
            for role, text, label in pairs(file):
                if role == "test" and ask is not None:
                    asked.setdefault(_prefix(file), []).append((text, label))
                elif role == "train" and few:
                    inbox.setdefault(_prefix(file), []).append(text)
                elif role == "train":
                    known.setdefault(_prefix(file), []).append((text, label))
    made = [
        Task(name or learn.name, _distinct(rows), asked.get(name, []), inbox.get(name, []))
        for name, rows in known.items()
    ]
    if ask is None:
        made = [_held_back(task, seed) for task in made]
    return [task for task in made if task.test]


def _distinct(rows: list[Pair]) -> list[Pair]:
    return list({text.strip().lower(): (text, label) for text, label in rows if text.strip()}.values())


def _held_back(task: Task, seed: int) -> Task:
    """A fifth is asked. Of few shots all are learnt from, and a fifth of the rest of the inbox cannot be asked: it has
    no labels; so few shots need --test."""
    chance = random.Random(seed)
    rows = task.train[:]
    chance.shuffle(rows)
    cut = len(rows) // 5
    return Task(task.name, rows[cut:], rows[:cut], task.unlabelled)


# ── measuring ───────────────────────────────────────────────────────────────────────────────────


def is_foreign(label: str) -> bool:
    return label.strip().lower() in FOREIGN


def measured(task: Task, slips: bool, baseline: bool) -> tuple[Figures, list[list[Any]]]:
    known = [(text, label) for text, label in task.train if not is_foreign(label)]
    outside = [text for text, label in task.train if is_foreign(label)]
    began = time.perf_counter()
    made = train(known, encoder(), unlabelled=task.unlabelled, outside=outside, told=_told(task.name))
    seconds = time.perf_counter() - began
    figures = judged(made, task.test, slips)
    figures |= {"train_seconds": round(seconds, 1), "examples": len(known), "intents": len(made.names)}
    figures |= {f"ms_{name}": value for name, value in _pace(made, [text for text, _ in task.test]).items()}
    rows = [_row("learnt", figures)]
    if baseline:
        rows += [_row(name, found) for name, found in _baselines(known, task.test, slips)]
    return figures, rows


def judged(made: Classifier, asked: Sequence[Pair], slips: bool) -> Figures:
    texts = [text for text, _ in asked]
    guesses = made.guesses(slipped_all(texts, seed=2024) if slips else texts)
    foreign = np.array([is_foreign(label) for _, label in asked])
    right = np.array([guess.name == label for guess, (_, label) in zip(guesses, asked, strict=True)])
    sure = np.array([guess.sure for guess in guesses])
    point = made.promise(PROMISE)
    answered = sure >= point.sure if point else np.zeros(len(sure), bool)
    known = ~foreign
    limit = next((p.sure for p in reversed(made.curve) if p.coverage >= 0.95), -np.inf)
    told = [guess.name if guess.sure >= limit else "oos" for guess in guesses]
    wanted = ["oos" if is_foreign(label) else label for _, label in asked]
    return {
        "score": float(right[known].mean()),
        "macro_f1": _macro_f1([g.name for g in guesses], [label for _, label in asked], known),
        "oos_auroc": _auroc(sure[known], sure[foreign]) if foreign.any() else None,
        "oos_handed_over": _refused(sure[known], sure[foreign]) if foreign.any() else None,
        "mcc": mcc(told, wanted),
        "promised_precision": PROMISE if point else None,
        "seen_precision": float(right[answered].mean()) if answered.any() else None,
        "seen_precision_known": float(right[answered & known].mean()) if (answered & known).any() else None,
        "coverage": float(answered[known].mean()),
        "asked": len(asked),
        "foreign": int(foreign.sum()),
    }


def _macro_f1(said: Sequence[str], wanted: Sequence[str], known: Any) -> float:
    """The mean of the intents' F1, over the intents that are asked for."""
    said_at, wanted_at = np.array(said)[known], np.array(wanted)[known]
    scores = []
    for name in set(wanted_at):
        hit = ((said_at == name) & (wanted_at == name)).sum()
        scores.append(2 * hit / ((said_at == name).sum() + (wanted_at == name).sum()))
    return float(np.mean(scores))


def _auroc(known: Any, foreign: Any) -> float:
    """Chance that a known message scores above a foreign one (Mann-Whitney, ties by halves)."""
    order = np.sort(foreign)
    below = np.searchsorted(order, known, "left") + np.searchsorted(order, known, "right")
    return float(below.mean() / 2 / len(foreign))


def _refused(known: Any, foreign: Any) -> float:
    return float((foreign < np.quantile(known, 0.05)).mean())


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


def _pace(made: Classifier, texts: Sequence[str]) -> dict[str, float]:
    taken = []
    for text in texts[:200]:
        began = time.perf_counter()
        made.guesses([text])
        taken.append((time.perf_counter() - began) * 1000)
    return {"p50": round(float(np.median(taken)), 2), "p95": round(float(np.quantile(taken, 0.95)), 2)}


def _baselines(known: Sequence[Pair], asked: Sequence[Pair], slips: bool) -> Iterator[tuple[str, Figures]]:
    yield "pieces of words alone", judged(train(known, None), asked, slips)
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_union
        from sklearn.svm import LinearSVC
    except ImportError:
        print("scikit-learn is not installed, so TF-IDF with a linear SVM is not measured.", file=sys.stderr)
        return
    seen = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )
    texts = [text for text, _ in asked]
    machine = LinearSVC().fit(seen.fit_transform([text for text, _ in known]), [label for _, label in known])
    rows = seen.transform(slipped_all(texts, seed=2024) if slips else texts)
    said, margins = list(machine.predict(rows)), np.sort(np.atleast_2d(machine.decision_function(rows).T).T, axis=1)
    foreign = np.array([is_foreign(label) for _, label in asked])
    right = np.array([a == label for a, (_, label) in zip(said, asked, strict=True)])
    top = margins[:, -1]
    yield (
        "TF-IDF + linear SVM",
        {
            "score": float(right[~foreign].mean()),
            "macro_f1": _macro_f1(said, [label for _, label in asked], ~foreign),
            "oos_auroc": _auroc(top[~foreign], top[foreign]) if foreign.any() else None,
            "oos_handed_over": _refused(top[~foreign], top[foreign]) if foreign.any() else None,
        },
    )


# ── telling ─────────────────────────────────────────────────────────────────────────────────────

COLUMNS = ("score", "macro_f1", "oos_auroc", "oos_handed_over", "mcc", "seen_precision", "coverage", "ms_p95")
HEADS = ("", "accuracy", "macro-F1", "foreign AUROC", "handed over", "MCC", "seen at 95 %", "coverage", "ms p95")


def _row(name: str, figures: Figures) -> list[Any]:
    return [name, *(figures.get(column) for column in COLUMNS)]


def _told(name: str) -> Any:
    def told(done: float) -> None:
        if sys.stderr.isatty():
            print(f"\r{name}: {done:4.0%}", end="" if done < 1 else "\n", file=sys.stderr)

    return told


def _together(found: dict[str, Figures]) -> Figures:
    """The mean over collections of what they all have."""
    whole: Figures = {"score": float(np.mean([figures["score"] for figures in found.values()]))}
    for name in next(iter(found.values())):
        values = [figures[name] for figures in found.values()]
        if all(isinstance(value, int | float) for value in values):
            whole[name] = round(float(np.mean(values)), 4)
        else:
            there = [value for value in values if isinstance(value, int | float)]
            whole[name] = round(float(np.mean(there)), 4) if there else None
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--train", type=Path, required=True, metavar="DIR")
    parser.add_argument("--test", type=Path, metavar="DIR")
    parser.add_argument("--shots", type=int, help="learn from train_N.tsv; the rest is an unlabelled inbox")
    parser.add_argument("--slips", action="store_true", help="ask with typing slips in a third of the words")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-baseline", action="store_true")
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    given = parser.parse_args()
    if missing := [folder for folder in (given.train, given.test) if folder and not folder.is_dir()]:
        print(json.dumps({"skipped": f"{missing[0]} is not there", "score": None}))
        return
    found, rows = {}, []
    for task in tasks(given.train, given.test, given.shots, given.seed):
        figures, told = measured(task, given.slips, not (given.no_baseline or given.json))
        found[task.name] = figures
        rows += [[f"{task.name}: {row[0]}", *row[1:]] for row in told]
    if not found:
        print(json.dumps({"skipped": f"no labelled messages to ask in {given.test or given.train}", "score": None}))
        return
    if not given.json:
        print(table(HEADS, rows))
    print(json.dumps({"test": "intents", **_together(found), "collections": found if len(found) > 1 else None}))


if __name__ == "__main__":
    main()
