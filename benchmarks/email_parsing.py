"""Is a mail understood: sender, subject, texts and files of problem mails, beside two other parsers.

    python benchmarks/email_parsing.py DIR [--json]

DIR holds `expected.jsonl` (one object a mail: `id`, `file`, `expect`) and the mails it names. score = share of mails
in which every expectation holds; a mail that raises counts as wrong, one without expectations only has to be read.

Text is compared with white space collapsed, for everybody; file names
by their last piece: a path in a file's name is nobody's to keep.
`share with nothing missing`: every expected text and file is there, whatever else was shown beside them. Some
sources drop parts that were never ended; we show them, which is no loss.
Beside ours: the standard library (`policy.default`, no handling around it) and mail-parser from PyPI where installed.
The speed is everything `read` does (text, HTML made harmless, files, fold, receipts) against the bare standard
library's parse into a tree (compat32) of the same bytes, which decodes nothing.
"""

import email
import email.policy
import hashlib
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
from _measure import Figures, rows_of, run, share, squeezed, table

from parley.channels.email import EmailSettings, channel
from parley.channels.email.bodies import collected
from parley.channels.email.mime import parse
from parley.channels.email.words import mailboxes, message_ids, moment, parameter, text_of
from parley.core.channel import Delivery, Inbox
from parley.core.errors import Unreadable

SPEED_SECONDS = 1.5
INBOX = Inbox(id=1, brand=1, channel="email", name="x", address="support@acme.example", settings=EmailSettings())
NOT_CHECKED = {"zammad_body", "dropped_undecodable", "attachment_count_note"}


class SeenFile(msgspec.Struct):
    name: str
    type: str
    data: bytes
    disposition: str = ""
    cid: str = ""
    named: bool = False


class Seen(msgspec.Struct):
    """What a parser understood of a mail."""

    subject: str = ""
    people: dict[str, list[tuple[str, str]]] = {}  # header name → (name, address)
    message_id: str = ""
    in_reply_to: list[str] = []
    references: list[str] = []
    date: datetime | None = None
    texts: list[str] = []
    pages: list[str] = []
    files: list[SeenFile] = []
    types: list[str] = []


# ── the parsers ─────────────────────────────────────────────────────────────────────────────


def ours(raw: bytes) -> Seen:
    mail = parse(raw)
    bodies = collected(mail)
    charset = next((part.parameters["charset"] for part in mail.walk() if "charset" in part.parameters), "")
    people = {
        name: [(one.name, one.address) for value in mail.all(name) for one in mailboxes(value, charset)]
        for name in ("from", "to", "cc", "reply-to")
    }
    return Seen(
        subject=text_of(mail.first("subject"), charset),
        people=people,
        message_id="".join(message_ids(mail.first("message-id"))[:1]),
        in_reply_to=message_ids(mail.first("in-reply-to")),
        references=[one for value in mail.all("references") for one in message_ids(value)],
        date=moment(mail.first("date")),
        texts=[text for text, _ in bodies.shown if text is not None],
        pages=[html for _, html in bodies.shown if html is not None],
        files=[
            SeenFile(
                name=file.name, type=file.type, data=file.data, cid=file.cid or "", disposition=part.disposition[0],
                named=bool(parameter(part.disposition[1], "filename") or parameter(part.parameters, "name")),
            )
            for file, part in zip(bodies.files, bodies.origins, strict=True)
        ],
        types=[part.type for part in mail.walk()],
    )  # fmt: skip


def standard(raw: bytes) -> Seen:
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    seen = Seen(subject=str(mail["subject"] or ""))
    for name in ("from", "to", "cc", "reply-to"):
        addresses = mail[name].addresses if mail[name] else ()
        seen.people[name] = [(one.display_name, one.addr_spec) for one in addresses]
    seen.message_id = str(mail["message-id"] or "")
    seen.in_reply_to = str(mail["in-reply-to"] or "").split()
    seen.references = str(mail["references"] or "").split()
    seen.date = mail["date"].datetime if mail["date"] else None
    for part in mail.walk():
        seen.types.append(part.get_content_type())
        if part.is_multipart() and part.get_content_type() != "message/rfc822":
            continue
        disposition, name = part.get_content_disposition() or "", part.get_filename()
        if part.get_content_maintype() == "text" and disposition != "attachment" and not name:
            (seen.pages if part.get_content_subtype() == "html" else seen.texts).append(part.get_content())
            continue
        content = part.get_content()
        data = content if isinstance(content, bytes) else str(content).encode()
        cid = str(part["content-id"] or "")
        seen.files.append(SeenFile(name or "", part.get_content_type(), data, disposition, cid, bool(name)))
    return seen


