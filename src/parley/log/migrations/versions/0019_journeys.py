"""The way of each conversation, and what the websites' own analytics counted."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id

revision = "0019"
down_revision = "0018"
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
        sa.Column("client", sa.String(42), nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("steps", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("conversation", name="pk_journeys"),
    )
    op.create_index("ix_journeys_began", "journeys", ["began"])
    op.create_index("ix_journeys_brand", "journeys", ["brand", "began"])
    op.create_index("ix_journeys_channel", "journeys", ["channel", "began"])
    op.create_index("ix_journeys_topic", "journeys", ["topic", "began"])
    op.create_index("ix_journeys_identity", "journeys", ["identity"])
    op.create_table(
        "traffic",
        sa.Column("brand", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("what", sa.String(8), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("visitors", sa.Integer, nullable=False),
        sa.Column("views", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("brand", "day", "what", "name", name="pk_traffic"),
    )
    op.create_table(
        "arrivals",
        sa.Column("conversation", Id, nullable=False, autoincrement=False),
        sa.Column("brand", sa.Integer, nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("page", sa.String(120), nullable=False),
        sa.Column("campaign", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("conversation", name="pk_arrivals"),
    )
    op.create_index("ix_arrivals_day", "arrivals", ["brand", "day"])
