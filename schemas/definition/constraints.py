"""Parsing of a field's constraints, with checks against its type and each other."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from schemas.definition.elements import (
    ITEM_CONSTRAINTS,
    LENGTH_CONSTRAINTS,
    MAX_FIELD_ITEMS,
    MAX_FIELD_LENGTH,
    NUMBER_CONSTRAINTS,
    NUMBER_TYPES,
    TEXT_TYPES,
    FieldType,
)
from schemas.definition.faults import Faults
from schemas.definition.patterns import pattern_fault


def constraints_of(
    value: dict[str, Any], kind: FieldType, *, is_array: bool, place: str, faults: Faults
) -> dict[str, Any]:
    """Return the constraints by FieldElement attribute. Adds invalid ones to `faults`."""
    found: dict[str, Any] = {}
    for name, attribute in LENGTH_CONSTRAINTS.items():
        if name in value:
            fits = kind in TEXT_TYPES
            found[attribute] = _count(value[name], f"{place}.{name}", faults, most=MAX_FIELD_LENGTH, fits=fits)
    for name, attribute in ITEM_CONSTRAINTS.items():
        if name in value:
            found[attribute] = _count(value[name], f"{place}.{name}", faults, most=MAX_FIELD_ITEMS, fits=is_array)
    for name, attribute in NUMBER_CONSTRAINTS.items():
        if name in value:
            found[attribute] = _bound(value[name], f"{place}.{name}", kind, faults)
    if "pattern" in value:
        found["pattern"] = _pattern(value["pattern"], f"{place}.pattern", kind, faults)
    for (low_name, low), (high_name, high) in (
        LENGTH_CONSTRAINTS.items(),
        ITEM_CONSTRAINTS.items(),
        NUMBER_CONSTRAINTS.items(),
    ):
        least, most = found.get(low), found.get(high)
        if least is not None and most is not None and least > most:
            faults.add(
                f"{place}.{low_name}",
                _("%(least)s is greater than %(most)s.") % {"least": low_name, "most": high_name},
            )
    return found


def _count(value: Any, at: str, faults: Faults, *, most: int, fits: bool) -> int | None:
    if not fits:
        faults.add(at, _("This constraint does not fit the type of the field."))
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        faults.add(at, _("Expected a whole number from 0 to %(most)d.") % {"most": most})
        return None
    return value


def _bound(value: Any, at: str, kind: FieldType, faults: Faults) -> int | float | None:
    if kind not in NUMBER_TYPES:
        faults.add(at, _("This constraint does not fit the type of the field."))
        return None
    expected = int if kind is FieldType.INTEGER else (int, float)
    if isinstance(value, bool) or not isinstance(value, expected):
        faults.add(at, _("Expected a whole number.") if kind is FieldType.INTEGER else _("Expected a number."))
        return None
    return value


def _pattern(value: Any, at: str, kind: FieldType, faults: Faults) -> str | None:
    if kind not in TEXT_TYPES:
        faults.add(at, _("This constraint does not fit the type of the field."))
        return None
    if not isinstance(value, str) or not value:
        faults.add(at, _("Expected a regular expression."))
        return None
    message = pattern_fault(value)
    if message:
        faults.add(at, message)
        return None
    return value
