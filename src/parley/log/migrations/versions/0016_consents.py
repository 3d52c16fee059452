"""What people want from us, by address and purpose."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("identity", Id, nullable=False, autoincrement=False),
        sa.Column("purpose", sa.String(10), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("how", sa.String(40), nullable=False),
        sa.Column("evidence", sa.String(300), nullable=False),
        sa.Column("by", sa.String(40), nullable=False),
        sa.Column("conversation", Id),
        sa.PrimaryKeyConstraint("identity", "purpose", name="pk_consents"),
    )
