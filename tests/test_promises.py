"""Promises: clocks with known answers, told once whatever happens, the same after a replay."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect, sync_playwright
from sqlalchemy import select

from harness.axe import violations
from harness.desk import START, StoryDesk
from harness.web import WebDesk, served
from parley.core import events as e
from parley.core.agreement import USUAL, Agreement, Holiday, Hours, Policy, due_at
from parley.core.errors import NotAllowed, Refused
from parley.core.opening import Period, always, open_time
from parley.core.promises import Owed, evolve, tell
from parley.services import figures, inbox, promises, setup
from parley.services.inbox import SYSTEM, Viewer
from parley.services.numbers import Choice
from parley.services.promised import Due, dues, owed
from parley.services.promises import Promised

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DAY = (Period(time(9), time(17)),)
OFFICE = Hours(zone="Europe/Berlin", week=(*((DAY,) * 5), (), ()), holidays=(Holiday(day=date(2026, 3, 6)),))
EVERYBODY = Policy(key="all", name="All", first=60, next=30, resolution=480)


def agree(desk: StoryDesk, *policies: Policy, hours: Sequence[Hours] = (), who: Viewer = SYSTEM) -> None:
    desk.change(lambda tx: promises.agree(tx, who, Agreement(hours=tuple(hours), policies=policies)))


def made(desk: StoryDesk, kind: str = "", number: int | None = None) -> list[Promised]:
    number = number or desk.conversation.id
    found = desk.record.ask(promises.of_conversation, number, desk.clock.now)
    return [one for one in found if kind in ("", one.kind)]


def due(desk: StoryDesk, number: int | None = None) -> Due | None:
    number = number or desk.conversation.id
    return desk.record.ask(dues, [number]).get(number)


def told(desk: StoryDesk) -> list[tuple[str, str]]:
    return [
        (type(r.event).__name__, r.event.promise)  # type: ignore[union-attr]
        for r in desk.events(e.PromiseNear, e.PromiseBroken)
    ]


def roughly(a: datetime | None, b: datetime) -> bool:
    """The story's clock goes on a little with each look."""
    return a is not None and abs(a - b) < 10 * timedelta(seconds=1)


# ── when something is due ───────────────────────────────────────────────────────────────────


def test_a_promise_in_opening_hours_knows_weekends_holidays_and_summer_time() -> None:
    calendar = OFFICE.calendar()
    thursday = datetime(2026, 3, 5, 15, 30, tzinfo=UTC)  # 16:30 in Berlin; Friday is a holiday
    assert due_at(calendar, thursday, 3600, True) == datetime(2026, 3, 9, 8, 30, tzinfo=UTC)  # Monday 9:30
    before_the_change = datetime(2026, 3, 27, 15, 45, tzinfo=UTC)  # Friday 16:45, winter time
    assert due_at(calendar, before_the_change, 1800, True) == datetime(2026, 3, 30, 7, 15, tzinfo=UTC)  # 9:15, summer
    assert due_at(calendar, before_the_change, 1800, False) == before_the_change + timedelta(minutes=30)


def test_a_calendar_that_is_never_open_counts_around_the_clock() -> None:
    assert due_at(Hours(week=((),) * 7).calendar(), START, 3600, True) == START + HOUR


def test_the_first_policy_that_fits_is_the_promise() -> None:
    urgent = Policy(key="urgent", name="Urgent", tag="urgent", first=10)
    chat = Policy(key="chat", name="Chat", channel="webchat", first=20)
    here = Policy(key="here", name="Here", brand=2, inbox=7, first=30)
    agreed = Agreement(policies=(urgent, chat, here))
    assert agreed.policy(1, 1, "webchat", ("urgent",)) == urgent
    assert agreed.policy(1, 1, "webchat", ()) == chat
    assert agreed.policy(2, 7, "email", ("other",)) == here
    assert agreed.policy(2, 8, "email", ()) is None
    assert Agreement().policy(1, 1, "email", ()) == USUAL


def test_a_brand_keeps_its_own_hours() -> None:
    own = Hours(brand=2, zone="America/New_York", week=(DAY,) * 7)
    agreed = Agreement(hours=(OFFICE, own))
    assert agreed.calendar(2).zone == "America/New_York"
    assert agreed.calendar(1).zone == "Europe/Berlin"
    assert Agreement().calendar(1) == always()


# ── stories ─────────────────────────────────────────────────────────────────────────────────


