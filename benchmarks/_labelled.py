"""Labelled messages as the public collections publish them, sorted into what is learnt from and what is asked.

CSV (text, sentence or utterance; category, label or intent), tab-separated lines (label, text), JSON lines (text or
utterance; intent) and JSON of lists of [text, intent] by part; gzipped or not. A part is known by the file's name, in
JSON by the list's: …train…, …valid… or …dev…, …test… or …query…, and the lists of few examples, train_10, support5.
Files of one prefix (curekart_train, curekart_test) belong together.
"""

import csv
import gzip
import io
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOREIGN = {"oos", "out_of_scope", "no_nodes_detected", "none", ""}
TEXT = ("text", "sentence", "utterance", "query")
LABEL = ("intent", "label", "category")
FORMS = (".csv", ".tsv", ".jsonl", ".json")
PARTS = {"train": "train", "valid": "valid", "val": "valid", "dev": "valid", "test": "test", "query": "test"}
NAMED = re.compile(r"(?:^|[_-])(train|valid|val|dev|test|query|support)[_-]?(\d*)(?=[._-]|$)", re.IGNORECASE)

Pair = tuple[str, str]


def is_foreign(label: str) -> bool:
    return label.strip().lower() in FOREIGN


@dataclass
class Collection:
    """valid: labelled like train, but set aside by its publisher. inbox: messages whose labels are not looked at when
    learning; `unseen` are the same with their labels, to ask some of them instead."""

    name: str
    train: list[Pair] = field(default_factory=list)
    valid: list[Pair] = field(default_factory=list)
    test: list[Pair] = field(default_factory=list)
    inbox: list[str] = field(default_factory=list)
    unseen: list[Pair] = field(default_factory=list)


Parts = dict[str, list[Pair]]
"""By part: train, valid, test, labelled (no part is named), and few_5, few_10 …"""


def collections(learn: Path, ask: Path | None, shots: int | None, seed: int = 1) -> list[Collection]:
    """Those that have something to learn from. `test` is empty where nothing is there to be asked."""
    known = read(learn)
    asked = read(ask) if ask and ask.resolve() != learn.resolve() else {}
    if ask is None or not asked:
        made = [_collection(name, parts, parts.get("test", []) if ask else [], shots) for name, parts in known.items()]
    else:
        made = [_matched(name, parts, known, shots, learn.name) for name, parts in asked.items()]
    if shots:
        made = [_few(one, shots, seed) for one in made]
    return [one for one in made if one.train]


def _matched(name: str, parts: Parts, known: dict[str, Parts], shots: int | None, title: str) -> Collection:
    """Learnt from the collection of the same prefix, else from few examples beside what is asked, else from the only
    one there is. Without a part named test, everything labelled in the folder is asked."""
    labelled = [pair for part in ("labelled", "train", "valid") for pair in parts.get(part, [])]
    test = parts.get("test") or labelled
    few = {part: pairs for part, pairs in parts.items() if part.startswith("few_")}
    if name in known:
        source = known[name]
    elif few:
        source = few
    else:
        source = next(iter(known.values())) if len(known) == 1 else {}
    return _collection(name or title, source, test, shots)


def _collection(name: str, parts: Parts, test: list[Pair], shots: int | None) -> Collection:
    train = parts.get("train", []) + parts.get("labelled", [])
    valid = parts.get("valid", [])
    few = {int(part[4:] or 0): pairs for part, pairs in parts.items() if part.startswith("few_")}
    rest: list[Pair] = []
    if shots in few:
        rest = [pair for pair in train + valid if not is_foreign(pair[1])]
        train, valid = few[shots], []
    elif not train and not valid and few:
        train = few[max(few)]
    train, valid = distinct(train), distinct(valid)
    both = {_folded(text) for text, _ in train}
    valid = [pair for pair in valid if _folded(pair[0]) not in both]
    unseen = [pair for pair in distinct(rest) if _folded(pair[0]) not in both]
    return Collection(name, train, valid, test, [text for text, _ in unseen], unseen)


