"""A mailbox watched through its service's HTTP interface: what is new is handed over, then remembered.

The place moves only after every mail up to it was stored, so a crash repeats mails and loses none; what was stored
before is known by its name. A place that the service has forgotten becomes a look at all mail since a day before it.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from parley.channels.email.checker import Checker
from parley.channels.email.rest import Service, ServiceError
from parley.channels.email.settings import EmailSettings
from parley.channels.email.taking import take
from parley.channels.email.tokens import TokenRefused, kept_over_restarts
from parley.core.channel import Attached, Door, Inbox
from parley.core.errors import BadConfig, Busy

log = logging.getLogger("parley.email")

AT_ONCE = 4  # requests for mails
BATCH_MAILS, BATCH_BYTES = 48, 16 * 1024 * 1024
LEAST_SECONDS = 5  # between two looks
OVERLAP_SECONDS = 86_400.0  # looked at again when the place was lost: clocks differ, and mail may be held on its way
LATE_SECONDS = 300.0  # what came so shortly before the first look is no old mail
WRITTEN_SECONDS = 600.0  # how often the place is written where nothing is new
STUCK_SECONDS = 3600.0
OF_ALL = (0, 401, 403, 429, 503)  # troubles of the service or the account, not of one mail
FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """How far a mailbox was read. cursor: the service's word for it; empty: all mail since `since` is to be listed.

    since: seconds since 1970 before which all mail was stored. start, done: a listing that is under way — the cursor
    to go on from after it, and its last mail that was stored.
    """

    cursor: str = ""
    since: float = 0.0
    start: str = ""
    done: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Mails to be stored, oldest first, and the place that is reached once they are."""

    ids: list[str]
    place: Place


class PlaceLost(Exception):
    """The service no longer knows the place."""


class Mailbox(Protocol):
    """A service's folder of mails. All its questions raise ServiceError."""

    service: Service
    settings: EmailSettings

    def news(self, place: Place) -> AsyncIterator[Step]:
        """What came since. Raises PlaceLost."""
        ...

    async def fetch(self, id: str) -> bytes | None:
        """The mail as it came, within what a mail may weigh, else a marked part of it. None: it is gone."""
        ...

    def name(self, id: str, raw: bytes) -> str:
        """What the delivery is known by."""
        ...

    async def count(self) -> str:
        """A sentence about the folder. Raises ServiceError where it is not there."""
        ...

    async def holds(self, subject: str) -> str | None:
        """The id of a mail with this subject in the folder."""
        ...

    async def send(self, raw: bytes, files: Sequence[Attached] = ()) -> str | None:
        """The mail, and the files that are not in it yet, on its way to whoever stands in its header.

        Answers the service's name for it.
        """
        ...


def counted(number: int) -> str:
    return f"{number} {'mail' if number == 1 else 'mails'}"


async def watch(inbox: Inbox, door: Door) -> None:
    """Until cancelled: look, wait, look again; after trouble later and later."""
    wait, failing = FIRST_WAIT, dict[str, float]()
    while True:
        watcher = Watcher(inbox, door, failing)
        pause = 0.0
        try:
            await watcher.run()
        except (ServiceError, TokenRefused, BadConfig, Busy, OSError, TimeoutError, ValueError) as problem:
            door.say(inbox.id, _sentence(problem))
            pause = getattr(problem, "retry_after", None) or 0.0
        except Exception:
            log.exception("watching the mailbox of inbox %s failed; trying again", inbox.id)
            door.say(inbox.id, "Watching the mailbox failed; trying again. The log says more.")
        wait = FIRST_WAIT if watcher.got_on else min(wait * 2, LONGEST_WAIT)
        await asyncio.sleep(max(pause, wait * random.uniform(0.8, 1.2)))


def _sentence(problem: BaseException) -> str:
    if isinstance(problem, TokenRefused) and problem.lasting:
        return f"{problem}."
    if isinstance(problem, Busy):
        return f"Mail waits in the mailbox: {problem}"
    if isinstance(problem, ServiceError) and problem.status in (401, 403) and not problem.passing:
        return f"{problem}. Check the account's consent and its scopes (oauth_scope)."
    return f"{str(problem).rstrip('.') or 'The service did not answer in time'}. Trying again."


