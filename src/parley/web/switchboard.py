"""Tells open pages how calls stand and what browsers say to each other, as soon as it is so in any process."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection

from parley.core.ice import Ice
from parley.log.record import Record
from parley.services import voice
from parley.services.inbox import Viewer
from parley.services.voice import Call, Exchange, SignalRow
from parley.web import views
from parley.web.hub import Hub, frame
from parley.web.visitors import VisitorDesk

logger = logging.getLogger("parley.calls")

LOOK_SECONDS = 1.0  # between two looks for calls that rang long enough
IDLE_SECONDS = 30.0
REST = 0.02  # what happens meanwhile is told together


class Switchboard:
    """One for each process that serves pages."""

    def __init__(self, record: Record, exchange: Exchange, visitors: VisitorDesk, hub: Hub, ice: Ice) -> None:
        self.record, self.exchange, self.visitors, self.hub, self.ice = record, exchange, visitors, hub, ice
        self._known: dict[str, Call] = {}
        self._place = 0
        self._nudge = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._quit: Callable[[], None] = lambda: None
        hub.on_arrival = self.for_arrival

    async def open(self) -> None:
        """Begin to look, on the running loop."""
        loop = asyncio.get_running_loop()
        self._place = await asyncio.to_thread(self.record.ask, voice.last_signal)

        def nudged(seq: int) -> None:
            """What concerns calls comes with no place in the log; what grows the log, only while one goes on."""
            if seq == 0 or self._known:
                loop.call_soon_threadsafe(self._nudge.set)

        self._quit = self.record.on_news(nudged)
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        self._quit()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            self._nudge.clear()
            try:
                await self._spread()
                if any(call.is_open and call.until <= self.record.clock() for call in self._known.values()):
                    await asyncio.wrap_future(self.record.write(self.exchange.overdue))
            except Exception:
                logger.exception("The switchboard stumbled and will look again")
            await asyncio.sleep(REST)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._nudge.wait(), LOOK_SECONDS if self._known else IDLE_SECONDS)

    async def _spread(self) -> None:
        """Tell whom it concerns what is new since the last look."""
        calls, signals = await asyncio.to_thread(self.record.ask, self._news)
        for call in calls:
            was = self._known.get(call.id)
            if was != call:
                self._tell(call, was)
        self._known = {call.id: call for call in calls}
        for signal in signals:
            self._pass_on(signal)

    def _news(self, conn: Connection) -> tuple[list[Call], list[SignalRow]]:
        return voice.current(conn, self.record.clock()), voice.signals_after(conn, self._place)

    def _tell(self, call: Call, was: Call | None) -> None:
        """Also those who could have taken it: for them it has stopped ringing."""
        told = frame(msgspec.json.encode(told_of(call, phone=self.exchange.is_phone(call))))
        self.hub.tell(told, lambda who: voice.may_know(who, call) or (was is not None and voice.may_know(who, was)))
        self.visitors.stir(call.visitor)

    def _pass_on(self, signal: SignalRow) -> None:
        self._place = max(self._place, signal.seq)
        call = self._known.get(signal.call)
        if call is None:
            return
        if signal.to_desk:
            self.hub.tell(_as_frame(signal), lambda who: who.agent == call.agent)
        else:
            self.visitors.stir(call.visitor)

    def for_arrival(self, who: Viewer) -> bytes:
        """What a page that has just opened should know. Not for the event loop."""
        with self.record.reading() as conn:
            mine = [call for call in voice.current(conn, self.record.clock()) if call.is_open]
            seen = [call for call in mine if voice.may_know(who, call)]
            on = [call for call in seen if call.agent == who.agent]
            signals = [s for call in on for s in voice.signals_after(conn, 0, call.id, to_desk=True)]
        told = [frame(msgspec.json.encode(told_of(c, phone=self.exchange.is_phone(c)))) for c in seen]
        return b"".join([*told, *map(_as_frame, signals)])


def told_of(call: Call, ice: Ice | None = None, phone: bool = False) -> views.CallChange:
    return views.CallChange(
        call=call.id,
        state=call.state,
        outgoing=call.outgoing,
        agent=call.agent,
        conversation=call.conversation,
        who=call.who,
        began=call.began,
        answered=call.answered,
        cause=call.cause,
        declined=call.declined,
        ice=tuple(ice.servers(call.began)) if ice else (),
        phone=phone,
    )


def _as_frame(signal: SignalRow) -> bytes:
    told: dict[str, Any] = {"kind": "signal", "call": signal.call, "seq": signal.seq, "data": signal.data}
    return frame(msgspec.json.encode(told))
