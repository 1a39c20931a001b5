"""Validation of a definition's rules: JSON Schema fragments that apply to the whole document.

Rules express dependencies between fields and nothing else. They may use only keywords for that purpose, must name
existing fields, and must be self-contained: no references, local or remote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from schemas.definition.elements import Element, FieldElement, FieldType, Section, data_elements
from schemas.definition.faults import Faults, below, place_at
from schemas.definition.patterns import pattern_fault
from schemas.engine import schema_faults
from schemas.formats import PLAIN_FORMATS

_SAME_PLACE = frozenset({"if", "then", "else", "not"})
_SAME_PLACE_LISTS = frozenset({"allOf", "anyOf", "oneOf"})
_OF_ITEMS = frozenset({"items", "contains"})
_BY_PROPERTY = frozenset({"properties", "dependentSchemas"})
_VALUES = frozenset(
    {
        "type",
        "const",
        "enum",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "minItems",
        "maxItems",
        "minContains",
        "maxContains",
        "required",
        "dependentRequired",
        "title",
        "description",
        "$comment",
    }
)
KEYWORDS = _SAME_PLACE | _SAME_PLACE_LISTS | _OF_ITEMS | _BY_PROPERTY | _VALUES
_REFERENCES = frozenset(
    {"$ref", "$dynamicRef", "$recursiveRef", "$id", "$anchor", "$dynamicAnchor", "$schema", "$defs"}
)

# The properties at a place in the document: key -> element; None if the place is not an object.
_Node = Mapping[str, Section | FieldElement] | None


def check_rule(rule: Any, *, elements: tuple[Element, ...], place: str, faults: Faults) -> None:
    """Add the faults of a rule to `faults`."""
    if not isinstance(rule, dict) or not rule:
        faults.add(place, _("Expected a JSON Schema that is an object."))
        return
    is_schema = True
    for path, _message in schema_faults(rule):
        is_schema = False
        faults.add(place_at(place, path), _("This is not valid in a JSON Schema, draft 2020-12."))
    for at, message in _misused(rule, place):
        is_schema = False
        faults.add(at, message)
    if is_schema:
        for at, message in _unknown_fields(rule, _properties(elements), place):
            faults.add(at, message)


def _misused(schema: Any, place: str) -> Iterator[tuple[str, str]]:
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        at = below(place, keyword)
        if keyword in _REFERENCES:
            yield at, _("A rule is self-contained: it cannot refer to other schemas or be referred to.")
        elif keyword not in KEYWORDS:
            yield at, _("This keyword cannot be used in a rule.")
        elif keyword == "pattern" and isinstance(value, str):
            message = pattern_fault(value)
            if message:
                yield at, message
        elif keyword == "format" and value not in PLAIN_FORMATS:
            yield at, _("Expected one of: %(known)s.") % {"known": ", ".join(PLAIN_FORMATS)}
    for child, at, _keyword, _property in _subschemas(schema, place):
        yield from _misused(child, at)


def _unknown_fields(schema: Any, node: _Node, place: str) -> Iterator[tuple[str, str]]:
    if not isinstance(schema, dict):
        return
    for name, at in _named(schema, place):
        if node is None or name not in node:
            yield at, _("The definition has no field “%(key)s” here.") % {"key": name[:80]}
    for child, at, keyword, name in _subschemas(schema, place):
        if keyword == "properties":
            element = node.get(name) if node else None
            if element is not None:
                yield from _unknown_fields(child, _properties_of(element), at)
        else:
            # An array's items have the properties of its element, so `items` applies to the same node.
            yield from _unknown_fields(child, node, at)


def _named(schema: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    for index, name in enumerate(schema.get("required", [])):
        yield name, f"{place}.required[{index}]"
    for keyword in sorted(_BY_PROPERTY):
        for name in schema.get(keyword, {}):
            yield name, below(f"{place}.{keyword}", name)
    for name, needed in schema.get("dependentRequired", {}).items():
        for index, other in enumerate([name, *needed]):
            at = below(f"{place}.dependentRequired", name)
            yield other, at if index == 0 else f"{at}[{index - 1}]"


def _subschemas(schema: dict[str, Any], place: str) -> Iterator[tuple[Any, str, str, str]]:
    """Yield each direct subschema with its place, its keyword and, for keywords by property, the property."""
    for keyword, value in schema.items():
        at = below(place, keyword)
        if keyword in _SAME_PLACE or keyword in _OF_ITEMS:
            yield value, at, keyword, ""
        elif keyword in _SAME_PLACE_LISTS and isinstance(value, list):
            for index, child in enumerate(value):
                yield child, f"{at}[{index}]", keyword, ""
        elif keyword in _BY_PROPERTY and isinstance(value, dict):
            for name, child in value.items():
                yield child, below(at, name), keyword, name


def _properties(elements: tuple[Element, ...]) -> dict[str, Section | FieldElement]:
    return {element.key: element for element in data_elements(elements)}


def _properties_of(element: Section | FieldElement) -> _Node:
    if isinstance(element, Section) or element.type is FieldType.OBJECT:
        return _properties(element.elements)
    return None
