"""Rows by many values of a column. Making a statement costs more than answering it, so each is made once."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Delete, Row, Select, bindparam, delete, select

T = TypeVar("T")
AT_ONCE = 500


def chunks(items: Sequence[T], size: int = AT_ONCE) -> Iterable[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def among(
    conn: Connection,
    column: Column[Any],
    values: Iterable[Any],
    *,
    of: tuple[Column[Any], ...] = (),
    where: tuple[ColumnElement[bool], ...] = (),
    order: tuple[ColumnElement[Any], ...] = (),
) -> Iterator[Row[Any]]:
    """The rows of the column's table in which it has one of the values; of some columns of theirs, or whole.

    where, order: must be made once, at the top of a module, and hold nothing that changes. The order is that of 500
    values at a time.
    """
    wanted = list(values)
    if len(wanted) == 1:  # a list that is spelt out anew for each question costs half of what a question does
        yield from conn.execute(_among(column, of, where, order, alone=True), {"value": wanted[0]})
        return
    statement = _among(column, of, where, order)
    for chunk in chunks(wanted):
        yield from conn.execute(statement, {"values": chunk})


def drop_among(conn: Connection, column: Column[Any], values: Iterable[Any]) -> None:
    """Take those rows out."""
    statement = _drop_among(column)
    for chunk in chunks(list(values)):
        conn.execute(statement, {"values": chunk})


@cache
def _among(
    column: Column[Any],
    of: tuple[Column[Any], ...],
    where: tuple[ColumnElement[bool], ...],
    order: tuple[ColumnElement[Any], ...],
    alone: bool = False,
) -> Select[Any]:
    """alone: for one value."""
    found = select(*of) if of else select(column.table)
    wanted = column == bindparam("value") if alone else column.in_(bindparam("values", expanding=True))
    return found.where(wanted, *where).order_by(*order)


@cache
def _drop_among(column: Column[Any]) -> Delete:
    return delete(column.table).where(column.in_(bindparam("values", expanding=True)))
