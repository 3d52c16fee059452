"""The demo's phone: every platform can be tried with no account, by its simulator, its signed webhook and delivery."""

import base64
import re
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from harness.axe import violations
from harness.chat import Server
from harness.ports import free_port
from harness.waiting import eventually
from parley.app import room_of
from parley.config import Config
from parley.core import events as e
from parley.core.channel import Attached
from parley.demo.apps import APPS, App
from parley.demo.show import Show
from parley.log import record as log
from parley.running import _alive
from parley.services import delivery, inbox, replies, setup
from parley.services.inbox import Viewer
from parley.web.server import make_app
from parley.web.templating import DIST

CHROMIUM = Path("/usr/bin/chromium")
KIM = "kim.lee@example.com"
ANA = Viewer(agent=1, role="admin", brands=None)


class Stall:
    """A demo that is served, and the desk behind it."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        config = Config(data=folder, secret="a secret for tests", port=port, ai="words")
        self.show = Show(config, living=False, begun=time.monotonic(), mail_from=free_port())
        room = room_of(self.show.desk, demo=True)
        self.server = Server(make_app(room, beside=[lambda _: _alive(self.show.desk, True), self.show.alive]), port)
        self.server.start()
        self.url, self.record = self.server.url, self.show.desk.record

    def writes(self, app: str, text: str, **more: Any) -> None:
        answer = httpx.post(
            f"{self.url}/shop/brackenfell/phone/{app}/messages", data={"text": text, **more}, follow_redirects=False
        )
        assert answer.status_code == 303

    def shows(self, app: str) -> str:
        return httpx.get(f"{self.url}/shop/brackenfell/phone/{app}/line").text

    def heard(self, app: str, text: str) -> e.Recorded | None:
        """The desk's own record of what was said there."""
        there = self.show.phone.installed.get((app, "brackenfell"))
        for recorded in reversed(self.record.ask(log.read, 0, 1_000_000, (e.MessageReceived,))):
            event = recorded.event
            assert isinstance(event, e.MessageReceived)
            if there and event.inbox == there.inbox:
                words = self.record.ask(log.words_of, [event.message])[event.message].text
                return recorded if text in words else None
        return None

    def waits_for(self, app: str, text: str) -> e.Recorded:
        eventually(lambda: self.heard(app, text) is not None)
        found = self.heard(app, text)
        assert found is not None
        return found

    def answers(self, recorded: e.Recorded, text: str, files: Sequence[Attached] = ()) -> int:
        number = int(recorded.stream.partition("/")[2])
        kept = self.show.desk.store.keep(files)
        return self.record.do(lambda tx: replies.reply(tx, number, ANA, text, files=kept))

    def state(self, message: int) -> str:
        question = delivery.outbox.select().where(delivery.outbox.c.message == message)
        row = self.record.ask(lambda conn: conn.execute(question).first())
        return str(row.state) if row else ""


@pytest.fixture(scope="module")
def stall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stall]:
    made = Stall(tmp_path_factory.mktemp("demo"))
    yield made
    made.server.stop()


@pytest.mark.parametrize("app", [app for app in APPS if not app.calls], ids=lambda app: app.key)
def test_what_kim_writes_reaches_the_desk_and_the_answer_her_phone(stall: Stall, app: type[App]) -> None:
    stall.writes(app.key, f"Is the {app.key} open?", stars="4" if app.stars else "0")
    if not app.posts:
        stall.show.desk.setup_changed()  # the desk looks anew at once
    received = stall.waits_for(app.key, f"Is the {app.key} open?")
    eventually(lambda: "the desk has it" in stall.shows(app.key))
    message = stall.answers(received, f"Yes, until six by {app.key}.")
    eventually(lambda: f"until six by {app.key}" in stall.shows(app.key))
    if app.tells and app.key != "sms":
        eventually(lambda: stall.state(message) == "read")
    else:
        eventually(lambda: stall.state(message) in ("sent", "delivered"))


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


