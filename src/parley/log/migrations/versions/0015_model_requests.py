"""What a language model was asked, for a month."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_requests",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("purpose", sa.String(12), nullable=False),
        sa.Column("outcome", sa.String(80), nullable=False),
        sa.Column("ms", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_requests")),
    )
    op.create_index("ix_model_requests_at", "model_requests", ["at"])
    op.create_index("ix_model_requests_conversation", "model_requests", ["conversation", "at"])
