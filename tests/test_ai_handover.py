"""Who must talk to a person, what the tools are asked for, and what stands in a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.ai import intents, sensitive
from parley.demo.knowledge import articles
from parley.demo.questions import questions

FOR_A_PERSON = [
    ("Could you put me through to a colleague please?", "wants_human"),
    ("no more robots, I need an actual person", "wants_human"),
    ("can sombody call me back", "wants_human"),
    ("Agent!", "wants_human"),
    ("A person, please", "wants_human"),
    ("Hello. A human, please, I have been here before", "wants_human"),
    ("Ein Mensch, bitte", "wants_human"),
    ("une personne, s'il vous plaît", "wants_human"),
    ("Ich möchte mit einem Mitarbeiter sprechen", "wants_human"),
    ("je voudrais parler à un conseiller", "wants_human"),
    ("quiero hablar con una persona", "wants_human"),
    ("I am absolutely furious about this", "anger"),
    ("WHERE ON EARTH ARE MY BOOTS!!!", "anger"),
    ("Das ist eine Frechheit", "anger"),
    ("you will hear from my solicitor", "legal"),
    ("see you in small claims", "legal"),
    ("Ich schalte die Verbraucherzentrale ein", "legal"),
    ("je vais porter plainte", "legal"),
    ("sometimes I think about ending my life", "self_harm"),
    ("I don't want to live any more", "self_harm"),
    ("ya no quiero vivir", "self_harm"),
    ("the stove caught fire in our tent", "safety"),
    ("my daughter cut her finger on the buckle and it keeps bleeding", "safety"),
    ("he ended up in hospital with a concussion", "safety"),
    ("there is an order I never made on my card, was I hacked", "fraud"),
    ("I got a phishing mail with your logo", "fraud"),
    ("I can see someone else's address in my account", "privacy"),
    ("you leaked my data", "privacy"),
    ("I'm a journalist and would like a statement", "press"),
    ("The delivery driver was shouting at my mother", "staff"),
    ("your shop assistant was so rude to me", "staff"),
    ("My husband died in March and the parcel is in his name", "bereavement"),
    ("mein Mann ist verstorben", "bereavement"),
    ("I lost my job and can't afford the rent", "vulnerable"),
]

ORDINARY = [
    "Is the human hair brush vegan?",
    "What is your return policy for humanitarian organisations?",
    "do you have court shoes in white",
    "which waterproofing agent do you recommend",
    "The battery of my head torch died, is that a warranty case?",
    "these boots hurt my toes a little, can I swap them",
    "can I use the stove near an open fire",
    "table arrived with a broken leg",
    "the back of the chair is broken",
    "I'm not angry, just curious how long it takes",
    "No need for a human, I only want the opening times",
    "The person now living here wants a refund for the tent",
    "I am a nice person. Please tell me your opening times",
    "I don't want to talk to a person, just tell me the price",
    "it is late, my late order still counts for the discount?",
    "base layer for winter",
    "can I press the shirt with a hot iron",
    "gift for my late shift colleagues",
    "is there a staff discount",
    "I want to change my order to another size",
    "WHERE IS MY ORDER 10342",
    "thanks, that was a great help!",
]


@pytest.mark.parametrize(("said", "name"), FOR_A_PERSON)
def test_matters_for_a_person_are_recognised(said: str, name: str) -> None:
    found = {reason.name: reason.evidence for reason in sensitive.reasons(said)}
    assert name in found
    assert found[name]


@pytest.mark.parametrize("said", ORDINARY)
def test_ordinary_messages_stay_with_the_bot(said: str) -> None:
    assert sensitive.reasons(said) == []


def test_few_false_alarms_on_everything_customers_ask_the_demo() -> None:
    public = [wording for a in articles() if a.audience == "public" for wording in a.wordings]
    asked = questions()
    ordinary = [*public, *(q.text for q in asked.answerable), *asked.unanswerable, *(o.text for o in asked.orders)]
    alarms = [one for one in ordinary if sensitive.reasons(one)]
    assert len(alarms) <= 0.02 * len(ordinary), alarms


def test_the_most_pressing_reason_comes_first() -> None:
    found = sensitive.reasons("Your rude driver ran over my foot, I was injured, my lawyer will call. Get me a human!")
    assert [reason.name for reason in found] == ["safety", "legal", "staff", "wants_human"]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("where is my order 10342?", "order_status"),
        ("wheres my parcle", "order_status"),
        ("10342", "order_status"),
        ("Wo bleibt mein Paket?", "order_status"),
        ("où est ma commande", "order_status"),
        ("please cancel order 10342", "cancel_order"),
        ("I no longer want it, cancel it", "cancel_order"),
        ("I'd like to send the jacket back", "return_item"),
        ("when will I get my money back", "refund_status"),
        ("I moved, please change the delivery address", "change_address"),
        ("need an invoice with VAT", "invoice"),
        ("forgot my password", "password"),
        ("let me talk to a human", "human"),
        ("hello!", "greeting"),
        ("Thanks a lot", "thanks"),
        ("bye", "goodbye"),
        ("is the membrane breathable", "other"),
        ("change my e-mail address", "other"),
        ("what are the delivery options", "other"),
    ],
)
def test_the_first_guess(said: str, name: str) -> None:
    assert intents.guess(said)[0].name == name


def test_several_matters_in_one_message() -> None:
    names = {one.name for one in intents.guess("Hi, cancel order 10342 please and send me the invoice. Thanks")}
    assert names == {"greeting", "cancel_order", "invoice", "thanks"}


def test_ones_own_order_is_told_from_how_it_works() -> None:
    assert intents.guess("where is my parcel")[0].personal
    assert intents.guess("cancel 10342")[0].personal
    assert not intents.guess("can orders be cancelled after packing")[0].personal


def test_order_numbers() -> None:
    assert intents.order_numbers("order 10342 and #10291, BF-10300.") == ["10342", "10291", "10300"]
    assert intents.order_numbers("ship to 10115 Berlin, order number: 10342") == ["10342", "10115"]
    assert intents.order_numbers("call +353 1 10342555, pay 10342.50, kim10342@example.org, 103421") == []
    assert intents.order_numbers("it is kh-2044-x", r"KH-\d{4}-[A-Z]") == ["KH-2044-X"]


def test_addresses_and_codes() -> None:
    assert intents.mail_addresses("I'm Kim.Lee@Example.ORG, (kim@shop.test). Not kim@local") == [
        "kim.lee@example.org", "kim@shop.test",
    ]  # fmt: skip
    assert intents.codes("the code is 042 517, or 123456.") == ["042517", "123456"]
    assert intents.codes("order 10342, phone 00353123456, 12345678, 123.456") == []


@pytest.mark.parametrize(
    ("said", "meant"),
    [("yes please", True), ("Yep", True), ("ja genau", True), ("that helped, thanks", True), ("👍", True),
     ("no", False), ("no thanks", False), ("not really", False), ("that didn't help", False), ("nein", False),
     ("yes but not today", None), ("where is it?", None), ("my order number is 10342", None), ("", None),
     ("notebook", None), ("oktober", None)],
)  # fmt: skip
def test_yes_and_no(said: str, meant: bool | None) -> None:
    assert intents.yes_or_no(said) is meant


@given(st.text())
def test_anything_may_be_said(said: str) -> None:
    assert all(one.name in intents.NAMES and 0 < one.confidence <= 1 for one in intents.guess(said))
    assert all(reason.name in sensitive.NAMES for reason in sensitive.reasons(said))
    intents.order_numbers(said)
    intents.mail_addresses(said)
    intents.codes(said)
    intents.yes_or_no(said)
