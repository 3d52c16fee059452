"""A change of the bot that is tried out: what it may hold, who gets it, and when two arms differ for certain.

A person's arm is a digest of the trial's and the person's number, so that it is the same on every machine and in every
conversation, and whoever has the new bot keeps it when the share grows.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from math import log, sqrt

import msgspec

from parley.core.errors import Refused
from parley.core.stats import Change as Difference
from parley.core.stats import Interval, z_of

NEW, OLD, HOLDOUT = "new", "old", "holdout"
SHARES = (10, 50, 100)
HOLDOUTS = (0, 5, 10, 20)
LEVEL = 0.95  # of all figures of a trial together

EFFECT = 0.1
"""The difference at which the bound is tightest; any is found in the end."""

FEWEST = 30  # conversations in each arm of a stage, below which the bound's normal approximation is not trusted


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """Another title and text for an article."""

    article: int
    title: str
    body: str


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a candidate changes; what is left out stays as the desk has it.

    promise, choice: the share of answers, and of offered choices, that shall be right. shown: drafts that the bot also
    answers from; hidden: articles that it does not. wordings: other texts of articles. does, leaves: procedures that
    are on, and off. limits: of procedures, as `refund.days`. rewrites: whether a language model words answers.
    """

    promise: float | None = None
    choice: float | None = None
    shown: tuple[int, ...] = ()
    hidden: tuple[int, ...] = ()
    wordings: tuple[Wording, ...] = ()
    does: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    limits: dict[str, int] = {}
    rewrites: bool | None = None

    @property
    def of_articles(self) -> bool:
        return bool(self.shown or self.hidden or self.wordings)

    @property
    def article(self) -> int | None:
        """The article whose two wordings are compared, where that is all that changes."""
        alone = msgspec.structs.replace(self, wordings=()) == Change() and len(self.wordings) == 1
        return self.wordings[0].article if alone else None


def checked(change: Change) -> Change:
    """Refused names what cannot be tried out."""
    if change == Change():
        raise Refused("Say what shall be different: a promise, an article, a procedure or the wording.")
    for share in (change.promise, change.choice):
        if share is not None and not 0.5 <= share <= 0.99:
            raise Refused("A promise is between 50 and 99 per cent.")
    if set(change.shown) & set(change.hidden) or set(change.does) & set(change.leaves):
        raise Refused("Something cannot be both on and off.")
    if any(not one.title.strip() or not one.body.strip() for one in change.wordings):
        raise Refused("An article needs a title and a text.")
    if len({one.article for one in change.wordings}) < len(change.wordings):
        raise Refused("Say one other wording for an article, not two.")
    return change


# ── who gets it ─────────────────────────────────────────────────────────────────────────────


def arm(trial: int, person: int, share: int, holdout: int) -> str:
    """NEW for `share` per cent of those who are not held out; `holdout` per cent stay on the old one for good."""
    held, drawn = _drawn(f"holdout/{trial}/{person}"), _drawn(f"arm/{trial}/{person}")
    if held < holdout / 100:
        return HOLDOUT
    return NEW if drawn < share / 100 else OLD


def _drawn(what: str) -> float:
    """A number from 0 to 1 that is always the same for the same words."""
    return int.from_bytes(sha256(what.encode()).digest()[:8]) / 2**64


# ── whether they differ ─────────────────────────────────────────────────────────────────────


def level_for(figures: int) -> float:
    """The level of each of so many figures that are looked at together (Bonferroni)."""
    return 1 - (1 - LEVEL) / figures


class Seen(msgspec.Struct, frozen=True):
    """Of n conversations of an arm, those of which something is true."""

    hits: int = 0
    n: int = 0


