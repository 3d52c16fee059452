"""What messages name, by form; and the benchmark over bookings, on a few turns of our own."""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from parley.ai.entities import entities

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Order 48213 came on 3 June.", [("order", "48213"), ("date", "3 June")]),
        ("write to jo.bell@example.org or +44 20 7946 0018", [("mail", "jo.bell@example.org"),
                                                              ("phone", "+44 20 7946 0018")]),
        ("You charged me $1,249.90 twice", [("amount", "$1,249.90")]),
        ("12.50 euros are missing", [("amount", "12.50 euros")]),
        ("A table for 4 at 7:30 pm tomorrow", [("people", "4"), ("time", "7:30 pm"), ("date", "tomorrow")]),
        ("Friday the 9th of May, half past six", [("date", "Friday the 9th of May"), ("time", "half past six")]),
        ("in three weeks, for five people", [("date", "in three weeks"), ("people", "five people")]),
        ("two adults and one child on 2026-03-14", [("people", "two adults and one child"), ("date", "2026-03-14")]),
        ("My name is Ada Bright", [("first_name", "Ada"), ("last_name", "Bright")]),
        ("my surname is Bright", [("last_name", "Bright")]),
        ("Where is my parcel?", []),
        ("I am at home for a while", []),
    ],
)  # fmt: skip
def test_found_by_form(said: str, found: list[tuple[str, str]]) -> None:
    assert [(one.kind, one.text) for one in entities(said)] == found
    assert all(said[one.start : one.end] == one.text for one in entities(said))


def test_what_was_asked_for_may_stand_bare() -> None:
    assert entities("7") == []
    assert [one.kind for one in entities("7", ["time"])] == ["time"]
    assert [one.kind for one in entities("for 7, please", ["people"])] == ["people"]
    assert [(one.kind, one.text) for one in entities(" ada bright", ["first_name", "last_name"])] == [
        ("first_name", "ada"), ("last_name", "bright"),
    ]  # fmt: skip
    assert [(one.kind, one.text) for one in entities("Bright", ["last_name"])] == [("last_name", "Bright")]
    assert [one.kind for one in entities("tomorrow at 7 pm", ["people"])] == ["date", "time"]


def test_order_numbers_have_the_shops_own_form() -> None:
    assert [one.text for one in entities("AB-1234 please", order_pattern=r"AB-\d{4}") if one.kind == "order"] == [
        "AB-1234"
    ]
    assert [one.kind for one in entities("I paid 12345 euros")] == ["amount"]


@pytest.fixture
def bench() -> Iterator[ModuleType]:
    sys.path.insert(0, str(BENCHMARKS))
    import slots

    yield slots
    sys.path.remove(str(BENCHMARKS))


def test_bookings_are_measured(tmp_path: Path, bench: ModuleType) -> None:
    turns = [
        {"userInput": {"text": "6 people, please."}, "labels": [{"slot": "people", "valueSpan": {"endIndex": 8}}]},
        {"userInput": {"text": "8"}, "context": {"requestedSlots": ["time"]},
         "labels": [{"slot": "time", "valueSpan": {"startIndex": 0, "endIndex": 1}}]},
        {"userInput": {"text": "whenever suits the chef"},
         "labels": [{"slot": "date", "valueSpan": {"startIndex": 0, "endIndex": 8}}]},
    ]  # fmt: skip
    (tmp_path / "test.json.gz").write_bytes(gzip.compress(json.dumps(turns).encode()))
    figures, shown = bench.measured(tmp_path)
    assert figures["score"] == 0.8  # two of three found, nothing else said
    assert (figures["by_form_people"], figures["by_form_date"]) == (1.0, 0.0)
    assert "plain patterns" in shown
    (tmp_path / "test.json.gz").unlink()
    assert bench.measured(tmp_path)[0]["score"] is None
