"""What customers say of which aspect, sentence by sentence."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "remarks",
        sa.Column("message", Id, nullable=False, autoincrement=False),
        sa.Column("start", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("aspect", sa.String(20), nullable=False),
        sa.Column("stop", sa.Integer, nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("brand", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("polarity", sa.SmallInteger, nullable=False),
        sa.Column("strength", sa.SmallInteger, nullable=False),
        sa.Column("language", sa.String(5), nullable=False),
        sa.PrimaryKeyConstraint("message", "start", "aspect", name="pk_remarks"),
    )
    op.create_index("ix_remarks_aspect", "remarks", ["aspect", "brand", "at"])
    op.create_index("ix_remarks_conversation", "remarks", ["conversation", "aspect"])
    op.create_table(
        "opinions",
        sa.Column("conversation", Id, nullable=False, autoincrement=False),
        sa.Column("brand", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("aspect", sa.String(20), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("worst", sa.SmallInteger, nullable=False),
        sa.Column("best", sa.SmallInteger, nullable=False),
        sa.Column("strength", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("conversation", "brand", "aspect", name="pk_opinions"),
    )
    op.create_index("ix_opinions_at", "opinions", ["brand", "at", "aspect", "worst", "best", "strength"])