def test_first_then_next_answer(desk: StoryDesk) -> None:
    agree(desk, EVERYBODY)
    kim, ana = desk.visitor("kim"), desk.agent("ana")
    kim.says("Where is my parcel?")
    began = desk.conversation.waiting_since
    assert began is not None
    found = due(desk)
    assert found is not None
    assert (found.kind, found.due, found.policy) == ("first", began + HOUR, "all")
    assert found.near == began + 45 * MINUTE
    desk.later(minutes=20)
    kim.says("Hello?")
    assert due(desk) == found, "writing again buys no time"
    ana.replies("On its way.")
    assert [one.state for one in made(desk, "first")] == ["met"]
    assert due(desk) is None
    desk.later(minutes=5)
    kim.says("Thank you. When?")
    found = due(desk)
    assert found is not None
    assert found.kind == "next"
    assert roughly(found.due, desk.clock.now + 30 * MINUTE)
    ana.replies("Tomorrow.")
    kim.says("Fine.")
    ana.closes()
    assert [(one.number, one.state) for one in made(desk, "next")] == [(1, "met"), (2, "void")]
    assert [one.state for one in made(desk, "resolution")] == ["met"]
    desk.rebuilds()


def test_the_resolution_clock_stands_still_while_the_customer_has_to_answer(desk: StoryDesk) -> None:
    agree(desk, Policy(key="all", name="All", resolution=120))
    kim, ana = desk.visitor("kim"), desk.agent("ana")
    kim.says("It is broken.")
    desk.later(minutes=30)
    ana.replies("What does the lamp say?")
    assert [one.state for one in made(desk)] == ["paused"]
    desk.later(hours=50)
    assert told(desk) == []
    kim.says("Red.")
    (one,) = made(desk)
    assert one.state == "open"
    assert roughly(one.due, desk.clock.now + 90 * MINUTE)
    desk.later(minutes=55)
    ana.replies("Press it for ten seconds.")
    ana.closes()
    assert [one.state for one in made(desk)] == ["met"]
    desk.later(hours=3)
    kim.says("Red again.")
    (one,) = made(desk)
    assert roughly(one.due, desk.clock.now + 35 * MINUTE), "a matter that comes back has what was left"
    desk.later(minutes=30)
    desk.later(minutes=6)
    assert told(desk) == [("PromiseNear", "resolution"), ("PromiseBroken", "resolution")]
    ana.replies("We send a new one.")
    ana.closes()
    assert [one.state for one in made(desk)] == ["broken"]
    desk.rebuilds()


def test_a_breach_is_told_once_and_outlives_a_restart(tmp_path: Path) -> None:
    with closing(StoryDesk(tmp_path)) as desk:
        agree(desk, Policy(key="all", name="All", first=60))
        desk.visitor("kim").says("Where is my parcel?")
        desk.later(minutes=46)
        assert told(desk) == [("PromiseNear", "first")]
        desk.later(minutes=5)
        assert told(desk) == [("PromiseNear", "first")]
        number, now = desk.conversation.id, desk.clock.now
    from parley.app import Desk

    again = Desk(desk.desk.config, clock=lambda: now + HOUR, channels=desk.desk.channels)
    with closing(again.record):
        assert again.clockwork.fire_due() == 1
        assert again.clockwork.fire_due() == 0
        kinds = [type(r.event) for r in again.record.ask(inbox.history, number)]
        assert kinds.count(e.PromiseNear) == kinds.count(e.PromiseBroken) == 1


def test_what_was_missed_while_nobody_ran_is_told_as_broken_only(desk: StoryDesk) -> None:
    agree(desk, Policy(key="all", name="All", first=60))
    desk.visitor("kim").says("Where is my parcel?")
    desk.later(days=3)
    assert told(desk) == [("PromiseBroken", "first")]


def test_a_tag_brings_another_promise_from_the_same_start(desk: StoryDesk) -> None:
    agree(desk, Policy(key="urgent", name="Urgent", tag="urgent", first=10, resolution=60), EVERYBODY)
    ana = desk.agent("ana")
    desk.visitor("kim").says("My house is flooded.")
    began = desk.conversation.waiting_since
    assert began is not None
    ana.tags("urgent")
    found = due(desk)
    assert found is not None
    assert (found.due, found.policy) == (began + 10 * MINUTE, "urgent")
    assert [(one.kind, one.minutes) for one in made(desk)] == [("first", 10), ("resolution", 60)]
    desk.change(lambda tx: tx.append(e.conversation(desk.conversation.id), [e.Untagged(tag="urgent")], "agent/1"))
    found = due(desk)
    assert found is not None
    assert found.due == began + HOUR
    desk.rebuilds()


