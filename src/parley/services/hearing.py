"""What customers talk about: themes found without a list, their mood, how they move over weeks, what is suddenly more.

Made anew every few minutes by a thread, when there is news, and kept as one value of the settings; pages only read it.
Each brand is listened to on its own. Words are not kept here: quotes are read from the messages, so that what is
erased is gone.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from parley.core import events as e
from parley.core.embeddings import Unreachable
from parley.core.redacting import quotable, redacted
from parley.core.stats import Change, Estimate, share, share_change
from parley.core.watch import WINDOWS, Alarm, Said, Watch, usual
from parley.log import record as log
from parley.log.record import Record, chunks
from parley.services import clashes, gaps, incidents, knowledge, setup
from parley.services.answers import answers
from parley.services.inbox import Viewer, conversations

logger = logging.getLogger("parley.hearing")

WEEKS = 8
MOST = 1500  # messages of a brand that are listened to, the newest
SHORTEST, LONGEST = 12, 400  # characters of a message that are read
EVERY = 300.0  # seconds from one look to the next
UNHAPPY = -0.25  # moods from here down
POOL = 12  # messages of which that many different ones are shown
THEMES = 60  # of a brand that are kept, the largest
TITLE = 7  # words of a message that stand for a theme's name
KEY = "heard"
AT_ONCE = 16  # messages that are read together
RESTS = 4  # times as long as it reads


class Message(msgspec.Struct, frozen=True, array_like=True):
    """A first message, or what was said to a survey: number, conversation, person, when (seconds), mood (−1…1)."""

    message: int
    conversation: int
    person: int
    at: float
    mood: float


class Theme(msgspec.Struct, frozen=True, kw_only=True):
    """said: the most typical first. name: words that stand out; where none do, "#" and the number of the most typical
    message, whose beginning is then read as the name, so that it goes when the message is erased."""

    name: str
    said: tuple[Message, ...]


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard in each brand (by its number as text), until when. seq: the log's place."""

    at: datetime
    seq: int
    themes: Mapping[str, tuple[Theme, ...]] = {}
    alarms: Mapping[str, tuple[Alarm, ...]] = {}


class Ear:
    """Listens beside everything else, in a thread of its own.

    by_meaning: with the sentence encoder. crowded: whether much comes in just now; until then nothing is begun.
    """

    def __init__(self, record: Record, by_meaning: bool, crowded: Callable[[], bool] = lambda: False) -> None:
        self.record, self.by_meaning, self.crowded = record, by_meaning, crowded
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="parley-hearing", daemon=True)

    def start(self) -> None:
        if self.by_meaning:
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _work(self) -> None:
        pause = 10.0
        while not self._stop.wait(pause):
            if self.crowded():
                pause = 10.0
                continue
            try:
                self.listen()
            except Unreachable as error:
                logger.warning("What customers say was not heard; it is tried again: %s", error)
            except Exception:
                logger.exception("What customers say was not heard; it is tried again")
            try:
                self.compare()
            except Unreachable as error:
                logger.warning("Articles were not compared; it is tried again: %s", error)
            except Exception:
                logger.exception("Articles were not compared; it is tried again")
            pause = EVERY

    def listen(self) -> Heard | None:
        """Hear everything anew if something was written since. None where there is no encoder, or no news."""
        from parley.ai.encoder import encoder

        reads = encoder()
        with self.record.reading() as conn:
            before, seq, now = heard(conn), log.head(conn), self.record.clock()
            if reads is None or (before is not None and before.seq == seq):
                return None
            said, asked = _said(conn, now), gaps.unanswered(conn, now)
            articles = knowledge.every(conn, audience="public")
        for spoken in said.values():
            self._read_ahead(reads, [one[4] for one in spoken])
        self._read_ahead(reads, [text for questions in asked.values() for _, _, text in questions])
        self._read_ahead(reads, [text for one in articles for text in (one.title, *one.wordings)])
        found, missing = _understood(said, reads, now, seq), gaps.grouped(asked, articles, reads, now)
        self.record.do(lambda tx: _keep(tx, found, missing))
        if any(found.alarms.values()):
            self.record.do(lambda tx: _told_of(tx, found))
        return found

    def compare(self) -> clashes.Kept | None:
        """Look for articles that contradict each other if any was written since. None where nothing is to be done."""
        from parley.ai.encoder import encoder

        reads = encoder()
        with self.record.reading() as conn:
            before, stamp = clashes.kept(conn), knowledge.stamp(conn)
            if reads is None or (before is not None and before.stamp == stamp):
                return None
            articles = knowledge.every(conn)
        self._read_ahead(reads, clashes.sentences(articles))
        found = clashes.compared(articles, stamp, reads, self.record.clock())
        self.record.do(lambda tx: setup.set_setting(tx, clashes.KEY, msgspec.to_builtins(found)))
        return found

    def _read_ahead(self, reads: Any, texts: Sequence[str]) -> None:
        """A few at a time with rests between them, which the encoder then remembers: customers come first."""
        for part in chunks(texts, AT_ONCE):
            began = time.monotonic()
            reads.vectors(part)
            if self._thread.is_alive() and self._stop.wait(RESTS * (time.monotonic() - began)):
                return


