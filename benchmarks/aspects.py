"""Is it told what is said about each thing in a sentence that speaks of several?

DIR has aspect terms or categories in the SemEval form (`*.xml`, may be gzipped: train, and test or else val), or
product reviews (`*.txt`: `feature[+2]##sentence`). Without a file called train, and for product reviews, everything is
asked in turn of what was learnt from the rest (five parts by sentence; product reviews product by product).

accuracy and macro-F1 over negative, neutral, positive (product reviews: negative and positive). Beside it: the whole
sentence's opinion for each of its things, from the same vectors and the same net; as the desk tells it, with nothing
learnt (`parley.ai.remarks`; what it leaves open is neutral, and so wrong where there is no neutral); and always the
most frequent answer.
score: accuracy, mean over the tasks of the folder.
"""

import gzip
import re
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from _measure import Figures, run, table

from parley.ai import sentiment
from parley.ai.aspects import POLARITIES, AspectReader, Mention, clause_of, placed
from parley.ai.encoder import Encoder, encoder
from parley.ai.remarks import judged

PARTS = 5


class Labelled(NamedTuple):
    mention: Mention
    polarity: str
    group: int


class Task(NamedTuple):
    """learn and ask; where both are the same list, group by group in turn."""

    name: str
    learn: list[Labelled]
    ask: list[Labelled]


# ── reading ─────────────────────────────────────────────────────────────────────────────────


def tasks_of(folder: Path) -> list[Task]:
    files = sorted(folder.iterdir())
    forms = [f for f in files if f.name.removesuffix(".gz").endswith(".xml")]
    found = [_semeval(kind, forms) for kind in sorted({f.name.split("_")[0] for f in forms})]
    reviews = [f for f in files if f.name.removesuffix(".gz").endswith(".txt") and "readme" not in f.name.lower()]
    if reviews:
        rows = [row for number, file in enumerate(reviews) for row in reviews_of(file, number)]
        found.append(Task("product features", rows, rows))
    if not found:
        sys.exit(f"{folder} holds neither *.xml in the SemEval form nor reviews in *.txt.")
    return found


def _text(file: Path) -> str:
    raw = file.read_bytes()
    return (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode("utf-8", "replace")


def _semeval(kind: str, files: Sequence[Path]) -> Task:
    own = [f for f in files if f.name.split("_")[0] == kind]
    train = [row for f in own if "train" in f.name.lower() for row in sentences_of(f)]
    asked = [f for f in own if "test" in f.name.lower()] or [f for f in own if "train" not in f.name.lower()] or own
    rows = [row for f in asked for row in sentences_of(f)]
    return Task(kind, train, rows) if train and rows != train else Task(kind, rows, rows)


def sentences_of(file: Path) -> list[Labelled]:
    found = []
    for sentence in ET.fromstring(_text(file)).iter("sentence"):
        text = sentence.findtext("text") or ""
        group = crc32(text.encode()) % PARTS
        for one in sentence.iter("aspectTerm"):
            mention = Mention(text, int(one.get("from", 0)), int(one.get("to", 0)))
            found.append(Labelled(mention, one.get("polarity", ""), group))
        for one in sentence.iter("aspectCategory"):
            found.append(Labelled(Mention(text, name=one.get("category", "")), one.get("polarity", ""), group))
    return [row for row in found if row.polarity in POLARITIES]


def reviews_of(file: Path, number: int) -> list[Labelled]:
    """Features that stand in their sentence, with the sign of their strength."""
    found = []
    for line in _text(file).splitlines():
        told, mark, sentence = line.partition("##")
        for name, sign in re.findall(r"([^,\[\]]+)\[([+-])\d?\]", told) if mark else []:
            place = sentence.lower().find(name.strip().lower())
            if place >= 0:
                mention = Mention(sentence, place, place + len(name.strip()))
                found.append(Labelled(mention, "positive" if sign == "+" else "negative", number))
    return found


# ── asking ──────────────────────────────────────────────────────────────────────────────────


def told(task: Task, engine: Encoder, whole: bool) -> list[str]:
    """The polarity of each asked mention, from its own place or from the whole sentence."""

    def seen(row: Labelled) -> Mention:
        return Mention(row.mention.text, 0, len(row.mention.text)) if whole else row.mention

    if task.learn is not task.ask:
        reader = AspectReader.learn([seen(r) for r in task.learn], [r.polarity for r in task.learn], engine)
        return [opinion.polarity for opinion in reader.read([seen(r) for r in task.ask])]
    found: dict[int, str] = {}
    for group in sorted({row.group for row in task.ask}):
        rest = [row for row in task.learn if row.group != group]
        reader = AspectReader.learn([seen(r) for r in rest], [r.polarity for r in rest], engine)
        places = [i for i, row in enumerate(task.ask) if row.group == group]
        opinions = reader.read([seen(task.ask[i]) for i in places])
        found |= {i: opinion.polarity for i, opinion in zip(places, opinions, strict=True)}
    return [found[i] for i in range(len(task.ask))]


def untaught(task: Task, engine: Encoder) -> list[str]:
    """As the desk tells it: from the clause, by words and by the meaning of Parley's own examples."""
    parts = [clause_of(one) for one in placed([row.mention for row in task.ask], engine)]
    moods = sentiment.reader().moods(parts)
    return [POLARITIES[1 + judged(part, "en", mood.score)[0]] for part, mood in zip(parts, moods, strict=True)]


def accuracy(said: Sequence[str], true: Sequence[str]) -> float:
    return sum(a == b for a, b in zip(said, true, strict=True)) / len(true)


def macro_f1(said: Sequence[str], true: Sequence[str]) -> float:
    found = []
    for kind in sorted(set(true)):
        hits = sum(a == b == kind for a, b in zip(said, true, strict=True))
        found.append(2 * hits / (said.count(kind) + true.count(kind)))
    return sum(found) / len(found)


def measured(folder: Path) -> tuple[Figures, str]:
    engine = encoder()
    if engine is None:
        sys.exit("The sentence encoder was not built into this installation; see docs/decisions.")
    figures: Figures = {"score": 0.0}
    rows, scores = [], []
    for task in tasks_of(folder):
        true = [row.polarity for row in task.ask]
        often = Counter(row.polarity for row in task.learn).most_common(1)[0][0]
        ways = {
            "Parley": told(task, engine, whole=False),
            "whole sentence": told(task, engine, whole=True),
            "nothing learnt": untaught(task, engine),
            "most frequent": [often] * len(true),
        }
        for way, said in ways.items():
            right, f1 = round(accuracy(said, true), 4), round(macro_f1(said, true), 4)
            rows.append([task.name, way, right, f1, len(task.learn), len(true)])
            figures |= {f"{task.name}, {way}: accuracy": right, f"{task.name}, {way}: macro-F1": f1}
        scores.append(accuracy(ways["Parley"], true))
    figures["score"] = round(sum(scores) / len(scores), 4)
    return figures, table(["", "way", "accuracy", "macro-F1", "learnt from", "asked"], rows)


if __name__ == "__main__":
    run(__doc__ or "", measured)