def test_a_policy_changed_later_leaves_what_runs_as_it_was(desk: StoryDesk) -> None:
    agree(desk, EVERYBODY)
    desk.visitor("kim").says("Hello")
    before = due(desk)
    agree(desk, Policy(key="all", name="All", first=5))
    assert due(desk) == before
    desk.visitor("lee").says("Hello")
    newest = desk.conversations()[0].id
    found = due(desk, newest)
    assert found is not None
    assert roughly(found.due, desk.clock.now + 5 * MINUTE)
    desk.rebuilds()


def test_nothing_is_owed_to_who_is_with_the_bot(tmp_path: Path) -> None:
    with closing(StoryDesk(tmp_path, with_bot=True)) as desk:
        agree(desk, EVERYBODY)
        desk.visitor("kim").says("I want to talk to a person")
        handed = [r for r in desk.events(e.HandoffAsked)]
        assert handed, "the bot passes on who asks for a person"
        found = due(desk)
        assert found is not None
        assert found.kind == "first"
        assert found.due == desk.conversation.waiting_since + HOUR  # type: ignore[operator]


def test_taking_a_reply_or_a_closing_back_lets_the_clock_run_on(desk: StoryDesk) -> None:
    agree(desk, EVERYBODY)
    desk.visitor("kim").says("Hello")
    first = due(desk)
    desk.agent("ana").closes()
    assert [one.state for one in made(desk, "first")] == ["void"]
    who = desk.agent("ana").viewer
    from parley.services import replies

    number = desk.conversation.id
    desk.change(lambda tx: replies.reopen(tx, number, who))
    again = due(desk)
    assert again is not None
    assert first is not None
    assert (again.kind, again.due) == (first.kind, first.due)


def test_closing_without_an_answer_hides_no_breach(desk: StoryDesk) -> None:
    agree(desk, EVERYBODY)
    desk.visitor("kim").says("Hello")
    desk.later(minutes=61)
    desk.agent("ana").closes()
    assert [one.state for one in made(desk, "first")] == ["broken"]


# ── the inbox ───────────────────────────────────────────────────────────────────────────────


def test_what_is_due_first_stands_first(desk: StoryDesk) -> None:
    agree(desk, Policy(key="fast", name="Fast", tag="fast", first=5), EVERYBODY)
    for name in ("kim", "lee", "ann"):
        desk.visitor(name).says(f"Hello from {name}")
        desk.later(minutes=1)
    last = desk.conversations()[0].id
    desk.change(lambda tx: tx.append(e.conversation(last), [e.Tagged(tag="fast")], "agent/1"))
    order = [state.id for state in desk.view("due")]
    assert order == [last, *sorted(set(order) - {last})]
    assert len(order) == 3
    page = desk.record.ask(inbox.page, "due", SYSTEM, limit=2)
    rest = desk.record.ask(inbox.page, "due", SYSTEM, page.after, limit=2)
    assert [s.id for s in (*page.rows, *rest.rows)] == order
    assert desk.view("due", Viewer(agent=9, role="agent", brands=(999,))) == []


# ── attainment ──────────────────────────────────────────────────────────────────────────────


def test_attainment_counts_what_is_open_and_late(desk: StoryDesk) -> None:
    agree(desk, EVERYBODY)
    ana = desk.agent("ana")
    for name in ("kim", "lee", "ann", "bob"):
        desk.visitor(name).says(f"Hello from {name}")
        if name in ("kim", "lee"):
            ana.replies("Hello")
    desk.visitor("zoe").says("Thanks, solved it myself")
    ana.closes()
    report = desk.record.ask(figures.report, SYSTEM, Choice(), desk.clock.now)
    number = report.number("first_kept")
    assert (number.hits, number.n, number.running, number.left_out) == (2, 2, 2, 1)
    desk.later(minutes=90)
    desk.visitor("eve").says("Hello from eve")
    report = desk.record.ask(figures.report, SYSTEM, Choice(), desk.clock.now)
    number = report.number("first_kept")
    assert (number.hits, number.n, number.running, number.left_out) == (2, 4, 1, 1)
    assert number.low is not None
    assert number.high is not None
    assert number.low < 0.5 < number.high
    cases = desk.record.ask(figures.cases, SYSTEM, Choice(), "first_kept", desk.clock.now)
    assert [case.value for case in cases] == [0, 0, 1, 1]


