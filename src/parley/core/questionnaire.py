"""What is asked, of whom and when: surveys of one or several questions, and the rules that choose one.

Pure. A survey asks its questions one after another; a question may depend on an earlier answer.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec

from parley.core.errors import Refused
from parley.core.opinions import SCALES, SOLVED
from parley.core.survey_words import CSAT, ENDS, TEXT, WORDING, YES_OR_NO

MEASURES = ("csat", "nps", "ces", SOLVED, TEXT)
MOST_QUESTIONS = 5

_SAID = {
    1: frozenset(["yes", "yeah", "yep", "ja", "sí", "si", "sì", "oui", "sim", "tak"]),
    0: frozenset(["no", "nope", "nein", "non", "não", "nee", "nie", "nej"]),
}


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to an earlier question lies from low to high, both included."""

    question: str
    low: int
    high: int

    def holds(self, given: Mapping[str, int]) -> bool:
        return self.question in given and self.low <= given[self.question] <= self.high


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """measure: csat, nps, ces, solved or text. wording: own words by language, the usual ones where there are none."""

    key: str
    measure: str
    wording: Mapping[str, str] = {}
    only_if: Condition | None = None

    def words(self, language: str, brand: str) -> str:
        usual = WORDING[self.measure]
        chosen = self.wording.get(language) or self.wording.get("en") or usual.get(language) or usual["en"]
        return chosen.replace("{brand}", brand)


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """A survey and its rule: asked when a matter of this brand, channel and language was closed.

    closed_by: people, bot or any. share: per cent of those it fits who are asked. brand, channel, language: None fits
    all. delay: minutes after closing, None as the desk's setting says.
    """

    key: str
    name: str
    questions: tuple[Question, ...]
    active: bool = True
    closed_by: str = "any"
    brand: int | None = None
    channel: str | None = None
    language: str | None = None
    share: int = 100
    delay: float | None = None


USUAL = Survey(key="csat", name="After closing", questions=(Question(key="", measure="csat"),))


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A matter that was just closed, as rules see it. closed_by: people or bot."""

    conversation: int
    brand: int
    channel: str
    language: str
    closed_by: str


def fitting(surveys: Sequence[Survey], ended: Ended) -> Survey | None:
    """The first active survey whose rule fits."""
    return next((one for one in surveys if one.active and _fits(one, ended)), None)


def _fits(survey: Survey, ended: Ended) -> bool:
    return (
        survey.closed_by in ("any", ended.closed_by)
        and survey.brand in (None, ended.brand)
        and survey.channel in (None, ended.channel)
        and survey.language in (None, ended.language)
    )


def drawn(key: str, conversation: int, share: int) -> bool:
    """A lot that falls the same whenever it is drawn, independently from survey to survey."""
    place = int.from_bytes(sha256(f"{key}/{conversation}".encode()).digest()[:8], "big")
    return place < share / 100 * 2**64


def next_question(survey: Survey, given: Mapping[str, int]) -> Question | None:
    """The first question that is not answered and whose condition holds; None at the end."""
    for question in survey.questions:
        if question.key not in given and (question.only_if is None or question.only_if.holds(given)):
            return question
    return None


def checked(survey: Survey) -> Survey:
    """Refuses, in a sentence, what cannot be asked."""
    if not survey.name.strip():
        raise Refused("Give the survey a name.")
    if not 1 <= len(survey.questions) <= MOST_QUESTIONS:
        raise Refused(f"A survey has 1 to {MOST_QUESTIONS} questions.")
    if survey.questions[0].only_if is not None:
        raise Refused("The first question is asked of everybody, so it has no condition.")
    earlier: dict[str, str] = {}
    for question in survey.questions:
        _check(question, earlier)
        earlier[question.key] = question.measure
    if not 0 <= survey.share <= 100:
        raise Refused("The share asked is 0 to 100 per cent.")
    if survey.delay is not None and not 0 <= survey.delay <= 60 * 24 * 30:
        raise Refused("The delay is 0 to 43200 minutes (30 days).")
    if survey.closed_by not in ("any", "people", "bot"):
        raise Refused("A survey follows what people closed, what the bot closed, or both.")
    return survey


def _check(question: Question, earlier: Mapping[str, str]) -> None:
    if question.measure not in MEASURES:
        raise Refused(f"There is no kind of question “{question.measure}”. There are: {', '.join(MEASURES)}.")
    condition = question.only_if
    if condition is None:
        return
    if earlier.get(condition.question, TEXT) == TEXT:
        raise Refused("A condition looks at the number that an earlier question got.")
    if condition.low > condition.high:
        raise Refused("A condition goes from the lower number to the higher one.")


# ── answers in plain words ──────────────────────────────────────────────────────────────────

_NUMBER = re.compile(r"\s*(\d{1,2})\s*(?:(?:/|of|von|de|out of)\s*(\d{1,2}))?\s*[.!]*\s*", re.IGNORECASE)
_LED = re.compile(r"\s*(\d{1,2})[\s\-–—:,.)]+(.{1,40})", re.DOTALL)
_STARS = re.compile(r"\s*(?:[★⭐]\ufe0f?){1,5}☆*\s*")


def score_in(measure: str, text: str) -> int | None:
    """The score that a short message gives: "4", "4/5", "4 of 5", "5 very good", "★★★★", "yes". None for none.

    After a number only the words of that step are allowed, so that "2 of them are broken" is no score.
    """
    if measure not in SCALES:
        return None
    if measure == SOLVED:
        said = text.strip().rstrip(".!").lower()
        return next((score for score, words in _SAID.items() if said in words), None)
    low, high = SCALES[measure]
    if found := _NUMBER.fullmatch(text):
        score = int(found[1])
        return score if low <= score <= high and found[2] in (None, str(high)) else None
    if measure == "csat" and _STARS.fullmatch(text):
        return len(re.findall("[★⭐]", text))
    if led := _LED.fullmatch(text):
        said = f"{led[1]} {led[2].strip().rstrip('.!').lower()}"
        labels = (step for language in CSAT for step in steps(measure, language))
        return next((score for score, label in labels if label.lower() == said), None)
    return None


def steps(measure: str, language: str = "en") -> tuple[tuple[int, str], ...]:
    """(score, label) of every step of a scale; the ends are named, and each step of CSAT. Else in English."""
    if measure == SOLVED:
        yes, no = YES_OR_NO.get(language, YES_OR_NO["en"])
        return ((1, yes), (0, no))
    low, high = SCALES[measure]
    if measure == "csat":
        words = CSAT.get(language, CSAT["en"])
        return tuple((score, f"{score} {words[score - 1]}") for score in range(low, high + 1))
    first, last = ENDS[measure].get(language, ENDS[measure]["en"])
    named = {low: f"{low} {first}", high: f"{high} {last}"}
    return tuple((score, named.get(score, str(score))) for score in range(low, high + 1))
