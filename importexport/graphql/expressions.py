"""SQL expressions over JSON documents. Every value is a bound parameter; nothing fails on a value of another type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    BooleanField,
    DateTimeField,
    DecimalField,
    Exists,
    Expression,
    F,
    Func,
    JSONField,
    TextField,
    Value,
)
from django.db.models.sql.compiler import SQLCompiler

Sql = tuple[str, list[Any]]
# What is true, false or null of a row.
Predicate = Expression | Exists


class Bound(Expression):
    """A bound parameter, cast to the type that it is compared as."""

    def __init__(self, value: Any, sql_type: str) -> None:
        super().__init__(output_field=TextField())
        self.value = value
        self.sql_type = sql_type

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:  # type: ignore[override]
        return f"%s::{self.sql_type}", [self.value]


class ArrayItem(Expression):
    """The item under examination, within the `AnyItem` of the same number."""

    def __init__(self, number: int) -> None:
        super().__init__(output_field=JSONField())
        self.number = number

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:  # type: ignore[override]
        return f"item_{self.number}.value", []


class AnyItem(Func):
    """Whether any item of a JSON array meets a condition, which names the item as `ArrayItem(number)`.

    What is no array has no items: strict and silent, jsonpath answers with no rows.
    """

    output_field = BooleanField()

    def __init__(self, array: Expression, condition: Predicate, *, number: int) -> None:
        super().__init__(array, condition)
        self.number = number

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_context: Any) -> Sql:  # type: ignore[override]
        array, condition = self.get_source_expressions()
        array_sql, array_params = compiler.compile(array)
        condition_sql, condition_params = compiler.compile(condition)
        items = f"jsonb_path_query({array_sql}, 'strict $[*]', '{{}}', true) AS item_{self.number}(value)"
        sql = f"EXISTS (SELECT 1 FROM {items} WHERE {condition_sql})"  # noqa: S608 - made of compiled expressions
        return sql, [*array_params, *condition_params]


class Condition(Func):
    """SQL that is true, false or null; `operator` stands between its parts."""

    template = "(%(expressions)s)"
    output_field = BooleanField()

    def __init__(self, *parts: Any, operator: str) -> None:
        super().__init__(*parts, arg_joiner=f" {operator} ")


class Always(Expression):
    """What every item of an array is."""

    def __init__(self) -> None:
        super().__init__(output_field=BooleanField())

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:  # type: ignore[override]
        return "TRUE", []


class IsNotTrue(Func):
    """Denies a condition so that null counts as false: what is absent is denied too."""

    template = "(%(expressions)s) IS NOT TRUE"
    output_field = BooleanField()


class IsNull(Func):
    template = "(%(expressions)s) IS NULL"
    output_field = BooleanField()


class EqualsAny(Func):
    """Whether the first equals any item of the second, a bound array."""

    template = "(%(expressions)s))"
    arg_joiner = " = ANY("
    output_field = BooleanField()


def all_of(conditions: Sequence[Predicate]) -> Predicate:
    return conditions[0] if len(conditions) == 1 else Condition(*conditions, operator="AND")


def any_of(conditions: Sequence[Predicate]) -> Predicate:
    return conditions[0] if len(conditions) == 1 else Condition(*conditions, operator="OR")


def _path(path: Sequence[str]) -> Value:
    return Value(list(path), output_field=ArrayField(TextField()))


class TextAt(Func):
    """The value at a path as text; null where there is none. Search indexes are made on this expression."""

    template = "(%(expressions)s)"
    arg_joiner = " #>> "
    output_field = TextField()

    def __init__(self, document: Expression | F, path: Sequence[str]) -> None:
        super().__init__(document, _path(path))


class JsonAt(Func):
    template = "(%(expressions)s)"
    arg_joiner = " #> "
    output_field = JSONField()

    def __init__(self, document: Expression | F, path: Sequence[str]) -> None:
        super().__init__(document, _path(path))


class _Guarded(Func):
    """Casts what passes a test, and is null for the rest."""

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_context: Any) -> Sql:  # type: ignore[override]
        sql, params = compiler.compile(self.get_source_expressions()[0])
        return self.template.format(value=sql), [*params, *params]


class NumberOf(_Guarded):
    """A JSON value as a number."""

    template = "CASE WHEN jsonb_typeof({value}) = 'number' THEN ({value})::numeric END"
    output_field = DecimalField()


class BooleanOf(_Guarded):
    """A JSON value as a boolean."""

    template = "CASE WHEN jsonb_typeof({value}) = 'boolean' THEN ({value})::boolean END"
    output_field = BooleanField()


class MomentOf(_Guarded):
    """Text as a moment."""

    template = "CASE WHEN pg_input_is_valid({value}, 'timestamptz') THEN ({value})::timestamptz END"
    output_field = DateTimeField()
