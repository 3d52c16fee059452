"""Answering several people by mail in a real browser: copies, unseen ones, a picture in its place, taking it back."""

import base64
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from harness.axe import violations
from harness.desk import StoryDesk
from harness.smtp_sink import Sink, smtp_sink
from harness.speaking import Company, eventually
from harness.web import serving
from parley.core import events as e
from parley.services import setup
from parley.web.templating import DIST

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PASTE = """([selector, data]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const given = new DataTransfer();
  given.items.add(new File([bytes], "image.png", { type: "image/png" }));
  document.querySelector(selector).dispatchEvent(
    new ClipboardEvent("paste", { clipboardData: given, bubbles: true, cancelable: true }));
}"""

pytestmark = [
    pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built"),
]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[tuple[Company, Sink]]:
    """Kim's mail has come, with a copy to Ben; what the desk sends lands in the sink."""
    with smtp_sink() as sink:
        story = StoryDesk(tmp_path)
        settings = {"smtp_host": sink.host, "smtp_port": sink.port, "smtp_security": "none"}
        story.change(lambda tx: setup.change_inbox(tx, story.mail_inbox, settings=settings))
        story.desk.setup_changed()
        with serving(story) as web:
            arrives(story, "Ben and I want two chairs.", From="Kim Larsen <kim@customer.test>", Cc="ben@customer.test")
            eventually(lambda: len(story.events(e.MessageReceived)) == 1)
            yield Company(web, ""), sink
        story.close()


def arrives(story: StoryDesk, text: str, **head: str) -> None:
    """A mail to the desk, which files it by itself."""
    number = f"n{next(story.numbers)}"
    usual = {"To": "help@larkspur.test", "Subject": "Two chairs", "Message-ID": f"<{number}@customer.test>"}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in (usual | head).items()]
    story.desk.intake.take(story.mail_inbox, number, "\r\n".join([*lines, "", text, ""]).encode()).result(10)


def opened(company: Company, browser: Browser, **look: object) -> Page:
    page = company.at_the_desk(browser, company.web.signed_in("ana"), **look)
    page.locator(".row").first.click()
    expect(page.locator("form.composer textarea")).to_be_visible()
    return page


def sent_by(company: Company, sink: Sink, answers: int = 1) -> EmailMessage:
    """The mail that goes once the time to take it back is over."""
    eventually(lambda: len(company.story.events(e.ReplyWritten)) == answers)
    company.story.clock.advance(seconds=30)
    read = message_from_bytes(sink.wait_for(1, 40)[0].raw, policy=default)
    assert isinstance(read, EmailMessage)
    return read


def test_everybody_on_the_mail_gets_the_answer_and_some_see_nothing_of_others(
    company: tuple[Company, Sink], browser: Browser
) -> None:
    desk, sink = company
    page = opened(desk, browser)
    expect(page.get_by_label("Copy to", exact=True)).to_have_value("ben@customer.test")
    page.get_by_label("Unseen copy to").fill("Boss <boss@larkspur.test>; log@larkspur.test")
    page.locator("form.composer textarea").fill("Both are here.")
    assert violations(page, "#main") == []
    page.locator(".send-reply [data-send]").first.click()
    expect(page.locator(".turn.us .turn-cc").first).to_contain_text("ben@customer.test")
    sent = sent_by(desk, sink)
    assert (sent["To"], sent["Cc"], sent["Bcc"]) == ("Kim Larsen <kim@customer.test>", "ben@customer.test", None)
    assert b"boss@" not in bytes(sent)
    assert sink.mails[0].recipients == ["kim@customer.test", "ben@customer.test", "boss@larkspur.test",
                                        "log@larkspur.test"]  # fmt: skip
    page.context.close()


def test_one_may_answer_the_customer_only_and_a_bad_address_is_said(
    company: tuple[Company, Sink], browser: Browser
) -> None:
    desk, sink = company
    page = opened(desk, browser)
    page.get_by_label("Copy to", exact=True).fill("ben at customer")
    page.locator("form.composer textarea").fill("Just you.")
    page.locator(".send-reply [data-send]").first.click()
    expect(page.locator(".toasts")).to_contain_text("“ben at customer” is not a mail address")
    expect(page.locator("form.composer textarea")).to_have_value("Just you.")
    expect(page.get_by_label("Copy to", exact=True)).to_be_focused()
    page.get_by_role("button", name="Answer Kim Larsen only").click()
    expect(page.get_by_label("Copy to", exact=True)).to_be_hidden()
    page.locator(".send-reply [data-send]").first.click()
    assert sent_by(desk, sink)["Cc"] is None
    page.context.close()


def test_what_is_taken_back_comes_back_whole(company: tuple[Company, Sink], browser: Browser) -> None:
    desk, sink = company
    page = opened(desk, browser)
    page.get_by_label("Unseen copy to").fill("boss@larkspur.test")
    page.evaluate(PASTE, ["form.composer textarea", PIXEL])
    expect(page.locator("form.composer textarea")).to_have_value("[image.png]\n")
    page.locator("form.composer textarea").press_sequentially("So it looks.")
    page.locator(".send-reply [data-send]").first.click()
    page.locator(".turn.us [data-cancel]").click()
    expect(page.locator("form.composer textarea")).to_have_value("[image.png]\nSo it looks.")
    expect(page.get_by_label("Unseen copy to")).to_have_value("boss@larkspur.test")
    expect(page.locator(".attached")).to_contain_text("image.png")
    page.locator(".send-reply [data-send]").first.click()
    sent = sent_by(desk, sink, 2)
    [picture] = [part for part in sent.walk() if part.get_content_type() == "image/png"]
    assert picture.get_content_disposition() == "inline"
    assert picture.get_content() == base64.b64decode(PIXEL)
    html = next(part.get_content() for part in sent.walk() if part.get_content_type() == "text/html")
    assert f"cid:{picture['Content-ID'].strip('<>')}" in html
    assert len(sink.mails) == 1, "what was taken back never went"
    page.context.close()


def test_a_picture_that_is_removed_leaves_no_mark(company: tuple[Company, Sink], browser: Browser) -> None:
    desk, _ = company
    page = opened(desk, browser)
    for _ in range(2):
        page.evaluate(PASTE, ["form.composer textarea", PIXEL])
    expect(page.locator("form.composer textarea")).to_have_value("[image.png]\n[image-2.png]\n")
    page.get_by_role("button", name="Remove image.png").click()
    expect(page.locator("form.composer textarea")).to_have_value("\n[image-2.png]\n")
    page.context.close()


def test_on_a_phone_the_copies_fit(company: tuple[Company, Sink], browser: Browser) -> None:
    desk, _ = company
    page = opened(desk, browser, viewport={"width": 390, "height": 844})
    expect(page.get_by_label("Copy to", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert violations(page, "form.composer") == []
    page.context.close()


def test_who_writes_later_is_answered_with_those_on_that_mail(company: tuple[Company, Sink], browser: Browser) -> None:
    desk, _ = company
    page = opened(desk, browser)
    [first] = desk.story.events(e.MessageReceived)
    assert isinstance(first.event, e.MessageReceived)
    answers = str(first.event.external_id)
    arrives(desk.story, "Make it three.", From="ben@customer.test", Subject="Re: Two chairs", In_Reply_To=answers)
    eventually(lambda: len(desk.story.events(e.MessageReceived)) == 2)
    expect(page.locator(".turn.them")).to_have_count(2)
    page.reload()
    expect(page.get_by_label("Copy to", exact=True)).to_have_value("ben@customer.test")
    page.context.close()
