"""The kinds of values that filters compare: GraphQL scalars, operations and SQL types."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
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

MAX_DIGITS = 40
_DAY_LENGTH = len("1980-12-31")
# PostgreSQL accepts UTC offsets up to 15:59, so larger ones are written as those of the day before or after.
_LARGE_OFFSET = re.compile(r"([+-])(1[6-9]|2[0-3]):([0-5][0-9])")

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


def _moment(given: Any) -> str:
    text = _text_that(is_date_time)(given)
    offset = _LARGE_OFFSET.fullmatch(text[-6:])
    if offset is None:
        return text
    sign, hours, minutes = offset.groups()
    try:
        day = date.fromisoformat(text[:_DAY_LENGTH]) + timedelta(days=-1 if sign == "+" else 1)
    except OverflowError:
        raise ValueError from None
    left = 24 * 60 - int(hours) * 60 - int(minutes)
    back = f"{'-' if sign == '+' else '+'}{left // 60:02}:{left % 60:02}"
    return f"{day.isoformat()}{text[_DAY_LENGTH:-6]}{back}"


def _uuid(given: Any) -> UUID:
    uid = uuid_in(given) if isinstance(given, str) else None
    if uid is None:
        raise ValueError
    return uid


NUMBERS = (IntValueNode, FloatValueNode)
Long = _scalar("Long", "A whole number within ±(2^53 - 1).", _whole_number, IntValueNode)
DecimalNumber = _scalar("Decimal", "A number of at most 40 digits.", _number, NUMBERS)
Date = _scalar("Date", 'A day: "1980-12-31".', _text_that(is_date), StringValueNode)
DateTime = _scalar("DateTime", 'A moment with its offset: "1980-12-31T18:30:00Z".', _moment, StringValueNode)
Uuid = _scalar("UUID", "A UUID with its hyphens.", _uuid, StringValueNode)


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """`name` is the prefix of the input type of its operations. `fits` checks the type of a stored JSON value, and
    `json_test` is the same as a jsonpath predicate.
    """

    name: str
    scalar: GraphQLScalarType
    sql_type: str
    operations: tuple[str, ...]
    fits: Callable[[Any], bool]
    json_test: str = "true"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and value == int(value)


def _is_day(value: Any) -> bool:
    return isinstance(value, str) and is_date(value)


def _is_moment(value: Any) -> bool:
    return isinstance(value, str) and is_date_time(value)


def _anything(_value: Any) -> bool:
    return True


IS_TEXT = '@.type() == "string"'
IS_NUMBER = '@.type() == "number"'
# The days that exist: no cast has to find out, because PostgreSQL reads "now" and "infinity" as moments, too.
_LEAP_YEAR = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
_DAY = (
    "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
    f"|{_LEAP_YEAR}-02-29)"
)
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_IN_A_YEAR = f'{IS_TEXT} && !(@ starts with "0000")'

TEXT = Kind("String", GraphQLString, "text", (*EQUALITY, *TEXT_SEARCH), _is_text, IS_TEXT)
# Written in many ways: equality compares what is dialled. Its inputs are those of other texts.
PHONE = Kind("String", GraphQLString, "text", TEXT.operations, _is_text, IS_TEXT)
ITEM = Kind("ListItem", GraphQLString, "text", EQUALITY, _is_text, IS_TEXT)
WHOLE = Kind("Long", Long, "numeric", (*EQUALITY, *ORDER), _is_whole, f"{IS_NUMBER} && @.floor() == @")
DECIMAL = Kind("Decimal", DecimalNumber, "numeric", (*EQUALITY, *ORDER), _is_number, IS_NUMBER)
BOOLEAN = Kind(
    "Boolean",
    GraphQLBoolean,
    "boolean",
    EQUALITY[:2],
    lambda value: isinstance(value, bool),
    '@.type() == "boolean"',
)
DATE = Kind("Date", Date, "text", (*EQUALITY, *ORDER), _is_day, f'{_IN_A_YEAR} && @ like_regex "^{_DAY}$"')
MOMENT = Kind(
    "DateTime",
    DateTime,
    "timestamptz",
    (*EQUALITY, *ORDER),
    _is_moment,
    f'{_IN_A_YEAR} && @ like_regex "^{_DAY}[Tt]{_TIME}$"',
)
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
