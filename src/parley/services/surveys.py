"""Ratings: asked once, a while after closing, in the channel the customer used (CSAT, 1 to 5)."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, String, Table, insert, select, update

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.channel import InboundRating
from parley.core.errors import Refused
from parley.log.record import Record, Tx, chunks
from parley.log.tables import Id, Moment, metadata
from parley.services import calls, inbox, replies, setup, threads

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
)
_S = surveys.c
Index("ix_surveys_conversation", _S.conversation)
Index("ix_surveys_person", _S.person, _S.asked_at)
Index("ix_surveys_message", _S.message)

# Nobody is asked more often than this; the setting `survey_pause_days` says otherwise.
PAUSE_DAYS = 14


class SurveyReader:
    """Keeps every survey's fate in step with the log. A second answer replaces the first."""

    name = "surveys"
    in_step = True
    kinds = (e.SurveyDue, e.SurveyAsked, e.SurveyDropped, e.SurveyAnswered)
    tables = (surveys,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        for r in batch:
            match r.event:
                case e.SurveyDue():
                    row = {"id": r.event.survey, "conversation": r.subject_id, "person": r.event.person}
                    tx.conn.execute(insert(surveys).values(**row, due_at=r.event.at))
                case e.SurveyAsked():
                    self._set(tx, r, asked_at=r.at, message=r.event.message)
                case e.SurveyDropped():
                    self._set(tx, r, dropped=r.event.reason[:80])
                case e.SurveyAnswered():
                    self._set(tx, r, score=r.event.score, answered_at=r.at)

    def _set(self, tx: Tx, r: e.Recorded, **values: Any) -> None:
        number = r.event.survey  # type: ignore[union-attr]
        tx.conn.execute(update(surveys).where(_S.id == number).values(**values))


class SurveyFollower:
    """Plans a rating when a matter is closed by people or resolved by the bot."""

    name = "survey-planner"
    kinds = (e.Closed,)
    batch = 200
    rest = 1.0

    def __init__(self, delay: Callable[[Connection], timedelta]) -> None:
        self.delay = delay

    def prepare(self, record: Record, batch: Sequence[e.Recorded]) -> None:
        return None

    def act(self, tx: Tx, batch: Sequence[e.Recorded], prepared: None) -> None:
        pause = self.delay(tx.conn)
        for r in batch:
            if r.by == "import" or tx.at - r.at > timedelta(days=1):
                continue
            state = inbox.states(tx.conn, [r.subject_id]).get(r.subject_id)
            if state and state.status == talk.CLOSED and state.messages and not state.quarantined:
                plan(tx, state, r.at + pause)


def delay(conn: Connection) -> timedelta:
    """How long after closing a rating is asked for; a setting, by default 30 minutes."""
    return timedelta(seconds=setup.setting(conn, "survey_delay_seconds", 1800))


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def plan(tx: Tx, state: talk.State, at: Any) -> int:
    survey = tx.new_id("survey")
    tx.append(e.conversation(state.id), [e.SurveyDue(survey=survey, person=state.person, at=at)], "surveys")
    return survey


def fire(tx: Tx, row: Any) -> None:
    """The survey timer: ask, or say why not."""
    survey = int(row.key.partition("/")[2])
    state = inbox.state(tx.conn, row.conversation)
    reason = _why_not(tx, state)
    if reason is None:
        message = replies.automatic_reply(tx, state, QUESTION, "surveys", purpose="survey")
        if message is not None:
            tx.append(e.conversation(state.id), [e.SurveyAsked(survey=survey, message=message)], "surveys")
            return
        reason = "no channel"
    tx.append(e.conversation(state.id), [e.SurveyDropped(survey=survey, reason=reason)], "surveys")


QUESTION = "How did we do? Choose 1 (bad) to 5 (very good)."


def _why_not(tx: Tx, state: talk.State) -> str | None:
    if state.status != talk.CLOSED:
        return "reopened"
    last = replies.last_received(tx.conn, state)
    if last is None:
        return "no channel"
    if calls.is_call(inbox.history(tx.conn, state.id, newest=60), last.message):
        return "a phone call"
    if last.automatic or last.history:
        return "automatic sender"
    recently = tx.at - timedelta(days=setup.setting(tx.conn, "survey_pause_days", PAUSE_DAYS))
    asked = select(_S.id).where(_S.person == state.person, _S.asked_at > recently).limit(1)
    return "asked recently" if tx.conn.execute(asked).first() else None


def rate(tx: Tx, survey: int, score: int, channel: str, by: str, comment: str = "") -> None:
    """Note a rating. Changing one's mind is allowed; the last answer counts."""
    tx.flush()
    row = tx.conn.execute(select(surveys).where(_S.id == survey)).one_or_none()
    if row is None:
        raise Refused("This survey is not known any more.")
    if score not in range(1, 6):
        raise Refused("A rating is a number from 1 to 5.")
    facts: list[e.Event] = []
    comment_message = None
    if comment.strip():
        comment_message = tx.new_id("message")
        facts.append(e.NoteWritten(message=comment_message, preview=talk.preview(comment)))
        tx.say(comment_message, e.Words(text=comment.strip()[:5000]))
    facts.append(e.SurveyAnswered(survey=survey, score=score, channel=channel, comment_message=comment_message))
    tx.append(e.conversation(row.conversation), facts, by)


def note_rating(tx: Tx, key: bytes, said: InboundRating, channel: str) -> None:
    """A rating that came through a channel, with the token that was sent along."""
    read = threads.read_token(key, said.token)
    if read is None or read[0] != "s":
        return
    survey = of_conversation(tx, read[1])
    if survey is not None:
        rate(tx, survey.id, said.score, channel, f"person/{survey.person}", said.comment)


# ── asks ────────────────────────────────────────────────────────────────────────────────────


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
    found: dict[int, int] = {}
    for chunk in chunks(list(conversations), 500):
        question = select(_S.conversation, _S.score).where(_S.conversation.in_(chunk), _S.score.is_not(None))
        for row in conn.execute(question.order_by(_S.id)):
            found[row.conversation] = row.score
    return found
