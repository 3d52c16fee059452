"""Calls of tools: written down before they are made, made by a worker, and what came of them written down.

A procedure asks with `ask`, inside the transaction of the bot's turn. The worker takes a call up (`ToolTried`), so that
no other does, and notes its outcome (`ToolAnswered`), which the bot follows. Should the process die in between, a call
that can do no harm is made again with the same key; one that may have acted is uncertain, and a person is told.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from parley.core import events as e
from parley.core import picking
from parley.core.errors import Busy, Refused
from parley.log.record import Record, Tx, words_of
from parley.log.tables import Id, Moment, metadata
from parley.services import tools
from parley.services.tool_requests import TRIES, Outcome
from parley.services.tools import Tool
from parley.services.working import keep_working

logger = logging.getLogger("parley.tools")

calls = Table(
    "tool_calls",
    metadata,
    Column("call", Id, primary_key=True, autoincrement=False),
    Column("tool", String(24), nullable=False),
    Column("procedure", String(40), nullable=False),
    Column("conversation", Id, nullable=False),
    Column("at", Moment, nullable=False),
    Column("key", String(80), nullable=False),
    Column("acts", Boolean, nullable=False),
    Column("taken", Integer, nullable=False),
    Column("until", Moment),
    Column("outcome", String(12), nullable=False),
    Column("sentence", String(300), nullable=False),
    Column("status", Integer, nullable=False),
    Column("ms", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("answer", Id),
)
_C = calls.c
Index("ix_tool_calls_tool", _C.tool, _C.at)
Index("ix_tool_calls_at", _C.at, _C.call)
Index("ix_tool_calls_outcome", _C.outcome, _C.at)
Index("ix_tool_calls_conversation", _C.conversation, _C.at)

BY = "tools"
WAITS = ""
AT_ONCE = 8
AN_HOUR = 20
"""Calls for one conversation within an hour; a procedure that wants more has lost its way."""

FRESH = timedelta(minutes=15)
"""For so long an answer is not asked for again."""

BROKE_OFF = "The desk stopped while it was asked, so what became of it is not known."
SLOW = 3.0
"""After so many seconds the customer is told that it takes a moment."""

FAILS, PAUSE = 5, 30.0
"""So many failures of a tool in a row, and it is left alone for so many seconds: customers reach a person sooner."""

Make = Callable[[Tool, Mapping[str, str], Mapping[str, Any], str, frozenset[str]], Awaitable[Outcome]]


class CallReader:
    """Every call with what became of it; those that wait are the worker's work."""

    name = "tool_calls"
    in_step = True
    kinds = (e.ToolCalled, e.ToolTried, e.ToolAnswered)
    tables = (calls,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        for r in batch:
            match r.event:
                case e.ToolCalled() as called:
                    tx.conn.execute(insert(calls).values(_row(r, called)))
                case e.ToolTried(call=call, until=until):
                    tx.conn.execute(update(calls).where(_C.call == call).values(taken=_C.taken + 1, until=until))
                case e.ToolAnswered() as said:
                    news = {"outcome": said.outcome, "sentence": said.sentence[:300], "status": said.status,
                            "ms": said.ms, "tries": said.tries, "answer": said.answer, "until": None}  # fmt: skip
                    tx.conn.execute(update(calls).where(_C.call == said.call).values(**news))


def _row(r: e.Recorded, called: e.ToolCalled) -> dict[str, Any]:
    return {
        "call": called.call, "tool": called.tool, "procedure": called.procedure, "conversation": r.subject_id,
        "at": r.at, "key": called.key, "acts": called.acts, "taken": 0, "until": None, "outcome": WAITS, "sentence": "",
        "status": 0, "ms": 0, "tries": 0, "answer": None,
    }  # fmt: skip


# ── asking for one ──────────────────────────────────────────────────────────────────────────


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a procedure wants of a tool. own: addresses that are shown to be the customer's; the first is told to it."""

    tool: str
    arguments: Mapping[str, Any]
    own: tuple[str, ...]
    procedure: str
    version: int
    because: int
    key: str
    acts: bool = False
    undoes: int | None = None


def ask(tx: Tx, conversation: int, wanted: Wanted, by: str) -> int:
    """Have it called once this is written. Refused where the customer's rights do not reach so far."""
    tool = tools.find(tx.conn, wanted.tool)
    if tool is None:
        raise Refused(f"There is no connection “{wanted.tool}” any more.")
    if tool.acts != wanted.acts:
        raise Refused(f"“{tool.title}” is used for what it is not declared for.")
    if tool.personal and not wanted.own:
        raise Refused(f"“{tool.title}” is asked only for a customer who has shown who they are.")
    since = select(func.count()).select_from(calls).where(_C.conversation == conversation)
    if tx.conn.execute(since.where(_C.at > tx.at - timedelta(hours=1))).scalar_one() >= AN_HOUR:
        raise Refused("Other systems were asked too often in this conversation.")
    call = tx.new_id("message")
    told = {one.name: wanted.arguments.get(one.name) for one in tool.parameters if one.kind != "customer"}
    told |= {one.name: wanted.own[0] for one in tool.parameters if one.kind == "customer" and wanted.own}
    fact = e.ToolCalled(
        call=call, tool=tool.name, procedure=wanted.procedure, version=wanted.version, because=wanted.because,
        key=wanted.key, acts=wanted.acts, undoes=wanted.undoes,
    )  # fmt: skip
    tx.append(e.conversation(conversation), [fact], by)
    asked = {"arguments": told, "as": msgspec.to_builtins(wanted.arguments), "own": list(wanted.own)}
    tx.say(call, e.Words(text=msgspec.json.encode(asked).decode()))
    return call


# ── what came of them ───────────────────────────────────────────────────────────────────────


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a conversation with its outcome. asked: arguments as the procedure gave them."""

    called: e.ToolCalled
    answered: e.ToolAnswered
    asked: Mapping[str, Any] = {}
    values: Mapping[str, Any] = {}


def known(conn: Connection, history: Sequence[e.Recorded], now: datetime, fresh: timedelta = FRESH) -> list[Known]:
    """What other systems answered in this conversation of late, oldest first, none from before the last act."""
    called = {r.event.call: r.event for r in history if isinstance(r.event, e.ToolCalled)}
    found: list[tuple[e.ToolCalled, e.ToolAnswered]] = []
    for r in history:
        if isinstance(r.event, e.ToolAnswered) and r.event.call in called and now - r.at <= fresh:
            call = called[r.event.call]
            found = [] if call.acts else found
            if not call.acts and r.event.outcome in ("answered", "none"):
                found.append((call, r.event))
    return _with_words(conn, found)


def _with_words(conn: Connection, found: Sequence[tuple[e.ToolCalled, e.ToolAnswered]]) -> list[Known]:
    """With what was asked and answered, as far as it was not erased."""
    if not found:
        return []
    words = words_of(conn, [n for call, answer in found for n in (call.call, answer.answer) if n is not None])
    declared = tools.every(conn)
    return [
        Known(
            called=call, answered=answer, asked=_json(words.get(call.call)).get("as", {}),
            values=_values(declared.get(call.tool), _json(words.get(answer.answer or 0))),
        )
        for call, answer in found
    ]  # fmt: skip


def _values(tool: Tool | None, said: Mapping[str, Any]) -> dict[str, Any]:
    return {one.name: picking.value(said.get(one.name), one.kind) for one in tool.answer} if tool else {}


def one(conn: Connection, history: Sequence[e.Recorded], r: e.Recorded) -> Known | None:
    """The call that an answer belongs to."""
    assert isinstance(r.event, e.ToolAnswered)
    for before in history:
        if isinstance(before.event, e.ToolCalled) and before.event.call == r.event.call:
            return _with_words(conn, [(before.event, r.event)])[0]
    return None


def _json(words: e.Words | None) -> dict[str, Any]:
    """What lies there; nothing where it was erased."""
    return msgspec.json.decode(words.text) if words is not None and words.text else {}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One call as it is shown."""

    call: int
    tool: str
    procedure: str
    conversation: int
    at: datetime
    acts: bool
    outcome: str
    sentence: str
    status: int
    ms: int
    tries: int


def newest(conn: Connection, tool: str = "", limit: int = 30) -> list[Line]:
    question = select(calls).order_by(_C.at.desc(), _C.call.desc()).limit(limit)
    rows = conn.execute(question.where(_C.tool == tool) if tool else question)
    return [Line(**{name: getattr(row, name) for name in Line.__struct_fields__}) for row in rows]


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """A tool's last day. ms: of the calls that were answered, in the middle."""

    calls: int = 0
    well: int = 0
    ms: int = 0


def tallies(conn: Connection, now: datetime) -> dict[str, Tally]:
    """How each tool did within a day."""
    question = select(_C.tool, _C.outcome, _C.ms).where(_C.at > now - timedelta(days=1), _C.outcome != WAITS)
    seen: dict[str, list[tuple[str, int]]] = {}
    for row in conn.execute(question.order_by(_C.at.desc()).limit(5000)):
        seen.setdefault(row.tool, []).append((row.outcome, row.ms))
    found = {}
    for tool, many in seen.items():
        well = sorted(ms for outcome, ms in many if outcome in ("answered", "none", "refused"))
        found[tool] = Tally(calls=len(many), well=len(well), ms=well[len(well) // 2] if well else 0)
    return found


# ── the worker ──────────────────────────────────────────────────────────────────────────────


_DUE = (
    select(calls)
    .where(_C.outcome == WAITS, or_(_C.until.is_(None), _C.until < bindparam("now")))
    .order_by(_C.at, _C.call)
    .limit(bindparam("limit", type_=Integer))
)


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A call that was taken up. again: another process had taken it up and did not come back."""

    row: Any
    tool: Tool | None
    secrets: Mapping[str, str]
    arguments: Mapping[str, Any]
    own: tuple[str, ...]
    inside: frozenset[str]
    again: bool


class CallWorker:
    """Makes the calls that wait, a few at a time. make: how; conversations are rehearsed without a line."""

    def __init__(self, record: Record, make: Make) -> None:
        self.record, self.make = record, make
        self._under_way: set[int] = set()
        self._fails: dict[str, int] = {}
        self._not_before: dict[str, float] = {}

    async def run(self) -> None:
        """Until cancelled."""
        await keep_working(self.record, (e.ToolCalled,), AT_ONCE, self._due, self._make_and_note)

    async def round(self) -> int:
        """Make the calls that wait now. Returns how many there were."""
        due = await asyncio.to_thread(self._due, AT_ONCE)
        await asyncio.gather(*(self._make_and_note(call) for call in due))
        return len(due)

    def _due(self, places: int) -> list[int]:
        bounds = {"now": self.record.clock(), "limit": places + len(self._under_way)}
        with self.record.reading() as conn:
            waiting = [row.call for row in conn.execute(_DUE, bounds)]
        fresh = [call for call in waiting if call not in self._under_way][:places]
        self._under_way |= set(fresh)
        return fresh

    async def _make_and_note(self, call: int) -> None:
        try:
            work = await asyncio.wrap_future(self.record.write(lambda tx: _take_up(tx, call)))
            if work is not None:
                outcome = await self._outcome(work)
                await asyncio.wrap_future(self.record.write(lambda tx: _note(tx, work, outcome)))
        except Busy as error:
            logger.warning("A call waits to be noted: %s", error)
        finally:
            self._under_way.discard(call)

    async def _outcome(self, work: Work) -> Outcome:
        tool = work.tool
        if tool is None:
            return Outcome(fate="failed", sentence="This connection was removed.")
        if work.again and not tool.repeatable:
            return Outcome(fate="uncertain", sentence=BROKE_OFF)
        if time.monotonic() < self._not_before.get(tool.name, 0.0):
            return Outcome(fate="failed", sentence="It failed several times just now and is left alone for a moment.")
        slow = asyncio.create_task(self._tell_slow(work))
        try:
            outcome = await self.make(tool, work.secrets, work.arguments, work.row.key, work.inside)
        except Exception:
            logger.exception("The tool %s failed in a way that was not foreseen", tool.name)
            outcome = Outcome(fate="uncertain" if tool.acts else "failed", sentence="It could not be asked.")
        finally:
            slow.cancel()
        self._count(tool.name, outcome)
        return theirs(tool, outcome, work.own)

    async def _tell_slow(self, work: Work) -> None:
        await asyncio.sleep(SLOW)
        with contextlib.suppress(Busy):
            await asyncio.wrap_future(self.record.write(lambda tx: delay(tx, work.row.call, work.row.conversation)))

    def _count(self, name: str, outcome: Outcome) -> None:
        well = outcome.fate in ("answered", "none", "refused")
        self._fails[name] = 0 if well else self._fails.get(name, 0) + 1
        if self._fails[name] >= FAILS:
            self._fails[name], self._not_before[name] = 0, time.monotonic() + PAUSE


def theirs(tool: Tool, outcome: Outcome, own: Sequence[str]) -> Outcome:
    """What belongs to somebody else is as if it were not there, and is written down nowhere."""
    if not tool.owner or outcome.fate != "answered":
        return outcome
    owner = str(outcome.values.get(tool.owner) or "").strip().lower()
    if owner and owner in {one.strip().lower() for one in own}:
        return outcome
    return msgspec.structs.replace(outcome, fate="none", values={}, sentence="It belongs to somebody else.")


def _take_up(tx: Tx, call: int) -> Work | None:
    row = tx.conn.execute(select(calls).where(_C.call == call)).one_or_none()
    if row is None or row.outcome != WAITS or (row.until is not None and row.until >= tx.at):
        return None
    tool = tools.find(tx.conn, row.tool)
    seconds = (tool.seconds + 6) * TRIES if tool else 5
    fact = e.ToolTried(call=call, until=tx.at + timedelta(seconds=seconds))
    tx.append(e.conversation(row.conversation), [fact], BY)
    asked = _json(words_of(tx.conn, [call]).get(call))
    return Work(
        row=row, tool=tool, secrets=tools.secrets_of(tx.conn, row.tool), arguments=asked.get("arguments", {}),
        own=tuple(asked.get("own", ())), inside=tools.inside(tx.conn), again=row.taken > 0,
    )  # fmt: skip


def delay(tx: Tx, call: int, conversation: int) -> None:
    """It takes long, unless it was answered this very moment."""
    if tx.conn.execute(select(_C.outcome).where(_C.call == call)).scalar() == WAITS:
        tx.append(e.conversation(conversation), [e.ToolDelayed(call=call)], BY)


def _note(tx: Tx, work: Work, outcome: Outcome) -> None:
    """What came of it, unless another process was faster."""
    row = work.row
    if tx.conn.execute(select(_C.outcome).where(_C.call == row.call)).scalar() != WAITS:
        return
    answer = tx.new_id("message") if outcome.fate == "answered" else None
    fact = e.ToolAnswered(
        call=row.call, tool=row.tool, outcome=outcome.fate, sentence=outcome.sentence, answer=answer,
        status=outcome.status, ms=outcome.ms, tries=outcome.tries,
    )  # fmt: skip
    tx.append(e.conversation(row.conversation), [fact], BY)
    if answer is not None:
        tx.say(answer, e.Words(text=msgspec.json.encode(outcome.values).decode()))