def _keep(tx: log.Tx, found: Heard, missing: gaps.Kept) -> None:
    setup.set_setting(tx, KEY, msgspec.to_builtins(found))
    setup.set_setting(tx, gaps.KEY, msgspec.to_builtins(missing))


def _told_of(tx: log.Tx, found: Heard) -> None:
    """Themes that come suddenly are incidents, with the conversations of the last two hours."""
    since = found.at.timestamp() - WINDOWS[-1]
    for brand, alarms in found.alarms.items():
        themes = {theme.name: theme for theme in found.themes.get(brand, ())}
        for alarm in alarms:
            said = themes[alarm.topic].said if alarm.topic in themes else ()
            late = [one.conversation for one in sorted(said, key=lambda one: one.at) if one.at > since]
            if late:
                incidents.heard(tx, int(brand), alarm.topic, alarm, late)


def heard(conn: Connection) -> Heard | None:
    kept = setup.setting(conn, KEY)
    return None if kept is None else msgspec.convert(kept, Heard)


# ── listening ───────────────────────────────────────────────────────────────────────────────

Spoken = tuple[int, int, int, float, str]  # message, conversation, person, when, words


def _said(conn: Connection, now: datetime) -> dict[int, list[Spoken]]:
    """By brand: the first words of each conversation, and what was said along with answers to surveys."""
    of, since = conversations.c, now - timedelta(weeks=WEEKS)
    kinds = (e.MessageReceived,)
    question = select(of.id, of.brand, of.person, of.opened_at).where(of.last_at >= since, of.opened_at >= since)
    known = {row.id: row for row in conn.execute(question.order_by(of.last_at.desc()).limit(4 * MOST))}
    places = _first_messages(conn, list(known), kinds)
    told = select(answers.c.conversation, answers.c.comment, answers.c.answered_at).where(
        answers.c.comment.is_not(None), answers.c.answered_at >= int(since.timestamp() * 1e6)
    )
    comments = [row for row in conn.execute(told) if row.conversation in known]
    words = log.words_of(conn, [*places.values(), *(row.comment for row in comments)])
    found: dict[int, list[Spoken]] = {}
    moments = [(n, message, known[n].opened_at.timestamp()) for n, message in places.items()]
    moments += [(row.conversation, row.comment, row.answered_at / 1e6) for row in comments]
    for number, message, at in sorted(moments, key=lambda one: -one[2]):
        row, said = known[number], words.get(message)
        text = said.text[: said.fold].strip() if said else ""
        of_brand = found.setdefault(row.brand, [])
        if len(text) >= SHORTEST and len(of_brand) < MOST:
            of_brand.append((message, number, row.person, at, " ".join(text.split())[:LONGEST]))
    return found


def _first_messages(conn: Connection, numbers: Sequence[int], kinds: tuple[type[e.Event], ...]) -> dict[int, int]:
    found: dict[int, int] = {}
    for recorded in log.openings(conn, [e.conversation(number) for number in numbers], kinds):
        event = recorded.event
        if isinstance(event, e.MessageReceived) and not event.automatic and recorded.subject_id not in found:
            found[recorded.subject_id] = event.message
    return found


def _understood(said: Mapping[int, list[Spoken]], reads: Any, now: datetime, seq: int) -> Heard:
    themes, alarms = {}, {}
    for brand, spoken in said.items():
        themes[str(brand)] = _themes(spoken, reads)
        alarms[str(brand)] = _alarms(themes[str(brand)], now.timestamp())
    return Heard(at=now, seq=seq, themes=themes, alarms=alarms)


