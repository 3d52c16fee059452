"""What the bot did in the shop, so that it is done once and can be taken back."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shop_requests",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("undone_at", Moment),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_requests")),
        sa.UniqueConstraint("key", name=op.f("uq_shop_requests_key")),
    )
    op.create_index("ix_shop_requests_number", "shop_requests", ["number", "made_at"])
    op.create_index("ix_shop_requests_conversation", "shop_requests", ["conversation", "made_at"])
    op.create_index("ix_shop_requests_person", "shop_requests", ["person", "made_at"])
