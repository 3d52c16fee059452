"""What happens at the desk, told to every open page at once.

One task follows the log. For every conversation that changed it asks the renderer once per scope (the
set of brands an agent serves), and gives the same bytes to all who may see the conversation. Who is
looking at what, and who types, is told the same way but is no fact: it is in no log and not replayed.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection

from parley.core import events as e
from parley.core.conversation import State
from parley.log import record as log
from parley.log.record import Record
from parley.services import inbox, routing, setup
from parley.services.inbox import Viewer, can_see
from parley.web import formats, views

logger = logging.getLogger("parley.live")

Scope = tuple[int, ...] | None  # the brands somebody serves; None: all

BATCH = 500
WAITING_AT_MOST = 2_000_000  # bytes that may wait for a slow page
POLL_SECONDS = 2.0
LOOKS_SECONDS = 45.0  # a page says every 20 s what its agent looks at
WRITES_SECONDS = 6.0
OPEN_SECONDS = 60.0


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one conversation that follow each other in the log, and the conversation as it is now."""

    state: State
    events: tuple[e.Recorded, ...]

    @property
    def seq(self) -> int:
        return self.events[-1].seq


# (conn, what happened, brands) → what live pages of agents who serve these brands are told
Renderer = Callable[[Connection, Happening, Scope], views.Change]


def plain(conn: Connection, happening: Happening, scope: Scope) -> views.Change:
    """The renderer of a desk without pages: what changed and how many there are, without any HTML."""
    counts = inbox.counts(conn, Viewer(role="agent", brands=scope))
    kind = log.tag(type(happening.events[-1].event))
    return views.Change(seq=happening.seq, kind=kind, conversation=happening.state.id, counts=counts)


