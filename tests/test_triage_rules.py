"""Rules over what was noticed, without a desk; and the written samples, so that no wording is lost unseen."""

import json
import sys
from pathlib import Path

import pytest

from parley.ai import noticing
from parley.core import events as e
from parley.core import triage as rules
from parley.core.errors import Refused
from parley.core.language import told

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import triage as samples  # noqa: E402


def signs(*names: str) -> list[e.Noticed]:
    found = []
    for name in names:
        signal, _, value = name.partition("=")
        found.append(e.Noticed(signal=signal, value=value))
    return found


def test_the_first_rule_that_names_a_priority_decides_and_all_give_tags() -> None:
    policy = rules.Policy(rules=(
        rules.Rule(signal="legal", tag="law"),
        rules.Rule(signal="no_hurry", priority="low", tag="later"),
        rules.Rule(signal="legal", priority="urgent", skill="law"),
    ))  # fmt: skip
    verdict = rules.decide(signs("legal", "no_hurry"), policy, ["law"])
    assert (verdict.priority, verdict.because) == ("low", "no_hurry")
    assert (verdict.tags, verdict.skills) == (("law", "later"), ("law",))
    assert rules.decide(signs("legal", "no_hurry"), policy).skills == (), "a skill that nobody has leads nowhere"


def test_a_rule_may_be_off_or_for_one_value_only() -> None:
    policy = rules.Policy(rules=(
        rules.Rule(signal="outage", value="card_payment", priority="urgent"),
        rules.Rule(signal="outage", priority="high", on=False),
    ))  # fmt: skip
    assert rules.decide(signs("outage=card_payment"), policy).priority == "urgent"
    assert rules.decide(signs("outage=website"), policy).priority == "normal"


def test_a_signal_with_an_amount_counts_from_the_desks_own_threshold_on() -> None:
    shy, bold = rules.Policy(spam_from=0.9, value_from=100_00), rules.Policy(spam_from=0.6, value_from=0)
    assert rules.decide(signs("spam=0.7"), shy).priority == "normal"
    assert rules.decide(signs("spam=0.7"), bold).priority == "low"
    assert rules.decide(signs("value=20000"), shy).priority == "high"
    assert rules.decide(signs("value=20000"), bold).priority == "normal", "a threshold of nothing is none"


@pytest.mark.parametrize("skill", ["de", "german", "Deutsch"])
def test_a_languages_skill_goes_by_any_of_its_names(skill: str) -> None:
    assert rules.decide(signs("language=de"), rules.Policy(), [skill]).skills == (skill,)


def test_danger_goes_before_the_doubt_that_it_is_spam() -> None:
    assert rules.decide(signs("danger", "spam=0.99"), rules.Policy()).priority == "urgent"
    assert rules.decide(signs("anger", "spam=0.99"), rules.Policy()).priority == "low"


@pytest.mark.parametrize("wrong", [
    rules.Policy(rules=(rules.Rule(signal="moon"),)),
    rules.Policy(rules=(rules.Rule(signal="legal", priority="extreme"),)),
    rules.Policy(rules=(rules.Rule(signal="legal", tag="a,b"),)),
    rules.Policy(spam_from=0.2),
    rules.Policy(value_from=-1),
])  # fmt: skip
def test_rules_that_cannot_be_followed_are_refused(wrong: rules.Policy) -> None:
    with pytest.raises(Refused):
        rules.check(wrong)


@pytest.mark.parametrize(("part", "least"), [("development", 0.95), ("held out", 0.85)])
def test_priorities_of_the_written_samples(part: str, least: float) -> None:
    mine = [one for one in samples.read("priorities") if one["part"] == part]
    assert len(mine) >= 60
    assert sum(samples.priority(one["text"]) == one["priority"] for one in mine) / len(mine) >= least


@pytest.mark.parametrize(("part", "least"), [("development", 0.95), ("held out", 0.85)])
def test_languages_of_the_written_samples(part: str, least: float) -> None:
    mine = [one for one in samples.read("languages") if one["part"] == part]
    assert len(mine) >= 60
    assert sum(told(one["text"]) == one["language"] for one in mine) / len(mine) >= least


def test_the_duplicate_samples_are_as_many_of_either_kind() -> None:
    pairs = samples.read("duplicates")
    assert len(pairs) >= 60
    assert sum(one["same"] for one in pairs) * 2 == len(pairs)


def test_the_words_that_show_a_signal_stand_where_it_says() -> None:
    for one in samples.read("priorities"):
        flat = noticing.folded(one["text"])
        for found in noticing.notice(one["text"]):
            assert 0 <= found.start <= found.end <= len(flat)
            assert found.end == 0 or flat[found.start : found.end].strip()


def test_no_message_is_long_enough_to_keep_it_busy() -> None:
    long = json.dumps(["I can't pay, my card my card is still not not working and"] * 400)
    assert {one.signal for one in noticing.notice(long)}
    assert noticing.spam(long)[0] <= 1
