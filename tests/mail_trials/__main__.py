"""Runs the mail channel's trials and prints what came of each; ends with an error unless every score is 1."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from mail_trials import attacks, fetching, fetching_killed, guessing, painting, tracking, two_desks

# name → (run, how much in the long form, what that is)
TRIALS: dict[str, tuple[Callable[[Any, int], dict[str, Any]], float, str]] = {
    "R9": (lambda mails, seed: fetching.trial(int(mails), max(10, int(mails) // 25), seed), 5000, "mails"),
    "R9-kills": (lambda mails, seed: fetching_killed.trial(int(mails), max(4, int(mails) // 25), seed), 5000, "mails"),
    "S1": (attacks.guesses, 1_000_000, "guesses"),
    "S1-smtp": (guessing.trial, 20_000, "mails"),
    "S4": (attacks.flood, 10_000, "forged mails"),
    "S6": (tracking.opened, 300, "mails"),
    "S8": (painting.trial, 24, "mails that paint"),
    "S15": (attacks.bombs, 10, "times the table"),
    "S18": (attacks.loops, 1000, "automatic mails"),
    "S18-desks": (two_desks.trial, 60, "days"),
    "S31": (attacks.smuggling, 1, "all variants"),
    "S32": (attacks.headers, 10_000, "mails"),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/mail-trials", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("trials", nargs="*", choices=[*TRIALS, []], help="which; all when left out")
    parser.add_argument("--part", type=float, default=1.0, help="of the long form, such as 0.01")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="a line of JSON for each")
    given = parser.parse_args()
    worst = 1.0
    for name in given.trials or TRIALS:
        run, size, _ = TRIALS[name]
        amount = size * given.part
        figures = run(amount if name == "S15" else max(1, int(amount)), given.seed)
        worst = min(worst, figures["score"])
        print(json.dumps(figures) if given.json else "  ".join(f"{key}: {value}" for key, value in figures.items()))
    return 0 if worst == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
