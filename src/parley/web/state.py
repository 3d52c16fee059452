"""What the pages need of a running desk. app.py fills a `Room`; handlers get it as their `room`."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import jinja2

from parley.core.channel import Channel, Inbox
from parley.log.record import Record
from parley.services.files import Store
from parley.services.intake import Intake
from parley.services.kept_reports import Reports
from parley.services.listening import Health
from parley.services.replays import Lab
from parley.web.hub import Hub
from parley.web.present import KeptRows
from parley.web.security import Doorkeeper
from parley.web.switchboard import Switchboard
from parley.web.templating import Assets, environment
from parley.web.visitors import VisitorDesk

T = TypeVar("T")


@dataclass(kw_only=True)
class Room:
    """A running desk as the pages see it.

    url: how customers reach the desk. secure: they come over TLS. key: signs links.
    trusted_proxies: addresses whose X-Forwarded-For is believed. bot: the follower that answers.
    trainer: learns topics. rehearse: holds a procedure's conversations.
    lab: replays days to two bots.
    reception: receives the visitors of a live channel, None where no such channel is installed.
    demo: show the pages of the demo company. slow: held while a password is checked, which takes 64 MB
    and a core. rehearsing: held while conversations are. fetching: held while a picture is fetched from elsewhere.
    kept: rows of the list as made last. reports: figures as made last, on a large desk.
    """

    record: Record
    store: Store
    channels: Mapping[str, Channel]
    inboxes: Callable[[], Mapping[int, Inbox]]
    setup_changed: Callable[[], None]
    intake: Intake
    health: Health
    bot: Any
    trainer: Any
    rehearse: Callable[..., Any]
    lab: Lab
    key: bytes
    url: str
    secure: bool = False
    trusted_proxies: tuple[str, ...] = ()
    demo: bool = False
    hub: Hub
    door: Doorkeeper
    visitors: VisitorDesk
    switchboard: Switchboard
    reception: Any = None
    kept: KeptRows = field(default_factory=KeptRows)
    reports: Reports = field(init=False)
    assets: Assets = field(default_factory=Assets)
    slow: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    rehearsing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    fetching: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))
    templates: jinja2.Environment = field(init=False)

    def __post_init__(self) -> None:
        self.templates = environment(self.assets)
        self.reports = Reports(self.record)

    async def ask(self, question: Callable[..., T], *args: Any, **more: Any) -> T:
        """Ask `question(conn, …)` in a thread: `await room.ask(inbox.page, "waiting", who)`."""
        return await asyncio.to_thread(self.record.ask, question, *args, **more)

    async def do(self, act: Callable[..., T], *args: Any, **more: Any) -> T:
        """Do `act(tx, …)` and wait until it is durable: `await room.do(replies.close, number, who)`.

        A client that goes away in the meantime does not take the act back.
        """
        written: Future[T] = self.record.write(lambda tx: act(tx, *args, **more))
        return await asyncio.shield(asyncio.wrap_future(written))

    def page(self, template: str, **context: Any) -> str:
        """A rendered template."""
        return self.templates.get_template(template).render(**context)
