"""A short text made of sentences that others wrote: those that many answers to one question share.

Sentences are taken as they stand, never made up. Greetings, thanks, questions back, what a writer says of themselves
and what names a single customer's matter are left out; of the rest, those stay that are most like what was said in the
other conversations (the idea of LexRank, Erkan and Radev 2004, counted over conversations instead of sentences, so
that one long answer does not outvote three short ones).
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from parley.ai import text
from parley.ai.likeness import Floats
from parley.core import redaction

MOST = 7  # sentences of a draft
ALONE = 4  # of them that only a single conversation holds
SAME = 0.72  # cosine from which two sentences say the same
FRESH = 0.62  # cosine up to which a sentence adds something to one that is taken
VAGUE = 0.15  # what a sentence loses that speaks of "it", which stands in a sentence that may not be there
SHARED = 0.5  # cosine from which two sentences support one another
LONGEST_TITLE, LONGEST_WORDING = 90, 160
WORDINGS = 12
SHORTEST, LONGEST = 4, 45  # words of a sentence that is taken

_SIGN = re.compile(r"\[(?:name|address|link|account|number|street)\]")
_SELF = re.compile(r"\b(?:i|i'm|i've|i'll|i'd|me|my|mine|myself|ich|mir|mein\w*)\b", re.I)
_COURTESY = re.compile(
    r"^(?:(?:many |a lot of )?thank(?:s| you)|sorry|apologies|we(?:'re| are) (?:sorry|glad|happy)|hope|hoping|happy to|"
    r"glad to|please (?:let us know|do not hesitate|don't hesitate|feel free)|let (?:us|me) know|feel free|"
    r"don't hesitate|have a |enjoy |good question|great question|no problem|no worries|of course[.!]|sure[.!]|"
    r"you(?:'re| are) welcome|welcome)",
    re.I,
)
_THEIRS = re.compile(
    r"\b(?:your (?:order|parcel|package|refund|invoice|account|case|ticket|address|request|message|patience)|"
    r"we(?:'ve| have) (?:now |just |already )?(?:refunded|sent|shipped|cancelled|changed|checked|asked|booked|added)|"
    r"as (?:discussed|agreed|mentioned)|today|tomorrow|yesterday|this (?:morning|afternoon|evening)|right now)\b",
    re.I,
)
_YES = re.compile(r"^(?:yes|no|sure|certainly|of course|indeed|actually|good news)\s*[,:;–-]+\s*", re.I)
_IT = re.compile(r"\b(?:it|them)\b", re.I)
_LEANS = re.compile(
    r"^(?:it|it's|this|that|that's|they|these|those|then|otherwise|but|so|also|and|or|he|she|there it|in that case|"
    r"if so|if not|instead|after that)\b",
    re.I,
)

Vectors = Callable[[list[str]], Floats]  # texts into rows of length 1: what `Encoder.vectors` is


class Answer(NamedTuple):
    """What an agent said in a conversation. names: single words of names that must not be told, lower case."""

    message: int
    conversation: int
    words: str
    names: frozenset[str] = frozenset()


class Unit(NamedTuple):
    """A sentence, with those that lean on it. at: how far down in its answer it stood, 0 to 1."""

    words: str
    message: int
    conversation: int
    at: float


class Taken(NamedTuple):
    """A sentence of the draft. messages: (message, conversation) that say the same, its own first."""

    words: str
    messages: tuple[tuple[int, int], ...]


def units(answer: Answer) -> list[Unit]:
    """The sentences of an answer that would be true for the next customer too."""
    told = redaction.redacted(answer.words, answer.names)
    lines = [redaction.body(line) for one in text.passages(told) for line in one.text.split("\n")]
    said = [sentence for line in lines if line for sentence in text.sentences(line)]
    found: list[Unit] = []
    kept_before = False
    for place, sentence in enumerate(_YES.sub("", one) for one in said):
        if not _general(sentence):
            kept_before = False
        elif _LEANS.match(sentence):
            # It means nothing without the sentence before it, and goes or stays with that.
            if kept_before:
                found[-1] = found[-1]._replace(words=f"{found[-1].words} {sentence}")
        else:
            found.append(Unit(_ended(sentence), answer.message, answer.conversation, place / len(said)))
            kept_before = True
    return found


def _general(sentence: str) -> bool:
    if not SHORTEST <= len(sentence.split()) <= LONGEST or sentence.rstrip().endswith("?"):
        return False
    return not any(form.search(sentence) for form in (_SIGN, _SELF, _COURTESY, _THEIRS))


def _ended(sentence: str) -> str:
    sentence = sentence[:1].upper() + sentence[1:]
    return sentence if sentence[-1:] in ".!:;…" else f"{sentence}."


def chosen(answers: Sequence[Answer], questions: Sequence[str], vectors: Vectors) -> list[Taken]:
    """The most central sentences of these answers to these questions, in the order in which agents tell them."""
    found = [unit for answer in answers for unit in units(answer)]
    if not found:
        return []
    rows = vectors([unit.words for unit in found])
    alike = rows @ rows.T
    wanted = vectors(list(questions)).mean(axis=0) if questions else rows.mean(axis=0)
    score, support = _central(alike, [unit.conversation for unit in found])
    score = score + 0.5 * (rows @ wanted) - VAGUE * np.asarray([bool(_IT.search(unit.words)) for unit in found])
    picked: list[int] = []
    for place in np.argsort(-score, kind="stable").tolist():
        alone = sum(support[one] < 2 for one in picked)
        fresh = all(alike[place, one] < FRESH for one in picked)
        if fresh and (support[place] > 1 or alone < ALONE) and len(picked) < MOST:
            picked.append(place)
    groups = [_group(place, alike, found) for place in picked]
    order = sorted(range(len(picked)), key=lambda n: float(np.mean([found[one].at for one in groups[n]])))
    return [_taken([found[one] for one in groups[n]]) for n in order]


def _central(alike: Floats, talks: Sequence[int]) -> tuple[Floats, list[int]]:
    """How like a sentence is to the nearest one of each other conversation; and how many conversations hold it."""
    owner = np.asarray(talks)
    nearest = np.stack([alike[:, owner == talk].max(axis=1) for talk in dict.fromkeys(talks)], axis=1)
    others = nearest.shape[1] - 1
    own = np.diagonal(alike)
    score: Floats = ((nearest.sum(axis=1) - own) / max(1, others)).astype(np.float32)
    return score, [int(n) for n in (nearest >= SHARED).sum(axis=1)]


def _group(place: int, alike: Floats, found: Sequence[Unit]) -> list[int]:
    rest = [one for one in np.flatnonzero(alike[place] >= SAME).tolist() if one != place]
    return [place, *sorted(rest, key=lambda one: -alike[place, one])]


def _taken(group: Sequence[Unit]) -> Taken:
    return Taken(group[0].words, tuple(dict.fromkeys((one.message, one.conversation) for one in group)))


# ── title and wordings ──────────────────────────────────────────────────────────────────────


def asked(questions: Sequence[str], vectors: Vectors, names: frozenset[str] = frozenset()) -> list[str]:
    """How the customers ask, each in one sentence, without names and numbers, the most central first."""
    short = list(dict.fromkeys(one for said in questions if (one := _question_of(said, names))))
    if not short:
        return []
    rows = vectors(short)
    order = np.argsort(-(rows @ rows.mean(axis=0)), kind="stable").tolist()
    kept: list[int] = []
    for place in order:
        if len(kept) < WORDINGS and all(float(rows[place] @ rows[one]) < 0.97 for one in kept):
            kept.append(place)
    return [short[place] for place in kept]


def _question_of(said: str, names: frozenset[str]) -> str:
    """The sentence that asks; else the first that is no greeting."""
    told = redaction.body(redaction.redacted(said, names))
    found = [one for one in text.sentences(told) if len(one.split()) > 2]
    asking = [one for one in found if one.endswith("?")]
    best = next(iter(asking or found), "")
    best = " ".join(redaction.bare(best).split()).replace(" ?", "?").replace(" ,", ",").strip(" ,")
    return (best[:1].upper() + best[1:])[:LONGEST_WORDING]


def title(wordings: Sequence[str]) -> str:
    """The most central question that is short enough for a heading."""
    fitting = [one for one in wordings if len(one) <= LONGEST_TITLE]
    return fitting[0] if fitting else (wordings[0][: LONGEST_TITLE - 1] + "…" if wordings else "")
