"""A question in plain words, read as a query of the semantic layer. Deterministic: the same words, the same query.

Every word is either part of something that was understood, a filler that says nothing, or not understood; and where
one was not, there is no query, only what the rest would give. A slip of typing is mended where one thing alone is near.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from difflib import get_close_matches

import msgspec

from parley.core.asking_periods import WEEKDAYS, period_at
from parley.core.errors import Refused
from parley.core.query import DONE, Filter, Query
from parley.core.semantics import DIMENSIONS, HANDLED, MEASURES, MOST_MEASURES, MOST_SPLITS, check

LONGEST = 300
MOST_WORDS = 7  # of one name
NEAR = 3


def _these(words: str) -> frozenset[str]:
    return frozenset(words.split())


MEASURE, SPLIT, VALUE, PERIOD, COMPARE, COUNTED = "measure", "split", "value", "period", "compare", "counted"

WEAK = frozenset({"conversations", "contacts", "tickets", "cases", "requests", "enquiries", "inquiries", "how many",
                  "number of conversations", "number", "count"})  # fmt: skip
"""Words for conversations as such: the volume, where nothing else is asked for."""
CUES = frozenset({"by", "per", "each", "every", "split", "which", "across", "grouped"})
FILLERS = _these(
    "a an the of in on at for to from with was is are were be been being do does did have has had we our us you your i "
    "me my it its that this these those there what whats how much long show give tell list please can could would "
    "should get see want like know find out and or over all any about their they them customers customer people "
    "person median typical usually take takes took figure figures report chart table overview by per each every "
    "split which across grouped broken down desk whole answered handled came come arrive arrived received got had "
    "rate share percentage percent many when who then as time times answer reply question questions write writes wrote"
)
RANKING = _these("worst best highest lowest most fewest least slowest fastest busiest top bottom biggest "
                    "smallest")  # fmt: skip
COMPARING = ("compared with the period before", "compared to the period before",
             "compared with the previous period", "compared to the previous period", "against the period before",
             "versus the period before", "compared with before", "compared to before", "than before", "vs before",
             "versus before", "than the week before", "vs the week before", "versus the week before",
             "compared with the week before", "compared to the week before", "period over period", "week on week",
             "compare to the week before", "compare with the week before", "compare to the period before",
             "compare with the period before", "compare to before", "compare with before", "month on month",
             "month over month", "week over week", "compared", "compare")  # fmt: skip
ENDING = ("by when they were closed", "by when they closed", "by closing date", "by close date", "by date of closing",
          "by when they ended", "by end date", "by period of work")  # fmt: skip
HINTS = {
    "average": ("median",), "mean": ("median",), "avg": ("median",), "not": (), "without": (), "except": (),
    "excluding": (), "unanswered": ("open now", "first answers in time"), "today's": ("today",),
}  # fmt: skip
REAL_WORDS = _these("causes cause grand weak chance times other order orders price prices issue closes opens words "
                       "world house sales sale")  # fmt: skip
"""Near to a name without being a slip for it."""


class Name(msgspec.Struct, frozen=True):
    """Something that can be meant: a measure, a dimension or a value of one. said: how it is called."""

    kind: str
    key: str
    said: str
    value: str = ""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What was understood. words: as they were typed. read_as: the name, where a slip was mended."""

    words: str
    kind: str
    key: str
    value: str = ""
    read_as: str = ""


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """Words that mean nothing here, and what is near them."""

    words: str
    near: tuple[str, ...] = ()


