"""The cases of a source with everything that several figures need, made once and only when asked for."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from parley.ai import sentiment
from parley.ai.encoder import Encoder
from parley.ai.themes import Theme, themes
from parley.assess.gathering import Gathered
from parley.assess.letters import Progress
from parley.assess.replay import Try, pairs, replay
from parley.core.cases import Case, Clock, first_answer, gaps, resolution
from parley.core.redaction import bare, body, name_words, redacted

MOST_READ = 2000  # openings that themes and moods are told from, drawn at random where there are more
OPENING = 400  # characters of one that are read
REPEAT_DAYS = 7.0


class Study:
    """now: the time of the last message, since a mailbox ends when it was saved. zone: in which days are counted."""

    def __init__(self, gathered: Gathered, zone: str, encoder: Encoder | None, told: Progress) -> None:
        self.gathered, self.zone, self.encoder, self.told = gathered, ZoneInfo(zone), encoder, told
        self.cases: Sequence[Case] = gathered.cases
        self.now = max((turn.at for case in self.cases for turn in case.turns), default=0.0)

    @cached_property
    def names(self) -> frozenset[str]:
        return name_words(self.gathered.names)

    def quoted(self, text: str, length: int = 280) -> str:
        """Words for a report: without names and addresses, not too long."""
        bare_words = " ".join(redacted(text, self.names).split())
        return bare_words if len(bare_words) <= length else bare_words[:length].rsplit(" ", 1)[0] + " …"

    def local(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, UTC).astimezone(self.zone)

    def redact(self, text: str) -> str:
        """A whole answer, its lines kept."""
        return redacted(text, self.names).strip()

    # times ──────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def firsts(self) -> list[Clock]:
        return [first_answer(case, self.now) for case in self.cases]

    @cached_property
    def resolutions(self) -> list[Clock]:
        return [resolution(case, self.now) for case in self.cases]

    @cached_property
    def again(self) -> dict[int, bool | None]:
        return gaps(self.cases, REPEAT_DAYS, self.now)

    @cached_property
    def weeks(self) -> list[tuple[datetime, int]]:
        """Monday of each week, and how many cases began in it; weeks without any included."""
        mondays = Counter(self._monday(case.began) for case in self.cases)
        if not mondays:
            return []
        day, last, found = min(mondays), max(mondays), []
        while day <= last:
            found.append((day, mondays[day]))
            day += timedelta(days=7)
        return found

    def _monday(self, at: float) -> datetime:
        day = self.local(at).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        return day - timedelta(days=day.weekday())

    @cached_property
    def days(self) -> float:
        """How long the source reaches, in days, at least one."""
        return max(1.0, (self.now - self.cases[0].began) / 86_400) if self.cases else 1.0

    @cached_property
    def hours(self) -> list[list[int]]:
        """Cases by weekday (Monday first) and hour of their beginning."""
        return self._by_hour([case.began for case in self.cases])

    @cached_property
    def answer_hours(self) -> list[list[int]]:
        return self._by_hour([turn.at for case in self.cases for turn in case.answers])

    def _by_hour(self, moments: Sequence[float]) -> list[list[int]]:
        grid = [[0] * 24 for _ in range(7)]
        for at in moments:
            moment = self.local(at)
            grid[moment.weekday()][moment.hour] += 1
        return grid

    @cached_property
    def staffed(self) -> list[list[bool]]:
        """Hours of the week in which this desk answers: those with at least a fifth of what a busy hour has."""
        counts = sorted((n for row in self.answer_hours for n in row if n), reverse=True)
        busy = counts[len(counts) // 8] if counts else 0
        return [[n > 0 and n >= busy / 5 for n in row] for row in self.answer_hours]

    # words ──────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def sample(self) -> list[int]:
        """Places of cases whose opening is read."""
        telling = [i for i, case in enumerate(self.cases) if len(case.turns[0].text.split()) >= 3 or case.subject]
        if len(telling) <= MOST_READ:
            return telling
        chosen = np.random.default_rng(1).choice(np.asarray(telling), MOST_READ, replace=False)
        return sorted(int(i) for i in chosen)

    @cached_property
    def openings(self) -> list[str]:
        """Of the sample, without what could tell who wrote it."""
        self.told("Reading what people write", 0, None)
        return [self._opening(self.cases[i]) for i in self.sample]

    def _opening(self, case: Case) -> str:
        said = body(case.turns[0].text)
        begins = " ".join(said.split()).lower().startswith(case.subject.strip(" .…?!").lower())
        words = said if begins else f"{case.subject}. {said}"  # a chat's subject is how it began
        return " ".join(bare(redacted(words, self.names)).split())[:OPENING] or "…"

    @cached_property
    def themes(self) -> list[Theme]:
        """By place in the sample."""
        if self.encoder is None:
            return []
        self.told("Looking for themes", 0, None)
        return themes(self.openings, self.encoder)

    @cached_property
    def theme_of(self) -> dict[int, str]:
        """Place of a case → the name of its theme."""
        return {self.sample[i]: theme.name for theme in self.themes for i in theme.places}

    @cached_property
    def moods(self) -> list[str]:
        return [mood.name for mood in sentiment.reader(self.encoder is not None).moods(self.openings)]

    @cached_property
    def tries(self) -> list[Try]:
        """Later questions answered with earlier answers."""
        if self.encoder is None:
            return []
        self.told("Replaying old answers", 0, None)
        return replay(pairs(self.cases), self.encoder)
