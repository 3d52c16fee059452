"""From which messages an article was drafted."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "article_origins",
        sa.Column("article", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("place", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("message", Id, nullable=False, autoincrement=False),
        sa.Column("conversation", Id, nullable=False),
        sa.PrimaryKeyConstraint("article", "place", "message", name="pk_article_origins"),
    )
    op.create_index("ix_article_origins_message", "article_origins", ["message"])
