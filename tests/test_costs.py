"""What a contact costs: work as logged, times what Settings say; the same in page, table and API."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from harness.desk import START, StoryDesk
from harness.waiting import eventually
from harness.web import WebDesk, served
from parley.core import events as e
from parley.core.errors import Refused
from parley.core.handling import CALLS, LONGEST, Work, take, worker
from parley.core.measure import SECOND, micros
from parley.services import costs, figures, people
from parley.services.costs import Costs
from parley.services.figures import Number
from parley.services.inbox import SYSTEM
from parley.services.numbers import Choice
from parley.services.work import work


def cost(desk: StoryDesk, **choice: Any) -> Number:
    report = desk.record.ask(figures.report, SYSTEM, Choice(**choice), desk.clock.now)
    return report.number("cost")


def worked(desk: StoryDesk) -> dict[int, int]:
    """Seconds of all agents, by conversation."""
    found: dict[int, int] = {}
    for number, _, seconds, *_ in desk.rows(work):
        found[number] = found.get(number, 0) + seconds
    return found


def said(desk: StoryDesk, known: Costs) -> None:
    desk.change(lambda tx: costs.keep(tx, known))


def test_an_act_counts_the_time_since_the_one_before_wherever_that_was(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Where is it?")
    kims = desk.conversations()[0].id
    desk.visitor("lee").says("And mine?")
    lees = next(one.id for one in desk.conversations() if one.id != kims)
    ana, ben = desk.agent("ana"), desk.agent("ben")
    ana.replies("On its way", conversation=kims)  # nobody knows since when: the most that an act counts
    desk.later(minutes=3)
    ana.replies("Yours too", conversation=lees)
    desk.later(minutes=2)
    ana.notes("Both by the same carrier", conversation=lees)
    ben.replies("Good morning", conversation=lees)
    desk.later(hours=2)
    ana.closes(conversation=kims)
    assert worked(desk) == {kims: 2 * LONGEST, lees: 180 + 120 + LONGEST}


def test_a_contact_costs_what_was_said(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Where is it?")
    desk.agent("ana").replies("On its way")
    desk.customer("lee@example.org").mails("Hello", "Is anybody there?")
    assert (cost(desk).n, cost(desk).value) == (0, None), "nobody said what an hour costs"
    channel = next(one.channel for one in desk.conversations() if worked(desk).get(one.id))
    said(desk, Costs(currency="EUR", hour=30, messages={channel: 0.5}))
    found = cost(desk)
    assert found.n == 2
    assert found.value == pytest.approx((30 * LONGEST / 3600 + 0.5) / 2)
    assert found.low is not None
    assert cost(desk, channel=channel).value == pytest.approx(5.5)
    dearest = desk.record.ask(figures.cases, SYSTEM, Choice(), "cost", desk.clock.now)
    assert [one.value for one in dearest] == [pytest.approx(5.5), 0.0]
    groups = desk.record.ask(figures.report, SYSTEM, Choice(), desk.clock.now).channels
    by = {one.key: next(number.value for number in one.numbers if number.key == "cost") for one in groups}
    assert by[channel] == pytest.approx(5.5)


def test_a_teams_hour_may_cost_something_else(desk: StoryDesk) -> None:
    from parley.services import setup

    desk.visitor("kim").says("Where is it?")
    desk.agent("ana", skills=("returns",)).replies("On its way")
    teams = [{"name": "Returns", "skills": ["returns"]}, {"name": "Second", "skills": ["returns"]}]
    desk.change(lambda tx: setup.set_setting(tx, "teams", teams))
    said(desk, Costs(hour=30, team_hours={"Second": 90, "Returns": 60}))
    assert cost(desk).value == pytest.approx(60 * LONGEST / 3600)


def test_what_the_bot_answers_costs_its_own(bot_desk: StoryDesk) -> None:
    bot_desk.visitor("kim").says("hello")
    answers = len(bot_desk.events(e.ReplyWritten))
    assert answers
    said(bot_desk, Costs(hour=30, answer=0.25))
    assert cost(bot_desk).value == pytest.approx(0.25 * answers)


@pytest.mark.parametrize("amount", [-1.0, 1e9, float("nan"), float("inf")])
def test_an_impossible_cost_is_refused(desk: StoryDesk, amount: float) -> None:
    with pytest.raises(Refused):
        said(desk, Costs(hour=amount))
    assert desk.record.ask(costs.costs) == Costs()


def test_a_call_counts_from_its_answer_to_its_end() -> None:
    def happened(event: e.AnyEvent, minutes: float) -> e.Recorded:
        return e.Recorded(1, "conversation/1", 1, START + timedelta(minutes=minutes), "inbox/1", event)

    answered = happened(e.CallAnswered(message=1, answered=START + timedelta(minutes=1)), 1)
    ended = happened(e.CallEnded(message=1, ended=START + timedelta(minutes=25)), 25)
    call = Work(1, CALLS)
    assert worker(answered) == worker(ended) == CALLS
    assert take(call, ended, None) is None
    assert call.seconds == 0, "nobody answered"
    take(call, answered, None)
    take(call, ended, None)
    assert (call.seconds, call.on_call) == (24 * 60, None)


def test_history_out_of_order_takes_nothing_away() -> None:
    note = e.Recorded(1, "conversation/1", 1, START, "agent/7", e.NoteWritten(message=1))
    one, later = Work(1, 7), micros(START) + 60 * SECOND
    assert take(one, note, later) == later
    assert one.seconds == 0


def test_when_two_turn_out_to_be_one_they_came_again(desk: StoryDesk) -> None:
    """Merging changes whose a conversation is, also in the figures; undoing it does too."""
    desk.customer("kim@example.org").mails("Where is it?", "Hello?")
    desk.later(days=1)
    desk.customer("kim@work.example").mails("Still nothing", "Hello?")
    desk.later(days=8)
    first, second = (one.person for one in sorted(desk.conversations(), key=lambda one: one.id))

    def no_repeat() -> float | None:
        desk.settle()
        report = desk.record.ask(figures.report, SYSTEM, Choice(), desk.clock.now)
        return report.number("no_repeat").value

    assert no_repeat() == 1
    desk.change(lambda tx: people.merge(tx, first, second, "the same", "agent/1"))
    assert no_repeat() == 0.5
    desk.change(lambda tx: people.unmerge(tx, first, second, "agent/1"))
    assert no_repeat() == 1


# ── in the browser ──────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDesk]:
    with served(tmp_path_factory.mktemp("costs")) as web:
        web.story.visitor("kim").says("Where is it?", settle=False)
        eventually(lambda: len(web.story.conversations()) == 1)
        web.story.agent("ana").replies("On its way", settle=False, conversation=web.story.conversations()[0].id)
        yield web


def test_costs_are_said_in_settings_and_told_alike_everywhere(web: WebDesk) -> None:
    boss = web.signed_in("boss", "admin")
    sent = {"currency": "EUR", "hour": "28,50", "answer": ""}
    assert boss.post("/desk/settings/costs", data=sent).status_code == 303
    assert 'value="28.5"' in boss.get("/desk/settings/costs").text
    refused = boss.post("/desk/settings/costs", data={"hour": "much"})
    assert refused.status_code == 422 or "no amount" in refused.text

    def told() -> dict[str, Any]:
        numbers = boss.get("/api/v1/numbers").json()["report"]["numbers"]
        return next(one for one in numbers if one["key"] == "cost")

    eventually(lambda: (told()["value"] or 0) > 0)
    assert told()["value"] == pytest.approx(28.5 * LONGEST / 3600)
    rows = csv.DictReader(io.StringIO(boss.get("/desk/numbers.csv").text))
    line = next(row for row in rows if row["figure"] == "cost" and row["scope"] == "all")
    assert (float(line["value"]), line["unit"]) == (told()["value"], "EUR")
    page = boss.get("/desk/numbers").text
    assert "4.75 EUR" in page
    assert "Cost per contact" in page
