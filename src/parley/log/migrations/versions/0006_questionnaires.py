"""Surveys of several questions: which survey it is, what was asked last, and what was answered so far."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, kind, usual in (
        ("questionnaire", sa.String(40), ""), ("question", sa.String(40), ""), ("measure", sa.String(8), "csat"),
        ("given", sa.Text(), ""),
    ):  # fmt: skip
        op.add_column("surveys", sa.Column(name, kind, nullable=False, server_default=usual))
    # What was asked before had one question without a key.
    op.execute("UPDATE surveys SET given = '=' || CAST(score AS VARCHAR) WHERE score IS NOT NULL")
