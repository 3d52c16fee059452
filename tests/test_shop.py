"""The demo's shop in a real browser: who one is, what was ordered, mail, and the chat that knows it."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from harness.axe import violations
from harness.chat import Server
from harness.ports import free_port
from parley.app import room_of
from parley.config import Config
from parley.demo.show import Show
from parley.running import _alive
from parley.web.server import make_app
from parley.web.templating import DIST

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium"),
    pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    config = Config(data=tmp_path_factory.mktemp("demo"), secret="a secret for tests", port=port, ai="words")
    show = Show(config, living=False, begun=time.monotonic(), mail_from=free_port())
    app = make_app(room_of(show.desk, demo=True), beside=[lambda _: _alive(show.desk, True), show.alive])
    server = Server(app, port).start()
    show.desk.bot.brain.warm(show.desk.record)
    yield server.url
    server.stop()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(45_000)
    expect.set_options(timeout=45_000)
    yield context.new_page()
    context.close()


def chat(page: Page) -> Any:
    return page.frame_locator("aside iframe")


def ask(page: Page, question: str) -> None:
    if page.locator("aside > button").get_attribute("aria-expanded") == "false":
        page.locator("aside > button").click()
    box = chat(page).get_by_role("textbox", name="Write a message")
    box.fill(question)
    box.press("Enter")


def test_kim_asks_for_her_order_and_is_known(page: Page, site: str) -> None:
    page.goto(f"{site}/shop/brackenfell")
    ask(page, "Where is my order 10342?")
    expect(chat(page).locator(".theirs .bubble")).to_contain_text("Order 10342 is on its way")
    expect(chat(page).locator(".chip")).to_contain_text("Order 10342")


def test_a_stranger_proves_an_address_by_mail(page: Page, site: str) -> None:
    page.goto(f"{site}/shop/brackenfell")
    page.locator(".account summary").click()
    page.get_by_role("button", name="Sign out").click()
    ask(page, "Where is my order 10342?")
    expect(chat(page).locator(".theirs .bubble").last).to_contain_text("e-mail address")
    ask(page, "kim.lee@example.com")
    expect(chat(page).locator(".theirs .bubble").last).to_contain_text("six-digit code")
    ask(page, code_in_the_mailbox(page, site))
    expect(chat(page).locator(".theirs .bubble").last).to_contain_text("Order 10342 is on its way")


def code_in_the_mailbox(page: Page, site: str) -> str:
    """As Kim, in another window."""
    assert page.context.browser
    window = page.context.browser.new_context()
    mailbox = window.new_page()
    for _ in range(100):
        mailbox.goto(f"{site}/shop/brackenfell/mailbox")
        if found := re.search(r"code is (\d{6})", mailbox.locator("main").inner_text()):
            window.close()
            return found[1]
        mailbox.wait_for_timeout(100)
    raise AssertionError("No code came.")


def test_the_bag_remembers(page: Page, site: str) -> None:
    page.goto(f"{site}/shop/juniper/products/JJ-105")
    page.get_by_role("button", name="Put into the bag").click()
    expect(page.get_by_role("dialog")).to_contain_text("1 × Speckled stoneware mug")
    page.keyboard.press("Escape")
    page.goto(f"{site}/shop/juniper")
    expect(page.locator("[data-count]")).to_have_text("1")


def test_another_customer_has_other_orders(page: Page, site: str) -> None:
    page.goto(f"{site}/shop/brackenfell/orders")
    expect(page.get_by_role("heading", name="Order 10342")).to_be_visible()
    page.locator(".account summary").click()
    page.locator(".account form button").nth(1).click()
    page.goto(f"{site}/shop/brackenfell/orders")
    expect(page.get_by_role("heading", name="Order 10342")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, site: str, theme: Any) -> None:
    context = browser.new_context(color_scheme=theme, viewport={"width": 390, "height": 800})
    page = context.new_page()
    for path in ("brackenfell", "juniper", "brackenfell/products/BF-101", "brackenfell/orders", "brackenfell/mailbox"):
        page.goto(f"{site}/shop/{path}")
        page.locator(".account summary").click()
        assert violations(page, iframes=False) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
