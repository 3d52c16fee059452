"""Procedures: asked for what is missing, refused what is forbidden, and nothing done without a yes."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.desk import StoryDesk
from parley.core.procedure import (
    Ask,
    Confirm,
    Declined,
    Do,
    Facts,
    Look,
    Need,
    Procedure,
    Propose,
    Ready,
    Rule,
    decide,
    outline,
    problems,
)
from parley.services import procedures, setup

ORDERS: dict[str, dict[str, Any]] = {
    "1": {"owner": "kim", "status": "placed"},
    "2": {"owner": "kim", "status": "packed"},
    "3": {"owner": "lee", "status": "placed"},
}
REASONS = ("ordered by mistake", "no longer needed")


def find(f: Facts) -> Any:
    return ORDERS.get(f["number"])


CANCEL = Procedure(
    name="cancel_order",
    version=1,
    title="Cancel an order",
    steps=(
        Need("number", "Which order is it?"),
        Look("order", find, "I find no such order."),
        Rule("it is theirs", lambda f: f["order"]["owner"] == f["who"], "I can only speak of your own orders."),
        Rule("it is not packed", lambda f: f["order"]["status"] == "placed", "It is packed already.", person=True),
        Need("reason", "Why is it to be cancelled?", REASONS),
        Confirm(lambda f: f"Shall I cancel order {f['number']}?"),
        Do("cancel", lambda f: {"number": f["number"], "reason": f["reason"]}),
    ),
)


def test_it_asks_for_what_is_missing_one_thing_at_a_time() -> None:
    assert decide(CANCEL, {"who": "kim"}) == Ask("number", "Which order is it?")
    assert decide(CANCEL, {"who": "kim", "number": "1"}) == Ask("reason", "Why is it to be cancelled?", REASONS)


def test_what_is_no_choice_is_asked_again() -> None:
    said = {"who": "kim", "number": "1", "reason": "found it cheaper"}
    assert isinstance(decide(CANCEL, said, confirmed=True), Ask)


def test_it_proposes_and_acts_only_on_a_yes() -> None:
    said = {"who": "kim", "number": "1", "reason": REASONS[0]}
    assert decide(CANCEL, said) == Propose("Shall I cancel order 1?")
    assert decide(CANCEL, said, confirmed=True) == Ready("cancel", {"number": "1", "reason": REASONS[0]})


def test_a_rule_that_a_person_may_bend_leads_to_one() -> None:
    assert decide(CANCEL, {"who": "kim", "number": "2"}) == Declined("it is not packed", "It is packed already.", True)


def test_a_correction_is_another_value_and_another_walk() -> None:
    said = {"who": "kim", "number": "1", "reason": REASONS[1]}
    assert isinstance(decide(CANCEL, said, confirmed=True), Ready)
    assert isinstance(decide(CANCEL, {**said, "number": "2"}, confirmed=True), Declined)
    assert decide(CANCEL, {**said, "number": "9"}) == Declined("order", "I find no such order.", False)


@given(
    st.fixed_dictionaries(
        {"who": st.sampled_from(["kim", "lee", "eve"])},
        optional={
            "number": st.sampled_from(["1", "2", "3", "9", ""]),
            "reason": st.text(max_size=5) | st.sampled_from(REASONS),
        },
    ),
    st.booleans(),
)  # fmt: skip
def test_whatever_is_said_only_ones_own_unpacked_order_is_cancelled(said: dict[str, str], yes: bool) -> None:
    decision = decide(CANCEL, said, confirmed=yes)
    if isinstance(decision, Ready):
        order = ORDERS[decision.arguments["number"]]
        assert yes
        assert (order["owner"], order["status"]) == (said["who"], "placed")
        assert decision.arguments["reason"] in REASONS


def test_a_procedure_that_asks_after_the_yes_or_never_asks_for_one_is_found_out() -> None:
    need, _look, _mine, _unpacked, reason, confirm, do = CANCEL.steps
    assert problems([CANCEL]) == []
    for steps in ((need, do), (confirm, need, do), (need, confirm), (need, confirm, do, reason), (do, confirm, do)):
        assert len(problems([Procedure(name="odd", version=1, title="Odd", steps=steps)])) == 1, steps


def test_one_without_an_act_is_an_error_and_not_a_silence() -> None:
    with pytest.raises(ValueError, match="without doing anything"):
        decide(Procedure(name="idle", version=1, title="Idle", steps=(CANCEL.steps[0],)), {"number": "1"})


def test_its_outline_names_every_step_in_order() -> None:
    lines = outline(CANCEL)
    assert len(lines) == len(CANCEL.steps)
    assert lines[0] == "Ask: Which order is it?"
    assert lines[3] == "Only if it is not packed; else: It is packed already. (a person)"
    assert lines[-1] == "Do: cancel"
    assert not any(a == b for a, b in itertools.pairwise(lines))


def test_what_is_shipped_asks_for_a_yes_last_and_can_be_read(desk: StoryDesk) -> None:
    with desk.record.reading() as conn:
        shipped = procedures.every(conn, setup.Look())
        assert problems(shipped) == []
        assert all(len(outline(one)) == len(one.steps) for one in shipped)
