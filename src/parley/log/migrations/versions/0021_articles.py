"""From which messages an article was drafted, who looks after it, where it was used and with what end."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

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
    op.create_table(
        "article_care",
        sa.Column("article", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("owner", sa.Integer),
        sa.Column("days", sa.Integer),
        sa.Column("since", Moment, nullable=False),
        sa.Column("reviewed_at", Moment),
        sa.Column("reviewed_by", sa.String(60), nullable=False),
        sa.PrimaryKeyConstraint("article", name="pk_article_care"),
    )
    op.create_index("ix_article_care_owner", "article_care", ["owner"])
    op.create_table(
        "articles_agreed",
        sa.Column("pair", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("pair", name="pk_articles_agreed"),
    )
    op.create_table(
        "article_uses",
        sa.Column("seq", Id, nullable=False, autoincrement=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("slug", sa.String(80), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("handed_over", sa.Boolean, nullable=False),
        sa.Column("unhelpful", sa.Boolean, nullable=False),
        sa.Column("again", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_article_uses"),
    )
    op.create_index("ix_article_uses_at", "article_uses", ["at", "slug"])
    op.create_index("ix_article_uses_conversation", "article_uses", ["conversation"])