def difference(stages: Sequence[tuple[Seen, Seen]], level: float = LEVEL, effect: float = EFFECT) -> Difference:
    """The new arm's share minus the old one's, with an interval that may be looked at as often as one likes.

    The mixture sequential probability ratio test with a normal mixture (Robbins 1970; Johari, Koomen, Pekelis and
    Walsh, "Always Valid Inference", Operations Research 70(3), 2022): the chance that the interval ever leaves out the
    truth is 1 − level at most, up to the normal approximation. stages: (new, old) for each share that it had, because
    weeks with another share are other weeks; they are joined by Mantel and Haenszel's weights.
    """
    parts = [_part(new, old) for new, old in stages if min(new.n, old.n) >= FEWEST]
    whole = sum(weight for weight, _, _ in parts)
    if not whole:
        return Difference()
    value = sum(weight * gap for weight, gap, _ in parts) / whole
    spread = sum(weight * weight * v for weight, _, v in parts) / whole**2
    mixture = effect**2
    bound = 2 * log(1 / (1 - level)) + log((spread + mixture) / spread)
    half = sqrt(spread * (spread + mixture) / mixture * bound)
    interval = Interval(max(-1.0, value - half), min(1.0, value + half))
    return Difference(value, interval, abs(value) > half)


def _part(new: Seen, old: Seen) -> tuple[float, float, float]:
    """Weight, difference and its variance. One hit and one miss are added for the variance: none is ever certain."""
    gap = new.hits / new.n - old.hits / old.n
    return new.n * old.n / (new.n + old.n), gap, _variance(new) + _variance(old)


def _variance(seen: Seen) -> float:
    p = (seen.hits + 1) / (seen.n + 2)
    return p * (1 - p) / seen.n


# ── what a replay found ─────────────────────────────────────────────────────────────────────

ANSWERED, PROCEDURE, OFFERED, TALK, HANDED, WITH_PEOPLE, FAILED = (
    "answered", "procedure", "offered", "talk", "handed", "people", "failed",
)  # fmt: skip

KINDS: Mapping[str, str] = {
    "lost": "Answered → handed over",
    "won": "Handed over → answered",
    "source": "Other source",
    "procedure": "Other procedure",
    "words": "Same source, other words",
    "other": "Otherwise different",
    "later": "Follows from a change before",
    "same": "Same",
}
HELD = (ANSWERED, PROCEDURE, OFFERED, TALK)  # the bot goes on by itself


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the bot made of a message. source: the article's slug, the procedure, or why it was handed over."""

    kind: str
    source: str = ""
    text: str = ""
    confidence: float | None = None
    alike: float | None = None


def kind_of(old: Outcome, new: Outcome) -> str:
    """How two outcomes of the same message differ, as a key of KINDS."""
    if old.kind == new.kind == WITH_PEOPLE:
        return "same"
    if WITH_PEOPLE in (old.kind, new.kind):
        return "later"
    gone = (HANDED, FAILED)
    if old.kind in HELD and new.kind in gone:
        return "lost"
    if old.kind in gone and new.kind in HELD:
        return "won"
    if old.kind != new.kind:
        return "procedure" if PROCEDURE in (old.kind, new.kind) else "other"
    if old.kind in gone:
        return "same" if old.source == new.source else "other"
    if old.source != new.source:
        return "procedure" if old.kind == PROCEDURE else "source"
    return "same" if old.text == new.text else "words"


class Before(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a change replaced when it was adopted. articles: titles and texts. audiences: by article's number, as text.
    looks: (does, leaves, limits) by brand's number, as text. settings: others, by their key; None: there was none."""

    articles: tuple[Wording, ...] = ()
    audiences: dict[str, str] = {}
    looks: dict[str, tuple[tuple[str, ...], tuple[str, ...], dict[str, int]]] = {}
    settings: dict[str, float | bool | None] = {}


def paired(won: int, lost: int, n: int, level: float = 0.95) -> Difference:
    """The difference of two shares of the same n cases, of which `won` turned one way and `lost` the other.

    Agresti and Min's interval (2005): Wald's, after half a case was added to each of the four kinds.
    """
    if not n:
        return Difference()
    a, b, whole = won + 0.5, lost + 0.5, n + 2
    middle = (a - b) / whole
    half = z_of(level) * sqrt(a + b - (a - b) ** 2 / whole) / whole
    return Difference((won - lost) / n, Interval(middle - half, middle + half), abs(middle) > half)
