"""Days that were read before: used while nothing happened to them, never older than the tables. On both engines."""

import random
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, insert

from harness.desk import StoryDesk
from parley.ai.columns import counted, distinct, places
from parley.app import FIGURES
from parley.log.readers import rebuild
from parley.log.record import Tx
from parley.services import facts, figures, kept_reports, remarks
from parley.services.days import Days
from parley.services.figures import Report
from parley.services.inbox import SYSTEM
from parley.services.numbers import Choice, measured_days
from parley.services.promised import promised_days


def report(desk: StoryDesk) -> Report:
    desk.settle()
    return desk.record.ask(figures.report, SYSTEM, Choice(days=91), desk.clock.now)


def anew(desk: StoryDesk, monkeypatch: pytest.MonkeyPatch) -> Report:
    """The same where nothing was read before."""
    with monkeypatch.context() as patch:
        patch.setattr(facts, "days_of", lambda conn: Days())
        return report(desk)


def alike(one: Report, other: Report) -> bool:
    """The story's clock goes on a little with each look, which ages what is open."""

    def told(of: Report) -> list[Any]:
        return [(n.key, n.n, n.hits, n.running, n.left_out) for n in of.numbers]

    return told(one) == told(other) and one.days == other.days and one.channels[0].key == other.channels[0].key


