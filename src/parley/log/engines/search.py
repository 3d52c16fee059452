"""Full-text search of both engines behind four functions. Hits come newest first, by message number.

Ranking every hit of a common word costs 150 ms at a million conversations; newest first costs one.
"""

import re
from collections.abc import Sequence

from sqlalchemy import Connection, text

MAX_INDEXED = 60_000  # characters of one message
BEGINNING = 3  # letters of a word from which on it may be a beginning

SCHEMA = {
    "sqlite": ("CREATE VIRTUAL TABLE fts USING fts5(text, content='', tokenize=\"unicode61 remove_diacritics 2\")",),
    "postgresql": (
        "CREATE TABLE fts (message bigint PRIMARY KEY, terms tsvector NOT NULL)",
        "CREATE INDEX ix_fts_terms ON fts USING gin (terms) WITH (fastupdate = on)",
    ),
}

_WORD = re.compile(r"\w+", re.UNICODE)


def index(conn: Connection, engine: str, rows: Sequence[tuple[int, str]]) -> None:
    """Add (message, text) pairs that were not indexed before."""
    if not rows:
        return
    statement = {
        "sqlite": "INSERT INTO fts (rowid, text) VALUES (:message, :text)",
        "postgresql": "INSERT INTO fts (message, terms) VALUES (:message, to_tsvector('simple', :text))"
        " ON CONFLICT (message) DO NOTHING",
    }[engine]
    conn.execute(text(statement), [{"message": m, "text": t[:MAX_INDEXED]} for m, t in rows])


def remove(conn: Connection, engine: str, message: int, old_text: str) -> None:
    """Take a message out. FTS5 without stored content needs the text that went in."""
    statement = {
        "sqlite": "INSERT INTO fts (fts, rowid, text) VALUES ('delete', :message, :text)",
        "postgresql": "DELETE FROM fts WHERE message = :message",
    }[engine]
    values = {"message": message, "text": old_text[:MAX_INDEXED]} if engine == "sqlite" else {"message": message}
    conn.execute(text(statement), values)


def clear(conn: Connection, engine: str) -> None:
    statement = {"sqlite": "INSERT INTO fts (fts) VALUES ('delete-all')", "postgresql": "DELETE FROM fts"}[engine]
    conn.execute(text(statement))


def find(conn: Connection, engine: str, wanted: str, before: int | None, limit: int) -> list[int]:
    """Messages that hold every word, newest first; where those are few, the last word may be a beginning.

    A beginning costs as much as all its words occur (80 ms for a common one at 2.5 million messages), whole words
    nothing to speak of (0.3 ms). So beginnings are asked only where whole words found less than a page.
    """
    terms = _WORD.findall(wanted)[:12]
    if not terms:
        return []
    ask = _ask_sqlite if engine == "sqlite" else _ask_postgresql
    found = ask(conn, terms, False, before, limit)
    if len(found) < limit and len(terms[-1]) >= BEGINNING:
        found = ask(conn, terms, True, before, limit)
    return found


def _ask_sqlite(conn: Connection, terms: Sequence[str], beginning: bool, before: int | None, limit: int) -> list[int]:
    query = " ".join(f'"{term}"' for term in terms) + ("*" if beginning else "")
    statement = "SELECT rowid FROM fts WHERE fts MATCH :query AND rowid < :before ORDER BY rowid DESC LIMIT :limit"
    return _numbers(conn, statement, query, before, limit)


def _ask_postgresql(
    conn: Connection, terms: Sequence[str], beginning: bool, before: int | None, limit: int
) -> list[int]:
    query = " & ".join(term.replace("\\", "") for term in terms) + (":*" if beginning else "")
    statement = (
        "SELECT message FROM fts WHERE terms @@ to_tsquery('simple', :query) AND message < :before"
        " ORDER BY message DESC LIMIT :limit"
    )
    return _numbers(conn, statement, query, before, limit)


def _numbers(conn: Connection, statement: str, query: str, before: int | None, limit: int) -> list[int]:
    values = {"query": query, "before": before or 2**62, "limit": limit}
    return [row[0] for row in conn.execute(text(statement), values)]
