"""Reads `data/week.txt`, whose first lines explain the marks, into stories with their variants."""

import re
from functools import cache

import msgspec

from parley.demo.company import data_text
from parley.demo.knowledge import articles


class Cue(msgspec.Struct, frozen=True, kw_only=True):
    """A line of one variant. `mark`: C, B, A, N, H or R. `lead`: agent of A and N, source of B, score of R."""

    mark: str
    lead: str
    gap: float
    text: str


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """One variant of a story, its places still open (`{order}`, `{item}` …)."""

    channel: str
    brand: str
    subject: str
    tags: tuple[str, ...]
    language: str
    marks: dict[str, str]
    cues: tuple[Cue, ...]

    @property
    def state(self) -> str:
        """How it stands at the end of the week."""
        return next((s for s in ("open", "snoozed", "late", "waiting", "new") if s in self.marks), "closed")


@cache
def stories() -> tuple[Story, ...]:
    """Every variant of every story, in the order of the file."""
    blocks = re.split(r"(?m)^== ", data_text("week.txt"))[1:]
    return tuple(story for block in blocks for story in _variants(block))


def _variants(block: str) -> list[Story]:
    head, *lines = [line for line in block.splitlines() if line and not line.startswith("#")]
    where, subject, tags, marks = (part.strip() for part in _bars(head))
    channel, *brands = where.split()
    subjects, known = _choices(subject), _marks(marks)
    openings = next(line for line in lines if line.startswith("C "))
    return [
        Story(
            channel=channel,
            brand=_nth(brands, place),
            subject=_nth(subjects, place),
            tags=tuple(tag.strip() for tag in tags.split(",")),
            language=_nth(known.get("lang", "en").split(","), place),
            marks=known,
            cues=tuple(_cue(line, place) for line in lines),
        )
        for place in range(max(len(_choices(openings)), len(subjects)))
    ]


def _bars(line: str) -> list[str]:
    """Split at single bars; a double bar parts variants."""
    return re.split(r"(?<!\|)\|(?!\|)", line)


def _choices(text: str) -> list[str]:
    return [choice.strip() for choice in text.split("||")]


def _nth(choices: list[str], place: int) -> str:
    return choices[place % len(choices)]


def _marks(text: str) -> dict[str, str]:
    pairs = (mark.partition("=") for mark in text.split() if mark != "-")
    return {name: value.replace("_", " ") for name, _, value in pairs}


def _cue(line: str, place: int) -> Cue:
    mark, _, rest = line.partition(" ")
    if mark == "H":
        return Cue(mark=mark, lead="", gap=0.2, text="|".join(_nth(_choices(p), place) for p in _bars(rest)))
    if mark == "R":
        score, _, comment = _nth(_choices(rest), place).partition(" ")
        return Cue(mark=mark, lead=score, gap=0, text=comment if comment.strip() != "-" else "")
    if mark == "B":
        return _bot_cue(rest, place)
    lead = "" if mark == "C" else _taken(rest)[0]
    gap, words = _taken(rest if mark == "C" else _taken(rest)[1])
    return Cue(mark=mark, lead=_nth(lead.split("/"), place), gap=float(gap), text=_nth(_choices(words), place))


def _bot_cue(rest: str, place: int) -> Cue:
    """A later variant may begin with a source of its own."""
    source, words = _taken(rest)
    text = _nth(_choices(words), place)
    own, further = _taken(text)
    if own in {page.slug for page in articles()}:
        source, text = own, further
    return Cue(mark="B", lead=source, gap=0.07, text=text)


def _taken(text: str) -> tuple[str, str]:
    first, _, rest = text.strip().partition(" ")
    return first, rest.strip()
