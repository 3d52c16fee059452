"""Exports of other systems: tickets with their messages as JSON (Zendesk, Freshdesk, HubSpot), or rows as CSV.

The shapes are what these systems are known to export, tried on made-up files of that form only; a field that is named
otherwise is not found. Only the named fields are read.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from parley.assess.gathering import Gathered
from parley.assess.letters import MOST_TEXT, Progress
from parley.core.cases import Case, Turn
from parley.core.errors import ParleyError

ENDINGS = {".json", ".jsonl", ".ndjson", ".csv"}
Rows = list[dict[str, Any]]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A message of any of them. ours: None where it is from whoever `who` turns out to be."""

    case: str
    at: float
    ours: bool
    who: str
    text: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a ticket beside its messages."""

    person: str
    subject: str = ""
    channel: str = ""
    closed: float | None = None
    states: bool = True
    tags: tuple[str, ...] = ()
    score: int | None = None


class Export:
    """Tickets and messages as they are found, and how many rows tell nothing."""

    def __init__(self) -> None:
        self.heads: dict[str, Head] = {}
        self.said: dict[str, list[Said]] = defaultdict(list)
        self.skipped: dict[str, int] = defaultdict(int)
        self.names: list[str] = []

    def say(self, case: str, at: float | None, ours: bool, who: str, text: str) -> None:
        if at is None:
            self.skipped["without a date"] += 1
        else:
            self.said[case].append(Said(case=case, at=at, ours=ours, who=who, text=text[:MOST_TEXT].strip()))


def read_export(path: Path, told: Progress) -> Gathered:
    """The tickets of a file. Raises ParleyError where it holds none in a known shape."""
    told("Reading tickets", 0, None)
    found = Export()
    if path.suffix.lower() == ".csv":
        _csv(path, found)
    else:
        rows, users = _json(path)
        reader = next((read for marks, read in _SHAPES if any(marks & row.keys() for row in rows[:50])), None)
        if reader is None:
            raise ParleyError(
                f"{path} holds no tickets in a shape that Parley knows. It reads Zendesk tickets with comments, "
                f"Freshdesk "
                "tickets with conversations, HubSpot messages, and CSV with a ticket, a time and a text in each row."
            )
        reader(rows, users, found)
    return _gathered(found, path)


def _gathered(found: Export, path: Path) -> Gathered:
    cases = []
    for number, (key, said) in enumerate(found.said.items(), 1):
        said.sort(key=lambda one: one.at)
        if said[0].ours:
            found.skipped["begun by the desk itself"] += len(said)
            continue
        head = found.heads.get(key) or Head(person=said[0].who, states=False)
        turns = tuple(Turn(at=one.at, ours=one.ours, who=one.who, text=one.text) for one in said)
        cases.append(
            Case(number=number, person=head.person or said[0].who, channel=head.channel or "unknown", turns=turns,
                 subject=head.subject, closed=head.closed, states=head.states, tags=head.tags, score=head.score)
        )  # fmt: skip
    return Gathered(
        cases=tuple(sorted(cases, key=lambda case: case.began)), messages=sum(map(len, found.said.values())),
        skipped={reason: n for reason, n in found.skipped.items() if n}, names=tuple(found.names), source=path.name,
    )  # fmt: skip


def moment(value: Any) -> float | None:
    """Seconds since 1970 of a date as these systems write it (UTC where none is said), or of milliseconds."""
    if isinstance(value, (int, float)) and value > 0:
        return value / 1000 if value > 1e11 else float(value)
    text = str(value or "").strip().removesuffix(" UTC")
    for form in (None, "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M", "%d %b %Y %H:%M"):
        try:
            found = datetime.fromisoformat(text) if form is None else datetime.strptime(text, form)
        except ValueError:
            continue
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return None


# ── JSON ────────────────────────────────────────────────────────────────────────────────────


def _json(path: Path) -> tuple[Rows, Rows]:
    """(tickets or messages, users): a list, an object that holds one, or a line for each."""
    raw = path.read_bytes()
    try:
        whole = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        whole = _lines(raw, path)
    if isinstance(whole, dict):
        users = whole.get("users", [])
        rows = next((whole[key] for key in ("tickets", "results", "messages") if key in whole), [whole])
    else:
        rows, users = whole, []
    both = [[row for row in some if isinstance(row, dict)] if isinstance(some, list) else [] for some in (rows, users)]
    return both[0], both[1]


def _lines(raw: bytes, path: Path) -> Any:
    try:
        return [msgspec.json.decode(line) for line in raw.splitlines() if line.strip()]
    except msgspec.DecodeError as error:
        raise ParleyError(f"{path} is no JSON: {error}.") from error


def _zendesk(rows: Rows, users: Rows, found: Export) -> None:
    roles = {user.get("id"): str(user.get("role", "")) for user in users}
    found.names += [str(user["name"]) for user in users if user.get("name")]
    for row in rows:
        key, requester, state = str(row.get("id")), row.get("requester_id"), str(row.get("status") or "")
        ended = (row.get("metric_set") or {}).get("solved_at") or row.get("updated_at")
        rating = str((row.get("satisfaction_rating") or {}).get("score") or "")
        found.heads[key] = Head(
            person=str(requester or ""), subject=str(row.get("subject") or ""),
            channel=str((row.get("via") or {}).get("channel") or ""), tags=tuple(map(str, row.get("tags") or ())),
            closed=moment(ended) if state in ("solved", "closed") else None,
            score={"good": 5, "bad": 1}.get(rating.partition("_")[0]),
        )  # fmt: skip
        comments = row.get("comments") or [
            {"author_id": requester, "created_at": row.get("created_at"), "body": row.get("description")}
        ]
        for one in comments:
            if one.get("public", True):
                author = one.get("author_id")
                ours = roles.get(author, "end-user" if author == requester else "agent") in ("agent", "admin")
                text = one.get("plain_body") or one.get("body") or ""
                found.say(key, moment(one.get("created_at")), ours, str(author), str(text))


_FRESHDESK_SOURCES = {1: "by mail", 2: "portal", 3: "phone", 7: "live chat", 9: "feedback widget", 10: "outbound mail"}


def _freshdesk(rows: Rows, users: Rows, found: Export) -> None:
    for row in rows:
        key, requester = str(row.get("id")), str(row.get("requester_id") or "")
        ended = (row.get("stats") or {}).get("resolved_at") or (row.get("stats") or {}).get("closed_at")
        found.heads[key] = Head(
            person=requester, subject=str(row.get("subject") or ""), tags=tuple(map(str, row.get("tags") or ())),
            channel=_FRESHDESK_SOURCES.get(row.get("source") or 0, "other"),
            closed=moment(ended or row.get("updated_at")) if row.get("status") in (4, 5) else None,
        )  # fmt: skip
        if isinstance(row.get("requester"), dict):
            found.names.append(str(row["requester"].get("name") or ""))
        opening = row.get("description_text") or row.get("description") or ""
        found.say(key, moment(row.get("created_at")), row.get("source") == 10, requester, str(opening))
        for one in row.get("conversations") or ():
            if not one.get("private"):
                text = str(one.get("body_text") or one.get("body") or "")
                ours = not one.get("incoming")
                found.say(key, moment(one.get("created_at")), ours, str(one.get("user_id")), text)


def _hubspot(rows: Rows, users: Rows, found: Export) -> None:
    for row in rows:
        if row.get("type", "MESSAGE") != "MESSAGE":
            continue
        key = str(row.get("conversationsThreadId") or row.get("threadId"))
        sender: dict[str, Any] = next(iter(row.get("senders") or ()), {})
        found.names.append(str(sender.get("name") or ""))
        ours = row.get("direction") == "OUTGOING"
        who = str((sender.get("deliveryIdentifier") or {}).get("value") or sender.get("actorId") or "")
        found.say(key, moment(row.get("createdAt")), ours, who, str(row.get("text") or ""))
        if key not in found.heads and not ours:
            found.heads[key] = Head(
                person=who, subject=str(row.get("subject") or ""), channel=str(row.get("channelId") or ""), states=False
            )


_SHAPES = (
    ({"conversations", "description_text"}, _freshdesk),
    ({"comments", "metric_set", "via"}, _zendesk),
    ({"conversationsThreadId", "threadId"}, _hubspot),
)

# ── CSV ─────────────────────────────────────────────────────────────────────────────────────

_COLUMNS = {
    "case": "ticket id,id,ticket,ticket_id,conversation id,conversation,thread id",
    "at": "created at,created_at,created,created time,create date,date,time,timestamp",
    "who": "requester email,requester,contact email,contact id,from,author,customer,requester id,requester name",
    "side": "direction,author role,role,author type,incoming",
    "text": "body,text,message,description,content",
    "subject": "subject,ticket name,title",
    "channel": "channel,source,via",
    "closed": "solved at,resolved time,resolved at,closed time,closed at,close date",
    "minutes": "first reply time in minutes,first reply time in minutes (calendar)",
    "answered": "initial response time,first response at",
    "score": "satisfaction score,rating,csat",
    "tags": "tags",
}
_OURS = {"agent", "admin", "outgoing", "out", "outbound", "false", "staff", "support"}
_RATINGS = {"good": 5, "bad": 1, "offered": None, "": None}


def _csv(path: Path, found: Export) -> None:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        table = csv.DictReader(file)
        names = {name: _column(said.split(","), table.fieldnames or ()) for name, said in _COLUMNS.items()}
        missing = [name for name in ("case", "at") if not names[name]]
        if missing:
            there = ", ".join(table.fieldnames or ())
            raise ParleyError(f"{path} has no column for {' and '.join(missing)}. Its columns are: {there}.")
        for row in table:
            _csv_row({name: str(row.get(key) or "") if key else "" for name, key in names.items()}, names, found)


def _column(wanted: Sequence[str], there: Iterable[str]) -> str:
    by_name = {name.strip().lower(): name for name in there if name}
    return next((by_name[name] for name in wanted if name in by_name), "")


def _csv_row(row: dict[str, str], names: dict[str, str], found: Export) -> None:
    """A message where a column says whose it is, else a whole ticket."""
    key, at = row["case"], moment(row["at"])
    ours = bool(names["side"]) and row["side"].strip().lower() in _OURS
    found.say(key, at, ours, row["who"], row["text"])
    if key not in found.heads and not ours:
        score = row["score"].strip().lower()
        found.heads[key] = Head(
            person=row["who"], subject=row["subject"], channel=row["channel"], closed=moment(row["closed"]),
            states=bool(names["closed"]), tags=tuple(one for one in row["tags"].replace(",", " ").split()),
            score=_RATINGS.get(score, int(score) if score in "12345" and score else None),
        )  # fmt: skip
    for answered in _answers(row, at):
        found.say(key, answered, True, "agent", "")


def _answers(row: dict[str, str], at: float | None) -> Iterator[float]:
    """When a ticket was first answered, where a row is a whole ticket and says so."""
    minutes = row["minutes"].strip()
    if at is not None and minutes.replace(".", "", 1).isdigit():
        yield at + 60 * float(minutes)
    elif (answered := moment(row["answered"])) is not None:
        yield answered
