"""What visitors of websites did there."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "visits",
        sa.Column("seq", Id, nullable=False, autoincrement=False),
        sa.Column("place", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("identity", Id, nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("page", sa.String(120), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("client", sa.String(42), nullable=False),
        sa.PrimaryKeyConstraint("seq", "place", name="pk_visits"),
    )
    op.create_index("ix_visits_identity", "visits", ["identity", "at"])
