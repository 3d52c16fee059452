"""The desk's pages in a real browser, on invented data: keyboard, sending, live rows, no script, accessibility."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from harness.axe import violations
from harness.desk_server import prototype
from harness.web import WebDesk, served
from parley.core import events as e

# On invented data, in states that a short story hardly reaches.
DRAWN = (
    "/desk/inbox/waiting", "/desk/inbox/mentions", "/desk/conversations/1", "/desk/conversations/2",
    "/desk/conversations/3", "/desk/conversations/4", "/desk/conversations/6", "/desk/conversations/7",
    "/desk/conversations/9", "/desk/search?q=order", "/desk/people", "/desk/people/101", "/desk/knowledge",
    "/desk/knowledge/1", "/help", "/help?q=return", "/help/returns-policy", "/rating/token", "/trouble",
)  # fmt: skip
# On a real, small desk.
SERVED = (
    "/desk/inbox/waiting", "/desk/conversations/1", "/desk/people/1", "/desk/knowledge", "/desk/knowledge/new",
    "/desk/numbers", "/desk/reports", "/desk/reports/new", "/desk/forecast", "/desk/followups",
    "/desk/listening", "/desk/wall",
    "/desk/settings/inboxes", "/desk/settings/brands", "/desk/settings/agents", "/desk/settings/surveys",
    "/desk/settings/analytics", "/desk/website", "/desk/inbox/pressing", "/desk/incidents", "/desk/settings/triage",
    "/desk/settings/costs", "/desk/lab", "/desk/lab/new",
    "/desk/settings/tokens", "/desk/settings/you", "/desk/search?q=hello",
)  # fmt: skip

pytestmark = pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="no Chromium at /usr/bin/chromium")


@pytest.fixture(scope="module")
def shared_address() -> Iterator[str]:
    with prototype() as address:
        yield address


@pytest.fixture
def address(shared_address: str) -> str:
    """The desk as it was when it started."""
    httpx.post(f"{shared_address}/lever/fresh")
    return shared_address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert complaints == []


def open_id(page: Page) -> str | None:
    return page.locator("#main").get_attribute("data-id")


def settled(page: Page, number: int) -> None:
    """Wait until a conversation is on screen with all its words."""
    expect(page.locator(f"#main[data-id='{number}'] .stream .turns")).to_be_visible()


def test_hands_stay_on_the_keyboard(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/inbox/waiting")
    expect(page.locator("#main")).to_have_class(re.compile("is-empty"))
    page.keyboard.press("j")
    first = open_id(page)
    page.keyboard.press("j")
    second = open_id(page)
    assert first
    assert second
    assert first != second
    expect(page.locator(f"#row-{second}")).to_have_attribute("aria-current", "true")
    expect(page).to_have_url(re.compile(f"/desk/conversations/{second}$"))
    page.keyboard.press("k")
    assert open_id(page) == first
    page.keyboard.press("n")
    expect(page.locator("textarea[name=text]")).to_be_focused()
    page.keyboard.type("j and e are letters while one writes")
    assert open_id(page) == first
    expect(page.locator(".send-note")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Next conversation")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("knowl")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/desk/knowledge"))
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(page).to_have_url(re.compile("/desk/inbox/waiting"))


def test_what_is_typed_while_a_conversation_comes_is_words_and_no_commands(page: Page, address: str) -> None:
    page.route("**/desk/conversations/*", lambda route: (page.wait_for_timeout(600), route.continue_()))
    page.goto(f"{address}/desk/inbox/all")
    before = page.locator(".rows .row").count()
    page.locator(".rows .row").last.click()
    page.keyboard.press("r")
    page.keyboard.type("See you at eight", delay=5)
    expect(page.locator("textarea[name=text]")).to_have_value("See you at eight")
    expect(page.locator("textarea[name=text]")).to_be_focused()
    assert page.locator(".rows .row:not(.is-leaving)").count() == before


def test_the_palette_leads_to_every_view(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/inbox/waiting")
    page.keyboard.press("Control+k")
    for label in page.locator(".views .view-name").all_text_contents():
        expect(page.get_by_role("option").filter(has_text=label).first).to_be_attached()
    page.keyboard.type("unassi")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/desk/inbox/unassigned"))


def test_the_first_conversations_are_in_memory_before_a_key_is_pressed(page: Page, address: str) -> None:
    with page.expect_response(re.compile(r"/desk/conversations/\d+")):
        page.goto(f"{address}/desk/inbox/waiting")
    expect(page.locator("#main")).to_have_class(re.compile("is-empty"))


def test_single_keys_can_be_switched_off(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/inbox/waiting")
    page.keyboard.press("?")
    page.get_by_label("Single-key shortcuts are on").uncheck()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    expect(page.locator("#main")).to_have_class(re.compile("is-empty"))
    page.keyboard.press("Control+k")
    expect(page.get_by_placeholder("What do you want to do?")).to_be_focused()


def test_a_reply_shows_at_once_and_tells_how_far_it_got(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/conversations/1")
    page.keyboard.press("r")
    page.keyboard.type("It leaves tonight, by express.\n\nBest, Ines")
    page.keyboard.press("Control+Enter")
    turn = page.locator(".turn", has_text="It leaves tonight")
    expect(turn).to_have_count(1)
    expect(turn.locator(".words p")).to_have_count(2)
    expect(page.locator("textarea[name=text]")).to_have_value("")
    expect(page.locator("textarea[name=text]")).to_be_focused()
    expect(turn.locator(".state")).to_contain_text("Delivered", timeout=30_000)
    expect(turn.locator(".state")).to_contain_text("Read", timeout=30_000)
    expect(turn).to_have_count(1)


def test_a_refused_reply_keeps_its_words_and_is_sent_once_on_retry(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/conversations/1")
    httpx.post(f"{address}/lever/refuse")
    page.keyboard.press("r")
    page.keyboard.type("Words that must not be lost")
    page.keyboard.press("Control+Enter")
    turn = page.locator(".turn", has_text="Words that must not be lost")
    expect(turn.locator(".state")).to_contain_text("Nothing was lost")
    turn.get_by_role("button", name="Try again").click()
    expect(turn.locator(".state")).to_contain_text("Read", timeout=30_000)
    page.reload()
    expect(page.locator(".turn", has_text="Words that must not be lost")).to_have_count(1)


def test_a_failed_delivery_says_why_and_can_be_tried_again(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/conversations/4")
    state = page.locator(".state[data-state=failed]")
    expect(state).to_contain_text("The mailbox is full")
    state.get_by_role("button", name="Try again").click()
    expect(page.locator(".turn.us .state").last).to_contain_text("Read", timeout=30_000)


def test_closing_moves_on_and_can_be_taken_back(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/inbox/waiting")
    page.keyboard.press("j")
    closed = open_id(page)
    settled(page, int(closed or 0))
    page.keyboard.press("e")
    assert open_id(page) != closed
    expect(page.locator(f"#row-{closed}")).to_have_count(0)
    page.keyboard.press("u")
    settled(page, int(closed or 0))
    expect(page.locator(f"#row-{closed}")).to_have_count(1)
    expect(page.locator(".talk-status")).to_contain_text("Waiting")


def test_assign_tag_and_snooze_from_the_keyboard(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/conversations/3")
    page.keyboard.press("a")
    page.get_by_role("combobox", name="Assign to").fill("tom")
    page.keyboard.press("Enter")
    expect(page.locator(".owner")).to_contain_text("Tomas Brandt")
    page.keyboard.press("l")
    page.keyboard.type("urgent today")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator(".talk-tags")).to_contain_text("urgent today")
    expect(page.locator(".fact", has_text="You tagged it urgent today")).to_be_visible()
    page.keyboard.press("s")
    page.keyboard.type("3d")
    page.keyboard.press("Enter")
    expect(page.locator("#row-3")).to_have_count(0)
    page.goto(f"{address}/desk/conversations/3")
    expect(page.locator(".talk-status")).to_contain_text("Snoozed")


def test_several_are_picked_and_closed_together(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/inbox/waiting")
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.locator(".bulk-count")).to_have_text("2 selected")
    before = page.locator(".rows .row").count()
    page.keyboard.press("e")
    expect(page.locator(".rows .row")).to_have_count(before - 2)


def test_a_draft_is_there_again_after_moving_and_reloading(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/conversations/2")
    page.keyboard.press("r")
    page.keyboard.type("Half a thou")
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    expect(page.locator("textarea[name=text]")).to_have_value("")
    page.keyboard.press("j")
    settled(page, 2)
    expect(page.locator("textarea[name=text]")).to_have_value("Half a thou")
    page.reload()
    expect(page.locator("textarea[name=text]")).to_have_value("Half a thou")


def test_an_at_in_a_note_offers_colleagues(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/conversations/1")
    page.wait_for_timeout(500)
    page.keyboard.press("n")
    page.keyboard.type("Ask @")
    expect(page.get_by_placeholder("Mention a colleague")).to_be_focused()
    named = page.locator(".menu-label").first.inner_text().split()[0]
    page.keyboard.press("Enter")
    box = page.locator("textarea[name=text]")
    expect(box).to_have_value(f"Ask @{named} ")
    page.keyboard.type("or @nobody ")
    expect(box).to_have_value(f"Ask @{named} or @nobody ")
    expect(box).to_be_focused()


def test_a_slash_offers_prepared_answers(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/conversations/1")
    page.keyboard.press("r")
    page.keyboard.type("/")
    page.get_by_role("combobox", name="Prepared answers").fill("label")
    page.keyboard.press("Enter")
    expect(page.locator("textarea[name=text]")).to_have_value(re.compile("^Hi Mara,.*return label", re.S))


def test_news_moves_rows_and_keeps_the_writers_caret(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/conversations/1")
    page.keyboard.press("r")
    page.keyboard.type("I am writ")
    page.locator(".stream").evaluate("box => { box.scrollTop = 0 }")
    httpx.post(f"{address}/lever/customer/1", params={"text": "One more thing"})
    expect(page.locator(".turn", has_text="One more thing")).to_have_count(1)
    expect(page.locator(".pill")).to_be_visible()
    assert page.locator(".stream").evaluate("box => box.scrollTop") == 0
    page.keyboard.type("ing")
    expect(page.locator("textarea[name=text]")).to_have_value("I am writing")
    page.locator(".pill").click()
    expect(page.locator(".pill")).to_be_hidden()
    waiting = page.locator(".views [data-count=waiting]")
    before = int(waiting.inner_text())
    httpx.post(f"{address}/lever/customer/4", params={"text": "It came again, broken again"})
    expect(page.locator("#row-4")).to_contain_text("broken again")
    expect(waiting).to_have_text(str(before + 1))
    orders = page.locator(".rows .row").evaluate_all("rows => rows.map(row => Number(row.dataset.waits))")
    assert orders == sorted(orders)


def test_colleagues_and_customers_who_write_are_seen(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/conversations/1")
    settled(page, 1)
    httpx.post(f"{address}/lever/colleague/1", params={"doing": "writing", "typing": True})
    expect(page.locator(".viewers")).to_contain_text("Tomas is writing")
    expect(page.locator(".customer-typing")).to_contain_text("Mara Lindqvist is writing")


def test_two_desks_see_each_other(browser: Browser, page: Page, address: str) -> None:
    page.goto(f"{address}/desk/conversations/2")
    other = browser.new_page()
    with other.expect_response(lambda response: "/desk/live" in response.url):
        other.goto(f"{address}/desk/conversations/2")
    page.keyboard.press("n")
    page.keyboard.type("Only for us")
    page.keyboard.press("Control+Enter")
    expect(other.locator(".turn.note", has_text="Only for us")).to_have_count(1)
    other.close()


def test_mail_html_stays_in_its_cage(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/conversations/3")
    frame = page.locator("iframe.mail")
    sandbox = frame.get_attribute("sandbox") or ""
    assert "allow-scripts" not in sandbox
    assert "allow-same-origin" not in sandbox
    expect(page.frame_locator("iframe.mail").get_by_text("Dear team")).to_be_visible()
    page.get_by_role("link", name="Show remote images").click()
    expect(frame).to_have_attribute("src", re.compile("images=1"))


def test_reading_and_answering_needs_no_script(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/desk")
    page.locator("#row-1 a").click()
    expect(page.locator(".turn", has_text="by Friday evening")).to_be_visible()
    page.locator("textarea[name=text]").fill("Sent without a script")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".turn.us", has_text="Sent without a script")).to_have_count(1)
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.locator(".talk-status")).to_contain_text("Closed")
    context.close()


def test_the_real_desk_moves_answers_and_closes(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path) as web:
        for name in ("kim", "lou", "max"):
            web.story.visitor(name).says(f"Hello, {name} here", settle=False)
        page = signed_in_page(browser, web)
        page.goto(f"{web.url}/desk/inbox/waiting")
        expect(page.locator(".rows .row")).to_have_count(3)
        page.keyboard.press("j")
        page.keyboard.press("r")
        expect(page.locator("textarea[name=text]")).to_be_focused()
        page.keyboard.type("Good morning")
        page.keyboard.press("Control+Enter")
        turn = page.locator(".turn.us", has_text="Good morning")
        expect(turn.locator(".state")).to_contain_text(re.compile("Sent|Delivered|Read"), timeout=30_000)
        expect(turn).to_have_count(1)
        page.keyboard.press("Escape")
        page.keyboard.press("e")
        expect(page.locator(".rows .row:not(.is-leaving)")).to_have_count(2)
        web.story.visitor("noa").says("Somebody new", settle=False)
        expect(page.locator(".rows .row", has_text="Somebody new")).to_have_count(1, timeout=30_000)
        page.context.close()


def test_why_it_presses_is_read_and_corrected_with_keys(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path) as web:
        web.story.visitor("kim").says("My lawyer will contact you about this.", settle=False)
        page = signed_in_page(browser, web)
        page.goto(f"{web.url}/desk/inbox/pressing")
        row = page.locator(".rows .row")
        expect(row.locator(".row-priority")).to_have_text("High", timeout=30_000)
        row.click()
        chip = page.locator('.found[data-what="priority"] > summary')
        expect(chip).to_have_attribute("aria-label", "Priority: High", timeout=30_000)
        chip.focus()
        expect(chip.locator(".found-tip")).to_contain_text("Legal threat “lawyer”")
        page.keyboard.press("Enter")
        expect(page.locator('.found[data-what="priority"] .found-card')).to_be_visible()
        assert violations(page, iframes=False) == []
        page.keyboard.press("Escape")
        page.keyboard.press("p")
        page.keyboard.type("urg")
        page.keyboard.press("Enter")
        expect(chip).to_have_attribute("aria-label", "Priority: Urgent, set by hand", timeout=30_000)
        expect(row.locator(".row-priority")).to_have_text("Urgent", timeout=30_000)
        chip.click()
        page.get_by_role("button", name="Take the correction back").click()
        expect(row.locator(".row-priority")).to_have_text("High", timeout=30_000)
        page.context.close()


def test_an_answer_by_mail_is_taken_back_with_a_key_or_planned_for_later(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path) as web:
        head = b"From: Kim <kim@customer.test>\r\nTo: help@larkspur.test\r\nSubject: Tent\r\nMessage-ID: <q@c>"
        raw = head + b"\r\n\r\nIs it dry?"
        web.story.desk.intake.take(web.story.mail_inbox, "q", raw).result(10)
        page = signed_in_page(browser, web)
        page.goto(f"{web.url}/desk/inbox/waiting")
        page.locator(".rows .row").first.click()
        page.keyboard.press("r")
        expect(page.locator("textarea[name=text]")).to_be_focused()
        page.keyboard.type("It is not dry.")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".toast", has_text="Sent")).to_be_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("u")
        expect(page.locator("textarea[name=text]")).to_have_value("It is not dry.")
        expect(page.locator(".turn.us")).to_contain_text("Taken back before it was sent")
        page.locator("textarea[name=text]").fill("It is dry.")
        page.get_by_role("button", name="Send later").click()
        page.keyboard.type("2h")
        page.keyboard.press("Enter")
        turn = page.locator(".turn.us", has_text="It is dry.")
        expect(turn.locator(".state")).to_contain_text("Goes")
        turn.get_by_role("button", name="Take back").click()
        expect(page.locator("textarea[name=text]")).to_have_value("It is dry.")
        assert not [r for r in web.story.events(e.Sent, e.SendDelayed, e.SendFailed)]
        page.context.close()


def test_every_drawn_page_passes_axe_and_fits_its_window(browser: Browser, address: str) -> None:
    page = calm_page(browser, "light")
    assert [line for path in DRAWN for line in faults(page, address, path, (1440, 1024, 390))] == []
    page.context.close()


def test_the_dark_has_enough_contrast(browser: Browser, address: str) -> None:
    page = calm_page(browser, "dark")
    found = [line for path in DRAWN for line in faults(page, address, path, (1440,), runOnly=["color-contrast"])]
    assert found == []
    page.context.close()


def test_every_served_page_passes_axe_and_fits_its_window(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path) as web:
        web.story.visitor("kim").says("Hello, is anybody there?", settle=False)
        page = signed_in_page(browser, web, reduced_motion="reduce", bypass_csp=True)
        page.goto(f"{web.url}/desk/inbox/waiting")
        expect(page.locator(".rows .row")).to_have_count(1, timeout=30_000)
        assert [line for path in SERVED for line in faults(page, web.url, path, (1440, 390))] == []
        page.context.close()


def signed_in_page(browser: Browser, web: WebDesk, **more: Any) -> Page:
    agent = web.signed_in("ana", "admin")
    context = browser.new_context(viewport={"width": 1440, "height": 900}, **more)
    context.add_cookies([{"name": web.room.door.cookie, "value": agent.secret, "url": web.url}])
    return context.new_page()


def calm_page(browser: Browser, theme: Any) -> Page:
    return browser.new_context(color_scheme=theme, reduced_motion="reduce", bypass_csp=True).new_page()


def faults(page: Page, address: str, path: str, widths: tuple[int, ...], **options: object) -> list[str]:
    answer = page.goto(address + path)
    found = [f"{path} answers {answer.status}"] if answer and answer.status >= 500 else []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 844})
        lines = wide(page) + (violations(page, iframes=False, **options) if width != 1024 else [])
        found += [f"{path} at {width}: {line}" for line in lines]
    return found


def wide(page: Page) -> list[str]:
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [f"{over} px too wide"] if over > 0 else []
