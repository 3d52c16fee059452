"""Stories of the chat widget in a real browser, on a website of another origin than the desk."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, Route, expect
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from harness.axe import violations
from harness.chat import ChatDesk
from parley.core import events as e
from parley.core.conversation import State
from parley.log import record as log
from parley.services import inbox, people, proof
from parley.web.templating import DIST

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium"),
    pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built"),
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatDesk]:
    chat = ChatDesk(tmp_path_factory.mktemp("chat"))
    yield chat
    chat.stop()


expect.set_options(timeout=45_000)  # the machine may be busy with other tests


@pytest.fixture
def context(browser: Browser, desk: ChatDesk) -> Iterator[BrowserContext]:
    """A browser that has never been here."""
    desk.block_sockets = False
    fresh = browser.new_context(viewport={"width": 1280, "height": 800})
    fresh.set_default_timeout(45_000)
    yield fresh
    fresh.close()


class Visitor:
    """Somebody with a browser, on the website."""

    def __init__(self, context: BrowserContext, desk: ChatDesk, address: str = "/") -> None:
        self.desk = desk
        self.page: Page = context.new_page()
        self.trouble: list[str] = []
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.goto(desk.site_url + address)

    @property
    def panel(self) -> FrameLocator:
        return self.page.frame_locator("aside iframe")

    @property
    def launcher(self) -> Any:
        return self.page.locator("aside > button")

    def opens(self) -> "Visitor":
        self.launcher.click()
        expect(self.panel.get_by_role("textbox", name="Write a message")).to_be_focused()
        return self

    def says(self, text: str) -> "Visitor":
        self.panel.get_by_role("textbox", name="Write a message").fill(text)
        self.panel.get_by_role("button", name="Send", exact=True).click()
        return self

    def sees(self, text: str | re.Pattern[str]) -> "Visitor":
        expect(self.panel.locator(".bubble", has_text=text)).to_have_count(1)
        return self

    def is_kept(self) -> "Visitor":
        """The desk has everything that was said."""
        expect(self.panel.locator(".mine").last).to_be_visible()
        expect(self.panel.locator(".pending")).to_have_count(0)
        return self

    def menu(self, entry: str) -> None:
        self.panel.get_by_role("button", name="More").click()
        self.panel.get_by_role("button", name=entry).click()

    @property
    def talk(self) -> State:
        """Their newest conversation, once it is there."""
        found: list[State] = []
        eventually(lambda: bool(found.extend(self.desk.talks_of(self.token)) or found))
        return found[0]

    @property
    def token(self) -> str:
        tokens = self.frame().evaluate("JSON.parse(localStorage['parley:shop:visitors'] || '{}')")
        return str(list(tokens.values())[-1]) if tokens else ""

    def is_heard(self) -> int:
        """The conversation's number, once it is with people."""
        eventually(lambda: self.talk.status == "open")
        return self.talk.id

    def frame(self) -> Any:
        return next(frame for frame in self.page.frames if "/panel" in frame.url)


@pytest.fixture
def kim(context: BrowserContext, desk: ChatDesk) -> Visitor:
    return Visitor(context, desk)


