"""Stored values that the current schema version no longer defines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.documents import is_same
from schemas.definition.elements import Element, FieldElement, FieldType, Section, data_elements


@dataclass(frozen=True, slots=True)
class Names:
    """The known names of an object. `inner` is None for other values."""

    inner: Mapping[str, Names] | None = None
    is_array: bool = False

    @classmethod
    def of(cls, elements: tuple[Element, ...]) -> Names:
        return cls(inner={element.key: cls._of_one(element) for element in data_elements(elements)})

    @classmethod
    def _of_one(cls, element: Section | FieldElement) -> Names:
        if isinstance(element, Section):
            return cls.of(element.elements)
        if element.type is FieldType.OBJECT:
            return cls(inner=cls.of(element.elements).inner, is_array=element.is_array)
        return cls(is_array=element.is_array)


_ABSENT = object()


def without_unknown_fields(names: Names, document: Any, stored: Any) -> Any:
    """Return the document without unknown fields whose values are unchanged from `stored`.

    Returns `document` itself if nothing was removed. Mutates no argument.
    """
    if names.inner is None:
        return document
    if names.is_array:
        return _array_without_unknown_fields(names, document, stored)
    if not isinstance(document, dict) or not isinstance(stored, dict):
        return document
    kept: dict[str, Any] = {}
    has_changed = False
    for key, value in document.items():
        was = stored.get(key, _ABSENT)
        inner = names.inner.get(key)
        if inner is None:
            if was is not _ABSENT and is_same(value, was):
                has_changed = True
                continue
            kept[key] = value
        elif was is _ABSENT or inner.inner is None:
            kept[key] = value
        else:
            kept[key] = without_unknown_fields(inner, value, was)
            has_changed = has_changed or kept[key] is not value
    return kept if has_changed else document


def _array_without_unknown_fields(names: Names, document: Any, stored: Any) -> Any:
    if not isinstance(document, list) or not is_same(document, stored):
        return document
    of_item = Names(inner=names.inner)
    items = [without_unknown_fields(of_item, item, item) for item in document]
    return items if any(item is not was for item, was in zip(items, document, strict=True)) else document
