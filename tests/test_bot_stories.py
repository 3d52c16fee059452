"""Stories of the bot: what it answers, what it asks back, and when it steps aside. On the demo company's knowledge."""

from datetime import timedelta

import msgspec
import pytest

from harness.desk import StoryDesk
from harness.vectors_server import Vectors
from harness.waiting import eventually
from parley.ai import chosen, endpoint
from parley.ai.encoder import encoder
from parley.core import events as e
from parley.core.embeddings import Wish, wished
from parley.core.manner import Term
from parley.core.tone import Tone
from parley.demo import build, knowledge
from parley.services import knowledge as kept
from parley.services import orders, people, proof, setup, understanding
from parley.services.knowledge import write as written
from parley.services.understanding import Brain


@pytest.fixture
def shop(bot_desk: StoryDesk) -> StoryDesk:
    """A desk with the demo company's articles and a few orders."""

    def fill(tx) -> None:  # type: ignore[no-untyped-def]
        brands = {b.key: bot_desk.brand for b in build.made_up.brands()}
        build.add_articles(tx, brands)
        build.add_orders(tx, brands, tx.at)

    bot_desk.change(fill)
    return bot_desk


FEW = ("returns-worn-shoes", "delivery-times-costs", "refund-timing", "warranty")  # a library that is soon learnt


def add_article(tx, one) -> None:  # type: ignore[no-untyped-def]
    written(tx, one.title, one.markdown, "agent/1", slug=one.slug, wordings=one.wordings)


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


@pytest.mark.parametrize("instead", ["parcel of words", ""])
def test_words_that_the_brand_does_not_say_are_said_otherwise_or_left_to_people(shop: StoryDesk, instead: str) -> None:
    asked = "can I return shoes I wore once?"
    shop.visitor("kim").says(asked)
    plain = shop.words()[-1]
    word = max(plain.replace(".", " ").replace(",", " ").split(), key=len)

    def keep(tx) -> None:  # type: ignore[no-untyped-def]
        look = setup.all_brands(tx.conn)[shop.brand].look
        terms = (Term(avoid=word, say=instead),)
        setup.change_brand(tx, shop.brand, "Larkspur", msgspec.structs.replace(look, terms=terms))

    shop.change(keep)
    shop.visitor("lee").says(asked)
    said = shop.words(shop.conversations()[0].id)[-1]
    assert word not in said
    if instead:
        assert "arcel of words" in said
        assert shop.events(e.HandoffAsked) == []
    else:
        [card] = shop.events(e.HandoffAsked)
        assert f"words that the brand does not use (“{word}”)" in card.event.reason  # type: ignore[union-attr]


@pytest.mark.parametrize("does", ["warn", "refuse"])
def test_an_answer_that_does_not_sound_like_the_brand_is_left_to_people_where_that_is_refused(
    shop: StoryDesk, does: str
) -> None:
    def keep(tx) -> None:  # type: ignore[no-untyped-def]
        look = setup.all_brands(tx.conn)[shop.brand].look
        tone = Tone(rules={"sentence": does}, words=2)
        setup.change_brand(tx, shop.brand, "Larkspur", msgspec.structs.replace(look, tone=tone))

    shop.change(keep)
    shop.visitor("lee").says("can I return shoes I wore once?")
    cards = shop.events(e.HandoffAsked)
    assert [("brand's tone" in card.event.reason) for card in cards] == ([True] if does == "refuse" else [])  # type: ignore[union-attr]


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


def test_an_unhappy_customer_is_announced_and_a_matter_of_fact_one_is_not(shop: StoryDesk) -> None:
    shop.visitor("kim").says("I am very disappointed and angry. This is awful, I want to talk to a human")
    shop.visitor("lee").says("I would like to talk to a human about order 12345")
    first, second = (r.event.known for r in shop.events(e.HandoffAsked))  # type: ignore[union-attr]
    assert "They sound unhappy" in first
    assert "They sound unhappy" not in second


