"""Settings → Procedures → New and Edit, and Settings → Connections, as an admin uses them, with and without script."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from harness.axe import violations
from harness.tool_server import System, says, system
from harness.waiting import eventually
from harness.web import SignedIn, WebDesk, served
from parley.core import events as e
from parley.services import setup, tool_calls, tools
from parley.services.procedures import kept
from parley.web.procedure_editor import BEGINNING
from parley.web.templating import DIST

HERE = "/desk/settings/procedures"
NUMBERS = itertools.count()


@pytest.fixture
def other() -> Iterator[System]:
    with system() as here:
        yield here


@pytest.fixture
def admin(web: WebDesk) -> SignedIn:
    return web.signed_in("ada", "admin")


def opening(name: str = "opening") -> str:
    return BEGINNING.replace("my_procedure", name)


def saved(admin: SignedIn, name: str, text: str) -> int:
    assert admin.post(f"{HERE}/new", data={"text": text}).headers["location"] == f"{HERE}/{name}/draft"
    return 1


# ── procedures ──────────────────────────────────────────────────────────────────────────────


def test_a_draft_becomes_a_version_that_a_brand_switches_on(web: WebDesk, admin: SignedIn) -> None:
    saved(admin, "opening", opening())
    assert "never published" in admin.get(HERE).text
    assert admin.get(f"{HERE}/opening").status_code == 404, "a draft is met by nobody"
    page = admin.get(f"{HERE}/opening/draft").text
    assert "Nothing wrong. Steps: 3, conversations: 1" in page
    assert "<svg" in page
    published = admin.post(f"{HERE}/opening/versions", data={"text": opening(), "seen": "1"})
    assert published.headers["location"] == f"{HERE}/opening"
    page = admin.get(f"{HERE}/opening").text
    assert "Tell when we are open" in page
    assert "version 1" in page
    assert admin.post(f"{HERE}/opening/brands/1", data={"on": "1"}).status_code == 303
    story = web.story
    (told,) = [r for r in story.events(e.ProcedurePublished)]
    assert (told.event.version, told.by) == (1, f"agent/{admin.agent}")  # type: ignore[union-attr]
    assert story.record.ask(setup.all_brands)[1].look.bot_does == ("opening",)
    held = admin.post(f"{HERE}/opening/trial")
    assert "All 1 went as written" in held.text


def test_mistakes_are_kept_as_a_draft_and_published_by_nobody(admin: SignedIn) -> None:
    wrong = opening().replace("shop == 'Galway'", "shop == Galway")
    saved(admin, "opening", wrong)
    page = admin.get(f"{HERE}/opening/draft").text
    assert "Line 14" in page and "“Galway” is not known here" in page  # noqa: PT018
    assert "<svg" in page, "what can be read is drawn all the same"
    refused = admin.post(f"{HERE}/opening/versions", data={"text": wrong, "seen": "1"})
    assert refused.status_code == 422
    assert "first mend what is wrong" in refused.text
    assert "shop == Galway" in refused.text


def test_a_conversation_that_goes_otherwise_stops_the_publishing(admin: SignedIn) -> None:
    saved(admin, "opening", opening())
    other = opening().replace("< Tuesday to Saturday", "< never on a Sunday")
    refused = admin.post(f"{HERE}/opening/versions", data={"text": other, "seen": "1"})
    assert refused.status_code == 422
    assert "a conversation goes otherwise" in refused.text
    assert "the bot was to say “never on a Sunday”" in refused.text
    tried = admin.post(f"{HERE}/opening/draft/trial", data={"text": opening(), "seen": "1"})
    assert "All 1 went as written" in tried.text


def test_versions_are_compared_and_an_older_one_is_put_in_force_again(web: WebDesk, admin: SignedIn) -> None:
    saved(admin, "opening", opening())
    assert admin.post(f"{HERE}/opening/versions", data={"text": opening(), "seen": "1"}).status_code == 303
    later = opening().replace("10 to 17", "10 to 16")
    assert admin.post(f"{HERE}/opening/versions", data={"text": later, "seen": "2"}).status_code == 303
    compared = admin.get(f"{HERE}/opening/versions/1").text
    assert re.search(r'is-out">- .*10 to 17', compared)
    assert re.search(r'is-in">\+ .*10 to 16', compared)
    assert admin.post(f"{HERE}/opening/versions/1/return").status_code == 303
    with web.story.record.reading() as conn:
        versions = kept.history(conn, "opening")
        assert [(one.version, one.again) for one in versions] == [(3, 1), (2, None), (1, None)]
        assert versions[0].text == versions[2].text == kept.by_name(conn, "opening").draft
    assert admin.post(f"{HERE}/opening/withdrawal").status_code == 303
    assert "withdrawn, was version 3" in admin.get(HERE).text
    assert admin.post(f"{HERE}/opening/disposal").status_code == 422, "what was in force is kept"
    told = [r.event.version for r in web.story.events(e.ProcedurePublished)]  # type: ignore[union-attr]
    assert told == [1, 2, 3, None]


def test_two_who_edit_at_once_lose_nothing(admin: SignedIn) -> None:
    saved(admin, "opening", opening())
    assert admin.post(f"{HERE}/opening/draft", data={"text": opening() + "# first\n", "seen": "1"}).status_code == 303
    second = admin.post(f"{HERE}/opening/draft", data={"text": opening() + "# second\n", "seen": "1"})
    assert second.status_code == 409
    assert "Somebody else saved this draft meanwhile" in second.text
    assert "# second" in second.text
    assert "# first" in admin.get(f"{HERE}/opening/draft").text


@pytest.mark.parametrize("name", ["refund", "new", "check", "Not a name", ""])
def test_a_name_that_is_taken_or_none_is_refused_with_the_text_kept(admin: SignedIn, name: str) -> None:
    refused = admin.post(f"{HERE}/new", data={"text": opening(name)})
    assert refused.status_code == 422
    assert "Nothing was saved" in refused.text
    assert "Monday to Saturday" in refused.text


def test_one_that_is_shipped_as_a_file_is_a_beginning(admin: SignedIn) -> None:
    page = admin.get(f"{HERE}/new?of=cancel_order").text
    assert "procedure: my_cancel_order" in page
    assert "Nothing wrong" in page


def test_the_text_is_shown_as_text(admin: SignedIn) -> None:
    page = admin.post(f"{HERE}/new", data={"text": "procedure: <script>alert(1)</script></textarea><b>"}).text
    assert "<script>alert" not in page
    assert "</textarea><b>" not in page


# ── connections ─────────────────────────────────────────────────────────────────────────────


def tracker(other: System) -> dict[str, str]:
    return {
        "name": "parcel_tracker", "title": "Parcel tracker", "method": "GET", "personal": "1", "owner": "owner",
        "address": f"{other.url}/parcels/{{number}}", "seconds": "2",
        "parameter.name.0": "number", "parameter.place.0": "path", "parameter.kind.0": "text",
        "parameter.needed.0": "1", "parameter.example.0": "77001",
        "value.name.0": "state", "value.path.0": "parcel.state", "value.kind.0": "text",
        "value.name.1": "owner", "value.path.1": "parcel.owner", "value.kind.1": "text",
        "secret.name.0": "Authorization", "secret.value.0": "Bearer s3cr3t-0815",
    }  # fmt: skip


def test_a_connection_is_declared_tried_and_its_secret_seen_by_nobody(
    web: WebDesk, admin: SignedIn, other: System
) -> None:
    place = "/desk/settings/connections"
    assert admin.post(f"{place}/new", data=tracker(other)).headers["location"] == f"{place}/parcel_tracker"
    page = admin.get(f"{place}/parcel_tracker").text
    assert "s3cr3t" not in page
    assert "There is one; type to replace it" in page
    other.answers(says({"parcel": {"state": "late", "owner": "kim@example.org"}, "echo": "Bearer s3cr3t-0815"}))
    closed = admin.post(f"{place}/parcel_tracker/trial", data={"given.number": "77001", "send": "1"})
    assert "not permitted" in closed.text
    assert other.asked == []
    assert admin.post("/desk/settings/inner-hosts", data={"hosts": other.host}).status_code == 303
    shown = admin.post(f"{place}/parcel_tracker/trial", data={"given.number": "77001"}).text
    assert "Not sent" in shown and other.asked == []  # noqa: PT018
    tried = admin.post(f"{place}/parcel_tracker/trial", data={"given.number": "77001", "send": "1"}).text
    assert "answered" in tried and "late" in tried and "Authorization: ••••" in tried  # noqa: PT018
    assert "s3cr3t" not in tried, "an echo shows it neither"
    assert other.asked[0].headers["authorization"] == "Bearer s3cr3t-0815"
    renamed = {**tracker(other), "title": "Tracker", "secret.value.0": ""}
    assert admin.post(f"{place}/parcel_tracker", data=renamed).status_code == 303
    assert web.story.record.ask(tools.secrets_of, "parcel_tracker") == {"Authorization": "Bearer s3cr3t-0815"}


def test_what_is_wrong_in_a_long_form_is_said_and_nothing_typed_is_lost(admin: SignedIn, other: System) -> None:
    wrong = {**tracker(other), "address": "ftp://nowhere/{number}"}
    refused = admin.post("/desk/settings/connections/new", data=wrong)
    assert refused.status_code == 422
    assert "The address begins with https://" in refused.text
    assert "parcel.owner" in refused.text
    assert "s3cr3t" not in refused.text


def test_a_connection_that_a_procedure_uses_is_not_removed(web: WebDesk, admin: SignedIn, other: System) -> None:
    place = "/desk/settings/connections"
    admin.post(f"{place}/new", data=tracker(other))
    text = (
        opening()
        .replace(
            "  - say:",
            '  - identify:\n\n  - use: parcel_tracker\n    call_it: found\n    with: {number: "{shop}"}\n'
            "    missing: None is there.\n\n  - say:",
        )
        .partition("talks:")[0]
    )
    saved(admin, "opening", text)
    assert admin.post(f"{HERE}/opening/versions", data={"text": text, "seen": "1"}).status_code == 303
    refused = admin.post(f"{place}/parcel_tracker/removal")
    assert refused.status_code == 422
    assert "opening" in refused.text
    admin.post(f"{HERE}/opening/withdrawal")
    assert admin.post(f"{place}/parcel_tracker/removal").status_code == 303


def test_leads_see_the_calls_of_conversations_that_are_theirs_to_see(web: WebDesk, other: System) -> None:
    story = web.story
    story.visitor("kim").says("hello", settle=False)
    eventually(lambda: bool(story.conversations()))
    number = story.conversations()[0].id

    def call(tx: Any) -> None:
        setup.add_brand(tx, "Elsewhere")
        tools.permit_inside(tx, other.host, "agent/1")
        tool = tools.Tool(name="hours", title="Opening hours", address=f"{other.url}/hours", personal=False)
        tools.keep(tx, tool, {}, "agent/1")
        wanted = tool_calls.Wanted(tool="hours", arguments={}, own=(), procedure="opening", version=1, because=0,
                                   key=f"k{next(NUMBERS)}")  # fmt: skip
        tool_calls.ask(tx, number, wanted, "bot/helper")

    story.change(call)
    eventually(lambda: bool(story.events(e.ToolAnswered)))
    page = web.signed_in("lea", "lead", brands=(1,)).get("/desk/settings/connections").text
    assert f"/desk/conversations/{number}" in page
    assert "answered" in page
    far = web.signed_in("leo", "lead", brands=(2,)).get("/desk/settings/connections").text
    assert f"/desk/conversations/{number}" not in far
    assert web.signed_in("ana").get("/desk/settings/connections").status_code == 403


# ── in a browser ────────────────────────────────────────────────────────────────────────────

CHROMIUM = Path("/usr/bin/chromium")
in_browser = pytest.mark.skipif(
    not CHROMIUM.exists() or not (DIST / "manifest.json").exists(), reason="no Chromium, or the pages are not built"
)


@pytest.fixture
def own_desk(tmp_path: Path) -> Iterator[WebDesk]:
    with served(tmp_path) as web:
        yield web


def signed_in(web: WebDesk, browser: Browser, **look: Any) -> Page:
    admin = web.signed_in(f"ada{next(NUMBERS)}", "admin")
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **look})
    context.add_cookies([{"name": web.room.door.cookie, "value": admin.secret, "url": web.url}])
    return context.new_page()


@in_browser
def test_an_admin_writes_mends_tries_publishes_and_returns(own_desk: WebDesk, browser: Browser) -> None:
    page = signed_in(own_desk, browser)
    page.goto(f"{own_desk.url}{HERE}")
    page.get_by_role("link", name="New procedure").click()
    text = page.get_by_role("textbox", name="The procedure, as YAML")
    expect(page.locator(".editor-check")).to_contain_text("Nothing wrong")
    text.fill(opening().replace("shop == 'Galway'", "shop == Galway"))
    expect(page.locator(".editor-check")).to_contain_text("“Galway” is not known here")
    expect(page.locator(".editor-lines .is-wrong")).to_have_text("14")
    page.get_by_role("button", name="Line 14").click()
    chosen = page.evaluate("document.activeElement.value.slice(document.activeElement.selectionStart, "
                           "document.activeElement.selectionEnd)")  # fmt: skip
    assert chosen.strip() == "- when: shop == Galway"
    page.keyboard.type("      - when: shop == 'Galway'")
    expect(page.locator(".editor-check")).to_contain_text("Nothing wrong. Steps: 3")
    expect(page.locator(".editor-check svg")).to_be_visible()
    page.get_by_role("button", name="Save draft").press("Enter")
    page.get_by_role("button", name="Hold its conversations").click()
    expect(page.locator("#talks + .health")).to_have_text("All 1 went as written")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", name="Tell when we are open")).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    text.fill(opening().replace("10 to 17", "10 to 16"))
    page.get_by_role("button", name="Publish").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("link", name="Version 1").click()
    expect(page.locator(".changes .is-out")).to_contain_text("10 to 17")
    page.get_by_role("button", name="Put this text in force again").click()
    expect(page.get_by_role("heading", name="Tell when we are open")).to_contain_text("version 3")
    page.context.close()


@in_browser
def test_without_a_script_it_is_checked_and_saved_all_the_same(own_desk: WebDesk, browser: Browser) -> None:
    page = signed_in(own_desk, browser, java_script_enabled=False)
    page.goto(f"{own_desk.url}{HERE}/new")
    page.locator("textarea[name=text]").fill(opening().replace("shop == 'Galway'", "shop == Galway"))
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator(".editor-check")).to_contain_text("“Galway” is not known here")
    page.locator("textarea[name=text]").fill(opening())
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", name="Tell when we are open")).to_be_visible()
    page.context.close()


@in_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_pass_axe_and_fit(own_desk: WebDesk, browser: Browser, theme: Any, width: int) -> None:
    def build(tx: Any) -> None:
        tool = tools.Tool(name="hours", title="Opening hours", address="https://x.test/hours", personal=False)
        tools.keep(tx, tool, {}, "agent/1")
        kept.draft(tx, "opening", opening().replace("10 to 17", "9 to 17"), "agent/1", None)
        kept.publish(tx, "opening", opening(), "agent/1")

    own_desk.story.change(build)
    page = signed_in(own_desk, browser, color_scheme=theme, viewport={"width": width, "height": 900})
    places = ["procedures", "procedures/new", "procedures/opening", "procedures/opening/draft",
              "procedures/opening/versions/1", "connections", "connections/new", "connections/hours"]  # fmt: skip
    for place in places:
        page.goto(f"{own_desk.url}/desk/settings/{place}")
        assert violations(page, iframes=False) == [], place
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
    page.context.close()
