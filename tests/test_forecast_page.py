"""Forecast and staffing as they are served: from the log, the same plan on the page, in CSV and for programs."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from harness.desk import StoryDesk
from harness.web import WebDesk, serving
from parley.ai.forecasting import outlook
from parley.core.staffing import Demand, Target, agents_needed
from parley.services import staffing
from parley.services.inbox import SYSTEM, Viewer
from parley.services.numbers import Choice
from parley.services.staffing import Assumed, Plan

WEEKS = 4


def busy_weeks(desk: StoryDesk) -> None:
    """Four weeks: eight conversations on each day but Sunday, in the hours from nine on; two on Sunday."""
    start = desk.clock.now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    for day in range(7 * WEEKS):
        at = start + timedelta(days=day)
        for n in range(2 if at.weekday() == 6 else 8):
            desk.clock.now = at + timedelta(hours=9 + n, minutes=7 * n)
            desk.visitor(f"kim-{day}-{n}").says(f"Question {n}?")
    desk.clock.now = start + timedelta(days=7 * WEEKS, hours=10)
    desk.settle()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> StoryDesk:
    desk = StoryDesk(tmp_path_factory.mktemp("forecast"))
    busy_weeks(desk)
    return desk


@pytest.fixture(scope="module")
def web(story: StoryDesk) -> Iterator[WebDesk]:
    with serving(story) as web:
        yield web


def plan(desk: StoryDesk, choice: Choice | None = None, **assumed: object) -> Plan:
    given = Assumed(**assumed)  # type: ignore[arg-type]
    return desk.record.ask(staffing.plan, SYSTEM, choice or Choice(), given, desk.clock.now)


def test_the_week_to_come_is_like_the_weeks_before(story: StoryDesk) -> None:
    found = plan(story)
    assert found.days_known == 28
    assert [day.day.date() for day in found.days] == [
        story.clock.now.date() + timedelta(days=i) for i in range(staffing.AHEAD)
    ]
    for day in found.days:
        assert day.mid == pytest.approx(2 if day.day.weekday() == 6 else 8, abs=1)
        assert day.low is not None
        assert day.high is not None
        assert day.low <= day.mid <= day.high
    assert [day.mid for day in found.past] == [2 if day.day.weekday() == 6 else 8 for day in found.past]


def test_half_hours_add_up_to_their_day(story: StoryDesk) -> None:
    found = plan(story)
    for i, day in enumerate(found.days):
        own = found.slots[i * 48 : (i + 1) * 48]
        assert sum(slot.mid for slot in own) == pytest.approx(day.mid, rel=0.25)
        assert sum(slot.mid for slot in own if slot.at.hour < 8) < 0.5
    assert sum(d.hours for d in found.days) == pytest.approx(sum(s.agents for s in found.slots) / 2 / 0.7)


def test_nobody_sits_there_at_night_and_enough_by_day(story: StoryDesk) -> None:
    found = plan(story, within=300)
    for slot in found.slots:
        if slot.mid < staffing.LEAST:
            assert slot.agents == 0
        else:
            demand = Demand(contacts=slot.mid, seconds=1800, handling=360)
            assert slot.agents == agents_needed(demand, Target(share=0.8, within=300))
            assert slot.level >= 0.79
        assert slot.level_low <= slot.level + 1e-9 <= slot.level_high + 2e-9
    assert found.reached is not None


def test_what_if(story: StoryDesk) -> None:
    usual = plan(story)
    people = sum(slot.mid for slot in usual.slots)
    assert sum(s.mid for s in plan(story, more=50).slots) == pytest.approx(1.5 * people)
    assert sum(s.mid for s in plan(story, bot=40).slots) == pytest.approx(0.6 * people)
    assert sum(d.mid for d in plan(story, more=50).days) == sum(d.mid for d in usual.days), "the forecast stays"
    assert plan(story, handling=60).rota > usual.rota
    assert plan(story, shrinkage=60).rota > usual.rota
    assert {slot.agents for slot in plan(story, agents=2).slots} == {2}
    one, three = (plan(story, agents=n, handling=20).reached or 0 for n in (1, 3))
    assert one < three
    patient, not_so = (plan(story, agents=1, handling=25, patience=p).slots for p in (0, 2))
    assert max(s.wait for s in not_so) < max(s.wait for s in patient)


def test_only_what_the_viewer_may_see(story: StoryDesk) -> None:
    stranger = Viewer(agent=999, role="agent", brands=frozenset({77}))
    found = story.record.ask(staffing.plan, stranger, Choice(), Assumed(), story.clock.now)
    assert (found.days_known, found.days) == (0, ())
    assert plan(story, Choice(channel="nothing")).days == ()


def test_the_page_shows_the_plan(web: WebDesk) -> None:
    page = web.signed_in("lea", "lead").get("/desk/forecast")
    assert page.status_code == 200
    found = plan(web.story)
    for word in ("Conversations tomorrow", "People on the rota", "How the method was chosen", "80 % band"):
        assert word in page.text
    assert page.text.count('<svg class="plot') == 2
    assert page.text.count('<th scope="row">') >= 48 + len(found.trials)
    assert found.method in page.text
    assert f'<p class="figure-value">{found.rota}</p>' in page.text
    assert 'href="/desk/forecast"' in web.signed_in("lea", "lead").get("/desk/numbers").text
    assert not re.search(r"\sstyle\s*=|<style|\son\w+\s*=", page.text)


def test_a_what_if_stays_in_the_form_and_in_the_links(web: WebDesk) -> None:
    page = web.signed_in("lea", "lead").get("/desk/forecast?handling=12&more=20&day=3&bot=").text
    assert 'name="handling" value="12"' in page
    assert 'href="?day=1&amp;handling=12.0&amp;more=20"' in page
    assert "/desk/forecast.csv?handling=12.0&amp;more=20" in page


def test_the_same_figures_as_a_table_and_for_programs(web: WebDesk) -> None:
    rows = list(csv.DictReader(io.StringIO(web.signed_in("lea", "lead").get("/desk/forecast.csv?more=20").text)))
    with web.with_token("robot", "read-only") as client:
        answer = client.get("/api/v1/forecast?more=20").json()
    half_hours = [row for row in rows if row["kind"] == "half hour"]
    assert len(half_hours) == len(answer["slots"]) == 7 * 48
    assert [float(row["conversations"]) for row in half_hours] == [slot["mid"] for slot in answer["slots"]]
    assert [int(row["people"]) for row in half_hours] == [slot["agents"] for slot in answer["slots"]]
    days = [row for row in rows if row["kind"] == "day"]
    assert [float(row["high"]) for row in days] == [day["high"] for day in answer["days"]]


@pytest.mark.parametrize("query", ["handling=0", "share=x", "agents=-1", "bot=101", "within=nan", "more=1e9"])
def test_what_makes_no_sense_is_refused_in_words(web: WebDesk, query: str) -> None:
    answer = web.signed_in("lea", "lead").get(f"/desk/forecast?{query}")
    assert answer.status_code == 422
    assert "is a number from" in answer.text


def test_too_little_history_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    desk = StoryDesk(tmp_path_factory.mktemp("young"))
    desk.visitor("kim").says("Hello?")
    desk.later(days=3)
    assert plan(desk).days_known == 3
    with serving(desk) as web:
        page = web.signed_in("lea", "lead").get("/desk/forecast").text
    assert "Too little history for a forecast" in page
    assert "3 are known" in page


def test_many_conversations_give_half_hours_a_forecast_of_their_own() -> None:
    today = datetime(2026, 11, 30, tzinfo=UTC)
    busy = [9.0 if 16 <= i % 48 < 40 else 0.0 for i in range(28 * 48)]
    daily = outlook.remembered((216.0,) * 28, 1, staffing.AHEAD)
    method, course = staffing._course(busy, daily, today)
    assert method != staffing.USUAL_COURSE
    assert course[20][0] == pytest.approx(9, rel=0.05)
    few = [n / 30 for n in busy]
    method, course = staffing._course(few, outlook.remembered((7.2,) * 28, 1, staffing.AHEAD), today)
    assert method == staffing.USUAL_COURSE
    assert len(course) == 7 * 48
    assert sum(mid for mid, _, _ in course[:48]) == pytest.approx(7.2, rel=0.05)
    assert course[0][0] == pytest.approx(0, abs=1e-9)
    assert all(0 <= low <= mid <= high for low, mid, high in ((c[1], c[0], c[2]) for c in course))
