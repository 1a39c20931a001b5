"""Comparison of two definitions, element by element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from core.documents import is_same
from schemas.definition.elements import (
    FLAGS,
    GROUP,
    ITEM_CONSTRAINTS,
    LENGTH_CONSTRAINTS,
    NUMBER_CONSTRAINTS,
    SECTION,
    Definition,
    Element,
    FieldElement,
    Group,
    Section,
)

_FIELD_PROPERTIES: Mapping[str, str] = {
    "isArray": "is_array",
    "listKey": "list_key",
    "hierarchyFieldKey": "hierarchy_field_key",
    "region": "region",
    **FLAGS,
    **LENGTH_CONSTRAINTS,
    "pattern": "pattern",
    **NUMBER_CONSTRAINTS,
    **ITEM_CONSTRAINTS,
}


class Kind(StrEnum):
    """The kind of change to an element or a rule."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """A changed property, by its name in the definition (`label.de`, `isMandatory`); None means absent."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementChange:
    """A change to the element at a path. Children of an added or removed element have no changes of their own.

    `is_moved` means that its position on the form changed, possibly along with its properties.
    """

    path: str
    kind: Kind
    before: Element | None = None
    after: Element | None = None
    properties: tuple[PropertyChange, ...] = ()
    is_moved: bool = False

    @property
    def element(self) -> Element | None:
        """The element after the change, or before it if removed."""
        return self.after or self.before


@dataclass(frozen=True, slots=True)
class RuleChange:
    kind: Kind
    rule: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    elements: tuple[ElementChange, ...] = ()
    rules: tuple[RuleChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.elements or self.rules)


@dataclass(frozen=True, slots=True)
class _Standing:
    """An element and the path of its parent layout element ("" at the root)."""

    element: Element
    parent: str


def difference(before: Definition, after: Definition) -> Difference:
    """Return the changed elements, in the order of `after`, then the removed ones; and the changed rules."""
    old, new = dict(_standing(before.elements)), dict(_standing(after.elements))
    moved = _moved(old, new)
    changes: list[ElementChange] = []
    for path, standing in new.items():
        was = old.get(path)
        if was is None:
            if not standing.parent or standing.parent in old:
                changes.append(ElementChange(path=path, kind=Kind.ADDED, after=standing.element))
            continue
        properties = tuple(_property_changes(was.element, standing.element))
        is_moved = path in moved
        if properties or is_moved:
            kind = Kind.CHANGED if properties else Kind.MOVED
            changes.append(
                ElementChange(
                    path=path,
                    kind=kind,
                    before=was.element,
                    after=standing.element,
                    properties=properties,
                    is_moved=is_moved,
                )
            )
    changes += [
        ElementChange(path=path, kind=Kind.REMOVED, before=was.element)
        for path, was in old.items()
        if path not in new and (not was.parent or was.parent in new)
    ]
    return Difference(tuple(changes), tuple(_rule_changes(before, after)))


def _standing(
    elements: tuple[Element, ...], object_path: str = "", parent: str = ""
) -> Iterator[tuple[str, _Standing]]:
    for element in elements:
        path = f"{object_path}.{element.key}" if object_path else element.key
        yield path, _Standing(element, parent)
        yield from _standing(element.elements, object_path if isinstance(element, Group) else path, path)


def _moved(old: Mapping[str, _Standing], new: Mapping[str, _Standing]) -> set[str]:
    """Return the paths of elements in both that have another parent, or another position among their siblings."""
    moved = {path for path, standing in new.items() if path in old and old[path].parent != standing.parent}
    siblings: dict[str, tuple[list[str], list[str]]] = {}
    for index, standings in enumerate((old, new)):
        for path, standing in standings.items():
            if path in old and path in new and path not in moved:
                siblings.setdefault(standing.parent, ([], []))[index].append(path)
    for was, now in siblings.values():
        for operation, _start, _end, start, end in SequenceMatcher(a=was, b=now, autojunk=False).get_opcodes():
            if operation != "equal":
                moved.update(now[start:end])
    return moved


def _property_changes(before: Element, after: Element) -> Iterator[PropertyChange]:
    old, new = properties_of(before), properties_of(after)
    for name in dict.fromkeys([*old, *new]):
        if not is_same(old.get(name), new.get(name)):
            yield PropertyChange(name, old.get(name), new.get(name))


def properties_of(element: Element) -> dict[str, Any]:
    """Return the properties of an element by name, flat and without false flags."""
    said: dict[str, Any] = {"type": type_of(element)}
    said |= {f"label.{language}": text for language, text in element.labels.items()}
    said |= {f"description.{language}": text for language, text in element.descriptions.items()}
    if isinstance(element, FieldElement):
        values = {name: getattr(element, attribute) for name, attribute in _FIELD_PROPERTIES.items()}
        said |= {name: value for name, value in values.items() if value is not None and value is not False}
    return said


def type_of(element: Element) -> str:
    """Return the element's type as written in a definition."""
    if isinstance(element, FieldElement):
        return str(element.type)
    return SECTION if isinstance(element, Section) else GROUP


def _rule_changes(before: Definition, after: Definition) -> Iterator[RuleChange]:
    for rule in before.rules:
        if not any(is_same(rule, other) for other in after.rules):
            yield RuleChange(Kind.REMOVED, rule)
    for rule in after.rules:
        if not any(is_same(rule, other) for other in before.rules):
            yield RuleChange(Kind.ADDED, rule)
