"""What sentences claim, and which two of them cannot both be true."""

import pytest

from parley.ai.claims import claim, differ

APART = (
    ("Gift wrapping costs 4 euros.", "Gift wrapping costs €5.", "price"),
    ("Refunds are paid within two weeks.", "Refunds are paid within 5 days.", "time"),
    ("The hotline is open until 6 pm.", "The hotline is open until 17:00.", "clock"),
    ("Students get 10 % off.", "Students get 15 percent off.", "percent"),
    ("Repairs of soles are free.", "Repairs of soles cost 25 euros.", "price"),
    ("Batteries can be sent by air.", "Batteries can't be sent by air.", "yes or no"),
)
TOGETHER = (
    ("The warranty lasts 24 months.", "The warranty lasts two years."),
    ("Parcels arrive within 3 to 5 days.", "Parcels arrive within 4 days."),
    ("Refunds take 5 working days.", "Refunds take one week."),
    ("Shipping to Norway costs 9 euros.", "Shipping to Sweden costs 7 euros."),
    ("Swimwear can be returned.", "Swimwear without the hygiene strip cannot be returned."),
    ("The chat is open until 6 pm.", "The chat is open until 18:00."),
    ("Feel free to call the hotline.", "Calling the hotline costs 2 euros."),
)


@pytest.mark.parametrize(("a", "b", "kind"), APART)
def test_two_that_cannot_both_be_true(a: str, b: str, kind: str) -> None:
    assert differ(claim(a), claim(b)) == kind
    assert differ(claim(b), claim(a)) == kind


@pytest.mark.parametrize(("a", "b"), TOGETHER)
def test_two_that_can(a: str, b: str) -> None:
    assert differ(claim(a), claim(b)) == ""
    assert differ(claim(b), claim(a)) == ""
