"""Statements that run with every request: compiled once by Django, and planned once by PostgreSQL.

Building a queryset, compiling it and planning it takes several times as long as finding a row by its key. So what is
asked all the time is written as a queryset with slots, from which a process makes SQL once. It runs with the values
bound by the server, on which psycopg prepares what a connection runs often (DATABASE_PREPARE_THRESHOLD).
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, QuerySet
from psycopg.sql import Literal

from core.serializers import INT32_MAX


class Slot(Expression):
    """Stands in a queryset for a value that is given when its statement runs."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]


def _filled(sql: str, texts: Iterator[str]) -> str:
    """The SQL with a text in each of its places for values; a percent sign of its own, `%%`, is none."""
    return re.sub("%[%s]", lambda place: "%%" if place[0] == "%%" else next(texts), sql)


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL and the names of its slots. Rows come as PostgreSQL gives them: no converter of a field runs."""

    sql: str
    slots: tuple[str, ...]

    @classmethod
    def of(cls, rows: QuerySet[Any, Any]) -> "Statement":
        """The statement of a queryset, `values_list` with its columns in their order.

        What is no slot becomes part of the text: it need not be sent each time, and PostgreSQL, which plans for any
        values in the slots, can use the partial indexes that depend on it.
        """
        sql, parameters = rows.query.sql_with_params()
        slots: list[str] = []

        def written(parameter: Any) -> str:
            if not isinstance(parameter, Slot):
                return Literal(parameter).as_string().replace("%", "%%")
            slots.append(parameter.name)
            return "%s"

        return cls(_filled(sql, map(written, parameters)), tuple(slots))

    def beside(self, first: "Statement", *, given: Collection[str]) -> "Statement":
        """One statement for both: the rows of `first`, each followed by the first row of this one, or by nulls.

        The slots that `given` names take the columns of `first` that have their names.
        """
        kept = tuple(name for name in self.slots if name not in given)
        answer = _filled(self.sql, (f'asking."{name}"' if name in given else "%s" for name in self.slots))
        sql = f"SELECT asking.*, answer.* FROM ({first.sql}) asking LEFT JOIN LATERAL ({answer} LIMIT 1) answer ON true"  # noqa: S608
        return Statement(sql, first.slots + kept)

    def first(self, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row, or None, with these values in the slots; raises like `filled`."""
        return next(iter(self.rows(values)), None)

    def rows(self, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows; like `first`."""
        return run(self.sql, self.filled(values))

    def filled(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of the slots. Raises KeyError when one is missing."""
        return [values[name] for name in self.slots]


def rows_of(*asked: tuple[Statement, Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
    """The rows of several statements with their values, which the server runs one after the other in one round trip.

    Where one fails, those after it do not run, and its error is raised.
    """
    database = _database()
    if database.queries_logged:
        return [statement.rows(values) for statement, values in asked]
    connected = _connected(database)
    with database.wrap_database_errors, connected.pipeline():
        cursors = [
            psycopg.Cursor(connected).execute(statement.sql, statement.filled(values)) for statement, values in asked
        ]
    return [cursor.fetchall() for cursor in cursors]


def id_or_none(asked: int) -> int | None:
    """For a slot that an id column is compared with: None, which no row has, for what is too great for one.

    Django's lookups see that by themselves. Here PostgreSQL would compare it as a decimal number, with every row.
    """
    return asked if abs(asked) <= INT32_MAX else None


def run(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows that the SQL gives on Django's connection, with the values left to the server: it can be prepared.

    Django's own cursors put them into the text, which makes every statement a new one. Where statements are logged, as
    the tests do that count them, it is Django's own, whose log has the values.
    """
    database = _database()
    if database.queries_logged:
        with database.cursor() as logging:
            logging.execute(sql, values)
            return logging.fetchall()
    connected = _connected(database)
    with database.wrap_database_errors:
        return psycopg.Cursor(connected).execute(sql, values).fetchall()


def _database() -> BaseDatabaseWrapper:
    """Looked up once: Django's `connection` looks it up anew with each attribute."""
    return connections[DEFAULT_DB_ALIAS]


def _connected(database: BaseDatabaseWrapper) -> psycopg.Connection[Any]:
    """The connection, made or examined first if need be, as before a cursor of Django's own.

    Raises TransactionManagementError, as that does, where a statement of the transaction has failed.
    """
    database.close_if_health_check_failed()
    database.ensure_connection()
    database.validate_no_broken_transaction()
    connected: psycopg.Connection[Any] = database.connection
    return connected