# ── agreeing ────────────────────────────────────────────────────────────────────────────────


def test_who_may_agree_on_what(desk: StoryDesk) -> None:
    ana, lea = desk.agent("ana"), desk.agent("lea", "lead")
    far = desk.agent("far", "lead", brands=(999,))
    agree(desk, EVERYBODY, who=lea.viewer)
    with pytest.raises(NotAllowed):
        agree(desk, who=ana.viewer)
    with pytest.raises(NotAllowed):
        agree(desk, who=far.viewer)
    theirs = Policy(key="theirs", name="Theirs", brand=999, first=5)
    agree(desk, theirs, EVERYBODY, who=far.viewer)
    wrong: list[tuple[Sequence[Policy], Sequence[Hours]]] = [
        ([Policy(key="x", name="", first=5)], ()),
        ([Policy(key="x", name="Nothing promised")], ()),
        ([Policy(key="x", name="Too long", first=60 * 24 * 365)], ()),
        ([EVERYBODY], [Hours(zone="Mars/Olympus")]),
        ([EVERYBODY], [Hours(week=((Period(time(9), time(12)), Period(time(11), time(14))),))]),
        ([Policy(key="x", name="Never", first=60, working=True)], [Hours(week=((),) * 7)]),
    ]
    for policies, hours in wrong:
        with pytest.raises(Refused):
            agree(desk, *policies, hours=hours, who=lea.viewer)
    assert [type(r.event) for r in desk.events(e.PromisesAgreed)] == [e.PromisesAgreed] * 2


def test_brands_keep_the_first_answer_time_that_they_had(tmp_path: Path) -> None:
    with closing(StoryDesk(tmp_path)) as desk:
        old = b'{"colour":"#123456","promise_minutes":90}'
        desk.change(lambda tx: tx.conn.execute(setup.brands.update().values(look=old)))
        for _ in range(2):
            desk.change(promises.adopt)
        assert len(desk.events(e.PromisesAgreed)) == 1
        desk.visitor("kim").says("Hello")
        found = due(desk)
        assert found is not None
        assert found.due == desk.conversation.waiting_since + 90 * MINUTE


def test_a_conversation_from_before_is_made_up_for_at_its_next_event(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello")
    desk.change(lambda tx: tx.conn.execute(owed.delete()))
    desk.agent("ana").tags("late")
    found = due(desk)
    assert found is not None
    assert found.kind == "first"


# ── properties ──────────────────────────────────────────────────────────────────────────────

Step = tuple[str, int]
ACTS: dict[str, Callable[[datetime], tuple[e.Event, str]]] = {
    "writes": lambda at: (
        e.MessageReceived(message=1, person=1, identity=1, inbox=1, channel="console"), "person/1"
    ),
    "answers": lambda at: (
        e.ReplyWritten(message=2, person=1, identity=1, inbox=1, channel="console"), "agent/1"
    ),
    "closes": lambda at: (e.Closed(), "agent/1"),
    "gives up": lambda at: (e.Closed(resolved=False), "bot/helper"),
    "reopens": lambda at: (e.Reopened(reason="agent"), "agent/1"),
    "tags": lambda at: (e.Tagged(tag="urgent"), "agent/1"),
    "untags": lambda at: (e.Untagged(tag="urgent"), "agent/1"),
    "snoozes": lambda at: (e.Snoozed(until=at + HOUR), "agent/1"),
}  # fmt: skip
AGREED = Agreement(
    hours=(OFFICE,),
    policies=(
        Policy(key="urgent", name="Urgent", tag="urgent", first=20, resolution=90, working=True),
        Policy(key="all", name="All", first=60, next=45, resolution=300, working=True),
    ),
)
steps = st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.integers(1, 3000)), min_size=1, max_size=14)


