"""Reports as they are served: the builder with and without script, questions, CSV and JSON alike, who sees what."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from harness.axe import violations
from harness.desk import StoryDesk
from harness.model import Stub, answers
from harness.web import WebDesk, serving
from parley.core.query import Query
from parley.core.semantics import MEASURES
from parley.log.readers import catch_up
from parley.services import costs, language_model, saved_reports, setup
from parley.services.inbox import Viewer
from parley.web.report_charts import axis_of
from parley.web.report_page import GROUPS
from parley.web.report_words import address, query_of
from parley.web.series_plots import Mark

needs_chromium = pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="no Chromium at /usr/bin/chromium")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDesk]:
    """Two channels, a tag, eight conversations answered after some minutes, and another brand."""
    story = StoryDesk(tmp_path_factory.mktemp("reports"))
    story.change(lambda tx: setup.add_brand(tx, "Wrenfield"))
    ana = story.agent("ana")
    for place in range(8):
        story.visitor(f"kim{place}").says("Where is my refund?" if place % 2 else "Do you ship to Malta?")
        story.later(minutes=3 + place)
        number = story.conversations()[0].id
        ana.replies("It is on its way.", conversation=number)
        if place % 2:
            ana.tags("refund", conversation=number)
    story.settle()
    for reader in story.desk.readers:
        if not reader.in_step:
            catch_up(story.record, reader)
    with serving(story) as web:
        yield web


BY_CHANNEL = "measure=human_median&measure=volume&by=channel&period=7d"


def figures_of(page: str) -> list[str]:
    return [
        re.sub(r"<[^>]+>", "", found).strip() for found in re.findall(r'class="figure-value">(.*?)</p>', page, re.S)
    ]


# ── the builder and its figures ─────────────────────────────────────────────────────────────


def test_the_form_offers_every_measure_once() -> None:
    assert sorted(key for _, keys in GROUPS for key in keys) == sorted(MEASURES)


def test_costs_stand_in_their_currency_and_their_whole_interval_is_drawn(web: WebDesk) -> None:
    web.story.change(lambda tx: costs.keep(tx, costs.Costs(currency="EUR", hour=30)))
    lead = web.signed_in("lea", "lead")
    asked = "measure=cost&by=topic&period=7d"
    page = lead.get(f"/desk/reports/new?{asked}").text
    rows = list(csv.DictReader(io.StringIO(lead.get(f"/desk/reports.csv?{asked}").text)))
    assert {row["unit"] for row in rows} == {"EUR"}
    assert figures_of(page) == [f"{float(rows[0]['value']):,.2f} EUR"]
    assert '<option value="cost" selected' in page
    marks = [Mark(name=row["topic"], value=float(row["value"]), high=float(row["high"])) for row in rows[1:]]
    assert len(marks) == 2
    assert all(float(row["high"]) <= axis_of("cost", marks).high for row in rows[1:])


def test_page_table_and_api_give_the_same_figures(web: WebDesk) -> None:
    lead = web.signed_in("lea", "lead")
    page = lead.get(f"/desk/reports/new?{BY_CHANNEL}").text
    assert figures_of(page) == ["6.5 min", "8"]
    assert "n = 8" in page
    rows = list(csv.DictReader(io.StringIO(lead.get(f"/desk/reports.csv?{BY_CHANNEL}").text)))
    assert [(row["channel"], row["figure"], row["value"], row["n"]) for row in rows] == [
        ("", "human_median", "390.0", "8"), ("", "volume", "8", "8"),
        ("console", "human_median", "390.0", "8"), ("console", "volume", "8", "8"),
    ]  # fmt: skip
    with web.with_token("robot", "read-only") as client:
        answer = client.get(f"/api/v1/report?{BY_CHANNEL}").json()
    assert [number["value"] for number in answer["report"]["totals"]] == [390.0, 8]
    assert answer["report"]["rows"][0]["keys"] == ["console"]
    assert [one["key"] for one in answer["definitions"]] == ["human_median", "volume"]
    numbers = {n["key"]: n for n in lead.get("/api/v1/numbers?period=7").json()["report"]["numbers"]}
    for number in answer["report"]["totals"]:
        assert {k: numbers[number["key"]].get(k) for k in ("value", "low", "high", "n")} == {
            k: number.get(k) for k in ("value", "low", "high", "n")
        }


def test_every_cell_leads_to_its_conversations(web: WebDesk) -> None:
    lead = web.signed_in("lea", "lead")
    page = lead.get("/desk/reports/new?measure=volume&by=topic&period=7d").text
    links = {html.replace("&amp;", "&") for html in re.findall(r'href="(/desk/reports/cases[^"]+)"', page)}
    counts = {link: lead.get(link).text.count("/desk/conversations/") for link in links}
    assert sorted(counts.values()) == [4, 4, 8]
    (refunds,) = [link for link in links if "g0=refund" in link]
    assert "Where is my refund?" in lead.get(refunds).text
    assert "Malta" not in lead.get(refunds).text


def test_a_form_without_script_sends_empty_fields_and_is_understood(web: WebDesk) -> None:
    sent = "measure=volume&measure=&by=day&by=&period=dates&from=2026-03-01&to=2026-03-08&channel=&brand=&topic=refund"
    page = web.signed_in("lea", "lead").get(f"/desk/reports/new?{sent}").text
    assert figures_of(page) == ["4"]
    assert "Conversations by day, refund, 1 Mar 2026 to 8 Mar 2026" in page
    assert 'value="2026-03-01"' in page
    assert '<option value="refund" selected>' in page


def test_what_is_no_report_says_why_and_keeps_the_form(web: WebDesk) -> None:
    lead = web.signed_in("lea", "lead")
    for query, why in (
        ("measure=open&by=day", "of this moment"), ("measure=luck", "no measure"), ("measure=volume&by=moon", "moon"),
        ("measure=volume&period=dates", "from which day"), ("measure=volume&period=2026-13-01..", "no day"),
    ):  # fmt: skip
        page = lead.get(f"/desk/reports/new?{query}")
        assert page.status_code == 422
        assert why in page.text
        assert '<form class="builder"' in page.text


def test_an_address_says_a_query_and_nothing_is_lost(web: WebDesk) -> None:
    from urllib.parse import parse_qsl

    from litestar.datastructures import MultiDict

    for query in (
        Query(measures=("csat", "nps"), by=("week", "topic"), period="2026-01-01..", compare=True),
        Query(measures=("human_p90",), counted="done", period="last_month"),
        query_of(MultiDict([("measure", "csat"), ("topic", "-"), ("topic", "refund"), ("brand", "1,2")])),
    ):
        assert query_of(MultiDict(parse_qsl(address(query)))) == query


# ── questions ───────────────────────────────────────────────────────────────────────────────


def test_a_question_is_answered_with_how_it_was_read(web: WebDesk) -> None:
    lead = web.signed_in("lea", "lead")
    page = lead.get("/desk/reports/ask", params={"q": "how many refunds per weeek last 7 days"}).text
    assert figures_of(page) == ["4"]
    assert "Conversations by week, refund, last 7 days" in page
    assert "read for “weeek”" in page
    assert "Without refund" in page
    with web.with_token("lex", "lead") as client:
        answer = client.get("/api/v1/report/question", params={"q": "first response of Ana last 7 days"}).json()
        assert answer["answer"]["report"]["totals"][0]["value"] == 390.0
        lost = client.get("/api/v1/report/question", params={"q": "salary of Ana"}).json()
    assert lost["answer"] is None
    assert lost["understood"]["unknown"][0]["words"] == "salary"


def test_a_question_that_is_not_understood_gets_no_figure(web: WebDesk) -> None:
    page = (
        web.signed_in("lea", "lead").get("/desk/reports/ask", params={"q": "average order value by channel <b>"}).text
    )
    assert figures_of(page) == []
    assert "<mark>average</mark>" in page
    assert ">median</a>" in page
    assert '<b>"' not in page


def test_asking_tells_nobody_what_is_not_theirs(web: WebDesk) -> None:
    ben = web.signed_in("ben")
    page = ben.get("/desk/reports/ask", params={"q": "first response of Ana"}).text
    assert "<mark>ana</mark>" in page
    assert "first response by agent" not in page
    refused = ben.get("/desk/reports/ask", params={"q": "first response by agent"}).text
    assert "are shown to leads" in refused
    assert figures_of(refused) == []
    assert ben.get("/desk/reports/new?measure=volume&by=agent").status_code == 403
    assert ben.get("/desk/reports.csv?measure=volume&by=agent").status_code == 403
    far = web.signed_in("far", "lead", brands=(2,))
    assert figures_of(far.get(f"/desk/reports/new?{BY_CHANNEL}").text) == ["–", "0"]
    assert "Larkspur" not in far.get(f"/desk/reports/new?{BY_CHANNEL}").text


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()
    yield stub
    stub.close()


def test_a_model_may_propose_and_is_checked(web: WebDesk, stub: Stub) -> None:
    said = ['{"measures": ["volume"], "by": ["channel"], "period": "7d"}', "SELECT * FROM agents"]
    stub.say = lambda handler: answers(handler, said.pop(0))
    lead = web.signed_in("lea", "lead")
    question = "what floods us, write kim@example.com"
    assert "language model" not in lead.get("/desk/reports/ask", params={"q": question}).text
    on = language_model.Settings(on=True, url=stub.url, name="m", per_conversation=0)
    web.story.change(lambda tx: language_model.keep(tx, on))
    try:
        assert "Let the language model propose" in lead.get("/desk/reports/ask", params={"q": question}).text
        answer = lead.post("/desk/reports/proposal", data={"q": question})
        assert answer.status_code == 303
        page = lead.get(answer.headers["location"]).text
        assert "The language model reads the question like this" in page
        assert figures_of(page) == ["8"]
        assert "kim@example.com" not in str(stub.asked)
        assert "Ana" not in str(stub.asked)
        answer = lead.post("/desk/reports/proposal", data={"q": question})
        assert answer.headers["location"].startswith("/desk/reports/ask?"), "what is no query is nothing"
        assert "made no report of it either" in lead.get(answer.headers["location"]).text
    finally:
        web.story.change(lambda tx: language_model.keep(tx, language_model.Settings()))


# ── saved ───────────────────────────────────────────────────────────────────────────────────


def test_save_share_change_delete(web: WebDesk) -> None:
    lea, ben = web.signed_in("lea", "lead"), web.signed_in("ben")
    answer = lea.post("/desk/reports", data={"name": "Speed <now>", "query": BY_CHANNEL})
    assert answer.status_code == 303
    there = answer.headers["location"]
    assert figures_of(lea.get(there).text) == ["6.5 min", "8"]
    assert "Speed &lt;now&gt;" in lea.get("/desk/reports").text
    assert ben.get(there).status_code == 404
    lea.post(f"{there}/sharing", data={"shared": "0"})
    assert figures_of(ben.get(there).text) == ["6.5 min", "8"]
    assert "Saved by Lea" in ben.get(there).text
    assert ben.post(f"{there}/name", data={"name": "Mine"}).status_code == 403
    other = lea.get(f"{there}?measure=csat&by=channel").text
    assert "Save the change" in other
    lea.post(there, data={"name": "Speed", "query": "measure=csat&by=channel&period=28d"})
    assert figures_of(lea.get(there).text) == ["–"]
    assert (
        lea.post(f"{there}/mailing", data={"every": "week", "weekday": "1", "hour": "7", "agents": ["x"]}).status_code
        == 422
    )
    mine = str(lea.agent)
    assert (
        lea.post(f"{there}/mailing", data={"every": "week", "weekday": "1", "hour": "7", "agents": mine}).status_code
        == 303
    )
    assert "every week, to 1" in lea.get(there).text
    lea.post(f"{there}/removal")
    assert lea.get(there).status_code == 404
    assert lea.post("/desk/reports", data={"name": "", "query": BY_CHANNEL}).status_code == 422


# ── in a browser ────────────────────────────────────────────────────────────────────────────


def signed_in(web: WebDesk, browser: Browser, script: bool = True) -> Page:
    lea = web.signed_in("lea", "lead")
    context = browser.new_context(java_script_enabled=script, viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": web.room.door.cookie, "value": lea.secret, "url": web.url}])
    return context.new_page()


@needs_chromium
def test_choosing_shows_at_once_and_the_address_follows(web: WebDesk, browser: Browser) -> None:
    page = signed_in(web, browser)
    page.goto(f"{web.url}/desk/reports/new?measure=volume&by=channel&period=7d")
    expect(page.locator(".report-title")).to_have_text("Conversations by channel, last 7 days")
    split = page.get_by_label("Split by")
    split.focus()
    split.select_option("topic")
    expect(page.locator(".report-title")).to_have_text("Conversations by topic, last 7 days")
    expect(split).to_be_focused()
    expect(page).to_have_url(re.compile("by=topic"))
    page.locator("select[name=measure]").nth(1).select_option("human_median")
    expect(page.locator(".figure")).to_have_count(2)
    expect(page.locator("select[name=measure]")).to_have_count(3)
    page.get_by_label("Split by").select_option("day")
    page.locator("select[name=measure]").nth(0).select_option("open")
    expect(page.get_by_role("alert")).to_contain_text("of this moment")
    page.go_back()
    page.context.close()


@needs_chromium
def test_asked_saved_and_looked_at_without_script(web: WebDesk, browser: Browser) -> None:
    page = signed_in(web, browser, script=False)
    page.goto(f"{web.url}/desk/reports")
    page.get_by_label("Ask the data").fill("conversations by topic last 7 days")
    page.keyboard.press("Enter")
    expect(page.locator(".report-title")).to_have_text("Conversations by topic, last 7 days")
    page.get_by_label("Save this report as").fill("By topic")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="By topic", exact=True)).to_be_visible()
    page.locator(".plot a").first.click()
    expect(page.locator("table.cases tbody tr")).to_have_count(4)
    page.context.close()


@needs_chromium
@pytest.mark.parametrize("path", [
    "", "/new?measure=volume&by=day&period=7d", "/new?measure=human_median&by=week", "/new?measure=volume&by=topic",
    "/new?measure=human_median&by=topic&compare=1", "/new?measure=volume&by=weekday&by=hour",
    "/new?measure=volume&by=week&by=topic", "/ask?q=csat by moon phase", "/new?measure=open&by=day", "/{saved}",
])  # fmt: skip
def test_pages_pass_axe_and_do_not_overflow(web: WebDesk, browser: Browser, path: str) -> None:
    lea = Viewer(agent=web.signed_in("lea", "lead").agent, role="lead", brands=None)
    query = Query(measures=("volume", "human_median"), by=("channel",))
    saved = web.story.change(lambda tx: saved_reports.save(tx, "For everybody", query, lea)) if "{" in path else 0
    page = signed_in(web, browser)
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{web.url}/desk/reports{path.format(saved=saved)}")
        for part in page.locator("details.unfold, details.narrow").all():
            part.evaluate("part => part.open = true")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.context.close()
