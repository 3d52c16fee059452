"""Procedures that a company writes itself, held in a chat from the first word to the undo, over a system of its own."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.desk import StoryDesk
from harness.tool_server import Asked, System, says, slowly, system
from parley.core import events as e
from parley.core.trial import Change
from parley.log import record as log
from parley.log.readers import catch_up
from parley.rehearsal import rehearse
from parley.services import approvals, candidates, proof, replays, requests, setup, tool_calls, tools
from parley.services.inbox import Viewer
from parley.services.procedures import kept, written
from parley.services.procedures.talks import Part
from parley.services.tools import Parameter, Picked, Tool

HOLD = """\
procedure: hold_parcel_here
title: Hold a parcel at the depot
wish: wants a parcel held
skill: delivery
begins:
  - hold my parcel
  - keep * parcel at the depot

limits:
  days:
    label: A parcel is held for
    unit: days
    usual: 7
    least: 1
    most: 14

steps:
  - ask: parcel
    type: number
    question: Which number does the parcel have?

  - identify:

  - use: parcel_tracker
    call_it: found
    with: {number: "{parcel}"}
    missing: I find no such parcel under your address. Please check the number.

  - require: found.state != 'delivered'
    called: it is still on its way
    otherwise: That parcel was delivered on {found.due|date}.

  - ask: until
    type: date
    question: Until which day shall it be held?

  - require: days_until(until) >= 1 and days_until(until) <= limit.days
    called: it is held for no longer than the limit
    otherwise: A parcel is held for {limit.days} days at most, so not until {until|date}.
    person: true
    advice: Ask the depot whether it has room until {until|day}.

  - confirm: I can have parcel {parcel} held until {until|date}. Shall I?

  - do: hold_parcel
    with:
      number: "{parcel}"
      until: "{until}"
    tell: Parcel {parcel} waits at {done.depot} until {until|date}.
    undo:
      use: free_parcel
      with: {hold: "{done.id}"}
      tell: Parcel {parcel} goes on its way again.

talks: |
  # It is held
  tool parcel_tracker {"parcel": {"state": "moving", "owner": {"mail": "kim@example.org"}}}
  known kim@example.org
  > hold my parcel
  > 77001
  > tomorrow
  > yes
  < waits at
"""


@pytest.fixture
def other() -> Iterator[System]:
    with system() as here:
        yield here


def declared(other: System) -> list[Tool]:
    customer = Parameter(name="customer", place="body", kind="customer")
    return [
        Tool(
            name="parcel_tracker", title="Parcel tracker", address=f"{other.url}/parcels/{{number}}", owner="owner",
            parameters=(Parameter(name="number", place="path"),), seconds=2,
            answer=(
                Picked(name="state", path="parcel.state"), Picked(name="due", path="parcel.due", kind="date"),
                Picked(name="owner", path="parcel.owner.mail"),
            ),
        ),
        Tool(
            name="hold_parcel", title="Depot", method="POST", address=f"{other.url}/holds", acts=True, seconds=2,
            once="Idempotency-Key",
            parameters=(
                Parameter(name="number", place="body", kind="number"),
                Parameter(name="until", place="body", kind="date"), customer,
            ),
            answer=(Picked(name="id", path="id"), Picked(name="depot", path="depot")),
            rehearsed='{"id": "H1", "depot": "Cork North"}',
        ),
        Tool(
            name="free_parcel", title="Depot", method="POST", address=f"{other.url}/holds/{{hold}}/end", acts=True,
            once="Idempotency-Key", seconds=2, parameters=(Parameter(name="hold", place="path"), customer),
        ),
    ]  # fmt: skip


@pytest.fixture
def company(bot_desk: StoryDesk, other: System) -> StoryDesk:
    def build(tx: Any) -> None:
        tools.permit_inside(tx, other.host, "agent/1")
        for one in declared(other):
            tools.keep(tx, one, {}, "agent/1")
        kept.draft(tx, "hold_parcel_here", HOLD, "agent/1", None)
        kept.publish(tx, "hold_parcel_here", HOLD, "agent/1")
        setup.change_brand(tx, bot_desk.brand, "Larkspur", setup.Look(bot_does=("hold_parcel_here",)))

    bot_desk.change(build)
    bot_desk.desk.setup_changed()
    return bot_desk


def heard(desk: StoryDesk) -> str:
    said = [r.event for r in desk.events(e.ReplyWritten) if r.event.purpose == "reply"]  # type: ignore[union-attr]
    words = desk.record.ask(log.words_of, [said[-1].message])
    return str(words[said[-1].message].text)


def code(desk: StoryDesk) -> str:
    codes = [r.event.message for r in desk.events(e.ReplyWritten) if r.event.purpose == "code"]  # type: ignore[union-attr]
    return proof.code_of(desk.desk.config.key, codes[-1])  # type: ignore[arg-type]


def depot(other: System, state: str = "moving", owner: str = "kim@example.org") -> System:
    """The company's own system: it knows one parcel, and holds it."""

    def answer(asked: Asked) -> Any:
        if not asked.path.startswith("/parcels/"):
            return other.does(200, id="H1", depot="Cork North <b>yard</b>")(asked)
        parcel = {"state": state, "due": "2026-03-02", "owner": {"mail": owner}}
        known = asked.path == "/parcels/77001"
        return says({"parcel": parcel} if known else {}, 200 if known else 404)(asked)

    return other.answers(answer)