def spamscope(raw: bytes) -> Seen:
    """mail-parser, as its own documentation uses it."""
    import base64

    import mailparser

    mail = mailparser.parse_from_bytes(raw)
    lists = {"from": mail.from_, "to": mail.to, "cc": mail.cc, "reply-to": mail.reply_to}
    people = {name: [tuple(one) for one in found] for name, found in lists.items()}
    files = []
    for one in mail.attachments:
        payload = one["payload"]
        data = base64.b64decode(payload) if one["binary"] else payload.encode("utf-8", "surrogateescape")
        disposition = one["content-disposition"].partition(";")[0].lower()
        files.append(SeenFile(one["filename"], one["mail_content_type"], data, disposition, one["content-id"], True))
    when = mail.date
    return Seen(
        subject=mail.subject or "", people=people, message_id=mail.message_id or "",
        in_reply_to=str(mail.headers.get("In-Reply-To", "")).split(),
        references=str(mail.headers.get("References", "")).split(),
        date=when.replace(tzinfo=UTC) if when else None,
        texts=list(mail.text_plain), pages=list(mail.text_html), files=files,
    )  # fmt: skip


# ── the comparison ──────────────────────────────────────────────────────────────────────────


def wrong(seen: Seen, expect: dict[str, Any]) -> set[str]:
    """The expectations that do not hold."""
    return {name for name, wanted in expect.items() if name in CHECKS and not CHECKS[name](seen, wanted)}


def missing(seen: Seen, expect: dict[str, Any]) -> bool:
    """Whether something is lost: more than expected is no loss, another sender or subject is."""
    lost = wrong(seen, expect)
    if not _in_order(seen.texts, expect.get("text_parts", [])):
        return True
    left = list(seen.files)
    for one in expect.get("attachments", []):
        found = next((file for file in left if _file(file, one)), None)
        if found is None:
            return True
        left.remove(found)
    lost -= {"text_parts", "attachments"}
    return bool(lost - {"attachment_count"}) or expect.get("attachment_count", 0) > len(seen.files)


def _in_order(texts: list[str], wanted: list[str]) -> bool:
    whole, place = squeezed(" ".join(texts)), 0
    for one in wanted:
        place = whole.find(squeezed(one), place)
        if place < 0:
            return False
        place += len(squeezed(one))
    return True


def _people(header: str) -> Callable[[Seen, Any], bool]:
    def agrees(seen: Seen, wanted: list[dict[str, str | None]]) -> bool:
        found = seen.people.get(header, [])
        with_address = [one for one in wanted if one["address"] and "@" in one["address"]]
        if len(found) < len(with_address) or (with_address == wanted and len(found) != len(wanted)):
            return False
        if with_address != wanted:  # a name without an address is no mailbox: who shows one, and who none, is right
            found = [one for one in found if "@" in one[1]]
        return all(_person(one, other) for one, other in zip(found, with_address, strict=False))

    return agrees


def _person(found: tuple[str, str], wanted: dict[str, str | None]) -> bool:
    """Some sources state the address in place of a missing name."""
    names = {squeezed(found[0])} | ({found[1]} if not found[0] else set())
    named = wanted["name"] is None or squeezed(wanted["name"]) in names
    return named and found[1].lower() == str(wanted["address"]).lower()


def _header(header: str) -> Callable[[Seen, Any], bool]:
    def agrees(seen: Seen, wanted: str) -> bool:
        letters = re.sub(r"[\s\"<>,]", "", wanted)
        return re.sub(r"[\s\"<>,]", "", "".join(a + b for a, b in seen.people.get(header, []))) == letters

    return agrees


def _ids(found: list[str], wanted: list[str] | str) -> bool:
    wanted = [wanted] if isinstance(wanted, str) else wanted
    return [one.strip("<> ") for one in found] == [one.strip("<> ") for one in wanted]


def _texts(kind: str) -> Callable[[Seen, Any], bool]:
    def agrees(seen: Seen, wanted: list[str]) -> bool:
        return squeezed(" ".join(getattr(seen, kind))) == squeezed(" ".join(wanted))

    return agrees


def _contains(kind: str) -> Callable[[Seen, Any], bool]:
    def agrees(seen: Seen, wanted: list[dict[str, Any]]) -> bool:
        whole = squeezed(" ".join(getattr(seen, kind)))
        return all(whole.count(squeezed(one["string"])) >= one["count"] for one in wanted)

    return agrees


def _equals(kind: str) -> Callable[[Seen, Any], bool]:
    return lambda seen, wanted: squeezed(" ".join(getattr(seen, kind))) == squeezed(wanted)


def _html_words(seen: Seen, wanted: str) -> bool:
    return squeezed(unescape(re.sub(r"<[^>]*>", " ", " ".join(seen.pages)))) == squeezed(wanted)


