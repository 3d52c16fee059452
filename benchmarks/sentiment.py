"""Does the desk tell happy messages from unhappy ones?

DIR has labelled texts: JSON lines or CSV with `text` and `label` (or `sentiment`), gzipped or not; a label is 1 or 0,
or positive, negative or neutral, in any capitals. Product reviews (`*.txt`: `feature[+2]##sentence`) and aspects in the
SemEval form (`*.xml`) count as well: sentences of which everything is said in the same mood. Files named …test… are
asked and the others learnt from; where there are no such files, all are asked, learnt from in five folds.

from examples: told by the examples Parley comes with (`parley.ai.sentiment`), with nothing learnt here. from labels:
learnt from the others' labels. by words: a count of good and bad words. Where no text is neutral, the better of the two
moods is taken, however weak; of a text that names no mood at all, the mood that most have.
"""

import csv
import gzip
import io
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from _measure import Figures, run, table
from aspects import reviews_of, sentences_of

from parley.ai import sentiment
from parley.ai.encoder import Encoder, encoder
from parley.ai.sentiment import NAMES, Mood

FOLDS = 5
MOODS = {"1": "positive", "0": "negative", "-1": "negative"} | {name: name for name in NAMES} | {
    "pos": "positive", "neg": "negative", "neu": "neutral"
}  # fmt: skip

Pair = tuple[str, str]


def labelled_in(folder: Path) -> tuple[list[Pair], list[Pair]]:
    """(learnt from, asked)."""
    rest, asked = list[Pair](), list[Pair]()
    for file in sorted(folder.iterdir()):
        form = Path(file.name.removesuffix(".gz")).suffix
        if form in (".txt", ".xml") and "readme" not in file.name.lower():
            into = asked if "test" in file.name.lower() else rest
            into += _of_aspects(file, form)
        if form in (".jsonl", ".csv"):
            into = asked if "test" in file.name else rest
            into += [pair for row in _rows(file, form) if (pair := _pair(row))]
    return rest, asked


def _of_aspects(file: Path, form: str) -> list[Pair]:
    """Sentences that say all they say in one mood."""
    moods: dict[str, set[str]] = {}
    for row in reviews_of(file, 0) if form == ".txt" else sentences_of(file):
        moods.setdefault(row.mention.text.strip(), set()).add(row.polarity)
    return [(text, said.pop()) for text, said in moods.items() if len(said) == 1]


def _rows(file: Path, form: str) -> list[dict[str, Any]]:
    raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    if form == ".csv":
        return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig", "replace"))))
    return [msgspec.json.decode(line) for line in raw.split(b"\n") if line.strip()]


def _pair(row: dict[str, Any]) -> Pair | None:
    label = next((row[name] for name in ("label", "sentiment", "airline_sentiment") if row.get(name) is not None), "")
    mood = MOODS.get(str(label).strip().lower())
    return (str(row["text"]), mood) if mood and row.get("text") else None


def measured(folder: Path) -> tuple[Figures, str]:
    rest, asked = labelled_in(folder)
    if not rest and not asked:
        told = f"{folder} has no texts with labels in .jsonl or .csv"
        return {"skipped": told, "score": None}, told
    folds = [(rest, asked)] if rest and asked else _folds(asked or rest)
    everything = [pair for _, some in folds for pair in some]
    texts, wanted = [text for text, _ in everything], [mood for _, mood in everything]
    moods = sorted(set(wanted), key=NAMES.index)
    began = time.process_time()
    seen = {"from examples": judged(_said(sentiment.reader().moods(texts), moods, wanted), wanted)}
    ms = 1000 * (time.process_time() - began) / len(texts)
    learnt = [_learnt(known, some, moods) for known, some in folds]
    seen["from labels"] = judged([name for some in learnt for name in some], wanted)
    seen["by words"] = judged(_said(sentiment.ByWords().moods(texts), moods, wanted), wanted)
    return _figures(seen, wanted, ms), _table(seen, moods)


def _folds(rows: Sequence[Pair]) -> list[tuple[list[Pair], list[Pair]]]:
    order = np.random.default_rng(1).permutation(len(rows))
    shuffled = [rows[place] for place in order]
    return [
        ([row for i, row in enumerate(shuffled) if i % FOLDS != fold], shuffled[fold::FOLDS]) for fold in range(FOLDS)
    ]


class Remembering:
    """An encoder that reads every text once, however many folds it is in."""

    def __init__(self, inside: Encoder) -> None:
        self.name, self.width, self._inside = inside.name, inside.width, inside
        self._layers: dict[str, Any] = {}
        self._vectors: dict[str, Any] = {}

    def layers(self, texts: Sequence[str]) -> Any:
        return self._read(self._layers, self._inside.layers, texts)

    def vectors(self, texts: Sequence[str]) -> Any:
        return self._read(self._vectors, self._inside.vectors, texts)

    def _read(self, known: dict[str, Any], ask: Callable[[Sequence[str]], Any], texts: Sequence[str]) -> Any:
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            known |= zip(new, ask(new), strict=True)
        return np.stack([known[text] for text in texts]) if texts else ask([])


@cache
def _reading() -> Remembering | None:
    found = encoder()
    return Remembering(found) if found else None


def _learnt(known: Sequence[Pair], asked: Sequence[Pair], moods: Sequence[str]) -> list[str]:
    made = sentiment.learnt(known, _reading())
    return _said(made.moods([text for text, _ in asked]), moods, [mood for _, mood in known])


def _said(found: Sequence[Mood], moods: Sequence[str], most: Sequence[str]) -> list[str]:
    """The names of moods; where there are only two, of the likelier one."""
    if "neutral" in moods:
        return [one.name for one in found]
    usual = max(moods, key=most.count)
    return ["positive" if one.score > 0 else "negative" if one.score < 0 else usual for one in found]


def judged(said: Sequence[str], wanted: Sequence[str]) -> dict[str, float]:
    """Accuracy, macro-F1 and the recall of every mood."""
    told, true = np.array(said), np.array(wanted)
    found: dict[str, float] = {"accuracy": float((told == true).mean())}
    f1 = []
    for mood in sorted(set(wanted)):
        hit = float(((told == mood) & (true == mood)).sum())
        f1.append(2 * hit / max(float((told == mood).sum() + (true == mood).sum()), 1.0))
        found[f"{mood} recall"] = hit / float((true == mood).sum())
    return {**found, "macro_f1": float(np.mean(f1))}


def _figures(seen: dict[str, dict[str, float]], wanted: Sequence[str], ms: float) -> Figures:
    figures: Figures = {"test": "sentiment", "score": round(seen["from labels"]["accuracy"], 4)}
    for how, found in seen.items():
        figures |= {f"{how.replace(' ', '_')}_{name.replace(' ', '_')}": round(v, 4) for name, v in found.items()}
    return figures | {"processor_ms_a_text": round(ms, 2), "asked": len(wanted)}


def _table(seen: dict[str, dict[str, float]], moods: Sequence[str]) -> str:
    names = ["accuracy", "macro_f1", *(f"{mood} recall" for mood in moods)]
    rows = [[how, *(found[name] for name in names)] for how, found in seen.items()]
    return table(["", *names], rows)


if __name__ == "__main__":
    run(__doc__ or "", measured)
