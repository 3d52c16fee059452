"""Looking again and again at what a platform does not tell by itself."""

import asyncio
from collections.abc import Awaitable, Callable

from parley.core.channel import Door, Inbox
from parley.core.errors import Busy, SendFailed

LONGEST_WAIT = 1800.0


async def watch(
    inbox: Inbox,
    door: Door,
    look: Callable[[], Awaitable[int]],
    what: str,
    every: float,
    first_wait: float = 60.0,
) -> None:
    """Until cancelled, one look `every` so many seconds; it returns how much was new, and `what` it looks for is told.

    Trouble makes it wait longer and longer, or as long as the platform says; a desk that is busy is waited for.
    """
    pause = first_wait
    while True:
        try:
            new = await look()
            door.say(inbox.id, f"Looked for {what}: {new} new.")
            pause, wait = first_wait, every
        except SendFailed as error:
            wait = error.retry_after or pause
            door.say(inbox.id, f"{what.capitalize()} cannot be looked up: {error} Trying again in {wait:.0f} s.")
            pause = min(pause * 2, LONGEST_WAIT)
        except Busy as error:
            wait = first_wait
            door.say(inbox.id, f"Waiting: {error}")
        await asyncio.sleep(wait)
