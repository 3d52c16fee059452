"""The views of who waits and of what was not delivered are read in the order of an index."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_conversations_waiting", "conversations")
    waits, failed = sa.text("waiting_since IS NOT NULL"), sa.text("failed > 0")
    op.create_index(
        "ix_conversations_waiting",
        "conversations",
        ["status", "waiting_since", "id"],
        sqlite_where=waits,
        postgresql_where=waits,
    )
    op.create_index(
        "ix_conversations_failed", "conversations", ["last_at", "id"], sqlite_where=failed, postgresql_where=failed
    )
