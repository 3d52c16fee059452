"""Plays a day once more to two bots, in a process of its own on a desk in a folder of its own.

It is given everything it needs (`services/replay_script.py`) and never opens the record: nothing that happens here can
reach a real conversation, a customer or an order. Codes are "mailed" to nobody, procedures act on copies of the orders,
other systems are not asked: they answer what their connection gives for rehearsals.
"""

import asyncio
import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from sqlalchemy import delete, insert

from parley.app import Desk
from parley.channels import installed
from parley.config import Config
from parley.core import conversation as talk
from parley.core import events as e
from parley.core import trial as t
from parley.core.channel import Delivery, Door, Inbound, Inbox, Manifest, Outbound, Receipt
from parley.core.conversation import State
from parley.core.embeddings import Unreachable
from parley.log import record as log
from parley.log.record import Tx
from parley.log.tables import metadata
from parley.services import access, inbox, orders, requests, tool_requests
from parley.services.replay_script import Frame, Line, Script, Talk, Turn
from parley.services.tools import Tool
from parley.services.trials import Trial

AT_ONCE = 100  # messages between two signs of life
ENCODER = ("embeddings", "embeddings_key", "embeddings_prefix")
SAYS_SOMETHING = 25  # characters of a sentence: no greeting, no thanks
START = "2026-01-01T00:00:00+00:00"


class NoSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a door's copy is not told."""


class Shut:
    """A channel's copy, through which nothing comes or goes."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = msgspec.structs.replace(manifest, settings=NoSettings)

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        return []

    async def listen(self, door: Door) -> None:
        """Nobody comes."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        raise AssertionError("a replay sends nothing")

    def check(self, inbox: Inbox) -> list[str]:
        return []


def _encoder() -> dict[str, Any]:
    """The desk's own, as its lab put it into this process's environment."""
    return {name: os.environ.get(f"PARLEY_{name.upper()}", "") for name in ENCODER}


