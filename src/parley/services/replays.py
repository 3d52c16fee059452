"""Replays of a day to the present bot and to a candidate: run in a process of their own, their lines kept for a month.

Nothing is written to the log but that a replay began and what came of it. Lines hold what both bots said with names and
numbers taken out; what customers wrote is read from the record when it is shown, so that what is erased is gone.
"""

import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, String, Table, delete, insert, select, update

from parley.core import events as e
from parley.core import trial as t
from parley.core.errors import Busy, NotFound, Refused
from parley.core.redaction import redacted
from parley.core.stats import Change, Estimate, share
from parley.log.record import Record, Tx, words_of
from parley.log.tables import Id, Moment, metadata
from parley.services import candidates, replay_script
from parley.services.inbox import Viewer, conversations, visible_to
from parley.services.replay_script import Frame, Line

logger = logging.getLogger("parley.lab")

KEPT = timedelta(days=30)
LONGEST = timedelta(days=31)
SILENT = timedelta(seconds=60)  # without a sign of life, and a replay is held to be cut off
PATIENCE = 1800.0  # seconds a replay may take
ALIKE = 0.6  # likeness from which on two answers are called alike

lines = Table(
    "replay_lines",
    metadata,
    Column("replay", Id, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("message", Id, nullable=False),
    Column("answer", Id),
    Column("kind", String(10), nullable=False),
    Column("outcomes", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False),
)
_L = lines.c
Index("ix_replay_lines_kind", _L.replay, _L.kind, _L.number)
Index("ix_replay_lines_at", _L.at)
Index("ix_replay_lines_message", _L.message)
Index("ix_replay_lines_answer", _L.answer)

progress = Table(
    "replay_progress",
    metadata,
    Column("replay", Id, primary_key=True, autoincrement=False),
    Column("done", Integer, nullable=False),
    Column("whole", Integer, nullable=False),
    Column("beat_at", Moment, nullable=False),
)
_P = progress.c


class ErasedReader:
    """What was said to a message is forgotten with its words.

    Lines are no facts and cannot be made from the log: a rebuild keeps those that are there.
    """

    name = "replay-lines"
    in_step = True
    kinds = (e.WordsErased, e.MessageWithdrawn)
    tables = ()

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        for r in batch:
            if isinstance(r.event, e.WordsErased | e.MessageWithdrawn):
                gone = r.event.message
                tx.conn.execute(delete(lines).where(_L.message == gone))
                tx.conn.execute(update(lines).where(_L.answer == gone).values(answer=None))


class Lab:
    """Runs replays beside the desk, one at a time."""

    def __init__(
        self, record: Record, module: str, *, by_meaning: bool, vectors: Path | None, encoder: Mapping[str, str]
    ) -> None:
        """module: what the other process runs. vectors: what is known of the articles, which it copies. encoder: what
        its environment has to say of it."""
        self.encoder = dict(encoder)
        self.record, self.module, self.by_meaning, self.vectors = record, module, by_meaning, vectors
        self._going = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped_by, self._number = "", 0
        self._thread: threading.Thread | None = None

    def begin(self, candidate: int, since: datetime, until: datetime, everywhere: bool, who: Viewer) -> int:
        """Start a replay. Returns its number; Busy where one is running."""
        one = self.record.ask(candidates.of_viewer, candidate, who)
        candidates.check_lead(who, one.brand)
        if not since < until or until - since > LONGEST:
            raise Refused("A replay covers a day at least and 31 days at most.")
        if not self._going.acquire(blocking=False):
            raise Busy("Another replay is running. Wait for it, or stop it.")
        try:
            number = self.record.do(lambda tx: _begin(tx, candidate, since, until, everywhere, who))
            self._stopped_by, self._number = "", number
            arguments = (number, one, since, until, everywhere)
            self._thread = threading.Thread(target=self._run, args=arguments, name="parley-lab", daemon=True)
            self._thread.start()
        except BaseException:
            self._going.release()
            raise
        return number

    @property
    def busy(self) -> bool:
        """Whether a replay is running."""
        return self._going.locked()

    def stop(self, number: int | None = None, who: str = "the desk, which was shut down") -> None:
        """End what runs, provided that it is this one; it says so."""
        if not self.busy or number not in (None, self._number):
            return
        self._stopped_by = who
        if (process := self._process) is not None:
            process.kill()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=10)

    def wait(self, seconds: float) -> None:
        """Until what runs is over."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, number: int, one: candidates.Candidate, since: datetime, until: datetime, everywhere: bool) -> None:
        began = time.monotonic()
        taken = _Taken(self.record, number)
        try:
            trouble = self._play(taken, one, since, until, everywhere)
        except Exception as error:
            logger.exception("A replay could not be held")
            trouble = f"It could not be held: {error}"
        finally:
            self._going.release()
        trouble = f"Stopped by {self._stopped_by}." if self._stopped_by else trouble
        done = taken.result(time.monotonic() - began, trouble)
        try:
            self.record.do(lambda tx: tx.append(e.candidate(one.id), [done], "lab"))
        except Busy as error:
            logger.warning("What came of a replay could not be kept: %s", error)

    def _play(
        self, taken: "_Taken", one: candidates.Candidate, since: datetime, until: datetime, everywhere: bool
    ) -> str:
        """Why it is not whole; empty: it is."""
        more = {"by_meaning": self.by_meaning, "vectors": str(self.vectors or "")}
        script = self.record.ask(replay_script.gather, one, since, until, everywhere, **more)
        data, cut = msgspec.msgpack.encode(script), script.cut
        del script
        with tempfile.TemporaryDirectory(prefix="parley-replay-", ignore_cleanup_errors=True) as folder:
            trouble = self._apart(data, taken, folder)
        most = f"Only the first {replay_script.MOST:,} messages were put to both." if cut else ""
        return trouble or most

    def _apart(self, data: bytes, taken: "_Taken", folder: str) -> str:
        """Let the other process do it in this folder, which is cleared away when it is gone, however it ended."""
        # Each thread's own heap would cost more than what it holds.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "MALLOC_ARENA_MAX": "1"}
        environment |= self.encoder
        command = [sys.executable, "-m", self.module, folder]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        guard, over = threading.Timer(PATIENCE, self._process.kill), threading.Event()
        guard.start()
        threading.Thread(target=taken.beat, args=(over,), name="parley-lab-beat", daemon=True).start()
        try:
            return "" if self._stopped_by else self._listen(self._process, data, taken)
        finally:
            over.set()
            guard.cancel()
            self._end()

    def _listen(self, process: "subprocess.Popen[bytes]", data: bytes, taken: "_Taken") -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(len(data).to_bytes(8, "big") + data)
            process.stdin.flush()
        except OSError:
            return "The process that held it ended early."
        while head := process.stdout.read(8):
            frame = msgspec.msgpack.decode(process.stdout.read(int.from_bytes(head, "big")), type=Frame)
            if frame.over:
                return frame.trouble
            taken.take(frame)
        return "The process that held it ended early."

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()


def _begin(tx: Tx, candidate: int, since: datetime, until: datetime, everywhere: bool, who: Viewer) -> int:
    number = tx.new_id("replay")
    began = e.ReplayBegun(replay=number, since=since, until=until, everywhere=everywhere)
    tx.append(e.candidate(candidate), [began], who.by)
    tx.conn.execute(delete(lines).where(_L.at < tx.at - KEPT))
    tx.conn.execute(delete(progress).where(_P.beat_at < tx.at - KEPT))
    tx.conn.execute(insert(progress).values(replay=number, done=0, whole=0, beat_at=tx.at))
    return number


class _Taken:
    """What came of a replay so far."""

    def __init__(self, record: Record, replay: int) -> None:
        self.record, self.replay = record, replay
        self.count, self.kinds = 0, dict.fromkeys(t.KINDS, 0)
        self.agreed, self.compared = [0, 0], [0, 0]
        self.kept: dict[int, list[bool]] = {}  # conversation → whether each bot handed it to nobody
        self._told = 0.0

    def take(self, frame: Frame) -> None:
        rows = [self._row(line) for line in frame.lines]
        now = time.monotonic()
        if not rows and now - self._told < 1:
            return
        self._told = now
        self.record.do(lambda tx: self._keep(tx, rows, frame))

    def beat(self, over: threading.Event) -> None:
        """A sign of life now and then: articles are read for minutes before the first message."""
        mine = update(progress).where(_P.replay == self.replay)
        while not over.wait(SILENT.total_seconds() / 4):
            try:
                self.record.do(lambda tx: tx.conn.execute(mine.values(beat_at=tx.at)))
            except Busy:
                continue  # the next one will do

    def _row(self, line: Line) -> dict[str, Any]:
        kind = t.kind_of(line.old, line.new)
        self.count += 1
        self.kinds[kind] += 1
        for place, one in enumerate((line.old, line.new)):
            self.kept.setdefault(line.conversation, [True, True])[place] &= one.kind in t.HELD
            self.compared[place] += one.alike is not None
            self.agreed[place] += one.alike is not None and one.alike >= ALIKE
        both = tuple(msgspec.structs.replace(one, text=redacted(one.text)[:3000]) for one in (line.old, line.new))
        return {
            "replay": self.replay, "number": self.count, "conversation": line.conversation, "message": line.message,
            "answer": line.answered_by, "kind": kind, "outcomes": msgspec.msgpack.encode(both),
        }  # fmt: skip

    def _keep(self, tx: Tx, rows: list[dict[str, Any]], frame: Frame) -> None:
        if rows:
            tx.conn.execute(insert(lines), [{**row, "at": tx.at} for row in rows])
        beat = {"done": frame.done, "whole": frame.whole, "beat_at": tx.at}
        tx.conn.execute(update(progress).where(_P.replay == self.replay).values(**beat))

    def result(self, seconds: float, trouble: str) -> e.ReplayEnded:
        both = list(self.kept.values())
        return e.ReplayEnded(
            replay=self.replay, messages=self.count, kinds={kind: n for kind, n in self.kinds.items() if n},
            talks=len(both), kept=(sum(old for old, _ in both), sum(new for _, new in both)),
            turned=(sum(new and not old for old, new in both), sum(old and not new for old, new in both)),
            agreed=(self.agreed[0], self.agreed[1]), compared=(self.compared[0], self.compared[1]),
            seconds=round(seconds, 1), trouble=trouble,
        )  # fmt: skip


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that changed in one way. rate: of all, with its Wilson interval."""

    kind: str
    label: str
    n: int
    rate: Estimate


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """state: running, done or cut off. kept: (old, new) of the conversations, those that the bot handed to nobody;
    gain: the difference, of the same conversations. agreed: (old, new) of the answers that can be compared, those that
    are alike."""

    replay: candidates.Replay
    state: str
    done: int
    whole: int
    parts: tuple[Part, ...] = ()
    kept: tuple[Estimate, Estimate] = (Estimate(), Estimate())
    gain: Change = Change()
    agreed: tuple[Estimate, Estimate] = (Estimate(), Estimate())

    @property
    def result(self) -> e.ReplayEnded:
        return self.replay.result or e.ReplayEnded(replay=self.replay.id)