def test_a_day_that_changes_is_read_again(desk: StoryDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    kim, ana = desk.visitor("kim"), desk.agent("ana")
    kim.says("Where is my parcel?")
    acts = (
        lambda: desk.later(hours=30),
        lambda: ana.replies("On its way."),
        lambda: kim.says("It is not here."),
        lambda: desk.visitor("lee").says("Mine neither"),
        lambda: ana.closes(),
        lambda: kim.says("Still not."),
        lambda: desk.later(hours=9),
        lambda: ana.replies("Now?"),
    )
    for act in acts:
        report(desk)
        act()
        assert alike(report(desk), anew(desk, monkeypatch))
    found = report(desk)
    assert found.number("volume").value == 2
    assert found.number("first_kept").n > 0


def test_what_nothing_happened_to_is_not_read_again(desk: StoryDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.visitor("kim").says("Hello")
    desk.later(hours=72)
    report(desk)
    desk.visitor("lee").says("Hello")
    desk.settle()
    read: list[tuple[int, int]] = []
    kind = facts._TALKS
    monkeypatch.setattr(
        facts, "_TALKS",
        kind._replace(read=lambda conn, start, end: read.append((start, end)) or kind.read(conn, start, end)),
    )  # fmt: skip
    assert report(desk).number("volume").value == 2
    days = {(end - start) // facts.DAY for start, end in read}
    assert days == {1}, "the day of the second conversation alone"
    assert report(desk).number("volume").value == 2
    assert len(read) == 1


def test_a_large_desk_reads_ahead(desk: StoryDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.visitor("kim").says("Hello")
    desk.settle()
    monkeypatch.setattr(kept_reports, "SETTLED", 0.0)
    asked: list[int] = []
    monkeypatch.setattr(facts, "read_ahead", lambda conn, now: asked.append(1))
    for many, times in ((10, 0), (1, 1)):
        reports = kept_reports.Reports(desk.record, many=many)
        reports.open()
        reports._ahead.join(10)
        reports.close()
        assert len(asked) == times, "only where the history is long"


def test_tables_made_anew_are_read_anew(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello")
    before = report(desk)
    marks = [desk.rows(measured_days), desk.rows(promised_days)]
    assert all(marks)
    readers = [reader for reader in desk.desk.readers if reader.name in FIGURES]
    lived = {table.name: desk.rows(table) for reader in readers for table in reader.tables}
    assert rebuild(desk.record, *readers) > 0
    again = {table.name: desk.rows(table) for reader in readers for table in reader.tables}
    assert again == lived, "in one pass as one by one"
    assert alike(report(desk), before)


def test_everything_is_made_anew_in_one_pass(desk: StoryDesk) -> None:
    ana = desk.agent("ana")
    desk.visitor("kim").says("Where is my parcel?")
    ana.replies("On its way.")
    ana.closes()
    desk.later(hours=2)
    desk.visitor("lee").says("Hello")
    desk.settle()
    lived = {table.name: desk.rows(table) for reader in desk.desk.readers for table in reader.tables}
    assert desk.desk.rebuild("all") > 0
    assert {table.name: desk.rows(table) for reader in desk.desk.readers for table in reader.tables} == lived
    with pytest.raises(LookupError, match="figures"):
        desk.desk.rebuild("nobody")


def test_the_least_lately_used_day_is_forgotten() -> None:
    class Conn:
        def execute(self, question: Any) -> Any:
            return self

        def scalar(self) -> int:
            return 0

        def __iter__(self) -> Any:
            return iter(())

    def read(conn: Any, start: int, end: int) -> Any:
        asked.append(start // facts.DAY)
        return np.array([(at,) for at in range(start, end, facts.DAY)], np.dtype([("at", "<i8")]))

    asked: list[int] = []
    days, kind = Days(most=24), facts._TALKS._replace(read=read)
    conn: Any = Conn()
    for first, last in ((1, 2), (3, 3), (1, 1), (4, 4), (1, 1), (2, 2)):
        assert days.rows(conn, kind, first, last)["at"].tolist() == [d * facts.DAY for d in range(first, last + 1)]
    assert asked == [1, 3, 4, 2], "three days of eight bytes are kept"


def test_columns_are_looked_up_and_counted() -> None:
    among, numbers = np.array([7, 3, 9, 5]), np.array([3, 4, 9, 9, 7, 2, 10])
    place, known = places(among, numbers)
    assert known.tolist() == [True, False, True, True, True, False, False]
    assert among[place[known]].tolist() == [3, 9, 9, 7]
    far = np.array([7, 10**12])
    place, known = places(far, np.array([10**12, 8, 7]))
    assert (known.tolist(), far[place[known]].tolist()) == ([True, False, True], [10**12, 7])
    assert places(np.zeros(0, np.int64), numbers)[1].tolist() == [False] * 7
    assert distinct([np.array([3, 1, 3]), np.array([-1, 10**9])]) == [-1, 1, 3, 10**9]
    groups, kinds = np.array([2, 2, 0]), np.array([0, 1, 1])
    yes = np.array([True, True, False])
    assert counted(groups, kinds, 2, [yes, groups >= 0]) == {0: [[0, 0], [0, 1]], 2: [[1, 1], [1, 1]]}


def test_hours_and_parts_of_hours_come_to_what_rows_come_to(desk: StoryDesk) -> None:
    """Opinions at the very ends of weeks and hours, before and after them."""
    top = 480_000 * remarks.HOUR + 1234
    ends = [top - week * remarks.WEEK for week in range(remarks.WEEKS + 1)]
    near = [end + by for end in ends for by in (-remarks.HOUR, -1235, -1234, -1233, -1, 0, 1, remarks.HOUR)]
    chance = random.Random(3)
    moments = [*near, *(chance.randint(ends[-1] - remarks.WEEK, top + remarks.WEEK) for _ in range(400))]
    rows = [
        {
            "conversation": number, "brand": 1 + number % 2, "aspect": chance.choice(("", "price", "app")), "at": at,
            "worst": chance.choice((-1, 0, 1)), "best": chance.choice((0, 1)), "strength": chance.randint(1, 3),
        }
        for number, at in enumerate(moments)
    ]  # fmt: skip

    def fill(tx: Tx) -> None:
        tx.conn.execute(insert(remarks.opinions), rows)
        for brand, hour in {(row["brand"], row["at"] // remarks.HOUR) for row in rows}:
            bounds = {"since": hour * remarks.HOUR, "until": (hour + 1) * remarks.HOUR}
            tx.conn.execute(remarks._SUM_HOUR, {"of_brand": brand, "of_hour": hour, **bounds})

    desk.change(fill)
    for now in (top, top + 1, 480_000 * remarks.HOUR):
        for brand in (None, 1, 2):
            mine = [
                r for r in rows if now - remarks.WEEKS * remarks.WEEK < r["at"] <= now and brand in (None, r["brand"])
            ]
            told = {
                (aspect, week): tuple(counts)
                for aspect, week, *counts in desk.record.ask(remarks._counted, SYSTEM, now, brand)
            }
            groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
            for r in mine:
                groups.setdefault((r["aspect"], (now - r["at"]) // remarks.WEEK), []).append(r)
            assert told == {
                key: (
                    len(of), sum(r["worst"] < 0 for r in of), sum(r["worst"] >= 0 and r["best"] > 0 for r in of),
                    sum(r["strength"] > 2 for r in of),
                )
                for key, of in groups.items()
            }  # fmt: skip
    desk.change(lambda tx: [tx.conn.execute(delete(table)) for table in (remarks.opinions, remarks.opinion_hours)])
