"""Times of the figures in opening hours: nobody was neglected from a Friday evening to a Monday morning."""

import csv
import io
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.desk import StoryDesk
from harness.waiting import eventually
from harness.web import WebDesk, served
from parley.ai.columns import Hours as Spans
from parley.core.agreement import Agreement, Holiday, Hours
from parley.core.measure import SECOND, micros
from parley.core.opening import Period, office, open_time, periods
from parley.services import figures, promises
from parley.services.inbox import SYSTEM
from parley.services.numbers import Choice

DAY = (Period(time(9), time(17)),)
OFFICE = Hours(zone="Europe/Berlin", week=(*((DAY,) * 5), (), ()), holidays=(Holiday(day=date(2026, 3, 10)),))


@given(st.integers(0, 2**32), st.sampled_from(["Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "UTC"]))
def test_many_spans_at_once_are_each_span_by_itself(seed: int, zone: str) -> None:
    """Two routes: numpy over all of them, and the calendar of the promises one by one. Over a change of the clocks."""
    chance, first = Random(seed), datetime(2026, 3, 1, tzinfo=UTC)
    calendar = office(zone, holidays=frozenset({date(2026, 3, 18)}))
    starts = [first + timedelta(seconds=chance.randint(0, 40 * 86_400)) for _ in range(20)]
    ends = [start + timedelta(seconds=chance.randint(0, 12 * 86_400)) for start in starts]
    last = first + timedelta(days=60)
    spans = Spans({1: [(micros(a), micros(b)) for a, b in periods(calendar, first, last)]})
    found = spans.open_seconds(
        np.array([1] * 19 + [2]), np.array([micros(at) for at in starts]), np.array([micros(at) for at in ends])
    )
    apart = list(zip(starts, ends, strict=True))
    assert found[:19].tolist() == [open_time(calendar, a, b) // timedelta(seconds=1) for a, b in apart[:19]]
    assert found[19] == (micros(ends[19]) - micros(starts[19])) // SECOND, "who says nothing of hours is always open"


def friday_to_monday(desk: StoryDesk, settle: bool = True) -> None:
    """Kim writes on a Friday at four in Berlin and is answered on Monday at ten; Lee, who wrote on Saturday, waits."""
    desk.change(lambda tx: promises.agree(tx, SYSTEM, Agreement(hours=(OFFICE,))))
    desk.clock.now = datetime(2026, 3, 6, 15, tzinfo=UTC)
    desk.visitor("kim").says("Do you ship to Malta?", settle=settle)
    desk.clock.now = datetime(2026, 3, 7, 12, tzinfo=UTC)
    desk.visitor("lee").says("Are you there?", settle=settle)
    desk.clock.now = datetime(2026, 3, 9, 9, tzinfo=UTC)
    eventually(lambda: len(desk.conversations()) == 2)
    desk.agent("ana").replies("We do.", conversation=desk.conversations()[-1].id, settle=settle)


def test_a_weekend_is_not_waited_for(desk: StoryDesk) -> None:
    friday_to_monday(desk)

    def told(open_hours: bool, key: str = "human_median", n: int = 2) -> list[float]:
        """In hours: the clock of a story goes on by a thousandth of a second whenever it is looked at."""
        choice = Choice(days=7, open_hours=open_hours)
        made = desk.record.ask(figures.report, SYSTEM, choice, desk.clock.now)
        cases = desk.record.ask(figures.cases, SYSTEM, choice, key, desk.clock.now)
        assert made.number(key).n == len(cases) == n
        assert made.calendar == (figures.OPEN_HOURS if open_hours else figures.ALL_HOURS)
        return sorted(round(case.value / 3600, 2) for case in cases if case.value is not None)

    assert told(False) == [45, 66], "Lee waits since Saturday at one; Kim waited from Friday"
    assert told(True) == [1, 2], "an hour on Monday; an hour on Friday and one on Monday"
    desk.clock.now = datetime(2026, 3, 11, 9, tzinfo=UTC)
    assert told(True) == [2, 9], "Tuesday is a holiday: Monday's eight hours and one on Wednesday"
    assert told(False, "open", 2) == told(True, "open", 2), "the age of what is open counts all hours"


def test_page_table_and_interface_say_the_same(tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    with served(tmp_path_factory.mktemp("hours")) as web:
        lead = web.signed_in("lea", "lead")
        assert "Opening hours" not in lead.get("/desk/numbers").text, "nobody said yet when they are open"
        friday_to_monday(web.story, settle=False)
        eventually(lambda: in_json(web, "human_p90", "n") == 2 and in_json(web, "human_p90", "running") == 1)
        told = in_json(web, "human_p90", "value")
        table = csv.DictReader(io.StringIO(lead.get("/desk/numbers.csv?hours=open").text))
        row = next(row for row in table if row["figure"] == "human_p90" and row["scope"] == "all")
        assert (row["calendar"], float(row["value"])) == (figures.OPEN_HOURS, told)
        page = lead.get("/desk/numbers?hours=open").text
        assert "Times count opening hours only" in page
        assert "hours=open" in page.split("numbers.csv")[1].split('"')[0]


def in_json(web: WebDesk, key: str, what: str) -> float:
    with web.with_token("robot", "read-only") as client:
        report = client.get("/api/v1/numbers?hours=open").json()["report"]
    assert report["choice"]["open_hours"] is True
    found = next(one for one in report["numbers"] if one["key"] == key)
    return float(found.get(what) or 0)
