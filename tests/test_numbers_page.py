"""The numbers page as it is served: drawings without style attributes, the same figures in CSV and JSON."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from markupsafe import Markup

from harness.waiting import eventually
from harness.web import WebDesk, served
from parley.core.measure import DEFINITIONS
from parley.web import plots
from parley.web.numbers import duration

AXIS = plots.Axis(low=1, high=100, marks=[(1, "1"), (10, "10"), (100, "100")], logarithmic=True)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDesk]:
    """A desk where Kim was answered after five minutes and Lee still waits."""
    with served(tmp_path_factory.mktemp("numbers")) as web:
        story = web.story
        story.visitor("kim").says("Do you ship to Malta?", settle=False)
        story.visitor("lee").says("Anybody <b>there</b>?", settle=False)
        wait_for(web, 2)
        story.clock.advance(minutes=5)
        story.agent("ana").replies("We do.", settle=False, conversation=story.conversations()[-1].id)
        story.clock.advance(minutes=5)
        wait_for(web, 2, answered=True)
        yield web


def wait_for(web: WebDesk, volume: int, answered: bool = False) -> None:
    """Until the followers of the served desk have caught up."""
    lead = web.signed_in("lea", "lead")
    for _ in range(1000):
        numbers = {n["key"]: n for n in lead.get("/api/v1/numbers").json()["report"]["numbers"]}
        waiting = numbers["human_median"].get("running", 0)
        if numbers["volume"]["n"] == volume and (not answered or waiting == 1):
            return
        web.story.record.nudge(0)
    raise AssertionError(f"Never counted: {numbers}")


def test_the_page_shows_every_figure_with_its_meaning(web: WebDesk) -> None:
    page = web.signed_in("lea", "lead").get("/desk/numbers")
    assert page.status_code == 200
    for definition in DEFINITIONS.values():
        assert definition.label in page.text
        assert Markup.escape(definition.meaning) in page.text
    assert "1 still waiting" in page.text
    assert "too few for an interval" in page.text
    assert page.text.count('<svg class="plot') >= 3


def test_nothing_on_the_page_needs_inline_style_or_script(web: WebDesk) -> None:
    page = web.signed_in("lea", "lead").get("/desk/numbers").text
    assert not re.search(r"\sstyle\s*=|<style|<script(?![^>]*\ssrc=)|\son\w+\s*=", page)
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_same_figures_as_a_table_and_for_programs(web: WebDesk) -> None:
    table = list(csv.DictReader(io.StringIO(web.signed_in("lea", "lead").get("/desk/numbers.csv").text)))
    everything = {row["figure"]: row for row in table if row["scope"] == "all"}
    assert list(everything) == list(DEFINITIONS)
    with web.with_token("robot", "read-only") as client:
        answer = client.get("/api/v1/numbers?period=7").json()
    found = {number["key"]: number for number in answer["report"]["numbers"]}
    assert everything["human_median"]["n"] == str(found["human_median"]["n"]) == "2"
    assert everything["human_median"]["still_running"] == "1"
    assert {d["key"] for d in answer["definitions"]} == set(found)
    assert {row["name"] for row in table if row["scope"] == "channel"} == {"console"}


def test_a_figure_opens_its_conversations(web: WebDesk) -> None:
    lead = web.signed_in("lea", "lead")
    page = lead.get("/desk/numbers/cases?figure=human_median").text
    assert page.index("Anybody &lt;b&gt;there") < page.index("Do you ship to Malta?"), "who still waits comes first"
    assert "still running" in page
    assert lead.get("/desk/numbers/cases?figure=luck").status_code == 404


def test_nobody_looks_at_a_colleagues_figures(web: WebDesk) -> None:
    ben = web.signed_in("ben")
    ana = web.story.agents["ana"]
    assert ben.get(f"/desk/numbers?agent={ana}").status_code == 403
    assert "Ana" not in ben.get("/desk/numbers").text
    assert ben.get(f"/desk/numbers?agent={ben.agent}").status_code == 200
    assert web.browser().get("/desk/numbers").status_code == 303


@pytest.mark.parametrize("query", ["period=0", "period=x", "period=4000"])
def test_a_period_that_makes_no_sense_is_refused_in_words(web: WebDesk, query: str) -> None:
    answer = web.signed_in("lea", "lead").get(f"/desk/numbers?{query}")
    assert answer.status_code in (400, 422)
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (89, "89 s"), (90, "1.5 min"), (600, "10 min"), (5400, "1.5 h"), (86_400, "24 h"), (216_000, "2.5 d")],
)
def test_durations_as_people_say_them(seconds: int, said: str) -> None:
    assert duration(seconds) == said


# ── drawings ────────────────────────────────────────────────────────────────────────────────


def test_drawings_are_named_described_and_escaped() -> None:
    columns = [plots.Bar(name="<Mon>", value=3, part=1, ghost=2, hint="3 & more")]
    rows = [plots.Whisker(name="<Chat>", value=10, low=5, text="10 s", note="n = 4")]
    curves = [plots.Steps(name="<People>", points=[(2, 0.5), (50, 1.0)], mark=(2, 0.5), words="half within 2 s")]
    for drawing in (
        plots.bars("a", "Title", "About", columns),
        plots.whiskers("b", "Title", "About", rows, AXIS),
        plots.steps("c", "Title", "About", curves, AXIS),
        plots.heat("d", "Title", "About", [("<Mon>", [0, 4])], ["0", ""]),
    ):
        assert 'role="img"' in drawing
        assert "<title id=" in drawing
        assert "<desc id=" in drawing
        assert not re.search(r"<(Mon|Chat|People)>", drawing)
        assert "style=" not in drawing


def test_a_place_on_an_axis_never_leaves_it() -> None:
    assert [AXIS.place(x) for x in (0, 1, 10, 100, 1e9)] == [0, 0, 0.5, 1, 1]


def test_the_tallest_column_stays_inside() -> None:
    drawing = plots.bars("a", "T", "A", [plots.Bar(name=str(v), value=v) for v in (1, 57, 0)], height=200)
    tops = [float(y) for y in re.findall(r'class="bar" x="[^"]+" y="([\d.]+)"', drawing)]
    assert min(tops) >= plots.TOP
    assert max(tops) == 200 - plots.FOOT


def test_an_open_interval_runs_to_the_edge() -> None:
    row = plots.Whisker(name="Chat", value=10, low=10, high=None, text="10 s")
    drawing = plots.whiskers("b", "T", "A", [row], AXIS)
    assert re.search(r'class="whisker" x1="50%" [^>]*x2="100%"', drawing)
    assert drawing.count('class="end"') == 1, "the open side has no end mark"


def test_the_right_person_and_passing_on_are_the_same_on_page_table_and_interface(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Kim: Ana after 5 minutes, passed to Ben, who answers after 12. Lee: Ana after 20. By hand: half of 12 and 20 is
    16 minutes, nine of ten (type 7) 12 + 0.9 · 8 = 19 min 12 s, and one of two was passed on."""
    with served(tmp_path_factory.mktemp("right")) as web:
        story = web.story
        story.visitor("kim").says("Do you ship to Malta?", settle=False)
        wait_for(web, 1)
        kim = story.conversations()[-1].id
        story.visitor("lee").says("Anybody there?", settle=False)
        wait_for(web, 2)
        lee = next(one.id for one in story.conversations() if one.id != kim)
        for minutes, agent, number in ((5, "ana", kim), (7, "ben", kim), (8, "ana", lee)):
            story.clock.advance(minutes=minutes)
            who = story.agent(agent)
            who.assigns(who, settle=False, conversation=number)
            who.replies("We do.", settle=False, conversation=number)
        lead = web.signed_in("lea", "lead")
        eventually(lambda: _settled(_right(lead)))
        told = _right(lead)
        table = list(csv.DictReader(io.StringIO(lead.get("/desk/numbers.csv").text)))
        rows = {row["figure"]: row for row in table if row["scope"] == "all"}
        page = lead.get("/desk/numbers").text
    assert (told["right_median"]["value"], told["right_p90"]["value"]) == (960, 1152)
    assert (told["transferred"]["hits"], told["transferred"]["n"]) == (1, 2)
    for key in ("right_median", "right_p90", "transferred"):
        assert float(rows[key]["value"]) == pytest.approx(told[key]["value"])
        assert rows[key]["n"] == str(told[key]["n"])
    assert duration(960) in page
    assert duration(1152) in page


def _right(lead: Any) -> dict[str, Any]:
    found = lead.get("/api/v1/numbers").json()["report"]["numbers"]
    return {one["key"]: one for one in found}


def _settled(told: dict[str, Any]) -> bool:
    """Whether the reader has counted the last answer of the story."""
    return told["right_median"].get("running", 0) == 0 and told["transferred"].get("hits") == 1
