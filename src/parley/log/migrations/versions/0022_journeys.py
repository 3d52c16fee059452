"""The way of each conversation."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "journeys",
        sa.Column("conversation", Id, nullable=False, autoincrement=False),
        sa.Column("brand", sa.Integer, nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("identity", Id, nullable=False),
        sa.Column("topic", sa.String(40), nullable=False),
        sa.Column("by_hand", sa.Boolean, nullable=False),
        sa.Column("holder", sa.Integer, nullable=False),
        sa.Column("began", sa.BigInteger, nullable=False),
        sa.Column("looked", sa.BigInteger),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("steps", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("conversation", name="pk_journeys"),
    )
    op.create_index("ix_journeys_began", "journeys", ["began"])
    op.create_index("ix_journeys_brand", "journeys", ["brand", "began"])
    op.create_index("ix_journeys_channel", "journeys", ["channel", "began"])
    op.create_index("ix_journeys_topic", "journeys", ["topic", "began"])
    op.create_index("ix_journeys_identity", "journeys", ["identity"])
