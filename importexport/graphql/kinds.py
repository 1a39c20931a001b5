"""The kinds of values that filters compare: GraphQL scalars, operations and SQL types."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from graphql import (
    FloatValueNode,
    GraphQLBoolean,
    GraphQLError,
    GraphQLInt,
    GraphQLScalarType,
    GraphQLString,
    IntValueNode,
    StringValueNode,
    ValueNode,
)

from core.search import uuid_in
from schemas.definition.elements import MAX_EXACT_INTEGER, PHONE_TYPES, TEXT_TYPES, FieldType
from schemas.formats import is_date, is_date_time

# PostgreSQL accepts UTC offsets up to 15:59.
_OFFSET = re.compile(r".*([Zz]|[+-](0[0-9]|1[0-5]):[0-5][0-9])")
MAX_DIGITS = 40

EQUALITY = ("eq", "neq", "in", "nin")
ORDER = ("gt", "ngt", "gte", "ngte", "lt", "nlt", "lte", "nlte")
TEXT_SEARCH = ("contains", "ncontains", "startsWith", "nstartsWith", "endsWith", "nendsWith")
# Negated operation -> the operation that it negates.
DENIALS: Mapping[str, str] = {f"n{name}": name for name in (*EQUALITY[::2], *ORDER[::2], *TEXT_SEARCH[::2])}


def _scalar(name: str, description: str, read: Callable[[Any], Any], node: type[ValueNode] | tuple[Any, ...]) -> Any:
    """Return a scalar whose input values are parsed by `read`, which raises ValueError for invalid ones."""

    def value(given: Any) -> Any:
        try:
            return read(given)
        except ValueError:
            raise GraphQLError(f"{name} cannot represent this value. {description}") from None

    def literal(given: ValueNode) -> Any:
        if not isinstance(given, node):
            raise GraphQLError(f"{name} cannot represent this value. {description}", given)
        return value(Decimal(given.value) if isinstance(given, FloatValueNode | IntValueNode) else given.value)  # type: ignore[attr-defined]

    return GraphQLScalarType(
        name,
        description=description,
        coerce_output_value=lambda stored: stored,
        coerce_input_value=value,
        coerce_input_literal=literal,
    )


def _number(given: Any) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, int | float | Decimal):
        raise ValueError
    # str() gives the shortest form of a float: the number as the JSON has it.
    number = Decimal(str(given)) if isinstance(given, float) else Decimal(given)
    if not number.is_finite() or abs(number.adjusted()) > MAX_DIGITS or len(number.as_tuple().digits) > MAX_DIGITS:
        raise ValueError
    return number


def _whole_number(given: Any) -> Decimal:
    number = _number(given)
    if number != number.to_integral_value() or abs(number) > MAX_EXACT_INTEGER:
        raise ValueError
    return number


def _text_that(is_one: Callable[[str], object]) -> Callable[[Any], str]:
    def read(given: Any) -> str:
        if not isinstance(given, str) or not is_one(given):
            raise ValueError
        return given

    return read


def _is_moment(text: str) -> bool:
    return is_date_time(text) and _OFFSET.fullmatch(text) is not None


def _uuid(given: Any) -> UUID:
    uid = uuid_in(given) if isinstance(given, str) else None
    if uid is None:
        raise ValueError
    return uid


NUMBERS = (IntValueNode, FloatValueNode)
Long = _scalar("Long", "A whole number within ±(2^53 - 1).", _whole_number, IntValueNode)
DecimalNumber = _scalar("Decimal", "A number of at most 40 digits.", _number, NUMBERS)
Date = _scalar("Date", 'A day: "1980-12-31".', _text_that(is_date), StringValueNode)
DateTime = _scalar(
    "DateTime", 'A moment with its offset: "1980-12-31T18:30:00Z".', _text_that(_is_moment), StringValueNode
)
Uuid = _scalar("UUID", "A UUID with its hyphens.", _uuid, StringValueNode)


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """`name` is the prefix of the input type of its operations; `fits` checks the type of a stored JSON value."""

    name: str
    scalar: GraphQLScalarType
    sql_type: str
    operations: tuple[str, ...]
    fits: Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _anything(_value: Any) -> bool:
    return True


TEXT = Kind("String", GraphQLString, "text", (*EQUALITY, *TEXT_SEARCH), _is_text)
# Written in many ways: equality compares what is dialled. Its inputs are those of other texts.
PHONE = Kind("String", GraphQLString, "text", TEXT.operations, _is_text)
ITEM = Kind("ListItem", GraphQLString, "text", EQUALITY, _is_text)
WHOLE = Kind("Long", Long, "numeric", (*EQUALITY, *ORDER), _is_number)
DECIMAL = Kind("Decimal", DecimalNumber, "numeric", (*EQUALITY, *ORDER), _is_number)
BOOLEAN = Kind("Boolean", GraphQLBoolean, "boolean", EQUALITY[:2], lambda value: isinstance(value, bool))
DATE = Kind("Date", Date, "text", (*EQUALITY, *ORDER), _is_text)
MOMENT = Kind("DateTime", DateTime, "timestamptz", (*EQUALITY, *ORDER), _is_text)
# Only columns have these kinds; fields of details do not.
INT = Kind("Int", GraphQLInt, "integer", (*EQUALITY, *ORDER), _anything)
UID = Kind("Uuid", Uuid, "uuid", EQUALITY, _anything)

KINDS: Mapping[FieldType, Kind] = {
    **dict.fromkeys(TEXT_TYPES, TEXT),
    **dict.fromkeys(PHONE_TYPES, PHONE),
    FieldType.INTEGER: WHOLE,
    FieldType.DECIMAL: DECIMAL,
    FieldType.BOOLEAN: BOOLEAN,
    FieldType.DATE: DATE,
    FieldType.DATE_TIME: MOMENT,
    FieldType.LIST: ITEM,
}
