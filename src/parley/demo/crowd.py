"""The customers who write while the demo runs: through the same doors as everybody."""

import asyncio
import logging
import secrets
from datetime import datetime
from random import Random

from parley.app import Desk
from parley.channels.webchat import raw as chat
from parley.channels.webchat.signing import SignedUser, new_visitor_token, sign, visitor_of
from parley.core import events as e
from parley.core.channel import Inbox
from parley.demo import build, company
from parley.demo.living import FollowUp, Stimulus, next_customer, seconds_until_next
from parley.demo.post import PostOffice
from parley.services import inbox as desk_inbox
from parley.services import people

logger = logging.getLogger("parley.demo")

PATIENCE = 900.0  # seconds a customer waits for an answer before giving up a follow-up
AT_ONCE = 12


class Crowd:
    def __init__(self, desk: Desk, post: PostOffice, rng: Random, started: datetime) -> None:
        """started: the moment for which orders were made, so that customers speak of orders that exist."""
        self.desk, self.post, self.rng, self.started = desk, post, rng, started
        self._talking: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Somebody new every minute or two, until cancelled."""
        await asyncio.sleep(20)
        while True:
            if len(self._talking) < AT_ONCE:
                task = asyncio.create_task(self._talk(next_customer(self.rng, self.started)))
                self._talking.add(task)
                task.add_done_callback(self._talking.discard)
            await asyncio.sleep(seconds_until_next(self.rng, self.desk.record.clock()))

    async def _talk(self, who: Stimulus) -> None:
        try:
            voice = self._voice(who)
            await asyncio.sleep(who.typing_seconds)
            await voice.say(who.text)
            for then in who.follow_ups:
                if not await voice.answered(then):
                    return
                await asyncio.sleep(then.seconds)
                await voice.say(then.text)
        except Exception:
            logger.exception("A simulated customer stumbled")

    def _voice(self, who: Stimulus) -> "Voice":
        key = build.inbox_kinds(who.channel)
        brand = next(b for b in company.brands() if b.key == who.brand)
        address = brand.mail if key == "mail" else brand.key
        inbox = next(i for i in self.desk.inboxes().values() if i.address == address)
        return ChatVoice(self, who, inbox) if key == "chat" else MailVoice(self, who, inbox)


class Voice:
    """One simulated customer on one channel."""

    def __init__(self, crowd: Crowd, who: Stimulus, inbox: Inbox) -> None:
        self.crowd, self.who, self.inbox = crowd, who, inbox
        self.seen = 0

    async def say(self, text: str) -> None:
        raise NotImplementedError

    @property
    def address(self) -> tuple[str, str]:
        """The identity under which the desk knows them."""
        raise NotImplementedError

    async def answered(self, then: FollowUp) -> bool:
        """Wait for an answer by whom the script wants; False when patience ends."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(2)
            if await asyncio.to_thread(self.crowd.desk.record.ask, self._has_answer, then.after):
                return True
        return False

    def _has_answer(self, conn, after: str) -> bool:  # type: ignore[no-untyped-def]
        known = people.by_address(conn, [self.address]).get(self.address)
        if known is None:
            return False
        for state in desk_inbox.of_person(conn, known.person, desk_inbox.SYSTEM, limit=3):
            for recorded in desk_inbox.history(conn, state.id, newest=30):
                event = recorded.event
                if recorded.seq > self.seen and isinstance(event, e.ReplyWritten) and event.purpose == "reply":
                    by = "bot" if recorded.by.startswith("bot") else "agent"
                    if after in ("any", by) and event.inbox == self.inbox.id:
                        self.seen = recorded.seq
                        return True
        return False


class ChatVoice(Voice):
    def __init__(self, crowd: Crowd, who: Stimulus, inbox: Inbox) -> None:
        super().__init__(crowd, who, inbox)
        self.token = visitor_of(new_visitor_token()) or ""

    @property
    def address(self) -> tuple[str, str]:
        return ("visitor", self.token)

    async def say(self, text: str) -> None:
        user = None
        if self.who.gives_mail:
            expires = int(self.crowd.desk.record.clock().timestamp()) + 3600
            signed = SignedUser(id=self.who.customer, mail=self.who.customer, name=self.who.customer_name, exp=expires)
            user = sign(signed, build.SHOP_SECRET)
        said = chat.Said(visitor=self.token, client_id=secrets.token_hex(8), text=text, user=user)
        await self.crowd.desk.intake.take_async(self.inbox.id, chat.provider_id(said), chat.encode(said))


class MailVoice(Voice):
    @property
    def address(self) -> tuple[str, str]:
        return ("mail", self.who.customer.lower())

    async def say(self, text: str) -> None:
        letters = self.crowd.post.of(self.who.customer)
        answers = letters[0] if letters and self.seen else None
        to = answers.reply_to if answers else self.inbox.address
        subject = f"Re: {self.who.subject}" if answers else self.who.subject
        await self.crowd.post.send(self.who.customer, self.who.customer_name, to, subject, text, answers)
