"""Articles that contradict each other: sentences close in meaning whose numbers differ, or of which one says no.

Sentences of different articles are put side by side by the sentence encoder; what they claim is read by form
(`claims.py`). It shows what a person should look at, and decides nothing. How often it is right on written samples:
`benchmarks/contradictions.py`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from parley.ai import claims, text
from parley.ai.likeness import Floats

CLOSE = 0.6
"""Cosine from which two sentences may speak of the same."""

CLOSER = {"yes or no": 0.7, "count": 0.7}
"""Where form tells less, meaning has to tell more."""

AT_ONCE = 512
MOST = 60  # pairs that are shown
SHORTEST = 4  # words

Vectors = Callable[[list[str]], Floats]


class Page(NamedTuple):
    """An article. brand None: of all."""

    id: int
    brand: int | None
    title: str
    body: str


class Line(NamedTuple):
    """A sentence with what it claims. around: what its title and heading are about."""

    page: Page
    words: str
    claim: claims.Claim
    around: frozenset[str]


class Clash(NamedTuple):
    """Two sentences that hardly hold both. kind: in what they differ. alike: their cosine."""

    first: Line
    second: Line
    kind: str
    alike: float


def lines(page: Page) -> list[Line]:
    """The sentences of an article that claim something."""
    found: dict[str, Line] = {}
    for passage in text.passages(page.body):
        around = claims.about(f"{page.title} {passage.heading}")
        for sentence in (one for part in passage.text.split("\n") for one in text.sentences(part.lstrip("•–-* "))):
            if len(sentence.split()) >= SHORTEST and not sentence.endswith("?"):
                found.setdefault(sentence, Line(page, sentence, claims.claim(sentence), around))
    return list(found.values())


def clashes(pages: Sequence[Page], vectors: Vectors) -> list[Clash]:
    """Pairs that contradict each other, the most alike first; of two articles only the clearest pair of a kind."""
    every = [line for page in pages for line in lines(page)]
    found: dict[tuple[int, int, str], Clash] = {}
    for a, b, alike in _close(every, vectors):
        first, second = every[a], every[b]
        kind = claims.differ(first.claim, second.claim, first.around, second.around)
        if kind and alike >= CLOSER.get(kind, CLOSE):
            key = (first.page.id, second.page.id, kind)
            if key not in found or found[key].alike < alike:
                found[key] = Clash(first, second, kind, round(alike, 3))
    return sorted(found.values(), key=lambda clash: -clash.alike)[:MOST]


def _close(every: Sequence[Line], vectors: Vectors) -> Iterator[tuple[int, int, float]]:
    """Places of sentences of two articles that one customer may read both, with their cosine; each pair once."""
    if not every:
        return
    rows = vectors([line.words for line in every])
    for start in range(0, len(every), AT_ONCE):
        alike = rows[start : start + AT_ONCE] @ rows.T
        for near, b in zip(*np.nonzero(alike >= CLOSE), strict=True):
            a = start + int(near)
            if a < b and _meet(every[a].page, every[int(b)].page):
                yield a, int(b), float(alike[near, b])


def _meet(one: Page, other: Page) -> bool:
    return one.id != other.id and (one.brand == other.brand or one.brand is None or other.brand is None)
