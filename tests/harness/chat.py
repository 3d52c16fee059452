"""A real desk that lives, with a chat widget on a website of another origin, for stories in a browser.

Two servers on free ports of the loopback: the desk (widget routes only) and the website. Everything
behind them is the real thing: SQLite, intake, bot, delivery, the log's live nudges.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from litestar import Litestar, MediaType, get
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery
from litestar.static_files import create_static_files_router

from harness.ports import free_port
from parley.app import Desk
from parley.channels.webchat.reception import Reception
from parley.channels.webchat.signing import SignedUser, sign, visitor_of
from parley.config import Config
from parley.core.conversation import State as Talk
from parley.demo.knowledge import articles
from parley.log.record import Tx
from parley.services import inbox, knowledge, people, replies, routing, setup
from parley.services.inbox import Viewer
from parley.web import widget
from parley.web.templating import DIST, Assets, environment
from parley.web.visitors import VisitorDesk

T = TypeVar("T")
SECRET = "a signing secret of the shop, 32 characters and more"


class Server:
    """An app in a thread of its own, until `stop`."""

    def __init__(self, app: Any, port: int) -> None:
        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=1
        )
        self.server = uvicorn.Server(config)
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def start(self) -> "Server":
        self.thread.start()
        until = time.monotonic() + 60
        while not self.server.started:
            if time.monotonic() > until:
                raise TimeoutError("The server did not start within 15 s.")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(timeout=10)


class ChatDesk:
    """`url`: the desk. `site`: the website. `block_sockets` is a network that lets no socket through."""

    def __init__(self, folder: Path, colour: str = "#8c3b22", with_bot: bool = True) -> None:
        self.port, site_port = free_port(), free_port()
        config = Config(data=folder, secret="a secret for tests", port=self.port, ai="words")
        self.desk = Desk(config)
        self.site_url = f"http://127.0.0.1:{site_port}"
        self.desk.record.do(lambda tx: self._build(tx, colour, with_bot))
        self.desk.setup_changed()
        if with_bot:
            self.desk.bot.brain.warm(self.desk.record)
        self.visitors = VisitorDesk(
            self.desk.record,
            self.desk.intake,
            self.desk.store,
            self.desk.inboxes,
            {name: channel.manifest.identity_kind for name, channel in self.desk.channels.items()},
            config.key,
            hosted=["webchat"],
        )
        self.block_sockets = False
        self.sockets: list[Any] = []
        self.server = Server(self._app(), self.port).start()
        self.url = self.server.url
        self.site = Server(self._site(), site_port).start()

    def _build(self, tx: Tx, colour: str, with_bot: bool) -> None:
        self.brand = setup.add_brand(tx, "Brackenfell")
        chat = {
            "key": "shop",
            "secret": SECRET,
            "title": "Brackenfell",
            "colour": colour,
            "origins": (self.site_url,),
            "greeting": "Ask about an order, a return or how a shoe fits.",
            "suggestions": ("Where is my order?", "Can I return shoes I wore once?", "What does delivery cost?"),
            "assistant": "Fern",
        }
        setup.add_inbox(tx, self.brand, "webchat", "Shop chat", "shop", chat, with_bot)
        mail = {"smtp_host": "127.0.0.1", "smtp_port": 1, "smtp_security": "none"}
        setup.add_inbox(tx, self.brand, "email", "Mail", "help@brackenfell.test", mail, with_bot)
        self.ana = setup.add_agent(tx, "Ana Silva", "ana@brackenfell.test", "agent")
        for article in articles():
            knowledge.write(
                tx,
                article.title,
                article.markdown,
                "test",
                slug=article.slug,
                audience=article.audience,
                wordings=article.wordings,
            )

    # the two servers ────────────────────────────────────────────────────────────────────────

    def _app(self) -> Any:
        reception = Reception(self.visitors, self._by_key, self.desk.config.key)
        assets = Assets()
        state = State({"reception": reception, "assets": assets, "templates": environment(assets)})

        @asynccontextmanager
        async def life(app: Litestar):  # type: ignore[no-untyped-def]
            self.desk.start()
            await self.desk.run()
            self.visitors.open()
            yield
            self.visitors.close()
            await self.desk.halt()

        static = create_static_files_router(path="/static/dist", directories=[DIST])
        app = Litestar([*widget.routes(), static], state=state, lifespan=[life], openapi_config=None)
        return self._network(app)

    def _network(self, app: Any) -> Any:
        """What lies between browser and desk: may block sockets, or cut those that are open."""

        async def through(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "websocket":
                if self.block_sockets:
                    await receive()
                    await send({"type": "websocket.close", "code": 1001})
                    return
                task = asyncio.current_task()
                self.sockets.append((task, asyncio.get_running_loop()))
            await app(scope, receive, send)

        return through

    def _by_key(self) -> dict[str, Any]:
        return {i.settings.key: i for i in self.desk.inboxes().values() if hasattr(i.settings, "key")}

    def cut(self) -> None:
        """Every open socket breaks, as when a phone leaves the building."""
        for task, loop in self.sockets:
            loop.call_soon_threadsafe(task.cancel)
        self.sockets = []

    def _site(self) -> Litestar:
        @get(["/", "/other", "/{lang:str}/page"], media_type=MediaType.HTML, sync_to_thread=False)
        def page(lang: FromPath[str] = "en", user: FromQuery[str] = "", theme: FromQuery[str] = "light") -> str:
            return website(self.url, lang, user, theme)

        return Litestar([page], openapi_config=None)

    # people ─────────────────────────────────────────────────────────────────────────────────

    def signed(self, id: str, mail: str, name: str) -> str:
        user = SignedUser(id=id, mail=mail, name=name, exp=int(datetime.now(UTC).timestamp()) + 3600)
        return sign(user, SECRET)

    def agent_online(self) -> None:
        self.act(lambda tx: routing.set_presence(tx, self.ana, "online"))

    def agent_replies(self, number: int, text: str) -> int:
        who = Viewer(agent=self.ana, role="agent", brands=None)
        return self.act(lambda tx: replies.reply(tx, number, who, text))

    def agent_types(self, number: int, on: bool = True) -> None:
        self.visitors.agent_typing(number, "Ana Silva", on)

    def act(self, job: Callable[[Tx], T]) -> T:
        return self.desk.record.do(job)

    def talks_of(self, token: str) -> list[Talk]:
        """The conversations of the browser that holds this token, newest first."""
        key = ("visitor", visitor_of(token) or "")
        found = self.desk.record.ask(people.by_address, [key])
        return self.desk.record.ask(inbox.of_person, found[key].person, inbox.SYSTEM) if key in found else []

    def stop(self) -> None:
        self.site.stop()
        self.server.stop()
        self.desk.stop()


def website(desk: str, lang: str, user: str, theme: str) -> str:
    """A plain page of a shop, as somebody else would write it."""
    return f"""<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Brackenfell</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px/1.5 Georgia,serif;margin:0;color:#2b2320;background:#faf6f0}}
main{{max-width:60rem;margin:0 auto;padding:2rem}}button{{background:red;font-size:40px}}
@media(prefers-color-scheme:dark){{body{{background:#171412;color:#eee}}a{{color:#9cf}}}}</style></head>
<body><main><h1>Boots for bad weather</h1><p>Made in the hills since 1974.</p>
<p><a href="/other">Another page</a></p><form><label>Name <input></label></form></main>
<script src="{desk}/widget.js" data-inbox="shop" data-color="#8c3b22" data-user="{user}"
 data-theme="{theme}" async></script>
</body></html>"""