def _date(seen: Seen, wanted: str) -> bool:
    try:
        return seen.date is not None and seen.date.astimezone(UTC) == datetime.fromisoformat(wanted).astimezone(UTC)
    except ValueError:
        return False


def _declared(seen: Seen) -> list[SeenFile]:
    return [file for file in seen.files if file.named or file.disposition == "attachment"]


def _files(seen: Seen, wanted: list[dict[str, Any]]) -> bool:
    """Each expected file is there, in its own right; no declared file beside them."""
    left = list(seen.files)
    for one in wanted:
        match = next((file for file in left if _file(file, one)), None)
        if match is None:
            return False
        left.remove(match)
    return not [file for file in left if file in _declared(seen)] if all("filename" in one for one in wanted) else True


def _file(file: SeenFile, wanted: dict[str, Any]) -> bool:
    last = str(wanted.get("filename") or "").replace("\\", "/").rpartition("/")[2]
    checks = {
        "filename": lambda: not last or squeezed(file.name.replace("\\", "/").rpartition("/")[2]) == squeezed(last),
        "content_type": lambda: file.type == wanted["content_type"].lower(),
        "disposition": lambda: (file.disposition or "attachment") == (wanted["disposition"] or "").lower(),
        "content_id": lambda: file.cid.strip("<>") == (wanted["content_id"] or "").strip("<>"),
        "size": lambda: len(file.data) == wanted["size"],
        "sha256": lambda: hashlib.sha256(file.data).hexdigest() == wanted["sha256"],
        "text": lambda: squeezed(file.data.decode("utf-8", "replace")) == squeezed(wanted["text"]),
    }
    return all(check() for key, check in checks.items() if wanted.get(key) is not None)


def _types(seen: Seen, wanted: Any) -> bool:
    return seen.types == _flat(wanted)


def _flat(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree.lower()]
    return [leaf for branch in (tree.values() if isinstance(tree, dict) else tree) for leaf in _flat(branch)]


CHECKS: dict[str, Callable[[Seen, Any], bool]] = {
    "subject": lambda seen, wanted: squeezed(seen.subject) == squeezed(wanted),
    "from": _people("from"), "to": _people("to"), "cc": _people("cc"), "reply_to": _people("reply-to"),
    "to_header": _header("to"), "cc_header": _header("cc"),
    "message_id": lambda seen, wanted: _ids([seen.message_id], wanted),
    "in_reply_to": lambda seen, wanted: _ids(seen.in_reply_to, wanted),
    "references": lambda seen, wanted: _ids(seen.references, wanted),
    "date": _date,
    "text_parts": _texts("texts"), "html_parts": _texts("pages"),
    "text_equals": _equals("texts"), "html_equals": _equals("pages"), "text_words": _equals("texts"),
    "html_words": _html_words,
    "text_contains": _contains("texts"), "html_contains": _contains("pages"),
    "attachments": _files,
    "attachment_count": lambda seen, wanted: wanted in (len(seen.files), len(_declared(seen))),
    "part_types": _types,
    "body_content_type": lambda seen, wanted: wanted.lower() in seen.types,
}  # fmt: skip


# ── the figures ─────────────────────────────────────────────────────────────────────────────


class Tally:
    """One parser over all mails."""

    def __init__(self) -> None:
        self.right: list[bool] = []
        self.whole: list[bool] = []
        self.fields: dict[str, list[bool]] = {}
        self.raised: Counter[str] = Counter()
        self.wrong: dict[str, list[str]] = {}

    def count(self, name: str, raw: bytes, expect: dict[str, Any], parser: Callable[[bytes], Seen]) -> None:
        try:
            seen = parser(raw)
            failed = wrong(seen, expect)
        except Exception as problem:  # a parser that raises is what is being counted
            self.raised[type(problem).__name__] += 1
            failed = set(expect) & set(CHECKS)
            self.wrong[name] = [type(problem).__name__]
            self.right.append(False)
            self.whole.append(False)
        else:
            self.right.append(not failed)
            self.whole.append(not missing(seen, expect))
        if failed:
            self.wrong[name] = sorted(failed)
        for field in expect:
            if field in CHECKS:
                self.fields.setdefault(field, []).append(field not in failed)


def parsers() -> dict[str, Callable[[bytes], Seen]]:
    found: dict[str, Callable[[bytes], Seen]] = {"ours": ours, "stdlib policy.default": standard}
    try:
        import mailparser  # noqa: F401
    except ImportError:
        print("mail-parser is not installed: left out (pip install mail-parser)")
    else:
        found["mail-parser"] = spamscope
    return found


