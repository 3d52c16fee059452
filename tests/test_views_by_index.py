"""A view is read in the order of an index: a page costs the same however many conversations there are."""

from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import event

from harness.desk import StoryDesk
from parley.services import inbox
from parley.services.inbox import Viewer

VIEWS = ("waiting", "due", "mine", "unassigned", "open", "snoozed", "bot", "closed", "failed", "all")


def test_no_view_sorts_what_it_found(tmp_path: Path) -> None:
    asked: list[tuple[str, Any]] = []

    def note(conn, cursor, statement, parameters, context, executemany):  # type: ignore[no-untyped-def]
        asked.append((statement, parameters))

    with closing(StoryDesk(tmp_path)) as desk, desk.record.reading() as conn:
        event.listen(conn.engine, "before_cursor_execute", note)
        for view in VIEWS:
            asked.clear()
            inbox.page(conn, view, Viewer(agent=1, role="agent", brands=None))
            statement, parameters = next(one for one in asked if "conversations" in one[0])
            rows = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = [str(row[-1]) for row in rows]
            assert not any("TEMP B-TREE" in step for step in steps), f"{view}: {steps}"
            assert any("INDEX ix_" in step for step in steps), f"{view}: {steps}"
        event.remove(conn.engine, "before_cursor_execute", note)
