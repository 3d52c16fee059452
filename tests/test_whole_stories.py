"""Whole stories in real Chromium: a visitor in the shop, agents at the desk, mail through a real IMAP server.

With PARLEY_PICTURES=1 the pictures of the README are made anew on the way (docs/pictures).
"""

import email
import email.policy
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from harness.chat import Server
from harness.dovecot import Dovecot, dovecot, needs_dovecot
from harness.ports import free_port
from harness.smtp_sink import Sink, smtp_sink
from parley.app import room_of
from parley.config import Config
from parley.core import events as e
from parley.demo.show import Show
from parley.log import record as log
from parley.running import _alive
from parley.services import access, inbox, people, setup
from parley.web.server import make_app
from parley.web.templating import DIST

CHROMIUM = Path("/usr/bin/chromium")
PICTURES = Path(__file__).parent.parent / "docs" / "pictures"

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium"),
    pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built"),
]


class Company:
    """The demo company, served: shop and desk on one address."""

    def __init__(self, show: Show, url: str) -> None:
        self.show, self.url, self.record = show, url, show.desk.record

    def sign_in(self, browser: Browser, name: str, **look: Any) -> Page:
        """An agent of the demo in a browser of their own."""
        agents = self.record.ask(setup.all_agents)
        number = next(a.id for a in agents.values() if a.name.startswith(name))
        ticket = self.record.do(lambda tx: access.login_link(tx, number))
        context = browser.new_context(viewport={"width": 1440, "height": 900}, **look)
        context.set_default_timeout(45_000)
        page = context.new_page()
        page.goto(f"{self.url}/login/{ticket}")
        page.wait_for_url("**/desk/**")
        return page

    def visitor(self, browser: Browser) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 860})
        context.set_default_timeout(45_000)
        page = context.new_page()
        page.goto(f"{self.url}/shop/brackenfell")
        page.get_by_role("button", name=re.compile("Chat")).click()
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


def panel(page: Page) -> FrameLocator:
    return page.frame_locator("aside iframe")


def says(page: Page, text: str) -> None:
    box = panel(page).get_by_role("textbox").first
    box.fill(text)
    box.press("Enter")


def picture(page: Page, name: str) -> None:
    if os.environ.get("PARLEY_PICTURES"):
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(800)
        page.screenshot(path=str(PICTURES / f"{name}.png"))


def close(*pages: Page) -> None:
    for page in pages:
        context: BrowserContext = page.context
        context.close()


def test_a_visitor_is_answered_with_a_source_then_by_a_person(company: Company, browser: Browser) -> None:
    visitor = company.visitor(browser)
    agent = company.sign_in(browser, "Mara")
    agent.goto(f"{company.url}/desk/inbox/unassigned")

    says(visitor, "where is my order 10342?")
    expect(panel(visitor).get_by_text("on its way")).to_be_visible()
    expect(panel(visitor).get_by_text("Order 10342", exact=True).first).to_be_visible()
    says(visitor, "can I return shoes I wore once?")
    expect(panel(visitor).get_by_text("Shoes and boots worn once").first).to_be_visible()
    picture(visitor, "widget")
    expect(agent.locator(".row-name", has_text="Kim Lee")).to_have_count(0)

    says(visitor, "I want to talk to a person")
    row = agent.locator(".row", has=agent.locator(".row-name", has_text="Kim Lee"))
    expect(row).to_be_visible()
    row.click()
    card = agent.locator(".handover")
    expect(card).to_contain_text("asked for a person")
    expect(card).to_contain_text("Told them that order 10342 is in transit")
    expect(agent.locator(".person, aside").filter(has_text="10342").first).to_be_visible()
    picture(agent, "desk-light")

    agent.keyboard.press("r")
    agent.keyboard.type("Hello Kim, Mara here. Wear them outside once more and they are yours.")
    agent.keyboard.press("Control+Enter")
    expect(panel(visitor).get_by_text("Mara here")).to_be_visible()
    expect(agent.locator(".turn.us footer").last).to_contain_text("Read")

    agent.keyboard.press("Escape")
    agent.keyboard.press("e")
    expect(row).to_have_count(0)
    close(visitor, agent)


def test_two_agents_on_one_conversation_see_each_other(company: Company, browser: Browser) -> None:
    one, two = company.sign_in(browser, "Orla"), company.sign_in(browser, "Tomasz")
    state = company.record.ask(inbox.page, "waiting", inbox.SYSTEM).rows[0]
    for page in (one, two):
        page.goto(f"{company.url}/desk/conversations/{state.id}")
    expect(one.get_by_text("Tomasz").first).to_be_visible()
    two.keyboard.press("r")
    two.keyboard.type("I will answer this one, ")
    expect(one.get_by_text(re.compile("Tomasz.*(writing|typing|answer)", re.I)).first).to_be_visible()
    close(one, two)


def test_nobody_answers_past_what_they_have_not_seen(company: Company, browser: Browser) -> None:
    one, two = company.sign_in(browser, "Orla"), company.sign_in(browser, "Dev")
    state = company.record.ask(inbox.page, "waiting", inbox.SYSTEM).rows[-1]
    for page in (one, two):
        page.goto(f"{company.url}/desk/conversations/{state.id}")
    one.route("**/desk/live**", lambda route: route.abort())
    one.reload()  # a desk that hears nothing
    two.keyboard.press("r")
    two.keyboard.type("It is on its way.")
    two.keyboard.press("Control+Enter")
    expect(two.locator(".turn.us footer").last).to_contain_text(re.compile("Sent|Delivered|Read"))
    one.keyboard.press("r")
    one.keyboard.type("Have you looked in the shed?")
    one.keyboard.press("Control+Enter")
    expect(one.locator(".turn.us").last).to_contain_text("Somebody answered while you were writing")
    one.get_by_role("button", name="Try again").click()
    expect(two.locator(".turn.us").last).to_contain_text("Have you looked in the shed?")
    close(one, two)