def eventually(check: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until, "It did not come about."
        time.sleep(0.05)


def said(visitor: Visitor) -> list[str]:
    """What the desk has of their words."""
    desk = visitor.desk
    history = desk.desk.record.ask(inbox.history, visitor.talk.id)
    numbers = [r.event.message for r in history if isinstance(r.event, e.MessageReceived)]
    words = desk.desk.record.ask(log.words_of, numbers)
    return [words[number].text for number in numbers]


def facts(desk: ChatDesk, kind: type[e.Event]) -> list[Any]:
    return [r.event for r in desk.desk.record.ask(log.read, 0, 100_000, (kind,))]


# ── asking and answering ────────────────────────────────────────────────────────────────────


def test_a_suggested_question_is_answered_with_its_source(kim: Visitor) -> None:
    kim.opens()
    kim.panel.get_by_role("button", name="Can I return shoes I wore once?").click()
    expect(kim.panel.locator(".theirs .author")).to_contain_text("Fern · automatic answer")
    expect(kim.panel.locator("a.chip").first).to_have_attribute("href", re.compile("^/help/"))
    assert kim.trouble == []


def test_a_person_answers_and_is_seen_typing(kim: Visitor, desk: ChatDesk) -> None:
    kim.opens()
    kim.panel.get_by_role("button", name="Talk to a person").click()
    expect(kim.panel.get_by_text("Waiting for a person")).to_be_visible()
    number = kim.is_heard()
    desk.agent_online()
    desk.agent_types(number)
    expect(kim.panel.get_by_text("Ana is typing")).to_be_attached()
    message = desk.agent_replies(number, "Hello, what can I do?")
    kim.sees("Hello, what can I do?")
    expect(kim.panel.get_by_text("Ana is here for you")).to_be_visible()
    eventually(lambda: message in {fact.message for fact in facts(desk, e.Read)})


def test_a_closed_panel_counts_what_is_unread(kim: Visitor, desk: ChatDesk) -> None:
    kim.opens().says("I want to talk to a person about my invoice")
    number = kim.is_heard()
    kim.page.keyboard.press("Escape")
    expect(kim.launcher).to_have_attribute("aria-expanded", "false")
    desk.agent_replies(number, "Which name shall I write?")
    expect(kim.launcher).to_have_attribute("aria-label", re.compile("new message"))
    expect(kim.page.locator("aside b")).to_be_visible()
    kim.launcher.click()
    kim.sees("Which name shall I write?")
    expect(kim.page.locator("aside b")).to_be_hidden()


# ── nothing gets lost ───────────────────────────────────────────────────────────────────────


def test_the_chat_survives_pages_and_reloads(kim: Visitor) -> None:
    kim.opens().says("Thank you")
    kim.sees("Thank you")
    kim.page.get_by_role("link", name="Another page").click()
    kim.page.wait_for_url("**/other")
    expect(kim.launcher).to_have_attribute("aria-expanded", "true")
    kim.sees("Thank you")
    kim.panel.get_by_role("textbox").fill("half a sentence")
    kim.page.reload()
    expect(kim.panel.get_by_role("textbox")).to_have_value("half a sentence")


def test_what_is_written_offline_is_sent_later_and_once(kim: Visitor, context: BrowserContext, desk: ChatDesk) -> None:
    kim.opens().says("Before the tunnel").is_kept()
    context.set_offline(True)
    desk.cut()
    kim.says("In the tunnel")
    expect(kim.panel.get_by_text("Your message is kept")).to_be_visible()
    context.set_offline(False)
    eventually(lambda: "In the tunnel" in said(kim))
    kim.sees("In the tunnel")
    kim.is_kept()
    assert said(kim).count("In the tunnel") == 1


def test_a_cut_line_misses_nothing(kim: Visitor, desk: ChatDesk) -> None:
    kim.opens().says("A person, please")
    number = kim.is_heard()
    for count in range(3):
        desk.cut()
        desk.agent_replies(number, f"Answer {count}")
    for count in range(3):
        kim.sees(f"Answer {count}")
    texts = kim.panel.locator(".theirs .bubble", has_text="Answer").all_inner_texts()
    assert texts == ["Answer 0", "Answer 1", "Answer 2"]


def test_where_sockets_are_blocked_it_polls(kim: Visitor, desk: ChatDesk) -> None:
    desk.block_sockets = True
    kim.opens().says("A person, please, over a strange network").is_kept()
    number = kim.is_heard()
    desk.agent_replies(number, "I hear you well")
    kim.sees("I hear you well")


# ── who it is ───────────────────────────────────────────────────────────────────────────────


def test_a_shared_computer_shows_everyone_their_own(context: BrowserContext, desk: ChatDesk) -> None:
    kim = desk.signed("17", "kim@example.com", "Kim Lee")
    sam = desk.signed("18", "sam@example.com", "Sam Roe")
    visitor = Visitor(context, desk, f"/?user={kim}").opens().says("Kim's secret").is_kept()
    kims = visitor.talk
    visitor.page.evaluate("token => parley.user(token)", sam)
    expect(visitor.panel.get_by_text("Kim's secret")).to_have_count(0)
    visitor.says("Sam's secret").is_kept()
    sams = visitor.talk
    visitor.page.evaluate("token => parley.user(token)", kim)
    visitor.sees("Kim's secret")
    expect(visitor.panel.get_by_text("Sam's secret")).to_have_count(0)
    assert kims.person != sams.person


def test_a_mailed_code_proves_the_address(kim: Visitor, desk: ChatDesk) -> None:
    kim.opens().says("Thank you").is_kept()
    kim.menu("Go on by mail")
    kim.panel.get_by_label("Your mail address").fill("kim.lee@example.com")
    kim.panel.get_by_role("button", name="Send code").click()
    digits = kim.panel.get_by_label("Six digits")
    digits.wait_for()
    code = mailed_code(kim)
    digits.fill("000000" if code != "000000" else "111111")
    expect(kim.panel.get_by_text("That is not the code")).to_be_visible()
    digits.fill(code)
    expect(kim.panel.get_by_text("we go on by mail at")).to_be_visible()


def mailed_code(kim: Visitor) -> str:
    desk = kim.desk
    history = desk.desk.record.ask(inbox.history, kim.talk.id)
    mails = [r.event.message for r in history if isinstance(r.event, e.ReplyWritten) and r.event.purpose == "code"]
    return proof.code_of(desk.desk.config.key, mails[-1])


def test_ending_the_chat_asks_for_a_rating(kim: Visitor, desk: ChatDesk) -> None:
    kim.opens().says("Thank you").is_kept()
    kim.menu("End chat and rate")
    kim.panel.get_by_role("radio", name="Good", exact=True).check(force=True)
    kim.panel.get_by_label("What should we know").fill("Quick and kind")
    kim.panel.get_by_role("button", name="Send rating").click()
    eventually(lambda: [fact.score for fact in facts(desk, e.SurveyAnswered)] == [4])
    expect(kim.panel.get_by_text("The chat was ended")).to_be_visible()


# ── files ───────────────────────────────────────────────────────────────────────────────────

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def test_a_picture_is_sent_and_shown(kim: Visitor, desk: ChatDesk) -> None:
    kim.opens()
    chooser = kim.panel.locator("input[type=file]")
    chooser.set_input_files({"name": "sole.png", "mimeType": "image/png", "buffer": PNG})
    expect(kim.panel.locator(".uploads li")).to_contain_text("sole.png")
    kim.says("The sole came off")
    expect(kim.panel.get_by_role("img", name="sole.png")).to_be_visible()
    assert desk.desk.record.ask(inbox.history, kim.talk.id)[1].event.files[0].type == "image/png"  # type: ignore[union-attr]


def test_a_program_is_refused_whatever_it_says_it_is(kim: Visitor) -> None:
    kim.opens()
    chooser = kim.panel.locator("input[type=file]")
    chooser.set_input_files({"name": "sole.png", "mimeType": "image/png", "buffer": b"MZ\x90\x00 a program"})
    expect(kim.panel.get_by_text("cannot be sent here")).to_be_visible()


# ── for everybody ───────────────────────────────────────────────────────────────────────────


def test_the_website_is_left_in_peace(kim: Visitor, context: BrowserContext, desk: ChatDesk) -> None:
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(desk.site_url)
    page.locator("aside > button").wait_for()
    page.wait_for_timeout(300)
    mine = [url for url in asked if url.startswith(desk.url)]
    assert mine == [f"{desk.url}/widget.js"]
    shift = page.evaluate(
        "new Promise(done => { let sum = 0; new PerformanceObserver(list => { for (const one of list.getEntries())"
        " sum += one.value; }).observe({ type: 'layout-shift', buffered: true }); setTimeout(() => done(sum), 200); })"
    )
    assert shift == 0
    size = page.locator("form input").evaluate("input => input.getBoundingClientRect().height")
    assert size < 40  # the page's own style is still its own


def test_it_works_by_keyboard(kim: Visitor) -> None:
    kim.launcher.focus()
    expect(kim.launcher).to_have_attribute("aria-expanded", "false")
    kim.page.keyboard.press("Enter")
    box = kim.panel.get_by_role("textbox", name="Write a message")
    expect(box).to_be_focused()
    kim.page.keyboard.type("Thank you")
    kim.page.keyboard.press("Enter")
    kim.sees("Thank you")
    kim.page.keyboard.press("Escape")
    expect(kim.launcher).to_be_focused()
    expect(kim.launcher).to_have_attribute("aria-expanded", "false")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, desk: ChatDesk, theme: Any) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=theme, reduced_motion="reduce")
    kim = Visitor(context, desk, "/?theme=auto")
    assert violations(kim.page, iframes=False) == []
    kim.opens()
    assert violations(kim.page, iframes=False) + violations(kim.frame(), iframes=False) == []
    kim.says("Can I return shoes I wore once?")
    kim.panel.locator("a.chip").first.wait_for()
    assert violations(kim.frame(), iframes=False) == []
    kim.panel.get_by_role("button", name="More").click()
    assert violations(kim.frame(), iframes=False) == []
    kim.panel.get_by_role("button", name="Go on by mail").click()
    assert violations(kim.frame(), iframes=False) == []
    kim.page.keyboard.press("Escape")
    kim.menu("End chat and rate")
    kim.panel.get_by_role("radio", name="Bad", exact=True).check(force=True)
    assert violations(kim.frame(), iframes=False) == []
    context.close()


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_it_fits_a_narrow_screen(browser: Browser, desk: ChatDesk, direction: str) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 568})
    kim = Visitor(context, desk).opens()
    kim.frame().evaluate("direction => document.documentElement.dir = direction", direction)
    kim.says(
        "https://example.org/a-very-long-address-that-does-not-want-to-break-anywhere-at-all-in-this-narrow-window"
    )
    kim.panel.locator(".mine .bubble").wait_for()
    sizes = kim.frame().evaluate(
        "() => [document.documentElement.scrollWidth, ...[...document.querySelectorAll('button, a[href]')]"
        ".filter(one => one.offsetParent && !one.closest('.bubble'))"
        ".map(one => Math.min(one.offsetWidth, one.offsetHeight))]"
    )
    assert sizes[0] <= 320
    assert min(sizes[1:]) >= 24
    context.close()


