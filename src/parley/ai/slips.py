"""Typing slips, made on purpose: a model that never saw one is brittle, because a slip makes other pieces of a word."""

import random
from collections.abc import Sequence

ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
SHARE = 1 / 3
"""Of the words of a text that get a slip."""


def _beside() -> dict[str, str]:
    """Key → the keys that touch it on the usual keyboard."""
    at = {key: (row, column) for row, keys in enumerate(ROWS) for column, key in enumerate(keys)}
    return {
        key: "".join(k for k, (r, c) in at.items() if k != key and abs(r - row) <= 1 and abs(c - column) <= 1)
        for key, (row, column) in at.items()
    }


BESIDE = _beside()


def slipped(text: str, chance: random.Random, share: float = SHARE) -> str:
    """The text with one slip in about that share of its words; words of fewer than three letters are left."""
    return " ".join(_slip(word, chance) if chance.random() < share else word for word in text.split())


def slipped_all(texts: Sequence[str], seed: int = 1, share: float = SHARE) -> list[str]:
    chance = random.Random(seed)
    return [slipped(one, chance, share) for one in texts]


def _slip(word: str, chance: random.Random) -> str:
    if len(word) < 3:
        return word
    at = chance.randrange(len(word) - 1)
    kind = chance.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[: at + 1] + word[at:]
    keys = BESIDE.get(word[at].lower(), "")
    return word[:at] + chance.choice(keys) + word[at + 1 :] if keys else word