def test_the_rating_lands_on_the_timeline(company: Company, browser: Browser) -> None:
    visitor, agent = company.visitor(browser), company.sign_in(browser, "Mara")
    company.record.do(lambda tx: setup.set_setting(tx, "survey_delay_seconds", 1))
    says(visitor, "I want to talk to a person about my rating")
    agent.goto(f"{company.url}/desk/inbox/waiting")
    agent.locator(".row", has_text="Kim Lee").first.click()
    expect(agent.locator(".turn.them").last).to_contain_text("my rating")
    agent.keyboard.press("r")
    agent.keyboard.type("Here I am, and gone.")
    agent.keyboard.press("Control+Shift+Enter")
    expect(panel(visitor).get_by_text("How did we do?")).to_be_visible(timeout=60_000)
    panel(visitor).get_by_role("radio").nth(3).check(force=True)
    panel(visitor).get_by_role("button", name="Send rating").click()
    expect(panel(visitor).get_by_role("button", name="Send rating")).to_be_hidden()
    agent.goto(f"{company.url}/desk/inbox/closed")
    agent.locator(".row", has_text="Kim Lee").first.click()
    expect(agent.locator(".rating").last).to_contain_text("rated 4 of 5")
    close(visitor, agent)


def test_the_desk_in_the_dark_and_its_numbers(company: Company, browser: Browser) -> None:
    page = company.sign_in(browser, "Orla", color_scheme="dark")
    for state in company.record.ask(inbox.page, "waiting", inbox.SYSTEM).rows:
        if state.messages > 2:
            page.goto(f"{company.url}/desk/conversations/{state.id}")
            break
    expect(page.locator(".turn").first).to_be_visible()
    picture(page, "desk-dark")
    light = company.sign_in(browser, "Orla")
    light.goto(f"{company.url}/desk/numbers?period=7")
    expect(light.locator("svg").nth(3)).to_be_visible()
    picture(light, "numbers")
    close(page, light)


# ── mail through a real server ──────────────────────────────────────────────────────────────


@pytest.fixture
def post_office(tmp_path: Path) -> Iterator[tuple[Dovecot, Sink]]:
    with dovecot({"help": "secret"}) as box, smtp_sink() as sink:
        yield box, sink


def mail(sender: str, to: str, subject: str, text: str, name: str, answers: str = "") -> bytes:
    headers = [f"From: {sender}", f"To: {to}", f"Subject: {subject}", f"Message-ID: {name}"]
    headers += [f"In-Reply-To: {answers}", f"References: {answers}"] if answers else []
    headers += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8"]
    return "\r\n".join([*headers, "", text, ""]).encode()


@needs_dovecot
def test_mail_goes_round_through_imap_and_smtp(
    company: Company, browser: Browser, post_office: tuple[Dovecot, Sink]
) -> None:
    box, sink = post_office
    settings = {
        "imap_host": "127.0.0.1", "imap_port": box.imap_port, "imap_security": "none", "imap_user": "help",
        "imap_password": "secret", "smtp_host": "127.0.0.1", "smtp_port": sink.port, "smtp_security": "none",
    }  # fmt: skip
    brand = next(iter(company.record.ask(setup.all_brands)))
    company.record.do(lambda tx: setup.add_inbox(tx, brand, "email", "Post", "post@brackenfell.example", settings))
    company.show.desk.setup_changed()

    agent = company.sign_in(browser, "Dev")
    agent.goto(f"{company.url}/desk/inbox/unassigned")
    to = "post@brackenfell.example"
    box.deliver("help", mail("Ada Byron <ada@example.com>", to, "Tent pegs", "Do pegs come with it?", "<ada-1@x>"))
    row = agent.locator(".row", has_text="Tent pegs")
    expect(row).to_be_visible()
    row.click()
    expect(agent.locator(".turn.them")).to_contain_text("Do pegs come with it?")
    agent.keyboard.press("r")
    agent.keyboard.type("Twelve of them.")
    agent.keyboard.press("Control+Enter")
    sent = email.message_from_bytes(sink.wait_for(1, 30)[0].raw, policy=email.policy.default)
    assert sent["In-Reply-To"] == "<ada-1@x>"
    expect(agent.locator(".turn.us footer").last).to_contain_text("Sent")

    home, answered = str(sent["Reply-To"]), str(sent["Message-ID"])
    box.deliver("help", mail("ada@example.com", home, "Re: Tent pegs", "Thank you!", "<ada-2@x>", answered))
    expect(agent.locator(".turn.them").last).to_contain_text("Thank you!")
    ada = company.record.ask(people.by_address, [("mail", "ada@example.com")])[("mail", "ada@example.com")]
    (only,) = company.record.ask(inbox.of_person, ada.person, inbox.SYSTEM)
    history = company.record.ask(log.stream, e.conversation(only.id))
    assert sum(isinstance(r.event, e.MessageReceived) for r in history) == 2
    close(agent)