@pytest.mark.parametrize("app", [app for app in APPS if app.pictures], ids=lambda app: app.key)
def test_a_picture_goes_both_ways(stall: Stall, app: type[App]) -> None:
    """It is posted as the platform does it and fetched from there; the desk's own arrives as one, or as a link."""
    here = f"{stall.url}/shop/brackenfell/phone/{app.key}"
    answer = httpx.post(
        f"{here}/messages", data={"text": f"Torn in {app.key}"}, files={"picture": ("a.png", PNG, "image/png")}
    )
    assert answer.status_code == 303

    def fetched() -> list[e.FileFetched]:
        got = stall.record.ask(log.read, 0, 1_000_000, (e.FileFetched,))
        inbox = stall.show.phone.installed[app.key, "brackenfell"].inbox
        mine = {
            r.event.message
            for r in stall.record.ask(log.read, 0, 1_000_000, (e.MessageReceived,))
            if r.event.inbox == inbox
        }
        return [r.event for r in got if r.event.message in mine and r.event.file]

    eventually(lambda: len(fetched()) == 1)
    file = fetched()[0].file
    assert file is not None
    assert (file.size, file.type.partition("/")[0]) == (len(PNG), "image")  # Telegram calls every photo a JPEG
    received = stall.waits_for(app.key, "")
    stall.answers(received, f"Try this one for {app.key}.", [Attached(name="b.png", type="image/png", data=PNG)])
    eventually(lambda: f"this one for {app.key}" in stall.shows(app.key))
    carries = stall.show.desk.channels[app.channel].manifest.files
    eventually(lambda: stall.shows(app.key).count("<img") == (2 if carries else 1))
    if not carries:
        assert "b.png" in stall.shows(app.key)
    shown = re.findall(r'<img src="([^"]+)"', stall.shows(app.key))
    assert all(httpx.get(stall.url + one).content == PNG for one in shown)


def test_only_pictures_are_sent_and_only_where_there_are_some(stall: Stall) -> None:
    here = f"{stall.url}/shop/brackenfell/phone"
    page = {"picture": ("a.svg", b"<svg/>", "image/svg+xml")}
    assert httpx.post(f"{here}/whatsapp/messages", data={"text": ""}, files=page).status_code == 422
    picture = {"picture": ("a.png", PNG, "image/png")}
    assert httpx.post(f"{here}/x/messages", data={"text": ""}, files=picture).status_code == 422
    assert httpx.get(f"{here}/whatsapp/pictures/99").status_code == 404


def test_what_the_bot_lets_choose_can_be_pressed(stall: Stall) -> None:
    """Each platform's own kind of buttons, and what is pressed comes in as words."""
    offer = "Is it one of these? Type its number.\n1. Return a parcel that came too late\n2. Care for boots"
    for app in APPS:
        quick = stall.show.desk.channels[app.channel].manifest.quick
        if not quick:
            continue
        stall.writes(app.key, f"Help in {app.key}")
        received = stall.waits_for(app.key, f"Help in {app.key}")
        number = int(received.stream.partition("/")[2])

        def offers(tx: Any, number: int = number) -> None:
            replies.automatic_reply(tx, inbox.state(tx.conn, number), offer, "bot")

        stall.record.do(offers)
        eventually(partial(_shows_a_button, stall, app.key))
        page = stall.shows(app.key)
        at, label = re.findall(r'action="([^"]+)/choice"><button name="label" value="([^"]+)"', page)[-1]
        httpx.post(f"{stall.url}{at}/choice", data={"label": label})
        said = partial(stall.heard, app.key)
        eventually(partial(_either, said, "Care for boots", "2"))  # its number where words are too long for a button


def _shows_a_button(stall: Stall, app: str) -> bool:
    return any(f">{words}</button>" in stall.shows(app) for words in ("Care for boots", "2"))


def _either(said: Any, *words: str) -> bool:
    return any(said(one) for one in words)


def test_kim_calls_is_answered_and_hangs_up(stall: Stall) -> None:
    stall.writes("call", "You call the shop")
    for label in ("The shop picks up", "Hang up"):
        eventually(partial(_shows, stall, "call", f">{label}</button>"))
        at = re.findall(rf'action="([^"]+)/choice"><button name="label" value="{label}"', stall.shows("call"))[-1]
        httpx.post(f"{stall.url}{at}/choice", data={"label": label})
    ended = partial(stall.record.ask, log.read, 0, 1_000_000, (e.CallEnded,))
    eventually(lambda: bool(ended()))
    history = stall.record.ask(log.stream, ended()[-1].stream)
    assert [type(r.event) for r in history if isinstance(r.event, e.CallAnswered | e.CallEnded)] == [
        e.CallAnswered, e.CallEnded,
    ]  # fmt: skip
    assert "</button>" not in stall.shows("call")


def _shows(stall: Stall, app: str, words: str) -> bool:
    return words in stall.shows(app)


