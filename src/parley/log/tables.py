"""The tables of the log itself. Features declare their own tables on the same `metadata`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives an alias of the rowid only to a column of type INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")


class Moment(TypeDecorator[datetime]):
    """A UTC time as microseconds since 1970: exact, sortable, the same on both engines."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return _moment(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], datetime | None]:
        """The bare function: a page reads hundreds of moments, and every call around it counts."""
        return _moment


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(moment: datetime) -> int:
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else EPOCH + timedelta(microseconds=micros)


events = Table(
    "events",
    metadata,
    Column("seq", Id, primary_key=True, autoincrement=False),
    Column("stream", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("by", String(60), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("stream", "version"),
)

words = Table(
    "words",
    metadata,
    Column("message", Id, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("html", Text),
    Column("subject", Text),
    Column("fold", Integer),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("inbox", Integer, nullable=False),
    Column("provider_id", String(255), nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("state", String(12), nullable=False),  # see below
    Column("history", Integer, nullable=False, default=0),
    Column("raw_file", String(64)),
    Column("note", Text),
    UniqueConstraint("inbox", "provider_id"),
    Index(
        "ix_deliveries_new",
        "id",
        sqlite_where=Column("state") == "new",
        postgresql_where=Column("state") == "new",
    ),
    Index(
        "ix_deliveries_early",
        "note",
        sqlite_where=Column("state") == "early",
        postgresql_where=Column("state") == "early",
    ),
    Index(
        "ix_deliveries_passed",
        "inbox",
        sqlite_where=Column("state") == "passed",
        postgresql_where=Column("state") == "passed",
    ),
)
# States of a delivery: new, done, quarantined (unreadable), early (waits for the message it speaks of), passed (kept,
# but nothing in it was for the desk: a kind that its channel does not know, or news that says nothing new).

# Beside their row, so that marking a delivery as done does not write its bytes again.
raws = Table(
    "raws",
    metadata,
    Column("delivery", Id, primary_key=True, autoincrement=False),
    Column("raw", LargeBinary, nullable=False),
)

places = Table(
    "places",
    metadata,
    Column("reader", String(40), primary_key=True),
    Column("seq", Id, nullable=False),
    Column("built", Integer, nullable=False, default=1),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Id, nullable=False),
)

notebook = Table(
    "notebook",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
