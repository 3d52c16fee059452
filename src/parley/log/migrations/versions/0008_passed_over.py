"""Deliveries that held nothing for the desk are counted by inbox."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    passed = sa.text("state = 'passed'")
    op.create_index("ix_deliveries_passed", "deliveries", ["inbox"], sqlite_where=passed, postgresql_where=passed)
