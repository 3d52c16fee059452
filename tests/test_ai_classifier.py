"""Intents learnt from labelled messages: right, sure only where it is right, and the same after a restart."""

import io
import random

import numpy as np
import pytest

from parley.ai.classifier import TURNS, Classifier, _cut, dumped, restored, train
from parley.ai.encoder import encoder, unit
from parley.ai.slips import slipped, slipped_all
from parley.ai.spreading import Graph, spread

ITEMS = ("lamp", "tent", "sweater", "kettle", "mug", "boots", "backpack", "blanket", "chair", "knife")
WORDINGS = {
    "where_is_it": ("where is my {}", "when will the {} arrive", "has my {} been shipped yet", "track my {} please",
                    "my {} should have been here by now"),
    "send_it_back": ("I want to return the {}", "how do I send the {} back", "can I bring back the {}",
                     "the {} does not fit, I would like to return it", "return label for my {}"),
    "money_back": ("when do I get my money back for the {}", "refund for the {} has not come", "please refund the {}",
                   "I was charged twice for the {}", "you still owe me the price of the {}"),
    "broken": ("the {} is broken", "my {} arrived damaged", "the {} stopped working after a day",
               "there is a crack in the {}", "the {} came in pieces"),
}  # fmt: skip
STRANGE = (
    "what is the capital of Peru", "tell me a joke", "who won the match last night", "sing me a song",
    "how tall is the highest mountain", "translate good morning into Welsh", "what time is it in Tokyo",
    "write a poem about autumn", "is there life on Mars", "recommend me a film for tonight",
)  # fmt: skip


def examples(items: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(said.format(item), name) for name, some in WORDINGS.items() for said in some for item in items]


@pytest.fixture(scope="module", params=["meaning", "words"])
def learnt(request: pytest.FixtureRequest) -> Classifier:
    meaning = encoder() if request.param == "meaning" else None
    if request.param == "meaning" and meaning is None:
        pytest.skip("the sentence encoder was not built here")
    return train(examples(ITEMS[:7]), meaning, outside=STRANGE[:5])


def test_items_that_were_never_mentioned_change_nothing(learnt: Classifier) -> None:
    asked = examples(ITEMS[7:])
    guesses = learnt.guesses([text for text, _ in asked])
    assert sum(g.name == name for g, (_, name) in zip(guesses, asked, strict=True)) >= 0.9 * len(asked)


def test_probabilities_are_ranked_and_add_up(learnt: Classifier) -> None:
    (one,) = learnt.guesses(["where is my parcel"], ranked=4)
    chances = [chance for _, chance in one.ranked]
    assert one.ranked[0] == (one.name, one.probability)
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) == pytest.approx(1, abs=1e-4)


def test_foreign_messages_are_less_sure_than_known_ones(learnt: Classifier) -> None:
    known = [g.sure for g in learnt.guesses([text for text, _ in examples(ITEMS[7:])])]
    foreign = [g.sure for g in learnt.guesses(STRANGE[5:])]
    assert np.median(foreign) < np.quantile(known, 0.1)


def test_answering_more_is_never_promised_to_be_more_right_than_the_curve_says(learnt: Classifier) -> None:
    points = learnt.curve
    assert [p.sure for p in points] == sorted(p.sure for p in points)
    assert [p.coverage for p in points] == sorted((p.coverage for p in points), reverse=True)
    assert all(0 <= p.precision <= 1 for p in points)
    kept = learnt.promise(0.9)
    assert kept is not None
    assert kept.precision >= 0.9
    assert learnt.promise(1.0) is None  # nobody can promise to be always right


def test_the_same_after_a_restart(learnt: Classifier) -> None:
    held = io.BytesIO()
    np.savez(held, **dumped(learnt))
    held.seek(0)
    with np.load(held, allow_pickle=False) as arrays:
        again = restored(dict(arrays), learnt.heads.encoder)
    texts = [text for text, _ in examples(ITEMS[7:])] + list(STRANGE)
    assert again.guesses(texts) == learnt.guesses(texts)
    assert again.promise(0.9) == learnt.promise(0.9)


def test_what_another_encoder_learnt_is_not_used(learnt: Classifier) -> None:
    arrays = dumped(learnt) | {"encoder": np.array("some other encoder")}
    with pytest.raises(ValueError, match="another encoder"):
        restored(arrays, learnt.heads.encoder)


def test_one_intent_cannot_be_told_from_nothing() -> None:
    with pytest.raises(ValueError, match="two intents"):
        train([("where is my lamp", "where"), ("where is my tent", "where")], None)


def right(made: Classifier, asked: list[tuple[str, str]]) -> float:
    guesses = made.guesses([text for text, _ in asked])
    return float(np.mean([g.name == name for g, (_, name) in zip(guesses, asked, strict=True)]))


def test_an_unlabelled_inbox_helps_or_is_left_alone() -> None:
    """Messages about the same thing are alike whatever they want of it. An inbox in which that outweighs the wish
    would teach nonsense, and is found out by the examples at hand."""
    if (meaning := encoder()) is None:
        pytest.skip("the sentence encoder was not built here")
    few = [(said.format(item), name) for name, some in WORDINGS.items() for said in some[:2] for item in ITEMS[:2]]
    rest = [pair for pair in examples(ITEMS) if pair not in few]
    alone = train(few, meaning)
    taught = train(few, meaning, unlabelled=[text for text, _ in rest])
    assert right(taught, rest) >= right(alone, rest) - 0.02


def test_labels_spread_to_what_is_alike() -> None:
    """Two clouds with one label each: the rest of each cloud gets it, what lies between gets none."""
    chance = np.random.default_rng(1)
    centres = np.eye(8, dtype=np.float32)[:2]
    clouds = np.concatenate([centres[at] + 0.1 * chance.standard_normal((20, 8)) for at in (0, 1)])
    every = unit(np.concatenate([clouds, centres.mean(axis=0, keepdims=True)]))
    gained = spread(Graph.of(every), np.zeros((41, 2), np.float32), np.array([0, 20]), np.array([0, 1]))
    assert set(gained.places) == set(range(40)) - {0, 20}
    assert all(gained.labels == (gained.places >= 20))


def test_with_too_few_examples_nothing_is_promised() -> None:
    some = train([(said.format("lamp"), name) for name, all_ in WORDINGS.items() for said in all_[:2]], None)
    assert some.promise(0.5) is None


def test_of_few_examples_each_is_held_back_once_and_other_intents_play_the_foreign_ones() -> None:
    labels = np.repeat(np.arange(10), 10)
    cuts = [_cut(labels, 10, 0, 1, seed=1, turn=turn) for turn in range(TURNS)]
    assert sorted(place for _, held, _ in cuts for place in held) == list(range(100))
    assert all(not set(rest) & set(held) for rest, held, _ in cuts)
    strangers = [{int(labels[place]) for place in _cut(labels, 10, 0, 0, 1, turn)[2]} for turn in range(TURNS)]
    assert len(set.union(*strangers)) == TURNS


def test_what_is_set_aside_calibrates() -> None:
    labels = np.tile(np.arange(4), 5)
    rest, held, _ = _cut(labels, 4, 8, 1, seed=1)
    assert (set(held), set(rest)) == (set(range(12, 20)), set(range(12)))


def test_slips_leave_short_words_and_repeat_with_their_seed() -> None:
    texts = ["where is my order, it was due on Monday", "a b to"]
    assert slipped_all(texts, 5) == slipped_all(texts, 5)
    assert slipped(texts[1], random.Random(1), share=1.0) == texts[1]
    assert slipped(texts[0], random.Random(1), share=1.0) != texts[0]
