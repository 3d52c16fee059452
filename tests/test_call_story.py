"""Two real Chromiums speak with each other: a customer on a website, an agent at the desk, sound in between."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, MediaType, get
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from harness.chat import Server, website
from harness.desk import StoryDesk
from harness.ports import free_port
from harness.web import SignedIn, WebDesk, serving
from parley.core import calls
from parley.core import events as e
from parley.services import inbox, setup
from parley.web.templating import DIST

AXE = Path(__file__).parent.parent / "frontend/node_modules/axe-core/axe.min.js"
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
SILENCE = 0.005  # what a quiet line measures; the fake microphone's tone is far above it

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium"),
    pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built"),
]


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


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    story = StoryDesk(tmp_path)
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


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=45_000)
    with sync_playwright() as play:
        yield play


@pytest.fixture
def browsers(playwright: Playwright) -> Iterator[tuple[Browser, Browser]]:
    """The customer's and the agent's: two processes, two microphones."""
    two = [playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS) for _ in range(2)]
    yield two[0], two[1]
    for browser in two:
        browser.close()


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


def test_a_customer_calls_and_is_heard(company: Company, browsers: tuple[Browser, Browser]) -> None:
    theirs, ours = browsers
    ana, ben = company.agent(ours, "ana"), company.agent(ours, "ben")
    kim = company.customer(theirs)
    panel(kim).get_by_role("button", name="Call", exact=True).click()
    expect(panel(kim).get_by_text("It rings at the desk.")).to_be_visible()
    for desk in (ana, ben):
        expect(desk.get_by_role("alertdialog")).to_contain_text("calls from the chat")
        expect(desk.get_by_role("button", name="Accept")).to_be_focused()

    ana.keyboard.press("Enter")
    expect(ben.get_by_role("alertdialog")).to_have_count(0)
    expect(ana.get_by_role("timer")).to_be_visible()
    expect(panel(kim).get_by_text("You are speaking with Ana")).to_be_visible()
    assert hears(ana) > SILENCE, "the customer's tone does not arrive"

    # Muted, nothing of the customer's is heard; unmuted, it is again.
    panel(kim).get_by_role("button", name="Mute").click()
    eventually(lambda: quiet_for(ana, 1.5), 30)
    panel(kim).get_by_role("button", name="Unmute").click()
    assert hears(ana) > SILENCE

    company.story.clock.advance(seconds=125)
    ana.get_by_role("button", name="Hang up").click()
    expect(panel(kim).get_by_text("The call is over")).to_be_visible()
    expect(panel(kim).get_by_text("You spoke for 2 min")).to_be_visible()
    (course,) = company.courses()
    assert calls.in_words(course).startswith("Call, 2 min 5 s, answered by Ana")
    ana.goto(f"{company.web.url}/desk/conversations/{company.story.conversations()[0].id}")
    expect(ana.locator(".turn")).to_contain_text(re.compile("Call, 2 min 5 s, answered by Ana"))


def quiet_for(page: Page, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if float(page.locator("meter.call-level").evaluate("meter => meter.value")) > SILENCE:
            return False
        time.sleep(0.05)
    return True


def test_the_agent_calls_from_the_conversation(company: Company, browsers: tuple[Browser, Browser]) -> None:
    theirs, ours = browsers
    ana = company.agent(ours, "ana")
    kim = company.customer(theirs)
    panel(kim).get_by_role("textbox", name="Write a message").fill("Can somebody explain the sizes?")
    panel(kim).get_by_role("button", name="Send", exact=True).click()
    ana.locator(".row").first.click()
    ana.locator("[data-command=call]").click()
    expect(panel(kim).get_by_text("Ana calls you")).to_be_visible()
    panel(kim).get_by_role("button", name="Accept").click()
    expect(ana.get_by_role("timer")).to_be_visible()
    assert hears(ana) > SILENCE
    panel(kim).get_by_role("button", name="Hang up").click()
    expect(ana.get_by_text("The call is over")).to_be_visible()
    eventually(lambda: any(course.ended for course in company.courses()))
    (course,) = company.courses()
    assert (course.outgoing, course.answered is not None) == (True, True)
    assert len(company.story.conversations()) == 1


def test_declined_by_all_it_becomes_work(company: Company, browsers: tuple[Browser, Browser]) -> None:
    theirs, ours = browsers
    ana = company.agent(ours, "ana")
    kim = company.customer(theirs)
    panel(kim).get_by_role("button", name="Call", exact=True).click()
    expect(ana.get_by_role("alertdialog")).to_be_visible()
    ana.locator("body").press("c")
    ana.locator("body").press("d")
    expect(panel(kim).get_by_text("Nobody could answer.")).to_be_visible()
    expect(ana.locator(".row")).to_contain_text("Missed call")
    assert company.story.events(e.CallEnded)[0].event.cause == "noAnswer"


def test_nobody_is_there_and_no_button_promises_otherwise(company: Company, browsers: tuple[Browser, Browser]) -> None:
    kim = company.customer(browsers[0])
    expect(panel(kim).get_by_role("textbox", name="Write a message")).to_be_visible()
    expect(panel(kim).get_by_text("away, we answer later").first).to_be_visible()
    expect(panel(kim).get_by_role("button", name="Call", exact=True)).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it(company: Company, browsers: tuple[Browser, Browser], theme: Any) -> None:
    """While it rings and while they speak, axe-core finds nothing on either side."""
    theirs, ours = browsers
    ana = company.agent(ours, "ana", color_scheme=theme)
    kim = company.customer(theirs)
    panel(kim).get_by_role("button", name="Call", exact=True).click()
    expect(ana.get_by_role("alertdialog")).to_be_visible()
    assert violations(ana) == []
    ana.get_by_role("button", name="Accept").click()
    expect(panel(kim).get_by_text("You are speaking with Ana")).to_be_visible()
    assert violations(ana, ".calls") == [], "the list's row that leaves goes pale, which is not this story's"
    assert violations(kim.frames[1]) == []


def violations(page: Any, within: str = "html") -> list[str]:
    """What axe-core finds on a page, in a part of it, or in a frame."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("async (within) => (await axe.run(within)).violations", within)
    return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found]


def test_only_these_pages_may_use_the_microphone(company: Company) -> None:
    agent = company.web.signed_in("ana")
    allowed = {
        "/desk/inbox/waiting": True,
        "/widget/shop/panel": True,
        "/login": False,
        "/help": False,
    }
    for path, expected in allowed.items():
        policy = agent.get(path, follow_redirects=False).headers["permissions-policy"]
        assert ("microphone=(self)" in policy, "microphone=()" in policy) == (expected, not expected), path
        assert "camera=()" in policy
