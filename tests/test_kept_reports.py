"""Reports of a large desk are kept for a while; those of a small one never are; nobody sees another's."""

import msgspec
import pytest

from harness.desk import StoryDesk
from parley.services import kept_reports
from parley.services.figures import report
from parley.services.inbox import Viewer
from parley.services.kept_reports import Reports
from parley.services.numbers import Choice

WHOLE = Choice()
LEAD = Viewer(agent=1, role="lead", brands=None)


def volume(desk: StoryDesk, reports: Reports, who: Viewer = LEAD, choice: Choice = WHOLE) -> float | None:
    return desk.record.ask(reports.ask, report, who, choice).report.number("volume").value


def test_a_small_desk_is_asked_anew_each_time(desk: StoryDesk) -> None:
    reports = Reports(desk.record)
    desk.visitor("kim").says("hello")
    assert volume(desk, reports) == 1
    desk.visitor("lee").says("hello")
    assert volume(desk, reports) == 2


def test_on_a_large_desk_a_report_says_of_what_moment_it_is(desk: StoryDesk) -> None:
    reports = Reports(desk.record, many=1)
    desk.visitor("kim").says("hello")
    first = desk.record.ask(reports.ask, report, LEAD, Choice())
    desk.visitor("lee").says("hello")
    again = desk.record.ask(reports.ask, report, msgspec.structs.replace(LEAD, agent=2), Choice())
    assert again is first, "leads of the same brands share it"
    assert again.at < desk.record.clock() or again.at == first.at
    assert volume(desk, reports, choice=Choice(days=7)) == 2, "another period is another report"


def test_nobody_sees_what_was_kept_for_somebody_else(desk: StoryDesk) -> None:
    reports = Reports(desk.record, many=1)
    desk.visitor("kim").says("hello")
    assert volume(desk, reports) == 1
    assert volume(desk, reports, msgspec.structs.replace(LEAD, brands=(999,))) == 0


def test_past_its_minute_it_is_made_anew(desk: StoryDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    reports = Reports(desk.record, many=1)
    desk.visitor("kim").says("hello")
    assert volume(desk, reports) == 1
    desk.visitor("lee").says("hello")
    assert volume(desk, reports) == 1
    monkeypatch.setattr(kept_reports, "FRESH", 0.0)
    assert volume(desk, reports) == 2
