"""The file of a procedure: what is wrong is said at its line, and what is accepted runs whatever customers write."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parley.ai import slots
from parley.core import expression as x
from parley.core import procedure as p
from parley.demo import warehouse
from parley.rehearsal import rehearse
from parley.services import orders, tools
from parley.services.procedures import SHIPPED, layout, written
from parley.services.procedures.binding import bind
from parley.services.procedures.talks import Part
from parley.services.procedures.written import check
from parley.services.tools import Parameter, Picked, Tool

LOOKS = Tool(
    name="parcel_tracker", title="Tracker", address="https://x.example/{number}", owner="owner",
    parameters=(Parameter(name="number", place="path"), Parameter(name="days", kind="number", needed=False)),
    answer=(
        Picked(name="state", path="a"), Picked(name="due", path="b", kind="date"),
        Picked(name="weight", path="c", kind="number"), Picked(name="late", path="d", kind="yes_no"),
        Picked(name="stops", path="e", kind="list"), Picked(name="owner", path="f"),
    ),
)  # fmt: skip
OPEN = Tool(
    name="shop_hours", title="Hours", address="https://x.example/hours", personal=False,
    answer=(Picked(name="until", path="a"),),
)  # fmt: skip
ACTS = Tool(
    name="hold_parcel", title="Depot", method="POST", address="https://x.example/holds", acts=True,
    parameters=(
        Parameter(name="number", place="body"), Parameter(name="until", place="body", kind="date", needed=False),
        Parameter(name="customer", place="body", kind="customer"),
    ),
    answer=(Picked(name="id", path="id"),),
)  # fmt: skip
TOOLS = {one.name: one for one in (LOOKS, OPEN, ACTS)}

GOOD = """\
procedure: held_here
title: Hold a parcel
wish: wants a parcel held
begins: [hold my parcel]
limits:
  days: {label: Held for, usual: 7, most: 14}
steps:
  - ask: parcel
    question: Which parcel is it?
  - identify:
  - use: parcel_tracker
    call_it: found
    with: {number: "{parcel}"}
    missing: There is no such parcel.
  - require: found.state != 'delivered' and days_until(found.due) <= limit.days
    otherwise: It came on {found.due|date}.
  - confirm: Shall I hold {parcel}?
  - do: hold_parcel
    with: {number: "{parcel}"}
    tell: It is held under {done.id}.
