"""From a bad rating to what others say of the same and back, in a real browser: the loop is closed knowingly."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from harness.axe import violations
from harness.chat import Server
from harness.ports import free_port
from harness.waiting import eventually
from parley.ai.encoder import encoder
from parley.app import room_of
from parley.config import Config
from parley.demo.show import Show
from parley.running import _alive
from parley.services import access, followups, hearing, remarks, setup
from parley.services.inbox import SYSTEM
from parley.web.server import make_app
from parley.web.templating import DIST

CHROMIUM = Path("/usr/bin/chromium")
SAID = "My parcel has been in transit for two weeks, the delivery is a disaster."

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium"),
    pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built"),
    pytest.mark.skipif(encoder() is None, reason="the sentence encoder is not built"),
]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Show, str]]:
    port = free_port()
    config = Config(data=tmp_path_factory.mktemp("demo"), secret="a secret for tests", port=port, ai="words")
    show = Show(config, living=False, begun=time.monotonic(), mail_from=free_port())
    app = make_app(room_of(show.desk, demo=True), beside=[lambda _: _alive(show.desk, True), show.alive])
    server = Server(app, port).start()
    yield show, server.url
    server.stop()


def rates_two_of_five(url: str, browser: Browser) -> None:
    """In the chat, where the customer wrote."""
    shop = browser.new_page(viewport={"width": 1280, "height": 860})
    shop.goto(f"{url}/shop/brackenfell")
    shop.get_by_role("button", name=re.compile("Chat")).click()
    panel = shop.frame_locator("aside iframe")
    panel.get_by_role("textbox", name="Write a message").fill("Where is my parcel? It should have come last week.")
    panel.get_by_role("button", name="Send", exact=True).click()
    expect(panel.locator(".mine")).to_have_count(1)
    expect(panel.locator(".pending")).to_have_count(0)
    panel.get_by_role("button", name="More").click()
    panel.get_by_role("button", name=re.compile("End")).click()
    panel.get_by_role("radio", name="Not good").check(force=True)
    panel.get_by_label("What should we know? (optional)").fill(SAID)
    panel.get_by_role("button", name="Send rating").click()


def lead(show: Show, url: str, browser: Browser) -> Page:
    agents = show.desk.record.ask(setup.all_agents)
    number = next(a.id for a in agents.values() if a.role == "admin")
    ticket = show.desk.record.do(lambda tx: access.login_link(tx, number))
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{url}/login/{ticket}")
    page.wait_for_url("**/desk/**")
    return page


def test_a_lead_follows_the_theme_to_its_quotes_and_closes_the_loop(
    company: tuple[Show, str], browser: Browser
) -> None:
    show, url = company
    record = show.desk.record
    rates_two_of_five(url, browser)
    eventually(lambda: any(SAID in (task.quote or "") for task in record.ask(followups.found, SYSTEM, "open")))
    talk = next(task.conversation for task in record.ask(followups.found, SYSTEM, "open") if SAID in task.quote)
    eventually(lambda: "delivery" in record.ask(remarks.of_conversations, [talk]).get(talk, ()))
    assert hearing.Ear(record, by_meaning=True).listen() is not None

    page = lead(show, url, browser)
    page.goto(f"{url}/desk/followups")
    card = page.locator(".followup", has_text=SAID)
    expect(card).to_contain_text("2 of 5")
    expect(card.get_by_role("link", name="Delivery")).to_be_visible()
    assert violations(page) == []

    card.get_by_role("link", name=re.compile("^Theme: ")).click()
    page.wait_for_url("**/desk/listening/themes/*")
    quotes = page.locator(".quotes .quote")
    assert quotes.count() > 3, "a theme is what several say"
    assert violations(page) == []
    page.locator(f".quotes a[href^='/desk/conversations/{talk}#']").first.click()
    page.wait_for_url(f"**/desk/conversations/{talk}#m*")
    expect(page.locator(".stream")).to_contain_text(SAID)

    page.goto(f"{url}/desk/followups")
    card.get_by_label("What was done").fill("Called, found the parcel, sent it again.")
    card.get_by_role("button", name="Close the loop").click()
    expect(card).to_have_count(0)


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_from_an_aspect_to_its_quotes(company: tuple[Show, str], browser: Browser, width: int, scheme: str) -> None:
    show, url = company
    record = show.desk.record
    eventually(lambda: bool(record.ask(remarks.overview, SYSTEM, record.clock()).aspects))
    state = lead(show, url, browser).context.storage_state()
    look = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    page = browser.new_context(storage_state=state, **look).new_page()  # type: ignore[arg-type]
    page.goto(f"{url}/desk/listening")
    first = page.locator(".aspect").first
    name = first.locator("b").first.inner_text()
    assert violations(page) == []
    first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator(".quotes .quote").first).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("navigation", name="Week").get_by_role("link").last.click()
    expect(page.get_by_role("navigation", name="Week").locator("[aria-current]")).not_to_have_text("All weeks")
    page.get_by_role("navigation", name="Which quotes").get_by_role("link", name="All").click()
    page.locator(".quotes .quote").first.click()
    page.wait_for_url("**/desk/conversations/*")
