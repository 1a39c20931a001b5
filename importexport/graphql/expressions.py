"""SQL expressions on JSON documents. Every value is a bound parameter; values of another type never raise."""

from __future__ import annotations

import unicodedata
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
# A boolean or null for each row.
Predicate = Expression | Exists


class Bound(Expression):
    """A bound parameter, cast to an SQL type."""

    def __init__(self, value: Any, sql_type: str) -> None:
        super().__init__(output_field=TextField())
        self.value = value
        self.sql_type = sql_type

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:  # type: ignore[override]
        return f"%s::{self.sql_type}", [self.value]


class ArrayItem(Expression):
    """The current array item within the `AnyItem` of the same number."""

    def __init__(self, number: int) -> None:
        super().__init__(output_field=JSONField())
        self.number = number

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:  # type: ignore[override]
        return f"item_{self.number}.value", []


class AnyItem(Func):
    """Whether any item of a JSON array meets a condition, which refers to the item as `ArrayItem(number)`.

    A value that is not an array has no items: in strict, silent mode jsonpath returns no rows for it.
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
    """A boolean SQL expression: the parts joined by `operator`."""

    template = "(%(expressions)s)"
    output_field = BooleanField()

    def __init__(self, *parts: Any, operator: str) -> None:
        super().__init__(*parts, arg_joiner=f" {operator} ")


class Always(Expression):
    """A condition that is always true."""

    def __init__(self) -> None:
        super().__init__(output_field=BooleanField())

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:  # type: ignore[override]
        return "TRUE", []


class IsNotTrue(Func):
    """Negates a condition, treating null as false, so that absent values match the negation."""

    template = "(%(expressions)s) IS NOT TRUE"
    output_field = BooleanField()


class IsNull(Func):
    template = "(%(expressions)s) IS NULL"
    output_field = BooleanField()


class EqualsAny(Func):
    """Whether the first argument equals any item of the second, a bound array."""

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
    """The value at a path as text; null if absent. Search indexes use this expression."""

    template = "(%(expressions)s)"
    arg_joiner = " #>> "
    output_field = TextField()

    def __init__(self, document: Expression | F, path: Sequence[str]) -> None:
        super().__init__(document, _path(path))


# The decimal digits of the scripts beside ASCII, and what each is in ASCII.
_DIGITS_OF_SCRIPTS = "".join(one for one in map(chr, range(0x80, 0x10000)) if unicodedata.category(one) == "Nd")
_DIGITS = "".join(str(unicodedata.decimal(one)) for one in _DIGITS_OF_SCRIPTS)


class DigitsDialled(Func):
    """The digits of a phone number as it is written, without its extension. Search indexes use this expression."""

    # Two steps: of alternatives, the longest match counts, and "tel:" would be the start of a longer one.
    template = (
        "regexp_replace(regexp_replace(regexp_replace(translate(%(expressions)s),"
        " '^\\s*tel:', '', 'i'), '[;,#[:alpha:]].*$', ''), '[^0-9]', '', 'g')"
    )
    output_field = TextField()

    def __init__(self, text: Any) -> None:
        super().__init__(text, Value(_DIGITS_OF_SCRIPTS), Value(_DIGITS))


class JsonAt(Func):
    template = "(%(expressions)s)"
    arg_joiner = " #> "
    output_field = JSONField()

    def __init__(self, document: Expression | F, path: Sequence[str]) -> None:
        super().__init__(document, _path(path))


class NumberIn(Func):
    """A JSON number as numeric."""

    template = "(%(expressions)s)::numeric"
    output_field = DecimalField()


class BooleanIn(Func):
    """A JSON boolean as a boolean."""

    template = "(%(expressions)s)::boolean"
    output_field = BooleanField()


class MomentIn(Func):
    """The text of a date-time as timestamptz. The offset is subtracted: PostgreSQL would refuse one of 16 hours."""

    template = (
        "(regexp_replace(%(expressions)s, '([Zz]|[+-][0-9]{2}:[0-9]{2})$', 'Z')::timestamptz"
        " - coalesce(substring(%(expressions)s from '[+-][0-9]{2}:[0-9]{2}$'), '0')::interval)"
    )
    output_field = DateTimeField()

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_context: Any) -> Sql:  # type: ignore[override]
        sql, params = compiler.compile(self.get_source_expressions()[0])
        return self.template % {"expressions": sql}, [*params, *params]


class Meets(Func):
    """Whether a value at a place of a JSON document is there and meets a jsonpath predicate. Never raises."""

    function = "jsonb_path_exists"
    output_field = BooleanField()

    def __init__(self, document: Expression | F, place: str, test: str) -> None:
        # Strict: otherwise an array would be taken for its items.
        found = Value(f"strict {place} ? ({test})")
        jsonpath = Func(found, template="%(expressions)s::jsonpath", output_field=TextField())
        super().__init__(document, jsonpath, Value({}, output_field=JSONField()), Value(True))


def place_of(path: Sequence[str]) -> str:
    """Return a path as a jsonpath. Schemas allow no quotes in keys."""
    return "$" + "".join(f'."{key}"' for key in path)
