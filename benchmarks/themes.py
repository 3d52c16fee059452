"""Are themes found in unsorted messages where people had sorted them?

DIR is a folder of labelled messages (the forms of _labelled.py). The labels are taken away, themes are looked for, and
what was found is held against the labels: normalised mutual information and adjusted Rand index, purity (share of
messages whose theme mostly has their label), how many themes there are beside how many labels, and named: the share
of messages in a theme whose name has a word of their own label's ("cancel order" of cancel_order). Beside it the same
grouping of word counts (TF-IDF) into as many groups, and everything in one. score: mean NMI over the collections.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from math import comb, log
from pathlib import Path

import numpy as np
from _labelled import distinct, is_foreign, read
from _measure import Figures, run, table

from parley.ai import text
from parley.ai.encoder import encoder, unit
from parley.ai.themes import Theme, kmeans, themes

MOST = 3000


def mutual_information(found: Sequence[int], true: Sequence[str]) -> float:
    """Normalised by the mean of both entropies: 0 of no relation, 1 of the same grouping."""
    n = len(true)
    both, a, b = Counter(zip(found, true, strict=True)), Counter(found), Counter(true)
    shared = sum(c / n * log(c * n / (a[x] * b[y])) for (x, y), c in both.items())
    entropies = [-sum(c / n * log(c / n) for c in counts.values()) for counts in (a, b)]
    return 2 * shared / sum(entropies) if sum(entropies) else 1.0


def adjusted_rand(found: Sequence[int], true: Sequence[str]) -> float:
    """Share of pairs on which both agree, above chance (Hubert and Arabie 1985)."""
    both = sum(comb(c, 2) for c in Counter(zip(found, true, strict=True)).values())
    a, b = (sum(comb(c, 2) for c in Counter(side).values()) for side in (found, true))
    expected = a * b / comb(len(true), 2)
    return (both - expected) / ((a + b) / 2 - expected) if (a + b) / 2 != expected else 0.0


def purity(found: Sequence[int], true: Sequence[str]) -> float:
    groups: dict[int, Counter[str]] = {}
    for x, y in zip(found, true, strict=True):
        groups.setdefault(x, Counter())[y] += 1
    return sum(max(counts.values()) for counts in groups.values()) / len(true)


def named(found: Sequence[Theme], labels: Sequence[str]) -> float:
    """Share of messages in themes whose name has a word of the message's label."""
    hits = told = 0
    for theme in found:
        said = {text.stem(word) for word in text.words(theme.name)}
        for i in theme.places:
            words = {text.stem(word) for word in text.words(labels[i].replace("_", " ").replace("-", " "))}
            hits, told = hits + bool(said & words), told + 1
    return hits / max(1, told)


def by_words(messages: Sequence[str], groups: int) -> list[int]:
    """k-means of TF-IDF."""
    said = [Counter(text.stem(w) for w in text.words(m) if w not in text.STOP_WORDS) for m in messages]
    seen = Counter(word for one in said for word in one)
    columns = {word: i for i, (word, n) in enumerate(seen.most_common(3000)) if n > 1}
    rows = np.zeros((len(messages), len(columns) + 1), np.float32)
    for row, one in zip(rows, said, strict=True):
        row[-1] = 0.05
        for word, n in one.items():
            if word in columns:
                row[columns[word]] = n * log(len(messages) / seen[word])
    rows = unit(rows)
    centres = kmeans(rows, groups, np.random.default_rng(1))
    return [int(i) for i in (rows @ centres.T).argmax(axis=1)]


def measured(folder: Path) -> tuple[Figures, str]:
    engine = encoder()
    if engine is None:
        sys.exit("The sentence encoder was not built into this installation; see docs/decisions.")
    rows, scores, names = [], [], []
    figures: Figures = {"score": None}
    for name, parts in read(folder).items():
        collection = name or folder.name
        every = [pair for kind, part in parts.items() if not kind.startswith("few_") for pair in part]
        pairs = [pair for pair in distinct(every) if not is_foreign(pair[1])]
        random.Random(1).shuffle(pairs)
        messages, labels = [p[0] for p in pairs[:MOST]], [p[1] for p in pairs[:MOST]]
        if len(set(labels)) < 2:
            continue
        began = time.process_time()
        found = themes(messages, engine)
        spent = time.process_time() - began
        place = {i: number for number, theme in enumerate(found) for i in theme.places}
        ours = [place.get(i, -1 - i) for i in range(len(messages))]
        ways = {
            "Parley": ours,
            "word counts": by_words(messages, max(2, len(found))),
            "all in one": [0] * len(messages),
        }
        for way, groups in ways.items():
            told = [mutual_information(groups, labels), adjusted_rand(groups, labels), purity(groups, labels)]
            rows.append([collection, way, *(round(x, 3) for x in told), len(set(groups)), len(set(labels))])
            keys = (f"{collection}, {way}: {key}" for key in ("NMI", "adjusted Rand", "purity"))
            figures |= dict(zip(keys, (round(x, 4) for x in told), strict=True))
        figures |= {f"{collection}: themes": len(found), f"{collection}: labels": len(set(labels))}
        figures[f"{collection}: named"] = round(named(found, labels), 4)
        figures[f"{collection}: processor seconds"] = round(spent, 1)
        scores.append(mutual_information(ours, labels))
        names.append(f"{collection}: " + "; ".join(theme.name for theme in found[:12]))
    if not scores:
        sys.exit(f"{folder} holds no labelled messages in a form that _labelled.py reads.")
    figures["score"] = round(sum(scores) / len(scores), 4)
    heads = ["", "way", "NMI", "adjusted Rand", "purity", "groups", "labels"]
    return figures, "\n".join([table(heads, rows), "", "Largest themes by name:", *names])


if __name__ == "__main__":
    run(__doc__ or "", measured)
