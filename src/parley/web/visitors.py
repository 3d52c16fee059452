"""The async rim of the visitors' services: asks and acts in threads, nudges for those concerned.

One look at the log's news serves every line: only visitors whose conversations have changed are
nudged, so a thousand quiet chats cost nothing when one of them speaks.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol, TypeVar

from parley.core import qr
from parley.core.channel import Address, Attached, Channel, Inbox
from parley.core.errors import Refused
from parley.core.ice import Ice
from parley.core.visitor import AskRating, Onward, Sight, Typing, Way
from parley.log.record import Record
from parley.services import passages, visitors, voice
from parley.services.files import Store
from parley.services.intake import Intake
from parley.services.people import Identity
from parley.services.visitors import Visitor
from parley.services.voice import Exchange

T = TypeVar("T")
REMEMBERED = 20_000  # visitors whose leaving is remembered


class Who(Protocol):
    """A visitor as the chat's reception names them."""

    @property
    def inbox(self) -> Inbox: ...

    @property
    def visitor(self) -> str: ...

    @property
    def customer(self) -> str: ...


class Chair:
    """Where one line waits for nudges. Typing is kept apart, so that it cannot hide a change."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.person: int | None = None
        self.stirred = asyncio.Event()
        self.signs: list[Typing] = []
        self.changed = False

    async def next(self, seconds: float) -> Typing | None:
        try:
            async with asyncio.timeout(seconds):
                await self.stirred.wait()
        except TimeoutError:
            return None
        if self.signs:
            sign = self.signs.pop(0)
            if not self.signs and not self.changed:
                self.stirred.clear()
            return sign
        self.changed = False
        self.stirred.clear()
        return None

    def nudge(self) -> None:
        self.changed = True
        self.stirred.set()

    def sign(self, typing: Typing) -> None:
        self.signs.append(typing)
        self.stirred.set()


class VisitorDesk:
    """What the reception of a live chat needs of the desk."""

    def __init__(
        self,
        record: Record,
        intake: Intake,
        store: Store,
        inboxes: Callable[[], Mapping[int, Inbox]],
        kinds: Mapping[str, str],
        key: bytes,
        hosted: Collection[str] = (),
        on_typing: Callable[[int, bool], None] = lambda conversation, on: None,
        exchange: Exchange | None = None,
        ice: Ice | None = None,
        channels: Mapping[str, Channel] | None = None,
        url: str = "",
    ) -> None:
        """kinds: channel → kind of its identities. hosted: channels whose lines end here.

        on_typing: told (conversation, on) when one types. exchange, ice: what calls need; without, there are none.
        channels, url: what links to other channels are made of.
        """
        self.record, self.intake, self.store, self.inboxes = record, intake, store, inboxes
        self.kinds, self.key, self.on_typing = kinds, key, on_typing
        self.hosted = frozenset(hosted)
        self.exchange, self.ice = exchange, ice or Ice()
        self.channels, self.url = channels or {}, url
        self._chairs: set[Chair] = set()
        self._left: dict[str, datetime] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._place = 0
        self._again = False
        self._looking: asyncio.Future[None] | None = None
        self._quit: Callable[[], None] = lambda: None

    # what visitors say ──────────────────────────────────────────────────────────────────────

    async def take(self, inbox: int, provider_id: str, raw: bytes) -> bool:
        return await self.intake.take_async(inbox, provider_id, raw)

    async def typing(self, who: Who, on: bool) -> None:
        state = await self._ask(visitors.current, self._known(who))
        if state is not None:
            self.on_typing(state.id, on)

    async def reached(self, who: Who, seq: int, *, seen: bool) -> None:
        known = self._known(who)
        if await self._ask(visitors.is_news, known, seq, seen=seen):
            await self._do(visitors.reached, known, seq, seen=seen)

    async def want_human(self, who: Who, client_id: str) -> None:
        await self._do(visitors.want_human, self._known(who), f"{who.visitor}:{client_id}")

    async def claim_mail(self, who: Who, mail: str) -> None:
        await self._do(visitors.claim_mail, self._known(who), mail, self.inboxes().values(), self.key)

    async def prove_mail(self, who: Who, digits: str) -> str:
        mail = await self._do(visitors.prove_mail, self._known(who), digits)
        if mail is None:
            raise Refused("That is not the code, or it is too old. Look again, or ask for a new one.")
        return mail

    async def end(self, who: Who) -> AskRating | None:
        return await self._do(visitors.end, self._known(who), self.key)

    # speaking ───────────────────────────────────────────────────────────────────────────────

    async def ring(self, who: Who, call: str, opening: tuple[str, bytes]) -> None:
        await self._do(self._exchange.ring, who.inbox, who.visitor, call, opening)

    async def pick_up(self, who: Who, call: str) -> None:
        await self._do(self._exchange.pick_up, call, who.visitor)

    async def hang_up(self, who: Who, call: str) -> None:
        await self._do(self._exchange.hung_up, call, who.visitor)

    async def signal(self, who: Who, call: str, data: str) -> None:
        await self._do(self._exchange.to_desk, call, who.visitor, data)

    @property
    def _exchange(self) -> Exchange:
        if self.exchange is None:
            raise Refused(voice.NOBODY)
        return self.exchange

    # going on elsewhere ─────────────────────────────────────────────────────────────────────

    def elsewhere(self, who: Who) -> bool:
        return bool(self._ways(who, passages.WORDS, ""))

    async def onward(self, who: Who, words: str) -> Onward:
        code = await self._do(visitors.onward, self._known(who), words)
        ways = self._ways(who, words or passages.WORDS, code)
        drawn = await asyncio.to_thread(lambda: [qr.path(way.url) for way in ways])
        shown = zip(ways, drawn, strict=True)
        return Onward(ways=tuple(Way(label=w.label, url=w.url, qr=code) for w, code in shown), minutes=passages.MINUTES)

    async def enter(self, who: Who, code: str) -> None:
        known = self._known(who)
        address = Address(kind=known.kind, value=known.value, proved="platform")
        await self._do(passages.enter, who.inbox, address, code)

    def _ways(self, who: Who, words: str, code: str) -> list[passages.Onward]:
        boxes = self.inboxes().values()
        return passages.onward(who.inbox.id, who.inbox.brand, boxes, self.channels, self.url, code, words)

    # what visitors see ──────────────────────────────────────────────────────────────────────

    async def sight(self, who: Who, after: int, heard: int = 0) -> Sight:
        assistant = getattr(who.inbox.settings, "assistant", "")
        now = self.record.clock()
        return await self._ask(
            visitors.sight, self._known(who), after, self.key, assistant, heard=heard, at=now, ice=self.ice
        )

    async def customer(self, who: Who) -> str:
        return await self._ask(visitors.customer_of, self._known(who))

    # files ──────────────────────────────────────────────────────────────────────────────────

    async def keep_file(self, file: Attached) -> str:
        return await asyncio.to_thread(self.store.put, file.data)

    async def kept_file(self, digest: str) -> bytes:
        return await asyncio.to_thread(self.store.get, digest)

    async def open_file(self, who: Who, ref: str) -> Attached:
        row = await self._ask(visitors.file_of, self._known(who), ref)
        return Attached(name=row.name, type=row.type, data=await asyncio.to_thread(self.store.get, row.sha256))

    # nudges ─────────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def watch(self, who: Who) -> AsyncIterator[Chair]:
        chair = Chair(who.visitor)
        if not self._chairs:
            self._place = await self._ask(visitors.place)
        me = await self._ask(visitors.identity_of, self._known(who))
        chair.person = me.person if me else None
        self._chairs.add(chair)
        try:
            yield chair
        finally:
            self._chairs.discard(chair)
            self._remember_leaving(chair.value)

    # who is there ───────────────────────────────────────────────────────────────────────────

    def hosts(self, channel: str) -> bool:
        return channel in self.hosted

    def here(self, identity: Identity) -> bool:
        return any(chair.value == identity.value for chair in tuple(self._chairs))

    def left_at(self, identity: Identity) -> datetime | None:
        """When their last line closed; None when it is open, or closed before this process began."""
        return None if self.here(identity) else self._left.get(identity.value)

    def stir(self, value: str) -> None:
        """Something that is on no log has changed for this visitor. On the event loop."""
        for chair in self._chairs:
            if chair.value == value:
                chair.nudge()

    def _remember_leaving(self, value: str) -> None:
        self._left.pop(value, None)
        self._left[value] = self.record.clock()
        if len(self._left) > REMEMBERED:
            del self._left[next(iter(self._left))]

    # typing and news ────────────────────────────────────────────────────────────────────────

    def agent_typing(self, conversation: int, name: str, on: bool) -> None:
        """An agent types an answer in a conversation. Not for the event loop: it asks whose it is."""
        people = self.record.ask(visitors.holders_of, [conversation])
        if self._loop:
            self._loop.call_soon_threadsafe(self._show, people, Typing(who=name.split()[0], on=on))

    def _show(self, people: set[int], typing: Typing) -> None:
        for chair in self._chairs:
            if chair.person in people:
                chair.sign(typing)

    def open(self) -> None:
        """Begin to listen to the log's news, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._quit = self.record.on_news(self._told, visitors.SEEN)

    def close(self) -> None:
        self._quit()
        self._loop = None

    def _told(self, seq: int) -> None:
        """Called from the writing thread."""
        if self._loop and self._chairs:
            self._loop.call_soon_threadsafe(self._stir)

    def _stir(self) -> None:
        self._again = True
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._spread())

    async def _spread(self) -> None:
        """Read what is new once, and nudge whom it concerns."""
        while self._again:
            self._again = False
            found = await self._ask(visitors.news, self._place)
            self._place, self._again = found.place, self._again or found.more
            for chair in tuple(self._chairs):
                person = found.met.get(chair.value, chair.person)
                chair.person = found.merged.get(person or 0, person)
                if chair.person in found.people or chair.value in found.met:
                    chair.nudge()

    # threads ────────────────────────────────────────────────────────────────────────────────

    def _known(self, who: Who) -> Visitor:
        return Visitor(inbox=who.inbox, kind=self.kinds[who.inbox.channel], value=who.visitor, customer=who.customer)

    async def _ask(self, question: Callable[..., T], *args: Any, **more: Any) -> T:
        return await asyncio.to_thread(self.record.ask, question, *args, **more)

    async def _do(self, act: Callable[..., T], *args: Any, **more: Any) -> T:
        written: Future[T] = self.record.write(lambda tx: act(tx, *args, **more))
        return await asyncio.wrap_future(written)
