"""A return in a real browser, in the demo shop: done by the bot alone; and one that the policy sends to a person."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from harness.axe import violations
from harness.chat import Server
from harness.ports import free_port
from parley.app import room_of
from parley.config import Config
from parley.core import events as e
from parley.demo.show import Show
from parley.log import record as log
from parley.running import _alive
from parley.services import access, orders, requests, setup
from parley.web.server import make_app
from parley.web.templating import DIST

CHROMIUM = Path("/usr/bin/chromium")
KIM = "kim.lee@example.com"

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium"),
    pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built"),
]


class Company:
    def __init__(self, show: Show, url: str) -> None:
        self.show, self.url, self.record = show, url, show.desk.record
        self.record.do(self._ordered)

    def _ordered(self, tx: Any) -> None:
        """Two orders of Kim's: one that came five days ago, one that came forty days ago."""
        brand = next(b.id for b in setup.all_brands(tx.conn).values() if b.name.startswith("Brackenfell"))
        for number, days in (("20901", 5), ("20902", 40)):
            came = tx.at - timedelta(days=days)
            things = (orders.Item(name="Trail boots", cents=14900), orders.Item(name="Wool socks", cents=1900))
            order = orders.Order(
                number=number, brand=brand, mail=KIM, status="delivered", placed_at=came - timedelta(days=3),
                delivered_at=came, items=things, address="1 Quay Street, Galway, Ireland",
            )  # fmt: skip
            orders.add(tx, [order])

    def visitor(self, browser: Browser) -> Page:
        page = browser.new_context(viewport={"width": 1280, "height": 860}).new_page()
        page.goto(f"{self.url}/shop/brackenfell")
        page.locator("aside > button").click()
        return page

    def agent(self, browser: Browser, **look: Any) -> Page:
        agents = self.record.ask(setup.all_agents)
        number = next(a.id for a in agents.values() if a.role == "admin")
        ticket = self.record.do(lambda tx: access.login_link(tx, number))
        page = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **look}).new_page()
        page.goto(f"{self.url}/login/{ticket}")
        page.wait_for_url("**/desk/**")
        return page


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    port = free_port()
    config = Config(data=tmp_path_factory.mktemp("demo"), secret="a secret for tests", port=port, ai="words")
    show = Show(config, living=False, begun=time.monotonic(), mail_from=free_port())
    app = make_app(room_of(show.desk, demo=True), beside=[lambda _: _alive(show.desk, True), show.alive])
    server = Server(app, port).start()
    show.desk.bot.brain.warm(show.desk.record)
    yield Company(show, server.url)
    server.stop()


def panel(page: Page) -> Any:
    return page.frame_locator("aside iframe")


def says(page: Page, text: str) -> None:
    box = panel(page).get_by_role("textbox", name="Write a message")
    box.fill(text)
    box.press("Enter")


def hears(page: Page, text: str) -> None:
    expect(panel(page).locator(".theirs .bubble").filter(has_text=text).last).to_be_visible()


def test_a_return_is_handled_by_the_bot_alone(company: Company, browser: Browser) -> None:
    kim = company.visitor(browser)
    says(kim, "I want to return something from my order 20901")
    hears(kim, "Which article is it?")
    panel(kim).get_by_role("button", name="Trail boots").click()
    hears(kim, "What would you like for it?")
    panel(kim).get_by_role("button", name="Money back").click()
    hears(kim, "what is the reason?")
    panel(kim).get_by_role("button", name="It does not fit").click()
    hears(kim, "I can take Trail boots of order 20901 back")
    says(kim, "yes please")
    hears(kim, "I have mailed a return label for Trail boots")
    (made,) = company.record.ask(requests.of_orders, ["20901"])
    assert (made.kind, made.data["item"], made.data["wish"]) == ("return_item", "Trail boots", "Money back")
    handed = company.record.ask(log.read, 0, 100_000, (e.HandoffAsked,))
    assert [r for r in handed if r.subject_id == made.conversation] == []
    for _ in range(200):  # the label reaches her mailbox over real SMTP
        if any("Return number: R20901" in letter.text for letter in company.show.post.of(KIM)):
            break
        kim.wait_for_timeout(100)
    else:
        raise AssertionError("No label came.")
    kim.context.close()


def test_one_that_the_policy_refuses_reaches_an_agent_who_can_act_on_the_card(
    company: Company, browser: Browser
) -> None:
    kim = company.visitor(browser)
    says(kim, "I want to return the boots of my order 20902, they are too small")
    hears(kim, "We take articles back within 30 days of delivery, and those have passed.")
    agent = company.agent(browser)
    agent.goto(f"{company.url}/desk/inbox/waiting")
    agent.locator(".row", has=agent.locator(".row-name", has_text="Kim Lee")).first.click()
    card = agent.locator(".handover").last
    expect(card).to_contain_text("the policy says no: it is within the days")
    expect(card).to_contain_text("wants to return something")
    expect(card).to_contain_text("Number: 20902")
    expect(card).to_contain_text("40 days ago")
    expect(card).to_contain_text("make an exception")
    box = card.bounding_box()
    assert box is not None
    assert box["y"] >= 0 and box["y"] + box["height"] <= 900, "the card is read without scrolling"  # noqa: PT018
    assert company.record.ask(requests.of_orders, ["20902"]) == []
    kim.context.close()
    agent.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_of_procedures_pass_axe(company: Company, browser: Browser, theme: Any, width: int) -> None:
    page = company.agent(browser, color_scheme=theme, viewport={"width": width, "height": 900})
    for path in ("", "/refund", "/password_help"):
        page.goto(f"{company.url}/desk/settings/procedures{path}")
        assert violations(page, iframes=False) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()