def lived(story: Sequence[Step], agreed: Agreement = AGREED) -> tuple[list[Owed], list[e.Recorded]]:
    """Everything that is owed after each event; what time brings is told in between."""
    at, events, states = START, [], []
    opened = e.ConversationOpened(person=1, inbox=1, brand=1, channel="console")
    state: Owed | None = None

    def happens(event: e.Event, by: str, when: datetime) -> None:
        nonlocal state
        r = e.Recorded(len(events) + 1, "conversation/1", len(events) + 1, when, by, event)  # type: ignore[arg-type]
        events.append(r)
        state = evolve(state, r, lambda: agreed)
        states.append(state)

    happens(opened, "person/1", at)
    for act, minutes in story:
        end = at + timedelta(minutes=minutes)
        while state is not None and state.tell_at is not None and state.tell_at <= end:
            when = max(at, state.tell_at)
            said = tell(state, when)
            assert said, "a moment to tell something is a moment at which there is something to tell"
            for fact in said:
                happens(fact, "timer", when)
        at = end
        closed, asleep = (state is not None and state.status == name for name in ("closed", "snoozed"))
        if act == "writes" and (closed or asleep):
            happens(e.Reopened(reason="message") if closed else e.Woke(reason="message"), "person/1", at)
        if closed if act in ("closes", "gives up", "snoozes") else act == "reopens" and not closed:
            continue  # the desk would not write down what changes nothing
        happens(*ACTS[act](at), at)
    return states, events


@given(steps)
@settings(max_examples=150, deadline=None)
def test_clocks_run_exactly_while_something_is_owed(story: Sequence[Step]) -> None:
    states, _ = lived(story)
    for state in states:
        waits = state.waiting_since is not None and state.status != "closed"
        if state.reply is not None and state.reply.since is not None:
            assert waits
            assert state.reply.due is not None
            assert state.reply.met_at is None
            assert not state.reply.void
        if state.resolution is not None:
            assert (state.resolution.since is not None) == waits
        if state.status == "closed":
            assert state.first_due is None
            assert state.tell_at is None
        for clock in state.clocks:
            assert not (clock.void and clock.met_at)


@given(steps)
@settings(max_examples=150, deadline=None)
def test_each_promise_is_told_near_and_broken_at_most_once_per_target(story: Sequence[Step]) -> None:
    """A tag or a pause may set a new moment; for one moment nothing is said twice."""
    _, events = lived(story)
    said = [
        (type(r.event), r.event.promise, r.event.number, r.event.due)
        for r in events
        if isinstance(r.event, e.PromiseNear | e.PromiseBroken)
    ]
    assert len(said) == len(set(said))
    for r in events:
        if isinstance(r.event, e.PromiseBroken):
            assert r.at > r.event.due


@given(steps)
@settings(max_examples=100, deadline=None)
def test_working_time_used_is_what_the_calendar_says(story: Sequence[Step]) -> None:
    """Two routes to the same: the clock's sum, and the working time of the stretches in which the customer waited."""
    plain = [(act, minutes) for act, minutes in story if act not in ("tags", "untags")]
    states, events = lived(plain)
    calendar, spent, since = AGREED.calendar(1), timedelta(), None
    for state, r in zip(states, events, strict=True):
        waits = state.waiting_since is not None and state.status != "closed"
        if waits and since is None:
            since = r.at
        elif not waits and since is not None:
            spent += open_time(calendar, since, r.at)
            since = None
    last = states[-1].resolution
    if last is not None and since is None:
        assert last.used == pytest.approx(spent.total_seconds(), abs=1e-3)


def test_both_engines_keep_the_same(desk: StoryDesk) -> None:
    agree(desk, EVERYBODY, hours=[OFFICE])
    kim, ana = desk.visitor("kim"), desk.agent("ana")
    kim.says("Hello")
    desk.later(minutes=61)
    ana.replies("Sorry for the wait.")
    kim.says("And?")
    found = [(one.kind, one.state) for one in made(desk)]
    assert found == [("first", "broken"), ("resolution", "open"), ("next", "open")]

    def rows(conn: Any) -> int:
        return len(conn.execute(select(owed)).all())

    assert desk.record.ask(rows) == 1
    desk.rebuilds()