class Stage:
    """A desk with the articles, people and orders of the script."""

    def __init__(self, script: Script, folder: Path) -> None:
        self.script, self.now = script, datetime.fromisoformat(START)
        if script.vectors and Path(script.vectors).is_file():
            shutil.copy(script.vectors, folder / "vectors.npz")
        config = Config(
            data=folder, secret="a secret for replays", ai="meaning" if script.by_meaning else "words", **_encoder()
        )
        shut = {name: Shut(channel.manifest) for name, channel in installed().items()}
        self.desk = Desk(config, clock=lambda: self.now, channels=shut)
        self.record, self.bot = self.desk.record, self.desk.bot
        self.bot.model = None
        self.desk.caller.make = _rehearsed
        self.shift = 0
        self.record.do(self._build)
        self.desk.setup_changed()

    def _build(self, tx: Tx) -> None:
        for name, rows in self.script.rows.items():
            if rows:
                tx.conn.execute(insert(metadata.tables[name]), rows)

    def _as_before(self, tx: Tx) -> None:
        """Orders as they are at the desk, whatever the first bot did to its copies."""
        for table in (orders.orders, requests.requests, access.attempts):
            tx.conn.execute(delete(table))
            if rows := self.script.rows.get(table.name):
                tx.conn.execute(insert(table), rows)

    def play(self, change: t.Change | None, shift: int) -> Iterator[list[tuple[int, t.Outcome]]]:
        """Every message in the order in which they came, each conversation's one after another.

        shift: what is added to the numbers of conversations and messages, so that the second bot has its own.
        """
        self.record.do(self._as_before)
        self.bot.brain.learn_whole(self.record, change)
        self.bot.trials = lambda conn, states: _everybody(self.script, change, states)  # type: ignore[method-assign]
        self.shift = shift
        for rounds in range(max((len(one.turns) for one in self.script.talks), default=0)):
            turns = [(one, one.turns[rounds]) for one in self.script.talks if len(one.turns) > rounds]
            for start in range(0, len(turns), AT_ONCE):
                yield self._take(turns[start : start + AT_ONCE], first=rounds == 0)

    def _take(self, turns: Sequence[tuple[Talk, Turn]], first: bool) -> list[tuple[int, t.Outcome]]:
        self.now = max(self.now, max(turn.at for _, turn in turns))
        before = self.record.ask(log.head)
        batch: list[e.Recorded] = self.record.do(lambda tx: self._said(tx, turns, first))
        prepared = self.bot.prepare(self.record, batch)
        failed = self._answer(batch, prepared)
        failed |= self._hear_systems(before)
        found = self._outcomes(before)
        told = []
        for _, turn in turns:
            number = turn.event.message
            gone = t.Outcome(kind=t.FAILED, source=failed[number]) if number in failed else None
            told.append((number, gone or found.get(number) or t.Outcome(kind=t.WITH_PEOPLE)))
        return told

    def _answer(self, batch: Sequence[e.Recorded], prepared: Mapping[int, Any]) -> dict[int, str]:
        """What each message that no bot could take failed by."""
        try:
            self.record.do(lambda tx: self.bot.act(tx, batch, dict(prepared)))
            return {}
        except Exception:
            failed = {}
            for r in batch:
                try:
                    self.record.do(lambda tx, r=r: self.bot.act(tx, [r], dict(prepared)))  # type: ignore[misc]
                except Exception as error:
                    failed[r.event.message - self.shift] = f"{type(error).__name__}: {error}"[:200]  # type: ignore[union-attr]
            return failed

    def _hear_systems(self, seen: int) -> dict[int, str]:
        """What other systems answer here is what the bot goes on with. Returns what failed, as `_answer` does."""
        because, failed = dict[int, int](), dict[int, str]()
        while asyncio.run(self.desk.caller.round()):
            for r in self.record.ask(log.read, seen, 100_000, (e.ToolCalled, e.ToolAnswered)):
                seen = r.seq
                if isinstance(r.event, e.ToolCalled):
                    because[r.event.call] = r.event.because
                elif isinstance(r.event, e.ToolAnswered) and (trouble := self._go_on(r)):
                    failed[because[r.event.call] - self.shift] = trouble
        return failed

    def _go_on(self, r: e.Recorded) -> str:
        """What went wrong when the bot heard of an answer; empty where nothing did."""
        try:
            self.record.do(lambda tx: self.bot.act(tx, [r], None))
        except Exception as error:
            return f"{type(error).__name__}: {error}"[:200]
        return ""

    def _said(self, tx: Tx, turns: Sequence[tuple[Talk, Turn]], first: bool) -> list[e.Recorded]:
        """The customers' words, in conversations that are still with this bot."""
        states = {} if first else inbox.states(tx.conn, [one.number + self.shift for one, _ in turns])
        heard = []
        for one, turn in turns:
            number = one.number + self.shift
            if not first and states[number].status != talk.BOT:
                continue
            message = turn.event.message + self.shift
            event = msgspec.structs.replace(turn.event, message=message, external_id=f"{turn.event.message}/{number}")
            facts: list[e.Event] = [one.opened, event] if first else [event]
            tx.say(message, turn.words)
            heard.append(tx.append(e.conversation(number), facts, f"person/{event.person}", at=turn.at, new=first)[-1])
        tx.flush()
        return heard

    def _outcomes(self, before: int) -> dict[int, t.Outcome]:
        """What the bot made of each message, by its number at the desk."""
        kinds = (e.BotPondered, e.ProcedureWentOn, e.ReplyWritten)
        happened = self.record.ask(log.read, before, 100_000, kinds)
        said = self.record.ask(log.words_of, [r.event.message for r in happened if isinstance(r.event, e.ReplyWritten)])
        by_talk: dict[int, list[e.Recorded]] = {}
        for r in happened:
            by_talk.setdefault(r.subject_id, []).append(r)
        found = {}
        for events in by_talk.values():
            about = next((r.event.message for r in events if not isinstance(r.event, e.ReplyWritten)), None)  # type: ignore[union-attr]
            if about is not None:
                found[about - self.shift] = outcome([r.event for r in events], said)
        return found


async def _rehearsed(tool: Tool, *_: Any) -> tool_requests.Outcome:
    return tool_requests.rehearsed(tool, tool.rehearsed)


def _everybody(script: Script, change: t.Change | None, states: Mapping[int, State]) -> dict[int, Trial]:
    """Everybody has the candidate, in the brand that it is for."""
    if change is None:
        return {}
    return {
        number: Trial(candidate=0, arm=t.NEW, stage=0, change=change, person=state.person)
        for number, state in states.items()
        if script.brand in (None, state.brand)
    }


def outcome(events: Sequence[Any], said: Mapping[int, e.Words]) -> t.Outcome:
    """What one turn of a bot came to. A procedure that ends with a person is a hand-over."""
    replies = [one for one in events if isinstance(one, e.ReplyWritten) and one.purpose == "reply"]
    text = "\n\n".join(said[one.message].text for one in replies if one.message in said)
    thought = next((one for one in reversed(events) if isinstance(one, e.BotPondered)), None)
    step = next((one for one in reversed(events) if isinstance(one, e.ProcedureWentOn)), None)
    if thought is not None and thought.outcome.startswith(e.HANDED_OVER):
        return t.Outcome(kind=t.HANDED, source=thought.outcome.removeprefix(e.HANDED_OVER), text=text)
    if step is not None:
        return t.Outcome(kind=t.PROCEDURE, source=step.procedure, text=text)
    if thought is None:
        return t.Outcome(kind=t.WITH_PEOPLE)
    sure = thought.confidence
    if thought.outcome.startswith("answered from "):
        return t.Outcome(kind=t.ANSWERED, source=thought.outcome[14:], text=text, confidence=sure)
    if thought.outcome.startswith("offered: "):
        return t.Outcome(kind=t.OFFERED, source=thought.outcome[9:], text=text, confidence=sure)
    return t.Outcome(kind=t.TALK, source=thought.intent, text=text, confidence=sure)


