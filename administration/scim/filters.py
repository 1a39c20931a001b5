"""Filters of SCIM (RFC 7644, 3.4.2.2) as conditions on rows, so that the database looks for them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import Q
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from scim2_models import InvalidFilterException
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)

from accounts.queries import NOTHING
from core.text import is_storable

# The lookups of texts whose case says nothing, and of everything that has an order.
OF_TEXTS = {
    CompareOperator.eq: "iexact",
    CompareOperator.co: "icontains",
    CompareOperator.sw: "istartswith",
    CompareOperator.ew: "iendswith",
}
OF_ORDER = {
    CompareOperator.eq: "exact",
    CompareOperator.gt: "gt",
    CompareOperator.ge: "gte",
    CompareOperator.lt: "lt",
    CompareOperator.le: "lte",
}
MAX_ID = 2**31 - 1
MAX_DIGITS = len(str(MAX_ID))

Condition = Callable[[CompareOperator, Any], Q]
# How an attribute is compared, and the condition that it is there.
Attribute = tuple[Condition, Q]


def is_id(value: str) -> bool:
    """Return whether a text may be an id: Python refuses to read a number of thousands of digits."""
    return value.isdecimal() and len(value) <= MAX_DIGITS


def text(column: str) -> Condition:
    def condition(operator: CompareOperator, value: Any) -> Q:
        if operator not in OF_TEXTS or not isinstance(value, str) or not is_storable(value):
            raise _unsupported()
        return Q(**{f"{column}__{OF_TEXTS[operator]}": value})

    return condition


def exact_text(column: str) -> Condition:
    def condition(operator: CompareOperator, value: Any) -> Q:
        if operator is not CompareOperator.eq or not isinstance(value, str) or not is_storable(value):
            raise _unsupported()
        return Q(**{column: value})

    return condition


def flag(column: str) -> Condition:
    def condition(operator: CompareOperator, value: Any) -> Q:
        if operator is not CompareOperator.eq or not isinstance(value, bool):
            raise _unsupported()
        return Q(**{column: value})

    return condition


def time(column: str) -> Condition:
    def condition(operator: CompareOperator, value: Any) -> Q:
        found = value if isinstance(value, datetime) else parse_datetime(value) if isinstance(value, str) else None
        if operator not in OF_ORDER or found is None or not is_aware(found):
            raise _unsupported()
        return Q(**{f"{column}__{OF_ORDER[operator]}": found})

    return condition


def number(column: str) -> Condition:
    """Return the condition on an id, which is a number as a text."""

    def condition(operator: CompareOperator, value: Any) -> Q:
        if operator is not CompareOperator.eq or not isinstance(value, str):
            raise _unsupported()
        return Q(**{column: int(value)}) if is_id(value) and int(value) <= MAX_ID else NOTHING

    return condition


class Conditions(FilterVisitor[Q]):
    """Turns a filter into a condition, by the conditions of attributes: `name.familyname` -> condition.

    Raises InvalidFilterException for an attribute or an operator that is not looked for.
    """

    def __init__(self, attributes: Mapping[str, Attribute]) -> None:
        self._attributes = attributes
        self._above = ""

    def visit_comparison(self, node: Comparison) -> Q:
        condition, is_present = self._attribute(node.attr_path)
        if node.value is None and node.op is CompareOperator.eq:
            return ~is_present
        if node.op is CompareOperator.ne:
            return ~(is_present & condition(CompareOperator.eq, node.value))
        return is_present & condition(node.op, node.value)

    def visit_present(self, node: Present) -> Q:
        return self._attribute(node.attr_path)[1]

    def visit_not(self, node: Not) -> Q:
        return ~self.visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> Q:
        joined = and_ if node.op is LogicalOperator.and_ else or_
        return reduce(joined, map(self.visit, node.terms))

    def visit_value_path(self, node: ValuePath) -> Q:
        """Visit `emails[value eq "x"]`: of what has several values, Kontor keeps one, or compares them one by one."""
        inner = Conditions(self._attributes)
        inner._above = f"{node.attr_path}.".lower()
        return inner.visit(node.val_filter)

    def _attribute(self, path: AttrPath) -> Attribute:
        name = f"{self._above}{path}".lower()
        found = self._attributes.get(name.rpartition(":")[2])
        if found is None:
            raise InvalidFilterException(detail=f"{path} is not an attribute that filters can name")
        return found


def conditions_of(tree: FilterNode, attributes: Mapping[str, Attribute]) -> Q:
    return Conditions(attributes).visit(tree)


def nullable(condition: Callable[[str], Condition], column: str) -> Attribute:
    """Return the condition of an attribute that may be absent."""
    return condition(column), Q(**{f"{column}__isnull": False})


def always(condition: Callable[[str], Condition], column: str) -> Attribute:
    """Return the condition of an attribute that is always there."""
    return condition(column), Q(pk__isnull=False)


def _unsupported() -> InvalidFilterException:
    return InvalidFilterException(detail="This attribute cannot be compared like that")