"""


def test_a_good_one_has_nothing_wrong() -> None:
    plan, wrong = check(GOOD, TOOLS)
    assert wrong == []
    assert plan is not None
    assert [type(step).__name__ for step in bind(plan, _shop(), 1).steps] == (
        ["Need", "Prove", "Use", "Rule", "Confirm", "Do"]
    )


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("procedure: held_here", "procedure: Held here", 1, "small letters"),
        ("title: Hold a parcel", "title: [1", 3, "no YAML"),
        ("wish: wants a parcel held\n", "", 1, "“wish” is missing"),
        ("begins: [hold my parcel]", "begins: ['*']", 4, "four letters"),
        ("begins: [hold my parcel]", "asked_by: [everything]", 4, "no matter that is known"),
        ("usual: 7", "usual: 70", 6, "between least and most"),
        ("usual: 7", "usual: seven", 6, "Expected here: “int”, got “str”"),
        ("question: Which parcel is it?", "questoin: Which?", 9, "“questoin” is not known here"),
        ("question: Which parcel is it?", "question: Which parcel?\n    colour: red", 10, "“colour” is not known here"),
        ("  - identify:\n", "", 10, "“identify” has to come before it"),
        ("use: parcel_tracker", "use: parcel_finder", 11, "no connection “parcel_finder”; there are"),
        ("use: parcel_tracker", "use: hold_parcel", 11, "use it in the step “do”"),
        ("call_it: found", "call_it: own", 12, "cannot be a name"),
        ("call_it: found", "call_it: parcel", 12, "used twice"),
        ('with: {number: "{parcel}"}\n    missing', "missing", 11, "“number” is missing"),
        ('{number: "{parcel}"}\n    missing', '{number: "{parcel}", size: 2}\n    missing', 13, "takes no “size”"),
        ('{number: "{parcel}"}\n    missing', '{number: "{parcl}"}\n    missing', 13, "“parcl” is not known here"),
        ("'delivered'", "delivered", 15, "“delivered” is not known here"),
        ("!= 'delivered'", "= 'delivered'", 15, "equal is =="),
        ("!= 'delivered'", "> 'delivered'", 15, "neither less nor more"),
        ("!= 'delivered'", "!= 5", 15, "A text is compared with a number"),
        ("found.due) <=", "found.state) <=", 15, "is given a text"),
        ("limit.days", "limit.weeks", 15, "“limit” has days"),
        ("found.state !=", "found.colour !=", 15, "“found” has"),
        ("{found.due|date}", "{found.due|loud}", 16, "no way to write"),
        ("{found.due|date}", "{found.state|date}", 16, "cannot be written as “date”"),
        ("{found.due|date}", "{found}", 16, "whole record"),
        ("{found.due|date}", "{found.due", 16, "A single “{”"),
        ("  - confirm: Shall I hold {parcel}?\n", "", 17, "stands the one “confirm”"),
        ("do: hold_parcel", "do: parcel_tracker", 18, "only asks"),
        ("    tell: It is held under {done.id}.\n", "", 18, "“tell” says"),
        ("{done.id}", "{done.number}", 20, "“done” has id"),
        ("  - do: hold_parcel", "  - say: Well.\n  - do: hold_parcel", 18, "last step is the only end"),
        ("  - identify:\n", "  - identify:\n  - identify:\n", 11, "before"),
        ("title: Hold a parcel", "title: Hold\ntitle: Hold", 3, "stands here twice"),
        ("title: Hold a parcel", "title: &a Hold a parcel", 2, "Anchors"),
        ("title: Hold a parcel", "title: !!python/object:os.system x", 2, "Tags"),
        ("title: Hold a parcel", "title: Hold\x07", 2, "no text may hold"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(before: str, after: str, line: int, said: str) -> None:
    assert before in GOOD
    plan, wrong = check(GOOD.replace(before, after, 1), TOOLS)
    assert plan is None
    assert (line, True) in [(one.line, said in one.sentence) for one in wrong], wrong


@pytest.mark.parametrize(
    "text", ["", "[]", "a", "- a", "[" * 5000, "a: " * 2000, "procedure: x", "%", "\t", "x" * 50_000]
)
def test_what_is_no_procedure_at_all_has_a_problem_and_no_exception(text: str) -> None:
    plan, wrong = check(text, TOOLS)
    assert plan is None
    assert len(wrong) >= 1


def test_conversations_in_the_file_are_read_at_their_line() -> None:
    _, wrong = check(GOOD + "talks: |\n  # One\n  > hold it\n  what is this\n", TOOLS)
    assert [(one.line, one.path) for one in wrong] == [(24, "talks")]


def test_what_is_shipped_as_a_file_passes_its_own_check() -> None:
    files = [file for file in (written.HERE).glob("*.yaml")]
    assert {file.stem for file in files} <= set(SHIPPED)
    assert len(files) >= 3
    for file in files:
        plan, wrong = check(file.read_text("utf-8"), {})
        assert (plan is not None, wrong) == (True, []), file


# ── the language ────────────────────────────────────────────────────────────────────────────

KNOWN = {"now": datetime(2026, 3, 2, tzinfo=UTC), "a": 3, "t": "Late", "r": {"d": datetime(2026, 3, 5, tzinfo=UTC)}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 2 - 3", 5),
        ("-3 < a and a <= 3", True),
        ("not t == 'late'", False),
        ("t in ['late', 'lost']", True),
        ("'at' in t", True),
        ("t not in ['moving']", True),
        ("days_until(r.d) == 3", True),
        ("days_since(r.d) > 0", False),
        ("length([1, 2, 3])", 3),
        ("1 / 0", None),
        ("missing == none", True),
        ("missing > 3", False),
        ("missing + 1", None),
        ("r.d.x", None),
        ("true or missing", True),
    ],
)
def test_an_expression_comes_to_a_value(text: str, value: Any) -> None:
    assert x.evaluate(x.parse(text), KNOWN) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "a b",
        "a..b",
        "f(",
        "(1",
        "__import__('os')",
        "a if b else c",
        "a = 1",
        "lambda: 1",
        "'open",
        "a[0]",
        "1 < 2 < 3",
        "(" * 100 + "1" + ")" * 100,
        "or",
        "not",
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(x.Wrong):
        x.check(x.parse(text), {"a": x.NUMBER, "b": x.NUMBER})


@given(st.text(alphabet="ab.+-*/<>=!()[]'\" andornti0123,_", max_size=60), st.dictionaries(
    st.sampled_from(["a", "b", "t"]), st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.booleans(),
                                               st.lists(st.integers()), st.datetimes())))  # fmt: skip
@settings(max_examples=400)
def test_an_expression_is_refused_or_comes_to_something_whatever_is_known(text: str, known: dict[str, Any]) -> None:
    try:
        node = x.parse(text)
        sentence = x.sentence(f"so: {{{text}}}") if "{" not in text and "}" not in text else x.Sentence(())
    except x.Wrong:
        return
    x.evaluate(node, known)
    x.fill(sentence, known)


def test_what_is_filled_in_is_never_read_as_a_place_itself() -> None:
    told = x.fill(x.sentence("He said {a} {{b}}."), {"a": "{now} {a}"})
    assert told == "He said {now} {a} {b}."


# ── whatever customers write ────────────────────────────────────────────────────────────────


def _shop(limits: Any = None) -> Any:
    """A shop in which the customer has two orders, without a database."""

    class Shelf:
        def __init__(self) -> None:
            self.limits = limits or {"days": 7, "alone": 20}

        def order(self, f: p.Facts) -> orders.Order | None:
            mail = {"55501": "kim@example.org", "55502": "lee@example.org"}.get(str(f["number"]))
            then = datetime(2026, 2, 1, tzinfo=UTC)
            return None if mail is None else orders.Order(
                number=str(f["number"]), brand=1, mail=mail, status="placed", placed_at=then,
                items=(orders.Item(name="Lamp", cents=4900),),
            )  # fmt: skip

        def numbers(self, *statuses: str) -> Any:
            return lambda f: ["55501"] if f.get("own") else []

    return Shelf()


def value_texts(scope: dict[str, str]) -> st.SearchStrategy[str]:
    """Expressions over what is known, right or wrong."""
    mine = ["customer.mail"] if "customer" in scope else []
    names = st.sampled_from(
        [
            *(name for name in scope if name != "customer"),
            *mine,
            "limit.days",
            "today",
            "'late'",
            "3",
            "none",
            "true",
            "[1, 'a']",
        ]
    )
    sure = names.map(lambda name: f"{name} == none")
    pair = st.tuples(names, st.sampled_from(["==", "!=", "<", "<=", "in", "and", "or", "+", "/"]), names)
    counted = st.tuples(st.sampled_from(["days_since", "days_until", "length", "lower", "round"]), names)
    return st.one_of(
        sure,
        sure,
        sure,
        names,
        pair.map(" ".join),
        counted.map(lambda c: f"{c[0]}({c[1]})"),
        pair.map(lambda c: f"not ({' '.join(c)})"),
    )


@st.composite
def files(draw: Any) -> str:
    """Procedures as people write them: mostly right, in any order, with any expressions."""
    steps: list[dict[str, Any]] = [{"identify": None}] if draw(st.integers(0, 3)) else []
    scope: dict[str, str] = {"customer": ""} if steps else {}
    middle = ["ask", "ask", "order", "use", "open", "decide", "require", "require", "identify"]
    for n, kind in enumerate(draw(st.lists(st.sampled_from(middle), max_size=7))):
        expression = draw(value_texts(scope))
        sentence = f"Well, {{{draw(value_texts(scope))}}}"
        match kind:
            case "ask":
                asked = draw(st.sampled_from(["choice", "order", "date", "number", "phone", "address", "words"]))
                name = "number" if asked == "order" else f"asked_{n}"
                step: dict[str, Any] = {"ask": name, "question": "What is it?", "type": asked}
                step |= {"choices": ["Red", "Blue one"]} if asked == "choice" else {}
                step |= {"orders": ["placed"]} if asked == "order" and draw(st.booleans()) else {}
                step |= {"only_if": expression} if draw(st.booleans()) else {}
                scope[name] = asked
            case "identify" if not steps:
                step = {"identify": None}
            case "order" if "number" in scope and len(scope) % 2:
                step = {"order": "number"}
                scope |= dict.fromkeys(["order.status", "order.total", "order.delivered", "order.articles"], "")
            case "use":
                step = {"use": "parcel_tracker", "call_it": f"found_{n}", "missing": "No such parcel.",
                        "with": {"number": f"{{{expression}}}"}}  # fmt: skip
                scope |= dict.fromkeys([f"found_{n}.{v}" for v in ("state", "due", "weight", "late", "stops")], "")
            case "open":
                step = {"use": "shop_hours", "call_it": f"hours_{n}", "missing": "Closed."}
            case "decide":
                step = {"decide": f"chosen_{n}", "table": [{"when": expression, "then": sentence}, {"then": "Else"}]}
                scope[f"chosen_{n}"] = ""
            case _:
                step = {"require": expression, "otherwise": sentence}
                step |= {"person": True, "advice": sentence} if draw(st.booleans()) else {}
        steps.append(step)
    of_order = ["cancel_order", "refund"] if "order.status" in scope else []
    ending = draw(st.sampled_from(["say", "hand_over", "hold_parcel", *of_order]))
    if ending in ("say", "hand_over"):
        steps.append({ending: f"So: {{{draw(value_texts(scope))}}}", **({"advice": "Look"} if ending != "say" else {})})
    else:
        steps.append({"confirm": f"Shall I {{{draw(value_texts(scope))}}}?"})
        inner = {"number": f"{{{draw(value_texts(scope))}}}"}
        inner |= {"item": "Lamp", "cents": f"{{{draw(value_texts(scope))}}}"} if ending == "refund" else {}
        steps.append({"do": ending, "with": inner, **({"tell": "Done {done.id}"} if ending == "hold_parcel" else {})})
    head = {"procedure": "made_up", "title": "Made up", "wish": "wants something", "begins": ["do something"]}
    limits = {"days": {"label": "Days", "usual": 7, "most": 14}}
    return yaml.safe_dump({**head, "limits": limits, "steps": steps}, sort_keys=False, allow_unicode=True)


WORDS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["red", "the second", "55501", "55502", "tomorrow", "12", "yes", "no", "1 Quay St, 12345 Cork",
                     "+353 86 123 4567", "in 3 days", "31.2.", "{now}", "'; drop table", "Blue one"]),
)  # fmt: skip
JSON = st.one_of(st.none(), st.integers(), st.text(max_size=20), st.booleans(), st.just("2026-03-05"))


@given(files(), st.lists(WORDS, min_size=8, max_size=8), st.booleans(), st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_what_the_check_accepts_runs_and_asks_nobody_before_they_are_known(
    text: str, said: list[str], known: bool, data: Any
) -> None:
    plan, wrong = check(text, TOOLS)
    if plan is None:
        assert wrong
        return
    procedure = bind(plan, _shop(), 1)
    assert p.problems([procedure]) == []
    own: tuple[str, ...] = ("kim@example.org",) if known else ()
    facts: dict[str, Any] = {}
    answers: dict[str, Any] = {}
    for message in [*said, "yes", "yes"]:
        now = datetime(2026, 3, 2, tzinfo=UTC)
        whole = {**facts, "own": own, "now": now, "brand": 1, "answers": answers}
        decision, seen = p.walk(procedure, whole, confirmed=message == "yes")
        match decision:
            case p.Ask(slot=slot):
                need = procedure.need(slot)
                assert need is not None
                value = slots.value_of(need.kind, p.options_of(need, seen), message, today=now.date())
                facts |= {slot: value} if value is not None else {}
            case p.Identify():
                own = ("kim@example.org",)
            case p.Fetch(tool=tool, arguments=arguments):
                assert own or not TOOLS[tool].personal, "a tool that tells of a customer came before the identity check"
                assert not TOOLS[tool].acts
                values = {one.name: data.draw(JSON) for one in TOOLS[tool].answer}
                answers[p.asked_as(tool, arguments)] = data.draw(st.one_of(st.none(), st.just(values)))
            case p.Ready(tool=tool):
                assert own, "it acted for somebody unknown"
                assert message == "yes"
                end = procedure.steps[-1]
                assert isinstance(end, p.Do)
                if end.done:
                    assert end.done({**seen, "done": {"id": None}})
                break
            case p.Told() | p.Passed():
                break


def test_the_property_above_meets_procedures_that_are_accepted() -> None:
    """Else it would say nothing."""
    accepted = 0

    @given(files())
    @settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def count(text: str) -> None:
        nonlocal accepted
        accepted += check(text, TOOLS)[0] is not None

    count()
    assert accepted >= 40


def test_the_same_text_is_read_once() -> None:
    assert written.read(GOOD) is written.read(GOOD)
    assert layout.told(("steps", 2, "with", "number")) == "steps[2].with.number"


def test_the_procedure_of_the_manual_is_one() -> None:
    page = (Path(__file__).parents[1] / "docs" / "a-new-procedure.md").read_text("utf-8")
    text = page.partition("```yaml\n")[2].partition("```")[0]
    plan, wrong = check(text, {})
    assert (plan is not None, wrong) == (True, [])
    assert [one.problem for one in rehearse("move_delivery", {}, Part(text=text))] == [""]


def test_the_manual_names_every_step_and_every_function() -> None:
    page = (Path(__file__).parents[1] / "docs" / "a-new-procedure.md").read_text("utf-8")
    for name in layout.STEPS:
        assert f"`{name}" in page, name
    for name in (*x.FUNCTIONS, *(f"|{form}" for form in x.FORMS), *written.SHOP_ACTS):
        assert f"{name}" in page, name


def test_the_procedure_of_the_demo_goes_as_it_is_written() -> None:
    declared = tuple(warehouse.declared("http://127.0.0.1:8000"))
    assert [tools.problems(one) for one in declared] == [[]] * len(declared)
    plan, wrong = check(warehouse.text(), {one.name: one for one in declared})
    assert (plan is not None, wrong) == (True, [])
    results = rehearse(warehouse.NAME, {}, Part(text=warehouse.text(), tools=declared))
    assert [one.problem for one in results] == [""] * 6