# ── in the browser ──────────────────────────────────────────────────────────────────────────

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here")
def test_a_lead_sets_a_promise_and_sees_what_is_due(tmp_path: Path) -> None:
    """The promise is typed; a customer writes; the row and the page say until when; that it broke is told, once."""
    with served(tmp_path) as web, sync_playwright() as play:
        story, lea = web.story, web.signed_in("lea", "lead")
        with closing(play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)) as chromium:
            context = chromium.new_context(bypass_csp=True)
            context.add_cookies([{"name": web.room.door.cookie, "value": lea.secret, "url": web.url}])
            page = context.new_page()
            page.goto(f"{web.url}/desk/settings/promises")
            _types_a_promise(page)
            assert violations(page) == []
            page.goto(f"{web.url}/desk/inbox/due")
            story.visitor("lee").says("When do you open?", settle=False)
            expect(page.locator(".row")).to_have_count(1)
            story.visitor("kim").says("My house is flooded.", settle=False)
            expect(page.locator(".row")).to_have_count(2)
            flooded = next(one.id for one in story.conversations() if "flooded" in one.subject)
            story.agent("ana").tags("urgent", settle=False, conversation=flooded)
            first = page.locator(".row").first
            expect(first).to_contain_text("My house is flooded.")
            found = due(story, flooded)
            assert found is not None
            expect(first.locator(".row-due")).to_have_attribute("data-due", found.due.isoformat(timespec="seconds"))
            first.locator("a").click()
            expect(page.locator(".talk-due")).to_contain_text("First answer")
            assert violations(page) == []
            story.clock.advance(minutes=25)
            expect(page.locator(".stream")).to_contain_text("First answer was due")
            story.agent("ana").replies("Help is on its way.", settle=False, conversation=flooded)
            expect(page.locator(".talk-due")).to_have_text("")
            expect(page.locator(".row:not(.is-leaving)")).to_have_count(1)
            assert told(story) == [("PromiseBroken", "first")]


def _types_a_promise(page: Page) -> None:
    add = page.locator("details", has_text="Add a promise")
    add.locator("summary").click()
    add.get_by_label("Name").fill("Fast")
    add.get_by_label("With the tag").fill("urgent")
    add.get_by_label("First answer").fill("20 min")
    add.get_by_label("Count opening hours only").uncheck()
    add.get_by_role("button", name="Save").click()
    expect(page.locator(".card").first).to_contain_text("First answer 20 min, around the clock")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDesk]:
    with served(tmp_path_factory.mktemp("promises")) as web:
        yield web


def test_hours_and_policies_are_typed_as_people_write_them(web: WebDesk) -> None:
    http = web.signed_in("ada", "admin")
    days = {"day0": "9-12:30, 14:00-18", "day4": "22:00-2:00", "day5": "", "day6": "0-24"}
    sent = {"zone": "Europe/Berlin", "holidays": "2026-12-25 Christmas\n2026-01-01", **days}
    assert http.post("/desk/settings/promises/hours", data=sent).status_code == 303
    hours = web.story.record.ask(promises.agreement).hours[0]
    assert hours.week[0] == (Period(time(9), time(12, 30)), Period(time(14), time(18)))
    assert hours.week[4:] == ((Period(time(22), time(2)),), (), (Period(time(0), time(0)),))
    assert [one.name for one in hours.holidays] == ["", "Christmas"]
    page = http.get("/desk/settings/promises").text
    assert 'value="09:00-12:30, 14:00-18:00"' in page
    assert "2026-12-25 Christmas" in page
    for wrong in ({"day0": "nine"}, {"day0": "25-26"}, {"holidays": "Christmas"}, {"zone": "Nowhere"}):
        assert http.post("/desk/settings/promises/hours", data=sent | wrong).status_code == 422
    for name, first in (("One", "90"), ("Two", "1,5 h"), ("Three", "2 d")):
        form = {"name": name, "first": first}
        assert http.post("/desk/settings/promises/policies", data=form).status_code == 303
    found = {one.name: one for one in web.story.record.ask(promises.agreement).policies}
    assert [found[name].first for name in ("Three", "Two", "One")] == [2880, 90, 90]
    assert list(found) == ["Three", "Two", "One", "Usual"]
    assert http.post(f"/desk/settings/promises/policies/{found['One'].key}/promotion").status_code == 303
    assert http.post(f"/desk/settings/promises/policies/{found['Three'].key}/removal").status_code == 303
    names = [one.name for one in web.story.record.ask(promises.agreement).policies]
    assert names == ["One", "Two", "Usual"]
    assert http.post("/desk/settings/promises/policies", data={"name": "X", "first": "soon"}).status_code == 422


def test_programs_read_what_holds_and_what_became_of_it(web: WebDesk) -> None:
    web.story.visitor("ann").says("Hello", settle=False)
    ada = web.signed_in("ada", "admin")
    while not (rows := ada.get("/api/v1/conversations?view=due").json()["conversations"]):
        sleep(0.05)
    assert ada.get("/api/v1/promises").json()["policies"][-1]["key"] == "usual"
    number = rows[0]["id"]
    (one, *_) = ada.get(f"/api/v1/conversations/{number}/promises").json()
    assert (one["kind"], one["state"]) == ("first", "open")
