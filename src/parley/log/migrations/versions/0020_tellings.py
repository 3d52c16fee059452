"""A visit's session at the website's analytics, and events that wait to be told to them."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("visits", "journeys"):
        op.add_column(table, sa.Column("session", sa.String(20), nullable=False, server_default=""))
    op.create_table(
        "tellings",
        sa.Column("seq", Id, nullable=False, autoincrement=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("brand", sa.Integer, nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("measure", sa.String(8), nullable=False),
        sa.Column("score", sa.Integer),
        sa.Column("at", Moment, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("due", Moment, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("why", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_tellings"),
    )
    op.create_index("ix_tellings_due", "tellings", ["state", "due"])
    op.create_index("ix_tellings_brand", "tellings", ["brand", "seq"])
    op.create_index("ix_tellings_at", "tellings", ["at"])
