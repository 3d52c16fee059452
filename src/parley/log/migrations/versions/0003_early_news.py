"""News that came before the message it speaks of waits, and is found by that message's name."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    early = sa.text("state = 'early'")
    op.create_index("ix_deliveries_early", "deliveries", ["note"], sqlite_where=early, postgresql_where=early)
