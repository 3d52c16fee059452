"""Writing an answer in a real browser: how it sounds, and a template where nothing else may go."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from harness.axe import violations
from harness.speaking import FLAGS, Company, eventually, speaking
from parley.core import events as e
from parley.core.tone import Tone
from parley.demo.simulators import meta
from parley.demo.templates import TEMPLATES
from parley.log.record import Tx
from parley.services import setup
from parley.services import templates as kept
from parley.web.templating import DIST

CHROMIUM = Path("/usr/bin/chromium")
KIM = "353209130001"

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium"),
    pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built"),
]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with speaking(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=45_000)
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


def wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def answers(company: Company) -> list[str]:
    return [r.event.preview for r in company.story.events(e.ReplyWritten)]  # type: ignore[union-attr]


# ── how it sounds ───────────────────────────────────────────────────────────────────────────


def sounding(company: Company, **tone: object) -> None:
    def keep(tx: Tx) -> None:
        look = setup.all_brands(tx.conn)[company.story.brand].look
        setup.change_brand(
            tx,
            company.story.brand,
            "Larkspur",
            msgspec.structs.replace(look, tone=Tone(**tone)),  # type: ignore[arg-type]
        )

    company.story.change(keep)


@pytest.fixture
def at_the_desk(company: Company, browser: Browser) -> Iterator[Page]:
    """Ana with Kim's conversation open."""
    sounding(company, rules={"address": "refuse", "emoji": "warn", "exclamation": "warn"}, address={"de": "formal"})
    company.story.visitor("kim").says("Wo ist mein Paket? Ich warte schon eine Woche.", settle=False)
    ana = company.agent(browser, "ana")
    ana.locator(".row").first.click()
    expect(ana.locator("form.composer textarea")).to_be_visible()
    yield ana
    ana.context.close()


def test_what_warns_is_mended_with_one_key_or_sent_all_the_same(company: Company, at_the_desk: Page) -> None:
    ana = at_the_desk
    box, told = ana.locator("form.composer textarea"), ana.locator(".tone-told")
    box.fill("Das Paket ist unterwegs 🎉 Es kommt morgen!")
    expect(told.get_by_role("listitem")).to_have_count(2)
    told.get_by_role("button", name="exclamation").click()
    assert ana.evaluate("getSelection().toString()") == "!"
    assert violations(ana, "form.composer") == []
    box.press("Control+.")
    expect(box).to_have_value("Das Paket ist unterwegs Es kommt morgen.")
    expect(told).to_be_hidden()
    box.fill("Bis morgen!")
    box.press("Control+Enter")
    expect(told.get_by_text("Send again to send it all the same.")).to_be_visible()
    assert answers(company) == []
    box.press("Control+Enter")
    eventually(lambda: answers(company) == ["Bis morgen!"])
    expect(told).to_be_hidden()


def test_what_is_refused_is_not_sent_and_nothing_is_lost(company: Company, at_the_desk: Page) -> None:
    ana = at_the_desk
    box, told = ana.locator("form.composer textarea"), ana.locator(".tone-told")
    box.fill("Wir haben dir das Paket geschickt.")
    for _ in range(2):
        box.press("Control+Enter")
        expect(told.get_by_text("This is not sent as it stands.")).to_be_visible()
    expect(told.locator("mark")).to_have_text("dir")
    expect(box).to_have_value("Wir haben dir das Paket geschickt.")
    assert answers(company) == []
    box.fill("Wir haben Ihnen das Paket geschickt.")
    box.press("Control+Enter")
    eventually(lambda: answers(company) == ["Wir haben Ihnen das Paket geschickt."])


def test_a_note_may_sound_as_it_likes(company: Company, at_the_desk: Page) -> None:
    ana = at_the_desk
    ana.locator("[name=mode][value=note]").check()
    box = ana.locator("form.composer textarea")
    box.fill("Hast du das gesehen?! 🎉")
    box.press("Control+Enter")
    eventually(lambda: len(company.story.events(e.NoteWritten)) == 1)


# ── a template ──────────────────────────────────────────────────────────────────────────────


class Phone:
    """Kim's WhatsApp, by way of a small Meta that holds templates."""

    def __init__(self, company: Company) -> None:
        self.meta = meta.MetaService()
        self.meta.templates = list(TEMPLATES)
        story = company.story
        cloud = {"phone_number_id": "700", "token": meta.TOKEN, "app_secret": "shared", "api": self.meta.url}
        settings = {**cloud, "account": "55"}
        self.inbox = story.change(lambda tx: setup.add_inbox(tx, story.brand, "whatsapp", "WhatsApp", "wa", settings))
        story.desk.setup_changed()
        eventually(lambda: len(story.record.ask(kept.of_inbox, self.inbox)) == len(TEMPLATES))
        body = meta.cloud(meta.cloud_text(KIM, "wamid.1", "Is my lamp there?"))
        url = f"{company.web.url}/hooks/{self.inbox}"
        assert httpx.post(url, content=body, headers=meta.signed(body), timeout=60).status_code == 200
        eventually(lambda: len(story.conversations()) == 1)


@pytest.fixture
def phone(company: Company) -> Iterator[Phone]:
    made = Phone(company)
    yield made
    made.meta.close()


@pytest.mark.parametrize("width", [1440, 390])
def test_when_the_window_is_closed_a_template_is_picked_filled_and_sent(
    company: Company, phone: Phone, browser: Browser, width: int
) -> None:
    company.story.clock.advance(hours=48)
    ana = company.agent(browser, "ana", viewport={"width": width, "height": 900})
    ana.goto(f"{company.web.url}/desk/conversations/{company.story.conversation.id}")
    offered = ana.locator("details.templates")
    expect(offered.get_by_text("Meta paused it because customers did not like it.")).to_be_visible()
    expect(offered.get_by_text("Meta refused it.")).to_be_visible()
    ready = offered.locator("details.template", has_text="ready to collect")
    ready.locator("summary").click()
    for place, value in enumerate(("Kim", "10342", "the shop in Galway"), 1):
        ready.get_by_label(f"Value of {{{{{place}}}}}").fill(value)
    expect(ready.locator("[data-preview]")).to_have_text(
        "Hello Kim, your order 10342 waits for you at the shop in Galway."
    )
    assert violations(ana, "details.templates") == []
    assert wide(ana) <= 0
    ready.get_by_role("button", name="Send").click()
    eventually(lambda: len(phone.meta.sent) == 1)
    sent = phone.meta.sent[0].json["template"]
    assert sent["name"] == "ready_to_collect"
    assert [one["text"] for one in sent["components"][0]["parameters"]] == ["Kim", "10342", "the shop in Galway"]
    ana.goto(f"{company.web.url}/desk/conversations/{company.story.conversation.id}")
    expect(ana.locator(".turn.us").last).to_contain_text("Hello Kim, your order 10342 waits for you")
    ana.context.close()
