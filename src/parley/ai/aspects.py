"""What is said about one thing in a sentence that speaks of several: "the soup was cold but the waiter was kind".

A sentence is seen from the thing's place: its clause, the words around it, what follows and what comes before, each as
vectors of the sentence encoder. A small net learns from labelled sentences which are praise, complaint or neither.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from parley.ai.encoder import Encoder
from parley.ai.heads import Net, Plan, softmax
from parley.ai.likeness import Floats

POLARITIES = ("negative", "neutral", "positive")
NEAR = 5  # words on either side
REACH = 9  # words before and after
PLAN = Plan(epochs=14, batch=128, rate=8e-4, smoothing=0.1, dropout=0.5, hidden=384)

_WORD = re.compile(r"\S+")
_BREAK = re.compile(
    r"[.;:!?()]+(?=\s|$)|--+|,(?=\s)|\s(?=(?:but|although|though|however|while|whereas|yet|except|and then|because)\b)",
    re.I,
)


class Mention(NamedTuple):
    """A thing spoken of: its place in the text. Without a place (end = 0) its name says what is meant."""

    text: str
    start: int = 0
    end: int = 0
    name: str = ""


class Opinion(NamedTuple):
    polarity: str
    confidence: float


def clause_of(mention: Mention) -> str:
    """The part of the sentence between the breaks around the mention; with too few words also the next part."""
    breaks = [0, *(found.end() for found in _BREAK.finditer(mention.text)), len(mention.text)]
    first = max(at for at in breaks if at <= mention.start)
    last = min((at for at in breaks if at >= mention.end and at > first), default=len(mention.text))
    if len(mention.text[first:last].split()) < 4:
        last = min((at for at in breaks if at > last), default=last)
    return mention.text[first:last].strip()


def views(mention: Mention) -> tuple[str, str, str, str]:
    """Words around the mention, its clause, what comes before it and what follows (each with the mention itself)."""
    spans = [found.span() for found in _WORD.finditer(mention.text)]
    inside = [i for i, (a, b) in enumerate(spans) if a < mention.end and b > mention.start] or [0]
    words = [mention.text[a:b] for a, b in spans]
    first, last = inside[0], inside[-1] + 1
    near = " ".join(words[max(0, first - NEAR) : last + NEAR])
    before = " ".join(words[max(0, first - REACH) : last])
    after = " ".join(words[first : last + REACH])
    return near, clause_of(mention), before, after


def clauses(text: str) -> list[tuple[int, int]]:
    """The parts of a sentence of four words and more, as places; the whole where there are none."""
    breaks = [0, *(found.end() for found in _BREAK.finditer(text)), len(text)]
    parts = [(a, b) for a, b in pairwise(breaks) if len(text[a:b].split()) >= 4]
    return parts or [(0, len(text))]


def placed(mentions: Sequence[Mention], encoder: Encoder) -> list[Mention]:
    """Mentions by name alone are put on the clause that is nearest to the name in meaning."""
    found = list(mentions)
    for i, one in enumerate(mentions):
        if one.end:
            continue
        parts = clauses(one.text)
        if len(parts) > 1:
            rows = encoder.vectors([one.name, *(one.text[a:b] for a, b in parts)])
            start, end = parts[int(np.argmax(rows[1:] @ rows[0]))]
        else:
            start, end = parts[0]
        found[i] = one._replace(start=start, end=end)
    return found


class AspectReader:
    """Opinions about mentions, learnt from labelled ones. names: mentions without a place of their own are told apart
    by these."""

    def __init__(self, net: Net, encoder: Encoder) -> None:
        self._net = net
        self._encoder = encoder

    @classmethod
    def learn(cls, mentions: Sequence[Mention], polarities: Sequence[str], encoder: Encoder) -> "AspectReader":
        labels = np.array([POLARITIES.index(one) for one in polarities], np.intp)
        return cls(Net.fit(features(mentions, encoder), labels, len(POLARITIES), PLAN), encoder)

    def read(self, mentions: Sequence[Mention]) -> list[Opinion]:
        if not mentions:
            return []
        chances = softmax(self._net.logits(features(mentions, self._encoder)))
        best = chances.argmax(axis=1)
        return [Opinion(POLARITIES[k], float(row[k])) for k, row in zip(best, chances, strict=True)]


def features(mentions: Sequence[Mention], encoder: Encoder) -> Floats:
    """[mentions, columns]: all layers' means of the near words and the clause, the upper half of before and after,
    and the vector of the name where there is one."""
    width = encoder.width
    seen = [views(one) for one in placed(mentions, encoder)]
    near, clause, before, after = (_layers([one[k] for one in seen], encoder) for k in range(4))
    names = _layers([one.name or one.text[one.start : one.end] for one in mentions], encoder)[:, -width:]
    columns: Floats = np.hstack([near, clause, before[:, -2 * width :], after[:, -2 * width :], names])
    return columns


def _layers(texts: Sequence[str], encoder: Encoder) -> Floats:
    """Each different text once."""
    places = {one: i for i, one in enumerate(dict.fromkeys(texts))}
    rows = encoder.layers(list(places))
    found: Floats = rows[[places[one] for one in texts]]
    return found
