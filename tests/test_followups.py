"""Closing the loop: a low answer gets a person with a deadline, who says what was done. Also in a real browser."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from harness.axe import violations
from harness.chat import Server
from harness.desk import StoryDesk
from harness.ports import free_port
from parley.app import room_of
from parley.config import Config
from parley.core import events as e
from parley.core.errors import NotAllowed, NotFound, Refused
from parley.core.opinions import is_low
from parley.demo.show import Show
from parley.running import _alive
from parley.services import access, followups, setup, surveys
from parley.services.followups import Agreement, Task
from parley.services.inbox import SYSTEM, Viewer
from parley.web.server import make_app
from parley.web.templating import DIST

CHROMIUM = Path("/usr/bin/chromium")


def rated(desk: StoryDesk, name: str, score: int, comment: str = "") -> int:
    """A customer is answered, the matter is closed, and they rate. Returns the survey."""
    desk.visitor(name).says("Where is my parcel?")
    desk.agent("ana").replies("On its way.")
    desk.agent("ana").closes()
    desk.later(minutes=31)
    talk = desk.conversations()[0]
    survey: int = desk.record.ask(surveys.of_conversation, talk.id).id
    desk.change(lambda tx: surveys.rate(tx, survey, score, "console", f"person/{talk.person}", comment))
    desk.settle()
    return survey


def tasks(desk: StoryDesk, state: str = "open", who: Viewer = SYSTEM) -> list[Task]:
    return desk.record.ask(followups.found, who, state)


def hours(task: Task) -> float:
    """From opening to deadline; the story's clock goes on a little while work is done."""
    return round((task.due - task.opened_at) / timedelta(hours=1), 2)


def test_what_counts_as_low() -> None:
    assert [score for score in range(1, 6) if is_low("csat", score)] == [1, 2]
    assert [score for score in range(11) if is_low("nps", score)] == [0, 1, 2, 3, 4, 5, 6]
    assert [score for score in range(1, 8) if is_low("ces", score)] == [1, 2, 3]


def test_a_low_answer_gets_a_person_a_time_and_an_end(desk: StoryDesk) -> None:
    lea = desk.agent("lea", "lead")
    rated(desk, "lee", 4, "Fine")
    assert tasks(desk) == []
    rated(desk, "kim", 2, "Nobody told me that it was late.")
    (task,) = tasks(desk)
    assert (task.reason, task.owner, task.quote) == ("2 of 5", lea.number, "Nobody told me that it was late.")
    assert hours(task) == 24
    assert desk.record.ask(followups.tally, lea.viewer, desk.clock.now).mine == 1
    assert desk.record.ask(followups.tally, SYSTEM, task.due + timedelta(seconds=1)).late == 1
    with pytest.raises(Refused, match="what was done"):
        desk.change(lambda tx: followups.close(tx, task.id, lea.viewer, "  "))
    desk.change(lambda tx: followups.close(tx, task.id, lea.viewer, "Called her, sent a voucher."))
    desk.change(lambda tx: followups.close(tx, task.id, lea.viewer, "A second time."))
    assert tasks(desk) == []
    (done,) = tasks(desk, "done")
    assert (done.done, done.closed_by) == ("Called her, sent a voucher.", f"agent/{lea.number}")


def test_one_survey_is_one_task_however_often_it_is_answered(desk: StoryDesk) -> None:
    survey = rated(desk, "kim", 1)
    person = desk.conversations()[0].person
    for score, comment in ((2, ""), (1, "It is still broken.")):
        desk.change(lambda tx, s=score, c=comment: surveys.rate(tx, survey, s, "page", f"person/{person}", c))
        desk.settle()
    (task,) = tasks(desk)
    assert (task.owner, task.quote) == (None, "It is still broken.")


