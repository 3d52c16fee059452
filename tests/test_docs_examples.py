"""The documentation's examples run as they stand, and its definitions are those of the code."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.desk import StoryDesk
from parley.app import behind_readers
from parley.core.measure import DEFINITIONS, VERSION
from parley.log.readers import rebuild
from parley.log.tables import metadata

DOCS = Path(__file__).parent.parent / "docs"


def examples(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.S | re.M)


@pytest.fixture
def report() -> Iterator[dict[str, Any]]:
    """The module that the page on reports writes; its table is forgotten afterwards."""
    names: dict[str, Any] = {"__name__": "handovers"}
    for source in examples("a-new-report.md"):
        exec(compile(source, "a-new-report.md", "exec"), names)
    yield names
    metadata.remove(names["handovers"])


def test_the_report_of_the_documentation_works(desk: StoryDesk, report: dict[str, Any]) -> None:
    reader, table = report["HandoverReader"](), report["handovers"]
    desk.record.do(lambda tx: table.create(tx.conn))
    desk.desk.readers.append(reader)
    report["test_why_the_bot_hands_over"](desk)
    lived = desk.rows(table)
    assert len(lived) == 3
    assert rebuild(desk.record, reader) == 3
    assert desk.rows(table) == lived


def test_the_example_looks_like_the_readers_that_run(report: dict[str, Any]) -> None:
    reader = report["HandoverReader"]()
    for real in behind_readers():
        assert {type(getattr(reader, name)) for name in ("name", "in_step", "kinds", "tables")} == {
            type(getattr(real, name)) for name in ("name", "in_step", "kinds", "tables")
        }


@pytest.mark.parametrize("key", list(DEFINITIONS))
def test_every_figure_is_documented_as_it_is_defined(key: str) -> None:
    page = " ".join((DOCS / "numbers.md").read_text().split())
    definition = DEFINITIONS[key]
    for words in (f"### {definition.label} (`{key}`)", definition.meaning, definition.spread, definition.cohort):
        assert " ".join(words.split()) in page, words


def test_the_documented_version_is_the_one_that_counts() -> None:
    assert f"version {VERSION} of the definitions" in (DOCS / "numbers.md").read_text()
