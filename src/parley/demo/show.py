"""`parley demo`: a company that lives on this machine alone. Desk, shop, mail and customers in one process."""

import asyncio
import random
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from litestar import Litestar

from parley.app import Desk
from parley.config import Config, load
from parley.core.errors import BadConfig
from parley.core.questionnaire import USUAL, Condition, Question, Survey
from parley.demo import articles, build, company, history, knowledge, lab, promises, reports, warehouse, website
from parley.demo.crowd import Crowd
from parley.demo.learned import learned
from parley.demo.phone import Phone
from parley.demo.post import PostOffice
from parley.demo.storefront import Storefront
from parley.demo.week import week_of_conversations, weeks_before
from parley.log.record import Tx
from parley.services import access, desk_notes, setup, surveys

NPS = (
    Question(key="", measure="nps"),
    Question(key="why", measure="text", only_if=Condition(question="", low=0, high=6)),
)


def run_demo(folder: Path | None, first_port: int, *, living: bool) -> None:
    """Build the company, print where to look, and run until stopped."""
    from parley.running import give_memory_back, run_server

    give_memory_back()
    begun = time.monotonic()
    kept = folder is not None
    data = folder or Path(tempfile.mkdtemp(prefix="parley-demo-"))
    try:
        config = load(environment={}, data=data, port=_free_port(first_port), log_level="warning")
        show = Show(config, living, begun)
        run_server(config, desk=show.desk, demo=True, beside=[show.alive])
    finally:
        if not kept:
            shutil.rmtree(data, ignore_errors=True)


def _free_port(first: int) -> int:
    for port in range(first, first + 50):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BadConfig(f"No port between {first} and {first + 49} is free. Choose another with --port.")


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Show:
    """The demo's desk with its post office and its crowd. `mail_from`: the first port tried for its mail."""

    def __init__(self, config: Config, living: bool, begun: float, mail_from: int = 2525) -> None:
        self.config, self.living, self.begun = config, living, begun
        self.desk = Desk(config)
        self.mail_in, self.mail_out = _free_port(mail_from), _free_port(mail_from + 100)
        if self.desk.record.ask(setup.is_new):
            self.desk.record.do(self._build)
        else:
            self.desk.record.do(self._move_mail)
        self.desk.setup_changed()
        self.post = PostOffice(self.desk, "127.0.0.1", self.mail_out, self.mail_in)
        self.phone = Phone(self.desk, config.url)
        self.started = datetime.now(UTC)
        self.crowd = Crowd(self.desk, self.post, random.Random(), self.started)

    # building ───────────────────────────────────────────────────────────────────────────────

    def _mail(self) -> dict[str, Any]:
        return {
            "listen_host": "127.0.0.1",
            "listen_port": self.mail_in,
            "smtp_host": "127.0.0.1",
            "smtp_port": self.mail_out,
            "smtp_security": "none",
        }

    def _build(self, tx: Tx) -> None:
        now = tx.at
        brands = build.add_brands(tx, self.config.url)
        agents = build.add_agents(tx)
        promises.agree(tx, brands)
        inboxes = build.add_inboxes(tx, brands, self._mail(), self.config.url)
        build.add_articles(tx, brands)
        articles.look_after(tx, agents)
        setup.set_setting(tx, "bot_calibration", learned())
        setup.set_setting(tx, "bot_calibration_by_meaning", learned(by_meaning=True))
        desk_notes.set_macros(tx, [desk_notes.Macro(name=name, text=text) for name, text in knowledge.macros()])
        build.add_products(tx)
        build.add_orders(tx, brands, now)
        warehouse.connect(tx, self.config.url)
        kinds = {"chat": "webchat", "mail": "email"}
        by_kind = {(kinds[key.partition("/")[0]], key.partition("/")[2]): number for key, number in inboxes.items()}
        history.Telling(tx, brands, agents, by_kind).tell([*weeks_before(now), *week_of_conversations(now)])
        history.presence(tx, agents, company.agents())
        setup.set_setting(tx, "survey_delay_seconds", 20)
        setup.set_setting(tx, "survey_pause_days", 0)
        surveys.keep(tx, Survey(key="nps", name="Would recommend", questions=NPS, channel="email", share=50))
        surveys.keep(tx, Survey(key="csat", name="After a chat", questions=USUAL.questions, channel="webchat"))
        setup.set_setting(tx, "routing", False)
        reports.keep(tx, brands, agents)

    def _move_mail(self, tx: Tx) -> None:
        """A kept demo starts again: its ports may be others now."""
        warehouse.move(tx, self.config.url)
        for inbox in setup.all_inboxes(tx.conn, self.desk.channels).values():
            if "@" in inbox.address:
                setup.change_inbox(tx, inbox.id, settings=self._mail())

    # saying where ───────────────────────────────────────────────────────────────────────────

    async def _print_addresses(self) -> None:
        """Once the pages answer. Plain lines, so that a terminal keeps each address whole."""
        while not await asyncio.to_thread(_answers, self.config.port):
            await asyncio.sleep(0.05)
        me = next(a for a in self.desk.record.ask(setup.all_agents).values() if a.role == "admin")
        ticket = await asyncio.to_thread(self.desk.record.do, lambda tx: access.login_link(tx, me.id))
        shop = f"{self.config.url}/shop/{company.brands()[0].key}"
        print(
            f"\nParley demo, ready after {time.monotonic() - self.begun:.1f} s.\n\n"
            f"  Agent desk  {self.config.url}/login/{ticket}\n"
            f"              signs you in as {me.name}; the link works once\n\n"
            f"  Shop page   {shop}\n"
            "              you are Kim Lee there; ask the chat: where is my order 10342?\n\n"
            f"  Kim's phone {shop}/phone\n"
            "              WhatsApp, SMS, Telegram, reviews …, with no account\n\n"
            f"Customers write now and then{'' if self.living else ' (switched off)'}."
            " Nothing leaves this machine. Stop with Ctrl-C.\n",
            flush=True,
        )

    # living ─────────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def alive(self, app: Litestar) -> AsyncIterator[None]:
        """The shop and the post office always; the crowd when customers are wanted."""
        app.state.shop, app.state.phone = Storefront(self.post), self.phone
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(self.post.run(), name="post office")]
        tasks.append(asyncio.create_task(self.phone.run(), name="phone"))
        tasks.append(asyncio.create_task(self._print_addresses(), name="addresses"))
        warm = asyncio.to_thread(self.desk.bot.brain.warm, self.desk.record)
        tasks.append(asyncio.create_task(warm, name="bot"))
        tasks.append(asyncio.create_task(website.count(self.desk.record), name="website"))
        tasks.append(asyncio.create_task(articles.draft(self.desk.record), name="draft"))
        if self.living:
            tasks.append(asyncio.create_task(lab.try_out(self.desk), name="lab"))
            tasks.append(asyncio.create_task(self.crowd.run(), name="crowd"))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
