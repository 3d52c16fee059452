"""Whose a conversation is, and its figures in a word that is read as columns; every channel that was seen has a number.

The facts behind the numbers are made anew from the log after this: their reader begins at the first event again.
"""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


TOLD = """
    UPDATE promises SET told = conversation || ' ' || (
        CASE kind WHEN 'first' THEN 0 WHEN 'next' THEN 2 ELSE 4 END + CASE WHEN void THEN 1 ELSE 0 END
    ) || ' ' || began || ' ' || COALESCE(due, -1) || ' ' || COALESCE(met_at, -1)
"""


def upgrade() -> None:
    op.drop_table("measured")
    whole, moment, yes_or_no = sa.Integer, sa.BigInteger, sa.Boolean
    op.create_table(
        "measured",
        sa.Column("conversation", Id, autoincrement=False, nullable=False),
        sa.Column("brand", whole(), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("opened_at", moment(), nullable=False),
        *(sa.Column(name, yes_or_no(), nullable=False) for name in ("with_bot", "quarantined", "imported")),
        *(
            sa.Column(name, moment())
            for name in ("began_at", "people_at", "handed_at", "bot_at", "human_at", "first_closed_at", "closed_at")
        ),
        sa.Column("closed_by", sa.String(8), nullable=False),
        sa.Column("resolved", yes_or_no(), nullable=False),
        *(
            sa.Column(name, whole(), nullable=False)
            for name in ("closes", "reopens", "received", "bot_replies", "human_replies")
        ),
        sa.Column("agent", whole()),
        sa.Column("several", yes_or_no(), nullable=False),
        sa.Column("holder", whole()),
        sa.Column("transfers", whole(), nullable=False),
        sa.Column("first_reopened_at", moment()),
        sa.Column("person", Id, nullable=False),
        sa.Column("inbox", whole(), nullable=False),
        sa.Column("code", sa.String(96), nullable=False),
        sa.PrimaryKeyConstraint("conversation", name=op.f("pk_measured")),
    )
    op.create_index("ix_measured_began", "measured", ["began_at", "brand", "code"])
    open_ = sa.text("closed_at IS NULL")
    told = ["imported", "brand", "code"]
    op.create_index("ix_measured_open", "measured", told, sqlite_where=open_, postgresql_where=open_)
    op.create_table(
        "measured_channels",
        sa.Column("number", whole(), nullable=False, autoincrement=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_measured_channels"),
    )
    op.drop_index("ix_conversation_tags_conversation", "conversation_tags")
    op.create_index("ix_conversation_tags_conversation", "conversation_tags", ["conversation", "tag"])
    op.create_table(
        "work",
        sa.Column("conversation", Id, nullable=False, autoincrement=False),
        sa.Column("agent", whole(), nullable=False, autoincrement=False),
        sa.Column("seconds", whole(), nullable=False),
        sa.Column("on_call", moment()),
        sa.Column("told", sa.String(50), nullable=False),
        sa.PrimaryKeyConstraint("conversation", "agent", name="pk_work"),
    )
    op.create_table(
        "last_acts",
        sa.Column("agent", whole(), nullable=False, autoincrement=False),
        sa.Column("at", moment(), nullable=False),
        sa.PrimaryKeyConstraint("agent", name="pk_last_acts"),
    )
    op.drop_index("ix_promises_began", "promises")
    op.add_column("promises", sa.Column("told", sa.String(90), nullable=False, server_default=""))
    op.execute(sa.text(TOLD))
    op.create_index("ix_promises_began", "promises", ["began", "told"])
    op.drop_index("ix_ratings_asked", "ratings")
    op.create_index("ix_ratings_asked", "ratings", ["asked_at", "conversation", "score", "answered_at"])
    op.execute(sa.text("DELETE FROM ratings"))
    op.execute(sa.text("DELETE FROM places WHERE reader = 'numbers'"))
