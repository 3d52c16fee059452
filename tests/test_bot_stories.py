"""Stories of the bot: what it answers, what it asks back, and when it steps aside. On the demo company's knowledge."""

from datetime import timedelta

import pytest

from harness.desk import StoryDesk
from harness.waiting import eventually
from parley.ai.encoder import encoder
from parley.core import events as e
from parley.demo import build
from parley.demo.learned import learned
from parley.services import orders, people, proof, setup
from parley.services.bot import Brain


@pytest.fixture
def shop(bot_desk: StoryDesk) -> StoryDesk:
    """A desk with the demo company's articles and a few orders."""

    def fill(tx) -> None:  # type: ignore[no-untyped-def]
        brands = {b.key: bot_desk.brand for b in build.made_up.brands()}
        build.add_articles(tx, brands)
        build.add_orders(tx, brands, tx.at)

    bot_desk.change(fill)
    return bot_desk


def replies(desk: StoryDesk) -> list[e.Recorded]:
    return desk.events(e.ReplyWritten)


def code_mailed(desk: StoryDesk) -> str:
    """The digits of the newest code, as its mail carries them."""
    codes = [r.event.message for r in replies(desk) if r.event.purpose == "code"]  # type: ignore[union-attr]
    return proof.code_of(desk.desk.config.key, codes[-1])  # type: ignore[arg-type]


def test_a_question_from_the_articles_is_answered_with_its_source(shop: StoryDesk) -> None:
    shop.visitor("kim").says("can I return shoes I wore once?")
    (answer,) = replies(shop)
    assert answer.by == "bot/helper"
    assert answer.event.sources[0].kind == "article"  # type: ignore[union-attr]
    assert (answer.event.confidence or 0) > 0.5  # type: ignore[union-attr]
    assert shop.conversation.status == "bot"
    assert shop.view("waiting") == []


def test_a_person_is_called_when_asked_for_and_briefed(shop: StoryDesk) -> None:
    shop.visitor("kim").says("can I return shoes I wore once?").says("I want to talk to a human please")
    (card,) = shop.events(e.HandoffAsked)
    assert "asked for a person" in card.event.reason  # type: ignore[union-attr]
    assert any("Answered from" in tried for tried in card.event.tried)  # type: ignore[union-attr]
    assert [row.status for row in shop.view("waiting")] == ["open"]


@pytest.mark.parametrize(
    "said",
    [
        "My lawyer will be in touch about this",
        "The stove exploded and burned my hand",
        "My father died and I want to close his account",
    ],
)
def test_sensitive_matters_go_to_people(shop: StoryDesk, said: str) -> None:
    shop.visitor("kim").says(said)
    assert shop.events(e.HandoffAsked)
    assert shop.conversation.status == "open"


def test_what_it_does_not_know_it_hands_over(shop: StoryDesk) -> None:
    shop.visitor("kim").says("What is the tensile strength of the third rivet in the 1987 catalogue?")
    assert shop.events(e.HandoffAsked)
    assert all(not r.event.sources for r in replies(shop))  # type: ignore[union-attr]


def test_an_order_is_told_only_after_its_address_is_proved(shop: StoryDesk) -> None:
    kim = shop.visitor("kim").says("where is my order 10342?")
    assert "which e-mail address" in shop.words()[-1]
    kim.says("kim.lee@example.com")
    kim.says(code_mailed(shop))
    told = replies(shop)[-1]
    assert told.event.sources[0].ref == "10342"  # type: ignore[union-attr]
    assert "10342" in shop.words()[-1]
    person = shop.conversation.person
    proved = [i.value for i in shop.record.ask(people.identities_of, person) if i.proof]
    assert proved == ["kim.lee@example.com"]


def test_a_stranger_learns_nothing_about_an_order(shop: StoryDesk) -> None:
    eve = shop.visitor("eve").says("where is my order 10342?").says("eve@example.org")
    eve.says(code_mailed(shop))
    order = shop.record.ask(orders.by_number, "10342")
    assert order
    said = " ".join(shop.words())
    assert order.status not in said
    assert order.tracking not in said


def test_three_wrong_codes_end_in_a_hand_over(shop: StoryDesk) -> None:
    eve = shop.visitor("eve").says("where is my order 10342?").says("kim.lee@example.com")
    right = code_mailed(shop)
    wrong = "111111" if right != "111111" else "222222"
    for _ in range(3):
        eve.says(wrong)
    assert shop.events(e.HandoffAsked)
    assert not shop.events(e.IdentityProved)


def test_a_mail_about_an_order_is_answered_to_its_own_address(shop: StoryDesk) -> None:
    shop.customer("kim.lee@example.com", "Kim Lee").mails("Order 10342", "Hello, where is my order 10342?")
    assert replies(shop)[-1].event.sources[0].ref == "10342"  # type: ignore[union-attr]


def test_the_bot_leaves_a_conversation_that_people_took(shop: StoryDesk) -> None:
    kim = shop.visitor("kim").says("I want a human")
    before = len(replies(shop))
    kim.says("can I return shoes I wore once?")
    assert len(replies(shop)) == before


def test_silence_after_an_answer_closes_without_claiming_success(shop: StoryDesk) -> None:
    shop.visitor("kim").says("can I return shoes I wore once?")
    shop.later(hours=25)
    (closed,) = shop.events(e.Closed)
    assert closed.event.resolved is False  # type: ignore[union-attr]
    assert closed.at - shop.events(e.ReplyWritten)[0].at >= timedelta(hours=24)


def test_auto_replies_are_not_answered(shop: StoryDesk) -> None:
    shop.customer("kim.lee@example.com").mails(
        "Out of office", "I am away.", headers=[("Auto-Submitted", "auto-replied")]
    )
    assert replies(shop) == []


def test_a_bot_that_knows_nothing_hands_everything_over(bot_desk: StoryDesk) -> None:
    bot_desk.visitor("kim").says("can I return shoes I wore once?")
    assert bot_desk.events(e.HandoffAsked)
    assert [row.status for row in bot_desk.view("waiting")] == ["open"]


def test_it_answers_by_words_until_the_articles_are_read_for_their_meaning(shop: StoryDesk) -> None:
    if encoder() is None:
        pytest.skip("the sentence encoder was not built here (see hatch_vectors.py)")
    brain = Brain(by_meaning=True)
    shop.change(lambda tx: setup.set_setting(tx, "bot_calibration", learned()))
    shop.change(lambda tx: setup.set_setting(tx, "bot_calibration_by_meaning", learned(by_meaning=True)))
    assert brain.warm(shop.record).library.engine.name.startswith("ngrams")
    eventually(lambda: brain.warm(shop.record).library.engine.name.startswith("vectors"), seconds=180)
    heard = brain.understand(shop.record, "may boots that I have already worn come back to you?", None)
    assert heard.hits[0].ref == "returns-worn-shoes"
