"""Two real Chromiums speak with each other: a customer on a website, an agent at the desk, sound in between."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from harness.axe import violations
from harness.speaking import FLAGS, SILENCE, Company, eventually, hears, panel, speaking
from parley.core import calls
from parley.core import events as e
from parley.web.templating import DIST

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium"),
    pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built"),
]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with speaking(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=45_000)
    with sync_playwright() as play:
        yield play


@pytest.fixture
def browsers(playwright: Playwright) -> Iterator[tuple[Browser, Browser]]:
    """The customer's and the agent's: two processes, two microphones."""
    two = [playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS) for _ in range(2)]
    yield two[0], two[1]
    for browser in two:
        browser.close()


def test_a_customer_calls_and_is_heard(company: Company, browsers: tuple[Browser, Browser]) -> None:
    theirs, ours = browsers
    ana, ben = company.agent(ours, "ana"), company.agent(ours, "ben")
    kim = company.customer(theirs)
    panel(kim).get_by_role("button", name="Call", exact=True).click()
    expect(panel(kim).get_by_text("It rings at the desk.")).to_be_visible()
    for desk in (ana, ben):
        expect(desk.get_by_role("alertdialog")).to_contain_text("calls from the chat")
        expect(desk.get_by_role("button", name="Accept")).to_be_focused()

    ana.keyboard.press("Enter")
    expect(ben.get_by_role("alertdialog")).to_have_count(0)
    expect(ana.get_by_role("timer")).to_be_visible()
    expect(panel(kim).get_by_text("You are speaking with Ana")).to_be_visible()
    assert hears(ana) > SILENCE, "the customer's tone does not arrive"

    # Muted, nothing of the customer's is heard; unmuted, it is again.
    panel(kim).get_by_role("button", name="Mute").click()
    eventually(lambda: quiet_for(ana, 1.5), 30)
    panel(kim).get_by_role("button", name="Unmute").click()
    assert hears(ana) > SILENCE

    company.story.clock.advance(seconds=125)
    ana.get_by_role("button", name="Hang up").click()
    expect(panel(kim).get_by_text("The call is over")).to_be_visible()
    expect(panel(kim).get_by_text("You spoke for 2 min")).to_be_visible()
    (course,) = company.courses()
    assert calls.in_words(course).startswith("Call, 2 min 5 s, answered by Ana")
    ana.goto(f"{company.web.url}/desk/conversations/{company.story.conversations()[0].id}")
    expect(ana.locator(".turn")).to_contain_text(re.compile("Call, 2 min 5 s, answered by Ana"))


def quiet_for(page: Page, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if float(page.locator("meter.call-level").evaluate("meter => meter.value")) > SILENCE:
            return False
        time.sleep(0.05)
    return True


def test_the_agent_calls_from_the_conversation(company: Company, browsers: tuple[Browser, Browser]) -> None:
    theirs, ours = browsers
    ana = company.agent(ours, "ana")
    kim = company.customer(theirs)
    panel(kim).get_by_role("textbox", name="Write a message").fill("Can somebody explain the sizes?")
    panel(kim).get_by_role("button", name="Send", exact=True).click()
    ana.locator(".row").first.click()
    ana.locator("[data-command=call]").click()
    expect(panel(kim).get_by_text("Ana calls you")).to_be_visible()
    panel(kim).get_by_role("button", name="Accept").click()
    expect(ana.get_by_role("timer")).to_be_visible()
    assert hears(ana) > SILENCE
    panel(kim).get_by_role("button", name="Hang up").click()
    expect(ana.get_by_text("The call is over")).to_be_visible()
    eventually(lambda: any(course.ended for course in company.courses()))
    (course,) = company.courses()
    assert (course.outgoing, course.answered is not None) == (True, True)
    assert len(company.story.conversations()) == 1


def test_declined_by_all_it_becomes_work(company: Company, browsers: tuple[Browser, Browser]) -> None:
    theirs, ours = browsers
    ana = company.agent(ours, "ana")
    kim = company.customer(theirs)
    panel(kim).get_by_role("button", name="Call", exact=True).click()
    expect(ana.get_by_role("alertdialog")).to_be_visible()
    ana.locator("body").press("c")
    ana.locator("body").press("d")
    expect(panel(kim).get_by_text("Nobody could answer.")).to_be_visible()
    expect(ana.locator(".row")).to_contain_text("Missed call")
    assert company.story.events(e.CallEnded)[0].event.cause == "noAnswer"


def test_nobody_is_there_and_no_button_promises_otherwise(company: Company, browsers: tuple[Browser, Browser]) -> None:
    kim = company.customer(browsers[0])
    expect(panel(kim).get_by_role("textbox", name="Write a message")).to_be_visible()
    expect(panel(kim).get_by_text("away, we answer later").first).to_be_visible()
    expect(panel(kim).get_by_role("button", name="Call", exact=True)).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it(company: Company, browsers: tuple[Browser, Browser], theme: Any) -> None:
    """While it rings and while they speak, axe-core finds nothing on either side."""
    theirs, ours = browsers
    ana = company.agent(ours, "ana", color_scheme=theme)
    kim = company.customer(theirs)
    panel(kim).get_by_role("button", name="Call", exact=True).click()
    expect(ana.get_by_role("alertdialog")).to_be_visible()
    assert violations(ana) == []
    ana.get_by_role("button", name="Accept").click()
    expect(panel(kim).get_by_text("You are speaking with Ana")).to_be_visible()
    assert violations(ana, ".calls") == [], "the list's row that leaves goes pale, which is not this story's"
    assert violations(kim.frames[1]) == []


def test_only_these_pages_may_use_the_microphone(company: Company) -> None:
    agent = company.web.signed_in("ana")
    allowed = {
        "/desk/inbox/waiting": True,
        "/widget/shop/panel": True,
        "/login": False,
        "/help": False,
    }
    for path, expected in allowed.items():
        policy = agent.get(path, follow_redirects=False).headers["permissions-policy"]
        assert ("microphone=(self)" in policy, "microphone=()" in policy) == (expected, not expected), path
        assert "camera=()" in policy