def summary(conn: Connection, one: candidates.Replay, now: datetime) -> Summary:
    row = conn.execute(select(progress).where(_P.replay == one.id)).one_or_none()
    done, whole = (row.done, row.whole) if row else (0, 0)
    if one.result is None:
        alive = row is not None and row.beat_at > now - SILENT
        return Summary(replay=one, state="running" if alive else "cut off", done=done, whole=whole)
    r = one.result
    parts = tuple(
        Part(kind=kind, label=label, n=r.kinds.get(kind, 0), rate=share(r.kinds.get(kind, 0), r.messages))
        for kind, label in t.KINDS.items()
    )
    return Summary(
        replay=one, state="done", done=whole, whole=whole, parts=parts,
        kept=(share(r.kept[0], r.talks), share(r.kept[1], r.talks)), gain=t.paired(*r.turned, r.talks),
        agreed=(share(r.agreed[0], r.compared[0]), share(r.agreed[1], r.compared[1])),
    )  # fmt: skip


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A line with its words. said: the customer's; empty: erased. answer: what people answered then, if they did."""

    number: int
    conversation: int
    message: int
    kind: str
    said: str
    old: t.Outcome
    new: t.Outcome
    answer: str = ""


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """after: the number to go on behind, None at the end."""

    rows: tuple[Shown, ...]
    after: int | None = None


