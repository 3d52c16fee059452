"""What comes in is sorted: how pressing, in which language, why; what agents correct stays and is gone by."""

import pytest

from harness.desk import StoryDesk
from parley.core import events as e
from parley.core import triage as rules
from parley.services import findings, routing


def found(desk: StoryDesk, number: int) -> findings.Finding:
    one = desk.record.ask(findings.finding, number)
    assert one is not None
    return one


def of(desk: StoryDesk, text: str, name: str = "kim") -> findings.Finding:
    desk.visitor(name).says(text)
    return found(desk, desk.conversations()[0].id)


@pytest.mark.parametrize(("text", "priority", "because"), [
    ("Where is my order? It was placed last week.", "normal", ""),
    ("My lawyer will contact you about this.", "high", "legal"),
    ("The battery caught fire and burned my hand.", "urgent", "danger"),
    ("I cannot pay by card, it keeps failing.", "high", "outage"),
    ("No hurry, but could you send me an invoice?", "low", "no_hurry"),
    ("Thanks a lot!", "low", "thanks"),
    ("This is the third time I write and still no answer.", "high", "anger"),
    ("We offer SEO services and guest posts to get you on the first page of google.", "low", "spam"),
])  # fmt: skip
def test_words_make_a_matter_pressing_and_the_reason_is_told(
    desk: StoryDesk, text: str, priority: str, because: str
) -> None:
    one = of(desk, text)
    assert (one.priority, one.because) == (priority, because)
    assert rules.PRIORITIES[desk.conversations()[0].priority] == priority
    why = desk.record.ask(findings.reasons, one)
    if because not in ("", "thanks"):
        decided = next(reason for reason in why if reason.decided)
        assert decided.shown_by
        assert decided.shown_by in text.lower()


def test_later_words_make_nothing_less_pressing_while_they_wait(desk: StoryDesk) -> None:
    desk.visitor("kim").says("My lawyer will contact you about this.")
    desk.visitor("kim").says("The order is 10023.")
    number = desk.conversations()[0].id
    assert (found(desk, number).priority, found(desk, number).because) == ("high", "legal")
    desk.agent("ana").replies("We are looking into it.")
    desk.visitor("kim").says("Thank you!")
    assert found(desk, number).priority == "low"


def test_a_correction_holds_is_taken_back_and_is_gone_by(desk: StoryDesk) -> None:
    first = of(desk, "The zip of my tent is torn again, what now?")
    ana = desk.agent("ana")
    who = ana.viewer
    desk.change(lambda tx: findings.correct(tx, first.conversation, who, "priority", "urgent"))
    assert desk.conversations()[0].priority == 0
    desk.visitor("kim").says("It is the green one.")
    assert found(desk, first.conversation).value_of("priority") == "urgent"
    assert desk.conversations()[0].priority == 0, "what comes later does not undo what an agent said"
    like = of(desk, "the zip of my tent is torn, what now?", "lee")
    assert (like.priority, like.because) == ("urgent", "alike")
    far = of(desk, "can i pay by invoice?", "noa")
    assert far.priority == "normal"
    desk.change(lambda tx: findings.correct(tx, first.conversation, who, "priority", ""))
    assert found(desk, first.conversation).fixed == {}
    again = of(desk, "the zip of my tent is torn, what now", "mia")
    assert again.priority == "normal", "a correction that was taken back teaches nothing"


def test_the_language_asks_for_whoever_speaks_it(desk: StoryDesk) -> None:
    desk.agent("ben", skills=("german",))
    one = of(desk, "Guten Tag, wo ist meine Bestellung?")
    assert one.language == "de"
    assert (desk.conversations()[0].language, desk.conversations()[0].skills) == ("de", ("german",))


def test_a_language_that_was_corrected_is_this_persons_from_then_on(desk: StoryDesk) -> None:
    one = of(desk, "min ordre er ikke kommet")
    ana = desk.agent("ana")
    who = ana.viewer
    other = "no" if one.language == "da" else "da"
    desk.change(lambda tx: findings.correct(tx, one.conversation, who, "language", other))
    assert desk.conversations()[0].language == other
    ana.closes()
    desk.clock.advance(days=2)
    desk.visitor("kim").says("min ordre er ikke kommet")
    again = max(one.id for one in desk.conversations())
    assert again != one.conversation
    assert found(desk, again).language == other


