"""Compiles the `where` argument of a query to one SQL condition. Every value is a bound parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _

from accounts.actor import Actor
from core.errors import BadRequest, Forbidden, UnprocessableEntity
from core.folding import Folded, FoldedLike
from core.text import composed, in_one_form
from importexport.graphql.expressions import (
    Always,
    AnyItem,
    ArrayItem,
    Bound,
    Condition,
    DigitsDialled,
    EqualsAny,
    IsNotTrue,
    Predicate,
    all_of,
    any_of,
)
from importexport.graphql.kinds import DENIALS, PHONE
from importexport.graphql.tree import COMBINATIONS, Attribute, Branch, Document, Many, Value
from schemas.phones import digits_dialled

MAX_DEPTH = 24
MAX_CONDITIONS = 200
MAX_VALUES = 1_000
# With more values, a sequential scan is cheaper than one index lookup per value.
MAX_VALUES_BY_INDEX = 20

_COMPARISONS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_PATTERNS: Mapping[str, dict[str, bool]] = {
    "contains": {},
    "startsWith": {"is_start": True},
    "endsWith": {"is_end": True},
}


def check_open_to(actor: Actor, attribute: Attribute, name: str) -> None:
    """Raise Forbidden if the actor is a contact and the attribute is open only to staff."""
    if attribute.staff_only and actor.is_contact:
        raise Forbidden(_("“%(name)s” is not open to your kind of caller.") % {"name": name})


def condition_of(where: Mapping[str, Any], branch: Branch, *, actor: Actor) -> Predicate | None:
    """Return the condition of a coerced `where`; None if it is empty.

    Raise BadRequest for a meaningless null or an empty object or list inside it, Forbidden for attributes that are not
    open to the actor, and UnprocessableEntity beyond the limits of depth, conditions or values.
    """
    return _Compiler(actor).of_object(branch, where, F("details"), "where", depth=1) if where else None


class _Compiler:
    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.conditions = 0
        self.arrays = 0

    def of_object(
        self, branch: Branch, where: Mapping[str, Any], document: Document, place: str, *, depth: int
    ) -> Predicate:
        """Return the conjunction of the conditions on one object."""
        _check_depth(depth)
        parts: list[Predicate] = []
        for name, said in _said(where, place).items():
            at = f"{place}.{name}"
            if said is None:
                raise _meaningless(at)
            if name in COMBINATIONS:
                parts.append(self.combined(branch, name, said, document, at, depth=depth + 1))
                continue
            field = branch.fields[name]
            if isinstance(field, Branch):
                parts.append(self.of_object(field, said, document, at, depth=depth + 1))
            elif isinstance(field, Many):
                parts.append(self.of_array(field, said, document, at, depth=depth + 1))
            else:
                parts.append(self.of_value(field, said, document, at))
        return all_of(parts)

    def combined(
        self, branch: Branch, name: str, wheres: list[Any], document: Document, place: str, *, depth: int
    ) -> Predicate:
        if not wheres:
            raise _empty(place)
        parts = []
        for index, where in enumerate(wheres):
            at = f"{place}[{index}]"
            if where is None:
                raise _meaningless(at)
            parts.append(self.of_object(branch, where, document, at, depth=depth))
        return all_of(parts) if name == "and" else any_of(parts)

    def of_array(
        self, field: Many, where: Mapping[str, Any], document: Document, place: str, *, depth: int
    ) -> Predicate:
        """Compile `some`, `none`, `all` and `any` of an array. An absent array has no items."""
        array = field.array(document)
        parts = []
        for name, said in _said(where, place).items():
            at = f"{place}.{name}"
            if said is None:
                raise _meaningless(at)
            # Numbered consecutively, not by depth, so that each array of a query has its own alias.
            self.arrays += 1
            number = self.arrays
            item = ArrayItem(number)
            if name == "any":
                self.count()
                found: Predicate = AnyItem(array, Always(), number=number)
                parts.append(found if said else IsNotTrue(found))
                continue
            condition = (
                self.of_object(field.item, said, item, at, depth=depth + 1)
                if isinstance(field.item, Branch)
                else self.of_value(field.item, said, item, at)
            )
            found = AnyItem(array, IsNotTrue(condition) if name == "all" else condition, number=number)
            parts.append(found if name == "some" else IsNotTrue(found))
        return all_of(parts)

    def of_value(
        self, field: Value | Attribute, operations: Mapping[str, Any], document: Document, place: str
    ) -> Predicate:
        """Return the conjunction of the operations on one value."""
        if isinstance(field, Attribute):
            check_open_to(self.actor, field, place)
        parts = []
        for name, operand in _said(operations, place).items():
            at = f"{place}.{name}"
            self.count()
            asserted = DENIALS.get(name, name)
            holds = self.holds(field, asserted, operand, document, at)
            parts.append(holds if name == asserted else IsNotTrue(holds))
        return all_of(parts)

    def holds(
        self, field: Value | Attribute, operation: str, operand: Any, document: Document, place: str
    ) -> Predicate:
        if operand is None:
            if operation != "eq":
                raise _meaningless(place)
            return field.absent(document)
        if operation != "in":
            _check_text(operand, place)
            where = field.equals if operation == "eq" and isinstance(field, Attribute) else field.where
            return where(lambda value: _test(field, operation, operand, value), document)
        if len(operand) > MAX_VALUES:
            raise UnprocessableEntity(
                _("%(place)s has more than %(limit)s values.") % {"place": place, "limit": MAX_VALUES}
            )
        values = [value for value in operand if value is not None]
        for value in values:
            _check_text(value, place)
        where = field.equals if isinstance(field, Attribute) else field.where
        found = where(lambda value: _among(field, values, value), document)
        return found if len(values) == len(operand) else any_of([found, field.absent(document)])

    def count(self) -> None:
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            raise UnprocessableEntity(_("The filter has more than %(limit)s conditions.") % {"limit": MAX_CONDITIONS})


def _test(field: Value | Attribute, operation: str, operand: Any, value: Any) -> Predicate:
    if operation in _PATTERNS:
        return FoldedLike(value, Bound(composed(operand), "text"), **_PATTERNS[operation])
    operand = in_one_form(operand)
    if operation == "eq" and (digits := _digits_dialled(field, operand)):
        return _dials(value, digits)
    test = Condition(value, Bound(operand, field.kind.sql_type), operator=_COMPARISONS[operation])
    if operation == "eq" and _is_indexed(field):
        return all_of([_equals_folded(value, operand), test])
    return test


def _among(field: Value | Attribute, values: list[Any], value: Any) -> Predicate:
    values = in_one_form(values)
    digits = [each for number in values for each in _digits_dialled(field, number)]
    if not digits:
        return _is_one_of(field, values, value)
    others = [each for each in values if not _digits_dialled(field, each)]
    dials = _dials(value, digits)
    return any_of([dials, _is_one_of(field, others, value)]) if others else dials


def _is_one_of(field: Value | Attribute, values: list[Any], value: Any) -> Predicate:
    test = EqualsAny(value, Bound(values, f"{field.kind.sql_type}[]"))
    if not _is_indexed(field) or not 0 < len(values) <= MAX_VALUES_BY_INDEX:
        return test
    return all_of([any_of([_equals_folded(value, each) for each in values]), test])


def _equals_folded(value: Any, operand: str) -> Predicate:
    """Match the index on the folded text. The caller also compares the exact text."""
    return Condition(Folded(value), Folded(Bound(operand, "text")), operator="=")


def _digits_dialled(field: Value | Attribute, number: str) -> list[str]:
    """Return the digits with which people write this phone number; [] for other fields and what is no number."""
    return digits_dialled(number, field.region) if isinstance(field, Value) and field.kind is PHONE else []


def _dials(value: Any, digits: list[str]) -> Predicate:
    return EqualsAny(DigitsDialled(value), Bound(digits, "text[]"))


def _is_indexed(field: Value | Attribute) -> bool:
    return isinstance(field, Value) and field.is_indexed


def _said(where: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    if not where:
        raise _empty(place)
    return where


def _check_text(value: Any, place: str) -> None:
    if isinstance(value, str) and "\x00" in value:
        raise BadRequest(_("%(place)s: text must not contain the NUL character.") % {"place": place})


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise UnprocessableEntity(_("The filter is nested more than %(limit)s levels deep.") % {"limit": MAX_DEPTH})


def _meaningless(place: str) -> BadRequest:
    return BadRequest(_("%(place)s cannot be null.") % {"place": place})


def _empty(place: str) -> BadRequest:
    return BadRequest(_("%(place)s has no effect: it is empty, or its variables are missing.") % {"place": place})
