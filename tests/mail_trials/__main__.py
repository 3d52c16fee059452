"""Runs the mail channel's trials and prints what came of each; ends with an error unless every score is 1."""

import argparse
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mail_trials import (
    attacks,
    fetching,
    fetching_killed,
    guessing,
    painting,
    pretending,
    signing_in,
    tracking,
    two_desks,
)

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def scripts(part: float, folder: Path | None) -> dict[str, Any]:
    """S7 over the vectors of a folder: what benchmarks/html_sanitise.py measures in Chromium, on a share of them."""
    if folder is None or not (folder / "vectors.jsonl").exists():
        return {"trial": "S7", "score": None, "skipped": "Name a folder with vectors.jsonl: --data FOLDER."}
    sys.path.insert(0, str(BENCHMARKS))
    figures, _ = importlib.import_module("html_sanitise").measured(folder, max(1, round(1 / part)))
    return {"trial": "S7", **figures}


# name → (run, how much in the long form, what that is)
TRIALS: dict[str, tuple[Callable[[Any, int], dict[str, Any]], float, str]] = {
    "R9": (lambda mails, seed: fetching.trial(int(mails), max(10, int(mails) // 25), seed), 5000, "mails"),
    "R9-kills": (lambda mails, seed: fetching_killed.trial(int(mails), max(4, int(mails) // 25), seed), 5000, "mails"),
    "S1": (attacks.guesses, 1_000_000, "guesses"),
    "S1-smtp": (guessing.trial, 20_000, "mails"),
    "S2": (pretending.borrowed, 1000, "mails"),
    "S3": (signing_in.trial, 210, "mails"),
    "S4": (attacks.flood, 10_000, "forged mails"),
    "S5": (pretending.as_agents, 1000, "mails"),
    "S6": (tracking.opened, 300, "mails"),
    "S8": (painting.trial, 24, "mails that paint"),
    "S15": (attacks.bombs, 10, "times the table"),
    "S18": (attacks.loops, 1000, "automatic mails"),
    "S18-desks": (two_desks.trial, 60, "days"),
    "S31": (attacks.smuggling, 1, "all variants"),
    "S32": (attacks.headers, 10_000, "mails"),
}


def _run(name: str, part: float, seed: int) -> dict[str, Any]:
    run, size, _ = TRIALS[name]
    return run(size * part if name == "S15" else max(1, int(size * part)), seed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/mail-trials", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("trials", nargs="*", choices=[*TRIALS, "S7", []], help="which; all when left out")
    parser.add_argument("--part", type=float, default=1.0, help="of the long form, such as 0.01")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="for S7: a folder with vectors.jsonl, as of html_sanitise.py")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each")
    given = parser.parse_args()
    worst = 1.0
    for name in given.trials or [*TRIALS, "S7"]:
        figures = scripts(given.part, given.data) if name == "S7" else _run(name, given.part, given.seed)
        worst = min(worst, 1.0 if figures["score"] is None else figures["score"])
        print(json.dumps(figures) if given.json else "  ".join(f"{key}: {value}" for key, value in figures.items()))
    return 0 if worst == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
