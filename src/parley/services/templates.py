"""Messages that a platform has agreed to: fetched from it every hour, and sent when nothing else may be.

They are kept with the settings, by inbox; what is sent is a reply like any other, with a note of what it was made from.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from parley.core import events as e
from parley.core.channel import Channel, Inbox, Template, Templating
from parley.core.errors import Busy, Refused, SendFailed
from parley.log.record import Record, Tx
from parley.services import inbox as desk
from parley.services import people, replies, setup
from parley.services.inbox import Viewer

logger = logging.getLogger("parley.templates")
EVERY = 3600.0
LONGEST = 1024  # characters of a value


def of_inbox(conn: Connection, inbox: int) -> list[Template]:
    return msgspec.convert(setup.setting(conn, _key(inbox), []), list[Template])


def keep(tx: Tx, inbox: int, found: Sequence[Template]) -> None:
    if of_inbox(tx.conn, inbox) != list(found):
        setup.set_setting(tx, _key(inbox), msgspec.to_builtins(sorted(found, key=lambda one: one.key)))


def _key(inbox: int) -> str:
    return f"templates/{inbox}"


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """A template that may go to an address at an inbox, or says why not. open: other words may go there too."""

    inbox: Inbox
    identity: people.Identity
    template: Template
    open: bool


def offered(
    conn: Connection,
    number: int,
    who: Viewer,
    inboxes: Mapping[int, Inbox],
    channels: Mapping[str, Channel],
    now: datetime,
) -> list[Offered]:
    """What a conversation's customer can be sent of what platforms hold."""
    state = desk.state(conn, number, who)
    return [
        Offered(inbox=way.inbox, identity=way.identity, template=one, open=way.open)
        for way in replies.ways(conn, state, list(inboxes.values()), channels, now=now)
        if way.identity and (way.open or way.over) and isinstance(channels[way.inbox.channel], Templating)
        for one in of_inbox(conn, way.inbox.id)
    ]


def send(
    tx: Tx,
    number: int,
    who: Viewer,
    chosen: tuple[int, int],
    key: str,
    values: Sequence[str],
    inboxes: Mapping[int, Inbox],
    channels: Mapping[str, Channel],
    client_id: str | None = None,
) -> int:
    """Send a template to an address at an inbox, filled. Returns the message's id."""
    identity, box = chosen
    state = desk.state(tx.conn, number, who)
    ways = replies.ways(tx.conn, state, list(inboxes.values()), channels, now=tx.at)
    theirs = {i.id: i for i in people.identities_of(tx.conn, state.person)}
    way = next((w for w in ways if w.inbox.id == box and w.identity and identity in theirs), None)
    template = next((one for one in of_inbox(tx.conn, box) if one.key == key), None)
    if way is None or template is None or not (way.open or way.over):
        raise Refused("This template cannot be sent there any more. Look at the choices again.")
    if template.stopped:
        raise Refused(f"“{template.name}” is not sent: {template.stopped}")
    bare = [" ".join(value.split()) for value in values]
    if len(bare) != len(template.places) or not all(bare) or max(map(len, bare), default=0) > LONGEST:
        raise Refused(f"Fill in every place of the template, with {LONGEST} characters at most.")
    return replies.reply(
        tx,
        number,
        who,
        template.filled(bare),
        via=(way.inbox, theirs[identity]),
        client_id=client_id,
        template=e.Filled(name=template.name, language=template.language, places=template.places, values=tuple(bare)),
        purpose="bulk" if template.offers else "reply",
    )


class Keeper:
    """Fetches the templates of every inbox that has some, at the start and every hour. say: the inbox's health line."""

    def __init__(
        self,
        record: Record,
        channels: Mapping[str, Channel],
        inboxes: Callable[[], Mapping[int, Inbox]],
        say: Callable[[int, str], None],
    ) -> None:
        self.record, self.channels, self.inboxes, self.say = record, channels, inboxes, say
        self._anew = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def changed(self) -> None:
        """The settings of an inbox were changed: look at once."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._anew.set)

    async def run(self) -> None:
        """Until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            self._anew.clear()
            await self.round()
            try:
                await asyncio.wait_for(self._anew.wait(), EVERY)
            except TimeoutError:
                continue

    async def round(self) -> None:
        for inbox in (await asyncio.to_thread(self.inboxes)).values():
            channel = self.channels[inbox.channel]
            if isinstance(channel, Templating):
                await self._fetch(channel, inbox)

    async def _fetch(self, channel: Templating, inbox: Inbox) -> None:
        """What cannot be fetched now stays as it was."""
        try:
            found = await channel.templates(inbox)
            await asyncio.wrap_future(self.record.write(lambda tx: keep(tx, inbox.id, found)))
            if found:
                stopped = sum(bool(one.stopped) for one in found)
                others = f" {stopped} more cannot." if stopped else ""
                self.say(inbox.id, f"{len(found) - stopped} templates can be sent.{others}")
        except SendFailed as error:
            self.say(inbox.id, f"Templates cannot be fetched: {error}")
        except Busy as error:
            logger.warning("Templates wait to be kept: %s", error)
