"""The first schema."""

import sqlalchemy as sa
from alembic import op

from parley.log.engines.search import SCHEMA
from parley.log.tables import Id, Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("mail", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("password", sa.String(length=200), nullable=True),
        sa.Column("skills", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Float(), nullable=False),
        sa.Column("brands", sa.Text(), nullable=False),
        sa.Column("presence", sa.String(length=8), nullable=False),
        sa.Column("single_keys", sa.Boolean(), nullable=False),
        sa.Column("theme", sa.String(length=5), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("joined_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
        sa.UniqueConstraint("mail", name=op.f("uq_agents_mail")),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("scope", sa.String(length=5), nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.Column("last_used", Moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_tokens_hash")),
    )
    op.create_table(
        "articles",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("brand", sa.Integer(), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("audience", sa.String(length=10), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("wordings", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.Column("changed_by", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_articles")),
        sa.UniqueConstraint("slug", name=op.f("uq_articles_slug")),
    )
    op.create_table(
        "attempts",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_attempts")),
    )
    op.create_table(
        "brands",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("look", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brands")),
        sa.UniqueConstraint("name", name=op.f("uq_brands_name")),
    )
    op.create_table(
        "client_ids",
        sa.Column("client_id", sa.String(length=120), nullable=False),
        sa.Column("message", Id, nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_client_ids")),
    )
    op.create_table(
        "codes",
        sa.Column("identity", Id, autoincrement=False, nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("expires", Moment, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("identity", name=op.f("pk_codes")),
    )
    op.create_table(
        "conversation_tags",
        sa.Column("tag", sa.String(length=40), nullable=False),
        sa.Column("conversation", Id, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("tag", "conversation", name=op.f("pk_conversation_tags")),
    )
    op.create_index("ix_conversation_tags_conversation", "conversation_tags", ["conversation"], unique=False)
    op.create_table(
        "conversations",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("seq", Id, nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("brand", sa.Integer(), nullable=False),
        sa.Column("inbox", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("assignee", sa.Integer(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("skills", sa.Text(), nullable=False),
        sa.Column("opened_at", Moment, nullable=False),
        sa.Column("last_at", Moment, nullable=False),
        sa.Column("last_by", sa.String(length=8), nullable=False),
        sa.Column("preview", sa.Text(), nullable=False),
        sa.Column("asked_at", Moment, nullable=True),
        sa.Column("waiting_since", Moment, nullable=True),
        sa.Column("snoozed_until", Moment, nullable=True),
        sa.Column("closed_at", Moment, nullable=True),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    op.create_index("ix_conversations_assignee", "conversations", ["assignee", "status", "last_at", "id"], unique=False)
    op.create_index("ix_conversations_last", "conversations", ["last_at", "id"], unique=False)
    op.create_index("ix_conversations_person", "conversations", ["person", "last_at"], unique=False)
    op.create_index("ix_conversations_status_last", "conversations", ["status", "last_at", "id"], unique=False)
    op.create_index(
        "ix_conversations_waiting",
        "conversations",
        ["waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("waiting_since IS NOT NULL"),
        postgresql_where=sa.text("waiting_since IS NOT NULL"),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", Id, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", Id, nullable=False),
        sa.Column("inbox", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.String(length=255), nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("history", sa.Integer(), nullable=False),
        sa.Column("raw_file", sa.String(length=64), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("inbox", "provider_id", name=op.f("uq_deliveries_inbox_provider_id")),
    )
    op.create_index(
        "ix_deliveries_new",
        "deliveries",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'new'"),
        postgresql_where=sa.text("state = 'new'"),
    )
    op.create_table(
        "drafts",
        sa.Column("agent", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("conversation", Id, autoincrement=False, nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "conversation", name=op.f("pk_drafts")),
    )
    op.create_table(
        "events",
        sa.Column("seq", Id, autoincrement=False, nullable=False),
        sa.Column("stream", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("by", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("stream", "version", name=op.f("uq_events_stream_version")),
    )
    op.create_table(
        "externals",
        sa.Column("message", Id, autoincrement=False, nullable=False),
        sa.Column("external_id", sa.String(length=500), nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.PrimaryKeyConstraint("message", name=op.f("pk_externals")),
    )
    op.create_index("ix_externals_conversation", "externals", ["conversation", "message"], unique=False)
    op.create_index("ix_externals_external_id", "externals", ["external_id"], unique=False)
    op.create_table(
        "files",
        sa.Column("message", Id, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=120), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("cid", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("message", "number", name=op.f("pk_files")),
    )
    op.create_index("ix_files_sha256", "files", ["sha256"], unique=False)
    op.create_table(
        "gifts",
        sa.Column("conversation", Id, autoincrement=False, nullable=False),
        sa.Column("agent", sa.Integer(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("conversation", name=op.f("pk_gifts")),
    )
    op.create_index("ix_gifts_agent", "gifts", ["agent", "at"], unique=False)
    op.create_table(
        "identities",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=254), nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("proof", sa.String(length=60), nullable=True),
        sa.Column("evidence", sa.String(length=200), nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("kind", "value", name=op.f("uq_identities_kind_value")),
    )
    op.create_index("ix_identities_person", "identities", ["person"], unique=False)
    op.create_table(
        "inboxes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("brand", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("settings", sa.LargeBinary(), nullable=False),
        sa.Column("with_bot", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inboxes")),
        sa.UniqueConstraint("channel", "address", name=op.f("uq_inboxes_channel_address")),
    )
    op.create_table(
        "indexed",
        sa.Column("message", Id, autoincrement=False, nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.PrimaryKeyConstraint("message", name=op.f("pk_indexed")),
    )
    op.create_table(
        "leases",
        sa.Column("message", Id, autoincrement=False, nullable=False),
        sa.Column("worker", sa.String(length=40), nullable=False),
        sa.Column("until", Moment, nullable=False),
        sa.PrimaryKeyConstraint("message", name=op.f("pk_leases")),
    )
    op.create_table(
        "login_tickets",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.Integer(), nullable=False),
        sa.Column("expires", Moment, nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_login_tickets")),
    )
    op.create_table(
        "measured",
        sa.Column("conversation", Id, autoincrement=False, nullable=False),
        sa.Column("brand", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("with_bot", sa.Boolean(), nullable=False),
        sa.Column("quarantined", sa.Boolean(), nullable=False),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=True),
        sa.Column("people_at", sa.BigInteger(), nullable=True),
        sa.Column("handed_at", sa.BigInteger(), nullable=True),
        sa.Column("bot_at", sa.BigInteger(), nullable=True),
        sa.Column("human_at", sa.BigInteger(), nullable=True),
        sa.Column("first_closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.String(length=8), nullable=False),
        sa.Column("resolved", sa.Boolean(), nullable=False),
        sa.Column("closes", sa.Integer(), nullable=False),
        sa.Column("reopens", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("bot_replies", sa.Integer(), nullable=False),
        sa.Column("human_replies", sa.Integer(), nullable=False),
        sa.Column("agent", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("conversation", name=op.f("pk_measured")),
    )
    op.create_index("ix_measured_began", "measured", ["began_at"], unique=False)
    op.create_table(
        "mentions",
        sa.Column("agent", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("conversation", Id, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("agent", "conversation", name=op.f("pk_mentions")),
    )
    op.create_index("ix_mentions_conversation", "mentions", ["conversation"], unique=False)
    op.create_table(
        "notebook",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_notebook")),
    )
    op.create_table(
        "orders",
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("brand", sa.Integer(), nullable=False),
        sa.Column("mail", sa.String(length=254), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("placed_at", Moment, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_orders")),
    )
    op.create_index("ix_orders_mail", "orders", ["mail", "placed_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("message", Id, autoincrement=False, nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("inbox", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try", Moment, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("can_retry", sa.Boolean(), nullable=False),
        sa.Column("external_id", sa.String(length=500), nullable=True),
        sa.Column("provider_id", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("message", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_conversation", "outbox", ["conversation"], unique=False)
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["next_try", "message"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index("ix_outbox_external_id", "outbox", ["external_id"], unique=False)
    op.create_index("ix_outbox_provider_id", "outbox", ["provider_id"], unique=False)
    op.create_table(
        "participants",
        sa.Column("conversation", Id, autoincrement=False, nullable=False),
        sa.Column("who", sa.String(length=260), nullable=False),
        sa.PrimaryKeyConstraint("conversation", "who", name=op.f("pk_participants")),
    )
    op.create_table(
        "people",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("met_at", Moment, nullable=False),
        sa.Column("merged_into", Id, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
    )
    op.create_index("ix_people_name", "people", ["name"], unique=False)
    op.create_table(
        "places",
        sa.Column("reader", sa.String(length=40), nullable=False),
        sa.Column("seq", Id, nullable=False),
        sa.Column("built", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("reader", name=op.f("pk_places")),
    )
    op.create_table(
        "presences",
        sa.Column("agent", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("presence", sa.String(length=8), nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.PrimaryKeyConstraint("agent", name=op.f("pk_presences")),
    )
    op.create_table(
        "ratings",
        sa.Column("survey", Id, autoincrement=False, nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("survey", name=op.f("pk_ratings")),
    )
    op.create_index("ix_ratings_asked", "ratings", ["asked_at"], unique=False)
    op.create_index("ix_ratings_conversation", "ratings", ["conversation"], unique=False)
    op.create_table(
        "raws",
        sa.Column("delivery", Id, autoincrement=False, nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("delivery", name=op.f("pk_raws")),
    )
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.Integer(), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.Column("expires", Moment, nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_agent", "sessions", ["agent"], unique=False)
    op.create_table(
        "settings",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_settings")),
    )
    op.create_table(
        "surveys",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("asked_at", Moment, nullable=True),
        sa.Column("message", Id, nullable=True),
        sa.Column("dropped", sa.String(length=80), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("answered_at", Moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_surveys")),
    )
    op.create_index("ix_surveys_conversation", "surveys", ["conversation"], unique=False)
    op.create_index("ix_surveys_message", "surveys", ["message"], unique=False)
    op.create_index("ix_surveys_person", "surveys", ["person", "asked_at"], unique=False)
    op.create_table(
        "tallies",
        sa.Column("brand", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("view", sa.String(length=40), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("brand", "view", name=op.f("pk_tallies")),
    )
    op.create_table(
        "timers",
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("due", Moment, nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_timers")),
    )
    op.create_index("ix_timers_due", "timers", ["due"], unique=False)
    op.create_table(
        "words",
        sa.Column("message", Id, autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("fold", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("message", name=op.f("pk_words")),
    )
    for statement in SCHEMA[op.get_bind().dialect.name]:
        op.execute(statement)
