"""Solved at first contact, by five definitions that disagree."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.core.firstcontact import (
    DAY,
    BotChat,
    Contact,
    automation_rate,
    bot_result,
    first_contact_closed,
    no_reopen,
    no_repeat,
    one_touch,
    rates,
)

NOW = 100 * DAY


def contact(number: int, day: float, topic: str = "card", channel: str = "mail", **more: object) -> Contact:
    return Contact(number=number, person=1, began=day * DAY, topic=topic, channel=channel, **more)  # type: ignore[arg-type]


def test_the_same_again_after_six_days() -> None:
    assert no_repeat([contact(1, 0), contact(2, 6)], 7, NOW)[1] is False


def test_the_same_again_after_eight_days() -> None:
    pair = [contact(1, 0), contact(2, 8)]
    assert no_repeat(pair, 7, NOW)[1] is True
    assert no_repeat(pair, 30, NOW)[1] is False


def test_another_topic_and_another_person() -> None:
    other = Contact(number=3, person=2, began=DAY, topic="card")
    assert no_repeat([contact(1, 0), contact(2, 1, "delivery"), other], 7, NOW)[1] is True


def test_another_channel_is_still_again() -> None:
    assert no_repeat([contact(1, 0), contact(2, 0.2, channel="chat")], 7, NOW)[1] is False


def test_a_duplicate_merged_at_once_is_one_contact() -> None:
    twin = contact(2, 0.001, merged_into=1, merged_at=0.001 * DAY + 300)
    found = no_repeat([contact(1, 0), twin], 7, NOW)
    assert found == {1: True}
    late = contact(2, 0.001, merged_into=1, merged_at=0.001 * DAY + 900)
    assert no_repeat([contact(1, 0), late], 7, NOW)[1] is False


def test_a_young_one_is_not_yet_a_success() -> None:
    assert no_repeat([contact(1, 95)], 7, NOW)[1] is None
    assert no_repeat([contact(1, 95), contact(2, 96)], 7, NOW) == {1: False, 2: None}


def test_reopened_later_than_the_window_is_no_failure_of_it() -> None:
    found = contact(1, 0, solved=20 * DAY, reopened=(5 * DAY,), closes=2)
    assert no_reopen(found, 7, NOW) is False
    late = contact(1, 0, solved=DAY, reopened=(15 * DAY,), closes=1)
    assert no_reopen(late, 7, NOW) is True
    assert no_reopen(late, 30, NOW) is False
    assert no_reopen(contact(1, 98, solved=99 * DAY), 7, NOW) is None
    assert no_reopen(contact(1, 0), 7, NOW) is None


def test_touches_and_teammates() -> None:
    assert one_touch(contact(1, 0, solved=DAY, replies=1)) is True
    assert one_touch(contact(1, 0, solved=DAY, replies=2)) is False
    assert first_contact_closed(contact(1, 0, solved=DAY, closes=1, people=2)) is False
    assert one_touch(contact(1, 0, replies=1)) is None


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 60), st.sampled_from("ab")), max_size=40), st.integers(0, 99)
)
def test_order_and_sharding_by_person_change_nothing(rows: list[tuple[int, int, str]], seed: int) -> None:
    contacts = [Contact(number=i, person=p, began=d * DAY, topic=t) for i, (p, d, t) in enumerate(rows)]
    shuffled = contacts.copy()
    random.Random(seed).shuffle(shuffled)
    whole = no_repeat(contacts, 7, NOW)
    shards: dict[int, bool | None] = {}
    for person in range(1, 5):
        shards |= no_repeat([c for c in shuffled if c.person == person], 7, NOW)
    assert whole == shards == no_repeat(shuffled, 7, NOW)


def test_all_five_side_by_side() -> None:
    contacts = [
        contact(1, 0, solved=DAY, closes=1, replies=1, people=1, said_solved=True),
        contact(2, 50, "delivery", solved=51 * DAY, closes=1, replies=3, people=2, said_solved=False),
        contact(3, 99, "size"),
    ]
    found = {rate.name: (rate.hits, rate.n, rate.unknown) for rate in rates(contacts, 7, NOW)}
    assert found == {
        "no_repeat": (2, 2, 1),
        "no_reopen": (2, 2, 1),
        "first_contact_closed": (1, 2, 1),
        "one_touch": (1, 2, 1),
        "customer_stated": (1, 2, 1),
    }


def test_the_newest_days_do_not_weigh_by_their_failures_alone() -> None:
    young = [contact(1, 97), contact(2, 98), contact(3, 99, "size")]
    assert rates(young, 7, NOW)[0].n == 0
    assert no_repeat(young, 7, NOW)[1] is False


def test_kept_by_the_bot_is_not_solved_by_it() -> None:
    chats = [BotChat(handed_over=True)] * 380 + [BotChat(again=True)] * 140 + [BotChat(unhappy=True)] * 60
    chats += [BotChat()] * (1000 - len(chats))
    found = bot_result(chats)
    assert (found.contained.value, found.resolved.value) == (0.62, 0.42)
    twice = bot_result([BotChat(again=True, unhappy=True, failed_audit=True), BotChat()])
    assert twice.resolved.value == 0.5
    assert automation_rate(0.5, 0.6) == pytest.approx(0.3)