def test_leads_agree_on_who_and_how_soon(desk: StoryDesk) -> None:
    lea, ana = desk.agent("lea", "lead"), desk.agent("ana")
    far = desk.agent("far", brands=(999,))
    with pytest.raises(NotAllowed):
        desk.change(lambda tx: followups.agree(tx, ana.viewer, Agreement()))
    for wrong in (Agreement(hours=0), Agreement(owners={str(desk.brand): far.number})):
        with pytest.raises(Refused):
            desk.change(lambda tx, new=wrong: followups.agree(tx, lea.viewer, new))
    new = Agreement(hours=4, owners={str(desk.brand): ana.number})
    desk.change(lambda tx: followups.agree(tx, lea.viewer, new))
    rated(desk, "kim", 1)
    (task,) = tasks(desk)
    assert (task.owner, hours(task)) == (ana.number, 4)
    desk.change(lambda tx: followups.give(tx, task.id, ana.viewer, lea.number))
    assert [one.id for one in tasks(desk, "mine", lea.viewer)] == [task.id]
    with pytest.raises(Refused, match="does not serve"):
        desk.change(lambda tx: followups.give(tx, task.id, ana.viewer, far.number))


def test_other_brands_follow_ups_are_nobodys_business(desk: StoryDesk) -> None:
    rated(desk, "kim", 1)
    far = desk.agent("far", "lead", brands=(999,))
    assert tasks(desk, who=far.viewer) == []
    (task,) = tasks(desk)
    with pytest.raises(NotFound):
        desk.change(lambda tx: followups.close(tx, task.id, far.viewer, "Looked at it."))


def test_old_answers_are_history(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello")
    talk = desk.conversation
    answered = e.SurveyAnswered(survey=900, score=1, channel="console")
    at = desk.clock.now - timedelta(days=30)
    desk.change(lambda tx: tx.append(e.conversation(talk.id), [answered], f"person/{talk.person}", at=at))
    desk.settle()
    assert tasks(desk) == []


# ── in a real browser ───────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Show, str]]:
    port = free_port()
    config = Config(data=tmp_path_factory.mktemp("demo"), secret="a secret for tests", port=port, ai="words")
    show = Show(config, living=False, begun=time.monotonic(), mail_from=free_port())
    app = make_app(room_of(show.desk, demo=True), beside=[lambda _: _alive(show.desk, True), show.alive])
    server = Server(app, port).start()
    yield show, server.url
    server.stop()


def lead_of(show: Show, url: str, browser: Browser) -> Page:
    agents = show.desk.record.ask(setup.all_agents)
    lead = next(a for a in agents.values() if a.role == "admin")
    ticket = show.desk.record.do(lambda tx: access.login_link(tx, lead.id))
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{url}/login/{ticket}")
    page.wait_for_url("**/desk/**")
    return page


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium")
@pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built")
def test_a_customer_rates_two_of_five_in_the_chat_and_the_loop_is_closed(
    company: tuple[Show, str], browser: Browser
) -> None:
    show, url = company
    shop = browser.new_page(viewport={"width": 1280, "height": 860})
    shop.goto(f"{url}/shop/brackenfell")
    shop.get_by_role("button", name=re.compile("Chat")).click()
    panel = shop.frame_locator("aside iframe")
    panel.get_by_role("textbox", name="Write a message").fill("Thank you")
    panel.get_by_role("button", name="Send", exact=True).click()
    expect(panel.locator(".mine")).to_have_count(1)
    expect(panel.locator(".pending")).to_have_count(0)
    panel.get_by_role("button", name="More").click()
    panel.get_by_role("button", name=re.compile("End")).click()
    panel.get_by_role("radio", name="Not good").check(force=True)
    panel.get_by_label("What should we know? (optional)").fill("The lining came off after a week.")
    panel.get_by_role("button", name="Send rating").click()

    page = lead_of(show, url, browser)
    page.keyboard.press("Control+k")
    page.keyboard.type("follow")
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/followups")
    card = page.locator(".followup", has_text="The lining came off after a week.")
    for _ in range(60):
        if card.count():
            break
        page.wait_for_timeout(250)
        page.reload()
    expect(card).to_contain_text("2 of 5")
    assert violations(page) == []
    card.get_by_role("link", name="Open the conversation").click()
    expect(page.locator(".stream")).to_contain_text("The lining came off after a week.")
    page.go_back()
    card.get_by_label("What was done").fill("Called, and sent a new pair.")
    card.get_by_role("button", name="Close the loop").click()
    expect(card).to_have_count(0)
    page.goto(f"{url}/desk/followups?show=done")
    expect(page.locator(".followup", has_text="Called, and sent a new pair.")).to_have_count(1)