def to_the_yes(desk: StoryDesk, day: str = "in 3 days") -> Any:
    kim = desk.visitor("kim").says("Hello, please hold my parcel")
    assert "Which number" in heard(desk)
    kim.says("77001")
    assert "which e-mail address" in heard(desk)
    kim.says("kim@example.org").says(code(desk))
    assert "Until which day" in heard(desk)
    return kim.says(day)


def cards(desk: StoryDesk) -> list[Any]:
    return [r.event for r in desk.events(e.HandoffAsked)]


# ── from the first word to the undo ─────────────────────────────────────────────────────────


def test_it_is_handled_by_the_bot_alone_and_taken_back(company: StoryDesk, other: System) -> None:
    depot(other)
    kim = to_the_yes(company)
    assert "I can have parcel 77001 held until" in heard(company)
    kim.says("yes please")
    assert "waits at Cork North byard/b" in heard(company), "what another system says is no HTML"
    assert "write “undo”" in heard(company)
    (held,) = [asked for asked in other.asked if asked.path == "/holds"]
    assert (held.json["customer"], held.json["number"]) == ("kim@example.org", 77001)
    assert held.key.startswith("parley/hold_parcel_here/")
    kim.says("undo")
    assert "goes on its way again" in heard(company)
    assert other.asked[-1].path == "/holds/H1/end"
    with company.record.reading() as conn:
        (row,) = conn.execute(requests.requests.select()).all()
    assert row.undone_at is not None
    assert cards(company) == []


def test_nothing_is_asked_of_another_system_before_they_have_shown_who_they_are(
    company: StoryDesk, other: System
) -> None:
    depot(other)
    company.visitor("kim").says("hold my parcel").says("77001").says("lee@example.org").says("123456").says("654321")
    assert other.asked == []
    assert company.events(e.ToolCalled) == []


def test_anothers_parcel_is_answered_like_none(company: StoryDesk, other: System) -> None:
    depot(other, owner="lee@example.org")
    kim = company.visitor("kim").says("hold my parcel").says("77001")
    kim.says("kim@example.org").says(code(company))
    assert heard(company) == "I find no such parcel under your address. Please check the number."


def test_a_policy_of_dates_says_no_and_a_person_is_advised(company: StoryDesk, other: System) -> None:
    depot(other)
    to_the_yes(company, "in 3 weeks")
    assert "A parcel is held for 7 days at most" in heard(company)
    (card,) = cards(company)
    assert "it is held for no longer than the limit" in card.reason
    assert "Ask the depot whether it has room until 23 March 2026" in card.suggestion
    assert any(line.startswith("Found: state moving") for line in card.known), card.known
    assert not [asked for asked in other.asked if asked.path == "/holds"]


