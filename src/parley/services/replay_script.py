"""What a replay needs, read from the record at once for another process, which cannot touch what it never sees.

Two bots get the same words under the same orders and people: those of now, because the desk keeps no older ones.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, select

from parley.core import events as e
from parley.core.measure import micros
from parley.core.trial import Change, Outcome
from parley.log import record as log
from parley.log.many import among
from parley.services import knowledge, orders, people, requests, setup, tools
from parley.services.candidates import Candidate
from parley.services.inbox import conversations
from parley.services.numbers import measured
from parley.services.procedures import kept

MOST = 5000  # messages of a replay
TURNS = 6  # of one conversation
FIRST = 60  # events of a conversation among which they are looked for
KEPT = (
    "bot_calibration", "bot_calibration_by_meaning", "bot_promise", "bot_choice_promise", "trial_bot_calibration",
    "trial_bot_calibration_by_meaning",
)  # fmt: skip


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer wrote. answer: what people answered to it then, and the number of that message."""

    event: e.MessageReceived
    at: datetime
    words: e.Words
    answer: str = ""
    answered_by: int | None = None


class Talk(msgspec.Struct, frozen=True, kw_only=True):
    opened: e.ConversationOpened
    number: int
    turns: tuple[Turn, ...]


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """rows: of tables, by their name, as they are. vectors: the file with what is known of the articles.

    cut: there would have been more messages.
    """

    change: Change
    brand: int | None
    by_meaning: bool
    vectors: str
    rows: dict[str, list[dict[str, Any]]]
    talks: list[Talk]
    cut: bool = False


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What both bots made of one message."""

    conversation: int
    message: int
    old: Outcome
    new: Outcome
    answered_by: int | None = None


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What the other process tells while it works."""

    done: int = 0
    whole: int = 0
    lines: list[Line] = []
    over: bool = False
    trouble: str = ""


def gather(conn: Connection, one: Candidate, since: datetime, until: datetime, everywhere: bool, **more: Any) -> Script:
    """more: by_meaning, vectors."""
    brands = setup.all_brands(conn)
    chosen = [one.brand] if one.brand is not None else list(brands)
    numbers = _numbers(conn, chosen, since, until, everywhere)
    talks, cut = _talks(conn, numbers)
    return Script(change=one.change, brand=one.brand, rows=_rows(conn, one.change, talks), talks=talks, cut=cut, **more)


def _numbers(conn: Connection, brands: Sequence[int], since: datetime, until: datetime, everywhere: bool) -> list[int]:
    of = measured.c
    question = select(of.conversation).where(of.began_at >= micros(since), of.began_at < micros(until))
    question = question.where(~of.quarantined, of.brand.in_(brands))
    if not everywhere:
        question = question.where(of.with_bot)
    return list(conn.execute(question.order_by(of.began_at).limit(MOST + 1)).scalars())


def _talks(conn: Connection, numbers: Sequence[int]) -> tuple[list[Talk], bool]:
    kinds = (e.ConversationOpened, e.MessageReceived, e.ReplyWritten)
    streams: dict[int, list[e.Recorded]] = {}
    for r in log.openings(conn, [e.conversation(number) for number in numbers], kinds, FIRST):
        streams.setdefault(r.subject_id, []).append(r)
    holder = {row.id: row.person for row in among(conn, conversations.c.id, numbers)}
    said = [_said(streams[number]) for number in numbers if number in streams]
    words = log.words_of(conn, [message for one in said for message in one])
    talks: list[Talk] = []
    count = 0
    for number in numbers:
        if count >= MOST:
            return talks, True
        talk = _talk(number, streams.get(number, []), holder.get(number, 0), words)
        if talk is not None and talk.turns:
            talks.append(talk)
            count += len(talk.turns)
    return talks, False


def _said(history: Sequence[e.Recorded]) -> list[int]:
    return [r.event.message for r in history if isinstance(r.event, e.MessageReceived | e.ReplyWritten)]


def _talk(number: int, history: Sequence[e.Recorded], person: int, words: dict[int, e.Words]) -> Talk | None:
    opened = next((r.event for r in history if isinstance(r.event, e.ConversationOpened)), None)
    if opened is None:
        return None
    turns: list[Turn] = []
    for r in history:
        if isinstance(r.event, e.MessageReceived) and len(turns) < TURNS and _counts(r.event, words):
            event = msgspec.structs.replace(r.event, person=person, history=False, files=(), delivery=None)
            turns.append(Turn(event=event, at=r.at, words=words[event.message]))
        elif turns and not turns[-1].answer and _by_people(r) and r.event.message in words:  # type: ignore[union-attr]
            message = r.event.message  # type: ignore[union-attr]
            turns[-1] = msgspec.structs.replace(turns[-1], answer=words[message].text, answered_by=message)
    opened = msgspec.structs.replace(opened, person=person, with_bot=True)
    return Talk(opened=opened, number=number, turns=tuple(turns))


def _counts(event: e.MessageReceived, words: dict[int, e.Words]) -> bool:
    """Whether a bot may read it, and whether its words are still there."""
    held = event.automatic or event.unverified or event.doubt or event.call == "rang"
    return not held and event.message in words and bool(words[event.message].text.strip())


def _by_people(r: e.Recorded) -> bool:
    return isinstance(r.event, e.ReplyWritten) and r.by.startswith("agent/") and not r.event.automatic


def _rows(conn: Connection, change: Change, talks: Sequence[Talk]) -> dict[str, list[dict[str, Any]]]:
    """Rows of the tables that a bot looks at: of these people, their orders, and the articles of both bots."""
    persons = sorted({talk.opened.person for talk in talks})
    addresses = _among(conn, people.identities.c.person, persons)
    mails = [row["value"] for row in addresses if row["kind"] == "mail"]
    named = sorted({number for talk in talks for turn in talk.turns for number in _named(turn.words.text)})
    shop = {row["number"]: row for row in _among(conn, orders.orders.c.number, named)}
    shop |= {row["number"]: row for row in _among(conn, orders.orders.c.mail, mails)}
    replayed = {talk.number for talk in talks}
    made = _among(conn, requests.requests.c.number, sorted(shop))
    shown = [one.id for one in knowledge.some(conn, change.shown)]
    articles = knowledge.articles
    return {
        "brands": _all(conn, setup.brands),
        "inboxes": [{**row, "settings": b"{}"} for row in _all(conn, setup.inboxes)],
        "settings": _among(conn, setup.settings.c.key, KEPT),
        "articles": _among(conn, articles.c.audience, ["public"]) + _among(conn, articles.c.id, shown),
        "people": _among(conn, people.people.c.id, persons),
        "identities": addresses,
        "orders": list(shop.values()),
        "shop_requests": [row for row in made if row["conversation"] not in replayed],
        "written_procedures": _all(conn, kept.written),
        "procedure_versions": _all(conn, kept.versions),
        "tools": [{**row, "secrets": b"{}"} for row in _all(conn, tools.tools)],
    }


def _named(text: str) -> list[str]:
    """What may be an order's number, whatever the brand's pattern is."""
    return [word.strip("#.,;:!?()\"'") for word in text.split() if any(sign.isdigit() for sign in word)][:20]


def _among(conn: Connection, column: Any, values: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in among(conn, column, values)]


def _all(conn: Connection, table: Table) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in conn.execute(select(table))]
