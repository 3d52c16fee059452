"""What many messages are about, without a list given beforehand: groups of like meaning, named in their own words.

Vectors of the sentence encoder are grouped by spherical k-means (Dhillon and Modha 2001); how many groups there are is
where they stand apart nearly best (silhouette against centres). A group is named by the words that stand out in it, and
shown by the messages nearest to its middle.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parley.ai import text
from parley.ai.encoder import Encoder, unit
from parley.ai.likeness import Floats

LEAST = 3  # messages that make a theme
MOST_READ = 3000  # messages that centres are learnt from; the others are put to the nearest centre
GROWTH = 1.3  # from one number of groups that is tried to the next
ROUNDS = 25
STARTS = 2
SMALLEST = 8  # messages in a group on average, where there are as many groups as are tried
FEW, SMALL = 100, 4  # up to so few messages, that many make a group
NEARLY = 0.95
QUOTES = 3
TELLING = 0.25  # of the different messages of a theme must have the word that names it
SEVERAL = 3  # and so many of them, or most: what only two say is no name for the others
WORDS = 7  # of a message that names a theme instead
PAIR = 1.3  # so much more than one word two words tell
NEAR = 3  # words from one to another that are said together
FAR = 0.25  # a message less like its centre than this belongs to none


class Theme(NamedTuple):
    """Messages of one theme by place, the most typical first. name: its words, or where no word is frequent in it, how
    its most typical message begins, in quotation marks."""

    name: str
    places: tuple[int, ...]
    quotes: tuple[str, ...]


def themes(messages: Sequence[str], encoder: Encoder, seed: int = 1) -> list[Theme]:
    """The themes of these messages, the largest first. Messages that are like no others are in none of them."""
    if len(messages) < LEAST:
        return []
    rows = encoder.vectors(messages)
    centres = _centres(rows, seed)
    alike = rows @ centres.T
    nearest, closeness = alike.argmax(axis=1), alike.max(axis=1)
    distinct = set(messages)  # what one says again and again names nothing
    phrases = {message: _phrases(message) for message in distinct}
    everywhere = Counter(phrase for own in phrases.values() for phrase in own)
    found, taken = [], set[str]()
    sizes = Counter(int(group) for group in nearest)
    for group, _ in sizes.most_common():
        own = [int(i) for i in np.flatnonzero(nearest == group) if closeness[i] >= FAR]
        if len(own) < LEAST:
            continue
        own.sort(key=lambda i: -closeness[i])
        name = _name({messages[i]: phrases[messages[i]] for i in own}, everywhere, len(distinct), taken)
        taken.add(name)
        found.append(Theme(name, tuple(own), tuple(dict.fromkeys(messages[i] for i in own))[:QUOTES]))
    return sorted(found, key=lambda theme: -len(theme.places))


# ── groups ──────────────────────────────────────────────────────────────────────────────────


def _centres(rows: Floats, seed: int) -> Floats:
    """The fewest groups that stand apart nearly as well as the best number of them does."""
    chance = np.random.default_rng(seed)
    read = rows if len(rows) <= MOST_READ else rows[chance.choice(len(rows), MOST_READ, replace=False)]
    tried: list[tuple[float, Floats]] = []
    count = 2.0
    while count <= max(2, len(read) // (SMALL if len(read) <= FEW else SMALLEST)):
        tries = [kmeans(read, round(count), chance) for _ in range(STARTS)]
        tried.append(max(((silhouette(read, centres), centres) for centres in tries), key=lambda one: one[0]))
        count = max(count + 1, count * GROWTH)
    best = max(apart for apart, _ in tried)
    return next(centres for apart, centres in tried if apart >= best - (1 - NEARLY) * abs(best))


def kmeans(rows: Floats, groups: int, chance: np.random.Generator) -> Floats:
    """Centres of length 1; begun with rows far from one another (Arthur and Vassilvitskii 2007)."""
    centres = _far_apart(rows, groups, chance)
    before: NDArray[np.intp] | None = None
    for _ in range(ROUNDS):
        nearest = (rows @ centres.T).argmax(axis=1)
        if before is not None and np.array_equal(nearest, before):
            break
        before = nearest
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, rows)
        empty = np.bincount(nearest, minlength=len(centres)) == 0
        sums[empty] = centres[empty]
        centres = unit(sums)
    return centres


def _far_apart(rows: Floats, groups: int, chance: np.random.Generator) -> Floats:
    chosen = [int(chance.integers(len(rows)))]
    away = np.maximum(1 - rows @ rows[chosen[0]], 0).astype(np.float64)
    for _ in range(groups - 1):
        total = away.sum()
        if total <= 1e-9:
            break
        chosen.append(int(chance.choice(len(rows), p=away / total)))
        away = np.minimum(away, np.maximum(1 - rows @ rows[chosen[-1]], 0))
    picked: Floats = rows[chosen].copy()
    return picked


def silhouette(rows: Floats, centres: Floats) -> float:
    """How much nearer messages are to their own centre than to the next, −1…1 on average; a group of one counts 0."""
    if len(centres) < 2:
        return -1.0
    away = np.maximum(1 - rows @ centres.T, 1e-6)
    nearest = away.argmin(axis=1)
    two = np.partition(away, 1, axis=1)[:, :2]
    sizes = np.bincount(nearest, minlength=len(centres))
    # The own centre holds the message itself: without it, it would lie further off by n / (n − 1).
    own = two[:, 0] * sizes[nearest] / np.maximum(sizes[nearest] - 1, 1)
    values = np.where(sizes[nearest] > 1, (two[:, 1] - own) / np.maximum(two[:, 1], own), 0.0)
    return float(values.mean())


# ── names ───────────────────────────────────────────────────────────────────────────────────


def _phrases(message: str) -> frozenset[str]:
    """Words that mean something, and pairs of words with at least one such, as they stand side by side."""
    said = text.words(message)
    telling = [word for word in said if _tells(word) and len(word) > 2]
    pairs = [f"{a} {b}" for a, b in pairwise(said) if _tells(a) and _tells(b)]
    return frozenset([*telling, *pairs])


def _tells(word: str) -> bool:
    return word not in text.STOP_WORDS and not any(letter.isdigit() for letter in word)


def _name(own: Mapping[str, frozenset[str]], everywhere: Counter[str], count: int, taken: set[str]) -> str:
    """The phrase that is frequent here and rare elsewhere, with a second word where that adds something.

    own: different messages of the theme and their phrases, the most typical first. count: different messages in all.
    """
    here = Counter(phrase for one in own.values() for phrase in one)
    scored = {
        phrase: n / len(own) * log((n / len(own)) / (everywhere[phrase] / count)) * (PAIR if " " in phrase else 1)
        for phrase, n in here.items()
        if n > 1 and n >= TELLING * len(own) and (n >= SEVERAL or n > len(own) / 2)
    }
    ranked = sorted(scored, key=lambda phrase: (-scored[phrase], phrase))
    for phrase in ranked:
        second = next((p for p in ranked if " " not in p and not set(p.split()) & _stems(phrase) and p != phrase), "")
        name = phrase if " " in phrase or not second else _joined(phrase, second, list(own))
        if name not in taken:
            return name
    return _shortened(next(iter(own)))


def _shortened(message: str) -> str:
    """How the most typical message begins: for a theme in which no word is frequent."""
    said = message.split()
    begun = " ".join(said[:WORDS])
    return f"“{begun.rstrip(' .,;:')}{' …' if len(said) > WORDS else ''}”"


def _joined(one: str, other: str, messages: Sequence[str]) -> str:
    """Two words as they are said: "cancel order" where they mostly stand near each other in this order, else with a
    comma between."""
    ways = Counter[str]()
    for message in messages:
        said = text.words(message)
        if one in said and other in said:
            apart = said.index(other) - said.index(one)
            near = f"{one} {other}" if apart > 0 else f"{other} {one}"
            ways[near if abs(apart) <= NEAR else ""] += 1
    said_as, times = next(iter(ways.most_common(1)), ("", 0))
    return said_as if said_as and times > ways.total() / 2 else f"{one}, {other}"


def _stems(phrase: str) -> set[str]:
    words = phrase.split()
    return {*words, *(word + "s" for word in words), *(word.removesuffix("s") for word in words)}
