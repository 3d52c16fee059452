"""Tasks: who has to come back to which customer, until when. Answers to surveys, one by one."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("survey", Id),
        sa.Column("measure", sa.String(8), nullable=False),
        sa.Column("score", sa.Integer()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.Integer()),
        sa.Column("opened_at", Moment, nullable=False),
        sa.Column("due", Moment, nullable=False),
        sa.Column("closed_at", Moment),
        sa.Column("closed_by", sa.String(60)),
        sa.Column("message", Id),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    still = sa.text("closed_at IS NULL")
    op.create_index("ix_tasks_open", "tasks", ["due", "id"], sqlite_where=still, postgresql_where=still)
    op.create_index("ix_tasks_closed", "tasks", ["closed_at", "id"])
    op.create_index("ix_tasks_survey", "tasks", ["survey"])
    op.create_table(
        "answers",
        sa.Column("survey", Id, autoincrement=False, nullable=False),
        sa.Column("question", sa.String(40), nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("measure", sa.String(8), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("comment", Id),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("survey", "question", name=op.f("pk_answers")),
    )
    op.create_index("ix_answers_at", "answers", ["answered_at"])
    op.create_index("ix_answers_conversation", "answers", ["conversation"])
