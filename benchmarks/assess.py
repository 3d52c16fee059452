"""What `parley assess` costs, and whether it finds the routine that is in a made mailbox.

N mails of a made mailbox (tests/harness/mailboxes.py), written as an mbox, are assessed with report and setup: mails a
second while reading and in all, seconds, most memory, and the share that old answers fit beside the share that was made
so. --picture FILE keeps the report's beginning as Chromium draws it. score: mails a second in all.

With DIR, a public corpus is assessed instead: a folder eml/ of mails becomes a maildir, and labelled requests
(*.csv.gz with `utterance` and `intent`) an export in the form of Zendesk's, one ticket each, in which every request of
an intent gets the same made answer: how much of that is found as routine is then known. --keep FOLDER keeps the report.
"""

import argparse
import csv
import gzip
import json
import mailbox
import random
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import msgspec
from _measure import table

from harness.mailboxes import START, as_mbox, made
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


# ── public corpora ──────────────────────────────────────────────────────────────────────────


def source_of(folder: Path, into: Path) -> Path:
    """What `parley assess` reads, made of a corpus."""
    if (folder / "eml").is_dir():
        box = mailbox.Maildir(into / "box", create=True)
        for file in sorted((folder / "eml").iterdir()):
            box.add(file.read_bytes())
        return into / "box"
    rows = [row for file in sorted(folder.glob("*.csv.gz")) for row in _requests(file)]
    if not rows:
        sys.exit(f"{folder} holds neither eml/ nor *.csv.gz with utterance and intent.")
    target = into / "tickets.json"
    target.write_bytes(msgspec.json.encode({"users": [{"id": 1, "role": "agent", "name": "Desk"}], "tickets": rows}))
    return target


def _requests(file: Path) -> list[dict[str, Any]]:
    """At most 3,000 of a file, spread over ten weeks of working hours, each answered within hours."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        told = [(row["utterance"], row["intent"]) for row in csv.DictReader(lines) if row.get("utterance")]
    chance = random.Random(1)
    some = chance.sample(told, min(3000, len(told)))
    found = []
    for number, (said, intent) in enumerate(some, 1):
        asked = START + timedelta(days=chance.randrange(70), hours=8 + chance.random() * 10)
        answered = asked + timedelta(hours=chance.expovariate(0.3))
        what = intent.replace("_", " ")
        answer = f"This is how we {what}: open your account, choose {what} there and follow the page."
        found.append({
            "id": number, "requester_id": 1000 + number, "created_at": asked.isoformat(), "status": "open",
            "subject": "", "tags": [intent],
            "comments": [
                {"author_id": 1000 + number, "created_at": asked.isoformat(), "body": said, "public": True},
                {"author_id": 1, "created_at": answered.isoformat(), "body": answer, "public": True},
            ],
        })  # fmt: skip
    return found


def of_corpus(folder: Path, into: Path) -> dict[str, Any]:
    """The figures at the top of the report."""
    source = source_of(folder, into)
    began = time.perf_counter()
    study = study_of([source], (), "UTC", lambda what, done, of: None)
    write(study, [str(source)], into / "report.html")
    keys = ("volume", "first_answer_median", "unanswered", "no_repeat", "themes", "routine", "by_chance", "maturity")
    told = {key: figure(study, key) for key in keys}
    took = time.perf_counter() - began
    return {key: one.value for key, one in told.items()} | {
        "left_out": dict(study.gathered.skipped),
        "seconds": round(took, 1),
        "score": told["routine"].number or 0.0,
    }


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
    parser.add_argument("corpus", type=Path, nargs="?", metavar="DIR", help="a folder of a public corpus")
    parser.add_argument("--keep", type=Path, help="write the report, the setup and the source into this folder")
    parser.add_argument("--mails", type=int, default=10_000)
    parser.add_argument("--picture", type=Path, help="write a picture of the report's beginning here")
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        into = asked.keep or Path(folder)
        into.mkdir(parents=True, exist_ok=True)
        figures = of_corpus(asked.corpus, into) if asked.corpus else cost(asked.mails, into)
        if asked.picture:
            picture(into / "report.html", asked.picture)
    if not asked.json:
        print(table(["figure", "value"], figures.items()))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
