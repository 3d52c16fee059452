"""What triage found of each conversation, what agents made of it, and how often it was right.

One row for each conversation, with its newest findings and what agents set in their place; a correction is a fact on
the log and one more example to go by (services/sorting.py).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from parley.core import events as e
from parley.core import triage as rules
from parley.core.errors import Refused
from parley.log.many import among
from parley.log.record import Tx, words_of
from parley.log.tables import Id, Moment, metadata
from parley.services import inbox, replies, setup, topics
from parley.services.inbox import Viewer

BY = "bot/triage"
KEY = "sorting"
WHATS = ("priority", "language", "product", "spam")
MOST = 500  # corrections of a kind that are gone by, the newest

triaged = Table(
    "triaged",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("message", Id),
    Column("brand", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("priority", String(8), nullable=False),
    Column("because", String(200), nullable=False),
    Column("language", String(8), nullable=False),
    Column("product", String(200), nullable=False),
    Column("matter", String(240), nullable=False),
    Column("spam", Float, nullable=False),
    Column("noticed", LargeBinary, nullable=False),
    Column("fixed", LargeBinary, nullable=False),
)
_T = triaged.c
Index("ix_triaged_at", _T.at, _T.conversation)
Index("ix_triaged_matter", _T.brand, _T.matter, _T.at)

matter_hours = Table(
    "matter_hours",
    metadata,
    Column("brand", Integer, primary_key=True, autoincrement=False),
    Column("matter", String(240), primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("n", Integer, nullable=False),
)

corrections = Table(
    "corrections",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("what", String(10), primary_key=True),
    Column("value", String(200), nullable=False),
    Column("was", String(200), nullable=False),
    Column("message", Id),
    Column("by", String(60), nullable=False),
    Column("at", Moment, nullable=False),
)
_K = corrections.c
Index("ix_corrections_what", _K.what, _K.at)


class FindingsReader:
    """Follows findings and corrections."""

    name = "findings"
    in_step = True
    kinds = (e.Triaged, e.TriageCorrected)
    tables = (triaged, matter_hours, corrections)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        about = inbox.states(tx.conn, list({r.subject_id for r in batch}))
        for r in batch:
            if isinstance(r.event, e.Triaged):
                self._found(tx.conn, r, r.event, about)
            elif isinstance(r.event, e.TriageCorrected):
                self._corrected(tx.conn, r, r.event)

    def _found(self, conn: Connection, r: e.Recorded, event: e.Triaged, about: Mapping[int, Any]) -> None:
        known = conn.execute(select(_T.matter).where(_T.conversation == r.subject_id)).one_or_none()
        state = about.get(r.subject_id)
        row = {
            "message": event.said or None, "at": r.at, "priority": event.priority, "because": event.because,
            "language": event.language, "product": event.product[:200], "matter": event.matter[:240],
            "spam": event.spam, "noticed": msgspec.json.encode(event.noticed),
        }  # fmt: skip
        brand = state.brand if state else 0
        if known is None:
            row |= {"conversation": r.subject_id, "brand": brand}
            conn.execute(insert(triaged).values(**row, fixed=b"{}"))
        else:
            if known.matter:  # the matter of a conversation is its first one: one conversation is one contact
                row.pop("matter")
            conn.execute(update(triaged).where(_T.conversation == r.subject_id).values(**row))
        if event.matter and (known is None or not known.matter):
            _count(conn, brand, event.matter[:240], int(r.at.timestamp() // 3600))

    def _corrected(self, conn: Connection, r: e.Recorded, event: e.TriageCorrected) -> None:
        row = conn.execute(select(_T.fixed, _T.message).where(_T.conversation == r.subject_id)).one_or_none()
        if row is None:
            return
        fixed = msgspec.json.decode(row.fixed)
        here = (_K.conversation == r.subject_id, _K.what == event.what)
        conn.execute(delete(corrections).where(*here))
        if event.found:
            fixed.pop(event.what, None)
        else:
            fixed[event.what] = event.value
            conn.execute(
                insert(corrections).values(
                    conversation=r.subject_id, what=event.what, value=event.value[:200], was=event.was[:200],
                    message=row.message, by=r.by, at=r.at,
                )
            )  # fmt: skip
        conn.execute(update(triaged).where(_T.conversation == r.subject_id).values(fixed=msgspec.json.encode(fixed)))


def _count(conn: Connection, brand: int, matter: str, hour: int) -> None:
    m = matter_hours.c
    here = (m.brand == brand, m.matter == matter, m.hour == hour)
    if not conn.execute(update(matter_hours).where(*here).values(n=m.n + 1)).rowcount:
        conn.execute(insert(matter_hours).values(brand=brand, matter=matter, hour=hour, n=1))


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def correct(tx: Tx, number: int, who: Viewer, what: str, value: str) -> None:
    """Set what triage found otherwise; an empty value takes the correction back."""
    state = replies.act_on(tx, number, who)
    if what not in WHATS:
        raise Refused("Priority, language, product and spam can be corrected.")
    now = finding(tx.conn, number)
    if now is None:
        tx.append(e.conversation(number), [e.Triaged(language=state.language)], BY)
        tx.flush()
        now = finding(tx.conn, number)
        assert now is not None
    was, found = now.value_of(what), now.found_of(what)
    value = " ".join(value.split())
    if not value:
        if what in now.fixed:
            tx.append(e.conversation(number), [e.TriageCorrected(what=what, value=found, was=was, found=True)], who.by)
        return
    _check(what, value)
    if value != was or (what not in now.fixed and what != "priority"):
        facts: list[e.Event] = [e.TriageCorrected(what=what, value=value, was=was)]
        tx.append(e.conversation(number), facts, who.by)


def _check(what: str, value: str) -> None:
    if what == "priority" and value not in rules.PRIORITIES:
        raise Refused(f"A priority is one of {', '.join(rules.PRIORITIES)}.")
    if what == "language" and value not in rules.ENGLISH_NAMES:
        raise Refused("Write a language as its two letters: en, de, fr …")
    if what == "spam" and value not in ("yes", "no"):
        raise Refused("It is spam (yes) or it is not (no).")
    if len(value) > 120:
        raise Refused("A product's name has at most 120 characters.")


def set_policy(tx: Tx, policy: rules.Policy) -> None:
    """Raises Refused for rules that cannot be followed."""
    rules.check(policy)
    setup.set_setting(tx, KEY, msgspec.to_builtins(policy))


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a conversation, and what agents set in its place (`fixed`)."""

    conversation: int
    message: int | None
    at: datetime
    priority: str
    because: str
    language: str
    product: str
    matter: str
    spam: float
    noticed: tuple[e.Noticed, ...]
    fixed: dict[str, str]

    def found_of(self, what: str) -> str:
        """What triage found, whatever was set since."""
        if what == "spam":
            return "yes" if self.spam >= 0.5 else "no"
        return str(getattr(self, what))

    def value_of(self, what: str) -> str:
        """What holds."""
        return self.fixed.get(what, self.found_of(what))


