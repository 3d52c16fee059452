"""Calls between browsers, while they go on, and who takes them."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agents", sa.Column("takes_calls", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "voice_calls",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("inbox", sa.Integer(), nullable=False),
        sa.Column("brand", sa.Integer(), nullable=False),
        sa.Column("visitor", sa.String(254), nullable=False),
        sa.Column("outgoing", sa.Boolean(), nullable=False),
        sa.Column("agent", sa.Integer()),
        sa.Column("declined", sa.Text(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("cause", sa.String(20), nullable=False),
        sa.Column("began", Moment, nullable=False),
        sa.Column("answered", Moment),
        sa.Column("until", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voice_calls")),
    )
    op.create_index("ix_voice_calls_state", "voice_calls", ["state", "until"])
    op.create_index("ix_voice_calls_visitor", "voice_calls", ["visitor", "began"])
    op.create_table(
        "voice_signals",
        sa.Column("seq", Id, autoincrement=False, nullable=False),
        sa.Column("call", sa.String(40), nullable=False),
        sa.Column("to_desk", sa.Boolean(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_voice_signals")),
    )
    op.create_index("ix_voice_signals_call", "voice_signals", ["call", "seq"])