def test_it_speaks_german(context: BrowserContext, desk: ChatDesk) -> None:
    visitor = Visitor(context, desk, "/de/page")
    expect(visitor.launcher).to_have_attribute("aria-label", "Chat öffnen")
    visitor.launcher.click()
    expect(visitor.panel.get_by_role("button", name="Mit einem Menschen sprechen")).to_be_visible()


# ── against strangers ───────────────────────────────────────────────────────────────────────


def test_a_foreign_website_cannot_show_the_panel(context: BrowserContext, desk: ChatDesk) -> None:
    page = context.new_page()
    stranger = desk.site_url.replace("127.0.0.1", "localhost")
    page.goto(stranger)
    page.locator("aside > button").click()
    page.wait_for_timeout(800)
    assert all(not frame.query_selector("textarea") for frame in page.frames)


def test_messages_of_strangers_do_nothing(kim: Visitor, desk: ChatDesk, context: BrowserContext) -> None:
    kim.opens().says("Thank you").is_kept()
    forged = [
        {"parley": {"kind": "user", "user": desk.signed("99", "x@example.com", "X")}},
        {"parley": {"kind": "close"}},
        {"parley": {"kind": "unread", "count": 99}},
        {"parley": {"kind": "say", "text": "I am not Kim"}},
    ]
    # From a frame of a foreign origin inside the website, to the website and to the panel.
    kim.page.evaluate(
        "async messages => { const frame = document.createElement('iframe'); frame.sandbox = 'allow-scripts';"
        " frame.srcdoc = `<script>for (const m of ${JSON.stringify(messages)}) { parent.postMessage(m, '*');"
        " for (let i = 0; i < parent.frames.length; i++) parent.frames[i].postMessage(m, '*'); }</` + 'script>';"
        " document.body.append(frame); await new Promise(done => setTimeout(done, 500)); }",
        forged,
    )
    expect(kim.launcher).to_have_attribute("aria-expanded", "true")
    expect(kim.page.locator("aside b")).to_be_hidden()
    expect(kim.panel.get_by_text("I am not Kim")).to_have_count(0)
    kim.sees("Thank you")
    assert "I am not Kim" not in said(kim)