def _themes(spoken: Sequence[Spoken], reads: Any) -> tuple[Theme, ...]:
    from parley.ai import sentiment, themes

    texts = [one[4] for one in spoken]
    moods = sentiment.reader().moods(texts) if texts else []
    said = [Message(*one[:4], round(mood.score, 2)) for one, mood in zip(spoken, moods, strict=True)]
    found = themes.themes(texts, reads)[:THEMES]
    return tuple(
        Theme(
            name=f"#{said[one.places[0]].message}" if one.name.startswith("“") else one.name,
            said=tuple(said[place] for place in one.places),
        )
        for one in found
    )


def _alarms(themes: Sequence[Theme], now: float) -> tuple[Alarm, ...]:
    """Themes of which the last two hours hold more than their hours of the week explain."""
    told = {
        theme.name: [Said(one.at, one.person) for one in sorted(theme.said, key=lambda m: m.at)] for theme in themes
    }
    since = now - WINDOWS[-1]
    first = min((one.at for all_of in told.values() for one in all_of), default=now)
    watch = Watch({name: usual(all_of, first, since) for name, all_of in told.items()})
    return tuple(watch.look(now, {name: [one for one in all_of if one.at > since] for name, all_of in told.items()}))


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said, with addresses and numbers left out."""

    message: int
    conversation: int
    at: datetime
    text: str
    mood: float


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A theme as leads see it. message: its most typical one, by which it is found again under another name. weeks:
    messages in each of the last eight, the newest last; unhappy_weeks: those with a bad mood. unhappy: their share of
    n. change: of the theme's share of all messages, the last week against the seven before, at 99 %."""

    name: str
    brand: int
    message: int
    n: int
    weeks: tuple[int, ...]
    unhappy_weeks: tuple[int, ...]
    unhappy: Estimate
    change: Change
    quotes: tuple[Quote, ...]


class Sudden(msgspec.Struct, frozen=True, kw_only=True):
    """People who speak of a topic since a moment, and how many contacts are usual there. message: one of them."""

    topic: str
    brand: int
    message: int
    people: int
    since: datetime
    usual: float
    quotes: tuple[Quote, ...]


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """as_of: None while nothing was heard yet."""

    as_of: datetime | None = None
    sudden: tuple[Sudden, ...] = ()
    topics: tuple[Topic, ...] = ()


def overview(conn: Connection, who: Viewer) -> Overview:
    """What was heard in the brands that the viewer serves, the largest topics first."""
    found = heard(conn)
    if found is None:
        return Overview()
    mine = _mine(found, who)
    shown = {one.message for themes in mine.values() for theme in themes for one in _shown(theme, found)}
    words = {n: said.text[: said.fold] for n, said in log.words_of(conn, sorted(shown)).items()}
    topics, sudden = [], []
    for brand, themes in mine.items():
        whole = _weekly([one for theme in themes for one in theme.said], found.at)
        topics += [_topic(theme, int(brand), whole, found, words) for theme in themes]
        by_name = {theme.name: theme for theme in themes}
        sudden += [_sudden(alarm, by_name[alarm.topic], int(brand), words) for alarm in found.alarms.get(brand, ())]
    topics.sort(key=lambda topic: -topic.n)
    return Overview(as_of=found.at, sudden=tuple(sudden), topics=tuple(topics))


def _shown(theme: Theme, found: Heard) -> list[Message]:
    """The most typical, and the newest (which are those that an alarm speaks of)."""
    newest = sorted(theme.said, key=lambda one: -one.at)[:POOL]
    return [*theme.said[:POOL], *newest]


