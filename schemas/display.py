"""Definitions prepared for display: a tree with labels and flags, and localized differences. No HTML."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from schemas.definition import Definition
from schemas.definition.comparing import Difference, ElementChange, Kind, PropertyChange, difference, type_of
from schemas.definition.elements import FLAGS, GROUP, SECTION, Element, FieldType
from schemas.definition.faults import below
from schemas.localization import text_in

TYPE_LABELS: Mapping[str, Promise] = {
    SECTION: gettext_lazy("Section"),
    GROUP: gettext_lazy("Group"),
    FieldType.TEXT: gettext_lazy("Text"),
    FieldType.MULTILINE_TEXT: gettext_lazy("Text on several lines"),
    FieldType.INTEGER: gettext_lazy("Whole number"),
    FieldType.DECIMAL: gettext_lazy("Number"),
    FieldType.BOOLEAN: gettext_lazy("Yes or no"),
    FieldType.DATE: gettext_lazy("Date"),
    FieldType.DATE_TIME: gettext_lazy("Date and time"),
    FieldType.EMAIL: gettext_lazy("Email address"),
    FieldType.MOBILE: gettext_lazy("Mobile number"),
    FieldType.PHONE: gettext_lazy("Phone number"),
    FieldType.URL: gettext_lazy("Web address"),
    FieldType.LIST: gettext_lazy("Choice from a list"),
    FieldType.OBJECT: gettext_lazy("Object"),
}
FLAG_LABELS: Mapping[str, Promise] = {
    "isMandatory": gettext_lazy("Mandatory"),
    "isDisabled": gettext_lazy("Disabled"),
    "isReadOnly": gettext_lazy("Read only"),
    "isUpdatableByContact": gettext_lazy("Updatable by the contact"),
    "isApprovalRequired": gettext_lazy("Approval required"),
    "isExportable": gettext_lazy("Exportable"),
    "isSearchable": gettext_lazy("Searchable"),
    "isVerificationRequired": gettext_lazy("Verification required"),
    "isKeptOnAnonymization": gettext_lazy("Kept on anonymization"),
}
PROPERTY_LABELS: Mapping[str, Promise] = {
    "type": gettext_lazy("Type"),
    "label": gettext_lazy("Label"),
    "description": gettext_lazy("Description"),
    "isArray": gettext_lazy("Several values"),
    "listKey": gettext_lazy("List"),
    "hierarchyFieldKey": gettext_lazy("Field above"),
    "region": gettext_lazy("Country of numbers without a calling code"),
    "minLength": gettext_lazy("Characters at least"),
    "maxLength": gettext_lazy("Characters at most"),
    "pattern": gettext_lazy("Pattern"),
    "minimum": gettext_lazy("Smallest value"),
    "maximum": gettext_lazy("Largest value"),
    "minItems": gettext_lazy("Items at least"),
    "maxItems": gettext_lazy("Items at most"),
    **FLAG_LABELS,
}
KIND_LABELS: Mapping[Kind, Promise] = {
    Kind.ADDED: gettext_lazy("Added"),
    Kind.REMOVED: gettext_lazy("Removed"),
    Kind.CHANGED: gettext_lazy("Changed"),
    Kind.MOVED: gettext_lazy("Moved"),
}
_IN_TREE = tuple(name for name in PROPERTY_LABELS if name not in FLAGS and name not in ("type", "label", "description"))
MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Node:
    """An element of the tree, as far as it is readable. `line` is its first line in the text."""

    place: str
    path: str
    key: str
    label: str
    type_label: str
    is_array: bool
    flags: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    line: int
    mark: str = ""
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownProperty:
    """A changed property. `flag` is "added" or "removed" for flags, else empty."""

    label: str
    before: str
    after: str
    flag: str = ""


@dataclass(frozen=True, slots=True)
class ShownDifference:
    """A changed element. `counted` is the number of descendants added or removed with it."""

    path: str
    label: str
    kind: str
    kind_label: str
    type_label: str
    is_moved: bool
    counted: int = 0
    properties: tuple[ShownProperty, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownRule:
    kind: str
    kind_label: str
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences between two definitions; falsy if there are none."""

    elements: list[ShownDifference] = field(default_factory=list)
    rules: list[ShownRule] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.elements or self.rules)