@pytest.mark.parametrize("how", ["500", "slow", "shape", "gone"])
def test_a_system_that_is_down_hands_over_with_what_is_known(company: StoryDesk, other: System, how: str) -> None:
    hows = {"500": says({}, 500), "slow": slowly(3, says({})), "shape": says({"no": 1}), "gone": says(b"", 403)}
    other.answers(hows[how])
    kim = company.visitor("kim").says("hold my parcel").says("77001")
    kim.says("kim@example.org").says(code(company))
    assert "I cannot reach the system" in heard(company)
    (card,) = cards(company)
    assert "another system is down (Parcel tracker)" in card.reason
    assert "Parcel: 77001" in card.known
    assert any(line.startswith("Parcel tracker could not be asked") for line in card.tried)


def test_an_act_that_may_have_been_done_is_told_so_and_never_sent_anew(company: StoryDesk, other: System) -> None:
    depot(other)
    kim = to_the_yes(company)
    looked = other.script[0]
    other.answers(lambda asked: says({}, 500)(asked) if asked.path == "/holds" else looked(asked))
    kim.says("yes")
    assert "could not see whether that went through" in heard(company)
    (card,) = cards(company)
    assert "uncertain whether it was done" in card.reason
    assert "whether it was done before you do it" in card.suggestion
    assert len({asked.key for asked in other.asked if asked.path == "/holds"}) == 1
    with company.record.reading() as conn:
        assert conn.execute(requests.requests.select()).all() == []


def test_a_retried_act_is_done_once_over_there(company: StoryDesk, other: System) -> None:
    depot(other)
    kim = to_the_yes(company)
    usual, lost = other.script[0], iter([True])

    def loses_the_first(asked: Asked) -> Any:
        answer = usual(asked)
        return says({}, 502)(asked) if asked.path == "/holds" and next(lost, False) else answer

    other.answers(loses_the_first)
    kim.says("yes")
    assert "waits at" in heard(company)
    assert len([asked for asked in other.asked if asked.path == "/holds"]) == 2
    assert len(other.done) == 1
    (line,) = [one for one in company.record.ask(tool_calls.newest) if one.acts]
    assert (line.outcome, line.tries) == ("answered", 2)


def test_what_is_under_way_goes_on_with_the_version_it_began_with(company: StoryDesk, other: System) -> None:
    depot(other)
    kim = to_the_yes(company)
    newer = HOLD.replace("Shall I?", "Do you want that?").replace("waits at {done.depot}", "is kept")
    company.change(lambda tx: kept.publish(tx, "hold_parcel_here", newer, "agent/1"))
    kim.says("yes")
    assert "waits at Cork North" in heard(company)
    lee = company.visitor("lee").says("hold my parcel")
    steps = [r.event for r in company.events(e.ProcedureWentOn)]
    assert {step.version for step in steps[:-1]} == {1}  # type: ignore[union-attr]
    assert steps[-1].version == 2  # type: ignore[union-attr]
    company.change(lambda tx: kept.withdraw(tx, "hold_parcel_here", "agent/1"))
    lee.says("77002")
    assert "which e-mail address" in heard(company), "what is under way goes on after it was withdrawn"
    company.visitor("joe").says("hold my parcel")
    assert "Which number" not in heard(company)


def test_while_a_system_is_asked_a_message_waits_and_never_mind_leaves(company: StoryDesk, other: System) -> None:
    kim = company.visitor("kim").says("hold my parcel").says("77001").says("kim@example.org")
    kim.says(code(company), settle=False)
    story = company
    story.desk.intake.process()
    catch_up(story.record, story.desk.bot)
    assert len(story.events(e.ToolCalled)) == 1 and story.events(e.ToolAnswered) == []  # noqa: PT018
    kim.says("are you there?", settle=False)
    story.desk.intake.process()
    catch_up(story.record, story.desk.bot)
    assert "still waiting for the other system" in heard(company)
    kim.says("never mind", settle=False)
    story.desk.intake.process()
    catch_up(story.record, story.desk.bot)
    assert "everything stays as it is" in heard(company)
    depot(other)
    company.settle()
    assert "everything stays as it is" in heard(company), "an answer that comes late is for nobody"


