"""Many rows into a table at once. SQLAlchemy spends more on a row than SQLite does, so here it only plans."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from importlib import import_module
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, Table, Update, bindparam, insert, update

from parley.log.tables import Moment, to_micros

COPY_FROM = 20  # rows from which PostgreSQL's COPY beats an insert of each


def add_rows(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same keys. Nothing happens for none."""
    if not rows:
        return
    names = tuple(rows[0])
    pick = _picker(table, names)
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql(_insert(table, names), [pick(row) for row in rows])
    elif len(rows) < COPY_FROM:
        conn.execute(insert(table), rows)
    else:
        with conn.connection.cursor().copy(_copy(table, names)) as copy:
            for row in rows:
                copy.write_row(pick(row))


def add_lines(conn: Connection, table: Table, names: tuple[str, ...], lines: Sequence[tuple[Any, ...]]) -> None:
    """The same of rows whose values are what the driver takes, in the order of these columns: moments as numbers."""
    if not lines:
        return
    if conn.dialect.name == "sqlite" or len(lines) < COPY_FROM:
        conn.exec_driver_sql(_insert(table, names, "?" if conn.dialect.name == "sqlite" else "%s"), list(lines))
    else:
        with conn.connection.cursor().copy(_copy(table, names)) as copy:
            for line in lines:
                copy.write_row(line)


def change_rows(conn: Connection, table: Table, key: str, changes: Mapping[Any, Mapping[str, Any]]) -> None:
    """Change rows by the value of their key; those that change in the same columns share a statement."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for value, changed in changes.items():
        if changed:
            alike.setdefault(tuple(changed), []).append({**changed, "its_key": value})
    for columns, rows in alike.items():
        conn.execute(_change(table, key, columns), rows)


def add_missing(
    conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str]
) -> list[Row[Any]]:
    """Insert the rows whose key is not there yet. Returns the id and key of those that were new."""
    if not rows:
        return []
    names = tuple(rows[0])
    if conn.dialect.name == "sqlite":
        pick = _picker(table, names)
        statement = _insert_missing(table, names, tuple(key), len(rows))
        return list(conn.exec_driver_sql(statement, tuple(value for row in rows for value in pick(row))))
    dialect = import_module(f"sqlalchemy.dialects.{conn.dialect.name}")  # the other one need not be loaded
    statement = dialect.insert(table).on_conflict_do_nothing(index_elements=key)
    return list(conn.execute(statement.returning(table.c.id, *(table.c[name] for name in key)), rows))


@cache
def _change(table: Table, key: str, columns: tuple[str, ...]) -> Update:
    new: dict[str, Any] = {column: bindparam(column) for column in columns}
    return update(table).where(table.c[key] == bindparam("its_key")).values(new)


@cache
def _picker(table: Table, names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """A row as a tuple of what the driver takes; moments are the only type of ours that it doesn't know."""
    moments = [place for place, name in enumerate(names) if isinstance(table.c[name].type, Moment)]
    get = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
    if not moments:
        return get

    def pick(row: Mapping[str, Any]) -> tuple[Any, ...]:
        values = list(get(row))
        for place in moments:
            if values[place] is not None:
                values[place] = to_micros(values[place])
        return tuple(values)

    return pick


@cache
def _insert(table: Table, names: tuple[str, ...], mark: str = "?") -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table.name} ({columns}) VALUES ({', '.join([mark] * len(names))})"


@lru_cache(600)
def _insert_missing(table: Table, names: tuple[str, ...], key: tuple[str, ...], count: int) -> str:
    """Several rows in one statement, which alone can tell the numbers of the new ones."""
    columns = ", ".join(f'"{name}"' for name in names)
    row = f"({', '.join('?' * len(names))})"
    told = ", ".join(f'"{name}"' for name in ("id", *key))
    values, alike = ", ".join([row] * count), ", ".join(f'"{name}"' for name in key)
    return f"INSERT INTO {table.name} ({columns}) VALUES {values} ON CONFLICT ({alike}) DO NOTHING RETURNING {told}"


@cache
def _copy(table: Table, names: tuple[str, ...]) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    return f"COPY {table.name} ({columns}) FROM STDIN"
