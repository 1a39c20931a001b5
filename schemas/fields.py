"""Flat lists of a schema's fields and layout elements, for forms, exports, filters and permission checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.definition.elements import (
    FLAGS,
    GROUP,
    PHONE_TYPES,
    SECTION,
    Definition,
    Element,
    FieldElement,
    FieldType,
    Group,
    Section,
)
from schemas.localization import text_in
from schemas.phones import region_or_default

_OWN_FLAGS = frozenset({"is_mandatory", "is_verification_required"})
_INHERITED_FLAGS = tuple(attribute for attribute in FLAGS.values() if attribute not in _OWN_FLAGS)
_CONSTRAINTS = ("min_length", "max_length", "min_items", "max_items", "pattern", "minimum", "maximum")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of the document.

    `path` is dotted, without indexes. `is_in_array` means that it is inside an array, so no change has its path. Flags
    are inherited from the enclosing object field, except mandatory and verification. `layout_path` is the path of the
    parent layout element ("" at the root), `order` the position in it, from 1. `hierarchy_path` is the path of the list
    field with the parent item, `region` the country of phone numbers without a calling code.
    """

    path: str
    key: str
    type: FieldType
    labels: Mapping[str, str]
    descriptions: Mapping[str, str]
    layout_path: str
    order: int
    is_array: bool
    is_in_array: bool
    is_mandatory: bool
    is_disabled: bool
    is_read_only: bool
    is_updatable_by_contact: bool
    is_approval_required: bool
    is_exportable: bool
    is_searchable: bool
    is_verification_required: bool
    is_kept_on_anonymization: bool
    min_length: int | None
    max_length: int | None
    min_items: int | None
    max_items: int | None
    pattern: str | None
    minimum: int | float | None
    maximum: int | float | None
    list_key: str | None
    hierarchy_field_key: str | None
    hierarchy_path: str | None
    region: str | None

    def label(self, language: str | None = None) -> str:
        return text_in(self.labels, language, fallback=self.key)

    def description(self, language: str | None = None) -> str | None:
        return text_in(self.descriptions, language) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutElement:
    """A section, group or object field, which contains fields on a form. `path` is unique in the schema."""

    path: str
    parent_path: str | None
    type: str
    labels: Mapping[str, str]
    descriptions: Mapping[str, str]
    order: int
    key: str

    def label(self, language: str | None = None) -> str:
        return text_in(self.labels, language, fallback=self.key)

    def description(self, language: str | None = None) -> str | None:
        return text_in(self.descriptions, language) or None


def fields_of(definition: Definition) -> Mapping[str, Field]:
    """Return all fields by path, in layout order. Object fields precede their fields."""
    return {field.path: field for field in _fields(definition.elements, _Place())}


def layout_of(definition: Definition) -> tuple[LayoutElement, ...]:
    """Return all layout elements in layout order, parents first. `parent_path` links them to a tree."""
    return tuple(_layout(definition.elements, object_path="", parent_path=None))


def root_of(name: str) -> LayoutElement:
    """Return the layout element of the fields that no other element holds. Their `layout_path` is its path."""
    return LayoutElement(path="", parent_path=None, type=SECTION, labels={}, descriptions={}, order=1, key=name)


@dataclass(frozen=True, slots=True)
class _Place:
    """The context of elements: path of the object, path of the layout element, and flags inherited from above."""

    object_path: str = ""
    layout_path: str = ""
    is_in_array: bool = False
    inherited: frozenset[str] = frozenset()


def _fields(elements: tuple[Element, ...], place: _Place) -> Iterator[Field]:
    for order, element in enumerate(elements, start=1):
        path = _join(place.object_path, element.key)
        if isinstance(element, Group):
            yield from _fields(element.elements, _Place(place.object_path, path, place.is_in_array, place.inherited))
        elif isinstance(element, Section):
            yield from _fields(element.elements, _Place(path, path, place.is_in_array, place.inherited))
        elif isinstance(element, FieldElement):
            field = _field(element, path, order, place)
            yield field
            inherited = frozenset(flag for flag in _INHERITED_FLAGS if getattr(field, flag))
            is_in_array = place.is_in_array or element.is_array
            yield from _fields(element.elements, _Place(path, path, is_in_array, inherited))


def _field(element: FieldElement, path: str, order: int, place: _Place) -> Field:
    flags: dict[str, Any] = {flag: getattr(element, flag) or flag in place.inherited for flag in FLAGS.values()}
    constraints: dict[str, Any] = {constraint: getattr(element, constraint) for constraint in _CONSTRAINTS}
    above = element.hierarchy_field_key
    return Field(
        path=path,
        key=element.key,
        type=element.type,
        labels=element.labels,
        descriptions=element.descriptions,
        layout_path=place.layout_path,
        order=order,
        is_array=element.is_array,
        is_in_array=place.is_in_array,
        list_key=element.list_key,
        hierarchy_field_key=above,
        hierarchy_path=_join(place.object_path, above) if above else None,
        region=region_or_default(element.region) if element.type in PHONE_TYPES else None,
        **flags,
        **constraints,
    )


def _layout(elements: tuple[Element, ...], *, object_path: str, parent_path: str | None) -> Iterator[LayoutElement]:
    for order, element in enumerate(elements, start=1):
        path = _join(object_path, element.key)
        if isinstance(element, Group):
            kind, inner = GROUP, object_path
        elif isinstance(element, Section):
            kind, inner = SECTION, path
        elif isinstance(element, FieldElement) and element.type is FieldType.OBJECT:
            kind, inner = str(element.type), path
        else:
            continue
        yield LayoutElement(
            path=path,
            parent_path=parent_path,
            type=kind,
            labels=element.labels,
            descriptions=element.descriptions,
            order=order,
            key=element.key,
        )
        yield from _layout(element.elements, object_path=inner, parent_path=path)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