# ── how alike an answer is to what people answered ──────────────────────────────────────────


def compared(lines: Sequence[Line], answers: Mapping[int, str], by_meaning: bool) -> list[Line]:
    """Lines with the likeness of each bot's answer to what people answered then."""
    found = []
    for line in lines:
        real = answers.get(line.message, "")
        old, new = (_alike(one, real, by_meaning) for one in (line.old, line.new))
        found.append(msgspec.structs.replace(line, old=old, new=new))
    return found


def _alike(one: t.Outcome, real: str, by_meaning: bool) -> t.Outcome:
    if not real or not one.text or one.kind not in t.HELD:
        return one
    return msgspec.structs.replace(one, alike=round(likeness(one.text, real, by_meaning), 3))


def likeness(one: str, other: str, by_meaning: bool) -> float:
    """From 0 to 1: how alike the two sentences are, one of each, that are most alike.

    Whole answers differ by greetings and by all that one says and the other leaves out; the sentence that answers is in
    both. By the cosine of the sentence encoder's vectors; without it, of the words in them.
    """
    from parley.ai.encoder import encoder

    mine, theirs = _sentences(one), _sentences(other)
    if by_meaning and (reads := encoder()) is not None:
        with suppress(Unreachable):
            vectors = reads.vectors([*mine, *theirs])
            return max(0.0, float((vectors[: len(mine)] @ vectors[len(mine) :].T).max()))
    return max(_shared(a, b) for a in mine for b in theirs)


def _sentences(text: str) -> list[str]:
    """Those long enough to say something; the whole where none is."""
    found = [part.strip() for part in re.split(r"(?<=[.!?])\s+|\n+", text[:2000])]
    return [part for part in found if len(part) >= SAYS_SOMETHING][:20] or [text[:2000]]


def _shared(one: str, other: str) -> float:
    from parley.ai.text import fold

    a, b = set(fold(one).split()), set(fold(other).split())
    return float(len(a & b) / (len(a) * len(b)) ** 0.5) if a and b else 0.0


# ── the process ─────────────────────────────────────────────────────────────────────────────


def frames(script: Script, folder: Path) -> Iterator[Frame]:
    """Signs of life while both bots are asked, then the lines."""
    whole, done = 2 * sum(len(one.turns) for one in script.talks), 0
    yield Frame(whole=whole)
    stage = Stage(script, folder)
    found: list[dict[int, t.Outcome]] = []
    most = max((turn.event.message for one in script.talks for turn in one.turns), default=0)
    most = max([most, *(one.number for one in script.talks)])
    stage.record.do(lambda tx: tx.new_ids("message", 4 * most + 1_000))  # what a bot says must have other numbers
    for change, shift in ((None, 0), (script.change, most)):
        found.append({})
        for told in stage.play(change, shift):
            found[-1].update(told)
            done += len(told)
            yield Frame(done=done, whole=whole)
    answers = {turn.event.message: turn.answer for one in script.talks for turn in one.turns if turn.answer}
    turns = [(one, turn) for one in script.talks for turn in one.turns]
    for start in range(0, len(turns), AT_ONCE):
        lines = [_line(one, turn, found) for one, turn in turns[start : start + AT_ONCE]]
        yield Frame(done=done, whole=whole, lines=compared(lines, answers, script.by_meaning))
    stage.record.close()


def _line(one: Talk, turn: Turn, found: Sequence[Mapping[int, t.Outcome]]) -> Line:
    old, new = (outcomes[turn.event.message] for outcomes in found)
    message = turn.event.message
    return Line(conversation=one.number, message=message, old=old, new=new, answered_by=turn.answered_by)


def serve(coming: BinaryIO, going: BinaryIO, folder: Path) -> None:
    """Read one script, tell what came of it, and end. Whoever asked clears the folder away."""
    size = int.from_bytes(coming.read(8), "big")
    data = coming.read(size)
    if len(data) < size:
        return  # whoever asked is gone
    script = msgspec.msgpack.decode(data, type=Script)
    threading.Thread(target=_end_with, args=(coming, folder), daemon=True).start()
    try:
        for frame in frames(script, folder):
            _tell(going, frame)
        _tell(going, Frame(over=True))
    except Exception as error:
        _tell(going, Frame(over=True, trouble=f"{type(error).__name__}: {error}"[:300]))


def _end_with(coming: BinaryIO, folder: Path) -> None:
    """Nobody is left to tell it to: the process that asked has ended. What customers wrote does not stay behind."""
    coming.read(1)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _tell(going: BinaryIO, frame: Frame) -> None:
    data = msgspec.msgpack.encode(frame)
    going.write(len(data).to_bytes(8, "big") + data)
    going.flush()


if __name__ == "__main__":
    os.nice(5)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed must not get between the frames
    serve(sys.stdin.buffer, told, Path(sys.argv[1]))
