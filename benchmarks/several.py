"""Does the bot see that one message asks two things, and which two?

DIR holds labelled messages of one thing each (banking77, clinc150; _labelled.py tells the forms). Two held-out ones of
different intents become one message, joined in one of six ways; the intents are learnt from the others. Beside the
parts stand the surest intent of the whole message, its two surest, and the two messages themselves (`known_parts`: what
perfect splitting would give). `both`: both intents named and
no third. `single` messages, of one thing, must not fall apart: how many stay whole.
"""

import argparse
import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _labelled import Pair, collections, distinct, is_foreign

from parley.ai.classifier import train
from parley.ai.clauses import split
from parley.ai.encoder import encoder

JOINTS = ("{a}. {b}", "{a}, and {b}", "{a} and also {b}", "{a}? Also, {b}", "{a}\n\n{b}", "{a} and {b}")
LEARNT_OF_EACH = 20


@dataclass(frozen=True)
class Made:
    """One message of two, the two, and what they ask for."""

    message: str
    texts: tuple[str, str]
    names: set[str]


def composed(held: list[Pair], count: int, draw: random.Random) -> list[Made]:
    """Pairs of messages as one, in turn with each joint."""
    found: list[Made] = []
    while len(found) < count:
        (a, one), (b, two) = draw.sample(held, 2)
        if one != two:
            joint = JOINTS[len(found) % len(JOINTS)]
            first = a.rstrip(" .?!") if "{a}." in joint or "{a}?" in joint or "{a}," in joint else a
            found.append(Made(joint.format(a=first, b=b[:1].lower() + b[1:]), (a, b), {one, two}))
    return found


def figures(said: list[set[str]], meant: list[set[str]]) -> dict[str, float]:
    both = sum(a == b for a, b in zip(said, meant, strict=True)) / len(meant)
    hits = sum(len(a & b) for a, b in zip(said, meant, strict=True))
    precision, recall = hits / max(1, sum(map(len, said))), hits / sum(map(len, meant))
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return {"both": round(both, 4), "precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}


def measured(pairs: list[Pair], count: int, seed: int) -> dict[str, Any]:
    draw = random.Random(seed)
    known = [pair for pair in pairs if not is_foreign(pair[1])]
    draw.shuffle(known)
    held, rest = known[: len(known) // 5], known[len(known) // 5 :]
    taught: dict[str, list[str]] = {}
    for text, name in rest:
        if len(taught.setdefault(name, [])) < LEARNT_OF_EACH:
            taught[name].append(text)
    asked = train([(text, name) for name, texts in taught.items() for text in texts], encoder(), seed=seed)
    messages = composed(held, count, draw)
    meant = [one.names for one in messages]
    whole = asked.guesses([one.message for one in messages], 2)
    ceiling = [{guess.name for guess in asked.guesses(list(one.texts))} for one in messages]
    began = time.perf_counter()
    parts = [split(one.message) for one in messages]
    took = (time.perf_counter() - began) / len(messages)
    singles = draw.sample(held, min(500, len(held)))
    by_joint = {}
    for place, joint in enumerate(JOINTS):
        mine = parts[place :: len(JOINTS)]
        by_joint[joint] = round(sum(len(one) == 2 for one in mine) / len(mine), 3)
    return {
        "n": len(messages),
        "parts": figures([{guess.name for guess in asked.guesses(texts)} for texts in parts], meant),
        "known_parts": figures(ceiling, meant),
        "whole": figures([{guess.name} for guess in whole], meant),
        "two_surest": figures([{name for name, _ in guess.ranked[:2]} for guess in whole], meant),
        "in_two": round(sum(len(one) == 2 for one in parts) / len(parts), 4),
        "in_two_by_joint": by_joint,
        "single_whole": round(sum(len(split(text)) == 1 for text, _ in singles) / len(singles), 4),
        "split_ms": round(1000 * took, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found: dict[str, Any] = {}
    for one in collections(args.folder, None, None):
        name = one.name or args.folder.resolve().name
        found[name] = measured(distinct([*one.train, *one.valid]), args.count, args.seed)
    found["score"] = round(sum(one["parts"]["f1"] for one in found.values()) / max(1, len(found)), 4)
    print(json.dumps(found, indent=None if args.json else 2))


if __name__ == "__main__":
    main()
