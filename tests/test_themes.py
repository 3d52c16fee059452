"""Themes in unsorted messages: planted ones are found and named, and what stands alone is left alone."""

import random

import numpy as np
import pytest

from parley.ai.encoder import encoder, unit
from parley.ai.themes import kmeans, silhouette, themes

PLANTED = {
    "card": [f"my card payment {how} at {where}" for how in ("failed", "was declined", "does not work", "got refused")
             for where in ("checkout", "the till", "your shop", "the last step")],
    "parcel": [f"the parcel {how} {when}" for how in ("has not arrived", "is late", "is lost", "never came")
               for when in ("since Monday", "for a week", "this time", "again")],
    "size": [f"the {what} {how}, can I swap the size" for what in ("boots", "shoes", "jacket", "trousers")
             for how in ("are too small", "are too big", "do not fit", "run narrow")],
}  # fmt: skip


def test_groups_far_apart_are_found() -> None:
    chance = np.random.default_rng(3)
    middles = unit(chance.standard_normal((5, 30)))
    rows = unit(np.repeat(middles, 40, axis=0) + 0.05 * chance.standard_normal((200, 30)).astype(np.float32))
    centres = max((kmeans(rows, 5, chance) for _ in range(5)), key=lambda made: silhouette(rows, made))
    nearest = (rows @ centres.T).argmax(axis=1).reshape(5, 40)
    assert all(len(set(part)) == 1 for part in nearest.tolist())
    assert silhouette(rows, centres) > 0.9
    assert silhouette(rows, centres) > silhouette(rows, kmeans(rows, 3, chance))
    assert silhouette(rows, centres) > silhouette(rows, kmeans(rows, 20, chance))


@pytest.mark.skipif(encoder() is None, reason="the sentence encoder was not built")
def test_planted_themes_are_found_and_named_in_their_own_words() -> None:
    engine = encoder()
    assert engine is not None
    told = [(message, key) for key, messages in PLANTED.items() for message in messages]
    random.Random(4).shuffle(told)
    found = themes([message for message, _ in told], engine)
    for theme in found:
        keys = {told[i][1] for i in theme.places}
        assert len(keys) == 1, "no theme mixes two matters"
        assert theme.quotes[0] == told[theme.places[0]][0]
    assert {told[theme.places[0]][1] for theme in found} == set(PLANTED)
    names = " ".join(theme.name for theme in found)
    assert all(key in names for key in PLANTED)
    assert len({theme.name for theme in found}) == len(found)
    assert found == themes([message for message, _ in told], engine), "the same messages, the same themes"


@pytest.mark.skipif(encoder() is None, reason="the sentence encoder was not built")
@pytest.mark.parametrize("messages", [[], ["a"], ["", "", ""], ["same"] * 20, ["?", "!", "…", "-"]])
def test_messages_that_say_nothing_break_nothing(messages: list[str]) -> None:
    engine = encoder()
    assert engine is not None
    places = [i for theme in themes(messages, engine) for i in theme.places]
    assert len(places) == len(set(places)) <= len(messages)
