"""Are articles that contradict each other found, and those that only look alike left alone?

FILE has a pair of short articles a line: `a` and `b` with title and body, `contradict`, what it is `about`, and its
`part`: rules were tried out on `dev`, and only `held` counts for the score (F1). Each pair is looked at on its own;
then all articles are put into one knowledge base, where every pair that was not planted is a false alarm. Whoever wrote
the rules wrote the pairs, too: the score tells that the rules do what they should, not how often real articles differ.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from _measure import Figures, rows_of, table

from parley.ai.contradictions import Clash, Page, clashes
from parley.ai.encoder import encoder

FILE = Path(__file__).with_suffix(".jsonl")


class Pair(NamedTuple):
    part: str
    contradict: bool
    about: str
    pages: tuple[Page, Page]


def pairs_in(file: Path) -> list[Pair]:
    found = []
    for n, row in enumerate(rows_of(file)):
        pages = [Page(2 * n + k, None, row[side]["title"], row[side]["body"]) for k, side in enumerate("ab")]
        found.append(Pair(row["part"], row["contradict"], row["about"], (pages[0], pages[1])))
    return found


def told(pairs: Sequence[Pair], flagged: Sequence[bool]) -> dict[str, float]:
    hits = sum(pair.contradict and flag for pair, flag in zip(pairs, flagged, strict=True))
    wanted, said = sum(pair.contradict for pair in pairs), sum(flagged)
    precision, recall = hits / said if said else 0.0, hits / wanted if wanted else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"pairs": len(pairs), "precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}


def measured(file: Path) -> tuple[Figures, str]:
    reads = encoder()
    if reads is None:
        said = "the sentence encoder is not installed"
        return {"skipped": said, "score": None}, said
    pairs = pairs_in(file)
    flagged = [bool(clashes(pair.pages, reads.vectors)) for pair in pairs]
    figures: Figures = {"test": "contradictions"}
    rows: list[list[Any]] = []
    for part in ("dev", "held"):
        own = [n for n, pair in enumerate(pairs) if pair.part == part]
        found = told([pairs[n] for n in own], [flagged[n] for n in own])
        figures |= {f"{part}_{name}": value for name, value in found.items()}
        rows.append([part, *found.values()])
    together = clashes([page for pair in pairs for page in pair.pages], reads.vectors)
    planted = [clash for clash in together if _pair(clash) is not None and pairs[_pair(clash) or 0].contradict]
    figures |= {"together_found": len(together), "together_planted": len({_pair(one) for one in planted})}
    wrong = [f"{p.part}: {p.about}" for p, flag in zip(pairs, flagged, strict=True) if p.contradict != flag]
    lines = [table(["part", "pairs", "precision", "recall", "f1"], rows), ""]
    lines += ["Judged wrongly: " + ("; ".join(wrong) or "none")]
    lines += [f"All in one knowledge base: {len(together)} pairs found, {len(planted)} of them planted."]
    lines += [f"  {one.first.words} | {one.second.words} ({one.kind})" for one in together if one not in planted]
    figures["score"] = figures["held_f1"]
    return figures, "\n".join(lines)


def _pair(clash: Clash) -> int | None:
    a, b = clash.first.page.id // 2, clash.second.page.id // 2
    return a if a == b else None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?", default=FILE, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    asked = parser.parse_args()
    figures, text = measured(asked.file)
    if not asked.json:
        print(text)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
