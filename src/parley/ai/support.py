"""Which sentences of a model's text are held by what it was given. The rest is dropped, whoever wrote it and why.

A sentence stays when it has no link, address, picture, markup or hidden letter that its passages lack; when each of
its numbers and names stands there; when nearly all of its words do, within one neighbourhood; and when it says no where
they say no. So a model can change the tone of an answer, and can add nothing: no promise, no sum, no place to go.
"""

import re
import unicodedata
from collections.abc import Sequence

from parley.ai import text as words

HELD = 0.75
"""Share of a sentence's telling words that have to stand in one neighbourhood of the passages."""
LONGEST = 4000

LINK = re.compile(
    r"[a-z][a-z0-9+.-]{1,15}:/{0,2}\S|\bwww\.|\b[\w-]+\.(?:[a-z]{2,24})(?:[/:?#]\S*)?(?=\W|$)|//\S|\bmailto\b|\S@\S",
    re.I,
)
MARKUP = re.compile(r"[<>\[\]`{}|\\^~]|!\(|\]\(|&#?\w+;|%[0-9a-f]{2}|data:|javascript", re.I)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_NAME = re.compile(r"(?<=[\w,;] )[A-ZÀ-Þ][\w'’-]+")
_NOT = re.compile(
    r"\b(?:no|not|never|none|cannot|without|except|unless|only|nobody|nothing|kein\w*|nicht|nie|pas|jamais|nunca)\b|n['’]t\b",
    re.I,
)
_COURTESY = re.compile(
    r"(?:hello|hi|dear customer|thank you(?: for (?:your (?:message|question|patience)|asking|writing))?|thanks"
    r"|(?:i am|i'm|we are|we're) sorry(?: (?:about|for) (?:that|this|the trouble))?|of course|certainly|good question"
    r"|(?:i am|i'm|we are|we're) (?:happy|glad) to help(?: you)?|i hope (?:this|that) helps)[\s.,!]*",
    re.I,
)


def clean(text: str) -> str:
    """In one form, without letters that cannot be seen: what is hidden is treated as if it stood there openly."""
    text = unicodedata.normalize("NFKC", text[:LONGEST])
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs", "Cn"))


def hides(text: str) -> bool:
    """Whether it has letters that a reader does not see."""
    return any(c not in "\n\r\t" and unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs", "Cn") for c in text)


def supported(text: str, passages: Sequence[str]) -> list[str]:
    """The sentences of a text that the passages hold, in order, and short courtesies between them."""
    given = [clean(one) for one in passages]
    around = [window for one in given for window in _neighbourhoods(one)]
    everything = "\n".join(given)
    kept = []
    for line in text[:LONGEST].split("\n"):
        for sentence in _sentences(line):
            if not hides(sentence) and (_COURTESY.fullmatch(sentence) or _holds(sentence, around, everything)):
                kept.append(sentence)
    return kept


def reworded(text: str, answer: str, passages: Sequence[str]) -> str | None:
    """A model's wording of an answer, where all that matters of the answer is still in it. None: the answer stands.

    One dropped sentence is enough to leave the wording: what its writer wanted to add is not known.
    """
    kept = supported(text, [answer, *passages])
    if not kept or len(kept) != sum(len(_sentences(line)) for line in text[:LONGEST].split("\n")):
        return None
    said = " ".join(kept)
    if set(_NUMBER.findall(answer)) - set(_NUMBER.findall(said)):
        return None
    if bool(_NOT.search(answer)) != bool(_NOT.search(said)):
        return None
    needed = set(words.terms(answer))
    if needed and len(needed & set(words.terms(said))) / len(needed) < 0.6:
        return None
    return said


def _sentences(line: str) -> list[str]:
    return [one.strip() for one in words.sentences(line) if one.strip()]


def _neighbourhoods(passage: str) -> list[str]:
    """Every two sentences that follow one another."""
    found = [one for line in passage.split("\n") for one in _sentences(line)]
    return [" ".join(found[n : n + 2]) for n in range(len(found))] or [passage]


def _holds(sentence: str, around: Sequence[str], everything: str) -> bool:
    if MARKUP.search(sentence):
        return False
    links = [part for part in sentence.split() if LINK.search(part)]
    if LINK.search(sentence) and not (links and set(links) <= set(everything.split())):
        return False
    if set(_NUMBER.findall(sentence)) - set(_NUMBER.findall(everything)):
        return False
    if any(name not in everything for name in _NAME.findall(sentence)):
        return False
    said = set(words.terms(sentence))
    return bool(said) and any(_close(sentence, said, window) for window in around)


def _close(sentence: str, said: set[str], window: str) -> bool:
    held = len(said & set(words.terms(window))) / len(said)
    return held >= HELD and bool(_NOT.search(sentence)) == bool(_NOT.search(window))