def policy(conn: Connection) -> rules.Policy:
    return msgspec.convert(setup.setting(conn, KEY, {}), rules.Policy)


def finding(conn: Connection, number: int) -> Finding | None:
    row = conn.execute(_ONE, {"number": number}).one_or_none()
    return _finding(row) if row is not None else None


_ONE = select(triaged).where(_T.conversation == bindparam("number"))


def findings(conn: Connection, numbers: Sequence[int]) -> dict[int, Finding]:
    return {row.conversation: _finding(row) for row in among(conn, _T.conversation, numbers)}


def newest(conn: Connection, who: Viewer, limit: int = 200) -> list[Finding]:
    """The last conversations that were sorted, of the brands the viewer serves."""
    question = select(triaged).where(inbox.of_brand(_T.brand, who)).order_by(_T.at.desc(), _T.conversation.desc())
    return [_finding(row) for row in conn.execute(question.limit(limit))]


def _finding(row: Any) -> Finding:
    return Finding(
        conversation=row.conversation, message=row.message, at=row.at, priority=row.priority, because=row.because,
        language=row.language, product=row.product, matter=row.matter, spam=row.spam,
        noticed=msgspec.json.decode(row.noticed, type=tuple[e.Noticed, ...]), fixed=msgspec.json.decode(row.fixed),
    )  # fmt: skip


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """A signal in words: its label, the customer's words or the fact that shows it, whether it decided the priority."""

    signal: str
    label: str
    value: str = ""
    shown_by: str = ""
    decided: bool = False


def reasons(conn: Connection, found: Finding) -> tuple[Reason, ...]:
    """Why, for the desk. The words are read from the message: erased ones are gone."""
    from parley.ai import noticing

    flat = ""
    if found.message is not None and any(one.end for one in found.noticed):
        said = words_of(conn, [found.message]).get(found.message)
        flat = noticing.folded(topics.first_words(said)) if said else ""
    decided = found.because.partition(":")[0]
    return tuple(
        Reason(
            signal=one.signal,
            label=rules.SIGNALS.get(one.signal, one.signal),
            value=one.value,
            shown_by=flat[one.start : one.end].strip(" ,;:.") if one.end else one.fact,
            decided=one.signal == decided,
        )
        for one in found.noticed
    )


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """Of n conversations that were sorted and closed or corrected, how many were corrected in each respect."""

    n: int
    corrected: dict[str, int]


def judged(conn: Connection, since: datetime) -> Judged:
    n = int(conn.execute(select(func.count()).select_from(triaged).where(_T.at >= since)).scalar_one())
    question = select(_K.what, func.count()).where(_K.at >= since).group_by(_K.what)
    return Judged(n=n, corrected={what: int(count) for what, count in conn.execute(question)})


class Example(msgspec.Struct, frozen=True):
    """A correction with the words it was made on."""

    text: str
    value: str
    by: str


def examples(conn: Connection, what: str, limit: int = MOST) -> list[Example]:
    """Corrections to go by, newest first."""
    question = select(corrections).where(_K.what == what, _K.message.is_not(None)).order_by(_K.at.desc()).limit(limit)
    rows = conn.execute(question).all()
    words = words_of(conn, [row.message for row in rows])
    return [
        Example(text, row.value, row.by)
        for row in rows
        if (said := words.get(row.message)) and (text := topics.first_words(said))
    ]


def languages_of(conn: Connection, person: int) -> dict[str, str]:
    """{what was found in their words: the language that agents set in its place}, of their last conversations."""
    return {row.was: row.value for row in conn.execute(_LANGUAGES, {"person": person})}


_C = inbox.conversations.c
_LATELY = select(_C.id).where(_C.person == bindparam("person")).order_by(_C.last_at.desc()).limit(10).subquery()
_LANGUAGES = (
    select(_K.value, _K.was).join(_LATELY, _LATELY.c.id == _K.conversation).where(_K.what == "language").order_by(_K.at)
)
