"""What `parley assess` costs, and whether it finds the routine that is in a made mailbox.

N mails of a made mailbox (tests/harness/mailboxes.py), written as an mbox, are assessed with report and setup: mails a
second while reading and in all, seconds, most memory, and the share that old answers fit beside the share that was made
so. --picture FILE keeps the report's beginning as Chromium draws it. score: mails a second in all.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from _measure import table

from harness.mailboxes import as_mbox, made
from parley.assess.catalogue import figure
from parley.assess.run import study_of, write

MAILS_EACH = 2.24  # mails of a made conversation on average


def make(mails: int, path: Path) -> tuple[int, float]:
    """How many mails were written, and the share of answered conversations that got a standing answer."""
    box = made(int(mails / MAILS_EACH))
    as_mbox(box, path)
    return len(box.mails), box.routine / max(1, box.conversations - box.unanswered)


def cost(mails: int, folder: Path) -> dict[str, Any]:
    """Seconds and memory of one whole assessment."""
    box = folder / "made.mbox"
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:  # so that its memory is not counted
        whole, expected = apart.submit(make, mails, box).result()
    began = time.perf_counter()
    study = study_of([box], (), "UTC", lambda what, done, of: None)
    read = time.perf_counter() - began
    write(study, [str(box)], folder / "report.html")
    took = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    routine = figure(study, "routine")
    return {
        "mails": whole, "read_seconds": round(read, 1), "read_mails_per_second": round(whole / read),
        "seconds": round(took, 1), "memory_mb": round(memory),
        "routine": routine.value, "routine_interval": routine.interval, "routine_made": round(expected, 3),
        "score": round(whole / took, 1),
    }  # fmt: skip


def picture(report: Path, target: Path) -> None:
    """The report's beginning as Chromium draws it."""
    from playwright.sync_api import sync_playwright

    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        page = browser.new_page(viewport={"width": 1200, "height": 1180}, color_scheme="light")
        page.goto(report.as_uri())
        page.screenshot(path=target)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mails", type=int, default=10_000)
    parser.add_argument("--picture", type=Path, help="write a picture of the report's beginning here")
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = cost(asked.mails, Path(folder))
        if asked.picture:
            picture(Path(folder) / "report.html", asked.picture)
    if not asked.json:
        print(table(["figure", "value"], figures.items()))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
