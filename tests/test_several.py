"""Several wishes in one message, and answers that were not what was meant."""

import pytest

from harness.desk import StoryDesk
from parley.ai.clauses import split
from parley.core import events as e
from parley.demo import build
from parley.services import setup


@pytest.fixture
def shop(bot_desk: StoryDesk) -> StoryDesk:
    def fill(tx) -> None:  # type: ignore[no-untyped-def]
        brands = {b.key: bot_desk.brand for b in build.made_up.brands()}
        build.add_articles(tx, brands)
        build.add_orders(tx, brands, tx.at)
        setup.change_brand(tx, bot_desk.brand, "Larkspur", setup.Look(bot_does=("change_address",)))

    bot_desk.change(fill)
    bot_desk.desk.setup_changed()
    return bot_desk


@pytest.mark.parametrize(("said", "parts"), [
    ("where is my order 10023 and can I also change my address?",
     ["where is my order 10023", "can I also change my address?"]),
    ("Hi, I want to return the jacket. Do you have the tent in green?",
     ["I want to return the jacket.", "Do you have the tent in green?"]),
    ("1. Where is my parcel?\n2. How do I return the boots?", ["Where is my parcel?", "How do I return the boots?"]),
    ("I bought a jacket and it broke. Can I get a refund?", ["I bought a jacket and it broke. Can I get a refund?"]),
    ("If it does not fit, can I return it?", ["If it does not fit, can I return it?"]),
    ("please cancel my order and refund me", ["please cancel my order and refund me"]),
    ("Can you tell me the size and the weight of the tent?", ["Can you tell me the size and the weight of the tent?"]),
])  # fmt: skip
def test_a_message_falls_into_what_can_be_answered_by_itself(said: str, parts: list[str]) -> None:
    assert split(said) == parts


def by_bot(desk: StoryDesk) -> list[e.ReplyWritten]:
    found = [r.event for r in desk.events(e.ReplyWritten) if r.by == "bot/helper"]
    return [one for one in found if isinstance(one, e.ReplyWritten)]


RETURNS, SHIPPING = "can I return shoes I wore once?", "how long does delivery take?"


def test_two_questions_get_two_answers_each_with_its_source(shop: StoryDesk) -> None:
    alone = []
    for name, text in (("kim", RETURNS), ("lee", SHIPPING)):
        shop.chatter(name).says(text)
        alone.append(by_bot(shop)[-1].sources[0].ref)
    shop.chatter("noa").says(f"{RETURNS} And {SHIPPING}")
    refs = [one.sources[0].ref for one in by_bot(shop)[2:]]
    assert refs == alone
    assert shop.conversations()[0].status == "bot"


def test_what_is_sure_is_answered_and_the_rest_is_passed_on_with_it(shop: StoryDesk) -> None:
    shop.chatter("noa").says(f"{RETURNS} And do you sponsor the regatta of our rowing club next summer?")
    answer, passed = by_bot(shop)
    assert answer.sources
    assert not passed.sources
    (card,) = (r.event for r in shop.events(e.HandoffAsked))
    assert isinstance(card, e.HandoffAsked)
    assert "rowing club" in card.wish
    assert "shoes" not in card.wish, "what was answered is no wish any more"
    assert any(line.startswith("Answered from") for line in card.tried)
    assert shop.conversations()[0].status == "open"


def test_two_things_to_do_are_done_one_after_the_other(shop: StoryDesk) -> None:
    kim = shop.chatter("kim")
    kim.says("Where is my order 10023, and can I also change my delivery address?")
    assert shop.conversations()[0].status == "bot"
    steps = [r.event.procedure for r in shop.events(e.ProcedureWentOn)]  # type: ignore[union-attr]
    assert steps[0] == "order_status"
    later = [r.event.outcome for r in shop.events(e.BotPondered) if r.event.outcome.startswith("later")]  # type: ignore[union-attr]
    assert any("change_address" in one for one in later)
    kim.says("stop")
    steps = [r.event.procedure for r in shop.events(e.ProcedureWentOn)]  # type: ignore[union-attr]
    assert steps[-1] == "change_address", "the second is taken up when the first is over"


def test_what_still_waits_is_told_to_whoever_takes_over(shop: StoryDesk) -> None:
    kim = shop.chatter("kim")
    kim.says("Where is my order 10023, and can I also change my delivery address?")
    kim.says("I want to talk to a person")
    (card,) = (r.event for r in shop.events(e.HandoffAsked))
    assert isinstance(card, e.HandoffAsked)
    assert any("change my delivery address" in line for line in card.known)


def test_one_thing_said_twice_is_answered_once(shop: StoryDesk) -> None:
    shop.chatter("kim").says(f"{RETURNS} So {RETURNS}")
    assert len(by_bot(shop)) == 1


def test_an_answer_that_was_not_meant_is_not_given_again(shop: StoryDesk) -> None:
    kim = shop.chatter("kim")
    kim.says(RETURNS)
    first = by_bot(shop)[-1].sources[0].ref
    kim.says(f"no, I meant {SHIPPING}")
    second = by_bot(shop)[-1]
    assert second.sources
    assert second.sources[0].ref != first
    kim.says("no, that's not what I meant")
    last = by_bot(shop)[-1]
    assert not last.sources, "nothing else is sure: a choice is offered, or a person takes over"


def test_a_letter_with_two_questions_gets_one_letter(shop: StoryDesk) -> None:
    shop.customer("kim@mail.test", "Kim").mails("Two questions", f"{RETURNS}\n\n{SHIPPING}")
    (answer,) = by_bot(shop)
    assert len({one.ref for one in answer.sources}) == 2
