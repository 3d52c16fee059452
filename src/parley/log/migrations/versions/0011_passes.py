"""Codes with which a customer goes on in another channel."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "passes",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("identity", Id, nullable=False),
        sa.Column("brand", sa.Integer(), nullable=False),
        sa.Column("words", sa.String(200), nullable=False),
        sa.Column("expires", Moment, nullable=False),
        sa.Column("used_by", Id),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_passes")),
    )
    op.create_index("ix_passes_expires", "passes", ["expires"])
