"""Connections to other systems, their calls, and procedures that the company writes itself, in versions."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tools",
        sa.Column("name", sa.String(24), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("secrets", sa.LargeBinary, nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.Column("changed_by", sa.String(60), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_tools"),
    )
    op.create_table(
        "tool_calls",
        sa.Column("call", Id, nullable=False, autoincrement=False),
        sa.Column("tool", sa.String(24), nullable=False),
        sa.Column("procedure", sa.String(40), nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("acts", sa.Boolean, nullable=False),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("until", Moment),
        sa.Column("outcome", sa.String(12), nullable=False),
        sa.Column("sentence", sa.String(300), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("ms", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("answer", Id),
        sa.PrimaryKeyConstraint("call", name="pk_tool_calls"),
    )
    op.create_index("ix_tool_calls_tool", "tool_calls", ["tool", "at"])
    op.create_index("ix_tool_calls_at", "tool_calls", ["at", "call"])
    op.create_index("ix_tool_calls_outcome", "tool_calls", ["outcome", "at"])
    op.create_index("ix_tool_calls_conversation", "tool_calls", ["conversation", "at"])
    op.create_table(
        "written_procedures",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("draft", sa.Text, nullable=False),
        sa.Column("drafted_at", Moment, nullable=False),
        sa.Column("drafted_by", sa.String(60), nullable=False),
        sa.Column("saves", sa.Integer, nullable=False),
        sa.Column("in_force", sa.Integer),
        sa.Column("newest", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_written_procedures"),
    )
    op.create_table(
        "procedure_versions",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("by", sa.String(60), nullable=False),
        sa.Column("again", sa.Integer),
        sa.PrimaryKeyConstraint("name", "version", name="pk_procedure_versions"),
    )