# ---- the tree


def tree_of(
    value: Any, *, line_of: Callable[[str], int] = lambda place: 0, changes: Difference | None = None
) -> tuple[Node, ...]:
    """Return the element tree of a definition's JSON, which may be invalid: unreadable elements are left out."""
    marks = {change.path: str(change.kind) for change in changes.elements if change.after} if changes else {}
    return _nodes(value, "", "", line_of, marks, 0)


def _nodes(
    value: Any, place: str, path: str, line_of: Callable[[str], int], marks: Mapping[str, str], depth: int
) -> tuple[Node, ...]:
    items = value.get("elements") if isinstance(value, dict) else None
    if not isinstance(items, list) or depth > MAX_DEPTH:
        return ()
    at = below(place, "elements")
    return tuple(
        _node(item, f"{at}[{index}]", path, line_of, marks, depth)
        for index, item in enumerate(items)
        if isinstance(item, dict)
    )


def _node(
    value: dict[str, Any],
    place: str,
    path: str,
    line_of: Callable[[str], int],
    marks: Mapping[str, str],
    depth: int,
) -> Node:
    key, kind = str(value.get("key", "")), str(value.get("type", ""))
    own_path = f"{path}.{key}" if path else key
    labels = value.get("label")
    texts = {name: text for name, text in labels.items() if isinstance(text, str)} if isinstance(labels, dict) else {}
    return Node(
        place=place,
        path=own_path,
        key=key,
        label=text_in(texts, fallback=key or "?"),
        type_label=type_label(kind),
        is_array=value.get("isArray") is True,
        flags=tuple(str(label) for name, label in FLAG_LABELS.items() if value.get(name) is True),
        facts=tuple(
            (str(PROPERTY_LABELS[name]), str(value[name])) for name in _IN_TREE if name in value and name != "isArray"
        ),
        line=line_of(place),
        mark=marks.get(own_path, ""),
        children=_nodes(value, place, path if kind == GROUP else own_path, line_of, marks, depth + 1),
    )


def type_label(kind: str) -> str:
    return str(TYPE_LABELS.get(kind, kind))


# ---- differences


def compared(before: Definition, after: Definition) -> Comparison:
    """Compare two definitions, with localized labels and values."""
    found = difference(before, after)
    return Comparison(
        [_shown_change(change) for change in found.elements],
        [ShownRule(str(change.kind), str(KIND_LABELS[change.kind]), _json_text(change.rule)) for change in found.rules],
    )


def _shown_change(change: ElementChange) -> ShownDifference:
    element: Any = change.element
    is_whole = change.kind in (Kind.ADDED, Kind.REMOVED)
    return ShownDifference(
        path=change.path,
        label=text_in(element.labels, fallback=element.key),
        kind=str(change.kind),
        kind_label=str(KIND_LABELS[change.kind]),
        type_label=type_label(type_of(element)),
        is_moved=change.is_moved,
        counted=_count(element.elements) if is_whole else 0,
        properties=tuple(_shown_property(changed) for changed in change.properties),
    )


def _count(elements: tuple[Element, ...]) -> int:
    return sum(1 + _count(element.elements) for element in elements)


def _shown_property(change: PropertyChange) -> ShownProperty:
    name, _dot, language = change.name.partition(".")
    label = str(PROPERTY_LABELS.get(name, name))
    if language:
        label = f"{label} ({language})"
    if name in FLAGS or name == "isArray":
        return ShownProperty(label, "", "", "added" if change.after else "removed")
    return ShownProperty(label, _value_text(name, change.before), _value_text(name, change.after))


def _value_text(name: str, value: Any) -> str:
    if value is None:
        return "–"
    return type_label(value) if name == "type" else str(value)


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
