"""Are mails of machines told from people's, and is it understood what became of our mail: whom, for good, and why.

    python benchmarks/bounces.py DIR [--ordinary DIR …] [--json]

DIR holds `labels.jsonl` (`file`, `kind`, `recipients`: [{dsn, smtp_code, reason, hard}]) and the mails. Ordinary mails
come from folders of the form of email_parsing.py and email_reply.py; without --ordinary those beside DIR are taken.
A mail that declares itself to come from a machine (Auto-Submitted, Precedence, List-…, a report) is not ordinary.

score = share of labelled mails with both kind (bounce, auto_reply, feedback_report, not_bounce) and hard or soft right
(of every recipient, where as many are found as labelled, otherwise of the worst).
recall: machines' mails that are not taken for people's. false alarms: ordinary mails taken for a report or a machine's.
"""

import argparse
import email
import json
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from _measure import Figures, rows_of, share, table

from parley.channels.email import automatic
from parley.channels.email.bounces import report
from parley.channels.email.mime import Part, parse
from parley.channels.email.words import Mailbox, mailboxes
from parley.core.errors import Unreadable

DECLARED = (
    "auto-submitted",
    "precedence",
    "list-id",
    "list-unsubscribe",
    "list-post",
    "x-autoreply",
    "x-auto-response-suppress",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--ordinary", type=Path, nargs="*", metavar="DIR")
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    asked = parser.parse_args()
    if not asked.folder.is_dir():
        print(json.dumps({"skipped": f"{asked.folder} is not there", "score": None}))
        sys.exit(0)
    beside = [asked.folder.parent / name for name in ("email-parsing", "email-reply")]
    figures, shown = measured(asked.folder, asked.ordinary if asked.ordinary is not None else beside)
    if not asked.json:
        print(shown)
    print(json.dumps(figures, ensure_ascii=False))


def measured(folder: Path, ordinary: list[Path]) -> tuple[Figures, str]:
    rows = rows_of(folder / "labels.jsonl")
    mails = [(folder / row["file"]).read_bytes() for row in rows]
    seen = [judged(raw) for raw in mails]
    machine = [(row, one) for row, one in zip(rows, seen, strict=True) if row["kind"] != "not_bounce"]
    bounces = [(row["recipients"], one["fates"]) for row, one in machine if row["kind"] == "bounce"]
    alarms, count = false_alarms(ordinary)
    reasons = reasons_of(bounces)
    figures: Figures = {
        "score": share(right(row, one) for row, one in zip(rows, seen, strict=True)),
        "mails": len(rows),
        "machine-made: recall": share(one["kind"] != "not_bounce" for _, one in machine),
        "ordinary mails": count,
        "false alarms": round(len(alarms) / count, 4) if count else None,
        "false alarms on": alarms,
        "kind": share(row["kind"] == one["kind"] for row, one in zip(rows, seen, strict=True)),
        "hard or soft": share(hardness(labels, fates) for labels, fates in bounces),
        "reason, share": share(label == said for label, said in reasons),
        "reason, macro F1": macro_f1(reasons),
        "a recipient found": share(any(fate.recipient for fate in fates) for _, fates in bounces),
        "every recipient found": share(
            len({fate.recipient for fate in fates if fate.recipient}) >= len(labels) for labels, fates in bounces
        ),
        "status code": share(
            labels[0]["dsn"] == fates[0].status
            for labels, fates in bounces
            if fates and labels and labels[0]["smtp_code"]
        ),
        "our message named": share(one["about"] for row, one in machine if row["kind"] == "bounce"),
        **speed(mails),
        "wrong": [row["id"] for row, one in zip(rows, seen, strict=True) if not right(row, one)],
    }
    shown = [[name, value] for name, value in figures.items() if isinstance(value, int | float)]
    return figures, "\n\n".join(
        [table(["what", "value"], shown), table(["reason", "labelled", "said", "F1"], by_reason(reasons))]
    )


def judged(raw: bytes) -> dict[str, Any]:
    try:
        mail = parse(raw)
        told = report(mail)
        if told is not None:
            kind = {"feedback": "feedback_report", "read": "auto_reply"}.get(told.kind, "bounce")
            return {"kind": kind, "fates": told.fates, "about": bool(told.about)}
        made = automatic.reason(mail, sender(mail), ("support@acme.example",))
        return {"kind": "auto_reply" if made else "not_bounce", "fates": (), "about": False}
    except Unreadable:
        return {"kind": "not_bounce", "fates": (), "about": False}


def sender(mail: Part) -> Mailbox:
    return next(iter(mailboxes(mail.first("from"))), Mailbox("", "somebody@example.com"))


def right(row: dict[str, Any], one: dict[str, Any]) -> bool:
    if row["kind"] != one["kind"]:
        return False
    return row["kind"] != "bounce" or hardness(row["recipients"], one["fates"])


def hardness(labels: list[dict[str, Any]], fates: Any) -> bool:
    if not labels:
        return True
    if len(labels) == len(fates):
        return all(label["hard"] == fate.hard for label, fate in zip(labels, fates, strict=True))
    return bool(fates) and any(label["hard"] for label in labels) == any(fate.hard for fate in fates)


def reasons_of(bounces: list[Any]) -> list[tuple[str, str]]:
    """(labelled, said) for each recipient; a recipient that was not found counts as nothing said."""
    found = []
    for labels, fates in bounces:
        for number, label in enumerate(labels):
            found.append((label["reason"], fates[number].cause if number < len(fates) else ""))
    return found


def macro_f1(pairs: list[tuple[str, str]]) -> float:
    rows = by_reason(pairs)
    return round(sum(row[3] for row in rows) / max(len(rows), 1), 4)


def by_reason(pairs: list[tuple[str, str]]) -> list[list[Any]]:
    labelled, said = Counter(label for label, _ in pairs), Counter(word for _, word in pairs)
    both = Counter(label for label, word in pairs if label == word)
    return [
        [name, count, said[name], round(2 * both[name] / (count + said[name]), 4)]
        for name, count in labelled.most_common()
    ]


def false_alarms(folders: list[Path]) -> tuple[list[str], int]:
    found, count = [], 0
    for name, raw in ordinary_mails(folders):
        with suppress(Unreadable):
            if declared(parse(raw)):
                continue
        count += 1
        if judged(raw)["kind"] != "not_bounce":
            found.append(name)
    return found, count


def ordinary_mails(folders: list[Path]) -> list[tuple[str, bytes]]:
    found = []
    for folder in folders:
        if (folder / "expected.jsonl").exists():
            found += [(row["id"], (folder / row["file"]).read_bytes()) for row in rows_of(folder / "expected.jsonl")]
        if (folder / "cases.jsonl").exists():
            found += [(row["id"], as_mail(row["text"], row["kind"])) for row in rows_of(folder / "cases.jsonl")]
    return found


def as_mail(text: str, kind: str) -> bytes:
    head = f"From: Kim <kim@example.com>\nSubject: Re: your message\nContent-Type: text/{kind}; charset=utf-8\n\n"
    return (head + text).encode("utf-8", "replace")


def declared(mail: Part) -> bool:
    """Whether a mail says itself that no person wrote it, or names no address that could have."""
    local = sender(mail).address.partition("@")[0].lower()
    return (
        mail.type == "multipart/report"
        or any(mail.first(name) for name in DECLARED)
        or not mailboxes(mail.first("from"))
        or "reply" in local
        or "daemon" in local
    )


def speed(mails: list[bytes]) -> Figures:
    spent = {}
    for name, work in (("judged", judged), ("bare", email.message_from_bytes)):
        began = time.process_time()
        for raw in mails:
            work(raw)
        spent[name] = time.process_time() - began
    return {
        "mails/s judged": round(len(mails) / max(spent["judged"], 1e-9), 1),
        "speed relative to the bare parse": round(spent["bare"] / max(spent["judged"], 1e-9), 3),
    }


if __name__ == "__main__":
    main()
