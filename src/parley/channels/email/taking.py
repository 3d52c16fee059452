"""Mails that were fetched, handed to the desk."""

import asyncio
from collections.abc import Sequence

from parley.channels.email.checker import Checker
from parley.channels.email.verdict import Envelope, foreign
from parley.core.channel import Door


async def take(door: Door, inbox: int, checker: Checker | None, mails: Sequence[tuple[str, bytes]]) -> None:
    """Each with its name, all at once, so that they can share a commit. Raises what any of them raised."""
    lines = [b""] * len(mails)
    if checker:
        lines = await asyncio.gather(*(checker.line(raw, Envelope()) for _, raw in mails))
    takes = [door.take(inbox, name, line + foreign(raw)) for line, (name, raw) in zip(lines, mails, strict=True)]
    results = await asyncio.gather(*takes, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