class Watcher:
    """Watching until the first trouble. failing: since when a mail could not be had, by its id."""

    def __init__(self, inbox: Inbox, door: Door, failing: dict[str, float]) -> None:
        self.inbox, self.door, self.failing = inbox, door, failing
        self.settings: EmailSettings = inbox.settings
        # Not by the token: an account that is connected again goes on where it was.
        whose = self.settings.api_mailbox or inbox.address
        self.key = f"api/{inbox.id}/{self.settings.mail_api}/{whose}/{self.settings.api_folder}"
        self.place, self.written = Place(), 0.0
        self.got_on = self.caught_up = False
        checks = self.settings.check_senders and not self.settings.authserv_id
        self.checker = Checker(self.settings) if checks else None

    async def run(self) -> None:
        from parley.channels.email.services import mailbox

        try:
            keep = await kept_over_restarts(self.inbox.id, self.settings, self.door.memory)
            async with mailbox(self.settings, keep) as box:
                await self.find_place()
                while True:
                    if not await self.look(box) and not await self.look(box):
                        raise ServiceError(f"{box.service.name} forgets every place that it gives")
                    await asyncio.sleep(max(LEAST_SECONDS, self.settings.poll_seconds))
        finally:
            if self.checker:
                self.checker.close()

    async def find_place(self) -> None:
        known = await self.door.memory.get(self.key)
        if known:
            self.place = msgspec.json.decode(known, type=Place)
        elif not self.settings.imap_old_mail:
            await self.remember(Place(since=time.time() - LATE_SECONDS))

    async def remember(self, place: Place) -> None:
        """Written where it says something new; the time alone, only now and then."""
        moved = msgspec.structs.replace(place, since=0) != msgspec.structs.replace(self.place, since=0)
        self.place = place
        if moved or place.since - self.written > WRITTEN_SECONDS:
            await self.door.memory.put(self.key, msgspec.json.encode(place))
            self.written = place.since

    async def look(self, box: Mailbox) -> bool:
        """Everything new, stored step by step. False: the place was lost, and an earlier one is to be tried."""
        try:
            async for step in box.news(self.place):
                await self.store(box, step.ids)
                await self.remember(step.place)
                self.got_on = True
        except PlaceLost:
            self.door.say(self.inbox.id, f"{box.service.name} forgot where we were; looking at all recent mail again.")
            await self.remember(Place(since=max(0.0, self.place.since - OVERLAP_SECONDS)))
            return False
        if not self.caught_up:
            self.caught_up = True
            every = max(LEAST_SECONDS, self.settings.poll_seconds)
            self.door.say(self.inbox.id, f"Connected to {box.service.name}; new mail: looking every {every} s.")
        return True

    async def store(self, box: Mailbox, ids: list[str]) -> None:
        """A few are asked for at once, and handed over before they weigh too much."""
        batch, weight = list[tuple[str, bytes]](), 0
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            batch += await self.several(box, some)
            weight = sum(len(raw) for _, raw in batch)
            if len(batch) >= BATCH_MAILS or weight > BATCH_BYTES:
                await take(self.door, self.inbox.id, self.checker, batch)
                batch = []
        await take(self.door, self.inbox.id, self.checker, batch)

    async def several(self, box: Mailbox, ids: list[str]) -> list[tuple[str, bytes]]:
        """Those that are still there. All have ended when one's trouble is raised: the connection is closed then."""
        results = await asyncio.gather(*(self.fetched(box, id) for id in ids), return_exceptions=True)
        mails = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            if result is not None:
                mails.append(result)
        return mails

    async def fetched(self, box: Mailbox, id: str) -> tuple[str, bytes] | None:
        """A mail with its name. One that cannot be had for an hour, while others can, must not keep those behind it
        for ever: a note stands in for it, under another name, so that the mail itself may still come."""
        try:
            raw = await box.fetch(id)
        except ServiceError as problem:
            began = self.failing.setdefault(id, time.monotonic())
            if problem.status in OF_ALL or time.monotonic() - began < STUCK_SECONDS:
                raise
            mark = f"X-Parley-Missing: {problem}\r\n\r\n"
            return f"missing:{id}", mark.encode("ascii", "replace")
        self.failing.pop(id, None)
        return (box.name(id, raw), raw) if raw is not None else None
