"""Which days something happened to, so that what was read of all others need not be read again; conversations by the
moment that ended something in them; opinions summed by the hour."""

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
    op.create_table(
        "opinion_hours",
        sa.Column("hour", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("brand", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("aspect", sa.String(20), nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("negative", sa.Integer, nullable=False),
        sa.Column("positive", sa.Integer, nullable=False),
        sa.Column("strong", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("hour", "brand", "aspect", name="pk_opinion_hours"),
    )
    op.execute(
        "INSERT INTO opinion_hours SELECT at / 3600000000, brand, aspect, count(*), "
        "sum(CASE WHEN worst < 0 THEN 1 ELSE 0 END), sum(CASE WHEN worst >= 0 AND best > 0 THEN 1 ELSE 0 END), "
        "sum(CASE WHEN strength > 2 THEN 1 ELSE 0 END) FROM opinions GROUP BY at / 3600000000, brand, aspect"
    )
