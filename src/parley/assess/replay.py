"""How much could be answered from answers already written: asked in order of time, held against what people wrote.

For each later question the earlier question most like it is looked up and the answer it got is taken. It counts as
right when it says what the agent really wrote. A random earlier answer is held against it too: what chance alone gives.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np

from parley.ai import text
from parley.ai.encoder import Encoder
from parley.core.cases import Case
from parley.core.redaction import bare, body

LATER = 0.4  # the last share of all pairs in order of time is asked
MOST_ASKED, MOST_KNOWN = 400, 3000
LEAST = 20  # pairs asked below which nothing is said
WORDS = 4  # of a question or an answer that says anything
SAME_MEANING, SAME_WORDS = 0.75, 0.45  # by judgement; benchmarks/assess.py tries them on known routine
READ = 500  # characters
TRUST = 0.9  # share right that a cut on likeness must have shown on the first half of what is asked


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A question and the first answer by a person. case: its place among the cases."""

    case: int
    asked: float
    told: float
    question: str
    answer: str


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One later question: likeness of the question found, whether its answer fits, whether a random one does."""

    case: int
    alike: float
    right: bool
    by_chance: bool
    question: str
    taken: str
    written: str


def pairs(cases: Sequence[Case]) -> list[Pair]:
    """In order of time; only where both sides say something."""
    found = []
    for place, case in enumerate(cases):
        answers = case.answers
        if not answers:
            continue
        before = [t.text for t in case.turns if not t.ours and t.at <= answers[0].at]
        question, answer = body(" ".join(before))[:READ], body(answers[0].text)[:READ]
        if len(question.split()) >= WORDS and len(answer.split()) >= WORDS:
            found.append(Pair(case=place, asked=case.began, told=answers[0].at, question=question, answer=answer))
    return sorted(found, key=lambda pair: pair.asked)


def replay(found: Sequence[Pair], encoder: Encoder, seed: int = 1) -> list[Try]:
    """The later questions tried, in order of time; each knows only answers written before it was asked."""
    chance = np.random.default_rng(seed)
    first = int(len(found) * (1 - LATER))
    later = _some(range(first, len(found)), MOST_ASKED, chance)
    known = _some(range(len(found)), MOST_KNOWN, chance)
    questions = encoder.vectors([found[i].question for i in known])
    told = np.array([found[i].told for i in known])
    tries = []
    for i, vector in zip(later, encoder.vectors([found[i].question for i in later]), strict=True):
        earlier = np.flatnonzero(told < found[i].asked)
        if not len(earlier):
            continue
        alike = questions[earlier] @ vector
        best, other = known[int(earlier[alike.argmax()])], known[int(chance.choice(earlier))]
        tries.append((i, best, other, float(alike.max())))
    return _judged(found, tries, encoder)


def _some(places: range, most: int, chance: np.random.Generator) -> list[int]:
    if len(places) <= most:
        return list(places)
    return sorted(int(i) for i in chance.choice(np.asarray(places), most, replace=False))


def _judged(found: Sequence[Pair], tries: Sequence[tuple[int, int, int, float]], encoder: Encoder) -> list[Try]:
    needed = sorted({i for one in tries for i in one[:3]})
    vectors = dict(zip(needed, encoder.vectors([found[i].answer for i in needed]), strict=True))
    bags = {i: said(found[i].answer) for i in needed}

    def fits(a: int, b: int) -> bool:
        return float(vectors[a] @ vectors[b]) >= SAME_MEANING and overlap(bags[a], bags[b]) >= SAME_WORDS

    return [
        Try(case=found[i].case, alike=alike, right=fits(best, i), by_chance=fits(other, i), question=found[i].question,
            taken=found[best].answer, written=found[i].answer)
        for i, best, other, alike in tries
    ]  # fmt: skip


def said(answer: str) -> Counter[str]:
    """The stems of the telling words of an answer."""
    return Counter(text.stem(word) for word in text.words(bare(answer)) if word not in text.STOP_WORDS)


def overlap(a: Counter[str], b: Counter[str]) -> float:
    """F1 of two bags of words: 1 for the same words, 0 for none in common."""
    shared = sum((a & b).values())
    return 2 * shared / (a.total() + b.total()) if shared else 0.0


def cut(tries: Sequence[Try]) -> float | None:
    """The lowest likeness from which on so many answers were right that it may be trusted; None where there is none."""
    ranked = sorted(tries, key=lambda one: -one.alike)
    right, found = 0, None
    for n, one in enumerate(ranked, 1):
        right += one.right
        if n >= 10 and right / n >= TRUST:
            found = one.alike
    return found
