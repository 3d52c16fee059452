"""The lab in a real browser: another wording is replayed, approved for half, met by some, and taken back."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from harness.axe import violations
from harness.waiting import eventually
from harness.web import WebDesk, served
from parley.core import events as e
from parley.core import trial
from parley.demo import build
from parley.demo.learned import learned
from parley.services import access, candidates, setup
from parley.web.templating import DIST

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ASKED = "can I return shoes I wore once?"

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium"),
    pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built"),
]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[WebDesk]:
    with served(tmp_path, with_bot=True) as web:

        def fill(tx: Any) -> None:
            build.add_articles(tx, {b.key: web.story.brand for b in build.made_up.brands()})
            setup.set_setting(tx, "bot_calibration", learned())

        web.story.change(fill)
        web.story.desk.bot.brain.warm(web.story.record)
        yield web


@pytest.fixture
def page(shop: WebDesk) -> Iterator[Page]:
    lead = shop.story.agent("lena", "lead").number
    ticket = shop.story.change(lambda tx: access.login_link(tx, lead))
    with sync_playwright() as play, closing(play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)) as chromium:
        page = chromium.new_context(bypass_csp=True).new_page()
        page.goto(f"{shop.url}/login/{ticket}")
        page.wait_for_url("**/desk/**")
        yield page


def asks(shop: WebDesk, name: str) -> str:
    """What the bot answers somebody new."""
    before = len(shop.story.events(e.ReplyWritten))
    shop.story.visitor(name).says(ASKED, settle=False)
    eventually(lambda: len(shop.story.events(e.ReplyWritten)) > before, seconds=120)
    return shop.story.words(shop.story.events(e.ReplyWritten)[-1].subject_id)[-1]


def test_another_wording_is_replayed_tried_out_by_half_and_taken_back(shop: WebDesk, page: Page) -> None:
    assert "60 days" not in asks(shop, "kim")

    page.goto(f"{shop.url}/desk/knowledge")
    page.get_by_role("link", name="Shoes and boots worn once").click()
    page.get_by_role("link", name="Another wording").click()
    page.get_by_label("Text").fill(
        "# Worn shoes\n\nShoes worn once may come back within 60 days, whatever they look like."
    )
    assert violations(page) == []
    page.get_by_role("button", name="Save candidate").click()
    expect(page.get_by_text("Other wording of")).to_be_visible()

    today = shop.story.clock.now.date().isoformat()
    page.get_by_label("First day").fill(today)
    page.get_by_label("Last day").fill(today)
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("Same source, other words").first).to_be_visible(timeout=120_000)
    line = page.locator(".lab-line")
    expect(line).to_have_count(1)
    expect(line).to_contain_text(ASKED)
    expect(line).to_contain_text("60 days")
    assert violations(page) == []
    replayed = page.url

    page.get_by_role("link", name="Candidate", exact=True).click()
    page.get_by_label("Share of people").select_option("50")
    page.get_by_label("Held out for good").select_option("0")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("In trial, 50 %")).to_be_visible()

    change = shop.story.record.ask(candidates.running)[0].change
    eventually(lambda: shop.story.desk.bot.brain.ready_for(shop.story.record, change), seconds=300)
    arms: dict[str, str] = {}
    for number in range(12):
        said = asks(shop, f"visitor {number}")
        given = shop.story.events(e.ArmGiven)[-1].event
        arms[given.arm] = said  # type: ignore[union-attr]
        if len(arms) == 2:
            break
    assert "60 days" in arms[trial.NEW]
    assert "60 days" not in arms[trial.OLD]
    of_new = next(r for r in shop.story.events(e.ArmGiven) if r.event.arm == trial.NEW)  # type: ignore[union-attr]
    trial_page = page.url
    page.goto(f"{shop.url}/desk/conversations/{of_new.subject_id}")
    expect(page.get_by_text("which is tried out")).to_be_visible()
    page.goto(trial_page)
    expect(page.get_by_text("Too few to say").first).to_be_visible()
    assert violations(page) == []

    page.get_by_role("button", name="Stop and return").click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    drawn = len(shop.story.events(e.ArmGiven))
    for number in range(3):
        assert "60 days" not in asks(shop, f"late {number}")
    assert len(shop.story.events(e.ArmGiven)) == drawn

    page.goto(replayed)
    page.get_by_role("link", name="Conversation 1").click()
    expect(page.get_by_text(ASKED).first).to_be_visible()
