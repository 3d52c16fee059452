"""Topics: first words of conversations, the tags they bear, and what was guessed of them."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "firsts",
        sa.Column("conversation", Id, autoincrement=False, nullable=False),
        sa.Column("message", Id, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("conversation", name=op.f("pk_firsts")),
    )
    op.create_table(
        "labels",
        sa.Column("conversation", Id, autoincrement=False, nullable=False),
        sa.Column("tag", sa.String(40), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("conversation", "tag", name=op.f("pk_labels")),
    )
    op.create_index("ix_labels_tag", "labels", ["tag", "conversation"])
    op.create_table(
        "guesses",
        sa.Column("conversation", Id, autoincrement=False, nullable=False),
        sa.Column("topic", sa.String(40), nullable=False),
        sa.Column("sure", sa.Float(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("model", Id, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("outcome", sa.String(8), nullable=False),
        sa.PrimaryKeyConstraint("conversation", name=op.f("pk_guesses")),
    )
    op.create_index("ix_guesses_at", "guesses", ["at"])
