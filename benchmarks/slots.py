"""Does the desk find what a booking names: how many people, date, time, first and last name?

DIR has JSON lists, gzipped or not, of {userInput.text, context.requestedSlots, labels[{slot, valueSpan}]}. Files named
…test… are asked, all where there are none; nothing is learnt from either (`parley.ai.entities` goes by form).

right: the slot with its text, whatever stands at its ends of punctuation; F1 over all of them. Beside: the first
number for people, digits with a colon or am and pm for the time, digits with slashes or a weekday for the date, and two
capitalised words for the name.
"""

import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from _measure import Figures, run, table

from parley.ai.entities import entities

SLOTS = ("people", "date", "time", "first_name", "last_name")
PLAIN = (
    ("time", re.compile(r"\b\d{1,2}(?::\d\d)?\s*[ap]m\b|\b\d{1,2}:\d\d\b", re.I)),
    ("date", re.compile(r"\b\d{1,4}[/-]\d{1,2}[/-]\d{1,4}\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b", re.I)),
    ("people", re.compile(r"\b\d{1,2}\b")),
)
PLAIN_NAME = re.compile(r"\b([A-Z][a-z]+) ([A-Z][a-z]+)\b")

Found = Counter[tuple[str, str]]


class Turn(NamedTuple):
    said: str
    asked: tuple[str, ...]
    wanted: Found


def turns_in(folder: Path) -> list[Turn]:
    files = [file for file in sorted(folder.iterdir()) if file.name.removesuffix(".gz").endswith(".json")]
    tests = [file for file in files if "test" in file.name]
    return [turn for file in tests or files for turn in _turns(file)]


def _turns(file: Path) -> Iterator[Turn]:
    raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    rows = json.loads(raw)
    for row in rows if isinstance(rows, list) else []:
        said = str(row["userInput"]["text"])
        wanted: Found = Counter()
        for label in row.get("labels") or []:
            span = label["valueSpan"]
            wanted[label["slot"], trimmed(said[span.get("startIndex", 0) : span["endIndex"]])] += 1
        yield Turn(said, tuple((row.get("context") or {}).get("requestedSlots") or ()), wanted)


def trimmed(said: str) -> str:
    return " ".join(said.lower().split()).strip(" .,;:!?'\"")


def ours(turn: Turn) -> Found:
    found = entities(turn.said, turn.asked)
    return Counter((one.kind, trimmed(one.text)) for one in found if one.kind in SLOTS)


def plain(turn: Turn) -> Found:
    found: Found = Counter()
    rest = turn.said
    for slot, pattern in PLAIN:
        if one := pattern.search(rest):
            found[slot, trimmed(one[0])] += 1
            rest = rest[: one.start()] + " " + rest[one.end() :]
    if name := PLAIN_NAME.search(rest):
        found["first_name", trimmed(name[1])] += 1
        found["last_name", trimmed(name[2])] += 1
    return found


def measured(folder: Path) -> tuple[Figures, str]:
    turns = turns_in(folder)
    if not turns:
        told = f"{folder} has no .json lists of turns with userInput and labels"
        return {"skipped": told, "score": None}, told
    began = time.process_time()
    seen = {"by form": judged(turns, ours)}
    ms = 1000 * (time.process_time() - began) / len(turns)
    seen["plain patterns"] = judged(turns, plain)
    figures: Figures = {"test": "slots", "score": seen["by form"]["all"]}
    for how, found in seen.items():
        figures |= {f"{how.replace(' ', '_')}_{name}": value for name, value in found.items()}
    rows = [[how, *(found[name] for name in ("all", *SLOTS))] for how, found in seen.items()]
    return figures | {"turns": len(turns), "ms_a_turn": round(ms, 3)}, table(["F1", "all", *SLOTS], rows)


def judged(turns: Sequence[Turn], reads: Callable[[Turn], Found]) -> dict[str, float]:
    """F1 of every slot and of all."""
    hits, said, wanted = Counter[str](), Counter[str](), Counter[str]()
    for turn in turns:
        found = reads(turn)
        for tally, pairs in ((hits, found & turn.wanted), (said, found), (wanted, turn.wanted)):
            for (slot, _), count in pairs.items():
                tally.update({slot: count, "all": count})
    return {name: _f1(hits[name], said[name], wanted[name]) for name in ("all", *SLOTS)}


def _f1(hits: int, said: int, wanted: int) -> float:
    return round(2 * hits / (said + wanted), 4) if said + wanted else 0.0


if __name__ == "__main__":
    run(__doc__ or "", measured)
