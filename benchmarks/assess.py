"""What `parley assess` costs, and whether its measure of routine tells same answers from others.

N mails of a made mailbox (tests/harness/mailboxes.py) are written as an mbox and assessed with report and setup:
mails a second while reading and in all, seconds, most memory. With --dialogues DIR (a folder with ABCD's
abcd_sample.json) two dialogues' agent sides of the same flow and of different ones are held against each other with the
replay's rule: how often it calls each the same answer. score: mails a second in all.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from _measure import table

from harness.mailboxes import as_mbox, made
from parley.ai.encoder import encoder
from parley.assess.catalogue import figure
from parley.assess.replay import SAME_MEANING, SAME_WORDS, overlap, said
from parley.assess.run import study_of, write

MAILS_EACH = 2.24  # mails of a made conversation on average


def cost(mails: int, folder: Path) -> dict[str, Any]:
    """Seconds and memory of one whole assessment."""
    made_box = made(int(mails / MAILS_EACH))
    box, whole = as_mbox(made_box, folder / "made.mbox"), len(made_box.mails)
    expected = made_box.routine / max(1, made_box.conversations - made_box.unanswered)
    del made_box
    began = time.perf_counter()
    study = study_of([box], (), "UTC", lambda what, done, of: None)
    read = time.perf_counter() - began
    write(study, [str(box)], folder / "report.html")
    took = time.perf_counter() - began
    used = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    routine = figure(study, "routine")
    return {
        "mails": whole, "read_seconds": round(read, 1), "read_mails_per_second": round(whole / read),
        "seconds": round(took, 1), "memory_mb": round(used[0]), "memory_mb_of_a_helper": round(used[1]),
        "routine": routine.value, "routine_interval": routine.interval, "routine_made": round(expected, 3),
        "score": round(whole / took, 1),
    }  # fmt: skip


def told_apart(folder: Path) -> dict[str, Any]:
    """Shares of pairs that the replay's rule calls the same answer."""
    reads = encoder()
    assert reads is not None, "the sentence encoder is not built"
    dialogues = json.loads((folder / "abcd_sample.json").read_text("utf-8"))
    flows = [one["scenario"]["subflow"] for one in dialogues]
    spoken = [" ".join(words for who, words in one["original"] if who == "agent")[:500] for one in dialogues]
    return _shares(flows, reads.vectors(spoken), [said(one) for one in spoken])


def _shares(flows: Sequence[str], vectors: Any, bags: Sequence[Any]) -> dict[str, Any]:
    counts = {True: [0, 0], False: [0, 0]}
    for a, b in combinations(range(len(flows)), 2):
        same = flows[a] == flows[b]
        counts[same][0] += vectors[a] @ vectors[b] >= SAME_MEANING and overlap(bags[a], bags[b]) >= SAME_WORDS
        counts[same][1] += 1
    return {
        f"called_same_of_{name}_flow": {"share": round(hits / n, 4) if n else None, "pairs": n}
        for name, (hits, n) in (("same", counts[True]), ("another", counts[False]))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mails", type=int, default=10_000)
    parser.add_argument("--dialogues", type=Path)
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = cost(asked.mails, Path(folder))
    if asked.dialogues:
        figures |= (
            told_apart(asked.dialogues) if asked.dialogues.is_dir() else {"skipped": f"{asked.dialogues} is not there"}
        )
    if not asked.json:
        print(table(["figure", "value"], figures.items()))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
