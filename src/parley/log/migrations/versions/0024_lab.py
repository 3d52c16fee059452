"""Candidates of the bot, their replays, and which conversations take part in their trials."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "candidates",
        sa.Column("id", Id, nullable=False, autoincrement=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("brand", sa.Integer),
        sa.Column("change", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("share", sa.Integer, nullable=False),
        sa.Column("holdout", sa.Integer, nullable=False),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("since", Moment),
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("made_by", sa.String(60), nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.Column("changed_by", sa.String(60), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_candidates"),
    )
    op.create_index("ix_candidates_state", "candidates", ["state"])
    op.create_table(
        "replays",
        sa.Column("id", Id, nullable=False, autoincrement=False),
        sa.Column("candidate", Id, nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.Column("until", Moment, nullable=False),
        sa.Column("everywhere", sa.Boolean, nullable=False),
        sa.Column("begun_at", Moment, nullable=False),
        sa.Column("begun_by", sa.String(60), nullable=False),
        sa.Column("result", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_replays"),
    )
    op.create_index("ix_replays_candidate", "replays", ["candidate", "id"])
    op.create_table(
        "arms",
        sa.Column("conversation", Id, nullable=False, autoincrement=False),
        sa.Column("candidate", Id, nullable=False, autoincrement=False),
        sa.Column("arm", sa.String(8), nullable=False),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("first", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("conversation", "candidate", name="pk_arms"),
    )
    op.create_index("ix_arms_candidate", "arms", ["candidate", "person"])
    op.create_table(
        "replay_lines",
        sa.Column("replay", Id, nullable=False, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("message", Id, nullable=False),
        sa.Column("answer", Id),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("outcomes", sa.LargeBinary, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("replay", "number", name="pk_replay_lines"),
    )
    op.create_index("ix_replay_lines_kind", "replay_lines", ["replay", "kind", "number"])
    op.create_index("ix_replay_lines_at", "replay_lines", ["at"])
    op.create_index("ix_replay_lines_message", "replay_lines", ["message"])
    op.create_index("ix_replay_lines_answer", "replay_lines", ["answer"])
    op.create_table(
        "replay_progress",
        sa.Column("replay", Id, nullable=False, autoincrement=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("whole", sa.Integer, nullable=False),
        sa.Column("beat_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("replay", name="pk_replay_progress"),
    )