def test_somebody_who_waits_for_a_slow_system_is_told_so_once(company: StoryDesk, other: System) -> None:
    depot(other)
    kim = company.visitor("kim").says("hold my parcel").says("77001").says("kim@example.org")
    kim.says(code(company), settle=False)
    company.desk.intake.process()
    catch_up(company.record, company.desk.bot)
    (asked,) = company.events(e.ToolCalled)
    assert isinstance(asked.event, e.ToolCalled)
    call = asked.event.call
    company.change(lambda tx: tool_calls.delay(tx, call, asked.subject_id))
    catch_up(company.record, company.desk.bot)
    assert "it takes longer than usual" in heard(company)
    company.settle()
    assert "Until which day" in heard(company)
    company.change(lambda tx: tool_calls.delay(tx, call, asked.subject_id))
    assert len(company.events(e.ToolDelayed)) == 1, "what was answered takes no longer"


def test_a_person_agrees_and_the_other_system_does_it(company: StoryDesk, other: System) -> None:
    depot(other)
    approving = HOLD.replace(
        "  - do: hold_parcel\n",
        "  - approve: for more than two days\n    only_if: days_until(until) > 2\n"
        "    tell: Hold parcel {parcel} until {until|date}.\n\n  - do: hold_parcel\n",
    )
    plan, wrong = written.check(approving, {one.name: one for one in declared(other)})
    assert (plan is not None, wrong) == (True, [])
    company.change(lambda tx: kept.publish(tx, "hold_parcel_here", approving, "agent/1"))
    kim = to_the_yes(company)
    kim.says("yes")
    assert "A colleague has to agree" in heard(company)
    company.later(hours=5)
    ana = company.agent("ana")
    inboxes = company.desk.inboxes()
    company.change(lambda tx: approvals.decide(tx, company.conversation.id, ana.viewer, True, inboxes))
    company.settle()
    assert "waits at Cork North" in heard(company)
    assert len(other.done) == 1
    assert len(company.record.ask(tool_calls.newest)) == 2


# ── conversations written in the file ───────────────────────────────────────────────────────

MORE_TALKS = """
  # One that has arrived is not held
  tool parcel_tracker {"parcel": {"state": "delivered", "due": "2026-02-27", "owner": {"mail": "kim@example.org"}}}
  known kim@example.org
  > hold my parcel
  > 77001
  < was delivered on Friday, 27 February
  = still with the bot

  # Another's is told to nobody
  tool parcel_tracker {"parcel": {"state": "moving", "owner": {"mail": "lee@example.org"}}}
  known kim@example.org
  > hold my parcel
  > 77001
  < no such parcel

  # The tracker is down
  tool parcel_tracker down
  known kim@example.org
  > hold my parcel
  > 77001
  = handed over: another system is down

  # Held and taken back
  tool parcel_tracker {"parcel": {"state": "moving", "owner": {"mail": "kim@example.org"}}}
  > hold my parcel
  > 77001
  > kim@example.org
  > {code}
  > 5 March
  = nothing made
  > yes
  = called hold_parcel 2026-03-05
  = made hold_parcel
  > undo
  = called free_parcel
  = nothing made

  # This one is written down wrongly
  known kim@example.org
  > hold my parcel
  < Good morning
"""


def test_conversations_in_the_file_are_held_without_asking_anybody(other: System) -> None:
    results = rehearse("hold_parcel_here", {}, Part(text=HOLD + MORE_TALKS, tools=tuple(declared(other))))
    assert [one.problem for one in results[:5]] == [""] * 5
    assert "the bot was to say “Good morning”" in results[5].problem
    assert other.asked == []


def test_a_brands_limits_hold_in_a_rehearsal(other: System) -> None:
    limits = {"hold_parcel_here.days": 2}
    results = rehearse("hold_parcel_here", limits, Part(text=HOLD + MORE_TALKS, tools=tuple(declared(other))))
    assert [one.right for one in results] == [True, True, True, True, False, False]


# ── what was said in private, and whatever else customers write ─────────────────────────────


STOCK = """\
procedure: look_for_stock
title: Look for stock
wish: asks what is there
skill: orders
begins:
  - what do you have in stock
steps:
  - use: stock
    call_it: found
    missing: Nothing is there.
  - say: "{found.pieces} are there."
"""


