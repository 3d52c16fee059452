"""What customers answered to surveys, one row per question: scores, and what they said along with them."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, String, Table, delete, insert, select

from parley.core import events as e
from parley.core.measure import micros
from parley.log import record as log
from parley.log.record import Tx, chunks
from parley.log.tables import Id, metadata

answers = Table(
    "answers",
    metadata,
    Column("survey", Id, primary_key=True, autoincrement=False),
    Column("question", String(40), primary_key=True),
    Column("conversation", Id, nullable=False),
    Column("measure", String(8), nullable=False),
    Column("score", Integer, nullable=False),
    Column("comment", Id),
    Column("channel", String(40), nullable=False),
    Column("answered_at", BigInteger, nullable=False),
)
_A = answers.c
Index("ix_answers_at", _A.answered_at)
Index("ix_answers_conversation", _A.conversation)


class AnswerReader:
    """The last answer to each question counts; what was said with an earlier one stays until something else is said."""

    name = "answers"
    in_step = False
    batch = 1000
    rest = 0.3
    kinds = (e.SurveyAnswered,)
    tables = (answers,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        for r in batch:
            event = r.event
            assert isinstance(event, e.SurveyAnswered)
            key = (_A.survey == event.survey) & (_A.question == event.question)
            said = tx.conn.execute(select(_A.comment).where(key)).scalar()
            tx.conn.execute(delete(answers).where(key))
            row = {
                "survey": event.survey, "question": event.question, "conversation": r.subject_id,
                "measure": event.measure, "score": event.score, "comment": event.comment_message or said,
                "channel": event.channel, "answered_at": micros(r.at),
            }  # fmt: skip
            tx.conn.execute(insert(answers).values(**row))


def comments(conn: Connection, surveys: set[int]) -> dict[int, str]:
    """What people said along with their answers, by survey."""
    places: dict[int, int] = {}
    for chunk in chunks(sorted(surveys), 500):
        question = select(_A.survey, _A.comment).where(_A.survey.in_(chunk), _A.comment.is_not(None))
        places |= {row.survey: row.comment for row in conn.execute(question.order_by(_A.answered_at))}
    said = log.words_of(conn, list(places.values()))
    return {survey: said[message].text for survey, message in places.items() if message in said}
