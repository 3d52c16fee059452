"""Who may be the same human: suggested with reasons, joined by an agent or by proof; and held apart for good."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from harness.desk import StoryDesk
from harness.web import served
from parley.core.channel import Address
from parley.core.identity import normal
from parley.core.sameness import Reason, confidence, phone_forms, same_name
from parley.services import people, sameness

KINDS = {"phone", "wa_id", "viber"}


def met(desk: StoryDesk, kind: str, value: str, name: str = "") -> int:
    address = [Address(kind=kind, value=value, name=name)]
    return int(next(iter(desk.change(lambda tx: people.meet(tx, address, "test")).values())).person)


def told(desk: StoryDesk, person: int) -> list[tuple[int, tuple[str, ...]]]:
    return [(s.person.id, s.reasons) for s in desk.record.ask(sameness.suggested, person, KINDS)]


def test_one_phone_under_two_kinds_of_address(desk: StoryDesk) -> None:
    called = met(desk, "phone", "+44 (0)20 7946 0000")
    wrote = met(desk, "wa_id", "442079460000")
    met(desk, "phone", "+442079460001")
    assert told(desk, called) == [(wrote, ("The same phone number, 442079460000",))]
    assert told(desk, wrote) == [(called, ("The same phone number, +442079460000",))]


def test_an_address_given_but_not_proved(desk: StoryDesk) -> None:
    visitor, mailer = met(desk, "visitor", "kim-in-the-chat"), met(desk, "mail", "kim@example.com")
    mail = desk.record.ask(people.identities_of, mailer)[0]
    desk.change(lambda tx: people.expect_code(tx, visitor, mail, "123456", "test"))
    reason = ("Gave kim@example.com as their own address, unproved",)
    assert told(desk, visitor) == [(mailer, reason)]
    assert told(desk, mailer) == [(visitor, reason)]


def test_the_likeliest_comes_first_and_a_common_name_says_little(desk: StoryDesk) -> None:
    kim = met(desk, "phone", "+442079460000", "Kim Lee")
    both = met(desk, "wa_id", "442079460000", "Kim Lee")
    name = met(desk, "mail", "kim@example.com", "Kim Lee")
    assert [person for person, _ in told(desk, kim)] == [both, name]
    for n in range(4):
        met(desk, "mail", f"kim{n}@example.com", "Kim Lee")
    found = desk.record.ask(sameness.suggested, kim, KINDS)
    assert found[1].confidence < 0.2 < 0.95 < found[0].confidence


def test_who_was_held_apart_is_not_suggested_again(desk: StoryDesk) -> None:
    one, other = met(desk, "phone", "+442079460000"), met(desk, "wa_id", "442079460000")
    desk.change(lambda tx: sameness.hold_apart(tx, one, other, "agent/1"))
    desk.change(lambda tx: sameness.hold_apart(tx, other, one, "agent/1"))
    assert told(desk, one) == told(desk, other) == []


def test_somebody_merged_is_not_suggested(desk: StoryDesk) -> None:
    kim = met(desk, "phone", "+442079460000", "Kim Lee")
    gone = met(desk, "mail", "kim@example.com", "Kim Lee")
    keep = met(desk, "mail", "kim@work.example", "Kim Lee")
    desk.change(lambda tx: people.merge(tx, keep, gone, "by hand", "agent/1"))
    assert [person for person, _ in told(desk, kim)] == [keep]


def test_an_agent_says_that_they_are_two(tmp_path: Path) -> None:
    with served(tmp_path) as web:
        one, other = (met(web.story, "mail", f"kim@{place}.example", "Kim Lee") for place in ("home", "work"))
        ada = web.signed_in("ada", "lead")
        shown = ada.get(f"/desk/people/{one}").text
        assert "The same name" in shown
        assert "45 % likely" in shown
        assert ada.post(f"/desk/people/{one}/apart", data={"absorbed": str(other)}).status_code == 303
        assert "Perhaps the same person" not in ada.get(f"/desk/people/{one}").text
        assert ada.post(f"/desk/people/{one}/apart", data={"absorbed": str(one)}).status_code == 422


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+5511987654321", "551187654321"), ("+5491112345678", "541112345678"), ("+5215512345678", "525512345678"),
        ("+442079460000", "442079460000"),
    ],
)  # fmt: skip
def test_one_phone_however_a_platform_writes_it(one: str, other: str) -> None:
    assert phone_forms(one) == phone_forms(other)


@given(some.from_regex(r"\+?[1-9][0-9]{7,14}", fullmatch=True))
def test_forms_are_the_same_from_each_of_them(value: str) -> None:
    forms = phone_forms(value)
    assert value.lstrip("+") in forms
    assert all(phone_forms(form) == forms for form in forms)


def test_what_is_no_phone_has_no_form() -> None:
    assert all(not phone_forms(value) for value in ("", "kim", "hidden/77", "12", "0044123456789", "+44 20"))


@given(some.lists(some.floats(0, 1), max_size=5))
def test_more_reasons_make_it_never_less_likely(weights: list[float]) -> None:
    reasons = [Reason("x", w) for w in weights]
    assert 0 <= confidence(reasons) <= 1
    assert confidence([*reasons, Reason("y", 0.1)]) >= confidence(reasons) - 1e-12


def test_a_first_name_says_nothing() -> None:
    assert same_name("Kim", 0) is None
    assert same_name("Alexander", 0) is None


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("+44 (0)20 7946 0000", "+442079460000"), ("0049 170 1234567", "+491701234567"),
        ("+1 (415) 555-0100", "+14155550100"), ("hidden/77", "hidden/77"),
        ("12345", "12345"), ("ACME", "ACME"), ("+49", "+49"),
    ],
)  # fmt: skip
def test_a_phone_number_has_one_form_however_it_is_typed(typed: str, stored: str) -> None:
    assert normal("phone", typed) == stored