def test_a_replay_asks_no_other_system_and_goes_on_with_what_is_given_for_it(company: StoryDesk, other: System) -> None:
    def build(tx: Any) -> None:
        stock = Tool(
            name="stock", title="Stock", address=f"{other.url}/stock", personal=False, rehearsed='{"n": 12}',
            answer=(Picked(name="pieces", path="n", kind="number"),),
        )  # fmt: skip
        tools.keep(tx, stock, {}, "agent/1")
        kept.draft(tx, "look_for_stock", STOCK, "agent/1", None)
        kept.publish(tx, "look_for_stock", STOCK, "agent/1")
        look = setup.Look(bot_does=("hold_parcel_here", "look_for_stock"))
        setup.change_brand(tx, company.brand, "Larkspur", look)

    company.change(build)
    company.desk.setup_changed()
    other.answers(says({"n": 7}))
    company.visitor("lou").says("what do you have in stock?")
    assert heard(company) == "7 are there."
    depot(other)
    to_the_yes(company).says("yes please")
    asked, now = [one.path for one in other.asked], company.clock.now
    assert {"/stock", "/holds"} <= set(asked)
    who = Viewer(agent=1, role="lead", brands=None)
    number = company.change(lambda tx: candidates.make(tx, "Bolder", Change(promise=0.6), who))
    replay = company.desk.lab.begin(number, now - timedelta(days=1), now + timedelta(hours=1), True, who)
    company.desk.lab.wait(600)
    with company.record.reading() as conn:
        done = replays.summary(conn, candidates.replay(conn, replay, who), now)
        lines = {line.said: line for line in replays.shown(conn, replay, who, "").rows}
    assert (done.result.trouble, done.result.messages) == ("", 7)
    assert [one.path for one in other.asked] == asked
    stock, hold = lines["what do you have in stock?"], lines["Hello, please hold my parcel"]
    assert (stock.old.source, stock.new.source) == ("look_for_stock", "look_for_stock")
    assert stock.old.text == stock.new.text == "12 are there."
    assert hold.old.source == "hold_parcel_here"


def test_taking_a_message_back_takes_back_what_was_told_of_it(company: StoryDesk, other: System) -> None:
    depot(other)
    kim = company.visitor("kim").says("hold my parcel").says("77001").says("kim@example.org")
    company.visitor("kim").says(code(company), id="the code")
    called = company.events(e.ToolCalled)[-1].event
    answered = company.events(e.ToolAnswered)[-1].event
    assert isinstance(called, e.ToolCalled) and isinstance(answered, e.ToolAnswered)  # noqa: PT018
    both = [called.call, answered.answer or 0]
    assert all(words.text for words in company.record.ask(log.words_of, both).values())
    kim.says("", id="w", takes_back="the code")
    assert [words.text for words in company.record.ask(log.words_of, both).values() if words.text] == []


SAYINGS = st.lists(
    st.one_of(
        st.sampled_from(["hold my parcel", "77001", "kim@example.org", "{code}", "yes", "no", "tomorrow", "undo"]),
        st.sampled_from(["never mind", "in 9 weeks", "no, 77002", "I want a person", "where is my order?", "?", "{x}"]),
        st.text(min_size=1, max_size=30),
    ),
    min_size=3, max_size=8,
)  # fmt: skip


def test_whatever_customers_write_nothing_is_asked_for_strangers_and_nothing_breaks(
    company: StoryDesk, other: System
) -> None:
    """The whole desk: every message is answered, handed over or left, and the bot keeps up with the log."""
    depot(other)
    people = iter(range(1000))

    @given(SAYINGS)
    @settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def chat(sayings: list[str]) -> None:
        before = len(other.asked)
        kim = company.visitor(f"kim{next(people)}")
        proved = False
        for said in sayings:
            sent = [r for r in company.events(e.ReplyWritten) if r.event.purpose == "code"]  # type: ignore[union-attr]
            fresh = "{code}" in said and bool(sent)
            kim.says(said.replace("{code}", code(company)) if fresh else said)
            proved = proved or fresh
        assert proved or len(other.asked) == before

    chat()
    broken = [r.event for r in company.events(e.ProcedureWentOn) if "Traceback" in r.event.outcome]  # type: ignore[union-attr]
    assert broken == []
