"""Validation of list fields: the item must exist and, if the field has a parent field, match the parent's item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from schemas.definition.elements import Definition, Element, FieldElement, FieldType, Section, data_elements
from schemas.lists import ListData
from schemas.localization import text_in

MAX_SHOWN = 60


class Fault(NamedTuple):
    """A fault of a document. `rule` is the message without the value that it names, for counting over many."""

    path: str
    message: str
    rule: str | None = None


def shown(value: str) -> str:
    """Truncate a value for use in a message."""
    return value if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]}…"


@dataclass(frozen=True, slots=True)
class _ListField:
    key: str
    list_key: str
    keys: frozenset[str]
    is_array: bool
    above: str | None
    above_labels: Mapping[str, str]
    parents: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Object:
    """The list fields of an object, and its child objects that have list fields."""

    fields: tuple[_ListField, ...]
    objects: tuple[tuple[str, bool, _Object], ...]

    def __bool__(self) -> bool:
        return bool(self.fields or self.objects)


class ListChecks:
    """List checks, compiled once per schema version and list revisions. Accepts any JSON value."""

    def __init__(self, definition: Definition, lists: Mapping[str, ListData]) -> None:
        self._root = _compiled(definition.elements, lists)

    def faults(self, document: Any, *, limit: int) -> list[Fault]:
        found: list[Fault] = []
        if isinstance(document, dict):
            _check_object(self._root, document, "", found, limit)
        return found


def _compiled(elements: tuple[Element, ...], lists: Mapping[str, ListData]) -> _Object:
    siblings = {element.key: element for element in data_elements(elements)}
    fields, objects = [], []
    for element in siblings.values():
        if isinstance(element, Section):
            inner, is_array = _compiled(element.elements, lists), False
        elif element.type is FieldType.OBJECT:
            inner, is_array = _compiled(element.elements, lists), element.is_array
        else:
            if element.type is FieldType.LIST:
                fields.append(_list_field(element, siblings, lists))
            continue
        if inner:
            objects.append((element.key, is_array, inner))
    return _Object(tuple(fields), tuple(objects))


def _list_field(
    element: FieldElement, siblings: Mapping[str, Section | FieldElement], lists: Mapping[str, ListData]
) -> _ListField:
    data = lists.get(element.list_key or "")
    above = siblings.get(element.hierarchy_field_key or "")
    return _ListField(
        key=element.key,
        list_key=element.list_key or "",
        keys=data.keys if data else frozenset(),
        is_array=element.is_array,
        above=above.key if above else None,
        above_labels=above.labels if above else {},
        parents=data.parents if data and above else {},
    )


def _check_object(plan: _Object, value: dict[str, Any], path: str, found: list[Fault], limit: int) -> None:
    for field in plan.fields:
        chosen = value.get(field.key)
        if chosen is None or len(found) >= limit:
            continue
        if field.is_array:
            if isinstance(chosen, list):
                for index, item in enumerate(chosen):
                    if len(found) < limit:
                        _check_item(field, item, value, f"{path}{field.key}[{index}]", found)
        else:
            _check_item(field, chosen, value, f"{path}{field.key}", found)
    for key, is_array, inner in plan.objects:
        child = value.get(key)
        if isinstance(child, dict) and not is_array:
            _check_object(inner, child, f"{path}{key}.", found, limit)
        elif isinstance(child, list) and is_array:
            for index, item in enumerate(child):
                if isinstance(item, dict):
                    _check_object(inner, item, f"{path}{key}[{index}].", found, limit)


def _check_item(field: _ListField, item: Any, siblings: dict[str, Any], path: str, found: list[Fault]) -> None:
    if not isinstance(item, str):
        # The JSON Schema reports values that are not text.
        return
    if item not in field.keys:
        found.append(
            Fault(
                path,
                _("“%(value)s” is not an item of the list %(list)s.") % {"value": shown(item), "list": field.list_key},
                _("This is not an item of the list %(list)s.") % {"list": field.list_key},
            )
        )
        return
    parent = field.parents.get(item)
    if parent is None or field.above is None:
        return
    above = siblings.get(field.above)
    if above == parent:
        return
    label = text_in(field.above_labels, fallback=field.above)
    if above is None:
        found.append(
            Fault(
                path,
                _("“%(value)s” needs %(above)s to be given as well.") % {"value": shown(item), "above": label},
                _("This needs %(above)s to be given as well.") % {"above": label},
            )
        )
    else:
        found.append(
            Fault(
                path,
                _("“%(value)s” does not belong to the %(above)s that is given.")
                % {"value": shown(item), "above": label},
                _("This does not belong to the %(above)s that is given.") % {"above": label},
            )
        )
