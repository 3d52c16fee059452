"""Files that platforms keep, until they were fetched."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fetches",
        sa.Column("message", Id, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("inbox", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("type", sa.String(120), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try", Moment, nullable=False),
        sa.PrimaryKeyConstraint("message", "number", name=op.f("pk_fetches")),
    )
    op.create_index("ix_fetches_due", "fetches", ["next_try"])
