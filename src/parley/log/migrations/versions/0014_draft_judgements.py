"""What agents made of drafted answers."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "draft_judgements",
        sa.Column("seq", Id, autoincrement=False, nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("agent", sa.Integer(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("source", sa.String(12), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_draft_judgements")),
    )
    op.create_index("ix_draft_judgements_at", "draft_judgements", ["at"])
