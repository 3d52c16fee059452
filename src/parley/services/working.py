"""What waits in a table is worked on by tasks of the event loop, a few at a time, woken by events of the log."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from parley.core.events import Event
from parley.log.record import Record

T = TypeVar("T")
POLL_SECONDS = 2.0  # tries may fall due without any news


async def keep_working(
    record: Record,
    kinds: Sequence[type[Event]],
    at_once: int,
    due: Callable[[int], list[T]],
    work: Callable[[T], Coroutine[Any, Any, None]],
    rest: float = 0.0,
) -> None:
    """Until cancelled. due: takes up to so many places of what waits, in a thread. kinds: what may bring more of it.
    rest: seconds between two looks, so that a flood of news is no flood of looks."""
    wake, loop = asyncio.Event(), asyncio.get_running_loop()
    unsubscribe = record.on_news(lambda seq: loop.call_soon_threadsafe(wake.set), kinds)
    tasks: set[asyncio.Task[None]] = set()
    try:
        while True:
            wake.clear()
            tasks = {task for task in tasks if not task.done()}
            found = await asyncio.to_thread(due, at_once - len(tasks)) if len(tasks) < at_once else []
            tasks |= {asyncio.create_task(work(one)) for one in found}
            await asyncio.sleep(rest)
            await first_of(wake, tasks if len(tasks) >= at_once else set())
    finally:
        unsubscribe()
        for task in tasks:
            task.cancel()


async def first_of(wake: asyncio.Event, tasks: set[asyncio.Task[None]]) -> None:
    """Until there is news or one of the tasks has ended; a moment at most."""
    news = asyncio.create_task(wake.wait())
    try:
        await asyncio.wait({news, *tasks}, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        news.cancel()