def test_an_app_costs_nothing_until_it_is_opened(tmp_path: Path) -> None:
    config = Config(data=tmp_path, secret="a secret for tests", port=free_port(), ai="words")
    show = Show(config, living=False, begun=time.monotonic(), mail_from=free_port())
    try:
        assert show.phone.installed == {}
        channels = {box.channel for box in show.desk.inboxes().values()}
        assert channels == {"webchat", "email"}
    finally:
        show.desk.stop()


def test_a_public_comment_and_a_message_are_told_apart(stall: Stall) -> None:
    stall.writes("x", "Lovely boots!", way="post")
    received = stall.waits_for("x", "Lovely boots!")
    words = stall.record.ask(log.words_of, [received.event.message])[received.event.message]
    assert words.text.startswith("[Public post]")
    stall.answers(received, "Thank you, wear them well.")
    eventually(lambda: "wear them well" in stall.shows("x"))


def test_a_webhook_with_another_signature_is_not_taken(stall: Stall) -> None:
    stall.writes("whatsapp", "First")
    stall.waits_for("whatsapp", "First")
    hook = stall.show.phone.installed["whatsapp", "brackenfell"].app.hook
    assert httpx.post(hook, content=b"{}", headers={"x-hub-signature-256": "sha256=00"}).status_code == 401


def test_nobody_has_a_phone_without_signing_in(stall: Stall) -> None:
    stranger = httpx.Client(base_url=stall.url, cookies={"parley_demo_customer": "nobody"})
    assert "Sign in at the top" in stranger.get("/shop/brackenfell/phone/whatsapp").text
    stranger.post("/shop/brackenfell/phone/whatsapp/messages", data={"text": "I am nobody"})
    assert stranger.get("/shop/brackenfell/phone/whatsapp/line").status_code == 204
    assert httpx.get(f"{stall.url}/shop/brackenfell/phone/pigeon").status_code == 404


def test_a_kept_demo_finds_its_apps_again(tmp_path: Path) -> None:
    first = Stall(tmp_path)
    first.writes("telegram", "Before the night")
    first.waits_for("telegram", "Before the night")
    first.server.stop()
    again = Stall(tmp_path)
    try:
        eventually(lambda: ("telegram", "brackenfell") in again.show.phone.installed)
        received = again.waits_for("telegram", "Before the night")
        again.answers(received, "Good morning.")
        eventually(lambda: "Good morning." in again.shows("telegram"))
        boxes = [b for b in again.record.ask(setup.all_inboxes, again.show.desk.channels).values()]
        assert sum(box.channel == "telegram" for box in boxes) == 1
    finally:
        again.server.stop()


# ── in the browser ──────────────────────────────────────────────────────────────────────────

browsing = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium"),
    pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built"),
]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(45_000)
    expect.set_options(timeout=45_000)
    yield context.new_page()
    context.close()


class TestInTheBrowser:
    pytestmark = browsing

    def test_kim_writes_by_whatsapp_and_sees_the_answer_come(self, page: Page, stall: Stall) -> None:
        page.goto(f"{stall.url}/shop/brackenfell/phone")
        page.get_by_role("link", name="WhatsApp").click()
        page.get_by_placeholder("Write as Kim Lee").fill("Do you mend zips?")
        page.keyboard.press("Enter")
        expect(page.locator(".said .mine").last).to_contain_text("the desk has it")
        stall.answers(stall.waits_for("whatsapp", "Do you mend zips?"), "We do, for nothing.")
        expect(page.locator(".said .theirs").last).to_contain_text("We do, for nothing.")
        expect(page.locator(".said .theirs").last).to_contain_text("seen")
        assert violations(page, "main") == []

    def test_a_review_is_given_with_stars_by_keyboard(self, page: Page, stall: Stall) -> None:
        page.goto(f"{stall.url}/shop/brackenfell/phone/review")
        page.locator(".give input").nth(2).focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.get_by_placeholder("Write as Kim Lee").fill("Best socks of my life.")
        page.get_by_role("button", name="Post").click()
        expect(page.get_by_role("img", name="5 of 5 stars")).to_be_visible()
        expect(page.locator(".said .mine").last).to_contain_text(re.compile("stands there|the desk has it"))
        assert violations(page, "main") == []

    @pytest.mark.parametrize("width", [320, 390, 1440])
    def test_nothing_is_wider_than_the_screen(self, page: Page, stall: Stall, width: int) -> None:
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"{stall.url}/shop/juniper/phone/messenger")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