def shown(conn: Connection, replay: int, who: Viewer, kind: str = "", after: int = 0, limit: int = 30) -> Lines:
    """A page of lines in conversations that the viewer may see; kind: one of KINDS, "changed", or empty for all."""
    if kind not in ("", "changed", *t.KINDS):
        raise NotFound("There is no such kind of change.")
    question = select(lines).join(conversations, conversations.c.id == _L.conversation)
    question = question.where(_L.replay == replay, _L.number > after, visible_to(who))
    if kind == "changed":
        question = question.where(_L.kind != "same")
    elif kind:
        question = question.where(_L.kind == kind)
    rows = conn.execute(question.order_by(_L.number).limit(limit + 1)).all()
    wanted = [number for row in rows[:limit] for number in (row.message, row.answer) if number is not None]
    words = words_of(conn, wanted)
    found = tuple(_shown(row, words) for row in rows[:limit])
    return Lines(rows=found, after=found[-1].number if len(rows) > limit else None)


def _shown(row: Any, words: Mapping[int, e.Words]) -> Shown:
    old, new = msgspec.msgpack.decode(row.outcomes, type=tuple[t.Outcome, t.Outcome])
    return Shown(
        number=row.number, conversation=row.conversation, message=row.message, kind=row.kind, old=old, new=new,
        said=_new_words(words.get(row.message)), answer=_new_words(words.get(row.answer)) if row.answer else "",
    )  # fmt: skip


def _new_words(words: e.Words | None) -> str:
    return "" if words is None else words.text[: words.fold].strip()
