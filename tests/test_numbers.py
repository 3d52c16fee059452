"""The numbers: exact figures of told stories, and properties of the facts behind them. On both engines."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.desk import START, StoryDesk
from parley.core import events as e
from parley.core.channel import Outbound
from parley.core.errors import NotAllowed, NotFound
from parley.core.measure import DEFINITIONS, Measured, contained, human_clock, micros, resolution_clock, take
from parley.services import figures, knowledge, surveys
from parley.services.figures import Number, Report
from parley.services.inbox import SYSTEM, Viewer
from parley.services.numbers import Choice, NumbersReader, measured, ratings

LEAD = Viewer(agent=999, role="lead", brands=None)


def report(desk: StoryDesk, who: Viewer = SYSTEM, **choice: Any) -> Report:
    desk.settle()
    return desk.record.ask(figures.report, who, Choice(**choice), desk.clock.now)


def number(desk: StoryDesk, key: str, **choice: Any) -> Number:
    return report(desk, **choice).number(key)


def asked_rating(desk: StoryDesk) -> Outbound:
    return next(sent for sent in reversed(desk.outbox) if sent.purpose == "survey")


# ── stories ─────────────────────────────────────────────────────────────────────────────────


def test_first_answers_by_people(desk: StoryDesk) -> None:
    ana = desk.agent("ana")
    for minutes in (2, 4, 6):
        desk.visitor(f"kim{minutes}").says("Do you ship to Malta?")
        desk.later(minutes=minutes)
        ana.replies("We do.")
    found = number(desk, "human_median")
    assert found.value == pytest.approx(240, abs=1)
    assert (found.n, found.running, found.left_out) == (3, 0, 0)
    assert (found.low, found.high) == (None, None), "three cases bound nothing at 95 %"
    assert number(desk, "human_p90").value == pytest.approx(120 + 0.9 * 240, abs=1)
    assert number(desk, "volume").value == 3


def test_who_still_waits_is_counted_as_waiting(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello?")
    desk.later(minutes=1)
    desk.agent("ana").replies("Hello")
    desk.visitor("lee").says("Anybody there?")
    desk.visitor("max").says("Me too")
    desk.later(hours=5)
    found = number(desk, "human_median")
    assert (found.n, found.running) == (3, 2)
    assert found.value is None, "two of three have no answer yet, so half have not got one"


def test_resolution_runs_on_after_a_reopening(desk: StoryDesk) -> None:
    kim, ana = desk.visitor("kim").says("Broken mug"), desk.agent("ana")
    desk.later(hours=1)
    ana.closes()
    assert number(desk, "resolution_median").value == pytest.approx(3600, abs=1)
    kim.says("The new one is broken too")
    assert number(desk, "resolution_median").running == 1
    assert number(desk, "reopened").value == 1
    desk.later(hours=2)
    ana.closes()
    found = number(desk, "resolution_median")
    assert found.value == pytest.approx(3 * 3600, abs=1)
    assert found.running == 0
    row = desk.record.ask(lambda conn: conn.execute(measured.select()).one())
    assert (row.closes, row.reopens, row.received, row.human_replies) == (2, 1, 2, 0)


def test_closed_without_an_answer_is_left_out_and_said(desk: StoryDesk) -> None:
    desk.visitor("spam").says("Buy my lamps")
    desk.agent("ana").closes()
    found = number(desk, "human_median")
    assert (found.n, found.left_out, found.value) == (0, 1, None)


def test_satisfaction_with_wilson(desk: StoryDesk) -> None:
    for place, score in enumerate((5, 4, 2, None)):
        desk.visitor(f"kim{place}").says("Thanks")
        desk.agent("ana").closes()
        desk.later(hours=1)
        if score:
            rate(desk, score)
    csat, rate_ = number(desk, "csat"), number(desk, "response_rate")
    assert (csat.hits, csat.n) == (2, 3)
    assert csat.low == pytest.approx(0.2077, abs=5e-5)
    assert csat.high == pytest.approx(0.9385, abs=5e-5)
    assert (rate_.hits, rate_.n) == (3, 4)
    assert [g.key for g in report(desk).channels] == ["console"]


def rate(desk: StoryDesk, score: int) -> None:
    newest = desk.conversations()[0]
    survey = desk.record.ask(surveys.of_conversation, newest.id)
    desk.change(lambda tx: surveys.rate(tx, survey.id, score, "console", f"person/{newest.person}"))
    desk.settle()


def test_changing_ones_mind_counts_once(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Thanks")
    desk.agent("ana").closes()
    desk.later(hours=1)
    rate(desk, 1)
    rate(desk, 5)
    assert (number(desk, "csat").hits, number(desk, "csat").n) == (1, 1)


def test_what_no_customer_wrote_does_not_count(desk: StoryDesk) -> None:
    desk.visitor("kim").sends_rubbish()
    desk.customer("robot@example.com").mails(
        "Out of office", "Back on Monday", headers=[("Auto-Submitted", "auto-replied")]
    )
    assert number(desk, "volume").value == 0
    desk.customer("kim@example.com").mails("Hello", "Is the shop open?")
    assert number(desk, "volume").value == 1


def test_days_hours_and_the_period_before(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Monday at nine")
    desk.later(days=7, hours=5)
    for name in ("lee", "max"):
        desk.visitor(name).says("Monday at two")
    found = report(desk, days=7)
    assert found.number("volume").value == 2
    assert (found.number("volume").before, found.number("volume").change.clear) == (1, False)
    assert [day.volume for day in found.days] == [0, 0, 0, 0, 0, 0, 2]
    assert [day.before for day in found.days] == [0, 0, 0, 0, 0, 0, 1]
    assert found.heat[0][14] == 2
    assert sum(map(sum, found.heat)) == 2
    assert found.period.start == datetime(2026, 3, 3, tzinfo=UTC)
    assert report(desk, days=28).number("volume").value == 3


def test_channels_and_brands_apart(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hi")
    desk.customer("lee@example.com").mails("Hello", "Is the shop open?")
    assert number(desk, "volume", channel="email").value == 1
    assert number(desk, "volume", brand=desk.brand).value == 2
    assert number(desk, "volume", brand=desk.brand + 1).value == 0
    assert {group.key: group.numbers[0].n for group in report(desk).channels} == {"console": 1, "email": 1}


def test_nobody_counts_what_they_may_not_see(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hi")
    elsewhere = Viewer(agent=1, role="lead", brands=(999,))
    assert report(desk, elsewhere).number("volume").value == 0
    assert desk.record.ask(figures.cases, elsewhere, Choice(), "volume", desk.clock.now) == []
    assert report(desk, Viewer(agent=1, role="agent", brands=(desk.brand,))).number("volume").value == 1


def test_one_agents_figures_are_for_leads_and_withheld_when_few(desk: StoryDesk) -> None:
    ana = desk.agent("ana")
    desk.visitor("kim").says("Hi")
    ana.replies("Hello")
    with pytest.raises(NotAllowed):
        report(desk, Viewer(agent=ana.number + 1, role="agent", brands=None), agent=ana.number)
    seen = report(desk, LEAD, agent=ana.number).number("human_median")
    assert (seen.few, seen.value, seen.n) == (True, None, 1)
    assert desk.record.ask(figures.cases, LEAD, Choice(agent=ana.number), "human_median", desk.clock.now) == []
    assert report(desk, ana.viewer, agent=ana.number).number("human_median").value is not None


def test_every_figure_opens_its_conversations(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hi")
    desk.later(minutes=10)
    desk.agent("ana").replies("Hello")
    desk.visitor("lee").says("And me?")
    desk.later(minutes=30)
    found = report(desk)
    for key in DEFINITIONS:
        shown = desk.record.ask(figures.cases, SYSTEM, Choice(), key, desk.clock.now)
        assert len(shown) == found.number(key).n, key
    slowest = desk.record.ask(figures.cases, SYSTEM, Choice(), "human_median", desk.clock.now)
    assert [case.running for case in slowest] == [True, False]
    with pytest.raises(NotFound):
        desk.record.ask(figures.cases, SYSTEM, Choice(), "luck", desk.clock.now)


def test_the_bot_keeps_some_and_hands_over_others(bot_desk: StoryDesk) -> None:
    article = ("Opening hours", "The shop is open from nine to six, Monday to Saturday.", "test")
    bot_desk.change(lambda tx: knowledge.write(tx, *article, wordings=("When are you open?", "Opening times?")))
    bot_desk.visitor("kim").says("I want to talk to a person")
    assert bot_desk.events(e.HandoffAsked)
    found = report(bot_desk)
    assert (found.number("contained").hits, found.number("contained").n) == (0, 1)
    assert found.number("bot_median").n == 1
    assert found.number("human_median").running == 1


# ── properties ──────────────────────────────────────────────────────────────────────────────


def test_a_batch_of_one_and_a_batch_of_all_give_the_same_rows(desk: StoryDesk) -> None:
    kim, ana = desk.visitor("kim").says("Hi"), desk.agent("ana")
    ana.replies("Hello")
    ana.closes()
    desk.later(hours=1)
    rate(desk, 4)
    kim.says("One more thing")
    desk.customer("lee@example.com").mails("Hello", "Is the shop open?")
    desk.settle()
    lived = desk.rows(measured), desk.rows(ratings)
    for size in (1, 3, 1000):
        replay(desk, size)
        assert (desk.rows(measured), desk.rows(ratings)) == lived


def replay(desk: StoryDesk, size: int) -> None:
    reader, events = NumbersReader(), [r for r in desk.events() if type(r.event) in NumbersReader.kinds]

    def again(tx: Any) -> None:
        for table in reader.tables:
            tx.conn.execute(table.delete())
        for start in range(0, len(events), size):
            reader.apply(tx, events[start : start + size])

    desk.record.do(again)


KINDS = st.sampled_from(["customer", "machine", "human", "bot", "close", "idle", "reopen", "hand", "assign"])


def _event(kind: str) -> tuple[e.Event, str]:
    said = {"message": 1, "person": 1, "identity": 1, "inbox": 1, "channel": "console"}
    return {
        "customer": (e.MessageReceived(**said), "person/1"),
        "machine": (e.MessageReceived(**said, automatic="list"), "person/1"),
        "human": (e.ReplyWritten(**said), "agent/7"),
        "bot": (e.ReplyWritten(**said, automatic=True), "bot/helper"),
        "close": (e.Closed(), "agent/7"),
        "idle": (e.Closed(resolved=False), "bot/helper"),
        "reopen": (e.Reopened(reason="agent"), "agent/7"),
        "hand": (e.HandoffAsked(reason="asked"), "bot/helper"),
        "assign": (e.Assigned(agent=7), "agent/7"),
    }[kind]  # type: ignore[return-value]


def told(kinds: list[str], with_bot: bool) -> Measured:
    opened = e.ConversationOpened(person=1, inbox=1, brand=1, channel="console", with_bot=with_bot)
    talk = Measured(1)
    facts = [(opened, "person/1"), *map(_event, kinds)]
    for place, (fact, by) in enumerate(facts):
        take(talk, e.Recorded(place + 1, "conversation/1", place + 1, START + timedelta(minutes=place), by, fact))
    return talk


@given(st.lists(KINDS, max_size=14), st.booleans())
@settings(max_examples=300)
def test_whatever_happens_the_figures_hang_together(kinds: list[str], with_bot: bool) -> None:
    talk, now = told(kinds, with_bot), micros(START + timedelta(hours=9))
    for clock in (human_clock, resolution_clock):
        reading = clock(talk, now)
        assert reading is None or 0 <= reading.seconds <= 9 * 3600
        assert reading is None or talk.began_at is not None
    if contained(talk):
        assert talk.with_bot
        assert not talk.human_replies
        assert "hand" not in kinds
    assert talk.closes == kinds.count("close") + kinds.count("idle")
    assert talk.received == kinds.count("customer")
    assert (talk.closed_at is None) or talk.closes
    if human_clock(talk, now) and talk.human_at is None:
        assert talk.closed_at is None, "only open conversations wait"


def test_every_figure_is_defined(desk: StoryDesk) -> None:
    nothing = report(desk).numbers
    assert [n.key for n in nothing] == list(DEFINITIONS)
    assert all(n.value in (None, 0) for n in nothing)


# ── promises of old conversations ───────────────────────────────────────────────────────────


def test_a_promise_counts_when_it_was_made_however_old_its_conversation(desk: StoryDesk) -> None:
    """The conversation began before both periods: it is looked up for its channel, brand and agent."""
    kim, ana = desk.visitor("kim").says("Hello"), desk.agent("ana")
    ana.replies("Hi")
    desk.later(days=70)
    kim.says("Still there?")
    number = desk.conversations()[0]
    made = promises_of(desk)
    assert made, "the usual promises hold for a second question too"
    her = Viewer(role="agent", agent=ana.number, brands=None)
    for choice in ({}, {"channel": number.channel}, {"brand": number.brand}, {"agent": ana.number}):
        assert promises_of(desk, her, **choice) == made
    assert promises_of(desk, channel="none") == promises_of(desk, brand=number.brand + 1) == 0
    assert report(desk).number("volume").n == 0
    assert [group.key for group in report(desk).channels] == [number.channel]
    elsewhere = Viewer(role="lead", agent=1, brands=(999,))
    assert promises_of(desk, elsewhere) == 0


def promises_of(desk: StoryDesk, who: Viewer = SYSTEM, **choice: Any) -> int:
    """How many were made, of any kind."""
    kept = (report(desk, who, **choice).number(key) for key in figures.PROMISED)
    return sum(one.n + one.running + one.left_out for one in kept)


# ── first contact and what lies ─────────────────────────────────────────────────────────────


def test_who_comes_again_was_not_helped_whatever_the_channel(desk: StoryDesk) -> None:
    ana = desk.agent("ana")
    desk.customer("kim@example.org").mails("Where is it?", "Hello?")
    ana.closes(conversation=desk.conversations()[-1].id)
    desk.visitor("lee").says("Do you ship to Malta?")
    desk.later(days=2)
    desk.customer("kim@example.org").mails("Again", "Still nothing")
    assert number(desk, "no_repeat").n == 0, "nothing is seven days old"
    desk.later(days=6)
    found = number(desk, "no_repeat")
    assert (found.hits, found.n, found.left_out) == (1, 2, 1)
    assert number(desk, "no_repeat", channel="console").value == 1
    assert number(desk, "no_repeat", channel="email").value == 0
    desk.later(days=3)
    assert (number(desk, "no_repeat").hits, number(desk, "no_repeat").n) == (2, 3)


def test_solved_with_one_answer(desk: StoryDesk) -> None:
    ana = desk.agent("ana")
    for name, answers in (("kim", 1), ("lee", 2), ("max", 1)):
        desk.visitor(name).says("Do you ship to Malta?")
        here = max(state.id for state in desk.conversations())
        for _ in range(answers):
            ana.replies("We do.", conversation=here)
        if name != "max":
            ana.closes(conversation=here)
    found = number(desk, "one_touch")
    assert (found.hits, found.n, found.left_out) == (1, 2, 1)


def test_what_is_open_and_how_old_it_is(desk: StoryDesk) -> None:
    ana = desk.agent("ana")
    for name in ("kim", "lee", "max"):
        desk.visitor(name).says("Hello?")
        desk.later(hours=10)
    ana.closes(conversation=desk.conversations()[-1].id)
    found = report(desk)
    closed = len(desk.conversations()) - found.number("open").n
    assert closed == 1
    ages = sorted(
        (desk.clock.now - talk.opened_at).total_seconds() for talk in desk.conversations() if talk.status != "closed"
    )
    assert found.number("open_age_median").value == pytest.approx(sum(ages) / 2, abs=2)
    assert found.number("open_age_p90").value == pytest.approx(ages[0] + 0.9 * (ages[1] - ages[0]), abs=2)
    desk.later(days=60)
    assert number(desk, "volume").value == 0
    assert number(desk, "open").n == 2, "whenever they began"
    assert number(desk, "open", channel="email").n == 0
    cases = desk.record.ask(figures.cases, SYSTEM, Choice(), "open", desk.clock.now)
    assert [case.running for case in cases] == [True, True]


def test_the_curve_of_resolution_counts_what_is_open(desk: StoryDesk) -> None:
    ana = desk.agent("ana")
    for name in ("kim", "lee"):
        desk.visitor(name).says("Hello?")
    desk.later(hours=1)
    ana.closes(conversation=desk.conversations()[0].id)
    curve = report(desk).resolution
    assert (curve.n, curve.running) == (2, 1)
    assert curve.points[-1][1] == pytest.approx(0.5)


# ── what must not matter ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_the_servers_time_zone_changes_no_figure(desk: StoryDesk, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ana = desk.agent("ana")
    for hours in (1, 9, 14):
        desk.visitor(f"kim{hours}").says("Do you ship to Malta?")
        desk.later(hours=hours)
        ana.replies("We do.", conversation=max(state.id for state in desk.conversations()))
    desk.settle()
    asked = (figures.report, SYSTEM, Choice(), desk.clock.now)
    here = desk.record.ask(*asked)
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert desk.record.ask(*asked) == here
        desk.rebuilds()
        assert desk.record.ask(*asked) == here
    finally:
        monkeypatch.undo()
        time.tzset()
