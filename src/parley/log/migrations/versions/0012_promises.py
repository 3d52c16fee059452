"""Promises: what was promised in each conversation, what runs now, and what is agreed on."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "promises",
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("policy", sa.String(40), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("working", sa.Boolean(), nullable=False),
        sa.Column("began", Moment, nullable=False),
        sa.Column("due", Moment),
        sa.Column("met_at", Moment),
        sa.Column("void", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_promises")),
    )
    op.create_index("ix_promises_began", "promises", ["began"])
    op.create_index("ix_promises_conversation", "promises", ["conversation"])
    op.create_table(
        "owed",
        sa.Column("conversation", Id, autoincrement=False, nullable=False),
        sa.Column("due", Moment),
        sa.Column("near", Moment),
        sa.Column("kind", sa.String(10)),
        sa.Column("policy", sa.String(40)),
        sa.Column("tell_at", Moment),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conversation", name=op.f("pk_owed")),
    )
    runs, tells = sa.text("due IS NOT NULL"), sa.text("tell_at IS NOT NULL")
    op.create_index("ix_owed_due", "owed", ["due", "conversation"], sqlite_where=runs, postgresql_where=runs)
    op.create_index("ix_owed_tell", "owed", ["tell_at"], sqlite_where=tells, postgresql_where=tells)
    op.create_table(
        "agreements",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreements")),
    )