def test_what_a_customer_names_is_on_the_card(shop: StoryDesk) -> None:
    shop.visitor("kim").says("I want to talk to a human about the $49.90 you took on 3 June, call +44 20 7946 0018")
    (card,) = shop.events(e.HandoffAsked)
    assert "They name $49.90, 3 June, +44 20 7946 0018" in card.event.known  # type: ignore[union-attr]


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


def test_it_answers_by_words_until_the_articles_are_read_for_their_meaning(bot_desk: StoryDesk) -> None:
    if encoder() is None:
        pytest.skip("the sentence encoder was not built here (see hatch_vectors.py)")
    brain = Brain(by_meaning=True)
    bot_desk.change(lambda tx: [add_article(tx, one) for one in knowledge.articles() if one.slug in FEW])
    assert brain.warm(bot_desk.record).library.engine.name.startswith("ngrams")
    eventually(lambda: brain.warm(bot_desk.record).library.engine.name.startswith("vectors"), seconds=180)
    heard = brain.understand(bot_desk.record, "may boots that I have already worn come back to you?", None)
    assert heard.hits[0].ref == "returns-worn-shoes"


def test_a_wording_that_somebody_confirmed_is_soon_read(bot_desk: StoryDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(understanding, "FRESHENS", 0.0)
    brain, asked = Brain(by_meaning=False), "zorble my gnarfs"
    bot_desk.change(lambda tx: [add_article(tx, one) for one in knowledge.articles() if one.slug in FEW])
    assert brain.found(bot_desk.record, asked, None)[1][0].ref != "warranty"
    article = bot_desk.record.ask(kept.by_slug, "warranty")
    bot_desk.change(lambda tx: kept.add_wording(tx, article.id, asked))
    eventually(lambda: [hit.ref for hit in brain.found(bot_desk.record, asked, None)[1][:1]] == ["warranty"])


def test_an_encoder_elsewhere_that_dies_and_comes_back_costs_no_answer(
    bot_desk: StoryDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "PAUSES", ())
    monkeypatch.setattr(understanding, "AGAIN", 0.2)
    monkeypatch.setattr(understanding, "RESTS", 0.0)
    server, question = Vectors(), "my friend wore the shoes once, may she return them?"
    chosen.choose(wished(f"{server.url}#words-{server.url[-7:]}"))
    try:
        server.status = 500
        brain = Brain(by_meaning=True)
        bot_desk.change(lambda tx: [add_article(tx, one) for one in knowledge.articles() if one.slug in FEW])
        brain.warm(bot_desk.record)
        eventually(lambda: "words alone" in chosen.trouble(), seconds=60)
        by_words = brain.understand(bot_desk.record, question, None)
        server.status = 200
        monkeypatch.setattr(endpoint, "REST", 0.0)
        encoder()._not_before = 0.0  # type: ignore[union-attr]  # the minute is over
        eventually(lambda: brain.warm(bot_desk.record).by_meaning, seconds=120)
        server.status = 500
        again = brain.understand(bot_desk.record, question, None)
        assert [hit.ref for hit in again.hits] == [hit.ref for hit in by_words.hits]
        assert again.hits
        assert again.threshold == by_words.threshold
    finally:
        chosen.choose(Wish())
        server.close()


# ── what it may do ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shop_that_cancels(shop: StoryDesk) -> StoryDesk:
    """The brand lets the bot cancel orders that are not packed; Kim's is placed, Lee's is on its way."""

    def permit(tx) -> None:  # type: ignore[no-untyped-def]
        setup.change_brand(tx, shop.brand, "Larkspur", setup.Look(bot_does=("cancel_order",)))
        lamp = (orders.Item(name="Lamp", cents=4900),)
        rows = (
            ("55501", "kim@example.org", "placed"),
            ("55502", "lee@example.org", "in transit"),
            ("55503", "kim@example.org", "packed"),
        )
        for number, mail, status in rows:
            placed = orders.Order(
                number=number, brand=shop.brand, mail=mail, status=status, placed_at=tx.at, items=lamp
            )
            orders.add(tx, [placed])

    shop.change(permit)
    shop.desk.setup_changed()
    return shop


def status_of(desk: StoryDesk, number: str) -> str:
    order = desk.record.ask(orders.by_number, number)
    assert order is not None
    return order.status


def last_words(desk: StoryDesk) -> str:
    return str(replies(desk)[-1].event.preview)  # type: ignore[union-attr]


def proves(desk: StoryDesk, name: str, mail: str) -> None:
    desk.visitor(name).says(mail).says(code_mailed(desk))


def test_it_cancels_an_order_once_it_is_proved_whose_it_is_and_a_yes_was_said(shop_that_cancels: StoryDesk) -> None:
    shop = shop_that_cancels
    kim = shop.visitor("kim").says("please cancel order 55501")
    assert "which e-mail address" in last_words(shop)
    proves(shop, "kim", "kim@example.org")
    assert "Shall I?" in last_words(shop)
    assert status_of(shop, "55501") == "placed"
    kim.says("yes please")
    assert status_of(shop, "55501") == "cancelled"
    assert last_words(shop).startswith("Order 55501 is cancelled.")
    done = [r.event for r in shop.events(e.ProcedureWentOn) if r.event.act]  # type: ignore[union-attr]
    assert [(one.procedure, one.version) for one in done] == [("cancel_order", 3)]  # type: ignore[union-attr]
    assert shop.view("waiting") == []


def test_a_no_leaves_the_order_and_another_question_leads_back_to_it(shop_that_cancels: StoryDesk) -> None:
    shop = shop_that_cancels
    kim = shop.visitor("kim").says("please cancel order 55501")
    proves(shop, "kim", "kim@example.org")
    kim.says("no, leave it")
    assert "stays as it is" in last_words(shop)
    kim.says("cancel my order 55501").says("can I return shoes I wore once?")
    assert "Shall I?" in last_words(shop)
    kim.says("no")
    assert status_of(shop, "55501") == "placed"


def test_a_packed_order_goes_to_people_and_one_that_left_stays(shop_that_cancels: StoryDesk) -> None:
    shop = shop_that_cancels
    kim = shop.visitor("kim").says("cancel my order 55501")
    proves(shop, "kim", "kim@example.org")
    kim.says("no").says("cancel my order 55503")
    (card,) = shop.events(e.HandoffAsked)
    assert "the policy says no: it is not packed" in card.event.reason  # type: ignore[union-attr]
    lee = shop.visitor("lee").says("please cancel order 55502")
    proves(shop, "lee", "lee@example.org")
    assert "has left us already" in last_words(shop)
    lee.says("yes")
    assert (status_of(shop, "55502"), status_of(shop, "55503")) == ("in transit", "packed")


def test_anothers_order_is_as_if_there_were_none(shop_that_cancels: StoryDesk) -> None:
    shop = shop_that_cancels
    kim = shop.visitor("kim").says("cancel my order 55501")
    proves(shop, "kim", "kim@example.org")
    kim.says("no").says("cancel my order 55502")
    of_another = last_words(shop)
    assert of_another.startswith("I find no such order")
    lee = shop.visitor("lee").says("cancel my order 55502")
    proves(shop, "lee", "lee@example.org")
    lee.says("cancel my order 99999")
    assert last_words(shop) == of_another
    assert status_of(shop, "55502") == "in transit"


def test_where_the_brand_does_not_permit_it_people_cancel(shop: StoryDesk) -> None:
    shop.visitor("kim").says("please cancel order 10342")
    (card,) = shop.events(e.HandoffAsked)
    assert "wants to cancel an order" in card.event.reason  # type: ignore[union-attr]


def test_an_order_that_moved_on_in_the_meantime_is_not_cancelled(shop_that_cancels: StoryDesk) -> None:
    shop = shop_that_cancels
    kim = shop.visitor("kim").says("please cancel order 55501")
    proves(shop, "kim", "kim@example.org")
    shop.change(lambda tx: orders.move(tx, "55501", "placed", "packed"))
    kim.says("yes")
    assert status_of(shop, "55501") == "packed"
    assert shop.events(e.HandoffAsked)