def test_a_socket_of_a_foreign_origin_is_refused(desk: ChatDesk) -> None:
    address = desk.url.replace("http", "ws") + "/widget/shop/socket"
    with pytest.raises(WebSocketException), connect(address, origin="https://evil.example"):  # type: ignore[arg-type]
        pass


def test_a_poll_of_a_foreign_origin_is_refused(desk: ChatDesk) -> None:
    body = json.dumps({"hello": {"kind": "hello", "key": "shop"}}).encode()
    request = urllib.request.Request(f"{desk.url}/widget/shop/poll", body, {"Origin": "https://evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    assert refused.value.code == 404


def test_a_forged_signature_proves_nothing(desk: ChatDesk) -> None:
    good = desk.signed("17", "kim@example.com", "Kim Lee")
    payload, _, mac = good.partition(".")
    forged = f"{payload}.{'A' * len(mac)}"
    address = desk.url.replace("http", "ws") + "/widget/shop/socket"
    with connect(address) as line:
        line.send(json.dumps({"kind": "hello", "key": "shop", "user": forged}))
        token = json.loads(line.recv(timeout=5))["visitor"]
        line.send(json.dumps({"kind": "say", "client_id": "forged-1", "text": "I am Kim"}))
        line.recv(timeout=10)
    person = desk.talks_of(token)[0].person
    assert [i.kind for i in desk.desk.record.ask(people.identities_of, person)] == ["visitor"]


def test_send_pressed_while_a_file_is_on_its_way_sends_both(kim: Visitor) -> None:
    kim.opens()
    held: list[Route] = []
    kim.page.route("**/widget/shop/files", lambda route: held.append(route))
    chooser = kim.panel.locator("input[type=file]")
    with kim.page.expect_request("**/widget/shop/files"):
        chooser.set_input_files({"name": "heel.png", "mimeType": "image/png", "buffer": PNG})
    kim.says("The heel came off")
    expect(kim.panel.get_by_text("Uploading")).to_be_visible()
    assert kim.panel.locator(".mine").count() == 0
    held.pop().continue_()
    kim.panel.get_by_role("img", name="heel.png").wait_for()
    assert said(kim) == ["The heel came off"]


def test_a_file_of_somebody_else_is_not_found(kim: Visitor, desk: ChatDesk) -> None:
    kim.opens()
    chooser = kim.panel.locator("input[type=file]")
    chooser.set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": PNG})
    kim.says("My passport")
    kim.panel.get_by_role("img", name="mine.png").wait_for()
    message = next(
        r.event.message
        for r in desk.desk.record.ask(inbox.history, kim.talk.id)
        if isinstance(r.event, e.MessageReceived)
    )
    request = urllib.request.Request(
        f"{desk.url}/widget/shop/files/{message}-0", headers={"Authorization": f"Bearer {'a' * 32}"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    assert refused.value.code == 404


# ── pages that a visitor agreed to tell ─────────────────────────────────────────────────────


def test_pages_are_told_after_consent_and_once_the_visitor_wrote(kim: Visitor, desk: ChatDesk) -> None:
    before = len(facts(desk, e.PagesSeen))
    kim.opens().says("Can I send these boots back?").is_kept()
    kim.page.goto(desk.site_url + "/other")
    kim.page.evaluate("parley.event('asked_for_size')")  # nobody agreed to anything yet
    kim.page.evaluate("parley.consent(true)")
    kim.page.evaluate("parley.event('added_to_bag')")
    eventually(lambda: len([s for f in facts(desk, e.PagesSeen)[before:] for s in f.steps]) == 2)
    steps = [step for fact in facts(desk, e.PagesSeen)[before:] for step in fact.steps]
    assert [(step.name, step.page) for step in steps] == [("page", "/other"), ("added_to_bag", "/other")]
    assert kim.trouble == []