class Listener:
    """One open page: what waits for it is taken in one piece."""

    def __init__(self, who: Viewer) -> None:
        self.who = who
        self.closed = False
        self._waiting: list[bytes] = []
        self._size = 0
        self._stirred = asyncio.Event()

    def put(self, piece: bytes) -> None:
        """A page that is too slow is told to load itself anew instead."""
        if self._size + len(piece) > WAITING_AT_MOST:
            self._waiting, self._size = [RESET], len(RESET)
        else:
            self._waiting.append(piece)
            self._size += len(piece)
        self._stirred.set()

    def close(self) -> None:
        self.closed = True
        self._stirred.set()

    async def take(self, seconds: float) -> bytes:
        """Everything that waits, joined; empty when nothing came in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stirred.wait()
        self._stirred.clear()
        pieces, self._waiting, self._size = self._waiting, [], 0
        return b"".join(pieces)


class Hub:
    """Follows the log for all open pages of this process."""

    def __init__(self, record: Record, render: Renderer = plain) -> None:
        self.record = record
        self.render = render
        self.on_writing: Callable[[int, str, bool], None] = lambda conversation, name, on: None
        self.on_arrival: Callable[[Viewer], bytes] = lambda who: b""
        self.stay_seconds = OPEN_SECONDS
        self.missed_at_most = 1000  # events a page may be behind and still catch up
        self.seen = 0
        self._listeners: set[Listener] = set()
        self._crowd = Crowd()
        self._streams: dict[int, int] = {}
        self._nudge = asyncio.Event()
        self._grown = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._quit: Callable[[], None] = lambda: None

    # going ──────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> None:
        """Begin to follow, on the running loop."""
        self._loop = loop = asyncio.get_running_loop()
        self.seen = await asyncio.to_thread(self.record.ask, log.head)

        def nudged(seq: int) -> None:
            loop.call_soon_threadsafe(self._nudge.set)

        self._quit = self.record.on_news(nudged)
        self._start(self._follow())
        self._start(self._tidy())
        self._start(self._miss_everybody())

    async def close(self) -> None:
        self._quit()
        self._loop = None
        for listener in self._listeners:
            listener.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # following the log ──────────────────────────────────────────────────────────────────────

    async def _follow(self) -> None:
        while True:
            self._nudge.clear()
            try:
                while await self._spread():
                    pass
            except Exception:
                logger.exception("The live stream stumbled; pages catch up by themselves")
                await asyncio.sleep(1.0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._nudge.wait(), POLL_SECONDS)

    async def _spread(self) -> bool:
        """Tell the next batch to all who listen. True when there may be more."""
        scopes = {listener.who.brands for listener in self._listeners}
        upto, told = await asyncio.to_thread(self._read, self.seen, BATCH, scopes)
        more = upto > self.seen
        self.seen = upto
        if more:
            self._grown.set()
            self._grown = asyncio.Event()
        for state, pieces in told:
            for listener in self._listeners:
                if listener.who.brands in pieces and can_see(listener.who, state):
                    listener.put(pieces[listener.who.brands])
        return more

    def _read(self, after: int, limit: int, scopes: set[Scope]) -> tuple[int, list[tuple[State, dict[Scope, bytes]]]]:
        """(how far it read, what to tell to whom). Not for the event loop."""
        with self.record.reading() as conn:
            if not scopes:
                return max(after, log.head(conn)), []
            batch = log.read(conn, after, limit)
            if not batch:
                return after, []
            return batch[-1].seq, [
                (happening.state, self._pieces(conn, happening, scopes)) for happening in happenings(conn, batch)
            ]

    def _pieces(self, conn: Connection, happening: Happening, scopes: set[Scope]) -> dict[Scope, bytes]:
        wanted = [s for s in scopes if s is None or happening.state.brand in s]
        return {s: piece(self.render(conn, happening, s), happening.seq) for s in wanted}

    @property
    def news(self) -> asyncio.Event:
        """Set when the log grows beyond what was told so far. Take it before asking, then wait for it."""
        return self._grown

    # pages ──────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def listening(self, who: Viewer) -> Iterator[Listener]:
        """A place for one open page; while it stands, the agent counts as being there."""
        listener = Listener(who)
        self._listeners.add(listener)
        if who.agent:
            self._arrive(who)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if who.agent and self._loop:
                self._leave(who)

    async def stream(self, who: Viewer, after: int | None, beat: float = 20.0) -> AsyncIterator[bytes]:
        """What happens from `after` on, as server-sent events. Ends when the listener is closed."""
        with self.listening(who) as listener:
            here = self.seen
            yield b"retry: 2000\n\n"
            if after is not None and after != here:
                yield await asyncio.to_thread(self._missed, who, after, here)
            yield self._now(who) + await asyncio.to_thread(self.on_arrival, who)
            while not listener.closed:
                yield await listener.take(beat) or f"id: {self.seen}\n: still here\n\n".encode()

    def _missed(self, who: Viewer, after: int, here: int) -> bytes:
        """What a page that comes back has not seen. Not for the event loop."""
        if after > here:  # the page was made a moment ahead of us, or from a log that was restored since
            return RESET if after > self.record.ask(log.head) else b""
        if here - after > self.missed_at_most:
            return RESET
        _, told = self._read(after, here - after, {who.brands})
        return b"".join(pieces[who.brands] for state, pieces in told if can_see(who, state) and pieces)

    def tell(self, told: bytes, whom: Callable[[Viewer], bool]) -> None:
        """Say something that is on no log to the pages of certain agents. On the event loop."""
        for listener in self._listeners:
            if listener.who.agent and whom(listener.who):
                listener.put(told)

    def close_those_of(self, agent: int) -> None:
        """Their rights changed: their pages must come back and show what they may see now."""
        for listener in tuple(self._listeners):
            if listener.who.agent == agent:
                listener.close()

    @property
    def pages(self) -> int:
        return len(self._listeners)

    # who looks at what ──────────────────────────────────────────────────────────────────────

    def looks(self, agent: setup.Agent, state: State, doing: str) -> None:
        """An agent looks at a conversation: `doing` is viewing, writing, noting, or away to leave it."""
        wrote = self._crowd.doing(state.id, agent.id) == "writing"
        if self._crowd.note(state, agent, doing):
            self._tell_crowd(state)
        if (doing == "writing") != wrote or doing == "writing":
            self.on_writing(state.id, agent.name, doing == "writing")

    def customer_types(self, conversation: int, on: bool) -> None:
        """On the event loop."""
        self._start(self._customer_types(conversation, on))

    async def _customer_types(self, conversation: int, on: bool) -> None:
        found = await asyncio.to_thread(self.record.ask, inbox.states, [conversation])
        if conversation in found and self._crowd.types(found[conversation], on):
            self._tell_crowd(found[conversation])

    def _tell_crowd(self, state: State) -> None:
        told = frame(msgspec.json.encode(self._crowd.seen_from(state.id)))
        for listener in self._listeners:
            if listener.who.agent and can_see(listener.who, state):
                listener.put(told)

    def _now(self, who: Viewer) -> bytes:
        """Who is where at this moment, for a page that has just opened."""
        return b"".join(
            frame(msgspec.json.encode(self._crowd.seen_from(state.id)))
            for state in self._crowd.places()
            if can_see(who, state)
        )

    async def _tidy(self) -> None:
        """Those who fell silent are not there any more."""
        while True:
            await asyncio.sleep(1.0)
            for state in self._crowd.tidy():
                self._tell_crowd(state)

    # who is there ───────────────────────────────────────────────────────────────────────────

    def _arrive(self, who: Viewer) -> None:
        agent = who.agent or 0
        self._streams[agent] = self._streams.get(agent, 0) + 1
        if who.may_act and self._streams[agent] == 1:
            self._start(self._change_presence(agent, {"offline": "online"}))

    def _leave(self, who: Viewer) -> None:
        agent = who.agent or 0
        self._streams[agent] -= 1
        for state in self._crowd.leave(agent) if not self._streams[agent] else ():
            self._tell_crowd(state)
        if who.may_act:
            self._start(self._miss(agent))

    async def _miss(self, agent: int) -> None:
        """Gone for a while without having said so: their waiting work goes to others."""
        if not self._streams.get(agent):
            await asyncio.sleep(self.stay_seconds)
        if not self._streams.get(agent):
            self._streams.pop(agent, None)
            await self._change_presence(agent, {"online": "offline"})

    async def _miss_everybody(self) -> None:
        """Those who were there when the desk stopped, and do not come back."""
        for agent in (await asyncio.to_thread(self.record.ask, setup.all_agents)).values():
            if agent.presence == "online":
                self._start(self._miss(agent.id))

    async def _change_presence(self, agent: int, change: dict[str, str]) -> None:
        def act(tx: log.Tx) -> None:
            now = routing.presence_of(tx.conn, agent)
            if now in change:
                routing.set_presence(tx, agent, change[now])

        with contextlib.suppress(Exception):
            await asyncio.shield(asyncio.wrap_future(self.record.write(act)))


class Crowd:
    """Who is on which conversation right now."""

    def __init__(self) -> None:
        self._here: dict[int, dict[int, tuple[setup.Agent, str, float]]] = {}
        self._types: dict[int, float] = {}
        self._states: dict[int, State] = {}

    def note(self, state: State, agent: setup.Agent, doing: str) -> bool:
        """True when that changes what others see."""
        here = self._here.setdefault(state.id, {})
        self._states[state.id] = state
        before = self.doing(state.id, agent.id)
        if doing == "away":
            here.pop(agent.id, None)
        else:
            seconds = LOOKS_SECONDS if doing == "viewing" else WRITES_SECONDS
            here[agent.id] = (agent, doing, time.monotonic() + seconds)
        return before != self.doing(state.id, agent.id)

    def types(self, state: State, on: bool) -> bool:
        before = state.id in self._types
        self._states[state.id] = state
        if on:
            self._types[state.id] = time.monotonic() + WRITES_SECONDS
        else:
            self._types.pop(state.id, None)
        return before != on

    def leave(self, agent: int) -> list[State]:
        left = [number for number, here in self._here.items() if here.pop(agent, None)]
        return [self._states[number] for number in left]

    def tidy(self) -> list[State]:
        """Forget those who fell silent; returns where something changed."""
        now, changed = time.monotonic(), set()
        for number, here in self._here.items():
            for agent, (who, doing, until) in tuple(here.items()):
                if until < now:
                    changed.add(number)
                    if doing == "viewing":
                        del here[agent]
                    else:
                        here[agent] = (who, "viewing", now + LOOKS_SECONDS)
        for number in [n for n, until in self._types.items() if until < now]:
            changed.add(number)
            del self._types[number]
        states = [self._states[number] for number in changed]
        for number in [n for n, here in self._here.items() if not here]:
            del self._here[number]
        self._states = {n: s for n, s in self._states.items() if n in self._here or n in self._types}
        return states

    def doing(self, conversation: int, agent: int) -> str:
        here = self._here.get(conversation, {})
        return here[agent][1] if agent in here else ""

    def places(self) -> Sequence[State]:
        return [self._states[n] for n in {*self._types, *(n for n, here in self._here.items() if here)}]

    def seen_from(self, conversation: int) -> views.PresenceChange:
        return views.PresenceChange(
            conversation=conversation,
            viewers=tuple(
                views.Viewer(face=face_of(who), doing=doing)
                for who, doing, _ in self._here.get(conversation, {}).values()
            ),
            customer_typing=conversation in self._types,
        )


def face_of(agent: setup.Agent) -> views.Face:
    return views.Face(
        name=agent.name,
        initials=formats.initials(agent.name),
        hue=formats.hue(agent.name),
        id=agent.id,
        presence=agent.presence,
    )


def happenings(conn: Connection, batch: Sequence[e.Recorded]) -> list[Happening]:
    """Runs of events of the same conversation, in the log's order.

    A run is never made longer by jumping over others' events: then every run's last seq says that
    nothing before it is missing, and a page can resume there.
    """
    mine = [r for r in batch if r.stream.startswith("conversation/")]
    states = inbox.states(conn, sorted({r.subject_id for r in mine}))
    runs = ((number, tuple(run)) for number, run in groupby(mine, key=lambda r: r.subject_id))
    return [Happening(state=states[number], events=run) for number, run in runs if number in states]


def frame(data: bytes, seq: int | None = None) -> bytes:
    """One server-sent event; JSON has no line breaks of its own."""
    return (b"id: %d\n" % seq if seq is not None else b"") + b"data: " + data + b"\n\n"


def piece(change: views.Change, seq: int) -> bytes:
    return frame(msgspec.json.encode(change), seq)


# A page that has missed too much loads itself anew.
RESET = frame(b'{"kind":"reset"}')
