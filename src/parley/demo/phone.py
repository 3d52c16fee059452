"""The demo customers' phone: what they write goes through the simulator of each platform, and so does what they get.

An app is installed when it is first opened: its simulator starts, and the brand gets an inbox that finds it in the
platform's place. So a demo where nobody takes up the phone costs nothing. Like the mailbox, it remembers in memory.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from functools import partial

import httpx
import msgspec

from parley.app import Desk
from parley.core.channel import Attached
from parley.core.errors import NotFound, Refused
from parley.demo import company
from parley.demo.apps import APPS, App, Picture, Post, Taken, Who
from parley.demo.simulators.server import Asked, Said
from parley.log.record import Tx
from parley.services import setup
from parley.web import shop_phone

logger = logging.getLogger("parley.demo")
ARRIVES = 1.0  # seconds until a platform tells that a message was delivered
TRIES, PAUSE = 4, 0.5  # of a webhook that the desk did not take
LONGEST = 1000
PICTURES, LARGEST = ("image/jpeg", "image/png", "image/webp", "image/gif"), 4 * 1024 * 1024


class Bubble(msgspec.Struct, kw_only=True):
    """mine: the customer wrote it. name: the platform's. state: sent, waits, taken, failed; delivered, read.

    way: how it was written, where there are several. stars: of a review. picture: that came with it, or None.
    """

    number: int
    mine: bool
    text: str
    at: datetime
    name: str
    state: str = ""
    way: str = ""
    stars: int = 0
    choices: tuple[tuple[str, str], ...] = ()
    picture: Picture | None = None


class Line(msgspec.Struct, kw_only=True):
    """One customer in one app of one brand. changed: counts every change."""

    who: Who
    bubbles: list[Bubble] = []
    changed: int = 0
    unread: int = 0


class Installed(msgspec.Struct, kw_only=True):
    app: App
    inbox: int
    lines: dict[str, Line] = {}


class Phone:
    """url: where the desk takes webhooks."""

    def __init__(self, desk: Desk, url: str) -> None:
        self.desk, self.url = desk, url
        self.apps = {kind.key: kind for kind in APPS}
        self.installed: dict[tuple[str, str], Installed] = {}
        self._installing = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._names = int(datetime.now(UTC).timestamp())

    # installing ─────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """A kept demo goes on where it was: whatever was installed finds its simulator again. Until cancelled."""
        self._loop = asyncio.get_running_loop()
        for key, brand in await asyncio.to_thread(self._kept):
            await self.install(key, brand)
        try:
            await asyncio.Event().wait()
        finally:
            for one in self.installed.values():
                await asyncio.to_thread(one.app.service.close)

    def _kept(self) -> list[tuple[str, str]]:
        known = {(key, b.key): _address(key, b.key) for key in self.apps for b in company.brands()}
        there = {box.address for box in self.desk.inboxes().values()}
        return [place for place, address in known.items() if address in there]

    async def install(self, key: str, brand: str) -> Installed:
        """The app of a brand, with its simulator going and its inbox at the desk."""
        self._loop = asyncio.get_running_loop()
        async with self._installing:
            if (key, brand) not in self.installed:
                if key not in self.apps or brand not in {b.key for b in company.brands()}:
                    raise NotFound("There is no such app on this phone.")
                self.installed[key, brand] = await asyncio.to_thread(self._install, self.apps[key](), brand)
            return self.installed[key, brand]

    def _install(self, app: App, brand: str) -> Installed:
        inbox = self.desk.record.do(partial(_inbox, app=app, brand=brand))
        app.hook = f"{self.url}/hooks/{inbox}{app.path}"
        self.desk.record.do(lambda tx: setup.change_inbox(tx, inbox, settings=app.settings()))
        made = Installed(app=app, inbox=inbox)
        app.service.heard = partial(self._heard, made)
        self.desk.setup_changed()
        return made

    # what the pages show ────────────────────────────────────────────────────────────────────

    def on_it(self, brand: str, mail: str) -> Sequence[shop_phone.App]:
        return [
            shop_phone.App(
                key=key,
                label=kind.label,
                ways=kind.ways,
                public=kind.public,
                stars=kind.stars,
                pictures=kind.pictures,
                calls=kind.calls,
                unread=self.line(key, brand, mail).unread,
            )
            for key, kind in self.apps.items()
        ]

    def said(self, app: str, brand: str, mail: str) -> shop_phone.Line:
        line = self.line(app, brand, mail)
        shown = [
            shop_phone.Bubble(
                number=one.number,
                mine=one.mine,
                text=one.text,
                at=one.at,
                state=one.state,
                way=one.way,
                stars=one.stars,
                choices=one.choices,
                picture=one.picture is not None,
            )
            for one in line.bubbles
        ]
        named = self.apps[app].address(line.who) if app in self.apps else ""
        named = "" if named.endswith(line.who.id) else named  # a number of the platform's own tells nobody anything
        return shop_phone.Line(bubbles=shown, changed=line.changed, number=named)

    # the customer ───────────────────────────────────────────────────────────────────────────

    def line(self, key: str, brand: str, mail: str) -> Line:
        """What a customer and the brand said to each other in an app."""
        there = self.installed.get((key, brand))
        found = there.lines.get(mail) if there else None
        return found or Line(who=who(mail))

    async def writes(
        self, key: str, brand: str, mail: str, text: str, way: str = "", stars: int = 0, file: Attached | None = None
    ) -> None:
        there = await self.install(key, brand)
        picture = _picture(there.app, file, way)
        if not (text or picture) or way not in (*there.app.ways, ""):
            raise Refused("Write something first.")
        line = there.lines.setdefault(mail, Line(who=who(mail)))
        self._names += 1
        told = {"name": str(self._names), "way": way, "stars": stars, "picture": picture}
        told["choices"] = there.app.goes_on("")
        bubble = self._add(line, mine=True, text=text[:LONGEST], **told)
        if picture:
            post: Post | None = there.app.shows(line.who, bubble.name, bubble.text, picture)
        else:
            post = there.app.says(line.who, bubble.name, bubble.text, way, stars)
        if post is None:
            bubble.state = "waits"
            return
        self._begin(self._post(there, line, bubble, post.body, post.headers))

    def picture(self, key: str, brand: str, mail: str, number: int) -> tuple[bytes, str] | None:
        """Bytes and type of the picture in a bubble."""
        found = next((b for b in self.line(key, brand, mail).bubbles if b.number == number), None)
        return (found.picture.data, found.picture.type) if found and found.picture else None

    async def presses(self, key: str, brand: str, mail: str, number: int, label: str) -> None:
        """A button under a message of the desk's."""
        there = await self.install(key, brand)
        line = there.lines.get(mail)
        pressed = next((b for b in line.bubbles if b.number == number), None) if line else None
        value = next((value for name, value in pressed.choices if name == label), None) if pressed else None
        if line is None or pressed is None or value is None:
            raise NotFound("There is no such button any more.")
        self._names += 1
        pressed.choices = () if there.app.calls else pressed.choices  # what was done is done
        bubble = self._add(line, mine=True, text=label, name=str(self._names), choices=there.app.goes_on(value))
        if post := there.app.presses(line.who, pressed.name, label, value):
            self._begin(self._post(there, line, bubble, post.body, post.headers))

    async def looks(self, key: str, brand: str, mail: str) -> None:
        """The customer has the app before them: what was unread is read, and the platform tells so where it does."""
        there = self.installed.get((key, brand))
        line = there.lines.get(mail) if there else None
        if there is None or line is None or not line.unread:
            return
        line.unread = 0
        for bubble in line.bubbles:
            if not bubble.mine and bubble.state == "delivered" and there.app.tells:
                bubble.state = "read"
                line.changed += 1
                self._begin(self._tell(there, line, bubble, "read"))

    # the platform ───────────────────────────────────────────────────────────────────────────

    def _heard(self, there: Installed, asked: Asked, said: Said) -> None:
        """On the simulator's thread: the desk asked something."""
        if self._loop is None or self._loop.is_closed():
            return
        if asked.method == "GET":
            self._loop.call_soon_threadsafe(self._looked, there)
        elif (taken := there.app.took(asked, said)) is not None:
            self._loop.call_soon_threadsafe(self._arrives, there, taken)

    def _looked(self, there: Installed) -> None:
        """The desk came to look, so that it has what waited."""
        for line in there.lines.values():
            for bubble in line.bubbles:
                if bubble.state == "waits":
                    bubble.state = "taken"
                    line.changed += 1

    def _arrives(self, there: Installed, taken: Taken) -> None:
        mail = next((c.mail for c in company.customers() if there.app.address(who(c.mail)) == taken.to), "")
        if not mail:
            return
        line = there.lines.setdefault(mail, Line(who=who(mail)))
        bubble = self._add(
            line, mine=False, text=taken.text, name=taken.name, choices=taken.choices, picture=taken.picture
        )
        bubble.state = "delivered"
        line.unread += 1
        if there.app.tells:
            self._begin(self._tell(there, line, bubble, "delivered"))

    async def _tell(self, there: Installed, line: Line, bubble: Bubble, state: str) -> None:
        """A platform needs a moment; before that the desk may not know its own message by the platform's name."""
        await asyncio.sleep(ARRIVES)
        if post := there.app.news(line.who, bubble.name, state):
            await self._post(there, line, None, post.body, post.headers)

    async def _post(
        self, there: Installed, line: Line, bubble: Bubble | None, body: bytes, headers: dict[str, str]
    ) -> None:
        """The webhook, over HTTP, as a platform would: again where the desk did not take it."""
        for number in range(TRIES):
            await asyncio.sleep(PAUSE * number)
            try:
                async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
                    answer = await http.post(there.app.hook, content=body, headers=headers)
            except httpx.HTTPError as error:
                logger.info("The desk did not take a webhook of %s: %s", there.app.label, error)
                continue
            if answer.status_code == 200:
                break
        else:
            logger.warning("%s gave up a webhook", there.app.label)
            if bubble is not None:
                bubble.state, line.changed = "failed", line.changed + 1
            return
        if bubble is not None:
            bubble.state, line.changed = "taken", line.changed + 1

    def _add(self, line: Line, **told: object) -> Bubble:
        bubble = Bubble(number=len(line.bubbles) + 1, at=datetime.now(UTC), **told)  # type: ignore[arg-type]
        line.bubbles.append(bubble)
        line.changed += 1
        return bubble

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _picture(app: App, file: Attached | None, way: str) -> Picture | None:
    if file is None:
        return None
    if not app.pictures or way:
        raise Refused("No picture can be sent there.")
    if file.type not in PICTURES or len(file.data) > LARGEST:
        raise Refused("Choose a picture (JPEG, PNG, WebP or GIF) of at most 4 MB.")
    return Picture(data=file.data, type=file.type)


def who(mail: str) -> Who:
    known: Sequence[company.Customer] = company.customers()
    place = next((n for n, one in enumerate(known, 1) if one.mail == mail), None)
    if place is None:
        raise NotFound("There is no such customer.")
    return Who(place=place, name=known[place - 1].name, mail=mail)


def _address(key: str, brand: str) -> str:
    return f"phone-of-the-demo/{key}/{brand}"


def _inbox(tx: Tx, *, app: App, brand: str) -> int:
    """The brand's inbox for this app: the one that a kept demo has, or a new one."""
    address = _address(app.key, brand)
    made = next(b for b in company.brands() if b.key == brand)
    known = setup.all_brands(tx.conn)
    number = next(id for id, one in known.items() if one.name == made.name)
    there = tx.conn.execute(setup.inboxes.select().where(setup.inboxes.c.address == address)).first()
    if there is not None:
        return int(there.id)
    return setup.add_inbox(tx, number, app.channel, f"{made.name} {app.label}", address, {}, app.bot)