def _weekly(said: Sequence[Message], now: datetime) -> tuple[int, ...]:
    weeks = [0] * WEEKS
    for one in said:
        back = int((now.timestamp() - one.at) // (7 * 86_400))
        if 0 <= back < WEEKS:
            weeks[WEEKS - 1 - back] += 1
    return tuple(weeks)


def _topic(theme: Theme, brand: int, whole: Sequence[int], found: Heard, words: Mapping[int, str]) -> Topic:
    weeks = _weekly(theme.said, found.at)
    n = len(theme.said)
    return Topic(
        name=_title(theme.name, words), brand=brand, message=theme.said[0].message, n=n, weeks=weeks,
        unhappy_weeks=_weekly([one for one in theme.said if one.mood <= UNHAPPY], found.at),
        unhappy=share(sum(one.mood <= UNHAPPY for one in theme.said), n),
        change=share_change(weeks[-1], whole[-1], sum(weeks[:-1]), sum(whole[:-1]), 0.99),
        quotes=_quotes(theme.said[:POOL], words),
    )  # fmt: skip


def _sudden(alarm: Alarm, theme: Theme, brand: int, words: Mapping[int, str]) -> Sudden:
    newest = sorted(theme.said, key=lambda one: -one.at)[:POOL]
    return Sudden(
        topic=_title(alarm.topic, words), brand=brand, message=newest[0].message, people=alarm.people,
        since=datetime.fromtimestamp(alarm.since, tz=UTC),
        usual=alarm.expected, quotes=_quotes(newest, words),
    )  # fmt: skip


def _quotes(said: Sequence[Message], words: Mapping[int, str]) -> tuple[Quote, ...]:
    """The first few that begin differently."""
    return tuple(_quote(one, text) for one, text in quotable((one, words.get(one.message, "")) for one in said))


def _quote(one: Message, text: str) -> Quote:
    return Quote(
        message=one.message, conversation=one.conversation, at=datetime.fromtimestamp(one.at, tz=UTC), text=text,
        mood=one.mood,
    )  # fmt: skip


def _short(text: str) -> str:
    return redacted(" ".join(text.split()))[:LONGEST]


# ── one theme ───────────────────────────────────────────────────────────────────────────────


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """A theme with all that was said in it, or the unhappy part of that, the newest first. conversations: all of it."""

    topic: Topic
    as_of: datetime
    conversations: tuple[int, ...]
    quotes: tuple[Quote, ...]


def theme(conn: Connection, who: Viewer, message: int, week: int | None = None, unhappy: bool = False) -> Whole | None:
    """The theme in which a message stands now. week: 0 for the last seven days, 1 for the seven before."""
    found = heard(conn)
    place = _theme_with(found, who, message) if found else None
    if found is None or place is None:
        return None
    brand, one = place
    newest = sorted(one.said, key=lambda said: -said.at)
    shown = [
        said
        for said in newest
        if (week is None or int((found.at.timestamp() - said.at) // (7 * 86_400)) == week)
        and (not unhappy or said.mood <= UNHAPPY)
    ]
    needed = {said.message for said in (*shown, *one.said[:POOL])}
    words = {n: told.text[: told.fold] for n, told in log.words_of(conn, sorted(needed)).items()}
    whole = _weekly([said for theme in found.themes[brand] for said in theme.said], found.at)
    return Whole(
        topic=_topic(one, int(brand), whole, found, words), as_of=found.at,
        conversations=tuple(dict.fromkeys(said.conversation for said in newest)),
        quotes=tuple(_quote(said, text) for said in shown if (text := _short(words.get(said.message, "")))),
    )  # fmt: skip


def _theme_with(found: Heard, who: Viewer, message: int) -> tuple[str, Theme] | None:
    for brand, themes in _mine(found, who).items():
        for one in themes:
            if any(said.message == message for said in one.said):
                return brand, one
    return None


def themes_of(conn: Connection, who: Viewer, conversations: Iterable[int]) -> dict[int, tuple[int, str]]:
    """In which theme each conversation is, by its unhappiest words: (a message of it, the theme's name)."""
    found, wanted = heard(conn), set(conversations)
    if found is None or not wanted:
        return {}
    told = [
        (said.mood, said.conversation, said.message, one.name)
        for themes in _mine(found, who).values()
        for one in themes
        for said in one.said
        if said.conversation in wanted
    ]
    found_in = {conversation: (message, name) for _, conversation, message, name in sorted(told, reverse=True)}
    needed = [int(name[1:]) for _, name in found_in.values() if name.startswith("#")]
    words = {n: said.text[: said.fold] for n, said in log.words_of(conn, sorted(set(needed))).items()}
    return {number: (message, _title(name, words)) for number, (message, name) in found_in.items()}


def _title(name: str, words: Mapping[int, str]) -> str:
    """A theme's name as it is shown."""
    if not name.startswith("#"):
        return name
    said = redacted(words.get(int(name[1:]), "")).split()
    begun = " ".join(said[:TITLE]).rstrip(" .,;:")
    return f"“{begun}{' …' if len(said) > TITLE else ''}”" if begun else "…"


def _mine(found: Heard, who: Viewer) -> dict[str, tuple[Theme, ...]]:
    return {b: themes for b, themes in found.themes.items() if who.brands is None or int(b) in who.brands}