def measured(folder: Path, seconds: float = SPEED_SECONDS) -> tuple[Figures, str]:
    rows = rows_of(folder / "expected.jsonl")
    mails = [((folder / row["file"]).read_bytes(), row["id"], row.get("expect") or {}) for row in rows]
    known = parsers()
    tallies = {name: Tally() for name in known}
    for raw, name, expect in mails:
        for parser, tally in tallies.items():
            tally.count(name, raw, expect, known[parser])
    read, refused = _read_all([raw for raw, _, _ in mails])
    figures = _figures(tallies, len(mails), [expect for _, _, expect in mails])
    figures |= read | {"refused with a sentence": refused} | speed([raw for raw, _, _ in mails], seconds)
    return figures, _table(tallies, figures)


def _read_all(mails: list[bytes]) -> tuple[Figures, int]:
    """The whole way in: nothing may come out of `read` but facts or a refusal in words."""
    refused = exceptions = 0
    for raw in mails:
        try:
            channel.read(_delivery(raw), INBOX)
        except Unreadable as refusal:
            exceptions += "could not be read (" in str(refusal)  # a slip of ours, dressed up
            refused += 1
        except Exception:
            exceptions += 1
    return {"exceptions in read": exceptions}, refused


def _delivery(raw: bytes) -> Delivery:
    return Delivery(id=1, inbox=1, provider_id="p", received_at=datetime(2026, 1, 1, tzinfo=UTC), raw=raw)


def _figures(tallies: dict[str, Tally], mails: int, expects: list[dict[str, Any]]) -> Figures:
    mine = tallies["ours"]
    others = {name: tally.right.count(False) for name, tally in tallies.items() if name != "ours"}
    unknown = sorted({key for expect in expects for key in expect} - set(CHECKS) - NOT_CHECKED)
    return {
        "score": share(mine.right),
        "share with nothing missing": share(mine.whole),
        "mails": mails,
        "mails with expectations": sum(bool(set(expect) & set(CHECKS)) for expect in expects),
        "errors": mine.right.count(False),
        "wrong": mine.wrong,
        "errors of the others": others,
        "times fewer errors than the best other": round(min(others.values()) / max(mine.right.count(False), 1), 2),
        "share with expectations right": share(
            right for right, expect in zip(mine.right, expects, strict=True) if set(expect) & set(CHECKS)
        ),
        "fields": {
            name: {field: share(seen) for field, seen in tally.fields.items()} for name, tally in tallies.items()
        },
        "raised": {name: dict(tally.raised) for name, tally in tallies.items()},
        "expectations not understood": unknown,
    }


def speed(mails: list[bytes], seconds: float) -> Figures:
    """Each in turns of one pass, so that a busy machine is busy for both."""

    def read(raw: bytes) -> None:
        with suppress(Unreadable):
            channel.read(_delivery(raw), INBOX)

    spent = {"ours": 0.0, "bare": 0.0}
    passes = 0
    ratios = []
    while sum(spent.values()) < seconds * 2:
        turn = {}
        for name, work in (("ours", read), ("bare", email.message_from_bytes)):
            began = time.process_time()
            for raw in mails:
                work(raw)
            turn[name] = time.process_time() - began
            spent[name] += turn[name]
        ratios.append(turn["bare"] / max(turn["ours"], 1e-9))
        passes += 1
    rate = {name: passes * len(mails) / max(seconds, 1e-9) for name, seconds in spent.items()}
    return {
        "mails/s read": round(rate["ours"], 1),
        "mails/s bare stdlib parse": round(rate["bare"], 1),
        "speed relative to the bare parse": round(statistics.median(ratios), 3),
    }


def _table(tallies: dict[str, Tally], figures: Figures) -> str:
    fields = sorted({field for tally in tallies.values() for field in tally.fields})
    rows: list[list[Any]] = [
        ["every expectation", len(tallies["ours"].right), *(share(t.right) for t in tallies.values())]
    ]
    for field in fields:
        seen = [tally.fields.get(field, []) for tally in tallies.values()]
        rows.append([field, len(seen[0]), *(share(one) for one in seen)])
    rows.append(["nothing missing", len(tallies["ours"].right), *(share(t.whole) for t in tallies.values())])
    rows.append(["errors", len(tallies["ours"].right), *(tally.right.count(False) for tally in tallies.values())])
    rows.append(["exceptions", len(tallies["ours"].right), *(sum(tally.raised.values()) for tally in tallies.values())])
    said = [f"{name}: {figures[name]}" for name in figures if isinstance(figures[name], float | int)]
    return "\n".join([table(["what", "mails", *tallies], rows), "", *said])


if __name__ == "__main__":
    run(__doc__ or "", measured)
