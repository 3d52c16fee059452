"""Saved reports, whom they are mailed to, and in which language customers wrote first."""

import sqlalchemy as sa
from alembic import op

from parley.log.tables import Id, Moment

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_reports",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("owner", sa.Integer),
        sa.Column("shared", sa.Integer),
        sa.Column("every", sa.String(4), nullable=False),
        sa.Column("weekday", sa.Integer, nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_saved_reports"),
    )
    op.create_index("ix_saved_reports_owner", "saved_reports", ["owner"])
    op.create_table(
        "report_mails",
        sa.Column("report", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("agent", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("due", Moment, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("sent_at", Moment),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("report", "agent", name="pk_report_mails"),
    )
    op.create_index("ix_report_mails_due", "report_mails", ["due"])
    op.create_table(
        "report_leases",
        sa.Column("report", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("agent", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("until", Moment, nullable=False),
        sa.PrimaryKeyConstraint("report", "agent", name="pk_report_leases"),
    )
    op.create_table(
        "spoken",
        sa.Column("conversation", Id, nullable=False, autoincrement=False),
        sa.Column("message", Id, nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.PrimaryKeyConstraint("conversation", name="pk_spoken"),
    )
    op.create_index("ix_spoken_message", "spoken", ["message"])
