"""Receives visitors: greets a browser, hands on what it says, tells it what is new for it.

Knows frames and lines, and nothing of how the desk works: that is behind `Desk`. A line may be a
WebSocket (`Line.run`) or a poll (`poll`); both lead through the same few steps. Nudges are hints:
what a browser has missed is always asked by its cursor, so nothing is lost between two nudges.
"""

import asyncio
import contextlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from parley.core.analytics import client_id, session_id
from parley.core.channel import Attached, Inbox
from parley.core.errors import Busy, NotFound, ParleyError, Refused
from parley.core.identity import looks_like_mail
from parley.core.visitor import AskRating, OnCall, Onward, Sight, Signal, Typing
from parley.core.visits import MOST, clean

from . import protocol as p
from . import raw
from .kinds import kind_of
from .settings import WebchatSettings
from .signing import new_visitor_token, visitor_of, vouched

BEAT_SECONDS = 25.0
HOLD_SECONDS = 25.0
BURST, PER_SECOND = 30, 2.0
FRAME_LIMIT = 64 * 1024


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """A visitor at one inbox. `customer`: the shop's id for them, if it signed for them in this session."""

    inbox: Inbox
    visitor: str
    customer: str = ""


class Watch(Protocol):
    """A place where nudges arrive for one visitor."""

    async def next(self, seconds: float) -> Typing | None:
        """The next sign of typing, or None: something may have changed, or the time is over."""
        ...


class Desk(Protocol):
    """What a desk does for a visitor."""

    async def take(self, inbox: int, provider_id: str, raw: bytes) -> bool:
        """Durable when it returns; False when it was here before. Raises `Busy`."""
        ...

    async def sight(self, who: Who, after: int, heard: int) -> Sight: ...

    def watch(self, who: Who) -> AbstractAsyncContextManager[Watch]: ...

    async def customer(self, who: Who) -> str:
        """The shop's id that this visitor was signed in as before, or ""."""
        ...

    async def typing(self, who: Who, on: bool) -> None: ...

    async def reached(self, who: Who, seq: int, *, seen: bool) -> None:
        """Everything up to seq is in the visitor's browser, or was seen."""
        ...

    async def want_human(self, who: Who, client_id: str) -> None:
        """Pass the matter on to people. May be asked again for the same wish."""
        ...

    async def claim_mail(self, who: Who, mail: str) -> None: ...

    async def prove_mail(self, who: Who, digits: str) -> str:
        """The address that the code proved. Raises `Refused`."""
        ...

    async def end(self, who: Who) -> AskRating | None: ...

    def elsewhere(self, who: Who) -> bool:
        """Whether there are other channels on which a visitor can go on."""
        ...

    async def onward(self, who: Who, words: str) -> Onward:
        """Links to them, good once."""
        ...

    async def enter(self, who: Who, code: str) -> None:
        """They came by such a link. Raises `Refused` for one that is not good any more."""
        ...

    async def ring(self, who: Who, call: str, opening: tuple[str, bytes]) -> None:
        """The visitor calls. opening: the delivery that says so. Raises `Refused` when nobody takes calls."""
        ...

    async def pick_up(self, who: Who, call: str) -> None: ...

    async def hang_up(self, who: Who, call: str) -> None: ...

    async def signal(self, who: Who, call: str, data: str) -> None: ...

    async def keep_file(self, file: Attached) -> str:
        """Keep an upload and return its digest."""
        ...

    async def kept_file(self, digest: str) -> bytes: ...

    async def open_file(self, who: Who, ref: str) -> Attached:
        """A file of a turn that this visitor may see. Raises `NotFound`."""
        ...


