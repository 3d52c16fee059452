"""One customer, whichever way they take: chat, WhatsApp, mail and a call are one conversation of one person."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from harness.axe import violations
from harness.speaking import FLAGS, SILENCE, Company, eventually, hears, panel, speaking
from parley.demo.simulators import meta
from parley.demo.simulators.meta import MetaService
from parley.services import people, setup
from parley.web.templating import DIST

CHROMIUM = Path("/usr/bin/chromium")
KIM = "4915112345678"

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium"),
    pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built"),
]


class Phone:
    """A customer's WhatsApp, by way of a small Meta that behaves as documented."""

    def __init__(self, company: Company) -> None:
        self.company, self.meta, self.count = company, MetaService(), 0
        cloud = {"phone_number_id": "700", "token": meta.TOKEN, "app_secret": "shared", "api": self.meta.url}
        story = company.story
        settings = {**cloud, "number": "+1 555 000 700"}
        self.inbox = story.change(lambda tx: setup.add_inbox(tx, story.brand, "whatsapp", "WhatsApp", "wa", settings))
        mail = {"smtp_host": "127.0.0.1", "smtp_port": 1, "authserv_id": "mx.larkspur.test"}
        story.change(lambda tx: setup.change_inbox(tx, story.mail_inbox, settings=mail))
        story.desk.setup_changed()

    def writes(self, text: str) -> None:
        self.count += 1
        body = meta.cloud(meta.cloud_text(KIM, f"wamid.{self.count}", text))
        url = f"{self.company.web.url}/hooks/{self.inbox}"
        assert httpx.post(url, content=body, headers=meta.signed(body), timeout=60).status_code == 200

    @property
    def received(self) -> list[str]:
        return [asked.json["text"]["body"] for asked in self.meta.sent]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with speaking(tmp_path) as made:
        yield made


@pytest.fixture
def phone(company: Company) -> Iterator[Phone]:
    made = Phone(company)
    yield made
    made.meta.close()


@pytest.fixture
def browsers() -> Iterator[tuple[Browser, Browser]]:
    expect.set_options(timeout=45_000)
    with sync_playwright() as play:
        two = [play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS) for _ in range(2)]
        yield two[0], two[1]
        for browser in two:
            browser.close()


def mail(company: Company, subject: str, text: str) -> None:
    raw = (
        f"From: Kim Lee <kim@example.com>\r\nTo: help@larkspur.test\r\nSubject: {subject}\r\n"
        "Message-ID: <story@example.com>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\n"
        "Authentication-Results: mx.larkspur.test; dmarc=pass header.from=example.com\r\n\r\n"
        f"{text}\r\n"
    )
    story = company.story
    story.desk.intake.take(story.mail_inbox, "story-mail", raw.encode()).result(60)


def link_in(box: str, host: str) -> str:
    found = re.search(rf"{re.escape(host)}\S+", box)
    assert found, box
    return found[0]


def offers(ana: Page, channel: str) -> str:
    """The agent asks for a link and finds it in the answer that is being written."""
    ana.locator("[data-command=elsewhere]").click()
    ana.get_by_role("option", name=re.compile(channel)).click()
    box = ana.locator("form.composer textarea")
    expect(box).to_have_value(re.compile("good for half an hour"))
    return box.input_value()


def test_chat_whatsapp_mail_and_a_call_are_one_conversation(
    company: Company, phone: Phone, browsers: tuple[Browser, Browser]
) -> None:
    theirs, ours = browsers
    story = company.story
    ana = company.agent(ours, "ana")
    kim = company.customer(theirs)
    panel(kim).get_by_role("textbox", name="Write a message").fill("The left boot leaks.")
    panel(kim).get_by_role("button", name="Send", exact=True).click()
    ana.locator(".row").first.click()
    expect(ana.locator(".turn")).to_contain_text("The left boot leaks.")

    # In the chat: go on by WhatsApp.
    panel(kim).get_by_role("button", name="More").click()
    panel(kim).get_by_role("button", name="Go on elsewhere").click()
    whatsapp = panel(kim).get_by_role("link", name="WhatsApp")
    expect(whatsapp).to_be_visible()
    expect(whatsapp.locator("svg.qr path")).to_have_attribute("d", re.compile("^M"))
    assert violations(kim.frames[1], ".sheet") == []
    phone.writes(parse_qs(urlsplit(whatsapp.get_attribute("href") or "").query)["text"][0])
    eventually(lambda: "You are in the same conversation here" in "".join(phone.received))
    expect(panel(kim).get_by_text("You went on elsewhere")).to_be_visible()
    phone.writes("Can it be mended?")
    expect(ana.locator(".turn.them").last).to_contain_text("Can it be mended?")

    # The agent answers there: it is where they wrote last.
    ana.reload()
    expect(ana.locator(".reach > summary")).to_contain_text("WhatsApp")
    ana.locator("form.composer textarea").fill("Yes. Send us a photo by mail?")
    ana.keyboard.press("Control+Enter")
    expect(ana.locator(".turn.us [data-cancel]")).to_be_visible()
    story.clock.advance(seconds=15)  # it can be taken back for a while
    eventually(lambda: "Yes. Send us a photo by mail?" in phone.received)

    # By mail, with a link of the agent's.
    url = link_in(offers(ana, "E-mail"), "mailto:")
    mail(company, parse_qs(urlsplit(url).query)["subject"][0], "Here is the photo.")
    expect(ana.locator(".turn.them").last).to_contain_text("Here is the photo.")

    # And the agent calls: the chat is still open.
    ana.locator("[data-command=call]").click()
    panel(kim).get_by_role("button", name="Accept").click()
    expect(ana.get_by_role("timer")).to_be_visible()
    assert hears(ana) > SILENCE
    ana.get_by_role("button", name="Hang up").click()
    eventually(lambda: any(course.ended for course in company.courses()))

    talk = story.conversation
    known = story.record.ask(people.identities_of, talk.person)
    assert {identity.kind for identity in known} == {"visitor", "wa_id", "mail"}
    assert len([one for one in story.people() if not one.merged_into]) == 1
    assert story.record.ask(people.person, talk.person).name == "Kim Lee"


def test_who_mails_is_asked_to_speak_and_opens_a_link(
    company: Company, phone: Phone, browsers: tuple[Browser, Browser]
) -> None:
    """The link opens the chat as a page, in the conversation that began on WhatsApp, with a telephone in it."""
    theirs, ours = browsers
    ana = company.agent(ours, "ana")
    phone.writes("The left boot leaks.")
    ana.locator(".row").first.click()
    expect(ana.locator(".turn")).to_contain_text("The left boot leaks.")
    url = link_in(offers(ana, "a call"), company.web.url)
    kim = theirs.new_context().new_page()
    kim.goto(url)
    expect(kim.get_by_text("The left boot leaks.")).to_be_visible()
    assert "#" not in kim.url, "the code leaves the address bar"
    kim.get_by_role("button", name="Call", exact=True).last.click()
    ana.get_by_role("button", name="Accept").click()
    expect(kim.get_by_text("You are speaking with Ana")).to_be_visible()
    assert hears(ana) > SILENCE
    kim.get_by_role("button", name="Hang up").click()
    eventually(lambda: any(course.ended for course in company.courses()))
    assert len(company.story.conversations()) == 1

    again = theirs.new_context().new_page()
    again.goto(url)
    expect(again.get_by_text("This link was used before, or is too old.")).to_be_visible()
    expect(again.get_by_text("The left boot leaks.")).to_have_count(0)
