"""Who was said not to be the same human."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "held_apart",
        sa.Column("person", Id, nullable=False, autoincrement=False),
        sa.Column("other", Id, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("person", "other", name="pk_held_apart"),
    )
    op.create_index("ix_codes_person", "codes", ["person"])