def _few(one: Collection, shots: int, seed: int) -> Collection:
    """So many examples of every intent; where no list of them was published, they are drawn. The rest is the inbox."""
    if one.inbox:
        return one
    rows = one.train + one.valid
    random.Random(seed).shuffle(rows)
    taken: dict[str, int] = defaultdict(int)
    few, rest = [], []
    for text, label in rows:
        taken[label] += 1
        if taken[label] <= shots and not is_foreign(label):
            few.append((text, label))
        elif not is_foreign(label):
            rest.append((text, label))
    return Collection(one.name, few, [], one.test, [text for text, _ in rest], rest)


def distinct(rows: Iterable[Pair]) -> list[Pair]:
    """One of each text, however it is spaced or capitalised: the first."""
    found: dict[str, Pair] = {}
    for text, label in rows:
        if text.strip():
            found.setdefault(_folded(text), (text, label))
    return list(found.values())


def _folded(text: str) -> str:
    return " ".join(text.lower().split())


# ── files ───────────────────────────────────────────────────────────────────────────────────────


def read(place: Path) -> dict[str, Parts]:
    """By prefix. place: a folder, or one file."""
    found: dict[str, Parts] = defaultdict(lambda: defaultdict(list))
    for file in files(place):
        prefix, part = named(file)
        for inner, text, label in rows(file):
            found[prefix][inner or part].append((text, label))
    return _lent({prefix: dict(parts) for prefix, parts in found.items()})


def _lent(found: dict[str, Parts]) -> dict[str, Parts]:
    """What is no collection of its own goes to those that are: lists of nothing but foreign messages to all of them,
    lists of few examples to the only one."""
    foreign = {name for name, parts in found.items() if all(is_foreign(label) for _, label in _all(parts))}
    few = {name for name, parts in found.items() if all(part.startswith("few_") for part in parts)}
    own = [name for name in found if name not in foreign | few]
    for name in own:
        for lender in foreign:
            found[name].setdefault("train", []).extend(_all(found[lender]))
        for lender in few if len(own) == 1 else ():
            found[name] |= found[lender]
    gone = (foreign if own else set()) | (few if len(own) == 1 else set())
    return {name: parts for name, parts in found.items() if name not in gone}


def _all(parts: Parts) -> list[Pair]:
    return [pair for pairs in parts.values() for pair in pairs]


def files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    return [file for file in sorted(place.iterdir()) if file.is_file() and _form(file) in FORMS]


def _form(file: Path) -> str:
    return Path(file.name.removesuffix(".gz")).suffix


def named(file: Path) -> tuple[str, str]:
    """(prefix, part)."""
    stem = file.name.partition(".")[0]
    found = NAMED.search(stem)
    if found is None:
        return stem.strip("_-"), "labelled"
    word, number = found[1].lower(), found[2]
    few = word == "support" or (word == "train" and number not in ("", "0"))
    return stem[: found.start()].strip("_-"), f"few_{number}" if few else PARTS[word]


def rows(file: Path) -> Iterator[tuple[str, str, str]]:
    """(part or "", text, label)."""
    raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    said, form = raw.decode("utf-8-sig", "replace"), _form(file)
    if form == ".json":
        yield from _of_json(json.loads(said))
    elif form == ".jsonl":
        for row in map(json.loads, filter(None, map(str.strip, said.split("\n")))):
            yield "", str(_first(row, TEXT)), str(_first(row, LABEL))
    elif form == ".csv":
        for row in csv.DictReader(io.StringIO(said)):
            yield "", _first(row, TEXT), _first(row, LABEL)
    else:
        for line in filter(None, said.split("\n")):
            label, tab, text = line.rstrip("\r").partition("\t")
            if tab:
                yield "", text, label


def _of_json(found: Any) -> Iterator[tuple[str, str, str]]:
    """Lists of [text, intent]; lists of names, and names of lists, are something else."""
    if not isinstance(found, dict):
        return
    for name, pairs in found.items():
        if isinstance(pairs, list) and pairs and isinstance(pairs[0], list) and len(pairs[0]) == 2:
            part = next((PARTS[word] for word in name.lower().split("_") if word in PARTS), "labelled")
            yield from ((part, text, label) for text, label in pairs)


def _first(row: dict[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), "")
