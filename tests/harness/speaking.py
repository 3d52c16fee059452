"""A company whose customers and agents speak with each other in real Chromiums, with made microphones."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from litestar import Litestar, MediaType, get
from playwright.sync_api import Browser, Page

from harness.chat import Server, website
from harness.desk import StoryDesk
from harness.ports import free_port
from harness.web import SignedIn, WebDesk, serving
from parley.core import calls
from parley.services import inbox, setup

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
SILENCE = 0.005  # what a quiet line measures; the fake microphone's tone is far above it


class Company:
    """A served desk, and a website of another origin that shows its chat."""

    def __init__(self, web: WebDesk, site: str) -> None:
        self.web, self.site, self.story = web, site, web.story

    def agent(self, browser: Browser, name: str, **look: Any) -> Page:
        """An agent who takes calls, at the desk."""
        who = self.web.signed_in(name)
        self.story.change(lambda tx: setup.change_agent(tx, who.agent, takes_calls=True))
        return self.at_the_desk(browser, who, **look)

    def at_the_desk(self, browser: Browser, who: SignedIn, **look: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **look})
        context.set_default_timeout(45_000)
        context.add_cookies([{"name": self.web.room.door.cookie, "value": who.secret, "url": self.web.url}])
        page = context.new_page()
        page.goto(f"{self.web.url}/desk/inbox/waiting")
        eventually(lambda: self.presence(who.agent) == "online")
        return page

    def presence(self, agent: int) -> str:
        return self.story.record.ask(setup.agent, agent).presence

    def customer(self, browser: Browser) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(45_000)
        page = context.new_page()
        page.goto(self.site)
        page.locator("aside > button").click()
        return page

    def courses(self) -> list[calls.Course]:
        found = []
        for state in self.story.conversations():
            found += calls.courses(self.story.record.ask(inbox.history, state.id)).values()
        return found


@contextmanager
def speaking(folder: Path) -> Iterator[Company]:
    """The desk served, with its chat on a website of another origin."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    story = StoryDesk(folder)
    chat = {"key": "shop", "title": "Larkspur", "origins": (address,), "ring_seconds": 30}
    story.change(lambda tx: setup.change_inbox(tx, story.chat_inbox, settings=chat))
    story.desk.setup_changed()
    with serving(story) as web:

        @get("/", media_type=MediaType.HTML, sync_to_thread=False)
        def page() -> str:
            return website(web.url, "en", "", "light")

        site = Server(Litestar([page], openapi_config=None), port).start()
        yield Company(web, address)
        site.stop()


def eventually(check: Any, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until, "It did not come about."
        time.sleep(0.05)


def panel(page: Page) -> Any:
    return page.frame_locator("aside iframe")


def hears(page: Page) -> float:
    """The loudest that the other side was within some seconds; the fake microphone beeps about once a second."""
    loudest = 0.0
    until = time.monotonic() + 20
    while loudest <= SILENCE and time.monotonic() < until:
        loudest = max(loudest, float(page.locator("meter.call-level").evaluate("meter => meter.value")))
        time.sleep(0.05)
    return loudest