def test_products_are_told_by_their_names_other_names_and_with_a_slip(desk: StoryDesk) -> None:
    policy = rules.Policy(products={"Rain jacket Skarv": ("skarv",), "Backpack Ridge": ()})
    desk.change(lambda tx: findings.set_policy(tx, policy))
    assert of(desk, "is the skarv waterproof?").product == "Rain jacket Skarv"
    assert of(desk, "my bakpack ridge lost a strap", "lee").product == "Backpack Ridge"
    assert of(desk, "do you ship to norway?", "noa").product == ""


def test_who_bought_for_a_lot_goes_first(desk: StoryDesk) -> None:
    from parley.services import orders

    item = orders.Item(name="Tent", cents=90_000)
    order = orders.Order(
        number="10099", brand=desk.brand, mail="kim@mail.test", status="delivered", placed_at=desk.clock.now,
        items=(item,),
    )  # fmt: skip
    desk.change(lambda tx: orders.add(tx, [order]))
    desk.customer("kim@mail.test", "Kim").mails("A question", "does the tent fit three?")
    number = desk.conversations()[0].id
    proved = any(one.proof for one in desk.record.ask(_identities, number))
    assert (found(desk, number).because == "value") == proved
    assert (found(desk, number).product == "Tent") == proved, "what somebody bought is a name that they may say"


def _identities(conn, number):  # type: ignore[no-untyped-def]
    from parley.services import inbox, people

    return people.identities_of(conn, inbox.state(conn, number).person)


def test_a_broken_promise_makes_it_pressing(desk: StoryDesk) -> None:
    one = of(desk, "where do I find the size guide?")
    assert one.priority == "normal"
    broken = e.PromiseBroken(promise="first", due=desk.clock.now)
    desk.change(lambda tx: tx.append(e.conversation(one.conversation), [broken], "timer"))
    desk.settle()
    now = found(desk, one.conversation)
    assert (now.priority, now.because) == ("high", "promise_broken")


def test_rules_are_tried_on_what_came_before_they_are_kept(desk: StoryDesk) -> None:
    from parley.services import inbox, sorting

    of(desk, "My lawyer will contact you about this.")
    of(desk, "where is my order?", "lee")
    told = [rules.Rule(signal="legal", priority="urgent", tag="Legal", skill="law")]
    desk.agent("ben", skills=("law",))
    trial = desk.record.ask(sorting.tried, inbox.SYSTEM, rules.Policy(rules=tuple(told)))
    assert trial.n == 2
    (changed,) = trial.differs
    assert changed.priority == ("high", "urgent")
    assert changed.tags == ((), ("legal",))
    assert changed.skills == ((), ("law",))
    assert desk.record.ask(findings.policy).rules == rules.DEFAULT_RULES, "trying changes nothing"


def test_urgent_work_is_given_first(desk: StoryDesk) -> None:
    desk.visitor("kim").says("where is my order?")
    desk.visitor("lee").says("The battery caught fire and burned my hand.")
    ben = desk.agent("ben", capacity=0.4)
    desk.change(lambda tx: routing.set_presence(tx, ben.number, "online"))
    desk.settle()
    (given,) = [one for one in desk.conversations() if one.assignee]
    assert given.priority == 0


def test_rebuilding_findings_changes_nothing(desk: StoryDesk) -> None:
    first = of(desk, "I cannot pay by card, it keeps failing. Order 10023, kim@mail.test")
    ana = desk.agent("ana").viewer
    desk.change(lambda tx: findings.correct(tx, first.conversation, ana, "priority", "low"))
    of(desk, "I cannot pay by card, it keeps failing. Order 10023", "lee")
    desk.rebuilds()


def test_a_proved_buyer_goes_first_and_names_what_they_bought(desk: StoryDesk) -> None:
    from parley.services import orders, people

    item = orders.Item(name="Rain jacket Skarv", cents=60_000)
    order = orders.Order(
        number="10100",
        brand=desk.brand,
        mail="kim@mail.test",
        status="delivered",
        placed_at=desk.clock.now,
        items=(item,),
    )
    kim = desk.customer("kim@mail.test", "Kim")
    kim.mails("Hello", "is anybody there?")
    (first,) = desk.conversations()

    def prove(tx) -> None:  # type: ignore[no-untyped-def]
        orders.add(tx, [order])
        (identity,) = people.identities_of(tx.conn, first.person)
        people.prove(tx, identity, "code", "bot/helper")

    desk.change(prove)
    kim.mails("Another matter", "how do I wash the rain jacket skarv?")
    one = found(desk, max(state.id for state in desk.conversations()))
    assert (one.priority, one.because, one.product) == ("high", "value", "Rain jacket Skarv")