class Reception:
    """`inboxes`: the web chat inboxes by key, as they are now. `key`: the desk's own secret."""

    def __init__(self, desk: Desk, inboxes: Callable[[], Mapping[str, Inbox]], key: bytes) -> None:
        self.desk, self.inboxes, self.key = desk, inboxes, key

    def inbox(self, key: str) -> Inbox:
        found = self.inboxes().get(key)
        if found is None:
            raise NotFound(f"There is no chat called “{key}” here. Check `data-inbox` in the page's snippet.")
        return found

    def origins(self, key: str) -> tuple[str, ...]:
        """Websites that may show this chat."""
        settings: WebchatSettings = self.inbox(key).settings
        return settings.origins

    def setup(self, key: str, words: Mapping[str, str]) -> bytes:
        """What the panel's page is served with, as JSON."""
        inbox = self.inbox(key)
        settings: WebchatSettings = inbox.settings
        return msgspec.json.encode(
            {
                "key": key,
                "title": settings.title or inbox.name,
                "colour": settings.colour,
                "greeting": words.get(settings.greeting, settings.greeting),
                "suggestions": settings.suggestions,
                "origins": settings.origins,
                "privacy": settings.privacy_url,
                "assistant": settings.assistant if inbox.with_bot else "",
                "words": words,
                "file_limit": p.FILE_LIMIT,
                "text_limit": p.TEXT_LIMIT,
                "files_per_turn": p.FILES_PER_TURN,
            }
        )

    def line(self, key: str) -> "Line":
        return Line(self, self.inbox(key))

    async def poll(self, key: str, body: bytes) -> bytes:
        """One poll: say what there is to say, wait for news if asked to, answer with what is new."""
        try:
            asked = p.read_poll(body)
        except msgspec.MsgspecError as error:
            raise Refused(f"That is not a poll: {error}") from error
        line = self.line(key)
        await line.greet(asked.hello, fresh=asked.fresh)
        for frame in asked.frames:
            await line.hear(frame)
        if asked.wait > 0 and not line.out:
            await line.hold(min(asked.wait, HOLD_SECONDS))
        return p.write(p.Polled(frames=tuple(line.out)))

    # files ──────────────────────────────────────────────────────────────────────────────────

    async def upload(self, key: str, token: str, name: str, data: bytes) -> bytes:
        """Keep a file until a turn names it."""
        who = self._bearer(key, token)
        name = name.replace("\\", "/").rpartition("/")[2].strip()[:200] or "file"
        if len(data) > p.FILE_LIMIT:
            raise Refused(f"“{name}” is larger than {p.FILE_LIMIT // 1024 // 1024} MB.")
        type = kind_of(name, data)
        digest = await self.desk.keep_file(Attached(name=name, type=type, data=data))
        ref = self._seal(who.visitor, _Upload(name=name, type=type, sha256=digest))
        return msgspec.json.encode(p.Kept(ref=ref, name=name, type=type, size=len(data)))

    async def open(self, key: str, token: str, ref: str) -> Attached:
        return await self.desk.open_file(self._bearer(key, token), ref)

    async def uploaded(self, who: Who, ref: str) -> raw.RawFile:
        upload = self._unseal(who.visitor, ref)
        return raw.RawFile(name=upload.name, type=upload.type, data=await self.desk.kept_file(upload.sha256))

    def _bearer(self, key: str, token: str) -> Who:
        visitor = visitor_of(token)
        if visitor is None:
            raise NotFound("This chat is not known. Reload the page.")
        return Who(inbox=self.inbox(key), visitor=visitor)

    def _seal(self, visitor: str, upload: "_Upload") -> str:
        """A ref that only the same visitor can use, so that nobody fetches a file by its digest."""
        body = msgspec.json.encode(upload).hex()
        return f"{body}.{self._mac(visitor, body)}"

    def _unseal(self, visitor: str, ref: str) -> "_Upload":
        body, _, mac = ref.partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(visitor, body).encode()):
            raise Refused("A file of this message is not known here. Attach it again.")
        return msgspec.json.decode(bytes.fromhex(body), type=_Upload)

    def _mac(self, visitor: str, body: str) -> str:
        return hmac.new(self.key, f"upload:{visitor}:{body}".encode(), "sha256").hexdigest()[:40]


