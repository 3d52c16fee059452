"""Opinions about one of several things in a sentence: where its words are looked for, and that learning helps."""

import pytest

from parley.ai.aspects import AspectReader, Mention, clause_of, clauses, views
from parley.ai.encoder import encoder

SOUP = "The soup was cold and bland, but the waiter was kind."


def mention(text: str, word: str) -> Mention:
    return Mention(text, text.index(word), text.index(word) + len(word))


def test_each_thing_has_its_own_clause() -> None:
    assert clause_of(mention(SOUP, "soup")) == "The soup was cold and bland,"
    assert clause_of(mention(SOUP, "waiter")) == "but the waiter was kind."


def test_a_clause_of_two_words_takes_the_next_one_too() -> None:
    text = "The battery, which is new, lasts two days."
    assert clause_of(mention(text, "battery")) == "The battery, which is new,"


def test_what_is_near_before_and_after() -> None:
    near, clause, before, after = views(mention(SOUP, "waiter"))
    assert near == "cold and bland, but the waiter was kind."
    assert clause == "but the waiter was kind."
    assert before.endswith("but the waiter")
    assert after == "waiter was kind."


@pytest.mark.parametrize("text", ["", "one", "...", "but", "a, b, c", "ほんとうに よい"])
def test_any_text_has_views(text: str) -> None:
    assert all(isinstance(view, str) for view in views(Mention(text, 0, len(text))))
    assert all(0 <= a < b <= len(text) or not text for a, b in clauses(text))


GOOD = ["great", "lovely", "excellent", "a delight", "better than ever", "very friendly"]
BAD = ["awful", "broken", "far too slow", "a disappointment", "rude", "worse than before"]
THINGS = ["delivery", "screen", "app", "support", "price", "box", "battery", "courier"]


@pytest.mark.skipif(encoder() is None, reason="the sentence encoder was not built")
def test_what_was_learnt_is_told_of_each_thing_apart() -> None:
    engine = encoder()
    assert engine is not None
    mentions, said = [], []
    for i, thing in enumerate(THINGS[:6]):
        for j, (good, bad) in enumerate(zip(GOOD, BAD, strict=True)):
            other = THINGS[(i + 1 + j % 4) % 6]
            first, second = (good, bad) if j % 2 else (bad, good)
            text = f"The {thing} was {first}, but the {other} was {second}."
            mentions += [mention(text, thing), mention(text, other)]
            said += ["positive", "negative"] if j % 2 else ["negative", "positive"]
    reader = AspectReader.learn(mentions, said, engine)
    text = "The courier was wonderful, but the battery was terrible."
    found = reader.read([mention(text, "courier"), mention(text, "battery")])
    assert [opinion.polarity for opinion in found] == ["positive", "negative"]
    turned = "The battery was terrible, but the courier was wonderful."
    found = reader.read([mention(turned, "courier"), mention(turned, "battery")])
    assert [opinion.polarity for opinion in found] == ["positive", "negative"]
    assert all(0 <= opinion.confidence <= 1 for opinion in found)
    assert reader.read([]) == []
