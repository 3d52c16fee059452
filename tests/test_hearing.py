"""Listening: themes without a list, their mood, an alarm for what is suddenly more, quotes without addresses."""

from datetime import timedelta

import pytest

from harness.desk import StoryDesk
from parley.ai.encoder import encoder
from parley.core.redacting import redacted
from parley.services import hearing
from parley.services.inbox import SYSTEM, Viewer

CARDS = ("My card is refused at checkout", "I cannot pay by card, it is declined", "Card payment fails every time")
SIZES = ("Which size of boot fits a wide foot?", "Do the boots run small or large?", "What boot size should I take?")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Write to kim.lee@example.org or call +44 20 7946 0958", "Write to [address] or call [number]"),
        ("Order 10342 of 12 May, size 42", "Order [number] of 12 May, size 42"),
        ("IBAN DE89 3704 0044 0532 0130 00, see https://x.example/a?b=1", "IBAN [account], see [link]"),
    ],
)
def test_quotes_leave_out_addresses_and_numbers(said: str, shown: str) -> None:
    assert redacted(said) == shown


@pytest.mark.skipif(encoder() is None, reason="the sentence encoder is not installed")
def test_twelve_people_cannot_pay_by_card(desk: StoryDesk) -> None:
    for day in range(20):
        desk.visitor(f"calm-{day}").says(f"{SIZES[day % 3]} I am {160 + day} tall.", settle=False)
        if day % 5 == 0:
            desk.visitor(f"once-{day}").says(f"{CARDS[day // 5 % 3]}, number {day}", settle=False)
        desk.later(days=1)
    desk.later(hours=1, minutes=30)
    for n in range(12):
        text = f"{CARDS[n % 3]}, please help me, I am kim{n}@example.org"
        desk.visitor(f"card-{n}").says(text, settle=False)
        desk.clock.advance(minutes=3)
    desk.settle()
    ear = hearing.Ear(desk.record, by_meaning=True)
    assert ear.listen() is not None
    assert ear.listen() is None, "without news nothing is read again"
    found = desk.record.ask(hearing.overview, SYSTEM)
    (alarm,) = found.sudden
    assert alarm.people == 12
    assert "card" in alarm.topic
    assert desk.clock.now - alarm.since < timedelta(hours=1)
    assert all("[address]" in quote.text and "@" not in quote.text for quote in alarm.quotes)
    topic = next(one for one in found.topics if one.name == alarm.topic)
    assert topic.weeks[-1] >= 12
    assert topic.change.clear
    assert desk.record.ask(hearing.overview, Viewer(role="lead", brands=(999,))).topics == ()


@pytest.mark.skipif(encoder() is None, reason="the sentence encoder is not installed")
def test_a_theme_named_by_a_message_loses_its_name_with_the_words(desk: StoryDesk) -> None:
    for n in range(4):
        desk.visitor(f"wool-{n}").says(
            "Can this green pullover, bought with code 123456, go in a machine?", settle=False
        )
        desk.visitor(f"pay-{n}").says(f"{CARDS[n % 3]}, number {n}", settle=False)
    desk.settle()
    assert hearing.Ear(desk.record, by_meaning=True).listen() is not None
    found = desk.record.ask(hearing.overview, SYSTEM)
    topic = next(one for one in found.topics if one.name.startswith("“"))
    assert topic.name == "“Can this green pullover, bought with code …”"
    assert "pullover" not in repr(desk.record.ask(hearing.heard))
    whole = desk.record.ask(hearing.theme, SYSTEM, topic.message)
    assert whole is not None
    assert len(whole.quotes) == 4
    talk = whole.quotes[0].conversation
    assert desk.record.ask(hearing.themes_of, SYSTEM, [talk])[talk][1] == topic.name
    named = next(quote for quote in whole.quotes if quote.message == topic.message)
    desk.erases(topic.message, named.conversation)
    again = desk.record.ask(hearing.theme, SYSTEM, topic.message)
    assert again is not None
    assert again.topic.name == "…"
    assert len(again.quotes) == 3
