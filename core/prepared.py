"""Prepared queries for hot paths: compiled once per process by Django, planned once per connection by PostgreSQL.

Building, compiling and planning a queryset takes several times as long as finding a row by key. A hot query is written
as a queryset with parameters and compiled to SQL once. Values are bound on the server, so psycopg can prepare the
statements that a connection runs often (DATABASE_PREPARE_THRESHOLD).
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
    """A placeholder in a queryset for a value that is bound when the query runs."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]


def _with_placeholders(sql: str, texts: Iterator[str]) -> str:
    """Replace each `%s` in the SQL with the next text; `%%` stays."""
    return re.sub("%[%s]", lambda place: "%%" if place[0] == "%%" else next(texts), sql)


@dataclass(frozen=True, slots=True)
class PreparedQuery:
    """SQL with named parameters. Returns rows as psycopg decodes them: no field converters run."""

    sql: str
    params: tuple[str, ...]

    @classmethod
    def from_queryset(cls, rows: QuerySet[Any, Any]) -> "PreparedQuery":
        """Compile a queryset. Use `values_list` to fix the columns and their order.

        Values other than Params become literals: they need not be sent each time, and the generic plan can use partial
        indexes whose conditions depend on them.
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
        """Combine two queries: each row of `first`, followed by the first row of this query or by nulls.

        The parameters in `correlated` are bound to the columns of the same name in `first`.
        """
        own = tuple(name for name in self.params if name not in correlated)
        second = _with_placeholders(
            self.sql, (f'outer_row."{name}"' if name in correlated else "%s" for name in self.params)
        )
        joined = f"({first.sql}) outer_row LEFT JOIN LATERAL ({second} LIMIT 1) inner_row ON true"
        sql = f"SELECT outer_row.*, inner_row.* FROM {joined}"  # noqa: S608
        return PreparedQuery(sql, first.params + own)

    def first(self, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Run the query and return its first row or None. Raises KeyError like `bind`."""
        return next(iter(self.rows(values)), None)

    def rows(self, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run the query and return all rows. Raises KeyError like `bind`."""
        return execute(self.sql, self.bind(values))

    def bind(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values in parameter order. Raises KeyError if one is missing.

        A number that exceeds an int32 becomes NULL, which matches no id, as in Django's lookups: otherwise PostgreSQL
        would cast the id column to numeric and scan every row.
        """
        bound = [values[name] for name in self.params]
        return [None if type(value) is int and abs(value) > INT32_MAX else value for value in bound]


def execute_pipeline(*queries: tuple[PreparedQuery, Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
    """Run several queries in order in one round trip and return the rows of each.

    If one fails, the following ones do not run and its error is raised.
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


def execute(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run SQL on Django's connection with server-side binding, so that it can be prepared, and return all rows.

    Django's cursors interpolate values on the client, which makes every statement a new one.
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

    Each gets an equal share of the time; only the server knows what each of them took.
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
    """Return the connection wrapper itself: the `connection` proxy looks it up for every attribute."""
    return connections[DEFAULT_DB_ALIAS]


def _connected(database: BaseDatabaseWrapper) -> psycopg.Connection[Any]:
    """Return the psycopg connection after the steps that Django takes before it opens a cursor.

    It connects or checks health as needed. Raises TransactionManagementError in a transaction that has failed.
    """
    database.close_if_health_check_failed()
    database.ensure_connection()
    database.validate_no_broken_transaction()
    connected: psycopg.Connection[Any] = database.connection
    return connected
