"""Surveys: chosen by rule when a matter is closed, asked once in the channel the customer used, and answered there.

What may be asked stands in core/questionnaire.py. Which surveys there are is a setting; without one, CSAT is asked.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Index, Integer, String, Table, Text, insert, select, update

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.channel import Address, InboundRating, Inbox
from parley.core.errors import NotFound, Refused
from parley.core.opinions import SCALES
from parley.core.questionnaire import (
    USUAL,
    Ended,
    Question,
    Survey,
    checked,
    drawn,
    fitting,
    next_question,
    score_in,
)
from parley.core.survey_words import TEXT
from parley.log.many import among
from parley.log.record import Record, Tx, chunks
from parley.log.tables import Id, Moment, metadata
from parley.services import calls, consent, grave, inbox, languages, people, replies, setup, threads

surveys = Table(
    "surveys",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("person", Id, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("asked_at", Moment),
    Column("message", Id),
    Column("dropped", String(80)),
    Column("score", Integer),
    Column("answered_at", Moment),
    Column("questionnaire", String(40), nullable=False, server_default=""),
    Column("question", String(40), nullable=False, server_default=""),
    Column("measure", String(8), nullable=False, server_default="csat"),
    Column("given", Text, nullable=False, server_default=""),
)
_S = surveys.c
Index("ix_surveys_conversation", _S.conversation)
Index("ix_surveys_person", _S.person, _S.asked_at)
Index("ix_surveys_message", _S.message)

# Nobody is asked more often than this; the setting `survey_pause_days` says otherwise.
PAUSE_DAYS = 14
OPEN_FOR = timedelta(days=2)  # so long a message may be the answer to a question
SHORT = 60  # characters of a message that may be a score
ANSWER = "answer to a survey"  # why a machine does not answer such a message


class SurveyReader:
    """Keeps every survey's fate in step with the log. question, measure: what was asked last. given: what was answered,
    as `key=score` parted by blanks; a second answer replaces the first. score: of CSAT."""

    name = "surveys"
    in_step = True
    kinds = (e.SurveyDue, e.SurveyAsked, e.SurveyDropped, e.SurveyAnswered)
    tables = (surveys,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        for r in batch:
            match r.event:
                case e.SurveyDue() as due:
                    row = {"id": due.survey, "conversation": r.subject_id, "person": due.person, "due_at": due.at}
                    tx.conn.execute(insert(surveys).values(**row, questionnaire=due.questionnaire[:40]))
                case e.SurveyAsked() as asked:
                    told = {"message": asked.message, "question": asked.question[:40], "measure": asked.measure}
                    self._set(tx, asked.survey, asked_at=r.at, **told)
                case e.SurveyDropped() as dropped:
                    self._set(tx, dropped.survey, dropped=dropped.reason[:80])
                case e.SurveyAnswered() as answered:
                    self._answered(tx, r, answered)

    def _answered(self, tx: Tx, r: e.Recorded, event: e.SurveyAnswered) -> None:
        known = tx.conn.execute(select(_S.given).where(_S.id == event.survey)).scalar() or ""
        given = given_in(known) | {event.question: event.score}
        rated = {"score": event.score} if event.measure == "csat" else {}
        written = " ".join(f"{key}={score}" for key, score in given.items())
        self._set(tx, event.survey, answered_at=r.at, given=written, **rated)

    def _set(self, tx: Tx, number: int, **values: Any) -> None:
        tx.conn.execute(update(surveys).where(_S.id == number).values(**values))


def given_in(written: str) -> dict[str, int]:
    pairs = (part.rpartition("=") for part in written.split(" ") if part)
    return {key: int(score) for key, _, score in pairs}


class SurveyFollower:
    """Plans a survey when a matter is closed by people or resolved by the bot, if a rule fits and the lot falls so."""

    name = "survey-planner"
    kinds = (e.Closed,)
    batch = 200
    rest = 1.0

    def __init__(self, delay: Callable[[Connection], timedelta]) -> None:
        self.delay = delay

    def prepare(self, record: Record, batch: Sequence[e.Recorded]) -> None:
        return None

    def act(self, tx: Tx, batch: Sequence[e.Recorded], prepared: None) -> None:
        pause, known = self.delay(tx.conn), all_surveys(tx.conn)
        for r in batch:
            if r.by == "import" or tx.at - r.at > timedelta(days=1):
                continue
            state = inbox.states(tx.conn, [r.subject_id]).get(r.subject_id)
            if state and state.status == talk.CLOSED and state.messages and not state.quarantined:
                found = fitting(known, ended(tx.conn, state, r.by))
                if found and drawn(found.key, state.id, found.share):
                    wait = pause if found.delay is None else timedelta(minutes=found.delay)
                    plan(tx, state, r.at + wait, found.key)


def ended(conn: Connection, state: talk.State, by: str) -> Ended:
    """A closed matter as rules see it."""
    return Ended(
        conversation=state.id, brand=state.brand, channel=state.channel, language=spoken_in(conn, state),
        closed_by="bot" if by.startswith("bot/") else "people",
    )  # fmt: skip


def spoken_in(conn: Connection, state: talk.State) -> str:
    """The language to ask a customer in."""
    last = replies.last_received(conn, state)
    return languages.spoken_in(conn, state, last.message if last else None)


def delay(conn: Connection) -> timedelta:
    """How long after closing a survey is asked; a setting, by default 30 minutes."""
    return timedelta(seconds=setup.setting(conn, "survey_delay_seconds", 1800))


# ── which surveys there are ─────────────────────────────────────────────────────────────────


def all_surveys(conn: Connection) -> tuple[Survey, ...]:
    """In the order in which their rules are tried."""
    kept = setup.setting(conn, "surveys")
    return (USUAL,) if kept is None else msgspec.convert(kept, tuple[Survey, ...])


def keep(tx: Tx, new: Survey) -> None:
    """Add a survey, or put it in the place of the one with its key."""
    known = {one.key: one for one in all_surveys(tx.conn)} | {checked(new).key: new}
    setup.set_setting(tx, "surveys", [msgspec.to_builtins(one) for one in known.values()])


def questionnaire(conn: Connection, key: str) -> Survey:
    """A survey by its key; the usual one for what was planned before there were several, or is gone."""
    return next((one for one in all_surveys(conn) if one.key == key), USUAL)


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def plan(tx: Tx, state: talk.State, at: Any, key: str = "") -> int:
    survey = tx.new_id("survey")
    due = e.SurveyDue(survey=survey, person=state.person, at=at, questionnaire=key)
    tx.append(e.conversation(state.id), [due], "surveys")
    return survey


def wished(tx: Tx, state: talk.State, by: str) -> Question:
    """The customer ends the matter to rate: asked now, whatever the lot says. Returns the first question."""
    found = fitting(all_surveys(tx.conn), ended(tx.conn, state, by)) or USUAL
    plan(tx, state, tx.at, found.key)
    return found.questions[0]


def fire(tx: Tx, row: Any) -> None:
    """The survey timer: ask, or say why not."""
    survey = int(row.key.partition("/")[2])
    state = inbox.state(tx.conn, row.conversation)
    reason = _why_not(tx, state)
    if reason is None:
        key = tx.conn.execute(select(_S.questionnaire).where(_S.id == survey)).scalar() or ""
        if _ask(tx, state, survey, questionnaire(tx.conn, key).questions[0]):
            return
        reason = "no channel"
    tx.append(e.conversation(state.id), [e.SurveyDropped(survey=survey, reason=reason)], "surveys")


def _ask(tx: Tx, state: talk.State, survey: int, question: Question) -> bool:
    words = words_for(tx.conn, state, question)
    message = replies.automatic_reply(tx, state, words, "surveys", purpose="survey")
    if message is None:
        return False
    asked = e.SurveyAsked(survey=survey, message=message, question=question.key, measure=question.measure)
    tx.append(e.conversation(state.id), [asked], "surveys")
    return True


def _why_not(tx: Tx, state: talk.State) -> str | None:
    if state.status != talk.CLOSED:
        return "reopened"
    last = replies.last_received(tx.conn, state)
    if last is None:
        return "no channel"
    if (last.automatic and last.automatic != ANSWER) or last.history:
        return "automatic sender"
    if last.call or calls.is_call(inbox.history(tx.conn, state.id, newest=60), last.message):
        return "a phone call"
    if consent.standing_against(tx.conn, last.identity, "survey"):
        return "not wanted"
    if grave.is_grave(tx.conn, state.id):
        return "a grave matter"
    return "asked recently" if _asked_of_late(tx.conn, state.person, tx.at) else None


def _asked_of_late(conn: Connection, person: int, now: datetime) -> bool:
    recently = now - timedelta(days=setup.setting(conn, "survey_pause_days", PAUSE_DAYS))
    asked = select(_S.id).where(_S.person == person, _S.asked_at > recently).limit(1)
    return conn.execute(asked).first() is not None


def rate(
    tx: Tx,
    survey: int,
    score: int,
    channel: str,
    by: str,
    comment: str = "",
    question: str | None = None,
    said: int | None = None,
) -> Question | None:
    """Note an answer. Changing one's mind is allowed; the last answer counts.

    question: its key, by default the one that was asked last. said: the customer's message that holds the answer.
    Returns the question that is to come next, if there is one.
    """
    tx.flush()
    row = by_number(tx.conn, survey)
    asked = questionnaire(tx.conn, row.questionnaire)
    current = asked_of(asked, row, question)
    _fits_scale(current, score, comment)
    facts: list[e.Event] = []
    if comment.strip() and said is None:
        said = tx.new_id("message")
        facts.append(e.NoteWritten(message=said, preview=talk.preview(comment)))
        tx.say(said, e.Words(text=comment.strip()[:5000]))
    score = 0 if current.measure == TEXT else score
    facts.append(
        e.SurveyAnswered(
            survey=survey, score=score, channel=channel, comment_message=said, measure=current.measure,
            question=current.key,
        )
    )  # fmt: skip
    tx.append(e.conversation(row.conversation), facts, by)
    return next_question(asked, given_in(row.given) | {current.key: score})


def asked_of(asked: Survey, row: Any, key: str | None) -> Question:
    """The question that is answered: the one named, else the one asked last, else the first."""
    wanted = row.question if key is None else key
    return next((one for one in asked.questions if one.key == wanted), asked.questions[0])


def _fits_scale(question: Question, score: int, comment: str) -> None:
    if question.measure == TEXT:
        if not comment.strip():
            raise Refused("Write a few words, or leave the question out.")
        return
    low, high = SCALES[question.measure]
    if not low <= score <= high:
        raise Refused(f"A rating is a number from {low} to {high}.")


def go_on(tx: Tx, survey: int, question: Question | None) -> None:
    """Ask the next question in the channel, as long as the matter stays closed."""
    tx.flush()
    row = by_number(tx.conn, survey)
    state = inbox.state(tx.conn, row.conversation)
    if question is not None and state.status == talk.CLOSED:
        _ask(tx, state, survey, question)


def asks_caller(conn: Connection, here: Inbox, caller: Address, now: datetime) -> bool:
    """Whether somebody who has just spoken with a person is asked on the phone: where a survey that begins with CSAT
    fits, the lot falls on them, and they were not asked of late and want to be."""
    who = people.by_address(conn, [(caller.kind, caller.value)]).get((caller.kind, caller.value))
    told = Ended(conversation=0, brand=here.brand, channel=here.channel, language="", closed_by="people")
    found = fitting(all_surveys(conn), told)
    if (
        who is None
        or found is None
        or found.questions[0].measure != "csat"
        or not drawn(found.key, who.id, found.share)
    ):
        return False
    return not consent.standing_against(conn, who.id, "survey") and not _asked_of_late(conn, who.person, now)


def rated_on_the_phone(tx: Tx, number: int, call: int, score: int, channel: str) -> None:
    """A key was pressed at the end of a call. call: its message. The other questions of the survey are left."""
    tx.flush()
    state = inbox.state(tx.conn, number)
    if of_message(tx.conn, call) is not None or not 1 <= score <= 5:
        return
    found = fitting(all_surveys(tx.conn), ended(tx.conn, state, "agent/")) or USUAL
    first = found.questions[0]
    survey = plan(tx, state, tx.at, found.key)
    asked = e.SurveyAsked(survey=survey, message=call, question=first.key, measure=first.measure)
    tx.append(e.conversation(number), [asked], "surveys")
    rate(tx, survey, score, channel, f"person/{state.person}")


def note_rating(tx: Tx, key: bytes, said: InboundRating, channel: str) -> None:
    """A rating that came through a channel, with the token that was sent along."""
    read = threads.read_token(key, said.token)
    if read is None or read[0] != "s":
        return
    row = of_conversation(tx, read[1])
    if row is not None:
        by = f"person/{row.person}"
        go_on(tx, row.id, rate(tx, row.id, said.score, channel, by, said.comment, said.question))


def read_answer(row: Any, text: str) -> int | None:
    """The score in a customer's words, where they answer the question asked last; 0 for words that were asked for.

    What asks something back is no answer to a question in words, but a matter for people.
    """
    text = text.strip()
    if row.measure == TEXT:
        return None if not text or "?" in text else 0
    return score_in(row.measure, text) if len(text) <= SHORT else None


def note_answer(tx: Tx, row: Any, score: int, message: int, text: str, channel: str) -> None:
    """A message that answers the question asked last."""
    comment = text if row.measure == TEXT else ""
    said = message if row.measure == TEXT else None
    go_on(tx, row.id, rate(tx, row.id, score, channel, f"person/{row.person}", comment, row.question, said))


# ── asks ────────────────────────────────────────────────────────────────────────────────────


def words_for(conn: Connection, state: talk.State, question: Question) -> str:
    """A question in the customer's language, with the brand's name."""
    brand = setup.all_brands(conn).get(state.brand)
    return question.words(spoken_in(conn, state), brand.name if brand else "")


def by_number(conn: Connection, survey: int) -> Any:
    row = conn.execute(select(surveys).where(_S.id == survey)).one_or_none()
    if row is None:
        raise NotFound("This survey is not known any more.")
    return row


def pending_of(conn: Connection, persons: Iterable[int], at: Any) -> Mapping[int, Any]:
    """Person → the survey whose last question they have not answered yet; the newest."""
    found: dict[int, Any] = {}
    for chunk in chunks(sorted(set(persons)), 500):
        question = select(surveys).where(_S.person.in_(chunk), _S.asked_at > at - OPEN_FOR).order_by(_S.id)
        for row in conn.execute(question):
            if waits(row):
                found[row.person] = row
            else:
                found.pop(row.person, None)
    return found


def waits(row: Any) -> bool:
    """Whether the question asked last has no answer yet."""
    return row.asked_at is not None and row.question not in given_in(row.given)


def of_conversation(tx_or_conn: Any, conversation: int) -> Any:
    """The newest survey of a conversation, or None."""
    conn = getattr(tx_or_conn, "conn", tx_or_conn)
    return conn.execute(
        select(surveys).where(_S.conversation == conversation).order_by(_S.id.desc()).limit(1)
    ).one_or_none()


def of_message(conn: Connection, message: int) -> Any:
    return conn.execute(select(surveys).where(_S.message == message)).one_or_none()


def scores_of(conn: Connection, conversations: Sequence[int]) -> dict[int, int]:
    """The rating of each conversation that got one; where there are several, the newest."""
    rows = among(conn, _S.conversation, conversations, of=(_S.conversation, _S.score), where=_SCORED, order=(_S.id,))
    return {row.conversation: row.score for row in rows}


_SCORED = (_S.score.is_not(None),)