class Understood(msgspec.Struct, frozen=True, kw_only=True):
    """query: None where something was not understood. partly: what the rest gives, where that is a query.

    ignored: words that ask for an order of rows; all rows are shown. why: what is wrong with a whole question.
    """

    query: Query | None = None
    partly: Query | None = None
    parts: tuple[Part, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    ignored: tuple[str, ...] = ()
    why: str = ""


# ── names ───────────────────────────────────────────────────────────────────────────────────


def names_of(values: Mapping[str, Mapping[str, str]], more: Iterable[Name] = ()) -> tuple[Name, ...]:
    """Everything that can be named. values: dimension → value → what people call it. Part of a name will do where
    nothing else has it."""
    found = [Name(MEASURE, key, said) for key, one in MEASURES.items() for said in one.names]
    found += [Name(SPLIT, key, said) for key, one in DIMENSIONS.items() for said in one.names]
    found += [Name(VALUE, "weekday", said, str(number)) for said, number in WEEKDAYS.items() if len(said) > 4]
    found += [Name(VALUE, "handled", said, key) for key, said in HANDLED.items()]
    found += _HANDLED
    found += [
        Name(VALUE, "language", said, key) for key, said in _LANGUAGES.items() if key in values.get("language", {})
    ]
    whole = [
        Name(VALUE, dimension, said, value)
        for dimension, known in values.items()
        for value, label in known.items()
        if value
        for said in dict.fromkeys((label, value)) if not said.isdigit()
    ]  # fmt: skip
    return (*found, *whole, *_shortened(whole, found), *more)


_HANDLED = [
    Name(VALUE, "handled", said, key)
    for key, names in (
        ("bot", ("by the bot alone", "bot only", "only the bot", "handled by the bot", "by the bot", "with the bot")),
        ("handed", ("handed over", "handovers", "hand overs", "escalated", "escalations", "passed on by the bot",
                    "bot then people")),
        ("people", ("by people alone", "people only", "without the bot", "handled by people", "by humans",
                    "human only")),
    )
    for said in names
]  # fmt: skip


_LANGUAGES = {"en": "english", "de": "german", "es": "spanish", "fr": "french", "it": "italian", "nl": "dutch",
              "pt": "portuguese", "pl": "polish", "sv": "swedish", "da": "danish"}  # fmt: skip


def _shortened(whole: Sequence[Name], others: Sequence[Name]) -> list[Name]:
    """Single words of longer names, and names written without their gaps, where they mean one thing only."""
    taken = {_key(one.said) for one in (*whole, *others)} | {(_stem(word),) for word in FILLERS | RANKING}
    short: dict[str, set[tuple[str, str]]] = {}
    for one in whole:
        words = _words(one.said)
        for word in (
            {*(w for w in words if len(w) > (2 if one.key == "agent" else 3)), "".join(words)} if len(words) > 1 else ()
        ):
            short.setdefault(word, set()).add((one.key, one.value))
    return [
        Name(VALUE, key, word, value)
        for word, meanings in short.items()
        if len(meanings) == 1 and (_stem(word),) not in taken
        for key, value in meanings
    ]


# ── reading ─────────────────────────────────────────────────────────────────────────────────


def understand(question: str, names: Sequence[Name], now: datetime) -> Understood:
    words = _words(question[:LONGEST])
    if not words:
        return Understood(why="Say what you want to know, for example: median first response by channel last month.")
    read = _Reading(words, names, now)
    read.through()
    return read.understood()


class _Reading:
    """One question on its way. Longest names first, each word once."""

    def __init__(self, words: Sequence[str], names: Sequence[Name], now: datetime) -> None:
        self.words, self.now, self.names = words, now, names
        self.known: dict[tuple[str, ...], list[Name]] = {}
        for one in names:
            self.known.setdefault(_key(one.said), []).append(one)
        self.parts: list[Part] = []
        self.places: list[tuple[int, int]] = []  # of each part: its first word, and the one after its last
        self.unknown: list[str] = []
        self.ignored: list[str] = []
        self.p90 = False

    def through(self) -> None:
        place = 0
        while place < len(self.words):
            place += self._step(place) or self._leave(place)
        kept = [number for number in range(len(self.parts)) if not self._only_names_its_value(number)]
        self.parts = [self.parts[number] for number in kept]

    def _only_names_its_value(self, number: int) -> bool:
        """ "Team" in "the returns team", "brand" in "brand Wrenfield": no split is asked for."""
        part, (first, after) = self.parts[number], self.places[number]
        if part.kind != SPLIT or (first > 0 and self.words[first - 1] in CUES):
            return False
        beside = [self.parts[other] for other, (begin, end) in enumerate(self.places) if end == first or begin == after]
        return any(other.kind == VALUE and other.key == part.key for other in beside)

    def _step(self, place: int) -> int:
        """How many words something takes that was understood at a place; 0 for nothing."""
        rest = self.words[place:]
        for kind, phrases in ((COMPARE, COMPARING), (COUNTED, ENDING)):
            for phrase in phrases:
                if (took := len(phrase.split())) and " ".join(rest[:took]) == phrase:
                    self._add(place, took, kind, DONE if kind == COUNTED else "yes")
                    return took
        period = period_at(rest, self.now)
        name = self._name(place)
        if period and (name is None or period[1] >= name[1]):
            self._add(place, period[1], PERIOD, period[0])
            return period[1]
        if name:
            one, took = name
            self._add(place, took, one.kind, one.key, one.value)
            return took
        if rest[0] in ("p90", "90th") or rest[:3] == ["nine", "of", "ten"]:
            self.p90 = True
            return 3 if rest[0] == "nine" else 2 if rest[1:2] == ["percentile"] else 1
        if rest[0] in ("vs", "versus", "against"):
            self._add(place, 1, COMPARE, "values")
            return 1
        return 0

    def _leave(self, place: int) -> int:
        """A filler, a ranking, a slip that can be mended, or something that is not understood."""
        word = self.words[place]
        if word in FILLERS:
            return 1
        if word in RANKING:
            self.ignored.append(word)
            return 1
        if mended := self._mended(place):
            one, took = mended
            self._add(place, took, one.kind, one.key, one.value, one.said)
            return took
        self.unknown.append(word)
        return 1

    def _name(self, place: int) -> tuple[Name, int] | None:
        """The longest name at a place; split by it where a cue stands before and both are possible."""
        cued = place > 0 and self.words[place - 1] in CUES
        for took in range(min(MOST_WORDS, len(self.words) - place), 0, -1):
            key = tuple(map(_stem, self.words[place : place + took]))
            beside = {_stem(word) for word in self.words[max(0, place - 1) : place + took + 1]}
            if meant := self._one_of(self.known.get(key, []), cued, beside):
                return meant, took
        return None

    def _one_of(self, meant: Sequence[Name], cued: bool, beside: Set[str]) -> Name | None:
        """What a name means here. "Delivery" may be a topic and a team: a topic, unless "team" stands beside it."""
        if not meant:
            return None
        order = (SPLIT, VALUE, MEASURE) if cued else (MEASURE, VALUE, SPLIT)
        kind = min((one.kind for one in meant), key=order.index)
        mine = [one for one in meant if one.kind == kind]
        named = [one for one in mine if kind == VALUE and beside & set(map(_stem, DIMENSIONS[one.key].names))]
        mine = named or [one for one in mine if one.key != "team"] or mine
        same = {(one.key, one.value) for one in mine}
        return mine[0] if len(same) == 1 else None  # two people of one name: neither is guessed

    def _mended(self, place: int) -> tuple[Name, int] | None:
        for took in range(min(4, len(self.words) - place), 0, -1):
            typed = [_stem(word) for word in self.words[place : place + took]]
            if any(word in REAL_WORDS for word in self.words[place : place + took]):
                continue
            near = {key: ones for key, ones in self.known.items() if len(key) == took and _slip(typed, key)}
            meant = [one for ones in near.values() for one in ones]
            if len({(one.kind, one.key, one.value) for one in meant}) == 1:
                return meant[0], took
        return None

    def _add(self, place: int, took: int, kind: str, key: str, value: str = "", read_as: str = "") -> None:
        typed = " ".join(self.words[place : place + took])
        self.parts.append(Part(words=typed, kind=kind, key=key, value=value, read_as=read_as))
        self.places.append((place, place + took))

    # what it comes to ────────────────────────────────────────────────────────────────────────

    def understood(self) -> Understood:
        why = ""
        try:
            query = self._query()
        except Refused as error:
            query, why = None, str(error)
        lost = self._lost()
        return Understood(
            query=None if lost else query, partly=query if lost else None, parts=tuple(self.parts), unknown=lost,
            ignored=tuple(self.ignored), why=why,
        )  # fmt: skip

    def _query(self) -> Query:
        measures = self._measures()
        if not measures:
            raise Refused("It names no measure. " + WHAT_THERE_IS)
        if len(measures) > MOST_MEASURES:
            raise Refused(f"That is more than {MOST_MEASURES} measures in one report.")
        periods = [part.key for part in self.parts if part.kind == PERIOD]
        compared = any(part.kind == COMPARE for part in self.parts)
        if compared and periods == ["this_week", "last_week"]:
            periods = ["this_week"]  # the same weekdays before are those of last week
        if len(set(periods)) > 1:
            raise Refused("It names two periods. Ask for one, and compare it with the one before.")
        values = self._values()
        query = Query(
            measures=measures,
            by=self._splits(values),
            filters=tuple(Filter(key, found) for key, found in values.items()),
            period=periods[0] if periods else "28d",
            compare=self._beside_before(values) or (compared and periods == ["this_week"]),
            counted=next((part.key for part in self.parts if part.kind == COUNTED), "began"),
        )
        return check(query, self.now)

    def _measures(self) -> tuple[str, ...]:
        named = [part for part in self.parts if part.kind == MEASURE]
        strong = [part for part in named if not (part.key == "volume" and _is_weak(part))]
        keys = dict.fromkeys(part.key for part in strong or named)
        if not keys and self._counts():
            keys = {"volume": None}
        return tuple(dict.fromkeys(self._at_p90(key) for key in keys))

    def _counts(self) -> bool:
        """Whether they ask how many without saying so: "refunds per week", "chats by hour", "busiest hour"."""
        split = any(part.kind == SPLIT for part in self.parts)
        values = {part.key for part in self.parts if part.kind == VALUE}
        return "topic" in values or (split and ("channel" in values or "busiest" in self.ignored))

    def _at_p90(self, key: str) -> str:
        other = key.replace("_median", "_p90")
        return other if self.p90 and other in MEASURES else key

    def _values(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for part in self.parts:
            if part.kind == VALUE and part.value not in found.get(part.key, ()):
                found[part.key] = (*found.get(part.key, ()), part.value)
        return found

    def _beside_before(self, values: Mapping[str, tuple[str, ...]]) -> bool:
        """Whether the period before is asked for; "compare mail and chat" asks for these two side by side."""
        said = [part.words for part in self.parts if (part.kind, part.key) == (COMPARE, "yes")]
        two = any(len(found) > 1 for found in values.values())
        return any(not (two and words in ("compare", "compared")) for words in said)

    def _splits(self, values: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        splits = dict.fromkeys(part.key for part in self.parts if part.kind == SPLIT)
        compared = any(part.kind == COMPARE for part in self.parts)
        if compared and not self._beside_before(values):
            splits |= dict.fromkeys(key for key, found in values.items() if len(found) > 1)
        if len(splits) > MOST_SPLITS:
            raise Refused("A report is split by two different things at most.")
        return tuple(splits)

    def _lost(self) -> tuple[Unknown, ...]:
        said = list(dict.fromkeys(one.said.lower() for one in self.names))
        found = []
        for word in dict.fromkeys(self.unknown):
            near = HINTS.get(word)
            found.append(Unknown(words=word, near=near if near is not None else _near(word, said)))
        return tuple(found)


WHAT_THERE_IS = (
    "There is, among others: conversations, first response, resolution time, csat, nps, reopened, transfers, SLA, "
    "containment, backlog."
)


def _is_weak(part: Part) -> bool:
    return (part.read_as or part.words) in WEAK or _key(part.read_as or part.words) in {_key(word) for word in WEAK}


def _near(word: str, said: Sequence[str]) -> tuple[str, ...]:
    close = get_close_matches(word, said, NEAR, 0.6)
    within = [name for name in said if len(word) > 3 and word[:5] in name and name not in close]
    return tuple((*close, *within)[:NEAR])


# ── words ───────────────────────────────────────────────────────────────────────────────────


def _words(text: str) -> list[str]:
    """Small letters without accents; hyphens, underscores and signs part words, dates stay whole."""
    plain = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("'s ", " ").replace("’s ", " ")
    return re.findall(r"\d{4}-\d\d-\d\d|[^\W_]+", plain.replace("'", "").replace("’", ""))


def _stem(word: str) -> str:
    """Without the ending of a plural."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _key(said: str) -> tuple[str, ...]:
    return tuple(map(_stem, _words(said)))


def _slip(typed: Sequence[str], name: Sequence[str]) -> bool:
    """Whether typed words may be a name with slips: one letter in words from five on, two from nine on."""
    if all(a == b for a, b in zip(typed, name, strict=True)):
        return False
    return all(a == b or _alike(a, b) for a, b in zip(typed, name, strict=True))


def _alike(a: str, b: str) -> bool:
    short, long = sorted((len(a), len(b)))
    allowed = 0 if short < 4 or long < 5 else 1 if short < 9 else 2
    if not allowed or a[0] != b[0] or abs(len(a) - len(b)) > allowed:
        return False
    return distance(a, b) <= allowed


def distance(a: str, b: str) -> int:
    """Letters put in, left out, changed, or two neighbours the wrong way round (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]
