"""Queries that run with every request: compiled once by Django, and planned once by PostgreSQL.

Building a queryset, compiling it and planning it takes several times as long as finding a row by its key. So what is
queried all the time is written as a queryset with parameters, from which a process makes SQL once. The server binds the
values, on which psycopg prepares what a connection runs often (DATABASE_PREPARE_THRESHOLD).
"""

import logging
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, QuerySet
from psycopg.sql import Literal

from core.serializers import INT32_MAX

# Django's log of SQL, which has what its own cursors run.
sql_log = logging.getLogger("django.db.backends")


class Param(Expression):
    """A placeholder in a queryset for a value that is bound when its query runs."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]


def _with_placeholders(sql: str, texts: Iterator[str]) -> str:
    """The SQL with a text in each of its places for values; a percent sign of its own, `%%`, is none."""
    return re.sub("%[%s]", lambda place: "%%" if place[0] == "%%" else next(texts), sql)


@dataclass(frozen=True, slots=True)
class PreparedQuery:
    """SQL and the names of its parameters. Rows come as PostgreSQL gives them: no converter of a field runs."""

    sql: str
    params: tuple[str, ...]

    @classmethod
    def from_queryset(cls, rows: QuerySet[Any, Any]) -> "PreparedQuery":
        """The query of a queryset, `values_list` with its columns in their order.

        What is no parameter becomes part of the text: it need not be sent each time, and PostgreSQL, which plans for
        any values of the parameters, can use the partial indexes that depend on it.
        """
        sql, bound = rows.query.sql_with_params()
        params: list[str] = []

        def placeholder(value: Any) -> str:
            if not isinstance(value, Param):
                return Literal(value).as_string().replace("%", "%%")
            params.append(value.name)
            return "%s"

        return cls(_with_placeholders(sql, map(placeholder, bound)), tuple(params))

    def lateral_join(self, first: "PreparedQuery", *, correlated: Collection[str]) -> "PreparedQuery":
        """One query for both: the rows of `first`, each followed by the first row of this one, or by nulls.

        The parameters that `correlated` names take the columns of `first` that have their names.
        """
        own = tuple(name for name in self.params if name not in correlated)
        second = _with_placeholders(
            self.sql, (f'outer_row."{name}"' if name in correlated else "%s" for name in self.params)
        )
        joined = f"({first.sql}) outer_row LEFT JOIN LATERAL ({second} LIMIT 1) inner_row ON true"
        sql = f"SELECT outer_row.*, inner_row.* FROM {joined}"  # noqa: S608
        return PreparedQuery(sql, first.params + own)

    def first(self, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row, or None, with these values for the parameters; raises like `bind`."""
        return next(iter(self.rows(values)), None)

    def rows(self, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows; like `first`."""
        return execute(self.sql, self.bind(values))

    def bind(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of the parameters. Raises KeyError when one is missing."""
        return [values[name] for name in self.params]


def execute_pipeline(*queries: tuple[PreparedQuery, Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
    """The rows of several queries with their values, which the server runs one after the other in one round trip.

    Where one fails, those after it do not run, and its error is raised.
    """
    statements = [(query.sql, query.bind(values)) for query, values in queries]
    database = _database()
    connected = _connected(database)
    started = time.monotonic()
    try:
        with database.wrap_database_errors, connected.pipeline():
            cursors = [psycopg.Cursor(connected).execute(sql, values) for sql, values in statements]
    finally:
        if database.queries_logged:
            _log(database, statements, seconds=time.monotonic() - started)
    return [cursor.fetchall() for cursor in cursors]


def id_or_none(value: int) -> int | None:
    """For a parameter that an id column is compared with: None, which no row has, for what is too great for one.

    Django's lookups see that by themselves. Here PostgreSQL would compare it as a decimal number, with every row.
    """
    return value if abs(value) <= INT32_MAX else None


def execute(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows that the SQL gives on Django's connection, with the values left to the server: it can be prepared.

    Django's own cursors put them into the text, which makes every statement a new one.
    """
    database = _database()
    connected = _connected(database)
    started = time.monotonic()
    try:
        with database.wrap_database_errors:
            return psycopg.Cursor(connected).execute(sql, values).fetchall()
    finally:
        if database.queries_logged:
            _log(database, [(sql, values)], seconds=time.monotonic() - started)


def _log(database: BaseDatabaseWrapper, statements: Sequence[tuple[str, Sequence[Any]]], *, seconds: float) -> None:
    """Log statements that ran together in so many seconds as Django's own cursors do: with their values, one by one.

    A share of the time stands for what each of them took, which only the server knows.
    """
    duration = seconds / len(statements)
    for sql, values in statements:
        try:
            text = psycopg.ClientCursor(database.connection).mogrify(sql, values)
        except psycopg.DataError:
            # A value that no text can hold, such as U+0000: the statement has failed for it.
            text = sql
        database.queries_log.append({"sql": text, "time": f"{duration:.3f}"})
        sql_log.debug(
            "(%.3f) %s; args=%s; alias=%s",
            duration,
            text,
            values,
            database.alias,
            extra={"duration": duration, "sql": text, "params": values, "alias": database.alias},
        )


def _database() -> BaseDatabaseWrapper:
    """Looked up once: Django's `connection` looks it up again with each attribute."""
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