class _Upload(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    type: str
    sha256: str


class Line:
    """One browser's line. Frames for it gather in `out`, always the same list; `run` writes them to a socket as
    they come."""

    def __init__(self, reception: Reception, inbox: Inbox) -> None:
        self.reception, self.desk, self.inbox = reception, reception.desk, inbox
        self.out: list[Any] = []
        self.who: Who | None = None
        self.user: str | None = None
        self.cursor = 0
        self.heard = 0
        self.zone = ""
        self.known = Sight(seq=0)
        self.wish: str | None = None
        self.pace = Pace()
        self._news = asyncio.Event()

    # a socket ───────────────────────────────────────────────────────────────────────────────

    async def run(
        self, receive: Callable[[], Awaitable[bytes | str]], send: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """Until the browser hangs up, which `receive` tells by raising."""
        await self._first(await receive())
        await self._flush(send)
        async with asyncio.TaskGroup() as group:
            teller = group.create_task(self._tell(send))
            try:
                while True:
                    await self._incoming(await receive())
                    self._news.set()
            finally:
                teller.cancel()

    async def _first(self, data: bytes | str) -> None:
        hello = _frame(data)
        if not isinstance(hello, p.Hello):
            raise Refused("The first frame of a chat must be `hello`.")
        await self.greet(hello)

    async def _incoming(self, data: bytes | str) -> None:
        try:
            frame = _frame(data)
        except Refused as error:
            self.out.append(p.Rejected(of="frame", sentence=str(error)))
        else:
            await self.hear(frame)

    async def _tell(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Writes what is new. Waits for a nudge from the desk or for an answer to what was just heard."""
        assert self.who is not None
        async with self.desk.watch(self.who) as watch:
            await self.look()
            while True:
                await self._flush(send)
                await self._stir(watch)

    async def _stir(self, watch: Watch) -> None:
        nudge = asyncio.ensure_future(watch.next(BEAT_SECONDS))
        heard = asyncio.ensure_future(self._news.wait())
        try:
            done, _ = await asyncio.wait({nudge, heard}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            heard.cancel()
            nudge.cancel()
        self._news.clear()
        if nudge not in done:
            return
        if (typing := nudge.result()) is not None:
            self.out.append(typing)
            return
        await self.look()
        if not self.out:
            self.out.append(p.Beat())

    async def _flush(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        while self.out:
            await send(p.write(self.out.pop(0)))

    # a poll ─────────────────────────────────────────────────────────────────────────────────

    async def hold(self, seconds: float) -> None:
        """Wait until there is something to tell, or the time is over."""
        assert self.who is not None
        until = time.monotonic() + seconds
        async with self.desk.watch(self.who) as watch:
            await self.look()
            while not self.out and (left := until - time.monotonic()) > 0:
                typing = await watch.next(left)
                if typing is not None:
                    self.out.append(typing)
                else:
                    await self.look()

    # greeting ───────────────────────────────────────────────────────────────────────────────

    async def greet(self, hello: p.Hello, *, fresh: bool = True) -> None:
        """Find out who this is, and tell what they have missed."""
        token = await self._recognise(hello)
        assert self.who is not None
        self.cursor = hello.after if token == hello.visitor else 0
        self.heard = hello.heard
        self.zone = hello.zone[:60]
        now = await self.desk.sight(self.who, self.cursor, self.heard)
        if fresh or token != hello.visitor:
            self.out.append(
                p.Welcome(
                    visitor=token,
                    seq=now.seq,
                    seen=now.seen,
                    turns=now.turns,
                    wait=now.wait,
                    proved=_veiled(now.proved),
                    ended=now.ended,
                    rating=now.rating,
                    elsewhere=self.desk.elsewhere(self.who),
                )
            )
        else:
            self.out += [*now.turns, now.wait] if now.turns else []
        self._on_call(now, None)
        self.known, self.cursor = now, max(self.cursor, now.seq)

    async def _recognise(self, hello: p.Hello) -> str:
        """The token the browser goes on with. Another customer of the shop gets a new one, always."""
        settings: WebchatSettings = self.inbox.settings
        user = vouched(hello.user, settings.signing_secret, datetime.now(UTC))
        self.user = hello.user if user else None
        customer = f"{settings.customer_base}/{user.id}" if user else ""
        visitor = visitor_of(hello.visitor)
        if visitor is not None and hello.visitor is not None:
            self.who = Who(inbox=self.inbox, visitor=visitor, customer=customer)
            if not customer or await self.desk.customer(self.who) in ("", customer):
                return hello.visitor
        token = new_visitor_token()
        self.who = Who(inbox=self.inbox, visitor=visitor_of(token) or "", customer=customer)
        return token

    # what is new ────────────────────────────────────────────────────────────────────────────

    async def look(self) -> None:
        """Ask what is new since the cursor and tell the differences."""
        assert self.who is not None
        if self.wish:
            await self._pass_on()
        now, was = await self.desk.sight(self.who, self.cursor, self.heard), self.known
        self.out += now.turns
        told = {turn.message for turn in now.turns}
        self.out += [
            p.State(message=message, state=state)
            for message, state in now.states.items()
            if message not in told and was.states.get(message, state) != state
        ]
        if now.wait != was.wait:
            self.out.append(now.wait)
        if now.ended and not was.ended:
            self.out.append(p.Ended())
        if now.rating and now.rating != was.rating:
            self.out.append(now.rating)
        self._on_call(now, was.call)
        self.known, self.cursor = now, max(self.cursor, now.seq)

    def _on_call(self, now: Sight, was: OnCall | None) -> None:
        """How the call stands before what is said on it."""
        if now.call is not None and now.call != was:
            self.out.append(now.call)
        self.out += now.signals
        self.heard = max((signal.seq for signal in now.signals), default=self.heard)

    async def _pass_on(self) -> None:
        """The wish for a person becomes a fact once its turn has been read into a conversation."""
        assert self.who is not None
        assert self.wish is not None
        with contextlib.suppress(NotFound):
            await self.desk.want_human(self.who, self.wish)
            self.wish = None

    # what the browser says ──────────────────────────────────────────────────────────────────

    async def hear(self, frame: Any) -> None:
        """One frame. What is refused is answered with a sentence; the line stays open."""
        try:
            await self._act(frame)
        except Busy as error:
            self._reject(frame, str(error), again=True)
        except ParleyError as error:
            self._reject(frame, str(error))

    async def _act(self, frame: Any) -> None:
        who = self.who
        assert who is not None
        match frame:
            case p.Say():
                await self._said(frame.client_id, frame.text, frame.files, frame.page)
            case p.WantHuman():
                await self._said(frame.client_id, frame.text, (), frame.page)
                self.wish = frame.client_id
            case p.Rate():
                await self._rated(frame)
            case p.Visited():
                await self._visited(frame)
            case p.VisitorTyping():
                await self.desk.typing(who, frame.on)
            case p.Got():
                await self.desk.reached(who, frame.seq, seen=False)
            case p.Seen():
                await self.desk.reached(who, frame.seq, seen=True)
            case p.ClaimMail():
                await self._claim(frame.mail)
            case p.Code():
                mail = await self.desk.prove_mail(who, frame.digits)
                self.out.append(p.Proved(mail=_veiled(mail) or ""))
            case p.End():
                await self._end()
            case p.Elsewhere():
                self.pace.spend(5)
                self.out.append(await self.desk.onward(who, frame.words[:120]))
            case p.Enter():
                self.pace.spend(5)
                await self.desk.enter(who, frame.code)
                self.cursor = 0  # what was said there before is new here
                await self.look()
            case p.Dial():
                await self._dial()
            case p.PickUp():
                await self.desk.pick_up(who, frame.call)
            case p.HangUp():
                await self.desk.hang_up(who, frame.call)
            case Signal():
                self.pace.spend(0.5)
                await self.desk.signal(who, frame.call, frame.data)

    async def _said(self, client_id: str, text: str, refs: tuple[str, ...], page: str) -> None:
        who = self.who
        assert who is not None
        self.pace.spend()
        if not 8 <= len(client_id) <= 64:
            raise Refused("A message needs a client_id of 8 to 64 characters.")
        if len(text) > p.TEXT_LIMIT or len(refs) > p.FILES_PER_TURN:
            raise Refused(f"A message has at most {p.TEXT_LIMIT} characters and {p.FILES_PER_TURN} files.")
        if not text.strip() and not refs:
            raise Refused("There is nothing in this message.")
        files = tuple([await self.reception.uploaded(who, ref) for ref in refs])
        said = raw.Said(
            visitor=who.visitor,
            client_id=client_id,
            text=text.strip(),
            files=files,
            page=page[:500],
            user=self.user,
            zone=self.zone,
        )
        await self.desk.take(self.inbox.id, raw.provider_id(said), raw.encode(said))

    async def _rated(self, frame: p.Rate) -> None:
        assert self.who is not None
        self.pace.spend()
        rated = raw.Rated(
            visitor=self.who.visitor,
            client_id=frame.client_id,
            token=frame.token,
            score=frame.score,
            comment=frame.comment[: p.TEXT_LIMIT],
            question=frame.question,
        )
        await self.desk.take(self.inbox.id, raw.provider_id(rated), raw.encode(rated))
        self.out.append(p.Thanks())

    async def _visited(self, frame: p.Visited) -> None:
        """A few times a minute at most; whoever tells more is asked to wait. Only cleaned addresses are kept."""
        assert self.who is not None
        self.pace.spend(5)
        if not 8 <= len(frame.client_id) <= 64 or not 1 <= len(frame.steps) <= MOST:
            raise Refused(f"A visit is told with a client_id of 8 to 64 characters and at most {MOST} steps.")
        steps = tuple(msgspec.structs.replace(step, page=clean(step.page)) for step in frame.steps)
        visited = raw.Visited(
            visitor=self.who.visitor,
            client_id=frame.client_id,
            steps=steps,
            client=client_id(frame.ga) or "",
            session=session_id(frame.gs[:200]) or "",
        )
        await self.desk.take(self.inbox.id, raw.provider_id(visited), raw.encode(visited))

    async def _claim(self, mail: str) -> None:
        assert self.who is not None
        self.pace.spend(5)
        if not looks_like_mail(mail.strip()):
            raise Refused("That does not look like a mail address.")
        await self.desk.claim_mail(self.who, mail.strip())
        self.out.append(p.CodeSent(mail=mail.strip()))

    async def _end(self) -> None:
        assert self.who is not None
        self.pace.spend(5)
        if rating := await self.desk.end(self.who):
            self.out.append(rating)

    async def _dial(self) -> None:
        assert self.who is not None
        self.pace.spend(5)
        told = raw.Called(visitor=self.who.visitor, call=secrets.token_urlsafe(15), state="rang", user=self.user)
        await self.desk.ring(self.who, told.call, (raw.provider_id(told), raw.encode(told)))

    def _reject(self, frame: Any, sentence: str, again: bool = False) -> None:
        kind = type(frame).__struct_config__.tag
        client_id = getattr(frame, "client_id", None)
        self.out.append(p.Rejected(of=str(kind), sentence=sentence, client_id=client_id, again=again))


class Pace:
    """How fast one line may act: a burst, then so many a second. What is refused may come again."""

    def __init__(self, burst: float = BURST, per_second: float = PER_SECOND) -> None:
        self.left, self.burst, self.per_second, self.at = burst, burst, per_second, time.monotonic()

    def spend(self, cost: float = 1.0) -> None:
        now = time.monotonic()
        self.left = min(self.burst, self.left + (now - self.at) * self.per_second)
        self.at = now
        if self.left < cost:
            raise Busy("That was very fast. It is kept here and sent again in a moment.")
        self.left -= cost


def _frame(data: bytes | str) -> Any:
    if len(data) > FRAME_LIMIT:
        raise Refused("A frame has at most 64 kB.")
    try:
        return p.read_frame(data)
    except msgspec.MsgspecError as error:
        raise Refused(f"The frame cannot be read: {error}") from error


def _veiled(mail: str | None) -> str | None:
    """`kim.lee@example.com` → `k…e@example.com`: enough to know one's own."""
    if not mail:
        return None
    local, _, domain = mail.partition("@")
    return f"{local[0]}…{local[-1] if len(local) > 2 else ''}@{domain}"
