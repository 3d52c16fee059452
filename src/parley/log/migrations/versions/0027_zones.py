"""Where somebody's clock is, by address and by what told it."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "zones",
        sa.Column("identity", Id, nullable=False, autoincrement=False),
        sa.Column("how", sa.String(10), nullable=False),
        sa.Column("zone", sa.String(60), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("identity", "how", name="pk_zones"),
    )
