"""Help for agents: drafts with sources, what fits, what was solved, and what became of it; nothing of other brands."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from harness.axe import violations
from harness.desk import StoryDesk
from harness.web import WebDesk, served
from parley.core import events as e
from parley.core.errors import NotFound
from parley.demo import build
from parley.services import assist, desk_notes, inbox, knowledge, setup
from parley.services.inbox import Viewer
from parley.web.templating import DIST

CHROMIUM = Path("/usr/bin/chromium")
MACRO = "Polish the leather with our grey wax once a month, and keep the boots away from the heater."


def fill(story: StoryDesk, articles: bool = True) -> None:
    def act(tx: Any) -> None:
        if articles:
            build.add_articles(tx, {b.key: story.brand for b in build.made_up.brands()})
        desk_notes.set_macros(tx, [desk_notes.Macro(name="Leather care", text=MACRO)])

    story.change(act)


def offered(story: StoryDesk, number: int, who: Viewer = inbox.SYSTEM) -> assist.Offer:
    return assist.offer(story.record, story.desk.bot.brain, number, who)


def solved(story: StoryDesk, who: str, said: str, answer: str) -> int:
    story.visitor(who).says(said)
    number = story.conversations()[0].id
    ana = story.agent("ana")
    ana.replies(answer, conversation=number)
    ana.closes(conversation=number)
    return number


def test_an_article_is_drafted_with_its_passage(desk: StoryDesk) -> None:
    fill(desk)
    desk.visitor("kim").says("can I return shoes I wore once?")
    found = offered(desk, desk.conversation.id)
    assert found.source == "article"
    assert found.draft.startswith("Hello Kim,\n\n")
    assert "cannot be returned for a full refund" in found.draft
    assert found.sources[0].passage
    assert found.ref == "returns-worn-shoes"


def test_a_prepared_answer_is_drafted_where_no_article_fits(desk: StoryDesk) -> None:
    fill(desk, articles=False)
    desk.visitor("kim").says("How do I care for the leather of my boots?")
    found = offered(desk, desk.conversation.id)
    assert (found.source, found.ref) == ("macro", "Leather care")
    assert MACRO in found.draft


def test_what_solved_a_similar_matter_is_drafted_without_names_and_numbers(desk: StoryDesk) -> None:
    before = solved(
        desk, "lee", "The zipper of my tent Kestrel is stuck and does not close",
        "Hello Lee,\nrub a candle along the zipper of the tent, then move it. Call +44 20 7946 0018 if it sticks."
        "\nKind regards,\nAna",
    )  # fmt: skip
    desk.visitor("kim").says("my Kestrel tent has a zipper that is stuck, it does not close any more")
    now = next(state.id for state in desk.conversations() if state.id != before)
    found = offered(desk, now)
    assert [one.id for one in found.similar] == [before]
    assert found.source == "solved"
    assert "rub a candle along the zipper" in found.draft
    assert not re.search("Lee|7946|Ana", found.draft)


def test_nothing_of_another_brand_is_shown(desk: StoryDesk) -> None:
    before = solved(desk, "lee", "The zipper of my tent is stuck", "Rub a candle along the zipper of the tent.")

    def elsewhere(tx: Any) -> tuple[int, int]:
        brand = setup.add_brand(tx, "Elsewhere")
        return brand, setup.add_inbox(tx, brand, "console", "Other", "other")

    brand, box = desk.change(elsewhere)
    desk.desk.setup_changed()
    desk.visitor("kim", box).says("The zipper of my tent is stuck")
    now = next(state.id for state in desk.conversations() if state.id != before)
    stranger = Viewer(agent=9, role="agent", brands=(brand,))
    assert offered(desk, now, stranger).similar == ()
    assert [one.id for one in offered(desk, now).similar] == [before]
    with pytest.raises(NotFound):
        offered(desk, before, stranger)


def test_nothing_is_drafted_where_nothing_fits(desk: StoryDesk) -> None:
    fill(desk)
    desk.visitor("kim").says("xylophone quartz vortex jukebox")
    found = offered(desk, desk.conversation.id)
    assert (found.draft, found.macros, found.similar) == ("", (), ())


def test_nothing_is_drafted_for_somebody_who_mourns(desk: StoryDesk) -> None:
    fill(desk)
    desk.visitor("kim").says("My husband died last week. Can I return the shoes he wore once?")
    found = offered(desk, desk.conversation.id)
    assert (found.draft, found.source) == ("", "")
    assert found.question


def test_thanks_are_no_question(desk: StoryDesk) -> None:
    fill(desk)
    solved(desk, "kim", "can I return shoes I wore once?", "Only for repair, I am afraid.")
    desk.visitor("kim").says("Arrived, thank you.")
    assert offered(desk, desk.conversation.id) == assist.Offer()


def test_what_was_asked_joins_the_article_that_an_agent_answered_from(desk: StoryDesk) -> None:
    fill(desk)
    draft = "Wax the teeth of the zipper with a candle, then move the slider."
    article = desk.change(lambda tx: knowledge.write(tx, "Zippers", draft, "agent/1", slug="zipper"))
    who = Viewer(agent=desk.agent("ana").number, role="agent", brands=None)

    def answered(customer: str, asked: str, sent: str) -> tuple[str, ...]:
        desk.visitor(customer).says(asked)
        given = assist.Given(draft=draft, source="article", ref="zipper", inserted=True)
        newest = max(one.id for one in desk.conversations())
        desk.change(lambda tx: assist.judge(tx, newest, who, given, sent))
        return desk.record.ask(knowledge.by_id, article).wordings

    asked = "my tent will not shut any more"
    assert answered("kim", asked, draft) == (asked,)
    assert answered("lee", asked, draft) == (asked,)
    assert answered("mia", "how can I close my coat?", "We send you a new one.") == (asked,)
    assert answered("tom", "it is stuck, write to tom@example.org", draft) == (asked,)
    assert answered("zoe", "I bought it in spring and " + "then it rained and " * 12, draft) == (asked,)
    assert answered("uma", "how do I mend my coat?", draft) == (asked, "how do I mend my coat?")


def test_what_became_of_drafts_is_counted_and_rebuilt(desk: StoryDesk) -> None:
    desk.visitor("kim").says("hello")
    number = desk.conversation.id
    who = Viewer(agent=desk.agent("ana").number, role="agent", brands=None)
    draft = "Rub a candle along the zipper of the tent."

    def judged(sent: str | None, inserted: bool) -> Any:
        given = assist.Given(draft=draft, source="article", ref="zipper", inserted=inserted)
        return desk.change(lambda tx: assist.judge(tx, number, who, given, sent))

    assert judged(draft + "\n", True) == "accepted"
    assert judged("Rub a candle along the zipper, please.", True) == "edited"
    assert judged("We send you a new one.", True) == "rejected"
    assert judged(draft, False) == "rejected"
    assert judged(None, False) == "rejected"
    desk.settle()
    found = desk.record.ask(assist.tally, who, desk.clock.now.replace(hour=0))
    assert found == {("article", "accepted"): 1, ("article", "edited"): 1, ("article", "rejected"): 3}
    desk.rebuilds()


# ── in the browser ──────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDesk]:
    with served(tmp_path_factory.mktemp("desk")) as web:
        yield web


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium")
@pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built")
def test_one_key_puts_the_draft_in_and_sending_tells_what_became_of_it(web: WebDesk, browser: Browser) -> None:
    fill(web.story, articles=False)
    web.story.visitor("kim").says("How do I care for the leather of my boots?", settle=False)
    agent = web.signed_in("ana", "lead")
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": web.room.door.cookie, "value": agent.secret, "url": web.url}])
    page = context.new_page()
    page.goto(f"{web.url}/desk/inbox/all")
    page.locator(".row").first.click()
    expect(page.locator("#assist .assist-words")).to_contain_text("grey wax")
    assert violations(page, "#assist") == []
    page.keyboard.press("d")
    expect(page.locator("form.composer textarea")).to_have_value(re.compile("grey wax"))
    page.keyboard.press("Control+Enter")
    expect(page.locator(".turn.us").last).to_contain_text("grey wax")
    for _ in range(100):
        if judged := web.story.events(e.DraftJudged):
            break
        page.wait_for_timeout(100)
    assert [(r.event.source, r.event.outcome) for r in judged] == [("macro", "accepted")]  # type: ignore[union-attr]
    numbers = ""
    for _ in range(100):
        numbers = agent.get("/desk/numbers").text
        if "Drafted answers" in numbers:
            break
        page.wait_for_timeout(100)
    assert "Drafted answers" in numbers
    assert "Prepared answers" in numbers
    context.close()
