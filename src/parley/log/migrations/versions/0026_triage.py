"""What triage finds: priority and language of conversations, findings, corrections, duplicates, incidents."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversations", sa.Column("priority", sa.Integer, nullable=False, server_default="2"))
    op.add_column("conversations", sa.Column("language", sa.String(8), nullable=False, server_default=""))
    waits = sa.text("waiting_since IS NOT NULL")
    op.create_index(
        "ix_conversations_pressing", "conversations", ["status", "priority", "waiting_since", "id"],
        sqlite_where=waits, postgresql_where=waits,
    )  # fmt: skip
    op.create_index("ix_conversations_priority", "conversations", ["priority", "last_at", "id"])
    op.create_index("ix_conversations_language", "conversations", ["language", "last_at", "id"])
    _findings()
    _duplicates()
    _incidents()
    op.add_column("measured", sa.Column("right_at", sa.BigInteger))
    for table in ("measured", "ratings"):  # the facts behind the numbers are made anew from the log
        op.execute(sa.text(f"DELETE FROM {table}"))
    op.execute(sa.text("DELETE FROM places WHERE reader = 'numbers'"))


def _findings() -> None:
    op.create_table(
        "triaged",
        sa.Column("conversation", Id, nullable=False, autoincrement=False),
        sa.Column("message", Id),
        sa.Column("brand", sa.Integer, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("priority", sa.String(8), nullable=False),
        sa.Column("because", sa.String(200), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("product", sa.String(200), nullable=False),
        sa.Column("matter", sa.String(240), nullable=False),
        sa.Column("spam", sa.Float, nullable=False),
        sa.Column("noticed", sa.LargeBinary, nullable=False),
        sa.Column("fixed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("conversation", name="pk_triaged"),
    )
    op.create_index("ix_triaged_at", "triaged", ["at", "conversation"])
    op.create_index("ix_triaged_matter", "triaged", ["brand", "matter", "at"])
    op.create_table(
        "matter_hours",
        sa.Column("brand", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("matter", sa.String(240), nullable=False),
        sa.Column("hour", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("brand", "matter", "hour", name="pk_matter_hours"),
    )
    op.create_table(
        "corrections",
        sa.Column("conversation", Id, nullable=False, autoincrement=False),
        sa.Column("what", sa.String(10), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.Column("was", sa.String(200), nullable=False),
        sa.Column("message", Id),
        sa.Column("by", sa.String(60), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("conversation", "what", name="pk_corrections"),
    )
    op.create_index("ix_corrections_what", "corrections", ["what", "at"])


def _duplicates() -> None:
    op.create_table(
        "triage_marks",
        sa.Column("mark", sa.String(40), nullable=False),
        sa.Column("conversation", Id, nullable=False, autoincrement=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("mark", "conversation", name="pk_triage_marks"),
    )
    op.create_index("ix_triage_marks_at", "triage_marks", ["mark", "at"])
    op.create_table(
        "duplicates",
        sa.Column("conversation", Id, nullable=False, autoincrement=False),
        sa.Column("other", Id, nullable=False, autoincrement=False),
        sa.Column("why", sa.String(12), nullable=False),
        sa.Column("alike", sa.Float, nullable=False),
        sa.Column("mark", sa.String(10), nullable=False),
        sa.Column("verdict", sa.String(8), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("conversation", "other", name="pk_duplicates"),
    )
    op.create_index("ix_duplicates_other", "duplicates", ["other", "verdict"])


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", Id, nullable=False, autoincrement=False),
        sa.Column("brand", sa.Integer, nullable=False),
        sa.Column("matter", sa.String(240), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.Column("told_at", Moment, nullable=False),
        sa.Column("last_at", Moment, nullable=False),
        sa.Column("expected", sa.Float, nullable=False),
        sa.Column("chance", sa.Float, nullable=False),
        sa.Column("state", sa.String(6), nullable=False),
        sa.Column("over_at", Moment),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
    )
    op.create_index("ix_incidents_state", "incidents", ["state", "told_at"])
    op.create_table(
        "incident_conversations",
        sa.Column("incident", Id, nullable=False, autoincrement=False),
        sa.Column("conversation", Id, nullable=False, autoincrement=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("reply", Id),
        sa.PrimaryKeyConstraint("incident", "conversation", name="pk_incident_conversations"),
    )
    op.create_index("ix_incident_conversations_conversation", "incident_conversations", ["conversation"])
