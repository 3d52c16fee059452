"""Who gets a candidate, and when two arms differ for certain: the draw, the always-valid interval, kinds of change."""

import random
from collections import Counter

import pytest

from parley.core import trial as t
from parley.core.errors import Refused
from parley.core.trial import Change, Outcome, Seen, Wording

PEOPLE = range(1, 20_001)


def test_the_draw_is_the_same_everywhere_and_in_every_conversation() -> None:
    assert [t.arm(7, person, 50, 10) for person in range(1, 9)] == [
        "old", "old", "new", "holdout", "new", "new", "new", "old",
    ]  # fmt: skip


def test_shares_are_what_was_said_and_who_has_the_new_one_keeps_it_while_the_share_grows() -> None:
    drawn = {share: [t.arm(3, person, share, 10) for person in PEOPLE] for share in t.SHARES}
    for share, arms in drawn.items():
        n = Counter(arms)
        assert n["holdout"] / len(arms) == pytest.approx(0.1, abs=0.01)
        assert n["new"] / len(arms) == pytest.approx(0.9 * share / 100, abs=0.012)
    for ten, half, all_of in zip(drawn[10], drawn[50], drawn[100], strict=True):
        assert (ten == "holdout") == (half == "holdout") == (all_of == "holdout")
        assert ten != "new" or half == all_of == "new"


def test_two_trials_draw_apart_from_each_other() -> None:
    both = sum(t.arm(1, person, 50, 0) == t.arm(2, person, 50, 0) for person in PEOPLE)
    assert both / len(PEOPLE) == pytest.approx(0.5, abs=0.02)


def test_whoever_looks_after_every_tenth_conversation_is_seldom_told_of_a_difference_that_is_none() -> None:
    """Looking 190 times at 95 % for one figure alone would cry wolf in about a third of such trials."""
    chances, alarms, naive, trials = random.Random(20261128), 0, 0, 300
    for _ in range(trials):
        hits, n = [0, 0], [0, 0]
        told = fooled = False
        for number in range(1, 2001):
            arm = chances.random() < 0.5
            hits[arm] += chances.random() < 0.6
            n[arm] += 1
            if number % 10 == 0 and min(n) >= t.FEWEST:
                stage = [(Seen(hits[1], n[1]), Seen(hits[0], n[0]))]
                told = told or t.difference(stage, level=0.95).clear
                gap = abs(hits[1] / n[1] - hits[0] / n[0])
                fooled = fooled or gap > 1.96 * (0.24 / n[0] + 0.24 / n[1]) ** 0.5
        alarms += told
        naive += fooled
    assert alarms / trials <= 0.05
    assert naive / trials > 0.2, "the same looks at a fixed-sample interval: the trial would tell something"


def test_a_real_difference_is_found_and_its_interval_holds_it() -> None:
    chances, found = random.Random(7), 0
    for _ in range(50):
        new = sum(chances.random() < 0.70 for _ in range(1500))
        old = sum(chances.random() < 0.60 for _ in range(1500))
        change = t.difference([(Seen(new, 1500), Seen(old, 1500))])
        found += change.clear
        assert change.interval.holds(0.10)
    assert found >= 45


def test_weeks_with_other_shares_are_not_mixed() -> None:
    """At 10 % it was a bad week, at 90 % a good one: pooled, the new one would look better by far; it is the same."""
    bad, good = (Seen(30, 100), Seen(270, 900)), (Seen(630, 900), Seen(70, 100))
    assert pytest.approx(0.32) == (30 + 630) / 1000 - (270 + 70) / 1000
    change = t.difference([bad, good])
    assert change.value == pytest.approx(0.0)
    assert not change.clear


def test_too_few_say_nothing() -> None:
    assert t.difference([(Seen(29, 29), Seen(0, 29))]).value is None
    assert t.difference([]).value is None


def test_the_same_cases_before_and_after() -> None:
    """Agresti and Min's interval, worked by hand for 20 won, 5 lost, of 100: (15 ± 1.96·√(26 − 15²/102)) / 102."""
    change = t.paired(20, 5, 100)
    assert change.value == pytest.approx(0.15)
    assert change.interval.low == pytest.approx((15 - 1.959964 * (26 - 225 / 102) ** 0.5) / 102, abs=1e-6)
    assert change.clear
    assert not t.paired(3, 2, 100).clear


ANSWER = Outcome(kind=t.ANSWERED, source="a", text="Yes.")


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (ANSWER, ANSWER, "same"),
        (ANSWER, Outcome(kind=t.ANSWERED, source="a", text="No."), "words"),
        (ANSWER, Outcome(kind=t.ANSWERED, source="b", text="Yes."), "source"),
        (ANSWER, Outcome(kind=t.HANDED, source="not sure enough"), "lost"),
        (Outcome(kind=t.HANDED, source="not sure enough"), ANSWER, "won"),
        (Outcome(kind=t.HANDED, source="upset"), Outcome(kind=t.HANDED, source="not sure enough"), "other"),
        (Outcome(kind=t.PROCEDURE, source="refund"), Outcome(kind=t.PROCEDURE, source="return_item"), "procedure"),
        (Outcome(kind=t.PROCEDURE, source="refund"), ANSWER, "procedure"),
        (Outcome(kind=t.WITH_PEOPLE), ANSWER, "later"),
        (Outcome(kind=t.WITH_PEOPLE), Outcome(kind=t.WITH_PEOPLE), "same"),
    ],
)
def test_how_two_outcomes_differ(old: Outcome, new: Outcome, kind: str) -> None:
    assert t.kind_of(old, new) == kind


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (Change(), "shall be different"),
        (Change(promise=0.3), "between 50 and 99"),
        (Change(shown=(1,), hidden=(1,)), "both on and off"),
        (Change(does=("refund",), leaves=("refund",)), "both on and off"),
        (Change(wordings=(Wording(article=1, title=" ", body="x"),)), "a title and a text"),
        (Change(wordings=(Wording(article=1, title="x", body="x"),) * 2), "not two"),
    ],
)
def test_what_cannot_be_tried_is_refused_by_name(change: Change, why: str) -> None:
    with pytest.raises(Refused, match=why):
        t.checked(change)
