"""Which days something happened to, so that what was read of all others need not be read again; conversations by the
moment that ended something in them."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("measured_days", "promised_days"):
        op.create_table(
            name,
            sa.Column("day", sa.Integer, nullable=False, autoincrement=False),
            sa.Column("seq", Id, nullable=False),
            sa.PrimaryKeyConstraint("day", name=f"pk_{name}"),
        )
    for column in ("human_at", "right_at", "bot_at", "closed_at"):
        known = sa.column(column).is_not(None)
        op.create_index(f"ix_measured_{column}", "measured", [column], sqlite_where=known, postgresql_where=known)
